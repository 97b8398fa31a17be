import { llama2 } from './llama2.ts'

export default llama2(false)

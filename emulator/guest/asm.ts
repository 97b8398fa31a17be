/**
 * The Plan 9 assembler's syntax (8a, 6a) into GNU as's, for the instructions that we use.
 *
 * Plan 9's functions save no registers and take their arguments on the stack, the first of an amd64's in BP; gcc's
 * callers think otherwise. So a function that overwrites registers of gcc's saves them, and on amd64 it stores gcc's
 * argument registers where name+off(FP) is. A function that names SP minds all that itself: its RARG and name+off(FP)
 * are gcc's argument registers on amd64, and nothing is saved.
 */

export type Arch = '386' | 'amd64'

export class AsmError extends Error {
  constructor(file: string, line: number, message: string) {
    super(`${file}:${line}: ${message}`)
  }
}

type Operand =
  | { kind: 'reg'; name: string }
  | { kind: 'imm'; value: string }
  | { kind: 'mem'; base: string; off: number; index?: string; scale?: number }
  | { kind: 'arg'; off: number }
  | { kind: 'sym'; name: string; off: number; address: boolean }
  | { kind: 'label'; name: string }
  | { kind: 'string'; value: string }

interface Statement {
  line: number
  label?: string
  op: string
  args: Operand[]
}

interface Func {
  name: string
  local: boolean
  frame: number
  body: Statement[]
}

interface Data {
  line: number
  /** By offset: bytes' number and what stands there in as's words. */
  parts: Map<number, [width: number, value: string]>
  size?: number
  local: boolean
}

/** Names by width, of the registers that have one. */
const legacy = ['AX', 'BX', 'CX', 'DX', 'SI', 'DI', 'BP', 'SP']
/** gcc's argument registers on amd64. */
const sysv = ['DI', 'SI', 'DX', 'CX', 'R8', 'R9']
const saved: Record<Arch, string[]> = {
  '386': ['BX', 'SI', 'DI', 'BP'],
  amd64: ['BX', 'BP', 'R12', 'R13', 'R14', 'R15'],
}

function register(name: string, width: string): string {
  if (/^X\d+$/.test(name)) return `%xmm${name.slice(1)}`
  if (/^R\d+$/.test(name)) return `%${name.toLowerCase()}${{ b: 'b', w: 'w', l: 'd', q: '' }[width] ?? ''}`
  const low = name.toLowerCase()
  if (width === 'q') return `%r${low}`
  if (width === 'l') return `%e${low}`
  if (width === 'b' && low.endsWith('x')) return `%${low[0]}l`
  return width === 'b' ? `%${low}l` : `%${low}`
}

/** Of these there is one for each width: MOVB MOVW MOVL MOVQ. */
const integer = 'MOV ADD ADC SUB SBB AND OR XOR CMP TEST SHL SHR SAR IMUL MUL DIV IDIV INC DEC NEG NOT LEA XCHG'

const jumps: Record<string, string> = {
  JMP: 'jmp',
  JEQ: 'je',
  JNE: 'jne',
  JLT: 'jl',
  JLE: 'jle',
  JGT: 'jg',
  JGE: 'jge',
  JCS: 'jb',
  JCC: 'jae',
  JHI: 'ja',
  JLS: 'jbe',
  JMI: 'js',
  JPL: 'jns',
}

/** The others: as's name, and the width of general registers in the operands. */
const others: Record<string, [name: string, width?: string]> = {
  MOVBLZX: ['movzbl', 'l'],
  MOVBLSX: ['movsbl', 'l'],
  MOVWLZX: ['movzwl', 'l'],
  MOVWLSX: ['movswl', 'l'],
  MOVLQSX: ['movslq', 'q'],
  CLD: ['cld'],
  STD: ['std'],
  LOCK: ['lock'],
  REP: ['rep'],
  MOVSB: ['movsb'],
  MOVSL: ['movsl'],
  MOVSQ: ['movsq'],
  STOSB: ['stosb'],
  STOSL: ['stosl'],
  STOSQ: ['stosq'],
  INT: ['int'],
  SYSCALL: ['syscall'],
  FSTCW: ['fnstcw'],
  FLDCW: ['fldcw'],
  FSTSW: ['fnstsw', 'w'],
  FCLEX: ['fnclex'],
  FINIT: ['fninit'],
  WAIT: ['fwait'],
  LDMXCSR: ['ldmxcsr'],
  STMXCSR: ['stmxcsr'],
  FMOVD: ['fldl'],
  FMOVDP: ['fstpl'],
  FLD1: ['fld1'],
  FLDZ: ['fldz'],
  PMADDWL: ['pmaddwd'],
  PADDL: ['paddd'],
  PSUBL: ['psubd'],
  PADDQ: ['paddq'],
  PSUBQ: ['psubq'],
  PSLLL: ['pslld'],
  PSRLL: ['psrld'],
  PSRAL: ['psrad'],
  PSLLQ: ['psllq'],
  PSRLQ: ['psrlq'],
  PACKSSLW: ['packssdw'],
  PSHUFL: ['pshufd'],
  PXOR: ['pxor'],
  PAND: ['pand'],
  POR: ['por'],
  MOVOU: ['movdqu'],
  MOVO: ['movdqa'],
  CVTPL2PS: ['cvtdq2ps'],
  CVTTPS2PL: ['cvttps2dq'],
  CVTPS2PL: ['cvtps2dq'],
  CVTPS2PD: ['cvtps2pd'],
  CVTPD2PS: ['cvtpd2ps'],
  CVTSS2SD: ['cvtss2sd'],
  CVTSD2SS: ['cvtsd2ss'],
}
for (const name of [
  ...'MOVUPS MOVAPS MOVUPD MOVAPD MOVSS MOVSD MOVHLPS MOVLHPS SHUFPS SHUFPD UNPCKLPS UNPCKHPS UNPCKLPD UNPCKHPD'.split(
    ' ',
  ),
  ...'ADD SUB MUL DIV MIN MAX SQRT'.split(' ').flatMap(o => ['PS', 'PD', 'SS', 'SD'].map(t => o + t)),
  ...'ANDPS ANDPD ORPS ORPD XORPS XORPD ANDNPS'.split(' '),
])
  others[name] = [name.toLowerCase()]

/** as's name of an instruction, and the width of its general registers; undefined for one we do not know. */
function instruction(op: string): [string, string?] | undefined {
  const known = others[op]
  if (known) return known
  const width = op.at(-1)!.toLowerCase()
  if ('bwlq'.includes(width) && integer.split(' ').includes(op.slice(0, -1)))
    return [op.slice(0, -1).toLowerCase() + width, width]
  return undefined
}

/** What is written: the last operand, or what the instruction has for its own. */
function written({ op, args }: Statement): string[] {
  if (/^(MOVS|STOS)[BLQ]$/.test(op)) return ['SI', 'DI', 'CX']
  const regs = args.filter(a => a.kind === 'reg').map(a => a.name)
  if (/^XCHG/.test(op)) return regs
  const last = args.at(-1)
  return /^(CMP|TEST)/.test(op) || last?.kind !== 'reg' ? [] : [last.name]
}

function names(o: Operand): string[] {
  if (o.kind === 'reg') return [o.name]
  return o.kind === 'mem' ? [o.base, ...(o.index ? [o.index] : [])] : []
}

class Translator {
  readonly #out: string[] = []
  readonly #arch: Arch
  readonly #file: string
  readonly #word: string
  #fn: Func | undefined
  readonly #data = new Map<string, Data>()

  constructor(arch: Arch, file: string) {
    this.#arch = arch
    this.#file = file
    this.#word = arch === '386' ? 'l' : 'q'
  }

  #fail(line: number, message: string): never {
    throw new AsmError(this.#file, line, message)
  }

  #isreg(s: string): boolean {
    if (s === 'RARG') return this.#arch === 'amd64'
    if (legacy.includes(s) || s === 'F0') return true
    const m = /^([RX])(\d+)$/.exec(s)
    if (!m) return false
    const n = Number(m[2])
    return m[1] === 'X' ? n < (this.#arch === '386' ? 8 : 16) : this.#arch === 'amd64' && n >= 8 && n < 16
  }

  #number(s: string, line: number): bigint {
    const m = /^([-~]?)(0[xX][\da-fA-F]+|\d+)$/.exec(s)
    if (!m) this.#fail(line, `not a number: ${s}`)
    const digits = m[2]!
    const n = BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits)
    return m[1] === '-' ? -n : m[1] === '~' ? ~n : n
  }

  #operand(s: string, line: number): Operand {
    let m: RegExpExecArray | null
    const off = (t: string | undefined) => (t ? Number(this.#number(t.replace(/^\+/, ''), line)) : 0)
    if (s.startsWith('$"')) {
      if (!s.endsWith('"')) this.#fail(line, `not a string: ${s}`)
      return { kind: 'string', value: s.slice(1) }
    }
    if ((m = /^(\$?)([\w.]+)(<>)?([-+]\w+)?\(SB\)$/.exec(s)))
      return { kind: 'sym', name: m[2]!, off: off(m[4]), address: m[1] === '$' }
    if (s.startsWith('$')) return { kind: 'imm', value: String(this.#number(s.slice(1), line)) }
    if ((m = /^\w+([-+]\w+)?\(FP\)$/.exec(s))) return { kind: 'arg', off: off(m[1]) }
    if (this.#isreg(s)) return { kind: 'reg', name: s }
    if ((m = /^(-?\w*)\((\w+)\)(?:\((\w+)\*([1248])\))?$/.exec(s)) && this.#isreg(m[2]!)) {
      if (m[3] && !this.#isreg(m[3])) this.#fail(line, `no such register: ${m[3]}`)
      return { kind: 'mem', base: m[2]!, off: off(m[1]), index: m[3], scale: m[3] ? Number(m[4]) : undefined }
    }
    if (/^[A-Za-z_]\w*$/.test(s)) return { kind: 'label', name: s }
    return this.#fail(line, `not understood: ${s}`)
  }

  #operands(s: string, line: number): Operand[] {
    const parts = s.match(/"(?:\\.|[^"])*"|[^,"]+|,/g) ?? []
    const args: string[] = ['']
    for (const part of parts) {
      if (part === ',') args.push('')
      else args[args.length - 1] += part.trim()
    }
    return s.trim() === '' ? [] : args.map(a => this.#operand(a, line))
  }

  /** A line's statements. */
  #line(text: string, line: number): void {
    for (const piece of text.split(/;(?=(?:[^"]*"[^"]*")*[^"]*$)/)) {
      let s = piece.trim()
      const label = /^([A-Za-z_]\w*):\s*/.exec(s)
      if (label) {
        if (!this.#fn) this.#fail(line, 'a label outside of a TEXT')
        this.#fn.body.push({ line, label: label[1]!, op: '', args: [] })
        s = s.slice(label[0].length)
      }
      if (s === '') continue
      const [op] = /^\S+/.exec(s)!
      this.#statement(op, s.slice(op.length).trim(), line)
    }
  }

  #statement(op: string, rest: string, line: number): void {
    let m: RegExpExecArray | null
    switch (op) {
      case 'TEXT':
        m = /^([\w.]+)(<>)?(?:\+0)?\(SB\)\s*,(?:\s*\d+\s*,)?\s*\$(-?\d+)$/.exec(rest)
        if (!m) this.#fail(line, `not understood: TEXT ${rest}`)
        this.#flush()
        this.#fn = { name: m[1]!, local: m[2] !== undefined, frame: Math.max(0, Number(m[3])), body: [] }
        return
      case 'GLOBL':
        m = /^([\w.]+)(<>)?\(SB\)\s*,(?:\s*\d+\s*,)?\s*\$(\d+)$/.exec(rest)
        if (!m) this.#fail(line, `not understood: GLOBL ${rest}`)
        this.#symbol(m[1]!, m[2] !== undefined, line).size = Number(m[3])
        return
      case 'DATA': {
        m = /^([\w.]+)(<>)?\+(\w+)\(SB\)\/(\d)\s*,\s*(.*)$/.exec(rest)
        if (!m) this.#fail(line, `not understood: DATA ${rest}`)
        const value = this.#operand(m[5]!, line)
        const width = Number(m[4])
        const unit = { 1: '.byte', 2: '.short', 4: '.long', 8: '.quad' }[width]
        const at = Number(this.#number(m[3]!, line))
        const { parts } = this.#symbol(m[1]!, m[2] !== undefined, line)
        if (value.kind === 'imm' && unit) parts.set(at, [width, `${unit} ${value.value}`])
        else if (value.kind === 'sym' && value.address && unit)
          parts.set(at, [width, `${unit} ${value.name}+${value.off}`])
        else if (value.kind === 'string') parts.set(at, [width, `.ascii ${value.value.replaceAll('\\z', '\\0')}`])
        else this.#fail(line, `not understood: DATA ${rest}`)
        return
      }
    }
    if (!this.#fn) this.#fail(line, `${op} outside of a TEXT`)
    this.#fn.body.push({ line, op, args: this.#operands(rest, line) })
  }

  #symbol(name: string, local: boolean, line: number): Data {
    let d = this.#data.get(name)
    if (!d) this.#data.set(name, (d = { line, parts: new Map(), local }))
    return d
  }

  /** The function that ends here. */
  #flush(): void {
    const fn = this.#fn
    this.#fn = undefined
    if (!fn) return
    const all = fn.body.flatMap(s => s.args)
    const raw = all.some(a => names(a).includes('SP'))
    const wide = this.#arch === 'amd64'
    const step = wide ? 8 : 4
    const clobbered = new Set(fn.body.flatMap(written))
    const slots = Math.max(
      0,
      ...all.map(a => (a.kind === 'arg' ? a.off / 8 + 1 : names(a).some(n => n === 'BP' || n === 'RARG') ? 1 : 0)),
    )
    let nslot = 0
    if (wide && !raw) {
      // Plan 9's kernel keeps none of them, and sees all the slots
      const syscall = fn.body.some(s => s.op === 'SYSCALL')
      if (syscall) for (const r of saved.amd64) clobbered.add(r)
      nslot = syscall ? sysv.length : Math.ceil(slots)
      if (nslot > 0) clobbered.add('BP')
      if (nslot > sysv.length) this.#fail(fn.body[0]!.line, `${fn.name}: more than ${sysv.length} arguments`)
    }
    const keep = raw ? [] : saved[this.#arch].filter(r => clobbered.has(r))
    // what is above the frame: on amd64 a place for the return address, and the arguments' slots
    const room = fn.frame + (nslot > 0 ? 8 + 8 * nslot : 0)
    const reg = (r: string) => register(r, this.#word)
    const out = this.#out
    out.push(`.section .text.${fn.name},"ax",@progbits`)
    if (!fn.local) out.push(`.globl ${fn.name}`)
    out.push(`.type ${fn.name},@function`, `${fn.name}:`)
    for (const r of keep) out.push(`push ${reg(r)}`)
    if (room > 0) out.push(`sub $${room}, ${reg('SP')}`)
    const args = wide && !raw ? fn.frame + 8 : room + step * keep.length + step
    for (let i = 0; i < nslot; i++) out.push(`movq ${reg(sysv[i]!)}, ${args + 8 * i}(%rsp)`)
    if (nslot > 0) out.push('movq %rdi, %rbp')
    for (const s of fn.body) {
      if (s.label) out.push(`.L${s.label}:`)
      else if (s.op === 'RET') {
        if (room > 0) out.push(`add $${room}, ${reg('SP')}`)
        for (const r of keep.toReversed()) out.push(`pop ${reg(r)}`)
        out.push('ret')
      } else out.push(this.#instruction(s, raw, args))
    }
    out.push(`.size ${fn.name},.-${fn.name}`)
  }

  #instruction(s: Statement, raw: boolean, fp: number): string {
    const { op, line } = s
    const target = (o: Operand | undefined): string => {
      if (o?.kind === 'label') return `.L${o.name}`
      if (o?.kind === 'sym' && !o.address) return o.name
      if (o?.kind === 'reg') return `*${register(o.name, this.#word)}`
      return this.#fail(line, `${op} to nowhere`)
    }
    const jump = jumps[op]
    if (jump) return `${jump} ${target(s.args[0])}`
    if (op === 'CALL') {
      if (!raw && this.#arch === 'amd64') this.#fail(line, 'CALL in a function that does not name SP')
      return `call ${target(s.args[0])}`
    }
    if (op === 'BYTE') {
      const [b] = s.args
      if (b?.kind !== 'imm') this.#fail(line, 'BYTE of what?')
      return `.byte ${b.value}`
    }
    const known = instruction(op)
    if (!known) this.#fail(line, `unknown instruction: ${op}`)
    const [name, width = this.#word] = known
    if (width === 'q' && this.#arch === '386') this.#fail(line, `${op} on a 386`)
    const narrow = /^MOV([BW])L/.exec(op)?.[1]?.toLowerCase()
    const args = this.#given(s).map((o, i) => {
      switch (o.kind) {
        case 'imm':
          return `$${o.value}`
        case 'reg':
          return register(
            this.#real(o.name, raw),
            i === 0 && narrow ? narrow : op === 'MOVLQSX' && i === 0 ? 'l' : width,
          )
        case 'arg':
          if (raw && this.#arch === 'amd64' && o.off >= 0 && !op.startsWith('LEA'))
            return register(sysv[o.off / 8] ?? this.#fail(line, 'too many arguments'), narrow ?? width)
          return `${o.off + fp}(${register('SP', this.#word)})`
        case 'mem': {
          const base = register(this.#real(o.base, raw), this.#word)
          const index = o.index ? `,${register(this.#real(o.index, raw), this.#word)},${o.scale}` : ''
          return `${o.off || ''}(${base}${index})`
        }
        case 'sym':
          return `${o.address ? '$' : ''}${o.name}${o.off ? `+${o.off}` : ''}`
        default:
          return this.#fail(line, `${op} of what?`)
      }
    })
    // Plan 9 compares the first with the second
    if (/^CMP[BWLQ]$/.test(op)) args.reverse()
    return args.length > 0 ? `${name} ${args.join(', ')}` : name
  }

  /** What as wants to be told: the x87's loads go to F0, and its stores come from there, unsaid. */
  #given({ op, args, line }: Statement): Operand[] {
    const f0 = args.findIndex(a => a.kind === 'reg' && a.name === 'F0')
    const unsaid = op === 'FMOVD' ? 1 : op === 'FMOVDP' ? 0 : -1
    if (f0 !== unsaid) this.#fail(line, `${op} of what?`)
    return args.filter((_, i) => i !== unsaid)
  }

  #real(name: string, raw: boolean): string {
    if (name !== 'RARG') return name
    return raw ? 'DI' : 'BP'
  }

  #globals(): void {
    for (const [name, d] of this.#data) {
      if (d.size === undefined) this.#fail(d.line, `DATA without a GLOBL: ${name}`)
      this.#out.push(`.section .data.${name},"aw",@progbits`, '.balign 16')
      if (!d.local) this.#out.push(`.globl ${name}`)
      this.#out.push(`.type ${name},@object`, `${name}:`)
      let at = 0
      for (const [off, [width, value]] of [...d.parts].sort(([a], [b]) => a - b)) {
        if (off < at || off + width > d.size) this.#fail(d.line, `DATA over other DATA, or beyond the end: ${name}`)
        if (off > at) this.#out.push(`.zero ${off - at}`)
        this.#out.push(value)
        at = off + width
      }
      if (d.size > at) this.#out.push(`.zero ${d.size - at}`)
      this.#out.push(`.size ${name},${d.size}`)
    }
  }

  translate(source: string): string {
    const bare = source.replace(/\/\*[\s\S]*?\*\//g, c => c.replace(/[^\n]/g, '') || ' ').replace(/\/\/.*/g, '')
    for (const [i, text] of bare.split('\n').entries()) this.#line(text, i + 1)
    this.#flush()
    this.#globals()
    this.#out.push('.section .note.GNU-stack,"",@progbits')
    return `${this.#out.join('\n')}\n`
  }
}

/** @throws AsmError with file and line, for what we do not know */
export function translate(source: string, arch: Arch, file: string): string {
  return new Translator(arch, file).translate(source)
}

/** The system calls' stubs in the assembler's syntax, from 9syscall/sys.h. */
export function stubs(sysh: string, arch: Arch): string {
  let s = ''
  for (const [, upper, n] of sysh.matchAll(/^#define\s+([A-Z]\w*)\s+(\d+)/gm)) {
    const plain = upper!.toLowerCase()
    const apart = ['exits', 'seek', ...(arch === 'amd64' ? ['notify'] : [])]
    const name = apart.includes(plain) ? `_${plain}` : plain
    s += `TEXT ${name}(SB), 1, $0\n`
    if (arch === '386') s += `MOVL $${n}, AX\nINT $64\n`
    else s += `MOVQ RARG, a+0(FP)\nMOVQ $${n}, RARG\nSYSCALL\n`
    s += 'RET\n'
  }
  return s
}

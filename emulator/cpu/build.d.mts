/** The text of stub.gen.ts, as stub.s makes it. */
export function assemble(): Promise<string>
export function build(): Promise<void>

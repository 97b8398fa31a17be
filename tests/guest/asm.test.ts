import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Arch, AsmError, stubs, translate } from '../../emulator/guest/asm.ts'

const src = join(import.meta.dirname, '..', '..', 'plan9', 'root', 'sys', 'src')

/** What a function's body becomes, without what stands around every function. */
function body(arch: Arch, source: string): string[] {
  const out = translate(source, arch, 'x.s').split('\n')
  return out.filter(l => l !== '' && !/^\.(section|globl|type|size|balign)/.test(l) && !/^\w+:$/.test(l))
}

describe('operands and order', () => {
  test.each([
    ['MOVL $1, AX', 'movl $1, %eax'],
    ['MOVL $~15, AX', 'movl $-16, %eax'],
    ['MOVL $0x1F, AX', 'movl $31, %eax'],
    ['MOVL 4(AX), DX', 'movl 4(%eax), %edx'],
    ['MOVL (AX)(CX*4), DX', 'movl (%eax,%ecx,4), %edx'],
    ['MOVL $table<>(SB), AX', 'movl $table, %eax'],
    ['MOVL table<>+8(SB), AX', 'movl table+8, %eax'],
    ['CMPL AX, $3', 'cmpl $3, %eax'],
    ['MOVBLZX (AX), CX', 'movzbl (%eax), %ecx'],
    ['MOVBLZX AX, CX', 'movzbl %al, %ecx'],
    ['PMADDWL X1, X2', 'pmaddwd %xmm1, %xmm2'],
    ['SHUFPS $0x4E, X1, X2', 'shufps $78, %xmm1, %xmm2'],
    ['CVTPL2PS X1, X2', 'cvtdq2ps %xmm1, %xmm2'],
    ['CALL AX', 'call *%eax'],
    ['FSTSW AX', 'fnstsw %ax'],
    ['FMOVD 8(AX), F0', 'fldl 8(%eax)'],
    ['FMOVDP F0, 8(AX)', 'fstpl 8(%eax)'],
  ])('%s', (from, to) => {
    expect(body('386', `TEXT f(SB), 1, $0\n\t${from}\n`)).toEqual([to])
  })

  test.each([
    ['MOVQ $1, R8', 'movq $1, %r8'],
    ['MOVL R8, R9', 'movl %r8d, %r9d'],
    ['MOVLQSX AX, CX', 'movslq %eax, %rcx'],
    ['ADDQ 8(AX)(CX*8), DX', 'addq 8(%rax,%rcx,8), %rdx'],
  ])('amd64: %s', (from, to) => {
    expect(body('amd64', `TEXT f(SB), 1, $0\n\t${from}\n`)).toEqual([to])
  })
})

describe('gcc’s registers and arguments', () => {
  test('386: what is overwritten is saved, and the arguments move', () => {
    expect(body('386', 'TEXT f(SB), 1, $8\n\tMOVL a+4(FP), BX\n\tMOVL BX, DX\n\tRET\n')).toEqual([
      'push %ebx',
      'sub $8, %esp',
      'movl 20(%esp), %ebx',
      'movl %ebx, %edx',
      'add $8, %esp',
      'pop %ebx',
      'ret',
    ])
  })

  test('amd64: gcc’s argument registers are stored where Plan 9 looks', () => {
    expect(body('amd64', 'TEXT f(SB), 1, $0\n\tMOVQ RARG, AX\n\tMOVL n+8(FP), CX\n\tRET\n')).toEqual([
      'push %rbp',
      'sub $24, %rsp',
      'movq %rdi, 8(%rsp)',
      'movq %rsi, 16(%rsp)',
      'movq %rdi, %rbp',
      'movq %rbp, %rax',
      'movl 16(%rsp), %ecx',
      'add $24, %rsp',
      'pop %rbp',
      'ret',
    ])
  })

  test('amd64: a function that names SP sees gcc’s registers', () => {
    expect(body('amd64', 'TEXT f(SB), 1, $0\n\tMOVQ SP, 0(RARG)\n\tMOVL n+8(FP), AX\n\tRET\n')).toEqual([
      'movq %rsp, (%rdi)',
      'movl %esi, %eax',
      'ret',
    ])
  })

  test('system calls', () => {
    expect(body('386', stubs('#define\t_SYSR1\t0\n#define\tSEEK\t39\n', '386'))).toEqual([
      'movl $39, %eax',
      'int $64',
      'ret',
    ])
    expect(translate(stubs('#define\tOPEN\t14\n', 'amd64'), 'amd64', 'x.s')).toContain('movq $14, %rbp\nsyscall\n')
  })
})

test('data', () => {
  const out = translate('DATA a<>+4(SB)/4, $7\nDATA a<>+0(SB)/2, $0x10\nGLOBL a<>(SB), $12\n', '386', 'x.s')
  expect(out).toContain('a:\n.short 16\n.zero 2\n.long 7\n.zero 4\n.size a,12\n')
})

describe('what is not understood is told by file and line', () => {
  test.each([
    ['TEXT f(SB), 1, $0\n\n\tFROB AX, BX\n', 'x.s:3: unknown instruction: FROB'],
    ['TEXT f(SB), 1, $0 /* a\ncomment */\n\tMOVL AX, 3(FROB)\n', 'x.s:3: not understood: 3(FROB)'],
    ['TEXT f(SB), 1, $0\n\tMOVQ AX, BX\n', 'x.s:2: MOVQ on a 386'],
    ['TEXT f(SB), 1, $0\n\tMOVL R8, BX\n', 'x.s:2: MOVL of what?'],
    ['TEXT f(SB), 1, $0\n\tFMOVD F0, 8(AX)\n', 'x.s:2: FMOVD of what?'],
    ['\tRET\n', 'x.s:1: RET outside of a TEXT'],
    ['TEXT f, $0\n', 'x.s:1: not understood: TEXT f, $0'],
    ['DATA a+0(SB)/4, $7\n', 'x.s:1: DATA without a GLOBL: a'],
    ['DATA a+6(SB)/4, $7\nGLOBL a(SB), $8\n', 'x.s:1: DATA over other DATA, or beyond the end: a'],
    ['TEXT f(SB), 1, $0\n\tMOVL $0y, AX\n', 'x.s:2: not a number: 0y'],
  ])('%s', (source, message) => {
    const translated = () => translate(source, '386', 'x.s')
    expect(translated).toThrow(AsmError)
    expect(translated).toThrow(message)
  })
})

describe('as takes all of ours', () => {
  let dir: string
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'guest-asm-'))
  })
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  const files = (['386', 'amd64'] as const).flatMap(arch => [
    ...readdirSync(join(src, 'libc', arch))
      .filter(f => f.endsWith('.s'))
      .map(f => [arch, join(src, 'libc', arch, f)] as const),
    [arch, join(src, 'cmd', 'llm', `simd_${arch}.s`)] as const,
  ])

  test.each(files)('%s %s', (arch, file) => {
    const out = join(dir, 'x.s')
    writeFileSync(out, translate(readFileSync(file, 'utf8'), arch, file))
    execFileSync('as', [arch === '386' ? '--32' : '--64', '-o', join(dir, 'x.o'), out])
  })
})

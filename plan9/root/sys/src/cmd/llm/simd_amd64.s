/*
 * The kernels in SSE2.  kernels.c has each in C; the order of operations, and
 * so every bit, is the same.  v86 calls a helper for each instruction that
 * computes and none for one that moves: so whole vectors wherever the order
 * allows, and what is the same in all lanes is stored so by the caller.
 *
 * The first argument comes in BP.  All vectors have room for a multiple of 4.  Moves are unaligned.
 */

/* void ssedot16(float *out, float *x, float *w, int n, int step) */
TEXT	ssedot16(SB), 1, $0
	MOVQ	BP, DI	/* out */
	MOVQ	x+8(FP), SI
	MOVQ	w+16(FP), DX
	MOVL	n+24(FP), CX
	MOVL	step+32(FP), BX
	XORPS	X0, X0
	XORPS	X1, X1
	XORPS	X2, X2
	XORPS	X3, X3
	SUBL	$2, CX
	JLT	dot16odd
dot16two:
	MOVUPS	(SI), X4
	MOVUPS	(DX), X5
	MOVUPS	16(DX), X6
	MULPS	X4, X5
	MULPS	X4, X6
	ADDPS	X5, X0
	ADDPS	X6, X1
	MOVUPS	32(DX), X5
	MOVUPS	48(DX), X6
	MULPS	X4, X5
	MULPS	X4, X6
	ADDPS	X5, X2
	ADDPS	X6, X3
	ADDQ	BX, DX
	MOVUPS	16(SI), X4
	MOVUPS	(DX), X5
	MOVUPS	16(DX), X6
	MULPS	X4, X5
	MULPS	X4, X6
	ADDPS	X5, X0
	ADDPS	X6, X1
	MOVUPS	32(DX), X5
	MOVUPS	48(DX), X6
	MULPS	X4, X5
	MULPS	X4, X6
	ADDPS	X5, X2
	ADDPS	X6, X3
	ADDQ	BX, DX
	ADDQ	$32, SI
	SUBL	$2, CX
	JGE	dot16two
dot16odd:
	CMPL	CX, $-1
	JNE	dot16done
	MOVUPS	(SI), X4
	MOVUPS	(DX), X5
	MOVUPS	16(DX), X6
	MULPS	X4, X5
	MULPS	X4, X6
	ADDPS	X5, X0
	ADDPS	X6, X1
	MOVUPS	32(DX), X5
	MOVUPS	48(DX), X6
	MULPS	X4, X5
	MULPS	X4, X6
	ADDPS	X5, X2
	ADDPS	X6, X3
	ADDQ	BX, DX
dot16done:
	MOVUPS	X0, (DI)
	MOVUPS	X1, 16(DI)
	MOVUPS	X2, 32(DI)
	MOVUPS	X3, 48(DI)
	RET

/* void ssedot4(float *out, float *x, float *w, int n, int step) */
TEXT	ssedot4(SB), 1, $0
	MOVQ	BP, DI	/* out */
	MOVQ	x+8(FP), SI
	MOVQ	w+16(FP), DX
	MOVL	n+24(FP), CX
	MOVL	step+32(FP), BX
	XORPS	X0, X0
	CMPL	CX, $0
	JLE	dot4done
dot4one:
	MOVUPS	(SI), X4
	MOVUPS	(DX), X5
	MULPS	X4, X5
	ADDPS	X5, X0
	ADDQ	BX, DX
	ADDQ	$16, SI
	SUBL	$1, CX
	JGT	dot4one
dot4done:
	MOVUPS	X0, (DI)
	RET

/*
 * void sseqdot16(float *out, void *x, uchar *w, int groups, int pairs)
 * A pair of columns of 4 rows at once, the sums of a group in X0 to X3; out
 * has the rows' sums.
 */
TEXT	sseqdot16(SB), 1, $0
	MOVQ	BP, DI	/* out */
	MOVQ	x+8(FP), SI
	MOVQ	w+16(FP), DX
	MOVL	groups+24(FP), AX
	MOVL	pairs+32(FP), BX
	XORPS	X0, X0
	MOVUPS	X0, (DI)
	MOVUPS	X0, 16(DI)
	MOVUPS	X0, 32(DI)
	MOVUPS	X0, 48(DI)
qdotgroup:
	XORPS	X0, X0
	XORPS	X1, X1
	XORPS	X2, X2
	XORPS	X3, X3
	MOVL	BX, CX
qdotpair:
	MOVUPS	(SI), X4
	MOVUPS	(DX), X5
	MOVUPS	16(DX), X6
	MOVUPS	32(DX), X7
	PMADDWL	X4, X5
	PMADDWL	X4, X6
	PMADDWL	X4, X7
	PADDL	X5, X0
	PADDL	X6, X1
	PADDL	X7, X2
	MOVUPS	48(DX), X5
	PMADDWL	X4, X5
	PADDL	X5, X3
	ADDQ	$16, SI
	ADDQ	$64, DX
	SUBL	$1, CX
	JGT	qdotpair
	MOVUPS	(SI), X4
	CVTPL2PS	X0, X0
	MOVUPS	(DX), X5
	MULPS	X5, X0
	MULPS	X4, X0
	MOVUPS	(DI), X5
	ADDPS	X5, X0
	MOVUPS	X0, (DI)
	CVTPL2PS	X1, X1
	MOVUPS	16(DX), X5
	MULPS	X5, X1
	MULPS	X4, X1
	MOVUPS	16(DI), X5
	ADDPS	X5, X1
	MOVUPS	X1, 16(DI)
	CVTPL2PS	X2, X2
	MOVUPS	32(DX), X5
	MULPS	X5, X2
	MULPS	X4, X2
	MOVUPS	32(DI), X5
	ADDPS	X5, X2
	MOVUPS	X2, 32(DI)
	CVTPL2PS	X3, X3
	MOVUPS	48(DX), X5
	MULPS	X5, X3
	MULPS	X4, X3
	MOVUPS	48(DI), X5
	ADDPS	X5, X3
	MOVUPS	X3, 48(DI)
	ADDQ	$16, SI
	ADDQ	$64, DX
	SUBL	$1, AX
	JGT	qdotgroup
	RET

/* void ssesumsq(float *out, float *x, float *tmp, int n) */
TEXT	ssesumsq(SB), 1, $0
	MOVQ	BP, DI	/* out */
	MOVQ	x+8(FP), SI
	MOVQ	tmp+16(FP), DX
	MOVL	n+24(FP), CX
	MOVQ	DX, BX
	MOVL	CX, AX
sumsqmul:
	MOVUPS	(SI), X0
	MULPS	X0, X0
	MOVUPS	X0, (BX)
	ADDQ	$16, SI
	ADDQ	$16, BX
	SUBL	$4, AX
	JGT	sumsqmul
	XORPS	X0, X0
sumsqadd:
	ADDSS	(DX), X0
	ADDQ	$4, DX
	SUBL	$1, CX
	JGT	sumsqadd
	MOVSS	X0, (DI)
	RET

/* void ssesum(float *sum, float *x, int n) */
TEXT	ssesum(SB), 1, $0
	MOVQ	BP, DI	/* sum */
	MOVQ	x+8(FP), SI
	MOVL	n+16(FP), CX
	XORPS	X0, X0
sumone:
	ADDSS	(SI), X0
	ADDQ	$4, SI
	SUBL	$1, CX
	JGT	sumone
	MOVSS	X0, (DI)
	RET

/* void ssescale(float *o, float *x, float *w, float *ss, int n) */
TEXT	ssescale(SB), 1, $0
	MOVQ	BP, DI	/* o */
	MOVQ	x+8(FP), SI
	MOVQ	w+16(FP), DX
	MOVQ	ss+24(FP), BX
	MOVL	n+32(FP), CX
	MOVSS	(BX), X0
	SHUFPS	$0, X0, X0
scalefour:
	MOVUPS	(SI), X1
	MULPS	X0, X1
	MOVUPS	(DX), X2
	MULPS	X2, X1
	MOVUPS	X1, (DI)
	ADDQ	$16, SI
	ADDQ	$16, DX
	ADDQ	$16, DI
	SUBL	$4, CX
	JGT	scalefour
	RET

/* void sseadd(float *x, float *y, int n) */
TEXT	sseadd(SB), 1, $0
	MOVQ	BP, DI	/* x */
	MOVQ	y+8(FP), SI
	MOVL	n+16(FP), CX
addfour:
	MOVUPS	(DI), X0
	MOVUPS	(SI), X1
	ADDPS	X1, X0
	MOVUPS	X0, (DI)
	ADDQ	$16, SI
	ADDQ	$16, DI
	SUBL	$4, CX
	JGT	addfour
	RET

/* void ssediv(float *x, float *d, int n) */
TEXT	ssediv(SB), 1, $0
	MOVQ	BP, DI	/* x */
	MOVQ	d+8(FP), SI
	MOVL	n+16(FP), CX
	MOVSS	(SI), X0
	SHUFPS	$0, X0, X0
divfour:
	MOVUPS	(DI), X1
	DIVPS	X0, X1
	MOVUPS	X1, (DI)
	ADDQ	$16, DI
	SUBL	$4, CX
	JGT	divfour
	RET

/*
 * void ssemax(float *max, float *x, int n)
 * MAXPS gives its source where the two do not compare: so the maximum so far
 * stays.
 */
TEXT	ssemax(SB), 1, $0
	MOVQ	BP, DI	/* max */
	MOVQ	x+8(FP), SI
	MOVL	n+16(FP), CX
	MOVSS	(SI), X0
	SHUFPS	$0, X0, X0
	SUBL	$4, CX
	JLT	maxone
maxfour:
	MOVUPS	(SI), X1
	MAXPS	X0, X1
	MOVAPS	X1, X0
	ADDQ	$16, SI
	SUBL	$4, CX
	JGE	maxfour
	SHUFPS	$0x4e, X1, X1
	MAXPS	X1, X0
	MOVAPS	X0, X1
	SHUFPS	$0xb1, X1, X1
	MAXPS	X1, X0
maxone:
	ADDL	$4, CX
	JMP	maxtest
maxnext:
	MOVSS	(SI), X1
	MAXSS	X0, X1
	MOVSS	X1, X0
	ADDQ	$4, SI
	SUBL	$1, CX
maxtest:
	CMPL	CX, $0
	JGT	maxnext
	MOVSS	X0, (DI)
	RET

/*
 * void sseexp(float *o, float *x, float *sub, int n)
 * math.c's fexp of four, two in X0 and two in X1.  Beyond 128 any x will do:
 * a float is infinite or 0 there.  X2 X3: v = x*log2(e) + 1/2; X4 X5: the
 * integer nearest to v, less 1 where that is above v, in the low bits of
 * 1.5*2^52 + 1023, whose last place is 1.  From there it is the exponent of
 * 2^k.
 */
TEXT	sseexp(SB), 1, $0
	MOVQ	BP, DI	/* o */
	MOVQ	x+8(FP), SI
	MOVQ	sub+16(FP), DX
	MOVL	n+24(FP), CX
	MOVQ	$expc<>(SB), BX
expfour:
	MOVUPS	(SI), X0
	MOVUPS	(DX), X7
	SUBPS	X7, X0
	MOVUPS	16(DX), X7
	XORPS	X7, X0
	MOVUPS	(BX), X6
	MINPS	X0, X6
	MOVUPS	16(BX), X0
	MAXPS	X6, X0
	MOVAPS	X0, X1
	SHUFPS	$0xee, X1, X1
	CVTPS2PD	X0, X0
	CVTPS2PD	X1, X1

	MOVUPD	32(BX), X2
	MOVAPD	X2, X3
	MULPD	X0, X2
	MULPD	X1, X3
	MOVUPD	48(BX), X7
	ADDPD	X7, X2
	ADDPD	X7, X3
	MOVUPD	64(BX), X7
	MOVAPD	X2, X4
	MOVAPD	X3, X5
	ADDPD	X7, X4
	ADDPD	X7, X5
	MOVAPD	X4, X6
	SUBPD	X7, X6
	SUBPD	X6, X2
	PSRLQ	$63, X2
	PSUBQ	X2, X4
	MOVAPD	X5, X6
	SUBPD	X7, X6
	SUBPD	X6, X3
	PSRLQ	$63, X3
	PSUBQ	X3, X5
	MOVAPD	X4, X2
	MOVAPD	X5, X3
	SUBPD	X7, X2
	SUBPD	X7, X3
	MOVUPS	288(BX), X6
	PSLLQ	X6, X4	/* 8l spoils PSLLQ $52 */
	PSLLQ	X6, X5

	MOVUPD	80(BX), X6
	MOVAPD	X6, X7
	MULPD	X2, X6
	MULPD	X3, X7
	SUBPD	X6, X0
	SUBPD	X7, X1
	MOVUPD	96(BX), X6
	MOVAPD	X6, X7
	MULPD	X2, X6
	MULPD	X3, X7
	SUBPD	X6, X0
	SUBPD	X7, X1

	MOVUPD	112(BX), X2
	MOVAPD	X2, X3
	MULPD	X0, X2
	MULPD	X1, X3
	MOVUPD	128(BX), X6
	ADDPD	X6, X2
	ADDPD	X6, X3
	MULPD	X0, X2
	MULPD	X1, X3
	MOVUPD	144(BX), X6
	ADDPD	X6, X2
	ADDPD	X6, X3
	MULPD	X0, X2
	MULPD	X1, X3
	MOVUPD	160(BX), X6
	ADDPD	X6, X2
	ADDPD	X6, X3
	MULPD	X0, X2
	MULPD	X1, X3
	MOVUPD	176(BX), X6
	ADDPD	X6, X2
	ADDPD	X6, X3
	MULPD	X0, X2
	MULPD	X1, X3
	MOVUPD	192(BX), X6
	ADDPD	X6, X2
	ADDPD	X6, X3
	MULPD	X0, X2
	MULPD	X1, X3
	MOVUPD	208(BX), X6
	ADDPD	X6, X2
	ADDPD	X6, X3
	MULPD	X0, X2
	MULPD	X1, X3
	MOVUPD	224(BX), X6
	ADDPD	X6, X2
	ADDPD	X6, X3
	MULPD	X0, X2
	MULPD	X1, X3
	MOVUPD	240(BX), X6
	ADDPD	X6, X2
	ADDPD	X6, X3
	MULPD	X0, X2
	MULPD	X1, X3
	MOVUPD	256(BX), X6
	ADDPD	X6, X2
	ADDPD	X6, X3
	MULPD	X0, X2
	MULPD	X1, X3
	MOVUPD	272(BX), X6
	ADDPD	X6, X2
	ADDPD	X6, X3
	MULPD	X0, X2
	MULPD	X1, X3
	MOVUPD	272(BX), X6
	ADDPD	X6, X2
	ADDPD	X6, X3
	MULPD	X4, X2
	MULPD	X5, X3
	CVTPD2PS	X2, X2
	CVTPD2PS	X3, X3
	UNPCKLPD	X3, X2
	MOVUPS	X2, (DI)
	ADDQ	$16, SI
	ADDQ	$16, DI
	SUBL	$4, CX
	JGT	expfour
	RET

/* void sseglu(float *h, float *e, float *g, int n) */
TEXT	sseglu(SB), 1, $0
	MOVQ	BP, DI	/* h */
	MOVQ	e+8(FP), SI
	MOVQ	g+16(FP), DX
	MOVL	n+24(FP), CX
	MOVQ	$one<>(SB), BX
	MOVUPS	(BX), X0
glufour:
	MOVUPS	(SI), X1
	ADDPS	X0, X1
	MOVAPS	X0, X2
	DIVPS	X1, X2
	MOVUPS	(DI), X1
	MULPS	X2, X1
	MOVUPS	(DX), X2
	MULPS	X2, X1
	MOVUPS	X1, (DI)
	ADDQ	$16, SI
	ADDQ	$16, DX
	ADDQ	$16, DI
	SUBL	$4, CX
	JGT	glufour
	RET

/* void ssesqrt(float *x) */
TEXT	ssesqrt(SB), 1, $0
	MOVQ	BP, DI	/* x */
	MOVSS	(DI), X0
	SQRTSS	X0, X0
	MOVSS	X0, (DI)
	RET

/* void sserotate(float *v, float *c, float *s, int n) */
TEXT	sserotate(SB), 1, $0
	MOVQ	BP, DI	/* v */
	MOVQ	c+8(FP), SI
	MOVQ	s+16(FP), DX
	MOVL	n+24(FP), CX
rotatefour:
	MOVUPS	(DI), X0
	MOVAPS	X0, X1
	SHUFPS	$0xb1, X1, X1
	MOVUPS	(SI), X2
	MULPS	X2, X0
	MOVUPS	(DX), X2
	MULPS	X2, X1
	ADDPS	X1, X0
	MOVUPS	X0, (DI)
	ADDQ	$16, SI
	ADDQ	$16, DX
	ADDQ	$16, DI
	SUBL	$4, CX
	JGT	rotatefour
	RET

/*
 * void sseround(int *q, float *x, float *scale, int n)
 * Cut off, and one more away from zero where twice the rest is a whole 1.
 */
TEXT	sseround(SB), 1, $0
	MOVQ	BP, DI	/* q */
	MOVQ	x+8(FP), SI
	MOVQ	scale+16(FP), DX
	MOVL	n+24(FP), CX
	MOVSS	(DX), X7
	SHUFPS	$0, X7, X7
	MOVQ	$p127<>(SB), BX
	MOVUPS	(BX), X5
	MOVQ	$m127<>(SB), BX
	MOVUPS	(BX), X6
roundfour:
	MOVUPS	(SI), X0
	DIVPS	X7, X0
	MINPS	X5, X0
	MAXPS	X6, X0
	CVTTPS2PL	X0, X1
	CVTPL2PS	X1, X2
	SUBPS	X2, X0
	ADDPS	X0, X0
	CVTTPS2PL	X0, X0
	PADDL	X1, X0
	MOVUPS	X0, (DI)
	ADDQ	$16, SI
	ADDQ	$16, DI
	SUBL	$4, CX
	JGT	roundfour
	RET

/* of sseexp, as floats and, from 32 on, as doubles */
/* 0: 128 */
DATA	expc<>+0(SB)/4, $0x43000000
DATA	expc<>+4(SB)/4, $0x43000000
DATA	expc<>+8(SB)/4, $0x43000000
DATA	expc<>+12(SB)/4, $0x43000000
/* 16: -128 */
DATA	expc<>+16(SB)/4, $0xc3000000
DATA	expc<>+20(SB)/4, $0xc3000000
DATA	expc<>+24(SB)/4, $0xc3000000
DATA	expc<>+28(SB)/4, $0xc3000000
/* 32: log2(e) */
DATA	expc<>+32(SB)/4, $0x652b82fe
DATA	expc<>+36(SB)/4, $0x3ff71547
DATA	expc<>+40(SB)/4, $0x652b82fe
DATA	expc<>+44(SB)/4, $0x3ff71547
/* 48: 1/2 */
DATA	expc<>+48(SB)/4, $0x00000000
DATA	expc<>+52(SB)/4, $0x3fe00000
DATA	expc<>+56(SB)/4, $0x00000000
DATA	expc<>+60(SB)/4, $0x3fe00000
/* 64: 1.5 * 2^52 + 1023 */
DATA	expc<>+64(SB)/4, $0x000003ff
DATA	expc<>+68(SB)/4, $0x43380000
DATA	expc<>+72(SB)/4, $0x000003ff
DATA	expc<>+76(SB)/4, $0x43380000
/* 80: ln 2, high */
DATA	expc<>+80(SB)/4, $0xfee00000
DATA	expc<>+84(SB)/4, $0x3fe62e42
DATA	expc<>+88(SB)/4, $0xfee00000
DATA	expc<>+92(SB)/4, $0x3fe62e42
/* 96: ln 2, low */
DATA	expc<>+96(SB)/4, $0x35793c76
DATA	expc<>+100(SB)/4, $0x3dea39ef
DATA	expc<>+104(SB)/4, $0x35793c76
DATA	expc<>+108(SB)/4, $0x3dea39ef
/* 112: 1/11! */
DATA	expc<>+112(SB)/4, $0x67f544e4
DATA	expc<>+116(SB)/4, $0x3e5ae645
DATA	expc<>+120(SB)/4, $0x67f544e4
DATA	expc<>+124(SB)/4, $0x3e5ae645
/* 128: 1/10! */
DATA	expc<>+128(SB)/4, $0xb7789f5c
DATA	expc<>+132(SB)/4, $0x3e927e4f
DATA	expc<>+136(SB)/4, $0xb7789f5c
DATA	expc<>+140(SB)/4, $0x3e927e4f
/* 144: 1/9! */
DATA	expc<>+144(SB)/4, $0xa556c734
DATA	expc<>+148(SB)/4, $0x3ec71de3
DATA	expc<>+152(SB)/4, $0xa556c734
DATA	expc<>+156(SB)/4, $0x3ec71de3
/* 160: 1/8! */
DATA	expc<>+160(SB)/4, $0x1a01a01a
DATA	expc<>+164(SB)/4, $0x3efa01a0
DATA	expc<>+168(SB)/4, $0x1a01a01a
DATA	expc<>+172(SB)/4, $0x3efa01a0
/* 176: 1/7! */
DATA	expc<>+176(SB)/4, $0x1a01a01a
DATA	expc<>+180(SB)/4, $0x3f2a01a0
DATA	expc<>+184(SB)/4, $0x1a01a01a
DATA	expc<>+188(SB)/4, $0x3f2a01a0
/* 192: 1/6! */
DATA	expc<>+192(SB)/4, $0x16c16c17
DATA	expc<>+196(SB)/4, $0x3f56c16c
DATA	expc<>+200(SB)/4, $0x16c16c17
DATA	expc<>+204(SB)/4, $0x3f56c16c
/* 208: 1/5! */
DATA	expc<>+208(SB)/4, $0x11111111
DATA	expc<>+212(SB)/4, $0x3f811111
DATA	expc<>+216(SB)/4, $0x11111111
DATA	expc<>+220(SB)/4, $0x3f811111
/* 224: 1/4! */
DATA	expc<>+224(SB)/4, $0x55555555
DATA	expc<>+228(SB)/4, $0x3fa55555
DATA	expc<>+232(SB)/4, $0x55555555
DATA	expc<>+236(SB)/4, $0x3fa55555
/* 240: 1/3! */
DATA	expc<>+240(SB)/4, $0x55555555
DATA	expc<>+244(SB)/4, $0x3fc55555
DATA	expc<>+248(SB)/4, $0x55555555
DATA	expc<>+252(SB)/4, $0x3fc55555
/* 256: 1/2 */
DATA	expc<>+256(SB)/4, $0x00000000
DATA	expc<>+260(SB)/4, $0x3fe00000
DATA	expc<>+264(SB)/4, $0x00000000
DATA	expc<>+268(SB)/4, $0x3fe00000
/* 272: 1 */
DATA	expc<>+272(SB)/4, $0x00000000
DATA	expc<>+276(SB)/4, $0x3ff00000
DATA	expc<>+280(SB)/4, $0x00000000
DATA	expc<>+284(SB)/4, $0x3ff00000
/* 288: 52, an integer */
DATA	expc<>+288(SB)/4, $0x00000034
DATA	expc<>+292(SB)/4, $0x00000000
DATA	expc<>+296(SB)/4, $0x00000000
DATA	expc<>+300(SB)/4, $0x00000000
GLOBL	expc<>(SB), $304

DATA	one<>+0(SB)/4, $0x3f800000
DATA	one<>+4(SB)/4, $0x3f800000
DATA	one<>+8(SB)/4, $0x3f800000
DATA	one<>+12(SB)/4, $0x3f800000
GLOBL	one<>(SB), $16

DATA	p127<>+0(SB)/4, $0x42fe0000
DATA	p127<>+4(SB)/4, $0x42fe0000
DATA	p127<>+8(SB)/4, $0x42fe0000
DATA	p127<>+12(SB)/4, $0x42fe0000
GLOBL	p127<>(SB), $16

DATA	m127<>+0(SB)/4, $0xc2fe0000
DATA	m127<>+4(SB)/4, $0xc2fe0000
DATA	m127<>+8(SB)/4, $0xc2fe0000
DATA	m127<>+12(SB)/4, $0xc2fe0000
GLOBL	m127<>(SB), $16

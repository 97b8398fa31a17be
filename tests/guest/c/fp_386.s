/*
 * int fpkeep(double *in, double *out, long loops): in's 24 numbers into the
 * x87's stack and X0 to X7, and out of them again after so many turns of a loop
 */
TEXT	fpkeep(SB), 1, $0
	MOVL	in+0(FP), SI
	MOVL	out+4(FP), DI
	MOVL	loops+8(FP), CX
	FMOVD	0(SI), F0
	FMOVD	8(SI), F0
	FMOVD	16(SI), F0
	FMOVD	24(SI), F0
	FMOVD	32(SI), F0
	FMOVD	40(SI), F0
	FMOVD	48(SI), F0
	FMOVD	56(SI), F0
	MOVUPS	64(SI), X0
	MOVUPS	80(SI), X1
	MOVUPS	96(SI), X2
	MOVUPS	112(SI), X3
	MOVUPS	128(SI), X4
	MOVUPS	144(SI), X5
	MOVUPS	160(SI), X6
	MOVUPS	176(SI), X7
loop:
	SUBL	$1, CX
	JNE	loop
	MOVUPS	X7, 176(DI)
	MOVUPS	X6, 160(DI)
	MOVUPS	X5, 144(DI)
	MOVUPS	X4, 128(DI)
	MOVUPS	X3, 112(DI)
	MOVUPS	X2, 96(DI)
	MOVUPS	X1, 80(DI)
	MOVUPS	X0, 64(DI)
	FMOVDP	F0, 56(DI)
	FMOVDP	F0, 48(DI)
	FMOVDP	F0, 40(DI)
	FMOVDP	F0, 32(DI)
	FMOVDP	F0, 24(DI)
	FMOVDP	F0, 16(DI)
	FMOVDP	F0, 8(DI)
	FMOVDP	F0, 0(DI)
	MOVL	$0, AX
	RET

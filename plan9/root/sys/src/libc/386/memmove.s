/* void *memmove(void*, void*, usize): from the end where the source lies below */
TEXT	memmove(SB), 1, $0
	MOVL	to+0(FP), DI
	MOVL	from+4(FP), SI
	MOVL	n+8(FP), CX
	CMPL	SI, DI
	JCS	back
	MOVL	CX, DX
	SHRL	$2, CX
	CLD
	REP; MOVSL
	MOVL	DX, CX
	ANDL	$3, CX
	REP; MOVSB
	MOVL	to+0(FP), AX
	RET
back:
	ADDL	CX, SI
	ADDL	CX, DI
	MOVL	CX, DX
	STD
	ANDL	$3, CX
	SUBL	$1, SI
	SUBL	$1, DI
	REP; MOVSB
	SUBL	$3, SI
	SUBL	$3, DI
	MOVL	DX, CX
	SHRL	$2, CX
	REP; MOVSL
	CLD
	MOVL	to+0(FP), AX
	RET

/* void *memset(void*, int, usize) */
TEXT	memset(SB), 1, $0
	MOVL	p+0(FP), DI
	MOVBLZX	c+4(FP), AX
	MOVL	n+8(FP), CX
	IMULL	$0x01010101, AX
	MOVL	CX, DX
	SHRL	$2, CX
	CLD
	REP; STOSL
	MOVL	DX, CX
	ANDL	$3, CX
	REP; STOSB
	MOVL	p+0(FP), AX
	RET

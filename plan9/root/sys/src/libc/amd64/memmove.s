/* void *memmove(void*, void*, usize): from the end where the source lies below */
TEXT	memmove(SB), 1, $0
	MOVQ	RARG, DI
	MOVQ	RARG, AX
	MOVQ	from+8(FP), SI
	MOVQ	n+16(FP), CX
	CMPQ	SI, DI
	JCS	back
	MOVQ	CX, DX
	SHRQ	$3, CX
	CLD
	REP; MOVSQ
	MOVQ	DX, CX
	ANDQ	$7, CX
	REP; MOVSB
	RET
back:
	ADDQ	CX, SI
	ADDQ	CX, DI
	MOVQ	CX, DX
	STD
	ANDQ	$7, CX
	SUBQ	$1, SI
	SUBQ	$1, DI
	REP; MOVSB
	SUBQ	$7, SI
	SUBQ	$7, DI
	MOVQ	DX, CX
	SHRQ	$3, CX
	REP; MOVSQ
	CLD
	RET

/* void *memset(void*, int, usize) */
TEXT	memset(SB), 1, $0
	MOVQ	RARG, DI
	MOVBLZX	c+8(FP), AX
	MOVQ	n+16(FP), CX
	IMULL	$0x01010101, AX
	MOVQ	CX, DX
	SHRQ	$2, CX
	CLD
	REP; STOSL
	MOVQ	DX, CX
	ANDQ	$3, CX
	REP; STOSB
	MOVQ	RARG, AX
	RET

/* setjmp(2); BX SI DI BP for gcc, which keeps things there */
TEXT	setjmp(SB), 1, $0
	MOVL	env+0(FP), DX
	MOVL	SP, 0(DX)
	MOVL	0(SP), AX
	MOVL	AX, 4(DX)
	MOVL	BX, 8(DX)
	MOVL	SI, 12(DX)
	MOVL	DI, 16(DX)
	MOVL	BP, 20(DX)
	MOVL	$0, AX
	RET

TEXT	longjmp(SB), 1, $0
	MOVL	env+0(FP), DX
	MOVL	val+4(FP), AX
	CMPL	AX, $0
	JNE	ok
	MOVL	$1, AX
ok:
	MOVL	8(DX), BX
	MOVL	12(DX), SI
	MOVL	16(DX), DI
	MOVL	20(DX), BP
	MOVL	4(DX), CX
	MOVL	0(DX), SP
	MOVL	CX, 0(SP)
	RET

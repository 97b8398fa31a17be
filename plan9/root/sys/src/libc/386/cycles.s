/* void cycles(uvlong*) */
TEXT	cycles(SB), 1, $0
	BYTE $0x0F; BYTE $0x31	/* RDTSC */
	MOVL	p+0(FP), CX
	MOVL	AX, 0(CX)
	MOVL	DX, 4(CX)
	RET

/* ulong _divl(ulong hi, ulong lo, ulong by, ulong *rem): hi < by */
TEXT	_divl(SB), 1, $0
	MOVL	hi+0(FP), DX
	MOVL	lo+4(FP), AX
	DIVL	by+8(FP)
	MOVL	rem+12(FP), CX
	MOVL	DX, 0(CX)
	RET

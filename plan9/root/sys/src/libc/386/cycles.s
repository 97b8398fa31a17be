/* void cycles(uvlong*) */
TEXT	cycles(SB), 1, $0
	BYTE $0x0F; BYTE $0x31	/* RDTSC */
	MOVL	p+0(FP), CX
	MOVL	AX, 0(CX)
	MOVL	DX, 4(CX)
	RET


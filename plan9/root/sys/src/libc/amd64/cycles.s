/* void cycles(uvlong*) */
TEXT	cycles(SB), 1, $0
	BYTE $0x0F; BYTE $0x31	/* RDTSC */
	MOVL	AX, 0(RARG)
	MOVL	DX, 4(RARG)
	RET

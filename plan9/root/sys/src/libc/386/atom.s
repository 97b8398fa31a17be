/* int _tas(int*): it is set, and what it was is returned */
TEXT	_tas(SB), 1, $0
	MOVL	p+0(FP), DX
	MOVL	$1, AX
	XCHGL	AX, (DX)
	RET

/* long ainc(long*), adec(long*): the new value */
TEXT	ainc(SB), 1, $0
	MOVL	p+0(FP), DX
	MOVL	$1, AX
	LOCK
	BYTE $0x0F; BYTE $0xC1; BYTE $0x02	/* XADDL AX, (DX) */
	ADDL	$1, AX
	RET

TEXT	adec(SB), 1, $0
	MOVL	p+0(FP), DX
	MOVL	$-1, AX
	LOCK
	BYTE $0x0F; BYTE $0xC1; BYTE $0x02	/* XADDL AX, (DX) */
	SUBL	$1, AX
	RET

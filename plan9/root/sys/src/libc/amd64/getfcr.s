/* getfcr(2): MXCSR, but that a trap is enabled by a 1 */
TEXT	getfcr(SB), 1, $8
	STMXCSR	0(SP)
	MOVL	0(SP), AX
	ANDL	$0xFFC0, AX
	XORL	$0x1F80, AX
	RET

TEXT	setfcr(SB), 1, $8
	MOVL	fcr+0(FP), CX
	XORL	$0x1F80, CX
	ANDL	$0xFFC0, CX
	STMXCSR	0(SP)
	MOVL	0(SP), AX
	ANDL	$0x3F, AX
	ORL	CX, AX
	MOVL	AX, 0(SP)
	LDMXCSR	0(SP)
	RET

TEXT	getfsr(SB), 1, $8
	STMXCSR	0(SP)
	MOVL	0(SP), AX
	ANDL	$0x3F, AX
	RET

TEXT	setfsr(SB), 1, $8
	MOVL	fsr+0(FP), CX
	ANDL	$0x3F, CX
	STMXCSR	0(SP)
	MOVL	0(SP), AX
	ANDL	$0xFFC0, AX
	ORL	CX, AX
	MOVL	AX, 0(SP)
	LDMXCSR	0(SP)
	RET

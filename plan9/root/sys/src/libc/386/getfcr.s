/* getfcr(2): a trap is enabled by a 1, in the control word by a 0 */
TEXT	getfcr(SB), 1, $4
	FSTCW	0(SP)
	MOVWLZX	0(SP), AX
	XORL	$0x3F, AX
	RET

TEXT	setfcr(SB), 1, $4
	MOVL	fcr+0(FP), AX
	XORL	$0x3F, AX
	MOVL	AX, 0(SP)
	FLDCW	0(SP)
	RET

TEXT	getfsr(SB), 1, $0
	FSTSW	AX
	ANDL	$0xFFFF, AX
	RET

/* all that can be set is none */
TEXT	setfsr(SB), 1, $0
	FCLEX
	RET

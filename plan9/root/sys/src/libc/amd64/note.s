/* from the kernel: the Ureg in BP, the note's string at 16(SP) */
TEXT	_note(SB), 1, $0
	MOVQ	BP, DI
	MOVQ	16(SP), SI
	MOVQ	_notefn(SB), AX
	ANDQ	$~15, SP
	SUBQ	$16, SP
	MOVQ	SI, 8(SP)	/* as 6c has it */
	CALL	AX
	RET

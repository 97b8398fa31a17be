/* exec(2) leaves argc at SP, argv above it, and the address of the Tos in AX */
TEXT	_main(SB), 1, $12
	MOVL	AX, _tos(SB)
	MOVL	$main(SB), AX
	MOVL	AX, 0(SP)
	MOVL	argc-4(FP), AX
	MOVL	AX, 4(SP)
	LEAL	argv+0(FP), AX
	MOVL	AX, 8(SP)
	CALL	_callmain(SB)
	RET

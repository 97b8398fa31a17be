/* exec(2) leaves argc at SP, argv above it, and the address of the Tos in AX; the arguments are where gcc wants them, and where 6c does */
TEXT	_main(SB), 1, $0
	MOVQ	AX, _tos(SB)
	MOVQ	$main(SB), DI
	MOVL	argc-8(FP), SI
	LEAQ	argv+0(FP), DX
	ANDQ	$~15, SP
	SUBQ	$32, SP
	MOVQ	DI, BP
	MOVQ	SI, 8(SP)
	MOVQ	DX, 16(SP)
	CALL	_callmain(SB)
	RET

/* ulong _divl(ulong hi, ulong lo, ulong by, ulong *rem): hi < by */
TEXT	_divl(SB), 1, $0
	MOVL	hi+0(FP), DX
	MOVL	lo+4(FP), AX
	DIVL	by+8(FP)
	MOVL	rem+12(FP), CX
	MOVL	DX, 0(CX)
	RET

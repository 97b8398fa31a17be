# All the machine code that v86 has of ours: it brings the processor into ring 3 and every trap to the host, by one `out`.
#
# The host's handler of that port runs before the next instruction. It reads and edits the frame (laid out as Ureg) and the
# words after `mach`, and so decides what runs next. Physical memory: layout.ts.

	.set	KZERO, 0xF0000000	# where the first 4 MB are seen, by the supervisor only
	.set	KDSEL, 0x08
	.set	KESEL, 0x10
	.set	UDSEL, 0x1B
	.set	UESEL, 0x23
	.set	TSSSEL, 0x28
	.set	PORT, 0x9F0
	.set	IRQ0, 0x20
	.set	SYSCALL, 0x40

	.text
	.globl	_start, image, imageend, bssend
image:
	.align	4
multiboot:
	.long	0x1BADB002
	.long	0x00010003
	.long	-(0x1BADB002 + 0x00010003)
	.long	multiboot - KZERO
	.long	image - KZERO
	.long	imageend - KZERO
	.long	bssend - KZERO
	.long	_start - KZERO

_start:
	movl	$0x83, pd - KZERO		# 4 MB, present, writable: at 0, for these instructions, and at KZERO
	movl	$0x183, pd - KZERO + (KZERO >> 20)
	movl	$pd - KZERO, %eax
	movl	%eax, %cr3
	movl	%cr4, %eax
	orl	$0x690, %eax			# PSE, PGE, OSFXSR, OSXMMEXCPT
	movl	%eax, %cr4
	movl	%cr0, %eax
	andl	$~0x4, %eax			# EM
	orl	$0x80010022, %eax		# PG, WP, NE, MP
	movl	%eax, %cr0
	lgdt	gdtr
	ljmp	$KESEL, $1f
1:
	movl	$KDSEL, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	movl	$stacktop, %esp
	movl	$0, pd				# nothing at 0 any more
	lidt	idtr
	movl	$tss, %eax
	movw	%ax, gdt + TSSSEL + 2
	shrl	$16, %eax
	movb	%al, gdt + TSSSEL + 4
	movb	%ah, gdt + TSSSEL + 7
	movl	$TSSSEL, %eax
	ltr	%ax

	movb	$0x11, %al			# the interrupt controller: 8 vectors from IRQ0, only line 0 open
	outb	%al, $0x20
	movb	$IRQ0, %al
	outb	%al, $0x21
	movb	$0x04, %al
	outb	%al, $0x21
	movb	$0x01, %al
	outb	%al, $0x21
	movb	$0xFE, %al
	outb	%al, $0x21
	movb	$0xFF, %al
	outb	%al, $0xA1

	movl	$idt, %edi			# gates: pairs of vector and handler in `gates`
	movl	$gates, %esi
1:
	movl	(%esi), %ebx
	cmpl	$-1, %ebx
	je	2f
	movl	4(%esi), %eax
	movw	%ax, (%edi,%ebx,8)
	movw	$KESEL, 2(%edi,%ebx,8)
	movw	$0x8E00, 4(%edi,%ebx,8)
	shrl	$16, %eax
	movw	%ax, 6(%edi,%ebx,8)
	addl	$8, %esi
	jmp	1b
2:
	movb	$0xEE, idt + SYSCALL*8 + 5	# int $0x40, $3 and $4 may be asked for by a program
	movb	$0xEE, idt + 3*8 + 5
	movb	$0xEE, idt + 4*8 + 5
	fninit
	movl	$stacktop - 24, %esp
	pushl	$-1				# the host hears of it as of a trap
	jmp	trap

# The frame has a place of its own, set by the first instruction: v86's `pop` of a memory operand that faults moves ESP afterwards.
	.macro	VECTOR n
vec\n:
	movl	$stacktop - 20, %esp
	pushl	$0
	pushl	$\n
	jmp	trap
	.endm
	.macro	ERRVECTOR n
vec\n:
	movl	$stacktop - 24, %esp
	pushl	$\n
	jmp	trap
	.endm
	.irp	n, 0,1,2,3,4,5,6,7,9,15,16,18,19,20,32,64
	VECTOR	\n
	.endr
	.irp	n, 8,10,11,12,13,14,17,21
	ERRVECTOR \n
	.endr

trap:
	pushl	%ds
	pushl	%es
	pushl	%fs
	pushl	%gs
	pushal
	movl	$KDSEL, %eax
	movl	%eax, %ds
	movl	%eax, %es
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	cld
	movl	%cr2, %eax
	movl	%eax, cr2
	cmpl	$IRQ0, 48(%esp)
	jne	1f
	movb	$0x20, %al
	outb	%al, $0x20
1:
	movl	$PORT, %edx
	outl	%eax, %dx

	movl	fxsave, %eax
	testl	%eax, %eax
	jz	2f
	fxsave	(%eax)
2:
	movl	newcr3, %eax
	testl	%eax, %eax
	jz	2f
	movl	%eax, %cr3
2:
	cmpl	$0, idle			# below 0: the state is saved, and the host goes on
	jl	1b
	jg	3f
	movl	fxrstor, %eax
	testl	%eax, %eax
	jz	1f
	fxrstor	(%eax)
1:
	popal
	popl	%gs
	popl	%fs
	popl	%es
	popl	%ds
	addl	$8, %esp
	iretl
3:
	movl	$stacktop, %esp
	sti
1:
	hlt
	jmp	1b

	.align	8
gdt:
	.quad	0
	.quad	0x00CF92000000FFFF		# KDSEL
	.quad	0x00CF9A000000FFFF		# KESEL
	.quad	0x00CFF2000000FFFF		# UDSEL
	.quad	0x00CFFA000000FFFF		# UESEL
	.quad	0x0000890000000067		# TSSSEL, its base set above
gdtr:
	.word	gdtr - gdt - 1
	.long	gdt
	.align	4
idtr:
	.word	65*8 - 1
	.long	idt
	.align	4
gates:
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,32,64
	.long	\n, vec\n
	.endr
	.long	-1
	.align	4
tss:
	.long	0, stacktop, KDSEL
	.fill	22, 4, 0
	.long	0x00680000			# no port is a program's: the map of them begins behind the limit

	.align	16
imageend:
	.bss					# apart from the code: v86 translates a page anew when it is written
	.align	4096
pd:	.fill	4096, 1, 0
idt:	.fill	65*8, 1, 0
	.align	64
mach:						# what the host reads and writes: MACH in layout.ts
idle:	.long	0
fxsave:	.long	0
fxrstor:	.long	0
newcr3:	.long	0
cr2:	.long	0
	.align	64
	.fill	512, 1, 0
stacktop:					# below it the frame
bssend:

/* The machine: a 386 with SSE2. Everything includes this first. */

#define nil		((void*)0)

typedef signed char	schar;
typedef unsigned char	uchar;
typedef unsigned short	ushort;
typedef unsigned int	uint;
typedef unsigned long	ulong;
typedef long long	vlong;
typedef unsigned long long	uvlong;

typedef signed char	s8int;
typedef unsigned char	u8int;
typedef signed short	s16int;
typedef unsigned short	u16int;
typedef signed int	s32int;
typedef unsigned int	u32int;
typedef signed long long	s64int;
typedef unsigned long long	u64int;

/* as wide as a pointer, and as the size of what one points to */
typedef long		intptr;
typedef unsigned long	uintptr;
typedef unsigned long	usize;

typedef uint		Rune;
typedef unsigned int	mpdigit;

/* SP, PC; then what gcc, not 8c, wants kept: BX SI DI BP */
typedef long		jmp_buf[6];
#define	JMPBUFSP	0
#define	JMPBUFPC	1
#define	JMPBUFDPC	0

typedef union FPdbleword FPdbleword;
union FPdbleword
{
	double	x;
	struct {
		ulong	lo;
		ulong	hi;
	};
};

/* getfcr(2): the control word's bits, a trap enabled by 1 */
#define	FPINVAL	(1<<0)
#define	FPZDIV	(1<<2)
#define	FPOVFL	(1<<3)
#define	FPUNFL	((1<<4)|(1<<1))
#define	FPINEX	(1<<5)
#define	FPPSGL	(0<<8)
#define	FPPDBL	(2<<8)
#define	FPPEXT	(3<<8)
#define	FPPMASK	(3<<8)
#define	FPRNR	(0<<10)
#define	FPRNINF	(1<<10)
#define	FPRPINF	(2<<10)
#define	FPRZ	(3<<10)
#define	FPRMASK	(3<<10)
/* and the status word's */
#define	FPAINVAL	FPINVAL
#define	FPAZDIV	FPZDIV
#define	FPAOVFL	FPOVFL
#define	FPAUNFL	FPUNFL
#define	FPAINEX	FPINEX

#ifdef __GNUC__
#include <gnuc.h>
#else
/* arguments lie above the last named one, each in whole words */
typedef char*	va_list;
#define va_start(list, last)	list = (char*)(&(last)) + ((sizeof(last)+3)&~3)
#define va_end(list)	USED(list)
#define va_copy(to, from)	to = from
#define va_arg(list, type)\
	((sizeof(type) < 4)?\
		((list += 4), (type*)list)[-4/sizeof(type)]:\
		((list += sizeof(type)), (type*)list)[-1])
#endif

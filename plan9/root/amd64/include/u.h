/* The machine: an amd64. Everything includes this first. Long is 32 bits. */

#define nil		((void*)0)

typedef signed char	schar;
typedef unsigned char	uchar;
typedef unsigned short	ushort;
typedef unsigned int	uint;
typedef long long	vlong;
typedef unsigned long long	uvlong;
#ifdef __GNUC__
#define	long	int
#endif
typedef unsigned long	ulong;

typedef signed char	s8int;
typedef unsigned char	u8int;
typedef signed short	s16int;
typedef unsigned short	u16int;
typedef signed int	s32int;
typedef unsigned int	u32int;
typedef vlong		s64int;
typedef uvlong		u64int;

/* as wide as a pointer, and as the size of what one points to */
typedef vlong		intptr;
typedef uvlong		uintptr;
typedef uvlong		usize;

typedef uint		Rune;
typedef unsigned int	mpdigit;

/* SP, PC; then what gcc, not 6c, wants kept: BX BP R12 R13 R14 R15 */
typedef uintptr		jmp_buf[8];
#define	JMPBUFSP	0
#define	JMPBUFPC	1
#define	JMPBUFDPC	0

typedef union FPdbleword FPdbleword;
union FPdbleword
{
	double	x;
	struct {
		uint	lo;
		uint	hi;
	};
};

/* getfcr(2): MXCSR's bits, a trap enabled by 1 */
#define	FPDAZ	(1<<6)
#define	FPINVAL	(1<<7)
#define	FPDNRM	(1<<8)
#define	FPZDIV	(1<<9)
#define	FPOVFL	(1<<10)
#define	FPUNFL	(1<<11)
#define	FPINEX	(1<<12)
#define	FPRNR	(0<<13)
#define	FPRNINF	(1<<13)
#define	FPRPINF	(2<<13)
#define	FPRZ	(3<<13)
#define	FPRMASK	(3<<13)
#define	FPFTZ	(1<<15)
#define	FPPSGL	0
#define	FPPDBL	0
#define	FPPEXT	0
#define	FPPMASK	0
/* and the exceptions that there were */
#define	FPAINVAL	(1<<0)
#define	FPADNRM	(1<<1)
#define	FPAZDIV	(1<<2)
#define	FPAOVFL	(1<<3)
#define	FPAUNFL	(1<<4)
#define	FPAINEX	(1<<5)

#ifdef __GNUC__
#include <gnuc.h>
#else
/* arguments lie above the last named one, each in eight bytes or more */
typedef char*	va_list;
#define va_start(list, last)	list = (char*)(&(last)) + ((sizeof(last)+7)&~7)
#define va_end(list)	USED(list)
#define va_copy(to, from)	to = from
#define va_arg(list, type)\
	((sizeof(type) < 8)?\
		((list += 8), (type*)list)[-8/(int)sizeof(type)]:\
		((list += sizeof(type)), (type*)list)[-1])
#endif

/* Kinds of ASCII characters: ctype(2). */
#pragma	lib	"libc.a"
#pragma	src	"/sys/src/libc/port"

enum
{
	_U	= 1<<0,		/* upper case */
	_L	= 1<<1,		/* lower case */
	_N	= 1<<2,		/* digit */
	_S	= 1<<3,		/* white space */
	_P	= 1<<4,		/* punctuation */
	_C	= 1<<5,		/* control */
	_B	= 1<<6,		/* blank */
	_X	= 1<<7,		/* hexadecimal digit */
};

extern	uchar	_ctype[];

#define	_isctype(c, bits)	(_ctype[(uchar)(c)]&(bits))
#define	isalpha(c)	_isctype(c, _U|_L)
#define	isupper(c)	_isctype(c, _U)
#define	islower(c)	_isctype(c, _L)
#define	isdigit(c)	_isctype(c, _N)
#define	isxdigit(c)	_isctype(c, _X)
#define	isspace(c)	_isctype(c, _S)
#define	ispunct(c)	_isctype(c, _P)
#define	isalnum(c)	_isctype(c, _U|_L|_N)
#define	isprint(c)	_isctype(c, _P|_U|_L|_N|_B)
#define	isgraph(c)	_isctype(c, _P|_U|_L|_N)
#define	iscntrl(c)	_isctype(c, _C)
#define	isascii(c)	((uchar)(c) < 0200)
#define	_toupper(c)	((c)-'a'+'A')
#define	_tolower(c)	((c)-'A'+'a')
#define	toascii(c)	((c)&0177)

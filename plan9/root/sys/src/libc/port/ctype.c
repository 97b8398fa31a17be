#include <u.h>
#include <libc.h>
#include <ctype.h>

/* ctype(2) */

#define	C4	_C, _C, _C, _C
#define	P4	_P, _P, _P, _P
#define	N	_N|_X
#define	U4	_U, _U, _U, _U
#define	L4	_L, _L, _L, _L
#define	UX	_U|_X
#define	LX	_L|_X
#define	CS	_C|_S

uchar _ctype[256] =
{
	C4, C4, _C, CS, CS, CS, CS, CS, _C, _C,
	C4, C4, C4, C4,
	_S|_B, _P, _P, _P, P4, P4, P4,
	N, N, N, N, N, N, N, N, N, N, _P, _P, P4,
	_P, UX, UX, UX, UX, UX, UX, _U, U4, U4,
	U4, U4, _U, _U, _U, _P, P4,
	_P, LX, LX, LX, LX, LX, LX, _L, L4, L4,
	L4, L4, _L, _L, _L, _P, _P, _P, _P, _C,
};

int
tolower(int c)
{
	return c >= 'A' && c <= 'Z'? _tolower(c): c;
}

int
toupper(int c)
{
	return c >= 'a' && c <= 'z'? _toupper(c): c;
}

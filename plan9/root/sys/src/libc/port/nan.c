#include <u.h>
#include <libc.h>

/* nan(2) */

double
NaN(void)
{
	FPdbleword w;

	w.hi = 0x7FF80000;
	w.lo = 0;
	return w.x;
}

double
Inf(int sign)
{
	FPdbleword w;

	w.hi = sign < 0? 0xFFF00000: 0x7FF00000;
	w.lo = 0;
	return w.x;
}

int
isNaN(double d)
{
	FPdbleword w;

	w.x = d;
	return (w.hi&0x7FF00000) == 0x7FF00000 && ((w.hi&0xFFFFF) != 0 || w.lo != 0);
}

int
isInf(double d, int sign)
{
	FPdbleword w;

	w.x = d;
	if((w.hi&0x7FFFFFFF) != 0x7FF00000 || w.lo != 0)
		return 0;
	if(sign == 0)
		return 1;
	return (sign < 0) == (w.hi>>31);
}

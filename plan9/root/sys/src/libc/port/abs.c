#include <u.h>
#include <libc.h>

/* arith3(2), muldiv(2) */

int
abs(int n)
{
	return n < 0? -n: n;
}

long
labs(long n)
{
	return n < 0? -n: n;
}

ulong
umuldiv(ulong a, ulong b, ulong c)
{
	return (uvlong)a*b/c;
}

long
muldiv(long a, long b, long c)
{
	return (vlong)a*b/c;
}

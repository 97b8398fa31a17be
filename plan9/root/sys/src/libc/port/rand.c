#include <u.h>
#include <libc.h>

/*
 * rand(2): xorshift64*.  Differs from Plan 9: the numbers are others, and so
 * is what a seed gives.
 */
static uvlong	state = 0x9E3779B97F4A7C15ULL;
static Lock	statelock;

void
srand(long seed)
{
	lock(&statelock);
	state = (ulong)seed + 0x9E3779B97F4A7C15ULL;
	unlock(&statelock);
}

long
lrand(void)
{
	uvlong v;

	lock(&statelock);
	state ^= state>>12;
	state ^= state<<25;
	state ^= state>>27;
	v = state * 0x2545F4914F6CDD1DULL;
	unlock(&statelock);
	return v>>33;
}

int
rand(void)
{
	return lrand()&0x7FFF;
}

/* each of 0..n-1 as likely as the others */
long
lnrand(long n)
{
	long slop, v;

	if(n <= 0)
		return -1;
	slop = 0x7FFFFFFF % n;
	do
		v = lrand();
	while(v <= slop);
	return v%n;
}

int
nrand(int n)
{
	return lnrand(n);
}

double
frand(void)
{
	double d;

	do
		d = (lrand()*2147483648. + lrand()) / 4611686018427387904.;
	while(d >= 1);
	return d;
}

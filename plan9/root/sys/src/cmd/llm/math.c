#include <u.h>
#include <libc.h>
#include "llm.h"

/*
 * exp, log, sin, cos and pow, by the operations, the order and the constants of
 * llmfs/engine/math.ts.  They work in double and are rounded once to float
 * by the caller.  The error before that is below 1e-12 of the result, so
 * that the float is within 0.501 ulp.
 *
 * 8c has no hexadecimal floating point, and how it reads a decimal is its
 * own affair: constants are written as the 64 bits of the double.
 */
enum
{
	LOG2E,
	LN2HI,	/* ln 2 in two parts; the first has its low 20 bits clear */
	LN2LO,
	C2, C3, C4, C5, C6, C7, C8, C9, C10, C11,	/* 1/n! */
	LN10000,
	SQRT2,
	TWOOVERPI,
	PIO2A, PIO2B, PIO2C,	/* pi/2 in three parts of 33 bits */
	S13, S15,	/* as C: the others are C's */
	K12, K14, K16,
};
static uvlong bits[] = {
[LOG2E]	0x3FF71547652B82FEULL,
[LN2HI]	0x3FE62E42FEE00000ULL,
[LN2LO]	0x3DEA39EF35793C76ULL,
[C2]	0x3FE0000000000000ULL,
[C3]	0x3FC5555555555555ULL,
[C4]	0x3FA5555555555555ULL,
[C5]	0x3F81111111111111ULL,
[C6]	0x3F56C16C16C16C17ULL,
[C7]	0x3F2A01A01A01A01AULL,
[C8]	0x3EFA01A01A01A01AULL,
[C9]	0x3EC71DE3A556C734ULL,
[C10]	0x3E927E4FB7789F5CULL,
[C11]	0x3E5AE64567F544E4ULL,
[LN10000]	0x40226BB1BBB55516ULL,
[SQRT2]	0x3FF6A09E667F3BCDULL,
[TWOOVERPI]	0x3FE45F306DC9C883ULL,
[PIO2A]	0x3FF921FB54400000ULL,
[PIO2B]	0x3DD0B4611A600000ULL,
[PIO2C]	0x3BA3198A2E037073ULL,
[S13]	0x3DE6124613A86D09ULL,
[S15]	0xBD6AE7F3E733B81FULL,
[K12]	0x3E21EED8EFF8D898ULL,
[K14]	0xBDA93974A8C07C9DULL,
[K16]	0x3D2AE7F3E733B81FULL,
};
#define	c(i)	(((double*)bits)[i])

/* 9front's traps: invalid, division by zero, overflow */
void
initfp(void)
{
	setfcr(getfcr() & ~(FPINVAL|FPZDIV|FPOVFL));
}

/* beyond 128 what a float makes of it in any case */
double
fexp(double x)
{
	double v, r, p;
	uvlong pow2;
	long k;

	if(isNaN(x))
		return x;
	if(x > 128)
		return Inf(1);
	if(x < -128)
		return 0;
	v = x*c(LOG2E) + 0.5;
	k = v;
	if(k > v)
		k--;
	r = x - k*c(LN2HI) - k*c(LN2LO);
	p = c(C11);
	p = p*r + c(C10);
	p = p*r + c(C9);
	p = p*r + c(C8);
	p = p*r + c(C7);
	p = p*r + c(C6);
	p = p*r + c(C5);
	p = p*r + c(C4);
	p = p*r + c(C3);
	p = p*r + c(C2);
	p = p*r + 1;
	p = p*r + 1;
	pow2 = (uvlong)(k + 1023) << 52;
	return p * *(double*)&pow2;
}

double
flog(double x)
{
	double m, s, z, p;
	int k, n;

	if(isNaN(x))
		return x;
	k = 0;
	for(m = x; m > c(SQRT2); m = m*0.5)
		k++;
	/* ln m = 2 atanh s, s at most 0.172 */
	s = (m - 1)/(m + 1);
	z = s*s;
	p = 0;
	for(n = 21; n >= 3; n -= 2)
		p = (p + 1.0/n)*z;
	return k*c(LN2HI) + (2*s + (2*s*p + k*c(LN2LO)));
}

double
fpow10000(double y)
{
	return fexp(y*c(LN10000));
}

static double
ksin(double r)
{
	double z, p;

	z = r*r;
	p = c(S15);
	p = p*z + c(S13);
	p = p*z + -c(C11);
	p = p*z + c(C9);
	p = p*z + -c(C7);
	p = p*z + c(C5);
	p = p*z + -c(C3);
	return r + r*z*p;
}

static double
kcos(double r)
{
	double z, p;

	z = r*r;
	p = c(K16);
	p = p*z + c(K14);
	p = p*z + c(K12);
	p = p*z + -c(C10);
	p = p*z + c(C8);
	p = p*z + -c(C6);
	p = p*z + c(C4);
	p = p*z + -c(C2);
	return 1 + z*p;
}

/* the quarter turn that x is nearest to, and what is left in *r */
static int
reduce(double x, double *r)
{
	double v;
	long k;

	v = x*c(TWOOVERPI) + 0.5;
	k = v;
	*r = x - k*c(PIO2A) - k*c(PIO2B) - k*c(PIO2C);
	return k & 3;
}

double
fsin(double x)
{
	double r, v;
	int k;

	k = reduce(x, &r);
	if(k & 1)
		v = kcos(r);
	else
		v = ksin(r);
	if(k >= 2)
		v = -v;
	return v;
}

double
fcos(double x)
{
	double r, v;
	int k;

	k = reduce(x, &r);
	if(k & 1)
		v = ksin(r);
	else
		v = kcos(r);
	if(k == 1 || k == 2)
		v = -v;
	return v;
}

/*
 * The nearest float, whatever libc's sqrt is worth: the middle of two
 * neighbours has 25 bits, and so a square that a double holds.  What is to be
 * a double has a variable: 9front's compilers make a float of a double and a
 * float.
 */
float
fsqrt(float x)
{
	union { float f; u32int u; } lo, hi;
	double d, l, h, mid;

	if(isNaN(x) || x == 0 || isInf(x, 1))
		return x;
	if(x < 0)
		return NaN();
	d = x;
	lo.f = sqrt(d);
	for(;;){
		hi = lo;
		hi.u++;
		l = lo.f;
		h = hi.f;
		mid = (l + h)/2;
		if(mid*mid < d){
			lo = hi;
			continue;
		}
		hi = lo;
		hi.u--;
		l = lo.f;
		h = hi.f;
		mid = (l + h)/2;
		if(mid*mid > d){
			lo = hi;
			continue;
		}
		return lo.f;
	}
}

#include <u.h>
#include <libc.h>

/* frexp(2), floor(2) and fabs, by the bits of IEEE's doubles */

enum
{
	Bias	= 1023,
	Mask	= 0x7FF,
};

static uvlong
bits(double d)
{
	FPdbleword w;

	w.x = d;
	return (uvlong)w.hi<<32 | w.lo;
}

static double
number(uvlong v)
{
	FPdbleword w;

	w.hi = v>>32;
	w.lo = v;
	return w.x;
}

double
fabs(double d)
{
	return number(bits(d) & ~(1ULL<<63));
}

double
frexp(double d, int *exp)
{
	uvlong v;
	int e;

	*exp = 0;
	v = bits(d);
	e = v>>52 & Mask;
	if(e == Mask || d == 0)
		return d;
	if(e == 0){
		v = bits(d * 18014398509481984.);	/* 2^54 */
		e = (int)(v>>52 & Mask) - 54;
	}
	*exp = e-(Bias-1);
	return number(v & ~((uvlong)Mask<<52) | (uvlong)(Bias-1)<<52);
}

static double
power(int e)
{
	return number((uvlong)(e+Bias)<<52);
}

double
ldexp(double d, int e)
{
	int x;

	if(d == 0 || isNaN(d) || isInf(d, 0))
		return d;
	d = frexp(d, &x);
	if(e > 5000)
		e = 5000;
	if(e < -5000)
		e = -5000;
	e += x;
	if(e > Bias+1)
		return d < 0? Inf(-1): Inf(1);
	if(e < -1100)
		return d*0;
	/* once only does it round */
	if(e < 2-Bias)
		return d*power(e+200)*power(-200);
	return d*2*power(e-1);
}

/* towards zero */
static double
cut(double d)
{
	uvlong v;
	int e;

	v = bits(d);
	e = (int)(v>>52 & Mask) - Bias;
	if(e < 0)
		return number(v & 1ULL<<63);
	if(e >= 52)
		return d;
	return number(v & ~((1ULL<<(52-e))-1));
}

double
modf(double d, double *ip)
{
	*ip = cut(d);
	if(isInf(d, 0))
		return 0;
	return d - *ip;
}

double
floor(double d)
{
	double i;

	i = cut(d);
	return i > d? i-1: i;
}

double
ceil(double d)
{
	double i;

	i = cut(d);
	return i < d? i+1: i;
}

/* what is left is exact: each step takes away a multiple of y that has its top bit */
double
fmod(double x, double y)
{
	double r, t;
	int ex, ey, e;

	if(y == 0 || isInf(x, 0) || isNaN(x) || isNaN(y))
		return NaN();
	r = fabs(x);
	y = fabs(y);
	if(isInf(y, 0))
		return x;
	frexp(y, &ey);
	while(r >= y){
		frexp(r, &ex);
		e = ex-ey;
		t = ldexp(y, e);
		if(t > r)
			t = ldexp(y, e-1);
		r -= t;
	}
	return x < 0? -r: r;
}

#include <u.h>
#include <libc.h>

/*
 * exp(2).  exp, log and pow are within 2 units of the last place (pow where
 * y*log(x) is small; its error grows with that); sqrt is exact.
 */
static double	ln2hi = 6.93147180369123816490e-01;	/* of 32 bits, so that k*ln2hi is exact */
static double	ln2lo = 1.90821492927058770002e-10;

double
exp(double x)
{
	double r, sum;
	int i, k;

	if(isNaN(x))
		return x;
	if(x > 709.8)
		return Inf(1);
	if(x < -745.2)
		return 0;
	k = x/0.69314718055994530942 + (x < 0? -0.5: 0.5);
	r = (x - k*ln2hi) - k*ln2lo;
	/* |r| <= ln2/2: Taylor's series to its 14th term */
	sum = 0;
	for(i = 14; i > 1; i--)
		sum = (sum + 1)*r/i;
	return ldexp(1 + (r + r*sum), k);
}

/* of x > 0: k such that x = 2^k * (1+f)/(1-f) nearly, and the log of the rest */
double
log(double x)
{
	double m, s, z, sum;
	int i, k;

	if(isNaN(x) || x < 0)
		return NaN();
	if(x == 0)
		return Inf(-1);
	if(isInf(x, 1))
		return x;
	m = frexp(x, &k);
	if(m < 0.70710678118654752440){
		m *= 2;
		k--;
	}
	/* log m = 2 artanh s */
	s = (m-1)/(m+1);
	z = s*s;
	sum = 0;
	for(i = 25; i > 1; i -= 2)
		sum = (sum + 1./i)*z;
	if(k == 0)
		return 2*(s + s*sum);
	return k*ln2hi + (2*(s + s*sum) + k*ln2lo);
}

double
log10(double x)
{
	return log(x)*0.43429448190325182765;
}

double
pow10(int n)
{
	char buf[16];

	snprint(buf, sizeof buf, "1e%d", n);
	return strtod(buf, nil);
}

double
pow(double x, double y)
{
	double i, r;
	ulong n;
	int neg;

	if(y == 0 || x == 1)
		return 1;
	if(isNaN(x) || isNaN(y))
		return NaN();
	if(modf(y, &i) == 0 && fabs(y) < 1e9){
		n = fabs(y);
		neg = y < 0;
		for(r = 1; ; x *= x){
			if(n&1)
				r *= x;
			n >>= 1;
			if(n == 0)
				break;
		}
		return neg? 1/r: r;
	}
	if(x == 0)
		return y < 0? Inf(1): 0;
	if(x < 0 && modf(y, &i) != 0)
		return NaN();
	/* so large a whole y is even */
	return exp(y*log(fabs(x)));
}

/* a bit a step; then what is left over says which way to round */
double
sqrt(double x)
{
	FPdbleword w;
	uvlong m, rem, root, bit;
	int e;

	if(isNaN(x) || x == 0 || isInf(x, 1))
		return x;
	if(x < 0)
		return NaN();
	w.x = frexp(x, &e);
	m = ((uvlong)w.hi<<32 | w.lo) & ((1ULL<<52)-1) | 1ULL<<52;
	/* x = m * 2^(e-53) */
	if((e-53) & 1){
		m <<= 1;
		e--;
	}
	/* the root of m*2^54, of 54 bits: m's bits come down two at a time */
	root = 0;
	rem = 0;
	for(bit = 0; bit < 54; bit++){
		rem <<= 2;
		if(bit < 27)
			rem |= m>>(52-2*bit) & 3;
		root <<= 1;
		if(rem >= 2*root+1){
			rem -= 2*root+1;
			root++;
		}
	}
	/* one bit more than a double has; a tie cannot be */
	root = (root>>1) + (root&1);
	return ldexp(root, (e-53)/2 - 26);
}

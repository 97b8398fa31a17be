#include <u.h>
#include <libc.h>

/*
 * sin(2).  Within 2 units of the last place up to 2^20; beyond, what the
 * reduction by pi/2 in three parts loses.
 */
static double	pi1 = 1.57079632673412561417e+00;	/* of 33 bits each */
static double	pi2 = 6.07710050630396597660e-11;
static double	pi3 = 2.02226624879595063154e-21;

static double
sine(double x)
{
	double z, sum;
	int i;

	z = x*x;
	sum = 0;
	for(i = 20; i > 1; i -= 2)
		sum = -(sum + 1)*z/(i*(i+1));
	return x + x*sum;
}

static double
cosine(double x)
{
	double z, sum;
	int i;

	z = x*x;
	sum = 0;
	for(i = 19; i > 2; i -= 2)
		sum = -(sum + 1)*z/(i*(i+1));
	return 1 - (z/2)*(1 + sum);
}

/* sin(x + quarter*pi/2) */
static double
turn(double x, int quarter)
{
	double k, r;

	if(isNaN(x) || isInf(x, 0))
		return NaN();
	k = floor(x/PIO2 + 0.5);
	r = ((x - k*pi1) - k*pi2) - k*pi3;
	quarter += (int)fmod(k, 4);
	r = quarter&1? cosine(r): sine(r);
	return quarter&2? -r: r;
}

double
sin(double x)
{
	return turn(x, 0);
}

double
cos(double x)
{
	return turn(x, 1);
}

double
tan(double x)
{
	return sin(x)/cos(x);
}

/* halved until the series is short: atan x = 2 atan(x / (1 + sqrt(1+x^2))) */
double
atan(double x)
{
	double z, sum;
	int i, n;

	if(isNaN(x))
		return x;
	if(x < 0)
		return -atan(-x);
	if(x > 1)
		return PIO2 - atan(1/x);
	for(n = 1; x > 0.1; n *= 2)
		x /= 1 + sqrt(1 + x*x);
	z = x*x;
	sum = 0;
	for(i = 17; i > 1; i -= 2)
		sum = (sum + (i&2? -1./i: 1./i))*z;
	return n*(x + x*sum);
}

double
atan2(double y, double x)
{
	if(isNaN(x) || isNaN(y))
		return NaN();
	if(x == 0 && y == 0)
		return 0;
	if(fabs(y) > fabs(x))
		return y > 0? PIO2 - atan(x/y): -PIO2 - atan(x/y);
	if(x > 0)
		return atan(y/x);
	return y < 0? atan(y/x) - PI: atan(y/x) + PI;
}

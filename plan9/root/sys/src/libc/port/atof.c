#include <u.h>
#include <libc.h>
#include "decimal.h"

/* atof(2) */

static int
isblank(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

static int
isnum(int c)
{
	return c >= '0' && c <= '9';
}

/* the double nearest to what is not below 0, ties to even; Inf above them all */
static double
todouble(Decimal *a)
{
	FPdbleword w;
	uvlong m;
	int e, k;

	if(a->n == 0 || a->point < -330)
		return 0;
	if(a->point > 310)
		return Inf(1);
	/* into [1/2, 1) */
	for(e = 0; a->point > 0; e += k){
		k = a->point < 8? a->point*10/3: 27;
		_decshift(a, -k);
	}
	for(; a->point < 0 || a->d[0] < 5; e -= k){
		k = a->point < 0? (a->point > -9? -3*a->point: 27): 1;
		_decshift(a, k);
	}
	/* no further down than the smallest exponent */
	k = e < -1021? -1021-e: 0;
	_decshift(a, 53-k);
	e += k;
	m = _decint(a);
	if(m == 1ULL<<53){
		m >>= 1;
		e++;
	}
	if(e > 1024)
		return Inf(1);
	if(m < 1ULL<<52)
		e = -1022;
	m = m&((1ULL<<52)-1) | (uvlong)(e+1022)<<52;
	w.hi = m>>32;
	w.lo = m;
	return w.x;
}

static char*
skip(char *s, char *word)
{
	int n;

	n = strlen(word);
	return cistrncmp(s, word, n) == 0? s+n: nil;
}

double
strtod(char *s, char **end)
{
	Decimal a;
	double d;
	char *p, *q;
	int minus, eminus, e, digits;

	p = s;
	while(isblank(*p))
		p++;
	minus = *p == '-';
	if(*p == '-' || *p == '+')
		p++;
	d = 0;
	if((q = skip(p, "nan")) != nil)
		d = NaN();
	else if((q = skip(p, "infinity")) != nil || (q = skip(p, "inf")) != nil)
		d = Inf(1);
	if(q != nil)
		p = q;
	else{
		_decset(&a, 0);
		digits = 0;
		for(; isnum(*p); p++){
			digits = 1;
			if(a.n > 0 || *p != '0'){
				_decdigit(&a, *p-'0');
				a.point++;
			}
		}
		if(*p == '.' && (digits || isnum(p[1])))
			for(p++; isnum(*p); p++){
				digits = 1;
				if(a.n > 0 || *p != '0')
					_decdigit(&a, *p-'0');
				else
					a.point--;
			}
		if(!digits){
			if(end != nil)
				*end = s;
			return 0;
		}
		if(*p == 'e' || *p == 'E'){
			q = p+1;
			eminus = *q == '-';
			if(*q == '-' || *q == '+')
				q++;
			if(isnum(*q)){
				e = 0;
				for(; isnum(*q); q++)
					if(e < 100000)
						e = e*10 + *q-'0';
				a.point += eminus? -e: e;
				p = q;
			}
		}
		d = todouble(&a);
	}
	if(end != nil)
		*end = p;
	return minus? -d: d;
}

double
atof(char *s)
{
	return strtod(s, nil);
}

/* the character that ends the number is read, and lost */
double
charstod(int (*get)(void*), void *arg)
{
	char buf[1024];
	int c, n;

	n = 0;
	do
		c = get(arg);
	while(isblank(c));
	for(; isnum(c) || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E'; c = get(arg))
		if(n < sizeof buf-1)
			buf[n++] = c;
	buf[n] = 0;
	return strtod(buf, nil);
}

/* the digits of s in base; *minus and *over for the callers, who have limits of their own */
static uvlong
digits(char *s, char **end, int base, int *minus, int *over)
{
	uvlong v;
	char *p;
	int c, any;

	*over = 0;
	*minus = 0;
	if(end != nil)
		*end = s;
	if(base < 0 || base > 36 || base == 1)
		return 0;
	p = s;
	while(isblank(*p))
		p++;
	if(*p == '-' || *p == '+')
		*minus = *p++ == '-';
	if((base == 0 || base == 16) && p[0] == '0' && (p[1] == 'x' || p[1] == 'X')){
		c = tolower(p[2]);
		if(isnum(c) || c >= 'a' && c <= 'f'){
			p += 2;
			base = 16;
		}
	}
	if(base == 0)
		base = *p == '0'? 8: 10;
	v = 0;
	any = 0;
	for(;; p++){
		c = tolower((uchar)*p);
		if(isnum(c))
			c -= '0';
		else if(c >= 'a' && c <= 'z')
			c -= 'a'-10;
		else
			break;
		if(c >= base)
			break;
		any = 1;
		if(v > (~0ULL - c)/base)
			*over = 1;
		v = v*base + c;
	}
	if(any && end != nil)
		*end = p;
	return v;
}

static vlong
integer(char *s, char **end, int base, uvlong max)
{
	uvlong v;
	int minus, over;

	v = digits(s, end, base, &minus, &over);
	if(over || v > max + minus)
		v = max + minus;
	return minus? -v: v;
}

static uvlong
natural(char *s, char **end, int base, uvlong max)
{
	uvlong v;
	int minus, over;

	v = digits(s, end, base, &minus, &over);
	if(over || v > max)
		return max;
	return minus? -v: v;
}

long
strtol(char *s, char **end, int base)
{
	return integer(s, end, base, 0x7FFFFFFF);
}

vlong
strtoll(char *s, char **end, int base)
{
	return integer(s, end, base, ~0ULL>>1);
}

ulong
strtoul(char *s, char **end, int base)
{
	return natural(s, end, base, 0xFFFFFFFF);
}

uvlong
strtoull(char *s, char **end, int base)
{
	return natural(s, end, base, ~0ULL);
}

long
atol(char *s)
{
	return strtol(s, nil, 0);
}

int
atoi(char *s)
{
	return strtol(s, nil, 0);
}

vlong
atoll(char *s)
{
	return strtoll(s, nil, 0);
}

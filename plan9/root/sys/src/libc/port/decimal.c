#include <u.h>
#include <libc.h>
#include "decimal.h"

static void
trim(Decimal *a)
{
	while(a->n > 0 && a->d[a->n-1] == 0)
		a->n--;
	if(a->n == 0)
		a->point = 0;
}

void
_decdigit(Decimal *a, int c)
{
	if(a->n < Decmax)
		a->d[a->n++] = c;
	else if(c != 0)
		a->more = 1;
}

void
_decset(Decimal *a, uvlong v)
{
	uchar buf[20];
	int n;

	a->n = 0;
	a->more = 0;
	for(n = 0; v != 0; v /= 10)
		buf[n++] = v%10;
	a->point = n;
	while(n > 0)
		_decdigit(a, buf[--n]);
	trim(a);
}

/* times 2^k, k at most 28: from the right, carrying */
static void
left(Decimal *a, int k)
{
	uchar out[10];
	ulong c;
	int i, n;

	c = 0;
	for(i = a->n-1; i >= 0; i--){
		c += (ulong)a->d[i]<<k;
		a->d[i] = c%10;
		c /= 10;
		/* c < 2^k */
	}
	for(n = 0; c != 0; c /= 10)
		out[n++] = c%10;
	a->point += n;
	i = a->n+n;
	for(; i > Decmax; i--)
		if(a->d[--a->n] != 0)
			a->more = 1;
	memmove(a->d+n, a->d, a->n);
	a->n += n;
	for(i = 0; i < n; i++)
		a->d[i] = out[n-1-i];
	trim(a);
}

/* over 2^k: from the left, the remainder going on */
static void
right(Decimal *a, int k)
{
	Decimal b;
	ulong c;
	int i;

	b.n = 0;
	b.more = a->more;
	b.point = a->point;
	c = 0;
	for(i = 0; i < a->n || c != 0; i++){
		c *= 10;
		if(i < a->n)
			c += a->d[i];
		if(b.n == 0 && c>>k == 0)
			b.point--;
		else
			_decdigit(&b, c>>k);
		c &= (1UL<<k)-1;
	}
	trim(&b);
	a->n = b.n;
	a->point = b.point;
	a->more = b.more;
	memmove(a->d, b.d, b.n);
}

void
_decshift(Decimal *a, int n)
{
	int k;

	for(; n > 0; n -= k){
		k = n < 28? n: 28;
		left(a, k);
	}
	for(; n < 0; n += k){
		k = -n < 28? -n: 28;
		right(a, k);
	}
}

static int
roundsup(Decimal *a, int n)
{
	if(n < 0 || n >= a->n)
		return 0;
	if(a->d[n] != 5)
		return a->d[n] > 5;
	if(a->more || n+1 < a->n)
		return 1;
	return n > 0 && a->d[n-1]&1;
}

void
_decround(Decimal *a, int n)
{
	int up;

	if(n >= a->n)
		return;
	up = roundsup(a, n);
	a->n = n > 0? n: 0;
	a->more = 0;
	if(!up){
		trim(a);
		return;
	}
	while(a->n > 0 && a->d[a->n-1] == 9)
		a->n--;
	if(a->n > 0)
		a->d[a->n-1]++;
	else{
		a->d[0] = 1;
		a->n = 1;
		a->point++;
	}
}

uvlong
_decint(Decimal *a)
{
	uvlong v;
	int i;

	v = 0;
	for(i = 0; i < a->point; i++)
		v = v*10 + (i < a->n? a->d[i]: 0);
	if(roundsup(a, a->point))
		v++;
	return v;
}

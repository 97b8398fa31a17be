#include <u.h>
#include <libc.h>

/*
 * Arithmetic of 64 bits that gcc calls for by these names; 8c has names of
 * its own, and its libc has what is behind them.
 */
ulong	_divl(ulong, ulong, ulong, ulong*);

uvlong
__udivmoddi4(uvlong n, uvlong d, uvlong *rem)
{
	ulong hi, lo, dlo, r;
	uvlong q;
	int i;

	dlo = d;
	hi = n>>32;
	lo = n;
	if(d>>32 == 0){
		q = 0;
		if(hi >= dlo){
			q = (uvlong)_divl(0, hi, dlo, &r)<<32;
			hi = r;
		}
		q |= _divl(hi, lo, dlo, &r);
		if(rem != nil)
			*rem = r;
		return q;
	}
	q = 0;
	for(i = 0; i < 31 && (d & 1ULL<<63) == 0; i++)
		d <<= 1;
	for(; i >= 0; i--){
		q <<= 1;
		if(n >= d){
			n -= d;
			q |= 1;
		}
		d >>= 1;
	}
	if(rem != nil)
		*rem = n;
	return q;
}

uvlong
__udivdi3(uvlong n, uvlong d)
{
	return __udivmoddi4(n, d, nil);
}

uvlong
__umoddi3(uvlong n, uvlong d)
{
	uvlong r;

	__udivmoddi4(n, d, &r);
	return r;
}

vlong
__divmoddi4(vlong n, vlong d, vlong *rem)
{
	uvlong q, r;

	q = __udivmoddi4(n < 0? -(uvlong)n: n, d < 0? -(uvlong)d: d, &r);
	*rem = n < 0? -r: r;
	return (n < 0) != (d < 0)? -q: q;
}

vlong
__divdi3(vlong n, vlong d)
{
	vlong r;

	return __divmoddi4(n, d, &r);
}

vlong
__moddi3(vlong n, vlong d)
{
	vlong r;

	__divmoddi4(n, d, &r);
	return r;
}

/* as the machine's own conversions, what does not fit is undefined */
uvlong
__fixunsdfdi(double d)
{
	ulong hi;

	if(d < 0)
		return (vlong)d;
	hi = d/4294967296.;
	return (uvlong)hi<<32 | (ulong)(d - hi*4294967296.);
}

uvlong
__fixunssfdi(float f)
{
	return __fixunsdfdi(f);
}

double
__floatundidf(uvlong v)
{
	return (ulong)(v>>32)*4294967296. + (ulong)v;
}

/* rounded once: a bit that is cut off stays visible in the lowest */
float
__floatundisf(uvlong v)
{
	if(v>>53 != 0 && (v&0x7FF) != 0)
		v = v & ~0x7FFULL | 0x800;
	return __floatundidf(v);
}

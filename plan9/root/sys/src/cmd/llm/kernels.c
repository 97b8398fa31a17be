#include <u.h>
#include <libc.h>
#include "llm.h"
#include "simd.h"

/*
 * The kernels in C.  Every float operation is a statement of its own, whose
 * result goes to a float variable: model.c says why.
 */
static void
cdot4(float *out, float *x, float *w, int n, int step)
{
	float a0, a1, a2, a3, p;

	a0 = 0;
	a1 = 0;
	a2 = 0;
	a3 = 0;
	for(; n > 0; n--){
		p = w[0]*x[0];
		a0 = a0 + p;
		p = w[1]*x[0];
		a1 = a1 + p;
		p = w[2]*x[0];
		a2 = a2 + p;
		p = w[3]*x[0];
		a3 = a3 + p;
		x += 4;
		w = (float*)((uchar*)w + step);
	}
	out[0] = a0;
	out[1] = a1;
	out[2] = a2;
	out[3] = a3;
}

static void
cdot16(float *out, float *x, float *w, int n, int step)
{
	cdot4(out, x, w, n, step);
	cdot4(out+4, x, w+4, n, step);
	cdot4(out+8, x, w+8, n, step);
	cdot4(out+12, x, w+12, n, step);
}

static void
cqdot16(float *out, void *x, uchar *w, int groups, int pairs)
{
	short *xs, *ws;
	float *wscale, *xscale, p;
	int r, k, sum;

	memset(out, 0, 16*sizeof(float));
	for(; groups > 0; groups--){
		xscale = (float*)((uchar*)x + 16*pairs);
		wscale = (float*)(w + 64*pairs);
		for(r = 0; r < 16; r++){
			xs = x;
			ws = (short*)w + 2*r;
			sum = 0;
			for(k = 0; k < pairs; k++){
				sum += ws[0]*xs[0] + ws[1]*xs[1];
				xs += 8;
				ws += 32;
			}
			p = sum;
			p = p*wscale[r];
			p = p*xscale[0];
			out[r] = out[r] + p;
		}
		x = xscale + 4;
		w = (uchar*)(wscale + 16);
	}
}

static void
csumsq(float *out, float *x, float*, int n)
{
	float ss, p;

	ss = 0;
	for(; n > 0; n--){
		p = *x * *x;
		ss = ss + p;
		x++;
	}
	*out = ss;
}

static void
cscale(float *o, float *x, float *w, float *ss, int n)
{
	float p;
	int i;

	for(i = 0; i < n; i++){
		p = *ss * x[i];
		o[i] = w[i]*p;
	}
}

static void
cadd(float *x, float *y, int n)
{
	int i;

	for(i = 0; i < n; i++)
		x[i] = x[i] + y[i];
}

static void
cdiv(float *x, float *d, int n)
{
	int i;

	for(i = 0; i < n; i++)
		x[i] = x[i] / *d;
}

static void
cexpsum(float *x, float *sum, int n)
{
	float max, d, s;
	int i;

	max = x[0];
	for(i = 1; i < n; i++)
		if(x[i] > max)
			max = x[i];
	s = 0;
	for(i = 0; i < n; i++){
		d = x[i] - max;
		x[i] = fexp(d);
		s = s + x[i];
	}
	*sum = s;
}

static void
cswiglu(float *h, float *g, float*, int n)
{
	float e, v;
	int i;

	for(i = 0; i < n; i++){
		v = h[i];
		e = fexp(-v);
		e = 1 + e;
		e = 1 / e;
		v = v*e;
		h[i] = v*g[i];
	}
}

static void
crotate(float *v, float *c, float *s, int n)
{
	float p, q, v0, v1;
	int i;

	for(i = 0; i < n; i += 2){
		v0 = v[i];
		v1 = v[i+1];
		p = v0*c[i];
		q = v1*s[i];
		v[i] = p + q;
		p = v1*c[i+1];
		q = v0*s[i+1];
		v[i+1] = p + q;
	}
}

static void
croot(float *x)
{
	*x = fsqrt(*x);
}

static void
cround(int *q, float *x, float *scale, int n)
{
	float f;
	int i, t;

	for(i = 0; i < n; i++){
		f = x[i] / *scale;
		if(f >= 127)
			t = 127;
		else if(f <= -127)
			t = -127;
		else{
			t = f;
			f = f - t;
			if(f >= 0.5)
				t++;
			else if(f <= -0.5)
				t--;
		}
		q[i] = t;
	}
}

static void
simdexpsum(float *x, float *sum, int n)
{
	float sub[8];
	int i;

	ssemax(&sub[0], x, n);
	for(i = 1; i < 4; i++)
		sub[i] = sub[0];
	memset(sub+4, 0, 4*sizeof(float));
	sseexp(x, x, sub, n);
	ssesum(sum, x, n);
}

static void
simdswiglu(float *h, float *g, float *tmp, int n)
{
	static u32int neg[8] = {
		0, 0, 0, 0,
		0x80000000, 0x80000000, 0x80000000, 0x80000000,
	};

	sseexp(tmp, h, (float*)neg, n);
	sseglu(h, tmp, g, n);
}

static Kernels plain = {
	cdot16,
	cdot4,
	cqdot16,
	csumsq,
	cscale,
	cadd,
	cdiv,
	cexpsum,
	cswiglu,
	crotate,
	croot,
	cround,
};

static Kernels simd = {
	ssedot16,
	ssedot4,
	sseqdot16,
	ssesumsq,
	ssescale,
	sseadd,
	ssediv,
	simdexpsum,
	simdswiglu,
	sserotate,
	ssesqrt,
	sseround,
};

Kernels kernels;

void
usesimd(int on)
{
	if(on)
		kernels = simd;
	else
		kernels = plain;
}

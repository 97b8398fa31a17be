#include <u.h>
#include <libc.h>
#include "llm.h"
#include "simd.h"

/* Q8_0's part of a model: llm.h has the layout of a Matrix. */

int
loadmatrixq(int fd, Tensor *t, Matrix *m)
{
	int d, n, gs, groups, pairs, rows, step, row, r, g, k, nr;
	long rowbytes;
	vlong block;
	uchar *buf, *w;
	schar *q;
	short *p;

	d = t->d;
	n = t->n;
	gs = m->group;
	groups = n/gs;
	pairs = (gs+1)/2;
	block = matrixbytes(16, n, gs);
	memset(m->w, 0, matrixbytes(d, n, gs));

	/* the integers, then the scales, which need no more room */
	rowbytes = n;
	if(4*groups > n)
		rowbytes = 4*groups;
	step = Piece/(16*rowbytes);
	if(step < 1)
		step = 1;
	step *= 16;
	buf = bigalloc((vlong)step*rowbytes);
	if(buf == nil)
		return -1;
	for(row = 0; row < d; row += step){
		rows = step;
		if(rows > d-row)
			rows = d-row;
		if(preadn(fd, buf, (long)rows*n, t->offset + (vlong)row*n) < 0)
			goto Error;
		for(r = 0; r < rows; r++){
			q = (schar*)buf + (long)r*n;
			nr = row+r;
			w = m->w + nr/16*block + nr%16*4;
			for(g = 0; g < groups; g++){
				p = (short*)w;
				for(k = 0; k < gs; k++){
					p[k&1] = q[k];
					if(k & 1)
						p += 32;
				}
				q += gs;
				w += 64*pairs + 64;
			}
		}
	}
	rowbytes = 4*groups;
	for(row = 0; row < d; row += step){
		rows = step;
		if(rows > d-row)
			rows = d-row;
		if(preadn(fd, buf, rows*rowbytes, t->offset + (vlong)d*n + (vlong)row*rowbytes) < 0)
			goto Error;
		for(r = 0; r < rows; r++){
			nr = row+r;
			w = m->w + nr/16*block + nr%16*4 + 64*pairs;
			for(g = 0; g < groups; g++){
				memmove(w, buf + r*rowbytes + 4*g, 4);
				w += 64*pairs + 64;
			}
		}
	}
	free(buf);
	return 0;

Error:
	free(buf);
	return -1;
}

void
embedq(Matrix *m, int row, float *x)
{
	int g, k, gs, pairs;
	uchar *w;
	short *p;
	float s, q;

	gs = m->group;
	pairs = (gs+1)/2;
	w = m->w + row/16*matrixbytes(16, m->n, gs) + row%16*4;
	for(g = 0; g < m->n/gs; g++){
		s = *(float*)(w + 64*pairs);
		p = (short*)w;
		for(k = 0; k < gs; k++){
			q = p[k&1];
			*x++ = q*s;
			if(k & 1)
				p += 32;
		}
		w += 64*pairs + 64;
	}
}

/* the greatest magnitude, as the bits of its float, which compare as it does */
static u32int
maxbits(u32int *b, int n)
{
	u32int max, v;

	max = 0;
	for(; n > 0; n--){
		v = *b++ & 0x7fffffff;
		if(v > max)
			max = v;
	}
	return max;
}

/* pairs of shorts, each four times */
static u32int*
pairs4(u32int *o, int *q, int n)
{
	u32int v;

	for(; n > 0; n -= 2){
		v = (q[0] & 0xffff) | q[1]<<16;
		o[0] = v;
		o[1] = v;
		o[2] = v;
		o[3] = v;
		o += 4;
		q += 2;
	}
	return o;
}

/*
 * runq.c's: scale = max |x| / 127 of each group, q = x / scale rounded half
 * away from zero; of zeros all is 0.  For each group xq has its pairs of
 * shorts, each four times, then the scale four times; qi has room for a
 * group.
 */
void
quantize(uchar *xq, int *qi, float *x, int n, int gs)
{
	u32int *b, max, *o;
	float m, scale;
	int g, k;

	o = (u32int*)xq;
	for(g = 0; g < n; g += gs){
		b = (u32int*)x;
		max = maxbits(b, gs);
		m = *(float*)&max;
		scale = m/127;
		if(scale == 0)
			memset(qi, 0, gs*sizeof(int));
		else{
			kernels.round(qi, x, &scale, gs);
			if(max >= 0x7f800000)	/* no numbers */
				for(k = 0; k < gs; k++)
					if((b[k] & 0x7fffffff) >= 0x7f800000)
						qi[k] = 0;
		}
		if(gs & 1)
			qi[gs] = 0;
		o = pairs4(o, qi, gs);
		for(k = 0; k < 4; k++)
			*o++ = *(u32int*)&scale;
		x += gs;
	}
}

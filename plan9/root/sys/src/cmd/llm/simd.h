/*
 * The kernels, in C and in SSE2: the same bits.
 * All vectors have room for a multiple of 4, and those that are done four
 * at a time are done to the end of the last four.  Steps are in bytes.
 */
typedef struct Kernels	Kernels;
struct Kernels
{
	/* out[r] = sum over j < n, in order, of w[r]*x[4*j], w then going on by step; of 16 r, or 4 */
	void	(*dot16)(float *out, float *x, float *w, int n, int step);
	void	(*dot4)(float *out, float *x, float *w, int n, int step);
	/* 16 rows of Q8_0 by what quantize made */
	void	(*qdot16)(float *out, void *x, uchar *w, int groups, int pairs);
	/* *out = sum of squares, in order; tmp has room for n */
	void	(*sumsq)(float *out, float *x, float *tmp, int n);
	/* o = w * (*ss * x) */
	void	(*scale)(float *o, float *x, float *w, float *ss, int n);
	/* x += y */
	void	(*add)(float *x, float *y, int n);
	/* x /= *d */
	void	(*div)(float *x, float *d, int n);
	/* x = exp(x - max), then *sum = their sum, in order */
	void	(*expsum)(float *x, float *sum, int n);
	/* h = h * (1 / (1 + exp(-h))) * g; tmp has room for n */
	void	(*swiglu)(float *h, float *g, float *tmp, int n);
	/* pairs turned: v = v*c + (v's pairs exchanged)*s */
	void	(*rotate)(float *v, float *c, float *s, int n);
	/* *x = its root */
	void	(*sqrt)(float *x);
	/* q = x / *scale, rounded half away from zero, no further than 127 */
	void	(*round)(int *q, float *x, float *scale, int n);
};

extern Kernels kernels;
void	usesimd(int);

/* simd_*.s: pointers and integers only, so that every calling convention will do */
void	ssedot16(float*, float*, float*, int, int);
void	ssedot4(float*, float*, float*, int, int);
void	sseqdot16(float*, void*, uchar*, int, int);
void	ssesumsq(float*, float*, float*, int);
void	ssescale(float*, float*, float*, float*, int);
void	sseadd(float*, float*, int);
void	ssediv(float*, float*, int);
void	ssemax(float *max, float *x, int n);
/* o = exp(+-(x - sub[0..3])), the sign changed where sub[4..7] says so by its sign bits */
void	sseexp(float *o, float *x, float *sub, int n);
void	ssesum(float *sum, float *x, int n);
void	sseglu(float *h, float *e, float *g, int n);
void	ssesqrt(float*);
void	sserotate(float*, float*, float*, int);
void	sseround(int*, float*, float*, int);

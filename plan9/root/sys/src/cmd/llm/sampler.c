#include <u.h>
#include <libc.h>
#include "llm.h"
#include "simd.h"

/*
 * run.c's sampler, each step a float.  Of equal probabilities, whose order
 * run.c's qsort leaves open, the lower token comes first.
 */

void
initsampler(Sampler *s, float temp, float topp, uvlong seed)
{
	memset(s, 0, sizeof *s);
	s->temp = temp;
	s->topp = topp;
	s->state = seed;
}

void
freesampler(Sampler *s)
{
	free(s->heap);
	s->heap = nil;
	s->nheap = 0;
}

/* in [0, 1), of 24 bits of xorshift64*'s */
static float
coin(Sampler *s)
{
	u32int r;
	float f;

	s->state ^= s->state >> 12;
	s->state ^= s->state << 25;
	s->state ^= s->state >> 27;
	r = (s->state * 0x2545F4914F6CDD1DULL) >> 32;
	f = (int)(r >> 8);
	return f / 16777216;
}

static int
argmax(float *v, int n)
{
	int i, m;

	m = 0;
	for(i = 1; i < n; i++)
		if(v[i] > v[m])
			m = i;
	return m;
}

static int
multinomial(float *p, int n, float r)
{
	float cdf;
	int i;

	cdf = 0;
	for(i = 0; i < n; i++){
		cdf = cdf + p[i];
		if(r < cdf)
			return i;
	}
	return n - 1;
}

static int
before(float *p, int a, int b)
{
	return p[a] > p[b] || (p[a] == p[b] && a < b);
}

/* moves token down to its place in the heap of n, from the hole at i */
static void
sift(float *p, int *heap, int n, int i, int token)
{
	int c;

	for(; (c = 2*i + 1) < n; i = c){
		if(c+1 < n && before(p, heap[c+1], heap[c]))
			c++;
		if(!before(p, heap[c], token))
			break;
		heap[i] = heap[c];
	}
	heap[i] = token;
}

/* what is taken from the heap stands behind it, the last first */
static int
nucleus(float *p, int size, float topp, float r, int *heap)
{
	float cutoff, cum, cdf;
	int i, n, left, top;

	/* what is smaller cannot be among the most probable that make up topp */
	cutoff = 1 - topp;
	cutoff = cutoff / (size-1);
	n = 0;
	for(i = 0; i < size; i++)
		if(p[i] >= cutoff)
			heap[n++] = i;
	if(n == 0)
		return size - 1;
	for(i = n/2 - 1; i >= 0; i--)
		sift(p, heap, n, i, heap[i]);
	cum = 0;
	for(left = n; left > 0 && !(cum > topp); heap[left] = top){
		top = heap[0];
		cum = cum + p[top];
		left--;
		sift(p, heap, left, 0, heap[left]);
	}
	r = r*cum;
	cdf = 0;
	for(i = n-1; i >= left; i--){
		cdf = cdf + p[heap[i]];
		if(r < cdf)
			return heap[i];
	}
	return heap[left];
}

int
sample(Sampler *s, float *logits, int n)
{
	float r, sum;

	if(s->temp == 0)
		return argmax(logits, n);
	r = coin(s);
	kernels.div(logits, &s->temp, n);
	kernels.expsum(logits, &sum, n);
	kernels.div(logits, &sum, n);
	if(s->topp <= 0 || s->topp >= 1)
		return multinomial(logits, n, r);
	if(s->nheap < n){
		free(s->heap);
		s->nheap = 0;
		s->heap = malloc((n+1)*sizeof(int));
		if(s->heap == nil)
			return -1;
		s->nheap = n;
	}
	return nucleus(logits, n, s->topp, r, s->heap);
}

double
logprob(float *logits, int n, int token)
{
	double max, sum;
	int i;

	max = logits[0];
	for(i = 1; i < n; i++)
		if(logits[i] > max)
			max = logits[i];
	sum = 0;
	for(i = 0; i < n; i++)
		sum += fexp(logits[i] - max);
	return logits[token] - max - flog(sum);
}

#include <u.h>
#include <libc.h>
#include <thread.h>
#include "../llm.h"
#include "../simd.h"

/*
 * What the tests compare with the WASM engine, as bytes on fd 1:
 *	dump [-l] [-s] [-j n] model token...	each position's logits; -l: each step's vector, its name and layer before it
 *	dump math	floats from fd 0: exp, sin, cos, 10000^ and log of each, as doubles
 *	dump exp	floats from fd 0: softmax's exponentials of them, and their sum
 *	dump tokens model-vocab-size tokenizer	lines from fd 0: their tokens, a line each; a line's pieces back
 *	dump sample temp topp seed n	rows of n floats from fd 0: the tokens drawn
 * -s is --no-simd.
 */
static void
out(void *a, long n)
{
	if(write(1, a, n) != n)
		sysfatal("write: %r");
}

static void
layer(char *what, int l, float *v, int n)
{
	char line[64];

	snprint(line, sizeof line, "%s %d %d\n", what, l, n);
	out(line, strlen(line));
	out(v, n*sizeof(float));
}

static long
readall(uchar **a)
{
	long n, m, have;
	uchar *p;

	have = 1<<16;
	p = malloc(have);
	for(n = 0; p != nil && (m = read(0, p+n, have-n)) > 0; n += m)
		if(have - (n+m) < 1<<15)
			p = realloc(p, have *= 2);
	if(p == nil)
		sysfatal("%r");
	*a = p;
	return n;
}

static void
math(void)
{
	uchar *a;
	double y[5];
	float x;
	long i, n;

	n = readall(&a);
	for(i = 0; i < n; i += 4){
		x = *(float*)(a+i);
		y[0] = fexp(x);
		y[1] = 0;
		y[2] = 0;
		y[3] = 0;
		y[4] = 0;
		if(x >= 0 && x < 1<<20){
			y[1] = fsin(x);
			y[2] = fcos(x);
		}
		if(x >= 0 && x <= 1)
			y[3] = fpow10000(x);
		if(x >= 1 && !isInf(x, 1))
			y[4] = flog(x);
		out(y, sizeof y);
	}
}

static void
simdexp(int on)
{
	uchar *a;
	float *x, sum;
	long n;

	usesimd(on);
	n = readall(&a)/4;
	x = (float*)a;
	kernels.expsum(x, &sum, n);
	out(x, n*4);
	out(&sum, 4);
}

static void
tokens(int vocab, char *file)
{
	Tokenizer *t;
	Text text;
	uchar *a;
	char *s, *e, *p, buf[1024];
	int *tok, i, k, n, prev;

	t = loadtokenizer(file, vocab);
	if(t == nil)
		sysfatal("%s: %r", file);
	n = readall(&a);
	a[n] = 0;
	for(s = (char*)a; *s != 0; s = e+1){
		e = strchr(s, '\n');
		if(e == nil)
			break;
		*e = 0;
		tok = encode(t, s, 1, 0, &n);
		if(tok == nil)
			sysfatal("%r");
		for(i = 0; i < n; i++)
			print("%d ", tok[i]);
		memset(&text, 0, sizeof text);
		prev = tok[0];
		for(i = 1; i < n; i++){
			p = decode(t, prev, tok[i], &k);
			if(k > sizeof buf)
				sysfatal("long token");
			k = textadd(&text, p, k, buf);
			out(buf, k);
			prev = tok[i];
		}
		print("\n");
		free(tok);
	}
}

static void
samples(char *temp, char *topp, char *seed, int n)
{
	Sampler s;
	uchar *a;
	float *row;	/* with room for the kernels */
	long i, m;

	row = mallocz((n+4)*sizeof(float), 1);
	if(row == nil)
		sysfatal("%r");
	initsampler(&s, strtod(temp, nil), strtod(topp, nil), strtoull(seed, nil, 10));
	m = readall(&a);
	for(i = 0; i + 4*n <= m; i += 4*n){
		memmove(row, a+i, 4*n);
		print("%d\n", sample(&s, row, n));
	}
}

void
threadmain(int argc, char *argv[])
{
	Model *m;
	Session *s;
	float *logits;
	int i, simd, threads;

	simd = 1;
	threads = 1;
	initfp();
	ARGBEGIN{
	case 'l':
		trace = layer;
		break;
	case 's':
		simd = 0;
		break;
	case 'j':
		threads = atoi(ARGF());
		break;
	}ARGEND
	usesimd(simd);
	if(argc < 1)
		sysfatal("usage");
	if(strcmp(argv[0], "math") == 0)
		math();
	else if(strcmp(argv[0], "exp") == 0)
		simdexp(simd);
	else if(strcmp(argv[0], "tokens") == 0)
		tokens(atoi(argv[1]), argv[2]);
	else if(strcmp(argv[0], "sample") == 0)
		samples(argv[1], argv[2], argv[3], atoi(argv[4]));
	else{
		m = loadmodel(argv[0], simd, threads);
		if(m == nil)
			sysfatal("%s: %r", argv[0]);
		s = mksession(m);
		if(s == nil)
			sysfatal("%r");
		for(i = 1; i < argc && i <= m->seq_len; i++){
			logits = forward(s, atoi(argv[i]), i-1, 1);
			if(trace == nil)
				out(logits, m->vocab_size*sizeof(float));
		}
		freesession(s);
		freemodel(m);
	}
	threadexitsall(nil);
}

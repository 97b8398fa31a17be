/*
 * A peer of tests/bench/engine.ts: a llama's forward pass as plain C loops, to be compiled with -Ofast -march=native, and
 * with -fopenmp for as many threads as OMP_NUM_THREADS says.
 *
 *	native MODEL STEPS
 *	native read
 *
 * MODEL is a llama2.c checkpoint of version 0 (FP32) or 2 (Q8_0). Prints tokens a second over STEPS positions, the first
 * of which is not timed; or of plain reading the megabytes a second, which no decoding of a large model can exceed.
 */
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

typedef struct {
	int32_t dim, hidden, layers, heads, kvheads, vocab, seq;
} Shape;

/* A matrix as it stands in the file: float32, or int8 with a scale for each group. */
typedef struct {
	const float *f;
	const int8_t *q;
	const float *s;
} Mat;

static Shape sh;
static int group; /* 0: FP32 */
static const char *at;
static int8_t *xq;
static float *xs;

static void *
zeros(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL) {
		perror("native");
		exit(1);
	}
	return p;
}

static const float *
floats(size_t n)
{
	const float *p = (const float *)at;

	at += n * sizeof(float);
	return p;
}

static Mat
matrix(size_t n)
{
	Mat m = {0};

	if (group == 0)
		m.f = floats(n);
	else {
		m.q = (const int8_t *)at;
		at += n;
		m.s = floats(n / group);
	}
	return m;
}

static Mat *
matrices(size_t n)
{
	Mat *m = zeros(sh.layers, sizeof *m);

	for (int l = 0; l < sh.layers; l++)
		m[l] = matrix(n);
	return m;
}

/* What the matmuls that follow are of. */
static void
prepare(const float *x, int n)
{
	if (group == 0)
		return;
	for (int g = 0; g < n / group; g++) {
		const float *v = x + g * group;
		float most = 0;
		for (int i = 0; i < group; i++)
			most = fmaxf(most, fabsf(v[i]));
		float scale = most / 127;
		xs[g] = scale;
		for (int i = 0; i < group; i++)
			xq[g * group + i] = scale == 0 ? 0 : (int8_t)roundf(v[i] / scale);
	}
}

static void
mul(float *out, const float *x, Mat m, int n, int d)
{
	if (group == 0) {
		#pragma omp parallel for
		for (int i = 0; i < d; i++) {
			const float *w = m.f + (size_t)i * n;
			float sum = 0;
			for (int j = 0; j < n; j++)
				sum += w[j] * x[j];
			out[i] = sum;
		}
		return;
	}
	#pragma omp parallel for
	for (int i = 0; i < d; i++) {
		const int8_t *w = m.q + (size_t)i * n;
		const float *s = m.s + (size_t)i * n / group;
		float sum = 0;
		for (int g = 0; g < n / group; g++) {
			int32_t dot = 0;
			for (int k = 0; k < group; k++)
				dot += (int32_t)w[g * group + k] * xq[g * group + k];
			sum += dot * s[g] * xs[g];
		}
		out[i] = sum;
	}
}

static void
norm(float *out, const float *x, const float *w)
{
	float ss = 0;

	for (int i = 0; i < sh.dim; i++)
		ss += x[i] * x[i];
	ss = 1 / sqrtf(ss / sh.dim + 1e-5f);
	for (int i = 0; i < sh.dim; i++)
		out[i] = w[i] * ss * x[i];
}

static void
turn(float *v, int n, int size, int pos)
{
	for (int i = 0; i < n; i += 2) {
		float angle = pos / powf(10000, (float)(i % size) / size);
		float c = cosf(angle), s = sinf(angle), a = v[i], b = v[i + 1];
		v[i] = a * c - b * s;
		v[i + 1] = a * s + b * c;
	}
}

/* Sums 256 MB four times. */
static void
readmemory(void)
{
	size_t n = 64 << 20;
	float *v = malloc(n * sizeof *v), total = 0;
	struct timespec from, to;
#pragma omp parallel for
	for (size_t i = 0; i < n; i++)
		v[i] = i & 7;
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int round = 0; round < 4; round++) {
#pragma omp parallel for reduction(+ : total)
		for (size_t i = 0; i < n; i++)
			total += v[i];
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	double s = to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) * 1e-9;
	fprintf(stderr, "sum %g\n", total);
	printf("%.1f\n", 4 * n * sizeof *v / s / 1e6);
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "read") == 0) {
		readmemory();
		return 0;
	}
	if (argc != 3) {
		fprintf(stderr, "usage: native MODEL STEPS\n       native read\n");
		return 2;
	}
	int fd = open(argv[1], O_RDONLY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0) {
		perror(argv[1]);
		return 1;
	}
	const char *file = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (file == MAP_FAILED) {
		perror(argv[1]);
		return 1;
	}
	int quantized = memcmp(file, "24ka", 4) == 0;
	memcpy(&sh, file + (quantized ? 8 : 0), sizeof sh);
	if (quantized)
		memcpy(&group, file + 37, 4);
	at = file + (quantized ? 256 : sizeof sh);

	int size = sh.dim / sh.heads, kv = size * sh.kvheads;
	size_t dd = (size_t)sh.dim * sh.dim, dk = (size_t)sh.dim * kv, dh = (size_t)sh.dim * sh.hidden;
	const float *attnorm, *ffnnorm, *lastnorm;
	Mat embedding;
	if (quantized) {
		attnorm = floats((size_t)sh.layers * sh.dim);
		ffnnorm = floats((size_t)sh.layers * sh.dim);
		lastnorm = floats(sh.dim);
		embedding = matrix((size_t)sh.vocab * sh.dim);
	} else {
		embedding = matrix((size_t)sh.vocab * sh.dim);
		attnorm = floats((size_t)sh.layers * sh.dim);
	}
	Mat *wq = matrices(dd), *wk = matrices(dk), *wv = matrices(dk), *wo = matrices(dd);
	if (!quantized)
		ffnnorm = floats((size_t)sh.layers * sh.dim);
	Mat *w1 = matrices(dh), *w2 = matrices(dh), *w3 = matrices(dh);
	if (!quantized)
		lastnorm = floats(sh.dim);

	int longest = sh.dim > sh.hidden ? sh.dim : sh.hidden;
	xq = zeros(longest, 1);
	xs = zeros(longest, sizeof *xs);
	float *x = zeros(sh.dim, 4), *y = zeros(longest, 4), *z = zeros(longest, 4), *q = zeros(sh.dim, 4);
	float *h = zeros(sh.hidden, 4), *score = zeros((size_t)sh.heads * sh.seq, 4), *logits = zeros(sh.vocab, 4);
	float *keys = zeros((size_t)sh.layers * sh.seq * kv, 4), *values = zeros((size_t)sh.layers * sh.seq * kv, 4);
	int steps = atoi(argv[2]);
	struct timespec begun, ended;

	for (int pos = 0; pos < steps; pos++) {
		if (pos == 1)
			clock_gettime(CLOCK_MONOTONIC, &begun);
		size_t row = (size_t)(pos * 97 % sh.vocab) * sh.dim;
		for (int i = 0; i < sh.dim; i++)
			x[i] = group ? embedding.q[row + i] * embedding.s[(row + i) / group] : embedding.f[row + i];
		for (int l = 0; l < sh.layers; l++) {
			float *layerkeys = keys + (size_t)l * sh.seq * kv, *layervalues = values + (size_t)l * sh.seq * kv;
			float *k = layerkeys + (size_t)pos * kv;
			norm(y, x, attnorm + (size_t)l * sh.dim);
			prepare(y, sh.dim);
			mul(q, y, wq[l], sh.dim, sh.dim);
			mul(k, y, wk[l], sh.dim, kv);
			mul(layervalues + (size_t)pos * kv, y, wv[l], sh.dim, kv);
			turn(q, sh.dim, size, pos);
			turn(k, kv, size, pos);
			#pragma omp parallel for
			for (int a = 0; a < sh.heads; a++) {
				size_t off = (size_t)(a / (sh.heads / sh.kvheads)) * size;
				float *s = score + (size_t)a * sh.seq, *out = y + a * size, most = -INFINITY, sum = 0;
				for (int t = 0; t <= pos; t++) {
					float dot = 0;
					for (int i = 0; i < size; i++)
						dot += q[a * size + i] * layerkeys[(size_t)t * kv + off + i];
					s[t] = dot / sqrtf(size);
					most = fmaxf(most, s[t]);
				}
				for (int t = 0; t <= pos; t++)
					sum += s[t] = expf(s[t] - most);
				memset(out, 0, size * sizeof *out);
				for (int t = 0; t <= pos; t++)
					for (int i = 0; i < size; i++)
						out[i] += s[t] / sum * layervalues[(size_t)t * kv + off + i];
			}
			prepare(y, sh.dim);
			mul(z, y, wo[l], sh.dim, sh.dim);
			for (int i = 0; i < sh.dim; i++)
				x[i] += z[i];
			norm(y, x, ffnnorm + (size_t)l * sh.dim);
			prepare(y, sh.dim);
			mul(h, y, w1[l], sh.dim, sh.hidden);
			mul(z, y, w3[l], sh.dim, sh.hidden);
			for (int i = 0; i < sh.hidden; i++)
				h[i] *= z[i] / (1 + expf(-h[i]));
			prepare(h, sh.hidden);
			mul(y, h, w2[l], sh.hidden, sh.dim);
			for (int i = 0; i < sh.dim; i++)
				x[i] += y[i];
		}
		norm(x, x, lastnorm);
		prepare(x, sh.dim);
		mul(logits, x, embedding, sh.dim, sh.vocab);
	}
	clock_gettime(CLOCK_MONOTONIC, &ended);
	double s = ended.tv_sec - begun.tv_sec + (ended.tv_nsec - begun.tv_nsec) / 1e9;
	printf("%f\n", (steps - 1) / s);
	return 0;
}

#include <u.h>
#include <libc.h>
#include "llm.h"
#include "simd.h"

/*
 * A model and its forward pass.  Every bit of every logit is that of
 * llmfs/engine/forward.ts: all is float, rounded to nearest, summed in the
 * order written there.
 *
 * gcc and 6c compute float by SSE, which does that.  8c computes on the
 * 387, whose precision 9front sets to 53 bits, and its registers have more
 * exponent than a float.  The bits are the same where each operation's
 * result goes to a float variable, as everywhere here:
 *   +, -, *, / and sqrt of two floats (24 bits), rounded to 53 and then to
 *   24, round as if once, since 53 >= 2*24 + 2.  A product of two floats is
 *   exact in 53 bits; so it is still, where the float is denormal and keeps
 *   fewer bits.  A sum that is denormal is exact.  A quotient of 24-bit
 *   numbers cannot be nearer to the middle of two floats than 2^-49 of it,
 *   unless it is that middle, which 53 bits tell.
 *   The exponent's range: a store to float overflows or goes denormal as
 *   SSE's operation would.
 * Operations in double (math.c) have 53 bits in both, one at a time or in
 * one expression; none there overflows or underflows: |x| <= 128 in fexp.
 * So --no-simd gives the same bits under 8c; what is fast is simd_*.s.
 * The tests hold a 387's programs to that, by gcc and in v86.
 */

void	(*trace)(char*, int, float*, int);

static void
show(char *what, int layer, float *v, int n)
{
	if(trace != nil)
		trace(what, layer, v, n);
}

void*
bigalloc(vlong n)
{
	void *p;

	p = nil;
	if(n == (vlong)(ulong)n && n < (vlong)((uintptr)~0 >> 1))
		p = malloc(n);
	if(p == nil)
		werrstr("no memory for %lld bytes", n);
	return p;
}

int	(*reading)(int, long);

int
preadn(int fd, void *a, long n, vlong off)
{
	long m, got;

	for(got = 0; got < n; got += m){
		m = n - got;
		if(m > Piece)
			m = Piece;
		m = pread(fd, (char*)a + got, m, off + got);
		if(m < 0)
			return -1;
		if(m == 0){
			werrstr("file truncated: %lld of at least %lld bytes", off+got, off+n);
			return -1;
		}
		if(reading != nil && reading(fd, m) < 0)
			return -1;
	}
	return 0;
}

static s32int
get4(uchar *p)
{
	return p[0] | p[1]<<8 | p[2]<<16 | (u32int)p[3]<<24;
}

/* sizes that no model has, or that do not go together */
static int
checkconfig(Config *c, vlong vocab)
{
	static char *name[] = {
		"dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "seq_len",
	};
	static int most[] = {
		1<<17, 1<<19, 1<<10, 1<<12, 1<<12, 1<<21, 1<<21,
	};
	vlong v[7];
	int i;

	v[0] = c->dim;
	v[1] = c->hidden_dim;
	v[2] = c->n_layers;
	v[3] = c->n_heads;
	v[4] = c->n_kv_heads;
	v[5] = vocab;
	v[6] = c->seq_len;
	for(i = 0; i < nelem(v); i++)
		if(v[i] < 1 || v[i] > most[i]){
			werrstr("absurd sizes: %s %lld", name[i], v[i]);
			return -1;
		}
	if(c->dim % c->n_heads != 0){
		werrstr("absurd sizes: dim %d in %d heads", c->dim, c->n_heads);
		return -1;
	}
	if(c->dim/c->n_heads % 2 != 0){
		werrstr("absurd sizes: head size %d", c->dim/c->n_heads);
		return -1;
	}
	if(c->n_heads % c->n_kv_heads != 0){
		werrstr("absurd sizes: n_heads %d over n_kv_heads %d", c->n_heads, c->n_kv_heads);
		return -1;
	}
	return 0;
}

static void
add(Checkpoint *c, char *name, int layers, int d, int n, int q80)
{
	Tensor *t;
	vlong size;
	int l;

	size = (vlong)d*n;
	if(q80)
		size += 4*(size/c->group);
	else
		size *= 4;
	for(l = 0; l < layers; l++){
		t = &c->tensor[c->ntensor++];
		t->name = name;
		t->layer = l;
		t->d = d;
		t->n = n;
		t->q80 = q80;
		t->offset = c->bytes;
		c->bytes += size;
		c->params += (vlong)d*n;
	}
}

int
mklayout(Checkpoint *c)
{
	int kv, q;

	c->ntensor = 0;
	c->params = 0;
	c->tensor = malloc((4 + 9*c->n_layers)*sizeof(Tensor));
	if(c->tensor == nil)
		return -1;
	kv = c->dim/c->n_heads*c->n_kv_heads;
	q = c->version == 2;
	c->bytes = 256;
	if(c->version == 0){
		c->bytes = 28;
		add(c, "token_embedding_table", 1, c->vocab_size, c->dim, 0);
		add(c, "rms_att_weight", c->n_layers, 1, c->dim, 0);
	}else{
		add(c, "rms_att_weight", c->n_layers, 1, c->dim, 0);
		add(c, "rms_ffn_weight", c->n_layers, 1, c->dim, 0);
		add(c, "rms_final_weight", 1, 1, c->dim, 0);
		add(c, "token_embedding_table", 1, c->vocab_size, c->dim, q);
	}
	add(c, "wq", c->n_layers, c->dim, c->dim, q);
	add(c, "wk", c->n_layers, kv, c->dim, q);
	add(c, "wv", c->n_layers, kv, c->dim, q);
	add(c, "wo", c->n_layers, c->dim, c->dim, q);
	if(c->version == 0)
		add(c, "rms_ffn_weight", c->n_layers, 1, c->dim, 0);
	add(c, "w1", c->n_layers, c->hidden_dim, c->dim, q);
	add(c, "w2", c->n_layers, c->dim, c->hidden_dim, q);
	add(c, "w3", c->n_layers, c->hidden_dim, c->dim, q);
	if(c->version == 0){
		add(c, "rms_final_weight", 1, 1, c->dim, 0);
		/* once RoPE's tables, not used any more */
		c->bytes += (vlong)4*c->seq_len*(c->dim/c->n_heads);
	}
	if(!c->shared)
		add(c, "wcls", 1, c->vocab_size, c->dim, q);
	return 0;
}

static void
getconfig(Config *c, uchar *p)
{
	c->dim = get4(p);
	c->hidden_dim = get4(p+4);
	c->n_layers = get4(p+8);
	c->n_heads = get4(p+12);
	c->n_kv_heads = get4(p+16);
	c->vocab_size = get4(p+20);
	c->seq_len = get4(p+24);
}

/* versions 1 and 2; -1: no such */
static int
versioned(Checkpoint *c, uchar *head, vlong size)
{
	if(size < 256){
		werrstr("file truncated: %lld of at least 256 bytes", size);
		return -1;
	}
	c->version = get4(head+4);
	if(c->version != 1 && c->version != 2){
		werrstr("bad version %d", c->version);
		return -1;
	}
	getconfig(c, head+8);
	if(checkconfig(c, c->vocab_size) < 0)
		return -1;
	c->shared = head[36] != 0;
	c->group = 0;
	if(c->version == 1)
		return 0;
	c->group = get4(head+37);
	if(c->group < 1){
		werrstr("absurd sizes: group size %d", c->group);
		return -1;
	}
	if(c->dim % c->group != 0){
		werrstr("group size %d does not divide rows of %d", c->group, c->dim);
		return -1;
	}
	if(c->hidden_dim % c->group != 0){
		werrstr("group size %d does not divide rows of %d", c->group, c->hidden_dim);
		return -1;
	}
	return 0;
}

static int
legacy(Checkpoint *c, uchar *head)
{
	char err[ERRMAX];
	vlong vocab;

	c->version = 0;
	c->group = 0;
	getconfig(c, head);
	/* a negative one says that the classifier is not shared */
	vocab = c->vocab_size;
	c->shared = vocab > 0;
	if(vocab < 0)
		vocab = -vocab;
	c->vocab_size = vocab;
	if(checkconfig(c, vocab) < 0){
		rerrstr(err, sizeof err);
		werrstr("not a llama2.c checkpoint: %s", err);
		return -1;
	}
	return 0;
}

int
readhdr(int fd, Checkpoint *c)
{
	uchar head[256];
	vlong size;
	Dir *d;

	memset(c, 0, sizeof *c);
	d = dirfstat(fd);
	if(d == nil)
		return -1;
	size = d->length;
	free(d);
	if(size < 28){
		werrstr("file truncated: %lld of at least 28 bytes", size);
		return -1;
	}
	if(preadn(fd, head, size < sizeof head? size: sizeof head, 0) < 0)
		return -1;
	if(get4(head) == 0x616b3432){
		if(versioned(c, head, size) < 0)
			return -1;
	}else if(legacy(c, head) < 0)
		return -1;
	if(mklayout(c) < 0)
		return -1;
	if(size != c->bytes){
		if(size < c->bytes)
			werrstr("file truncated: %lld of %lld bytes", size, c->bytes);
		else
			werrstr("file too long: %lld bytes, not %lld", size, c->bytes);
		free(c->tensor);
		c->tensor = nil;
		return -1;
	}
	return 0;
}

Tensor*
findtensor(Checkpoint *c, char *name, int layer)
{
	Tensor *t;

	for(t = c->tensor; t < c->tensor + c->ntensor; t++)
		if(t->layer == layer && strcmp(t->name, name) == 0)
			return t;
	return nil;
}

static int
up16(int n)
{
	return (n+15) & ~15;
}

vlong
matrixbytes(int d, int n, int group)
{
	if(group == 0)
		return (vlong)up16(d)*n*sizeof(float);
	return (vlong)up16(d)/16*(n/group)*((group+1)/2*64 + 64);
}

static int
loadmatrix(int fd, Tensor *t, Matrix *m)
{
	u32int *buf, *w, *b;
	int j, n, r, rows, row, step, nr;

	n = t->n;
	if(up16(t->d) != t->d)
		memset(m->w + matrixbytes(t->d & ~15, n, 0), 0, matrixbytes(16, n, 0));
	step = Piece/(16*4*n);
	if(step < 1)
		step = 1;
	step *= 16;
	if(step > up16(t->d))
		step = up16(t->d);
	buf = bigalloc((vlong)step*n*4);
	if(buf == nil)
		return -1;
	for(row = 0; row < t->d; row += step){
		rows = step;
		if(rows > t->d - row)
			rows = t->d - row;
		if(preadn(fd, buf, (long)rows*n*4, t->offset + (vlong)row*n*4) < 0){
			free(buf);
			return -1;
		}
		for(r = 0; r < rows; r++){
			nr = row + r;
			w = (u32int*)(m->w + matrixbytes(nr & ~15, n, 0)) + (nr & 15);
			b = buf + (long)r*n;
			for(j = 0; j < n; j++){
				*w = *b++;
				w += 16;
			}
		}
	}
	free(buf);
	return 0;
}

/* hands out a slab: called once to count, with mem nil, and once to cut */
static uchar*
cut(uchar *mem, vlong *used, vlong n)
{
	vlong at;

	at = *used;
	*used = at + ((n + 63) & ~(vlong)63);
	if(mem == nil)
		return nil;
	return mem + at;
}

static void
shape(Model *m, uchar *mem, vlong *used, Matrix *x, int d, int n)
{
	x->d = d;
	x->n = n;
	x->group = m->group;
	x->w = cut(mem, used, matrixbytes(d, n, m->group));
}

static void
cutmodel(Model *m, uchar *mem, vlong *used)
{
	Layer *y;
	vlong vec;
	int l;

	vec = up16(m->dim)*sizeof(float);
	shape(m, mem, used, &m->embedding, m->vocab_size, m->dim);
	m->classifier = m->embedding;
	if(!m->shared)
		shape(m, mem, used, &m->classifier, m->vocab_size, m->dim);
	m->rms_final = (float*)cut(mem, used, vec);
	m->freq = (float*)cut(mem, used, m->head_size/2*sizeof(float));
	for(l = 0; l < m->n_layers; l++){
		y = &m->layer[l];
		y->rms_att = (float*)cut(mem, used, vec);
		y->rms_ffn = (float*)cut(mem, used, vec);
		shape(m, mem, used, &y->wq, m->dim, m->dim);
		shape(m, mem, used, &y->wk, m->kv_dim, m->dim);
		shape(m, mem, used, &y->wv, m->kv_dim, m->dim);
		shape(m, mem, used, &y->wo, m->dim, m->dim);
		shape(m, mem, used, &y->w1, m->hidden_dim, m->dim);
		shape(m, mem, used, &y->w2, m->dim, m->hidden_dim);
		shape(m, mem, used, &y->w3, m->hidden_dim, m->dim);
	}
}

static int
loadtensor(Model *m, int fd, Tensor *t)
{
	Layer *y;
	Matrix *x;
	char *s;

	y = &m->layer[t->layer];
	s = t->name;
	if(strcmp(s, "rms_att_weight") == 0)
		return preadn(fd, y->rms_att, t->n*4, t->offset);
	if(strcmp(s, "rms_ffn_weight") == 0)
		return preadn(fd, y->rms_ffn, t->n*4, t->offset);
	if(strcmp(s, "rms_final_weight") == 0)
		return preadn(fd, m->rms_final, t->n*4, t->offset);
	if(strcmp(s, "token_embedding_table") == 0)
		x = &m->embedding;
	else if(strcmp(s, "wcls") == 0)
		x = &m->classifier;
	else if(strcmp(s, "wq") == 0)
		x = &y->wq;
	else if(strcmp(s, "wk") == 0)
		x = &y->wk;
	else if(strcmp(s, "wv") == 0)
		x = &y->wv;
	else if(strcmp(s, "wo") == 0)
		x = &y->wo;
	else if(strcmp(s, "w1") == 0)
		x = &y->w1;
	else if(strcmp(s, "w2") == 0)
		x = &y->w2;
	else
		x = &y->w3;
	if(t->q80)
		return loadmatrixq(fd, t, x);
	return loadmatrix(fd, t, x);
}

/* each step a float, as run.c's types say */
static void
mkfreq(Model *m)
{
	float e, p;
	int i;

	for(i = 0; i < m->head_size/2; i++){
		e = 2*i;
		e = e / m->head_size;
		p = fpow10000(e);
		m->freq[i] = 1/p;
	}
}

static uchar*
align64(void *p)
{
	return (uchar*)(((uintptr)p + 63) & ~(uintptr)63);
}

Model*
fdloadmodel(int fd, int simd, int nthread)
{
	Checkpoint c;
	Model *m;
	vlong used;
	int i;

	initfp();
	if(readhdr(fd, &c) < 0)
		return nil;
	m = mallocz(sizeof *m, 1);
	if(m == nil){
		free(c.tensor);
		return nil;
	}
	m->Config = c.Config;
	m->version = c.version;
	m->shared = c.shared;
	m->group = c.group;
	m->params = c.params;
	m->bytes = c.bytes;
	m->head_size = m->dim/m->n_heads;
	m->kv_dim = m->head_size*m->n_kv_heads;
	usesimd(simd);

	m->layer = mallocz(m->n_layers*sizeof(Layer), 1);
	if(m->layer == nil)
		goto Error;
	used = 0;
	cutmodel(m, nil, &used);
	m->mem = bigalloc(used + 64);
	if(m->mem == nil)
		goto Error;
	used = 0;
	cutmodel(m, align64(m->mem), &used);
	for(i = 0; i < c.ntensor; i++)
		if(loadtensor(m, fd, &c.tensor[i]) < 0)
			goto Error;
	mkfreq(m);

	if(nthread == 0){
		/* no more than have something to do */
		nthread = 1 + m->params/(1<<20);
		i = ncpu();
		if(nthread > i)
			nthread = i;
	}
	m->pool = mkpool(nthread);
	if(m->pool == nil)
		goto Error;
	m->nthread = nthreads(m->pool);
	free(c.tensor);
	return m;

Error:
	free(c.tensor);
	freemodel(m);
	return nil;
}

Model*
loadmodel(char *file, int simd, int nthread)
{
	Model *m;
	int fd;

	fd = open(file, OREAD);
	if(fd < 0)
		return nil;
	m = fdloadmodel(fd, simd, nthread);
	close(fd);
	return m;
}

void
freemodel(Model *m)
{
	if(m == nil)
		return;
	freepool(m->pool);
	free(m->layer);
	free(m->mem);
	free(m);
}

static vlong
max(vlong a, vlong b)
{
	if(a > b)
		return a;
	return b;
}

/* an x for Q8_0's kernel, of n numbers */
static vlong
splatbytes(Model *m, int n)
{
	if(m->group == 0)
		return (vlong)n*4*sizeof(float);
	return (vlong)n/m->group*((m->group+1)/2*16 + 16);
}

/* Vectors have room for the kernels, which write 16 numbers at a time and read 4. */
static vlong
cutsession(Session *s, uchar *mem, vlong *used)
{
	Model *m;
	vlong dim, hidden, seq, vectors;

	m = s->m;
	dim = (m->dim + 32)*sizeof(float);
	hidden = (m->hidden_dim + 32)*sizeof(float);
	seq = up16(m->seq_len);
	s->x = (float*)cut(mem, used, dim);
	s->xb = (float*)cut(mem, used, dim);
	s->xb2 = (float*)cut(mem, used, dim);
	s->q = (float*)cut(mem, used, dim);
	s->k = (float*)cut(mem, used, dim);
	s->v = (float*)cut(mem, used, dim);
	s->cos = (float*)cut(mem, used, dim);
	s->sin = (float*)cut(mem, used, dim);
	s->hb = (float*)cut(mem, used, hidden);
	s->hb2 = (float*)cut(mem, used, hidden);
	s->splat = cut(mem, used, max(splatbytes(m, m->dim), splatbytes(m, m->hidden_dim)));
	s->qi = (int*)cut(mem, used, (m->group + 8)*sizeof(int));
	s->nscratch = (seq*5 + m->head_size*4 + 64)*sizeof(float);
	s->scratch = cut(mem, used, (vlong)s->nscratch*m->nthread);
	vectors = *used;
	s->logits = (float*)cut(mem, used, up16(m->vocab_size)*sizeof(float));
	s->key = (float*)cut(mem, used, m->n_layers*seq*m->kv_dim*sizeof(float));
	s->value = (float*)cut(mem, used, ((vlong)m->n_layers*m->seq_len*m->kv_dim + 16)*sizeof(float));
	return vectors;
}

Session*
mksession(Model *m)
{
	Session *s;
	vlong used;
	uchar *mem;

	s = mallocz(sizeof *s, 1);
	if(s == nil)
		return nil;
	s->m = m;
	used = 0;
	cutsession(s, nil, &used);
	s->mem = bigalloc(used + 64);
	if(s->mem == nil){
		free(s);
		return nil;
	}
	mem = align64(s->mem);
	used = 0;
	memset(mem, 0, cutsession(s, mem, &used));
	return s;
}

void
freesession(Session *s)
{
	if(s == nil)
		return;
	free(s->mem);
	free(s);
}

static void
rmsnorm(float *o, float *x, float *w, float *tmp, int n)
{
	static float eps = 1e-5;	/* a float, which 8c does not make of a constant in an expression */
	float ss;

	kernels.sumsq(&ss, x, tmp, n);
	ss = ss/n;
	ss = ss + eps;
	kernels.sqrt(&ss);
	ss = 1/ss;
	kernels.scale(o, x, w, &ss, n);
}

static void
splat(float *o, float *x, int n)
{
	u32int *p, *q;
	int i;

	p = (u32int*)o;
	q = (u32int*)x;
	for(i = 0; i < n; i++){
		p[0] = q[i];
		p[1] = q[i];
		p[2] = q[i];
		p[3] = q[i];
		p += 4;
	}
}

/* up to three products by one x, cut into blocks of rows for the threads */
typedef struct Product	Product;
struct Product
{
	uchar	*x;
	int	n;
	Matrix	*m[3];
	float	*out[3];
};

static void
blocks(void *arg, int, int lo, int hi)
{
	Product *p;
	Matrix *m;
	float *out, *w;
	int i, b, first, r;

	p = arg;
	first = 0;
	for(i = 0; i < p->n; i++){
		m = p->m[i];
		b = first;
		if(b < lo)
			b = lo;
		for(; b < hi && b < first + up16(m->d)/16; b++){
			out = p->out[i] + (b-first)*16;
			w = (float*)(m->w + matrixbytes((b-first)*16, m->n, m->group));
			r = m->d - (b-first)*16;
			if(m->group != 0)
				kernels.qdot16(out, p->x, (uchar*)w, m->n/m->group, (m->group+1)/2);
			else if(r >= 16)
				kernels.dot16(out, (float*)p->x, w, m->n, 64);
			else for(; r > 0; r -= 4){
				kernels.dot4(out, (float*)p->x, w, m->n, 64);
				out += 4;
				w += 4;
			}
		}
		first += up16(m->d)/16;
	}
}

static void
matmul(Session *s, float *x, Product *p)
{
	Matrix *m;
	int i, n;

	m = p->m[0];
	p->x = s->splat;
	if(m->group != 0)
		quantize(s->splat, s->qi, x, m->n, m->group);
	else
		splat((float*)s->splat, x, m->n);
	n = 0;
	for(i = 0; i < p->n; i++)
		n += up16(p->m[i]->d)/16;
	parallel(s->m->pool, n, blocks, p);
}

static void
matmul1(Session *s, float *x, float *out, Matrix *m)
{
	Product p;

	p.n = 1;
	p.m[0] = m;
	p.out[0] = out;
	matmul(s, x, &p);
}

/* RoPE's rotations at pos, for every number of q and of k */
static void
rotations(Session *s, int pos)
{
	Model *m;
	float v, fcr, fci;
	int i, j;

	m = s->m;
	for(i = 0; i < m->head_size; i += 2){
		v = pos*m->freq[i/2];
		fcr = fcos(v);
		fci = fsin(v);
		for(j = i; j < m->dim; j += m->head_size){
			s->cos[j] = fcr;
			s->cos[j+1] = fcr;
			s->sin[j] = -fci;
			s->sin[j+1] = fci;
		}
	}
}

static void
embed(Model *m, int token, float *x)
{
	u32int *p, *w;
	int i;

	if(m->group != 0){
		embedq(&m->embedding, token, x);
		return;
	}
	p = (u32int*)x;
	w = (u32int*)(m->embedding.w + matrixbytes(token & ~15, m->dim, 0)) + (token & 15);
	for(i = 0; i < m->dim; i++){
		p[i] = *w;
		w += 16;
	}
}

/* keys stand with their positions in lanes, so that 16 scores are a product like any other */
static float*
keyblock(Session *s, int layer, int kvhead, int pos)
{
	Model *m;

	m = s->m;
	return s->key + (((vlong)layer*m->n_kv_heads + kvhead)*up16(m->seq_len) + (pos & ~15))*m->head_size;
}

static void
putkey(Session *s, int layer, int pos)
{
	Model *m;
	u32int *p, *k;
	int h, i;

	m = s->m;
	k = (u32int*)s->k;
	for(h = 0; h < m->n_kv_heads; h++){
		p = (u32int*)keyblock(s, layer, h, pos) + (pos & 15);
		for(i = 0; i < m->head_size; i++){
			*p = *k++;
			p += 16;
		}
	}
}

typedef struct Attention	Attention;
struct Attention
{
	Session	*s;
	int	layer;
	int	pos;
};

static void
heads(void *arg, int id, int lo, int hi)
{
	Attention *a;
	Session *s;
	Model *m;
	float *att, *xs, *k, *v, *o, *tmp, root, sum;
	int h, hs, kv, n, t, i;

	a = arg;
	s = a->s;
	m = s->m;
	hs = m->head_size;
	n = a->pos + 1;
	root = hs;
	kernels.sqrt(&root);
	att = (float*)(s->scratch + (vlong)id*s->nscratch);
	tmp = att + up16(m->seq_len);
	xs = tmp + 16;
	for(h = lo; h < hi; h++){
		kv = h/(m->n_heads/m->n_kv_heads);
		splat(xs, s->q + h*hs, hs);
		for(t = 0; t < n; ){
			k = keyblock(s, a->layer, kv, t);
			if(t + 16 <= n){
				kernels.dot16(att+t, xs, k, hs, 64);
				t += 16;
			}else for(; t < n; t += 4)
				kernels.dot4(att+t, xs, k + (t & 15), hs, 64);
		}
		kernels.div(att, &root, n);
		kernels.expsum(att, &sum, n);
		kernels.div(att, &sum, n);

		splat(xs, att, n);
		v = s->value + (vlong)a->layer*m->seq_len*m->kv_dim + kv*hs;
		o = s->xb + h*hs;
		for(i = 0; i + 16 <= hs; i += 16)
			kernels.dot16(o+i, xs, v+i, n, m->kv_dim*sizeof(float));
		for(; i < hs; i += 4){
			kernels.dot4(tmp, xs, v+i, n, m->kv_dim*sizeof(float));
			memmove(o+i, tmp, (hs-i < 4? hs-i: 4)*sizeof(float));
		}
	}
}

static float*
pass(Session *s, int token, int pos, int want)
{
	Attention a;
	Product p;
	Model *m;
	Layer *y;
	int l;

	m = s->m;
	a.s = s;
	a.pos = pos;
	embed(m, token, s->x);
	rotations(s, pos);
	show("x", -1, s->x, m->dim);
	for(l = 0; l < m->n_layers; l++){
		y = &m->layer[l];
		rmsnorm(s->xb, s->x, y->rms_att, s->xb2, m->dim);
		show("att_norm", l, s->xb, m->dim);
		p.n = 3;
		p.m[0] = &y->wq;
		p.out[0] = s->q;
		p.m[1] = &y->wk;
		p.out[1] = s->k;
		p.m[2] = &y->wv;
		p.out[2] = s->v;
		matmul(s, s->xb, &p);
		kernels.rotate(s->q, s->cos, s->sin, m->dim);
		kernels.rotate(s->k, s->cos, s->sin, m->kv_dim);
		show("q", l, s->q, m->dim);
		show("k", l, s->k, m->kv_dim);
		show("v", l, s->v, m->kv_dim);
		putkey(s, l, pos);
		memmove(s->value + ((vlong)l*m->seq_len + pos)*m->kv_dim, s->v, m->kv_dim*sizeof(float));

		a.layer = l;
		parallel(m->pool, m->n_heads, heads, &a);
		show("att", l, s->xb, m->dim);
		matmul1(s, s->xb, s->xb2, &y->wo);
		kernels.add(s->x, s->xb2, m->dim);
		show("att_out", l, s->x, m->dim);

		rmsnorm(s->xb, s->x, y->rms_ffn, s->xb2, m->dim);
		p.n = 2;
		p.m[0] = &y->w1;
		p.out[0] = s->hb;
		p.m[1] = &y->w3;
		p.out[1] = s->hb2;
		matmul(s, s->xb, &p);
		kernels.swiglu(s->hb, s->hb2, (float*)s->splat, m->hidden_dim);
		show("swiglu", l, s->hb, m->hidden_dim);
		matmul1(s, s->hb, s->xb, &y->w2);
		kernels.add(s->x, s->xb, m->dim);
		show("ffn_out", l, s->x, m->dim);
	}
	if(!want)
		return nil;
	rmsnorm(s->x, s->x, m->rms_final, s->xb2, m->dim);
	matmul1(s, s->x, s->logits, &m->classifier);
	show("logits", m->n_layers, s->logits, m->vocab_size);
	return s->logits;
}

float*
forward(Session *s, int token, int pos, int want)
{
	float *logits;

	lockpool(s->m->pool);
	logits = pass(s, token, pos, want);
	unlockpool(s->m->pool);
	return logits;
}

/*
 * llama2.c's models: loaded, run and sampled.
 * What can fail returns nil or -1 and says why by werrstr, lower case and
 * short, to stand after the file's name.
 */
typedef struct Config	Config;
typedef struct Tensor	Tensor;
typedef struct Checkpoint	Checkpoint;
typedef struct Matrix	Matrix;
typedef struct Layer	Layer;
typedef struct Model	Model;
typedef struct Session	Session;
typedef struct Pool	Pool;
typedef struct Tokenizer	Tokenizer;
typedef struct Text	Text;
typedef struct Sampler	Sampler;

#pragma incomplete Pool
#pragma incomplete Tokenizer

enum
{
	Bos	= 1,
	Eos	= 2,
	Piece	= 1<<20,	/* bytes of one read, about */
};

struct Config
{
	int	dim;
	int	hidden_dim;	/* of the feed-forward layers */
	int	n_layers;
	int	n_heads;	/* of queries */
	int	n_kv_heads;	/* of keys and values; a divisor of n_heads */
	int	vocab_size;
	int	seq_len;	/* positions at most */
};

/* a tensor of the file, of one layer: (d, n), row-major */
struct Tensor
{
	char	*name;	/* as in run.c's TransformerWeights */
	int	layer;
	int	d;	/* 1 of a vector */
	int	n;
	int	q80;	/* d*n int8, then d*n/group float scales; else floats */
	vlong	offset;
};

/* what a file's header says, and where everything is */
struct Checkpoint
{
	Config;
	int	version;	/* 0 legacy FP32, 1 FP32, 2 Q8_0 */
	int	shared;	/* the classifier is the token embedding table */
	int	group;	/* Q8_0's group size; 0 of FP32 */
	vlong	params;	/* trained numbers */
	vlong	bytes;	/* that the file has */
	int	ntensor;
	Tensor	*tensor;	/* in the order of the file; malloced */
};

/*
 * Packed by blocks of 16 rows, the last filled up with zeros:
 *	FP32	block, column, row in block
 *	Q8_0	block, group: pair of columns, row in block, column in pair,
 *		as short; then the 16 rows' scales
 */
struct Matrix
{
	int	d;
	int	n;
	int	group;	/* 0 of FP32 */
	uchar	*w;
};

struct Layer
{
	float	*rms_att;
	float	*rms_ffn;
	Matrix	wq;
	Matrix	wk;
	Matrix	wv;
	Matrix	wo;
	Matrix	w1;
	Matrix	w2;
	Matrix	w3;
};

struct Model
{
	Config;
	int	version;
	int	shared;
	int	group;
	vlong	params;
	vlong	bytes;
	int	head_size;
	int	kv_dim;
	int	nthread;
	Pool	*pool;
	Matrix	embedding;
	Matrix	classifier;
	float	*rms_final;
	float	*freq;	/* RoPE's, (head_size/2) */
	Layer	*layer;
	void	*mem;
};

/*
 * A sequence under way: its KV cache and scratch.  Sessions of one model
 * are independent; a model runs one forward at a time, others wait.
 */
struct Session
{
	Model	*m;
	float	*x;	/* (dim) */
	float	*xb;
	float	*xb2;
	float	*q;
	float	*k;	/* (kv_dim) */
	float	*v;
	float	*hb;	/* (hidden_dim) */
	float	*hb2;
	float	*logits;	/* (vocab_size) of the last forward that wanted them */
	float	*cos;	/* the position's rotations, one a number of q */
	float	*sin;
	float	*key;	/* (n_layers, n_kv_heads, seq_len/16, head_size, 16) */
	float	*value;	/* (n_layers, seq_len, kv_dim) */
	uchar	*splat;	/* an x for the kernels: each number four times; of Q8_0 see quantize */
	int	*qi;	/* one group's integers */
	uchar	*scratch;	/* a thread's own, nscratch bytes each */
	ulong	nscratch;
	void	*mem;
};

/* readhdr returns -1; the caller frees tensor */
int	readhdr(int fd, Checkpoint*);
Tensor*	findtensor(Checkpoint*, char*, int layer);
int	mklayout(Checkpoint*);	/* tensors and bytes, of Config, version, shared and group */
int	preadn(int fd, void*, long, vlong);	/* all of it, or -1 */
extern int	(*reading)(int fd, long n);	/* nil, or told of n more bytes by preadn, which it may stop by -1 */

void*	bigalloc(vlong);	/* nil and an error where there is no such room */
vlong	matrixbytes(int d, int n, int group);
int	loadmatrixq(int fd, Tensor*, Matrix*);
void	embedq(Matrix*, int row, float*);
void	quantize(uchar *xq, int *qi, float *x, int n, int group);	/* for qdot16 */
/* nthread 0: as many as the machine has processors; simd 0: plain C */
Model*	loadmodel(char *file, int simd, int nthread);
Model*	fdloadmodel(int fd, int simd, int nthread);
void	freemodel(Model*);	/* its sessions first */

Session*	mksession(Model*);
void	freesession(Session*);
/*
 * One pass: token at position pos, those before it done in order.
 * Returns the session's logits, the caller's to overwrite until the next
 * forward, or nil where want is 0.  It takes no note of anything: to
 * interrupt, do not call it for the next token.
 */
float*	forward(Session*, int token, int pos, int want);
extern void (*trace)(char *what, int layer, float*, int n);	/* for tests; nil */

Tokenizer*	loadtokenizer(char *file, int vocab_size);
void	freetokenizer(Tokenizer*);
int*	encode(Tokenizer*, char*, int bos, int eos, int *ntoken);	/* malloced; nil */
/* the bytes that token stands for after prev; not ended by a 0 */
char*	decode(Tokenizer*, int prev, int token, int *n);

/* makes whole UTF-8 of pieces; bytes of what never becomes a character are dropped */
struct Text
{
	uchar	held[4];
	int	nheld;
	int	need;
};
/* what piece adds to the text, at most max(n, 4) bytes into out; returns their number */
int	textadd(Text*, char *piece, int n, char *out);
int	maxpiece(Tokenizer*);	/* bytes that out has to have room for */

struct Sampler
{
	float	temp;	/* 0: greedy */
	float	topp;
	uvlong	state;	/* xorshift64*'s; not 0 */
	int	*heap;
	int	nheap;
};
void	initsampler(Sampler*, float temp, float topp, uvlong seed);
void	freesampler(Sampler*);
int	sample(Sampler*, float *logits, int n);	/* overwrites them unless greedy; -1: no memory */
double	logprob(float *logits, int n, int token);	/* natural logarithm */

/*
 * Threads.  parallel calls f(arg, id, lo, hi) of disjoint ranges that make
 * up 0..n, id the thread's number, and returns when all are done.
 */
Pool*	mkpool(int nthread);
void	freepool(Pool*);
int	nthreads(Pool*);
void	lockpool(Pool*);
void	unlockpool(Pool*);
void	parallel(Pool*, int n, void (*f)(void*, int, int, int), void *arg);
int	ncpu(void);

/* exp, log, sin, cos and pow that give the same bits everywhere */
double	fexp(double);
double	flog(double);	/* 1 <= x < 2^1000 */
double	fsin(double);	/* 0 <= x < 2^20 */
double	fcos(double);
double	fpow10000(double);	/* 10000^y, 0 <= y <= 1 */
float	fsqrt(float);
void	initfp(void);	/* no floating-point traps in this process */

void	llama2(int argc, char *argv[], int q80);	/* run and runq; does not return */

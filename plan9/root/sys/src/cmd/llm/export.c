#include <u.h>
#include <libc.h>
#include <thread.h>
#include "llm.h"

/* export info, quantize, convert, tokenizer: of llama2.c's checkpoints */

static void
usage(void)
{
	fprint(2, "usage: %s info model\n"
		"       %s quantize in out\n"
		"       %s convert [-f 0|1|2] [-z tokenizer] in out\n"
		"       %s tokenizer in out\n", argv0, argv0, argv0, argv0);
	threadexitsall("usage");
}

/* says what is wrong, with the file's name unless it is in it */
static void
fail(char *file)
{
	char err[ERRMAX], msg[2*ERRMAX + 512];

	rerrstr(err, sizeof err);
	if(strstr(err, file) != nil)
		snprint(msg, sizeof msg, "%s", err);
	else
		snprint(msg, sizeof msg, "%s: %s", file, err);
	fprint(2, "%s: %s\n", argv0, msg);
	threadexitsall(msg);
}

static int
openmodel(char *file, Checkpoint *c)
{
	int fd;

	fd = open(file, OREAD);
	if(fd < 0 || readhdr(fd, c) < 0)
		fail(file);
	return fd;
}

static void
info(char *file)
{
	Checkpoint c;

	close(openmodel(file, &c));
	print("format llama2.c\nversion %d\n", c.version);
	print("dim %d\nhidden_dim %d\nn_layers %d\nn_heads %d\n", c.dim, c.hidden_dim, c.n_layers, c.n_heads);
	print("n_kv_heads %d\nvocab_size %d\nseq_len %d\n", c.n_kv_heads, c.vocab_size, c.seq_len);
	print("classifier %s\nparams %lld\n", c.shared? "shared": "own", c.params);
	if(c.group != 0)
		print("quant q80 %d\n", c.group);
	else
		print("quant f32\n");
	print("bytes %lld\n", c.bytes);
}

/* the new file; what is the input is left alone */
static int
mkout(int fd, char *to)
{
	Dir *a, *b;
	int same, out;

	a = dirfstat(fd);
	b = dirstat(to);
	same = a != nil && b != nil && a->type == b->type && a->dev == b->dev && a->qid.path == b->qid.path;
	free(a);
	free(b);
	if(same){
		werrstr("is the input");
		fail(to);
	}
	out = create(to, OWRITE, 0666);
	if(out < 0)
		fail(to);
	return out;
}

static int
writen(int fd, void *a, long n)
{
	long m;

	for(; n > 0; n -= m){
		m = n;
		if(m > Piece)
			m = Piece;
		if(write(fd, a, m) != m)
			return -1;
		a = (char*)a + m;
	}
	return 0;
}

static void
put4(uchar *p, u32int v)
{
	p[0] = v;
	p[1] = v>>8;
	p[2] = v>>16;
	p[3] = v>>24;
}

static int
writehdr(int fd, Checkpoint *c)
{
	uchar head[256], *p;

	memset(head, 0, sizeof head);
	p = head;
	if(c->version != 0){
		put4(head, 0x616b3432);
		put4(head+4, c->version);
		p += 8;
	}
	put4(p, c->dim);
	put4(p+4, c->hidden_dim);
	put4(p+8, c->n_layers);
	put4(p+12, c->n_heads);
	put4(p+16, c->n_kv_heads);
	put4(p+20, c->version == 0 && !c->shared? -c->vocab_size: c->vocab_size);
	put4(p+24, c->seq_len);
	if(c->version == 0)
		return writen(fd, head, 28);
	head[36] = c->shared;
	if(c->version == 2)
		put4(head+37, c->group);
	return writen(fd, head, 256);
}

/* n bytes at off, or zeros where fd is -1 */
static int
copy(int fd, vlong off, vlong n, int out)
{
	uchar *buf;
	long m;

	buf = mallocz(Piece, 1);
	if(buf == nil)
		return -1;
	for(; n > 0; n -= m){
		m = Piece;
		if(m > n)
			m = n;
		if((fd >= 0 && preadn(fd, buf, m, off) < 0) || writen(out, buf, m) < 0)
			break;
		off += m;
	}
	free(buf);
	return n > 0? -1: 0;
}

/* to the nearest, half to even */
static int
roundeven(float f)
{
	float r;
	int t;

	t = f;
	r = f - t;
	if(r > 0.5 || (r == 0.5 && t & 1))
		t++;
	else if(r < -0.5 || (r == -0.5 && t & 1))
		t--;
	return t;
}

/* scale = max |w| / 127, q = w / scale; of zeros all is 0 */
static void
quantgroup(schar *q, float *s, float *w, int gs)
{
	u32int *b, max, v;
	float m, f;
	int i;

	b = (u32int*)w;
	max = 0;
	for(i = 0; i < gs; i++){
		v = b[i] & 0x7fffffff;
		if(v > max)
			max = v;
	}
	if(max > 0x7f800000)
		max = 0x7fc00000;
	memset(q, 0, gs);
	m = *(float*)&max;
	*s = m/127;
	if(*s == 0 || max >= 0x7f800000)
		return;
	for(i = 0; i < gs; i++){
		f = w[i] / *s;
		q[i] = roundeven(f);
	}
}

static int
quanttensor(int fd, Tensor *t, int out, int gs)
{
	vlong n, i;
	long m, k;
	float *w, *s;
	schar *q;

	n = (vlong)t->d*t->n;
	m = Piece/4/gs*gs;
	w = malloc(m*4);
	q = malloc(m);
	s = bigalloc(n/gs*4);
	i = -1;
	if(w == nil || q == nil || s == nil)
		goto Out;
	for(i = 0; i < n; i += m){
		if(m > n - i)
			m = n - i;
		if(preadn(fd, w, m*4, t->offset + i*4) < 0)
			goto Out;
		for(k = 0; k < m; k += gs)
			quantgroup(q + k, s + (i+k)/gs, w + k, gs);
		if(writen(out, q, m) < 0)
			goto Out;
	}
	if(writen(out, s, n/gs*4) < 0)
		i = -1;
Out:
	free(w);
	free(q);
	free(s);
	return i >= n? 0: -1;
}

/* what is in c as version says, in Q8_0 by groups of gs if it was not */
static int
writemodel(int fd, Checkpoint *c, int out, int version, int gs)
{
	Checkpoint o;
	Tensor *t, *f;
	vlong at;
	int r;

	o = *c;
	o.version = version;
	o.group = gs;
	if(mklayout(&o) < 0)
		return -1;
	r = -1;
	if(writehdr(out, &o) < 0)
		goto Out;
	at = version == 0? 28: 256;
	for(t = o.tensor; t < o.tensor + o.ntensor; t++){
		if(copy(-1, 0, t->offset - at, out) < 0)
			goto Out;
		f = findtensor(c, t->name, t->layer);
		at = (vlong)t->d*t->n;
		if(t->q80 && !f->q80){
			if(quanttensor(fd, f, out, gs) < 0)
				goto Out;
		}else if(copy(fd, f->offset, t->q80? at + at/gs*4: at*4, out) < 0)
			goto Out;
		at = t->offset + (t->q80? at + at/gs*4: at*4);
	}
	r = copy(-1, 0, o.bytes - at, out);
Out:
	free(o.tensor);
	return r;
}

static void
produce(char *from, char *to, int fd, Checkpoint *c, int version, int gs)
{
	char err[ERRMAX];
	int out;

	out = mkout(fd, to);
	if(writemodel(fd, c, out, version, gs) < 0){
		rerrstr(err, sizeof err);
		close(out);
		remove(to);
		werrstr("%s", err);
		fail(from);
	}
	close(out);
	close(fd);
}

/* llama2.c's export.py looks at dim alone, and its w2 then loses columns */
static void
quantizefile(char *from, char *to)
{
	Checkpoint c;
	int fd, gs;

	fd = openmodel(from, &c);
	if(c.group != 0){
		werrstr("already quantized");
		fail(from);
	}
	for(gs = 64; c.dim % gs != 0 || c.hidden_dim % gs != 0; gs /= 2)
		;
	produce(from, to, fd, &c, 2, gs);
}

static void
convert(int argc, char *argv[])
{
	Checkpoint c;
	Tokenizer *t;
	char *format, *tokenizer, *from, *to;
	int fd, n, version;

	format = nil;
	tokenizer = nil;
	for(; argc >= 2 && argv[0][0] == '-'; argc -= 2, argv += 2){
		if(strcmp(argv[0], "-f") == 0)
			format = argv[1];
		else if(strcmp(argv[0], "-z") == 0)
			tokenizer = argv[1];
		else
			usage();
	}
	if(argc != 2)
		usage();
	from = argv[0];
	to = argv[1];
	n = strlen(to);
	if(format == nil && n >= 5 && strcmp(to + n - 5, ".gguf") == 0)
		format = "gguf";
	version = -1;
	if(format != nil){
		if(strcmp(format, "gguf") == 0){
			werrstr("gguf is not written here");
			fail(to);
		}
		if(strlen(format) != 1 || *format < '0' || *format > '2')
			usage();
		version = *format - '0';
	}
	fd = openmodel(from, &c);
	if(version < 0)
		version = c.group != 0? 2: 0;
	if(version == 2 && c.group == 0){
		werrstr("not in Q8_0: quantize it");
		fail(from);
	}
	if(version != 2 && c.group != 0){
		werrstr("version %d has no Q8_0", version);
		fail(from);
	}
	if(tokenizer != nil){
		t = loadtokenizer(tokenizer, c.vocab_size);
		if(t == nil)
			fail(tokenizer);
		freetokenizer(t);
	}
	produce(from, to, fd, &c, version, c.group);
}

void
threadmain(int argc, char *argv[])
{
	Checkpoint c;

	argv0 = strrchr(argv[0], '/');
	if(argv0 != nil)
		argv0++;
	else
		argv0 = argv[0];
	initfp();
	if(argc == 3 && strcmp(argv[1], "info") == 0)
		info(argv[2]);
	else if(argc == 4 && strcmp(argv[1], "quantize") == 0)
		quantizefile(argv[2], argv[3]);
	else if(argc == 4 && strcmp(argv[1], "tokenizer") == 0){
		openmodel(argv[2], &c);
		werrstr("no tokenizer in it");
		fail(argv[2]);
	}else if(argc > 3 && strcmp(argv[1], "convert") == 0)
		convert(argc - 2, argv + 2);
	else
		usage();
	threadexitsall(nil);
}

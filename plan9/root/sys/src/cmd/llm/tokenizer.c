#include <u.h>
#include <libc.h>
#include "llm.h"

/*
 * llama2.c's tokenizer: byte-pair merges by score, with a byte fallback.
 * The file: max_token_length int32, then for each token score float32, len
 * int32 and its len bytes.  A 0 ends a text, and a vocabulary's string.
 */
typedef struct Merge	Merge;

struct Tokenizer
{
	int	vocab_size;
	char	**vocab;
	float	*score;
	int	*len;
	int	*hash;	/* ids + 1, a power of two of places; 0 is none */
	uint	mask;
	uchar	*file;	/* what vocab points into */
	char	byte[2];
};

/* a merge that can be done: of the token at left and the one after it, into id */
struct Merge
{
	float	score;
	int	left;
	int	right;
	int	id;
	int	version;	/* of both, when it was offered */
};

typedef struct Merging	Merging;
struct Merging
{
	Tokenizer	*t;
	int	n;
	int	*token;
	int	*next;
	int	*prev;
	int	*version;	/* of what stands at each place; -1 is gone */
	Merge	*heap;	/* the best on top */
	int	nheap;
};

static uint
hash(char *s, int n)
{
	uint h;

	for(h = 2166136261U; n > 0; n--)
		h = (h ^ (uchar)*s++) * 16777619;
	return h;
}

/* the lowest id of a string; -1 if there is none */
static int
lookup(Tokenizer *t, char *s, int n)
{
	uint h;
	int id;

	for(h = hash(s, n) & t->mask; t->hash[h] != 0; h = (h+1) & t->mask){
		id = t->hash[h] - 1;
		if(t->len[id] == n && memcmp(t->vocab[id], s, n) == 0)
			return id;
	}
	return -1;
}

static void
enter(Tokenizer *t, int id)
{
	uint h;

	if(lookup(t, t->vocab[id], t->len[id]) >= 0)
		return;
	for(h = hash(t->vocab[id], t->len[id]) & t->mask; t->hash[h] != 0; h = (h+1) & t->mask)
		;
	t->hash[h] = id + 1;
}

static s32int
get4(uchar *p)
{
	return p[0] | p[1]<<8 | p[2]<<16 | (u32int)p[3]<<24;
}

static int
parse(Tokenizer *t, vlong size)
{
	uchar *p, *e, *z;
	u32int bits;
	int id, max, len;

	p = t->file;
	e = p + size;
	if(size < 4){
		werrstr("tokenizer truncated");
		return -1;
	}
	max = get4(p);
	if(max < 1 || max > 1<<16){
		werrstr("not a tokenizer: max_token_length %d", max);
		return -1;
	}
	p += 4;
	for(id = 0; id < t->vocab_size; id++){
		if(p == e){
			werrstr("tokenizer has %d tokens, the model has %d", id, t->vocab_size);
			return -1;
		}
		if(e - p < 8){
			werrstr("tokenizer truncated");
			return -1;
		}
		bits = get4(p);
		t->score[id] = *(float*)&bits;
		len = get4(p+4);
		p += 8;
		if(len < 0 || len > max){
			werrstr("not a tokenizer: token %d of %d bytes", id, len);
			return -1;
		}
		if(e - p < len){
			werrstr("tokenizer truncated");
			return -1;
		}
		t->vocab[id] = (char*)p;
		z = memchr(p, 0, len);
		t->len[id] = z == nil? len: z - p;
		enter(t, id);
		p += len;
	}
	if(p != e){
		werrstr("tokenizer has more tokens than the model's %d", t->vocab_size);
		return -1;
	}
	return 0;
}

static Tokenizer*
readtokenizer(int fd, int vocab_size)
{
	Tokenizer *t;
	Dir *d;
	vlong size;
	uint n;

	d = dirfstat(fd);
	if(d == nil)
		return nil;
	size = d->length;
	free(d);
	t = mallocz(sizeof *t, 1);
	if(t == nil)
		return nil;
	for(n = 16; n < 2*vocab_size; n *= 2)
		;
	t->vocab_size = vocab_size;
	t->mask = n - 1;
	t->file = bigalloc(size + 1);
	t->vocab = malloc(vocab_size*sizeof(char*));
	t->score = malloc(vocab_size*sizeof(float));
	t->len = malloc(vocab_size*sizeof(int));
	t->hash = mallocz(n*sizeof(int), 1);
	if(t->file == nil || t->vocab == nil || t->score == nil || t->len == nil || t->hash == nil
	|| preadn(fd, t->file, size, 0) < 0 || parse(t, size) < 0){
		freetokenizer(t);
		return nil;
	}
	return t;
}

Tokenizer*
loadtokenizer(char *file, int vocab_size)
{
	Tokenizer *t;
	int fd;

	fd = open(file, OREAD);
	if(fd < 0)
		return nil;
	t = readtokenizer(fd, vocab_size);
	close(fd);
	return t;
}

void
freetokenizer(Tokenizer *t)
{
	if(t == nil)
		return;
	free(t->file);
	free(t->vocab);
	free(t->score);
	free(t->len);
	free(t->hash);
	free(t);
}

/* the better is the one that run.c's scan finds: the higher score, and the leftmost of equals */
static int
before(Merge *a, Merge *b)
{
	if(a->score != b->score)
		return a->score > b->score;
	return a->left < b->left;
}

static void
push(Merging *g, Merge m)
{
	int i, up;

	for(i = g->nheap++; i > 0; i = up){
		up = (i-1)/2;
		if(!before(&m, &g->heap[up]))
			break;
		g->heap[i] = g->heap[up];
	}
	g->heap[i] = m;
}

static void
pop(Merging *g, Merge *m)
{
	Merge last;
	int i, down;

	*m = g->heap[0];
	last = g->heap[--g->nheap];
	for(i = 0; (down = 2*i + 1) < g->nheap; i = down){
		if(down+1 < g->nheap && before(&g->heap[down+1], &g->heap[down]))
			down++;
		if(!before(&g->heap[down], &last))
			break;
		g->heap[i] = g->heap[down];
	}
	g->heap[i] = last;
}

static int
offer(Merging *g, int left, int right)
{
	Tokenizer *t;
	Merge m;
	char *s, buf[256];
	int a, b, n;

	if(left < 0 || right >= g->n)
		return 0;
	t = g->t;
	a = g->token[left];
	b = g->token[right];
	n = t->len[a] + t->len[b];
	s = buf;
	if(n > sizeof buf){
		s = malloc(n);
		if(s == nil)
			return -1;
	}
	memmove(s, t->vocab[a], t->len[a]);
	memmove(s + t->len[a], t->vocab[b], t->len[b]);
	m.id = lookup(t, s, n);
	if(s != buf)
		free(s);
	if(m.id < 0 || t->score[m.id] <= -1e10 || isNaN(t->score[m.id]))
		return 0;
	m.score = t->score[m.id];
	m.left = left;
	m.right = right;
	m.version = g->version[left] + g->version[right];
	push(g, m);
	return 0;
}

/*
 * The best pair again and again, as run.c does by scanning the list each
 * time; here those whose tokens have changed meanwhile are dropped from the
 * heap.  Returns how many tokens are left.
 */
static int
merge(Tokenizer *t, int *token, int n)
{
	Merging g;
	Merge m;
	int i, k, nx;

	if(n < 2)
		return n;
	memset(&g, 0, sizeof g);
	g.t = t;
	g.n = n;
	g.token = token;
	g.next = malloc(n*sizeof(int));
	g.prev = malloc(n*sizeof(int));
	g.version = mallocz(n*sizeof(int), 1);
	g.heap = malloc(3*n*sizeof(Merge));	/* one for each pair, and two for each merge */
	k = -1;
	if(g.next == nil || g.prev == nil || g.version == nil || g.heap == nil)
		goto Out;
	for(i = 0; i < n; i++){
		g.next[i] = i+1;
		g.prev[i] = i-1;
	}
	for(i = 0; i < n-1; i++)
		if(offer(&g, i, i+1) < 0)
			goto Out;
	while(g.nheap > 0){
		pop(&g, &m);
		if(g.version[m.left] < 0 || g.version[m.right] < 0
		|| g.version[m.left] + g.version[m.right] != m.version)
			continue;
		token[m.left] = m.id;
		g.version[m.left]++;
		g.version[m.right] = -1;
		nx = g.next[m.right];
		g.next[m.left] = nx;
		if(nx < n)
			g.prev[nx] = m.left;
		if(offer(&g, g.prev[m.left], m.left) < 0 || offer(&g, m.left, nx) < 0)
			goto Out;
	}
	k = 0;
	for(i = 0; i < n; i = g.next[i])
		token[k++] = token[i];
Out:
	free(g.next);
	free(g.prev);
	free(g.version);
	free(g.heap);
	return k;
}

/* a character's token, or its bytes' where the vocabulary has none; returns where the next goes */
static int*
put(Tokenizer *t, char *s, int n, int *o)
{
	int id;

	id = lookup(t, s, n);
	if(id >= 0){
		*o++ = id;
		return o;
	}
	/* the vocabulary begins with <unk>, <s> and </s>, then the 256 bytes */
	for(; n > 0; n--){
		id = (uchar)*s++ + 3;
		if(id >= t->vocab_size){
			werrstr("tokenizer has no token for byte %d", id - 3);
			return nil;
		}
		*o++ = id;
	}
	return o;
}

int*
encode(Tokenizer *t, char *text, int bos, int eos, int *ntoken)
{
	int *token, *o;
	char *s, *start;
	int n;

	token = malloc((strlen(text) + 3)*sizeof(int));
	if(token == nil)
		return nil;
	o = token + 1;
	/* the dummy prefix */
	if(*text != 0)
		o = put(t, " ", 1, o);
	start = text;
	for(s = text; o != nil && *s != 0; s++){
		if((*s & 0xc0) != 0x80)
			start = s;
		if((s[1] & 0xc0) == 0x80 && s+1 - start < 4)
			continue;
		o = put(t, start, s+1 - start, o);
		start = s+1;
	}
	if(o == nil){
		free(token);
		return nil;
	}
	n = merge(t, token+1, o - (token+1));
	if(n < 0){
		free(token);
		return nil;
	}
	if(bos)
		token[0] = Bos;
	else
		memmove(token, token+1, n*sizeof(int));
	n += bos != 0;
	if(eos)
		token[n++] = Eos;
	*ntoken = n;
	return token;
}

static int
hex(int c)
{
	if(c >= '0' && c <= '9')
		return c - '0';
	if(c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if(c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* after Bos without its leading space; a byte token's one byte; as a C string, the byte 0 is empty */
char*
decode(Tokenizer *t, int prev, int token, int *n)
{
	char *s;
	int len, b;

	s = t->vocab[token];
	len = t->len[token];
	if(prev == Bos && len > 0 && *s == ' '){
		s++;
		len--;
	}
	if(len >= 4 && memcmp(s, "<0x", 3) == 0 && hex(s[3]) >= 0){
		b = hex(s[3]);
		if(len >= 5 && hex(s[4]) >= 0)
			b = b*16 + hex(s[4]);
		t->byte[0] = b;
		*n = b != 0;
		return t->byte;
	}
	*n = len;
	return s;
}

int
maxpiece(Tokenizer *t)
{
	int i, n, max;

	max = 4;
	for(i = 0; i < t->vocab_size; i++){
		decode(t, 0, i, &n);
		if(n > max)
			max = n;
	}
	return max;
}

/* the bytes of the character at p, 0 if there is none: not overlong, no surrogate */
static int
utf8(uchar *p, int n)
{
	int i, more;
	u32int c;

	if(p[0] < 0x80)
		return 1;
	if(p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	more = 1 + (p[0] >= 0xe0) + (p[0] >= 0xf0);
	if(n < 1 + more)
		return 0;
	c = p[0] & (0x3f >> more);
	for(i = 1; i <= more; i++){
		if((p[i] & 0xc0) != 0x80)
			return 0;
		c = c<<6 | (p[i] & 0x3f);
	}
	if(more == 2 && (c < 0x800 || (c >= 0xd800 && c < 0xe000)))
		return 0;
	if(more == 3 && (c < 0x10000 || c > 0x10ffff))
		return 0;
	return 1 + more;
}

/* bytes as they are, or nothing if they are not UTF-8 */
static int
whole(uchar *p, int n, char *out)
{
	int i, k;

	for(i = 0; i < n; i += k){
		k = utf8(p+i, n-i);
		if(k == 0)
			return 0;
	}
	memmove(out, p, n);
	return n;
}

/*
 * A piece of one byte is a byte token's.  A control character is dropped,
 * as by run.c's safe_printf.  Differs: that drops every single byte that is
 * not ASCII too; here the bytes of one character wait for each other.
 */
int
textadd(Text *t, char *piece, int n, char *out)
{
	uchar b;

	if(n == 0)
		return 0;
	b = *piece;
	if(n > 1 || b < 0x80 || b >= 0xc0){
		t->nheld = 0;
		t->need = 0;
	}
	if(n > 1)
		return whole((uchar*)piece, n, out);
	if(b < 0x80){
		if((b < 0x20 && (b < 9 || b > 13)) || b == 0x7f)
			return 0;
		*out = b;
		return 1;
	}
	if(b >= 0xc0){
		if(b < 0xf8){
			t->need = 2 + (b >= 0xe0) + (b >= 0xf0);
			t->held[t->nheld++] = b;
		}
		return 0;
	}
	if(t->need == 0)
		return 0;
	t->held[t->nheld++] = b;
	if(t->nheld < t->need)
		return 0;
	n = whole(t->held, t->nheld, out);
	t->nheld = 0;
	t->need = 0;
	return n;
}

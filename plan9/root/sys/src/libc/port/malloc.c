#include <u.h>
#include <libc.h>

/*
 * malloc(2).  Memory from sbrk is cut into blocks, each after a header.  Free
 * ones are on lists by size, and one is joined with free neighbours at once.
 */
typedef struct Block	Block;

struct Block
{
	usize	size;	/* with the header; its lowest bit: in use */
	usize	before;	/* the size of the block before, 0 of the first */
	union
	{
		struct
		{
			Block	*next;	/* of a free one */
			Block	*prev;
		};
		struct
		{
			uintptr	malloctag;	/* of one in use */
			uintptr	realloctag;
		};
	};
};

enum
{
	Used	= 1,
	Align	= 16,
	Least	= sizeof(Block)+Align,
	Nlist	= 40,
	Grow	= 64*1024,	/* bytes asked of sbrk at least */
};

static struct
{
	Lock;
	Block	*list[Nlist];
	Block	*last;	/* of no size: where the memory that there is ends */
} heap;

static usize
size(Block *b)
{
	return b->size & ~(usize)Used;
}

static Block*
after(Block *b)
{
	return (Block*)((uchar*)b + size(b));
}

/* which list: one for each power of two */
static int
kind(usize n)
{
	int i;

	for(i = 0; n > Least && i < Nlist-1; i++)
		n >>= 1;
	return i;
}

static void
link(Block *b)
{
	Block **l;

	l = &heap.list[kind(b->size)];
	b->prev = nil;
	b->next = *l;
	if(*l != nil)
		(*l)->prev = b;
	*l = b;
}

static void
unlink(Block *b)
{
	if(b->prev != nil)
		b->prev->next = b->next;
	else
		heap.list[kind(b->size)] = b->next;
	if(b->next != nil)
		b->next->prev = b->prev;
}

/* b, no longer in use, joined with its neighbours and on its list */
static void
release(Block *b)
{
	Block *p;

	b->size = size(b);
	p = after(b);
	if(!(p->size & Used)){
		unlink(p);
		b->size += p->size;
	}
	if(b->before != 0){
		p = (Block*)((uchar*)b - b->before);
		if(!(p->size & Used)){
			unlink(p);
			p->size += b->size;
			b = p;
		}
	}
	after(b)->before = b->size;
	link(b);
}

/* what b has beyond n bytes becomes a free block */
static void
split(Block *b, usize n)
{
	Block *rest;
	usize left;

	left = size(b) - n;
	if(left < Least)
		return;
	b->size = n | b->size & Used;
	rest = after(b);
	rest->size = left;
	rest->before = n;
	after(rest)->before = left;
	release(rest);
}

/* more memory, as a free block; it may not follow on what there was */
static int
more(usize n)
{
	Block *b;
	uchar *p;
	usize skip;

	n += sizeof(Block)+Align;
	if(n < Grow)
		n = Grow;
	n = (n + Align-1) & ~(usize)(Align-1);
	p = sbrk(n);
	if(p == (void*)-1)
		return -1;
	if(heap.last != nil && (uchar*)(heap.last+1) == p){
		b = heap.last;
	}else{
		skip = -(uintptr)p & (Align-1);
		b = (Block*)(p+skip);
		n -= skip + sizeof(Block);
		n &= ~(usize)(Align-1);
		b->before = 0;
	}
	b->size = n | Used;
	heap.last = after(b);
	heap.last->size = Used;
	heap.last->before = n;
	release(b);
	return 0;
}

static Block*
find(usize n)
{
	Block *b;
	int i;

	for(i = kind(n); i < Nlist; i++)
		for(b = heap.list[i]; b != nil; b = b->next)
			if(b->size >= n)
				return b;
	return nil;
}

/* the size of a block for n bytes, 0 if there is none so large */
static usize
whole(ulong n)
{
	if(n > 0x7FFFFFFF)
		return 0;
	if(n == 0)
		n = 1;
	return (n + sizeof(Block) + Align-1) & ~(usize)(Align-1);
}

static void*
alloc(usize n, uintptr pc)
{
	Block *b;

	if(n == 0){
		werrstr("out of memory");
		return nil;
	}
	lock(&heap);
	b = find(n);
	if(b == nil && more(n) == 0)
		b = find(n);
	if(b != nil){
		unlink(b);
		b->size |= Used;
		split(b, n);
		b->malloctag = pc;
		b->realloctag = 0;
	}
	unlock(&heap);
	return b != nil? b+1: nil;
}

/* the block of what was allocated; a wild pointer ends the process */
static Block*
block(void *a)
{
	Block *b;

	b = (Block*)a - 1;
	if(((uintptr)a & (Align-1)) != 0 || !(b->size & Used) || after(b)->before != size(b)){
		fprint(2, "free or realloc of %p, which is no allocated block\n", a);
		abort();
	}
	return b;
}

void*
malloc(ulong n)
{
	return alloc(whole(n), getcallerpc(&n));
}

void*
mallocz(ulong n, int clear)
{
	void *a;

	a = alloc(whole(n), getcallerpc(&n));
	if(a != nil && clear)
		memset(a, 0, n);
	return a;
}

void*
calloc(ulong n, ulong size)
{
	if(size != 0 && n > 0x7FFFFFFF/size){
		werrstr("out of memory");
		return nil;
	}
	return mallocz(n*size, 1);
}

void
free(void *a)
{
	if(a == nil)
		return;
	lock(&heap);
	release(block(a));
	unlock(&heap);
}

void*
realloc(void *a, ulong n)
{
	Block *b, *p;
	usize want;
	void *to;

	if(a == nil)
		return alloc(whole(n), getcallerpc(&a));
	if(n == 0){
		free(a);
		return nil;
	}
	want = whole(n);
	if(want == 0){
		werrstr("out of memory");
		return nil;
	}
	lock(&heap);
	b = block(a);
	p = after(b);
	if(size(b) < want && !(p->size & Used) && size(b) + p->size >= want){
		unlink(p);
		b->size += p->size;
		after(b)->before = size(b);
	}
	if(size(b) >= want){
		split(b, want);
		b->realloctag = getcallerpc(&a);
		unlock(&heap);
		return a;
	}
	unlock(&heap);
	to = alloc(want, b->malloctag);
	if(to == nil)
		return nil;
	memmove(to, a, size(b)-sizeof(Block));
	setrealloctag(to, getcallerpc(&a));
	free(a);
	return to;
}

/* at a multiple of align, offset bytes from one if it is not 0, and not across span */
void*
mallocalign(ulong n, ulong align, long offset, ulong span)
{
	Block *b, *c;
	uintptr a;
	usize want, room;

	want = whole(n);
	if(align < Align)
		align = Align;
	if(want == 0 || offset%Align != 0 || span != 0 && n > span){
		werrstr("bad alignment");
		return nil;
	}
	room = want + 2*(usize)align + span + 2*Least;
	c = alloc(room, getcallerpc(&n));
	if(c == nil)
		return nil;
	b = c-1;
	a = (uintptr)c;
	for(;;){
		a = (a - offset + align-1)/align*align + offset;
		if((uintptr)a != (uintptr)c && a - (uintptr)c < Least){
			a += align;
			continue;
		}
		if(span == 0 || a/span == (a+n-1)/span)
			break;
		a = (a/span + 1)*span;
	}
	if(a == (uintptr)c)
		return c;
	/* what lies before it is given back */
	lock(&heap);
	c = (Block*)a - 1;
	c->size = size(b) - ((uchar*)c - (uchar*)b) | Used;
	b->size = ((uchar*)c - (uchar*)b) | Used;
	c->before = size(b);
	after(c)->before = size(c);
	c->malloctag = getcallerpc(&n);
	c->realloctag = 0;
	release(b);
	split(c, want);
	unlock(&heap);
	return c+1;
}

ulong
msize(void *a)
{
	return a != nil? size(block(a)) - sizeof(Block): 0;
}

void
setmalloctag(void *a, uintptr tag)
{
	if(a != nil)
		block(a)->malloctag = tag;
}

uintptr
getmalloctag(void *a)
{
	return block(a)->malloctag;
}

void
setrealloctag(void *a, uintptr tag)
{
	if(a != nil)
		block(a)->realloctag = tag;
}

uintptr
getrealloctag(void *a)
{
	return block(a)->realloctag;
}

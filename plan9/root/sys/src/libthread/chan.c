#include <u.h>
#include <libc.h>
#include <thread.h>
#include "impl.h"

/*
 * Channels: a ring of nelem elements, and lists of those who wait to send
 * or to receive.  Nobody waits for what is there.
 */
typedef struct Aqueue	Aqueue;
struct Aqueue
{
	Alt	*head;
	Alt	*tail;
};

struct Channel
{
	int	size;	/* of an element */
	int	nelem;
	int	first;	/* of those in the ring */
	int	n;
	int	closed;
	int	freed;	/* by chanfree, when nobody waits any more */
	Aqueue	send;
	Aqueue	recv;
	uchar	ring[1];
};

static Lock	chanlock;
static char	Eclosed[] = "channel closed";

Channel*
chancreate(int elemsize, int nelem)
{
	Channel *c;

	c = mallocz(sizeof(Channel) + elemsize*nelem, 1);
	if(c == nil)
		sysfatal("chancreate: out of memory");
	c->size = elemsize;
	c->nelem = nelem;
	return c;
}

static void
release(Channel *c)
{
	if(c->freed && c->send.head == nil && c->recv.head == nil)
		free(c);
}

void
chanfree(Channel *c)
{
	if(c == nil)
		return;
	lock(&chanlock);
	c->freed = 1;
	release(c);
	unlock(&chanlock);
}

static Aqueue*
queue(Alt *a)
{
	return a->op == CHANSND? &a->c->send: &a->c->recv;
}

static void
enqueue(Alt *a)
{
	Aqueue *q;

	q = queue(a);
	a->next = nil;
	a->queued = 1;
	if(q->head == nil)
		q->head = a;
	else
		q->tail->next = a;
	q->tail = a;
}

static void
dequeue(Alt *a)
{
	Aqueue *q;
	Alt *b, *last;

	if(!a->queued)
		return;
	a->queued = 0;
	q = queue(a);
	last = nil;
	for(b = q->head; b != a; b = b->next)
		last = b;
	if(last == nil)
		q->head = a->next;
	else
		last->next = a->next;
	if(q->tail == a)
		q->tail = last;
	release(a->c);
}

static void
copy(Channel *c, void *to, void *from)
{
	if(to == nil)
		return;
	if(from == nil)
		memset(to, 0, c->size);
	else
		memmove(to, from, c->size);
}

static void
put(Channel *c, void *v)
{
	copy(c, c->ring + (c->first+c->n)%c->nelem*c->size, v);
	c->n++;
}

static void
get(Channel *c, void *v)
{
	copy(c, v, c->ring + c->first*c->size);
	c->first = (c->first+1)%c->nelem;
	c->n--;
}

static int
possible(Alt *a)
{
	Channel *c;

	c = a->c;
	if(c->closed)
		return 1;
	if(a->op == CHANSND)
		return c->n < c->nelem || c->recv.head != nil;
	return c->n > 0 || c->send.head != nil;
}

/* another's wait in an alt is over: a is what came of it */
static void
done(Alt *a, char *err)
{
	Thread *t;

	t = a->thread;
	a->err = err;
	t->chosen = a;
	while(a->op != CHANEND)	/* all of its list: it may not be chosen twice */
		a++;
	for(a = (Alt*)a->v; a->op != CHANEND; a++)
		if(a->op != CHANNOP)
			dequeue(a);
	_threadready(t);
}

/* what possible says can be done */
static void
perform(Alt *a)
{
	Channel *c;
	Alt *b;

	c = a->c;
	a->err = nil;
	if(a->op == CHANSND){
		if(c->closed)
			a->err = Eclosed;
		else if((b = c->recv.head) != nil){
			copy(c, b->v, a->v);
			done(b, nil);
		}else
			put(c, a->v);
		return;
	}
	if(c->n > 0){
		get(c, a->v);
		if((b = c->send.head) != nil){
			put(c, b->v);
			done(b, nil);
		}
	}else if((b = c->send.head) != nil){
		copy(c, a->v, b->v);
		done(b, nil);
	}else
		a->err = Eclosed;
}

int
alt(Alt *alts)
{
	Alt *a, *end, *pick;
	Thread *t;
	int n;

	lock(&chanlock);
	n = 0;
	pick = nil;
	for(a = alts; a->op != CHANEND && a->op != CHANNOBLK; a++)
		if(a->op != CHANNOP && possible(a) && nrand(++n) == 0)
			pick = a;
	end = a;
	if(pick != nil){
		perform(pick);
		unlock(&chanlock);
		return pick->err == nil? pick - alts: -1;
	}
	if(end->op == CHANNOBLK){
		unlock(&chanlock);
		return end - alts;
	}
	t = _threadself()->cur;
	t->chosen = nil;
	end->v = alts;
	for(a = alts; a != end; a++)
		if(a->op != CHANNOP){
			a->thread = t;
			enqueue(a);
		}
	unlock(&chanlock);
	_threadsched();
	if(t->chosen->err != nil)
		return -1;
	return t->chosen - alts;
}

int
chanclose(Channel *c)
{
	lock(&chanlock);
	if(c->closed){
		unlock(&chanlock);
		return -1;
	}
	c->closed = 1;
	while(c->send.head != nil)
		done(c->send.head, Eclosed);
	while(c->recv.head != nil)
		done(c->recv.head, Eclosed);
	unlock(&chanlock);
	return 0;
}

/* of a closed one, how many elements may still be received */
int
chanclosing(Channel *c)
{
	int n;

	lock(&chanlock);
	n = c->closed? c->n: -1;
	unlock(&chanlock);
	return n;
}

/* 1: done; 0: it would have to wait; -1: closed */
static int
one(Channel *c, void *v, int op, int block)
{
	Alt a[2];

	memset(a, 0, sizeof a);
	a[0].c = c;
	a[0].v = v;
	a[0].op = op;
	a[1].op = block? CHANEND: CHANNOBLK;
	switch(alt(a)){
	case 0:
		return 1;
	case 1:
		return 0;
	}
	return -1;
}

int
send(Channel *c, void *v)
{
	return one(c, v, CHANSND, 1);
}

int
nbsend(Channel *c, void *v)
{
	return one(c, v, CHANSND, 0);
}

int
recv(Channel *c, void *v)
{
	return one(c, v, CHANRCV, 1);
}

int
nbrecv(Channel *c, void *v)
{
	return one(c, v, CHANRCV, 0);
}

int
sendp(Channel *c, void *p)
{
	return send(c, &p);
}

int
nbsendp(Channel *c, void *p)
{
	return nbsend(c, &p);
}

void*
recvp(Channel *c)
{
	void *p;

	p = nil;
	if(recv(c, &p) < 0)
		return (void*)~0;
	return p;
}

void*
nbrecvp(Channel *c)
{
	void *p;

	p = nil;
	if(nbrecv(c, &p) <= 0)
		return nil;
	return p;
}

int
sendul(Channel *c, ulong u)
{
	return send(c, &u);
}

int
nbsendul(Channel *c, ulong u)
{
	return nbsend(c, &u);
}

ulong
recvul(Channel *c)
{
	ulong u;

	u = 0;
	if(recv(c, &u) < 0)
		return ~0;
	return u;
}

ulong
nbrecvul(Channel *c)
{
	ulong u;

	u = 0;
	if(nbrecv(c, &u) <= 0)
		return 0;
	return u;
}

int
chanprint(Channel *c, char *fmt, ...)
{
	va_list arg;
	char *s;

	va_start(arg, fmt);
	s = vsmprint(fmt, arg);
	va_end(arg);
	if(s == nil)
		sysfatal("chanprint: out of memory");
	return sendp(c, s);
}

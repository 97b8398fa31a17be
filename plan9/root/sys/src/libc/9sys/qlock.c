#include <u.h>
#include <libc.h>

/*
 * QLock, RWLock and Rendez of lock(2).  Who must wait puts itself on the
 * lock's list and meets, by rendezvous, the one who hands the lock over.
 */
enum
{
	Reading	= 1,
	Writing,
	Sleeping,

	Nwaiter	= 256,
};

static struct
{
	Lock;
	QLp	*next;
	QLp	x[Nwaiter];
} waiters = { { 0 }, waiters.x };

static void*	(*meet)(void*, void*) = rendezvous;

void
_qlockinit(void* (*f)(void*, void*))
{
	meet = f;
}

static QLp*
waiter(int state)
{
	QLp *p;
	int i;

	for(;;){
		lock(&waiters);
		for(i = 0; i < Nwaiter; i++){
			p = waiters.next++;
			if(waiters.next == waiters.x+Nwaiter)
				waiters.next = waiters.x;
			if(!p->inuse){
				p->inuse = 1;
				p->state = state;
				p->next = nil;
				unlock(&waiters);
				return p;
			}
		}
		unlock(&waiters);
		sleep(10);
	}
}

static void
append(QLp **head, QLp **tail, QLp *p)
{
	if(*head == nil)
		*head = p;
	else
		(*tail)->next = p;
	*tail = p;
}

static QLp*
first(QLp **head, QLp **tail)
{
	QLp *p;

	p = *head;
	*head = p->next;
	if(*head == nil)
		*tail = nil;
	return p;
}

/* a rendezvous that a note broke is begun again */
static void
pass(QLp *p)
{
	while(meet(p, nil) == (void*)~0)
		;
}

static void
await1(QLp *p)
{
	while(meet(p, nil) == (void*)~0)
		;
	p->inuse = 0;
}

void
qlock(QLock *q)
{
	QLp *p;

	lock(&q->lock);
	if(!q->locked){
		q->locked = 1;
		unlock(&q->lock);
		return;
	}
	p = waiter(Writing);
	append(&q->head, &q->tail, p);
	unlock(&q->lock);
	await1(p);
}

int
canqlock(QLock *q)
{
	int got;

	if(!canlock(&q->lock))
		return 0;
	got = !q->locked;
	if(got)
		q->locked = 1;
	unlock(&q->lock);
	return got;
}

void
qunlock(QLock *q)
{
	QLp *p;

	lock(&q->lock);
	if(!q->locked)
		fprint(2, "qunlock called with qlock not held, from %#p\n", getcallerpc(&q));
	if(q->head == nil){
		q->locked = 0;
		unlock(&q->lock);
		return;
	}
	p = first(&q->head, &q->tail);
	unlock(&q->lock);
	pass(p);
}

/* a reader waits if a writer does: so that none waits for ever */
void
rlock(RWLock *q)
{
	QLp *p;

	lock(&q->lock);
	if(!q->writer && q->head == nil){
		q->readers++;
		unlock(&q->lock);
		return;
	}
	p = waiter(Reading);
	append(&q->head, &q->tail, p);
	unlock(&q->lock);
	await1(p);
}

int
canrlock(RWLock *q)
{
	int got;

	lock(&q->lock);
	got = !q->writer && q->head == nil;
	if(got)
		q->readers++;
	unlock(&q->lock);
	return got;
}

void
runlock(RWLock *q)
{
	QLp *p;

	lock(&q->lock);
	if(q->readers <= 0)
		abort();
	if(--q->readers > 0 || q->head == nil){
		unlock(&q->lock);
		return;
	}
	/* whoever is first and waits must be a writer */
	p = first(&q->head, &q->tail);
	q->writer = 1;
	unlock(&q->lock);
	pass(p);
}

void
wlock(RWLock *q)
{
	QLp *p;

	lock(&q->lock);
	if(q->readers == 0 && !q->writer){
		q->writer = 1;
		unlock(&q->lock);
		return;
	}
	p = waiter(Writing);
	append(&q->head, &q->tail, p);
	unlock(&q->lock);
	await1(p);
}

int
canwlock(RWLock *q)
{
	int got;

	lock(&q->lock);
	got = q->readers == 0 && !q->writer;
	if(got)
		q->writer = 1;
	unlock(&q->lock);
	return got;
}

void
wunlock(RWLock *q)
{
	QLp *p, *list;

	lock(&q->lock);
	if(!q->writer)
		abort();
	if(q->head == nil){
		q->writer = 0;
		unlock(&q->lock);
		return;
	}
	p = first(&q->head, &q->tail);
	p->next = nil;
	if(p->state == Writing){
		unlock(&q->lock);
		pass(p);
		return;
	}
	q->writer = 0;
	q->readers = 1;
	list = p;
	while(q->head != nil && q->head->state == Reading){
		p->next = first(&q->head, &q->tail);
		p = p->next;
		p->next = nil;
		q->readers++;
	}
	unlock(&q->lock);
	for(; list != nil; list = p){
		p = list->next;	/* its owner may use it anew once it is awake */
		pass(list);
	}
}

void
rsleep(Rendez *r)
{
	QLp *p, *next;

	if(r->l == nil)
		abort();
	p = waiter(Sleeping);
	lock(&r->l->lock);
	if(!r->l->locked)
		abort();
	append(&r->head, &r->tail, p);
	next = nil;
	if(r->l->head != nil)
		next = first(&r->l->head, &r->l->tail);
	else
		r->l->locked = 0;
	unlock(&r->l->lock);
	if(next != nil)
		pass(next);
	await1(p);
}

/* who is woken takes its turn among those who wait for the lock */
static int
wake(Rendez *r, int all)
{
	QLp *p;
	int n;

	if(r->l == nil)
		abort();
	lock(&r->l->lock);
	if(!r->l->locked)
		abort();
	for(n = 0; r->head != nil && (all || n == 0); n++){
		p = first(&r->head, &r->tail);
		p->next = nil;
		p->state = Writing;
		append(&r->l->head, &r->l->tail, p);
	}
	unlock(&r->l->lock);
	return n;
}

int
rwakeup(Rendez *r)
{
	return wake(r, 0);
}

int
rwakeupall(Rendez *r)
{
	return wake(r, 1);
}

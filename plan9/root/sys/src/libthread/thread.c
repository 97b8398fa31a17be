#include <u.h>
#include <libc.h>
#include <thread.h>
#include "impl.h"

/* thread(2)'s threads, processes, and their turns */

static Lock	alllock;	/* of the lists, and of ids */
static Thread	*threads;
static Proc	*procs;
static int	lastid;

static struct
{
	Lock;
	Thread	*head;
} meeting;

static void
append(Tqueue *q, Thread *t)
{
	t->next = nil;
	if(q->head == nil)
		q->head = t;
	else
		q->tail->next = t;
	q->tail = t;
}

Proc*
_threadnewproc(void)
{
	Proc *p;

	p = mallocz(sizeof *p, 1);
	if(p == nil)
		sysfatal("libthread: out of memory");
	lock(&alllock);
	p->next = procs;
	procs = p;
	unlock(&alllock);
	return p;
}

static void
dropproc(Proc *p)
{
	Proc **l;

	lock(&alllock);
	for(l = &procs; *l != nil; l = &(*l)->next)
		if(*l == p){
			*l = p->next;
			break;
		}
	unlock(&alllock);
}

Thread*
_threadnew(Proc *p, void (*f)(void*), void *arg, uint stksize)
{
	Thread *t;

	t = mallocz(sizeof *t, 1);
	if(t == nil)
		sysfatal("libthread: out of memory");
	t->proc = p;
	t->f = f;
	t->arg = arg;
	t->stksize = stksize;
	if(_threadinit(t) < 0)
		sysfatal("libthread: %r");
	lock(&alllock);
	t->id = ++lastid;
	t->all = threads;
	threads = t;
	unlock(&alllock);
	lock(p);
	p->nthread++;
	append(&p->ready, t);
	unlock(p);
	return t;
}

void
_threadfree(Thread *t)
{
	Thread **l;

	lock(&alllock);
	for(l = &threads; *l != t; l = &(*l)->all)
		;
	*l = t->all;
	unlock(&alllock);
	_threadfreed(t);
	free(t->name);
	free(t);
}

/* after every switch, in the thread that goes on */
static void
arrived(Proc *p)
{
	Thread *t;

	t = p->gone;
	p->gone = nil;
	if(t != nil)
		_threadfree(t);
}

void
_threadready(Thread *t)
{
	Proc *p;
	int idle;

	p = t->proc;
	lock(p);
	append(&p->ready, t);
	idle = p->idle;
	p->idle = 0;
	unlock(p);
	if(idle)
		semrelease(&p->wake, 1);
}

Thread*
_threadnext(Proc *p)
{
	Thread *t;

	for(;;){
		lock(p);
		t = p->ready.head;
		if(t != nil){
			p->ready.head = t->next;
			unlock(p);
			return t;
		}
		p->idle = 1;
		unlock(p);
		while(semacquire(&p->wake, 1) < 0)
			;
	}
}

void
_threadsched(void)
{
	Proc *p;
	Thread *t, *n;

	p = _threadself();
	t = p->cur;
	n = _threadnext(p);
	if(n == t)
		return;
	p->cur = n;
	_threadswitch(t, n);
	arrived(p);
}

_Noreturn void
_threadbegin(void)
{
	Thread *t;

	t = _threadself()->cur;
	arrived(t->proc);
	t->f(t->arg);
	threadexits(nil);
}

_Noreturn void
threadexits(char *s)
{
	Proc *p;
	Thread *t;

	p = _threadself();
	t = p->cur;
	lock(p);
	p->nthread--;
	unlock(p);
	if(p->nthread == 0){
		dropproc(p);
		if(procs == nil)
			exits(s);
		_threadend(s);
	}
	t->dead = 1;
	p->cur = _threadnext(p);
	p->gone = t;
	_threadswitch(nil, p->cur);
	abort();
}

_Noreturn void
threadexitsall(char *s)
{
	Proc *p, *me;

	me = _threadself();
	lock(&alllock);
	for(p = procs; p != nil; p = p->next)
		if(p != me)
			_threadkill(p);
	unlock(&alllock);
	exits(s);
}

int
threadcreate(void (*f)(void*), void *arg, uint stksize)
{
	return _threadnew(_threadself(), f, arg, stksize)->id;
}

int
procrfork(void (*f)(void*), void *arg, uint stksize, int flags)
{
	Proc *p;
	int id;

	p = _threadnewproc();
	id = _threadnew(p, f, arg, stksize)->id;
	if(_threadfork(p, flags) < 0){
		dropproc(p);
		_threadfree(p->ready.head);
		free(p);
		return -1;
	}
	return id;
}

int
proccreate(void (*f)(void*), void *arg, uint stksize)
{
	return procrfork(f, arg, stksize, 0);
}

void
yield(void)
{
	Proc *p;

	p = _threadself();
	lock(p);
	append(&p->ready, p->cur);
	unlock(p);
	_threadsched();
}

/* rendezvous(2) among threads: the others of the process go on meanwhile */
void*
_threadrendezvous(void *tag, void *val)
{
	Thread *t, **l;
	void *r;

	lock(&meeting);
	for(l = &meeting.head; (t = *l) != nil; l = &t->next)
		if(t->tag == tag){
			*l = t->next;
			unlock(&meeting);
			r = t->val;
			t->val = val;
			_threadready(t);
			return r;
		}
	t = _threadself()->cur;
	t->tag = tag;
	t->val = val;
	t->next = meeting.head;
	meeting.head = t;
	unlock(&meeting);
	_threadsched();
	return t->val;
}

int
threadid(void)
{
	return _threadself()->cur->id;
}

int
threadpid(int id)
{
	Thread *t;
	int pid;

	pid = -1;
	lock(&alllock);
	for(t = threads; t != nil; t = t->all)
		if(t->id == id)
			pid = t->proc->pid;
	unlock(&alllock);
	return pid;
}

void
threadsetname(char *fmt, ...)
{
	Thread *t;
	va_list arg;

	t = _threadself()->cur;
	free(t->name);
	va_start(arg, fmt);
	t->name = vsmprint(fmt, arg);
	va_end(arg);
}

char*
threadgetname(void)
{
	return _threadself()->cur->name;
}

void**
threaddata(void)
{
	return &_threadself()->cur->data;
}

void**
procdata(void)
{
	return &_threadself()->data;
}

void
incref(Ref *r)
{
	ainc(&r->ref);
}

long
decref(Ref *r)
{
	return adec(&r->ref);
}

#include <u.h>
#include <libc.h>
#include <bio.h>
#include <thread.h>
#include "llm.h"

/*
 * A pool of procs.  With one thread there are none, and parallel is a call.
 */
typedef struct Worker	Worker;

struct Worker
{
	Pool	*pool;
	int	id;
	long	go;	/* semaphore */
};

struct Pool
{
	QLock;
	int	n;	/* threads, the caller's included */
	Worker	*worker;
	long	done;	/* semaphore */
	int	quit;
	void	(*f)(void*, int, int, int);
	void	*arg;
	int	count;
};

/* processors of this machine: /dev/sysstat has a line for each */
int
ncpu(void)
{
	Biobuf *b;
	int n;

	b = Bopen("/dev/sysstat", OREAD);
	if(b == nil)
		return 1;
	for(n = 0; Brdline(b, '\n') != nil; n++)
		;
	Bterm(b);
	if(n < 1)
		n = 1;
	return n;
}

static void
share(Pool *p, int id)
{
	int lo, hi;

	lo = (vlong)p->count*id/p->n;
	hi = (vlong)p->count*(id+1)/p->n;
	if(lo < hi)
		p->f(p->arg, id, lo, hi);
}

static void
work(void *arg)
{
	Worker *w;
	Pool *p;

	w = arg;
	p = w->pool;
	initfp();
	for(;;){
		while(semacquire(&w->go, 1) < 0)
			;
		if(p->quit)
			break;
		share(p, w->id);
		semrelease(&p->done, 1);
	}
	semrelease(&p->done, 1);
}

Pool*
mkpool(int n)
{
	Pool *p;
	Worker *w;
	int i;

	p = mallocz(sizeof *p, 1);
	if(p == nil)
		return nil;
	p->n = 1;
	p->worker = mallocz(n*sizeof(Worker), 1);
	if(p->worker == nil){
		free(p);
		return nil;
	}
	for(i = 1; i < n; i++){
		w = &p->worker[i];
		w->pool = p;
		w->id = i;
		if(proccreate(work, w, 16*1024) < 0)
			break;	/* fewer, then */
		p->n++;
	}
	return p;
}

static void
rest(Pool *p)
{
	int i;

	for(i = 1; i < p->n; i++)
		while(semacquire(&p->done, 1) < 0)
			;
}

void
freepool(Pool *p)
{
	int i;

	if(p == nil)
		return;
	p->quit = 1;
	for(i = 1; i < p->n; i++)
		semrelease(&p->worker[i].go, 1);
	rest(p);
	free(p->worker);
	free(p);
}

int
nthreads(Pool *p)
{
	return p->n;
}

void
lockpool(Pool *p)
{
	qlock(p);
}

void
unlockpool(Pool *p)
{
	qunlock(p);
}

void
parallel(Pool *p, int n, void (*f)(void*, int, int, int), void *arg)
{
	int i;

	if(p->n == 1 || n < 2){
		f(arg, 0, 0, n);
		return;
	}
	p->f = f;
	p->arg = arg;
	p->count = n;
	for(i = 1; i < p->n; i++)
		semrelease(&p->worker[i].go, 1);
	share(p, 0);
	rest(p);
}

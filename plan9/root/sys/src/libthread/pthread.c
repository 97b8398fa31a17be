#include <u.h>
#include <libc.h>
#include <thread.h>
#include "impl.h"

/* on Linux, for tests, each thread has a pthread, which runs when it is the thread's turn */
void*	_hostself(void);
void	_hostsetself(void*);
_Noreturn void	_hostexit(void);
int	_hoststart(void (*)(void*), void*);

Proc*
_threadself(void)
{
	return _hostself();
}

void
_threadsetself(Proc *p)
{
	_hostsetself(p);
}

static void
turn(Thread *t)
{
	while(semacquire(t->machine, 1) < 0)
		;
}

static void
begin(void *v)
{
	Thread *t;

	t = v;
	turn(t);
	_threadsetself(t->proc);
	_threadbegin();
}

int
_threadinit(Thread *t)
{
	t->machine = mallocz(sizeof(long), 1);
	if(t->machine == nil)
		return -1;
	return _hoststart(begin, t);
}

void
_threadfreed(Thread *t)
{
	free(t->machine);
}

void
_threadswitch(Thread *from, Thread *to)
{
	semrelease(to->machine, 1);
	if(from == nil)
		_hostexit();
	turn(from);
}

static void
run(void *v)
{
	Proc *p;

	p = v;
	p->pid = getpid();
	_threadsetself(p);
	p->cur = _threadnext(p);
	_threadswitch(nil, p->cur);
}

int
_threadfork(Proc *p, int flags)
{
	USED(flags);
	return _hoststart(run, p);
}

void
_threadkill(Proc *p)
{
	USED(p);
}

_Noreturn void
_threadend(char *s)
{
	USED(s);
	_threadfree(_threadself()->cur);
	_hostexit();
}

static int	argc1;
static char	**argv1;

static void
first(void *v)
{
	USED(v);
	threadmain(argc1, argv1);
}

void
main(int argc, char *argv[])
{
	Proc *p;

	argc1 = argc;
	argv1 = argv;
	_qlockinit(_threadrendezvous);
	p = _threadnewproc();
	_threadnew(p, first, nil, 0);
	run(p);
}

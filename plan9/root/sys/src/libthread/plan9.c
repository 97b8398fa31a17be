#include <u.h>
#include <libc.h>
#include <thread.h>
#include "impl.h"

/* Plan 9's processes, and threads on stacks of their own in them */

enum
{
	Mainstack	= 64*1024,
};

static Proc	**self;	/* where each process has its own */

Proc*
_threadself(void)
{
	return *self;
}

void
_threadsetself(Proc *p)
{
	*self = p;
}

int
_threadinit(Thread *t)
{
	uintptr sp;

	if(t->stksize < 4096)
		t->stksize = 4096;
	t->stk = malloc(t->stksize);
	if(t->stk == nil)
		return -1;
	/* longjmp puts the pc at SP, and returns to it; the next word is begin's own return */
	sp = ((uintptr)t->stk + t->stksize - 64) & ~15;
	memset((void*)sp, 0, 64 - 16);
	memset(t->ctx, 0, sizeof t->ctx);
	t->ctx[JMPBUFSP] = sp;
	t->ctx[JMPBUFPC] = (uintptr)_threadbegin + JMPBUFDPC;
	return 0;
}

void
_threadfreed(Thread *t)
{
	free(t->stk);
}

void
_threadswitch(Thread *from, Thread *to)
{
	if(from != nil && setjmp(from->ctx) != 0)
		return;
	longjmp(to->ctx, 1);
}

int
_threadfork(Proc *p, int flags)
{
	int pid;

	pid = rfork(RFPROC|RFMEM|RFNOWAIT|flags);
	if(pid == 0)
		_threadrun(p);
	if(pid > 0)
		p->pid = pid;
	return pid;
}

void
_threadkill(Proc *p)
{
	postnote(PNPROC, p->pid, "kill");
}

void
_threadend(char *s)
{
	_exits(s);
}

static void
begin(void *v)
{
	struct { int argc; char **argv; } *a;

	a = v;
	threadmain(a->argc, a->argv);
}

void
main(int argc, char *argv[])
{
	static struct { int argc; char **argv; } a;
	Proc *p;

	a.argc = argc;
	a.argv = argv;
	self = (Proc**)privalloc();
	_qlockinit(_threadrendezvous);
	p = _threadnewproc();
	_threadnew(p, begin, &a, Mainstack);
	_threadrun(p);
}

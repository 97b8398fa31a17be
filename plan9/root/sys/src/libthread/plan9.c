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

/*
 * What goes on with another's stack is lost: so rfork, after which two
 * processes run, is done on the stack that a process has to itself.
 */
typedef struct Base	Base;
struct Base
{
	jmp_buf	ctx;
	Proc	*fork;
	int	flags;
	int	pid;
	int	ended;
	char	status[ERRMAX];
};

static void
run(Proc *p)
{
	Base b;
	int pid;

	b.fork = nil;
	b.ended = 0;
	for(;;){
		p->pid = getpid();
		p->machine = &b;
		_threadsetself(p);
		p->cur = _threadnext(p);
		while(setjmp(b.ctx) != 0){
			if(b.ended){
				_threadfree(_threadself()->cur);
				_exits(b.status);
			}
			pid = rfork(RFPROC|RFMEM|RFNOWAIT|b.flags);
			if(pid == 0)
				break;
			b.pid = pid;
			longjmp(_threadself()->cur->ctx, 1);
		}
		if(b.fork == nil)
			longjmp(_threadself()->cur->ctx, 1);
		p = b.fork;
		b.fork = nil;
	}
}

int
_threadfork(Proc *p, int flags)
{
	Base *b;

	b = _threadself()->machine;
	b->fork = p;
	b->flags = flags;
	if(setjmp(_threadself()->cur->ctx) == 0)
		longjmp(b->ctx, 1);
	b->fork = nil;
	if(b->pid > 0)
		p->pid = b->pid;
	return b->pid;
}

void
_threadkill(Proc *p)
{
	postnote(PNPROC, p->pid, "kill");
}

_Noreturn void
_threadend(char *s)
{
	Base *b;

	b = _threadself()->machine;
	b->ended = 1;
	snprint(b->status, sizeof b->status, "%s", s == nil? "": s);
	longjmp(b->ctx, 1);
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
	run(p);
}

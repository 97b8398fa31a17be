#include <u.h>
#include <libc.h>
#include <thread.h>

/*
 * thread(2)'s processes.  They share memory, but for the stack: each goes on
 * with a copy of its maker's, so that it needs none of its own.
 */
enum
{
	Nproc	= 1024,
};

static int	procs[Nproc];	/* their ids; 0 of none */
static Lock	procslock;

static int
enter(int pid)
{
	int i;

	for(i = 0; i < Nproc; i++)
		if(procs[i] == 0){
			procs[i] = pid;
			return i;
		}
	return -1;
}

static void
leave(void)
{
	int i, pid;

	pid = getpid();
	lock(&procslock);
	for(i = 0; i < Nproc; i++)
		if(procs[i] == pid)
			procs[i] = 0;
	unlock(&procslock);
}

int
proccreate(void (*f)(void*), void *arg, uint stack)
{
	int pid;

	USED(stack);
	lock(&procslock);
	pid = rfork(RFPROC|RFMEM|RFNOWAIT);
	if(pid == 0){
		/* the maker enters its id before it lets go of the lock */
		lock(&procslock);
		unlock(&procslock);
		f(arg);
		threadexits(nil);
	}
	if(pid > 0 && enter(pid) < 0){
		postnote(PNPROC, pid, "kill");
		werrstr("too many processes");
		pid = -1;
	}
	unlock(&procslock);
	return pid;
}

_Noreturn void
threadexits(char *s)
{
	leave();
	exits(s);
}

_Noreturn void
threadexitsall(char *s)
{
	int i, pid;

	pid = getpid();
	lock(&procslock);
	for(i = 0; i < Nproc; i++)
		if(procs[i] != 0 && procs[i] != pid)
			postnote(PNPROC, procs[i], "kill");
	unlock(&procslock);
	exits(s);
}

void
main(int argc, char *argv[])
{
	lock(&procslock);
	enter(getpid());
	unlock(&procslock);
	threadmain(argc, argv);
	threadexits("threadmain");
}

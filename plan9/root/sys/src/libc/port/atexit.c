#include <u.h>
#include <libc.h>

/* atexit(2), exits(2) */

typedef struct Onexit	Onexit;
struct Onexit
{
	void	(*f)(void);
	int	pid;	/* of the process that wants it */
};

enum
{
	Nexit	= 33,
};

static Onexit	onexit[Nexit];
static Lock	onexitlock;

int
atexit(void (*f)(void))
{
	int i;

	lock(&onexitlock);
	for(i = 0; i < Nexit; i++)
		if(onexit[i].f == nil){
			onexit[i].pid = getpid();
			onexit[i].f = f;
			unlock(&onexitlock);
			return 1;
		}
	unlock(&onexitlock);
	return 0;
}

void
atexitdont(void (*f)(void))
{
	int i, pid;

	pid = getpid();
	for(i = 0; i < Nexit; i++)
		if(onexit[i].f == f && onexit[i].pid == pid)
			onexit[i].f = nil;
}

/* the last that was asked for is done first */
_Noreturn void
exits(char *s)
{
	void (*f)(void);
	int i, pid;

	pid = getpid();
	for(i = Nexit-1; i >= 0; i--)
		if((f = onexit[i].f) != nil && onexit[i].pid == pid){
			onexit[i].f = nil;
			f();
		}
	_exits(s);
}

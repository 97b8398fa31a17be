/*
 * A process runs its threads one at a time, each until it waits or yields.
 * What stands still is on nobody's list but that of what it waits for.
 */
typedef struct Proc	Proc;
typedef struct Tqueue	Tqueue;

struct Tqueue
{
	Thread	*head;
	Thread	*tail;
};

struct Thread
{
	int	id;
	Proc	*proc;
	Thread	*next;		/* of the ready, or of those that meet */
	Thread	*all;		/* of all threads */
	jmp_buf	ctx;		/* where it goes on: the machine's switch */
	void	*machine;
	uchar	*stk;
	uint	stksize;
	void	(*f)(void*);
	void	*arg;
	int	dead;
	void	*tag;		/* rendezvous */
	void	*val;
	Alt	*chosen;	/* of those that it waits in, done by another */
	char	*name;
	void	*data;
};

struct Proc
{
	Lock;
	int	pid;
	Thread	*cur;
	Tqueue	ready;
	int	idle;		/* waits at wake */
	long	wake;		/* semaphore */
	int	nthread;
	Thread	*gone;		/* to be freed by the next to run */
	Proc	*next;
	void	*data;
	void	*machine;
};

Proc*	_threadself(void);
Thread*	_threadnew(Proc*, void (*)(void*), void*, uint);
Proc*	_threadnewproc(void);
void	_threadfree(Thread*);	/* nobody is on its stack */
void	_threadready(Thread*);
void	_threadsched(void);		/* until somebody makes the caller ready */
void*	_threadrendezvous(void*, void*);
_Noreturn void	_threadbegin(void);	/* of the current thread */
Thread*	_threadnext(Proc*);		/* the next to run; waits for one */

/* the machine's: plan9.c, or linux/host.c */
void	_threadsetself(Proc*);
int	_threadinit(Thread*);		/* makes it ready to be switched to */
void	_threadswitch(Thread *from, Thread *to);	/* from nil: for ever */
void	_threadfreed(Thread*);
int	_threadfork(Proc*, int flags);	/* a process that runs its threads */
void	_threadkill(Proc*);
_Noreturn void	_threadend(char*);	/* of this process alone, with its last thread */

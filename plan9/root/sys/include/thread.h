/* Threads, processes that share memory, and channels: thread(2). */
#pragma	lib	"libthread.a"
#pragma	src	"/sys/src/libthread"

typedef struct Alt	Alt;
typedef struct Channel	Channel;
typedef struct Ref	Ref;
typedef struct Thread	Thread;

#pragma incomplete Channel
#pragma incomplete Thread

enum
{
	CHANEND,	/* ends a list for alt, which waits */
	CHANSND,
	CHANRCV,
	CHANNOP,
	CHANNOBLK,	/* ends a list for alt, which does not wait */
};

struct Alt
{
	Channel	*c;
	void	*v;	/* what is sent, or where it goes; nil: nowhere */
	int	op;
	char	*err;	/* why it failed: the channel is closed */

	/* the library's */
	Thread	*thread;
	Alt	*next;
	int	queued;
};

struct Ref
{
	long	ref;
};

int	alt(Alt*);
int	chanclose(Channel*);
int	chanclosing(Channel*);
Channel*	chancreate(int elemsize, int nelem);
void	chanfree(Channel*);
int	chanprint(Channel*, char*, ...);
long	decref(Ref*);	/* of what is left, 0 when it was the last */
void	incref(Ref*);
int	nbrecv(Channel*, void*);
void*	nbrecvp(Channel*);
ulong	nbrecvul(Channel*);
int	nbsend(Channel*, void*);
int	nbsendp(Channel*, void*);
int	nbsendul(Channel*, ulong);
int	proccreate(void (*)(void*), void*, uint);
int	procrfork(void (*)(void*), void*, uint, int);
void**	procdata(void);
int	recv(Channel*, void*);
void*	recvp(Channel*);
ulong	recvul(Channel*);
int	send(Channel*, void*);
int	sendp(Channel*, void*);
int	sendul(Channel*, ulong);
int	threadcreate(void (*)(void*), void*, uint);
void**	threaddata(void);
_Noreturn void	threadexits(char*);
_Noreturn void	threadexitsall(char*);
char*	threadgetname(void);
int	threadid(void);
void	threadmain(int, char*[]);	/* the program's */
int	threadpid(int);
void	threadsetname(char*, ...);
void	yield(void);

#pragma	varargck	argpos	chanprint	2
#pragma	varargck	argpos	threadsetname	1

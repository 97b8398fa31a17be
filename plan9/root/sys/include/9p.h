/* File servers: 9p(2). Needs <fcall.h> and <thread.h> before it. */
#pragma	lib	"lib9p.a"
#pragma	src	"/sys/src/lib9p"

typedef struct Fid	Fid;
typedef struct Req	Req;
typedef struct Srv	Srv;

struct Fid
{
	ulong	fid;
	char	omode;		/* -1: not open */
	char	*uid;
	Qid	qid;
	void	*aux;
	Srv	*srv;

	/* the library's */
	Ref;
	vlong	diroffset;
	long	dirindex;
	Fid	*next;
};

struct Req
{
	ulong	tag;
	void	*aux;
	Fcall	ifcall;
	Fcall	ofcall;
	Dir	d;		/* what stat fills in, its strings malloced; what wstat asks for */
	Req	*oldreq;	/* what flush ends */
	Fid	*fid;
	Fid	*newfid;
	Srv	*srv;

	/* the library's */
	Ref;
	uchar	*buf;		/* ifcall points into it */
	uchar	*rbuf;		/* the room of ofcall.data, or of ofcall.stat */
	int	responded;
	Req	*flush;		/* flushes that wait for this */
	Req	*nextflush;
	Req	*next;
};

/*
 * Each function gets a request and sees to it that respond is called, then
 * or later, in this process or another.  What is nil is refused, but for
 * attach, flush, destroyfid, destroyreq, start and end.
 */
struct Srv
{
	void	(*attach)(Req*);
	void	(*auth)(Req*);
	void	(*open)(Req*);
	void	(*create)(Req*);
	void	(*read)(Req*);
	void	(*write)(Req*);
	void	(*remove)(Req*);
	void	(*flush)(Req*);
	void	(*stat)(Req*);
	void	(*wstat)(Req*);
	char*	(*walk1)(Fid *fid, char *name, Qid *qid);	/* moves fid; the error, or nil */
	char*	(*clone)(Fid *old, Fid *new);
	void	(*destroyfid)(Fid*);
	void	(*destroyreq)(Req*);
	void	(*start)(Srv*);
	void	(*end)(Srv*);
	void	*aux;

	int	infd;
	int	outfd;
	int	srvfd;		/* the clients' end */

	/* the library's */
	uint	msize;
	int	hungup;
	Lock	lk;		/* of fids and reqs */
	Ref	alive;		/* requests not freed yet: respond uses the Srv until then */
	Fid	*fids;
	Req	*reqs;
	QLock	wlock;
	uchar	*wbuf;
	uint	nwbuf;
};

extern	int	chatty9p;	/* prints each message on fd 2 */

typedef int	Dirgen(int, Dir*, void*);

void	srv(Srv*);		/* serves infd until its end */
void	respond(Req*, char *error);
void	responderror(Req*);	/* with %r */
void	readbuf(Req*, void*, long);
void	readstr(Req*, char*);
void	dirread9p(Req*, Dirgen*, void*);	/* gen makes entry n; -1: there is none */
void	closefid(Fid*);
int	threadpostsrv(Srv*, char *name);	/* posts it in /srv, and serves in a process of its own */
void	threadpostmountsrv(Srv*, char *name, char *mtpt, int flag);
int	postfd(char *name, int fd);	/* -1, or the fd that keeps it there */
void	listensrv(Srv*, char *addr);	/* serves who calls, in a process of its own */

void*	emalloc9p(ulong);
void*	erealloc9p(void*, ulong);
char*	estrdup9p(char*);

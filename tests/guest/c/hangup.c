#include <u.h>
#include <libc.h>
#include <fcall.h>
#include <thread.h>
#include <9p.h>

/* clients of lib9p that go while others answer them: nothing of theirs may be used when srv has returned */

enum
{
	Rounds	= 50,
	Reads	= 8,
	Stack	= 32*1024,
};

static Channel	*work, *over;

static void
fsopen(Req *r)
{
	r->ofcall.qid = (Qid){1, 0, QTFILE};
	respond(r, nil);
}

static void
fsread(Req *r)
{
	sendp(work, r);
}

static void
fsflush(Req *r)
{
	respond(r, nil);
}

static void
fsdestroyreq(Req *r)
{
	/* respond, in an answerer: the client may be gone by now */
	if(r->ifcall.type == Tread)
		sleep(2);
	if(r->srv->aux != over)
		sysfatal("a request outlives its server");
}

static void
answerer(void *v)
{
	Req *r;

	USED(v);
	while((r = recvp(work)) != nil){
		readstr(r, "hello");
		respond(r, nil);
	}
	sendul(over, 1);
}

static void
server(void *v)
{
	Srv *s;

	s = v;
	srv(s);
	close(s->infd);
	free(s->wbuf);
	memset(s, 0xFF, sizeof *s);
	free(s);
	sendul(over, 0);
}

static void
ask(int fd, Fcall *f, int type, int tag)
{
	uchar buf[256];
	uint n;

	f->type = type;
	f->tag = tag;
	f->fid = 7;
	n = convS2M(f, buf, sizeof buf);
	if(write(fd, buf, n) != n)
		sysfatal("write: %r");
}

static int
client(int n)
{
	int in[2], out[2], id, i, pid;
	uchar buf[256];
	Fcall f;
	Srv *s;

	if(pipe(in) < 0 || pipe(out) < 0)
		sysfatal("pipe: %r");
	s = emalloc9p(sizeof *s);
	s->open = fsopen;
	s->read = fsread;
	s->flush = fsflush;
	s->destroyreq = fsdestroyreq;
	s->aux = over;
	s->infd = in[0];
	s->outfd = out[1];
	id = proccreate(server, s, Stack);
	memset(&f, 0, sizeof f);
	f.msize = 8192;
	f.version = VERSION9P;
	ask(in[1], &f, Tversion, NOTAG);
	memset(&f, 0, sizeof f);
	f.afid = NOFID;
	f.uname = "glenda";
	f.aname = "";
	ask(in[1], &f, Tattach, 1);
	memset(&f, 0, sizeof f);
	ask(in[1], &f, Topen, 2);
	memset(&f, 0, sizeof f);
	f.count = 100;
	for(i = 0; i < Reads; i++)
		ask(in[1], &f, Tread, 3+i);
	for(i = 0; i < 3 + n%Reads; i++)
		if(read9pmsg(out[0], buf, sizeof buf) <= 0)
			sysfatal("read: %r");
	close(in[1]);
	recvul(over);
	close(out[0]);
	close(out[1]);
	/* the process has nothing more to do but end */
	for(i = 0; (pid = threadpid(id)) >= 0 && i < 10000; i++)
		sleep(1);
	return pid;
}

void
threadmain(int argc, char *argv[])
{
	int i;

	USED(argc);
	USED(argv);
	work = chancreate(sizeof(void*), 2*Reads);
	over = chancreate(sizeof(ulong), 0);
	for(i = 0; i < 3; i++)
		proccreate(answerer, nil, Stack);
	for(i = 0; i < Rounds; i++)
		if(client(i) >= 0)
			sysfatal("a process that has ended is still known");
	for(i = 0; i < 3; i++)
		sendp(work, nil);
	for(i = 0; i < 3; i++)
		recvul(over);
	print("%d\n", Rounds);
	threadexitsall(nil);
}

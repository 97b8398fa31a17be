#include <u.h>
#include <libc.h>
#include <fcall.h>
#include <thread.h>
#include <9p.h>

typedef struct Listener	Listener;
struct Listener
{
	Srv	srv;	/* what each caller's is made from; nobody serves it */
	char	dir[NETPATHLEN];
};

static void
serve(void *v)
{
	Srv *s;

	s = v;
	srv(s);
	close(s->infd);
	free(s->wbuf);
	free(s);
}

static void
caller(void *v)
{
	Listener *l;
	Srv *s;
	char dir[NETPATHLEN];
	int ctl, data;

	l = v;
	for(;;){
		ctl = listen(l->dir, dir);
		if(ctl < 0)
			sysfatal("listen %s: %r", l->dir);
		data = accept(ctl, dir);
		close(ctl);
		if(data < 0)
			continue;
		s = emalloc9p(sizeof *s);
		*s = l->srv;
		s->infd = s->outfd = data;
		proccreate(serve, s, 32*1024);
	}
}

void
listensrv(Srv *s, char *addr)
{
	Listener *l;

	l = emalloc9p(sizeof *l);
	l->srv = *s;
	/* s may be served already, and its locks be held */
	memset(&l->srv.lk, 0, sizeof l->srv.lk);
	memset(&l->srv.wlock, 0, sizeof l->srv.wlock);
	l->srv.alive.ref = 0;
	l->srv.hungup = 0;
	l->srv.fids = nil;
	l->srv.reqs = nil;
	l->srv.wbuf = nil;
	l->srv.nwbuf = 0;
	if(announce(addr, l->dir) < 0)
		sysfatal("announce %s: %r", addr);
	procrfork(caller, l, 32*1024, RFNOTEG);
}

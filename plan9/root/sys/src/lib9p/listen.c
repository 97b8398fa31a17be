#include <u.h>
#include <libc.h>
#include <fcall.h>
#include <thread.h>
#include <9p.h>

typedef struct Listener	Listener;
struct Listener
{
	Srv	*srv;
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
		*s = *l->srv;
		s->infd = s->outfd = data;
		s->hungup = 0;
		s->fids = nil;
		s->reqs = nil;
		s->wbuf = nil;
		s->nwbuf = 0;
		proccreate(serve, s, 32*1024);
	}
}

void
listensrv(Srv *s, char *addr)
{
	Listener *l;

	l = emalloc9p(sizeof *l);
	l->srv = s;
	if(announce(addr, l->dir) < 0)
		sysfatal("announce %s: %r", addr);
	procrfork(caller, l, 32*1024, RFNOTEG);
}

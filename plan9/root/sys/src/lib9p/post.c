#include <u.h>
#include <libc.h>
#include <fcall.h>
#include <thread.h>
#include <9p.h>

/* puts fd into /srv; it is there as long as what this returns is open */
int
postfd(char *name, int fd)
{
	char buf[128];
	int f;

	snprint(buf, sizeof buf, "/srv/%s", name);
	f = create(buf, OWRITE|ORCLOSE|OCEXEC, 0600);
	if(f < 0)
		return -1;
	snprint(buf, sizeof buf, "%d", fd);
	if(write(f, buf, strlen(buf)) < 0){
		close(f);
		return -1;
	}
	return f;
}

static void
serve(void *v)
{
	srv(v);
	threadexitsall(nil);
}

/*
 * The server has a note group of its own, so that it outlives what is typed
 * at its shell, and a name space of its own, in which it is not mounted.
 */
int
threadpostsrv(Srv *s, char *name)
{
	int fd[2];

	if(pipe(fd) < 0)
		return -1;
	s->infd = s->outfd = fd[1];
	s->srvfd = fd[0];
	if(name != nil && postfd(name, s->srvfd) < 0){
		close(fd[0]);
		close(fd[1]);
		return -1;
	}
	return procrfork(serve, s, 32*1024, RFNOTEG|RFNAMEG);
}

void
threadpostmountsrv(Srv *s, char *name, char *mtpt, int flag)
{
	if(threadpostsrv(s, name) < 0)
		sysfatal("post %s: %r", name);
	if(mtpt == nil)
		return;
	if(mount(s->srvfd, -1, mtpt, flag, "") < 0)
		sysfatal("mount %s: %r", mtpt);
}

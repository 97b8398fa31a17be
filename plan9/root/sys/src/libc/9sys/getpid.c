#include <u.h>
#include <libc.h>
#include <tos.h>

/* getpid(2), getuser(2), getwd(2), and other small files of the kernel */

Tos	*_tos;

int
getpid(void)
{
	return _tos->pid;
}

/* the file's first n-1 bytes at most, as a string */
static int
small(char *file, char *buf, int n)
{
	int fd;

	buf[0] = 0;
	fd = open(file, OREAD|OCEXEC);
	if(fd < 0)
		return -1;
	n = read(fd, buf, n-1);
	close(fd);
	if(n < 0)
		return -1;
	buf[n] = 0;
	return n;
}

int
getppid(void)
{
	char file[32], buf[32];

	snprint(file, sizeof file, "/proc/%d/ppid", getpid());
	if(small(file, buf, sizeof buf) < 0 && small("/dev/ppid", buf, sizeof buf) < 0)
		return 0;
	return atoi(buf);
}

char*
getuser(void)
{
	static char user[64];

	if(small("/dev/user", user, sizeof user) <= 0)
		strcpy(user, "none");
	return user;
}

char*
sysname(void)
{
	static char sys[64];

	if(small("/dev/sysname", sys, sizeof sys) <= 0)
		return nil;
	return sys;
}

char*
getwd(char *buf, int n)
{
	int fd, r;

	fd = open(".", OREAD);
	if(fd < 0)
		return nil;
	r = fd2path(fd, buf, n);
	close(fd);
	return r < 0? nil: buf;
}

/* bytes of a read or write of fd that one message carries; 0 if that is not known */
int
iounit(int fd)
{
	char file[32], buf[128], *field[10];

	snprint(file, sizeof file, "#d/%dctl", fd);
	if(small(file, buf, sizeof buf) < 0)
		return 0;
	if(tokenize(buf, field, nelem(field)) < 8)
		return 0;
	return atoi(field[7]);
}

static int
tell(char *file, char *s)
{
	int fd, n;

	fd = open(file, OWRITE);
	if(fd < 0)
		return -1;
	n = strlen(s);
	n = write(fd, s, n) == n? 0: -1;
	close(fd);
	return n;
}

int
postnote(int which, int pid, char *note)
{
	char file[64];

	switch(which){
	case PNPROC:
		snprint(file, sizeof file, "/proc/%d/note", pid);
		break;
	case PNGROUP:
		snprint(file, sizeof file, "/proc/%d/notepg", pid);
		break;
	default:
		werrstr("bad argument to postnote");
		return -1;
	}
	return tell(file, note);
}

void
procsetname(char *fmt, ...)
{
	char file[64], *s;
	va_list args;

	va_start(args, fmt);
	s = vsmprint(fmt, args);
	va_end(args);
	if(s == nil)
		return;
	snprint(file, sizeof file, "/proc/%d/args", getpid());
	tell(file, s);
	free(s);
}

/* the Xs at its end become this process's id, after a letter that makes it new */
char*
mktemp(char *as)
{
	char *s, *e;
	int c;
	ulong pid;

	e = as+strlen(as);
	pid = getpid();
	for(s = e; s > as && s[-1] == 'X'; pid /= 10)
		*--s = '0' + pid%10;
	if(s == e)
		return as;
	for(c = 'a'; c <= 'z'; c++){
		*s = c;
		if(access(as, AEXIST) < 0)
			return as;
	}
	return "/";
}

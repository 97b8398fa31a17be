#include <u.h>
#include <libc.h>

/* time(2), cputime(2), rand(2)'s true one: what the kernel's files say */

static int
words(char *file, void *buf, int n)
{
	int fd;

	fd = open(file, OREAD|OCEXEC);
	if(fd < 0)
		return -1;
	n = pread(fd, buf, n, 0LL);
	close(fd);
	return n;
}

/* /dev/bintime begins with the nanoseconds since 1970, the highest byte first */
vlong
nsec(void)
{
	uchar b[8];
	vlong t;
	int i;

	if(words("/dev/bintime", b, sizeof b) != sizeof b)
		return 0;
	t = 0;
	for(i = 0; i < sizeof b; i++)
		t = t<<8 | b[i];
	return t;
}

long
time(long *t)
{
	long now;

	now = nsec()/1000000000LL;
	if(t != nil)
		*t = now;
	return now;
}

/* user, system, and what their waited for children had, in ms; returns the real time */
long
times(long *t)
{
	char buf[200], *field[6];
	int i, n;

	n = words("/dev/cputime", buf, sizeof buf-1);
	if(n < 0)
		return -1;
	buf[n] = 0;
	if(tokenize(buf, field, nelem(field)) != nelem(field)){
		werrstr("bad /dev/cputime");
		return -1;
	}
	t[0] = atol(field[0]);
	t[1] = atol(field[1]);
	for(i = 2; i < 4; i++)
		t[i] = atol(field[i+1]);
	return atol(field[2]);
}

double
cputime(void)
{
	long t[4];

	if(times(t) < 0)
		return 0;
	return (t[0]+t[1])/1000.;
}

ulong
truerand(void)
{
	ulong v;

	if(words("/dev/random", &v, sizeof v) != sizeof v)
		sysfatal("can't read /dev/random: %r");
	return v;
}

ulong
ntruerand(ulong n)
{
	ulong slop, v;

	slop = 0xFFFFFFFF % n;
	do
		v = truerand();
	while(v <= slop);
	return v%n;
}

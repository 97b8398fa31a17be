#include <u.h>
#include <libc.h>
#include "fmtdef.h"

/* print(2): output to files and to strings of bytes */

enum
{
	First	= 128,	/* bytes of a string that grows */
};

static int
writeout(int fd, char *s, char *e)
{
	long n;

	for(; s < e; s += n){
		n = write(fd, s, e-s);
		if(n <= 0)
			return -1;
	}
	return 0;
}

/* farg is the file */
static int
flushfd(Fmt *f)
{
	if(writeout((int)(uintptr)f->farg, f->start, f->to) < 0){
		f->to = f->start;
		return 0;
	}
	f->to = f->start;
	return 1;
}

int
fmtfdinit(Fmt *f, int fd, char *buf, int size)
{
	memset(f, 0, sizeof *f);
	f->start = buf;
	f->to = buf;
	f->stop = buf+size;
	f->flush = flushfd;
	f->farg = (void*)(uintptr)fd;
	return 0;
}

int
fmtfdflush(Fmt *f)
{
	return flushfd(f);
}

int
vfprint(int fd, char *fmt, va_list args)
{
	char buf[256];
	Fmt f;
	int n;

	fmtfdinit(&f, fd, buf, sizeof buf);
	va_copy(f.args, args);
	n = dofmt(&f, fmt);
	va_end(f.args);
	if(n > 0 && flushfd(&f) == 0)
		return -1;
	return n;
}

int
fprint(int fd, char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vfprint(fd, fmt, args);
	va_end(args);
	return n;
}

int
print(char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vfprint(1, fmt, args);
	va_end(args);
	return n;
}

/* cut, between runes, where there is no more room */
char*
vseprint(char *buf, char *e, char *fmt, va_list args)
{
	Fmt f;

	if(e <= buf)
		return nil;
	memset(&f, 0, sizeof f);
	f.start = buf;
	f.to = buf;
	f.stop = e-1;
	va_copy(f.args, args);
	dofmt(&f, fmt);
	va_end(f.args);
	*(char*)f.to = 0;
	return f.to;
}

char*
seprint(char *buf, char *e, char *fmt, ...)
{
	va_list args;
	char *p;

	va_start(args, fmt);
	p = vseprint(buf, e, fmt, args);
	va_end(args);
	return p;
}

int
vsnprint(char *buf, int size, char *fmt, va_list args)
{
	char *p;

	if(size <= 0)
		return -1;
	p = vseprint(buf, buf+size, fmt, args);
	return p-buf;
}

int
snprint(char *buf, int size, char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprint(buf, size, fmt, args);
	va_end(args);
	return n;
}

int
sprint(char *buf, char *fmt, ...)
{
	va_list args;
	uintptr room;
	int n;

	/* no further than the end of the address space */
	room = -(uintptr)buf;
	if(room > 65536)
		room = 65536;
	va_start(args, fmt);
	n = vsnprint(buf, room, fmt, args);
	va_end(args);
	return n;
}

/* the buffer doubles; farg is its size */
static int
flushstr(Fmt *f)
{
	char *p;
	int n, size;

	if(f->start == nil)
		return 0;
	size = 2*(int)(uintptr)f->farg;
	n = (char*)f->to - (char*)f->start;
	p = realloc(f->start, size);
	if(p == nil){
		free(f->start);
		f->start = nil;
		f->to = nil;
		f->stop = nil;
		return 0;
	}
	f->farg = (void*)(uintptr)size;
	f->start = p;
	f->to = p+n;
	f->stop = p+size-UTFmax;
	return 1;
}

static int
growing(Fmt *f, int runes)
{
	memset(f, 0, sizeof *f);
	f->runes = runes;
	f->start = malloc(First);
	if(f->start == nil)
		return -1;
	f->to = f->start;
	f->stop = (char*)f->start+First-UTFmax;
	f->flush = flushstr;
	f->farg = (void*)First;
	return 0;
}

int
fmtstrinit(Fmt *f)
{
	return growing(f, 0);
}

char*
fmtstrflush(Fmt *f)
{
	if(f->start == nil)
		return nil;
	*(char*)f->to = 0;
	f->to = f->start;
	return f->start;
}

int
runefmtstrinit(Fmt *f)
{
	return growing(f, 1);
}

Rune*
runefmtstrflush(Fmt *f)
{
	if(f->start == nil)
		return nil;
	*(Rune*)f->to = 0;
	f->to = f->start;
	return f->start;
}

char*
vsmprint(char *fmt, va_list args)
{
	Fmt f;
	int n;

	if(fmtstrinit(&f) < 0)
		return nil;
	va_copy(f.args, args);
	n = dofmt(&f, fmt);
	va_end(f.args);
	if(n < 0){
		free(f.start);
		return nil;
	}
	return fmtstrflush(&f);
}

char*
smprint(char *fmt, ...)
{
	va_list args;
	char *p;

	va_start(args, fmt);
	p = vsmprint(fmt, args);
	va_end(args);
	if(p != nil)
		setmalloctag(p, getcallerpc(&fmt));
	return p;
}

#include <u.h>
#include <libc.h>
#include "fmtdef.h"

/* print(2): output to strings of runes */

Rune*
runevseprint(Rune *buf, Rune *e, char *fmt, va_list args)
{
	Fmt f;

	if(e <= buf)
		return nil;
	memset(&f, 0, sizeof f);
	f.runes = 1;
	f.start = buf;
	f.to = buf;
	f.stop = e-1;
	va_copy(f.args, args);
	dofmt(&f, fmt);
	va_end(f.args);
	*(Rune*)f.to = 0;
	return f.to;
}

Rune*
runeseprint(Rune *buf, Rune *e, char *fmt, ...)
{
	va_list args;
	Rune *p;

	va_start(args, fmt);
	p = runevseprint(buf, e, fmt, args);
	va_end(args);
	return p;
}

int
runevsnprint(Rune *buf, int size, char *fmt, va_list args)
{
	Rune *p;

	if(size <= 0)
		return -1;
	p = runevseprint(buf, buf+size, fmt, args);
	return p-buf;
}

int
runesnprint(Rune *buf, int size, char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = runevsnprint(buf, size, fmt, args);
	va_end(args);
	return n;
}

int
runesprint(Rune *buf, char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = runevsnprint(buf, 256, fmt, args);
	va_end(args);
	return n;
}

Rune*
runevsmprint(char *fmt, va_list args)
{
	Fmt f;
	int n;

	if(runefmtstrinit(&f) < 0)
		return nil;
	va_copy(f.args, args);
	n = dofmt(&f, fmt);
	va_end(f.args);
	if(n < 0){
		free(f.start);
		return nil;
	}
	return runefmtstrflush(&f);
}

Rune*
runesmprint(char *fmt, ...)
{
	va_list args;
	Rune *p;

	va_start(args, fmt);
	p = runevsmprint(fmt, args);
	va_end(args);
	if(p != nil)
		setmalloctag(p, getcallerpc(&fmt));
	return p;
}

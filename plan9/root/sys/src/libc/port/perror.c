#include <u.h>
#include <libc.h>

/* perror(2), errstr(2), assert(2) */

char	*argv0;

void
perror(char *s)
{
	if(s == nil || *s == 0)
		fprint(2, "%r\n");
	else
		fprint(2, "%s: %r\n", s);
}

static void
fatal(char *fmt, va_list args)
{
	char buf[1024];

	vseprint(buf, buf+sizeof buf, fmt, args);
	if(argv0 != nil)
		fprint(2, "%s: %s\n", argv0, buf);
	else
		fprint(2, "%s\n", buf);
	exits(buf);
}

void	(*_sysfatal)(char*, va_list) = fatal;

_Noreturn void
sysfatal(char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	_sysfatal(fmt, args);
	va_end(args);
	_exits("sysfatal");
}

void
werrstr(char *fmt, ...)
{
	char buf[ERRMAX];
	va_list args;

	va_start(args, fmt);
	vseprint(buf, buf+sizeof buf, fmt, args);
	va_end(args);
	errstr(buf, sizeof buf);
}

/* errstr exchanges: so what was there is put back */
void
rerrstr(char *buf, uint n)
{
	char tmp[ERRMAX];

	tmp[0] = 0;
	errstr(tmp, sizeof tmp);
	utfecpy(buf, buf+n, tmp);
	errstr(tmp, sizeof tmp);
}

void
_assert(char *s)
{
	fprint(2, "assert failed: %s\n", s);
	abort();
}

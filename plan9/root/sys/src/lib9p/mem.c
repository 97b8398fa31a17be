#include <u.h>
#include <libc.h>
#include <fcall.h>
#include <thread.h>
#include <9p.h>

void*
emalloc9p(ulong n)
{
	void *p;

	p = mallocz(n, 1);
	if(p == nil)
		sysfatal("out of memory");
	setmalloctag(p, getcallerpc(&n));
	return p;
}

void*
erealloc9p(void *v, ulong n)
{
	void *p;

	p = realloc(v, n);
	if(p == nil && n != 0)
		sysfatal("out of memory");
	setrealloctag(p, getcallerpc(&v));
	return p;
}

char*
estrdup9p(char *s)
{
	char *p;

	p = strdup(s);
	if(p == nil)
		sysfatal("out of memory");
	setmalloctag(p, getcallerpc(&s));
	return p;
}

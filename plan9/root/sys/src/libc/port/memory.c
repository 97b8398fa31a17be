#include <u.h>
#include <libc.h>

/* memory(2); memmove and memset are the machine's */

void*
memcpy(void *to, void *from, usize n)
{
	return memmove(to, from, n);
}

void*
memccpy(void *to, void *from, int c, usize n)
{
	uchar *t, *f;

	t = to;
	for(f = from; n > 0; n--)
		if((*t++ = *f++) == (uchar)c)
			return t;
	return nil;
}

void*
memchr(void *a, int c, usize n)
{
	uchar *p;

	for(p = a; n > 0; p++, n--)
		if(*p == (uchar)c)
			return p;
	return nil;
}

int
memcmp(void *a, void *b, usize n)
{
	uchar *p, *q;

	q = b;
	for(p = a; n > 0; p++, q++, n--)
		if(*p != *q)
			return *p < *q? -1: 1;
	return 0;
}

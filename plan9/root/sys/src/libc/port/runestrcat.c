#include <u.h>
#include <libc.h>

/* runestrcat(2) */

long
runestrlen(Rune *s)
{
	Rune *p;

	for(p = s; *p != 0; p++)
		;
	return p-s;
}

Rune*
runestrcpy(Rune *to, Rune *from)
{
	return memmove(to, from, (runestrlen(from)+1)*sizeof(Rune));
}

Rune*
runestrncpy(Rune *to, Rune *from, long n)
{
	long i;

	for(i = 0; i < n && from[i] != 0; i++)
		to[i] = from[i];
	for(; i < n; i++)
		to[i] = 0;
	return to;
}

Rune*
runestrecpy(Rune *to, Rune *e, Rune *from)
{
	if(to >= e)
		return to;
	while(to < e-1 && *from != 0)
		*to++ = *from++;
	*to = 0;
	return to;
}

Rune*
runestrcat(Rune *to, Rune *from)
{
	runestrcpy(to+runestrlen(to), from);
	return to;
}

Rune*
runestrncat(Rune *to, Rune *from, long n)
{
	Rune *p;

	p = to+runestrlen(to);
	for(; n > 0 && *from != 0; n--)
		*p++ = *from++;
	*p = 0;
	return to;
}

Rune*
runestrdup(Rune *s)
{
	Rune *t;

	t = malloc((runestrlen(s)+1)*sizeof(Rune));
	if(t == nil)
		return nil;
	setmalloctag(t, getcallerpc(&s));
	return runestrcpy(t, s);
}

int
runestrncmp(Rune *a, Rune *b, long n)
{
	for(; n > 0; n--, a++, b++){
		if(*a != *b)
			return *a < *b? -1: 1;
		if(*a == 0)
			break;
	}
	return 0;
}

int
runestrcmp(Rune *a, Rune *b)
{
	return runestrncmp(a, b, 0x7FFFFFFF);
}

Rune*
runestrchr(Rune *s, Rune c)
{
	for(; *s != c; s++)
		if(*s == 0)
			return nil;
	return s;
}

Rune*
runestrrchr(Rune *s, Rune c)
{
	Rune *p;

	p = nil;
	do
		if(*s == c)
			p = s;
	while(*s++ != 0);
	return p;
}

Rune*
runestrstr(Rune *s, Rune *what)
{
	long n;

	n = runestrlen(what);
	for(;; s++){
		if(runestrncmp(s, what, n) == 0)
			return s;
		if(*s == 0)
			return nil;
	}
}

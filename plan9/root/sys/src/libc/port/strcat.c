#include <u.h>
#include <libc.h>

/* strcat(2) */

long
strlen(char *s)
{
	char *p;

	for(p = s; *p != 0; p++)
		;
	return p-s;
}

char*
strcpy(char *to, char *from)
{
	return memmove(to, from, strlen(from)+1);
}

char*
strncpy(char *to, char *from, long n)
{
	long i;

	for(i = 0; i < n && from[i] != 0; i++)
		to[i] = from[i];
	for(; i < n; i++)
		to[i] = 0;
	return to;
}

char*
strecpy(char *to, char *e, char *from)
{
	if(to >= e)
		return to;
	while(to < e-1 && *from != 0)
		*to++ = *from++;
	*to = 0;
	return to;
}

char*
strcat(char *to, char *from)
{
	strcpy(to+strlen(to), from);
	return to;
}

char*
strncat(char *to, char *from, long n)
{
	char *p;

	p = to+strlen(to);
	for(; n > 0 && *from != 0; n--)
		*p++ = *from++;
	*p = 0;
	return to;
}

char*
strdup(char *s)
{
	char *t;

	t = malloc(strlen(s)+1);
	if(t == nil)
		return nil;
	setmalloctag(t, getcallerpc(&s));
	return strcpy(t, s);
}

/* as fold has it, of at most n characters */
static int
compare(char *a, char *b, long n, int (*fold)(int))
{
	int c, d;

	for(; n > 0; n--){
		c = fold((uchar)*a++);
		d = fold((uchar)*b++);
		if(c != d)
			return c < d? -1: 1;
		if(c == 0)
			break;
	}
	return 0;
}

static int
same(int c)
{
	return c;
}

int
strcmp(char *a, char *b)
{
	for(; *a == *b; a++, b++)
		if(*a == 0)
			return 0;
	return (uchar)*a < (uchar)*b? -1: 1;
}

int
strncmp(char *a, char *b, long n)
{
	return compare(a, b, n, same);
}

int
cistrcmp(char *a, char *b)
{
	return compare(a, b, 0x7FFFFFFF, tolower);
}

int
cistrncmp(char *a, char *b, int n)
{
	return compare(a, b, n, tolower);
}

char*
strchr(char *s, int c)
{
	for(; *s != (char)c; s++)
		if(*s == 0)
			return nil;
	return s;
}

char*
strrchr(char *s, int c)
{
	char *p;

	p = nil;
	do
		if(*s == (char)c)
			p = s;
	while(*s++ != 0);
	return p;
}

/* how many bytes of s are, if in, or are not, of set */
static long
span(char *s, char *set, int in)
{
	char *p;

	for(p = s; *p != 0; p++)
		if((strchr(set, *p) != nil) != in)
			break;
	return p-s;
}

long
strspn(char *s, char *set)
{
	return span(s, set, 1);
}

long
strcspn(char *s, char *set)
{
	return span(s, set, 0);
}

char*
strpbrk(char *s, char *set)
{
	s += strcspn(s, set);
	return *s != 0? s: nil;
}

char*
strtok(char *s, char *set)
{
	static char *next;
	char *token;

	if(s == nil)
		s = next;
	if(s == nil)
		return nil;
	token = s + strspn(s, set);
	next = nil;
	if(*token == 0)
		return nil;
	s = strpbrk(token, set);
	if(s != nil){
		*s = 0;
		next = s+1;
	}
	return token;
}

char*
strstr(char *s, char *what)
{
	long n;

	n = strlen(what);
	if(n == 0)
		return s;
	for(; (s = strchr(s, *what)) != nil; s++)
		if(strncmp(s, what, n) == 0)
			return s;
	return nil;
}

char*
cistrstr(char *s, char *what)
{
	int n;

	n = strlen(what);
	for(;; s++){
		if(cistrncmp(s, what, n) == 0)
			return s;
		if(*s == 0)
			return nil;
	}
}

#include <u.h>
#include <libc.h>
#include "fmtdef.h"

/* quote(2): rc's quoting */

int	(*doquote)(int);

int
needsrcquote(int c)
{
	return c <= ' ' || utfrune("`^#*[]=|\\?${}()'<>&;~", c) != nil;
}

/* runes of it, and whether it wants quotes */
static int
must(Rune *s, int n)
{
	int i;

	if(n == 0)
		return 1;
	for(i = 0; i < n; i++)
		if(s[i] <= ' ' || s[i] == '\'' || doquote != nil && doquote(s[i]))
			return 1;
	return 0;
}

/* what of s fits in prec, and its quotes, as runes; malloced */
static Rune*
quoted(Rune *s, int n, int prec, int always)
{
	Rune *t;
	int i, len;

	t = malloc((2*n+3)*sizeof(Rune));
	if(t == nil)
		return nil;
	len = 0;
	if(!always && !must(s, n)){
		if(prec >= 0 && n > prec)
			n = prec;
		memmove(t, s, n*sizeof(Rune));
		t[n] = 0;
		return t;
	}
	t[len++] = '\'';
	for(i = 0; i < n; i++){
		if(prec >= 0 && len + 1 + (s[i] == '\'') >= prec)
			break;
		if(s[i] == '\'')
			t[len++] = '\'';
		t[len++] = s[i];
	}
	t[len++] = '\'';
	t[len] = 0;
	return t;
}

static int
put(Fmt *f, Rune *s, int n)
{
	Rune *t;
	int r;

	t = quoted(s, n, f->flags & FmtPrec? f->prec: -1, f->flags & FmtSharp);
	if(t == nil)
		return -1;
	f->flags &= ~FmtPrec;
	r = fmtrunestrcpy(f, t);
	free(t);
	return r;
}

int
quoterunestrfmt(Fmt *f)
{
	Rune *s;

	s = va_arg(f->args, Rune*);
	if(s == nil)
		return fmtstrcpy(f, nil);
	return put(f, s, runestrlen(s));
}

static Rune*
runes(char *s)
{
	Rune *t;
	int n;

	t = malloc((strlen(s)+1)*sizeof(Rune));
	if(t == nil)
		return nil;
	for(n = 0; *s != 0; n++)
		s += chartorune(&t[n], s);
	t[n] = 0;
	return t;
}

int
quotestrfmt(Fmt *f)
{
	Rune *t;
	char *s;
	int r;

	s = va_arg(f->args, char*);
	if(s == nil)
		return fmtstrcpy(f, nil);
	t = runes(s);
	if(t == nil)
		return -1;
	r = put(f, t, runestrlen(t));
	free(t);
	return r;
}

void
quotefmtinstall(void)
{
	fmtinstall('q', quotestrfmt);
	fmtinstall('Q', quoterunestrfmt);
}

Rune*
quoterunestrdup(Rune *s)
{
	return quoted(s, runestrlen(s), -1, 0);
}

char*
quotestrdup(char *s)
{
	Rune *t, *q;
	char *r;

	t = runes(s);
	if(t == nil)
		return nil;
	q = quoterunestrdup(t);
	free(t);
	if(q == nil)
		return nil;
	r = smprint("%S", q);
	free(q);
	return r;
}

Rune*
unquoterunestrdup(Rune *s)
{
	Rune *t, *p;
	int in;

	t = runestrdup(s);
	if(t == nil)
		return nil;
	in = 0;
	for(p = t; *s != 0; s++){
		if(*s == '\''){
			if(!in || s[1] != '\''){
				in = !in;
				continue;
			}
			s++;
		}
		*p++ = *s;
	}
	*p = 0;
	return t;
}

char*
unquotestrdup(char *s)
{
	char *t, *p;
	int in;

	t = strdup(s);
	if(t == nil)
		return nil;
	in = 0;
	for(p = t; *s != 0; s++){
		if(*s == '\''){
			if(!in || s[1] != '\''){
				in = !in;
				continue;
			}
			s++;
		}
		*p++ = *s;
	}
	*p = 0;
	return t;
}

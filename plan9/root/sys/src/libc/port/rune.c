#include <u.h>
#include <libc.h>

/* rune(2): UTF-8 as utf(6) has it, each rune in its shortest form */

/* by the number of following bytes: the bits of the first byte that say so, and the smallest rune */
static uchar	lead[] = { 0x00, 0xC0, 0xE0, 0xF0 };
static Rune	least[] = { 0, 0x80, 0x800, 0x10000 };

/* the bytes that follow c, -1 if it begins nothing */
static int
following(uchar c)
{
	if(c < 0x80)
		return 0;
	if(c < 0xC0)
		return -1;
	if(c < 0xE0)
		return 1;
	if(c < 0xF0)
		return 2;
	if(c < 0xF8)
		return 3;
	return -1;
}

static int
bad(Rune r)
{
	return r > Runemax || r >= 0xD800 && r <= 0xDFFF;
}

int
chartorune(Rune *r, char *s)
{
	int i, n;
	uchar c;

	c = *s;
	n = following(c);
	if(n <= 0){
		*r = n < 0? Runeerror: c;
		return 1;
	}
	*r = c & (0x3F>>n);
	for(i = 1; i <= n; i++){
		c = s[i];
		if((c&0xC0) != 0x80)
			break;
		*r = *r<<6 | c&0x3F;
	}
	if(i <= n || *r < least[n] || bad(*r)){
		*r = Runeerror;
		return 1;
	}
	return n+1;
}

int
runetochar(char *s, Rune *r)
{
	int i, n;
	Rune c;

	c = *r;
	if(bad(c))
		c = Runeerror;
	n = runelen(c)-1;
	for(i = n; i > 0; i--){
		s[i] = 0x80 | c&0x3F;
		c >>= 6;
	}
	s[0] = lead[n] | c;
	return n+1;
}

int
runelen(long c)
{
	Rune r;
	int n;

	r = c;
	if(bad(r))
		r = Runeerror;
	for(n = 3; n > 0 && r < least[n]; n--)
		;
	return n+1;
}

int
runenlen(Rune *r, int n)
{
	int len;

	for(len = 0; n > 0; n--)
		len += runelen(*r++);
	return len;
}

int
fullrune(char *s, int n)
{
	if(n <= 0)
		return 0;
	return n > following(*s);
}

int
utflen(char *s)
{
	Rune r;
	int n;

	for(n = 0; *s != 0; n++)
		s += chartorune(&r, s);
	return n;
}

int
utfnlen(char *s, long len)
{
	Rune r;
	char *e;
	int n;

	e = s+len;
	for(n = 0; s < e && *s != 0; n++){
		if(!fullrune(s, e-s))
			break;
		s += chartorune(&r, s);
	}
	return n;
}

char*
utfrune(char *s, long c)
{
	Rune r;
	int n;

	for(;; s += n){
		n = chartorune(&r, s);
		if(r == c)
			return s;
		if(r == 0)
			return nil;
	}
}

char*
utfrrune(char *s, long c)
{
	char *p;

	p = nil;
	while((s = utfrune(s, c)) != nil){
		p = s;
		if(*s == 0)
			break;
		s++;
	}
	return p;
}

char*
utfutf(char *s, char *what)
{
	return strstr(s, what);
}

/* no rune is cut */
char*
utfecpy(char *to, char *e, char *from)
{
	Rune r;
	int n;

	if(to >= e)
		return to;
	for(; *from != 0; from += n){
		n = chartorune(&r, from);
		if(n >= e-to)
			break;
		memmove(to, from, n);
		to += n;
	}
	*to = 0;
	return to;
}

#include <u.h>
#include <libc.h>
#include "fmtdef.h"

/* the output: what verbs write by */

/* room for n bytes: the buffer is flushed if there is none */
static int
room(Fmt *f, int n)
{
	if((char*)f->stop - (char*)f->to >= n)
		return 1;
	if(f->flush != nil && f->flush(f) != 0 && (char*)f->stop - (char*)f->to >= n)
		return 1;
	/* nothing more: not even what would fit */
	f->stop = f->to;
	return 0;
}

int
_fmtput(Fmt *f, Rune r)
{
	char *to;
	int n;

	if(f->runes){
		if(!room(f, sizeof(Rune)))
			return -1;
		*(Rune*)f->to = r;
		f->to = (Rune*)f->to + 1;
		f->nfmt++;
		return 0;
	}
	n = r < Runeself? 1: runelen(r);
	if(!room(f, n))
		return -1;
	to = f->to;
	if(n == 1)
		*to = r;
	else
		runetochar(to, &r);
	f->to = to+n;
	f->nfmt += n;
	return 0;
}

int
_fmtbytes(Fmt *f, char *s, int n)
{
	Rune r;
	char *e;

	for(e = s+n; s < e; ){
		r = (uchar)*s;
		if(r < Runeself)
			s++;
		else if(fullrune(s, e-s))
			s += chartorune(&r, s);
		else{
			r = Runeerror;
			s++;
		}
		if(_fmtput(f, r) < 0)
			return -1;
	}
	return 0;
}

int
_fmtpad(Fmt *f, int n, int c)
{
	for(; n > 0; n--)
		if(_fmtput(f, c) < 0)
			return -1;
	return 0;
}

int
_fmtfield(Fmt *f, char *s, int n)
{
	int pad;

	pad = f->flags & FmtWidth? f->width-n: 0;
	if(!(f->flags & FmtLeft) && _fmtpad(f, pad, ' ') < 0)
		return -1;
	if(_fmtbytes(f, s, n) < 0)
		return -1;
	if(f->flags & FmtLeft)
		return _fmtpad(f, pad, ' ');
	return 0;
}

int
fmtrune(Fmt *f, int r)
{
	return _fmtput(f, r);
}

int
fmtstrcpy(Fmt *f, char *s)
{
	Rune r;
	char *e;
	int n, pad;

	if(s == nil)
		s = "<nil>";
	n = 0;
	for(e = s; !(f->flags & FmtPrec) || n < f->prec; n++){
		if(*e == 0)
			break;
		e += chartorune(&r, e);
	}
	pad = f->flags & FmtWidth? f->width-n: 0;
	if(!(f->flags & FmtLeft) && _fmtpad(f, pad, ' ') < 0)
		return -1;
	if(_fmtbytes(f, s, e-s) < 0)
		return -1;
	if(f->flags & FmtLeft)
		return _fmtpad(f, pad, ' ');
	return 0;
}

int
fmtrunestrcpy(Fmt *f, Rune *s)
{
	int i, n, pad;

	if(s == nil)
		return fmtstrcpy(f, nil);
	for(n = 0; (!(f->flags & FmtPrec) || n < f->prec) && s[n] != 0; n++)
		;
	pad = f->flags & FmtWidth? f->width-n: 0;
	if(!(f->flags & FmtLeft) && _fmtpad(f, pad, ' ') < 0)
		return -1;
	for(i = 0; i < n; i++)
		if(_fmtput(f, s[i]) < 0)
			return -1;
	if(f->flags & FmtLeft)
		return _fmtpad(f, pad, ' ');
	return 0;
}

int
_strfmt(Fmt *f)
{
	return fmtstrcpy(f, va_arg(f->args, char*));
}

int
_runestrfmt(Fmt *f)
{
	return fmtrunestrcpy(f, va_arg(f->args, Rune*));
}

/* a %c of more than a byte is a byte */
int
_charfmt(Fmt *f)
{
	Rune s[2];

	s[0] = va_arg(f->args, int);
	if(f->r == 'c')
		s[0] &= 0xFF;
	s[1] = 0;
	f->flags &= ~FmtPrec;
	if(s[0] == 0 && !(f->flags & FmtWidth))
		return _fmtput(f, 0);
	return fmtrunestrcpy(f, s);
}

int
errfmt(Fmt *f)
{
	char buf[ERRMAX];

	rerrstr(buf, sizeof buf);
	return fmtstrcpy(f, buf);
}

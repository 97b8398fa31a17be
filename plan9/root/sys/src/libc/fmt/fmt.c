#include <u.h>
#include <libc.h>
#include "fmtdef.h"

/* fmtinstall(2): verbs, and how a format is gone through */

typedef struct Verb	Verb;
struct Verb
{
	int	c;
	int	(*f)(Fmt*);
};

enum
{
	Maxverb	= 64,
};

static int	percent(Fmt*);

static Verb	verbs[Maxverb] =
{
	'd',	_intfmt,
	'o',	_intfmt,
	'b',	_intfmt,
	'x',	_intfmt,
	'X',	_intfmt,
	'p',	_intfmt,
	'e',	_fltfmt,
	'E',	_fltfmt,
	'f',	_fltfmt,
	'g',	_fltfmt,
	'G',	_fltfmt,
	's',	_strfmt,
	'S',	_runestrfmt,
	'c',	_charfmt,
	'C',	_charfmt,
	'r',	errfmt,
	'%',	percent,
};
static int	nverb = 17;
static Lock	verblock;

int
fmtinstall(int c, int (*f)(Fmt*))
{
	int i;

	if(c <= 0 || c > Runemax || f == nil)
		return -1;
	lock(&verblock);
	for(i = 0; i < nverb && verbs[i].c != c; i++)
		;
	if(i == Maxverb){
		unlock(&verblock);
		return -1;
	}
	/* what prints meanwhile sees the whole of it or nothing */
	verbs[i].f = f;
	verbs[i].c = c;
	if(i == nverb)
		nverb++;
	unlock(&verblock);
	return 0;
}

static int
percent(Fmt *f)
{
	return _fmtput(f, '%');
}

/* a verb that there is not stands out */
static int
unknown(Fmt *f)
{
	if(_fmtput(f, '%') < 0 || _fmtput(f, f->r) < 0)
		return -1;
	return _fmtput(f, '%');
}

typedef struct Source	Source;
struct Source
{
	char	*s;
	Rune	*r;
};

static Rune
get(Source *from)
{
	Rune r;

	if(from->r != nil){
		r = *from->r;
		if(r != 0)
			from->r++;
		return r;
	}
	r = (uchar)*from->s;
	if(r < Runeself){
		if(r != 0)
			from->s++;
		return r;
	}
	from->s += chartorune(&r, from->s);
	return r;
}

static void
number(Fmt *f, int n)
{
	if(f->flags & FmtPrec){
		if(n >= 0)
			f->prec = n;
		else{
			f->flags &= ~FmtPrec;
			f->prec = 0;
		}
		return;
	}
	f->flags |= FmtWidth;
	if(n < 0){
		f->flags |= FmtLeft;
		n = -n;
	}
	f->width = n;
}

/* flags, numbers and the verb, after a % */
static int
conversion(Fmt *f, Source *from)
{
	Rune r;
	int i, n;

	f->flags = 0;
	f->width = 0;
	f->prec = 0;
	for(r = get(from); ; r = get(from)){
		f->r = r;
		switch(r){
		case 0:
			return 0;
		case '-':
			f->flags |= FmtLeft;
			continue;
		case '+':
			f->flags |= FmtSign;
			continue;
		case '#':
			f->flags |= FmtSharp;
			continue;
		case ' ':
			f->flags |= FmtSpace;
			continue;
		case ',':
			f->flags |= FmtComma;
			continue;
		case 'u':
			f->flags |= FmtUnsigned;
			continue;
		case 'h':
			if(f->flags & FmtShort)
				f->flags |= FmtByte;
			f->flags |= FmtShort;
			continue;
		case 'l':
			if(f->flags & FmtLong)
				f->flags |= FmtVLong;
			f->flags |= FmtLong;
			continue;
		case 'z':
			f->flags |= FmtLong;
			if(sizeof(intptr) == sizeof(vlong))
				f->flags |= FmtVLong;
			continue;
		case '.':
			f->flags |= FmtWidth|FmtPrec;
			continue;
		case '*':
			n = va_arg(f->args, int);
			number(f, n);
			continue;
		case '0':
			if(!(f->flags & FmtWidth)){
				f->flags |= FmtZero;
				continue;
			}
			break;
		}
		if(r >= '0' && r <= '9'){
			n = 0;
			for(;;){
				n = n*10 + r-'0';
				if(from->r != nil)
					r = *from->r;
				else
					r = (uchar)*from->s;
				if(r < '0' || r > '9')
					break;
				get(from);
			}
			number(f, n);
			continue;
		}
		for(i = 0; i < nverb && verbs[i].c != r; i++)
			;
		if(i == nverb)
			return unknown(f);
		n = verbs[i].f(f);
		/* one that returns more than 0 was a flag */
		if(n <= 0)
			return n;
	}
}

static int
format(Fmt *f, Source *from)
{
	Rune r;
	char *s;
	int n;

	n = f->nfmt;
	for(;;){
		if(from->r == nil){
			for(s = from->s; *s != 0 && *s != '%'; s++)
				;
			if(s != from->s && _fmtbytes(f, from->s, s-from->s) < 0)
				return -1;
			from->s = s;
		}
		r = get(from);
		if(r == 0)
			return f->nfmt - n;
		if(r != '%'){
			if(_fmtput(f, r) < 0)
				return -1;
			continue;
		}
		if(conversion(f, from) < 0)
			return -1;
	}
}

int
dofmt(Fmt *f, char *fmt)
{
	Source from;

	from.s = fmt;
	from.r = nil;
	return format(f, &from);
}

int
dorfmt(Fmt *f, Rune *fmt)
{
	Source from;

	from.s = nil;
	from.r = fmt;
	return format(f, &from);
}

int
fmtvprint(Fmt *f, char *fmt, va_list args)
{
	va_list save;
	ulong flags;
	int width, prec, r, n;

	flags = f->flags;
	width = f->width;
	prec = f->prec;
	r = f->r;
	va_copy(save, f->args);
	va_copy(f->args, args);
	n = dofmt(f, fmt);
	va_end(f->args);
	va_copy(f->args, save);
	va_end(save);
	f->flags = flags;
	f->width = width;
	f->prec = prec;
	f->r = r;
	return n >= 0? 0: n;
}

int
fmtprint(Fmt *f, char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = fmtvprint(f, fmt, args);
	va_end(args);
	return n;
}

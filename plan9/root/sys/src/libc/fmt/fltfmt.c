#include <u.h>
#include <libc.h>
#include "../port/decimal.h"
#include "fmtdef.h"

/* digits after the point that are asked for at most */
enum
{
	Maxprec	= 700,
};

static void
set(Decimal *a, double d)
{
	FPdbleword w;
	int e;

	w.x = d;
	e = w.hi>>20 & 0x7FF;
	if(e != 0)
		w.hi = w.hi&0xFFFFF | 1<<20;
	else{
		w.hi &= 0xFFFFF;
		e = 1;
	}
	_decset(a, (uvlong)w.hi<<32 | w.lo);
	_decshift(a, e-1023-52);
}

/* the digits from the one worth 10^hi to that worth 10^lo */
static char*
digits(char *p, Decimal *a, int hi, int lo)
{
	int i;

	for(; hi >= lo; hi--){
		i = a->point-1 - hi;
		*p++ = '0' + (i >= 0 && i < a->n? a->d[i]: 0);
	}
	return p;
}

static char*
fixed(char *p, Decimal *a, int prec, int point)
{
	p = digits(p, a, a->n > 0 && a->point > 1? a->point-1: 0, 0);
	if(prec > 0 || point)
		*p++ = '.';
	return digits(p, a, -1, -prec);
}

static char*
scientific(char *p, Decimal *a, int prec, int point, int e)
{
	int n;

	n = a->n > 0? a->point-1: 0;
	p = digits(p, a, n, n);
	if(prec > 0 || point)
		*p++ = '.';
	p = digits(p, a, n-1, n-prec);
	*p++ = e;
	*p++ = n < 0? '-': '+';
	if(n < 0)
		n = -n;
	if(n >= 100)
		*p++ = '0' + n/100;
	*p++ = '0' + n/10%10;
	*p++ = '0' + n%10;
	return p;
}

int
_fltfmt(Fmt *f)
{
	char buf[Maxprec+320], *p, *s;
	Decimal a;
	double d;
	int e, n, pad, point, prec;
	FPdbleword w;

	d = va_arg(f->args, double);
	w.x = d;
	p = buf;
	if(w.hi>>31 && !isNaN(d)){
		*p++ = '-';
		d = -d;
	}else if(f->flags & FmtSign)
		*p++ = '+';
	else if(f->flags & FmtSpace)
		*p++ = ' ';
	s = p;
	if(isNaN(d) || isInf(d, 0)){
		p = strecpy(p, p+4, isNaN(d)? "NaN": "Inf");
		f->flags &= ~FmtZero;
	}else{
		set(&a, d);
		prec = f->flags & FmtPrec? f->prec: 6;
		if(prec > Maxprec)
			prec = Maxprec;
		point = f->flags & FmtSharp;
		switch(f->r){
		case 'f':
			_decround(&a, a.point+prec);
			p = fixed(p, &a, prec, point);
			break;
		case 'e':
		case 'E':
			_decround(&a, prec+1);
			p = scientific(p, &a, prec, point, f->r);
			break;
		default:
			if(prec == 0)
				prec = 1;
			_decround(&a, prec);
			e = a.n > 0? a.point-1: 0;
			/* without zeros at the end */
			n = point? prec: a.n > 0? a.n: 1;
			if(e < -4 || e >= prec)
				p = scientific(p, &a, n-1, point, f->r-'g'+'e');
			else
				p = fixed(p, &a, n-1-e > 0? n-1-e: 0, point);
		}
	}
	if(f->flags & FmtZero && !(f->flags & FmtLeft) && f->flags & FmtWidth){
		pad = f->width - (p-buf);
		if(_fmtbytes(f, buf, s-buf) < 0 || _fmtpad(f, pad, '0') < 0)
			return -1;
		return _fmtbytes(f, s, p-s);
	}
	return _fmtfield(f, buf, p-buf);
}

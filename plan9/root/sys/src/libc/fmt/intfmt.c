#include <u.h>
#include <libc.h>
#include "fmtdef.h"

static uvlong
argument(Fmt *f)
{
	vlong v;
	uvlong u;

	if(f->r == 'p'){
		f->flags |= FmtUnsigned;
		return va_arg(f->args, uintptr);
	}
	if(f->flags & FmtVLong)
		return va_arg(f->args, uvlong);
	if(f->flags & FmtLong)
		v = va_arg(f->args, long);
	else
		v = va_arg(f->args, int);
	if(f->flags & FmtByte)
		v = f->flags & FmtUnsigned? (uchar)v: (schar)v;
	else if(f->flags & FmtShort)
		v = f->flags & FmtUnsigned? (ushort)v: (short)v;
	u = v;
	if(f->flags & FmtUnsigned)
		u = (u32int)u;
	return u;
}

int
_intfmt(Fmt *f)
{
	char buf[512], before[4], *digits, *p;
	uvlong v;
	int base, n, min;

	v = argument(f);
	digits = f->r == 'X'? "0123456789ABCDEF": "0123456789abcdef";
	p = before;
	if(!(f->flags & FmtUnsigned)){
		if((vlong)v < 0){
			v = -v;
			*p++ = '-';
		}else if(f->flags & FmtSign)
			*p++ = '+';
		else if(f->flags & FmtSpace)
			*p++ = ' ';
	}
	switch(f->r){
	case 'o':
		base = 8;
		break;
	case 'b':
		base = 2;
		break;
	case 'x':
	case 'X':
	case 'p':
		base = 16;
		if(f->flags & FmtSharp){
			*p++ = '0';
			*p++ = f->r == 'X'? 'X': 'x';
		}
		break;
	default:
		base = 10;
	}
	*p = 0;
	min = f->flags & FmtPrec? f->prec: 1;
	if(f->flags & FmtZero && !(f->flags & (FmtPrec|FmtLeft)) && f->flags & FmtWidth)
		min = f->width - strlen(before);
	if(min > (int)sizeof buf - 16)
		min = sizeof buf - 16;
	p = buf + sizeof buf;
	for(n = 0; v != 0 || n < min; n++){
		if(f->flags & FmtComma && n > 0 && n%3 == 0){
			*--p = ',';
			/* commas take of the zeros' room */
			if(f->flags & FmtZero && !(f->flags & FmtPrec) && v == 0 && buf+sizeof buf-p >= min){
				p++;
				break;
			}
		}
		*--p = digits[v%base];
		v /= base;
	}
	if(f->r == 'o' && f->flags & FmtSharp && (n == 0 || *p != '0'))
		*--p = '0';
	n = strlen(before);
	p -= n;
	memmove(p, before, n);
	return _fmtfield(f, p, buf+sizeof buf-p);
}

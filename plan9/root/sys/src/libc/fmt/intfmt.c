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
	if(f->flags & FmtUnsigned || f->r != 'd')
		u = (u32int)u;
	if(f->r != 'd' && f->flags & FmtByte)
		u = (uchar)u;
	else if(f->r != 'd' && f->flags & FmtShort)
		u = (ushort)u;
	return u;
}

int
_intfmt(Fmt *f)
{
	char buf[512], *digits, *p, *sign;
	uvlong v;
	int base, n, min;

	v = argument(f);
	digits = f->r == 'X'? "0123456789ABCDEF": "0123456789abcdef";
	sign = "";
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
		break;
	default:
		base = 10;
		if(f->flags & FmtUnsigned)
			break;
		if((vlong)v < 0){
			v = -v;
			sign = "-";
		}else if(f->flags & FmtSign)
			sign = "+";
		else if(f->flags & FmtSpace)
			sign = " ";
	}
	if(f->flags & FmtSharp && v != 0)
		switch(f->r){
		case 'x':
			sign = "0x";
			break;
		case 'X':
			sign = "0X";
			break;
		case 'b':
			sign = "0b";
			break;
		}
	min = f->flags & FmtPrec? f->prec: 1;
	if(f->flags & FmtZero && !(f->flags & (FmtPrec|FmtLeft)) && f->flags & FmtWidth)
		min = f->width - strlen(sign);
	if(min > (int)sizeof buf - 16)
		min = sizeof buf - 16;
	p = buf + sizeof buf;
	for(n = 0; v != 0 || n < min; n++){
		if(f->flags & FmtComma && base == 10 && n > 0 && n%3 == 0){
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
	n = strlen(sign);
	p -= n;
	memmove(p, sign, n);
	return _fmtfield(f, p, buf+sizeof buf-p);
}

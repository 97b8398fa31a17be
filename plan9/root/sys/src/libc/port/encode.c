#include <u.h>
#include <libc.h>

/* encode(2) */

static char	digits16[] = "0123456789ABCDEF";
static char	digits32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static char	digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* bits to a character; group characters for whole bytes, filled up with = where pad says so */
static int
enc(char *out, int lim, uchar *in, int n, char *digits, int bits, int group, int pad)
{
	char *start;
	ulong v;
	int have, need;

	start = out;
	need = (n*8 + bits-1)/bits;
	if(pad)
		need = (need + group-1)/group*group;
	if(need >= lim)
		return -1;
	v = 0;
	have = 0;
	while(n > 0 || have > 0){
		if(have < bits && n > 0){
			v = v<<8 | *in++;
			have += 8;
			n--;
		}
		if(have < bits && n > 0)
			continue;
		if(have < bits){
			v <<= bits-have;
			have = bits;
		}
		have -= bits;
		*out++ = digits[v>>have];
		v &= (1<<have)-1;
	}
	while(pad && (out-start)%group != 0)
		*out++ = '=';
	*out = 0;
	return out-start;
}

/* white space, and what pads, are no digits */
static int
dec(uchar *out, int lim, char *in, int n, char *digits, int bits, int fold)
{
	char *p;
	ulong v;
	int c, have, len;

	v = 0;
	have = 0;
	len = 0;
	for(; n > 0; n--){
		c = *in++;
		if(c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '=')
			continue;
		if(fold)
			c = toupper(c);
		p = c != 0? strchr(digits, c): nil;
		if(p == nil)
			return -1;
		v = v<<bits | p-digits;
		have += bits;
		if(have >= 8){
			if(len >= lim)
				return -1;
			have -= 8;
			out[len++] = v>>have;
			v &= (1<<have)-1;
		}
	}
	return len;
}

int
enc64(char *out, int lim, uchar *in, int n)
{
	return enc(out, lim, in, n, digits64, 6, 4, 1);
}

int
dec64(uchar *out, int lim, char *in, int n)
{
	return dec(out, lim, in, n, digits64, 6, 0);
}

int
enc32(char *out, int lim, uchar *in, int n)
{
	return enc(out, lim, in, n, digits32, 5, 8, 0);
}

int
dec32(uchar *out, int lim, char *in, int n)
{
	return dec(out, lim, in, n, digits32, 5, 1);
}

int
enc16(char *out, int lim, uchar *in, int n)
{
	return enc(out, lim, in, n, digits16, 4, 2, 0);
}

int
dec16(uchar *out, int lim, char *in, int n)
{
	return dec(out, lim, in, n, digits16, 4, 1);
}

/* %[ base 64, %< base 32, %H base 16; the precision is the number of bytes */
int
encodefmt(Fmt *f)
{
	uchar *in;
	char *out, *p;
	int lower, lim, n, r;

	in = va_arg(f->args, uchar*);
	if(!(f->flags & FmtPrec) || f->prec < 1)
		return fmtstrcpy(f, "");
	lower = f->flags & FmtLong;
	n = f->prec;
	lim = 2*n + 8;
	out = malloc(lim);
	if(out == nil)
		return fmtstrcpy(f, "encodefmt: malloc failed");
	switch(f->r){
	case '[':
		r = enc64(out, lim, in, n);
		break;
	case '<':
		r = enc32(out, lim, in, n);
		break;
	default:
		r = enc16(out, lim, in, n);
	}
	if(lower)
		for(p = out; *p != 0; p++)
			*p = tolower(*p);
	f->flags &= ~FmtPrec;
	r = fmtstrcpy(f, r < 0? "encodefmt: bad encoding": out);
	free(out);
	return r;
}

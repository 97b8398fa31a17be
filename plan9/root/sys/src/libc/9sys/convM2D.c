#include <u.h>
#include <libc.h>
#include <fcall.h>

/*
 * convM2D, of fcall(2): size[2] type[2] dev[4] qid[13] mode[4] atime[4]
 * mtime[4] length[8] name[s] uid[s] gid[s] muid[s], the lowest byte first
 */
enum
{
	Fixed	= 2+2+4+13+4+4+4+8,
};

static uvlong
get(uchar **p, int n)
{
	uvlong v;
	int i;

	v = 0;
	for(i = n; i > 0; i--)
		v = v<<8 | (*p)[i-1];
	*p += n;
	return v;
}

static uchar*
put(uchar *p, uvlong v, int n)
{
	for(; n > 0; n--){
		*p++ = v;
		v >>= 8;
	}
	return p;
}

/* 0 if buf is one whole entry */
int
statcheck(uchar *buf, uint n)
{
	uchar *p, *e;
	int i;

	p = buf;
	if(n < Fixed || n != 2+get(&p, 2))
		return -1;
	e = buf+n;
	p = buf+Fixed;
	for(i = 0; i < 4; i++){
		if(e-p < 2)
			return -1;
		n = get(&p, 2);
		if(e-p < n)
			return -1;
		p += n;
	}
	return p == e? 0: -1;
}

/* strs has room for the strings, each with a 0; if it is nil, the Dir has none */
uint
convM2D(uchar *buf, uint n, Dir *d, char *strs)
{
	uchar *p, *e;
	char *s[4];
	uint len;
	int i;

	if(n < Fixed)
		return 0;
	p = buf;
	len = get(&p, 2);
	if(len+2 > n)
		return 0;
	e = buf+2+len;
	d->type = get(&p, 2);
	d->dev = get(&p, 4);
	d->qid.type = get(&p, 1);
	d->qid.vers = get(&p, 4);
	d->qid.path = get(&p, 8);
	d->mode = get(&p, 4);
	d->atime = get(&p, 4);
	d->mtime = get(&p, 4);
	d->length = get(&p, 8);
	for(i = 0; i < 4; i++){
		if(e-p < 2)
			return 0;
		len = get(&p, 2);
		if(e-p < len)
			return 0;
		s[i] = nil;
		if(strs != nil){
			s[i] = strs;
			memmove(strs, p, len);
			strs += len;
			*strs++ = 0;
		}
		p += len;
	}
	d->name = s[0];
	d->uid = s[1];
	d->gid = s[2];
	d->muid = s[3];
	return p-buf;
}

static uint
length(char *s)
{
	return s != nil? strlen(s): 0;
}

uint
sizeD2M(Dir *d)
{
	return Fixed + 4*2 + length(d->name) + length(d->uid) + length(d->gid) + length(d->muid);
}

/* if it does not fit, its size alone, and 2 */
uint
convD2M(Dir *d, uchar *buf, uint n)
{
	uchar *p;
	char *s[4];
	uint len, size;
	int i;

	size = sizeD2M(d);
	if(n < 2)
		return 0;
	p = put(buf, size-2, 2);
	if(size > n)
		return 2;
	p = put(p, d->type, 2);
	p = put(p, d->dev, 4);
	p = put(p, d->qid.type, 1);
	p = put(p, d->qid.vers, 4);
	p = put(p, d->qid.path, 8);
	p = put(p, d->mode, 4);
	p = put(p, d->atime, 4);
	p = put(p, d->mtime, 4);
	p = put(p, d->length, 8);
	s[0] = d->name;
	s[1] = d->uid;
	s[2] = d->gid;
	s[3] = d->muid;
	for(i = 0; i < 4; i++){
		len = length(s[i]);
		p = put(p, len, 2);
		memmove(p, s[i], len);
		p += len;
	}
	return p-buf;
}

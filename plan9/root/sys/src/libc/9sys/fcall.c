#include <u.h>
#include <libc.h>
#include <fcall.h>

/*
 * fcall(2): size[4] type[1] tag[2], and what section 5 says of each type.
 * The fields of a message are told once, in fields, for reading, writing and
 * measuring.
 */
typedef struct Pass	Pass;
struct Pass
{
	int	what;
	uchar	*p;
	uchar	*e;	/* where the message, or the room for it, ends */
	uint	n;	/* bytes so far */
	int	bad;
};

enum
{
	Reading,
	Writing,
	Measuring,

	Head	= BIT32SZ+BIT8SZ+BIT16SZ,
};

/* n bytes further, whose place it returns; nil if there is no place, or none to write */
static uchar*
step(Pass *a, uint n)
{
	uchar *p;

	a->n += n;
	if(a->what == Measuring || a->bad)
		return nil;
	if(n > a->e - a->p){
		a->bad = 1;
		return nil;
	}
	p = a->p;
	a->p += n;
	return p;
}

static void
number(Pass *a, uvlong *v, int n)
{
	uchar *p;
	int i;

	p = step(a, n);
	if(p == nil){
		if(a->what == Reading)
			*v = 0;
		return;
	}
	if(a->what == Writing){
		for(i = 0; i < n; i++)
			p[i] = *v>>(8*i);
		return;
	}
	*v = 0;
	for(i = n; i > 0; i--)
		*v = *v<<8 | p[i-1];
}

static void
byte(Pass *a, uchar *v)
{
	uvlong u;

	u = *v;
	number(a, &u, BIT8SZ);
	*v = u;
}

static void
half(Pass *a, ushort *v)
{
	uvlong u;

	u = *v;
	number(a, &u, BIT16SZ);
	*v = u;
}

static void
word(Pass *a, u32int *v)
{
	uvlong u;

	u = *v;
	number(a, &u, BIT32SZ);
	*v = u;
}

static void
offset(Pass *a, vlong *v)
{
	uvlong u;

	u = *v;
	number(a, &u, BIT64SZ);
	*v = u;
}

static void
qid(Pass *a, Qid *q)
{
	u32int vers;

	vers = q->vers;
	byte(a, &q->type);
	word(a, &vers);
	q->vers = vers;
	number(a, &q->path, BIT64SZ);
}

/* read, it moves over its own length, to be ended by a 0 */
static void
string(Pass *a, char **s)
{
	uchar *p;
	ushort n;

	n = 0;
	if(a->what != Reading && *s != nil){
		if(strlen(*s) > 0xFFFF)
			a->bad = 1;
		n = strlen(*s);
	}
	half(a, &n);
	p = step(a, n);
	if(a->what == Writing){
		if(p != nil)
			memmove(p, *s, n);
	}else if(a->what == Reading){
		*s = "";
		if(p != nil){
			*s = (char*)p-1;
			memmove(p-1, p, n);
			p[n-1] = 0;
		}
	}
}

/* read, they stay where they are */
static void
bytes(Pass *a, uchar **data, uint n)
{
	uchar *p;

	p = step(a, n);
	if(a->what == Reading)
		*data = p;
	else if(p != nil)
		memmove(p, *data, n);
}

static void
fields(Pass *a, Fcall *f)
{
	int i;

	switch(f->type){
	case Tversion:
	case Rversion:
		word(a, &f->msize);
		string(a, &f->version);
		break;
	case Tauth:
		word(a, &f->afid);
		string(a, &f->uname);
		string(a, &f->aname);
		break;
	case Rauth:
		qid(a, &f->aqid);
		break;
	case Tattach:
		word(a, &f->fid);
		word(a, &f->afid);
		string(a, &f->uname);
		string(a, &f->aname);
		break;
	case Rattach:
		qid(a, &f->qid);
		break;
	case Rerror:
		string(a, &f->ename);
		break;
	case Tflush:
		half(a, &f->oldtag);
		break;
	case Twalk:
		word(a, &f->fid);
		word(a, &f->newfid);
		half(a, &f->nwname);
		if(f->nwname > MAXWELEM)
			a->bad = 1;
		for(i = 0; i < f->nwname && !a->bad; i++)
			string(a, &f->wname[i]);
		break;
	case Rwalk:
		half(a, &f->nwqid);
		if(f->nwqid > MAXWELEM)
			a->bad = 1;
		for(i = 0; i < f->nwqid && !a->bad; i++)
			qid(a, &f->wqid[i]);
		break;
	case Topen:
		word(a, &f->fid);
		byte(a, &f->mode);
		break;
	case Tcreate:
		word(a, &f->fid);
		string(a, &f->name);
		word(a, &f->perm);
		byte(a, &f->mode);
		break;
	case Ropen:
	case Rcreate:
		qid(a, &f->qid);
		word(a, &f->iounit);
		break;
	case Tread:
		word(a, &f->fid);
		offset(a, &f->offset);
		word(a, &f->count);
		break;
	case Rread:
		word(a, &f->count);
		bytes(a, (uchar**)&f->data, f->count);
		break;
	case Twrite:
		word(a, &f->fid);
		offset(a, &f->offset);
		word(a, &f->count);
		bytes(a, (uchar**)&f->data, f->count);
		break;
	case Rwrite:
		word(a, &f->count);
		break;
	case Tclunk:
	case Tremove:
	case Tstat:
		word(a, &f->fid);
		break;
	case Rstat:
		half(a, &f->nstat);
		bytes(a, &f->stat, f->nstat);
		break;
	case Twstat:
		word(a, &f->fid);
		half(a, &f->nstat);
		bytes(a, &f->stat, f->nstat);
		break;
	case Rflush:
	case Rclunk:
	case Rremove:
	case Rwstat:
		break;
	default:
		a->bad = 1;
	}
}

uint
sizeS2M(Fcall *f)
{
	Pass a;

	memset(&a, 0, sizeof a);
	a.what = Measuring;
	a.n = Head;
	fields(&a, f);
	return a.bad? 0: a.n;
}

uint
convS2M(Fcall *f, uchar *buf, uint n)
{
	Pass a;
	uint size;

	size = sizeS2M(f);
	if(size == 0 || size > n)
		return 0;
	PBIT32(buf, size);
	PBIT8(buf+BIT32SZ, f->type);
	PBIT16(buf+BIT32SZ+BIT8SZ, f->tag);
	memset(&a, 0, sizeof a);
	a.what = Writing;
	a.p = buf+Head;
	a.e = buf+size;
	fields(&a, f);
	return a.bad? 0: size;
}

uint
convM2S(uchar *buf, uint n, Fcall *f)
{
	Pass a;
	uint size;

	if(n < Head)
		return 0;
	size = GBIT32(buf);
	if(size < Head || size > n)
		return 0;
	f->type = GBIT8(buf+BIT32SZ);
	f->tag = GBIT16(buf+BIT32SZ+BIT8SZ);
	memset(&a, 0, sizeof a);
	a.what = Reading;
	a.p = buf+Head;
	a.e = buf+size;
	fields(&a, f);
	return a.bad || a.p != a.e? 0: size;
}

/* a whole message; 0 at the end of the file, -1 for what is none */
int
read9pmsg(int fd, void *buf, uint n)
{
	uchar *p;
	uint size;
	int m;

	p = buf;
	if(n < BIT32SZ){
		werrstr("buffer too small for a 9P message");
		return -1;
	}
	m = readn(fd, p, BIT32SZ);
	if(m != BIT32SZ){
		if(m > 0)
			werrstr("9P message cut short");
		return m <= 0? m: -1;
	}
	size = GBIT32(p);
	if(size <= BIT32SZ || size > n){
		werrstr("bad length in 9P message header");
		return -1;
	}
	m = readn(fd, p+BIT32SZ, size-BIT32SZ);
	if(m != size-BIT32SZ){
		werrstr("9P message cut short");
		return -1;
	}
	return size;
}

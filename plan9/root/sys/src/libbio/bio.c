#include <u.h>
#include <libc.h>
#include <bio.h>

/*
 * bio(2).  A reader's bytes end at ebuf: what is left of them lies icount
 * bytes before it.  A writer's go to ebuf+ocount, which is 0 when it is full.
 * Before bbuf is room for what Bungetc puts back.
 */
enum
{
	Nopen	= 20,
};

static Biobufhdr	*writers[Nopen];	/* flushed at the end of the process */
static int	atend;
static Lock	writerslock;

static void
flushall(void)
{
	int i;

	for(i = 0; i < Nopen; i++)
		if(writers[i] != nil)
			Bflush(writers[i]);
}

static void
install(Biobufhdr *b)
{
	int i;

	lock(&writerslock);
	for(i = 0; i < Nopen; i++)
		if(writers[i] == nil || writers[i] == b){
			writers[i] = b;
			break;
		}
	if(!atend){
		atend = 1;
		atexit(flushall);
	}
	unlock(&writerslock);
}

static void
deinstall(Biobufhdr *b)
{
	int i;

	lock(&writerslock);
	for(i = 0; i < Nopen; i++)
		if(writers[i] == b)
			writers[i] = nil;
	unlock(&writerslock);
}

static int
transfer(Biobufhdr *b, void *p, long n)
{
	if(b->state == Bwactive)
		return write(b->fid, p, n);
	return read(b->fid, p, n);
}

int
Binits(Biobufhdr *b, int fd, int mode, uchar *buf, int size)
{
	switch(mode&~(OCEXEC|ORCLOSE|OTRUNC)){
	case OREAD:
		b->state = Bractive;
		break;
	case OWRITE:
		b->state = Bwactive;
		install(b);
		break;
	default:
		werrstr("Binits: unknown mode %d", mode);
		return Beof;
	}
	b->bbuf = buf+Bungetsize;
	b->bsize = size-Bungetsize;
	b->ebuf = b->bbuf+b->bsize;
	b->gbuf = b->ebuf;
	b->icount = 0;
	b->ocount = b->state == Bwactive? -b->bsize: 0;
	b->rdline = 0;
	b->runesize = 0;
	b->fid = fd;
	b->flag = 0;
	b->offset = 0;
	b->errorf = nil;
	b->iof = transfer;
	b->aux = nil;
	return 0;
}

int
Binit(Biobuf *b, int fd, int mode)
{
	return Binits(b, fd, mode, b->b, sizeof b->b);
}

Biobuf*
Bfdopen(int fd, int mode)
{
	Biobuf *b;

	b = malloc(sizeof *b);
	if(b == nil)
		return nil;
	if(Binit(b, fd, mode) < 0){
		free(b);
		return nil;
	}
	b->flag = Bmagic;
	setmalloctag(b, getcallerpc(&fd));
	return b;
}

Biobuf*
Bopen(char *name, int mode)
{
	Biobuf *b;
	int fd;

	switch(mode&~(OCEXEC|ORCLOSE|OTRUNC)){
	case OREAD:
		fd = open(name, mode);
		break;
	case OWRITE:
		fd = create(name, mode, 0666);
		break;
	default:
		werrstr("Bopen: unknown mode %d", mode);
		return nil;
	}
	if(fd < 0)
		return nil;
	b = Bfdopen(fd, mode);
	if(b == nil)
		close(fd);
	else
		setmalloctag(b, getcallerpc(&name));
	return b;
}

void
Biofn(Biobufhdr *b, int (*f)(Biobufhdr*, void*, long))
{
	b->iof = f != nil? f: transfer;
}

void
Blethal(Biobufhdr *b, void (*f)(char*))
{
	b->errorf = f;
}

void
Berror(Biobufhdr *b, char *fmt, ...)
{
	char buf[ERRMAX];
	va_list args;

	va_start(args, fmt);
	vseprint(buf, buf+sizeof buf, fmt, args);
	va_end(args);
	if(b->errorf != nil)
		b->errorf(buf);
	else
		werrstr("%s", buf);
}

int
Bflush(Biobufhdr *b)
{
	uchar *p;
	int n, c;

	switch(b->state){
	case Bwactive:
		n = b->bsize+b->ocount;
		for(p = b->bbuf; n > 0; n -= c){
			c = b->iof(b, p, n);
			if(c <= 0){
				b->state = Binactive;
				b->ocount = 0;
				deinstall(b);
				Berror(b, "write error: %r");
				return Beof;
			}
			p += c;
			b->offset += c;
		}
		b->ocount = -b->bsize;
		return 0;
	case Bracteof:
		b->state = Bractive;
	case Bractive:
		b->icount = 0;
		b->gbuf = b->ebuf;
		return 0;
	}
	return Beof;
}

int
Bterm(Biobufhdr *b)
{
	int r, fd;

	deinstall(b);
	r = b->state == Binactive? 0: Bflush(b);
	fd = b->fid;
	if(b->flag == Bmagic){
		b->flag = 0;
		if(close(fd) < 0)
			r = Beof;
		free(b);
	}
	return r;
}

/*
 * More of the file behind what is left, which first moves to the buffer's
 * beginning; returns how many bytes came.
 */
static int
fill(Biobufhdr *b)
{
	int have, n;

	if(b->state != Bractive){
		if(b->state == Bracteof)
			b->state = Bractive;
		return b->state == Bractive? 0: Beof;
	}
	have = -b->icount;
	n = b->iof(b, b->bbuf+have, b->bsize-have);
	if(n <= 0){
		if(n < 0)
			Berror(b, "read error: %r");
		else
			b->state = Bracteof;
		return n;
	}
	b->offset += n;
	return n;
}

/* what is left goes to the front; ebuf is always the buffer's end, and before what is read is what Bungetc may want */
static int
refill(Biobufhdr *b)
{
	uchar *end, last[Bungetsize];
	int have, n;

	have = -b->icount;
	end = b->bbuf+b->bsize;
	memmove(last, end-have-Bungetsize, Bungetsize);
	memmove(b->bbuf, end-have, have);
	n = fill(b);
	if(n < 0)
		n = 0;
	/* and back to the end, with what came */
	have += n;
	memmove(end-have, b->bbuf, have);
	memmove(end-have-Bungetsize, last, Bungetsize);
	b->icount = -have;
	b->gbuf = end-have;
	return n;
}

int
Bgetc(Biobufhdr *b)
{
	if(b->icount == 0 && refill(b) <= 0)
		return Beof;
	return b->ebuf[b->icount++];
}

int
Bungetc(Biobufhdr *b)
{
	if(b->state == Bracteof)
		b->state = Bractive;
	if(b->state != Bractive)
		return Beof;
	b->icount--;
	return 1;
}

long
Bgetrune(Biobufhdr *b)
{
	char s[UTFmax];
	Rune r;
	int c, n;

	c = Bgetc(b);
	b->runesize = c < 0? 0: 1;
	if(c < Runeself)
		return c;
	s[0] = c;
	for(n = 1; !fullrune(s, n); n++){
		c = Bgetc(b);
		if(c < 0)
			return Runeerror;
		s[n] = c;
	}
	b->runesize = chartorune(&r, s);
	for(; n > b->runesize; n--)
		Bungetc(b);
	return r;
}

int
Bungetrune(Biobufhdr *b)
{
	if(b->state == Bracteof)
		b->state = Bractive;
	if(b->state != Bractive)
		return Beof;
	b->icount -= b->runesize;
	b->runesize = 0;
	return 1;
}

static int
number(void *b)
{
	return Bgetc(b);
}

int
Bgetd(Biobufhdr *b, double *d)
{
	*d = charstod(number, b);
	Bungetc(b);
	return 1;
}

/* a line with its delimiter; nil at the end, or if it is longer than the buffer: Blinelen says which */
void*
Brdline(Biobufhdr *b, int delim)
{
	uchar *p, *line;
	int have, n;

	if(b->state != Bractive && b->state != Bracteof)
		return nil;
	n = 0;
	for(;;){
		have = -b->icount;
		line = b->ebuf-have;
		p = memchr(line+n, delim, have-n);
		if(p != nil){
			b->rdline = p+1-line;
			b->icount += b->rdline;
			return line;
		}
		n = have;
		if(have >= b->bsize){
			b->rdline = b->bsize;
			b->icount += b->rdline;
			return nil;
		}
		if(refill(b) <= 0){
			b->rdline = have;
			return nil;
		}
	}
}

int
Blinelen(Biobufhdr *b)
{
	return b->rdline;
}

/* malloced, of any length; the last may lack its delimiter */
char*
Brdstr(Biobufhdr *b, int delim, int nulldelim)
{
	char *s, *t, *line;
	int have, n, whole;

	s = nil;
	have = 0;
	do{
		line = Brdline(b, delim);
		n = b->rdline;
		whole = line != nil;
		if(line == nil){
			if(n == 0)
				break;
			/* a long line's part was taken; at the end, what is left was not */
			if(-b->icount == n){
				line = (char*)b->ebuf-n;
				b->icount = 0;
				whole = 1;
			}else
				line = (char*)b->ebuf+b->icount-n;
		}
		t = realloc(s, have+n+1);
		if(t == nil){
			free(s);
			return nil;
		}
		s = t;
		memmove(s+have, line, n);
		have += n;
	}while(!whole);
	if(s == nil){
		b->rdline = 0;
		return nil;
	}
	s[have] = 0;
	if(nulldelim && s[have-1] == delim)
		s[--have] = 0;
	b->rdline = have;
	return s;
}

long
Bread(Biobufhdr *b, void *to, long want)
{
	uchar *p;
	long n, left;

	p = to;
	for(left = want; left > 0; left -= n){
		n = -b->icount;
		if(n == 0){
			n = refill(b);
			if(n <= 0){
				if(left == want && b->state != Bractive && b->state != Bracteof)
					return Bbad;
				break;
			}
		}
		if(n > left)
			n = left;
		memmove(p, b->ebuf+b->icount, n);
		b->icount += n;
		p += n;
	}
	return want-left;
}

vlong
Boffset(Biobufhdr *b)
{
	switch(b->state){
	case Bwactive:
		return b->offset + b->bsize+b->ocount;
	case Bractive:
	case Bracteof:
		return b->offset + b->icount;
	}
	return Beof;
}

vlong
Bseek(Biobufhdr *b, vlong off, int whence)
{
	vlong at;

	switch(b->state){
	case Bracteof:
		b->state = Bractive;
	case Bractive:
		if(whence == 1){
			off += Boffset(b);
			whence = 0;
		}
		at = seek(b->fid, off, whence);
		if(at < 0)
			return -1;
		b->icount = 0;
		b->gbuf = b->ebuf;
		b->offset = at;
		return at;
	case Bwactive:
		if(Bflush(b) < 0)
			return -1;
		at = seek(b->fid, off, whence);
		if(at >= 0)
			b->offset = at;
		return at;
	}
	Berror(b, "Bseek: unknown state %d", b->state);
	return Beof;
}

int
Bfildes(Biobufhdr *b)
{
	return b->fid;
}

int
Bbuffered(Biobufhdr *b)
{
	switch(b->state){
	case Bractive:
	case Bracteof:
		return -b->icount;
	case Bwactive:
		return b->bsize+b->ocount;
	}
	return 0;
}

int
Bputc(Biobufhdr *b, int c)
{
	if(b->state != Bwactive)
		return Beof;
	if(b->ocount == 0 && Bflush(b) < 0)
		return Beof;
	b->ebuf[b->ocount++] = c;
	return 0;
}

long
Bwrite(Biobufhdr *b, void *from, long count)
{
	uchar *p;
	long n, left;

	p = from;
	for(left = count; left > 0; left -= n){
		if(b->state != Bwactive)
			return Beof;
		if(b->ocount == 0 && Bflush(b) < 0)
			return Beof;
		n = -b->ocount;
		if(n > left)
			n = left;
		memmove(b->ebuf+b->ocount, p, n);
		b->ocount += n;
		p += n;
	}
	return count;
}

int
Bputrune(Biobufhdr *b, long c)
{
	char s[UTFmax];
	Rune r;
	int n;

	r = c;
	n = runetochar(s, &r);
	return Bwrite(b, s, n) == n? n: Beof;
}

/* the buffer is the Biobuf's own */
static int
flush(Fmt *f)
{
	Biobufhdr *b;

	b = f->farg;
	b->ocount = (uchar*)f->to - b->ebuf;
	if(Bflush(b) < 0)
		return 0;
	f->start = b->bbuf;
	f->to = b->bbuf;
	f->stop = b->ebuf;
	return 1;
}

int
Bvprint(Biobufhdr *b, char *fmt, va_list args)
{
	Fmt f;
	int n;

	if(b->state != Bwactive)
		return Beof;
	memset(&f, 0, sizeof f);
	f.start = b->bbuf;
	f.to = b->ebuf+b->ocount;
	f.stop = b->ebuf;
	f.flush = flush;
	f.farg = b;
	va_copy(f.args, args);
	n = dofmt(&f, fmt);
	va_end(f.args);
	if(b->state == Bwactive)
		b->ocount = (uchar*)f.to - b->ebuf;
	return n;
}

int
Bprint(Biobufhdr *b, char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = Bvprint(b, fmt, args);
	va_end(args);
	return n;
}

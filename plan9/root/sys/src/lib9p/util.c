#include <u.h>
#include <libc.h>
#include <fcall.h>
#include <thread.h>
#include <9p.h>

/* the part of a file, all of which is at hand, that a read asks for */
void
readbuf(Req *r, void *s, long n)
{
	vlong off;
	long count;

	off = r->ifcall.offset;
	count = r->ifcall.count;
	if(off >= n){
		r->ofcall.count = 0;
		return;
	}
	if(off + count > n)
		count = n - off;
	memmove(r->ofcall.data, (char*)s + off, count);
	r->ofcall.count = count;
}

void
readstr(Req *r, char *s)
{
	readbuf(r, s, s == nil? 0: strlen(s));
}

/* whole entries; a read goes on where the last one ended, or begins anew */
void
dirread9p(Req *r, Dirgen *gen, void *aux)
{
	Fid *f;
	Dir d;
	uchar *p, *e;
	uint n;

	f = r->fid;
	if(r->ifcall.offset == 0)
		f->dirindex = 0;
	p = (uchar*)r->ofcall.data;
	e = p + r->ifcall.count;
	for(; p < e; p += n){
		memset(&d, 0, sizeof d);
		if(gen(f->dirindex, &d, aux) < 0)
			break;
		n = convD2M(&d, p, e-p);
		free(d.name);
		free(d.uid);
		free(d.gid);
		free(d.muid);
		if(n <= BIT16SZ)
			break;
		f->dirindex++;
	}
	r->ofcall.count = p - (uchar*)r->ofcall.data;
}

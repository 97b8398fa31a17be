#include <u.h>
#include <libc.h>
#include <fcall.h>

/* fcall(2)'s verbs: %F of an Fcall, %D of a Dir, %M of a mode */

/* ls(1)'s letters */
int
dirmodefmt(Fmt *f)
{
	static char *rwx[] = { "---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx" };
	char buf[12];
	ulong m;

	m = va_arg(f->args, ulong);
	buf[0] = m&DMDIR? 'd': m&DMAPPEND? 'a': m&DMAUTH? 'A': '-';
	buf[1] = m&DMEXCL? 'l': '-';
	strcpy(buf+2, rwx[m>>6 & 7]);
	strcpy(buf+5, rwx[m>>3 & 7]);
	strcpy(buf+8, rwx[m & 7]);
	if(m & DMTMP)
		buf[10] = 't';
	return fmtstrcpy(f, buf);
}

static char*
qid(char *p, char *e, Qid *q)
{
	char type[8], *t;

	t = type;
	if(q->type & QTDIR)
		*t++ = 'd';
	if(q->type & QTAPPEND)
		*t++ = 'a';
	if(q->type & QTEXCL)
		*t++ = 'l';
	if(q->type & QTAUTH)
		*t++ = 'A';
	if(q->type & QTTMP)
		*t++ = 't';
	*t = 0;
	return seprint(p, e, "(%.16llux %lud %s)", q->path, q->vers, type);
}

static char*
dir(char *p, char *e, Dir *d)
{
	p = seprint(p, e, "'%s' '%s' '%s' '%s' q ", d->name, d->uid, d->gid, d->muid);
	p = qid(p, e, &d->qid);
	return seprint(p, e, " m %#luo at %lud mt %lud l %lld t %d d %d",
		d->mode, d->atime, d->mtime, d->length, d->type, d->dev);
}

int
dirfmt(Fmt *f)
{
	char buf[1024];

	dir(buf, buf+sizeof buf, va_arg(f->args, Dir*));
	return fmtstrcpy(f, buf);
}

static char*
stat1(char *p, char *e, Fcall *f)
{
	uchar tmp[sizeof(Dir)+512];
	Dir *d;

	d = (Dir*)tmp;
	if(f->nstat > 512 || statcheck(f->stat, f->nstat) < 0)
		return seprint(p, e, " stat(%d bytes)", f->nstat);
	convM2D(f->stat, f->nstat, d, (char*)(d+1));
	p = seprint(p, e, " stat ");
	return dir(p, e, d);
}

/* the first bytes, as text where they are that */
static char*
some(char *p, char *e, Fcall *f)
{
	uchar *s;
	int i, n, text;

	s = (uchar*)f->data;
	n = f->count < 64? f->count: 64;
	text = 1;
	for(i = 0; i < n && text; i++)
		text = s[i] >= ' ' && s[i] < 0x7F || s[i] == '\n' || s[i] == '\t';
	if(text)
		return seprint(p, e, " '%.*s'", n, (char*)s);
	p = seprint(p, e, " ");
	for(i = 0; i < n; i++)
		p = seprint(p, e, "%s%.2x", i > 0 && i%4 == 0? " ": "", s[i]);
	return p;
}

static char	*names[] =
{
	"version", "auth", "attach", "error", "flush", "walk", "open", "create",
	"read", "write", "clunk", "remove", "stat", "wstat",
};

int
fcallfmt(Fmt *fmt)
{
	char buf[1024], *p, *e;
	Fcall *f;
	int i;

	f = va_arg(fmt->args, Fcall*);
	p = buf;
	e = buf+sizeof buf;
	if(f->type < Tversion || f->type >= Tmax || f->type == Terror)
		return fmtprint(fmt, "unknown type %d", f->type);
	p = seprint(p, e, "%c%s tag %ud", f->type&1? 'R': 'T', names[(f->type-Tversion)/2], f->tag);
	switch(f->type){
	case Tversion:
	case Rversion:
		p = seprint(p, e, " msize %ud version '%s'", f->msize, f->version);
		break;
	case Tauth:
		p = seprint(p, e, " afid %d uname %s aname %s", f->afid, f->uname, f->aname);
		break;
	case Rauth:
		p = seprint(p, e, " qid ");
		p = qid(p, e, &f->aqid);
		break;
	case Tattach:
		p = seprint(p, e, " fid %d afid %d uname %s aname %s", f->fid, f->afid, f->uname, f->aname);
		break;
	case Rattach:
		p = seprint(p, e, " qid ");
		p = qid(p, e, &f->qid);
		break;
	case Rerror:
		p = seprint(p, e, " ename %s", f->ename);
		break;
	case Tflush:
		p = seprint(p, e, " oldtag %ud", f->oldtag);
		break;
	case Twalk:
		p = seprint(p, e, " fid %d newfid %d nwname %d", f->fid, f->newfid, f->nwname);
		for(i = 0; i < f->nwname && i < MAXWELEM; i++)
			p = seprint(p, e, " %d:%s", i, f->wname[i]);
		break;
	case Rwalk:
		p = seprint(p, e, " nwqid %ud", f->nwqid);
		for(i = 0; i < f->nwqid && i < MAXWELEM; i++){
			p = seprint(p, e, " %d:", i);
			p = qid(p, e, &f->wqid[i]);
		}
		break;
	case Topen:
		p = seprint(p, e, " fid %ud mode %d", f->fid, f->mode);
		break;
	case Tcreate:
		p = seprint(p, e, " fid %ud name %s perm %#uo mode %d", f->fid, f->name, f->perm, f->mode);
		break;
	case Ropen:
	case Rcreate:
		p = seprint(p, e, " qid ");
		p = qid(p, e, &f->qid);
		p = seprint(p, e, " iounit %ud", f->iounit);
		break;
	case Tread:
		p = seprint(p, e, " fid %d offset %lld count %ud", f->fid, f->offset, f->count);
		break;
	case Twrite:
		p = seprint(p, e, " fid %d offset %lld count %ud", f->fid, f->offset, f->count);
		p = some(p, e, f);
		break;
	case Rread:
		p = seprint(p, e, " count %ud", f->count);
		p = some(p, e, f);
		break;
	case Rwrite:
		p = seprint(p, e, " count %ud", f->count);
		break;
	case Tclunk:
	case Tremove:
	case Tstat:
		p = seprint(p, e, " fid %ud", f->fid);
		break;
	case Rstat:
		p = stat1(p, e, f);
		break;
	case Twstat:
		p = seprint(p, e, " fid %ud", f->fid);
		p = stat1(p, e, f);
		break;
	}
	USED(p);
	return fmtstrcpy(fmt, buf);
}

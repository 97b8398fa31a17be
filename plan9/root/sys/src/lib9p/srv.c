#include <u.h>
#include <libc.h>
#include <fcall.h>
#include <thread.h>
#include <9p.h>

/*
 * One connection: a loop that reads requests and hands each to the server,
 * and respond, which may be called by anybody at any time.
 */
int	chatty9p;

enum
{
	Msize	= 64*1024 + IOHDRSZ,
};

static char	Ebadattach[] = "unknown specifier in attach";
static char	Ebotch[] = "9P protocol botch";
static char	Ecreatenondir[] = "create in non-directory";
static char	Edupfid[] = "duplicate fid";
static char	Eduptag[] = "duplicate tag";
static char	Eisdir[] = "is a directory";
static char	Enoauth[] = "authentication not required";
static char	Enocreate[] = "create prohibited";
static char	Enoremove[] = "remove prohibited";
static char	Enostat[] = "stat prohibited";
static char	Enowrite[] = "write prohibited";
static char	Enowstat[] = "wstat prohibited";
static char	Eunknownfid[] = "unknown fid";
static char	Ebaddir[] = "bad directory in wstat";
static char	Ebadoffset[] = "bad offset";
static char	Ewalknodir[] = "walk in non-directory";

static Fid*
newfid(Srv *s, ulong fid)
{
	Fid *f;

	lock(&s->lk);
	for(f = s->fids; f != nil; f = f->next)
		if(f->fid == fid){
			unlock(&s->lk);
			return nil;
		}
	unlock(&s->lk);
	f = emalloc9p(sizeof *f);
	f->fid = fid;
	f->omode = -1;
	f->srv = s;
	f->ref = 2;	/* of the list, and of the caller */
	lock(&s->lk);
	f->next = s->fids;
	s->fids = f;
	unlock(&s->lk);
	return f;
}

static Fid*
lookupfid(Srv *s, ulong fid)
{
	Fid *f;

	lock(&s->lk);
	for(f = s->fids; f != nil; f = f->next)
		if(f->fid == fid){
			incref(f);
			break;
		}
	unlock(&s->lk);
	return f;
}

void
closefid(Fid *f)
{
	if(f == nil || decref(f) > 0)
		return;
	if(f->srv->destroyfid != nil)
		f->srv->destroyfid(f);
	free(f->uid);
	free(f);
}

/* takes it from the list: its number is free */
static void
clunkfid(Fid *f)
{
	Srv *s;
	Fid **l;

	s = f->srv;
	lock(&s->lk);
	for(l = &s->fids; *l != nil && *l != f; l = &(*l)->next)
		;
	if(*l == nil){
		unlock(&s->lk);
		return;
	}
	*l = f->next;
	unlock(&s->lk);
	closefid(f);
}

static int
enterreq(Srv *s, Req *r)
{
	Req *q;

	lock(&s->lk);
	for(q = s->reqs; q != nil; q = q->next)
		if(q->tag == r->tag){
			unlock(&s->lk);
			return -1;
		}
	r->next = s->reqs;
	s->reqs = r;
	incref(r);
	unlock(&s->lk);
	return 0;
}

static Req*
lookupreq(Srv *s, ulong tag)
{
	Req *q;

	lock(&s->lk);
	for(q = s->reqs; q != nil; q = q->next)
		if(q->tag == tag){
			incref(q);
			break;
		}
	unlock(&s->lk);
	return q;
}

static Req*
newreq(Srv *s)
{
	Req *r;

	r = emalloc9p(sizeof *r);
	r->ref = 1;
	r->srv = s;
	incref(&s->alive);
	return r;
}

static void
closereq(Req *r)
{
	Srv *s;

	if(r == nil || decref(r) > 0)
		return;
	s = r->srv;
	if(r->srv->destroyreq != nil)
		r->srv->destroyreq(r);
	closereq(r->oldreq);
	closefid(r->fid);
	closefid(r->newfid);
	free(r->d.name);
	free(r->d.uid);
	free(r->d.gid);
	free(r->d.muid);
	free(r->buf);
	free(r->rbuf);
	free(r);
	decref(&s->alive);
}

static Req*
firstreq(Srv *s)
{
	Req *r;

	lock(&s->lk);
	r = s->reqs;
	if(r != nil)
		incref(r);
	unlock(&s->lk);
	return r;
}

static void
sversion(Req *r)
{
	Srv *s;

	s = r->srv;
	r->ofcall.msize = r->ifcall.msize < Msize? r->ifcall.msize: Msize;
	if(r->ofcall.msize < 256){
		respond(r, "version: message size too small");
		return;
	}
	if(strncmp(r->ifcall.version, "9P2000", 6) != 0)
		r->ofcall.version = "unknown";
	else{
		r->ofcall.version = VERSION9P;
		s->msize = r->ofcall.msize;
		while(s->fids != nil)
			clunkfid(s->fids);
	}
	respond(r, nil);
}

static void
sflush(Req *r)
{
	r->oldreq = lookupreq(r->srv, r->ifcall.oldtag);
	if(r->oldreq == r){
		r->oldreq = nil;
		decref(r);
	}
	if(r->oldreq == nil){
		respond(r, nil);
		return;
	}
	if(r->srv->flush != nil)
		r->srv->flush(r);
	else
		respond(r, nil);
}

static void
sattach(Req *r)
{
	Srv *s;

	s = r->srv;
	if(r->ifcall.afid != NOFID){
		respond(r, Enoauth);
		return;
	}
	r->fid = newfid(s, r->ifcall.fid);
	if(r->fid == nil){
		respond(r, Edupfid);
		return;
	}
	r->fid->uid = estrdup9p(r->ifcall.uname);
	if(s->attach != nil){
		s->attach(r);
		return;
	}
	if(r->ifcall.aname[0] != 0){
		respond(r, Ebadattach);
		return;
	}
	r->ofcall.qid = (Qid){0, 0, QTDIR};
	r->fid->qid = r->ofcall.qid;
	respond(r, nil);
}

static void
swalk(Req *r)
{
	Srv *s;
	Fid *f;
	char *e;
	Qid q;
	int i, copy;

	s = r->srv;
	if(r->fid->omode != -1){
		respond(r, "cannot clone open fid");
		return;
	}
	if(r->ifcall.nwname > 0 && !(r->fid->qid.type & QTDIR)){
		respond(r, Ewalknodir);
		return;
	}
	copy = r->ifcall.fid == r->ifcall.newfid && r->ifcall.nwname > 1;
	if(copy){
		/* a walk that ends early leaves the fid where it was: walk a copy */
		f = emalloc9p(sizeof *f);
		f->ref = 1;
		f->fid = NOFID;
		f->omode = -1;
		f->srv = s;
	}else if(r->ifcall.fid == r->ifcall.newfid){
		f = r->fid;
		incref(f);
	}else{
		f = newfid(s, r->ifcall.newfid);
		if(f == nil){
			respond(r, Edupfid);
			return;
		}
	}
	e = nil;
	if(f != r->fid){
		f->uid = estrdup9p(r->fid->uid);
		f->qid = r->fid->qid;
		if(s->clone != nil)
			e = s->clone(r->fid, f);
	}
	r->newfid = f;
	q = f->qid;
	for(i = 0; e == nil && i < r->ifcall.nwname; i++){
		if(!(q.type & QTDIR))
			e = Ewalknodir;
		else
			e = s->walk1(f, r->ifcall.wname[i], &q);
		if(e != nil)
			break;
		f->qid = q;
		r->ofcall.wqid[i] = q;
	}
	r->ofcall.nwqid = i;
	if(i > 0)
		e = nil;
	if(i < r->ifcall.nwname || e != nil){
		if(f != r->fid && !copy)
			clunkfid(f);
	}else if(copy){
		/* all the way: the copy takes the fid's place */
		lock(&s->lk);
		f->fid = r->ifcall.fid;
		f->next = s->fids;
		s->fids = f;
		incref(f);
		unlock(&s->lk);
		clunkfid(r->fid);
	}
	respond(r, e);
}

static void
sopen(Req *r)
{
	int mode;

	if(r->fid->omode != -1){
		respond(r, Ebotch);
		return;
	}
	mode = r->ifcall.mode;
	if((r->fid->qid.type & QTDIR) && (mode & ~ORCLOSE) != OREAD){
		respond(r, Eisdir);
		return;
	}
	r->ofcall.qid = r->fid->qid;
	r->ofcall.iounit = 0;
	if(r->srv->open != nil)
		r->srv->open(r);
	else
		respond(r, nil);
}

static void
screate(Req *r)
{
	if(r->fid->omode != -1)
		respond(r, Ebotch);
	else if(!(r->fid->qid.type & QTDIR))
		respond(r, Ecreatenondir);
	else if(r->srv->create != nil)
		r->srv->create(r);
	else
		respond(r, Enocreate);
}

static void
sread(Req *r)
{
	int mode;

	mode = r->fid->omode & 3;
	if(r->fid->omode == -1 || mode == OWRITE){
		respond(r, Ebotch);
		return;
	}
	if(r->ifcall.count > r->srv->msize - IOHDRSZ)
		r->ifcall.count = r->srv->msize - IOHDRSZ;
	if(r->ifcall.offset < 0
	|| ((r->fid->qid.type & QTDIR) && r->ifcall.offset != 0 && r->ifcall.offset != r->fid->diroffset)){
		respond(r, Ebadoffset);
		return;
	}
	r->rbuf = emalloc9p(r->ifcall.count + 1);
	r->ofcall.data = (char*)r->rbuf;
	if(r->srv->read != nil)
		r->srv->read(r);
	else
		respond(r, "no srv->read");
}

static void
swrite(Req *r)
{
	int mode;

	mode = r->fid->omode & 3;
	if(r->fid->omode == -1 || (mode != OWRITE && mode != ORDWR))
		respond(r, Ebotch);
	else if(r->ifcall.offset < 0)
		respond(r, Ebadoffset);
	else if(r->srv->write != nil)
		r->srv->write(r);
	else
		respond(r, Enowrite);
}

static void
sremove(Req *r)
{
	if(r->srv->remove != nil)
		r->srv->remove(r);
	else
		respond(r, Enoremove);
}

static void
sstat(Req *r)
{
	if(r->srv->stat != nil)
		r->srv->stat(r);
	else
		respond(r, Enostat);
}

static void
swstat(Req *r)
{
	char *strs;
	Dir *d;

	if(r->srv->wstat == nil){
		respond(r, Enowstat);
		return;
	}
	d = &r->d;
	strs = emalloc9p(r->ifcall.nstat + 1);
	if(statcheck(r->ifcall.stat, r->ifcall.nstat) < 0
	|| convM2D(r->ifcall.stat, r->ifcall.nstat, d, strs) != r->ifcall.nstat){
		memset(d, 0, sizeof *d);
		free(strs);
		respond(r, Ebaddir);
		return;
	}
	d->name = estrdup9p(d->name);
	d->uid = estrdup9p(d->uid);
	d->gid = estrdup9p(d->gid);
	d->muid = estrdup9p(d->muid);
	free(strs);
	r->srv->wstat(r);
}

/* what becomes of the fid when the server has answered */
static void
after(Req *r, char *error)
{
	Fid *f;

	f = r->fid;
	if(f == nil)
		return;
	switch(r->ifcall.type){
	case Tattach:
		if(error != nil)
			clunkfid(f);
		else
			f->qid = r->ofcall.qid;
		break;
	case Topen:
	case Tcreate:
		if(error == nil){
			f->omode = r->ifcall.mode & ~OTRUNC;
			f->qid = r->ofcall.qid;
		}
		break;
	case Tread:
		if(error == nil && (f->qid.type & QTDIR))
			f->diroffset = r->ifcall.offset + r->ofcall.count;
		break;
	case Tremove:
		clunkfid(f);
		break;
	case Tstat:
		if(error == nil){
			r->rbuf = emalloc9p(sizeD2M(&r->d));
			r->ofcall.stat = r->rbuf;
			r->ofcall.nstat = convD2M(&r->d, r->rbuf, sizeD2M(&r->d));
		}
		break;
	}
}

/*
 * The tag is free from here on: whoever finds it so, to answer a flush,
 * waits for wlock, and so is behind this answer.
 */
static void
transmit(Req *r, char *error)
{
	Srv *s;
	Req **l;
	uint n;

	s = r->srv;
	if(error != nil){
		r->ofcall.type = Rerror;
		r->ofcall.ename = error;
	}else
		r->ofcall.type = r->ifcall.type + 1;
	r->ofcall.tag = r->tag;
	qlock(&s->wlock);
	lock(&s->lk);
	for(l = &s->reqs; *l != nil && *l != r; l = &(*l)->next)
		;
	if(*l == r){
		*l = r->next;
		decref(r);	/* the caller's is left */
	}
	unlock(&s->lk);
	if(chatty9p)
		fprint(2, "->%d- %F\n", s->outfd, &r->ofcall);
	n = sizeS2M(&r->ofcall);
	if(n > s->nwbuf){
		free(s->wbuf);
		s->wbuf = emalloc9p(n);
		s->nwbuf = n;
	}
	if(!s->hungup && convS2M(&r->ofcall, s->wbuf, n) == n)
		write(s->outfd, s->wbuf, n);	/* who does not hear is gone: srv sees that */
	qunlock(&s->wlock);
}

void
respond(Req *r, char *error)
{
	Srv *s;
	Req *f, *flush;

	s = r->srv;
	if(r->ifcall.type == Tflush && r->oldreq != nil){
		lock(&s->lk);
		if(!r->oldreq->responded){
			r->nextflush = r->oldreq->flush;
			r->oldreq->flush = r;
			unlock(&s->lk);
			return;
		}
		unlock(&s->lk);
	}
	after(r, error);
	transmit(r, error);
	lock(&s->lk);
	r->responded = 1;
	flush = r->flush;
	r->flush = nil;
	unlock(&s->lk);
	for(; flush != nil; flush = f){
		f = flush->nextflush;
		respond(flush, nil);
	}
	closereq(r);
}

void
responderror(Req *r)
{
	char err[ERRMAX];

	rerrstr(err, sizeof err);
	respond(r, err);
}

static void
serve(Req *r)
{
	Srv *s;

	s = r->srv;
	switch(r->ifcall.type){
	case Twalk:
	case Topen:
	case Tcreate:
	case Tread:
	case Twrite:
	case Tclunk:
	case Tremove:
	case Tstat:
	case Twstat:
		r->fid = lookupfid(s, r->ifcall.fid);
		if(r->fid == nil){
			respond(r, Eunknownfid);
			return;
		}
	}
	switch(r->ifcall.type){
	case Tversion:
		sversion(r);
		break;
	case Tauth:
		if(s->auth != nil)
			s->auth(r);
		else
			respond(r, Enoauth);
		break;
	case Tattach:
		sattach(r);
		break;
	case Tflush:
		sflush(r);
		break;
	case Twalk:
		swalk(r);
		break;
	case Topen:
		sopen(r);
		break;
	case Tcreate:
		screate(r);
		break;
	case Tread:
		sread(r);
		break;
	case Twrite:
		swrite(r);
		break;
	case Tclunk:
		clunkfid(r->fid);
		respond(r, nil);
		break;
	case Tremove:
		sremove(r);
		break;
	case Tstat:
		sstat(r);
		break;
	case Twstat:
		swstat(r);
		break;
	default:
		respond(r, Ebotch);
	}
}

void
srv(Srv *s)
{
	uchar *buf;
	Req *r, *q;
	int n;

	fmtinstall('D', dirfmt);
	fmtinstall('F', fcallfmt);
	s->msize = Msize;
	if(s->start != nil)
		s->start(s);
	for(;;){
		buf = emalloc9p(s->msize);
		n = read9pmsg(s->infd, buf, s->msize);
		if(n <= 0){
			free(buf);
			break;
		}
		r = newreq(s);
		r->buf = buf;
		if(convM2S(buf, n, &r->ifcall) != n){
			/* no 9P: nothing that follows can be trusted */
			closereq(r);
			break;
		}
		r->tag = r->ifcall.tag;
		if(chatty9p)
			fprint(2, "<-%d- %F\n", s->infd, &r->ifcall);
		if(enterreq(s, r) < 0){
			/* not entered, so it may not be looked up by its tag */
			transmit(r, Eduptag);
			closereq(r);
			continue;
		}
		serve(r);
	}
	/* the client is gone: what it waits for is over */
	s->hungup = 1;
	while((r = firstreq(s)) != nil){
		q = newreq(s);
		q->tag = NOTAG;
		q->ifcall.type = Tflush;
		q->oldreq = r;
		if(r->ifcall.type != Tflush && s->flush != nil)
			s->flush(q);
		else
			respond(q, nil);
		if(s->reqs == r)
			sleep(10);	/* somebody else is about to respond to it */
	}
	while(s->alive.ref > 0)
		sleep(1);	/* somebody else is on the way out of respond */
	while(s->fids != nil)
		clunkfid(s->fids);
	if(s->end != nil)
		s->end(s);
}

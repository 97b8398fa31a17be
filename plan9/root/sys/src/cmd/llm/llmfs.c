#include <u.h>
#include <libc.h>
#include <fcall.h>
#include <thread.h>
#include <9p.h>
#include "llm.h"
#include "ctl.h"

/*
 * llmfs(4): one model and its sessions, as files.  Each connection is
 * served by a process, each generation and each control message that may
 * take long runs in one of its own.  All of the state is under fs; what is
 * to be answered while it is held goes on the connection's list, whose
 * second process answers: a client that does not listen holds up that alone.
 */
typedef struct Gen	Gen;
typedef struct Load	Load;
typedef struct Sess	Sess;
typedef struct Faux	Faux;
typedef struct Wait	Wait;
typedef struct Answer	Answer;
typedef struct Out	Out;
typedef struct Buf	Buf;
typedef struct Job	Job;
typedef struct Ctl	Ctl;

enum
{
	Nsession	= 16,
	Maxprompt	= 1<<20,
	Stack	= 32*1024,

	/* low byte of qid.path; a session's serial number stands above it */
	Qroot	= 0,
	Qrootctl,
	Qmodel,
	Qclone,
	Qrootstatus,
	Qdir,
	Qctl,
	Qprompt,
	Qoutput,
	Qstream,
	Qtokens,
	Qlogits,
	Qstatus,
	Qend,
};

static char	Ebadoffset[] = "bad offset";
static char	Ebadvalue[] = "bad value";
static char	Ebusy[] = "model busy";
static char	Egenerating[] = "already generating";
static char	Eintr[] = "interrupted";
static char	Elongprompt[] = "prompt too long";
static char	Enomodel[] = "model not loaded";
static char	Enonexist[] = "file does not exist";
static char	Enosession[] = "session not found";
static char	Eperm[] = "permission denied";
static char	Etoomany[] = "too many sessions";

/* bytes that are only ever added to */
struct Buf
{
	char	*s;
	long	n;
	long	max;
};

/* one generation: what it made, as long as a session or a fid knows of it */
struct Gen
{
	Ref;
	Buf	stream;
	Buf	tokens;
	int	pos;
	int	steps;
	int	stop;
	int	ended;
	double	rate;	/* tokens a second */
	char	err[ERRMAX];
};

struct Sess
{
	Ref;
	int	number;
	uvlong	serial;
	char	*uid;
	Settings;
	char	*prompt;
	long	nprompt;
	Gen	*gen;
	Wait	*wait;
	Session	*kv;	/* of the model that is loaded */
	float	*logits;
	int	closed;
	ulong	mtime;
};

/* a load under way; abandoned, it ends when its file lets it */
struct Load
{
	char	*model;
	int	fd;
	vlong	n;
	vlong	size;
	vlong	start;	/* ns */
	int	stop;
	Req	*r;	/* the write that asked for it */
	Load	*next;
};

struct Faux
{
	int	file;
	Sess	*s;
	Gen	*following;
	char	*snap;	/* what a read at offset 0 found */
	long	nsnap;
	Buf	pending;	/* the first messages of a write that takes several */
	vlong	next;	/* offset of the one to come */
	int	more;
	char	err[ERRMAX];
};

/* a read of what is not there yet */
struct Wait
{
	Req	*r;
	Wait	*next;
};

struct Answer
{
	Req	*r;
	char	*err;
	Answer	*next;
};

/* a connection's answers */
struct Out
{
	Lock;
	Answer	*head;
	Answer	*tail;
	long	some;	/* semaphore */
	int	end;
};

static struct
{
	QLock;
	Rendez	over;	/* a generation has ended */
	Model	*model;
	Tokenizer	*vocab;
	char	*modelname;
	char	*vocabname;
	Load	*load;
	Load	*loads;	/* with those that are abandoned */
	char	failed[ERRMAX];
	Sess	*s[Nsession];
	uvlong	serial;
	ulong	mtime;
	char	*user;
	int	threads;
} fs;

static struct
{
	char	*name;
	ulong	mode;
} files[] =
{
[Qroot]		{ "/", DMDIR|0555 },
[Qrootctl]	{ "ctl", 0666 },
[Qmodel]	{ "model", 0444 },
[Qclone]	{ "clone", 0444 },
[Qrootstatus]	{ "status", 0444 },
[Qdir]		{ nil, DMDIR|0755 },
[Qctl]		{ "ctl", 0666 },
[Qprompt]	{ "prompt", 0666 },
[Qoutput]	{ "output", 0444 },
[Qstream]	{ "stream", 0444 },
[Qtokens]	{ "tokens", 0444 },
[Qlogits]	{ "logits", 0444 },
[Qstatus]	{ "status", 0444 },
};

/* soon, by the connection's process for it */
static void
answer(Req *r, char *err)
{
	Answer *a;
	Out *o;

	a = emalloc9p(sizeof *a);
	a->r = r;
	a->err = err != nil? estrdup9p(err): nil;
	o = r->srv->aux;
	lock(o);
	if(o->head == nil)
		o->head = a;
	else
		o->tail->next = a;
	o->tail = a;
	unlock(o);
	semrelease(&o->some, 1);
}

static void
answerer(void *v)
{
	Out *o;
	Answer *a, *next;

	o = v;
	for(;;){
		while(semacquire(&o->some, 1) < 0)
			;
		lock(o);
		a = o->head;
		o->head = nil;
		unlock(o);
		if(a == nil && o->end)
			break;
		for(; a != nil; a = next){
			next = a->next;
			respond(a->r, a->err);
			free(a->err);
			free(a);
		}
	}
	free(o);
	threadexits(nil);
}

static void
fsstart(Srv *s)
{
	Out *o;

	o = emalloc9p(sizeof *o);
	s->aux = o;
	if(proccreate(answerer, o, Stack) < 0)
		sysfatal("%r");
}

static void
fsend(Srv *s)
{
	Out *o;

	o = s->aux;
	o->end = 1;
	semrelease(&o->some, 1);
}

static void
add(Buf *t, char *s, long n)
{
	if(t->n + n > t->max){
		t->max = 2*(t->n + n) + 256;
		t->s = erealloc9p(t->s, t->max);
	}
	memmove(t->s + t->n, s, n);
	t->n += n;
}

static void
dropgen(Gen *g)
{
	if(g == nil || decref(g) > 0)
		return;
	free(g->stream.s);
	free(g->tokens.s);
	free(g);
}

static void
dropsess(Sess *s)
{
	if(s == nil || decref(s) > 0)
		return;
	dropgen(s->gen);
	free(s->uid);
	free(s->prompt);
	free(s->logits);
	free(s);
}

static int
generating(Sess *s)
{
	return s->gen != nil && !s->gen->ended;
}

/* what of the session is the engine's */
static void
forget(Sess *s)
{
	if(s->kv != nil)
		freesession(s->kv);
	s->kv = nil;
	free(s->logits);
	s->logits = nil;
}

static uvlong
clock(void)
{
	uvlong t;

	t = time(nil);
	return t != 0? t: 1;
}

/*
 * A read of what a generation makes.  A fid follows the generation that was
 * the session's at its last read at offset 0, or else the next one.
 * Returns 0 to wait.
 */
static int
follow(Req *r, char **err)
{
	Faux *a;
	Gen *g;
	Buf *t;

	a = r->fid->aux;
	*err = nil;
	if(a->s->closed){
		*err = Enosession;
		return 1;
	}
	if(a->following == nil && a->s->gen != nil){
		a->following = a->s->gen;
		incref(a->following);
	}
	g = a->following;
	if(g == nil)
		return 0;
	t = a->file == Qtokens? &g->tokens: &g->stream;
	if((g->ended || a->file != Qoutput) && r->ifcall.offset < t->n){
		readbuf(r, t->s, t->n);
		return 1;
	}
	if(!g->ended)
		return 0;
	if(g->err[0] != 0)
		*err = g->err;
	r->ofcall.count = 0;
	return 1;
}

/* after anything that a reader may wait for */
static void
changed(Sess *s)
{
	Wait **l, *w;
	char *err;

	for(l = &s->wait; (w = *l) != nil; )
		if(follow(w->r, &err)){
			*l = w->next;
			answer(w->r, err);
			free(w);
		}else
			l = &w->next;
}

static void
fsread1(Req *r)
{
	Faux *a;
	Wait *w, **l;
	char *err;

	a = r->fid->aux;
	if(r->ifcall.offset == 0){
		dropgen(a->following);
		a->following = nil;
	}
	if(follow(r, &err)){
		answer(r, err);
		return;
	}
	w = emalloc9p(sizeof *w);
	w->r = r;
	for(l = &a->s->wait; *l != nil; l = &(*l)->next)
		;
	*l = w;
}

static char*
quant(Model *m)
{
	static char buf[32];

	if(m->group == 0)
		return "f32";
	snprint(buf, sizeof buf, "q80 %d", m->group);
	return buf;
}

/* about what a model takes, with all its sessions */
static vlong
memory(Model *m)
{
	vlong kv, scratch;

	kv = 2LL*m->n_layers*m->seq_len*m->kv_dim*sizeof(float);
	scratch = (8LL*m->dim + 4LL*m->hidden_dim + 2LL*m->vocab_size)*sizeof(float);
	return m->bytes + Nsession*(kv + scratch);
}

static char*
loaded(void)
{
	if(fs.model == nil)
		return smprint("unloaded\n");
	return smprint("loaded %q %q\n", fs.modelname, fs.vocabname);
}

static char*
status(Sess *s)
{
	Gen *g;

	g = s->gen;
	if(g == nil)
		return smprint("idle\n");
	if(!g->ended)
		return smprint("generating %d/%d\n", g->pos, g->steps);
	if(g->err[0] != 0)
		return smprint("error %s\n", g->err);
	return smprint("done %.2f tok/s\n", g->rate);
}

/* all of a file that does not wait, malloced; nil: the error */
static char*
contents(Faux *a, long *n, char **err)
{
	Model *m;
	Load *l;
	Sess *s;
	char *t;
	double dt;

	m = fs.model;
	s = a->s;
	switch(a->file){
	case Qrootctl:
		t = loaded();
		break;
	case Qrootstatus:
		l = fs.load;
		if(l != nil){
			dt = (nsec() - l->start)/1e9;
			t = smprint("loading %q %lld/%lld bytes %.1f MB/s\n", l->model, l->n, l->size, dt > 0? l->n/dt/1e6: 0.0);
		}else if(fs.failed[0] != 0)
			t = smprint("error %s\n", fs.failed);
		else
			t = loaded();
		break;
	case Qmodel:
		if(m == nil){
			*err = Enomodel;
			return nil;
		}
		t = smprint("dim %d\nhidden_dim %d\nn_layers %d\nn_heads %d\nn_kv_heads %d\nvocab_size %d\nseq_len %d\n"
			"params %lld\nquant %s\nbytes %lld\nmemory %lld\nthreads %d\n",
			m->dim, m->hidden_dim, m->n_layers, m->n_heads, m->n_kv_heads, m->vocab_size, m->seq_len,
			m->params, quant(m), m->bytes, memory(m), nthreads(m->pool));
		break;
	case Qctl:
		t = smprint("temp %g\ntopp %g\nseed %llud\nsteps %lld\n", s->temp, s->topp, s->seed, s->steps);
		break;
	case Qstatus:
		t = status(s);
		break;
	case Qprompt:
		*n = s->nprompt;
		t = emalloc9p(s->nprompt + 1);
		memmove(t, s->prompt, s->nprompt);
		return t;
	case Qlogits:
		*n = s->logits != nil && m != nil? m->vocab_size*sizeof(float): 0;
		t = emalloc9p(*n + 1);
		memmove(t, s->logits, *n);
		return t;
	default:
		*err = Eperm;
		return nil;
	}
	if(t == nil)
		sysfatal("out of memory");
	*n = strlen(t);
	return t;
}

static Qid
mkqid(int file, Sess *s)
{
	Qid q;

	q.path = (s != nil? s->serial<<8: 0) | file;
	q.vers = 0;
	q.type = files[file].mode >> 24;
	return q;
}

static void
filedir(Dir *d, int file, Sess *s)
{
	d->qid = mkqid(file, s);
	d->mode = files[file].mode;
	d->atime = d->mtime = s != nil? s->mtime: fs.mtime;
	d->length = file == Qprompt? s->nprompt: 0;
	d->name = file == Qdir? smprint("%d", s->number): estrdup9p(files[file].name);
	d->uid = estrdup9p(s != nil? s->uid: fs.user);
	d->gid = estrdup9p(fs.user);
	d->muid = estrdup9p(fs.user);
}

static int
rootgen(int n, Dir *d, void *v)
{
	int i;

	USED(v);
	if(Qrootctl + n < Qdir){
		filedir(d, Qrootctl + n, nil);
		return 0;
	}
	n -= Qdir - Qrootctl;
	for(i = 0; i < Nsession; i++)
		if(fs.s[i] != nil && n-- == 0){
			filedir(d, Qdir, fs.s[i]);
			return 0;
		}
	return -1;
}

static int
sessgen(int n, Dir *d, void *v)
{
	if(Qctl + n >= Qend)
		return -1;
	filedir(d, Qctl + n, v);
	return 0;
}

static Sess*
mksess(char *uid)
{
	Sess *s;
	int i;

	for(i = 0; i < Nsession && fs.s[i] != nil; i++)
		;
	if(i == Nsession)
		return nil;
	s = emalloc9p(sizeof *s);
	s->ref = 1;
	s->number = i;
	s->serial = ++fs.serial;
	s->uid = estrdup9p(uid);
	s->Settings = (Settings){ 1, 0.9, clock(), 256 };
	s->mtime = fs.mtime = time(nil);
	fs.s[i] = s;
	return s;
}

/*
 * Generations
 */
static void
emit(Gen *g, int token, double lp, char *s, int n)
{
	char *line, *text;

	text = emalloc9p(n + 1);
	memmove(text, s, n);
	line = smprint("%d %d %.6f %q\n", g->pos, token, lp == 0? 0.0: lp, text);
	if(line == nil)
		sysfatal("out of memory");
	add(&g->stream, s, n);
	add(&g->tokens, line, strlen(line));
	free(line);
	free(text);
}

static void
keep(Sess *s, float *logits)
{
	long n;

	n = fs.model->vocab_size*sizeof(float);
	if(s->logits == nil)
		s->logits = emalloc9p(n);
	memmove(s->logits, logits, n);
}

struct Job
{
	Sess	*s;
	Gen	*g;
	int	*prompt;
	int	n;
	Sampler	sampler;
};

static char*
generate1(Job *j)
{
	Model *m;
	Session *kv;
	Gen *g;
	Text text;
	float *logits;
	char *piece, *out;
	int token, next, want, n, i;
	double lp;

	m = fs.model;
	g = j->g;
	kv = j->s->kv;
	out = emalloc9p(maxpiece(fs.vocab));
	memset(&text, 0, sizeof text);
	token = j->prompt[0];
	want = 1;
	for(i = 0; i < g->steps && !g->stop; i++){
		want = i+1 >= j->n;
		logits = forward(kv, token, i, want);
		next = want? -1: j->prompt[i+1];
		lp = 0;
		if(want){
			qlock(&fs);
			keep(j->s, logits);
			qunlock(&fs);
			next = sample(&j->sampler, logits, m->vocab_size);
			if(next < 0){
				free(out);
				return "out of memory";
			}
			/* sample may have overwritten them; nobody else writes these */
			lp = logprob(j->s->logits, m->vocab_size, next);
		}
		qlock(&fs);
		g->pos = i+1;
		if(next == Bos){
			qunlock(&fs);
			break;
		}
		piece = decode(fs.vocab, token, next, &n);
		n = textadd(&text, piece, n, out);
		emit(g, next, lp, out, n);
		changed(j->s);
		qunlock(&fs);
		token = next;
	}
	/* ended within the prompt: the last pass had no logits */
	if(!want && i > 0){
		logits = forward(kv, j->prompt[i-1], i-1, 1);
		qlock(&fs);
		keep(j->s, logits);
		qunlock(&fs);
	}
	free(out);
	return nil;
}

static void
generator(void *v)
{
	Job *j;
	vlong start;
	char *err;

	j = v;
	initfp();
	start = nsec();
	err = generate1(j);
	qlock(&fs);
	if(err != nil)
		strecpy(j->g->err, j->g->err + ERRMAX, err);
	j->g->rate = j->g->pos / ((nsec() - start + 1)/1e9);
	j->g->ended = 1;
	changed(j->s);
	rwakeupall(&fs.over);
	dropgen(j->g);
	dropsess(j->s);
	qunlock(&fs);
	freesampler(&j->sampler);
	free(j->prompt);
	free(j);
	threadexits(nil);
}

static char*
maygenerate(Sess *s)
{
	if(generating(s))
		return Egenerating;
	if(fs.load != nil)
		return Ebusy;
	if(fs.model == nil)
		return Enomodel;
	return nil;
}

/* where maygenerate allows it */
static char*
generate(Sess *s)
{
	static char err[ERRMAX];
	Model *m;
	Job *j;
	Gen *g;
	char *p;
	long n;

	m = fs.model;
	if(s->kv == nil)
		s->kv = mksession(m);
	if(s->kv == nil){
		rerrstr(err, sizeof err);
		return err;
	}
	/* the newline that echo puts at the end is not part of it */
	n = s->nprompt;
	if(n > 0 && s->prompt[n-1] == '\n')
		n--;
	p = emalloc9p(n + 1);
	memmove(p, s->prompt, n);
	j = emalloc9p(sizeof *j);
	j->prompt = encode(fs.vocab, p, 1, 0, &j->n);
	free(p);
	if(j->prompt == nil){
		rerrstr(err, sizeof err);
		free(j);
		return err;
	}
	initsampler(&j->sampler, s->temp, s->topp, s->seed != 0? s->seed: clock());
	g = emalloc9p(sizeof *g);
	g->ref = 2;	/* the session's, and the job's */
	g->steps = s->steps == 0 || s->steps > m->seq_len? m->seq_len: s->steps;
	dropgen(s->gen);
	s->gen = g;
	free(s->logits);
	s->logits = nil;
	j->g = g;
	j->s = s;
	incref(s);
	changed(s);
	if(proccreate(generator, j, Stack) < 0){
		rerrstr(g->err, sizeof g->err);
		g->ended = 1;
		changed(s);
		return g->err;
	}
	return nil;
}

/* ends what is under way, and waits for it */
static void
stop(Sess *s)
{
	Gen *g;

	g = s->gen;
	if(g == nil || g->ended)
		return;
	incref(g);
	g->stop = 1;
	while(!g->ended)
		rsleep(&fs.over);
	dropgen(g);
}

static void
reset(Sess *s)
{
	Gen *g;

	g = s->gen;
	stop(s);
	if(s->gen != g || s->closed)
		return;
	dropgen(s->gen);
	s->gen = nil;
	s->nprompt = 0;
	s->mtime = time(nil);
	forget(s);
	changed(s);
}

static void
closesess(Sess *s)
{
	s->closed = 1;
	fs.s[s->number] = nil;
	fs.mtime = time(nil);
	changed(s);
	stop(s);
	forget(s);
	dropsess(s);
}

/*
 * Loading
 */
static int
idle(void)
{
	int i;

	if(fs.load != nil)
		return 0;
	for(i = 0; i < Nsession; i++)
		if(fs.s[i] != nil && generating(fs.s[i]))
			return 0;
	return 1;
}

/* each read of a checkpoint */
static int
progress(int fd, long n)
{
	Load *l;
	int stopped;

	qlock(&fs);
	for(l = fs.loads; l != nil && l->fd != fd; l = l->next)
		;
	stopped = 0;
	if(l != nil){
		l->n += n;
		if(l->n > l->size)
			l->n = l->size;
		stopped = l->stop;
	}
	qunlock(&fs);
	if(stopped)
		werrstr("%s", Eintr);
	return stopped? -1: 0;
}

/* err names the file, and what is wrong with it; it has room for ERRMAX bytes */
static void
loaderror(char *err, char *name)
{
	char e[ERRMAX], *p;

	rerrstr(e, sizeof e);
	/* the kernel names the file behind */
	p = strstr(e, ": '");
	if(p != nil && strncmp(p+3, name, strlen(name)) == 0)
		*p = 0;
	if(strlen(name) + 2 + strlen(e) >= ERRMAX)
		name += strlen(name) - (ERRMAX - 3 - strlen(e));
	snprint(err, ERRMAX, "%s: %s", name, e);
}

static void
usemodel(Model *m, Tokenizer *t, char *model, char *vocab)
{
	Model *om;
	Tokenizer *ot;
	int i;

	om = fs.model;
	ot = fs.vocab;
	fs.model = m;
	fs.vocab = t;
	free(fs.modelname);
	free(fs.vocabname);
	fs.modelname = model;
	fs.vocabname = vocab;
	fs.mtime = time(nil);
	for(i = 0; i < Nsession; i++)
		if(fs.s[i] != nil)
			forget(fs.s[i]);
	if(om != nil)
		freemodel(om);
	if(ot != nil)
		freetokenizer(ot);
}

/* with fs locked, and let go while it reads; err has room for ERRMAX bytes */
static char*
load(Req *r, char *model, char *vocab, char *err)
{
	Load *l, **ll;
	Model *m;
	Tokenizer *t;
	Dir *d;
	char *name;
	int fd, stopped;

	if(!idle())
		return Ebusy;
	l = emalloc9p(sizeof *l);
	l->model = estrdup9p(model);
	l->fd = -1;
	l->start = nsec();
	l->r = r;
	l->next = fs.loads;
	fs.loads = fs.load = l;
	fs.failed[0] = 0;
	qunlock(&fs);

	m = nil;
	t = nil;
	d = nil;
	name = vocab;
	fd = open(vocab, OREAD);
	if(fd >= 0){
		close(fd);
		name = model;
		fd = open(model, OREAD);
		if(fd >= 0)
			d = dirfstat(fd);
	}
	if(d != nil){
		qlock(&fs);
		l->fd = fd;
		l->size = d->length;
		qunlock(&fs);
		free(d);
		m = fdloadmodel(fd, 1, fs.threads);
	}
	if(m != nil){
		name = vocab;
		t = loadtokenizer(vocab, m->vocab_size);
	}
	if(t == nil)
		loaderror(err, name);

	qlock(&fs);
	if(fd >= 0)
		close(fd);
	stopped = l->stop;
	if(!stopped)
		fs.load = nil;
	if(!stopped && t != nil)
		usemodel(m, t, estrdup9p(model), estrdup9p(vocab));
	else{
		if(!stopped)
			strecpy(fs.failed, fs.failed + ERRMAX, err);
		if(t != nil)
			freetokenizer(t);
		if(m != nil)
			freemodel(m);
	}
	for(ll = &fs.loads; *ll != l; ll = &(*ll)->next)
		;
	*ll = l->next;
	free(l->model);
	free(l);
	if(stopped)
		return Eintr;
	return t == nil? err: nil;
}

/* the load goes on by itself until it notices */
static void
abandon(void)
{
	Load *l;

	l = fs.load;
	l->stop = 1;
	fs.load = nil;
	strcpy(fs.failed, Eintr);
	if(l->r != nil)
		answer(l->r, Eintr);
	l->r = nil;
}

static char*
unload(void)
{
	if(fs.load != nil){
		abandon();
		return nil;
	}
	if(!idle())
		return Ebusy;
	fs.failed[0] = 0;
	if(fs.model == nil)
		return Enomodel;
	usemodel(nil, nil, nil, nil);
	return nil;
}

/*
 * Control messages: all of a write is looked at before any of it is done.
 */
/* the settings that precede a command are made when it is sure that it can be done */
static char*
session(Sess *s, Cmd *c, int n)
{
	Settings was;
	char *err;
	int i;

	was = s->Settings;
	for(i = 0; i < n; i++){
		if(s->closed)
			return Enosession;
		if(!verb(c[i].name)){
			setctl(&c[i], &s->Settings);
			continue;
		}
		err = nil;
		if(strcmp(c[i].name, "generate") == 0){
			err = maygenerate(s);
			if(err == nil)
				err = generate(s);
			else
				s->Settings = was;
		}else if(strcmp(c[i].name, "stop") == 0)
			stop(s);
		else if(strcmp(c[i].name, "reset") == 0)
			reset(s);
		else
			closesess(s);
		if(err != nil)
			return err;
		was = s->Settings;
	}
	return nil;
}

/* a write's commands */
struct Ctl
{
	Req	*r;	/* nil: of a clunk */
	Sess	*s;
	char	*text;
	Cmd	*cmd;
	int	ncmd;
};

/* does them, with fs locked */
static void
control(Ctl *k)
{
	char buf[ERRMAX], *err;
	int i;

	err = nil;
	if(k->s != nil)
		err = session(k->s, k->cmd, k->ncmd);
	else
		for(i = 0; i < k->ncmd && err == nil; i++)
			if(strcmp(k->cmd[i].name, "unload") == 0)
				err = unload();
			else{
				err = load(k->r, k->cmd[i].word[1], k->cmd[i].word[2], buf);
				if(err == Eintr)
					k->r = nil;	/* abandon has answered */
			}
	if(k->r != nil){
		k->r->ofcall.count = k->r->ifcall.count;
		answer(k->r, err);
	}
	dropsess(k->s);
	free(k->cmd);
	free(k->text);
	free(k);
}

static void
controller(void *v)
{
	qlock(&fs);
	control(v);
	qunlock(&fs);
	threadexits(nil);
}

/* what may take long has a process of its own */
static char*
start(Req *r, Sess *s, char *text)
{
	Ctl *k;
	char *err;
	int i, slow;

	k = emalloc9p(sizeof *k);
	k->text = text;
	k->cmd = parsectl(text, &k->ncmd);
	err = k->cmd == nil? "out of memory": nil;
	slow = 0;
	for(i = 0; i < k->ncmd && err == nil; i++){
		err = checkctl(&k->cmd[i], s == nil);
		if(verb(k->cmd[i].name) && strcmp(k->cmd[i].name, "generate") != 0)
			slow |= generating(s);
		if(s == nil && strcmp(k->cmd[i].name, "load") == 0)
			slow = 1;
	}
	if(err == nil && s == nil && slow && !idle() && strcmp(k->cmd[0].name, "load") == 0)
		err = Ebusy;
	if(err != nil){
		free(k->cmd);
		free(text);
		free(k);
		return err;
	}
	k->r = r;
	k->s = s;
	if(s != nil)
		incref(s);
	if(!slow)
		control(k);
	else if(proccreate(controller, k, Stack) < 0)
		control(k);
	return nil;
}

/*
 * A write as large as a message can be is taken for the first part of a
 * longer one: nothing is done until the rest has come, or the fid goes.
 */
static char*
writectl(Req *r, Faux *a)
{
	char *text;
	long n;
	int more;

	n = r->ifcall.count;
	if(!a->more || a->next != r->ifcall.offset){
		a->pending.n = 0;
		a->err[0] = 0;
	}
	more = n >= r->srv->msize - IOHDRSZ;
	a->more = more;
	a->next = r->ifcall.offset + n;
	if(a->err[0] != 0)
		return a->err;
	if(a->pending.n + n > Maxprompt)
		return strcpy(a->err, Ebadvalue);
	add(&a->pending, r->ifcall.data, n);
	if(more){
		r->ofcall.count = n;
		answer(r, nil);
		return nil;
	}
	add(&a->pending, "", 1);
	text = a->pending.s;
	memset(&a->pending, 0, sizeof a->pending);
	return start(r, a->s, text);
}

static char*
writeprompt(Req *r, Sess *s)
{
	vlong off;
	long n;

	off = r->ifcall.offset;
	n = r->ifcall.count;
	if(off > s->nprompt)
		return Ebadoffset;
	if(off + n > Maxprompt)
		return Elongprompt;
	if(off + n > s->nprompt){
		s->prompt = erealloc9p(s->prompt, off + n + 1);
		s->nprompt = off + n;
	}
	memmove(s->prompt + off, r->ifcall.data, n);
	s->mtime = time(nil);
	r->ofcall.count = n;
	return nil;
}

/*
 * 9P
 */
static Faux*
mkaux(int file, Sess *s)
{
	Faux *a;

	a = emalloc9p(sizeof *a);
	a->file = file;
	a->s = s;
	if(s != nil)
		incref(s);
	return a;
}

static void
dropaux(Faux *a)
{
	if(a == nil)
		return;
	dropgen(a->following);
	dropsess(a->s);
	free(a->snap);
	free(a->pending.s);
	free(a);
}

static void
fsattach(Req *r)
{
	r->fid->qid = mkqid(Qroot, nil);
	r->ofcall.qid = r->fid->qid;
	qlock(&fs);
	r->fid->aux = mkaux(Qroot, nil);
	qunlock(&fs);
	respond(r, nil);
}

static char*
fsclone(Fid *old, Fid *new)
{
	Faux *a;

	a = old->aux;
	qlock(&fs);
	new->aux = mkaux(a->file, a->s);
	qunlock(&fs);
	return nil;
}

static char*
move(Fid *f, int file, Sess *s, Qid *q)
{
	Faux *a;

	a = mkaux(file, s);
	dropaux(f->aux);
	f->aux = a;
	f->qid = mkqid(file, s);
	*q = f->qid;
	return nil;
}

static char*
walk(Fid *f, char *name, Qid *q)
{
	Faux *a;
	uvlong n;
	int i;

	a = f->aux;
	if(strcmp(name, "..") == 0)
		return move(f, Qroot, nil, q);
	if(a->file == Qdir){
		if(a->s->closed)
			return Enosession;
		for(i = Qctl; i < Qend; i++)
			if(strcmp(name, files[i].name) == 0)
				return move(f, i, a->s, q);
		return Enonexist;
	}
	for(i = Qrootctl; i < Qdir; i++)
		if(strcmp(name, files[i].name) == 0)
			return move(f, i, nil, q);
	if((name[0] == '0' && name[1] != 0) || ctlint(name, 999999999, &n) < 0)
		return Enonexist;
	if(n >= Nsession || fs.s[n] == nil)
		return Enosession;
	return move(f, Qdir, fs.s[n], q);
}

static char*
fswalk1(Fid *f, char *name, Qid *q)
{
	char *e;

	qlock(&fs);
	e = walk(f, name, q);
	qunlock(&fs);
	return e;
}

static char*
open1(Req *r, Faux *a)
{
	static int need[] = { 4, 2, 6, 1 };
	Sess *s;
	int want;

	if(a->s != nil && a->s->closed)
		return Enosession;
	want = need[r->ifcall.mode & 3];
	if(r->ifcall.mode & OTRUNC)
		want |= 2;
	if((r->ifcall.mode & ORCLOSE) || (files[a->file].mode & want) != want)
		return Eperm;
	if(a->file == Qclone){
		s = mksess(r->fid->uid);
		if(s == nil)
			return Etoomany;
		a->snap = smprint("%d\n", s->number);
		a->nsnap = strlen(a->snap);
	}
	if(a->file == Qprompt && (r->ifcall.mode & OTRUNC)){
		a->s->nprompt = 0;
		a->s->mtime = time(nil);
	}
	return nil;
}

static void
fsopen(Req *r)
{
	char *e;

	qlock(&fs);
	e = open1(r, r->fid->aux);
	qunlock(&fs);
	respond(r, e);
}

static void
fsread(Req *r)
{
	Faux *a;
	char *err;

	a = r->fid->aux;
	err = nil;
	qlock(&fs);
	if(a->s != nil && a->s->closed)
		err = Enosession;
	else
		switch(a->file){
		case Qroot:
			dirread9p(r, rootgen, nil);
			break;
		case Qdir:
			dirread9p(r, sessgen, a->s);
			break;
		case Qoutput:
		case Qstream:
		case Qtokens:
			fsread1(r);
			qunlock(&fs);
			return;
		default:
			if(a->file != Qclone && (r->ifcall.offset == 0 || a->snap == nil)){
				free(a->snap);
				a->snap = contents(a, &a->nsnap, &err);
			}
			if(a->snap != nil)
				readbuf(r, a->snap, a->nsnap);
		}
	qunlock(&fs);
	respond(r, err);
}

static void
fswrite(Req *r)
{
	Faux *a;
	char *err;

	a = r->fid->aux;
	qlock(&fs);
	if(a->s != nil && a->s->closed)
		err = Enosession;
	else if(a->file == Qprompt){
		err = writeprompt(r, a->s);
		if(err == nil){
			qunlock(&fs);
			respond(r, nil);
			return;
		}
	}else
		err = writectl(r, a);
	qunlock(&fs);
	if(err != nil)
		respond(r, err);
}

static void
fsstat(Req *r)
{
	Faux *a;

	a = r->fid->aux;
	qlock(&fs);
	if(a->s != nil && a->s->closed){
		qunlock(&fs);
		respond(r, Enosession);
		return;
	}
	filedir(&r->d, a->file, a->s);
	qunlock(&fs);
	respond(r, nil);
}

static void
refuse(Req *r)
{
	respond(r, Eperm);
}

/* one that asks for no change is for syncing */
static void
fswstat(Req *r)
{
	Dir *d;

	d = &r->d;
	if(d->mode == (ulong)~0 && d->mtime == (ulong)~0 && d->length == ~0LL
	&& d->name[0] == 0 && d->uid[0] == 0 && d->gid[0] == 0)
		respond(r, nil);
	else
		respond(r, Eperm);
}

static void
fsflush(Req *r)
{
	Req *old;
	Faux *a;
	Wait **l, *w;

	old = r->oldreq;
	qlock(&fs);
	if(old->ifcall.type == Tread && old->fid != nil){
		a = old->fid->aux;
		if(a->s != nil)
			for(l = &a->s->wait; (w = *l) != nil; l = &w->next)
				if(w->r == old){
					*l = w->next;
					answer(old, Eintr);
					free(w);
					break;
				}
	}else if(fs.load != nil && fs.load->r == old)
		abandon();
	qunlock(&fs);
	respond(r, nil);
}

/* what was written in large pieces, and had no end until now */
static void
destroyfid(Fid *f)
{
	Faux *a;
	char *text;

	a = f->aux;
	if(a == nil)
		return;
	qlock(&fs);
	if(a->more && a->err[0] == 0 && a->pending.n > 0 && !(a->s != nil && a->s->closed)){
		add(&a->pending, "", 1);
		text = a->pending.s;
		memset(&a->pending, 0, sizeof a->pending);
		start(nil, a->s, text);
	}
	dropaux(a);
	qunlock(&fs);
}

static Srv	fssrv =
{
	.attach = fsattach,
	.open = fsopen,
	.create = refuse,
	.read = fsread,
	.write = fswrite,
	.remove = refuse,
	.flush = fsflush,
	.stat = fsstat,
	.wstat = fswstat,
	.walk1 = fswalk1,
	.clone = fsclone,
	.destroyfid = destroyfid,
	.start = fsstart,
	.end = fsend,
};

static void
usage(void)
{
	fprint(2, "usage: llmfs [-Dfi] [-s srvname] [-m mtpt] [-a addr] [-j threads]\n");
	threadexitsall("usage");
}

void
threadmain(int argc, char *argv[])
{
	char *name, *mtpt, *addr;
	uvlong n;
	int stdio;

	name = "llm";
	mtpt = nil;
	addr = nil;
	stdio = 0;
	ARGBEGIN{
	case 'D':
		chatty9p = 1;
		break;
	case 'a':
		addr = EARGF(usage());
		break;
	case 'f':	/* the host's; here is nothing faster with other bits */
		break;
	case 'i':
		stdio = 1;
		break;
	case 'j':
		if(ctlint(EARGF(usage()), 1024, &n) < 0 || n == 0)
			sysfatal("-j: bad value");
		fs.threads = n;
		break;
	case 'm':
		mtpt = EARGF(usage());
		break;
	case 's':
		name = EARGF(usage());
		break;
	default:
		usage();
	}ARGEND
	if(argc > 0)
		usage();
	quotefmtinstall();
	fs.user = getuser();
	fs.mtime = time(nil);
	fs.over.l = &fs;
	reading = progress;
	if(stdio){
		fssrv.infd = 0;
		fssrv.outfd = 1;
		srv(&fssrv);
		threadexitsall(nil);
	}
	if(addr != nil)
		listensrv(&fssrv, addr);
	threadpostmountsrv(&fssrv, name, mtpt, MREPL);
	threadexits(nil);
}

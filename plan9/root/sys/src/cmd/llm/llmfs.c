#include <u.h>
#include <libc.h>
#include <fcall.h>
#include <thread.h>
#include <9p.h>
#include "llm.h"

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
typedef struct Out	Out;
typedef struct Text9	Text9;
typedef struct Cmd	Cmd;

enum
{
	Nsession	= 16,
	Maxprompt	= 1<<20,
	Stack	= 32*1024,
	Nword	= 8,

	/* low byte of qid.path; a session's serial number stands above it */
	Qroot	= 0,
	Qrootctl,
	Qmodel,
	Qclone,
	Qdir,
	Qctl,
	Qprompt,
	Qoutput,
	Qstream,
	Qtokens,
	Qlogits,
	Qstatus,
	Qloading,
};

static char	Ebadcmd[] = "unknown control message";
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
struct Text9
{
	char	*s;
	long	n;
	long	max;
};

/* one generation: what it made, as long as a session or a fid knows of it */
struct Gen
{
	Ref;
	Text9	stream;
	Text9	tokens;
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
	double	temp;
	double	topp;
	uvlong	seed;
	vlong	steps;
	char	*prompt;
	long	nprompt;
	Gen	*gen;
	Wait	*wait;	/* reads */
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
	Text9	pending;	/* the first messages of a write that takes several */
	vlong	next;	/* offset of the one to come */
	int	more;
	char	err[ERRMAX];
};

struct Wait
{
	Req	*r;
	Wait	*next;
	char	*err;
};

/* a connection's answers */
struct Out
{
	Lock;
	Wait	*head;
	Wait	*tail;
	long	some;	/* semaphore */
	int	end;
};

struct Cmd
{
	char	*name;
	int	n;	/* words */
	char	*word[Nword];
};

static struct
{
	QLock;
	Rendez	over;	/* a generation has ended */
	Model	*model;
	Tokenizer	*vocab;
	char	*modelname;
	char	*vocabname;
	int	leaving;	/* the model is on its way out */
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
	int	file;
	ulong	mode;
} rootfiles[] =
{
	"ctl",		Qrootctl,	0666,
	"model",	Qmodel,		0444,
	"clone",	Qclone,		0444,
	"status",	Qloading,	0444,
}, files[] =
{
	"ctl",		Qctl,		0666,
	"prompt",	Qprompt,	0666,
	"output",	Qoutput,	0444,
	"stream",	Qstream,	0444,
	"tokens",	Qtokens,	0444,
	"logits",	Qlogits,	0444,
	"status",	Qstatus,	0444,
};

static void	destroyfid(Fid*);

static void
lockfs(void)
{
	qlock(&fs);
}

static void
unlockfs(void)
{
	qunlock(&fs);
}

/* soon, by the connection's process for it */
static void
answer(Wait *w, char *err)
{
	Out *o;

	w->err = err != nil? estrdup9p(err): nil;
	w->next = nil;
	o = w->r->srv->aux;
	lock(o);
	if(o->head == nil)
		o->head = w;
	else
		o->tail->next = w;
	o->tail = w;
	unlock(o);
	semrelease(&o->some, 1);
}

static void
answerer(void *v)
{
	Out *o;
	Wait *w, *next;

	o = v;
	for(;;){
		while(semacquire(&o->some, 1) < 0)
			;
		lock(o);
		w = o->head;
		o->head = nil;
		unlock(o);
		if(w == nil && o->end)
			break;
		for(; w != nil; w = next){
			next = w->next;
			respond(w->r, w->err);
			free(w->err);
			free(w);
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
add(Text9 *t, char *s, long n)
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
	Text9 *t;

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
			answer(w, err);
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
	w = emalloc9p(sizeof *w);
	w->r = r;
	if(follow(r, &err)){
		answer(w, err);
		return;
	}
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
	case Qloading:
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
	q.type = file == Qroot || file == Qdir? QTDIR: QTFILE;
	return q;
}

static void
mkdir(Dir *d, char *name, int file, ulong mode, Sess *s)
{
	d->qid = mkqid(file, s);
	d->mode = mode;
	if(d->qid.type & QTDIR)
		d->mode |= DMDIR;
	d->atime = d->mtime = s != nil? s->mtime: fs.mtime;
	d->length = file == Qprompt? s->nprompt: 0;
	d->name = file == Qdir? smprint("%d", s->number): estrdup9p(name);
	d->uid = estrdup9p(s != nil? s->uid: fs.user);
	d->gid = estrdup9p(fs.user);
	d->muid = estrdup9p(fs.user);
}

static void
filedir(Dir *d, int file, Sess *s)
{
	int i;

	if(file == Qroot)
		mkdir(d, "/", file, 0555, nil);
	else if(file == Qdir)
		mkdir(d, nil, file, 0755, s);
	for(i = 0; i < nelem(rootfiles); i++)
		if(rootfiles[i].file == file)
			mkdir(d, rootfiles[i].name, file, rootfiles[i].mode, nil);
	for(i = 0; i < nelem(files); i++)
		if(files[i].file == file)
			mkdir(d, files[i].name, file, files[i].mode, s);
}

static int
rootgen(int n, Dir *d, void *v)
{
	int i;

	USED(v);
	if(n < nelem(rootfiles)){
		filedir(d, rootfiles[n].file, nil);
		return 0;
	}
	n -= nelem(rootfiles);
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
	if(n >= nelem(files))
		return -1;
	filedir(d, files[n].file, v);
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
	s->temp = 1;
	s->topp = 0.9;
	s->seed = clock();
	s->steps = 256;
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

typedef struct Job	Job;
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
	int token, next, want, n, i, longest;
	double lp;

	m = fs.model;
	g = j->g;
	kv = j->s->kv;
	longest = 4;
	for(i = 0; i < m->vocab_size; i++){
		decode(fs.vocab, 0, i, &n);
		if(n > longest)
			longest = n;
	}
	out = emalloc9p(longest);
	memset(&text, 0, sizeof text);
	token = j->prompt[0];
	want = 1;
	for(i = 0; i < g->steps && !g->stop; i++){
		want = i+1 >= j->n;
		logits = forward(kv, token, i, want);
		next = want? -1: j->prompt[i+1];
		lp = 0;
		if(want){
			lockfs();
			keep(j->s, logits);
			unlockfs();
			next = sample(&j->sampler, logits, m->vocab_size);
			if(next < 0){
				free(out);
				return "out of memory";
			}
			/* sample may have overwritten them; nobody else writes these */
			lp = logprob(j->s->logits, m->vocab_size, next);
		}
		lockfs();
		g->pos = i+1;
		if(next == Bos){
			unlockfs();
			break;
		}
		piece = decode(fs.vocab, token, next, &n);
		n = textadd(&text, piece, n, out);
		emit(g, next, lp, out, n);
		changed(j->s);
		unlockfs();
		token = next;
	}
	/* ended within the prompt: the last pass had no logits */
	if(!want && i > 0){
		logits = forward(kv, j->prompt[i-1], i-1, 1);
		lockfs();
		keep(j->s, logits);
		unlockfs();
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
	lockfs();
	if(err != nil)
		strecpy(j->g->err, j->g->err + ERRMAX, err);
	j->g->rate = j->g->pos / ((nsec() - start + 1)/1e9);
	j->g->ended = 1;
	changed(j->s);
	rwakeupall(&fs.over);
	unlockfs();
	lockfs();
	dropgen(j->g);
	dropsess(j->s);
	unlockfs();
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
	if(fs.load != nil || fs.leaving)
		return Ebusy;
	if(fs.model == nil)
		return Enomodel;
	return nil;
}

/* with fs locked */
static char*
generate(Sess *s)
{
	static char err[ERRMAX];
	Model *m;
	Job *j;
	Gen *g;
	char *e, *p;
	long n;

	e = maygenerate(s);
	if(e != nil)
		return e;
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

	if(fs.load != nil || fs.leaving)
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

	lockfs();
	for(l = fs.loads; l != nil && l->fd != fd; l = l->next)
		;
	stopped = 0;
	if(l != nil){
		l->n += n;
		if(l->n > l->size)
			l->n = l->size;
		stopped = l->stop;
	}
	unlockfs();
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
	unlockfs();

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
		lockfs();
		l->fd = fd;
		l->size = d->length;
		unlockfs();
		free(d);
		m = fdloadmodel(fd, 1, fs.threads);
	}
	if(m != nil){
		name = vocab;
		t = loadtokenizer(vocab, m->vocab_size);
	}
	if(t == nil)
		loaderror(err, name);

	lockfs();
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
	Wait *w;

	l = fs.load;
	l->stop = 1;
	fs.load = nil;
	strcpy(fs.failed, Eintr);
	if(l->r == nil)
		return;
	w = emalloc9p(sizeof *w);
	w->r = l->r;
	l->r = nil;
	answer(w, Eintr);
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
static int
digits(char *s)
{
	int n;

	for(n = 0; s[n] >= '0' && s[n] <= '9'; n++)
		;
	return n;
}

/* a decimal number that a float can hold, not negative */
static int
number(char *s, double *v)
{
	char *p;
	int n;

	p = s;
	n = digits(p);
	p += n;
	if(*p == '.'){
		p++;
		n += digits(p);
		p += digits(p);
	}
	if(n == 0)
		return -1;
	if(*p == 'e' || *p == 'E'){
		p++;
		if(*p == '+' || *p == '-')
			p++;
		if(digits(p) == 0)
			return -1;
		p += digits(p);
	}
	if(*p != 0)
		return -1;
	/* anything else is too large by far; strtod may not say so */
	*v = strtod(s, nil);
	return *v < 3.4028235677973366e38? 0: -1;
}

static int
integer(char *s, uvlong max, uvlong *v)
{
	int d;

	if(*s == 0 || s[digits(s)] != 0 || strlen(s) > 30)
		return -1;
	for(*v = 0; *s != 0; s++){
		d = *s - '0';
		if(*v > (max - d)/10)
			return -1;
		*v = *v*10 + d;
	}
	return 0;
}

/* temp, topp, seed, steps and shortcuts; s nil: only looks */
static char*
set(Cmd *c, Sess *s)
{
	static char *names[] = { "temp", "topp", "seed", "steps", "shortcuts" };
	double f;
	uvlong u;
	int i;

	for(i = 0; i < nelem(names) && strcmp(c->name, names[i]) != 0; i++)
		;
	if(i == nelem(names))
		return Ebadcmd;
	if(c->n != 2)
		return Ebadvalue;
	f = 0;
	u = 0;
	switch(i){
	case 0:
	case 1:
		if(number(c->word[1], &f) < 0 || (i == 1 && f > 1))
			return Ebadvalue;
		break;
	case 2:
		if(integer(c->word[1], ~0ULL, &u) < 0)
			return Ebadvalue;
		break;
	case 3:
		if(integer(c->word[1], (1ULL<<53) - 1, &u) < 0)
			return Ebadvalue;
		break;
	case 4:
		/* here are none to be turned off */
		if(strcmp(c->word[1], "on") != 0 && strcmp(c->word[1], "off") != 0)
			return Ebadvalue;
	}
	if(s == nil)
		return nil;
	switch(i){
	case 0:
		s->temp = f;
		break;
	case 1:
		s->topp = f;
		break;
	case 2:
		s->seed = u;
		break;
	case 3:
		s->steps = u;
	}
	return nil;
}

static int
verb(char *s)
{
	return strcmp(s, "generate") == 0 || strcmp(s, "stop") == 0
		|| strcmp(s, "reset") == 0 || strcmp(s, "close") == 0;
}

static char*
check(Cmd *c, int root)
{
	if(!root){
		if(verb(c->name))
			return c->n == 1? nil: Ebadvalue;
		return set(c, nil);
	}
	if(strcmp(c->name, "unload") == 0)
		return c->n == 1? nil: Ebadvalue;
	if(strcmp(c->name, "load") != 0)
		return Ebadcmd;
	return c->n == 3 && c->word[1][0] != 0 && c->word[2][0] != 0? nil: Ebadvalue;
}

/* the lines of text, cut up; malloced */
static Cmd*
parse(char *text, int *ncmd)
{
	Cmd *c;
	char *line, *next;
	int n, max;

	n = 0;
	max = 16;
	c = emalloc9p(max*sizeof *c);
	for(line = text; line != nil; line = next){
		next = strchr(line, '\n');
		if(next != nil)
			*next++ = 0;
		if(n == max){
			max *= 2;
			c = erealloc9p(c, max*sizeof *c);
		}
		memset(&c[n], 0, sizeof *c);
		c[n].n = tokenize(line, c[n].word, Nword);
		if(c[n].n == 0)
			continue;
		c[n].name = c[n].word[0];
		n++;
	}
	*ncmd = n;
	return c;
}

/* the settings that precede a command are made when it is sure that it can be done */
static char*
session(Sess *s, Cmd *c, int n)
{
	Sess was;
	char *err;
	int i;

	was = *s;
	for(i = 0; i < n; i++){
		if(s->closed)
			return Enosession;
		if(!verb(c[i].name)){
			set(&c[i], s);
			continue;
		}
		err = nil;
		if(strcmp(c[i].name, "generate") == 0){
			err = maygenerate(s);
			if(err == nil)
				err = generate(s);
			else{
				s->temp = was.temp;
				s->topp = was.topp;
				s->seed = was.seed;
				s->steps = was.steps;
			}
		}else if(strcmp(c[i].name, "stop") == 0)
			stop(s);
		else if(strcmp(c[i].name, "reset") == 0)
			reset(s);
		else
			closesess(s);
		if(err != nil)
			return err;
		was = *s;
	}
	return nil;
}

typedef struct Ctl	Ctl;
struct Ctl
{
	Req	*r;	/* nil: of a clunk */
	Sess	*s;
	char	*text;
	Cmd	*cmd;
	int	ncmd;
};

/* does a write's commands, with fs locked */
static void
control(Ctl *k)
{
	Wait *w;
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
		w = emalloc9p(sizeof *w);
		w->r = k->r;
		k->r->ofcall.count = k->r->ifcall.count;
		answer(w, err);
	}
	dropsess(k->s);
	free(k->cmd);
	free(k->text);
	free(k);
}

static void
controller(void *v)
{
	lockfs();
	control(v);
	unlockfs();
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
	k->cmd = parse(text, &k->ncmd);
	err = nil;
	slow = 0;
	for(i = 0; i < k->ncmd && err == nil; i++){
		err = check(&k->cmd[i], s == nil);
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
	char *text, *err;
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
		respond(r, nil);
		return nil;
	}
	add(&a->pending, "", 1);
	text = a->pending.s;
	memset(&a->pending, 0, sizeof a->pending);
	err = start(r, a->s, text);
	return err;
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
	lockfs();
	r->fid->aux = mkaux(Qroot, nil);
	unlockfs();
	respond(r, nil);
}

static char*
fsclone(Fid *old, Fid *new)
{
	Faux *a;

	a = old->aux;
	lockfs();
	new->aux = mkaux(a->file, a->s);
	unlockfs();
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
	int i, n;

	a = f->aux;
	if(strcmp(name, "..") == 0)
		return move(f, Qroot, nil, q);
	if(a->file == Qdir){
		if(a->s->closed)
			return Enosession;
		for(i = 0; i < nelem(files); i++)
			if(strcmp(name, files[i].name) == 0)
				return move(f, files[i].file, a->s, q);
		return Enonexist;
	}
	for(i = 0; i < nelem(rootfiles); i++)
		if(strcmp(name, rootfiles[i].name) == 0)
			return move(f, rootfiles[i].file, nil, q);
	n = digits(name);
	if(n == 0 || n > 9 || name[n] != 0 || (name[0] == '0' && n > 1))
		return Enonexist;
	n = atoi(name);
	if(n >= Nsession || fs.s[n] == nil)
		return Enosession;
	return move(f, Qdir, fs.s[n], q);
}

static char*
fswalk1(Fid *f, char *name, Qid *q)
{
	char *e;

	lockfs();
	e = walk(f, name, q);
	unlockfs();
	return e;
}

static ulong
filemode(int file)
{
	Dir d;
	int i;

	USED(d);
	if(file == Qroot)
		return 0555;
	if(file == Qdir)
		return 0755;
	for(i = 0; i < nelem(rootfiles); i++)
		if(rootfiles[i].file == file)
			return rootfiles[i].mode;
	for(i = 0; i < nelem(files); i++)
		if(files[i].file == file)
			return files[i].mode;
	return 0;
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
	if((r->ifcall.mode & ORCLOSE) || (filemode(a->file) & want) != want)
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

	lockfs();
	e = open1(r, r->fid->aux);
	unlockfs();
	respond(r, e);
}

static void
fsread(Req *r)
{
	Faux *a;
	char *err;

	a = r->fid->aux;
	err = nil;
	lockfs();
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
			unlockfs();
			return;
		default:
			if(a->file != Qclone && (r->ifcall.offset == 0 || a->snap == nil)){
				free(a->snap);
				a->snap = contents(a, &a->nsnap, &err);
			}
			if(a->snap != nil)
				readbuf(r, a->snap, a->nsnap);
		}
	unlockfs();
	respond(r, err);
}

static void
fswrite(Req *r)
{
	Faux *a;
	char *err;

	a = r->fid->aux;
	lockfs();
	if(a->s != nil && a->s->closed)
		err = Enosession;
	else if(a->file == Qprompt){
		err = writeprompt(r, a->s);
		if(err == nil){
			unlockfs();
			respond(r, nil);
			return;
		}
	}else
		err = writectl(r, a);
	unlockfs();
	if(err != nil)
		respond(r, err);
}

static void
fsstat(Req *r)
{
	Faux *a;

	a = r->fid->aux;
	lockfs();
	if(a->s != nil && a->s->closed){
		unlockfs();
		respond(r, Enosession);
		return;
	}
	filedir(&r->d, a->file, a->s);
	unlockfs();
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
	lockfs();
	if(old->ifcall.type == Tread && old->fid != nil){
		a = old->fid->aux;
		if(a->s != nil)
			for(l = &a->s->wait; (w = *l) != nil; l = &w->next)
				if(w->r == old){
					*l = w->next;
					answer(w, Eintr);
					break;
				}
	}else if(fs.load != nil && fs.load->r == old)
		abandon();
	unlockfs();
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
	lockfs();
	if(a->more && a->err[0] == 0 && a->pending.n > 0 && !(a->s != nil && a->s->closed)){
		add(&a->pending, "", 1);
		text = a->pending.s;
		memset(&a->pending, 0, sizeof a->pending);
		start(nil, a->s, text);
	}
	dropaux(a);
	unlockfs();
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
		if(integer(EARGF(usage()), 1024, &n) < 0 || n == 0)
			sysfatal("-j: %s", Ebadvalue);
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

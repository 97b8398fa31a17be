#include <u.h>
#include <libc.h>
#include <ureg.h>
#include <tos.h>

/*
 * What the kernel owes a program, a test each: kern name [arg ...] says ok, or
 * ends with a status that says what was wrong.  kern all does those that
 * need nothing from outside, each in a process of its own.
 */
int	fpkeep(double *in, double *out, long loops);
extern	Tos	*_tos;

static char	*self;	/* argv[0] */
static int	bss[3000];
static int	data[] = { 1, 2, 3 };

#define	must(x)	if(x){}else fail("line %d: %r", __LINE__)

static void
fail(char *fmt, ...)
{
	char buf[ERRMAX];
	va_list args;

	va_start(args, fmt);
	vseprint(buf, buf+sizeof buf, fmt, args);
	va_end(args);
	exits(buf);
}

/* a child that does f and ends; its exit status is wanted to be s, or end so */
static void
child(void (*f)(void), char *s)
{
	Waitmsg *w;
	char *p;
	int pid;

	pid = fork();
	must(pid >= 0);
	if(pid == 0){
		f();
		exits(nil);
	}
	w = wait();
	must(w != nil);
	if(w->pid != pid)
		fail("waited for %d, got %d", pid, w->pid);
	p = w->msg;
	if(*s == 0? *p != 0: strstr(p, s) == nil)
		fail("a child's status: %q, not %q", p, s);
	free(w);
}

static void
startup(void)
{
	int i;

	for(i = 0; i < nelem(bss); i++)
		if(bss[i] != 0)
			fail("bss[%d] is %d", i, bss[i]);
	if(data[0] != 1 || data[2] != 3)
		fail("data");
	if(((uintptr)_tos & 7) != 0 || _tos->pid != getpid() || getpid() <= 0)
		fail("Tos at %p, pid %lud", _tos, _tos->pid);
	if(_tos->prof.pp != nil)
		fail("prof");
}

static void
setstatus(void)
{
	exits("a status of its own");
}

static void
longstatus(void)
{
	char buf[200];

	memset(buf, 'x', sizeof buf-1);
	buf[sizeof buf-1] = 0;
	exits(buf);
}

static void
waits(void)
{
	char *argv[] = { "a b", "argv", "it's", "", "β", nil };
	int fd[2], pid;
	char buf[256];
	long n, have;

	child(setstatus, "kern ");
	child(setstatus, ": a status of its own");
	child(longstatus, "xxxx");
	if(await(buf, sizeof buf) >= 0)
		fail("await without a child");
	must(pipe(fd) >= 0);
	pid = fork();
	must(pid >= 0);
	if(pid == 0){
		dup(fd[1], 1);
		close(fd[0]);
		close(fd[1]);
		argv[0] = self;
		exec(self, argv);
		fail("exec: %r");
	}
	close(fd[1]);
	for(have = 0; (n = read(fd[0], buf+have, sizeof buf-have)) > 0; have += n)
		;
	buf[have] = 0;
	if(strcmp(buf, "argv 'it''s' '' β\n") != 0)
		fail("%q", buf);
	must(waitpid() == pid);
	if(exec("/no/such/program", argv) != -1)
		fail("exec of nothing");
	if(exec("/lib/namespace", argv) != -1)
		fail("exec of no program");
}

static int	shared;

static void
cow(void)
{
	int pid, onstack;
	static int page[8192];

	onstack = 1;
	shared = 1;
	page[5000] = 7;
	pid = fork();
	must(pid >= 0);
	if(pid == 0){
		onstack = 2;
		shared = 2;
		page[5000] = 8;
		exits(page[5000] == 8 && shared == 2 && onstack == 2? nil: "the child's own");
	}
	must(waitpid() == pid);
	if(shared != 1 || onstack != 1 || page[5000] != 7)
		fail("a child's writes are seen");
	pid = rfork(RFPROC|RFMEM|RFFDG);
	must(pid >= 0);
	if(pid == 0){
		onstack = 3;
		shared = 3;
		page[5000] = 9;
		sbrk(100);
		if(_tos->pid != getpid() || onstack != 3)
			fail("Tos");
		exits(nil);
	}
	must(waitpid() == pid);
	if(shared != 3 || page[5000] != 9)
		fail("with RFMEM they are not");
	if(onstack != 1)
		fail("the stack is shared");
	if(_tos->pid != getpid() || getpid() == pid)
		fail("Tos of the parent");
}

static void
memory(void)
{
	char *p, *q;
	ulong i;

	p = sbrk(0);
	must(p != (void*)-1);
	q = sbrk(3*1024*1024);
	must(q != (void*)-1);
	for(i = 0; i < 3*1024*1024; i += 4096){
		if(q[i] != 0)
			fail("not zero at %lud", i);
		q[i] = i>>12;
	}
	for(i = 0; i < 3*1024*1024; i += 4096)
		if(q[i] != (char)(i>>12))
			fail("lost at %lud", i);
	must(brk(p+4096) >= 0);
	must(brk(p+3*1024*1024) >= 0);
	for(i = 3*4096; i < 3*1024*1024; i += 4096)
		if(p[i] != 0)
			fail("freed memory comes back with what it had, at %lud", i);
	if(brk((void*)0xFFFFF000) >= 0 && sizeof(void*) == 4)
		fail("brk over the stack");
	/* system calls see memory that nothing has touched yet */
	p = sbrk(8192);
	must(p != (void*)-1);
	must(errstr(p+4000, 128) >= 0);
}

static int
deep(int n, int *up)
{
	int a[256], i;

	for(i = 0; i < nelem(a); i++)
		a[i] = n;
	if(n > 0 && deep(n-1, a) != n-1)
		return -1;
	for(i = 0; i < nelem(a); i++)
		if(a[i] != n)
			return -1;
	return up[0] >= n? n: -1;
}

static void
stack(void)
{
	int n;

	n = 9000;
	if(deep(8000, &n) != 8000)
		fail("the stack lost something");
}

static jmp_buf	env;
static volatile int	notes;
static char	got[ERRMAX];
static volatile uintptr	gotpc, gotsp;

static void
keep(void *v, char *s)
{
	struct Ureg *u;

	u = v;
	notes++;
	strecpy(got, got+sizeof got, s);
	gotpc = u->pc;
	gotsp = u->sp;
}

static void
goon(void *v, char *s)
{
	keep(v, s);
	noted(NCONT);
}

static void
jump(void *v, char *s)
{
	keep(v, s);
	notejmp(v, env, 7);
}

static void
dflt(void *v, char *s)
{
	keep(v, s);
	noted(NDFLT);
}

static void
send(char *s)
{
	must(postnote(PNPROC, getpid(), s) >= 0);
}

static void
undone(void)
{
	notify(dflt);
	send("unwanted");
	sleep(1000);
}

static void
nohandler(void)
{
	send("hangup");
	sleep(1000);
}

static void
notesof(void)
{
	volatile int keepme;
	int i, r;

	keepme = 5;
	must(notify(goon) >= 0);
	for(i = 1; i <= 5; i++){
		send("a note");
		sleep(0);
		if(notes != i || strcmp(got, "a note") != 0)
			fail("notes %d %q", notes, got);
	}
	notes = 0;
	must(notify(jump) >= 0);
	r = setjmp(env);
	if(r == 0){
		send("jump");
		for(;;)
			sleep(100);
	}
	if(r != 7 || keepme != 5 || notes != 1)
		fail("notejmp: %d", r);
	/* and once more, out of a loop that makes no system call */
	notes = 0;
	if(setjmp(env) == 0){
		alarm(50);
		while(keepme == 5)
			;
	}
	if(notes != 1 || strcmp(got, "alarm") != 0)
		fail("alarm in a loop: %q", got);
	notify(nil);
	child(undone, "unwanted");
	child(nohandler, "hangup");
}

static void
alarms(void)
{
	vlong t;
	long left;

	must(notify(goon) >= 0);
	t = nsec();
	alarm(30);
	if(sleep(5000) >= 0)
		fail("an alarm does not end a sleep");
	if(notes != 1 || strcmp(got, "alarm") != 0)
		fail("%d notes, %q", notes, got);
	t = nsec()-t;
	if(t < 20000000LL || t > 4000000000LL)
		fail("after %lld ns", t);
	alarm(10000);
	left = alarm(0);
	if(left <= 0 || left > 10000)
		fail("%ld ms were left", left);
	sleep(20);
	if(notes != 1)
		fail("an alarm that was taken back");
}

static int*volatile	nowhere;
static volatile int	zero;

static void
readnil(void)
{
	zero = *nowhere;
}

static void
writenil(void)
{
	*nowhere = 1;
}

static void
writetext(void)
{
	*(uchar*)readnil = 0xC3;
}

static void
divide(void)
{
	zero = 100/zero;
}

static void
callnil(void)
{
	((void (*)(void))nowhere)();
}

static int
forever(int n)
{
	int a[1000];

	a[n%1000] = n;
	if(n < 0)
		return 0;
	return forever(n+1) + a[zero];
}

static void
overflow(void)
{
	forever(0);
}

static void
badpointer(void)
{
	char buf[ERRMAX];

	if(write(1, nowhere, 5) >= 0)
		fail("a write from nowhere");
	rerrstr(buf, sizeof buf);
	fail("survived: %s", buf);
}

static void
caught(void (*f)(void), char *note)
{
	char buf[64];

	notes = 0;
	must(notify(jump) >= 0);
	if(setjmp(env) == 0){
		f();
		fail("nothing came of it: %s", note);
	}
	if(notes != 1 || strstr(got, note) == nil)
		fail("%q, not %q", got, note);
	if(strstr(got, "pc=") != nil){
		snprint(buf, sizeof buf, "pc=%#p", (void*)gotpc);
		if(strstr(got, buf) == nil)
			fail("%q, and its Ureg says %s", got, buf);
	}
	if(gotsp == 0)
		fail("no sp in the Ureg");
	notify(nil);
}

static void
faults(void)
{
	caught(readnil, "sys: trap: fault read addr=0x0 pc=");
	caught(writenil, "sys: trap: fault write addr=0x0 pc=");
	caught(writetext, "sys: trap: fault write addr=");
	caught(callnil, "sys: trap: fault");
	caught(divide, "sys: trap: divide error");
	caught(badpointer, "sys: bad address in syscall pc=");
	child(readnil, "sys: trap: fault read addr=0x0 pc=");
	child(writenil, "sys: trap: fault write addr=0x0 pc=");
	child(divide, "sys: trap: divide error");
	child(overflow, "sys: trap: ");
}

static void
segments(void)
{
	long *p, *q;
	int pid;

	p = segattach(0, "shared", nil, 10000);
	must(p != (void*)-1);
	q = segattach(0, "memory", nil, 10000);
	must(q != (void*)-1);
	if(p == q)
		fail("two segments at one place");
	if(p[0] != 0 || p[2499] != 0 || q[0] != 0)
		fail("not zero");
	p[0] = 1;
	q[0] = 1;
	pid = fork();
	must(pid >= 0);
	if(pid == 0){
		p[0] = 2;
		p[2499] = 3;
		q[0] = 2;
		exits(nil);
	}
	must(waitpid() == pid);
	if(p[0] != 2 || p[2499] != 3)
		fail("shared is not shared");
	if(q[0] != 1)
		fail("memory is shared");
	must(segfree(p, 4096) >= 0);
	if(p[0] != 0)
		fail("freed, but not zero");
	must(segdetach(p) >= 0);
	if(segdetach(p) >= 0)
		fail("detached twice");
	notes = 0;
	notify(jump);
	if(setjmp(env) == 0){
		p[0] = 1;
		fail("there is something where a segment was");
	}
	notify(nil);
	if(strstr(got, "fault write") == nil)
		fail("%q", got);
	if(segattach(0, "nonsense", nil, 4096) != (void*)-1)
		fail("a class of no name");
	if(segattach(0, "shared", (void*)0x1000, 4096) != (void*)-1)
		fail("over the text");
}

static void
readonly(void)
{
	long *q;

	q = segattach(SG_RONLY, "memory", nil, 4096);
	must(q != (void*)-1);
	notify(jump);
	if(setjmp(env) == 0){
		q[0] = 1;
		fail("a read only segment was written");
	}
	if(strstr(got, "fault write") == nil)
		fail("%q", got);
}

static long	sem, turns;

static void
semaphores(void)
{
	vlong t;
	int i, pid;

	sem = 2;
	must(semacquire(&sem, 1) == 1 && semacquire(&sem, 1) == 1);
	if(sem != 0 || semacquire(&sem, 0) != 0)
		fail("one that cannot be had");
	must(semrelease(&sem, 3) == 3);
	must(semacquire(&sem, 0) == 1);
	sem = 0;
	t = nsec();
	if(tsemacquire(&sem, 30) != 0)
		fail("tsemacquire");
	if(nsec()-t < 20000000LL)
		fail("tsemacquire was early");
	pid = rfork(RFPROC|RFMEM);
	must(pid >= 0);
	if(pid == 0){
		for(i = 0; i < 100; i++){
			while(semacquire(&sem, 1) < 0)
				;
			turns++;
		}
		exits(nil);
	}
	for(i = 0; i < 100; i++){
		semrelease(&sem, 1);
		if(i%10 == 0)
			sleep(0);
	}
	must(waitpid() == pid);
	if(turns != 100 || sem != 0)
		fail("%ld turns, %ld left", turns, sem);
	/* a note breaks it off */
	notify(goon);
	alarm(20);
	if(semacquire(&sem, 1) >= 0)
		fail("got what nobody gave");
	notify(nil);
}

static void
meetings(void)
{
	void *v;
	int i, pid;

	pid = rfork(RFPROC|RFMEM);
	must(pid >= 0);
	if(pid == 0){
		for(i = 0; i < 50; i++)
			if(rendezvous(&sem, (void*)(uintptr)(1000+i)) != (void*)(uintptr)i)
				fail("the child's %d", i);
		exits(nil);
	}
	for(i = 0; i < 50; i++){
		v = rendezvous(&sem, (void*)(uintptr)i);
		if(v != (void*)(uintptr)(1000+i))
			fail("%d: %p", i, v);
	}
	must(waitpid() == pid);
	notify(goon);
	alarm(20);
	if(rendezvous(&turns, nil) != (void*)~(uintptr)0)
		fail("a note does not break a rendezvous");
	notify(nil);
}

static QLock	ql;
static Rendez	rz;
static RWLock	rw;
static int	count, queue;

static void
locks(void)
{
	int i, j, n, x;

	n = 4;
	rz.l = &ql;
	for(i = 0; i < n; i++){
		switch(rfork(RFPROC|RFMEM)){
		case -1:
			fail("rfork: %r");
		case 0:
			for(j = 0; j < 200; j++){
				qlock(&ql);
				x = count;
				if(j%20 == 0)
					sleep(0);
				count = x+1;
				queue++;
				rwakeup(&rz);
				qunlock(&ql);
				wlock(&rw);
				x = turns;
				if(j%20 == 0)
					sleep(0);
				turns = x+1;
				wunlock(&rw);
				rlock(&rw);
				if(turns < 1)
					fail("rlock");
				runlock(&rw);
			}
			exits(nil);
		}
	}
	qlock(&ql);
	for(i = 0; i < 200*n; i++){
		while(queue == 0)
			rsleep(&rz);
		queue--;
	}
	qunlock(&ql);
	for(i = 0; i < n; i++)
		must(waitpid() > 0);
	if(count != 200*n || turns != 200*n)
		fail("count %d, turns %ld", count, turns);
}

static double	state[24], after[24];

static void
compute(void *v, char *s)
{
	double x;
	int i;

	USED(v);
	keep(v, s);
	x = notes;
	for(i = 1; i < 20; i++)
		x = x*1.5 + 1./i;
	if(x < 0)
		strcpy(got, "?");
	if(notes < 5)
		alarm(15);
	noted(NCONT);
}

static void
fpstate(int n, long loops, int times)
{
	double in[24], out[24];
	int i, k;

	for(k = 0; k < times; k++){
		for(i = 0; i < nelem(in); i++)
			in[i] = n*1000 + k + i/8.;
		memset(out, 0, sizeof out);
		fpkeep(in, out, loops);
		for(i = 0; i < nelem(in); i++)
			if(in[i] != out[i])
				fail("process %d: register %d had %g, has %g", n, i, in[i], out[i]);
	}
}

static void
fp(void)
{
	Waitmsg *w;
	ulong fcr;
	int i;

	fcr = getfcr();
	if((fcr & (FPINVAL|FPZDIV|FPOVFL)) == 0)
		fail("fcr %#lux", fcr);
	for(i = 0; i < 3; i++)
		if(fork() == 0){
			/* each its own */
			setfcr(getfcr() & ~(FPINVAL|FPZDIV|FPOVFL) | i<<10);
			fcr = getfcr();
			fpstate(i, 3000000, 20);
			if(getfcr() != fcr)
				fail("fcr was %#lux, is %#lux", fcr, getfcr());
			exits(nil);
		}
	fpstate(9, 1000000, 20);
	for(i = 0; i < 3; i++){
		w = wait();
		must(w != nil);
		if(w->msg[0] != 0)
			fail("%s", w->msg);
		free(w);
	}
	if(getfcr() != fcr)
		fail("fcr was %#lux, is %#lux", fcr, getfcr());
}

/* a handler's own arithmetic does not touch what it interrupted */
static void
fpnote(void)
{
	int i;

	notify(compute);
	alarm(15);
	for(i = 0; notes < 5 && i < 200; i++)
		fpstate(1, 3000000, 1);
	if(notes < 5)
		fail("%d notes", notes);
	USED(state, after);
}

static void
files(void)
{
	char buf[64];
	Dir *d;
	int fd, n;
	long i;

	fd = create("/tmp/kern.test", ORDWR|ORCLOSE, 0600);
	must(fd >= 0);
	must(write(fd, "hello", 5) == 5);
	must(seek(fd, 0, 1) == 5);
	must(pread(fd, buf, 3, 1LL) == 3);
	if(memcmp(buf, "ell", 3) != 0)
		fail("pread");
	must(pwrite(fd, "J", 1, 0LL) == 1);
	must(seek(fd, 1LL<<32, 0) == 1LL<<32);
	must(read(fd, buf, sizeof buf) == 0);
	must(seek(fd, 0, 0) == 0);
	must(read(fd, buf, sizeof buf) == 5);
	if(memcmp(buf, "Jello", 5) != 0)
		fail("read");
	must(fd2path(fd, buf, sizeof buf) >= 0);
	if(strcmp(buf, "/tmp/kern.test") != 0)
		fail("fd2path: %s", buf);
	d = dirfstat(fd);
	must(d != nil);
	if(d->length != 5 || strcmp(d->name, "kern.test") != 0 || (d->mode&0777) != 0600)
		fail("stat: %s %lld %lo", d->name, d->length, d->mode);
	nulldir(d);
	d->mode = 0644;
	must(dirfwstat(fd, d) >= 0);
	free(d);
	d = dirstat("/tmp/kern.test");
	must(d != nil && (d->mode&0777) == 0644);
	free(d);
	close(fd);
	if(open("/tmp/kern.test", OREAD) >= 0)
		fail("ORCLOSE");
	rerrstr(buf, sizeof buf);
	if(strstr(buf, "does not exist") == nil && strstr(buf, "not found") == nil)
		fail("%s", buf);
	fd = open("/lib", OREAD);
	must(fd >= 0);
	n = 0;
	while((i = dirread(fd, &d)) > 0){
		while(--i >= 0)
			if(strcmp(d[i].name, "namespace") == 0)
				n++;
		free(d);
	}
	close(fd);
	if(n != 1)
		fail("%d of /lib/namespace", n);
	must(chdir("/lib") >= 0);
	if(getwd(buf, sizeof buf) == nil || strcmp(buf, "/lib") != 0)
		fail("getwd");
	must(access("namespace", AREAD) >= 0);
	must(putenv("kern", "a value") >= 0);
	if(strcmp(getenv("kern"), "a value") != 0)
		fail("getenv");
}

static void
names(void)
{
	int fd[2], pid;
	char buf[16];

	must(rfork(RFNAMEG) >= 0);
	must(bind("/lib", "/mnt", MREPL) >= 0);
	must(access("/mnt/namespace", AREAD) >= 0);
	must(unmount(nil, "/mnt") >= 0);
	if(access("/mnt/namespace", AREAD) >= 0)
		fail("still bound");
	/* closed at exec, and not shared with RFFDG */
	must(pipe(fd) >= 0);
	pid = fork();
	must(pid >= 0);
	if(pid == 0){
		close(fd[0]);
		close(fd[1]);
		exits(nil);
	}
	must(waitpid() == pid);
	must(write(fd[0], "x", 1) == 1);
	must(read(fd[1], buf, sizeof buf) == 1);
	must(dup(fd[0], 20) == 20);
	close(fd[0]);
	must(write(20, "y", 1) == 1);
	must(read(fd[1], buf, sizeof buf) == 1);
	close(20);
	must(read(fd[1], buf, sizeof buf) == 0);
}

static void
privates(void)
{
	void **p;
	int pid;

	p = privalloc();
	if(p == nil)
		fail("privalloc");
	*p = "parent";
	pid = rfork(RFPROC|RFMEM);
	must(pid >= 0);
	if(pid == 0){
		*p = "child";
		sleep(10);
		if(strcmp(*p, "child") != 0)
			fail("not its own");
		exits(nil);
	}
	sleep(5);
	if(strcmp(*p, "parent") != 0)
		fail("not its own");
	must(waitpid() == pid);
}

static int	atend;

static void
ended(void)
{
	atend++;
	print("ended %d\n", atend);
}

static void
libc(void)
{
	vlong t;
	char *p;
	int i;

	/* 64 bits on a machine of 32 */
	t = 123456789012345LL;
	for(i = 1; i < 40; i++)
		if(t/(1LL<<i|1)*(1LL<<i|1) + t%(1LL<<i|1) != t)
			fail("division by %lld", 1LL<<i|1);
	p = smprint("%lld %g %s", -t/1000, 1.5, "β");
	if(strcmp(p, "-123456789012 1.5 β") != 0)
		fail("%s", p);
	free(p);
	for(i = 0; i < 2000; i++){
		p = malloc(i*7%5000);
		must(p != nil);
		memset(p, i, i*7%5000);
		if(i%3 != 0)
			free(p);
	}
	t = nsec();
	sleep(20);
	t = nsec()-t;
	if(t < 15000000LL || t > 5000000000LL)
		fail("a sleep of %lld ns", t);
	memmove(p = strdup("abcdefghijklmnopqrstuvwxyz"), "0123456789", 10);
	memmove(p+3, p, 15);
	if(strcmp(p, "0120123456789klmnostuvwxyz") != 0)
		fail("memmove: %s", p);
	memmove(p, p+1, 13);
	if(strcmp(p, "120123456789kklmnostuvwxyz") != 0)
		fail("memmove: %s", p);
	if(!atexit(ended))
		fail("atexit");
}

static void
spin(void)
{
	for(;;)
		zero++;
}

typedef struct Test	Test;
static struct Test
{
	char	*name;
	void	(*f)(void);
	int	apart;	/* not one of all */
} tests[] =
{
	"startup",	startup,	0,
	"wait",	waits,	0,
	"fork",	cow,	0,
	"brk",	memory,	0,
	"stack",	stack,	0,
	"note",	notesof,	0,
	"alarm",	alarms,	0,
	"fault",	faults,	0,
	"segment",	segments,	0,
	"readonly",	readonly,	0,
	"sem",	semaphores,	0,
	"rendezvous",	meetings,	0,
	"lock",	locks,	0,
	"fp",	fp,	0,
	"fpnote",	fpnote,	0,
	"file",	files,	0,
	"name",	names,	0,
	"private",	privates,	0,
	"libc",	libc,	0,
	"spin",	spin,	1,
	"readnil",	readnil,	1,
	"writenil",	writenil,	1,
	"divide",	divide,	1,
	"overflow",	overflow,	1,
};

void
main(int argc, char *argv[])
{
	Waitmsg *w;
	int i, bad;

	self = argv[0];
	if(argc < 2)
		sysfatal("usage: kern name [arg ...]");
	if(strcmp(argv[1], "argv") == 0){
		quotefmtinstall();
		print("argv");
		for(i = 2; i < argc; i++)
			print(" %q", argv[i]);
		print("\n");
		exits(nil);
	}
	bad = 0;
	for(i = 0; i < nelem(tests); i++){
		if(strcmp(argv[1], tests[i].name) == 0){
			quotefmtinstall();
			tests[i].f();
			print("ok %s\n", tests[i].name);
			exits(nil);
		}
		if(strcmp(argv[1], "all") == 0 && !tests[i].apart){
			if(fork() == 0){
				execl(self, self, tests[i].name, nil);
				fail("exec: %r");
			}
			w = wait();
			if(w == nil || w->msg[0] != 0){
				bad++;
				print("bad %s: %s\n", tests[i].name, w != nil? w->msg: "?");
			}
			free(w);
		}
	}
	if(strcmp(argv[1], "all") != 0)
		sysfatal("no such test: %s", argv[1]);
	exits(bad? "bad": nil);
}

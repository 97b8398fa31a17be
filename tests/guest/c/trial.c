#include <u.h>
#include <libc.h>
#include <ureg.h>

/* the kernel under 386 programs, tried: each name is a trial, which says what went wrong, and exits */

#ifdef __i386__

enum
{
	Nfar	= 40,
	Far	= 64*1024,
};

/* each in another piece of the file */
static char	far[Nfar][Far] = { [0 ... Nfar-1] = "/dev/null" };
static int	nnotes;
static jmp_buf	env;
static char	*self;

static void
bad(char *fmt, ...)
{
	char buf[256];
	va_list arg;

	va_start(arg, fmt);
	vseprint(buf, buf+sizeof buf, fmt, arg);
	va_end(arg);
	fprint(1, "%s\n", buf);
	exits("bad");
}

static int
interrupted(void)
{
	char err[ERRMAX];

	rerrstr(err, sizeof err);
	return strcmp(err, "interrupted") == 0;
}

static void
count(void *v, char *s)
{
	USED(v, s);
	nnotes++;
	noted(NCONT);
}

static void
jump(void *v, char *s)
{
	USED(s);
	nnotes++;
	notejmp(v, env, 1);
}

/* a child that posts notes to its parent until that ends it */
static int
rain(int ms)
{
	char name[32];
	int fd, pid, ppid;

	ppid = getpid();
	pid = fork();
	if(pid == 0){
		notify(nil);
		snprint(name, sizeof name, "/proc/%d/note", ppid);
		fd = open(name, OWRITE);
		if(fd < 0)
			_exits("note");
		for(;;){
			write(fd, "rain", 4);
			sleep(ms);
		}
	}
	return pid;
}

static void
finish(int pid)
{
	char name[32];
	int fd, p;

	snprint(name, sizeof name, "/proc/%d/ctl", pid);
	fd = open(name, OWRITE);
	while(write(fd, "kill", 4) < 0 && interrupted())
		;
	close(fd);
	while((p = waitpid()) != pid)
		if(p < 0 && !interrupted())
			break;
}

/* system calls whose arguments have to be fetched first, and reads, under notes */
static void
calls(void)
{
	char c;
	int i, n, pid, p[2], fd;

	notify(count);
	if(pipe(p) < 0)
		bad("pipe: %r");
	pid = rain(1);
	for(i = 0; i < Nfar; i++){
		while((fd = open(far[i], OREAD)) < 0)
			if(!interrupted())
				bad("open %d: %r", i);
		if(close(fd) < 0)
			bad("open %d gave %d", i, fd);
	}
	for(i = 0; i < 2000 || nnotes < 100; i++){
		c = i;
		while((n = write(p[0], &c, 1)) < 0 && interrupted())
			;
		if(n != 1)
			bad("write %d: %r", n);
		c = 0;
		while((n = read(p[1], &c, 1)) < 0 && interrupted())
			;
		if(n != 1 || c != (char)i)
			bad("read %d of %d: %r", n, i);
	}
	finish(pid);
}

/* reads that nothing ends but one note, which comes when it will */
static void
blocked(void)
{
	static long go;
	char c, name[32];
	int fd, pid, p[2];
	volatile int i;

	if(pipe(p) < 0)
		bad("pipe: %r");
	snprint(name, sizeof name, "/proc/%d/note", getpid());
	pid = rfork(RFPROC|RFMEM|RFFDG);
	if(pid == 0){
		fd = open(name, OWRITE);
		while(semacquire(&go, 1) == 1)
			write(fd, "go on", 5);
		_exits(nil);
	}
	notify(jump);
	for(i = 0; i < 2000; i++)
		if(setjmp(env) == 0){
			semrelease(&go, 1);
			if(i%2 == 0)
				for(c = 0; c < i%100; c++)
					;
			read(p[0], &c, 1);
			bad("read: %r");
		}
	finish(pid);
	if(nnotes != 2000)
		bad("%d notes", nnotes);
}

/* forks that notes jump away from */
static void
forks(void)
{
	int pid;
	volatile int i, n;

	n = 0;
	i = 0;
	notify(jump);
	pid = rain(0);
	setjmp(env);
	while(i++ < 500){
		if(fork() == 0)
			_exits(nil);
		n++;
	}
	notify(count);
	finish(pid);
	while(waitpid() >= 0 || interrupted())
		;
	if(nnotes == 0)
		bad("no notes");
}

static void
execer(void *v, char *s)
{
	USED(v, s);
	execl(self, self, "alarms", nil);
	bad("exec: %r");
}

/* alarms in a computation, in a read, and the handler as it was found */
static void
alarms(void)
{
	char c;
	int p[2];

	notify(count);
	alarm(20);
	while(*(volatile int*)&nnotes == 0)
		;
	if(pipe(p) < 0)
		bad("pipe: %r");
	alarm(20);
	if(read(p[0], &c, 1) >= 0 || !interrupted())
		bad("read: %r");
	if(nnotes != 2)
		bad("%d notes", nnotes);
	print("alarms\n");
}

/* a program that a handler executes has notes of its own */
static void
execs(void)
{
	notify(execer);
	alarm(1);
	for(;;)
		;
}

static void
dirty(void *v, char *s)
{
	static const float junk[4] = { 9, 9, 9, 9 };
	static const ulong mxcsr = 0x1f80;

	USED(v, s);
	nnotes++;
	asm volatile("fninit; fldpi; fldpi; ldmxcsr %1\n\t"
		"movups %0, %%xmm0; movups %0, %%xmm3; movups %0, %%xmm7"
		:: "m"(junk), "m"(mxcsr) : "memory");
	noted(NCONT);
}

/* eight registers of the 387, eight of SSE and both control words, over all that may come between */
static void
state(int id, int loops)
{
	static float x[4], y[8][4];
	static double d[8];
	ulong mxcsr, got;
	ushort cw, gotcw;
	int i, j;

	mxcsr = 0x1f80 | id%4<<13;
	cw = 0x033f | id%4<<10;
	for(i = 0; i < loops; i++){
		for(j = 0; j < 4; j++)
			x[j] = id*1000+i+j;
		for(j = 0; j < 8; j++)
			d[j] = id*1000.5+i*8+j;
		asm volatile(
			"fninit; fldcw %[cw]; ldmxcsr %[mx]\n\t"
			"fldl %[d]; fldl 8+%[d]; fldl 16+%[d]; fldl 24+%[d]; fldl 32+%[d]; fldl 40+%[d]; fldl 48+%[d]; fldl 56+%[d]\n\t"
			"movups %[x], %%xmm0; movaps %%xmm0, %%xmm1; addps %%xmm0, %%xmm1; movaps %%xmm1, %%xmm2; addps %%xmm0, %%xmm2\n\t"
			"movaps %%xmm2, %%xmm3; addps %%xmm0, %%xmm3; movaps %%xmm3, %%xmm4; addps %%xmm0, %%xmm4\n\t"
			"movaps %%xmm4, %%xmm5; addps %%xmm0, %%xmm5; movaps %%xmm5, %%xmm6; addps %%xmm0, %%xmm6\n\t"
			"movaps %%xmm6, %%xmm7; addps %%xmm0, %%xmm7\n\t"
			"movl %[n], %%ecx; 1: decl %%ecx; jnz 1b\n\t"
			"movl $17, %%eax; pushl %[ms]; pushl $0; int $0x40; addl $8, %%esp\n\t"
			"fstpl 56+%[d]; fstpl 48+%[d]; fstpl 40+%[d]; fstpl 32+%[d]; fstpl 24+%[d]; fstpl 16+%[d]; fstpl 8+%[d]; fstpl %[d]\n\t"
			"movups %%xmm0, %[y]; movups %%xmm1, 16+%[y]; movups %%xmm2, 32+%[y]; movups %%xmm3, 48+%[y]\n\t"
			"movups %%xmm4, 64+%[y]; movups %%xmm5, 80+%[y]; movups %%xmm6, 96+%[y]; movups %%xmm7, 112+%[y]\n\t"
			"stmxcsr %[gmx]; fnstcw %[gcw]; fninit"
			: [d]"+m"(d), [y]"=m"(y), [gmx]"=m"(got), [gcw]"=m"(gotcw)
			: [x]"m"(x), [mx]"m"(mxcsr), [cw]"m"(cw), [n]"r"(i%3 == 0? 200000: 1000), [ms]"r"(i%5 == 0)
			: "eax", "ecx", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7");
		if((got&~0x3f) != mxcsr || (gotcw&0xf3f) != (cw&0xf3f))
			bad("%d: mxcsr %lux for %lux, cw %ux for %ux", id, got, mxcsr, gotcw, cw);
		for(j = 0; j < 8; j++)
			if(d[j] != id*1000.5+i*8+j)
				bad("%d: loop %d: st %d is %g", id, i, j, d[j]);
		for(j = 0; j < 8; j++)
			if(y[j][0] != x[0]*(j+1) || y[j][3] != x[3]*(j+1))
				bad("%d: loop %d: xmm%d is %g", id, i, j, y[j][0]);
	}
}

static void
floats(void)
{
	int i, pid, kid, p;
	Waitmsg *w;

	for(i = 0; i < 4; i++)
		if(fork() == 0){
			notify(dirty);
			pid = rain(1);
			state(i, 300);
			kid = fork();
			if(kid == 0){
				state(i+1, 100);
				exits(nil);
			}
			state(i, 100);
			while((p = waitpid()) != kid)
				if(p < 0 && !interrupted())
					bad("no child: %r");
			finish(pid);
			if(nnotes == 0)
				bad("no notes");
			exits(nil);
		}
	for(i = 0; i < 4; i++){
		w = wait();
		if(w == nil || w->msg[0] != 0)
			bad("%s", w == nil? "wait": w->msg);
	}
}

/* a handler that spins */
static void
spinner(void *v, char *s)
{
	USED(v, s);
	print("spins\n");
	for(;;)
		;
}

static void
spins(void)
{
	char c;
	int p[2];

	notify(spinner);
	alarm(1);
	pipe(p);
	read(p[0], &c, 1);
}

/* memory comes zeroed again; what is shared is, over fork and exec too */
static void
memory(int stage)
{
	char *p, *q;
	int i;
	ulong *s;

	s = (ulong*)0x70000000;
	if(stage == 1){
		if(s[0] != 1 || s[1024] != 2)
			bad("exec: %lud %lud", s[0], s[1024]);
		print("memory\n");
		return;
	}
	sbrk(-(uintptr)sbrk(0)&4095);
	for(i = 0; i < 3; i++){
		p = sbrk(1<<20);
		for(q = p; q < p+(1<<20); q += 512){
			if(*q != 0)
				bad("brk: %p is %d", q, *q);
			*q = 1;
		}
		if(brk(p) < 0)
			bad("brk: %r");
	}
	if(segattach(0, "shared", s, 8192) != s)
		bad("segattach: %r");
	if(fork() == 0){
		s[0] = 1;
		exits(nil);
	}
	waitpid();
	s[1024] = 2;
	if(s[0] != 1)
		bad("segattach: not shared");
	p = segattach(0, "memory", nil, 3*4096);
	if(p == (void*)-1)
		bad("segattach memory: %r");
	p[0] = p[4096] = p[8192] = 7;
	if(fork() == 0){
		p[4096] = 8;
		exits(nil);
	}
	waitpid();
	if(p[4096] != 7)
		bad("memory is shared");
	if(segfree(p+1, 8191) < 0)
		bad("segfree: %r");
	if(p[0] != 7 || p[4096] != 0 || p[8192] != 7)
		bad("segfree: %d %d %d", p[0], p[4096], p[8192]);
	if(segbrk(p, p+4096*2) == (void*)-1 || segbrk(p, p+3*4096) == (void*)-1)
		bad("segbrk: %r");
	if(p[8192] != 0)
		bad("segbrk: %d", p[8192]);
	if(segdetach(p) < 0)
		bad("segdetach: %r");
	if(segdetach(p) >= 0)
		bad("detached: still there");
	execl(self, self, "memory1", nil);
	bad("exec: %r");
}

typedef ulong Code(ulong);

/* a loop that adds n as often as its argument says */
static void
emit(uchar *p, ulong n)
{
	static uchar code[] = {
		0x8b, 0x4c, 0x24, 4,	/* mov 4(sp), cx */
		0x31, 0xc0,		/* xor ax, ax */
		0x05, 0, 0, 0, 0,	/* add n, ax */
		0x49, 0x75, 0xf8,	/* dec cx; jnz */
		0xc3,
	};

	memmove(p, code, sizeof code);
	memmove(p+7, &n, 4);
}

static void
check(uchar *p, ulong n, ulong times)
{
	ulong got;

	got = ((Code*)p)(times);
	if(got != n*times)
		bad("%lud gave %lud", n*times, got);
}

/* code that is written, written anew, in pages that were others' before, and at the same address in several processes */
static void
codes(void)
{
	uchar *p;
	int i, j, pid[4];
	Waitmsg *w;

	for(i = 0; i < 400; i++){
		p = segattach(0, "memory", nil, 4*4096);
		if(p == (void*)-1)
			bad("segattach: %r");
		for(j = 0; j < 4; j++){
			emit(p+j*4096, i+j);
			check(p+j*4096, i+j, 10000);
		}
		emit(p, i+1000);
		check(p, i+1000, 20000);
		segdetach(p);
	}
	p = segattach(0, "memory", nil, 4096);
	emit(p, 1);
	check(p, 1, 1000000);
	for(i = 0; i < 4; i++)
		if((pid[i] = fork()) == 0){
			for(j = 0; j < 100; j++){
				emit(p, i*1000+j);
				check(p, i*1000+j, 10000);
				sleep(j%10 == 0);
				check(p, i*1000+j, 10000);
			}
			exits(nil);
		}
	for(i = 0; i < 4; i++){
		check(p, 1, 1000000);
		w = wait();
		if(w == nil || w->msg[0] != 0)
			bad("%s", w == nil? "wait": w->msg);
	}
}

/* processes in the same memory, one of which forks and one of which grows it */
static void
threads(void)
{
	enum { N = 4 };
	static volatile long done[N], sum[N];
	static long sem;
	int i, j, pid[N];
	char *p;

	for(i = 0; i < N; i++){
		pid[i] = rfork(RFPROC|RFMEM|RFFDG);
		if(pid[i] == 0){
			for(j = 0; j < 200; j++)
				switch(i){
				case 0:
					if(fork() == 0){
						sum[i] = -1;
						for(p = far[0]; p < far[8]; p += 4096)
							*p = 'x';
						_exits(nil);
					}
					waitpid();
					sum[i]++;
					break;
				case 1:
					p = sbrk(4096);
					*p = 1;
					sum[i]++;
					break;
				default:
					for(p = far[0]; p < far[8]; p += 4096)
						p[i] = j;
					for(p = far[0]; p < far[8]; p += 4096)
						if(p[i] != (char)j)
							_exits("lost");
					sum[i]++;
				}
			done[i] = 1;
			semrelease(&sem, 1);
			_exits(nil);
		}
	}
	for(i = 0; i < N; i++)
		if(semacquire(&sem, 1) != 1)
			bad("semacquire: %r");
	for(i = 0; i < N; i++)
		if(sum[i] != 200 || !done[i])
			bad("%d: %ld", i, sum[i]);
	if(far[0][0] != '/')
		bad("a child's writes are seen");
}

/* semaphores and notes */
static void
sems(void)
{
	long sem;
	int pid;

	notify(count);
	sem = 0;
	if(tsemacquire(&sem, 20) != 0)
		bad("tsemacquire");
	alarm(20);
	if(semacquire(&sem, 1) != -1 || !interrupted() || nnotes != 1)
		bad("semacquire: %d notes: %r", nnotes);
	alarm(20);
	if(tsemacquire(&sem, 100000) != -1 || !interrupted())
		bad("tsemacquire: %r");
	if(semrelease(&sem, 1) != 1 || semacquire(&sem, 1) != 1)
		bad("the note left something: %ld", sem);
	pid = rain(0);
	while(nnotes < 300)
		if(tsemacquire(&sem, 1) == 1)
			bad("acquired");
	finish(pid);
	if(sem != 0)
		bad("sem %ld", sem);
}

static int	order[8], norder;
static ulong	pc;

/* goes on below the note, where another one comes first */
static void
after(struct Ureg *u)
{
	order[norder++] = 2;
	postnote(PNPROC, getpid(), "second");
	order[norder++] = 4;
	u->pc = pc;
	noted(NRSTR);
	bad("NRSTR came back");
}

static void
saver(void *v, char *s)
{
	struct Ureg *u;

	u = v;
	if(strcmp(s, "first") == 0){
		order[norder++] = 1;
		pc = u->pc;
		u->pc = (ulong)after;
		noted(NSAVE);
		bad("NSAVE came back");
	}
	order[norder++] = 3;
	noted(NCONT);
}

static void
saves(void)
{
	int i;

	notify(saver);
	if(postnote(PNPROC, getpid(), "first") < 0)
		bad("postnote: %r");
	order[norder++] = 5;
	for(i = 0; i < 5; i++)
		if(order[i] != i+1)
			bad("%d is %d", i, order[i]);
}

static void
reg(void *v, char *s)
{
	struct Ureg *u;

	u = v;
	if(strncmp(s, "sys: trap: fault read addr=0x10 pc=", 35) != 0)
		bad("note: %s", s);
	if(u->trap != 14 || u->cs != 0x23 || u->ss != 0x1b || u->ds != 0x1b || u->bx != 0x10 || (u->flags&0x200) == 0)
		bad("trap %lux cs %lux ss %lux ds %lux bx %lux flags %lux", u->trap, u->cs, u->ss, u->ds, u->bx, u->flags);
	u->bx = (ulong)&nnotes;
	nnotes = 77;
	noted(NCONT);
}

static void
uregs(void)
{
	ulong x;

	notify(reg);
	asm volatile("movl $0x10, %%ebx; movl (%%ebx), %0" : "=r"(x) :: "ebx", "memory");
	if(x != 77)
		bad("went on with %lud", x);
}

/* big and odd reads, at the edges of pages and segments */
static void
edges(void)
{
	char *p, *e, err[ERRMAX], buf[16], buf2[ERRMAX];
	int fd, n;

	p = sbrk(200*1024);
	fd = create("/tmp/edges", ORDWR, 0666);
	memset(p, 'a', 150001);
	if(pwrite(fd, p, 150001, 0) != 150001)
		bad("pwrite: %r");
	memset(p, 0, 200*1024);
	n = pread(fd, p+4095, 190000, 0);
	if(n != 150001 || p[4094] != 0 || p[4095] != 'a' || p[4095+150000] != 'a' || p[4095+150001] != 0)
		bad("pread %d: %r", n);
	e = sbrk(0);
	if(pread(fd, e-1, 1, 0) != 1)
		bad("the last byte: %r");
	if(write(fd, (char*)0x1000, 32) != 32)
		bad("from text: %r");
	werrstr("one");
	strcpy(buf2, "two");
	errstr(buf2, sizeof buf2);
	rerrstr(err, sizeof err);
	if(strcmp(buf2, "one") != 0 || strcmp(err, "two") != 0)
		bad("errstr: %s %s", buf2, err);
	if(fd2path(fd, buf, 4) != 0 || strcmp(buf, "/tm") != 0)
		bad("fd2path: %s: %r", buf);
	if(fd2path(fd, buf, 0) >= 0)
		bad("fd2path of 0");
	if(fork() == 0)
		exits("a status");
	if((n = await(buf, 6)) != 5 || strlen(buf) != 5)
		bad("await %d", n);
	if(fstat(fd, (uchar*)buf, 1) >= 0 || fstat(fd, (uchar*)buf, 2) != 2)
		bad("fstat");
	close(fd);
	remove("/tmp/edges");
}

static int
deep(int n)
{
	volatile char frame[4000];

	memset((char*)frame, n, sizeof frame);
	if(n == 0)
		return 0;
	return deep(n-1)+1+frame[3999]-(char)n;
}

static void
deeps(void)
{
	if(deep(2600) != 2600)
		bad("deep");
}

void
main(int argc, char *argv[])
{
	static struct { char *name; void (*f)(void); } trial[] = {
		"alarms", alarms,
		"blocked", blocked,
		"calls", calls,
		"codes", codes,
		"deeps", deeps,
		"edges", edges,
		"execs", execs,
		"floats", floats,
		"forks", forks,
		"saves", saves,
		"sems", sems,
		"spins", spins,
		"threads", threads,
		"uregs", uregs,
	};
	int i;

	self = argv[0];
	if(argc == 2){
		if(strncmp(argv[1], "memory", 6) == 0){
			memory(argv[1][6] == '1');
			exits(nil);
		}
		for(i = 0; i < nelem(trial); i++)
			if(strcmp(argv[1], trial[i].name) == 0){
				trial[i].f();
				exits(nil);
			}
	}
	bad("what?");
}
#else
void
main(int argc, char *argv[])
{
	USED(argc, argv);
	exits("for the 386");
}
#endif

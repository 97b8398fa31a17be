/*
 * The C library, ordered as section 2 of the manual is; the page that tells
 * more stands beside each group.
 */
#pragma	lib	"libc.a"
#pragma	src	"/sys/src/libc"

#define	nelem(x)	(sizeof(x)/sizeof((x)[0]))
#define	offsetof(s, m)	(ulong)(&(((s*)0)->m))
#ifndef assert
#define	assert(x)	if(x){}else _assert("x")
#endif

/* memory(2) */
void*	memccpy(void*, void*, int, usize);
void*	memchr(void*, int, usize);
int	memcmp(void*, void*, usize);
void*	memcpy(void*, void*, usize);
void*	memmove(void*, void*, usize);
void*	memset(void*, int, usize);

/* strcat(2) */
char*	strcat(char*, char*);
char*	strncat(char*, char*, long);
int	strcmp(char*, char*);
int	strncmp(char*, char*, long);
int	cistrcmp(char*, char*);
int	cistrncmp(char*, char*, int);
char*	strcpy(char*, char*);
char*	strncpy(char*, char*, long);
char*	strecpy(char*, char*, char*);
long	strlen(char*);
char*	strchr(char*, int);
char*	strrchr(char*, int);
char*	strpbrk(char*, char*);
long	strspn(char*, char*);
long	strcspn(char*, char*);
char*	strtok(char*, char*);
char*	strdup(char*);
char*	strstr(char*, char*);
char*	cistrstr(char*, char*);

/* rune(2) */
enum
{
	UTFmax		= 4,		/* bytes of a rune at most */
	Runesync	= 0x80,		/* a byte below is no part of another rune */
	Runeself	= 0x80,		/* a rune below is its own byte */
	Runeerror	= 0xFFFD,	/* what bytes that are not UTF-8 decode to */
	Runemax		= 0x10FFFF,
	Runemask	= 0x1FFFFF,	/* the bits of a rune */
};

int	runetochar(char*, Rune*);
int	chartorune(Rune*, char*);
int	runelen(long);
int	runenlen(Rune*, int);
int	fullrune(char*, int);
char*	utfecpy(char*, char*, char*);
int	utflen(char*);
int	utfnlen(char*, long);
char*	utfrune(char*, long);
char*	utfrrune(char*, long);
char*	utfutf(char*, char*);

/* runestrcat(2) */
Rune*	runestrcat(Rune*, Rune*);
Rune*	runestrncat(Rune*, Rune*, long);
Rune*	runestrchr(Rune*, Rune);
Rune*	runestrrchr(Rune*, Rune);
int	runestrcmp(Rune*, Rune*);
int	runestrncmp(Rune*, Rune*, long);
Rune*	runestrcpy(Rune*, Rune*);
Rune*	runestrncpy(Rune*, Rune*, long);
Rune*	runestrecpy(Rune*, Rune*, Rune*);
Rune*	runestrdup(Rune*);
long	runestrlen(Rune*);
Rune*	runestrstr(Rune*, Rune*);

/* malloc(2) */
void*	malloc(ulong);
void*	mallocz(ulong, int);
void*	mallocalign(ulong, ulong, long, ulong);
void	free(void*);
void*	realloc(void*, ulong);
void*	calloc(ulong, ulong);
ulong	msize(void*);
void	setmalloctag(void*, uintptr);
uintptr	getmalloctag(void*);
void	setrealloctag(void*, uintptr);
uintptr	getrealloctag(void*);

/* print(2), fmtinstall(2) */
typedef struct Fmt	Fmt;
struct Fmt
{
	uchar	runes;		/* the buffer is of runes, not of bytes */
	void	*start;		/* of the buffer */
	void	*to;		/* where the next goes */
	void	*stop;		/* the buffer's end */
	int	(*flush)(Fmt*);	/* called when it is full: 0 for no more room */
	void	*farg;		/* flush's own */
	int	nfmt;		/* bytes or runes written so far */
	va_list	args;
	int	r;		/* the verb */
	int	width;
	int	prec;
	ulong	flags;
};

enum
{
	FmtWidth	= 1<<0,
	FmtLeft		= 1<<1,
	FmtPrec		= 1<<2,
	FmtSharp	= 1<<3,
	FmtSpace	= 1<<4,
	FmtSign		= 1<<5,
	FmtZero		= 1<<6,
	FmtUnsigned	= 1<<7,
	FmtShort	= 1<<8,
	FmtLong		= 1<<9,
	FmtVLong	= 1<<10,
	FmtComma	= 1<<11,
	FmtByte		= 1<<12,
	FmtFlag		= 1<<13,	/* the first of a verb's own */
};

int	print(char*, ...);
int	fprint(int, char*, ...);
int	sprint(char*, char*, ...);
int	snprint(char*, int, char*, ...);
char*	seprint(char*, char*, char*, ...);
char*	smprint(char*, ...);
int	runesprint(Rune*, char*, ...);
int	runesnprint(Rune*, int, char*, ...);
Rune*	runeseprint(Rune*, Rune*, char*, ...);
Rune*	runesmprint(char*, ...);
int	vfprint(int, char*, va_list);
int	vsnprint(char*, int, char*, va_list);
char*	vseprint(char*, char*, char*, va_list);
char*	vsmprint(char*, va_list);
int	runevsnprint(Rune*, int, char*, va_list);
Rune*	runevseprint(Rune*, Rune*, char*, va_list);
Rune*	runevsmprint(char*, va_list);

int	fmtinstall(int, int (*)(Fmt*));
int	dofmt(Fmt*, char*);
int	dorfmt(Fmt*, Rune*);
int	fmtprint(Fmt*, char*, ...);
int	fmtvprint(Fmt*, char*, va_list);
int	fmtrune(Fmt*, int);
int	fmtstrcpy(Fmt*, char*);
int	fmtrunestrcpy(Fmt*, Rune*);
int	fmtfdinit(Fmt*, int, char*, int);
int	fmtfdflush(Fmt*);
int	fmtstrinit(Fmt*);
char*	fmtstrflush(Fmt*);
int	runefmtstrinit(Fmt*);
Rune*	runefmtstrflush(Fmt*);
int	errfmt(Fmt*);

#pragma	varargck	argpos	print	1
#pragma	varargck	argpos	fprint	2
#pragma	varargck	argpos	sprint	2
#pragma	varargck	argpos	snprint	3
#pragma	varargck	argpos	seprint	3
#pragma	varargck	argpos	smprint	1
#pragma	varargck	argpos	runesprint	2
#pragma	varargck	argpos	runesnprint	3
#pragma	varargck	argpos	runeseprint	3
#pragma	varargck	argpos	runesmprint	1
#pragma	varargck	argpos	fmtprint	2

#pragma	varargck	type	"d"	int
#pragma	varargck	type	"d"	uint
#pragma	varargck	type	"o"	int
#pragma	varargck	type	"o"	uint
#pragma	varargck	type	"b"	int
#pragma	varargck	type	"b"	uint
#pragma	varargck	type	"x"	int
#pragma	varargck	type	"x"	uint
#pragma	varargck	type	"X"	int
#pragma	varargck	type	"X"	uint
#pragma	varargck	type	"ld"	long
#pragma	varargck	type	"ld"	ulong
#pragma	varargck	type	"lo"	long
#pragma	varargck	type	"lo"	ulong
#pragma	varargck	type	"lb"	long
#pragma	varargck	type	"lb"	ulong
#pragma	varargck	type	"lx"	long
#pragma	varargck	type	"lx"	ulong
#pragma	varargck	type	"lX"	long
#pragma	varargck	type	"lX"	ulong
#pragma	varargck	type	"lld"	vlong
#pragma	varargck	type	"lld"	uvlong
#pragma	varargck	type	"llo"	vlong
#pragma	varargck	type	"llo"	uvlong
#pragma	varargck	type	"llb"	vlong
#pragma	varargck	type	"llb"	uvlong
#pragma	varargck	type	"llx"	vlong
#pragma	varargck	type	"llx"	uvlong
#pragma	varargck	type	"llX"	vlong
#pragma	varargck	type	"llX"	uvlong
#pragma	varargck	type	"zd"	intptr
#pragma	varargck	type	"zd"	uintptr
#pragma	varargck	type	"zx"	intptr
#pragma	varargck	type	"zx"	uintptr
#pragma	varargck	type	"f"	double
#pragma	varargck	type	"e"	double
#pragma	varargck	type	"E"	double
#pragma	varargck	type	"g"	double
#pragma	varargck	type	"G"	double
#pragma	varargck	type	"c"	int
#pragma	varargck	type	"c"	uint
#pragma	varargck	type	"C"	int
#pragma	varargck	type	"C"	uint
#pragma	varargck	type	"s"	char*
#pragma	varargck	type	"q"	char*
#pragma	varargck	type	"S"	Rune*
#pragma	varargck	type	"Q"	Rune*
#pragma	varargck	type	"p"	void*
#pragma	varargck	type	"p"	uintptr
#pragma	varargck	type	"r"	void
#pragma	varargck	type	"%"	void
#pragma	varargck	type	"H"	void*
#pragma	varargck	type	"<"	void*
#pragma	varargck	type	"["	void*
#pragma	varargck	flag	','
#pragma	varargck	flag	' '
#pragma	varargck	flag	'h'

/* quote(2) */
char*	quotestrdup(char*);
Rune*	quoterunestrdup(Rune*);
char*	unquotestrdup(char*);
Rune*	unquoterunestrdup(Rune*);
int	quotestrfmt(Fmt*);
int	quoterunestrfmt(Fmt*);
void	quotefmtinstall(void);
int	needsrcquote(int);
extern	int	(*doquote)(int);

/* encode(2) */
int	dec64(uchar*, int, char*, int);
int	enc64(char*, int, uchar*, int);
int	dec32(uchar*, int, char*, int);
int	enc32(char*, int, uchar*, int);
int	dec16(uchar*, int, char*, int);
int	enc16(char*, int, uchar*, int);
int	encodefmt(Fmt*);

/* rand(2) */
void	srand(long);
int	rand(void);
int	nrand(int);
long	lrand(void);
long	lnrand(long);
double	frand(void);
ulong	truerand(void);
ulong	ntruerand(ulong);

/* nan(2), getfcr(2), exp(2), sin(2), floor(2), frexp(2), arith3(2), muldiv(2) */
double	NaN(void);
double	Inf(int);
int	isNaN(double);
int	isInf(double, int);
ulong	getfcr(void);
void	setfcr(ulong);
ulong	getfsr(void);
void	setfsr(ulong);
double	exp(double);
double	log(double);
double	log10(double);
double	pow(double, double);
double	pow10(int);
double	sqrt(double);
double	sin(double);
double	cos(double);
double	tan(double);
double	atan(double);
double	atan2(double, double);
double	fabs(double);
double	floor(double);
double	ceil(double);
double	fmod(double, double);
double	frexp(double, int*);
double	ldexp(double, int);
double	modf(double, double*);
int	abs(int);
long	labs(long);
ulong	umuldiv(ulong, ulong, ulong);
long	muldiv(long, long, long);

#define	HUGE	3.4028234e38
#define	PIO2	1.570796326794896619231e0
#define	PI	(PIO2+PIO2)

/* time(2), cputime(2), ctime(2) */
typedef struct Tzone	Tzone;
#pragma incomplete Tzone

typedef
struct Tm
{
	int	nsec;
	int	sec;		/* 0..60 */
	int	min;		/* 0..59 */
	int	hour;		/* 0..23 */
	int	mday;		/* 1..31 */
	int	mon;		/* 0..11 */
	int	year;		/* since 1900 */
	int	wday;		/* 0..6, from Sunday */
	int	yday;		/* 0..365 */
	char	zone[16];
	int	tzoff;		/* seconds east of GMT */
	Tzone	*tz;
} Tm;

long	time(long*);
vlong	nsec(void);
void	cycles(uvlong*);
double	cputime(void);
long	times(long*);
Tm*	gmtime(long);
Tm*	localtime(long);
char*	asctime(Tm*);
char*	ctime(long);
long	tm2sec(Tm*);

/* atof(2), qsort(2), getfields(2), cleanname(2), ctype(2) */
double	atof(char*);
int	atoi(char*);
long	atol(char*);
vlong	atoll(char*);
double	charstod(int (*)(void*), void*);
double	strtod(char*, char**);
long	strtol(char*, char**, int);
vlong	strtoll(char*, char**, int);
ulong	strtoul(char*, char**, int);
uvlong	strtoull(char*, char**, int);
void	qsort(void*, usize, usize, int (*)(void*, void*));
int	getfields(char*, char**, int, int, char*);
int	gettokens(char*, char**, int, char*);
int	tokenize(char*, char**, int);
char*	cleanname(char*);
int	tolower(int);
int	toupper(int);

/* abort(2), exits(2), atexit(2), setjmp(2), notify(2), perror(2) */
void	_assert(char*);
_Noreturn void	abort(void);
_Noreturn void	exits(char*);
_Noreturn void	_exits(char*);
int	atexit(void (*)(void));
void	atexitdont(void (*)(void));
int	setjmp(jmp_buf);
_Noreturn void	longjmp(jmp_buf, int);
void	notejmp(void*, jmp_buf, int);
int	notify(void (*)(void*, char*));
int	noted(int);
int	atnotify(int (*)(void*, char*), int);
int	errstr(char*, uint);
void	rerrstr(char*, uint);
void	werrstr(char*, ...);
void	perror(char*);
_Noreturn void	sysfatal(char*, ...);
extern	void	(*_sysfatal)(char*, va_list);
void	syslog(int, char*, char*, ...);

#pragma	varargck	argpos	werrstr	1
#pragma	varargck	argpos	sysfatal	1
#pragma	varargck	argpos	syslog	3

enum
{
	NCONT,	/* go on */
	NDFLT,	/* end */
	NSAVE,	/* be ready for another note, and hold the state */
	NRSTR,	/* return to what was held */
};

/* lock(2), semacquire(2), rendezvous(2), privalloc(2) */
typedef
struct Lock
{
	int	val;
} Lock;

typedef struct QLp	QLp;
struct QLp
{
	int	inuse;
	int	state;
	QLp	*next;
};

typedef
struct QLock
{
	Lock	lock;
	int	locked;
	QLp	*head;
	QLp	*tail;
} QLock;

typedef
struct RWLock
{
	Lock	lock;
	int	readers;
	int	writer;
	QLp	*head;
	QLp	*tail;
} RWLock;

typedef
struct Rendez
{
	QLock	*l;
	QLp	*head;
	QLp	*tail;
} Rendez;

int	_tas(int*);
void	lock(Lock*);
int	canlock(Lock*);
void	unlock(Lock*);
void	qlock(QLock*);
int	canqlock(QLock*);
void	qunlock(QLock*);
void	rlock(RWLock*);
int	canrlock(RWLock*);
void	runlock(RWLock*);
void	wlock(RWLock*);
int	canwlock(RWLock*);
void	wunlock(RWLock*);
void	rsleep(Rendez*);	/* with r->l locked, as it is again afterwards */
int	rwakeup(Rendez*);
int	rwakeupall(Rendez*);
void	_qlockinit(void* (*)(void*, void*));	/* libthread's: what stands for rendezvous */
long	ainc(long*);
long	adec(long*);
int	semacquire(long*, int);
int	tsemacquire(long*, ulong);
long	semrelease(long*, long);
void*	rendezvous(void*, void*);
void**	privalloc(void);

/* getenv(2), getpid(2), getuser(2), getwd(2), and the like */
char*	getenv(char*);
int	putenv(char*, char*);
int	getpid(void);
int	getppid(void);
char*	getuser(void);
char*	sysname(void);
char*	getwd(char*, int);
int	iounit(int);
char*	mktemp(char*);
int	postnote(int, int, char*);
void	procsetname(char*, ...);
#ifndef getcallerpc
uintptr	getcallerpc(void*);
#endif

#pragma	varargck	argpos	procsetname	1

enum
{
	PNPROC	= 1,
	PNGROUP	= 2,
};

/* dial(2) */
#define	NETPATHLEN	40
int	dial(char*, char*, char*, int*);
int	announce(char*, char*);
int	listen(char*, char*);
int	accept(int, char*);
int	reject(int, char*, char*);
int	hangup(int);
char*	netmkaddr(char*, char*, char*);
void	setnetmtpt(char*, int, char*);

/* intro(2): the system calls, and stat(2) */
#define	IOUNIT	32768U	/* bytes of a read or write that are surely one 9P message */
#define	STATMAX	65535U	/* bytes of a machine-independent stat at most */
#define	DIRMAX	(sizeof(Dir)+STATMAX)
#define	ERRMAX	128	/* bytes of an error string, its 0 too */

#define	MREPL	0x0000
#define	MBEFORE	0x0001
#define	MAFTER	0x0002
#define	MORDER	0x0003
#define	MCREATE	0x0004
#define	MCACHE	0x0010
#define	MMASK	0x0017

#define	OREAD	0
#define	OWRITE	1
#define	ORDWR	2
#define	OEXEC	3
#define	OTRUNC	16
#define	OCEXEC	32
#define	ORCLOSE	64
#define	OEXCL	0x1000

#define	AEXIST	0
#define	AEXEC	1
#define	AWRITE	2
#define	AREAD	4

#define	SG_RONLY	0040
#define	SG_CEXEC	0100

#define	QTDIR		0x80
#define	QTAPPEND	0x40
#define	QTEXCL		0x20
#define	QTMOUNT		0x10
#define	QTAUTH		0x08
#define	QTTMP		0x04
#define	QTFILE		0x00

#define	DMDIR		0x80000000
#define	DMAPPEND	0x40000000
#define	DMEXCL		0x20000000
#define	DMMOUNT		0x10000000
#define	DMAUTH		0x08000000
#define	DMTMP		0x04000000
#define	DMREAD		0x4
#define	DMWRITE		0x2
#define	DMEXEC		0x1

enum
{
	RFNAMEG		= 1<<0,
	RFENVG		= 1<<1,
	RFFDG		= 1<<2,
	RFNOTEG		= 1<<3,
	RFPROC		= 1<<4,
	RFMEM		= 1<<5,
	RFNOWAIT	= 1<<6,
	RFCNAMEG	= 1<<10,
	RFCENVG		= 1<<11,
	RFCFDG		= 1<<12,
	RFREND		= 1<<13,
	RFNOMNT		= 1<<14,
};

typedef
struct Qid
{
	uvlong	path;
	ulong	vers;
	uchar	type;
} Qid;

typedef
struct Dir
{
	ushort	type;	/* of the server */
	uint	dev;	/* which of that type */
	Qid	qid;
	ulong	mode;
	ulong	atime;
	ulong	mtime;
	vlong	length;
	char	*name;
	char	*uid;
	char	*gid;
	char	*muid;
} Dir;

typedef
struct Waitmsg
{
	int	pid;
	ulong	time[3];	/* ms: user, system, real */
	char	*msg;
} Waitmsg;

typedef
struct IOchunk
{
	void	*addr;
	ulong	len;
} IOchunk;

int	access(char*, int);
long	alarm(ulong);
int	await(char*, int);
int	bind(char*, char*, int);
int	brk(void*);
int	chdir(char*);
int	close(int);
int	create(char*, int, ulong);
int	dup(int, int);
int	exec(char*, char*[]);
int	execl(char*, ...);
int	fauth(int, char*);
int	fd2path(int, char*, int);
int	fork(void);
int	fstat(int, uchar*, int);
int	fversion(int, int, char*, int);
int	fwstat(int, uchar*, int);
int	mount(int, int, char*, int, char*);
int	open(char*, int);
int	pipe(int*);
long	pread(int, void*, long, vlong);
long	preadv(int, IOchunk*, int, vlong);
long	pwrite(int, void*, long, vlong);
long	pwritev(int, IOchunk*, int, vlong);
long	read(int, void*, long);
long	readn(int, void*, long);
long	readv(int, IOchunk*, int);
int	remove(char*);
int	rfork(int);
void*	sbrk(usize);
vlong	seek(int, vlong, int);
void*	segattach(int, char*, void*, ulong);
void*	segbrk(void*, void*);
int	segdetach(void*);
int	segflush(void*, ulong);
int	segfree(void*, ulong);
int	sleep(long);
int	stat(char*, uchar*, int);
int	unmount(char*, char*);
Waitmsg*	wait(void);
int	waitpid(void);
long	write(int, void*, long);
long	writev(int, IOchunk*, int);
int	wstat(char*, uchar*, int);

Dir*	dirstat(char*);
Dir*	dirfstat(int);
int	dirwstat(char*, Dir*);
int	dirfwstat(int, Dir*);
void	nulldir(Dir*);
long	dirread(int, Dir**);
long	dirreadall(int, Dir**);

/* arg(2) */
extern	char	*argv0;
#define	ARGBEGIN	for((argv0||(argv0=*argv)), argv++, argc--;\
				argv[0] && argv[0][0]=='-' && argv[0][1]; argc--, argv++){\
				char *_args, *_argt;\
				Rune _argc;\
				_args = &argv[0][1];\
				if(_args[0]=='-' && _args[1]==0){\
					argc--, argv++;\
					break;\
				}\
				_argc = 0;\
				while(*_args && (_args += chartorune(&_argc, _args)))\
				switch(_argc)
#define	ARGEND		SET(_argt); USED(_argt, _argc, _args);} USED(argv, argc);
#define	ARGF()		(_argt = _args, _args = "",\
				(*_argt? _argt: argv[1]? (argc--, *++argv): 0))
#define	EARGF(x)	(_argt = _args, _args = "",\
				(*_argt? _argt: argv[1]? (argc--, *++argv): ((x), abort(), (char*)0)))
#define	ARGC()		_argc

extern	char	end[];	/* where bss ends */

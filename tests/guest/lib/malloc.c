/* malloc(2) over a sbrk of its own, at random; the seed is the argument */
#define	malloc	tmalloc
#define	mallocz	tmallocz
#define	calloc	tcalloc
#define	realloc	trealloc
#define	free	tfree
#define	msize	tmsize
#define	mallocalign	tmallocalign
#define	setmalloctag	tsetmalloctag
#define	getmalloctag	tgetmalloctag
#define	setrealloctag	tsetrealloctag
#define	getrealloctag	tgetrealloctag
#define	sbrk	tsbrk

#include "../../../plan9/root/sys/src/libc/port/malloc.c"

enum
{
	Room	= 24*1024*1024,
	Npiece	= 500,
};

static uchar	room[Room];
static usize	top;

void*
tsbrk(usize n)
{
	uchar *p;

	top += nrand(3)*8;	/* someone else's */
	if(n > Room - top){
		werrstr("no room");
		return (void*)-1;
	}
	p = room+top;
	top += n;
	return p;
}

static struct
{
	uchar	*p;
	ulong	n;
	uchar	c;
} piece[Npiece];

static void
fill(int i, ulong from)
{
	for(; from < piece[i].n; from++)
		piece[i].p[from] = piece[i].c;
}

static void
check(int i, ulong n)
{
	ulong k;

	for(k = 0; k < n; k++)
		if(piece[i].p[k] != piece[i].c)
			sysfatal("piece %d of %lud is overwritten at %lud", i, piece[i].n, k);
}

static ulong
bytes(void)
{
	return nrand(20) == 0? nrand(200000): nrand(300);
}

void
main(int argc, char *argv[])
{
	uchar *p;
	ulong n, align;
	int i, k, step;

	srand(atoi(argv[argc-1]));
	for(step = 0; step < 30000; step++){
		i = nrand(Npiece);
		n = bytes();
		if(piece[i].p == nil){
			piece[i].c = nrand(256);
			piece[i].n = n;
			align = 16<<nrand(9);
			piece[i].p = nrand(5) == 0? mallocalign(n, align, 0, 0): malloc(n);
			if(piece[i].p == nil)
				sysfatal("no memory for %lud at step %d: %r", n, step);
			if(msize(piece[i].p) < n || ((uintptr)piece[i].p & 15) != 0)
				sysfatal("size or alignment");
			fill(i, 0);
			continue;
		}
		check(i, piece[i].n);
		if(nrand(2)){
			k = piece[i].n < n? piece[i].n: n;
			p = realloc(piece[i].p, n);
			piece[i].p = p;
			if(n == 0)
				continue;
			if(p == nil)
				sysfatal("no memory for %lud at step %d: %r", n, step);
			piece[i].n = n;
			check(i, k);
			fill(i, k);
		}else{
			free(piece[i].p);
			piece[i].p = nil;
		}
	}
	for(i = 0; i < Npiece; i++){
		if(piece[i].p != nil)
			check(i, piece[i].n);
		free(piece[i].p);
	}
	if(malloc(Room) != nil)
		sysfatal("more than there is");
	print("%lud\n", (ulong)top);
	exits(nil);
}

/* Buffered input and output: bio(2). */
#pragma	lib	"libbio.a"
#pragma	src	"/sys/src/libbio"

typedef struct Biobuf	Biobuf;
typedef struct Biobufhdr	Biobufhdr;

enum
{
	Bsize		= IOUNIT,
	Bungetsize	= UTFmax+1,	/* bytes before the buffer, for what is put back */
	Bmagic		= 0x314159,
	Beof		= -1,
	Bbad		= -2,

	Binactive	= 0,
	Bractive,
	Bwactive,
	Bracteof,
};

struct Biobufhdr
{
	int	icount;		/* of a reader: minus the bytes left at ebuf's end */
	int	ocount;		/* of a writer: minus the room left */
	int	rdline;		/* bytes of the last Brdline */
	int	runesize;	/* bytes of the last Bgetrune */
	int	state;
	int	fid;
	int	flag;		/* Bmagic of one that Bterm frees */
	vlong	offset;		/* in the file, of what follows the buffer */
	int	bsize;
	uchar	*bbuf;
	uchar	*ebuf;
	uchar	*gbuf;		/* where what was read begins */
	void	(*errorf)(char*);
	int	(*iof)(Biobufhdr*, void*, long);
	void	*aux;
};

struct Biobuf
{
	Biobufhdr;
	uchar	b[Bungetsize+Bsize];
};

#define	BGETC(bp)	Bgetc(bp)
#define	BPUTC(bp, c)	Bputc(bp, c)
#define	BOFFSET(bp)	Boffset(bp)
#define	BLINELEN(bp)	Blinelen(bp)
#define	BFILDES(bp)	Bfildes(bp)

Biobuf*	Bopen(char*, int);
Biobuf*	Bfdopen(int, int);
int	Binit(Biobuf*, int, int);
int	Binits(Biobufhdr*, int, int, uchar*, int);
int	Bterm(Biobufhdr*);
int	Bflush(Biobufhdr*);
void	Blethal(Biobufhdr*, void (*)(char*));
void	Berror(Biobufhdr*, char*, ...);
void	Biofn(Biobufhdr*, int (*)(Biobufhdr*, void*, long));
int	Bgetc(Biobufhdr*);
int	Bungetc(Biobufhdr*);
long	Bgetrune(Biobufhdr*);
int	Bungetrune(Biobufhdr*);
int	Bgetd(Biobufhdr*, double*);
void*	Brdline(Biobufhdr*, int);
char*	Brdstr(Biobufhdr*, int, int);
int	Blinelen(Biobufhdr*);
long	Bread(Biobufhdr*, void*, long);
vlong	Bseek(Biobufhdr*, vlong, int);
vlong	Boffset(Biobufhdr*);
int	Bfildes(Biobufhdr*);
int	Bbuffered(Biobufhdr*);
int	Bputc(Biobufhdr*, int);
int	Bputrune(Biobufhdr*, long);
long	Bwrite(Biobufhdr*, void*, long);
int	Bprint(Biobufhdr*, char*, ...);
int	Bvprint(Biobufhdr*, char*, va_list);

#pragma	varargck	argpos	Bprint	2
#pragma	varargck	argpos	Berror	2

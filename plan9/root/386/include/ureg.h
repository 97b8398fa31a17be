/* What a note handler gets: the registers, as the kernel saved them. */

struct Ureg
{
	ulong	di;
	ulong	si;
	ulong	bp;
	ulong	nsp;		/* sp in the midst of saving */
	ulong	bx;
	ulong	dx;
	ulong	cx;
	ulong	ax;
	ulong	gs;
	ulong	fs;
	ulong	es;
	ulong	ds;
	ulong	trap;
	ulong	ecode;		/* 0 if the trap has none */
	ulong	pc;
	ulong	cs;
	ulong	flags;
	union {
		ulong	usp;
		ulong	sp;
	};
	ulong	ss;
};

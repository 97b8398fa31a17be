#include <u.h>
#include <libc.h>
#include <bio.h>
#include <fcall.h>

/*
 * What libc.test.ts compares: each line of fd 0 is a question, and gets a
 * line.  glibc.c has glibc's answers to the first four.
 */
static Biobuf	in, out;

static void
ask(char *line)
{
	char *f[64], *e, buf[2048];
	FPdbleword w;
	uvlong v;
	int i, n;

	switch(line[0]){
	case 'f':	/* f format bits */
		n = getfields(line, f, 3, 0, "\t");
		v = strtoull(f[2], nil, 16);
		w.hi = v>>32;
		w.lo = v;
		USED(n);
		Bprint(&out, f[1], w.x);
		break;
	case 'd':	/* d format bits */
		getfields(line, f, 3, 0, "\t");
		Bprint(&out, f[1], strtoull(f[2], nil, 16));
		break;
	case 's':	/* s string */
		w.x = strtod(line+2, &e);
		Bprint(&out, "%.8lux%.8lux %d", (ulong)w.hi, (ulong)w.lo, (int)(e-(line+2)));
		break;
	case 'l':	/* l base string */
		n = strtol(line+2, &e, 10);
		Bprint(&out, "%lld", strtoll(e+1, &f[0], n));
		Bprint(&out, " %d", (int)(f[0]-(e+1)));
		break;
	case 'q':	/* %q of it, and back */
		quotefmtinstall();
		e = smprint("%q", line+2);
		n = tokenize(e, f, 2);
		Bprint(&out, "%q %d %d", line+2, n, n == 1 && strcmp(f[0], line+2) == 0 || line[2] == 0);
		free(e);
		break;
	case 't':	/* tokenize */
		n = tokenize(line+2, f, 5);
		for(i = 0; i < n; i++)
			Bprint(&out, "[%s]", f[i]);
		break;
	case 'g':	/* getfields, adjacent delimiters apart and as one */
	case 'G':
		n = getfields(line+2, f, 4, line[0] == 'G', ",:");
		for(i = 0; i < n; i++)
			Bprint(&out, "[%s]", f[i]);
		break;
	case 'c':
		Bprint(&out, "%s", cleanname(strcpy(buf, line+2)));
		break;
	case 'm':	/* ms: base 64, 32, 16 */
		n = strlen(line+2);
		fmtinstall('[', encodefmt);
		fmtinstall('<', encodefmt);
		fmtinstall('H', encodefmt);
		Bprint(&out, "%.*[ %.*< %.*lH", n, line+2, n, line+2, n, line+2);
		break;
	case 'x':	/* x function bits */
		getfields(line, f, 3, 0, "\t");
		v = strtoull(f[2], nil, 16);
		w.hi = v>>32;
		w.lo = v;
		if(strcmp(f[1], "sqrt") == 0)
			w.x = sqrt(w.x);
		else if(strcmp(f[1], "exp") == 0)
			w.x = exp(w.x);
		else if(strcmp(f[1], "log") == 0)
			w.x = log(w.x);
		else if(strcmp(f[1], "sin") == 0)
			w.x = sin(w.x);
		else if(strcmp(f[1], "atan") == 0)
			w.x = atan(w.x);
		else if(strcmp(f[1], "floor") == 0)
			w.x = floor(w.x);
		Bprint(&out, "%.8lux%.8lux", (ulong)w.hi, (ulong)w.lo);
		break;
	case 'u':	/* hexadecimal bytes: the runes */
		n = dec16((uchar*)buf, sizeof buf-1, line+2, strlen(line+2));
		buf[n] = 0;
		Bprint(&out, "%d", utflen(buf));
		for(e = buf; *e != 0; ){
			Rune r;

			e += chartorune(&r, e);
			Bprint(&out, " %ux", r);
		}
		break;
	case 'v':	/* verbs with arguments of their own */
		Bprint(&out, "%d %ud %#o %#x %#X %b %,d %5d|%-5d|%05d %.3d %+d % d %c %C %s %.2s %5s|%-5s| %S %% %y %hhd %hd %p %#g",
			-1, -1, 8, 255, 255, 5, 1234567, 42, 42, 42, 7, 1, 1, 'a', 0x3B1, "str", "αβγ", "β", "β",
			L"rune", 300, 70000, (void*)0x1234, 999999.5);
		break;
	}
	Bputc(&out, '\n');
}

static void
utf(void)
{
	char s[UTFmax+1];
	Rune r, c;
	int n;

	for(c = 1; c <= Runemax; c++){
		if(c >= 0xD800 && c <= 0xDFFF)
			continue;
		n = runetochar(s, &c);
		s[n] = 0;
		if(n != runelen(c) || !fullrune(s, n) || n > 1 && fullrune(s, n-1)
		|| chartorune(&r, s) != n || r != c || utflen(s) != 1 || utfrune(s, c) != s)
			sysfatal("rune %ux", c);
	}
}

static int
bylong(void *a, void *b)
{
	return *(long*)a < *(long*)b? -1: *(long*)a > *(long*)b;
}

static void
sort(void)
{
	static long a[2000];
	int i, n;

	for(n = 0; n < nelem(a); n = n*3/2+1){
		for(i = 0; i < n; i++)
			a[i] = nrand(n);
		qsort(a, n, sizeof a[0], bylong);
		for(i = 1; i < n; i++)
			if(a[i-1] > a[i])
				sysfatal("not sorted");
	}
}

/* what does not fit is cut between runes, and the end is where it says */
static void
bounds(void)
{
	char buf[8], *p;
	Fmt f;
	int i;

	for(i = 1; i < sizeof buf; i++){
		memset(buf, 'x', sizeof buf);
		p = seprint(buf, buf+i, "%s", "aβγδ");
		if(p >= buf+i || *p != 0 || buf[i] != 'x' || strlen(buf) != p-buf || strncmp(buf, "aβγδ", p-buf) != 0
		|| p != buf && !fullrune(buf, p-buf))
			sysfatal("seprint %d", i);
	}
	if(snprint(buf, sizeof buf, "%d", 12345678) != 7)
		sysfatal("snprint");
	fmtstrinit(&f);
	for(i = 0; i < 1000; i++)
		fmtprint(&f, "%d,", i);
	p = fmtstrflush(&f);
	if(strlen(p) != 3890 || strcmp(p+3886, "999,") != 0)
		sysfatal("fmtstr");
	free(p);
	werrstr("some %s", "error");
	p = smprint("%r");
	if(strcmp(p, "some error") != 0)
		sysfatal("%%r: %s", p);
	free(p);
}

static void
messages(void)
{
	static Fcall t;
	Fcall u;
	Dir d, *e;
	uchar buf[1000], again[1000], stat[200];
	char *s;
	int i, type, n, m;

	nulldir(&d);
	d.name = "name";
	d.length = 1LL<<40;
	d.qid.path = 0x123456789ABCDEFLL;
	n = convD2M(&d, stat, sizeof stat);
	if(n != sizeD2M(&d) || statcheck(stat, n) != 0 || statcheck(stat, n-1) == 0)
		sysfatal("convD2M");
	e = malloc(sizeof d + n);
	if(convM2D(stat, n, e, (char*)(e+1)) != n || e->qid.path != d.qid.path || strcmp(e->name, "name") != 0)
		sysfatal("convM2D");
	free(e);
	fmtinstall('F', fcallfmt);
	fmtinstall('D', dirfmt);
	fmtinstall('M', dirmodefmt);
	for(type = Tversion; type < Tmax; type++){
		if(type == Terror)
			continue;
		memset(&t, 0, sizeof t);
		t.type = type;
		t.tag = 0x1234;
		t.fid = 7;
		switch(type){
		case Tversion:
		case Rversion:
			t.msize = 8192;
			t.version = VERSION9P;
			break;
		case Tauth:
		case Tattach:
			t.afid = NOFID;
			t.uname = "glenda";
			t.aname = "";
			break;
		case Rerror:
			t.ename = "phase error";
			break;
		case Twalk:
			t.nwname = MAXWELEM;
			for(i = 0; i < MAXWELEM; i++)
				t.wname[i] = "abcdefghijklmnop"+i;
			break;
		case Rwalk:
			t.nwqid = 2;
			t.wqid[1].path = 99;
			t.wqid[1].type = QTDIR;
			break;
		case Tcreate:
			t.name = "β";
			t.perm = DMDIR|0755;
			break;
		case Rread:
		case Twrite:
			t.offset = 1LL<<33;
			t.data = "data";
			t.count = 4;
			break;
		case Rstat:
		case Twstat:
			t.stat = stat;
			t.nstat = n;
			break;
		}
		m = convS2M(&t, buf, sizeof buf);
		if(m == 0 || m != sizeS2M(&t))
			sysfatal("convS2M %d", type);
		for(i = 0; i < m; i++)
			if(convM2S(memmove(again, buf, m), i, &u) != 0)
				sysfatal("convM2S of %d bytes of %d", i, type);
		memset(&u, 0, sizeof u);
		if(convM2S(memmove(again, buf, m), m, &u) != m)
			sysfatal("convM2S %d", type);
		if(convS2M(&u, again+500, 500) != m || memcmp(again+500, buf, m) != 0)
			sysfatal("not the same again: %F", &u);
		s = smprint("%F", &u);
		Bprint(&out, "%s\n", s);
		free(s);
	}
	Bprint(&out, "%M %M %D\n", 0640|DMDIR, (ulong)DMAPPEND|0777, &d);
}

void
main(int argc, char *argv[])
{
	char *s;

	ARGBEGIN{
	case 's':
		utf();
		sort();
		bounds();
		exits(nil);
	case 'm':
		Binit(&out, 1, OWRITE);
		messages();
		exits(nil);
	}ARGEND
	Binit(&in, 0, OREAD);
	Binit(&out, 1, OWRITE);
	while((s = Brdstr(&in, '\n', 1)) != nil){
		ask(s);
		free(s);
	}
	exits(nil);
}

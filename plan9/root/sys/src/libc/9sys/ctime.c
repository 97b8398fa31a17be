#include <u.h>
#include <libc.h>

/* ctime(2), of the proleptic Gregorian calendar; /env/timezone tells the zone */
enum
{
	Day	= 24*60*60,
	Maxchange	= 300,
};

static struct
{
	int	read;
	char	std[4];
	char	dst[4];
	int	stdoff;
	int	dstoff;
	int	nchange;	/* two a summer: where it begins and ends, in standard time */
	vlong	change[Maxchange];
} zone;
static Lock	zonelock;

static int
leap(int y)
{
	return y%4 == 0 && y%100 != 0 || y%400 == 0;
}

static int
monthlen(int m, int y)
{
	static char len[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return len[m] + (m == 1 && leap(y));
}

/* days from 1970's first to y's first */
static vlong
days(vlong y)
{
	y--;
	return 365*y + y/4 - y/100 + y/400 - 719162;
}

static void
fill(Tm *t, vlong sec, int off, char *name)
{
	vlong d, y;
	int m;

	memset(t, 0, sizeof *t);
	sec += off;
	d = sec/Day;
	sec %= Day;
	if(sec < 0){
		sec += Day;
		d--;
	}
	t->sec = sec%60;
	t->min = sec/60%60;
	t->hour = sec/3600;
	t->wday = ((d+4)%7 + 7)%7;
	y = 1970 + d/366;
	while(days(y+1) <= d)
		y++;
	while(days(y) > d)
		y--;
	d -= days(y);
	t->year = y-1900;
	t->yday = d;
	for(m = 0; d >= monthlen(m, y); m++)
		d -= monthlen(m, y);
	t->mon = m;
	t->mday = d+1;
	t->tzoff = off;
	strecpy(t->zone, t->zone+sizeof t->zone, name);
}

/* name offset name offset, and then the changes */
static void
readzone(void)
{
	char *s, *p, *field[4+Maxchange];
	int i, n;

	strcpy(zone.std, "GMT");
	s = getenv("timezone");
	if(s == nil)
		return;
	for(p = s; *p != 0; p++)
		if(*p == '\n')
			*p = ' ';
	n = tokenize(s, field, nelem(field));
	if(n >= 4){
		strecpy(zone.std, zone.std+sizeof zone.std, field[0]);
		zone.stdoff = atoi(field[1]);
		strecpy(zone.dst, zone.dst+sizeof zone.dst, field[2]);
		zone.dstoff = atoi(field[3]);
		for(i = 4; i < n; i++)
			zone.change[zone.nchange++] = strtoll(field[i], nil, 10);
	}
	free(s);
}

Tm*
gmtime(long sec)
{
	static Tm t;

	fill(&t, (ulong)sec, 0, "GMT");
	return &t;
}

Tm*
localtime(long sec)
{
	static Tm t;
	vlong now;
	int i;

	lock(&zonelock);
	if(!zone.read){
		readzone();
		zone.read = 1;
	}
	unlock(&zonelock);
	now = (vlong)(ulong)sec + zone.stdoff;
	for(i = 0; i+1 < zone.nchange; i += 2)
		if(now >= zone.change[i] && now < zone.change[i+1]){
			fill(&t, (ulong)sec, zone.dstoff, zone.dst);
			return &t;
		}
	fill(&t, (ulong)sec, zone.stdoff, zone.std);
	return &t;
}

char*
asctime(Tm *t)
{
	static char buf[40];

	snprint(buf, sizeof buf, "%.3s %.3s %2d %.2d:%.2d:%.2d %s %d\n",
		"SunMonTueWedThuFriSat" + 3*t->wday,
		"JanFebMarAprMayJunJulAugSepOctNovDec" + 3*t->mon,
		t->mday, t->hour, t->min, t->sec, t->zone, t->year+1900);
	return buf;
}

char*
ctime(long sec)
{
	return asctime(localtime(sec));
}

/* wday and yday are not looked at */
long
tm2sec(Tm *t)
{
	vlong d;
	int m;

	d = days(t->year+1900) + t->mday-1;
	for(m = 0; m < t->mon; m++)
		d += monthlen(m, t->year+1900);
	return d*Day + t->hour*3600 + t->min*60 + t->sec - t->tzoff;
}

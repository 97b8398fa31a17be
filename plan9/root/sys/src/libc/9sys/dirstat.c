#include <u.h>
#include <libc.h>
#include <fcall.h>

/* stat(2): Dirs, each in one malloced piece with its strings */

/* of a name, or, if that is nil, of a file */
static Dir*
get(char *name, int fd)
{
	Dir *d;
	uchar *buf;
	int i, n, size;

	/* a guess; a stat that does not fit says how large it is */
	size = 512;
	for(i = 0; i < 3; i++){
		d = malloc(sizeof(Dir) + 2*size);
		if(d == nil)
			return nil;
		buf = (uchar*)(d+1) + size;
		n = name != nil? stat(name, buf, size): fstat(fd, buf, size);
		if(n < 2){
			free(d);
			return nil;
		}
		if(n > 2 && convM2D(buf, n, d, (char*)(d+1)) != 0)
			return d;
		size = (buf[0] | buf[1]<<8) + 2;
		free(d);
	}
	werrstr("bad stat");
	return nil;
}

Dir*
dirstat(char *name)
{
	Dir *d;

	d = get(name, -1);
	if(d != nil)
		setmalloctag(d, getcallerpc(&name));
	return d;
}

Dir*
dirfstat(int fd)
{
	Dir *d;

	d = get(nil, fd);
	if(d != nil)
		setmalloctag(d, getcallerpc(&fd));
	return d;
}

static int
put(char *name, int fd, Dir *d)
{
	uchar *buf;
	int n, r;

	n = sizeD2M(d);
	buf = malloc(n);
	if(buf == nil)
		return -1;
	convD2M(d, buf, n);
	r = name != nil? wstat(name, buf, n): fwstat(fd, buf, n);
	free(buf);
	return r;
}

int
dirwstat(char *name, Dir *d)
{
	return put(name, -1, d);
}

int
dirfwstat(int fd, Dir *d)
{
	return put(nil, fd, d);
}

/* wstat's don't touch */
void
nulldir(Dir *d)
{
	memset(d, ~0, sizeof *d);
	d->name = "";
	d->uid = "";
	d->gid = "";
	d->muid = "";
}

/* n bytes of entries as Dirs, their strings behind them */
static long
unpack(uchar *buf, long n, Dir **d)
{
	char *s;
	long i, m, count;
	ulong strings;

	count = 0;
	strings = 0;
	for(i = 0; i < n; i += m){
		m = n-i < 2? n: 2 + (buf[i] | buf[i+1]<<8);
		if(i+m > n || statcheck(buf+i, m) < 0){
			werrstr("bad directory entry");
			return -1;
		}
		/* each string has two bytes of length, and wants one of 0 */
		strings += m;
		count++;
	}
	*d = nil;
	if(count == 0)
		return 0;
	*d = malloc(count*sizeof(Dir) + strings);
	if(*d == nil)
		return -1;
	s = (char*)(*d+count);
	count = 0;
	for(i = 0; i < n; i += m){
		m = convM2D(buf+i, n-i, *d+count, s);
		s += m;
		count++;
	}
	return count;
}

long
dirread(int fd, Dir **d)
{
	uchar *buf;
	long n;

	buf = malloc(DIRMAX);
	if(buf == nil)
		return -1;
	n = read(fd, buf, DIRMAX);
	if(n >= 0)
		n = unpack(buf, n, d);
	free(buf);
	return n;
}

long
dirreadall(int fd, Dir **d)
{
	uchar *buf, *more;
	long have, n;

	buf = nil;
	for(have = 0; ; have += n){
		more = realloc(buf, have+DIRMAX);
		if(more == nil){
			free(buf);
			return -1;
		}
		buf = more;
		n = read(fd, buf+have, DIRMAX);
		if(n <= 0)
			break;
	}
	if(have > 0 || n == 0)
		n = unpack(buf, have, d);
	free(buf);
	return n;
}

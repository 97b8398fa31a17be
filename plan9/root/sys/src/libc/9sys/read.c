#include <u.h>
#include <libc.h>

/* read(2), and its kin on pread and pwrite; an offset of -1 is the file's own */

long
read(int fd, void *buf, long n)
{
	return pread(fd, buf, n, -1LL);
}

long
write(int fd, void *buf, long n)
{
	return pwrite(fd, buf, n, -1LL);
}

long
readn(int fd, void *buf, long n)
{
	char *p;
	long have, m;

	p = buf;
	for(have = 0; have < n; have += m){
		m = read(fd, p+have, n-have);
		if(m <= 0){
			if(have == 0)
				return m;
			break;
		}
	}
	return have;
}

static long
total(IOchunk *io, int n)
{
	long sum;
	int i;

	sum = 0;
	for(i = 0; i < n; i++)
		sum += io[i].len;
	return sum;
}

long
preadv(int fd, IOchunk *io, int nio, vlong off)
{
	uchar *buf, *p;
	long have, n;
	int i;

	n = total(io, nio);
	if(n <= 0)
		return 0;
	buf = malloc(n);
	if(buf == nil)
		return -1;
	have = pread(fd, buf, n, off);
	p = buf;
	n = have;
	for(i = 0; i < nio && n > 0; i++){
		memmove(io[i].addr, p, n < io[i].len? n: io[i].len);
		p += io[i].len;
		n -= io[i].len;
	}
	free(buf);
	return have;
}

long
readv(int fd, IOchunk *io, int nio)
{
	return preadv(fd, io, nio, -1LL);
}

long
pwritev(int fd, IOchunk *io, int nio, vlong off)
{
	uchar *buf, *p;
	long n;
	int i;

	n = total(io, nio);
	if(n <= 0)
		return pwrite(fd, "", 0, off);
	buf = malloc(n);
	if(buf == nil)
		return -1;
	p = buf;
	for(i = 0; i < nio; i++){
		memmove(p, io[i].addr, io[i].len);
		p += io[i].len;
	}
	n = pwrite(fd, buf, n, off);
	free(buf);
	return n;
}

long
writev(int fd, IOchunk *io, int nio)
{
	return pwritev(fd, io, nio, -1LL);
}

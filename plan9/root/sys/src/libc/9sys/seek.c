#include <u.h>
#include <libc.h>

/* the system call has a place for its result, so that it can return -1 too */
int	_seek(vlong*, int, vlong, int);

vlong
seek(int fd, vlong off, int whence)
{
	vlong r;

	if(_seek(&r, fd, off, whence) < 0)
		return -1;
	return r;
}

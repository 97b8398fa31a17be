#include <u.h>
#include <libc.h>

/* access(2): by trying */
int
access(char *name, int mode)
{
	static char how[] = { 0, OEXEC, OWRITE, ORDWR, OREAD, OEXEC, ORDWR, ORDWR };
	Dir *d;
	int fd;

	if(mode == AEXIST || mode&AWRITE){
		d = dirstat(name);
		if(d == nil)
			return -1;
		fd = d->mode & DMDIR;
		free(d);
		/* a directory cannot be opened to be written */
		if(mode == AEXIST || fd != 0)
			return 0;
	}
	fd = open(name, how[mode&7]);
	if(fd < 0)
		return -1;
	close(fd);
	return 0;
}

#include <u.h>
#include <libc.h>

/* syslog(2): a line of /sys/log/name, and of the console if it is wanted, or if there is no log */
void
syslog(int cons, char *name, char *fmt, ...)
{
	char buf[1024], file[128], *p, *e, *t;
	va_list args;
	int fd;

	snprint(file, sizeof file, "/sys/log/%s", name);
	t = ctime(time(nil));
	e = buf+sizeof buf-1;
	p = seprint(buf, e, "%s %.15s ", sysname(), t+4);
	va_start(args, fmt);
	p = vseprint(p, e, fmt, args);
	va_end(args);
	*p++ = '\n';
	fd = name != nil? open(file, OWRITE|OCEXEC): -1;
	if(fd >= 0){
		seek(fd, 0, 2);
		write(fd, buf, p-buf);
		close(fd);
	}
	if(cons || fd < 0){
		fd = open("/dev/cons", OWRITE|OCEXEC);
		if(fd >= 0){
			write(fd, buf, p-buf);
			close(fd);
		}
	}
}

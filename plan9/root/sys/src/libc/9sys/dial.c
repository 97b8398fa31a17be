#include <u.h>
#include <libc.h>

/* dial(2): net!host!service by /net/cs, or as it is where there is none */

typedef struct Address	Address;
struct Address
{
	char	buf[256];
	char	*netdir;	/* "/net" */
	char	*proto;
	char	*rest;	/* host!service */
};

static int
parse(Address *a, char *s)
{
	char *p;

	if(strlen(s) >= sizeof a->buf){
		werrstr("dial string too long");
		return -1;
	}
	strcpy(a->buf, s);
	p = strchr(a->buf, '!');
	if(p == nil){
		werrstr("bad dial string");
		return -1;
	}
	*p++ = 0;
	a->rest = p;
	a->netdir = "/net";
	a->proto = a->buf;
	p = strrchr(a->buf, '/');
	if(p != nil){
		*p++ = 0;
		a->netdir = a->buf;
		a->proto = p;
	}
	return 0;
}

/* a new connection of clone's: what is told its ctl, and its data opened if it is wanted */
static int
call(char *clone, char *how, char *rest, char *local, char *dir, int *cfdp, int data)
{
	char name[NETPATHLEN+40], buf[256], *p;
	int cfd, fd, n;

	cfd = open(clone, ORDWR);
	if(cfd < 0)
		return -1;
	n = read(cfd, buf, sizeof buf-1);
	if(n <= 0)
		goto Bad;
	buf[n] = 0;
	p = strrchr(clone, '/');
	if(p == nil || snprint(name, sizeof name, "%.*s/%s", (int)utfnlen(clone, p-clone), clone, buf) >= NETPATHLEN){
		werrstr("connection's name too long");
		goto Bad;
	}
	if(local != nil)
		n = fprint(cfd, "%s %s %s", how, rest, local);
	else
		n = fprint(cfd, "%s %s", how, rest);
	if(n < 0)
		goto Bad;
	if(dir != nil)
		strcpy(dir, name);
	if(!data)
		return cfd;
	strcat(name, "/data");
	fd = open(name, ORDWR);
	if(fd < 0)
		goto Bad;
	if(cfdp != nil)
		*cfdp = cfd;
	else
		close(cfd);
	return fd;
Bad:
	close(cfd);
	return -1;
}

/* each line of cs's answer is a way: a clone file, and what to tell it */
static int
try(char *addr, char *how, char *local, char *dir, int *cfdp, int data)
{
	char name[128], buf[256], err[ERRMAX], *p;
	Address a;
	int cs, fd, n;

	if(parse(&a, addr) < 0)
		return -1;
	snprint(name, sizeof name, "%s/cs", a.netdir);
	cs = open(name, ORDWR);
	if(cs < 0){
		if(strcmp(a.proto, "net") == 0)
			a.proto = "tcp";
		snprint(name, sizeof name, "%s/%s/clone", a.netdir, a.proto);
		return call(name, how, a.rest, local, dir, cfdp, data);
	}
	fd = -1;
	snprint(buf, sizeof buf, "%s!%s", a.proto, a.rest);
	if(write(cs, buf, strlen(buf)) >= 0){
		seek(cs, 0, 0);
		while(fd < 0 && (n = read(cs, buf, sizeof buf-1)) > 0){
			buf[n] = 0;
			p = strchr(buf, ' ');
			if(p == nil)
				continue;
			*p++ = 0;
			fd = call(buf, how, p, local, dir, cfdp, data);
		}
	}
	rerrstr(err, sizeof err);
	close(cs);
	errstr(err, sizeof err);
	return fd;
}

int
dial(char *addr, char *local, char *dir, int *cfdp)
{
	return try(addr, "connect", local, dir, cfdp, 1);
}

int
announce(char *addr, char *dir)
{
	return try(addr, "announce", nil, dir, nil, 0);
}

/* waits for a call; returns its ctl file, and its directory in newdir */
int
listen(char *dir, char *newdir)
{
	char name[NETPATHLEN+10], buf[32], *p;
	int fd, n;

	snprint(name, sizeof name, "%s/listen", dir);
	fd = open(name, ORDWR);
	if(fd < 0)
		return -1;
	n = read(fd, buf, sizeof buf-1);
	if(n <= 0){
		close(fd);
		return -1;
	}
	buf[n] = 0;
	p = strrchr(name, '/');
	*p = 0;
	p = strrchr(name, '/');
	if(p == nil){
		close(fd);
		werrstr("bad directory: %s", dir);
		return -1;
	}
	*p = 0;
	snprint(newdir, NETPATHLEN, "%s/%s", name, buf);
	return fd;
}

static char*
number(char *dir)
{
	char *p;

	p = strrchr(dir, '/');
	return p != nil? p+1: dir;
}

int
accept(int ctl, char *dir)
{
	char name[NETPATHLEN+10];

	fprint(ctl, "accept %s", number(dir));
	snprint(name, sizeof name, "%s/data", dir);
	return open(name, ORDWR);
}

int
reject(int ctl, char *dir, char *cause)
{
	return fprint(ctl, "reject %s %q", number(dir), cause) < 0? -1: 0;
}

int
hangup(int ctl)
{
	return write(ctl, "hangup", 6) != 6? -1: 0;
}

/* what is missing of net!host!service */
char*
netmkaddr(char *addr, char *net, char *service)
{
	static char buf[256];
	char *p;

	p = strchr(addr, '!');
	if(p == nil){
		if(service != nil)
			snprint(buf, sizeof buf, "%s!%s!%s", net != nil? net: "net", addr, service);
		else
			snprint(buf, sizeof buf, "%s!%s", net != nil? net: "net", addr);
		return buf;
	}
	if(strchr(p+1, '!') != nil || service == nil)
		return addr;
	snprint(buf, sizeof buf, "%s!%s", addr, service);
	return buf;
}

void
setnetmtpt(char *net, int n, char *x)
{
	if(x == nil)
		x = "/net";
	if(*x == '/')
		strecpy(net, net+n, x);
	else
		snprint(net, n, "/net%s", x);
}

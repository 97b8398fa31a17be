#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * The system calls on Linux, for tests: what the programs here need.  The
 * build puts p9_ before the names of the C library that is ours, so that
 * glibc's can stand beside it; this file alone sees both.
 */
enum
{
	ERRMAX	= 128,
	OTRUNC	= 16,
	OCEXEC	= 32,
	ORCLOSE	= 64,
	OEXCL	= 0x1000,
	Maxfd	= 1024,
};

#define	DMDIR	0x80000000U

typedef unsigned char uchar;
typedef unsigned int u32int;
typedef long long vlong;
typedef unsigned long long uvlong;

static __thread char	err[ERRMAX];
static DIR	*dirs[Maxfd];

static struct
{
	int	no;
	char	*say;
} errors[] =
{
	{ ENOENT, "file does not exist" },
	{ EACCES, "permission denied" },
	{ EPERM, "permission denied" },
	{ EEXIST, "file already exists" },
	{ EBADF, "fd out of range or not open" },
	{ ENOTDIR, "not a directory" },
	{ EISDIR, "file is a directory" },
	{ EINTR, "interrupted" },
	{ ENOMEM, "out of memory" },
};

static int
fail(const char *name)
{
	const char *say;
	size_t i;

	say = strerror(errno);
	for(i = 0; i < sizeof errors/sizeof errors[0]; i++)
		if(errors[i].no == errno)
			say = errors[i].say;
	if(name != NULL)
		snprintf(err, sizeof err, "%s: '%s'", say, name);
	else
		snprintf(err, sizeof err, "%s", say);
	return -1;
}

int
p9_errstr(char *buf, unsigned n)
{
	char tmp[ERRMAX];

	memcpy(tmp, err, sizeof tmp);
	snprintf(err, sizeof err, "%.*s", (int)n, buf);
	snprintf(buf, n, "%s", tmp);
	return 0;
}

void
p9__exits(char *s)
{
	exit(s != NULL && *s != 0);
}

void
p9_abort(void)
{
	abort();
}

static int
flags(int mode)
{
	int f;

	f = (int[]){ O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY }[mode&3];
	if(mode & OTRUNC)
		f |= O_TRUNC;
	if(mode & OCEXEC)
		f |= O_CLOEXEC;
	if(mode & OEXCL)
		f |= O_EXCL;
	return f;
}

static int
opened(int fd, char *name, int mode)
{
	if(fd < 0)
		return fail(name);
	if(mode & ORCLOSE)
		unlink(name);
	return fd;
}

int
p9_open(char *name, int mode)
{
	return opened(open(name, flags(mode)), name, mode);
}

int
p9_create(char *name, int mode, u32int perm)
{
	if(perm & DMDIR){
		if(mkdir(name, perm&0777) < 0)
			return fail(name);
		return p9_open(name, 0);
	}
	return opened(open(name, flags(mode)|O_CREAT|O_TRUNC, perm&0777), name, mode);
}

int
p9_close(int fd)
{
	if(fd >= 0 && fd < Maxfd && dirs[fd] != NULL){
		closedir(dirs[fd]);
		dirs[fd] = NULL;
	}
	return close(fd) < 0? fail(NULL): 0;
}

int
p9_dup(int from, int to)
{
	int fd;

	fd = to == -1? dup(from): dup2(from, to);
	return fd < 0? fail(NULL): fd;
}

int
p9_pipe(int *fd)
{
	return pipe(fd) < 0? fail(NULL): 0;
}

int
p9_remove(char *name)
{
	return remove(name) < 0? fail(name): 0;
}

int
p9_chdir(char *name)
{
	return chdir(name) < 0? fail(name): 0;
}

static uchar*
put(uchar *p, uvlong v, int n)
{
	for(; n > 0; n--){
		*p++ = v;
		v >>= 8;
	}
	return p;
}

static uchar*
puts9(uchar *p, const char *s)
{
	size_t n;

	n = strlen(s);
	p = put(p, n, 2);
	memcpy(p, s, n);
	return p+n;
}

/* as stat(5) has it; 2 and its size alone if it does not fit */
static int
pack(struct stat *s, const char *name, uchar *buf, int n)
{
	char uid[16], gid[16];
	uchar *p;
	u32int mode;
	int size;

	snprintf(uid, sizeof uid, "%u", s->st_uid);
	snprintf(gid, sizeof gid, "%u", s->st_gid);
	size = 2+2+4+13+4+4+4+8 + 4*2 + strlen(name) + 2*strlen(uid) + strlen(gid);
	if(n < 2)
		return 0;
	p = put(buf, size-2, 2);
	if(size > n)
		return 2;
	mode = s->st_mode & 0777;
	if(S_ISDIR(s->st_mode))
		mode |= DMDIR;
	p = put(p, 'L', 2);
	p = put(p, s->st_dev, 4);
	p = put(p, mode>>24, 1);
	p = put(p, s->st_mtim.tv_nsec ^ s->st_mtime, 4);
	p = put(p, s->st_ino, 8);
	p = put(p, mode, 4);
	p = put(p, s->st_atime, 4);
	p = put(p, s->st_mtime, 4);
	p = put(p, S_ISREG(s->st_mode)? s->st_size: 0, 8);
	p = puts9(p, name);
	p = puts9(p, uid);
	p = puts9(p, gid);
	p = puts9(p, uid);
	return p-buf;
}

static const char*
element(const char *name)
{
	const char *p;

	p = strrchr(name, '/');
	return p != NULL && p[1] != 0? p+1: name;
}

int
p9_stat(char *name, uchar *buf, int n)
{
	struct stat s;

	if(stat(name, &s) < 0)
		return fail(name);
	return pack(&s, element(name), buf, n);
}

int
p9_fd2path(int fd, char *buf, int n)
{
	char file[32], path[4096];
	ssize_t m;

	/* not self: libthread's main may be gone, and with it /proc/self/fd */
	snprintf(file, sizeof file, "/proc/thread-self/fd/%d", fd);
	m = readlink(file, path, sizeof path-1);
	if(m < 0)
		return fail(NULL);
	path[m] = 0;
	snprintf(buf, n, "%s", path);
	return 0;
}

int
p9_fstat(int fd, uchar *buf, int n)
{
	char path[4096];
	struct stat s;

	if(fstat(fd, &s) < 0 || p9_fd2path(fd, path, sizeof path) < 0)
		return fail(NULL);
	return pack(&s, element(path), buf, n);
}

static uvlong
get(uchar *p, int n)
{
	uvlong v;

	v = 0;
	while(n > 0)
		v = v<<8 | p[--n];
	return v;
}

/* the mode and the length; the rest is as it was */
int
p9_fwstat(int fd, uchar *buf, int n)
{
	u32int mode;
	uvlong length;

	if(n < 49){
		errno = EINVAL;
		return fail(NULL);
	}
	mode = get(buf+21, 4);
	length = get(buf+33, 8);
	if(mode != ~0U && fchmod(fd, mode&0777) < 0)
		return fail(NULL);
	if(length != ~0ULL && ftruncate(fd, length) < 0)
		return fail(NULL);
	return n;
}

int
p9_wstat(char *name, uchar *buf, int n)
{
	int fd, r;

	fd = open(name, O_WRONLY);
	if(fd < 0)
		return fail(name);
	r = p9_fwstat(fd, buf, n);
	close(fd);
	return r;
}

/* whole entries only */
static int
readdir9(int fd, uchar *buf, int n)
{
	struct dirent *e;
	struct stat s;
	int have, m;
	long at;

	if(fd >= Maxfd)
		return 0;
	if(dirs[fd] == NULL)
		dirs[fd] = fdopendir(dup(fd));
	if(dirs[fd] == NULL)
		return fail(NULL);
	for(have = 0; ; have += m){
		at = telldir(dirs[fd]);
		e = readdir(dirs[fd]);
		if(e == NULL)
			return have;
		m = 0;
		if(strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if(fstatat(fd, e->d_name, &s, 0) < 0)
			continue;
		m = pack(&s, e->d_name, buf+have, n-have);
		if(m <= 2){
			seekdir(dirs[fd], at);
			return have;
		}
	}
}

int
p9_pread(int fd, void *buf, int n, vlong off)
{
	ssize_t m;

	m = off < 0? read(fd, buf, n): pread(fd, buf, n, off);
	if(m < 0 && errno == EISDIR)
		return readdir9(fd, buf, n);
	return m < 0? fail(NULL): m;
}

int
p9_pwrite(int fd, void *buf, int n, vlong off)
{
	ssize_t m;

	m = off < 0? write(fd, buf, n): pwrite(fd, buf, n, off);
	return m < 0? fail(NULL): m;
}

vlong
p9_seek(int fd, vlong off, int whence)
{
	off_t r;

	if(fd >= 0 && fd < Maxfd && dirs[fd] != NULL && off == 0 && whence == 0)
		rewinddir(dirs[fd]);
	r = lseek(fd, off, whence);
	return r < 0? fail(NULL): r;
}

int
p9_sleep(int ms)
{
	struct timespec t;

	if(ms <= 0)
		return sched_yield();
	t.tv_sec = ms/1000;
	t.tv_nsec = ms%1000*1000000L;
	return nanosleep(&t, NULL) < 0? fail(NULL): 0;
}

vlong
p9_nsec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec*1000000000LL + t.tv_nsec;
}

int
p9_time(int *t)
{
	int now;

	now = time(NULL);
	if(t != NULL)
		*t = now;
	return now;
}

int
p9_getpid(void)
{
	return getpid();
}

char*
p9_getuser(void)
{
	char *s;

	s = getenv("USER");
	return s != NULL? s: "none";
}

char*
p9_getenv(char *name)
{
	char *s;

	s = getenv(name);
	return s != NULL? strdup(s): NULL;
}

u32int
p9_truerand(void)
{
	u32int v;

	return getentropy(&v, sizeof v) < 0? 0: v;
}

/* rendezvous(2) among the threads of this process */
typedef struct Meeting	Meeting;
struct Meeting
{
	void	*tag;
	void	*value;
	int	met;
	Meeting	*next;
};

static Meeting	*meetings;
static pthread_mutex_t	meetlock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t	meetcond = PTHREAD_COND_INITIALIZER;

void*
p9_rendezvous(void *tag, void *value)
{
	Meeting *m, **l, me;
	void *r;

	pthread_mutex_lock(&meetlock);
	for(l = &meetings; (m = *l) != NULL; l = &m->next)
		if(m->tag == tag){
			*l = m->next;
			r = m->value;
			m->value = value;
			m->met = 1;
			pthread_cond_broadcast(&meetcond);
			pthread_mutex_unlock(&meetlock);
			return r;
		}
	me.tag = tag;
	me.value = value;
	me.met = 0;
	me.next = meetings;
	meetings = &me;
	while(!me.met)
		pthread_cond_wait(&meetcond, &meetlock);
	pthread_mutex_unlock(&meetlock);
	return me.value;
}

static int
take(int *p)
{
	int v;

	v = __atomic_load_n(p, __ATOMIC_SEQ_CST);
	while(v > 0)
		if(__atomic_compare_exchange_n(p, &v, v-1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return 1;
	return 0;
}

int
p9_semacquire(int *p, int block)
{
	for(;;){
		if(take(p))
			return 1;
		if(!block)
			return 0;
		syscall(SYS_futex, p, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	}
}

int
p9_tsemacquire(int *p, u32int ms)
{
	vlong end, left;
	struct timespec t;

	end = p9_nsec() + ms*1000000LL;
	for(;;){
		if(take(p))
			return 1;
		left = end - p9_nsec();
		if(left <= 0)
			return 0;
		t.tv_sec = left/1000000000;
		t.tv_nsec = left%1000000000;
		syscall(SYS_futex, p, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0);
	}
}

int
p9_semrelease(int *p, int n)
{
	int v;

	v = __atomic_add_fetch(p, n, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, p, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
	return v;
}

int
p9_fork(void)
{
	int pid;

	pid = fork();
	return pid < 0? fail(NULL): pid;
}

int
p9_exec(char *file, char **argv)
{
	execv(file, argv);
	return fail(file);
}

int
p9_await(char *buf, int n)
{
	int pid, status;

	pid = wait(&status);
	if(pid < 0)
		return fail(NULL);
	snprintf(buf, n, status != 0? "%d 0 0 0 '%d'": "%d 0 0 0 ''", pid, status);
	return strlen(buf);
}

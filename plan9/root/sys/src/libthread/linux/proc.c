#include <pthread.h>
#include <stdlib.h>

/* thread(2)'s processes on Linux are pthreads */
void	p9_exits(char*);
void	p9_threadmain(int, char**);

typedef struct Start	Start;
struct Start
{
	void	(*f)(void*);
	void	*arg;
};

static void*
begin(void *v)
{
	Start s;

	s = *(Start*)v;
	free(v);
	s.f(s.arg);
	return NULL;
}

int
p9_proccreate(void (*f)(void*), void *arg, unsigned stack)
{
	pthread_t t;
	Start *s;

	s = malloc(sizeof *s);
	if(s == NULL)
		return -1;
	s->f = f;
	s->arg = arg;
	if(pthread_create(&t, NULL, begin, s) != 0){
		free(s);
		return -1;
	}
	pthread_detach(t);
	return 1;
}

void
p9_threadexits(char *s)
{
	pthread_exit(NULL);
}

void
p9_threadexitsall(char *s)
{
	p9_exits(s);
}

void
p9_main(int argc, char *argv[])
{
	p9_threadmain(argc, argv);
}

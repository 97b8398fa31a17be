#include <pthread.h>
#include <stdlib.h>

/* what pthread.c wants of glibc */
typedef struct Start	Start;
struct Start
{
	void	(*f)(void*);
	void	*arg;
};

static __thread void	*self;

void*
p9__hostself(void)
{
	return self;
}

void
p9__hostsetself(void *p)
{
	self = p;
}

void
p9__hostexit(void)
{
	pthread_exit(NULL);
}

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
p9__hoststart(void (*f)(void*), void *arg)
{
	pthread_attr_t a;
	pthread_t t;
	Start *s;
	int r;

	s = malloc(sizeof *s);
	if(s == NULL)
		return -1;
	s->f = f;
	s->arg = arg;
	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&a, 1<<20);
	r = pthread_create(&t, &a, begin, s);
	pthread_attr_destroy(&a);
	if(r != 0){
		free(s);
		return -1;
	}
	return 0;
}

#include <u.h>
#include <libc.h>

/* lock(2): a spin lock, which gives way to others when it has to wait */
void
lock(Lock *l)
{
	int i;

	for(i = 0; _tas(&l->val) != 0; i++)
		if(i > 100)
			sleep(i < 1000? 0: 10);
}

int
canlock(Lock *l)
{
	return _tas(&l->val) == 0;
}

void
unlock(Lock *l)
{
	l->val = 0;
}

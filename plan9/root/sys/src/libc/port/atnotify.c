#include <u.h>
#include <libc.h>

/* atnotify, of notify(2) */

enum
{
	Nhandler	= 33,
};

static int	(*handler[Nhandler])(void*, char*);
static Lock	handlerlock;

static void
handle(void *ureg, char *note)
{
	int i;

	for(i = 0; i < Nhandler; i++)
		if(handler[i] != nil && handler[i](ureg, note))
			noted(NCONT);
	noted(NDFLT);
}

int
atnotify(int (*f)(void*, char*), int in)
{
	int i, n, done;

	done = 0;
	n = 0;
	lock(&handlerlock);
	for(i = 0; i < Nhandler; i++){
		if(in && !done && handler[i] == nil){
			handler[i] = f;
			done = 1;
		}else if(!in && !done && handler[i] == f){
			handler[i] = nil;
			done = 1;
		}
		if(handler[i] != nil)
			n++;
	}
	unlock(&handlerlock);
	notify(n > 0? handle: nil);
	return done;
}

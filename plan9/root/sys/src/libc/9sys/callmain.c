#include <u.h>
#include <libc.h>

enum
{
	Nprivate	= 16,
};

void	**_privates;
int	_nprivates;

static Lock	lock1;
static int	used;

/* the array is in the stack's first frame: each process has its own at one address, RFMEM or not */
void
_callmain(void (*main)(int, char**), int argc, char **argv)
{
	void *privates[Nprivate];

	memset(privates, 0, sizeof privates);
	_privates = privates;
	_nprivates = Nprivate;
	main(argc, argv);
	exits("main");
}

void**
privalloc(void)
{
	void **p;

	p = nil;
	lock(&lock1);
	if(used < _nprivates)
		p = &_privates[used++];
	unlock(&lock1);
	if(p != nil)
		*p = nil;
	return p;
}

#include <u.h>
#include <libc.h>

/* brk(2) */
int	brk_(void*);

static char	*top = end;

int
brk(void *p)
{
	uintptr a;

	a = ((uintptr)p + 7) & ~(uintptr)7;
	if(brk_((void*)a) < 0)
		return -1;
	top = (char*)a;
	return 0;
}

void*
sbrk(usize n)
{
	uintptr a;

	a = ((uintptr)top + 7) & ~(uintptr)7;
	if(a+n < a){
		werrstr("out of memory");
		return (void*)-1;
	}
	if(brk_((void*)(a+n)) < 0)
		return (void*)-1;
	top = (char*)(a+n);
	return (void*)a;
}

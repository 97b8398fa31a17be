#include <u.h>
#include <libc.h>

/* the fault leaves the process broken, for a debugger */
_Noreturn void
abort(void)
{
	for(;;)
		*(volatile int*)0 = 0;
}

#include <u.h>
#include <libc.h>
#include <ureg.h>

/* the note's state is made that of setjmp's return */
void
notejmp(void *v, jmp_buf env, int val)
{
	struct Ureg *u;

	u = v;
	u->ax = val != 0? val: 1;
	u->pc = env[JMPBUFPC];
	u->sp = env[JMPBUFSP]+4;
	u->bx = env[2];
	u->si = env[3];
	u->di = env[4];
	u->bp = env[5];
	noted(NCONT);
}

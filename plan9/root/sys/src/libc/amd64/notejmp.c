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
	u->sp = env[JMPBUFSP]+8;
	u->bx = env[2];
	u->bp = env[3];
	u->r12 = env[4];
	u->r13 = env[5];
	u->r14 = env[6];
	u->r15 = env[7];
	noted(NCONT);
}

/* Processes that share memory: thread(2). */
#pragma	lib	"libthread.a"
#pragma	src	"/sys/src/libthread"

void	threadmain(int, char*[]);
int	proccreate(void (*)(void*), void*, uint);
_Noreturn void	threadexits(char*);
_Noreturn void	threadexitsall(char*);

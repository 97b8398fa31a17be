#include <u.h>
#include <libc.h>

/*
 * The kernel calls a note handler as 6c's functions are called, its first
 * argument in BP; gcc's are not.  So the handler is _note, which calls this.
 * Processes that share memory share the handler too.
 */
int	_notify(void (*)(void*, char*));
void	_note(void*, char*);

void	(*_notefn)(void*, char*);

int
notify(void (*f)(void*, char*))
{
	if(f == nil)
		return _notify(nil);
	_notefn = f;
	return _notify(_note);
}

#include <u.h>
#include <libc.h>

/* fork(2), exec(2), wait(2) */

int
fork(void)
{
	return rfork(RFPROC|RFFDG|RFREND);
}

int
execl(char *file, ...)
{
	char **argv, *s;
	va_list args;
	int i, n;

	va_start(args, file);
	for(n = 1; va_arg(args, char*) != nil; n++)
		;
	va_end(args);
	argv = malloc(n*sizeof(char*));
	if(argv == nil)
		return -1;
	i = 0;
	va_start(args, file);
	do
		argv[i++] = s = va_arg(args, char*);
	while(s != nil);
	va_end(args);
	exec(file, argv);
	free(argv);
	return -1;
}

Waitmsg*
wait(void)
{
	char buf[512], *field[5];
	Waitmsg *w;
	int i, n;

	n = await(buf, sizeof buf-1);
	if(n < 0)
		return nil;
	buf[n] = 0;
	if(tokenize(buf, field, nelem(field)) != nelem(field)){
		werrstr("couldn't parse wait message");
		return nil;
	}
	n = strlen(field[4])+1;
	w = malloc(sizeof(Waitmsg)+n);
	if(w == nil)
		return nil;
	setmalloctag(w, getcallerpc(&i));
	w->pid = atoi(field[0]);
	for(i = 0; i < 3; i++)
		w->time[i] = strtoul(field[1+i], nil, 10);
	w->msg = (char*)(w+1);
	memmove(w->msg, field[4], n);
	return w;
}

int
waitpid(void)
{
	Waitmsg *w;
	int pid;

	w = wait();
	if(w == nil)
		return -1;
	pid = w->pid;
	free(w);
	return pid;
}

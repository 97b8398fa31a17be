#include <u.h>
#include <libc.h>

/* getenv(2): a file in /env; rc's lists have a 0 after each word */

static int
name(char *buf, int n, char *var)
{
	if(*var == 0 || strcmp(var, ".") == 0 || strcmp(var, "..") == 0 || strchr(var, '/') != nil
	|| strlen(var)+6 > n){
		werrstr("bad environment variable name");
		return -1;
	}
	snprint(buf, n, "/env/%s", var);
	return 0;
}

char*
getenv(char *var)
{
	char file[ERRMAX], *s;
	vlong len;
	int fd, i, n;

	if(name(file, sizeof file, var) < 0)
		return nil;
	fd = open(file, OREAD);
	if(fd < 0)
		return nil;
	s = nil;
	len = seek(fd, 0, 2);
	if(len >= 0 && len < 0x7FFFFFFF)
		s = malloc(len+1);
	if(s != nil){
		setmalloctag(s, getcallerpc(&var));
		seek(fd, 0, 0);
		n = readn(fd, s, len);
		if(n < 0)
			n = 0;
		if(n > 0 && s[n-1] == 0)
			n--;
		for(i = 0; i < n; i++)
			if(s[i] == 0)
				s[i] = ' ';
		s[n] = 0;
	}
	close(fd);
	return s;
}

int
putenv(char *var, char *value)
{
	char file[ERRMAX];
	long n;
	int fd, r;

	if(name(file, sizeof file, var) < 0)
		return -1;
	fd = create(file, OWRITE, 0666);
	if(fd < 0)
		return -1;
	n = strlen(value);
	r = write(fd, value, n) == n? 0: -1;
	close(fd);
	return r;
}

#include <u.h>
#include <libc.h>

/* cleanname(2): in place */
char*
cleanname(char *name)
{
	char *from, *to, *base, *e;
	int n, rooted, device;

	rooted = *name == '/';
	device = *name == '#';
	from = name;
	to = name+rooted;
	base = to;
	for(; *from != 0; from = e){
		while(*from == '/')
			from++;
		for(e = from; *e != 0 && *e != '/'; e++)
			;
		n = e-from;
		if(n == 0 || n == 1 && from[0] == '.')
			continue;
		if(n == 2 && from[0] == '.' && from[1] == '.'){
			if(to > base){
				while(--to > base && to[-1] != '/')
					;
				if(to > base)
					to--;
				if(to == name)
					device = 0;
				continue;
			}
			if(rooted)
				continue;
			/* one that nothing can take away */
			if(to > name)
				*to++ = '/';
			*to++ = '.';
			*to++ = '.';
			base = to;
			continue;
		}
		if(to > name && to[-1] != '/')
			*to++ = '/';
		memmove(to, from, n);
		to += n;
	}
	if(to == name)
		*to++ = '.';
	*to = 0;
	/* what was no device's name does not become one */
	if(*name == '#' && !device){
		memmove(name+2, name, strlen(name)+1);
		memmove(name, "./", 2);
	}
	return name;
}

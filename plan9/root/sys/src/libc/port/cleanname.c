#include <u.h>
#include <libc.h>

/* cleanname(2): in place */
char*
cleanname(char *name)
{
	char *from, *to, *base, *e;
	int n, rooted;

	rooted = *name == '/';
	from = name;
	/* a device's name is the root of what is under it */
	if(*name == '#' && name[1] != 0){
		for(from = name; *from != 0 && *from != '/'; from++)
			;
		rooted = 1;
	}
	to = from+(rooted && *from == '/');
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
	return name;
}

#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* glibc's answers to libc.c's questions */
int
main(void)
{
	char *line, *bits, *format, *e;
	size_t n;
	uint64_t v;
	double d;

	line = NULL;
	n = 0;
	while(getline(&line, &n, stdin) > 0){
		line[strcspn(line, "\n")] = 0;
		switch(line[0]){
		case 'f':
		case 'd':
			format = strchr(line, '\t')+1;
			bits = strchr(format, '\t');
			*bits++ = 0;
			v = strtoull(bits, NULL, 16);
			memcpy(&d, &v, sizeof d);
			if(line[0] == 'f')
				printf(format, d);
			else
				printf(format, (unsigned long long)v);
			break;
		case 's':
			d = strtod(line+2, &e);
			memcpy(&v, &d, sizeof v);
			printf("%016llx %d", (unsigned long long)v, (int)(e-(line+2)));
			break;
		case 'l':
			v = strtoll(strchr(line+2, ' ')+1, &e, atoi(line+2));
			printf("%lld %d", (long long)v, (int)(e-(strchr(line+2, ' ')+1)));
			break;
		}
		printf("\n");
	}
	return 0;
}

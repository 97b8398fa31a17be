#include <stdlib.h>
#include <string.h>
#include <malloc.h>

/* malloc(2), and what of memory(2) is the machine's, by glibc's: AddressSanitizer watches those */

void*
p9_malloc(unsigned n)
{
	return malloc(n);
}

void*
p9_mallocz(unsigned n, int clear)
{
	return clear? calloc(n, 1): malloc(n);
}

void*
p9_calloc(unsigned n, unsigned size)
{
	return calloc(n, size);
}

void*
p9_realloc(void *p, unsigned n)
{
	return realloc(p, n);
}

void
p9_free(void *p)
{
	free(p);
}

unsigned
p9_msize(void *p)
{
	return malloc_usable_size(p);
}

void
p9_setmalloctag(void *p, unsigned long tag)
{
}

void
p9_setrealloctag(void *p, unsigned long tag)
{
}

void*
p9_memmove(void *to, void *from, size_t n)
{
	return n > 0? memmove(to, from, n): to;
}

void*
p9_memset(void *p, int c, size_t n)
{
	return n > 0? memset(p, c, n): p;
}

#include <u.h>
#include <libc.h>

/* qsort(2), by a heap: in place, and n log n whatever the order was */

static void
swap(uchar *a, uchar *b, usize size)
{
	uchar c;

	for(; size > 0; size--){
		c = *a;
		*a++ = *b;
		*b++ = c;
	}
}

static void
sift(uchar *a, usize i, usize n, usize size, int (*cmp)(void*, void*))
{
	usize k;

	for(; (k = 2*i+1) < n; i = k){
		if(k+1 < n && cmp(a + k*size, a + (k+1)*size) < 0)
			k++;
		if(cmp(a + i*size, a + k*size) >= 0)
			break;
		swap(a + i*size, a + k*size, size);
	}
}

void
qsort(void *base, usize n, usize size, int (*cmp)(void*, void*))
{
	uchar *a;
	usize i;

	a = base;
	for(i = n/2; i > 0; i--)
		sift(a, i-1, n, size, cmp);
	for(i = n; i > 1; i--){
		swap(a, a + (i-1)*size, size);
		sift(a, 0, i-1, size, cmp);
	}
}

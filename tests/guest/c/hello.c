#include <u.h>
#include <libc.h>

void
main(int argc, char *argv[])
{
	int i;

	print("hello, world\n");
	for(i = 1; i < argc; i++)
		print("%d %s\n", i, argv[i]);
	exits(nil);
}

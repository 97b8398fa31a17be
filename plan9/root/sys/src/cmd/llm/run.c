#include <u.h>
#include <libc.h>
#include <thread.h>
#include "llm.h"

void
threadmain(int argc, char *argv[])
{
	llama2(argc, argv, 0);
}

void	p9_main(int, char**);
void	p9_exits(char*);

/* nothing is freed at the end, on Plan 9 */
const char*
__asan_default_options(void)
{
	return "detect_leaks=0";
}

int
main(int argc, char *argv[])
{
	p9_main(argc, argv);
	p9_exits("main");
	return 1;
}

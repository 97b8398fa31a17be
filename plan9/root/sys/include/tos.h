/* The top of a process's stack, which the kernel keeps: see exec(2). */

typedef struct Plink Plink;
typedef struct Tos Tos;

#pragma incomplete Plink

struct Tos
{
	struct
	{
		Plink	*pp;
		Plink	*next;
		Plink	*last;
		Plink	*first;
		ulong	pid;
		ulong	what;
	} prof;
	uvlong	cyclefreq;	/* cycles(2) a second; 0 if unknown */
	vlong	kcycles;	/* cycles in the kernel */
	vlong	pcycles;	/* cycles in all */
	ulong	pid;
	ulong	clock;
};

extern Tos *_tos;

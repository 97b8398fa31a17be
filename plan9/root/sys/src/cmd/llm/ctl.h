/*
 * llmfs(4)'s control messages.
 */
typedef struct Cmd	Cmd;
typedef struct Settings	Settings;

enum
{
	Nword	= 8,
};

/* a session's */
struct Settings
{
	double	temp;
	double	topp;
	uvlong	seed;
	vlong	steps;
};

struct Cmd
{
	char	*name;
	int	n;	/* words */
	char	*word[Nword];
};

Cmd*	parsectl(char *text, int *ncmd);	/* of text's lines, cut up in place; malloced, nil: no memory */
char*	checkctl(Cmd*, int root);	/* nil, or what is wrong with it */
int	verb(char*);	/* does something to a session; other commands set */
void	setctl(Cmd*, Settings*);	/* one that checkctl finds right */
int	ctlint(char*, uvlong max, uvlong *v);	/* -1: not a number, or one above max */

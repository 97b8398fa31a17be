#include <u.h>
#include <libc.h>
#include "ctl.h"

static char	Ebadcmd[] = "unknown control message";
static char	Ebadvalue[] = "bad value";

static int
digits(char *s)
{
	int n;

	for(n = 0; s[n] >= '0' && s[n] <= '9'; n++)
		;
	return n;
}

/* a decimal number that a float can hold, not negative */
static int
number(char *s, double *v)
{
	char *p;
	int n;

	p = s;
	n = digits(p);
	p += n;
	if(*p == '.'){
		p++;
		n += digits(p);
		p += digits(p);
	}
	if(n == 0)
		return -1;
	if(*p == 'e' || *p == 'E'){
		p++;
		if(*p == '+' || *p == '-')
			p++;
		if(digits(p) == 0)
			return -1;
		p += digits(p);
	}
	if(*p != 0)
		return -1;
	/* anything else is too large by far; strtod may not say so */
	*v = strtod(s, nil);
	return *v < 3.4028235677973366e38? 0: -1;
}

int
ctlint(char *s, uvlong max, uvlong *v)
{
	int d;

	if(*s == 0 || s[digits(s)] != 0 || strlen(s) > 30)
		return -1;
	for(*v = 0; *s != 0; s++){
		d = *s - '0';
		if(*v > (max - d)/10)
			return -1;
		*v = *v*10 + d;
	}
	return 0;
}

/* temp, topp, seed, steps and shortcuts; of the last here are none to be turned off */
static char*
setting(Cmd *c, Settings *o)
{
	char *v;
	uvlong u;

	v = c->word[1];
	if(strcmp(c->name, "temp") == 0)
		return c->n == 2 && number(v, &o->temp) == 0? nil: Ebadvalue;
	if(strcmp(c->name, "topp") == 0)
		return c->n == 2 && number(v, &o->topp) == 0 && o->topp <= 1? nil: Ebadvalue;
	if(strcmp(c->name, "seed") == 0)
		return c->n == 2 && ctlint(v, ~0ULL, &o->seed) == 0? nil: Ebadvalue;
	if(strcmp(c->name, "steps") == 0){
		if(c->n != 2 || ctlint(v, (1ULL<<53) - 1, &u) < 0)
			return Ebadvalue;
		o->steps = u;
		return nil;
	}
	if(strcmp(c->name, "shortcuts") == 0)
		return c->n == 2 && (strcmp(v, "on") == 0 || strcmp(v, "off") == 0)? nil: Ebadvalue;
	return Ebadcmd;
}

void
setctl(Cmd *c, Settings *o)
{
	setting(c, o);
}

int
verb(char *s)
{
	return strcmp(s, "generate") == 0 || strcmp(s, "stop") == 0
		|| strcmp(s, "reset") == 0 || strcmp(s, "close") == 0;
}

char*
checkctl(Cmd *c, int root)
{
	Settings unused;

	if(!root){
		if(verb(c->name))
			return c->n == 1? nil: Ebadvalue;
		return setting(c, &unused);
	}
	if(strcmp(c->name, "unload") == 0)
		return c->n == 1? nil: Ebadvalue;
	if(strcmp(c->name, "load") != 0)
		return Ebadcmd;
	return c->n == 3 && c->word[1][0] != 0 && c->word[2][0] != 0? nil: Ebadvalue;
}

Cmd*
parsectl(char *text, int *ncmd)
{
	Cmd *c;
	char *line, *next;
	int n;

	n = 1;
	for(line = text; *line != 0; line++)
		n += *line == '\n';
	c = malloc(n*sizeof *c);
	*ncmd = 0;
	for(line = text; c != nil && line != nil; line = next){
		next = strchr(line, '\n');
		if(next != nil)
			*next++ = 0;
		n = tokenize(line, c[*ncmd].word, Nword);
		if(n == 0)
			continue;
		c[*ncmd].name = c[*ncmd].word[0];
		c[*ncmd].n = n;
		++*ncmd;
	}
	return c;
}

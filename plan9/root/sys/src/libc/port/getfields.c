#include <u.h>
#include <libc.h>

/* getfields(2) */

int
getfields(char *s, char **field, int max, int multi, char *delims)
{
	char *p;
	Rune r;
	int n, w;

	if(max <= 0)
		return 0;
	n = 0;
	p = s;
	field[n] = s;
	for(; *s != 0; s += w){
		w = chartorune(&r, s);
		if(utfrune(delims, r) == nil)
			continue;
		if(multi && p == s){
			p = s+w;
			field[n] = p;
			continue;
		}
		if(n == max-1)
			break;
		*s = 0;
		p = s+w;
		field[++n] = p;
	}
	if(*p != 0 || !multi)
		n++;
	return n;
}

int
gettokens(char *s, char **field, int max, char *delims)
{
	int n;

	for(n = 0; n < max; n++){
		s += strspn(s, delims);
		if(*s == 0)
			break;
		field[n] = s;
		s += strcspn(s, delims);
		if(*s == 0){
			n++;
			break;
		}
		if(n < max-1)
			*s++ = 0;
	}
	return n;
}

/* a quoted part loses its quotes; returns where the token ends */
static char*
unquote(char *s)
{
	char *to;
	int quoted;

	quoted = 0;
	for(to = s; *s != 0; s++){
		if(*s == '\''){
			if(quoted && s[1] == '\'')
				*to++ = *s++;
			else
				quoted = !quoted;
			continue;
		}
		if(!quoted && strchr(" \t\r\n", *s) != nil)
			break;
		*to++ = *s;
	}
	if(to != s)
		*to = 0;
	return s;
}

int
tokenize(char *s, char **field, int max)
{
	char *e;
	int n, last;

	for(n = 0; n < max; n++){
		s += strspn(s, " \t\r\n");
		if(*s == 0)
			break;
		field[n] = s;
		e = unquote(s);
		last = *e == 0;
		*e = 0;
		s = e+1;
		if(last){
			n++;
			break;
		}
	}
	return n;
}

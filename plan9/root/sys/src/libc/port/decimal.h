/*
 * Numbers in decimal, exactly: what print and strtod convert by.
 * The value is 0.d[0]d[1]... * 10^point.
 */
typedef struct Decimal	Decimal;

enum
{
	Decmax	= 800,	/* a double's exact value has 767 digits at most */
};

struct Decimal
{
	int	n;	/* digits; none of zero */
	int	point;
	int	more;	/* digits that were not zero were dropped */
	uchar	d[Decmax];
};

void	_decset(Decimal*, uvlong);
void	_decdigit(Decimal*, int);	/* one more on the right */
void	_decshift(Decimal*, int);	/* times 2^n */
void	_decround(Decimal*, int n);	/* to n digits, ties to even */
uvlong	_decint(Decimal*);	/* to the nearest integer, ties to even; of 19 digits at most */

/* what the files here share */
int	_fmtput(Fmt*, Rune);	/* one rune to the output */
int	_fmtbytes(Fmt*, char*, int n);	/* whole runes */
int	_fmtpad(Fmt*, int n, int c);
int	_fmtfield(Fmt*, char*, int n);	/* in ASCII, justified */
int	_intfmt(Fmt*);
int	_fltfmt(Fmt*);
int	_strfmt(Fmt*);
int	_runestrfmt(Fmt*);
int	_charfmt(Fmt*);

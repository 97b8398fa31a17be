/* What Plan 9's compilers know of themselves and gcc has to be told. */

typedef __builtin_va_list	va_list;
#define	va_start(list, last)	__builtin_va_start(list, last)
#define	va_arg(list, type)	__builtin_va_arg(list, type)
#define	va_end(list)	__builtin_va_end(list)
/* a va_list may be an array, which = does not copy */
#define	va_copy(to, from)	__builtin_va_copy(to, from)

#define	USED(...)	((void)(__VA_ARGS__))
#define	SET(x)	((x) = 0)
#define	assert(x)	if(x){}else _assert(#x)

/* of the function it stands in, whatever argument is named */
#define	getcallerpc(arg)	((uintptr)__builtin_return_address(0))

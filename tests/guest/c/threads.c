#include <u.h>
#include <libc.h>
#include <thread.h>

/* thread(2), tried: prints what happens, which is the same each time */

static Channel	*c, *d;
static QLock	ql;
static long	count;

static void
prime(void *v)
{
	Channel *in, *out;
	ulong p, i;

	in = v;
	p = recvul(in);
	print("%lud\n", p);
	if(p >= 50)
		threadexitsall(nil);
	out = chancreate(sizeof(ulong), 0);
	threadcreate(prime, out, 16*1024);
	for(;;){
		i = recvul(in);
		if(i%p != 0)
			sendul(out, i);
	}
}

static void
producer(void *v)
{
	int i, n;

	n = (uintptr)v;
	for(i = 0; i < 100; i++)
		sendul(c, n*1000 + i);
	sendul(d, n);
}

static void
adder(void *v)
{
	int i;

	for(i = 0; i < 200; i++){
		qlock(&ql);
		count++;
		if(i%16 == 0)
			yield();
		qunlock(&ql);
	}
	sendp(d, v);
}

static void
echo(void *v)
{
	ulong u;

	while(recv(v, &u) > 0)
		send(d, &u);
	sendul(d, 12345);
}

void
threadmain(int argc, char *argv[])
{
	Alt a[3];
	Channel *e, *s;
	ulong u, sum, w;
	int i, ends, n[4];

	USED(argc, argv);
	/* an unbuffered channel between procs, another for their ends: alt sees both */
	c = chancreate(sizeof(ulong), 0);
	d = chancreate(sizeof(ulong), 8);
	for(i = 0; i < 2; i++)
		proccreate(producer, (void*)(uintptr)i, 16*1024);
	for(; i < 4; i++)
		threadcreate(producer, (void*)(uintptr)i, 16*1024);
	memset(n, 0, sizeof n);
	memset(a, 0, sizeof a);
	a[0].c = c;
	a[0].v = &u;
	a[0].op = CHANRCV;
	a[1].c = d;
	a[1].v = &w;
	a[1].op = CHANRCV;
	a[2].op = CHANEND;
	sum = 0;
	for(ends = 0; ends < 4; )
		switch(alt(a)){
		case 0:
			if(u%1000 != n[u/1000]++)
				sysfatal("out of order: %lud", u);
			sum += u;
			break;
		case 1:
			ends++;
			break;
		}
	print("sum %lud\n", sum);

	/* a qlock among threads of this proc and other procs */
	for(i = 0; i < 6; i++)
		if(i%2 == 0)
			threadcreate(adder, nil, 16*1024);
		else
			proccreate(adder, nil, 16*1024);
	for(i = 0; i < 6; i++)
		recvp(d);
	print("count %ld\n", count);

	/* buffered, not blocking, closed */
	e = chancreate(sizeof(ulong), 2);
	for(i = 7; i < 10; i++)
		print("%d\n", nbsendul(e, i));
	for(i = 7; i < 10; i++)
		print("%lud\n", nbrecvul(e));
	sendul(e, 5);
	threadcreate(echo, e, 16*1024);
	sendul(e, 6);
	print("%lud\n", recvul(d));
	print("%lud\n", recvul(d));
	chanclose(e);
	print("%lud\n", recvul(d));
	print("%d %d\n", sendul(e, 1), chanclosing(e));

	/* many threads, and the end of them all from one */
	s = chancreate(sizeof(ulong), 0);
	threadcreate(prime, s, 16*1024);
	for(i = 2; ; i++)
		sendul(s, i);
}

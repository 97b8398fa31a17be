#include <u.h>
#include <libc.h>
#include <bio.h>
#include <thread.h>
#include "llm.h"

/* run and runq: llama2.c's run.c and runq.c, by their own flags */
typedef struct Options	Options;
struct Options
{
	char	*checkpoint;
	char	*tokenizer;
	float	temp;
	float	topp;
	uvlong	seed;
	int	steps;
	char	*prompt;
	char	*mode;
	char	*system;
	int	simd;
	int	threads;
};

static Tokenizer	*vocab;
static Session	*session;
static Sampler	sampler;
static Text	text;
static char	*out;	/* of the longest token */

static void
usage(char *name)
{
	fprint(2, "Usage:   %s <checkpoint> [options]\n"
		"Example: %s model.bin -n 256 -i \"Once upon a time\"\n"
		"Options:\n"
		"  -t <float>  temperature in [0,inf], default 1.0\n"
		"  -p <float>  p value in top-p (nucleus) sampling in [0,1] default 0.9\n"
		"  -s <int>    random seed, default time(NULL)\n"
		"  -n <int>    number of steps to run for, default 256. 0 = max_seq_len\n", name, name);
	fprint(2, "  -i <string> input prompt\n"
		"  -z <string> optional path to custom tokenizer\n"
		"  -m <string> mode: generate|chat, default: generate\n"
		"  -y <string> (optional) system prompt in chat mode\n"
		"  --no-simd   compute without SIMD\n"
		"  -j <int>, --threads <int>  number of threads\n");
	threadexitsall("usage");
}

static void
fail(char *fmt, ...)
{
	char msg[512];
	va_list arg;

	va_start(arg, fmt);
	vseprint(msg, msg+sizeof msg, fmt, arg);
	va_end(arg);
	fprint(2, "%s\n", msg);
	threadexitsall(msg);
}

/* as glibc's: a long of 64 bits, cut to an int */
static s32int
cint(char *s)
{
	return (s32int)strtoll(s, nil, 10);
}

static int
parsethreads(char *s)
{
	char *p;
	int n;

	n = 0;
	for(p = s; *p >= '0' && *p <= '9' && p - s < 30; p++){
		n = n*10 + *p - '0';
		if(n > 1024)
			return 0;
	}
	if(*p != 0)
		return 0;
	return n;
}

/* clamped as llama2.c clamps; -1 is a usage error */
static int
options(Options *o, int argc, char *argv[])
{
	double d;
	char *flag, *value;
	int i;

	if(argc < 2)
		return -1;
	o->checkpoint = argv[1];
	o->tokenizer = "tokenizer.bin";
	o->temp = 1;
	o->topp = 0.9;
	o->seed = 0;
	o->steps = 256;
	o->prompt = nil;
	o->mode = "generate";
	o->system = nil;
	o->simd = 1;
	o->threads = 0;
	for(i = 2; i < argc; i++){
		flag = argv[i];
		if(strcmp(flag, "--no-simd") == 0){
			o->simd = 0;
			continue;
		}
		if(++i >= argc)
			return -1;
		value = argv[i];
		if(strcmp(flag, "-j") == 0 || strcmp(flag, "--threads") == 0){
			o->threads = parsethreads(value);
			if(o->threads == 0)
				return -1;
			continue;
		}
		if(flag[0] != '-' || flag[1] == 0 || flag[2] != 0)
			return -1;
		switch(flag[1]){
		case 't':
			d = strtod(value, nil);
			if(isNaN(d) || d < 0)
				d = 0;
			o->temp = d;
			break;
		case 'p':
			o->topp = strtod(value, nil);
			if(isNaN(o->topp) || o->topp < 0 || o->topp > 1)
				o->topp = 0.9;
			break;
		case 's':
			o->seed = (vlong)cint(value);
			break;
		case 'n':
			o->steps = cint(value);
			break;
		case 'i':
			o->prompt = value;
			break;
		case 'z':
			o->tokenizer = value;
			break;
		case 'm':
			o->mode = value;
			break;
		case 'y':
			o->system = value;
			break;
		default:
			return -1;
		}
	}
	if(o->seed == 0)
		o->seed = time(nil);
	if(o->steps < 0)
		o->steps = 0;
	return 0;
}

static Model*
load(Options *o, int q80)
{
	Model *m;
	Dir *d;
	int fd;

	fd = open(o->checkpoint, OREAD);
	d = nil;
	if(fd >= 0)
		d = dirfstat(fd);
	if(d == nil || d->mode & DMDIR)
		fail("Couldn't open file %s", o->checkpoint);
	free(d);
	m = fdloadmodel(fd, o->simd, o->threads);
	if(m == nil)
		fail("%s: %r", o->checkpoint);
	close(fd);
	if(q80 && m->group == 0)
		fail("%s: not a Q8_0 checkpoint: use run", o->checkpoint);
	if(!q80 && m->group != 0)
		fail("%s: a Q8_0 checkpoint: use runq", o->checkpoint);
	if(strcmp(o->tokenizer, "-") == 0)
		fail("%s: no tokenizer in the model", o->checkpoint);
	if(access(o->tokenizer, AREAD) < 0)
		fail("couldn't load %s", o->tokenizer);
	vocab = loadtokenizer(o->tokenizer, m->vocab_size);
	if(vocab == nil)
		fail("%s: %r", o->tokenizer);
	out = malloc(maxpiece(vocab));
	session = mksession(m);
	if(out == nil || session == nil)
		fail("%s: %r", o->checkpoint);
	return m;
}

static void
say(int prev, int token)
{
	char *s;
	int n;

	s = decode(vocab, prev, token, &n);
	n = textadd(&text, s, n, out);
	if(n > 0 && write(1, out, n) != n)
		threadexitsall("write error");
}

static int*
tokens(char *s, int *n)
{
	int *t;

	t = encode(vocab, s, 1, 0, n);
	if(t == nil)
		fail("%r");
	return t;
}

static int
draw(float *logits)
{
	int t;

	t = sample(&sampler, logits, session->m->vocab_size);
	if(t < 0)
		fail("%r");
	return t;
}

static void
generate(Options *o)
{
	vlong start;
	float *logits;
	int *prompt, n, pos, token, next, want;

	prompt = tokens(o->prompt != nil? o->prompt: "", &n);
	token = prompt[0];
	start = 0;
	for(pos = 0; pos < o->steps; ){
		want = pos+1 >= n;
		logits = forward(session, token, pos, want);
		if(start == 0)
			start = nsec();
		pos++;
		if(want)
			next = draw(logits);
		else
			next = prompt[pos];
		if(next == Bos)
			break;
		say(token, next);
		token = next;
	}
	write(1, "\n", 1);
	if(pos > 1)
		fprint(2, "achieved tok/s: %f\n", (pos-1) / ((nsec()-start + 1)/1e9));
	free(prompt);
}

static char*
ask(Biobuf *in, char *guide)
{
	char *s;

	write(1, guide, strlen(guide));
	s = Brdstr(in, '\n', 1);
	return s;
}

/* the next turn's prompt, rendered; nil at the end of the input */
static char*
turn(Biobuf *in, Options *o, int first)
{
	char *system, *user;

	system = "";
	user = nil;
	if(first){
		system = o->system;
		if(system == nil)
			system = ask(in, "Enter system prompt (optional): ");
		if(system == nil)
			return nil;
		user = o->prompt;
	}
	if(user == nil)
		user = ask(in, "User: ");
	if(user == nil)
		return nil;
	write(1, "Assistant: ", 11);
	if(*system == 0)
		return smprint("[INST] %s [/INST]", user);
	return smprint("[INST] <<SYS>>\n%s\n<</SYS>>\n\n%s [/INST]", system, user);
}

/* as llama2.c's, it draws, and so moves the generator on, while it feeds the prompt too */
static void
chat(Options *o)
{
	static Biobuf in;	/* more than libthread's stack of main holds */
	char *s;
	int *prompt, n, fed, pos, token, next, given, over;

	Binit(&in, 0, OREAD);
	over = 1;
	prompt = nil;
	n = 0;
	fed = 0;
	token = 0;
	for(pos = 0; pos < o->steps; ){
		if(over){
			s = turn(&in, o, pos == 0);
			if(s == nil)
				break;
			free(prompt);
			prompt = tokens(s, &n);
			free(s);
			token = prompt[0];
			fed = 1;
		}
		given = fed < n;
		next = draw(forward(session, token, pos, 1));
		pos++;
		over = token == Eos && !given;
		if(!given && next != Eos)
			say(token, next);
		if(next == Eos)
			write(1, "\n", 1);
		if(given)
			token = prompt[fed++];
		else
			token = next;
	}
	write(1, "\n", 1);
}

void
llama2(int argc, char *argv[], int q80)
{
	Options o;
	Model *m;
	char *name;

	name = strrchr(argv[0], '/');
	if(name != nil)
		name++;
	else
		name = argv[0];
	if(options(&o, argc, argv) < 0)
		usage(name);
	if(strcmp(o.mode, "generate") != 0 && strcmp(o.mode, "chat") != 0){
		fprint(2, "unknown mode: %s\n", o.mode);
		usage(name);
	}
	m = load(&o, q80);
	if(o.steps == 0 || o.steps > m->seq_len)
		o.steps = m->seq_len;
	initsampler(&sampler, o.temp, o.topp, o.seed);
	if(strcmp(o.mode, "chat") == 0)
		chat(&o);
	else
		generate(&o);
	threadexitsall(nil);
}

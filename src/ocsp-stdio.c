/*
 * ocsp-stdio - one OCSP request on standard input, its answer on standard output.
 *
 * Started by systemd, xinetd or another inetd for each connection, by a person in a shell, or once
 * as a listener that forks an instance for each connection.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf.h"
#include "confine.h"
#include "hangup.h"
#include "io.h"
#include "listen.h"
#include "log.h"
#include "metrics.h"
#include "serve.h"
#include "user.h"

static const char usage[] =
	"usage: ocsp-stdio [-c CONFIG] [--http | --der]\n"
	"       ocsp-stdio [-c CONFIG] [--der] FILE\n"
	"       ocsp-stdio [-c CONFIG] [--http | --der] --listen [-l ADDRESS:PORT]\n"
	"\n"
	"Reads one OCSP request, HTTP or bare DER, and writes the answer.\n"
	"\n"
	"  -c, --config=CONFIG   configuration file (" CONFIG_FILE ")\n"
	"      --http, --der     what the request is, instead of a guess by its first octet\n"
	"      --listen          serve the socket that systemd passes (LISTEN_FDS)\n"
	"  -l, --address=ADDRESS:PORT   with --listen: open this socket instead, e.g. 127.0.0.1:2560\n"
	"  FILE                  the request, bare DER, is in this file; the answer replaces it\n"
	"  -h, --help   -V, --version\n"
	"\n"
	"Exit codes: 0 answered, or the client asked nothing; 64 command line; 70 the sandbox could\n"
	"not be had (sandbox=require); 71 out of descriptors or memory; 74 FILE, socket or output\n"
	"failed; 75 no time was left for the answer; 77 not the user of user=; 78 configuration.\n";

struct options {
	const char *config, *address, *file;
	enum serve_mode mode;
	bool listen;
};

struct program {
	struct options options;
	struct conf conf;
	struct front front;
	struct deadline deadline;	/* of the one request of this process */
	bool told_lost;			/* it was logged that the cache was replaced */
};

static void complain(const char *text)
{
	/* standard error is never the client: io_sanitise_stdfds() saw to that */
	dprintf(2, "ocsp-stdio: %s\n", text);
}

/* Returns an exit code, or -1 to go on. */
static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "http", no_argument, NULL, 'H' },
		{ "der", no_argument, NULL, 'D' },
		{ "listen", no_argument, NULL, 'L' },
		{ "address", required_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c;

	o->config = CONFIG_FILE;
	while ((c = getopt_long(argc, argv, "c:l:hV", longs, NULL)) != -1) {
		switch (c) {
		case 'c': o->config = optarg; break;
		case 'H': o->mode = SERVE_HTTP; break;
		case 'D': o->mode = SERVE_DER; break;
		case 'L': o->listen = true; break;
		case 'l': o->address = optarg; break;
		case 'h':
			fputs(usage, stdout);
			return fflush(stdout) == 0 ? 0 : EX_IOERR;
		case 'V':
			puts("ocsp-stdio " PACKAGE_VERSION);
			return fflush(stdout) == 0 ? 0 : EX_IOERR;
		default:
			return EX_USAGE;
		}
	}
	if (optind < argc)
		o->file = argv[optind++];
	if (optind < argc || (o->address && !o->listen) ||
	    (o->file && (o->listen || o->mode == SERVE_HTTP))) {
		complain("these arguments do not go together; see ocsp-stdio --help");
		return EX_USAGE;
	}
	return -1;
}

static void use_log(const struct program *p)
{
	struct log_setup s = {
		.program = "ocsp-stdio",
		.level = p->conf.log_level,
		.file = p->conf.log_file,
		.stderr_too = p->options.listen && p->options.address,
	};

	log_init(&s);
}

/* A configuration that can't be used must not keep a client waiting: every request is answered
 * with internalError, and the log says why. */
static void use_no_configuration(struct program *p, enum err e)
{
	p->conf = (struct conf){
		.log_level = LEVEL_INFO,
		.user = "pycert",
		.timeout_ms = 5000,
		.keepalive = 1,
		.sandbox = SANDBOX_OFF,
		.signer = "",
	};
	p->front.broken = e;
}

/* Without a configuration nobody knows whom user= names. An error can be sent by whoever started
 * this, but not by root. */
static enum err become_user(const struct program *p, char error[CONF_ERROR_LEN])
{
	static const char nobody[] = "65534";
	bool broken = p->front.broken != E_OK;
	enum err e;

	if (broken && geteuid() != 0)
		return E_OK;
	e = user_become(p->conf.user, false, error);
	return e == E_USER && broken ? user_become(nobody, false, error) : e;
}

/* make: if it is missing. Who has locked itself in can't. */
static void open_cache(struct program *p, bool make)
{
	struct cache *c = &p->front.cache;

	if (cache_open(c, p->conf.cache, p->conf.recheck_s, false) == E_OK ||
	    (make && errno == ENOENT &&
	     cache_open(c, p->conf.cache, p->conf.recheck_s, true) == E_OK))
		return;
	log_error("the cache directory %s can't be opened: %s; every request is signed anew",
		  p->conf.cache, strerror(errno));
}

static void serve_connection(void *context, int fd)
{
	struct program *p = context;
	enum err e = serve(&p->front, fd, fd, p->options.mode, deadline_in(p->conf.timeout_ms));

	if (e != E_OK)
		log_debug("connection ended: %s", err_info(e)->name);
}

static void reload(struct listen_work *w)
{
	struct program *p = w->context;
	char error[CONF_ERROR_LEN];
	struct conf fresh;

	if (conf_load(p->options.config, CONF_NO_SECRETS, &fresh, error) != E_OK) {
		log_error("%s; going on with what was read before", error);
		return;
	}
	cache_close(&p->front.cache);
	conf_free(&p->conf);
	p->conf = fresh;
	use_log(p);
	open_cache(p, false);
	w->max_connections = p->conf.max_connections;
	w->max_per_source = p->conf.max_per_source;
	w->drain_ms = p->conf.timeout_ms + 1000;
	log_info("%s was read again", p->options.config);
}

/* Another cache directory can't be used from within: the sandbox is for the one of the start. The
 * socket is systemd's, and the next listener goes on with it. */
static bool has_lost_cache(void *context)
{
	struct program *p = context;

	if (!cache_is_replaced(&p->front.cache))
		return false;
	if (p->options.address) {
		if (!p->told_lost)
			log_error("the cache directory %s was replaced: restart this listener",
				  p->conf.cache);
		p->told_lost = true;
		return false;
	}
	log_warning("the cache directory %s was replaced: ending, so that the next one uses it",
		    p->conf.cache);
	return true;
}

static int listen_for_ever(struct program *p, struct listener *l)
{
	struct listen_work w = {
		.max_connections = p->conf.max_connections,
		.max_per_source = p->conf.max_per_source,
		.drain_ms = p->conf.timeout_ms + 1000,
		.context = p,
		.serve_one = serve_connection,
		.reload = reload,
		.ends = has_lost_cache,
	};
	enum err e;

	p->front.is_outdated = listener_has_moved_on;
	log_info("serving with at most %d connections, %d of one source", w.max_connections,
		 w.max_per_source);
	e = listener_run(l, &w);
	if (e != E_OK)
		log_critical("no memory for %d connections: lower maxconnections", w.max_connections);
	return err_info(e)->exit_code;
}

static int open_sockets(const struct options *o, struct listener *l)
{
	enum err e = o->address ? listener_open(l, o->address) : listener_take(l);

	if (e == E_OK)
		return 0;
	if (e == E_USAGE)
		log_critical("-l %s: write it as 127.0.0.1:2560 or [::1]:2560", o->address);
	else if (e == E_NOT_FOUND)
		log_critical("--listen: systemd passed no listening socket; try -l 127.0.0.1:2560");
	else if (e == E_DATA)
		log_critical("--listen: systemd passed more than %d sockets: take some ListenStream= "
			     "out", LISTEN_SOCKETS);
	else
		log_critical("-l %s: %s", o->address, strerror(errno));
	return err_info(e == E_NOT_FOUND || e == E_DATA ? E_USAGE : e)->exit_code;
}

static int serve_once(struct program *p)
{
	const char *file = p->options.file;
	enum err e;

	if (!file) {
		e = serve(&p->front, 0, 1, p->options.mode, p->deadline);
	} else {
		e = serve_file(&p->front, file, p->deadline);
		if (e != E_OK)
			log_error("%s: %s; it has to be readable and writable by %s", file,
				  strerror(errno), p->conf.user);
	}
	if (p->front.broken != E_OK)
		return err_info(p->front.broken)->exit_code;
	return err_info(e)->exit_code;
}

/* The client must not take a reset for an answer that was lost. */
static int leave(const struct program *p, int code)
{
	if (!p->options.listen && !p->options.file && hang_up(1))
		hang_up_wait(0, p->deadline);
	return code;
}

int main(int argc, char **argv)
{
	struct program p = { 0 };
	struct listener listener;
	char error[CONF_ERROR_LEN];
	int code;
	enum err e;

	if (io_sanitise_stdfds() != E_OK)
		return EX_OSERR;
	code = read_options(argc, argv, &p.options);
	if (code >= 0)
		return code;
	/* who can't write sees an error, and goes on without a cache or a log */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	umask(077);
	p.deadline = deadline_in(0);

	e = conf_load(p.options.config, CONF_NO_SECRETS, &p.conf, error);
	if (e != E_OK)
		use_no_configuration(&p, e);
	p.deadline.at_ms += p.conf.timeout_ms;
	use_log(&p);
	if (e != E_OK) {
		log_critical("%s", error);
		complain(error);
	}
	if (p.options.listen) {
		if (e != E_OK)
			return EX_CONFIG;
		code = open_sockets(&p.options, &listener);
		if (code)
			return code;
	}
	e = become_user(&p, error);
	if (e != E_OK) {
		/* as the predecessor: nothing is sent */
		log_critical("%s", error);
		complain(error);
		return leave(&p, err_info(e)->exit_code);
	}
	if (p.front.broken == E_OK) {
		p.front.conf = &p.conf;
		open_cache(&p, true);
		metrics_open(&p.conf, p.front.cache.fd, METRICS_FRONT);
		if (confine(&p.conf, p.options.file) != E_OK)
			return leave(&p, EX_SOFTWARE);
	}
	p.front.conf = &p.conf;
	return p.options.listen ? listen_for_ever(&p, &listener) : serve_once(&p);
}

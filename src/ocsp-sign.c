/*
 * ocsp-sign - an OCSPRequest in DER on standard input, the OCSPResponse in DER on standard output.
 *
 * The one program that holds the private key and the database's password. ocsp-stdio starts it for
 * whatever the cache can't answer; a person or a test can start it as well.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "confine.h"
#include "io.h"
#include "key.h"
#include "log.h"
#include "metrics.h"
#include "responder.h"
#include "secret.h"
#include "user.h"

static const char usage[] =
	"usage: ocsp-sign [-c CONFIG] [-t MILLISECONDS] [-a CLIENT]\n"
	"\n"
	"Reads one OCSP request in DER from standard input, and writes the response in DER.\n"
	"\n"
	"  -c, --config=CONFIG   configuration file (" CONFIG_FILE ")\n"
	"  -t, --time=MILLISECONDS   time that is left for the answer (default: timeout=)\n"
	"  -a, --client=CLIENT   who asks, for the log\n"
	"  -h, --help   -V, --version\n"
	"\n"
	"Exit codes: 0 answered, or asked what has no answer; 64 command line; 65 a row or a file\n"
	"contradicts itself; 70 a bug; 71 out of memory; 74 a file or the output failed; 75 no\n"
	"database, no token or no time left; 77 not user=; 78 configuration, key or certificate.\n"
	"Unless it is 64, or 78 for what can't be read, an OCSP response was written, an error\n"
	"response if need be.\n";

struct options {
	const char *config, *client;
	long time_ms;	/* 0: the configuration's */
};

/* The answer, and what it is made of: too large for a stack. */
static struct responder responder;
static uint8_t request[LIM_REQUEST_LEN];
static uint8_t answer[LIM_RESPONSE_LEN];

/* Room for the answer to be written after the deadline, before the kernel ends what hangs. */
#define GRACE_S 2

/* The most that -t takes. */
#define LONGEST_MS 60000

static void end_of_time(int signo)
{
	(void)signo;
	deadline_interrupt();
}

static void say(enum level level, const char *sentence)
{
	log_event(level, NULL, "%s", sentence);
}

static int bad_usage(const char *text)
{
	dprintf(2, "ocsp-sign: %s; see ocsp-sign --help\n", text);
	return EX_USAGE;
}

/* Returns an exit code, or -1 to go on. */
static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "time", required_argument, NULL, 't' },
		{ "client", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	char *end;
	int c;

	*o = (struct options){ .config = CONFIG_FILE, .client = "-" };
	while ((c = getopt_long(argc, argv, "c:t:a:hV", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 't':
			o->time_ms = strtol(optarg, &end, 10);
			if (*end || end == optarg || o->time_ms < 1 || o->time_ms > LONGEST_MS)
				return bad_usage("-t takes 1 to 60000 milliseconds");
			break;
		case 'a':
			o->client = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return fflush(stdout) == 0 ? 0 : EX_IOERR;
		case 'V':
			puts("ocsp-sign " PACKAGE_VERSION);
			return fflush(stdout) == 0 ? 0 : EX_IOERR;
		default:
			return EX_USAGE;
		}
	}
	return optind < argc ? bad_usage("it takes no other arguments") : -1;
}

static void handle_signals(void)
{
	struct sigaction act = { .sa_handler = end_of_time };

	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	act.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &act, NULL);
	sigaction(SIGXFSZ, &act, NULL);
}

/* A child has its parent's sandbox; and what a token's library opens, only its vendor knows. */
static bool locks_itself_in(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_ca; i++)
		if (key_is_in_token(conf->ca[i].pkey))
			return false;
	return conf_signer_socket(conf);
}

/* Everything that has to be right before a request is looked at. */
static enum err set_up(const struct options *o, struct conf *conf)
{
	struct log_setup log = { .program = "ocsp-sign", .level = LEVEL_INFO };
	char error[CONF_ERROR_LEN], sentence[RESPONDER_ERROR_LEN];
	enum err e;

	log.stderr_too = isatty(2);
	e = conf_load(o->config, 0, conf, error);
	if (e == E_OK) {
		log.level = conf->log_level;
		log.file = conf->log_file;
	}
	log_init(&log);
	if (e) {
		log_critical("%s", error);
		return E_CONFIG;
	}
	e = user_become(conf->sign_user, true, error);
	if (e) {
		log_critical("%s", error);
		return e;
	}
	/* after the change of user, which sets it back */
	secret_keep();
	e = responder_init(conf);
	if (e) {
		log_critical(KEY_NO_MEMORY);
		return e;
	}
	/* what is wrong was said by then */
	if (responder_open_some(conf, say, &responder, sentence) != E_OK)
		return E_CONFIG;
	metrics_open(conf, responder.cache.fd, METRICS_SIGN);
	return locks_itself_in(conf) ? confine_signer(conf) : E_OK;
}

static void log_answer(enum err e, const struct answer_info *info, const char *client, int64_t ms)
{
	enum level level = e ? err_info(e)->level : info->source == SOURCE_CACHE ? LEVEL_DEBUG :
										   LEVEL_INFO;
	char ms_text[24];
	struct log_field fields[] = {
		{ "serial", bytes_str(info->serial) },
		{ "status", bytes_str(info->status) },
		{ "source", bytes_str(source_name(info->source)) },
		{ "client", bytes_str(client) },
		{ "ms", { NULL, 0 } },
		{ NULL, { NULL, 0 } },
	};

	if (!log_enabled(level))
		return;
	snprintf(ms_text, sizeof ms_text, "%lld", (long long)ms);
	fields[4].value = bytes_str(ms_text);
	if (e)
		log_event(level, fields, "not answered: %s", info->why);
	else if (info->n > 1)
		log_event(level, fields, "answered %zu at once", info->n);
	else
		log_event(level, fields, "answered");
}

static enum err send_answer(struct bytes der)
{
	if (!deadline_interrupted())
		return io_write_all(1, deadline_in(GRACE_S * 1000), der);
	/* every deadline is over: one try, under alarm() */
	return write(1, der.p, der.len) == (ssize_t)der.len ? E_OK : E_IO;
}

/* Sends this error's answer. */
static enum err refuse(enum err e)
{
	uint8_t der[RESPONSE_ERROR_LEN];
	enum err written;

	response_error(err_info(e)->ocsp, der);
	written = send_answer(bytes_of(der, sizeof der));
	if (written == E_IO)
		log_error("the answer could not be written");
	return e;
}

/* One request, one answer: the answer goes out before it is logged. */
static enum err serve(const struct options *o, struct deadline d, int64_t start_ms)
{
	struct answer_info info;
	enum err e, written;
	struct bytes der;
	size_t len, item_len;

	e = io_read_der(0, d, request, sizeof request, &len, &item_len);
	if (e == E_GONE) {
		log_debug("nothing was asked");
		return E_OK;
	}
	if (e) {
		log_event(err_info(e)->level, NULL, "no whole request came: %s", err_info(e)->name);
		return refuse(e);
	}
	/* whatever stands behind the request makes it malformed, too */
	e = responder_answer(&responder, bytes_of(request, len), d, answer, &der, &info);
	if (e == E_CONFIG) {
		info.status = "-";
		written = E_OK;
	} else {
		written = send_answer(der);
	}
	if (e)
		metrics_count_failure(e);
	metrics_count_source(info.source);
	log_answer(e, &info, o->client, clock_mono_ms() - start_ms);
	if (written == E_IO)
		log_error("the answer could not be written");
	return e ? e : written;
}

int main(int argc, char **argv)
{
	int64_t start_ms = clock_mono_ms();
	struct options options;
	struct conf conf = { .timeout_ms = 5000 };
	int code;
	enum err e;

	if (io_sanitise_stdfds() != E_OK)
		return EX_OSERR;
	code = read_options(argc, argv, &options);
	if (code >= 0)
		return code;
	secret_keep();
	umask(CACHE_UMASK);
	handle_signals();
	/* what is read first may hang as well */
	alarm(LONGEST_MS / 1000 + GRACE_S);
	e = set_up(&options, &conf);
	if (!options.time_ms)
		options.time_ms = conf.timeout_ms;
	alarm((unsigned)(options.time_ms / 1000 + GRACE_S));
	/* Of a configuration or a certificate that can't be read nothing follows for an answer that
	 * is still valid: whoever asked may have one, and says tryLater otherwise. */
	if (e && e != E_CONFIG)
		refuse(e);
	else if (!e)
		e = serve(&options, (struct deadline){ start_ms + options.time_ms }, start_ms);
	/* no clean-up: that takes its time, and the memory goes with the process */
	_exit(err_info(e)->exit_code);
}

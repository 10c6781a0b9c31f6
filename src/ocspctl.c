/*
 * ocspctl - the operator's tool.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sysexits.h>

#include "ctl.h"
#include "secret.h"

static const struct verb verbs[] = {
	{ GROUP_HOST, "setup", "", "make user, folders, log file; set owners and modes (root)",
	  ctl_setup, ctl_setup_options, true },
	{ GROUP_HOST, "check", "", "look at everything that has to be right", ctl_check,
	  ctl_check_options, true },
	{ GROUP_TABLE, "init-db", "", "make the table of certificates", ctl_init_db,
	  ctl_init_db_options, false },
	{ GROUP_TABLE, "add", " CERT...", "add certificates as valid", ctl_add, ctl_add_options,
	  false },
	{ GROUP_TABLE, "import", " [FILE|FOLDER]",
	  "take over index.txt, certificates, a CRL or another table", ctl_import,
	  ctl_import_options, false },
	{ GROUP_TABLE, "export", " [FILE]", "write it out as index.txt or CSV", ctl_export,
	  ctl_export_options, false },
	{ GROUP_TABLE, "list", "", "show its rows, or some of them", ctl_list, ctl_list_options,
	  false },
	{ GROUP_TABLE, "revoke", " SERIAL|CERT", "revoke a certificate", ctl_revoke,
	  ctl_revoke_options, false },
	{ GROUP_TABLE, "hold", " SERIAL|CERT", "revoke it for the time being", ctl_hold,
	  ctl_hold_options, false },
	{ GROUP_TABLE, "release", " SERIAL|CERT", "make what is on hold valid again", ctl_release,
	  ctl_release_options, false },
	{ GROUP_TABLE, "status", " SERIAL|CERT", "show a certificate's row and its cached answers",
	  ctl_status, ctl_status_options, false },
	{ GROUP_ANSWERS, "explain", " SERIAL|CERT|REQUEST",
	  "every decision on the way to an answer, and its rule", ctl_explain, NULL, false },
	{ GROUP_ANSWERS, "reconcile", "", "tell where table, cache and CRL disagree",
	  ctl_reconcile, ctl_reconcile_options, false },
	{ GROUP_ANSWERS, "purge", " [SERIAL|CERT]", "remove cached answers", ctl_purge,
	  ctl_purge_options, false },
	{ GROUP_ANSWERS, "verify-cache", "", "look at every cached answer", ctl_verify_cache,
	  NULL, false },
	{ GROUP_ANSWERS, "presign", "", "sign ahead what isn't fresh, on all cores", ctl_presign,
	  ctl_presign_options, false },
	{ GROUP_ANSWERS, "export-static", " FOLDER",
	  "put every answer into files that a web server sends by itself", ctl_static,
	  ctl_static_options, false },
	{ GROUP_ANSWERS, "sign-issuer", " --cert CERT --root ROOT --key KEY",
	  "make the answers about a CA's own certificate, with its root's key", ctl_sign_issuer,
	  ctl_sign_issuer_options, true },
	{ GROUP_WATCH, "metrics", "", "show what was counted: requests, hits, signatures, times",
	  ctl_metrics, ctl_metrics_options, false },
	{ GROUP_WATCH, "report", "", "make a page about all of it: HTML, for any browser",
	  ctl_report, ctl_report_options, false },
	{ GROUP_WATCH, "watch", "", "keep the cache in agreement with the table (a service)",
	  ctl_watch, NULL, false },
};
#define N_VERBS (sizeof verbs / sizeof verbs[0])

static const char exit_codes[] =
	"Exit codes: 0 done; 1 refused or not found; 64 command line; 65 bad data; 74 a file\n"
	"failed; 75 the database failed; 77 wrong user; 78 configuration; 130 interrupted.\n"
	"check: 0 all is well, 1 warnings, 2 errors.\n";

static void help(void)
{
	puts("usage: ocspctl [-c CONFIG] [--ca NAME] VERB [ARGUMENT...]");
	for (size_t i = 0; i < N_VERBS; i++)
		printf("%s  %-14s %s\n", i == 0 || verbs[i].group != verbs[i - 1].group ? "\n" : "",
		       verbs[i].name, verbs[i].help);
	puts("\n"
	     "  VERB --help   its arguments and options\n"
	     "  -c, --config=CONFIG (" CONFIG_FILE ")\n"
	     "  --ca=NAME: section [ca NAME] only   --defaults-file=FILE: a my.cnf to write with\n"
	     "  -h, --help   -V, --version");
	fputs(exit_codes, stdout);
}

/* What the words in capitals mean. */
static const struct {
	const char *word, *help;
} words[] = {
	{ "SERIAL", "hexadecimal, as openssl prints it or as the table has it" },
	{ "CERT", "file with a certificate, PEM or DER" },
	{ "WORD", "key_compromise, keyCompromise or 1, and the other CRLReasons" },
	{ "TIME", "2024-01-02T03:04:05Z (UTC), or a date alone" },
};

static bool uses(const struct verb *v, const char *word)
{
	for (const struct ctl_opt *o = v->options; o && o->name; o++)
		if (o->arg && strcmp(o->arg, word) == 0)
			return true;
	return strstr(v->args, word) != NULL;
}

static void help_verb(const struct verb *v)
{
	printf("usage: ocspctl %s%s%s\n%s\n", v->name, v->options ? " [OPTION...]" : "", v->args,
	       v->help);
	for (const struct ctl_opt *o = v->options; o && o->name; o++) {
		const char *arg = o->arg ? o->arg : "";
		int pad = 20 - (int)(strlen(o->name) + strlen(arg));

		printf("%s  --%s%s%s%*s%s\n", o == v->options ? "\n" : "", o->name,
		       o->arg ? "=" : " ", arg, pad > 2 ? pad : 2, "", o->help);
	}
	for (size_t i = 0, n = 0; i < sizeof words / sizeof words[0]; i++)
		if (uses(v, words[i].word))
			printf("%s  %-8s%s\n", n++ == 0 ? "\n" : "", words[i].word, words[i].help);
	fputs(exit_codes, stdout);
}

/* Returns an exit code, or -1 to go on. optind then stands at the verb. */
static int read_options(int argc, char **argv, struct ctl *c)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "ca", required_argument, NULL, 'a' },
		{ "defaults-file", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int o;

	/* "+": what follows the verb is the verb's */
	while ((o = getopt_long(argc, argv, "+c:hV", longs, NULL)) != -1) {
		switch (o) {
		case 'c':
			c->config = optarg;
			break;
		case 'a':
			c->ca_name = optarg;
			break;
		case 'd':
			c->defaults_file = optarg;
			break;
		case 'h':
			help();
			return 0;
		case 'V':
			puts("ocspctl " PACKAGE_VERSION);
			return 0;
		default:
			return EX_USAGE;
		}
	}
	return -1;
}

/* They are about all CAs at once, or find theirs by themselves. */
static bool is_for_all(const struct verb *v)
{
	return v->run == ctl_check || v->run == ctl_setup || v->run == ctl_explain ||
	       v->run == ctl_static || v->run == ctl_sign_issuer || v->run == ctl_watch;
}

static int run(const struct verb *v, struct ctl *c, int argc, char **argv)
{
	enum err e;

	if (c->ca_name && is_for_all(v))
		return ctl_usage("--ca does not go with %s", v->name);
	e = v->no_conf ? E_OK : ctl_load(c);
	optind = 0;		/* glibc: begin anew */
	return e == E_OK ? v->run(c, argc, argv) : ctl_code(e);
}

static void close_all(struct ctl *c)
{
	store_close(c->store);
	cache_close(&c->cache);
	for (size_t i = 0; i < LIM_CAS; i++)
		cert_free(&c->ca[i]);
	explicit_bzero(&c->defaults, sizeof c->defaults);
	conf_free(&c->conf);
}

static int dispatch(int argc, char **argv, struct ctl *c)
{
	if (argc == 0)
		return ctl_usage("say what to do");
	for (size_t i = 0; i < N_VERBS; i++) {
		if (strcmp(argv[0], verbs[i].name) != 0)
			continue;
		for (int k = 1; k < argc && strcmp(argv[k], "--") != 0; k++)
			if (strcmp(argv[k], "--help") == 0 || strcmp(argv[k], "-h") == 0) {
				help_verb(&verbs[i]);
				return 0;
			}
		return run(&verbs[i], c, argc, argv);
	}
	return ctl_usage("there is no verb %s", argv[0]);
}

/* A connection or a file that took the place of a closed standard output would get what is meant for
 * that. To write there is an error still. */
static bool hold_stdfds(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDONLY) != fd) {
			ctl_say("/dev/null can't take the place of descriptor %d: %s", fd,
				strerror(errno));
			return false;
		}
	return true;
}

int main(int argc, char **argv)
{
	static struct ctl c = { .config = CONFIG_FILE, .cache = { .fd = -1 } };
	int code;

	if (!hold_stdfds())
		return EX_OSERR;
	code = read_options(argc, argv, &c);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	secret_keep();
	if (code < 0)
		code = dispatch(argc - optind, argv + optind, &c);
	close_all(&c);
	if ((fflush(stdout) != 0 || ferror(stdout)) && code == 0) {
		ctl_say("standard output can't be written");
		code = EX_IOERR;
	}
	return code;
}

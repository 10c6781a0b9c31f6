/*
 * ocspctl - the operator's tool.
 */
#include <signal.h>
#include <stdio.h>
#include <sysexits.h>

#include "ctl.h"

static const struct verb verbs[] = {
	{ "setup", " [--root DIR]", "make user, folders, log file; set owners and modes (root)",
	  ctl_setup, true },
	{ "check", "", "look at everything that has to be right", ctl_check, true },
	{ "init-db", "", "make the table of certificates", ctl_init_db, false },
	{ "add", " [--force] CERT...", "add certificates as valid", ctl_add, false },
	{ "revoke", " [--reason WORD] [--time TIME] SERIAL|CERT", "revoke a certificate",
	  ctl_revoke, false },
	{ "status", " SERIAL|CERT", "show a certificate's row and its cached answers", ctl_status,
	  false },
	{ "sign-issuer", " --cert CERT --root ROOT --key KEY [--validity 365d] [--out PREFIX]\n"
	  "       [--password-file FILE] [--revoked TIME [--reason WORD]]",
	  "make the answers about a CA's own certificate, with its root's key", ctl_sign_issuer,
	  true },
};
#define N_VERBS (sizeof verbs / sizeof verbs[0])

static void help(void)
{
	puts("usage: ocspctl [-c CONFIG] [--ca NAME] VERB [ARGUMENT...]\n");
	for (size_t i = 0; i < N_VERBS; i++)
		printf("  %-12s %s\n", verbs[i].name, verbs[i].help);
	puts("\n"
	     "  VERB --help           its arguments:\n"
	     "  SERIAL  hexadecimal, as openssl prints it or as the table has it\n"
	     "  CERT    file with certificates, PEM or DER\n"
	     "  WORD    key_compromise, keyCompromise or 1, and the other CRLReasons\n"
	     "  TIME    2024-01-02T03:04:05Z (UTC); the default is now\n"
	     "\n"
	     "  -c, --config=CONFIG   configuration file (" CONFIG_FILE ")\n"
	     "      --ca=NAME         the CA of section [ca NAME], where there are several\n"
	     "  -h, --help   -V, --version\n"
	     "\n"
	     "Exit codes: 0 done; 1 refused or not found; 64 command line; 65 bad data; 74 a file\n"
	     "failed; 75 the database failed; 77 wrong user; 78 configuration.\n"
	     "check: 0 all is well, 1 warnings, 2 errors.");
}

/* Returns an exit code, or -1 to go on. optind then stands at the verb. */
static int read_options(int argc, char **argv, struct ctl *c)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "ca", required_argument, NULL, 'a' },
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

static int run(const struct verb *v, struct ctl *c, int argc, char **argv)
{
	enum err e = v->no_conf ? E_OK : ctl_load(c);

	optind = 0;		/* glibc: begin anew */
	return e == E_OK ? v->run(c, argc, argv) : ctl_code(e);
}

static void close_all(struct ctl *c)
{
	store_close(c->store);
	cache_close(&c->cache);
	for (size_t i = 0; i < LIM_CAS; i++)
		cert_free(&c->ca[i]);
	conf_free(&c->conf);
}

static int dispatch(int argc, char **argv, struct ctl *c)
{
	if (argc == 0)
		return ctl_usage("say what to do");
	for (size_t i = 0; i < N_VERBS; i++) {
		if (strcmp(argv[0], verbs[i].name) != 0)
			continue;
		if (argc == 2 && strcmp(argv[1], "--help") == 0) {
			printf("usage: ocspctl %s%s\n%s\n", verbs[i].name, verbs[i].args,
			       verbs[i].help);
			return 0;
		}
		return run(&verbs[i], c, argc, argv);
	}
	return ctl_usage("there is no verb %s", argv[0]);
}

int main(int argc, char **argv)
{
	static struct ctl c = { .config = CONFIG_FILE, .cache = { .fd = -1 } };
	int code = read_options(argc, argv, &c);

	signal(SIGPIPE, SIG_IGN);
	if (code < 0)
		code = dispatch(argc - optind, argv + optind, &c);
	close_all(&c);
	if (fflush(stdout) != 0 && code == 0) {
		ctl_say("standard output can't be written");
		code = EX_IOERR;
	}
	return code;
}

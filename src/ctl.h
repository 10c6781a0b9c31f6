/*
 * ctl.h - what the verbs of ocspctl share.
 *
 * A verb is a row of the table in ocspctl.c and a function in the file of its group (ctl-*.c). It
 * returns an exit code: 0, 1 when something was refused or not found, else of sysexits(3).
 */
#ifndef OCSP_CTL_H
#define OCSP_CTL_H

#include <getopt.h>

#include "cache.h"
#include "cert.h"
#include "conf.h"
#include "json.h"
#include "metrics.h"
#include "mycnf.h"
#include "progress.h"
#include "store.h"
#include "variants.h"

struct ctl {
	const char *config;	/* path of the configuration file */
	const char *ca_name;	/* --ca, or NULL */
	const char *defaults_file;	/* --defaults-file, or NULL */
	struct mycnf defaults;	/* what it says */
	int64_t patience_ms;	/* for one question to the database; 0: timeout= */
	size_t first_ca, end_ca;	/* the conf.ca[] that are meant: all of them, or --ca */
	struct conf conf;
	struct store *store;	/* NULL until ctl_store() */
	struct cert ca[LIM_CAS];	/* zeroed until ctl_ca_cert() */
	struct cache cache;	/* fd -1 until ctl_cache() */
};

/* An option of a verb: what getopt_long(3) has to know, and "ocspctl VERB --help". */
struct ctl_opt {
	const char *name;	/* without its dashes; NULL behind the last one */
	const char *arg;	/* what it takes, "FILE"; NULL: nothing */
	const char *help;
};

enum verb_group { GROUP_HOST, GROUP_TABLE, GROUP_ANSWERS, GROUP_WATCH };

struct verb {
	enum verb_group group;
	const char *name, *args, *help;	/* args: "", or begins with a blank */
	int (*run)(struct ctl *c, int argc, char **argv);	/* argv[0] is the verb */
	const struct ctl_opt *options;	/* NULL: none, or the verb reads them with ctl_option() */
	bool no_conf;		/* the verb itself reads the configuration */
};

extern const struct ctl_opt ctl_export_options[], ctl_list_options[], ctl_purge_options[],
	ctl_reconcile_options[];
extern const struct ctl_opt ctl_import_options[], ctl_hold_options[], ctl_release_options[],
	ctl_status_options[];
extern const struct ctl_opt ctl_check_options[], ctl_metrics_options[], ctl_report_options[];
extern const struct ctl_opt ctl_add_options[], ctl_init_db_options[], ctl_presign_options[],
	ctl_revoke_options[], ctl_setup_options[], ctl_sign_issuer_options[], ctl_static_options[];

int ctl_init_db(struct ctl *c, int argc, char **argv);
int ctl_add(struct ctl *c, int argc, char **argv);
int ctl_revoke(struct ctl *c, int argc, char **argv);
int ctl_status(struct ctl *c, int argc, char **argv);
int ctl_import(struct ctl *c, int argc, char **argv);
int ctl_export(struct ctl *c, int argc, char **argv);
int ctl_list(struct ctl *c, int argc, char **argv);
int ctl_explain(struct ctl *c, int argc, char **argv);
int ctl_reconcile(struct ctl *c, int argc, char **argv);
int ctl_purge(struct ctl *c, int argc, char **argv);
int ctl_verify_cache(struct ctl *c, int argc, char **argv);
int ctl_hold(struct ctl *c, int argc, char **argv);
int ctl_release(struct ctl *c, int argc, char **argv);
int ctl_check(struct ctl *c, int argc, char **argv);
int ctl_metrics(struct ctl *c, int argc, char **argv);
int ctl_report(struct ctl *c, int argc, char **argv);
int ctl_setup(struct ctl *c, int argc, char **argv);
int ctl_presign(struct ctl *c, int argc, char **argv);
int ctl_watch(struct ctl *c, int argc, char **argv);
int ctl_static(struct ctl *c, int argc, char **argv);
int ctl_sign_issuer(struct ctl *c, int argc, char **argv);

#define CTL_REFUSED 1

/* A sentence on standard error, behind "ocspctl: ". */
void ctl_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, with a hint at --help. Returns EX_USAGE. */
int ctl_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* May a new file take the place of what is there? Not that of a link or a device, such as /dev/stdout,
 * which root could replace for everybody. What may not is told. */
bool ctl_may_replace(const char *path);

/* The next option of a verb: its index in the table, or -1 at the end; optind then stands at the
 * first argument. CTL_BAD_OPTION: it was told. */
#define CTL_BAD_OPTION '?'
int ctl_next_option(int argc, char **argv, const struct ctl_opt *table);

/* The same for a verb with a table of its own. '?' was told. */
int ctl_option(int argc, char **argv, const struct option *options);

/* libcrypto, for the keys of this configuration: more of it than the responder makes ready for itself,
 * since CRLs name algorithms that it never does. E_BUSY: see key_init(). */
MUST_CHECK enum err ctl_init_crypto(const struct conf *conf);

/* Reads the configuration, and makes libcrypto ready. What fails is told. */
MUST_CHECK enum err ctl_load(struct ctl *c);

/* The exit code that stands for an error: never 0. */
int ctl_code(enum err e);

/* Time for one question to the database: timeout=, or patience_ms. */
struct deadline ctl_deadline(const struct ctl *c);

/* Connects, once; to write, as whoever ctl_admin() says. What fails is told. */
MUST_CHECK enum err ctl_store(struct ctl *c, bool write);

/* The same for a question that may take longer than timeout=. */
MUST_CHECK enum err ctl_store_in(struct ctl *c, bool write, struct deadline d);

/* Tells why the store failed, unless that was because of an interruption. */
void ctl_say_store(const struct ctl *c);

/* The configuration to write with: a copy of c->conf, which must outlive it; never free it. What
 * fails is told. */
MUST_CHECK enum err ctl_admin(struct ctl *c, struct conf *out);

/* The certificate of the CA that conf.ca[i] answers for, read once. What fails is told. */
MUST_CHECK enum err ctl_ca_cert(struct ctl *c, size_t i, struct cert **out);

/* Which conf.ca[] this certificate is one of, --ca obeyed. E_NOT_FOUND: none; it is not told. */
MUST_CHECK enum err ctl_ca_of(struct ctl *c, const struct cert *cert, size_t *ca);

/* What a verb is asked about. */
struct ctl_target {
	uint8_t buf[LIM_SERIAL_LEN];
	size_t len;			/* of the serial's magnitude, in buf */
	char text[SERIAL_TEXT_LEN];
	size_t ca;			/* index of conf.ca[] */
};

static inline struct bytes ctl_serial(const struct ctl_target *t)
{
	return bytes_of(t->buf, t->len);
}

/* Reads SERIAL|CERT: a hexadecimal number, or a file with a certificate. What fails is told. */
MUST_CHECK enum err ctl_target(struct ctl *c, const char *arg, struct ctl_target *out);

/* Every CertID that a client may ask about a certificate with. */
struct ctl_certids {
	struct certid id[VARIANTS];
	uint8_t octets[VARIANTS][VARIANT_LEN];
};
MUST_CHECK enum err ctl_certids(const struct cert *ca, struct bytes serial, struct ctl_certids *out);

/* Opens the cache, once, as the user that owns it: root becomes that user for good, so this is what
 * a verb does last. E_NOT_FOUND: there is no cache yet; E_IO, E_USER: it was told. */
MUST_CHECK enum err ctl_cache(struct ctl *c);

/* Calls each() for every row of a table, in the order of their keys, once its page has been read:
 * it may ask the store about more. What fails is told, but for E_DEADLINE: interrupted. */
MUST_CHECK enum err ctl_scan(struct ctl *c, const char *table, bool want_cert, store_each *each,
			     void *arg);

/* Has an earlier one of the CAs that are meant the same table as conf.ca[i]? */
bool ctl_same_table(const struct ctl *c, size_t i);

/* A row's serial as serial_text() writes it; what the row has instead, if that is none, with '?'
 * for what does not belong on a terminal. */
#define CTL_ROW_SERIAL_LEN 64
void ctl_row_serial(const struct store_row *row, char out[CTL_ROW_SERIAL_LEN]);

/* "valid", "revoked", or "odd": neither. */
const char *ctl_status_word(enum row_status s);

/* "revoked since …, reason … (…)", a line on standard output. */
void ctl_print_revocation(const struct store_row *row);

/* Members serial, status, revoked_at and reason. */
void ctl_json_row(struct json *j, const char *serial, const struct store_row *row);

/* Removes every cached answer about this one; *removed says how many there were. What fails is told. */
MUST_CHECK enum err ctl_cache_drop(struct ctl *c, const struct ctl_target *t, size_t *removed);

/* Where the answers of the CA of --ca lie in the cache; without --ca, anywhere. What fails is told. */
struct ctl_folders {
	char name[VARIANTS][CERTID_FOLDER_LEN];
	size_t n;		/* 0: anywhere */
};
MUST_CHECK enum err ctl_folders_of(struct ctl *c, struct ctl_folders *out);

/* path: see cache_each */
bool ctl_in_folders(const struct ctl_folders *f, const char *path);

/* Once these have changed in the table: signs those of their answers anew that were cached, or just
 * removes them where this process can't sign. Tells which, on standard error if quiet is set. */
void ctl_publish(struct ctl *c, const struct ctl_target *list, size_t n, bool quiet);

/* A list of those, which is no use without memory: false. */
struct ctl_targets {
	struct ctl_target *list;
	size_t n, cap;
};
MUST_CHECK bool ctl_remember(struct ctl_targets *t, struct bytes serial, size_t ca);

/* SIGINT and SIGTERM from here on end every deadline and are seen by deadline_interrupted(); a
 * second one ends the process at once. */
void ctl_catch_signals(void);
#define CTL_INTERRUPTED 130

/* How far a long piece of work is: a line on standard error that is written over where that is a
 * terminal, else one every now and then. */
struct ctl_progress {
	struct progress p;
	const char *what;
	int64_t total;		/* or -1 */
	int64_t next_ms;
	bool terminal, shown;
};
void ctl_progress_begin(struct ctl_progress *p, const char *what, int64_t total);
void ctl_progress(struct ctl_progress *p, int64_t done);
/* Before something else is written to the terminal, and at the end. */
void ctl_progress_clear(struct ctl_progress *p);

/* What was counted. What fails is told. */
MUST_CHECK enum err ctl_read_metrics(const struct ctl *c, struct metrics *m, int64_t *since);

/* "2024-01-02T03:04:05Z" */
#define CTL_TIME_LEN 21
const char *ctl_time(int64_t t, char out[CTL_TIME_LEN]);

#endif

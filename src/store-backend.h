/*
 * store-backend.h - what a kind of database offers to store.c, and what it gets from there.
 */
#ifndef OCSP_STORE_BACKEND_H
#define OCSP_STORE_BACKEND_H

#include "store.h"

struct store;

/* What the question marks of a statement stand for. */
struct store_params {
	const char *text[STORE_MANY];
	size_t n;
};

/* Every member but close() is called with time left and s->table set; E_DB comes with a sentence
 * (store_fail()). */
struct store_ops {
	char quote;		/* around names */
	const char *lock;	/* behind a SELECT whose rows are changed next */
	void (*close)(struct store *s);
	/* tail: WHERE and what follows; ends early if each() says so */
	enum err (*select)(struct store *s, const char *tail, const struct store_params *p,
			   bool want_cert, store_each *each, void *arg);
	enum err (*create)(struct store *s, bool *created);
	enum err (*indexed)(struct store *s, bool *out);
	/* E_DATA: this very key is taken */
	enum err (*add)(struct store *s, const char *cert_num, struct bytes cert);
	/* time: see store_format_time(), or NULL; reason: a word, or NULL */
	enum err (*revoke)(struct store *s, const struct store_params *p, const char *time,
			   const char *reason);
	enum err (*release)(struct store *s, const struct store_params *p);
	enum err (*set_cert)(struct store *s, const struct store_params *p, struct bytes cert);
	/* n is not 0; E_DATA: a key is taken */
	enum err (*add_many)(struct store *s, const struct store_new *rows, size_t n);
	enum err (*begin)(struct store *s);
	enum err (*commit)(struct store *s);
	enum err (*has_cert)(struct store *s, bool *out);
	enum err (*odd_keys)(struct store *s, bool *out);
	enum err (*count)(struct store *s, struct store_count *out);
	/* NULL: there is nothing to be said */
	enum err (*facts)(struct store *s, struct store_facts *out);
	/* as in store.h */
	enum err (*hint)(struct store *s, char out[STORE_SIGN_LEN]);
	enum err (*digest)(struct store *s, char out[STORE_SIGN_LEN]);
	enum err (*stamped)(struct store *s);
	enum err (*twins)(struct store *s, enum store_twins *out);
	enum err (*rows)(struct store *s, int64_t *out);
	enum err (*upgrade)(struct store *s);
	const char *recent;	/* the end of a SELECT for rows no older than its parameter's seconds */
};

/* Keys with leading zeros: ranges of the index, which are empty in most tables. */
#define STORE_ZEROS "(cert_num>'0x0' AND cert_num<'0x1') OR (cert_num>'0X0' AND cert_num<'0X1')"

#define STORE_NAME_LEN 256

/* The first member of each backend's own struct. */
struct store {
	const struct store_ops *ops;
	bool in_transaction;
	bool answered;			/* see store_has_answered() */
	size_t host;			/* see store_host() */
	/* of the call at hand */
	struct deadline deadline;
	const char *table;		/* for messages */
	char name[STORE_NAME_LEN];	/* for SQL, in its quotes */
	char describe[512];
	char error[STORE_ERROR_LEN];
};

enum err store_mysql_open(const struct conf *c, struct deadline d, bool write, struct store **out,
			  char error[STORE_ERROR_LEN]);
enum err store_sqlite_open(const struct conf *c, struct deadline d, bool write, struct store **out,
			   char error[STORE_ERROR_LEN]);

/* What every question begins with. */
MUST_CHECK enum err store_start(struct store *s, const char *table, struct deadline d);

/* Every form of a serial as parameters. */
struct store_forms {
	char text[STORE_FORMS][SERIAL_TEXT_LEN];
	struct store_params params;
};
void store_make_forms(struct bytes serial, struct store_forms *f);

/* Remembers a sentence (control characters become '?') and returns E_DB. */
enum err store_fail(struct store *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Pure. "table" or "schema.table" as SQL has to spell it, in these quotes. False if it does not
 * fit. */
MUST_CHECK bool store_quote(const char *name, char quote, char out[STORE_NAME_LEN]);

/* Pure. "?,?,…" for n parameters, of which there are STORE_MANY at most; returns out. */
#define STORE_MARKS_LEN (2 * STORE_MANY)
const char *store_marks(size_t n, char out[STORE_MARKS_LEN]);

/* A statement of ours, with the name and the parameters in it: longer than any that is needed. */
#define STORE_SQL_LEN (1536 + STORE_MARKS_LEN)

/* Conditions that both kinds of database understand: a certificate that may be released, in all the
 * words of reason_of_word(); a key that serial_text() would not write, but for upper case. */
#define STORE_ON_HOLD "LOWER(status)='revoked' AND " \
	"LOWER(REPLACE(revocation_reason,'_','')) IN ('certificatehold','6')"
#define STORE_ODD_KEY "cert_num NOT LIKE '0x%%' OR cert_num LIKE '0x0%%'"

/* Pure. A row's columns, as text; .p NULL for NULL. Sets all of out but the certificate. */
struct store_text {
	struct bytes cert_num, time, reason, status;
};
void store_read_row(const struct store_text *t, struct store_row *out);

/* Pure. Adds what a line of SHOW GRANTS allows beyond SELECT to a list in out. */
void store_read_grant(const char *line, char *out, size_t cap);

#define STORE_TIME_LEN 20
void store_format_time(int64_t t, char out[STORE_TIME_LEN]);

#endif

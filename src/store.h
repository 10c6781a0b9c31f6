/*
 * store.h - where the status of certificates lives: MySQL/MariaDB, or SQLite. The rest of the
 * program does not know which.
 *
 * A failure is never "not found": E_DB means that the question could not be asked.
 */
#ifndef OCSP_STORE_H
#define OCSP_STORE_H

#include "bytes.h"
#include "certid.h"
#include "conf.h"
#include "deadline.h"

struct store;

enum row_status { ROW_VALID, ROW_REVOKED, ROW_ODD /* neither: NULL, empty, another word */ };

#define ROW_NO_TIME INT64_MIN	/* revocation_time is NULL, zero, or no date */
#define ROW_NO_REASON (-1)	/* revocation_reason is NULL */
#define ROW_ODD_REASON (-2)	/* revocation_reason is a word that CRLReason does not have */

struct store_row {
	char cert_num[64];	/* as the table has it */
	enum row_status status;
	int64_t revoked_at;	/* UTC, or ROW_NO_TIME */
	int reason;		/* CRLReason, ROW_NO_REASON or ROW_ODD_REASON */
	uint8_t *cert;		/* DER, PEM, or NULL if empty; freed by store_row_free() */
	size_t cert_len;
	bool cert_too_long;	/* over LIM_CERT_LEN: it was not read, cert is NULL */
	bool counts;		/* of store_find(): no other row of its serial does */
};

#define STORE_ERROR_LEN 512

/* Connects. Hosts are tried in order, each with a part of the time that is left; E_DB with a
 * sentence in error (host and reason, never a password) when none answers. */
MUST_CHECK enum err store_open(const struct conf *c, struct deadline d, struct store **out,
			       char error[STORE_ERROR_LEN]);

/* The same for a program that writes: an SQLite file can then be changed, and is made if it is
 * missing. */
MUST_CHECK enum err store_open_to_write(const struct conf *c, struct deadline d, struct store **out,
					char error[STORE_ERROR_LEN]);

/* Which host of the list answers, from 0. A question may change it: whoever remembers what was said
 * looks here. */
size_t store_host(const struct store *s);

/* NULL-safe. */
void store_close(struct store *s);

/* Finds a serial (a magnitude, see certid_serial()) by the primary key: as the predecessor wrote
 * it, and in upper case or with leading zeros (store_serial_forms()). If several rows match, a
 * revoked one counts before an odd one, and that before a valid one. The row's cert is NULL unless
 * want_cert. E_OK, E_NOT_FOUND, E_DB (store_error() says why). */
MUST_CHECK enum err store_find(struct store *s, const char *table, struct bytes serial,
			       bool want_cert, struct deadline d, struct store_row *out);

/* Of store_find()'s E_DB: the database has answered, and what failed is a row that it takes for
 * this serial's, and that is none. Other serials can be asked for. */
bool store_has_answered(const struct store *s);
void store_row_free(struct store_row *r);

/* For reading many rows: called for each one. It may take the row's cert over by setting it NULL.
 * False ends the reading, which then is E_OK. */
typedef bool store_each(void *arg, struct store_row *row);

/* May one serial have several rows, of which store_find() takes one? Where keys are compared with
 * regard to case, it may, in upper and lower case; and where some begin with zeros. E_OK, E_DB. */
enum store_twins { TWINS_NONE, TWINS_CASE, TWINS_ALL };
MUST_CHECK enum err store_has_twins(struct store *s, const char *table, struct deadline d,
				    enum store_twins *out);

/* The rows of these serials, each as serial_text() writes it, and in whatever other forms there may
 * be by store_has_twins(); without cert. E_OK, E_DB. */
#define STORE_MANY 500
MUST_CHECK enum err store_find_many(struct store *s, const char *table,
				    const char (*cert_num)[SERIAL_TEXT_LEN], size_t n,
				    enum store_twins twins, struct deadline d, store_each *each,
				    void *arg);

/* The next rows, at most limit, behind that cert_num ("": from the first) in the key's order.
 * E_OK, E_DB. */
MUST_CHECK enum err store_page(struct store *s, const char *table, const char *after, size_t limit,
			       bool want_cert, struct deadline d, store_each *each, void *arg);

/* Pure: the row's serial number as serial_text() writes it, however its key is spelt. False: the key
 * is none. */
MUST_CHECK bool store_row_serial(const struct store_row *row, char out[SERIAL_TEXT_LEN]);

/* Pure: how many rows of a page that is full may be taken before the next one is asked for, behind
 * the last of them. Where the key is not unique, more rows may follow with that of the page's last
 * one, and all of these come with the next page. 0: a page has no room for them. */
size_t store_page_end(const struct store_row *rows, size_t n);

/*
 * What a process that watches the table asks. See docs/freshness.md for what each of these sees.
 */
#define STORE_SIGN_LEN 224

/* A text that is cheap to ask for, and mostly another one once something was changed. E_OK, E_DB. */
MUST_CHECK enum err store_hint(struct store *s, const char *table, struct deadline d,
			       char out[STORE_SIGN_LEN]);

/* A text that is the same twice only if nothing was changed in between. E_OK, E_DB; E_NOT_FOUND:
 * the table has no such thing. */
MUST_CHECK enum err store_digest(struct store *s, const char *table, struct deadline d,
				 char out[STORE_SIGN_LEN]);

/* Does every change leave its time in a column updated_at, with an index? E_OK; E_NOT_FOUND: no,
 * and store_error() says what is missing; E_DB. */
MUST_CHECK enum err store_stamped(struct store *s, const char *table, struct deadline d);

/* The rows whose updated_at is no older than that by the database's clock, without cert.
 * E_OK, E_DB. */
MUST_CHECK enum err store_changed(struct store *s, const char *table, int seconds,
				  struct deadline d, store_each *each, void *arg);

/* How many rows there are, which an index can tell. E_OK, E_DB. */
MUST_CHECK enum err store_rows(struct store *s, const char *table, struct deadline d, int64_t *out);

/* Gives the table what store_stamped() asks for. *changed: something was missing. E_OK, E_DB. */
MUST_CHECK enum err store_upgrade(struct store *s, const char *table, struct deadline d,
				  bool *changed);

/* Creates the table if it is missing. E_OK, E_DB. *created says whether it was missing. */
MUST_CHECK enum err store_create(struct store *s, const char *table, struct deadline d,
				 bool *created);

/* Is the table there with all its columns, and a lookup by serial served by an index? E_OK; E_DATA:
 * without an index; E_DB. store_error() is a sentence. */
MUST_CHECK enum err store_check(struct store *s, const char *table, struct deadline d);

/* Adds a certificate as Valid. E_OK; E_DATA: such a row exists, in whatever form; E_DB. */
MUST_CHECK enum err store_add(struct store *s, const char *table, struct bytes serial,
			      struct bytes cert, struct deadline d);

/* Sets every row of this serial to Revoked. revoked_at: or ROW_NO_TIME. reason: ROW_NO_REASON, or a
 * CRLReason that has a word. E_OK, E_NOT_FOUND, E_DB. */
MUST_CHECK enum err store_revoke(struct store *s, const char *table, struct bytes serial,
				 int64_t revoked_at, int reason, struct deadline d);

/* Sets every row of this serial that is on hold to Valid again. E_OK; E_NOT_FOUND: no such row is
 * on hold; E_DB. */
MUST_CHECK enum err store_release(struct store *s, const char *table, struct bytes serial,
				  struct deadline d);

/* Gives every row of this serial this certificate. E_OK, E_NOT_FOUND, E_DB. */
MUST_CHECK enum err store_set_cert(struct store *s, const char *table, struct bytes serial,
				   struct bytes cert, struct deadline d);

/* Many changes, of which all happen or none: what is not committed is undone, at the latest by
 * store_close(). E_OK, E_DB. */
MUST_CHECK enum err store_begin(struct store *s, const char *table, struct deadline d);
MUST_CHECK enum err store_commit(struct store *s, const char *table, struct deadline d);

/* Has the table a column for certificates? E_OK, E_DB. */
MUST_CHECK enum err store_has_cert(struct store *s, const char *table, struct deadline d,
				   bool *out);

/* Is there a row whose cert_num is not as serial_text() writes it? Reads all keys. E_OK, E_DB. */
MUST_CHECK enum err store_odd_keys(struct store *s, const char *table, struct deadline d,
				   bool *out);

/* store_find_many() with the rows' certificates; within a transaction, nobody else can change the
 * rows that it finds before its end. */
MUST_CHECK enum err store_match(struct store *s, const char *table,
				const char (*cert_num)[SERIAL_TEXT_LEN], size_t n,
				struct deadline d, store_each *each, void *arg);

/* A row to be added. */
struct store_new {
	char cert_num[SERIAL_TEXT_LEN];
	bool revoked;
	int64_t revoked_at;	/* or ROW_NO_TIME */
	int reason;		/* ROW_NO_REASON, or a CRLReason that has a word */
	struct bytes cert;	/* may be empty */
};

/* Within a transaction: adds rows, STORE_MANY at most, with no more than STORE_BATCH_LEN octets of
 * certificates. E_OK; E_DATA: one of these very keys is taken; E_DB. */
#define STORE_BATCH_LEN (512 * 1024)
MUST_CHECK enum err store_add_many(struct store *s, const char *table, const struct store_new *rows,
				   size_t n, struct deadline d);

/* How many rows, by status. E_OK, E_DB. */
struct store_count {
	int64_t valid, revoked, odd;
};
MUST_CHECK enum err store_count(struct store *s, const char *table, struct deadline d,
				struct store_count *out);

/* What the database says about itself. SQLite has no accounts, and this host's clock. E_OK, E_DB. */
struct store_facts {
	bool has_account;
	char more[256];		/* what the account may do beyond SELECT: "INSERT, UPDATE", or "" */
	char key_type[128];	/* of cert_num: "varchar(50) utf8mb4_general_ci", or "" */
	bool by_index;		/* a lookup can use the index on cert_num */
	bool has_clock;
	int64_t clock_ms;
};
MUST_CHECK enum err store_facts(struct store *s, const char *table, struct deadline d,
				struct store_facts *out);

/* A sentence about the last failure of this store. Valid until the next call. */
const char *store_error(const struct store *s);

/* What is behind it, for a person: "MariaDB 10.11.9 at 127.0.0.1:3306, database certs". */
const char *store_describe(const struct store *s);

/* Pure: does the first of two rows of one serial count, and not the second? */
bool store_row_beats(const struct store_row *a, const struct store_row *b);

/* Pure: the words of revocation_reason. A word is read in either case, with or without its
 * underscores, and as a number: "key_compromise", "keyCompromise", "1". reason_word() is as the
 * table has it, and NULL for a code without one (7, 8, or none at all). */
int reason_of_word(struct bytes word);	/* or ROW_ODD_REASON */
const char *reason_word(int reason);

/* Pure: a revocation_time as it may be written: "2024-01-02 03:04:05", with a 'T', a fraction or a
 * 'Z' as well, or a date alone; always UTC. ROW_NO_TIME if it is none of these. */
int64_t store_parse_time(struct bytes text);

/* Pure: every form of a serial that the primary key is asked for, the predecessor's first: with no,
 * one or two leading zeros, and padded to 16, 32 and 40 digits; each in lower case, in upper case,
 * and in upper case behind "0X". Returns how many were written (no doubles). */
#define STORE_FORMS 18
size_t store_serial_forms(struct bytes serial, char out[STORE_FORMS][SERIAL_TEXT_LEN]);

/* Pure: those of them that differ in case alone. */
size_t store_case_forms(struct bytes serial, char out[STORE_FORMS][SERIAL_TEXT_LEN]);

#endif

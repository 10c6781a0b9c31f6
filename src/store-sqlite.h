/*
 * store-sqlite.h - what the SQLite backend's files share.
 */
#ifndef OCSP_STORE_SQLITE_H
#define OCSP_STORE_SQLITE_H

#include <sqlite3.h>

#include "store-backend.h"

/* What is used of the library: sq.step() is its sqlite3_step(). It is loaded when a file is opened.
 * Linked like the others, it would cost each answer from a MySQL table a fourteenth of its time. */
#define SQLITE_CALLS(X) \
	X(bind_blob64) X(bind_text) X(busy_timeout) X(changes) X(close) X(column_blob) \
	X(column_bytes) X(column_int64) X(column_text) X(errcode) X(errmsg) \
	X(extended_errcode) X(file_control) X(finalize) X(libversion) X(open_v2) X(prepare_v2) X(reset) \
	X(step)

struct sqlite_calls {
#define X(name) __typeof__(sqlite3_##name) *name;
	SQLITE_CALLS(X)
#undef X
};

extern struct sqlite_calls sq;

struct sqlite_store {
	struct store base;
	sqlite3 *db;
};

static inline sqlite3 *sqlite_of(struct store *s)
{
	return ((struct sqlite_store *)(void *)s)->db;
}

/* A sentence about the last failure. Returns E_DB. */
enum err sqlite_fail(struct store *s);

/* Another program's lock is waited for as long as there is time. */
MUST_CHECK enum err sqlite_prepare(struct store *s, const char *sql, sqlite3_stmt **out);

/* Takes the one step of a statement that returns no rows, and ends it. */
MUST_CHECK enum err sqlite_finish(struct store *s, sqlite3_stmt *stmt);

/* Parameters from "first" on; the texts outlive the statement. Binding fails only for an index that
 * the statement lacks, a bug of ours. */
void sqlite_bind_words(sqlite3_stmt *stmt, int first, const struct store_params *p);

/* What changes the table: see struct store_ops. */
enum err sqlite_add(struct store *s, const char *cert_num, struct bytes cert);
enum err sqlite_add_many(struct store *s, const struct store_new *rows, size_t n);
enum err sqlite_set_revoked(struct store *s, const struct store_params *p, const char *time,
			    const char *reason);
enum err sqlite_set_released(struct store *s, const struct store_params *p);
enum err sqlite_set_cert(struct store *s, const struct store_params *p, struct bytes cert);
enum err sqlite_begin(struct store *s);
enum err sqlite_commit(struct store *s);
enum err sqlite_odd_keys(struct store *s, bool *out);

/* For who watches the table: see struct store_ops. */
enum err sqlite_hint(struct store *s, char out[STORE_SIGN_LEN]);
enum err sqlite_digest(struct store *s, char out[STORE_SIGN_LEN]);
enum err sqlite_stamped(struct store *s);
enum err sqlite_twins(struct store *s, enum store_twins *out);
enum err sqlite_rows(struct store *s, int64_t *out);
enum err sqlite_upgrade(struct store *s);
extern const char sqlite_recent[];

#endif

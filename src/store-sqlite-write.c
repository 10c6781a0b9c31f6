/*
 * SQLite: what changes the table.
 */
#include "store-sqlite.h"

#include <stdio.h>

static enum err taken_or(struct store *s, enum err e)
{
	return sq.extended_errcode(sqlite_of(s)) == SQLITE_CONSTRAINT_PRIMARYKEY ? E_DATA : e;
}

enum err sqlite_add(struct store *s, const char *cert_num, struct bytes cert)
{
	char sql[STORE_SQL_LEN];
	sqlite3_stmt *stmt = NULL;
	enum err e;

	snprintf(sql, sizeof sql, "INSERT INTO %s (cert_num,cert,status) VALUES (?,?,'Valid')",
		 s->name);
	e = sqlite_prepare(s, sql, &stmt);
	if (e != E_OK)
		return e;
	sq.bind_text(stmt, 1, cert_num, -1, SQLITE_STATIC);
	sq.bind_blob64(stmt, 2, cert.p, cert.len, SQLITE_STATIC);
	e = sqlite_finish(s, stmt);
	return e == E_OK ? E_OK : taken_or(s, e);
}

static bool add_next(sqlite3_stmt *stmt, const struct store_new *row)
{
	bool dated = row->revoked && row->revoked_at != ROW_NO_TIME;
	char time[STORE_TIME_LEN];

	if (dated)
		store_format_time(row->revoked_at, time);
	sq.bind_text(stmt, 1, row->cert_num, -1, SQLITE_STATIC);
	sq.bind_text(stmt, 2, dated ? time : NULL, -1, SQLITE_STATIC);
	sq.bind_text(stmt, 3, row->revoked ? reason_word(row->reason) : NULL, -1,
			  SQLITE_STATIC);
	/* of no octets, but not NULL */
	sq.bind_blob64(stmt, 4, row->cert.p ? (const void *)row->cert.p : "", row->cert.len,
			    SQLITE_STATIC);
	sq.bind_text(stmt, 5, row->revoked ? "Revoked" : "Valid", -1, SQLITE_STATIC);
	return sq.step(stmt) == SQLITE_DONE && sq.reset(stmt) == SQLITE_OK;
}

/* Within a transaction, which is what makes it fast; what fails is undone with it. */
enum err sqlite_add_many(struct store *s, const struct store_new *rows, size_t n)
{
	char sql[STORE_SQL_LEN];
	sqlite3_stmt *stmt = NULL;
	enum err e;

	snprintf(sql, sizeof sql, "INSERT INTO %s (cert_num,revocation_time,revocation_reason,"
		 "cert,status) VALUES (?,?,?,?,?)", s->name);
	e = sqlite_prepare(s, sql, &stmt);
	for (size_t i = 0; i < n && e == E_OK; i++)
		if (!add_next(stmt, &rows[i]))
			e = taken_or(s, sqlite_fail(s));
	sq.finalize(stmt);
	return e;
}

/* Ends a statement that should have changed a row. */
static enum err finish_change(struct store *s, sqlite3_stmt *stmt)
{
	enum err e = sqlite_finish(s, stmt);

	return e == E_OK && sq.changes(sqlite_of(s)) == 0 ? E_NOT_FOUND : e;
}

enum err sqlite_set_revoked(struct store *s, const struct store_params *p, const char *time,
			    const char *reason)
{
	char sql[STORE_SQL_LEN], marks[STORE_MARKS_LEN];
	sqlite3_stmt *stmt = NULL;
	enum err e;

	snprintf(sql, sizeof sql, "UPDATE %s SET status='Revoked',revocation_time=?,"
		 "revocation_reason=? WHERE cert_num IN (%s)", s->name, store_marks(p->n, marks));
	e = sqlite_prepare(s, sql, &stmt);
	if (e != E_OK)
		return e;
	sq.bind_text(stmt, 1, time, -1, SQLITE_STATIC);
	sq.bind_text(stmt, 2, reason, -1, SQLITE_STATIC);
	sqlite_bind_words(stmt, 3, p);
	return finish_change(s, stmt);
}

enum err sqlite_set_released(struct store *s, const struct store_params *p)
{
	char sql[STORE_SQL_LEN], marks[STORE_MARKS_LEN];
	sqlite3_stmt *stmt = NULL;
	enum err e;

	snprintf(sql, sizeof sql, "UPDATE %s SET status='Valid',revocation_time=NULL,"
		 "revocation_reason=NULL WHERE cert_num IN (%s) AND " STORE_ON_HOLD, s->name,
		 store_marks(p->n, marks));
	e = sqlite_prepare(s, sql, &stmt);
	if (e != E_OK)
		return e;
	sqlite_bind_words(stmt, 1, p);
	return finish_change(s, stmt);
}

enum err sqlite_set_cert(struct store *s, const struct store_params *p, struct bytes cert)
{
	char sql[STORE_SQL_LEN], marks[STORE_MARKS_LEN];
	sqlite3_stmt *stmt = NULL;
	enum err e;

	snprintf(sql, sizeof sql, "UPDATE %s SET cert=? WHERE cert_num IN (%s)", s->name,
		 store_marks(p->n, marks));
	e = sqlite_prepare(s, sql, &stmt);
	if (e != E_OK)
		return e;
	sq.bind_blob64(stmt, 1, cert.p, cert.len, SQLITE_STATIC);
	sqlite_bind_words(stmt, 2, p);
	return finish_change(s, stmt);
}

static enum err say(struct store *s, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	enum err e = sqlite_prepare(s, sql, &stmt);

	return e == E_OK ? sqlite_finish(s, stmt) : e;
}

/* IMMEDIATE: nobody else writes from here on, so what was read can't have changed when it is
 * written. */
enum err sqlite_begin(struct store *s)
{
	return say(s, "BEGIN IMMEDIATE");
}

enum err sqlite_commit(struct store *s)
{
	return say(s, "COMMIT");
}

enum err sqlite_odd_keys(struct store *s, bool *out)
{
	char sql[STORE_SQL_LEN];
	sqlite3_stmt *stmt = NULL;
	enum err e;
	int rc;

	snprintf(sql, sizeof sql, "SELECT 1 FROM %s WHERE cert_num<>lower(cert_num) OR "
		 STORE_ODD_KEY " LIMIT 1", s->name);
	e = sqlite_prepare(s, sql, &stmt);
	if (e != E_OK)
		return e;
	rc = sq.step(stmt);
	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		*out = rc == SQLITE_ROW;
	else
		e = sqlite_fail(s);
	sq.finalize(stmt);
	return e;
}

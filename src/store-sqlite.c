/*
 * SQLite: for a try-out, or a small CA without a database server.
 */
#include "store-sqlite.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

/* The name of its binary interface, the same since 2004. */
#define LIBRARY "libsqlite3.so.0"

struct sqlite_calls sq;

static bool load(void **call, void *library, const char *name)
{
	*call = dlsym(library, name);
	return *call != NULL;
}

static enum err load_library(char error[STORE_ERROR_LEN])
{
	static bool loaded;
	void *library;

	if (loaded)
		return E_OK;
	library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
#define X(name) && load((void **)&sq.name, library, "sqlite3_" #name)
	loaded = library SQLITE_CALLS(X);
#undef X
	if (loaded)
		return E_OK;
	snprintf(error, STORE_ERROR_LEN, "type=sqlite needs %s (on Debian, package libsqlite3-0): "
		 "%.200s", LIBRARY, dlerror());
	return E_DB;
}

static void sqlite_store_close(struct store *s)
{
	sq.close(sqlite_of(s));
	free(s);
}

enum err sqlite_fail(struct store *s)
{
	const char *text = sq.errmsg(sqlite_of(s));

	switch (sq.errcode(sqlite_of(s))) {
	case SQLITE_BUSY:
		return store_fail(s, "another program kept the database locked (%s)", text);
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		return store_fail(s, "%s: has this user the right to the file and its folder?",
				  text);
	case SQLITE_ERROR:
		return store_fail(s, "table %s: %s (\"ocspctl init-db\" makes it; else set table=)",
				  s->table, text);
	default:
		return store_fail(s, "table %s: %s", s->table, text);
	}
}

enum err sqlite_prepare(struct store *s, const char *sql, sqlite3_stmt **out)
{
	sq.busy_timeout(sqlite_of(s), deadline_left_ms(s->deadline));
	return sq.prepare_v2(sqlite_of(s), sql, -1, out, NULL) == SQLITE_OK ? E_OK : sqlite_fail(s);
}

enum err sqlite_finish(struct store *s, sqlite3_stmt *stmt)
{
	enum err e = sq.step(stmt) == SQLITE_DONE ? E_OK : sqlite_fail(s);

	sq.finalize(stmt);
	return e;
}

void sqlite_bind_words(sqlite3_stmt *stmt, int first, const struct store_params *p)
{
	for (size_t i = 0; i < p->n; i++)
		sq.bind_text(stmt, first + (int)i, p->text[i], -1, SQLITE_STATIC);
}

enum { COL_CERT_NUM, COL_TIME, COL_REASON, COL_STATUS, COL_CERT_LEN, COL_CERT };

static struct bytes column(sqlite3_stmt *stmt, int i)
{
	const uint8_t *p = sq.column_text(stmt, i);

	return bytes_of(p, p ? (size_t)sq.column_bytes(stmt, i) : 0);
}

static enum err read_row(struct store *s, sqlite3_stmt *stmt, struct store_row *out)
{
	struct store_text t = { column(stmt, COL_CERT_NUM), column(stmt, COL_TIME),
				column(stmt, COL_REASON), column(stmt, COL_STATUS) };
	const void *p = sq.column_blob(stmt, COL_CERT);
	int len = sq.column_bytes(stmt, COL_CERT);

	store_read_row(&t, out);
	out->cert_too_long = sq.column_int64(stmt, COL_CERT_LEN) > LIM_CERT_LEN ||
		len > LIM_CERT_LEN;
	if (!p || len <= 0 || out->cert_too_long)
		return E_OK;
	out->cert = malloc((size_t)len);
	if (!out->cert)
		return store_fail(s, "out of memory");
	memcpy(out->cert, p, (size_t)len);
	out->cert_len = (size_t)len;
	return E_OK;
}

static enum err select_rows(struct store *s, const char *tail, const struct store_params *p,
			    bool want_cert, store_each *each, void *arg)
{
	char sql[STORE_SQL_LEN], cert[128] = "NULL,NULL";
	sqlite3_stmt *stmt = NULL;
	bool more = true;
	int rc = SQLITE_DONE;
	enum err e;

	if (want_cert)
		snprintf(cert, sizeof cert, "length(cert),CASE WHEN length(cert)<=%d THEN cert END",
			 LIM_CERT_LEN);
	snprintf(sql, sizeof sql, "SELECT cert_num,revocation_time,revocation_reason,status,%s "
		 "FROM %s %s", cert, s->name, tail);
	e = sqlite_prepare(s, sql, &stmt);
	if (e != E_OK)
		return e;
	sqlite_bind_words(stmt, 1, p);
	while (more && (rc = sq.step(stmt)) == SQLITE_ROW) {
		struct store_row row;

		e = read_row(s, stmt, &row);
		if (e != E_OK)
			goto out;
		more = each(arg, &row);
		store_row_free(&row);
	}
	if (more && rc != SQLITE_DONE)
		e = sqlite_fail(s);
out:
	sq.finalize(stmt);
	return e;
}

/* Has this question about the table (its only parameter) a row for an answer? A schema's name does
 * not count: a file has but one. */
static enum err any_row(struct store *s, const char *sql, bool *out)
{
	const char *dot = strrchr(s->table, '.');
	sqlite3_stmt *stmt = NULL;
	enum err e = sqlite_prepare(s, sql, &stmt);
	int rc;

	if (e != E_OK)
		return e;
	sq.bind_text(stmt, 1, dot ? dot + 1 : s->table, -1, SQLITE_STATIC);
	rc = sq.step(stmt);
	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		*out = rc == SQLITE_ROW;
	else
		e = sqlite_fail(s);
	sq.finalize(stmt);
	return e;
}

static enum err create(struct store *s, bool *created)
{
	char sql[STORE_SQL_LEN];
	sqlite3_stmt *stmt = NULL;
	bool there = false;
	enum err e = any_row(s, "SELECT 1 FROM sqlite_master WHERE type='table' "
			     "AND name=? COLLATE NOCASE", &there);

	if (e != E_OK)
		return e;
	snprintf(sql, sizeof sql,
		 "CREATE TABLE IF NOT EXISTS %s (\n"
		 "  cert_num TEXT NOT NULL PRIMARY KEY,\n"
		 "  revocation_time TEXT DEFAULT NULL,\n"
		 "  revocation_reason TEXT DEFAULT NULL CHECK (revocation_reason IN ("
		 "'unspecified','key_compromise','ca_compromise','affiliation_changed',"
		 "'superseded','cessation_of_operation','certificate_hold','privilege_withdrawn',"
		 "'aa_compromise')),\n"
		 "  cert BLOB NOT NULL,\n"
		 "  status TEXT NOT NULL DEFAULT 'Valid' CHECK (status IN ('Valid','Revoked'))\n"
		 ")", s->name);
	e = sqlite_prepare(s, sql, &stmt);
	if (e == E_OK)
		e = sqlite_finish(s, stmt);
	if (e == E_OK)
		*created = !there;
	return e;
}

static enum err indexed(struct store *s, bool *out)
{
	return any_row(s, "SELECT 1 FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i "
		       "WHERE i.seqno=0 AND i.name='cert_num' COLLATE NOCASE", out);
}

static enum err count(struct store *s, struct store_count *out)
{
	char sql[STORE_SQL_LEN];
	sqlite3_stmt *stmt = NULL;
	enum err e;

	snprintf(sql, sizeof sql, "SELECT COUNT(*),"
		 "COUNT(CASE WHEN lower(status)='valid' THEN 1 END),"
		 "COUNT(CASE WHEN lower(status)='revoked' THEN 1 END) FROM %s", s->name);
	e = sqlite_prepare(s, sql, &stmt);
	if (e != E_OK)
		return e;
	if (sq.step(stmt) == SQLITE_ROW) {
		out->valid = sq.column_int64(stmt, 1);
		out->revoked = sq.column_int64(stmt, 2);
		out->odd = sq.column_int64(stmt, 0) - out->valid - out->revoked;
	} else {
		e = sqlite_fail(s);
	}
	sq.finalize(stmt);
	return e;
}

static enum err has_cert(struct store *s, bool *out)
{
	return any_row(s, "SELECT 1 FROM pragma_table_info(?) WHERE name='cert' COLLATE NOCASE",
		       out);
}

static const struct store_ops ops = {
	.quote = '"',
	.close = sqlite_store_close,
	.select = select_rows,
	.create = create,
	.indexed = indexed,
	.count = count,
	.hint = sqlite_hint,
	.digest = sqlite_digest,
	.stamped = sqlite_stamped,
	.twins = sqlite_twins,
	.rows = sqlite_rows,
	.upgrade = sqlite_upgrade,
	.recent = sqlite_recent,
	.lock = "",	/* a transaction that writes is alone from its beginning */
	.add = sqlite_add,
	.add_many = sqlite_add_many,
	.revoke = sqlite_set_revoked,
	.release = sqlite_set_released,
	.set_cert = sqlite_set_cert,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.has_cert = has_cert,
	.odd_keys = sqlite_odd_keys,
};

enum err store_sqlite_open(const struct conf *c, struct deadline d, bool write, struct store **out,
			   char error[STORE_ERROR_LEN])
{
	struct sqlite_store *s = calloc(1, sizeof *s);
	int flags = write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;

	if (!s) {
		snprintf(error, STORE_ERROR_LEN, "out of memory");
		return E_DB;
	}
	if (load_library(error) != E_OK) {
		free(s);
		return E_DB;
	}
	s->base.ops = &ops;
	s->base.deadline = d;
	if (sq.open_v2(c->db_file, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		const char *why = s->db ? sq.errmsg(s->db) : "out of memory";

		if (write)
			snprintf(error, STORE_ERROR_LEN, "%s: %s (its folder has to be there, and "
				 "this user to have the right to write to both)", c->db_file, why);
		else
			snprintf(error, STORE_ERROR_LEN, "%s: %s (\"ocspctl init-db\" makes it, and "
				 "this user has to have the right to read it)", c->db_file, why);
		sqlite_store_close(&s->base);
		return E_DB;
	}
	snprintf(s->base.describe, sizeof s->base.describe, "SQLite %s, file %s",
		 sq.libversion(), c->db_file);
	*out = &s->base;
	return E_OK;
}

/*
 * SQLite: what a process that watches the table asks.
 */
#include "store-sqlite.h"

#include <stdio.h>

#define COLUMN "updated_at"
#define NOW "strftime('%Y-%m-%d %H:%M:%f','now')"

/* The number that SQLite itself compares: another one for this connection whenever somebody else
 * has committed something. */
enum err sqlite_digest(struct store *s, char out[STORE_SIGN_LEN])
{
	sqlite3_stmt *stmt = NULL;
	int moved = 0;
	enum err e;

	if (sq.file_control(sqlite_of(s), "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
		    SQLITE_OK && moved)
		return store_fail(s, "the database's file was removed or replaced");
	e = sqlite_prepare(s, "PRAGMA data_version", &stmt);
	if (e != E_OK)
		return e;
	if (sq.step(stmt) == SQLITE_ROW)
		snprintf(out, STORE_SIGN_LEN, "%lld",
			 (long long)sq.column_int64(stmt, 0));
	else
		e = sqlite_fail(s);
	sq.finalize(stmt);
	return e;
}

enum err sqlite_hint(struct store *s, char out[STORE_SIGN_LEN])
{
	return sqlite_digest(s, out);
}

/* A schema's name does not count: a file has but one. */
static const char *table_of(const struct store *s)
{
	const char *dot = strrchr(s->table, '.');

	return dot ? dot + 1 : s->table;
}

static enum err count(struct store *s, const char *sql, int64_t *out)
{
	sqlite3_stmt *stmt = NULL;
	enum err e = sqlite_prepare(s, sql, &stmt);

	if (e != E_OK)
		return e;
	sq.bind_text(stmt, 1, table_of(s), -1, SQLITE_STATIC);
	if (sq.step(stmt) == SQLITE_ROW)
		*out = sq.column_int64(stmt, 0);
	else
		e = sqlite_fail(s);
	sq.finalize(stmt);
	return e;
}

/* The column, its index and both triggers. */
enum err sqlite_stamped(struct store *s)
{
	static const char *const sql[] = {
		("SELECT COUNT(*) FROM pragma_table_info(?) WHERE name='" COLUMN "'"),
		("SELECT COUNT(*) FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i "
		 "WHERE i.seqno=0 AND i.name='" COLUMN "'"),
		("SELECT COUNT(*)/2 FROM sqlite_master WHERE type='trigger' AND "
		 "tbl_name=? COLLATE NOCASE AND name LIKE '%\\_stamp\\_%' ESCAPE '\\'"),
	};
	int64_t n;

	for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++) {
		enum err e = count(s, sql[i], &n);

		if (e != E_OK)
			return e;
		if (n < 1) {
			store_fail(s, "table %s has no column " COLUMN " that is kept up by triggers",
				   s->table);
			return E_NOT_FOUND;
		}
	}
	return E_OK;
}

enum err sqlite_rows(struct store *s, int64_t *out)
{
	char sql[STORE_SQL_LEN];

	/* the parameter that count() binds is left unused */
	snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM %s", s->name);
	return count(s, sql, out);
}

/* Unless the table says otherwise, which costs no more than looking twice, SQLite compares octets. */
enum err sqlite_twins(struct store *s, enum store_twins *out)
{
	char sql[STORE_SQL_LEN];
	int64_t n;
	enum err e;

	/* as in sqlite_rows(): no parameter */
	snprintf(sql, sizeof sql, "SELECT EXISTS (SELECT 1 FROM %s WHERE " STORE_ZEROS ")", s->name);
	e = count(s, sql, &n);
	if (e == E_OK)
		*out = n > 0 ? TWINS_ALL : TWINS_CASE;
	return e;
}

const char sqlite_recent[] = "WHERE " COLUMN ">=strftime('%Y-%m-%d %H:%M:%f','now','-'||?||"
	"' seconds') ORDER BY " COLUMN;

static enum err say(struct store *s, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	enum err e = sqlite_prepare(s, sql, &stmt);

	return e == E_OK ? sqlite_finish(s, stmt) : e;
}

/* event: "insert" or "update". */
static enum err add_trigger(struct store *s, const char *event, const char *when)
{
	char sql[STORE_SQL_LEN];

	snprintf(sql, sizeof sql, "CREATE TRIGGER IF NOT EXISTS \"%s_stamp_%s\" AFTER %s ON %s "
		 "BEGIN UPDATE %s SET " COLUMN "=%s WHERE cert_num=NEW.cert_num; END",
		 table_of(s), event, when, s->name, s->name, NOW);
	return say(s, sql);
}

enum err sqlite_upgrade(struct store *s)
{
	char sql[STORE_SQL_LEN];
	int64_t n;
	enum err e;

	e = count(s, "SELECT COUNT(*) FROM pragma_table_info(?) WHERE name='" COLUMN "'", &n);
	if (e == E_OK && n == 0) {
		snprintf(sql, sizeof sql, "ALTER TABLE %s ADD COLUMN " COLUMN " TEXT", s->name);
		e = say(s, sql);
	}
	snprintf(sql, sizeof sql, "CREATE INDEX IF NOT EXISTS \"%s_" COLUMN "\" ON %s (" COLUMN ")",
		 table_of(s), s->name);
	if (e == E_OK)
		e = say(s, sql);
	if (e == E_OK)
		e = add_trigger(s, "insert", "INSERT");
	if (e == E_OK)
		e = add_trigger(s, "update", "UPDATE OF cert_num,revocation_time,revocation_reason,"
				"cert,status");
	return e;
}

/*
 * MySQL and MariaDB: what a process that watches the table asks.
 */
#include "store-mysql.h"

#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>

#define COLUMN "updated_at"

/* Milliseconds, and a TIMESTAMP: a DATETIME would be in the time zone of whoever wrote the row. */
#define STAMP "TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)"

/* Asks for one row of n columns and copies them, empty for NULL. E_NOT_FOUND: there is none. */
static enum err ask_row(struct store *s, const char *sql, unsigned n, char out[][STORE_SIGN_LEN])
{
	enum err e = mysql_say(s, sql);
	MYSQL *my = mysql_of(s);	/* by now: it may have gone on with the next host */
	MYSQL_RES *r;
	MYSQL_ROW row;

	if (e != E_OK)
		return e;
	r = mysql_store_result(my);
	row = r && mysql_num_fields(r) >= n ? mysql_fetch_row(r) : NULL;
	if (row)
		for (unsigned i = 0; i < n; i++)
			snprintf(out[i], STORE_SIGN_LEN, "%s", row[i] ? row[i] : "");
	else
		e = r ? E_NOT_FOUND : mysql_fail(s, mysql_errno(my), mysql_error(my));
	mysql_free_result(r);
	return e;
}

/* The condition that information_schema knows a table by; no quote can be in its name, see
 * conf_is_table(). */
static void put_where(const struct store *s, char *out, size_t cap)
{
	const char *dot = strchr(s->table, '.');

	if (dot)
		snprintf(out, cap, "TABLE_SCHEMA='%.*s' AND TABLE_NAME='%s'", (int)(dot - s->table),
			 s->table, dot + 1);
	else
		snprintf(out, cap, "TABLE_SCHEMA=DATABASE() AND TABLE_NAME='%s'", s->table);
}

/* InnoDB keeps the time of the last change in memory: in whole seconds, that of the transaction's
 * beginning, and not of a TRUNCATE. So it is no proof of anything. */
enum err mysql_hint(struct store *s, char out[STORE_SIGN_LEN])
{
	char where[2 * STORE_NAME_LEN + 64], sql[STORE_SQL_LEN];

	put_where(s, where, sizeof where);
	snprintf(sql, sizeof sql, "SELECT CONCAT_WS('|',CREATE_TIME,UPDATE_TIME) "
		 "FROM information_schema.TABLES WHERE %s", where);
	if (ask_row(s, sql, 1, (char (*)[STORE_SIGN_LEN])out) == E_OK)
		return E_OK;
	return s->error[0] ? E_DB : store_fail(s, "there is no table %s", s->table);
}

enum err mysql_stamped(struct store *s)
{
	char where[2 * STORE_NAME_LEN + 64], sql[STORE_SQL_LEN], found[3][STORE_SIGN_LEN];
	enum err e;

	put_where(s, where, sizeof where);
	snprintf(sql, sizeof sql, "SELECT DATA_TYPE,LOWER(EXTRA) LIKE '%%on update%%',"
		 "(SELECT COUNT(*) FROM information_schema.STATISTICS WHERE %s AND "
		 "COLUMN_NAME='" COLUMN "' AND SEQ_IN_INDEX=1) "
		 "FROM information_schema.COLUMNS WHERE %s AND COLUMN_NAME='" COLUMN "'",
		 where, where);
	e = ask_row(s, sql, 3, found);
	if (e == E_NOT_FOUND)
		store_fail(s, "table %s has no column " COLUMN, s->table);
	if (e != E_OK)
		return e;
	if (strcmp(found[0], "timestamp") != 0 || found[1][0] != '1') {
		store_fail(s, "column " COLUMN " of table %s is no TIMESTAMP with ON UPDATE "
			   "CURRENT_TIMESTAMP", s->table);
		return E_NOT_FOUND;
	}
	if (found[2][0] == '0') {
		store_fail(s, "column " COLUMN " of table %s has no index", s->table);
		return E_NOT_FOUND;
	}
	return E_OK;
}

/* Read from the index alone, which has the key as well. Sums, for CRCs cancel out under XOR. */
enum err mysql_digest(struct store *s, char out[STORE_SIGN_LEN])
{
	enum err e = mysql_stamped(s);
	char sql[STORE_SQL_LEN];

	if (e != E_OK)
		return e;
	snprintf(sql, sizeof sql, "SELECT CONCAT_WS('|',COUNT(*),"
		 "SUM(CRC32(CONCAT(cert_num," COLUMN "))),SUM(UNIX_TIMESTAMP(" COLUMN "))) FROM %s",
		 s->name);
	return ask_row(s, sql, 1, (char (*)[STORE_SIGN_LEN])out);
}

/* Names of collations end in how they compare: "_ci", without regard to case. */
enum err mysql_twins(struct store *s, enum store_twins *out)
{
	char sql[STORE_SQL_LEN];
	bool found;
	enum err e;

	snprintf(sql, sizeof sql, "SELECT 1 FROM %s WHERE " STORE_ZEROS " LIMIT 1", s->name);
	e = mysql_any(s, sql, &found);
	if (e == E_OK && found) {
		*out = TWINS_ALL;
		return E_OK;
	}
	snprintf(sql, sizeof sql, "SELECT 1 FROM (SELECT COLLATION(cert_num) AS c FROM %s LIMIT 1) "
		 "AS t WHERE c NOT LIKE '%%\\_ci'", s->name);
	if (e == E_OK)
		e = mysql_any(s, sql, &found);
	*out = e == E_OK && found ? TWINS_CASE : TWINS_NONE;
	return e;
}

enum err mysql_rows(struct store *s, int64_t *out)
{
	char sql[STORE_SQL_LEN], text[1][STORE_SIGN_LEN];
	enum err e;

	snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM %s", s->name);
	e = ask_row(s, sql, 1, text);
	if (e == E_OK)
		*out = strtoll(text[0], NULL, 10);
	return e;
}

const char mysql_recent[] = "WHERE " COLUMN ">=NOW(3)-INTERVAL ? SECOND ORDER BY " COLUMN;

static enum err alter(struct store *s, const char *what)
{
	char sql[STORE_SQL_LEN];

	snprintf(sql, sizeof sql, "ALTER TABLE %s %s", s->name, what);
	return mysql_say(s, sql);
}

/* Invisible, so that an INSERT without a list of columns goes on working. */
enum err mysql_upgrade(struct store *s)
{
	static const char add[] = "ADD COLUMN " COLUMN " " STAMP "%s, ADD INDEX " COLUMN " (" COLUMN ")";
	char what[sizeof add + 16];
	enum err e;

	snprintf(what, sizeof what, add, " INVISIBLE");
	e = alter(s, what);
	if (e == E_DB && mysql_errno(mysql_of(s)) == ER_PARSE_ERROR) {
		/* MySQL before 8.0.23 */
		snprintf(what, sizeof what, add, "");
		e = alter(s, what);
	}
	if (e == E_DB && mysql_errno(mysql_of(s)) == ER_DUP_FIELDNAME)
		e = alter(s, "ADD INDEX " COLUMN " (" COLUMN ")");
	if (e != E_OK)
		return e;
	e = mysql_stamped(s);
	return e == E_NOT_FOUND ? E_DB : e;
}

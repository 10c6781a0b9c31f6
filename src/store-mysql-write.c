/*
 * MySQL and MariaDB: what changes the table.
 */
#include "store-mysql.h"

#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>

/* Runs a statement that returns no rows. E_NOT_FOUND: it matched none; E_DATA: a key is taken. */
static enum err change(struct store *s, const char *sql, MYSQL_BIND *params, unsigned n)
{
	MYSQL_STMT *stmt;
	enum err e = mysql_run(s, sql, params, n, &stmt);

	if (e != E_OK)
		return mysql_errno(mysql_of(s)) == ER_DUP_ENTRY ? E_DATA : e;
	if (mysql_stmt_affected_rows(stmt) == 0)
		e = E_NOT_FOUND;
	mysql_stmt_close(stmt);
	return e;
}

enum err mysql_add(struct store *s, const char *cert_num, struct bytes cert)
{
	char sql[STORE_SQL_LEN];
	MYSQL_BIND params[2] = { 0 };

	snprintf(sql, sizeof sql, "INSERT INTO %s (cert_num,cert,status) VALUES (?,?,'Valid')",
		 s->name);
	mysql_bind_word(&params[0], cert_num);
	mysql_bind(&params[1], MYSQL_TYPE_BLOB, cert);
	return change(s, sql, params, 2);
}

enum { NEW_CERT_NUM, NEW_TIME, NEW_REASON, NEW_CERT, NEW_STATUS, NEW_COLS };

static void bind_new(MYSQL_BIND *b, const struct store_new *row, char time[STORE_TIME_LEN])
{
	bool dated = row->revoked && row->revoked_at != ROW_NO_TIME;

	if (dated)
		store_format_time(row->revoked_at, time);
	mysql_bind_word(&b[NEW_CERT_NUM], row->cert_num);
	mysql_bind_word(&b[NEW_TIME], dated ? time : NULL);
	mysql_bind_word(&b[NEW_REASON], row->revoked ? reason_word(row->reason) : NULL);
	mysql_bind(&b[NEW_CERT], MYSQL_TYPE_BLOB, row->cert.p ? row->cert : bytes_of("", 0));
	mysql_bind_word(&b[NEW_STATUS], row->revoked ? "Revoked" : "Valid");
}

/* One statement for all of them: a round trip, and little else, is what a row costs by itself. */
enum err mysql_add_many(struct store *s, const struct store_new *rows, size_t n)
{
	static const char one[] = ",(?,?,?,?,?)";
	char head[STORE_NAME_LEN + 128], (*times)[STORE_TIME_LEN];
	MYSQL_BIND *params;
	char *sql, *p;
	enum err e;

	snprintf(head, sizeof head, "INSERT INTO %s (cert_num,revocation_time,revocation_reason,"
		 "cert,status) VALUES ", s->name);
	params = calloc(n * NEW_COLS, sizeof *params);
	times = calloc(n, sizeof *times);
	sql = malloc(strlen(head) + n * (sizeof one - 1) + 1);
	if (!params || !times || !sql) {
		e = store_fail(s, "out of memory");
		goto out;
	}
	p = stpcpy(sql, head);
	for (size_t i = 0; i < n; i++) {
		p = stpcpy(p, i == 0 ? one + 1 : one);
		bind_new(params + i * NEW_COLS, &rows[i], times[i]);
	}
	e = change(s, sql, params, (unsigned)(n * NEW_COLS));
out:
	free(params);
	free(times);
	free(sql);
	return e;
}

enum err mysql_set_revoked(struct store *s, const struct store_params *p, const char *time,
			   const char *reason)
{
	MYSQL_BIND params[2 + STORE_FORMS] = { 0 };
	char sql[STORE_SQL_LEN], marks[STORE_MARKS_LEN];

	snprintf(sql, sizeof sql, "UPDATE %s SET status='Revoked',revocation_time=?,"
		 "revocation_reason=? WHERE cert_num IN (%s)", s->name, store_marks(p->n, marks));
	mysql_bind_word(&params[0], time);
	mysql_bind_word(&params[1], reason);
	mysql_bind_words(params + 2, p);
	return change(s, sql, params, (unsigned)p->n + 2);
}

enum err mysql_set_released(struct store *s, const struct store_params *p)
{
	MYSQL_BIND params[STORE_FORMS] = { 0 };
	char sql[STORE_SQL_LEN], marks[STORE_MARKS_LEN];

	snprintf(sql, sizeof sql, "UPDATE %s SET status='Valid',revocation_time=NULL,"
		 "revocation_reason=NULL WHERE cert_num IN (%s) AND " STORE_ON_HOLD, s->name,
		 store_marks(p->n, marks));
	mysql_bind_words(params, p);
	return change(s, sql, params, (unsigned)p->n);
}

enum err mysql_set_cert(struct store *s, const struct store_params *p, struct bytes cert)
{
	MYSQL_BIND params[1 + STORE_FORMS] = { 0 };
	char sql[STORE_SQL_LEN], marks[STORE_MARKS_LEN];

	snprintf(sql, sizeof sql, "UPDATE %s SET cert=? WHERE cert_num IN (%s)", s->name,
		 store_marks(p->n, marks));
	mysql_bind(&params[0], MYSQL_TYPE_BLOB, cert);
	mysql_bind_words(params + 1, p);
	return change(s, sql, params, (unsigned)p->n + 1);
}

/* Rows that a SELECT … FOR UPDATE finds are locked, and the gaps between them are not: others can
 * go on adding certificates while a long import runs. */
enum err mysql_begin(struct store *s)
{
	enum err e = mysql_say(s, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED");

	return e == E_OK ? mysql_say(s, "START TRANSACTION") : e;
}

enum err mysql_commit_all(struct store *s)
{
	return mysql_say(s, "COMMIT");
}

enum err mysql_odd_keys(struct store *s, bool *out)
{
	char sql[STORE_SQL_LEN];

	/* the column's collation may take upper case for lower case */
	snprintf(sql, sizeof sql, "SELECT 1 FROM %s WHERE CAST(cert_num AS BINARY)<>"
		 "CAST(LOWER(cert_num) AS BINARY) OR " STORE_ODD_KEY " LIMIT 1", s->name);
	return mysql_any(s, sql, out);
}

/*
 * MySQL and MariaDB.
 */
#include "store-mysql.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>

/* A longer text in one of these columns is no word or date that we know. */
#define COLUMN_LEN 64

static void mysql_store_close(struct store *s)
{
	mysql_close(mysql_of(s));
	free(s);
}

/* Says what an operator can do about the usual failures. */
enum err mysql_fail(struct store *s, unsigned code, const char *text)
{
	switch (code) {
	case ER_NO_SUCH_TABLE:
		return store_fail(s, "there is no table %s: make it with \"ocspctl init-db\", "
				  "or set table= (%s)", s->table, text);
	case ER_BAD_FIELD_ERROR:
		return store_fail(s, "table %s lacks a column: %s", s->table, text);
	case CR_SERVER_LOST:
	case CR_SERVER_GONE_ERROR:
		return store_fail(s, "the database did not answer in time, or hung up (%s)", text);
	default:
		return store_fail(s, "table %s: %s (error %u)", s->table, text, code);
	}
}

void mysql_bind(MYSQL_BIND *b, enum enum_field_types type, struct bytes v)
{
	b->buffer_type = v.p ? type : MYSQL_TYPE_NULL;
	b->buffer = (void *)(uintptr_t)v.p;	/* a parameter: only read */
	b->buffer_length = v.len;
}

void mysql_bind_word(MYSQL_BIND *b, const char *word)
{
	mysql_bind(b, MYSQL_TYPE_STRING, word ? bytes_str(word) : bytes_of(NULL, 0));
}

void mysql_bind_words(MYSQL_BIND *b, const struct store_params *p)
{
	for (size_t i = 0; i < p->n; i++)
		mysql_bind_word(&b[i], p->text[i]);
}

/* Is it the server that is in trouble, rather than our question? */
static bool is_trouble(unsigned code)
{
	switch (code) {
	case ER_UNKNOWN_COM_ERROR:	/* a node that is cut off from its cluster, or joins it */
	case ER_LOCK_WAIT_TIMEOUT:	/* the same, with wsrep_sync_wait */
	case ER_LOCK_DEADLOCK:
	case ER_SERVER_SHUTDOWN:
	case ER_QUERY_INTERRUPTED:
		return true;
	default:
		return code >= CR_MIN_ERROR && code <= CR_MAX_ERROR && code != CR_OUT_OF_MEMORY;
	}
}

/* Such a server may well accept a connection: so the next host is connected to when it refuses the
 * question. False: what it said stands. */
static bool go_elsewhere(struct store *s, unsigned code)
{
	struct mysql_store *m = (struct mysql_store *)(void *)s;
	char error[STORE_ERROR_LEN];
	MYSQL *my;

	if (!m->conf || !is_trouble(code) || !deadline_left_ms(s->deadline))
		return false;
	my = mysql_connect_any(m->conf, &m->next_host, s->deadline, false, s->describe,
			       sizeof s->describe, error);
	if (!my)
		return false;
	mysql_close(m->my);
	m->my = my;
	s->host = m->next_host - 1;
	return true;
}

static enum err run_here(struct store *s, const char *sql, MYSQL_BIND *params, unsigned n,
			 MYSQL_STMT **out, unsigned *code)
{
	MYSQL_STMT *stmt = mysql_stmt_init(mysql_of(s));
	bool failed;

	if (!stmt)
		return store_fail(s, "out of memory");
#ifdef LIBMARIADB
	failed = mysql_stmt_attr_set(stmt, STMT_ATTR_PREBIND_PARAMS, &n) ||
		mysql_stmt_bind_param(stmt, params) ||
		mariadb_stmt_execute_direct(stmt, sql, strlen(sql));
#else
	failed = mysql_stmt_prepare(stmt, sql, strlen(sql)) || mysql_stmt_param_count(stmt) != n ||
		mysql_stmt_bind_param(stmt, params) || mysql_stmt_execute(stmt);
#endif
	if (failed) {
		*code = mysql_stmt_errno(stmt);
		mysql_fail(s, *code, mysql_stmt_error(stmt));
		mysql_stmt_close(stmt);
		return E_DB;
	}
	*out = stmt;
	return E_OK;
}

/* Prepares and executes, in one round trip where the library and the server can. */
enum err mysql_run(struct store *s, const char *sql, MYSQL_BIND *params, unsigned n,
		   MYSQL_STMT **out)
{
	unsigned code = 0;
	enum err e;

	do
		e = run_here(s, sql, params, n, out, &code);
	while (e && go_elsewhere(s, code));
	return e;
}

enum { COL_CERT_NUM, COL_TIME, COL_REASON, COL_STATUS, COL_CERT_LEN, COL_CERT, N_COLS };

struct columns {
	MYSQL_BIND bind[N_COLS];
	char text[COL_CERT_LEN][COLUMN_LEN];
	uint64_t cert_len;
	unsigned long len[N_COLS];
	sql_bool null[N_COLS];
};

static void bind_columns(struct columns *c)
{
	memset(c, 0, sizeof *c);
	for (int i = 0; i < N_COLS; i++) {
		/* as text: whether a column is an ENUM, a DATETIME or a VARCHAR doesn't matter */
		c->bind[i].buffer_type = MYSQL_TYPE_STRING;
		c->bind[i].length = &c->len[i];
		c->bind[i].is_null = &c->null[i];
		if (i < COL_CERT_LEN) {
			c->bind[i].buffer = c->text[i];
			c->bind[i].buffer_length = COLUMN_LEN;
		}
	}
	c->bind[COL_CERT_LEN].buffer_type = MYSQL_TYPE_LONGLONG;
	c->bind[COL_CERT_LEN].buffer = &c->cert_len;
	c->bind[COL_CERT_LEN].is_unsigned = 1;
	/* fetched once its length is known */
	c->bind[COL_CERT].buffer_type = MYSQL_TYPE_BLOB;
}

static struct bytes column(const struct columns *c, int i)
{
	if (c->null[i])
		return bytes_of(NULL, 0);
	return bytes_of(c->text[i], c->len[i] < COLUMN_LEN ? c->len[i] : COLUMN_LEN);
}

/* Of the row that was fetched last. */
static enum err fetch_cert(struct store *s, MYSQL_STMT *stmt, const struct columns *c,
			   struct store_row *row)
{
	unsigned long len = c->null[COL_CERT] ? 0 : c->len[COL_CERT];
	MYSQL_BIND b = { .buffer_type = MYSQL_TYPE_BLOB };
	unsigned long got = 0;
	sql_bool null = 0;

	row->cert_too_long = !c->null[COL_CERT_LEN] && c->cert_len > LIM_CERT_LEN;
	if (len == 0 || len > LIM_CERT_LEN)
		return E_OK;
	row->cert = malloc(len);
	if (!row->cert)
		return store_fail(s, "out of memory");
	b.buffer = row->cert;
	b.buffer_length = len;
	b.length = &got;
	b.is_null = &null;
	if (mysql_stmt_fetch_column(stmt, &b, COL_CERT, 0) != 0 || got != len) {
		store_row_free(row);
		return store_fail(s, "the certificate can't be read: %s", mysql_stmt_error(stmt));
	}
	row->cert_len = len;
	return E_OK;
}

static enum err fetch_rows(struct store *s, MYSQL_STMT *stmt, store_each *each, void *arg)
{
	struct columns c;
	bool more = true;
	int rc = 0;

	bind_columns(&c);
	if (mysql_stmt_bind_result(stmt, c.bind))
		return mysql_fail(s, mysql_stmt_errno(stmt), mysql_stmt_error(stmt));
	while (more && ((rc = mysql_stmt_fetch(stmt)) == 0 || rc == MYSQL_DATA_TRUNCATED)) {
		struct store_text t = { column(&c, COL_CERT_NUM), column(&c, COL_TIME),
					column(&c, COL_REASON), column(&c, COL_STATUS) };
		struct store_row row;
		enum err e;

		store_read_row(&t, &row);
		e = fetch_cert(s, stmt, &c, &row);
		if (e != E_OK)
			return e;
		more = each(arg, &row);
		store_row_free(&row);
	}
	if (more && rc != MYSQL_NO_DATA)
		return mysql_fail(s, mysql_stmt_errno(stmt), mysql_stmt_error(stmt));
	return E_OK;
}

static enum err select_rows(struct store *s, const char *tail, const struct store_params *p,
			    bool want_cert, store_each *each, void *arg)
{
	char sql[STORE_SQL_LEN], cert[128] = "NULL,NULL";
	MYSQL_BIND params[STORE_MANY] = { 0 };
	MYSQL_STMT *stmt = NULL;
	enum err e;

	if (want_cert)
		snprintf(cert, sizeof cert, "LENGTH(cert),IF(LENGTH(cert)<=%d,cert,NULL)",
			 LIM_CERT_LEN);
	snprintf(sql, sizeof sql, "SELECT cert_num,revocation_time,revocation_reason,status,%s "
		 "FROM %s %s", cert, s->name, tail);
	mysql_bind_words(params, p);
	e = mysql_run(s, sql, params, (unsigned)p->n, &stmt);
	if (e != E_OK)
		return e;
	e = fetch_rows(s, stmt, each, arg);
	mysql_stmt_close(stmt);
	return e;
}

/* A statement without parameters. */
enum err mysql_say(struct store *s, const char *sql)
{
	while (mysql_real_query(mysql_of(s), sql, strlen(sql))) {
		unsigned code = mysql_errno(mysql_of(s));

		mysql_fail(s, code, mysql_error(mysql_of(s)));
		if (!go_elsewhere(s, code))
			return E_DB;
	}
	return E_OK;
}

static enum err create(struct store *s, bool *created)
{
	char sql[STORE_SQL_LEN];
	enum err e;

	snprintf(sql, sizeof sql,
		 "CREATE TABLE IF NOT EXISTS %s (\n"
		 "  `cert_num` varchar(50) NOT NULL,\n"
		 "  `revocation_time` datetime DEFAULT NULL,\n"
		 "  `revocation_reason` enum('unspecified','key_compromise','ca_compromise',"
		 "'affiliation_changed','superseded','cessation_of_operation','certificate_hold',"
		 "'privilege_withdrawn','aa_compromise') DEFAULT NULL,\n"
		 "  `cert` blob NOT NULL,\n"
		 "  `status` enum('Valid','Revoked') NOT NULL DEFAULT 'Valid',\n"
		 "  PRIMARY KEY (`cert_num`)\n"
		 ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4", s->name);
	e = mysql_say(s, sql);
	if (e == E_OK)
		*created = mysql_warning_count(mysql_of(s)) == 0;	/* else: it was there */
	return e;
}

enum err mysql_any(struct store *s, const char *sql, bool *out)
{
	enum err e = mysql_say(s, sql);
	MYSQL_RES *r;

	if (e != E_OK)
		return e;
	r = mysql_store_result(mysql_of(s));
	if (!r)
		return mysql_fail(s, mysql_errno(mysql_of(s)), mysql_error(mysql_of(s)));
	*out = mysql_num_rows(r) > 0;
	mysql_free_result(r);
	return E_OK;
}

static enum err indexed(struct store *s, bool *out)
{
	char sql[STORE_SQL_LEN];

	snprintf(sql, sizeof sql, "SHOW INDEX FROM %s "
		 "WHERE Column_name='cert_num' AND Seq_in_index=1", s->name);
	return mysql_any(s, sql, out);
}

static enum err has_cert(struct store *s, bool *out)
{
	char sql[STORE_SQL_LEN];

	snprintf(sql, sizeof sql, "SHOW COLUMNS FROM %s LIKE 'cert'", s->name);
	return mysql_any(s, sql, out);
}

static enum err count(struct store *s, struct store_count *out)
{
	char sql[STORE_SQL_LEN];
	MYSQL_RES *r = NULL;
	MYSQL_ROW row;
	enum err e;

	snprintf(sql, sizeof sql, "SELECT COUNT(*),COUNT(IF(LOWER(status)='valid',1,NULL)),"
		 "COUNT(IF(LOWER(status)='revoked',1,NULL)) FROM %s", s->name);
	e = mysql_say(s, sql);
	if (e != E_OK)
		return e;
	r = mysql_store_result(mysql_of(s));
	row = r ? mysql_fetch_row(r) : NULL;
	if (row && row[0] && row[1] && row[2]) {
		out->valid = strtoll(row[1], NULL, 10);
		out->revoked = strtoll(row[2], NULL, 10);
		out->odd = strtoll(row[0], NULL, 10) - out->valid - out->revoked;
	} else {
		e = mysql_fail(s, mysql_errno(mysql_of(s)), mysql_error(mysql_of(s)));
	}
	mysql_free_result(r);
	return e;
}

static const struct store_ops ops = {
	.quote = '`',
	.close = mysql_store_close,
	.select = select_rows,
	.create = create,
	.indexed = indexed,
	.count = count,
	.facts = mysql_facts,
	.hint = mysql_hint,
	.digest = mysql_digest,
	.stamped = mysql_stamped,
	.twins = mysql_twins,
	.rows = mysql_rows,
	.upgrade = mysql_upgrade,
	.recent = mysql_recent,
	.lock = " FOR UPDATE",
	.add = mysql_add,
	.add_many = mysql_add_many,
	.revoke = mysql_set_revoked,
	.release = mysql_set_released,
	.set_cert = mysql_set_cert,
	.begin = mysql_begin,
	.commit = mysql_commit_all,
	.has_cert = has_cert,
	.odd_keys = mysql_odd_keys,
};

enum err store_mysql_open(const struct conf *c, struct deadline d, bool write, struct store **out,
			  char error[STORE_ERROR_LEN])
{
	struct mysql_store *s = calloc(1, sizeof *s);

	if (!s) {
		snprintf(error, STORE_ERROR_LEN, "out of memory");
		return E_DB;
	}
	s->base.ops = &ops;
	s->conf = write ? NULL : c;
	s->my = mysql_connect_any(c, &s->next_host, d, write, s->base.describe,
				  sizeof s->base.describe, error);
	if (!s->my) {
		free(s);
		return E_DB;
	}
	s->base.host = s->next_host - 1;
	*out = &s->base;
	return E_OK;
}

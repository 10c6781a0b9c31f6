/* What ocspctl check wants to know about a server of MySQL or MariaDB and its table. */
#include <stdio.h>
#include <stdlib.h>

#include "store-mysql.h"

static void put_more(const char *p, size_t len, char *out, size_t cap)
{
	size_t used = strlen(out);

	/* what does not fit is as good as said */
	if (len && used + 2 + len < cap)
		snprintf(out + used, cap - used, "%s%.*s", used ? ", " : "", (int)len, p);
}

/* Grants that are a list of names, some with columns: "SELECT, INSERT (`a`, `b`)". */
static void read_list(const char *p, const char *end, char *out, size_t cap)
{
	while (p < end) {
		const char *name, *name_end;
		int depth = 0;

		while (p < end && (*p == ' ' || *p == ','))
			p++;
		name = name_end = p;
		for (; p < end && (depth || *p != ','); p++) {
			depth += *p == '(';
			if (!depth && *p != ' ')
				name_end = p + 1;
			depth -= *p == ')';
		}
		if (!bytes_eq(bytes_of(name, (size_t)(name_end - name)), bytes_str("SELECT")) &&
		    !bytes_eq(bytes_of(name, (size_t)(name_end - name)), bytes_str("USAGE")))
			put_more(name, (size_t)(name_end - name), out, cap);
	}
}

void store_read_grant(const char *line, char *out, size_t cap)
{
	static const char grant[] = "GRANT ", option[] = " WITH GRANT OPTION";
	const char *on = strstr(line, " ON ");

	/* a line without ON is a role, whose rights have lines of their own where it is active */
	if (strncmp(line, grant, sizeof grant - 1) != 0 || !on)
		return;
	read_list(line + sizeof grant - 1, on, out, cap);
	if (strstr(on, option))
		put_more("GRANT OPTION", strlen("GRANT OPTION"), out, cap);
}

/* The rows of a statement. NULL: mysql_fail() was called. */
static MYSQL_RES *ask(struct store *s, const char *sql)
{
	MYSQL_RES *r = NULL;
	MYSQL *my;

	if (mysql_say(s, sql) != E_OK)
		return NULL;
	my = mysql_of(s);	/* it may have gone on with the next host */
	r = mysql_store_result(my);
	if (!r)
		mysql_fail(s, mysql_errno(my), mysql_error(my));
	return r;
}

/* The column of this name in the first row, or NULL. */
static const char *column(MYSQL_RES *r, MYSQL_ROW row, const char *name)
{
	const MYSQL_FIELD *fields = mysql_fetch_fields(r);

	for (unsigned i = 0; row && i < mysql_num_fields(r); i++)
		if (strcmp(fields[i].name, name) == 0)
			return row[i];
	return NULL;
}

static enum err read_account(struct store *s, struct store_facts *out)
{
	MYSQL_RES *r = ask(s, "SHOW GRANTS FOR CURRENT_USER()");
	MYSQL_ROW row;

	if (!r)
		return E_DB;
	while ((row = mysql_fetch_row(r)))
		if (row[0])
			store_read_grant(row[0], out->more, sizeof out->more);
	mysql_free_result(r);
	out->has_account = true;
	return E_OK;
}

static enum err read_key(struct store *s, struct store_facts *out)
{
	char sql[STORE_SQL_LEN];
	const char *type, *collation;
	MYSQL_RES *r;
	MYSQL_ROW row;

	snprintf(sql, sizeof sql, "SHOW FULL COLUMNS FROM %s WHERE Field='cert_num'", s->name);
	r = ask(s, sql);
	if (!r)
		return E_DB;
	row = mysql_fetch_row(r);
	type = column(r, row, "Type");
	collation = column(r, row, "Collation");
	snprintf(out->key_type, sizeof out->key_type, "%.60s%s%.60s", type ? type : "",
		 collation ? " " : "", collation ? collation : "");
	mysql_free_result(r);
	return E_OK;
}

/* Would the index be considered? Whether it is taken depends on how many rows there are by now. */
static enum err read_plan(struct store *s, struct store_facts *out)
{
	char sql[STORE_SQL_LEN];
	const char *type;
	MYSQL_RES *r;
	MYSQL_ROW row;

	snprintf(sql, sizeof sql, "EXPLAIN SELECT status FROM %s WHERE cert_num IN ('0x1','0X1')",
		 s->name);
	r = ask(s, sql);
	if (!r)
		return E_DB;
	row = mysql_fetch_row(r);
	type = column(r, row, "type");
	/* a table of one row, or none, may be read at once, with no word about its index */
	out->by_index = column(r, row, "possible_keys") || !type || strcmp(type, "system") == 0;
	mysql_free_result(r);
	return E_OK;
}

static enum err read_clock(struct store *s, struct store_facts *out)
{
	MYSQL_RES *r = ask(s, "SELECT FLOOR(UNIX_TIMESTAMP(SYSDATE(6))*1000)");
	MYSQL_ROW row;

	if (!r)
		return E_DB;
	row = mysql_fetch_row(r);
	out->has_clock = row && row[0];
	if (out->has_clock)
		out->clock_ms = strtoll(row[0], NULL, 10);
	mysql_free_result(r);
	return E_OK;
}

/* The clock first: the caller has just looked at its own. */
enum err mysql_facts(struct store *s, struct store_facts *out)
{
	enum err e = read_clock(s, out);

	if (e == E_OK)
		e = read_account(s, out);
	if (e == E_OK)
		e = read_key(s, out);
	return e == E_OK ? read_plan(s, out) : e;
}

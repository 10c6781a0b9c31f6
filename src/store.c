#include "store-backend.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum err store_fail(struct store *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(s->error, sizeof s->error, format, ap);
	va_end(ap);
	text_defuse(s->error);
	return E_DB;
}

static enum err open_kind(const struct conf *c, struct deadline d, bool write, struct store **out,
			  char error[STORE_ERROR_LEN])
{
#ifdef HAVE_SQLITE
	if (c->db_type == DB_SQLITE)
		return store_sqlite_open(c, d, write, out, error);
#else
	if (c->db_type == DB_SQLITE) {
		snprintf(error, STORE_ERROR_LEN, "type=sqlite: this program was built without it");
		return E_DB;
	}
#endif
	return store_mysql_open(c, d, write, out, error);
}

enum err store_open(const struct conf *c, struct deadline d, struct store **out,
		    char error[STORE_ERROR_LEN])
{
	return open_kind(c, d, false, out, error);
}

enum err store_open_to_write(const struct conf *c, struct deadline d, struct store **out,
			     char error[STORE_ERROR_LEN])
{
	return open_kind(c, d, true, out, error);
}

size_t store_host(const struct store *s)
{
	return s->host;
}

void store_close(struct store *s)
{
	if (s)
		s->ops->close(s);
}

enum err store_start(struct store *s, const char *table, struct deadline d)
{
	s->deadline = d;
	s->table = table;
	s->error[0] = '\0';
	s->answered = false;
	if (!store_quote(table, s->ops->quote, s->name))
		return store_fail(s, "the table's name is too long");
	return deadline_left_ms(d) ? E_OK : store_fail(s, "no time is left to ask the database");
}

void store_make_forms(struct bytes serial, struct store_forms *f)
{
	f->params.n = store_serial_forms(serial, f->text);
	for (size_t i = 0; i < f->params.n; i++)
		f->params.text[i] = f->text[i];
}

struct best {
	struct bytes serial;
	struct store_row row;
	bool have;
	char stranger[SERIAL_TEXT_LEN];	/* a row's that is of another serial, or "" */
};

/* Where cert_num is a number, the database takes every text that we ask with for 0. */
static bool is_of(const struct store_row *row, struct bytes serial)
{
	struct bytes text = bytes_str(row->cert_num), found;
	uint8_t buf[LIM_SERIAL_LEN];

	/* many collations compare without spaces at the end */
	while (text.len && text.p[text.len - 1] == ' ')
		text.len--;
	return serial_parse(text, buf, &found) && bytes_eq(found, serial);
}

static bool keep_best(void *arg, struct store_row *row)
{
	struct best *b = arg;

	if (!is_of(row, b->serial)) {
		snprintf(b->stranger, sizeof b->stranger, "%.*s", (int)sizeof b->stranger - 1,
			 row->cert_num);
		return false;
	}
	if (b->have && !store_row_beats(row, &b->row))
		return true;
	if (b->have)
		store_row_free(&b->row);
	b->row = *row;
	b->have = true;
	row->cert = NULL;	/* it is ours now */
	return true;
}

enum err store_find(struct store *s, const char *table, struct bytes serial, bool want_cert,
		    struct deadline d, struct store_row *out)
{
	char tail[64 + STORE_MARKS_LEN], marks[STORE_MARKS_LEN];
	struct best best = { .serial = serial };
	struct store_forms forms;
	enum err e = store_start(s, table, d);

	if (e != E_OK)
		return e;
	store_make_forms(serial, &forms);
	snprintf(tail, sizeof tail, "WHERE cert_num IN (%s)", store_marks(forms.params.n, marks));
	e = s->ops->select(s, tail, &forms.params, want_cert, keep_best, &best);
	s->answered = e == E_OK;
	if (e == E_OK && best.stranger[0])
		e = store_fail(s, "table %s has row %s for another serial number: is its cert_num "
			       "a column of text, as varchar(50)?", table, best.stranger);
	best.row.counts = true;
	if (e == E_OK && best.have)
		*out = best.row;
	else if (best.have)
		store_row_free(&best.row);
	return e != E_OK ? e : best.have ? E_OK : E_NOT_FOUND;
}

/* Whoever wants certificates means to change the rows, if there is a transaction. */
static enum err find_many(struct store *s, const char *table,
			  const char (*cert_num)[SERIAL_TEXT_LEN], size_t n, bool want_cert,
			  struct deadline d, store_each *each, void *arg)
{
	char tail[64 + STORE_MARKS_LEN], marks[STORE_MARKS_LEN];
	struct store_params params = { .n = n };
	enum err e = store_start(s, table, d);

	if (e != E_OK || n == 0)
		return e;
	for (size_t i = 0; i < n; i++)
		params.text[i] = cert_num[i];
	snprintf(tail, sizeof tail, "WHERE cert_num IN (%s)%s", store_marks(n, marks),
		 want_cert && s->in_transaction ? s->ops->lock : "");
	return s->ops->select(s, tail, &params, want_cert, each, arg);
}

bool store_has_answered(const struct store *s)
{
	return s->answered;
}

enum err store_find_many(struct store *s, const char *table,
			 const char (*cert_num)[SERIAL_TEXT_LEN], size_t n, enum store_twins twins,
			 struct deadline d, store_each *each, void *arg)
{
	static char text[STORE_MANY][SERIAL_TEXT_LEN];
	uint8_t buf[LIM_SERIAL_LEN];
	struct bytes serial;
	enum err e = E_OK;

	if (twins == TWINS_NONE)
		return find_many(s, table, cert_num, n, false, d, each, arg);
	for (size_t i = 0, used; i < n && e == E_OK;) {
		for (used = 0; i < n && used + STORE_FORMS <= STORE_MANY; i++)
			if (serial_parse(bytes_str(cert_num[i]), buf, &serial))
				used += twins == TWINS_ALL ?
						store_serial_forms(serial, text + used) :
						store_case_forms(serial, text + used);
		e = find_many(s, table, (const char (*)[SERIAL_TEXT_LEN])text, used, false, d, each,
			      arg);
	}
	return e;
}

enum err store_match(struct store *s, const char *table, const char (*cert_num)[SERIAL_TEXT_LEN],
		     size_t n, struct deadline d, store_each *each, void *arg)
{
	return find_many(s, table, cert_num, n, true, d, each, arg);
}

enum err store_page(struct store *s, const char *table, const char *after, size_t limit,
		    bool want_cert, struct deadline d, store_each *each, void *arg)
{
	struct store_params params = { .text = { after }, .n = 1 };
	char tail[64];
	enum err e = store_start(s, table, d);

	if (e != E_OK)
		return e;
	snprintf(tail, sizeof tail, "WHERE cert_num>? ORDER BY cert_num LIMIT %zu", limit);
	return s->ops->select(s, tail, &params, want_cert, each, arg);
}

void store_row_free(struct store_row *r)
{
	free(r->cert);
	r->cert = NULL;
	r->cert_len = 0;
}

enum err store_create(struct store *s, const char *table, struct deadline d, bool *created)
{
	enum err e = store_start(s, table, d);

	return e == E_OK ? s->ops->create(s, created) : e;
}

enum err store_check(struct store *s, const char *table, struct deadline d)
{
	static const uint8_t zero[1] = { 0 };	/* no certificate has it, RFC 5280 4.1.2.2 */
	struct store_row row;
	bool indexed;
	enum err e = store_find(s, table, bytes_of(zero, 1), true, d, &row);

	if (e == E_OK)
		store_row_free(&row);
	else if (e != E_NOT_FOUND)
		return e;
	e = s->ops->indexed(s, &indexed);
	if (e != E_OK || indexed)
		return e;
	store_fail(s, "table %s has no index on cert_num, so every lookup reads all of it: "
		   "make cert_num its primary key", table);
	return E_DATA;
}

enum err store_count(struct store *s, const char *table, struct deadline d, struct store_count *out)
{
	enum err e = store_start(s, table, d);

	return e == E_OK ? s->ops->count(s, out) : e;
}

enum err store_facts(struct store *s, const char *table, struct deadline d, struct store_facts *out)
{
	enum err e = store_start(s, table, d);

	*out = (struct store_facts){ .by_index = true };
	return e == E_OK && s->ops->facts ? s->ops->facts(s, out) : e;
}

const char *store_error(const struct store *s)
{
	return s->error;
}

const char *store_describe(const struct store *s)
{
	return s->describe;
}

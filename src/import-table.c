/*
 * Another table of certificates in the same database, with a column for them or without.
 */
#include <stdio.h>
#include <stdlib.h>

#include "import.h"

#define PAGE 500

struct table {
	struct store *store;
	const char *name;
	int64_t patience_ms;
	bool has_cert, end;
	char after[sizeof ((struct store_row *)0)->cert_num];
	struct store_row row[PAGE];
	size_t n, at;
};

static bool take_row(void *arg, struct store_row *row)
{
	struct table *t = arg;

	t->row[t->n++] = *row;
	row->cert = NULL;	/* it is ours now */
	return true;
}

static enum err next_page(struct import_source *s, struct table *t)
{
	enum err e;

	t->n = t->at = 0;
	if (t->end)
		return E_NOT_FOUND;
	e = store_page(t->store, t->name, t->after, PAGE, t->has_cert, deadline_in(t->patience_ms),
		       take_row, t);
	if (e != E_OK) {
		snprintf(s->why, sizeof s->why, "%s", store_error(t->store));
		return e;
	}
	t->end = t->n < PAGE;
	/* whoever has no primary key may have one number twice: once valid, and once revoked */
	for (size_t end = t->end ? t->n : store_page_end(t->row, t->n); t->n > end;)
		store_row_free(&t->row[--t->n]);
	if (t->n == 0 && t->end && !t->after[0] && s->total > 0) {
		snprintf(s->why, sizeof s->why, "none of the rows of table %s can be read: is its "
			 "cert_num a column of text?", t->name);
		return E_DB;
	}
	if (t->n == 0 && t->end)
		return E_NOT_FOUND;
	if (!t->end && (t->n == 0 || strcmp(t->after, t->row[t->n - 1].cert_num) == 0)) {
		snprintf(s->why, sizeof s->why, "table %s has too many rows with one cert_num, or a "
			 "cert_num that is too long, to go on behind it: %s", t->name,
			 t->row[t->n].cert_num);
		return E_DB;
	}
	memcpy(t->after, t->row[t->n - 1].cert_num, sizeof t->after);
	return E_OK;
}

static enum err read_row(struct import_source *s, const struct store_row *row,
			 struct import_record *r)
{
	struct bytes serial;

	if (!serial_parse(bytes_str(row->cert_num), r->buf, &serial)) {
		snprintf(s->why, sizeof s->why, "its cert_num is no serial number");
		return E_DATA;
	}
	r->len = serial.len;
	if (row->status == ROW_ODD || row->reason == ROW_ODD_REASON) {
		snprintf(s->why, sizeof s->why, row->status == ROW_ODD ?
			 "its status is neither Valid nor Revoked" : "its reason is no CRLReason");
		return E_DATA;
	}
	r->revoked = row->status == ROW_REVOKED;
	r->revoked_at = r->revoked ? row->revoked_at : ROW_NO_TIME;
	r->reason = r->revoked ? row->reason : ROW_NO_REASON;
	if (!row->cert_len)
		return E_OK;
	return import_take_cert(s, bytes_of(row->cert, row->cert_len), r);
}

static enum err next(struct import_source *s, struct import_record *out)
{
	struct import_record r = { .has_status = true, .may_add = true };
	struct table *t = s->state;
	struct store_row *row;
	enum err e;

	if (t->at == t->n) {
		e = next_page(s, t);
		if (e != E_OK)
			return e;
	}
	row = &t->row[t->at++];
	snprintf(s->where, sizeof s->where, "%s, row %s", t->name, row->cert_num);
	e = read_row(s, row, &r);
	store_row_free(row);
	if (e == E_OK)
		*out = r;
	return e;
}

static void close_table(struct import_source *s)
{
	struct table *t = s->state;

	for (size_t i = 0; t && i < t->n; i++)
		store_row_free(&t->row[i]);
	free(t);
}

enum err import_table(struct import_source *s, struct store *store, const char *table,
		      int64_t patience_ms)
{
	struct table *t = calloc(1, sizeof *t);
	struct store_count n;
	enum err e;

	if (!t) {
		snprintf(s->why, sizeof s->why, "no memory is left");
		return E_BUSY;
	}
	*t = (struct table){ .store = store, .name = table, .patience_ms = patience_ms,
			     .has_cert = true };
	s->state = t;
	s->next = next;
	s->close = close_table;
	s->what = "table";
	e = store_count(store, table, deadline_in(patience_ms), &n);
	if (e == E_OK)
		e = store_has_cert(store, table, deadline_in(patience_ms), &t->has_cert);
	if (e == E_OK)
		s->total = n.valid + n.revoked + n.odd;
	else
		snprintf(s->why, sizeof s->why, "%s", store_error(store));
	return e;
}

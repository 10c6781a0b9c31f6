/*
 * Every row of a table, a page at a time.
 */
#include "ctl.h"

#include <stdlib.h>

#define PAGE 1000

struct page {
	struct store_row row[PAGE];
	size_t n, end;		/* those behind end come once more, with the next page */
};

static bool keep(void *arg, struct store_row *row)
{
	struct page *p = arg;

	p->row[p->n++] = *row;
	row->cert = NULL;	/* it is ours now */
	return true;
}

/* False: each() has seen enough. */
static bool pass_on(struct page *p, store_each *each, void *arg)
{
	bool more = true;

	for (size_t i = 0; i < p->end && more; i++)
		more = !deadline_interrupted() && each(arg, &p->row[i]);
	return more;
}

static void empty(struct page *p)
{
	for (size_t i = 0; i < p->n; i++)
		store_row_free(&p->row[i]);
	p->n = 0;
}

enum err ctl_scan(struct ctl *c, const char *table, bool want_cert, store_each *each, void *arg)
{
	struct page *p = calloc(1, sizeof *p);
	char after[sizeof p->row[0].cert_num] = "";
	bool more = p != NULL;
	enum err e = p ? E_OK : E_BUSY;

	if (!p)
		ctl_say("no memory is left");
	while (more) {
		e = store_page(c->store, table, after, PAGE, want_cert, ctl_deadline(c), keep, p);
		if (e != E_OK) {
			ctl_say_store(c);
			break;
		}
		more = p->n == PAGE;
		p->end = more ? store_page_end(p->row, p->n) : p->n;
		/* cert_num is read up to a length that no serial has */
		if (more && (!p->end || strcmp(after, p->row[p->end - 1].cert_num) == 0)) {
			ctl_say("table %s has too many rows with one cert_num, or a cert_num that "
				"is too long, to go on behind it: %s", table,
				p->row[p->n - 1].cert_num);
			e = E_DATA;
			break;
		}
		if (p->end)
			memcpy(after, p->row[p->end - 1].cert_num, sizeof after);
		more = pass_on(p, each, arg) && more;
		empty(p);
	}
	if (p)
		empty(p);
	free(p);
	return deadline_interrupted() ? E_DEADLINE : e;
}

bool ctl_same_table(const struct ctl *c, size_t i)
{
	for (size_t k = c->first_ca; k < i; k++)
		if (strcmp(c->conf.ca[k].table, c->conf.ca[i].table) == 0)
			return true;
	return false;
}

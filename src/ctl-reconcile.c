/*
 * reconcile: do the table, the cache and a CRL agree?
 */
#include "ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "cache-walk.h"
#include "crl.h"
#include "io.h"

/* For a page of the table. */
#define PATIENCE_MS 60000

enum { OPT_CRL };

const struct ctl_opt ctl_reconcile_options[] = {
	[OPT_CRL] = { "crl", "FILE|URL", "the CA's CRL: a file, http://... or - (standard input)" },
	{ NULL, NULL, NULL },
};

/* What a cached answer says. */
struct cached {
	uint8_t buf[LIM_SERIAL_LEN];
	uint8_t len;
	enum cert_status status;
};

struct reconcile {
	struct ctl *c;
	const struct conf_ca *conf;
	struct cert *ca;
	struct crl crl;
	bool *in_table;			/* of crl.entry[] */
	struct cached *cached;
	size_t n_cached, cap_cached;
	bool no_memory;
	struct ctl_progress progress;
	int64_t now, rows, differ, newer, ended;
};

static int compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return memcmp(a, b, a_len);
}

static int by_serial(const void *a, const void *b)
{
	const struct cached *x = a, *y = b;

	return compare(x->buf, x->len, y->buf, y->len);
}

/* Keeps what a file says, if clients would still be sent it. */
static bool keep(void *arg, const char *path)
{
	static uint8_t buf[LIM_RESPONSE_LEN];
	struct reconcile *r = arg;
	struct response response;
	struct cached *x;
	struct bytes serial;
	struct single s;
	struct der d;
	size_t len;

	if (io_read_file(r->c->cache.fd, path, false, buf, sizeof buf, &len, NULL) != E_OK ||
	    response_parse(bytes_of(buf, len), &response) != E_OK ||
	    response.status != OCSP_SUCCESSFUL)
		return !deadline_interrupted();
	d = der_of(response.singles);
	if (!response_next(&d, &s) || s.next_update <= r->now || !cert_is_issuer_in(r->ca, &s.id) ||
	    !certid_serial(&s.id, &serial))
		return !deadline_interrupted();
	if (r->n_cached == r->cap_cached) {
		r->cap_cached = r->cap_cached ? 2 * r->cap_cached : 1024;
		x = realloc(r->cached, r->cap_cached * sizeof *x);
		r->no_memory = !x;
		if (!x)
			return false;
		r->cached = x;
	}
	x = &r->cached[r->n_cached++];
	*x = (struct cached){ .len = (uint8_t)serial.len, .status = s.status };
	memcpy(x->buf, serial.p, serial.len);
	return !deadline_interrupted();
}

/* Does a cached answer about this serial say otherwise? Names it. */
static const char *cache_says(const struct reconcile *r, struct bytes serial,
			      enum cert_status should)
{
	size_t low = 0, high = r->n_cached;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare(r->cached[mid].buf, r->cached[mid].len, serial.p, serial.len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < r->n_cached && compare(r->cached[low].buf, r->cached[low].len, serial.p,
					    serial.len) == 0; low++)
		if (r->cached[low].status != should)
			return cert_status_name(r->cached[low].status);
	return NULL;
}

static void put_side(const char *what, bool revoked, int64_t at, int reason)
{
	const char *word = reason_word(reason);
	char when[CTL_TIME_LEN];

	printf("  %s: ", what);
	if (!revoked)
		fputs("not revoked", stdout);
	else
		printf("revoked since %s%s%s", at == ROW_NO_TIME ? "?" : ctl_time(at, when),
		       word ? " " : "", word ? word : "");
}

/* row or entry may be NULL: that side has nothing. */
static void differ(struct reconcile *r, const char *serial, const struct store_row *row,
		   const struct crl_entry *entry, const char *cached)
{
	ctl_progress_clear(&r->progress);
	r->differ++;
	printf("%s", serial);
	if (row && row->status == ROW_ODD)
		fputs("  table: neither Valid nor Revoked", stdout);
	else if (row)
		put_side("table", row->status == ROW_REVOKED, row->revoked_at, row->reason);
	else
		fputs("  table: no such row", stdout);
	put_side("CRL", entry != NULL, entry ? entry->revoked_at : 0,
		 entry ? entry->reason : ROW_NO_REASON);
	if (cached)
		printf("  cache: %s", cached);
	putchar('\n');
}

/* Why a row may disagree with the CRL. */
enum excuse { NONE, ENDED, FOREIGN };

static enum excuse excuse_of(struct reconcile *r, struct bytes serial)
{
	enum excuse excuse = NONE;
	struct store_row row;
	struct cert c;

	if (store_find(r->c->store, r->conf->table, serial, true, ctl_deadline(r->c), &row) != E_OK)
		return NONE;
	if (row.cert && cert_parse(bytes_of(row.cert, row.cert_len), &c) == E_OK) {
		/* of another CA, which has the same table */
		if (!bytes_eq(c.issuer, r->ca->subject))
			excuse = FOREIGN;
		/* a CRL need not list it any more: RFC 5280 3.3 */
		else if (c.not_after < r->crl.this_update)
			excuse = ENDED;
		cert_free(&c);
	}
	store_row_free(&row);
	return excuse;
}

static bool same_reason(int a, int b)
{
	return (a == 0 ? ROW_NO_REASON : a) == (b == 0 ? ROW_NO_REASON : b);
}

static bool agrees(const struct store_row *row, const struct crl_entry *entry)
{
	if (row->status != ROW_REVOKED || !entry)
		return row->status == ROW_VALID && !entry;
	return entry->revoked_at == row->revoked_at && same_reason(entry->reason, row->reason);
}

static void look_at(struct reconcile *r, struct bytes serial, const char *text,
		    const struct store_row *row)
{
	bool revoked = row->status == ROW_REVOKED;
	struct crl_entry *entry = crl_find(&r->crl, serial);
	const char *cached = cache_says(r, serial, revoked ? CERT_REVOKED : CERT_GOOD);
	enum excuse excuse;

	if (entry)
		r->in_table[entry - r->crl.entry] = true;
	if (agrees(row, entry) && !cached)
		return;
	if (revoked && !entry && !cached && row->revoked_at > r->crl.this_update) {
		r->newer++;
		return;
	}
	excuse = excuse_of(r, serial);
	if (excuse == FOREIGN) {
		if (entry)
			r->in_table[entry - r->crl.entry] = false;
	} else if (excuse == ENDED && revoked && !entry && !cached) {
		r->ended++;
	} else {
		differ(r, text, row, entry, cached);
	}
}

static bool look_row(void *arg, struct store_row *row)
{
	struct reconcile *r = arg;
	char text[CTL_ROW_SERIAL_LEN];
	uint8_t buf[LIM_SERIAL_LEN];
	struct bytes serial;

	ctl_progress(&r->progress, ++r->rows);
	ctl_row_serial(row, text);
	if (serial_parse(bytes_str(row->cert_num), buf, &serial))
		look_at(r, serial, text, row);
	else
		differ(r, text, row, NULL, NULL);
	return true;
}

static enum err read_cache(struct reconcile *r)
{
	enum err e = cache_walk(&r->c->cache, keep, r);

	if (r->no_memory)
		e = E_BUSY;
	if (e != E_OK)
		ctl_say("the cache %s can't be read: %s", r->c->cache.path,
			e == E_BUSY ? "no memory is left" : strerror(errno));
	if (r->n_cached)
		qsort(r->cached, r->n_cached, sizeof *r->cached, by_serial);
	return e;
}

/* Certificates that nobody has entered into the table. */
static void look_at_rest(struct reconcile *r)
{
	for (size_t i = 0; i < r->crl.n; i++) {
		struct bytes serial = crl_serial(&r->crl.entry[i]);
		char text[SERIAL_TEXT_LEN];

		serial_text(serial, text);
		if (!r->in_table[i])
			differ(r, text, NULL, &r->crl.entry[i],
			       cache_says(r, serial, CERT_REVOKED));
	}
}

static int run(struct reconcile *r)
{
	struct store_count n;
	enum err e;

	r->in_table = calloc(r->crl.n + 1, sizeof *r->in_table);
	if (!r->in_table) {
		ctl_say("no memory is left");
		return ctl_code(E_BUSY);
	}
	e = ctl_cache(r->c);
	e = e == E_NOT_FOUND ? E_OK : e == E_OK ? read_cache(r) : e;
	if (e != E_OK)
		return ctl_code(e);
	e = store_count(r->c->store, r->conf->table, ctl_deadline(r->c), &n);
	if (e != E_OK) {
		ctl_say_store(r->c);
		return ctl_code(e);
	}
	ctl_progress_begin(&r->progress, "reconcile", n.valid + n.revoked + n.odd);
	e = ctl_scan(r->c, r->conf->table, false, look_row, r);
	ctl_progress_clear(&r->progress);
	if (e != E_OK)
		return deadline_interrupted() ? CTL_INTERRUPTED : ctl_code(e);
	look_at_rest(r);
	printf("%lld rows, %zu entries of the CRL, %zu cached answers: %lld disagree\n",
	       (long long)r->rows, r->crl.n, r->n_cached, (long long)r->differ);
	if (r->newer)
		printf("%lld were revoked after the CRL was made\n", (long long)r->newer);
	if (r->ended)
		printf("%lld had ended before, and need not be listed\n", (long long)r->ended);
	return r->differ ? CTL_REFUSED : 0;
}

int ctl_reconcile(struct ctl *c, int argc, char **argv)
{
	struct reconcile r = { .c = c, .now = clock_real_ms() / 1000 };
	char error[CRL_ERROR_LEN], when[CTL_TIME_LEN];
	const char *path = NULL;
	enum err e;
	int o, code;

	while ((o = ctl_next_option(argc, argv, ctl_reconcile_options)) != -1) {
		if (o == CTL_BAD_OPTION)
			return EX_USAGE;
		path = optarg;
	}
	if (!path || optind < argc)
		return ctl_usage("reconcile needs --crl and nothing else");
	if (c->end_ca - c->first_ca > 1)
		return ctl_usage("there are %zu CAs in %s: say whose CRL it is with --ca NAME",
				 c->conf.n_ca, c->conf.path);
	ctl_catch_signals();
	r.conf = &c->conf.ca[c->first_ca];
	e = ctl_ca_cert(c, c->first_ca, &r.ca);
	if (e != E_OK)
		return ctl_code(e);
	e = crl_load(path, r.ca, &r.crl, error);
	if (e != E_OK) {
		ctl_say("%s", error);
		return ctl_code(e);
	}
	if (r.crl.next_update != INT64_MIN && r.crl.next_update <= r.now)
		ctl_say("the CRL was valid until %s: is there a newer one?",
			ctl_time(r.crl.next_update, when));
	c->patience_ms = PATIENCE_MS;
	e = ctl_store(c, false);
	code = e == E_OK ? run(&r) : ctl_code(e);
	crl_free(&r.crl);
	free(r.in_table);
	free(r.cached);
	return code;
}

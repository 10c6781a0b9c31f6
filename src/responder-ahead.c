/* Answers that are signed before anybody asks. */
#include <unistd.h>

#include "responder-impl.h"

/* A CA that was given another key under its old name: which of both has issued it? */
static bool is_anothers(const struct ask *a, const struct cert *c)
{
	const struct responder *r = a->r;

	for (size_t i = 0; i < r->conf->n_ca; i++) {
		struct cert *ca = &a->r->signer[i].ca;

		if (r->signer[i].conf && &r->signer[i] != a->signer &&
		    bytes_eq(ca->subject, c->issuer) && !bytes_eq(ca->spki, a->signer->ca.spki) &&
		    cert_issued_by(c, ca) == E_OK)
			return true;
	}
	return false;
}

/* Where several CAs share a table, its rows belong to one each; and nobody asks about a certificate
 * that has ended. */
static bool worth_it(const struct ask *a, const struct store_row *row)
{
	struct cert c;
	bool ok;

	/* without a certificate, or with one that can't be read, the row says what is wrong */
	if (!a->signer->conf->verify || !row->cert_len ||
	    cert_parse(bytes_of(row->cert, row->cert_len), &c) != E_OK)
		return true;
	ok = bytes_eq(c.issuer, a->signer->ca.subject) && clock_real_ms() / 1000 <= c.not_after &&
	     !is_anothers(a, &c);
	cert_free(&c);
	return ok;
}

/* Does the answer in the cache say what the row says? Without the row's certificate, which is only
 * needed where the row lacks a date. */
static bool says(const struct ask *a, const struct store_row *row)
{
	const struct cache_entry *c = &a->cached;
	struct decision d;

	return decide_row(row, ROW_NO_TIME, clock_real_ms() / 1000, a->r->conf->profile,
			  &d) == E_OK &&
	       decide_same(&d, &c->single, c->response.produced_at);
}

/* The same, and will it for long enough? */
static bool is_fresh(const struct ask *a, const struct store_row *row, int64_t soon_s)
{
	const struct cache_entry *c = &a->cached;
	int64_t now = clock_real_ms() / 1000;

	return c->verdict != FRESH_MISS && says(a, row) && now < fresh_renew_at(&c->single) &&
	       now + soon_s < c->single.next_update;
}

static enum err renew(struct ask *a, struct bytes serial, const struct store_row *row,
		      int64_t soon_s)
{
	struct cache_entry *c = &a->cached;
	enum err e;

	ask_cache(a);
	if (is_fresh(a, row, soon_s)) {
		if (c->agreed_ms < a->agreed_ms)
			ask_touch(a);
		a->info->source = SOURCE_STORE;
		return E_OK;
	}
	if (!worth_it(a, row))
		return E_NOT_FOUND;
	if (!row->counts && c->verdict != FRESH_MISS && !says(a, row))
		return E_AGAIN;
	e = ask_row(a, 0, serial, row);
	if (e)
		return e;
	if (c->verdict != FRESH_MISS && c->agreed_ms > a->agreed_ms &&
	    !decide_same(&a->decision[0], &c->single, c->response.produced_at)) {
		a->info->source = SOURCE_CACHE;
		return E_OK;
	}
	e = ask_sign(a);
	if (e == E_OK && !a->info->published)
		return ask_fail(a, E_IO, "the cache can't be written");
	return e;
}

enum err responder_ahead(struct responder *r, size_t ca, const struct certid *id,
			 const struct store_row *row, int64_t read_ms, int64_t soon_s,
			 uint8_t *out, struct answer_info *info)
{
	struct ask a = {
		.r = r,
		.d = deadline_in(r->conf->timeout_ms),
		.info = info,
		.out = out,
		.request = { .id = { *id }, .n = 1 },
		.signer = &r->signer[ca],
		.cacheable = true,
		.agreed_ms = read_ms,
	};
	struct bytes serial;
	enum err e;
	int lock;

	*info = (struct answer_info){ .serial = "-", .n = 1, .status = "-", .source = SOURCE_NONE };
	if (!certid_serial(id, &serial))
		return ask_fail(&a, E_DATA, "row %s has no serial number", row->cert_num);
	lock = cache_lock(&r->cache, id, a.d);
	e = renew(&a, serial, row, soon_s);
	if (lock >= 0)
		close(lock);
	return e;
}

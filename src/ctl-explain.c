/*
 * explain: every decision that a request meets on its way, in their order, and where each rule
 * stands. Nothing is signed and nothing is changed.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "explain.h"

static uint8_t cache_buf[LIM_RESPONSE_LEN];

void explain_say(const char *step, const char *source, const char *format, ...)
{
	va_list ap;

	printf("%-13s", step);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	if (source)
		printf("  [%s]", source);
	putchar('\n');
}

/* The CA whose name and key the CertID has. */
static bool find_issuer(struct explain *x, const struct certid *id)
{
	char subject[256], hash[48];

	snprintf(hash, sizeof hash, "%s%s", hashalg_name(id->alg), id->alg == HASH_UNKNOWN ||
		 id->null_params ? "" : ", no NULL behind it");
	for (size_t i = 0; i < x->c->conf.n_ca; i++) {
		struct cert *ca;

		if (ctl_ca_cert(x->c, i, &ca) != E_OK || !cert_is_issuer_in(ca, id))
			continue;
		x->ca = i;
		explain_say("issuer", "RFC 6960 4.1.1", "section [%s], %s: name and key have these "
			    "hashes (%s)", x->c->conf.ca[i].name,
			    cert_subject_text(ca, subject, sizeof subject), hash);
		return true;
	}
	explain_say("issuer", "RFC 6960 2.3", "of %zu CAs none has these hashes of name and key "
		    "(%s): unauthorized", x->c->conf.n_ca, hash);
	x->error = "unauthorized";
	return false;
}

static const char *verdict_clause(enum verdict v)
{
	switch (v) {
	case FRESH_HIT: return "it is sent as it is";
	case FRESH_RECHECK: return "the table is asked whether it still says so";
	case FRESH_RENEW: return "it is time to sign it anew";
	default: return "it is not valid now, or was never agreed with";
	}
}

static void look_in_cache(struct explain *x, const struct certid *id)
{
	const struct cache *cache = &x->c->cache;
	char until[CTL_TIME_LEN];
	struct certid_place place;
	const char *odd = NULL;

	if (x->echo || x->request.n != 1 || cache->fd < 0 || !certid_place(id, &place)) {
		explain_say("cache", "docs/design.md", cache->fd < 0 ? "there is none yet" :
			    "can't hold this answer: it has a nonce, several certificates, or an "
			    "odd serial");
		return;
	}
	cache_get(cache, id, x->now_ms, cache_buf, &x->cached, &odd);
	if (odd) {
		explain_say("cache", "docs/design.md", "%s %s, and is not used", place.file, odd);
		return;
	}
	if (!x->cached.der.p) {
		explain_say("cache", "docs/design.md", "no %s", place.file);
		return;
	}
	if (!bytes_eq(x->cached.response.responder_key,
		      bytes_of(x->signer.key_hash, sizeof x->signer.key_hash))) {
		x->cached.verdict = FRESH_MISS;
		explain_say("cache", "RFC 6960 2.2", "%s was signed with another key than the one "
			    "that signs now, and is not used", place.file);
		return;
	}
	explain_say("cache", "RFC 9919 6", "%s: %s until %s", place.file,
		    cert_status_name(x->cached.single.status),
		    ctl_time(x->cached.single.next_update, until));
	explain_say("", "recheck=", "agreed with the table %lld s ago, recheck=%d: %s, %s",
		    (long long)((x->now_ms - x->cached.agreed_ms) / 1000), x->c->conf.recheck_s,
		    verdict_name(x->cached.verdict), verdict_clause(x->cached.verdict));
}

static void not_in_table(struct explain *x, const char *serial, const char *table)
{
	static const char *const words[] = {
		[UNKNOWN_UNAUTHORIZED] = "unauthorized", [UNKNOWN_UNKNOWN] = "unknown",
		[UNKNOWN_REVOKED] = "revoked (certificateHold, 1970)",
	};

	explain_say("row", "RFC 6960 2.2", "%s is not in table %s: %s (unknown=)", serial, table,
		    words[x->c->conf.unknown]);
	if (x->c->conf.unknown == UNKNOWN_UNAUTHORIZED)
		x->error = "unauthorized";
	x->decision.status = x->c->conf.unknown == UNKNOWN_REVOKED ? CERT_REVOKED : CERT_UNKNOWN;
	x->decision.reason = x->c->conf.unknown == UNKNOWN_REVOKED ? 6 : REASON_ABSENT;
}

/* The certificate in the row; its notBefore. */
static int64_t say_certificate(struct explain *x, struct bytes serial, const struct store_row *row)
{
	const char *wrong = NULL;
	int64_t from = ROW_NO_TIME;
	char subject[256];
	struct cert *ca;
	struct cert c;

	if (!x->c->conf.ca[x->ca].verify) {
		explain_say("certificate", "verify=", "is not looked at (verify=no)");
		return from;
	}
	if (!row->cert || cert_parse(bytes_of(row->cert, row->cert_len), &c) != E_OK) {
		explain_say("certificate", "verify=", "the row has none that can be read: "
			    "internalError; import it, or set verify=no");
		x->error = "internalError";
		return from;
	}
	if (!bytes_eq(c.serial, serial))
		wrong = "internalError";
	else if (ctl_ca_cert(x->c, x->ca, &ca) != E_OK || cert_issued_by(&c, ca) != E_OK)
		wrong = "unauthorized";
	explain_say("certificate", "RFC 5280 6.1.3", "%s: %s%s",
		    cert_subject_text(&c, subject, sizeof subject), wrong ?
		    "has another serial number, or another issuer: " :
		    "has this serial number and verifies under the CA's key", wrong ? wrong : "");
	x->error = wrong;
	from = c.not_before;
	cert_free(&c);
	return from;
}

static void decide(struct explain *x, const struct store_row *row, int64_t not_before)
{
	int64_t now = x->now_ms / 1000;
	char when[CTL_TIME_LEN];
	const char *reason;

	if (decide_row(row, not_before, now, x->c->conf.profile, &x->decision) != E_OK) {
		explain_say("status", "RFC 6960 2.3", "the row is neither Valid nor Revoked: "
			    "internalError; mend it");
		x->error = "internalError";
		return;
	}
	reason = reason_word(x->decision.reason);
	if (x->decision.status == CERT_GOOD)
		explain_say("status", "RFC 6960 2.2", "good");
	else
		explain_say("status", "RFC 6960 2.2", "revoked since %s, %s",
			    ctl_time(decide_revoked_at(&x->decision, now), when),
			    reason ? reason : "without a reason, or unspecified, which is left out "
			    "(RFC 5280 5.3.1)");
	if (x->decision.odd_time)
		explain_say("", "RFC 6960 4.2.1", "%s", x->decision.odd_time);
	if (x->decision.odd_reason)
		explain_say("", "RFC 5280 5.3.1", "%s", x->decision.odd_reason);
}

/* E_DB is told. */
static enum err look_in_table(struct explain *x, const struct certid *id)
{
	const struct conf_ca *ca = &x->c->conf.ca[x->ca];
	char text[SERIAL_TEXT_LEN];
	struct store_row row;
	struct bytes serial;
	int64_t not_before;
	enum err e;

	if (!certid_serial(id, &serial)) {
		not_in_table(x, "the serial number, negative or too long,", ca->table);
		return E_OK;
	}
	serial_text(serial, text);
	e = store_find(x->c->store, ca->table, serial, ca->verify, ctl_deadline(x->c), &row);
	if (e == E_NOT_FOUND) {
		not_in_table(x, text, ca->table);
		return E_OK;
	}
	if (e != E_OK) {
		ctl_say("%s", store_error(x->c->store));
		return e;
	}
	explain_say("row", "table=", "%s of table %s is %s", row.cert_num, ca->table,
		    row.status == ROW_ODD ? "neither Valid nor Revoked" :
		    ctl_status_word(row.status));
	not_before = say_certificate(x, serial, &row);
	if (!x->error)
		decide(x, &row, not_before);
	store_row_free(&row);
	return E_OK;
}

/* What becomes of the cached answer once the table has spoken. */
static void compare(struct explain *x)
{
	const struct cache_entry *c = &x->cached;
	char when[CTL_TIME_LEN];

	if (c->verdict == FRESH_MISS)
		return;
	if (c->verdict == FRESH_HIT) {
		x->from_cache = true;
		if (!x->error && decide_same(&x->decision, &c->single, c->response.produced_at))
			return;
		explain_say("cache", "recheck=", "the table says otherwise now, which clients see "
			    "in %d s at most", x->c->conf.recheck_s);
		return;
	}
	if (x->error || !decide_same(&x->decision, &c->single, c->response.produced_at))
		explain_say("cache", "RFC 6960 2.4", "the answer there is contradicted: it is "
			    "removed");
	else if (fresh_renew_at(&c->single) <= x->now_ms / 1000)
		explain_say("cache", "RFC 9919 6", "the answer there is true, but a new one was "
			    "due at %s", ctl_time(fresh_renew_at(&c->single), when));
	else
		x->from_cache = true;
}

static void say_end(struct explain *x)
{
	if (x->from_cache) {
		x->error = NULL;
		x->validity.this_update = x->cached.single.this_update;
		x->validity.next_update = x->cached.single.next_update;
		explain_say("answer", NULL, "%s, from the cache",
			    cert_status_name(x->cached.single.status));
	} else if (x->error) {
		explain_say("answer", "RFC 6960 2.3", "%s, without a signature", x->error);
	} else {
		explain_say("answer", NULL, "%s, signed anew",
			    cert_status_name(x->decision.status));
	}
	if (x->request.n == 1)
		explain_http(x);
}

static enum err explain_one(struct explain *x, size_t i)
{
	const struct certid *id = &x->request.id[i];
	char error[SIGNER_ERROR_LEN], warning[SIGNER_ERROR_LEN];
	enum err e;

	if (x->request.n > 1)
		printf("\ncertificate %zu of %zu\n", i + 1, x->request.n);
	else if (explain_canned(x)) {
		if (x->error)
			say_end(x);
		return E_OK;
	}
	if (!find_issuer(x, id)) {
		say_end(x);
		return E_OK;
	}
	e = signer_open(&x->c->conf.ca[x->ca], x->c->conf.profile, &x->signer, error, warning);
	if (e != E_OK) {
		ctl_say("%s", error);
		return e;
	}
	look_in_cache(x, id);
	e = look_in_table(x, id);
	if (e == E_OK) {
		compare(x);
		if (!x->error && !x->from_cache)
			explain_signer(x);
		say_end(x);
	}
	signer_close(&x->signer);
	return e;
}

int ctl_explain(struct ctl *c, int argc, char **argv)
{
	struct explain x = { .c = c, .now_ms = clock_real_ms() };
	uint8_t *octets = NULL;
	enum err e;

	if (argc != 2)
		return ctl_usage("explain needs one serial number, certificate or request");
	e = explain_request(&x, argv[1], &octets);
	if (e == E_OK)
		e = ctl_store(c, false);
	if (e == E_OK) {
		explain_extensions(&x);
		e = ctl_cache(c);
		if (e == E_NOT_FOUND || e == E_IO)
			e = E_OK;	/* it was told, and the rest can be said without */
	}
	for (size_t i = 0; i < x.request.n && e == E_OK; i++) {
		x.error = NULL;
		x.from_cache = false;
		x.cached = (struct cache_entry){ .verdict = FRESH_MISS };
		e = explain_one(&x, i);
	}
	if (e == E_OK && x.request.n > 1)
		explain_say("\nall of them", "RFC 6960 2.2", "are in one answer with one "
			    "signature; if one has none, nor have the others");
	free(octets);
	return e == E_OK ? 0 : ctl_code(e);
}

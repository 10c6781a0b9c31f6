#include <errno.h>
#include <stdio.h>

#include "metrics.h"
#include "pin.h"
#include "responder-impl.h"

/* No answer outlives a certificate that it rests on. */
static void set_times(const struct ask *a, size_t i, int64_t now, struct basic_single *s)
{
	struct validity v = decide_validity(a->r->conf, a->signer->conf, signer_not_after(a->signer),
					    &a->decision[i], now);

	s->this_update = v.this_update;
	s->next_update = v.next_update;
}

static void set_status(const struct ask *a, size_t i, int64_t now, struct basic_single *s)
{
	const struct decision *d = &a->decision[i];

	s->certid = a->request.id[i].der;
	s->status = d->status;
	s->reason = d->reason;
	s->revoked_at = decide_revoked_at(d, now);
	if (d->odd_time)
		ask_say(a, LEVEL_WARNING, i, d->odd_time);
	if (d->odd_reason)
		ask_say(a, LEVEL_WARNING, i, d->odd_reason);
}

/* Only what the table says is worth keeping: what it lacks may be there a moment later. */
static void publish(struct ask *a, struct bytes der)
{
	char clause[128];

	if (!a->cacheable || a->not_issued || a->r->cache.fd < 0)
		return;
	if (cache_put(&a->r->cache, &a->request.id[0], der, a->agreed_ms) == E_OK) {
		a->info->published = true;
		return;
	}
	snprintf(clause, sizeof clause, "the answer can't be put into the cache: %s",
		 strerror(errno));
	ask_say(a, LEVEL_WARNING, 0, clause);
}

enum err ask_sign(struct ask *a)
{
	int64_t now = clock_real_ms() / 1000;
	struct basic_single single[LIM_CERTIDS];
	struct basic b = {
		.produced_at = now,
		.single = single,
		.n = a->request.n,
		.archive_s = a->r->conf->archive_s,
		.extended_revoke = a->not_issued && a->r->conf->unknown == UNKNOWN_REVOKED,
	};
	int64_t start_us = clock_mono_us();
	char error[SIGNER_ERROR_LEN];
	struct bytes der;
	enum err e;

	if (a->request.has_nonce)
		b.nonce = a->request.nonce;
	for (size_t i = 0; i < a->request.n; i++) {
		set_status(a, i, now, &single[i]);
		set_times(a, i, now, &single[i]);
	}
	e = signer_check_dates(a->signer, now, error);
	if (e == E_OK)
		e = pin_load_key(&a->r->cache, a->r->conf, a->signer, false, a->d, error);
	if (e)
		return ask_fail(a, e, "%s", error);
	if (deadline_left_ms(a->d) == 0)
		return ask_fail(a, E_DEADLINE, "no time was left to sign the answer");
	e = signer_sign(a->signer, &b, a->request.preferred, a->out, LIM_RESPONSE_LEN, &der, error);
	if (e)
		return ask_fail(a, e, "%s", error);
	/* it took its time, and a certificate that the answer rests on ends about now */
	for (size_t i = 0; i < b.n; i++)
		if (clock_real_ms() / 1000 >= single[i].next_update)
			return ask_fail(a, E_DEADLINE, "the answer had ended by the time that it was "
					"signed");
	metrics_count_signature();
	metrics_count_time(CLOCK_SIGN, clock_mono_us() - start_us);
	ask_answer(a, der, SOURCE_SIGNED,
		   b.n == 1 ? cert_status_name(single[0].status)
			    : ocsp_status_name(OCSP_SUCCESSFUL));
	publish(a, a->der);
	ask_note_issuers(a);
	ask_warn_of_end(a);
	return E_OK;
}

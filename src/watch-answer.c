/* One answer, brought in line with the table. */
#include <stdio.h>

#include "canned.h"
#include "watch-impl.h"

enum err watch_certid(const struct watch *w, const struct watch_item *i,
		      uint8_t octets[VARIANT_LEN], struct certid *out)
{
	size_t variant = 2 * (size_t)w->folder_hash[i->folder] + !i->has_null;

	return variants_certid(&w->variants[w->folder_ca[i->folder]], variant, watch_serial(i),
			       octets, out);
}

/* Without the row's certificate: where that is needed for a date, they don't agree, and a real
 * question finds out. */
bool watch_agrees(const struct watch *w, const struct store_row *row, const struct single *says,
		  int64_t produced_at)
{
	struct decision d;

	return decide_row(row, ROW_NO_TIME, clock_real_ms() / 1000, w->conf.profile, &d) == E_OK &&
	       decide_same(&d, says, produced_at);
}

static void tell(struct watch *w, const struct answer_info *info)
{
	char sentence[2 * RESPONDER_ERROR_LEN];

	snprintf(sentence, sizeof sentence, "serial %s: %s%s%s%s", info->serial,
		 info->source == SOURCE_SIGNED ? "signed anew, " : "",
		 info->status, info->why[0] ? ": " : "", info->why);
	w->responder.say(LEVEL_INFO, sentence);
}

enum err watch_answer(struct watch *w, const struct certid *id)
{
	uint8_t request[VARIANT_REQUEST_LEN];
	struct answer_info info;
	struct bytes der;
	enum err e;

	e = responder_answer(&w->responder, variants_request(id, request),
			     deadline_in(w->conf.timeout_ms), w->out, &der, &info);
	/* a failed lookup has closed it, though there was an answer that is still valid */
	if (e == E_DB || !w->responder.store)
		return E_DB;
	/* others have found the database down, and said that nobody is to ask */
	if (e == E_OK && info.source == SOURCE_CACHE)
		return E_AGAIN;
	if (e == E_OK && info.source == SOURCE_SIGNED)
		w->count.changed++;
	if (e != E_OK && !cache_has(&w->responder.cache, id))
		w->count.removed++;
	if (e != E_OK || info.source == SOURCE_SIGNED)
		tell(w, &info);
	if ((e == E_OK && (info.source != SOURCE_SIGNED || info.published)) ||
	    !cache_has(&w->responder.cache, id))
		return E_OK;
	return E_AGAIN;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static enum err publish_canned(struct watch *w, const struct conf_ca *ca, const char *path)
{
	char error[CANNED_ERROR_LEN];
	struct single s;
	struct canned c;
	struct der d;
	enum err e = E_OK;

	if (canned_load(path, ca, &c, error) != E_OK) {
		w->responder.say(LEVEL_CRITICAL, error);
		return E_OK;
	}
	d = der_of(c.response.singles);
	while (e == E_OK && response_next(&d, &s)) {
		e = watch_answer(w, &s.id);
		if (e == E_AGAIN)
			e = E_OK;
	}
	canned_free(&c);
	return e;
}

enum err watch_canned(struct watch *w)
{
	for (size_t i = 0; i < w->conf.n_ca; i++) {
		const struct conf_ca *ca = &w->conf.ca[i];

		for (size_t j = 0; ca->ocspresponse[j]; j++) {
			struct stat st;
			enum err e;

			if (stat(ca->ocspresponse[j], &st) != 0 || same_file(&st, &w->canned[i][j]))
				continue;
			e = publish_canned(w, ca, ca->ocspresponse[j]);
			if (e)
				return e;
			w->canned[i][j] = st;
		}
	}
	return E_OK;
}

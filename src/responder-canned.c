#include <errno.h>
#include <stdio.h>

#include "canned.h"
#include "gtime.h"
#include "responder-impl.h"

/* A file without nextUpdate, as the predecessor took them, is never valid in the cache: it is sent
 * from here each time. */
static void publish(struct ask *a, const struct canned *c, const struct single *s)
{
	const struct cache *cache = &a->r->cache;
	const struct certid *id = &a->request.id[0];

	if (cache->fd < 0 || s->next_update == INT64_MIN)
		return;
	if (cache_make_folder(cache, id) != E_OK ||
	    cache_put(cache, id, c->der, clock_real_ms()) != E_OK)
		ask_say(a, LEVEL_WARNING, 0, "the answer can't be put into the cache");
}

#define DAY_MS 86400000

/* On the first of the day that it is put into the cache, as long as anybody asks for it. */
static void warn_of_end(struct ask *a, const struct canned *c)
{
	char date[HTTP_DATE_LEN], sentence[CANNED_ERROR_LEN];
	int64_t now_ms = clock_real_ms();
	struct cache_entry last;

	if (!canned_ends_soon(c, now_ms / 1000))
		return;
	cache_get(&a->r->cache, &a->request.id[0], now_ms, a->r->cached, &last, NULL);
	if (last.verdict != FRESH_MISS && last.agreed_ms / DAY_MS == now_ms / DAY_MS)
		return;
	http_date_format(c->response.next_update, date);
	snprintf(sentence, sizeof sentence, "ocspresponse %s is valid until %.*s only: make it anew "
		 "with \"ocspctl sign-issuer\"", c->path, HTTP_DATE_LEN, date);
	a->r->say(LEVEL_WARNING, sentence);
}

/* E_NOT_FOUND: this file has nothing to do with the question. */
static enum err try_file(struct ask *a, const char *path, size_t ca)
{
	const struct signer *s = &a->r->signer[ca];
	char error[CANNED_ERROR_LEN];
	struct single single;
	struct canned c;
	enum err e;

	e = canned_load(path, &a->r->conf->ca[ca], &c, error);
	if (e) {
		/* only then does a file that can't even be read matter to the one who asks */
		if (!s->conf || !cert_is_meant_by(&s->ca, &a->request.id[0]))
			return E_NOT_FOUND;
		a->r->say(LEVEL_CRITICAL, error);
		return e;
	}
	e = response_find(&c.response, a->request.id[0].der, &single);
	if (e)
		goto out;
	e = canned_check(&c, clock_real_ms() / 1000, error);
	if (e) {
		a->r->say(LEVEL_CRITICAL, error);
		goto out;
	}
	warn_of_end(a, &c);
	publish(a, &c, &single);
	ask_answer(a, c.der, SOURCE_CANNED, cert_status_name(single.status));
out:
	canned_free(&c);
	return e;
}

enum err ask_canned(struct ask *a)
{
	enum err e, worst = E_NOT_FOUND;

	for (size_t i = 0; i < a->r->conf->n_ca; i++) {
		const struct conf_ca *ca = &a->r->conf->ca[i];

		for (size_t j = 0; ca->ocspresponse[j]; j++) {
			e = try_file(a, ca->ocspresponse[j], i);
			if (e == E_OK)
				return E_OK;
			if (e != E_NOT_FOUND)
				worst = e;
		}
	}
	if (worst == E_NOT_FOUND)
		return E_NOT_FOUND;
	/* it is ours to answer, and will be once somebody has renewed the file: tryLater */
	return ask_fail(a, E_IO, "its ocspresponse file can't be sent");
}

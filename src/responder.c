#include "responder.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "key.h"
#include "metrics.h"
#include "responder-impl.h"

const char *source_name(enum source s)
{
	static const char *const names[] = { "-", "cache", "store", "canned", "signed" };

	return (unsigned)s < sizeof names / sizeof *names ? names[s] : "?";
}

enum err responder_init(const struct conf *conf)
{
	unsigned needs = conf->db_tls ? KEY_NAMES : 0;

	for (size_t i = 0; i < conf->n_ca; i++) {
		if (key_is_uri(conf->ca[i].pkey))
			needs |= KEY_URI;
		if (conf->ca[i].password || conf->ca[i].passwordfile)
			needs |= KEY_NAMES;
	}
	return key_init(needs);
}

/* E_OK if all of the CAs can be used, or one at least. */
static enum err open_signers(struct responder *r, bool all, char error[RESPONDER_ERROR_LEN])
{
	const struct conf *conf = r->conf;
	char warning[SIGNER_ERROR_LEN];
	bool usable = false;
	enum err e = E_OK;

	for (size_t i = 0; i < conf->n_ca; i++) {
		e = signer_open(&conf->ca[i], conf->profile, &r->signer[i], error, warning);
		if (e == E_OK) {
			usable = true;
			if (warning[0])
				r->say(LEVEL_DEBUG, warning);	/* ocspctl check says it aloud */
			continue;
		}
		if (all)
			return e;
		r->say(LEVEL_CRITICAL, error);
	}
	return usable ? E_OK : e;
}

static enum err open_with(const struct conf *conf, responder_say *say, bool all,
			  struct responder *out, char error[RESPONDER_ERROR_LEN])
{
	char warning[SIGNER_ERROR_LEN];
	enum err e;

	*out = (struct responder){ .conf = conf, .say = say, .cache = { .fd = -1 } };
	e = open_signers(out, all, error);
	if (e) {
		responder_close(out);
		return e;
	}
	if (cache_open(&out->cache, conf->cache, conf->recheck_s, true) != E_OK) {
		snprintf(warning, sizeof warning,
			 "the cache %s can't be used, so every answer is signed anew: %s",
			 conf->cache, strerror(errno));
		say(LEVEL_WARNING, warning);
	}
	return E_OK;
}

enum err responder_open(const struct conf *conf, responder_say *say, struct responder *out,
			char error[RESPONDER_ERROR_LEN])
{
	return open_with(conf, say, true, out, error);
}

enum err responder_open_some(const struct conf *conf, responder_say *say, struct responder *out,
			     char error[RESPONDER_ERROR_LEN])
{
	return open_with(conf, say, false, out, error);
}

void responder_close(struct responder *r)
{
	for (size_t i = 0; i < LIM_CAS; i++)
		signer_close(&r->signer[i]);
	store_close(r->store);
	r->store = NULL;
	cache_close(&r->cache);
}

enum err ask_fail(struct ask *a, enum err e, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(a->info->why, sizeof a->info->why, format, ap);
	va_end(ap);
	return e;
}

void ask_say(const struct ask *a, enum level level, size_t i, const char *clause)
{
	char sentence[RESPONDER_ERROR_LEN], serial[SERIAL_TEXT_LEN] = "-";
	struct bytes magnitude;

	if (certid_serial(&a->request.id[i], &magnitude))
		serial_text(magnitude, serial);
	snprintf(sentence, sizeof sentence, "serial %s: %s", serial, clause);
	a->r->say(level, sentence);
}

void ask_answer(struct ask *a, struct bytes der, enum source source, const char *status)
{
	if (der.p != a->out)
		memmove(a->out, der.p, der.len);
	a->der = bytes_of(a->out, der.len);
	a->info->source = source;
	a->info->status = status;
}

void ask_drop(const struct ask *a, size_t i)
{
	if (cache_remove(&a->r->cache, &a->request.id[i]) != E_OK)
		ask_say(a, LEVEL_ERROR, i, "an answer in the cache that is no longer true can't be "
			"removed: mend the rights of the cache directory");
}

void ask_touch(const struct ask *a)
{
	char clause[160];

	if (cache_touch(&a->r->cache, &a->request.id[0], a->agreed_ms) == E_OK)
		return;
	snprintf(clause, sizeof clause, "the cache can't be written, so the database is asked each "
		 "time: %s", strerror(errno));
	ask_say(a, LEVEL_WARNING, 0, clause);
}

/* The first CA whose name and key the CertID has: RFC 6960 4.1.1. */
static struct signer *find_signer(struct responder *r, const struct certid *id)
{
	for (size_t i = 0; i < r->conf->n_ca; i++)
		if (r->signer[i].conf && cert_is_issuer_in(&r->signer[i].ca, id))
			return &r->signer[i];
	return NULL;
}

/* The section of a CA that nothing is known of, or NULL. */
static const char *unknown_ca(const struct responder *r)
{
	for (size_t i = 0; i < r->conf->n_ca; i++)
		if (!r->signer[i].conf)
			return r->conf->ca[i].name;
	return NULL;
}

/* Is it worth anything that no CA was found? */
static bool can_tell(const struct responder *r, const struct certid *id)
{
	uint8_t hash[CERT_HASH_LEN];

	return id->alg == HASH_UNKNOWN || (cert_name_hash(&r->signer[0].ca, id->alg, hash) &&
					   !cert_memory_is_short());
}

/* An answer has one signature, so all the CertIDs have to name the same CA. */
static enum err choose_signer(struct ask *a)
{
	for (size_t i = 0; i < a->request.n; i++) {
		struct signer *s = find_signer(a->r, &a->request.id[i]);
		const char *unknown = s ? NULL : unknown_ca(a->r);

		if (unknown)
			return ask_fail(a, E_CONFIG,
					"it may be about the CA of section [%s], whose certificates "
					"can't be used", unknown);
		if (!s && !can_tell(a->r, &a->request.id[i]))
			return ask_fail(a, E_BUSY, "no memory is left to find its CA");
		if (!s)
			return ask_fail(a, E_UNAUTHORIZED,
					"it asks about a certificate of another CA");
		if (i > 0 && s != a->signer)
			return ask_fail(a, E_UNAUTHORIZED,
					"it asks about certificates of several CAs");
		a->signer = s;
	}
	return E_OK;
}

/* What RFC 9654 2.1 lets a responder leave out, the Baseline Requirements (4.9.9, which still cite
 * RFC 8954) make it leave out. */
#define BR_NONCE_LEN 32

static bool echoes_nonce(const struct conf *conf, const struct request *q)
{
	return q->has_nonce && conf->nonce == NONCE_ECHO &&
	       (conf->profile != PROFILE_BR || q->nonce.len <= BR_NONCE_LEN);
}

void ask_cache(struct ask *a)
{
	struct cache_entry *c = &a->cached;
	const char *odd;

	cache_get(&a->r->cache, &a->request.id[0], clock_real_ms(), a->r->cached, c, &odd);
	if (odd) {
		char clause[128];

		snprintf(clause, sizeof clause, "its file in the cache %s, and is replaced", odd);
		ask_say(a, LEVEL_WARNING, 0, clause);
	}
	/* the CA has another key now, or another responder */
	if (c->verdict != FRESH_MISS &&
	    !bytes_eq(c->response.responder_key, bytes_of(a->signer->key_hash, 20)))
		c->verdict = FRESH_MISS;
}

static bool send_cached(struct ask *a, enum source source)
{
	/* time has passed since it was looked at */
	if (a->cached.verdict == FRESH_MISS ||
	    clock_real_ms() / 1000 >= a->cached.single.next_update)
		return false;
	ask_answer(a, a->cached.der, source, cert_status_name(a->cached.single.status));
	return true;
}

/* The database could not be asked: info->why says why. */
static enum err without_store(struct ask *a, enum err e)
{
	/* who was told to end breaks the question off: that says nothing about the database */
	bool ended = deadline_interrupted();
	bool changed = !ended && cache_backoff_set(&a->r->cache, &a->request.id[0]);
	char sentence[RESPONDER_ERROR_LEN + 64];

	if (!ended)
		metrics_count_database_failure();
	if (!send_cached(a, SOURCE_CACHE))
		return e;
	snprintf(sentence, sizeof sentence,
		 "%s; answers that are still valid are sent from the cache", a->info->why);
	a->r->say(changed ? LEVEL_ERROR : LEVEL_DEBUG, sentence);
	a->info->why[0] = '\0';
	return E_OK;
}

static enum err ask_all(struct ask *a)
{
	enum err e = E_OK;

	cache_backoff_renew(&a->r->cache, &a->request.id[0]);
	a->agreed_ms = clock_real_ms();
	for (size_t i = 0; e == E_OK && i < a->request.n; i++)
		e = ask_status(a, i);
	if (e == E_DB)
		return without_store(a, e);
	if (cache_backoff_clear(&a->r->cache, &a->request.id[0]))
		a->r->say(LEVEL_WARNING, "the database answers again");
	return e;
}

/* Once the database has spoken: a cached answer that says the same is as good as a new one. */
static enum err answer_decided(struct ask *a)
{
	const struct cache_entry *c = &a->cached;
	enum err e = E_OK;

	if (c->verdict == FRESH_MISS)
		return ask_sign(a);
	if (a->not_issued || !decide_same(&a->decision[0], &c->single, c->response.produced_at)) {
		/* before anything else can fail */
		ask_drop(a, 0);
		return ask_sign(a);
	}
	if (fresh_renew_at(&c->single) <= clock_real_ms() / 1000) {
		e = ask_sign(a);
		if (e == E_OK)
			return E_OK;
	}
	ask_touch(a);
	if (!send_cached(a, SOURCE_STORE))
		return e ? e : ask_sign(a);
	if (e) {
		/* it could not be renewed, but is still good */
		a->r->say(err_info(e)->level, a->info->why);
		a->info->why[0] = '\0';
	}
	return E_OK;
}

static enum err answer_ours(struct ask *a)
{
	const struct cache *cache = &a->r->cache;
	int lock = -1;
	enum err e;

	if (a->cacheable) {
		if (cache->fd >= 0 && cache_make_folder(cache, &a->request.id[0]) != E_OK)
			ask_say(a, LEVEL_WARNING, 0, "its CA's folder in the cache can't be made");
		lock = cache_lock(cache, &a->request.id[0],
				  deadline_sooner(a->d, deadline_left_ms(a->d) / 2));
		ask_cache(a);
		/* somebody else has signed it meanwhile, or nobody can ask just now */
		if ((a->cached.verdict == FRESH_HIT ||
		     cache_backoff(cache, &a->request.id[0], clock_real_ms())) &&
		    send_cached(a, SOURCE_CACHE)) {
			e = E_OK;
			goto out;
		}
	}
	e = ask_all(a);
	if (e == E_OK && !a->der.len)
		e = answer_decided(a);
out:
	if (lock >= 0)
		close(lock);
	return e;
}

static enum err answer(struct ask *a, struct bytes octets)
{
	struct bytes magnitude;
	const char *why;
	enum err e;

	e = request_parse(octets, &a->request, &why);
	if (e)
		return ask_fail(a, e, "%s", why);
	a->info->n = a->request.n;
	if (certid_serial(&a->request.id[0], &magnitude))
		serial_text(magnitude, a->info->serial);
	if (a->request.n == 1) {
		e = ask_canned(a);
		if (e != E_NOT_FOUND)
			return e;
	}
	e = choose_signer(a);
	if (e)
		return e;
	if (!echoes_nonce(a->r->conf, &a->request))
		a->request.has_nonce = false;
	a->cacheable = a->request.n == 1 && !a->request.has_nonce &&
		       !signer_prefers_other(a->signer, a->request.preferred);
	return answer_ours(a);
}

enum err responder_answer(struct responder *r, struct bytes request, struct deadline d,
			  uint8_t *out, struct bytes *der, struct answer_info *info)
{
	struct ask a = { .r = r, .d = d, .info = info, .out = out };
	enum err e;

	*info = (struct answer_info){ .serial = "-", .status = "-", .source = SOURCE_NONE };
	e = answer(&a, request);
	if (e) {
		response_error(err_info(e)->ocsp, out);
		a.der = bytes_of(out, RESPONSE_ERROR_LEN);
		info->source = SOURCE_NONE;
		info->status = ocsp_status_name((int)err_info(e)->ocsp);
	}
	*der = a.der;
	return e;
}

/* What is left beside the answers for people to see, and said to them ahead of time. */
#include <stdio.h>

#include "responder-impl.h"

#define HOUR_S 3600
#define DAY_S 86400

/* Before a certificate's end, at which it is spoken of; see signer_ends_soon(). */
#define DAYS_AHEAD 14

/* One CA: its name on a line, and the hash that most CertIDs have for its key on another. */
#define ISSUER_LEN 512

static size_t put_issuer(const struct cert *ca, char *out, size_t cap)
{
	char name[ISSUER_LEN / 2], hex[2 * CERT_HASH_LEN + 1];
	uint8_t hash[CERT_HASH_LEN];
	int n;

	if (!cert_key_hash(ca, HASH_SHA1, hash))
		return 0;
	*bytes_hex(bytes_of(hash, hashalg_len(HASH_SHA1)), hex) = '\0';
	n = snprintf(out, cap, "%s\n    key hash (SHA-1) %s\n",
		     cert_subject_text(ca, name, sizeof name), hex);
	return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}

void ask_note_issuers(const struct ask *a)
{
	const struct responder *r = a->r;
	char text[LIM_CAS * ISSUER_LEN];
	size_t len = 0;

	if (!cache_note_is_older(&r->cache, CACHE_ISSUERS, HOUR_S))
		return;
	for (size_t i = 0; i < r->conf->n_ca; i++)
		if (r->signer[i].conf)
			len += put_issuer(&r->signer[i].ca, text + len, sizeof text - len);
	/* a page that people look at is worth no warning */
	(void)!cache_put_note(&r->cache, CACHE_ISSUERS, bytes_of(text, len));
}

void ask_warn_of_end(const struct ask *a)
{
	int64_t now = clock_real_ms() / 1000, days = (signer_not_after(a->signer) - now) / DAY_S;
	const struct conf_ca *ca = a->signer->conf;
	const struct cache *cache = &a->r->cache;
	char name[128], sentence[RESPONDER_ERROR_LEN];

	if (!signer_ends_soon(a->signer, now, DAYS_AHEAD))
		return;
	snprintf(name, sizeof name, ".ends-%.64s", ca->name);
	if (!cache_note_is_older(cache, name, DAY_S) ||
	    cache_put_note(cache, name, bytes_of(NULL, 0)) != E_OK)
		return;
	snprintf(sentence, sizeof sentence, "%s can sign for %lld more days: renew it, or the CA's "
		 "own, whichever ends first", ca->cert, (long long)days);
	a->r->say(LEVEL_WARNING, sentence);
}

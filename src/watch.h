/*
 * watch.h - keeps the cache in agreement with the table: signs anew what has changed there and what
 * ages, removes what has ended, and says for each folder when all of it agreed (.verified).
 *
 * Nothing depends on it for correctness: what it does not say, a request finds out for itself.
 */
#ifndef OCSP_WATCH_H
#define OCSP_WATCH_H

#include "conf.h"
#include "deadline.h"
#include "responder.h"

struct watch;

/* For a person: what it did, and where it stands. */
struct watch_count {
	int64_t cached;		/* answers that the last pass has seen */
	int64_t changed, renewed, removed;	/* so far */
	int64_t said_ms;	/* all that is in the cache agreed then, or INT64_MIN */
	bool stamped;		/* changes are read from updated_at */
};

/* Opens certificates and cache; no database yet. E_SIGNER, E_DATA, E_IO with a sentence in error.
 * conf has to outlive it. */
MUST_CHECK enum err watch_new(const struct conf *conf, responder_say *say, struct watch **out,
			      char error[RESPONDER_ERROR_LEN]);
void watch_free(struct watch *w);

/* What is done once a second, within about a second. E_DB: the database can't be asked, with a
 * sentence in error; it begins anew the next time. */
MUST_CHECK enum err watch_tick(struct watch *w, char error[RESPONDER_ERROR_LEN]);

/* Has another directory taken the cache's place? It can't go on then. */
bool watch_lost_cache(const struct watch *w);

struct watch_count watch_count(const struct watch *w);

#endif

/* Which host of the database is asked, and what is known of its tables. */
#include <stdio.h>

#include "watch-impl.h"

/* How often an earlier host of the list is tried, and for how long. */
#define RETURN_MS 30000
#define RETURN_TRY_MS 3000

/* Which way of looking a table has. */
static enum err find_out(struct watch *w, size_t i)
{
	struct store *s = w->responder.store;
	char sentence[STORE_ERROR_LEN + 256];
	enum err e = store_stamped(s, w->table[i], deadline_in(WATCH_DB_MS));

	w->stamped[i] = e == E_OK;
	w->hints[i][0] = '\0';
	if (e != E_NOT_FOUND)
		return e;
	snprintf(sentence, sizeof sentence, "%s, so changes are found by comparing the cached "
		 "answers with their rows, which takes longer the more there are: "
		 "\"ocspctl init-db --upgrade\" adds one", store_error(s));
	w->responder.say(LEVEL_INFO, sentence);
	return E_OK;
}

void watch_forget(struct watch *w)
{
	walk_end(&w->walk);
	lease_reset(&w->lease);
	w->count.said_ms = LEASE_NEVER;
}

/* Hosts behind the first one are for failures: the first that answers is gone back to. */
static void go_back(struct watch *w)
{
	char why[STORE_ERROR_LEN], hint[STORE_SIGN_LEN];
	struct store *s;

	if (w->host == 0 || clock_mono_ms() < w->return_at_ms)
		return;
	w->return_at_ms = clock_mono_ms() + RETURN_MS;
	if (store_open(&w->conf, deadline_in(RETURN_TRY_MS), &s, why) != E_OK)
		return;
	if (store_hint(s, w->table[0], deadline_in(RETURN_TRY_MS), hint) == E_OK &&
	    store_host(s) < w->host) {
		store_close(w->responder.store);
		w->responder.store = NULL;
	}
	store_close(s);
}

bool watch_has_moved(struct watch *w)
{
	char sentence[STORE_ERROR_LEN + 128];

	if (store_host(w->responder.store) == w->host)
		return false;
	w->host = store_host(w->responder.store);
	w->return_at_ms = clock_mono_ms() + RETURN_MS;
	watch_forget(w);
	snprintf(sentence, sizeof sentence, "the database is asked at %s now: everything is looked "
		 "at again", store_describe(w->responder.store));
	w->responder.say(LEVEL_WARNING, sentence);
	return true;
}

enum err watch_connect(struct watch *w, char error[RESPONDER_ERROR_LEN])
{
	char why[STORE_ERROR_LEN];
	enum err e;

	if (w->responder.store)
		go_back(w);
	if (w->responder.store)
		return E_OK;
	e = store_open(&w->conf, deadline_in(WATCH_DB_MS), &w->responder.store, why);
	if (e) {
		w->responder.store = NULL;
		snprintf(error, RESPONDER_ERROR_LEN, "%s", why);
		return e;
	}
	(void)watch_has_moved(w);
	w->count.stamped = true;
	w->digest_at_ms = 0;
	for (size_t i = 0; i < w->n_tables && e == E_OK; i++) {
		e = find_out(w, i);
		w->count.stamped &= w->stamped[i];
	}
	return e;
}

#include "watch-impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "metrics.h"
#include "sha256.h"

/* A change is looked for in the rows of the last so many seconds: a transaction may be committed
 * later than its rows are stamped. What is later still, a pass finds. */
#define OVERLAP_S 10

/* Of its time, what asking for digests may take, if they take longer than a blink. */
#define DIGEST_SHARE 100
#define DIGEST_BLINK_MS 50

/* When it is tried again, if there is none to be had. */
#define NO_DIGEST_MS 10000

/* How often a pass looks for what ages: in parts of the shortest validity, and at least. */
#define AGE_PARTS 16
#define AGE_LONGEST_MS 3600000

static int64_t shortest_validity_ms(const struct conf *c)
{
	int64_t s = c->ca[0].producetime_s;

	for (size_t i = 1; i < c->n_ca; i++)
		if (c->ca[i].producetime_s < s)
			s = c->ca[i].producetime_s;
	return s * 1000;
}

static bool has_folder(const struct watch *w, const char *name)
{
	for (size_t i = 0; i < w->n_folders; i++)
		if (strcmp(w->folder[i], name) == 0)
			return true;
	return false;
}

/* Where the answers of a CA lie: see certid_place(). */
static enum err add_folders(struct watch *w, size_t ca)
{
	static const uint8_t any[1] = { 1 };
	struct certid_place place;
	uint8_t octets[VARIANT_LEN];
	struct certid id;
	enum err e = variants_of(&w->responder.signer[ca].ca, &w->variants[ca]);

	for (size_t i = 0; i < VARIANTS && e == E_OK; i += 2) {
		e = variants_certid(&w->variants[ca], i, bytes_of(any, 1), octets, &id);
		if (e != E_OK || !certid_place(&id, &place) || has_folder(w, place.folder))
			continue;
		memcpy(w->folder[w->n_folders], place.folder, sizeof place.folder);
		w->folder_ca[w->n_folders] = ca;
		w->folder_hash[w->n_folders++] = variant_hash(i);
	}
	return e;
}

static void add_table(struct watch *w, const char *table)
{
	for (size_t i = 0; i < w->n_tables; i++)
		if (strcmp(w->table[i], table) == 0)
			return;
	w->table[w->n_tables++] = table;
}

enum err watch_new(const struct conf *conf, responder_say *say, struct watch **out,
		   char error[RESPONDER_ERROR_LEN])
{
	int64_t age_ms = shortest_validity_ms(conf) / AGE_PARTS;
	struct watch *w = calloc(1, sizeof *w);
	enum err e;

	if (!w) {
		snprintf(error, RESPONDER_ERROR_LEN, "out of memory");
		return E_BUSY;
	}
	w->conf = *conf;
	w->conf.recheck_s = 0;
	w->recheck_s = conf->recheck_s;
	e = responder_open(&w->conf, say, &w->responder, error);
	if (e)
		goto out;
	if (w->responder.cache.fd < 0) {
		snprintf(error, RESPONDER_ERROR_LEN, "without a cache there is nothing to watch");
		e = E_IO;
	}
	metrics_open(conf, w->responder.cache.fd, METRICS_SIGN);
	for (size_t i = 0; i < conf->n_ca && e == E_OK; i++) {
		add_table(w, conf->ca[i].table);
		e = add_folders(w, i);
		if (e)
			snprintf(error, RESPONDER_ERROR_LEN, "libcrypto refuses a hash that "
				 "CertIDs are made with");
	}
	lease_init(&w->lease, (int64_t)conf->recheck_s * 1000,
		   age_ms < AGE_LONGEST_MS ? age_ms : AGE_LONGEST_MS);
	w->count.said_ms = LEASE_NEVER;
out:
	if (e) {
		watch_free(w);
		return e;
	}
	*out = w;
	return E_OK;
}

void watch_free(struct watch *w)
{
	walk_end(&w->walk);
	responder_close(&w->responder);
	free(w);
}

bool watch_lost_cache(const struct watch *w)
{
	return cache_is_replaced(&w->responder.cache);
}

struct watch_count watch_count(const struct watch *w)
{
	return w->count;
}

/* A row that has changed lately: which answers about it in the cache say something else? */
static bool enqueue(void *arg, struct store_row *row)
{
	struct watch *w = arg;
	struct watch_item item;
	struct bytes serial;

	w->fed = true;
	if (!serial_parse(bytes_str(row->cert_num), item.buf, &serial))
		return true;
	item.serial_len = serial.len;
	for (item.folder = 0; item.folder < w->n_folders; item.folder++) {
		if (strcmp(watch_table(w, item.folder), w->feeding) != 0)
			continue;
		for (int null = 0; null < 2; null++) {
			uint8_t octets[VARIANT_LEN];
			struct cache_entry c;
			struct certid id;

			if (w->n_queue == WATCH_QUEUE)
				return false;
			item.has_null = null;
			if (watch_certid(w, &item, octets, &id) != E_OK)
				continue;
			cache_get(&w->responder.cache, &id, clock_real_ms(), w->responder.cached,
				  &c, NULL);
			if (c.verdict != FRESH_MISS &&
			    !watch_agrees(w, row, &c.single, c.response.produced_at))
				w->queue[w->n_queue++] = item;
		}
	}
	return true;
}

enum err watch_feed(struct watch *w)
{
	enum err e = E_OK;

	w->n_queue = 0;
	for (size_t i = 0; i < w->n_tables && e == E_OK; i++) {
		w->feeding = w->table[i];
		if (w->stamped[i])
			e = store_changed(w->responder.store, w->table[i], OVERLAP_S,
					  deadline_in(WATCH_DB_MS), enqueue, w);
	}
	for (size_t i = 0; i < w->n_queue && e == E_OK; i++) {
		uint8_t octets[VARIANT_LEN];
		struct certid id;

		e = watch_certid(w, &w->queue[i], octets, &id);
		if (e == E_OK)
			e = watch_answer(w, &id);
		if (e == E_AGAIN)
			e = E_OK;	/* it is found again, now or by a pass */
	}
	return e;
}

/* A hint may count in whole seconds: what follows in the same one would go unseen. */
#define HINT_MS 2500

/* A table whose changes can't be read from a column has to be looked at when it seems to have been
 * changed. */
static enum err ask_hints(struct watch *w)
{
	char hint[STORE_SIGN_LEN];

	for (size_t i = 0; i < w->n_tables; i++) {
		enum err e = store_hint(w->responder.store, w->table[i],
					deadline_in(WATCH_DB_MS), hint);

		if (e)
			return e;
		if (strcmp(hint, w->hints[i]) != 0 && !w->stamped[i])
			w->moved_ms = clock_mono_ms();
		memcpy(w->hints[i], hint, sizeof hint);
	}
	if (w->moved_ms && clock_mono_ms() - w->moved_ms < HINT_MS)
		lease_hurry(&w->lease);
	return E_OK;
}

static enum err ask_rows(struct watch *w, bool *fewer)
{
	int64_t rows = 0, n;

	for (size_t i = 0; i < w->n_tables; i++) {
		enum err e = store_rows(w->responder.store, w->table[i], deadline_in(WATCH_DB_MS),
					&n);

		if (e)
			return e;
		rows += n;
	}
	*fewer = rows < w->rows;
	w->rows = rows;
	return E_OK;
}

static enum err ask_digests(struct watch *w, int64_t now_ms)
{
	char sign[LIM_CAS * STORE_SIGN_LEN], text[2 * 32 + 1];
	int64_t start_ms = clock_mono_ms(), ms;
	uint8_t digest[32];
	size_t len = 0;
	bool fewer;
	enum err e;

	for (size_t i = 0; i < w->n_tables; i++) {
		e = store_digest(w->responder.store, w->table[i], deadline_in(WATCH_DB_MS),
				 sign + len);
		/* one table without the column is enough: the others need not be read for it */
		if (e == E_NOT_FOUND)
			w->digest_at_ms = start_ms + NO_DIGEST_MS;
		if (e)
			return e == E_NOT_FOUND ? E_OK : e;
		len += strlen(sign + len) + 1;
	}
	sha256(bytes_of(sign, len), digest);
	*bytes_hex(bytes_of(digest, sizeof digest), text) = '\0';
	if (lease_see(&w->lease, now_ms, text)) {
		e = ask_rows(w, &fewer);
		if (e)
			return e;
		/* something is gone, or was committed later than it was stamped */
		if (fewer || !w->fed)
			lease_hurry(&w->lease);
	}
	w->fed = false;
	ms = clock_mono_ms() - start_ms;
	ms = ms < DIGEST_BLINK_MS ? 0 : ms * DIGEST_SHARE;
	/* what is said would get too old otherwise */
	if (ms > w->recheck_s * 1000 / 3)
		ms = w->recheck_s * 1000 / 3;
	w->digest_at_ms = start_ms + ms;
	return E_OK;
}

static void say_verified(struct watch *w)
{
	int64_t agreed, present;

	if (!lease_said(&w->lease, &agreed, &present) || agreed == w->count.said_ms)
		return;
	for (size_t i = 0; i < w->n_folders; i++)
		cache_verify(&w->responder.cache, w->folder[i], agreed, present);
	w->count.said_ms = agreed;
}

static enum err look(struct watch *w, int64_t now_ms, char error[RESPONDER_ERROR_LEN])
{
	enum err e = watch_connect(w, error);

	if (e && !w->responder.store)
		return e;
	if (e == E_OK)
		e = ask_hints(w);
	if (e == E_OK)
		e = watch_feed(w);
	/* a pass rests on one that is no older than its beginning */
	if (e == E_OK && (clock_mono_ms() >= w->digest_at_ms ||
			  (w->lease.has_digest && lease_begins(&w->lease, now_ms))))
		e = ask_digests(w, clock_real_ms());
	if (e == E_OK)
		e = watch_canned(w);
	if (e == E_OK)
		e = watch_pass(w, now_ms);
	if (e == E_OK)
		return E_OK;
	/* a lookup's failure has closed it already, and was told */
	snprintf(error, RESPONDER_ERROR_LEN, "%s", w->responder.store ?
		 store_error(w->responder.store) : "a lookup failed");
	return e;
}

enum err watch_tick(struct watch *w, char error[RESPONDER_ERROR_LEN])
{
	int64_t now_ms = clock_real_ms();
	enum err e;

	if (now_ms < w->last_ms) {
		w->responder.say(LEVEL_WARNING, "the clock was set back: everything is looked at "
				 "again");
		lease_reset(&w->lease);
	}
	w->last_ms = now_ms;
	e = look(w, now_ms, error);
	if (e == E_OK) {
		if (!watch_has_moved(w))
			say_verified(w);
		return E_OK;
	}
	store_close(w->responder.store);
	w->responder.store = NULL;
	watch_forget(w);
	return e;
}

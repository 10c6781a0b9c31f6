/* Every answer in the cache, compared with its row. */
#include <stdlib.h>
#include <unistd.h>

#include "cache-walk.h"
#include "watch-impl.h"

/* What a tick may spend here, of its second: when something has changed, and when nothing is known
 * to have. */
#define HURRY_MS 400
#define ROUTINE_MS 250

/* The clocks of hosts that share a cache may differ a little. */
#define AHEAD_S 5

/* It has ended, or was made while the clock was ahead: nobody is sent it now, and once its time comes
 * somebody would be, unasked. */
static bool is_of_no_use(const struct cache_entry *c, int64_t now)
{
	return c->verdict == FRESH_MISS && c->der.p &&
	       (c->single.next_update <= now || c->single.this_update > now + AHEAD_S ||
		c->response.produced_at > now + AHEAD_S);
}

/* Is there nothing to be kept of this file? Then it goes. */
static void remove_useless(struct watch *w, const struct certid *id)
{
	const struct cache *cache = &w->responder.cache;
	struct cache_entry c = { .der = { NULL, 0 } };
	int lock = cache_lock(cache, id, deadline_in(w->conf.timeout_ms));
	int64_t now_ms = clock_real_ms();
	const char *odd;

	/* somebody may have replaced it just now */
	cache_get(cache, id, now_ms, w->responder.cached, &c, &odd);
	if (!odd && is_of_no_use(&c, now_ms / 1000) && cache_remove(cache, id) == E_OK)
		w->count.removed++;
	if (lock >= 0)
		close(lock);
}

/* Reads a file, for the batch. */
static void look_at(struct watch *w, const struct walked *f)
{
	struct watch_seen *s = &w->seen[w->n_seen];
	int64_t now_ms = clock_real_ms();
	struct cache_entry c = { .der = { NULL, 0 } };
	uint8_t octets[VARIANT_LEN];
	struct certid id;
	const char *odd;

	s->item = (struct watch_item){ .folder = f->folder, .has_null = f->has_null,
				       .serial_len = f->serial.len };
	memcpy(s->item.buf, f->serial.p, f->serial.len);
	if (watch_certid(w, &s->item, octets, &id) != E_OK)
		return;
	cache_get(&w->responder.cache, &id, now_ms, w->responder.cached, &c, &odd);
	if (c.verdict == FRESH_MISS) {
		/* nobody is sent such a one, unless it can be read again in a moment */
		w->pass_unread |= c.unread;
		if (!odd && is_of_no_use(&c, now_ms / 1000))
			remove_useless(w, &id);
		return;
	}
	w->pass_cached++;
	serial_text(f->serial, s->text);
	s->says = c.single;
	s->produced_at = c.response.produced_at;
	s->due = fresh_renew_at(&c.single) <= now_ms / 1000;
	s->says.id = (struct certid){ .alg = HASH_UNKNOWN };
	s->found = false;
	w->n_seen++;
}

static int by_text(const void *pa, const void *pb)
{
	const struct watch_seen *a = pa, *b = pb;

	return strcmp(a->text, b->text);
}

/* A row, for all of the batch that are about it. Of several the one counts that store_find()
 * takes. */
static bool compare(void *arg, struct store_row *row)
{
	struct watch *w = arg;
	size_t low = 0, high = w->n_seen;
	char text[SERIAL_TEXT_LEN];

	if (!store_row_serial(row, text))
		return true;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(w->seen[middle].text, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < w->n_seen && strcmp(w->seen[low].text, text) == 0; low++) {
		struct watch_seen *s = &w->seen[low];

		if (!s->found || store_row_beats(row, &s->row))
			s->row = *row;
		s->found = true;
	}
	return true;
}

/* An answer whose time has come, if its certificate has not ended. */
static enum err renew(struct watch *w, const struct watch_seen *s, const struct certid *id)
{
	size_t ca = w->folder_ca[s->item.folder];
	const struct conf_ca *conf = &w->conf.ca[ca];
	int64_t read_ms = clock_real_ms();
	struct answer_info info;
	struct store_row row;
	enum err e;

	e = store_find(w->responder.store, conf->table, watch_serial(&s->item), conf->verify,
		       deadline_in(WATCH_DB_MS), &row);
	/* gone, or not to be told from another's: what comes of that is the responder's to say */
	if (e == E_NOT_FOUND || (e && store_has_answered(w->responder.store)))
		return watch_answer(w, id);
	if (e)
		return e;
	e = responder_ahead(&w->responder, ca, id, &row, read_ms, 0, w->out, &info);
	store_row_free(&row);
	if (e == E_OK && info.source == SOURCE_SIGNED)
		w->count.renewed++;
	else if (e && e != E_NOT_FOUND)
		w->responder.say(err_info(e)->level, info.why);
	/* one that can't be renewed is true all the same */
	return E_OK;
}

static enum err settle(struct watch *w, const struct watch_seen *s)
{
	uint8_t octets[VARIANT_LEN];
	struct certid id;
	enum err e = watch_certid(w, &s->item, octets, &id);

	if (e)
		return e;
	if (s->found && watch_agrees(w, &s->row, &s->says, s->produced_at))
		return s->due ? renew(w, s, &id) : E_OK;
	e = watch_answer(w, &id);
	if (e == E_AGAIN) {
		w->pass_failed = true;
		e = E_OK;
	}
	return e;
}

/* The whole batch, which is of one folder. */
static enum err settle_all(struct watch *w)
{
	static char text[WATCH_BATCH][SERIAL_TEXT_LEN];
	const char *table;
	enum err e;

	if (!w->n_seen)
		return E_OK;
	qsort(w->seen, w->n_seen, sizeof w->seen[0], by_text);
	for (size_t i = 0; i < w->n_seen; i++)
		memcpy(text[i], w->seen[i].text, SERIAL_TEXT_LEN);
	table = watch_table(w, w->seen[0].item.folder);
	e = store_find_many(w->responder.store, table, (const char (*)[SERIAL_TEXT_LEN])text,
			    w->n_seen, w->twins, deadline_in(WATCH_DB_MS), compare, w);
	for (size_t i = 0; i < w->n_seen && e == E_OK; i++)
		e = settle(w, &w->seen[i]);
	w->n_seen = 0;
	return e;
}

/* A batch of files; *more: the shard goes on. */
static enum err walk_some(struct watch *w, bool *more)
{
	struct walked f;

	w->n_seen = 0;
	*more = true;
	while (*more && w->n_seen < WATCH_BATCH) {
		*more = walk_next(&w->walk, &f);
		if (*more)
			look_at(w, &f);
	}
	return settle_all(w);
}

/* Rows in another form count as well, and are asked for only where there are any: that takes many
 * times as many keys. */
static enum err look_for_twins(struct watch *w)
{
	enum err e = E_OK;

	w->twins = TWINS_NONE;
	for (size_t i = 0; i < w->n_tables && e == E_OK && w->twins != TWINS_ALL; i++) {
		enum store_twins twins = TWINS_NONE;

		e = store_has_twins(w->responder.store, w->table[i], deadline_in(WATCH_DB_MS),
				    &twins);
		if (twins > w->twins)
			w->twins = twins;
	}
	return e;
}

enum err watch_pass(struct watch *w, int64_t now_ms)
{
	int64_t steps = (int64_t)(w->n_folders * WALK_SHARDS), due, start_ms = clock_mono_ms();
	struct deadline d;
	bool more = false;
	enum err e;

	if (lease_begin(&w->lease, now_ms)) {
		e = look_for_twins(w);
		if (e)
			return e;
		cache_sweep(&w->responder.cache);
		walk_end(&w->walk);
		walk_begin(&w->walk, &w->responder.cache,
			   (const char (*)[CERTID_FOLDER_LEN])w->folder, w->n_folders);
		w->pass_failed = w->pass_unread = false;
		w->pass_cached = 0;
		w->pass_cost_ms = 0;
	}
	if (!w->lease.running)
		return E_OK;
	due = lease_due(&w->lease, now_ms, steps);
	d = deadline_in(due >= steps ? HURRY_MS : ROUTINE_MS);
	while ((more || (int64_t)w->walk.step < due) && !walk_done(&w->walk) &&
	       deadline_left_ms(d)) {
		e = walk_some(w, &more);
		if (e)
			return e;
	}
	w->pass_cost_ms += clock_mono_ms() - start_ms;
	if (walk_done(&w->walk)) {
		if (w->pass_unread || w->walk.error) {
			w->pass_failed = true;
			w->responder.say(LEVEL_WARNING, "a part of the cache can't be read just now: "
					 "until it can, requests ask the database themselves");
		}
		lease_end(&w->lease, !w->pass_failed, w->pass_cost_ms);
		w->count.cached = w->pass_cached;
	}
	return E_OK;
}

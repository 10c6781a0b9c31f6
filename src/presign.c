#include "presign.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "ctl.h"
#include "metrics.h"
#include "responder.h"
#include "variants.h"

/* Rows that are read at once. A page is signed in less than a tenth of a second with RSA-2048. */
#define PAGE_ROWS 128

/* Where a page takes longer, what a row said is asked again: a revocation that was written
 * meanwhile must not be overwritten by what was true before. */
#define STALE_MS 500

/* Sentences that are told before the rest is only counted. */
#define TOLD 20

struct worker {
	struct presign *p;
	struct responder responder;
	struct variants variants[LIM_CAS];
	unsigned cached[LIM_CAS];	/* 1 << HASH_…: there is a folder of answers already */
	size_t ca;			/* of the page at hand */
	int64_t page_ms, read_ms;	/* when the page was read, and the row at hand */
	struct store_row rows[PAGE_ROWS];
	size_t n;
	bool twins;			/* as it was known when they were read */
	uint8_t out[LIM_RESPONSE_LEN];
};

static struct worker worker;	/* one in each process */

struct presign *presign_new(void)
{
	struct presign *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attr;

	if (p == MAP_FAILED)
		return NULL;
	if (pthread_mutexattr_init(&attr) != 0 ||
	    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) != 0 ||
	    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) != 0 ||
	    pthread_mutex_init(&p->lock, &attr) != 0) {
		munmap(p, sizeof *p);
		return NULL;
	}
	atomic_store(&p->total, -1);
	return p;
}

static void say(enum level level, const char *sentence)
{
	int told;

	if (level < LEVEL_WARNING)
		return;
	told = atomic_fetch_add(&worker.p->said, 1);
	if (told < TOLD)
		ctl_say("%s", sentence);
	else if (told == TOLD)
		ctl_say("there is more of this kind, which is only counted");
}

static int fatal(struct worker *w, enum err e, const char *sentence)
{
	/* all of them fail of the same: one says it */
	if (atomic_exchange(&w->p->stop, 1) == 0)
		ctl_say("%s", sentence);
	return err_info(e)->exit_code;
}

/* The CA alone: the others may do. */
static void give_up(struct worker *w, size_t ca, enum err e, const char *why)
{
	if (atomic_exchange(&w->p->given_up[ca], err_info(e)->exit_code) == 0)
		ctl_say("%s%sno more is signed ahead for section [%s]", why, *why ? ": " : "",
			w->p->conf->ca[ca].name);
}

static enum err open_store(struct worker *w, char error[STORE_ERROR_LEN])
{
	struct deadline d = deadline_in(w->p->conf->timeout_ms);

	if (w->responder.store)
		return E_OK;
	return store_open(w->p->conf, d, &w->responder.store, error);
}

/* Is this a key that another row of the same serial may have as well, but for how it is spelt? */
static bool is_odd(const struct worker *w, const struct store_row *row)
{
	char text[SERIAL_TEXT_LEN];

	return store_row_serial(row, text) &&
	       (strcmp(text, row->cert_num) != 0 ||
		(w->n > 0 && strcmp(text, w->rows[w->n - 1].cert_num) == 0));
}

/* In the order of keys, leading zeros and upper case come before the plain form of the same serial:
 * so who meets that one knows whether there may be others. */
static bool keep_row(void *arg, struct store_row *row)
{
	struct worker *w = arg;

	w->p->twins = w->p->twins || is_odd(w, row);
	w->rows[w->n++] = *row;
	row->cert = NULL;
	return w->n < PAGE_ROWS;
}

static void cut_rows(struct worker *w, size_t end)
{
	while (w->n > end)
		store_row_free(&w->rows[--w->n]);
}

/* Where the key is not unique, rows with that of a full page's last one may follow: they come with
 * the next page, all of them. */
static bool end_page(struct worker *w, const char *after)
{
	size_t end = w->n == PAGE_ROWS ? store_page_end(w->rows, w->n) : w->n;

	if (w->n && (!end || strcmp(w->rows[end - 1].cert_num, after) == 0))
		return false;
	cut_rows(w, end);
	return true;
}

/* The next rows of the CA that it is at. */
static enum err read_page(struct worker *w, char error[STORE_ERROR_LEN])
{
	struct presign *p = w->p;
	const struct conf_ca *ca = &p->conf->ca[p->ca];
	struct deadline d = deadline_in(p->conf->timeout_ms);
	enum err e = open_store(w, error);

	if (e)
		return e;
	w->ca = p->ca;
	w->page_ms = clock_real_ms();
	e = store_page(w->responder.store, ca->table, p->after, PAGE_ROWS, ca->verify, d, keep_row,
		       w);
	if (e) {
		snprintf(error, STORE_ERROR_LEN, "%s", store_error(w->responder.store));
		return e;
	}
	if (!end_page(w, p->after)) {
		snprintf(error, STORE_ERROR_LEN, "table %s has too many rows with one cert_num, or a "
			 "cert_num that is longer than any serial number, behind %s", ca->table,
			 p->after);
		return E_DATA;
	}
	if (w->n)
		memcpy(p->after, w->rows[w->n - 1].cert_num, sizeof p->after);
	w->twins = p->twins;
	return E_OK;
}

/* A page could not be read: may those of other tables be? A database that can be reached anew is not
 * away. */
static bool can_go_on(struct worker *w, enum err e)
{
	char error[STORE_ERROR_LEN];

	cut_rows(w, 0);
	if (e != E_DB)
		return e == E_DATA;
	store_close(w->responder.store);
	w->responder.store = NULL;
	return open_store(w, error) == E_OK;
}

/* Takes the next page for this process; none are left if w->n is 0 then. */
static enum err take_page(struct worker *w, char error[STORE_ERROR_LEN])
{
	struct presign *p = w->p;
	enum err e = E_OK;

	w->n = 0;
	/* whoever died with the lock had not moved on: the page is read again */
	if (pthread_mutex_lock(&p->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&p->lock);
	while (e == E_OK && !w->n && !p->end) {
		if (!atomic_load(&p->given_up[p->ca]))
			e = read_page(w, error);
		if (e && can_go_on(w, e)) {
			give_up(w, p->ca, e, error);
			e = E_OK;
		}
		if (e == E_OK && !w->n) {
			p->after[0] = '\0';
			p->end = ++p->ca >= p->end_ca;
		}
	}
	pthread_mutex_unlock(&p->lock);
	return e;
}

/* Which hashes have answers in the cache already. */
static void look_for_folders(struct worker *w, size_t ca)
{
	static const uint8_t any[1] = { 1 };
	struct certid_place place;
	uint8_t octets[VARIANT_LEN];
	struct certid id;

	for (size_t i = 0; i < VARIANTS; i += 2) {
		if (variants_certid(&w->variants[ca], i, bytes_of(any, 1), octets, &id) == E_OK &&
		    certid_place(&id, &place) &&
		    faccessat(w->responder.cache.fd, place.folder, F_OK, 0) == 0)
			w->cached[ca] |= 1u << variant_hash(i);
	}
}

/* Of those CAs that are wanted it is said below. */
static void say_nothing(enum level level, const char *sentence)
{
	(void)level;
	(void)sentence;
}

static enum err prepare(struct worker *w, char error[RESPONDER_ERROR_LEN])
{
	const struct conf *conf = w->p->conf;
	char warning[SIGNER_ERROR_LEN];
	enum err e = responder_open_some(conf, say_nothing, &w->responder, error);

	w->responder.say = say;
	if (e)
		return e;
	if (w->responder.cache.fd < 0 &&
	    cache_open(&w->responder.cache, conf->cache, conf->recheck_s, true) != E_OK) {
		snprintf(error, RESPONDER_ERROR_LEN, "the cache %s can't be used, and without one "
			 "nothing can be signed ahead: %s", conf->cache, strerror(errno));
		return E_IO;
	}
	metrics_open(conf, w->responder.cache.fd, METRICS_SIGN);
	for (size_t i = w->p->first_ca; i < w->p->end_ca; i++) {
		struct signer *s = &w->responder.signer[i];

		/* once more, for the reason */
		e = s->conf ? E_OK : signer_open(&conf->ca[i], conf->profile, s, error, warning);
		if (e) {
			give_up(w, i, e, error);
			continue;
		}
		e = variants_of(&s->ca, &w->variants[i]);
		if (e) {
			snprintf(error, RESPONDER_ERROR_LEN, "libcrypto refuses a hash that CertIDs "
				 "are made with");
			return e;
		}
		look_for_folders(w, i);
	}
	return E_OK;
}

/* Reads a row anew that has waited too long, or that of all of its serial which counts. E_NOT_FOUND:
 * it is gone. */
static enum err read_again(struct worker *w, struct store_row *row, struct bytes serial)
{
	const struct conf_ca *ca = &w->p->conf->ca[w->ca];
	struct deadline d = deadline_in(w->p->conf->timeout_ms);
	struct store_row fresh;
	enum err e;

	w->read_ms = clock_real_ms();
	e = store_find(w->responder.store, ca->table, serial, ca->verify, d, &fresh);
	if (e == E_DB && store_has_answered(w->responder.store)) {
		say(LEVEL_ERROR, store_error(w->responder.store));
		return E_DATA;
	}
	if (e)
		return e;
	store_row_free(row);
	*row = fresh;
	return E_OK;
}

static enum err sign_one(struct worker *w, const struct store_row *row, const struct certid *id)
{
	struct presign *p = w->p;
	struct answer_info info;
	enum err e;

	if (!(p->hashes & 1u << id->alg && id->null_params) &&
	    !cache_has(&w->responder.cache, id))
		return E_OK;
	/* nobody has ever asked for what isn't there: it ends soon for none */
	e = responder_ahead(&w->responder, w->ca, id, row, w->read_ms, p->soon_s, w->out, &info);
	if (e == E_OK)
		atomic_fetch_add(info.source == SOURCE_SIGNED ? &p->signatures : &p->agreed, 1);
	else if (e == E_NOT_FOUND)
		atomic_fetch_add(&p->left_out, 1);
	else if (e != E_AGAIN)
		say(LEVEL_ERROR, info.why);
	return e;
}

/* The row may have a twin in another form, which was met before it: then the one that counts is
 * read. */
static enum err sign_variant(struct worker *w, struct store_row *row, struct bytes serial,
			     const struct certid *id)
{
	enum err e = sign_one(w, row, id);

	if (e != E_AGAIN)
		return e;
	e = read_again(w, row, serial);
	return e == E_OK ? sign_one(w, row, id) : e;
}

/* E_OK, or what makes all further work useless: all of this CA where it is of its key. */
static enum err sign_row(struct worker *w, struct store_row *row)
{
	uint8_t buf[LIM_SERIAL_LEN], octets[VARIANT_LEN];
	struct bytes serial;
	struct certid id;
	enum err e = E_OK;

	if (!serial_parse(bytes_str(row->cert_num), buf, &serial)) {
		atomic_fetch_add(&w->p->left_out, 1);
		return E_OK;
	}
	w->read_ms = w->page_ms;
	if (w->twins || clock_real_ms() - w->read_ms > STALE_MS)
		e = read_again(w, row, serial);
	for (size_t i = 0; i < VARIANTS && e == E_OK; i++) {
		unsigned wanted = w->p->hashes | w->cached[w->ca];

		if (!(wanted & 1u << variant_hash(i)))
			continue;
		e = variants_certid(&w->variants[w->ca], i, serial, octets, &id);
		if (e == E_OK)
			e = sign_variant(w, row, serial, &id);
	}
	if (e == E_OK || e == E_NOT_FOUND)
		return E_OK;
	atomic_fetch_add(&w->p->failed, 1);
	return e == E_DATA || e == E_UNAUTHORIZED ? E_OK : e;
}

/* A PIN that is refused ends all: other CAs may have the same token, which locks itself. */
static bool is_of_ca(enum err e)
{
	return e == E_SIGNER || e == E_TOKEN;
}

static enum err sign_page(struct worker *w)
{
	struct presign *p = w->p;
	enum err e = E_OK;

	for (size_t i = 0; i < w->n; i++) {
		if (e == E_OK && !atomic_load(&p->stop) && !atomic_load(&p->given_up[w->ca])) {
			e = sign_row(w, &w->rows[i]);
			atomic_fetch_add(&p->rows, 1);
		}
		if (is_of_ca(e)) {
			/* the reason was said with the row's number */
			give_up(w, w->ca, e, "");
			e = E_OK;
		}
		store_row_free(&w->rows[i]);
	}
	return e;
}

int presign_work(struct presign *p)
{
	char error[RESPONDER_ERROR_LEN];
	enum err e;

	worker.p = p;
	e = prepare(&worker, error);
	while (e == E_OK && !atomic_load(&p->stop)) {
		e = take_page(&worker, error);
		if (e)
			break;
		if (!worker.n)
			return 0;
		snprintf(error, sizeof error, "what failed is the same for all others: given up");
		e = sign_page(&worker);
	}
	return e ? fatal(&worker, e, error) : 0;
}

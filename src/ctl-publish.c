/*
 * What the cache says, brought in line with the table before the operator's command returns.
 */
#include "ctl.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "metrics.h"
#include "responder.h"

/* Large: not for a stack. */
static struct responder responder;

bool ctl_remember(struct ctl_targets *t, struct bytes serial, size_t ca)
{
	struct ctl_target *x;

	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 16;

		x = realloc(t->list, cap * sizeof *x);
		if (!x)
			return false;
		t->list = x;
		t->cap = cap;
	}
	x = &t->list[t->n++];
	*x = (struct ctl_target){ .len = serial.len, .ca = ca };
	memcpy(x->buf, serial.p, serial.len);
	serial_text(serial, x->text);
	return true;
}

/* Which of the CertIDs had an answer that is gone now is marked in *had, a bit each; *left: one could
 * not be removed. E_NOT_FOUND: no cache. */
static enum err drop(struct ctl *c, const struct ctl_target *t, struct ctl_certids *ids,
		     unsigned *had, bool *left)
{
	struct cert *ca;
	enum err e = ctl_ca_cert(c, t->ca, &ca);

	*had = 0;
	*left = false;
	if (e == E_OK)
		e = ctl_certids(ca, ctl_serial(t), ids);
	if (e == E_OK)
		e = ctl_cache(c);
	if (e == E_NOT_FOUND)
		return e;
	for (size_t i = 0; i < VARIANTS && e == E_OK; i++) {
		struct certid_place place;
		bool there;
		int lock;

		if (!certid_place(&ids->id[i], &place))
			continue;
		/* whoever is signing what the row said before has published it then */
		lock = cache_lock(&c->cache, &ids->id[i], ctl_deadline(c));
		there = faccessat(c->cache.fd, place.file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
		if (cache_remove(&c->cache, &ids->id[i]) != E_OK)
			*left = true;
		else if (there)
			*had |= 1u << i;
		if (lock >= 0)
			close(lock);
	}
	if (e != E_OK || *left)
		ctl_say("a cached answer about %s may be sent for up to %d seconds more (recheck=)",
			t->text, c->conf.recheck_s);
	return e;
}

enum err ctl_cache_drop(struct ctl *c, const struct ctl_target *t, size_t *removed)
{
	struct ctl_certids ids;
	unsigned had;
	bool left;
	enum err e = drop(c, t, &ids, &had, &left);

	*removed = (size_t)__builtin_popcount(had);
	return e == E_NOT_FOUND ? E_OK : e == E_OK && left ? E_IO : e;
}

enum err ctl_folders_of(struct ctl *c, struct ctl_folders *out)
{
	static const uint8_t any[1] = { 1 };
	struct ctl_certids ids;
	struct cert *ca;
	enum err e;

	out->n = 0;
	if (!c->ca_name)
		return E_OK;
	e = ctl_ca_cert(c, c->first_ca, &ca);
	if (e == E_OK)
		e = ctl_certids(ca, bytes_of(any, 1), &ids);
	for (size_t i = 0; i < VARIANTS && e == E_OK; i++) {
		struct certid_place place;

		if (certid_place(&ids.id[i], &place))
			memcpy(out->name[out->n++], place.folder, sizeof place.folder);
	}
	return e;
}

bool ctl_in_folders(const struct ctl_folders *f, const char *path)
{
	size_t len = strcspn(path, "/");

	for (size_t i = 0; i < f->n; i++)
		if (strncmp(f->name[i], path, len) == 0 && !f->name[i][len])
			return true;
	return f->n == 0;
}

static void say_nothing(enum level level, const char *sentence)
{
	if (level >= LEVEL_WARNING)
		ctl_say("%s", sentence);
}

struct publishing {
	struct ctl *c;
	bool opened;
	size_t removed, signed_anew;
	char why[RESPONDER_ERROR_LEN];	/* why nothing is signed any more; "" while it is */
};

/* As the responder would, had somebody asked. */
static void sign(struct publishing *p, const struct certid *id)
{
	static uint8_t out[LIM_RESPONSE_LEN];
	uint8_t buf[VARIANT_REQUEST_LEN];
	struct answer_info info;
	struct bytes der;

	if (!p->opened) {
		p->opened = responder_open(&p->c->conf, say_nothing, &responder, p->why) == E_OK;
		if (p->opened)
			metrics_open(&p->c->conf, responder.cache.fd, METRICS_SIGN);
	}
	if (!p->opened || p->why[0])
		return;
	if (responder_answer(&responder, variants_request(id, buf), ctl_deadline(p->c), out, &der,
			     &info) != E_OK)
		snprintf(p->why, sizeof p->why, "%s", info.why);
	else if (info.source == SOURCE_SIGNED)
		p->signed_anew++;
}

static void tell(const struct publishing *p, bool quiet)
{
	FILE *f = quiet ? stderr : stdout;

	if (p->removed == 0)
		return;
	fprintf(f, "cached answers: %zu removed, %zu signed anew\n", p->removed, p->signed_anew);
	if (p->why[0])
		fprintf(f, "the next who asks gets a new one; it can't be signed here: %s\n",
			p->why);
}

void ctl_publish(struct ctl *c, const struct ctl_target *list, size_t n, bool quiet)
{
	struct publishing p = { .c = c };

	for (size_t i = 0; i < n; i++) {
		struct ctl_certids ids;
		unsigned had;
		bool left;

		if (drop(c, &list[i], &ids, &had, &left) != E_OK)
			break;
		p.removed += (size_t)__builtin_popcount(had);
		for (size_t k = 0; k < VARIANTS; k++)
			if (had & 1u << k)
				sign(&p, &ids.id[k]);
	}
	if (p.opened)
		responder_close(&responder);
	tell(&p, quiet);
}

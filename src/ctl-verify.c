/*
 * verify-cache: is every cached answer what it should be, and what the table says?
 */
#include "ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "cache-walk.h"
#include "canned.h"
#include "decide.h"
#include "io.h"
#include "signed.h"
#include "signer.h"

struct verify {
	struct ctl *c;
	struct signer signer[LIM_CAS];
	struct ctl_folders folders;
	struct ctl_progress progress;
	int64_t now, n, wrong, expired;
	enum err e;		/* what ended it early */
};

__attribute__((format(printf, 3, 4)))
static void wrong(struct verify *v, const char *path, const char *format, ...)
{
	va_list ap;

	ctl_progress_clear(&v->progress);
	printf("wrong  %s/%s  ", v->c->cache.path, path);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	v->wrong++;
}

/* Answers about our CAs' own certificates were made elsewhere: they have to be those of a file. */
static bool is_canned(const struct verify *v, struct bytes der)
{
	const struct conf *conf = &v->c->conf;
	bool same = false;

	for (size_t i = 0; i < conf->n_ca; i++)
		for (size_t k = 0; conf->ca[i].ocspresponse[k] && !same; k++) {
			char error[CANNED_ERROR_LEN];
			struct canned c;

			if (canned_load(conf->ca[i].ocspresponse[k], &conf->ca[i], &c, error) !=
			    E_OK)
				continue;
			same = bytes_eq(c.der, der) && canned_check(&c, v->now, error) == E_OK;
			canned_free(&c);
		}
	return same;
}

/* NULL, or a clause. */
static const char *check_signature(struct signer *s, struct bytes der, const struct response *r)
{
	struct signed_parts parts;

	if (!bytes_eq(r->responder_key, bytes_of(s->key_hash, sizeof s->key_hash)))
		return "was signed with another key than the one that signs now";
	if (!signed_split(der, &parts) || !signed_by(&parts, signer_cert(s)))
		return "has a signature that does not verify";
	return NULL;
}

/* The row's certificate's notBefore matters where the row lacks a date. */
static int64_t not_before(const struct store_row *row)
{
	struct cert c;
	int64_t t;

	if (!row->cert || cert_parse(bytes_of(row->cert, row->cert_len), &c) != E_OK)
		return ROW_NO_TIME;
	t = c.not_before;
	cert_free(&c);
	return t;
}

static void check_row(struct verify *v, const char *path, const struct signer *s,
		      const struct response *r, const struct single *single)
{
	const struct conf_ca *ca = s->conf;
	struct store_row row;
	struct bytes serial;
	struct decision d;

	if (!certid_serial(&single->id, &serial)) {
		wrong(v, path, "has a serial number that no row can have");
		return;
	}
	v->e = store_find(v->c->store, ca->table, serial, ca->verify, ctl_deadline(v->c), &row);
	if (v->e == E_NOT_FOUND) {
		v->e = E_OK;
		wrong(v, path, "is about a certificate that table %s does not have", ca->table);
		return;
	}
	if (v->e != E_OK && store_has_answered(v->c->store)) {
		v->e = E_OK;
		wrong(v, path, "has no row of its own: %s", store_error(v->c->store));
		return;
	}
	if (v->e != E_OK)
		return;
	if (decide_row(&row, ca->verify ? not_before(&row) : ROW_NO_TIME, v->now,
		       v->c->conf.profile, &d) != E_OK)
		wrong(v, path, "has a row that is neither Valid nor Revoked");
	else if (!decide_same(&d, single, r->produced_at))
		wrong(v, path, "says %s, and the table says %s%s", cert_status_name(single->status),
		      cert_status_name(d.status),
		      d.status == single->status ? " with another date or reason" : "");
	store_row_free(&row);
}

static struct signer *find_signer(struct verify *v, const struct certid *id)
{
	for (size_t i = v->c->first_ca; i < v->c->end_ca; i++)
		if (cert_is_issuer_in(&v->signer[i].ca, id))
			return &v->signer[i];
	return NULL;
}

/* What an answer made elsewhere says about several, each has a file for. */
static bool find_single(const struct response *r, const char *path, struct single *out)
{
	struct der d = der_of(r->singles);
	struct certid_place place;

	while (response_next(&d, out))
		if (certid_place(&out->id, &place) && strcmp(place.file, path) == 0)
			return true;
	return false;
}

static void check_answer(struct verify *v, const char *path, struct bytes der)
{
	struct response r;
	struct single single;
	struct signer *s;
	const char *clause;

	if (response_parse(der, &r) != E_OK || r.status != OCSP_SUCCESSFUL) {
		wrong(v, path, "is no successful OCSPResponse");
		return;
	}
	if (!find_single(&r, path, &single)) {
		wrong(v, path, "answers for another certificate than its name says");
		return;
	}
	if (single.next_update <= v->now) {
		v->expired++;
		return;
	}
	s = find_signer(v, &single.id);
	if (!s) {
		if (!is_canned(v, der))
			wrong(v, path, "is of no CA in %s, and no ocspresponse= of it",
			      v->c->conf.path);
		return;
	}
	clause = r.n > 1 ? "is about several certificates" : check_signature(s, der, &r);
	if (clause)
		wrong(v, path, "%s", clause);
	else
		check_row(v, path, s, &r, &single);
}

static bool look(void *arg, const char *path)
{
	static uint8_t buf[LIM_RESPONSE_LEN];
	struct verify *v = arg;
	size_t len;
	enum err e;

	if (!ctl_in_folders(&v->folders, path))
		return !deadline_interrupted();
	e = io_read_file(v->c->cache.fd, path, false, buf, sizeof buf, &len, NULL);
	if (e == E_NOT_FOUND)
		return true;		/* gone meanwhile */
	ctl_progress(&v->progress, ++v->n);
	if (e == E_OK)
		check_answer(v, path, bytes_of(buf, len));
	else
		wrong(v, path, "can't be read: %s", e == E_DATA ? "it is no regular file, or too "
		      "long" : strerror(errno));
	return v->e == E_OK && !deadline_interrupted();
}

static int walk(struct verify *v)
{
	enum err e;

	ctl_progress_begin(&v->progress, "verify-cache", cache_size(&v->c->cache));
	e = cache_walk(&v->c->cache, look, v);
	ctl_progress_clear(&v->progress);
	if (e != E_OK)
		ctl_say("a folder of %s can't be read: %s", v->c->cache.path, strerror(errno));
	else if (deadline_interrupted())
		return CTL_INTERRUPTED;
	else if (v->e != E_OK)
		ctl_say_store(v->c);
	if (e == E_OK)
		e = v->e;
	printf("%lld answers looked at: %lld are right, %lld have expired, %lld are wrong\n",
	       (long long)v->n, (long long)(v->n - v->wrong - v->expired), (long long)v->expired,
	       (long long)v->wrong);
	if (v->wrong)
		puts("mend it: ocspctl purge --all, or purge and the serial number");
	return e != E_OK ? ctl_code(e) : v->wrong ? CTL_REFUSED : 0;
}

int ctl_verify_cache(struct ctl *c, int argc, char **argv)
{
	char error[SIGNER_ERROR_LEN], warning[SIGNER_ERROR_LEN];
	struct verify *v;
	enum err e;
	int code;

	(void)argv;
	if (argc > 1)
		return ctl_usage("verify-cache takes no arguments");
	e = ctl_store(c, false);
	if (e == E_OK)
		e = ctl_cache(c);
	if (e == E_NOT_FOUND) {
		printf("there is no cache %s yet\n", c->conf.cache);
		return 0;
	}
	if (e != E_OK)
		return ctl_code(e);
	v = calloc(1, sizeof *v);
	if (!v)
		return ctl_code(E_BUSY);
	v->c = c;
	v->now = clock_real_ms() / 1000;
	e = ctl_folders_of(c, &v->folders);
	if (e != E_OK) {
		free(v);
		return ctl_code(e);
	}
	for (size_t i = c->first_ca; i < c->end_ca && e == E_OK; i++)
		e = signer_open(&c->conf.ca[i], c->conf.profile, &v->signer[i], error, warning);
	ctl_catch_signals();
	if (e != E_OK)
		ctl_say("%s", error);
	code = e == E_OK ? walk(v) : ctl_code(e);
	for (size_t i = 0; i < c->conf.n_ca; i++)
		signer_close(&v->signer[i]);
	free(v);
	return code;
}

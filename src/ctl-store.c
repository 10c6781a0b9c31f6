/*
 * init-db, add, revoke, status: the table, one certificate at a time.
 */
#include "ctl.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

int ctl_init_db(struct ctl *c, int argc, char **argv)
{
	enum err e;

	(void)argv;
	if (argc > 1)
		return ctl_usage("init-db takes no arguments");
	e = ctl_store(c, true);
	for (size_t i = 0; i < c->conf.n_ca && e == E_OK; i++) {
		const char *table = c->conf.ca[i].table;
		bool created;

		/* several CAs may share one */
		if (i > 0 && strcmp(table, c->conf.ca[0].table) == 0)
			continue;
		e = store_create(c->store, table, ctl_deadline(c), &created);
		if (e == E_OK)
			e = store_check(c->store, table, ctl_deadline(c));
		if (e == E_OK)
			printf("table %s %s (%s)\n", table, created ? "made" : "is there already",
			       store_describe(c->store));
		else
			ctl_say("%s", store_error(c->store));
	}
	return e == E_OK ? 0 : ctl_code(e);
}

/* As the predecessor wrote it, so that it can read what we add. */
static enum err add_as_pem(struct ctl *c, const char *table, const struct cert *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	enum err e = E_INTERNAL;
	char *text;
	long len;

	if (!bio || !PEM_write_bio(bio, "CERTIFICATE", "", cert->der.p, (long)cert->der.len))
		goto out;
	len = BIO_get_mem_data(bio, &text);
	e = store_add(c->store, table, cert->serial, bytes_of(text, (size_t)len), ctl_deadline(c));
out:
	BIO_free(bio);
	return e;
}

/* What has been added, to be looked after when all is done. */
struct added {
	struct ctl_target *list;
	size_t n;
};

static bool remember(struct added *a, const struct cert *cert, size_t ca)
{
	struct ctl_target *t = realloc(a->list, (a->n + 1) * sizeof *t);

	if (!t)
		return false;
	a->list = t;
	t += a->n++;
	t->ca = ca;
	memcpy(t->buf, cert->serial.p, cert->serial.len);
	t->serial.len = cert->serial.len;	/* .p is set last: realloc() moves the list */
	serial_text(cert->serial, t->text);
	return true;
}

static enum err add_one(struct ctl *c, const char *path, const struct cert *cert, bool force,
			struct added *added)
{
	char subject[256], serial[SERIAL_TEXT_LEN];
	size_t ca = c->first_ca;
	enum err e = ctl_ca_of(c, cert, &ca);

	cert_subject_text(cert, subject, sizeof subject);
	serial_text(cert->serial, serial);
	if (e == E_NOT_FOUND && !force) {
		printf("refused  %s  %s\n", serial, subject);
		ctl_say("%s: %s was issued by another CA than %s names; --force adds it anyway",
			path, subject, c->conf.path);
		return e;
	}
	if (e != E_OK && e != E_NOT_FOUND)
		return e;
	e = add_as_pem(c, c->conf.ca[ca].table, cert);
	if (e != E_OK && e != E_DATA) {
		ctl_say("%s: %s", path, store_error(c->store));
		return e;
	}
	printf("%s  %s  %s\n", e == E_OK ? "added  " : "present", serial, subject);
	return e == E_DATA || remember(added, cert, ca) ? E_OK : E_BUSY;
}

/* Goes on with the next certificate when one is refused, and returns what was worst. */
static enum err add_file(struct ctl *c, const char *path, bool force, struct added *added)
{
	char error[CERT_ERROR_LEN];
	enum err e, worst = E_OK;
	struct cert *list;
	size_t n;

	e = cert_load_all(path, &list, &n, error);
	if (e != E_OK) {
		ctl_say("%s", error);
		return e;
	}
	for (size_t i = 0; i < n; i++) {
		e = add_one(c, path, &list[i], force, added);
		if (e != E_OK)
			worst = e;
		if (e == E_DB)
			break;
	}
	cert_free_all(list, n);
	return worst;
}

const struct ctl_opt ctl_add_options[] = {
	{ "force", NULL, "also certificates that no CA of the configuration has issued" },
	{ NULL, NULL, NULL },
};

int ctl_add(struct ctl *c, int argc, char **argv)
{
	struct added added = { NULL, 0 };
	enum err e, worst;
	bool force = false;
	int o;

	while ((o = ctl_next_option(argc, argv, ctl_add_options)) != -1) {
		if (o == CTL_BAD_OPTION)
			return EX_USAGE;
		force = true;
	}
	if (optind == argc)
		return ctl_usage("add needs the file of a certificate");
	worst = ctl_store(c, true);
	for (int i = optind; i < argc && worst != E_DB; i++) {
		e = add_file(c, argv[i], force, &added);
		if (e != E_OK)
			worst = e;
	}
	for (size_t i = 0; i < added.n; i++) {
		added.list[i].serial.p = added.list[i].buf;
		ctl_cache_drop(c, &added.list[i]);
	}
	free(added.list);
	return worst == E_OK ? 0 : ctl_code(worst);
}

struct revocation {
	int64_t at;
	int reason;
	bool explicit;		/* the operator has said time or reason */
};

static int no_reason(const char *word)
{
	return ctl_usage("%s is no reason: take unspecified, key_compromise, ca_compromise, "
			 "affiliation_changed, superseded, cessation_of_operation, "
			 "certificate_hold, privilege_withdrawn or aa_compromise", word);
}

enum { OPT_REASON, OPT_TIME };

const struct ctl_opt ctl_revoke_options[] = {
	[OPT_REASON] = { "reason", "WORD", "why (default: none is given)" },
	[OPT_TIME] = { "time", "TIME", "since when (default: now)" },
	{ NULL, NULL, NULL },
};

/* Returns an exit code, or -1 to go on. */
static int read_revocation(int argc, char **argv, struct revocation *r)
{
	int64_t now = clock_real_ms() / 1000;
	int o;

	*r = (struct revocation){ .at = now, .reason = ROW_NO_REASON };
	while ((o = ctl_next_option(argc, argv, ctl_revoke_options)) != -1) {
		switch (o) {
		case OPT_REASON:
			r->reason = reason_of_word(bytes_str(optarg));
			if (r->reason == ROW_ODD_REASON)
				return no_reason(optarg);
			break;
		case OPT_TIME:
			r->at = store_parse_time(bytes_str(optarg));
			if (r->at == ROW_NO_TIME)
				return ctl_usage("%s is no time: write 2024-01-02T03:04:05Z",
						 optarg);
			if (r->at > now)
				return ctl_usage("%s lies in the future", optarg);
			break;
		default:
			return EX_USAGE;
		}
		r->explicit = true;
	}
	return argc - optind == 1 ? -1 : ctl_usage("revoke needs one serial number or certificate");
}

static void print_revocation(const struct store_row *row)
{
	const char *word = reason_word(row->reason);
	char when[CTL_TIME_LEN];

	if (row->revoked_at == ROW_NO_TIME)
		printf("revoked at a time that can't be read");
	else
		printf("revoked since %s", ctl_time(row->revoked_at, when));
	if (word)
		printf(", reason %s (%d)", word, row->reason);
	else if (row->reason == ROW_ODD_REASON)
		printf(", with a reason that can't be read");
	putchar('\n');
}

int ctl_revoke(struct ctl *c, int argc, char **argv)
{
	struct ctl_target t;
	struct revocation r;
	struct store_row row;
	const char *table;
	enum err e;
	int code = read_revocation(argc, argv, &r);

	if (code >= 0)
		return code;
	e = ctl_target(c, argv[optind], &t);
	if (e == E_OK)
		e = ctl_store(c, true);
	if (e != E_OK)
		return ctl_code(e);
	table = c->conf.ca[t.ca].table;
	e = store_find(c->store, table, t.serial, false, ctl_deadline(c), &row);
	/* a date that is already published changes only when the operator asks for it */
	if (e == E_OK && (row.status != ROW_REVOKED || r.explicit)) {
		e = store_revoke(c->store, table, t.serial, r.at, r.reason, ctl_deadline(c));
		row.revoked_at = r.at;
		row.reason = r.reason;
	}
	if (e == E_NOT_FOUND)
		ctl_say("%s is not in table %s", t.text, table);
	else if (e != E_OK)
		ctl_say("%s", store_error(c->store));
	if (e != E_OK)
		return ctl_code(e);
	printf("%s is ", t.text);
	print_revocation(&row);
	ctl_cache_drop(c, &t);
	return 0;
}

static void print_certificate(struct ctl *c, const struct ctl_target *t,
			      const struct store_row *row)
{
	struct cert cert = { .octets = NULL };
	struct cert *ca;
	char subject[256], until[CTL_TIME_LEN];

	printf("certificate   ");
	if (row->cert_too_long) {
		printf("longer than %d octets\n", LIM_CERT_LEN);
	} else if (!row->cert) {
		puts("none");
	} else if (cert_parse(bytes_of(row->cert, row->cert_len), &cert) != E_OK) {
		puts("can't be read: it is no certificate in PEM or DER");
	} else {
		printf("%s, until %s\n", cert_subject_text(&cert, subject, sizeof subject),
		       ctl_time(cert.not_after, until));
		if (!bytes_eq(cert.serial, t->serial))
			puts("              with another serial number than its row");
		if (ctl_ca_cert(c, t->ca, &ca) == E_OK && !cert_issued_by(&cert, ca))
			puts("              issued by another CA");
	}
	cert_free(&cert);
}

static void print_row(struct ctl *c, const struct ctl_target *t, const struct store_row *row)
{
	printf("serial        %s\n", t->text);
	if (strcmp(row->cert_num, t->text) != 0)
		printf("row           %s\n", row->cert_num);
	printf("status        ");
	if (row->status == ROW_REVOKED)
		print_revocation(row);
	else
		puts(row->status == ROW_VALID ? "valid" :
						"neither Valid nor Revoked: mend the row");
	print_certificate(c, t, row);
}

static void print_cached(const struct cache *cache, const struct certid *id, uint8_t *buf)
{
	struct cache_entry entry = { .der = { NULL, 0 } };
	char from[CTL_TIME_LEN], until[CTL_TIME_LEN], agreed[CTL_TIME_LEN], name[32];
	const char *odd;

	cache_get(cache, id, clock_real_ms(), buf, &entry, &odd);
	snprintf(name, sizeof name, "%s%s", hashalg_name(id->alg),
		 id->null_params ? "" : ", no NULL");
	if (odd)
		printf("cached        %s: not used, the file %s\n", name, odd);
	else if (entry.der.p)
		printf("cached        %s: %s, %s until %s, agreed with the table at %s: %s\n", name,
		       cert_status_name(entry.single.status),
		       ctl_time(entry.single.this_update, from),
		       ctl_time(entry.single.next_update, until),
		       ctl_time(entry.agreed_ms / 1000, agreed), verdict_name(entry.verdict));
	else if (id->null_params && id->alg <= HASH_SHA256)
		printf("cached        %s: none\n", name);
}

int ctl_status(struct ctl *c, int argc, char **argv)
{
	static uint8_t buf[LIM_RESPONSE_LEN];
	struct ctl_certids ids;
	struct store_row row;
	struct ctl_target t;
	struct cert *ca;
	int code = 0;
	enum err e;

	if (argc != 2)
		return ctl_usage("status needs one serial number or certificate");
	e = ctl_target(c, argv[1], &t);
	if (e == E_OK)
		e = ctl_ca_cert(c, t.ca, &ca);
	if (e == E_OK)
		e = ctl_store(c, false);
	if (e != E_OK)
		return ctl_code(e);
	e = store_find(c->store, c->conf.ca[t.ca].table, t.serial, true, ctl_deadline(c), &row);
	if (e == E_OK) {
		print_row(c, &t, &row);
		store_row_free(&row);
	} else if (e == E_NOT_FOUND) {
		printf("serial        %s\nstatus        not in table %s\n", t.text,
		       c->conf.ca[t.ca].table);
		code = CTL_REFUSED;
	} else {
		ctl_say("%s", store_error(c->store));
		code = ctl_code(e);
	}
	if (ctl_certids(ca, t.serial, &ids) != E_OK || ctl_cache(c) != E_OK)
		return code;
	for (size_t i = 0; i < VARIANTS; i++)
		print_cached(&c->cache, &ids.id[i], buf);
	return code;
}

/*
 * status: what the table and the cache say about one certificate.
 */
#include "ctl.h"

#include <stdio.h>
#include <sysexits.h>

enum { OPT_JSON };

const struct ctl_opt ctl_status_options[] = {
	[OPT_JSON] = { "json", NULL, "one object, for programs" },
	{ NULL, NULL, NULL },
};

/* What is to be shown. */
struct status {
	struct ctl_target t;
	const char *table;
	bool found;
	struct store_row row;
	struct cert cert;	/* of the row; zeroed if there is none */
	const char *cert_odd;	/* a clause about it, or NULL */
	struct ctl_certids ids;
	bool cache;		/* there is one, and ids are set */
};

static void read_cert(struct ctl *c, struct status *s)
{
	const struct store_row *row = &s->row;
	struct cert *ca;

	if (row->cert_too_long)
		s->cert_odd = "longer than 65536 octets";	/* LIM_CERT_LEN */
	else if (!row->cert)
		s->cert_odd = "none";
	else if (cert_parse(bytes_of(row->cert, row->cert_len), &s->cert) != E_OK)
		s->cert_odd = "can't be read: it is no certificate in PEM or DER";
	else if (!bytes_eq(s->cert.serial, ctl_serial(&s->t)))
		s->cert_odd = "with another serial number than its row";
	else if (ctl_ca_cert(c, s->t.ca, &ca) == E_OK &&
		 cert_issued_by(&s->cert, ca) == E_UNAUTHORIZED)
		s->cert_odd = "issued by another CA";
}

static void print_certificate(const struct status *s)
{
	char subject[256], until[CTL_TIME_LEN];

	printf("certificate   ");
	if (s->cert.octets)
		printf("%s, until %s\n", cert_subject_text(&s->cert, subject, sizeof subject),
		       ctl_time(s->cert.not_after, until));
	if (s->cert_odd)
		printf("%s%s\n", s->cert.octets ? "              " : "", s->cert_odd);
}

static void print_row(const struct status *s)
{
	printf("serial        %s\n", s->t.text);
	if (!s->found) {
		printf("status        not in table %s\n", s->table);
		return;
	}
	if (strcmp(s->row.cert_num, s->t.text) != 0)
		printf("row           %s\n", s->row.cert_num);
	printf("status        ");
	if (s->row.status == ROW_REVOKED)
		ctl_print_revocation(&s->row);
	else
		puts(s->row.status == ROW_VALID ? "valid" :
						  "neither Valid nor Revoked: mend the row");
	print_certificate(s);
}

static void json_row(struct json *j, const struct status *s)
{
	char subject[256], until[CTL_TIME_LEN];

	json_text(j, "table", s->table);
	if (!s->found) {
		json_text(j, "serial", s->t.text);
		json_text(j, "status", NULL);
		return;
	}
	ctl_json_row(j, s->t.text, &s->row);
	json_text(j, "row", s->row.cert_num);
	json_begin(j, "certificate", '{');
	if (s->cert.octets) {
		json_text(j, "subject", cert_subject_text(&s->cert, subject, sizeof subject));
		json_text(j, "not_after", ctl_time(s->cert.not_after, until));
	}
	json_text(j, "problem", s->cert_odd);
	json_end(j, '}');
}

/* j: NULL to print it for people. */
static void show_cached(const struct ctl *c, const struct certid *id, struct json *j)
{
	static uint8_t buf[LIM_RESPONSE_LEN];
	struct cache_entry entry = { .der = { NULL, 0 } };
	char from[CTL_TIME_LEN], until[CTL_TIME_LEN], agreed[CTL_TIME_LEN], name[32];
	const char *odd;

	cache_get(&c->cache, id, clock_real_ms(), buf, &entry, &odd);
	snprintf(name, sizeof name, "%s%s", hashalg_name(id->alg),
		 id->null_params ? "" : ", no NULL");
	if (entry.der.p && !odd) {
		ctl_time(entry.single.this_update, from);
		ctl_time(entry.single.next_update, until);
		ctl_time(entry.agreed_ms / 1000, agreed);
	}
	if (j && (odd || entry.der.p)) {
		json_begin(j, NULL, '{');
		json_text(j, "hash", hashalg_name(id->alg));
		json_bool(j, "null", id->null_params);
		json_text(j, "status", odd ? NULL : cert_status_name(entry.single.status));
		json_text(j, "this_update", odd ? NULL : from);
		json_text(j, "next_update", odd ? NULL : until);
		json_text(j, "agreed", odd ? NULL : agreed);
		json_text(j, "verdict", verdict_name(entry.verdict));
		json_text(j, "problem", odd);
		json_end(j, '}');
	} else if (!j && odd) {
		printf("cached        %s: not used, the file %s\n", name, odd);
	} else if (!j && entry.der.p) {
		printf("cached        %s: %s, %s until %s, agreed with the table at %s: %s\n", name,
		       cert_status_name(entry.single.status), from, until, agreed,
		       verdict_name(entry.verdict));
	} else if (!j && id->null_params && id->alg <= HASH_SHA256) {
		printf("cached        %s: none\n", name);
	}
}

static void show(const struct ctl *c, const struct status *s, bool as_json)
{
	struct json j = json_to(stdout);

	if (as_json) {
		json_begin(&j, NULL, '{');
		json_row(&j, s);
		json_begin(&j, "cached", '[');
	} else {
		print_row(s);
	}
	for (size_t i = 0; s->cache && i < VARIANTS; i++)
		show_cached(c, &s->ids.id[i], as_json ? &j : NULL);
	if (as_json) {
		json_end(&j, ']');
		json_end(&j, '}');
	}
}

int ctl_status(struct ctl *c, int argc, char **argv)
{
	struct status s = { .found = false };
	bool as_json = false;
	struct cert *ca;
	enum err e;
	int o;

	while ((o = ctl_next_option(argc, argv, ctl_status_options)) != -1) {
		if (o == CTL_BAD_OPTION)
			return EX_USAGE;
		as_json = true;
	}
	if (argc - optind != 1)
		return ctl_usage("status needs one serial number or certificate");
	e = ctl_target(c, argv[optind], &s.t);
	if (e == E_OK)
		e = ctl_ca_cert(c, s.t.ca, &ca);
	if (e == E_OK)
		e = ctl_store(c, false);
	if (e != E_OK)
		return ctl_code(e);
	s.table = c->conf.ca[s.t.ca].table;
	e = store_find(c->store, s.table, ctl_serial(&s.t), true, ctl_deadline(c), &s.row);
	if (e != E_OK && e != E_NOT_FOUND) {
		ctl_say("%s", store_error(c->store));
		return ctl_code(e);
	}
	s.found = e == E_OK;
	if (s.found)
		read_cert(c, &s);
	s.cache = ctl_certids(ca, ctl_serial(&s.t), &s.ids) == E_OK && ctl_cache(c) == E_OK;
	show(c, &s, as_json);
	cert_free(&s.cert);
	if (s.found)
		store_row_free(&s.row);
	return s.found ? 0 : CTL_REFUSED;
}

/*
 * revoke, hold, release: what changes a certificate's status.
 */
#include "ctl.h"

#include <stdio.h>
#include <sysexits.h>

#define ON_HOLD 6	/* CRLReason certificateHold */

enum { OPT_JSON, OPT_TIME, OPT_REASON };

#define JSON_OPTION [OPT_JSON] = { "json", NULL, "the row as an object, for programs" }
#define TIME_OPTION [OPT_TIME] = { "time", "TIME", "since when (default: now)" }

const struct ctl_opt ctl_revoke_options[] = {
	JSON_OPTION, TIME_OPTION,
	[OPT_REASON] = { "reason", "WORD", "why (default: none is given)" },
	{ NULL, NULL, NULL },
};

const struct ctl_opt ctl_hold_options[] = { JSON_OPTION, TIME_OPTION, { NULL, NULL, NULL } };

const struct ctl_opt ctl_release_options[] = { JSON_OPTION, { NULL, NULL, NULL } };

struct change {
	struct ctl_target t;
	const char *table;
	struct store_row row;	/* as it was, then as it is */
	bool has_time, has_reason, json;
	int64_t at;
	int reason;
};

static int no_reason(const char *word)
{
	return ctl_usage("%s is no reason: take unspecified, key_compromise, ca_compromise, "
			 "affiliation_changed, superseded, cessation_of_operation, "
			 "certificate_hold, privilege_withdrawn or aa_compromise", word);
}

static bool has_table(const struct ctl *c, const struct change *x, size_t i)
{
	return strcmp(c->conf.ca[i].table, x->table) == 0;
}

static bool is_shared(const struct ctl *c, const struct change *x)
{
	size_t n = 0;

	for (size_t i = 0; i < c->conf.n_ca; i++)
		n += has_table(c, x, i);
	/* with verify=no each row counts as this CA's, whatever its certificate */
	return n > 1 && c->conf.ca[x->t.ca].verify;
}

/* Has this CA issued it? One that can't be read has the doubt in favour of whoever revokes: nothing
 * is told, and fallback is returned. */
static bool is_issuer(struct ctl *c, size_t i, const struct cert *cert, bool fallback)
{
	const struct conf_ca *ca = &c->conf.ca[i];
	char error[CERT_ERROR_LEN];

	if (!c->ca[i].octets &&
	    cert_load(conf_ca_file(ca), &c->ca[i], error) != E_OK)
		return fallback;
	return bytes_eq(cert->issuer, c->ca[i].subject);
}

/* The number is the key of the table: of CAs that share one, the row may be another one's, whose
 * answers would not be seen to. Returns an exit code, or -1 to go on. */
static int check_owner(struct ctl *c, struct change *x)
{
	struct cert cert;
	size_t i, owner = x->t.ca;
	enum err e = E_DATA;

	if (x->row.cert)
		e = cert_parse(bytes_of(x->row.cert, x->row.cert_len), &cert);
	store_row_free(&x->row);
	if (e == E_BUSY) {
		ctl_say("no memory is left to look whose certificate %s is", x->t.text);
		return ctl_code(e);
	}
	if (e != E_OK)
		return -1;
	if (!is_issuer(c, x->t.ca, &cert, true))
		for (i = 0; i < c->conf.n_ca && owner == x->t.ca; i++)
			if (has_table(c, x, i) && is_issuer(c, i, &cert, false))
				owner = i;
	cert_free(&cert);
	if (owner == x->t.ca)
		return -1;
	ctl_say("%s in table %s is a certificate of CA [%s]: say --ca %s", x->t.text, x->table,
		c->conf.ca[owner].name, c->conf.ca[owner].name);
	return CTL_REFUSED;
}

/* Reads the options and finds the row. Returns an exit code, or -1 to go on. */
static int begin(struct ctl *c, int argc, char **argv, const struct ctl_opt *options,
		 struct change *x)
{
	int64_t now = clock_real_ms() / 1000;
	bool shared;
	enum err e;
	int o;

	ctl_catch_signals();	/* once the row is changed, the cache is seen to as well */
	*x = (struct change){ .at = now, .reason = ROW_NO_REASON };
	while ((o = ctl_next_option(argc, argv, options)) != -1) {
		switch (o) {
		case OPT_JSON:
			x->json = true;
			break;
		case OPT_TIME:
			x->has_time = true;
			x->at = store_parse_time(bytes_str(optarg));
			if (x->at == ROW_NO_TIME)
				return ctl_usage("%s is no time: write 2024-01-02T03:04:05Z",
						 optarg);
			if (x->at > now)
				return ctl_usage("%s lies in the future", optarg);
			break;
		case OPT_REASON:
			x->has_reason = true;
			x->reason = reason_of_word(bytes_str(optarg));
			if (x->reason == ROW_ODD_REASON)
				return no_reason(optarg);
			break;
		default:
			return EX_USAGE;
		}
	}
	if (argc - optind != 1)
		return ctl_usage("%s needs one serial number or certificate", argv[0]);
	e = ctl_target(c, argv[optind], &x->t);
	if (e == E_OK)
		e = ctl_store(c, true);
	if (e != E_OK)
		return ctl_code(e);
	x->table = c->conf.ca[x->t.ca].table;
	shared = is_shared(c, x);
	e = store_find(c->store, x->table, ctl_serial(&x->t), shared, ctl_deadline(c), &x->row);
	if (e == E_OK)
		return shared ? check_owner(c, x) : -1;
	if (e == E_NOT_FOUND)
		ctl_say("%s is not in table %s", x->t.text, x->table);
	else
		ctl_say_store(c);
	return ctl_code(e);
}

/* The last step: e is what the database said to the change, if any. Ends with the answers that
 * clients get in the cache. */
static int finish(struct ctl *c, struct change *x, enum err e)
{
	struct json j = json_to(stdout);

	if (e == E_NOT_FOUND)
		ctl_say("row %s of table %s has changed meanwhile: see \"ocspctl status %s\"",
			x->t.text, x->table, x->t.text);
	else if (e != E_OK)
		ctl_say_store(c);
	if (e != E_OK)
		return ctl_code(e);
	if (x->json) {
		json_begin(&j, NULL, '{');
		ctl_json_row(&j, x->t.text, &x->row);
		json_end(&j, '}');
	} else {
		printf("%s is ", x->t.text);
		if (x->row.status == ROW_REVOKED)
			ctl_print_revocation(&x->row);
		else
			puts("valid");
	}
	ctl_publish(c, &x->t, 1, x->json);
	return 0;
}

static enum err set_revoked(struct ctl *c, struct change *x)
{
	x->row.status = ROW_REVOKED;
	x->row.revoked_at = x->at;
	x->row.reason = x->reason;
	return store_revoke(c->store, x->table, ctl_serial(&x->t), x->at, x->reason,
			    ctl_deadline(c));
}

/* A hold is for a while, so it can't follow on what is for good. False: it was told. */
static bool may_hold(const struct ctl *c, const struct change *x)
{
	if (c->conf.profile == PROFILE_BR)
		ctl_say("profile=br forbids certificateHold (BR 7.2.2): revoke it");
	else if (x->row.status == ROW_REVOKED && x->row.reason != ON_HOLD)
		ctl_say("%s is revoked for good: a hold can't follow on that", x->t.text);
	else
		return true;
	return false;
}

int ctl_revoke(struct ctl *c, int argc, char **argv)
{
	bool revoked, held;
	struct change x;
	int code = begin(c, argc, argv, ctl_revoke_options, &x);

	if (code >= 0)
		return code;
	if (x.reason == ON_HOLD && !may_hold(c, &x))
		return CTL_REFUSED;
	revoked = x.row.status == ROW_REVOKED;
	held = revoked && x.row.reason == ON_HOLD;
	/* what is published already changes only where the operator asks for it; but whoever
	 * revokes what is on hold means it for good */
	if (revoked && !held && !x.has_time && !x.has_reason)
		return finish(c, &x, E_OK);
	if (revoked && !x.has_time && x.row.revoked_at != ROW_NO_TIME)
		x.at = x.row.revoked_at;
	if (revoked && !held && !x.has_reason && x.row.reason != ROW_ODD_REASON)
		x.reason = x.row.reason;
	return finish(c, &x, set_revoked(c, &x));
}

int ctl_hold(struct ctl *c, int argc, char **argv)
{
	struct change x;
	int code = begin(c, argc, argv, ctl_hold_options, &x);

	if (code >= 0)
		return code;
	if (!may_hold(c, &x))
		return CTL_REFUSED;
	if (x.row.status == ROW_REVOKED && !x.has_time)
		return finish(c, &x, E_OK);
	x.reason = ON_HOLD;
	return finish(c, &x, set_revoked(c, &x));
}

int ctl_release(struct ctl *c, int argc, char **argv)
{
	struct change x;
	int code = begin(c, argc, argv, ctl_release_options, &x);

	if (code >= 0)
		return code;
	if (x.row.status != ROW_REVOKED || x.row.reason != ON_HOLD) {
		ctl_say(x.row.status == ROW_REVOKED ? "%s is revoked for good, and not on hold" :
			"%s is not on hold", x.t.text);
		return CTL_REFUSED;
	}
	x.row.status = ROW_VALID;
	return finish(c, &x, store_release(c->store, x.table, ctl_serial(&x.t), ctl_deadline(c)));
}

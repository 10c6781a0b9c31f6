/*
 * sign-issuer: the answers about a CA's own certificate, made where the key that issued it is, and
 * carried to the responder (ocspresponse=).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "canned.h"
#include "ctl.h"
#include "io.h"
#include "key.h"
#include "signer.h"

#define DAY_S 86400
/* A root's key is taken out once a year: the Baseline Requirements (4.9.10) want it no rarer. */
#define DEFAULT_S (365 * (int64_t)DAY_S)
#define LONGEST_DAYS 3650

#define PASSWORD_LEN 1024
#define PATH_LEN 4096

struct issuer {
	const char *cert_path, *prefix;	/* prefix: of the files that are made */
	struct conf_ca root;		/* its certificate and key */
	char password[PASSWORD_LEN];
	int64_t validity_s;
	enum cert_status status;
	int64_t revoked_at;
	int reason;
	struct cert cert;
	struct signer signer;
};

/* The first line of a file, or of a pipe, so that it stands in no process's arguments. */
static bool read_password(struct issuer *o, const char *path)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(o->password, sizeof o->password, f);

	if (!ok)
		ctl_say("%s: no password can be read there", path);
	else
		o->password[strcspn(o->password, "\r\n")] = '\0';
	if (f)
		fclose(f);
	o->root.password = o->password;
	return ok;
}

static bool read_days(const char *text, int64_t *out)
{
	int64_t days;

	if (!conf_read_number(bytes_str(text), &days) || days < 1 || days > LONGEST_DAYS)
		return false;
	*out = days * DAY_S;
	return true;
}

static bool read_validity(const char *text, int64_t *out)
{
	int64_t s;

	if (!conf_read_period(bytes_str(text), &s) || s < 60 || s > LONGEST_DAYS * (int64_t)DAY_S)
		return false;
	*out = s;
	return true;
}

enum {
	OPT_CERT, OPT_ROOT, OPT_KEY, OPT_PASSWORD, OPT_DAYS, OPT_VALIDITY, OPT_OUT, OPT_REVOKED,
	OPT_REASON,
};

const struct ctl_opt ctl_sign_issuer_options[] = {
	[OPT_CERT] = { "cert", "CERT", "the certificate that the answers are about" },
	[OPT_ROOT] = { "root", "ROOT", "the certificate of the CA that has issued it" },
	[OPT_KEY] = { "key", "KEY", "the private key of ROOT: a file, or a URI" },
	[OPT_PASSWORD] = { "password-file", "FILE", "its first line is the passphrase of KEY" },
	[OPT_DAYS] = { "days", "N", "validity of the answers in days" },
	[OPT_VALIDITY] = { "validity", "SPAN", "the same as 12h, 90d, 6m, 1y; the default is 365d" },
	[OPT_OUT] = { "out", "PREFIX", "of the files; the default is CERT's name" },
	[OPT_REVOKED] = { "revoked", "TIME", "say that it is revoked since 2024-01-02T03:04:05Z" },
	[OPT_REASON] = { "reason", "WORD", "and why: ca_compromise, ..." },
	{ NULL, NULL, NULL },
};

/* Returns an exit code, or -1 to go on. */
static int read_option(struct issuer *o, int option)
{
	switch (option) {
	case OPT_CERT:
		o->cert_path = optarg;
		return -1;
	case OPT_ROOT:
		o->root.cert = o->root.root = optarg;
		return -1;
	case OPT_KEY:
		o->root.pkey = optarg;
		return -1;
	case OPT_PASSWORD:
		return read_password(o, optarg) ? -1 : EX_IOERR;
	case OPT_DAYS:
		return read_days(optarg, &o->validity_s) ? -1 :
			ctl_usage("--days takes a number from 1 to %d", LONGEST_DAYS);
	case OPT_VALIDITY:
		return read_validity(optarg, &o->validity_s) ? -1 :
			ctl_usage("--validity takes a number and h, d, m or y, as 90d, and up to "
				  "10y");
	case OPT_OUT:
		o->prefix = optarg;
		return -1;
	case OPT_REVOKED:
		o->status = CERT_REVOKED;
		o->revoked_at = store_parse_time(bytes_str(optarg));
		return o->revoked_at != ROW_NO_TIME && o->revoked_at <= clock_real_ms() / 1000 ? -1 :
			ctl_usage("%s is no time, or lies in the future: write "
				  "2024-01-02T03:04:05Z", optarg);
	case OPT_REASON:
		o->reason = reason_of_word(bytes_str(optarg));
		return o->reason != ROW_ODD_REASON ? -1 : ctl_usage("%s is no reason", optarg);
	default:
		return EX_USAGE;
	}
}

static int read_options(struct issuer *o, int argc, char **argv)
{
	int option, code = -1;

	while (code < 0 &&
	       (option = ctl_next_option(argc, argv, ctl_sign_issuer_options)) != -1)
		code = read_option(o, option);
	if (code >= 0)
		return code;
	if (optind < argc)
		return ctl_usage("sign-issuer takes options only");
	if (!o->cert_path || !o->root.cert || !o->root.pkey)
		return ctl_usage("sign-issuer needs --cert, --root and --key");
	if (o->reason != REASON_ABSENT && o->status != CERT_REVOKED)
		return ctl_usage("--reason goes with --revoked TIME");
	if (o->reason == REASON_ABSENT && o->status == CERT_REVOKED)
		ctl_say("the answer gives no reason, which the Baseline Requirements (7.3) want of a "
			"CA's certificate: --reason WORD");
	return -1;
}

/* Everything that makes an answer of this root's about this certificate worth nothing. */
static enum err open_both(struct issuer *o, int64_t now)
{
	char error[SIGNER_ERROR_LEN], warning[SIGNER_ERROR_LEN];
	enum err e = cert_load(o->cert_path, &o->cert, error);

	if (e == E_OK)
		e = signer_open(&o->root, PROFILE_RFC9919, &o->signer, error, warning);
	if (e == E_OK && warning[0])
		ctl_say("%s", warning);
	if (e == E_OK)
		e = signer_check_dates(&o->signer, now, error);
	if (e == E_OK && cert_issued_by(&o->cert, &o->signer.ca) != E_OK) {
		snprintf(error, sizeof error, "%s was not issued by %s, or no memory is left to "
			 "find out", o->cert_path, o->root.cert);
		e = E_DATA;
	}
	if (e == E_OK && o->cert.not_after < now) {
		snprintf(error, sizeof error, "%s is expired: nobody asks about it any more",
			 o->cert_path);
		e = E_DATA;
	}
	if (e == E_OK)
		e = signer_load_key(&o->signer, error);
	if (e != E_OK)
		ctl_say("%s", error);
	return e;
}

/* As the responder will look at it. */
static enum err verify(const struct issuer *o, const char *path, struct bytes der, int64_t now)
{
	struct canned c = { .path = path, .conf = &o->root, .der = der };
	char error[CANNED_ERROR_LEN];

	if (response_parse(der, &c.response) != E_OK) {
		ctl_say("%s: what was signed can't be read back", path);
		return E_INTERNAL;
	}
	if (canned_check(&c, now, error) == E_OK)
		return E_OK;
	ctl_say("%s", error);
	return E_DATA;
}

static enum err make_one(struct issuer *o, const struct certid *id, int64_t now, const char *path)
{
	static uint8_t buf[LIM_RESPONSE_LEN];
	int64_t end = now + o->validity_s - 1, last = signer_not_after(&o->signer);
	struct basic_single single = {
		.certid = id->der,
		.status = o->status,
		.revoked_at = o->revoked_at,
		.reason = o->reason,
		.this_update = now,
		.next_update = end < last ? end : last,
	};
	struct basic b = { .produced_at = now, .single = &single, .n = 1 };
	char error[SIGNER_ERROR_LEN], until[CTL_TIME_LEN];
	struct bytes der;
	enum err e;

	e = signer_sign(&o->signer, &b, bytes_of(NULL, 0), buf, sizeof buf, &der, error);
	if (e != E_OK) {
		ctl_say("%s", error);
		return e;
	}
	e = verify(o, path, der, now);
	if (e == E_OK && !ctl_may_replace(path))
		e = E_IO;
	if (e != E_OK)
		return e;
	e = io_replace_file(AT_FDCWD, path, der, 0644, NULL);
	if (e != E_OK)
		ctl_say("%s can't be written: %s", path, strerror(errno));
	else
		printf("%s  %s until %s\n", path, cert_status_name(o->status),
		       ctl_time(single.next_update, until));
	return e;
}

/* The certificate's name without ".pem" and the like, in the folder where this was started. */
static void default_prefix(const char *path, char out[PATH_LEN])
{
	const char *base = strrchr(path, '/');
	char *dot;

	snprintf(out, PATH_LEN, "%s", base ? base + 1 : path);
	dot = strrchr(out, '.');
	if (dot && dot != out)
		*dot = '\0';
}

/* Clients take SHA-1 or SHA-256, and spell the NULL parameters out or leave them away: an answer
 * counts for the very CertID that was asked. */
static enum err make_all(struct issuer *o, int64_t now)
{
	char prefix[PATH_LEN], path[4][PATH_LEN + 32];
	struct ctl_certids ids;
	enum err e = ctl_certids(&o->signer.ca, o->cert.serial, &ids);

	if (e != E_OK)
		ctl_say("libcrypto could not hash name and key of %s: is memory short?",
			o->root.cert);
	if (o->prefix)
		snprintf(prefix, sizeof prefix, "%s", o->prefix);
	else
		default_prefix(o->cert_path, prefix);
	for (size_t i = 0; i < 4 && e == E_OK; i++) {
		const struct certid *id = &ids.id[i];

		snprintf(path[i], sizeof path[i], "%s-%s%s.der", prefix, hashalg_name(id->alg),
			 id->null_params ? "" : "-np");
		e = make_one(o, id, now, path[i]);
	}
	if (e == E_OK)
		printf("# where these are on the responder, in the CA's section of config.ini:\n"
		       "ocspresponse=%s,%s,%s,%s\n", path[0], path[1], path[2], path[3]);
	return e;
}

int ctl_sign_issuer(struct ctl *c, int argc, char **argv)
{
	static struct issuer o;
	int64_t now = clock_real_ms() / 1000;
	enum err e;
	int code;

	(void)c;
	o.root.name = "root";
	o.validity_s = DEFAULT_S;
	o.reason = REASON_ABSENT;
	code = read_options(&o, argc, argv);
	if (code >= 0)
		return code;
	e = key_init(KEY_NAMES | (key_is_uri(o.root.pkey) ? KEY_URI : 0));
	if (e != E_OK)
		ctl_say(KEY_NO_MEMORY);
	if (e == E_OK)
		e = open_both(&o, now);
	if (e == E_OK)
		e = make_all(&o, now);
	signer_close(&o.signer);
	cert_free(&o.cert);
	explicit_bzero(o.password, sizeof o.password);
	return e == E_OK ? 0 : ctl_code(e);
}

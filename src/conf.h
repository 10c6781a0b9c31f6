/*
 * conf.h - the configuration file: /etc/ocsp_py/config.ini, the predecessor's format and keys.
 *
 * Relative paths are relative to the folder of the configuration file. Every value is checked when
 * it is read; the first thing wrong ends the reading with one sentence that names file, line, key
 * and the mend.
 */
#ifndef OCSP_CONF_H
#define OCSP_CONF_H

#include "bytes.h"
#include "error.h"
#include "bounds.h"

enum conf_db { DB_MYSQL, DB_SQLITE };
enum conf_unknown { UNKNOWN_UNAUTHORIZED, UNKNOWN_UNKNOWN, UNKNOWN_REVOKED };
enum conf_nonce { NONCE_IGNORE, NONCE_ECHO };
enum conf_sandbox { SANDBOX_AUTO, SANDBOX_OFF, SANDBOX_REQUIRE };
enum conf_profile { PROFILE_RFC9919, PROFILE_RFC6960, PROFILE_BR, PROFILE_PRIVATE };

/* A CA whose certificates we answer for: [ocsp], and each [ca NAME]. */
struct conf_ca {
	const char *name;	/* "ocsp", or NAME */
	unsigned line;		/* where its section begins */
	const char *cert;	/* certificate that signs the answers: the CA's, or a delegated one */
	const char *pkey;	/* its private key: a path, or a URI for OSSL_STORE */
	const char *password;	/* of the key, or PIN; NULL if none */
	const char *passwordfile;	/* where it stands instead; else NULL */
	const char *issuer;	/* the CA, when cert is a delegated responder's; else NULL */
	const char *root;	/* what ocspresponse is verified with; else NULL */
	const char *ocspresponse[LIM_HOSTS + 1];	/* canned answers, NULL-terminated */
	const char *table;
	int64_t producetime_s;	/* 60 … 3,650 days */
	bool verify;		/* the certificate in the row has to verify */
	bool send_cert;		/* the CA's own is in what it signs itself (RFC 6960 4.2.1: certs) */
};

struct conf {
	const char *path;	/* of this file, absolute */
	const char *dir;	/* its folder, absolute */

	/* [db] */
	enum conf_db db_type;
	const char *db_host[LIM_HOSTS + 1];	/* "host[:port]" or "[v6][:port]", NULL-terminated */
	unsigned db_port;	/* for hosts that name none */
	const char *db_socket;	/* NULL: TCP (unless the host is "localhost") */
	const char *db_name;
	const char *db_user;
	const char *db_password;	/* NULL if CONF_NO_SECRETS */
	const char *db_passwordfile;	/* where it stands instead; else NULL */
	const char *db_file;	/* SQLite */
	const char *db_table;	/* of every CA that has no table of its own */
	const char *db_tls_ca, *db_tls_cert, *db_tls_key;	/* NULL if not set */
	bool db_tls, db_tls_verify;
	enum level log_level;
	const char *log_file;	/* NULL: journal, else the default file */

	/* [admin]: for changes; user NULL if there is no such section */
	const char *admin_host[LIM_HOSTS + 1];	/* [0] NULL: as in [db] */
	unsigned admin_port;			/* 0: as in [db] */
	const char *admin_socket, *admin_user;
	const char *admin_password;		/* NULL unless CONF_ADMIN */

	/* [ocsp], what holds for all CAs */
	const char *user;	/* name or number */
	const char *sign_user;	/* who has the key, asks the database and fills the cache: signuser=
				 * with a signer on a socket, else user */
	const char *cache;
	const char *metrics;	/* file of the counters; NULL: in the cache; "": none */
	const char *signer;	/* path of ocsp-sign, or "unix:/run/ocsp/sign.sock" */
	int recheck_s;		/* 0 … 86,400 */
	int timeout_ms;		/* 100 … 60,000 */
	int64_t maxage_s;	/* of Cache-Control, 0 … 3,650 days */
	int64_t backdate_s;	/* 0 … 86,400 */
	int64_t archive_s;	/* retention of expired certificates; 0: not said */
	int max_connections, max_per_source;	/* --listen; max_per_source 0: no limit */
	int keepalive;		/* requests per connection, 1 … 100,000 */
	enum conf_unknown unknown;
	enum conf_nonce nonce;
	enum conf_sandbox sandbox;
	enum conf_profile profile;
	bool status_header;	/* X-OCSP-Status */

	struct conf_ca ca[LIM_CAS];	/* [0] is [ocsp] */
	size_t n_ca;

	const char *credentials;	/* $CREDENTIALS_DIRECTORY, or NULL */
	char *text;		/* where all the strings live */
	size_t text_cap, text_len;
};

#define CONF_NO_SECRETS 1	/* passwords are skipped, and the file's octets wiped */

#define CONF_ADMIN 2		/* the password of [admin] is read as well */

#define CONF_ERROR_LEN 1024

/* Reads path. flags: 0, CONF_NO_SECRETS or CONF_ADMIN. On E_CONFIG, error holds a sentence such as
 * "/etc/ocsp_py/config.ini:12: unknown key 'prot' in [db]: did you mean 'port'?". Nothing secret
 * is ever in it. *out is written only on E_OK; free it with conf_free(). */
MUST_CHECK enum err conf_load(const char *path, int flags, struct conf *out,
			      char error[CONF_ERROR_LEN]);

/* The same on octets that are already read; path is for messages and relative names, and kept as it
 * is. A path that begins with $CREDENTIALS_DIRECTORY stays as it stands there. Pure. */
MUST_CHECK enum err conf_parse(struct bytes text, const char *path, int flags, struct conf *out,
			       char error[CONF_ERROR_LEN]);

/* Wipes what is secret and frees. NULL-safe on a zeroed struct. */
void conf_free(struct conf *c);

/* The path of the Unix socket behind which ocsp-sign is, maybe as another user; NULL: it is a child. */
static inline const char *conf_signer_socket(const struct conf *c)
{
	return strncmp(c->signer, "unix:", 5) == 0 ? c->signer + 5 : NULL;
}

/* Of backdate=, no more than this is taken: an answer is renewed from 3/8 of its validity on. */
#define CONF_MOST_BACKDATE(ca) ((ca)->producetime_s / 4)

/* What a configuration should not say, though it may: a sentence for each such thing, with the rule
 * that it comes from. */
typedef void conf_tell(void *context, const struct conf_ca *ca, const char *sentence);
void conf_advise(const struct conf *c, conf_tell *tell, void *context);

/* Every key that is read, for the documentation and its test. fallback is NULL where a key has no
 * default. */
struct conf_key {
	const char *section, *key, *fallback, *help;	/* section: "db", "ocsp", "admin", "ca NAME" */
};
const struct conf_key *conf_keys(size_t *n);

/* Pure value readers, exposed for their tests. All take the whole value or fail. */
MUST_CHECK bool conf_read_period(struct bytes v, int64_t *seconds);	/* 12h 1d 2m 1y, either case */
MUST_CHECK bool conf_read_bool(struct bytes v, bool *out);	/* yes/no true/false on/off 1/0 */
MUST_CHECK bool conf_read_seconds(struct bytes v, int64_t *ms);	/* 5 2.5 90s 500ms; no 10m */
MUST_CHECK bool conf_read_duration(struct bytes v, int64_t *seconds);	/* 300 90s 5min 2h 1d */
MUST_CHECK bool conf_read_number(struct bytes v, int64_t *n);	/* decimal digits, nine at most */

/* The file of the CA's own certificate. */
static inline const char *conf_ca_file(const struct conf_ca *ca)
{
	return ca->issuer ? ca->issuer : ca->cert;
}

/* Pure. Does pkey= begin with a scheme and a colon? Else it is a path. */
bool conf_is_uri(struct bytes v);

#endif

/* What has to be there, and what follows from what is there, once the file has been read. */
#include "conf-impl.h"

static enum err missing(const struct conf_reader *r, unsigned line, const char *prefix,
			const char *section, const char *key)
{
	if (!line)
		return conf_fail(r->c->path, 0, r->error, "there is no section [%s%s]: add it, "
				 "with a line %s=VALUE", prefix, section, key);
	return conf_fail(r->c->path, line, r->error, "[%s%s] has no '%s', which is mandatory: add "
			 "a line %s=VALUE", prefix, section, key, key);
}

static bool db_has(const struct conf_reader *r, unsigned key)
{
	return r->seen_db >> key & 1;
}

static enum err twice(const struct conf_reader *r, unsigned line, const char *prefix,
		      const char *section)
{
	return conf_fail(r->c->path, line, r->error, "[%s%s] has both 'password' and "
			 "'passwordfile': delete one of the two", prefix, section);
}

/* Of what was seen, since CONF_NO_SECRETS leaves no password to look at. */
static bool both(uint64_t seen, unsigned one, unsigned other)
{
	return seen >> one & seen >> other & 1;
}

static enum err finish_db(struct conf_reader *r)
{
	struct conf *c = r->c;

	if (c->db_type == DB_SQLITE && !c->db_file)
		return missing(r, r->db_line, "", "db", "file");
	if (c->db_type == DB_MYSQL && !c->db_name)
		return missing(r, r->db_line, "", "db", "db");
	if (c->db_type == DB_MYSQL && !c->db_user)
		return missing(r, r->db_line, "", "db", "username");
	if (both(r->seen_db, CONF_DB_password, CONF_DB_passwordfile))
		return twice(r, r->db_line, "", "db");
	if (!c->db_tls_cert != !c->db_tls_key)
		return missing(r, r->db_line, "", "db", c->db_tls_cert ? "tls_key" : "tls_cert");
	if (r->admin_line && !c->admin_user)
		return missing(r, r->admin_line, "", "admin", "username");
	if (!db_has(r, CONF_DB_tls))
		c->db_tls = c->db_tls_ca || c->db_tls_cert || c->db_tls_verify;
	if (!db_has(r, CONF_DB_tls_verify))
		c->db_tls_verify = c->db_tls;
	return E_OK;
}

/* "socket=0" asks for TCP, and client libraries take "localhost" for a socket. */
static void hosts_to_tcp(const struct conf_reader *r)
{
	struct conf *c = r->c;
	static const char name[] = "localhost", address[] = "127.0.0.1";
	const size_t len = sizeof name - 1;

	_Static_assert(sizeof name == sizeof address, "the one is written over the other");
	for (size_t i = 0; c->db_host[i]; i++) {
		const char *host = c->db_host[i];

		if (!conf_same(bytes_of(host, strnlen(host, len)), name) ||
		    (host[len] && host[len] != ':'))
			continue;
		if (db_has(r, CONF_DB_host))
			memcpy(c->text + (host - c->text), address, len);
		else
			c->db_host[i] = address;
	}
}

static enum err finish_ca(struct conf_reader *r, size_t i)
{
	struct conf_ca *ca = &r->c->ca[i], *first = &r->c->ca[0];
	unsigned text = i ? CONF_CA_password : CONF_OCSP_password;
	unsigned file = i ? CONF_CA_passwordfile : CONF_OCSP_passwordfile;
	const char *prefix = i ? "ca " : "";

	if (!ca->cert)
		return missing(r, ca->line, prefix, ca->name, "cert");
	if (!ca->pkey)
		return missing(r, ca->line, prefix, ca->name, "pkey");
	/* what opens tokens writes whole URIs to standard error, and so into the journal */
	if (conf_is_uri(bytes_str(ca->pkey)) && strstr(ca->pkey, "pin-value="))
		return conf_fail(r->c->path, ca->line, r->error, "[%s%s] has a PIN in 'pkey', "
				 "where libraries show it: put it into a file, with "
				 "passwordfile=PATH",
				 prefix, ca->name);
	if (both(r->seen_ca[i], text, file))
		return twice(r, ca->line, prefix, ca->name);
	if (!ca->table)
		ca->table = i ? first->table : r->c->db_table;
	if (!ca->producetime_s)
		ca->producetime_s = first->producetime_s;
	if (i && !(r->seen_ca[i] >> CONF_CA_verify & 1))
		ca->verify = first->verify;
	if (i && !(r->seen_ca[i] >> CONF_CA_sendcert & 1))
		ca->send_cert = first->send_cert;
	return E_OK;
}

/* A child can't be another user than the process that parses: that one has no privileges. */
static enum err finish_users(struct conf_reader *r)
{
	struct conf *c = r->c;

	if (c->sign_user && !conf_signer_socket(c))
		return conf_fail(c->path, c->ca[0].line, r->error, "[ocsp] has 'signuser' without "
				 "signer=unix:PATH: only a signer behind a socket can be another "
				 "user; delete it, or see ocsp-units(7) for ocsp-sign.socket");
	if (!c->sign_user)
		c->sign_user = c->user;
	return E_OK;
}

enum err conf_finish(struct conf_reader *r)
{
	struct conf *c = r->c;
	enum err e = finish_db(r);

	if (db_has(r, CONF_DB_socket) && !c->db_socket)
		hosts_to_tcp(r);
	for (size_t i = 0; i < c->n_ca && e == E_OK; i++)
		e = finish_ca(r, i);
	if (e == E_OK)
		e = finish_users(r);
	conf_profile_defaults(r);
	return e == E_OK ? conf_profile_check(r) : e;
}

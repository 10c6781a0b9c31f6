/*
 * Who changes the table: the account of --defaults-file, else that of [admin], else that of [db].
 */
#include "ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "io.h"

/* An option file, octets. */
#define DEFAULTS_LEN (1 << 16)

static enum err load_defaults(struct ctl *c)
{
	const char *path = c->defaults_file, *why;
	struct stat st;
	uint8_t *text;
	unsigned line;
	size_t len;
	enum err e;

	e = io_load_file(path, DEFAULTS_LEN, &text, &len);
	if (e != E_OK) {
		ctl_say("%s can't be read: %s", path,
			e == E_DATA ? "it is no regular file, or too long" : strerror(errno));
		return E_CONFIG;
	}
	e = mycnf_parse(bytes_of(text, len), &c->defaults, &line, &why);
	explicit_bzero(text, len);
	free(text);
	if (e != E_OK) {
		ctl_say("%s:%u: %s", path, line, why);
		return E_CONFIG;
	}
	if (!c->defaults.user[0]) {
		ctl_say("%s names no user: add a line user=NAME below [client]", path);
		return E_CONFIG;
	}
	if (c->defaults.tls && !c->conf.db_tls)
		ctl_say("the TLS settings of %s are not read here: the connection is as [db] of %s says, "
			"without TLS; set tls_ca= there", path, c->conf.path);
	if (c->defaults.password[0] && stat(path, &st) == 0 && (st.st_mode & S_IRWXO))
		ctl_say("%s has a password in it and is open to everybody: chmod 600 %s", path,
			path);
	return E_OK;
}

static void use_defaults(const struct mycnf *m, struct conf *conf)
{
	conf->db_user = m->user;
	conf->db_password = m->password;
	conf->db_passwordfile = NULL;
	if (m->port)
		conf->db_port = m->port;
	if (m->host[0]) {
		conf->db_host[0] = m->host;
		conf->db_host[1] = NULL;
		conf->db_socket = NULL;
	}
	if (m->socket[0])
		conf->db_socket = m->socket;
}

static void use_admin(struct conf *conf)
{
	conf->db_user = conf->admin_user;
	conf->db_password = conf->admin_password;
	conf->db_passwordfile = NULL;
	if (conf->admin_port)
		conf->db_port = conf->admin_port;
	if (conf->admin_host[0]) {
		memcpy(conf->db_host, conf->admin_host, sizeof conf->db_host);
		conf->db_socket = NULL;
	}
	if (conf->admin_socket)
		conf->db_socket = conf->admin_socket;
}

enum err ctl_admin(struct ctl *c, struct conf *out)
{
	enum err e;

	*out = c->conf;
	if (out->db_type != DB_MYSQL) {
		if (!c->defaults_file)
			return E_OK;
		ctl_say("SQLite has no accounts: leave --defaults-file out");
		return E_USAGE;
	}
	if (c->defaults_file) {
		e = load_defaults(c);
		if (e != E_OK)
			return e;
		use_defaults(&c->defaults, out);
	} else if (out->admin_user) {
		use_admin(out);
	}
	return E_OK;
}

/*
 * The library counts time in whole seconds. Each host's share of the deadline is rounded down, so
 * that after a server that says nothing there is time left to answer the client; it never is less
 * than one second, and where even that is too long the caller's own alarm ends it.
 */
#include "store-mysql.h"

#ifdef __GLIBC__
#include <nss.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "secret.h"

/* A row with its certificate, and the protocol's octets around it: what is read at most. */
#define PACKET_LEN (LIM_CERT_LEN + 65536UL)

/* Who writes sends many rows at once: see STORE_BATCH_LEN. */
#define WRITE_PACKET_LEN (2UL * STORE_BATCH_LEN)

#define WHY_LEN 256

struct target {
	char host[256];
	unsigned port;
	const char *socket;	/* NULL: TCP */
};

/* Reads "host", "host:port", "[v6]:port" or "v6". False if it is none of them. */
static bool read_target(const char *text, unsigned port, struct target *out)
{
	const char *host = text, *colon = strrchr(text, ':'), *end = text + strlen(text);

	out->socket = NULL;
	out->port = port;
	if (*text == '[') {
		host++;
		end = strchr(host, ']');
		if (!end || (end[1] != ':' && end[1] != '\0'))
			return false;
		colon = end[1] == ':' ? end + 1 : NULL;
	} else if (colon && strchr(text, ':') == colon) {
		end = colon;
	} else {
		colon = NULL;
	}
	if (colon) {
		char *rest;
		unsigned long v = strtoul(colon + 1, &rest, 10);

		if (rest == colon + 1 || *rest || v == 0 || v > 65535)
			return false;
		out->port = (unsigned)v;
	}
	if (end == host || (size_t)(end - host) >= sizeof out->host)
		return false;
	memcpy(out->host, host, (size_t)(end - host));
	out->host[end - host] = '\0';
	/* "localhost" is the server's socket, unless a port is named; the predecessor's library took
	 * TCP, and where the server runs in a container that is all there is. No resolver is needed
	 * for either. */
	if (strcmp(out->host, "localhost") == 0) {
		if (!colon && port == MYSQL_PORT && access(MYSQL_UNIX_ADDR, F_OK) == 0)
			out->socket = MYSQL_UNIX_ADDR;
		else
			stpcpy(out->host, "127.0.0.1");
	}
	return true;
}

static void set_tls(MYSQL *my, const struct conf *c)
{
#ifdef LIBMARIADB
	sql_bool tls = c->db_tls, verify = c->db_tls && c->db_tls_verify;

	mysql_options(my, MYSQL_OPT_SSL_ENFORCE, &tls);
	mysql_options(my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
#else
	unsigned mode = !c->db_tls ? SSL_MODE_DISABLED :
		c->db_tls_verify ? SSL_MODE_VERIFY_IDENTITY : SSL_MODE_REQUIRED;
	sql_bool ask_key = true;

	mysql_options(my, MYSQL_OPT_SSL_MODE, &mode);
	/* without TLS, caching_sha2_password wants the server's RSA key; the other library asks
	 * for it by itself */
	mysql_options(my, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &ask_key);
#endif
	if (!c->db_tls)
		return;
	if (c->db_tls_ca)
		mysql_options(my, MYSQL_OPT_SSL_CA, c->db_tls_ca);
	if (c->db_tls_cert)
		mysql_options(my, MYSQL_OPT_SSL_CERT, c->db_tls_cert);
	if (c->db_tls_key)
		mysql_options(my, MYSQL_OPT_SSL_KEY, c->db_tls_key);
}

/* NULL, and *why: a clause in buf. */
static MYSQL *connect_to(const struct conf *c, const struct target *t, const char *password,
			 int share_ms, bool write, char why[WHY_LEN])
{
	unsigned seconds = share_ms <= 2000 ? 1 : (unsigned)(share_ms - 1) / 1000;
	unsigned protocol = t->socket ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
	unsigned no = 0;
	unsigned long packet = write ? WRITE_PACKET_LEN : PACKET_LEN;
	MYSQL *my = mysql_init(NULL);

	if (!my) {
		snprintf(why, WHY_LEN, "out of memory");
		return NULL;
	}
	mysql_options(my, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
	mysql_options(my, MYSQL_OPT_READ_TIMEOUT, &seconds);
	mysql_options(my, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
	mysql_options(my, MYSQL_OPT_PROTOCOL, &protocol);
	mysql_options(my, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
	mysql_options(my, MYSQL_OPT_LOCAL_INFILE, &no);	/* no server may ask for our files */
	mysql_options(my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	/* One round trip for a session that does not depend on the server's defaults: a TIMESTAMP
	 * column reads as UTC, a value that does not fit is an error, and a change is seen and
	 * made at once. */
	mysql_options(my, MYSQL_INIT_COMMAND,
		      "SET time_zone='+00:00',sql_mode='STRICT_ALL_TABLES',autocommit=1"
		      /* MySQL 8 would tell the time of a table's last change a day late */
		      "/*!80000 ,information_schema_stats_expiry=0*/");
	set_tls(my, c);
	/* CLIENT_FOUND_ROWS: an UPDATE counts the rows it matched, not only those it changed */
	if (!mysql_real_connect(my, t->socket ? NULL : t->host, c->db_user,
				password, c->db_name, t->port, t->socket, CLIENT_FOUND_ROWS))
		snprintf(why, WHY_LEN, "%s", mysql_error(my));
	else if (c->db_tls && !mysql_get_ssl_cipher(my))
		/* MariaDB's library goes on without, as long as it need not verify */
		snprintf(why, WHY_LEN, "the server has no TLS, and tls= asks for it");
	else
		return my;
	mysql_close(my);
	return NULL;
}

static void describe(MYSQL *my, const struct conf *c, const struct target *t, char *out, size_t cap)
{
	const char *version = mysql_get_server_info(my);
	const char *kind = strstr(version, "MariaDB") ? "MariaDB" : "MySQL";
	char at[300];

	if (t->socket)
		snprintf(at, sizeof at, "%s", t->socket);
	else if (strchr(t->host, ':'))
		snprintf(at, sizeof at, "[%s]:%u", t->host, t->port);
	else
		snprintf(at, sizeof at, "%s:%u", t->host, t->port);
	snprintf(out, cap, "%s %.60s at %s, database %.64s", kind, version, at, c->db_name);
}

/* One host after the other. error is made of why each of them failed. */
static MYSQL *try_hosts(const struct conf *c, size_t *first, const char *password,
			struct deadline d, bool write, char *what, size_t what_cap,
			char error[STORE_ERROR_LEN])
{
	const char *const socket[] = { c->db_socket, NULL };
	const char *const *host = c->db_socket ? socket : c->db_host;
	size_t n = 0, len = 0;

	while (host[n])
		n++;
	snprintf(error, STORE_ERROR_LEN, "no database host is configured: set host= in [db]");
	for (size_t i = *first; i < n && len < STORE_ERROR_LEN; i++) {
		struct target t = { .socket = c->db_socket };
		char why[WHY_LEN] = "no time was left to try it";
		int left = deadline_left_ms(d);
		MYSQL *my = NULL;

		if (!c->db_socket && !read_target(host[i], c->db_port, &t))
			snprintf(why, sizeof why, "is neither \"host\" nor \"host:port\"");
		else if (left)
			my = connect_to(c, &t, password, left / (int)(n - i), write, why);
		if (my) {
			describe(my, c, &t, what, what_cap);
			*first = i + 1;
			return my;
		}
		len += (size_t)snprintf(error + len, STORE_ERROR_LEN - len, "%s%s: %s",
					len ? "; " : "", host[i], why);
	}
	return NULL;
}

MYSQL *mysql_connect_any(const struct conf *c, size_t *first, struct deadline d, bool write,
			 char *what, size_t what_cap, char error[STORE_ERROR_LEN])
{
	const char *password = c->db_password ? c->db_password : "";
	struct secret secret;
	MYSQL *my;

#ifdef __GLIBC__
	/* The library looks up its default port, which no connection of ours uses: a hundred
	 * microseconds, and all library folders, where nsswitch.conf says "services: db files". The
	 * module named here knows no services, and says so at once. */
	__nss_configure_lookup("services", "dns");
#endif
	/* MariaDB's library sleeps a microsecond after connect(), and the kernel, left to itself, adds
	 * fifty. */
	prctl(PR_SET_TIMERSLACK, 1);
	if (secret_read(c->db_passwordfile, &secret, error) != E_OK)
		return NULL;
	my = try_hosts(c, first, c->db_passwordfile ? secret.text : password, d, write, what,
		       what_cap, error);
	secret_wipe(&secret);
	return my;
}

#include "ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "gtime.h"
#include "key.h"
#include "secret.h"
#include "user.h"

#define SENTENCE_LEN 8192	/* of which a path may be half */

__attribute__((format(printf, 1, 0)))
static void say(const char *format, va_list ap, const char *end)
{
	char text[SENTENCE_LEN];

	/* what the table or a folder has for a name is in it */
	vsnprintf(text, sizeof text, format, ap);
	text_defuse(text);
	fflush(stdout);		/* in the order of events, where both are the same file */
	fprintf(stderr, "ocspctl: %s%s", text, end);
}

void ctl_say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap, "\n");
	va_end(ap);
}

int ctl_usage(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap, "; see ocspctl --help\n");
	va_end(ap);
	return EX_USAGE;
}

bool ctl_may_replace(const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0 || S_ISREG(st.st_mode))
		return true;
	ctl_say("%s can't be written: it is no regular file, and is not replaced by one", path);
	return false;
}

int ctl_option(int argc, char **argv, const struct option *options)
{
	int o = getopt_long(argc, argv, "", options, NULL);

	return o == ':' ? '?' : o;
}

/* Options that one verb may have. */
#define OPTIONS 16

int ctl_next_option(int argc, char **argv, const struct ctl_opt *table)
{
	struct option longs[OPTIONS + 1] = { 0 };

	for (int i = 0; i < OPTIONS && table[i].name; i++)
		longs[i] = (struct option){
			.name = table[i].name,
			.has_arg = table[i].arg ? required_argument : no_argument,
			.val = i,
		};
	return ctl_option(argc, argv, longs);
}

int ctl_code(enum err e)
{
	int code = err_info(e)->exit_code;

	/* an interruption takes the database's time, before it is asked to change anything */
	if (e == E_DB && deadline_interrupted())
		return CTL_INTERRUPTED;
	return code ? code : CTL_REFUSED;
}

void ctl_say_store(const struct ctl *c)
{
	if (!deadline_interrupted())
		ctl_say("%s", store_error(c->store));
}

const char *ctl_time(int64_t t, char out[CTL_TIME_LEN])
{
	char g[GTIME_LEN];

	gtime_format(t, g);
	snprintf(out, CTL_TIME_LEN, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", g, g + 4, g + 6, g + 8,
		 g + 10, g + 12);
	return out;
}

enum err ctl_init_crypto(const struct conf *conf)
{
	unsigned needs = KEY_NAMES;

	for (size_t i = 0; i < conf->n_ca; i++)
		if (key_is_uri(conf->ca[i].pkey))
			needs |= KEY_URI;
	return key_init(needs);
}

enum err ctl_load(struct ctl *c)
{
	char error[CONF_ERROR_LEN];

	if (conf_load(c->config, CONF_ADMIN, &c->conf, error) != E_OK) {
		ctl_say("%s", error);
		return E_CONFIG;
	}
	if (ctl_init_crypto(&c->conf) != E_OK) {
		ctl_say(KEY_NO_MEMORY);
		return E_BUSY;
	}
	c->end_ca = c->conf.n_ca;
	if (!c->ca_name)
		return E_OK;
	for (size_t i = 0; i < c->conf.n_ca; i++) {
		if (strcmp(c->conf.ca[i].name, c->ca_name) != 0)
			continue;
		c->first_ca = i;
		c->end_ca = i + 1;
		return E_OK;
	}
	ctl_say("%s has no section [ca %s]", c->conf.path, c->ca_name);
	return E_USAGE;
}

struct deadline ctl_deadline(const struct ctl *c)
{
	return deadline_in(c->patience_ms ? c->patience_ms : c->conf.timeout_ms);
}

enum err ctl_store(struct ctl *c, bool write)
{
	return ctl_store_in(c, write, ctl_deadline(c));
}

enum err ctl_store_in(struct ctl *c, bool write, struct deadline d)
{
	char error[STORE_ERROR_LEN];
	struct conf admin;
	enum err e;

	if (c->store)
		return E_OK;
	if (write) {
		e = ctl_admin(c, &admin);
		if (e != E_OK)
			return e;
		e = store_open_to_write(&admin, d, &c->store, error);
	} else {
		e = store_open(&c->conf, d, &c->store, error);
	}
	if (e != E_OK)
		ctl_say("the database can't be reached: %s", error);
	return e;
}

enum err ctl_ca_cert(struct ctl *c, size_t i, struct cert **out)
{
	const struct conf_ca *ca = &c->conf.ca[i];
	char error[CERT_ERROR_LEN];
	enum err e = E_OK;

	if (!c->ca[i].octets)
		e = cert_load(conf_ca_file(ca), &c->ca[i], error);
	if (e == E_OK)
		*out = &c->ca[i];
	else
		ctl_say("%s", error);
	return e;
}

enum err ctl_ca_of(struct ctl *c, const struct cert *cert, size_t *ca)
{
	for (size_t i = c->first_ca; i < c->end_ca; i++) {
		struct cert *issuer;
		enum err e = ctl_ca_cert(c, i, &issuer);

		if (e == E_OK)
			e = cert_issued_by(cert, issuer);
		if (e == E_OK)
			*ca = i;
		if (e != E_UNAUTHORIZED)
			return e;
	}
	return E_NOT_FOUND;
}

/* A chain goes on with the certificates of CAs. Another one that a CA of ours has issued is not what
 * was asked about, or as much as the first. */
static bool is_chain(struct ctl *c, const struct cert *list, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct cert *issuer;
		size_t ca;
		bool ours = bytes_eq(list[i].der, list[0].der);

		for (size_t k = 0; k < c->conf.n_ca && !ours; k++)
			ours = ctl_ca_cert(c, k, &issuer) == E_OK &&
			       bytes_eq(list[i].der, issuer->der);
		if (!ours && ctl_ca_of(c, &list[i], &ca) != E_NOT_FOUND)
			return false;
	}
	return true;
}

static enum err target_of_file(struct ctl *c, const char *path, struct ctl_target *out)
{
	char error[CERT_ERROR_LEN];
	struct cert *list;
	size_t n;
	enum err e = cert_load_all(path, &list, &n, error);

	if (e != E_OK) {
		ctl_say("%s", error);
		return e;
	}
	e = ctl_ca_of(c, &list[0], &out->ca);
	if (e == E_OK && !is_chain(c, list, n)) {
		ctl_say("%s has several certificates: give one of them, or its serial number", path);
		e = E_USAGE;
	} else if (e == E_OK) {
		memcpy(out->buf, list[0].serial.p, list[0].serial.len);
		out->len = list[0].serial.len;
	} else if (e == E_NOT_FOUND) {
		ctl_say("%s was not issued by a CA of %s", path, c->conf.path);
	} else if (e == E_BUSY) {
		ctl_say("no memory is left to verify %s", path);
	}
	cert_free_all(list, n);
	return e;
}

enum err ctl_target(struct ctl *c, const char *arg, struct ctl_target *out)
{
	struct bytes serial;
	enum err e;

	if (serial_parse(bytes_str(arg), out->buf, &serial)) {
		out->len = serial.len;
		out->ca = c->first_ca;
		if (c->end_ca - c->first_ca > 1) {
			ctl_say("there are %zu CAs in %s: say which one with --ca NAME",
				c->conf.n_ca, c->conf.path);
			return E_USAGE;
		}
	} else if (access(arg, F_OK) != 0) {
		ctl_say("%s is no serial number (hexadecimal digits), and no file", arg);
		return E_USAGE;
	} else {
		e = target_of_file(c, arg, out);
		if (e != E_OK)
			return e;
	}
	serial_text(ctl_serial(out), out->text);
	return E_OK;
}

enum err ctl_certids(const struct cert *ca, struct bytes serial, struct ctl_certids *out)
{
	struct variants v;
	enum err e = variants_of(ca, &v);

	for (size_t i = 0; i < VARIANTS && e == E_OK; i++)
		e = variants_certid(&v, i, serial, out->octets[i], &out->id[i]);
	return e;
}

enum err ctl_cache(struct ctl *c)
{
	char error[256];
	enum err e;

	if (c->cache.fd >= 0)
		return E_OK;
	if (geteuid() == 0) {
		e = user_become(c->conf.sign_user, true, error);
		if (e != E_OK) {
			ctl_say("the cache is left as it is: %s", error);
			return e;
		}
	}
	secret_keep();
	umask(CACHE_UMASK);
	if (cache_open(&c->cache, c->conf.cache, c->conf.recheck_s, false) == E_OK)
		return E_OK;
	if (errno == ENOENT)
		return E_NOT_FOUND;
	ctl_say("the cache %s can't be opened (%s): run this as root or as %s", c->conf.cache,
		strerror(errno), c->conf.sign_user);
	return E_IO;
}

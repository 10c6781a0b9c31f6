/*
 * check: looks at everything that has to be right, as the user that the responder runs as.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "canned.h"
#include "ctl.h"
#include "io.h"
#include "key.h"
#include "signer.h"
#include "user.h"

/* Days before a certificate's end at which it becomes a warning. */
#define CERT_DAYS 30
#define DAY_S 86400

/* Counting reads the whole table, and nobody waits for it but the operator. */
#define COUNT_MS 60000

/* A passwd file, octets. */
#define PASSWD_LEN (1 << 20)

#define PATH_LEN 4096

enum finding { OK, WARNING, ERROR };

struct check {
	struct ctl *ctl;
	unsigned n[3];
	bool known_user;
	uid_t uid;		/* of user=, if it is known */
};

__attribute__((format(printf, 3, 4)))
static void tell(struct check *k, enum finding f, const char *format, ...)
{
	static const char *const word[] = { "ok      ", "warning ", "error   " };
	va_list ap;

	fputs(word[f], stdout);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	k->n[f]++;
}

static bool has_password(const struct conf *c)
{
	for (size_t i = 0; i < c->n_ca; i++)
		if (c->ca[i].password)
			return true;
	return c->db_password != NULL;
}

static void check_conf_file(struct check *k)
{
	const struct conf *c = &k->ctl->conf;
	struct stat st;

	if (stat(c->path, &st) != 0)
		tell(k, ERROR, "%s can't be looked at: %s", c->path, strerror(errno));
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		tell(k, ERROR, "%s can be written by others than its owner: chmod 640 %s", c->path,
		     c->path);
	else if ((st.st_mode & S_IROTH) && has_password(c))
		tell(k, ERROR, "%s has a password in it and everybody can read it: chmod 640 %s",
		     c->path, c->path);
	else
		tell(k, OK, "%s is complete, and its mode is %03o", c->path, st.st_mode & 0777);
}

/* From here on this process is the responder's user, so that its rights are what is tested. */
static void check_user(struct check *k)
{
	const char *name = k->ctl->conf.user;
	char self[USER_NAME_LEN], error[256];
	uint8_t *passwd = NULL;
	size_t len;
	gid_t gid;

	if (io_load_file("/etc/passwd", PASSWD_LEN, &passwd, &len) == E_OK)
		k->known_user = user_find(bytes_of(passwd, len), name, &k->uid, &gid) == E_OK;
	free(passwd);
	user_self(self);
	if (!k->known_user)
		tell(k, ERROR, "there is no user %s (user=): make it with \"ocspctl setup\"", name);
	else if (geteuid() != 0 && geteuid() != k->uid)
		tell(k, WARNING, "this was started by %s, so what %s may do was not looked at: run "
		     "it as root or as %s", self, name, name);
	else if (user_become(name, true, error) != E_OK)
		tell(k, ERROR, "%s", error);
	else
		tell(k, OK, "the responder runs as %s", name);
	if (access(k->ctl->conf.path, R_OK) != 0)
		tell(k, ERROR, "%s can't be read by %s: chgrp it to that user's group, mode 640",
		     k->ctl->conf.path, name);
}

static void check_key_file(struct check *k, const char *pkey)
{
	struct stat st;

	if (key_is_uri(pkey) || stat(pkey, &st) != 0)
		return;		/* opening it says why */
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		tell(k, ERROR, "the key %s is open to others than its owner: chmod 600 %s", pkey,
		     pkey);
	else if (k->known_user && st.st_uid != k->uid)
		tell(k, WARNING, "the key %s belongs to another user than %s: chown %s %s", pkey,
		     k->ctl->conf.user, k->ctl->conf.user, pkey);
	else
		tell(k, OK, "the key %s is open to its owner alone", pkey);
}

static void check_ca(struct check *k, const struct conf_ca *ca)
{
	char error[SIGNER_ERROR_LEN], warning[SIGNER_ERROR_LEN];
	int64_t now = clock_real_ms() / 1000, days;
	struct signer s = { .conf = NULL };

	if (signer_open(ca, k->ctl->conf.profile, &s, error, warning) != E_OK) {
		tell(k, ERROR, "%s", error);
		return;
	}
	if (warning[0])
		tell(k, WARNING, "%s", warning);
	days = (signer_not_after(&s) - now) / DAY_S;
	if (signer_check_dates(&s, now, error) != E_OK)
		tell(k, ERROR, "%s", error);
	else if (days < CERT_DAYS)
		tell(k, WARNING, "%s can sign for %lld more days: renew it", ca->cert,
		     (long long)days);
	else
		tell(k, OK, "%s may sign, for %lld more days", ca->cert, (long long)days);
	check_key_file(k, ca->pkey);
	if (signer_load_key(&s, error) != E_OK)
		tell(k, ERROR, "%s", error);
	else
		tell(k, OK, "the private key of section [%s] belongs to %s", ca->name, ca->cert);
	signer_close(&s);
}

static void check_canned(struct check *k, const struct conf_ca *ca, const char *path)
{
	int64_t now = clock_real_ms() / 1000, days;
	char error[CANNED_ERROR_LEN];
	struct canned c;

	if (canned_load(path, ca, &c, error) != E_OK) {
		tell(k, ERROR, "%s", error);
		return;
	}
	days = (c.response.next_update - now) / DAY_S;
	if (canned_check(&c, now, error) != E_OK)
		tell(k, ERROR, "%s", error);
	else if (c.response.next_update == INT64_MIN)
		tell(k, WARNING, "ocspresponse %s has no nextUpdate, so it never expires: make it "
		     "anew with one", path);
	else if (canned_ends_soon(&c, now))
		tell(k, WARNING, "ocspresponse %s is valid for %lld more days: make it anew with "
		     "the root's key (ocspctl sign-issuer)", path, (long long)days);
	else if (!ca->root)
		tell(k, WARNING, "ocspresponse %s is valid for %lld more days, but its signature "
		     "is not verified: set root= to the certificate of the CA that made it", path,
		     (long long)days);
	else
		tell(k, OK, "ocspresponse %s is valid for %lld more days", path, (long long)days);
	canned_free(&c);
}

/* What is missing and will be made needs a folder that can be written. */
static bool can_be_made(const char *path)
{
	char parent[PATH_LEN];
	char *slash;

	snprintf(parent, sizeof parent, "%s", path);
	slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent] = '\0';
	return access(path, F_OK) != 0 && errno == ENOENT && access(parent, W_OK | X_OK) == 0;
}

static void check_cache(struct check *k)
{
	const char *path = k->ctl->conf.cache;
	struct stat st;

	if (can_be_made(path))
		tell(k, OK, "the cache %s will be made when it is first needed", path);
	else if (access(path, R_OK | W_OK | X_OK) != 0 || stat(path, &st) != 0)
		tell(k, ERROR, "the cache %s can't be used by %s (%s): every answer is signed "
		     "anew; run \"ocspctl setup\"", path, k->ctl->conf.user, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		tell(k, ERROR, "the cache %s is no folder", path);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		tell(k, ERROR, "the cache %s can be written by others, who could put answers "
		     "there: chmod 700 %s", path, path);
	else
		tell(k, OK, "the cache %s can be used", path);
}

static bool is_local(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0 ||
		strcmp(host, "localhost") == 0 || strncmp(host, "localhost:", 10) == 0;
}

static void check_transport(struct check *k)
{
	const struct conf *c = &k->ctl->conf;

	if (c->db_type != DB_MYSQL || c->db_socket || c->db_tls)
		return;
	for (size_t i = 0; c->db_host[i]; i++)
		if (!is_local(c->db_host[i]))
			tell(k, WARNING, "nothing on the way to the database %s is encrypted, and "
			     "who can change it can make certificates good: set tls_ca=",
			     c->db_host[i]);
}

static void check_table(struct check *k, const struct conf_ca *ca)
{
	struct store *s = k->ctl->store;
	struct store_count n;

	if (store_check(s, ca->table, deadline_in(COUNT_MS)) != E_OK)
		tell(k, ERROR, "%s", store_error(s));
	else if (store_count(s, ca->table, deadline_in(COUNT_MS), &n) != E_OK)
		tell(k, WARNING, "the rows can't be counted: %s", store_error(s));
	else if (n.odd)
		tell(k, WARNING, "table %s has %lld rows that are neither Valid nor Revoked: "
		     "nothing is answered for these until they are mended", ca->table,
		     (long long)n.odd);
	else
		tell(k, OK, "table %s has %lld valid certificates and %lld revoked ones", ca->table,
		     (long long)n.valid, (long long)n.revoked);
}

static void check_database(struct check *k)
{
	const struct conf *c = &k->ctl->conf;
	char error[STORE_ERROR_LEN];

	if (store_open(c, deadline_in(c->timeout_ms), &k->ctl->store, error) != E_OK) {
		tell(k, ERROR, "the database can't be reached: %s", error);
		return;
	}
	tell(k, OK, "the database answers: %s", store_describe(k->ctl->store));
	check_transport(k);
	/* it answered in the time that a request has; counting may take longer */
	store_close(k->ctl->store);
	k->ctl->store = NULL;
	if (store_open(c, deadline_in(COUNT_MS), &k->ctl->store, error) != E_OK) {
		tell(k, ERROR, "the database can't be reached: %s", error);
		return;
	}
	for (size_t i = 0; i < c->n_ca; i++)
		if (i == 0 || strcmp(c->ca[i].table, c->ca[0].table) != 0)
			check_table(k, &c->ca[i]);
}

static void check_signer(struct check *k)
{
	const char *signer = k->ctl->conf.signer;

	if (strncmp(signer, "unix:", 5) == 0)
		return;
	if (access(signer, X_OK) != 0)
		tell(k, ERROR, "%s can't be started by %s (%s): set signer= to where ocsp-sign is",
		     signer, k->ctl->conf.user, strerror(errno));
	else
		tell(k, OK, "%s can be started", signer);
}

static void check_log(struct check *k)
{
	const char *file = k->ctl->conf.log_file;

	if (!file)
		return;
	if (access(file, W_OK) != 0 && !can_be_made(file))
		tell(k, WARNING, "the log %s can't be written by %s (%s): run \"ocspctl setup\"",
		     file, k->ctl->conf.user, strerror(errno));
	else
		tell(k, OK, "the log %s can be written", file);
}

static void tell_advice(void *context, const struct conf_ca *ca, const char *sentence)
{
	struct check *k = context;

	tell(k, WARNING, "%s:%u: [%s%s] %s", k->ctl->conf.path, ca->line,
	     ca == &k->ctl->conf.ca[0] ? "" : "ca ", ca->name, sentence);
}

static int finish(const struct check *k)
{
	printf("%u ok, %u warnings, %u errors\n", k->n[OK], k->n[WARNING], k->n[ERROR]);
	return k->n[ERROR] ? 2 : k->n[WARNING] ? 1 : 0;
}

int ctl_check(struct ctl *c, int argc, char **argv)
{
	struct check k = { .ctl = c };
	char error[CONF_ERROR_LEN];

	(void)argv;
	if (argc > 1)
		return ctl_usage("check takes no arguments");
	if (conf_load(c->config, 0, &c->conf, error) != E_OK) {
		tell(&k, ERROR, "%s", error);
		return finish(&k);
	}
	check_conf_file(&k);
	conf_advise(&c->conf, tell_advice, &k);
	check_user(&k);
	for (size_t i = 0; i < c->conf.n_ca; i++) {
		const struct conf_ca *ca = &c->conf.ca[i];

		check_ca(&k, ca);
		for (size_t j = 0; ca->ocspresponse[j]; j++)
			check_canned(&k, ca, ca->ocspresponse[j]);
	}
	check_cache(&k);
	check_database(&k);
	check_signer(&k);
	check_log(&k);
	return finish(&k);
}

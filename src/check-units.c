/* What starts the responder, and whether its limits leave room for those of the configuration. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "io.h"
#include "unit-file.h"

#define PATH_LEN 4096
#define UNIT_LEN (1 << 16)	/* a unit, octets */
#define VALUE_LEN 256

/* A request's alarm() rings that much after its deadline. */
#define GRACE_MS 2000

/* From the least to the most important. */
static const char *const folders[] = {
	"/lib/systemd/system", "/usr/lib/systemd/system", "/usr/local/lib/systemd/system",
	"/run/systemd/system", "/etc/systemd/system",
};
#define N_FOLDERS (sizeof folders / sizeof folders[0])

struct unit {
	struct check *k;
	const char *name;
	const char *section, *key;	/* what is looked for */
	char value[VALUE_LEN];
	const char *word;		/* or this one, anywhere */
	bool found;			/* the key, or the word */
};

static bool exists(const struct check *k, const char *folder, const char *name)
{
	char path[PATH_LEN];
	struct stat st;

	snprintf(path, sizeof path, "%s%s/%s", k->root, folder, name);
	return lstat(path, &st) == 0;
}

static bool installed(const struct check *k, const char *name)
{
	for (size_t i = 0; i < N_FOLDERS; i++)
		if (exists(k, folders[i], name))
			return true;
	return false;
}

/* Between blanks, or behind the "-" of what may be missing. */
static bool has_word(struct bytes text, const char *word)
{
	size_t len = strlen(word);

	for (const uint8_t *p = text.p, *end = text.p + text.len;
	     (p = memmem(p, (size_t)(end - p), word, len)); p++)
		if (p > text.p && strchr(" =-+", p[-1]) &&
		    (p + len == end || strchr(" \t\r\n\\", p[len])))
			return true;
	return false;
}

static void read_text(struct unit *u, const char *path)
{
	uint8_t *text;
	size_t len;

	if (io_load_file(path, UNIT_LEN, &text, &len) != E_OK)
		return;
	if (u->word)
		u->found |= has_word(bytes_of(text, len), u->word);
	else if (unit_find(bytes_of(text, len), u->section, u->key, u->value, sizeof u->value))
		u->found = true;
	free(text);
}

static void read_drop_ins(struct unit *u, const char *folder)
{
	char path[PATH_LEN], file[PATH_LEN + 260];
	struct dirent **list;
	int n;

	snprintf(path, sizeof path, "%s%s/%s.d", u->k->root, folder, u->name);
	n = scandir(path, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		size_t len = strlen(list[i]->d_name);

		snprintf(file, sizeof file, "%s/%s", path, list[i]->d_name);
		if (len > 5 && strcmp(list[i]->d_name + len - 5, ".conf") == 0)
			read_text(u, file);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

/* The most important file of a unit, then its drop-ins. */
static void read_unit(struct unit *u)
{
	char path[PATH_LEN];

	for (size_t i = N_FOLDERS; i-- > 0;)
		if (exists(u->k, folders[i], u->name)) {
			snprintf(path, sizeof path, "%s%s/%s", u->k->root, folders[i], u->name);
			read_text(u, path);
			break;
		}
	for (size_t i = 0; i < N_FOLDERS; i++)
		read_drop_ins(u, folders[i]);
}

/* The value that systemd would use. */
static const char *value_of(struct check *k, const char *name, const char *key)
{
	static struct unit u;

	u = (struct unit){ .k = k, .name = name, .section = "Service", .key = key };
	read_unit(&u);
	return u.found ? u.value : NULL;
}

/* May it write to this folder? It has to name it, or one above. */
static bool names_folder(struct check *k, const char *unit, const char *folder)
{
	char path[PATH_LEN];
	char *slash;

	snprintf(path, sizeof path, "%s", folder);
	do {
		struct unit u = { .k = k, .name = unit, .word = path };

		read_unit(&u);
		if (u.found)
			return true;
		slash = strrchr(path, '/');
		if (slash)
			*slash = '\0';
	} while (slash && path[0]);
	return false;
}

static bool is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == '/' || !path[len]);
}

/* path: NULL or "", and there is none. */
static void check_writes(struct check *k, const char *unit, const char *what, const char *path)
{
	if (path && path[0] && !names_folder(k, unit, path))
		check_tell(k, "units", FOUND_WARNING, "%s can't write to %s: add ReadWritePaths=%s "
			   "(systemctl edit %s)", unit, what, path, unit);
}

/* Units that see a file system of their own have to see the same cache as all others. */
static void check_cache_of(struct check *k, const char *unit)
{
	const char *cache = k->ctl->conf.cache, *value = value_of(k, unit, "PrivateTmp");

	if (value && strcmp(value, "yes") == 0 &&
	    (is_below(cache, "/tmp") || is_below(cache, "/var/tmp")))
		check_tell(k, "units", FOUND_WARNING, "%s has a /tmp of its own, and with it another "
			   "cache than cache=%s: put that below /var/cache", unit, cache);
	value = value_of(k, unit, "ProtectSystem");
	if (!value || strcmp(value, "strict") != 0)
		return;
	check_writes(k, unit, "the cache", cache);
	check_writes(k, unit, "the log", k->ctl->conf.log_file);
	check_writes(k, unit, "the counters", k->ctl->conf.metrics);
}

/* signs: it is one of those with key and password. */
static void check_unit_user(struct check *k, const char *unit, bool signs)
{
	const struct conf *c = &k->ctl->conf;
	const char *want = signs ? c->sign_user : c->user, *user = value_of(k, unit, "User");

	if (user && strcmp(user, want) != 0 && strcmp(user, "root") != 0)
		check_tell(k, "units", FOUND_ERROR, "%s runs as %s, but the configuration says "
			   "%s=%s: make the two the same (systemctl edit %s)", unit, user,
			   signs && conf_signer_socket(c) ? "signuser" : "user", want, unit);
}

/* key of unit has to be need_ms at least. */
static void check_span(struct check *k, const char *unit, const char *key, int64_t need_ms,
		       const char *why)
{
	const char *value = value_of(k, unit, key);
	int64_t ms;

	if (!value || !unit_span(value, &ms))
		return;		/* the default is no limit, or a long one */
	if (ms < need_ms)
		check_tell(k, "units", FOUND_WARNING, "%s=%s of %s ends what %s still allows: "
			   "raise it to %llds or more (systemctl edit %s)", key, value, unit, why,
			   (long long)(need_ms + 999) / 1000, unit);
	else
		check_tell(k, "units", FOUND_OK, "%s=%s of %s leaves room for %s", key, value,
			   unit, why);
}

static void check_instances(struct check *k)
{
	static const char unit[] = "ocsp@.service";
	const struct conf *c = &k->ctl->conf;

	if (!installed(k, unit))
		return;
	check_unit_user(k, unit, false);
	check_span(k, unit, "RuntimeMaxSec", (int64_t)c->timeout_ms * c->keepalive + GRACE_MS,
		   c->keepalive > 1 ? "timeout= times keepalive=" : "timeout=");
}

static void check_listener(struct check *k)
{
	static const char unit[] = "ocsp-listen.service";
	const struct conf *c = &k->ctl->conf;
	const char *tasks;
	char *end;
	long n;

	if (!installed(k, unit))
		return;
	check_unit_user(k, unit, false);
	check_span(k, unit, "TimeoutStopSec", c->timeout_ms + GRACE_MS, "timeout=");
	tasks = value_of(k, unit, "TasksMax");
	n = tasks ? strtol(tasks, &end, 10) : 0;
	/* each connection has an instance, and perhaps an ocsp-sign */
	if (tasks && end != tasks && !*end && n < 2L * c->max_connections + 1)
		check_tell(k, "units", FOUND_WARNING, "TasksMax=%s of %s is less than "
			   "maxconnections=%d may take: raise it to %d (systemctl edit %s)", tasks,
			   unit, c->max_connections, 2 * c->max_connections + 1, unit);
}

/* What has key and password beside them, if it is in use. */
static void check_signers(struct check *k)
{
	static const char *const wants[] = { "sockets.target.wants/ocsp-sign.socket",
					     "multi-user.target.wants/ocsp-watch.service",
					     "timers.target.wants/ocsp-presign.timer" };
	static const char *const units[] = { "ocsp-sign@.service", "ocsp-watch.service",
					     "ocsp-presign.service" };

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (exists(k, "/etc/systemd/system", wants[i]))
			check_unit_user(k, units[i], true);
	if (exists(k, "/etc/systemd/system", wants[0]))
		check_span(k, units[0], "RuntimeMaxSec", k->ctl->conf.timeout_ms + GRACE_MS,
			   "timeout=");
}

/* "-": there is none; else the value of disable. */
static const char *xinetd(struct check *k)
{
	static char disable[VALUE_LEN];
	char path[PATH_LEN], user[VALUE_LEN];
	uint8_t *text;
	size_t len;

	snprintf(path, sizeof path, "%s/etc/xinetd.d/ocsp", k->root);
	if (io_load_file(path, UNIT_LEN, &text, &len) != E_OK)
		return "-";
	snprintf(disable, sizeof disable, "no");
	unit_find_xinetd(bytes_of(text, len), "disable", disable, sizeof disable);
	if (unit_find_xinetd(bytes_of(text, len), "user", user, sizeof user) &&
	    strcmp(user, k->ctl->conf.user) != 0 && strcmp(user, "root") != 0)
		check_tell(k, "units", FOUND_ERROR, "%s runs the responder as %s, but the "
			   "configuration says user=%s: make the two the same", path, user,
			   k->ctl->conf.user);
	free(text);
	return disable;
}

/* Of those that are in use. */
static void check_caches(struct check *k)
{
	static const struct {
		const char *wants, *unit;
	} table[] = {
		{ "sockets.target.wants/ocsp-listen.socket", "ocsp-listen.service" },
		{ "multi-user.target.wants/ocsp-listen.service", "ocsp-listen.service" },
		{ "multi-user.target.wants/ocsp-watch.service", "ocsp-watch.service" },
		{ "timers.target.wants/ocsp-presign.timer", "ocsp-presign.service" },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (exists(k, "/etc/systemd/system", table[i].wants) &&
		    !(i == 1 && exists(k, "/etc/systemd/system", table[0].wants)))
			check_cache_of(k, table[i].unit);
}

void check_units(struct check *k)
{
	static const char wants[] = "/etc/systemd/system/sockets.target.wants";
	const char *disabled = xinetd(k);
	bool each = exists(k, wants, "ocsp.socket");
	bool listener = exists(k, wants, "ocsp-listen.socket");
	bool inetd = strcmp(disabled, "no") == 0;

	/* of what is installed, and not enabled where the other one is, nothing is asked */
	if (each || !listener)
		check_instances(k);
	if (listener || !each)
		check_listener(k);
	check_signers(k);
	check_caches(k);
	if (!installed(k, "ocsp.socket") && !installed(k, "ocsp-listen.socket") &&
	    disabled[0] == '-')
		check_tell(k, "units", FOUND_OK, "no unit of systemd and no service of xinetd is "
			   "installed: something else starts the responder");
	else if (each + listener + inetd > 1)
		check_tell(k, "units", FOUND_WARNING, "more than one of%s%s%s is enabled, for one "
			   "port: disable the others", each ? " ocsp.socket" : "",
			   listener ? " ocsp-listen.socket" : "",
			   inetd ? " xinetd's service ocsp" : "");
	else if (each || listener || inetd)
		check_tell(k, "units", FOUND_OK, "%s is enabled", each ? "ocsp.socket" :
			   listener ? "ocsp-listen.socket" : "xinetd's service ocsp");
	else
		check_tell(k, "units", FOUND_WARNING, "nothing starts the responder yet: systemctl "
			   "enable --now ocsp.socket, or set disable to no in /etc/xinetd.d/ocsp");
}

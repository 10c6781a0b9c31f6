#include "conf-impl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user.h"

#define fail_here(r, ...) conf_fail((r)->c->path, (r)->ini.line, (r)->error, __VA_ARGS__)

static void set_defaults(struct conf *c)
{
	c->db_host[0] = "localhost";
	c->db_port = 3306;
	c->db_table = "list_certs";
	c->log_level = LEVEL_INFO;
	c->user = "pycert";
	c->cache = CACHE_DIR;
	c->signer = SIGN_PROGRAM;
	c->recheck_s = 60;
	c->timeout_ms = 5000;
	c->maxage_s = 300;
	c->max_connections = 2048;
	c->max_per_source = 64;
	c->keepalive = 1;
	c->ca[0].name = "ocsp";
	c->ca[0].producetime_s = DAY_S;
	c->ca[0].verify = true;
	c->n_ca = 1;
}

/* The name in "ca NAME"; false if the section is another one. */
static bool ca_name(struct bytes section, struct bytes *name)
{
	size_t i = 2;

	if (section.len < 2 || !conf_same(bytes_of(section.p, 2), "ca"))
		return false;
	while (i < section.len && (section.p[i] == ' ' || section.p[i] == '\t'))
		i++;
	*name = bytes_of(section.p + i, section.len - i);
	return i > 2 || name->len == 0;
}

static bool name_ok(struct bytes v)
{
	for (size_t i = 0; i < v.len; i++)
		if (!memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-",
			    v.p[i], 65))
			return false;
	return v.len > 0;
}

static enum err begin_ca(struct conf_reader *r, struct bytes name)
{
	struct conf *c = r->c;
	char shown[CONF_SHOWN_LEN];

	conf_show(name, shown);
	if (!name_ok(name))
		return fail_here(r, "[ca %s] needs a name of letters, digits, '_', '.' and '-', as "
				 "in [ca NAME]", shown);
	for (size_t i = 0; i < c->n_ca; i++)
		if (bytes_eq(name, bytes_str(c->ca[i].name)))
			return fail_here(r, "there is a CA '%s' already: give this another name",
					 shown);
	if (c->n_ca == LIM_CAS)
		return fail_here(r, "more than %d sections [ca NAME]: serve the others from "
				 "another file", LIM_CAS - 1);
	r->section = SECTION_CA;
	r->ca = c->n_ca++;
	c->ca[r->ca].name = conf_keep(c, name);
	c->ca[r->ca].line = r->ini.line;
	r->seen = &r->seen_ca[r->ca];
	if (!c->ca[r->ca].name)
		return fail_here(r, "needs more room than was set aside: report this");
	return E_OK;
}

/* What a message calls the section: "db", "ocsp", "ca NAME". */
static void section_name(const struct conf_reader *r, char out[CONF_SHOWN_LEN])
{
	snprintf(out, CONF_SHOWN_LEN, "%s%.56s", r->section == SECTION_CA ? "ca " : "",
		 r->section == SECTION_DB    ? "db" :
		 r->section == SECTION_ADMIN ? "admin" :
					       r->c->ca[r->ca].name);
}

static enum err begin_section(struct conf_reader *r, struct bytes name)
{
	char shown[CONF_SHOWN_LEN], hint[128];
	unsigned *line;
	struct bytes ca;

	r->ca = 0;
	if (conf_same(name, "db")) {
		r->section = SECTION_DB;
		r->seen = &r->seen_db;
		line = &r->db_line;
	} else if (conf_same(name, "ocsp")) {
		r->section = SECTION_OCSP;
		r->seen = &r->seen_ca[0];
		line = &r->c->ca[0].line;
	} else if (conf_same(name, "admin")) {
		r->section = SECTION_ADMIN;
		r->seen = &r->seen_admin;
		line = &r->admin_line;
	} else {
		if (ca_name(name, &ca))
			return begin_ca(r, ca);
		conf_show(name, shown);
		conf_hint_section(name, hint, sizeof hint);
		return fail_here(r, "unknown section [%s]%s", shown, hint);
	}
	if (*line) {
		section_name(r, shown);
		return fail_here(r, "a second section [%s]: move its keys to line %u", shown,
				 *line);
	}
	*line = r->ini.line;
	return E_OK;
}

/* Who may only read the table has no use for the password of who may change it. */
static bool wants_secret(const struct conf_reader *r)
{
	if (r->section == SECTION_ADMIN)
		return r->flags & CONF_ADMIN;
	return !(r->flags & CONF_NO_SECRETS);
}

static enum err read_value(struct conf_reader *r, const struct ini_item *item)
{
	const struct conf_rule *rule, *first;
	char section[CONF_SHOWN_LEN], shown[CONF_SHOWN_LEN], hint[192];
	uint64_t bit;
	size_t n;

	if (!r->seen) {
		conf_show(item->name, shown);
		return fail_here(r, "key '%s' stands before the first section: put [db] or [ocsp] "
				 "above it", shown);
	}
	rule = conf_rule_find(r->section, item->name);
	if (!rule) {
		section_name(r, section);
		conf_show(item->name, shown);
		conf_hint_key(r->section, item->name, hint, sizeof hint);
		return fail_here(r, "unknown key '%s' in [%s]%s", shown, section, hint);
	}
	first = conf_rules(r->section, &n);
	bit = (uint64_t)1 << (rule - first);
	if (*r->seen & bit) {
		section_name(r, section);
		return fail_here(r, "key '%s' is in [%s] twice: delete one of the two lines",
				 rule->key, section);
	}
	*r->seen |= bit;
	if (rule->kind == KIND_SECRET && !wants_secret(r))
		return E_OK;
	if (conf_rule_apply(rule, item, r->ca, r->c))
		return E_OK;
	if (rule->kind == KIND_SECRET)
		return fail_here(r, "%s can't be read", rule->key);
	conf_show(item->value, shown);
	conf_hint_value(rule, hint, sizeof hint);
	return fail_here(r, "%s=%s %s", rule->key, shown, hint);
}

static enum err bad_line(struct conf_reader *r, const struct ini_item *item)
{
	char shown[CONF_SHOWN_LEN];

	if (item->name.len == 0)
		return fail_here(r, "the line %s", item->error);
	conf_show(item->name, shown);
	return fail_here(r, "the value of '%s' %s", shown, item->error);
}

static void set_dir(struct conf *c, struct bytes path)
{
	const uint8_t *slash = memrchr(path.p, '/', path.len);
	size_t len = slash ? (size_t)(slash - path.p) : 0;

	if (slash && len == 0)
		len = 1;
	c->dir = len ? conf_keep(c, bytes_of(path.p, len)) : ".";
}

/* How much room the strings of a file can take: each value as it is, and once more where it is a
 * list; the folder before every relative path. */
static size_t room_for(size_t text_len, size_t path_len)
{
	const size_t paths = CONF_DB_KEYS + CONF_OCSP_KEYS + CONF_ADMIN_KEYS +
			     LIM_CAS * (CONF_CA_KEYS + LIM_HOSTS);

	return 2 * text_len + (paths + 2) * (path_len + 2);
}

/* c has its memory, and nothing else. */
static enum err parse(struct bytes text, const char *path, int flags, struct conf *c, char *error)
{
	struct conf_reader r = { .c = c, .ini = ini_of(text), .flags = flags, .error = error };
	struct ini_item item;
	enum err e = E_OK;

	set_defaults(c);
	c->path = conf_keep(c, bytes_str(path));
	set_dir(c, bytes_str(path));
	if (!c->path || !c->dir)
		return conf_fail(path, 0, error, "needs more room than was set aside: report this");
	do {
		item = ini_next(&r.ini);
		if (item.kind == INI_ERROR)
			e = bad_line(&r, &item);
		else if (item.kind == INI_SECTION)
			e = begin_section(&r, item.name);
		else if (item.kind == INI_VALUE)
			e = read_value(&r, &item);
	} while (e == E_OK && item.kind != INI_END);
	return e == E_OK ? conf_finish(&r) : e;
}

enum err conf_parse(struct bytes text, const char *path, int flags, struct conf *out,
		    char error[CONF_ERROR_LEN])
{
	struct conf c = { .text_cap = room_for(text.len, strlen(path)) };
	enum err e;

	c.text = malloc(c.text_cap);
	if (!c.text)
		return conf_fail(path, 0, error, "no memory is left to read it");
	e = parse(text, path, flags, &c, error);
	if (e == E_OK)
		*out = c;
	else
		conf_free(&c);
	return e;
}

/* The messages are for whoever has to mend it: who is it that can't read the file? */
static enum err cannot_open(const char *path, char *error)
{
	char user[USER_NAME_LEN];

	switch (errno) {
	case ENOENT:
		return conf_fail(path, 0, error, "there is no such file: make it after the example "
				 "that comes with the program, or name another one with -c");
	case EACCES:
		user_self(user);
		return conf_fail(path, 0, error, "user '%s' may not read it: give the file to a "
				 "group of this user, with mode 0640, in folders that it may enter",
				 user);
	default:
		return conf_fail(path, 0, error, "can't be opened: %s", strerror(errno));
	}
}

/* Makes a relative path absolute: whoever gets this path later may stand in another folder. */
static const char *absolute(const char *path, char buf[PATH_MAX])
{
	size_t dir_len, len = strlen(path);

	if (path[0] == '/')
		return path;
	if (!getcwd(buf, PATH_MAX))
		return NULL;
	dir_len = strlen(buf);
	if (dir_len + 1 + len >= PATH_MAX)
		return NULL;
	buf[dir_len] = '/';
	memcpy(buf + dir_len + 1, path, len + 1);
	return buf;
}

/* Reads len octets, the whole file. False if it has become another length meanwhile. */
static bool read_whole(int fd, char *buf, size_t len)
{
	size_t have = 0;

	/* one octet more is asked for than there should be */
	while (have <= len) {
		ssize_t n = read(fd, buf + have, len + 1 - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return have == len;
}

static size_t longest(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = b ? strlen(b) : 0;

	return a_len > b_len ? a_len : b_len;
}

enum err conf_load(const char *path, int flags, struct conf *out, char error[CONF_ERROR_LEN])
{
	struct conf c = { 0 };
	struct stat st = { 0 };
	char buf[PATH_MAX], *file;
	const char *full = absolute(path, buf);
	size_t len;
	enum err e;
	int fd;

	if (!full)
		return conf_fail(path, 0, error, "the current folder can't be named (%s): give the "
				 "whole path, beginning with '/'", strerror(errno));
	/* a FIFO in its place must not hold us up */
	fd = open(full, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return cannot_open(full, error);
	if (fstat(fd, &st) != 0) {
		e = conf_fail(full, 0, error, "can't be read: %s", strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		e = conf_fail(full, 0, error, "is no regular file: a text file is needed");
		goto out;
	}
	if (st.st_size > LIM_CONFIG_LEN) {
		e = conf_fail(full, 0, error, "has more than %d octets: name the right file",
			      LIM_CONFIG_LEN);
		goto out;
	}
	len = (size_t)st.st_size;
	c.credentials = getenv("CREDENTIALS_DIRECTORY");
	c.text_cap = room_for(len, longest(full, c.credentials));
	/* the file's octets go behind the room for strings */
	c.text = malloc(c.text_cap + len + 1);
	if (!c.text) {
		e = conf_fail(full, 0, error, "no memory is left to read it");
		goto out;
	}
	file = c.text + c.text_cap;
	if (read_whole(fd, file, len))
		e = parse(bytes_of(file, len), full, flags, &c, error);
	else
		e = conf_fail(full, 0, error, "can't be read, or changed meanwhile: try again");
	explicit_bzero(file, len + 1);
out:
	close(fd);
	if (e == E_OK)
		*out = c;
	else
		conf_free(&c);
	return e;
}

void conf_free(struct conf *c)
{
	if (c->text)
		explicit_bzero(c->text, c->text_cap);
	free(c->text);
	*c = (struct conf){ 0 };
}

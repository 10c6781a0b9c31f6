#include "conf-impl.h"

#include <linux/limits.h>
#include <stddef.h>
#include <sys/un.h>

#define MYSQL_SOCKET "/run/mysqld/mysqld.sock"

#define RULE(key, kind, member, low, high) \
	{ #key, kind, offsetof(struct conf, member), sizeof(((struct conf *)0)->member), low, high }

static const struct conf_rule db_rules[] = {
#define KEY_DB(key, kind, member, low, high, fallback, help) RULE(key, kind, member, low, high),
#include "conf-keys.def"
};

static const struct conf_rule ocsp_rules[] = {
#define KEY_OCSP(key, kind, member, low, high, fallback, help) RULE(key, kind, member, low, high),
#include "conf-keys.def"
};

static const struct conf_rule admin_rules[] = {
#define KEY_ADMIN(key, kind, member, low, high, fallback, help) RULE(key, kind, member, low, high),
#include "conf-keys.def"
};

static const struct conf_rule ca_rules[] = {
#define KEY_CA(key, kind, member, low, high, fallback, help) RULE(key, kind, member, low, high),
#include "conf-keys.def"
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

_Static_assert(COUNT(db_rules) <= 64 && COUNT(ocsp_rules) <= 64 && COUNT(ca_rules) <= 64,
	       "a reader marks the keys of a section in 64 bits");

const struct conf_rule *conf_rules(enum conf_section s, size_t *n)
{
	switch (s) {
	case SECTION_DB:
		*n = COUNT(db_rules);
		return db_rules;
	case SECTION_OCSP:
		*n = COUNT(ocsp_rules);
		return ocsp_rules;
	case SECTION_ADMIN:
		*n = COUNT(admin_rules);
		return admin_rules;
	default:
		*n = COUNT(ca_rules);
		return ca_rules;
	}
}

const struct conf_rule *conf_rule_find(enum conf_section s, struct bytes name)
{
	char key[CONF_KEY_LEN] = { 0 };
	size_t n;
	const struct conf_rule *r = conf_rules(s, &n);

	if (name.len >= sizeof key)
		return NULL;
	for (size_t i = 0; i < name.len; i++)
		key[i] = conf_lower(name.p[i]);
	/* of a fixed length, which compilers turn into two comparisons */
	for (; n; n--, r++)
		if (memcmp(r->key, key, sizeof key) == 0)
			return r;
	return NULL;
}

const char *conf_kind_words(enum conf_kind k)
{
	switch (k) {
	case KIND_DB_TYPE: return "mysql|sqlite";
	case KIND_LEVEL: return "debug|info|warning|error|critical";
	case KIND_NONCE: return "ignore|echo";
	case KIND_UNKNOWN: return "unauthorized|unknown|revoked";
	case KIND_SANDBOX: return "auto|off|require";
	case KIND_PROFILE: return "rfc9919|rfc6960|br|private";
	default: return NULL;
	}
}

const char *conf_keep(struct conf *c, struct bytes v)
{
	char *s = c->text + c->text_len;

	if (v.len >= c->text_cap - c->text_len)
		return NULL;
	if (v.len)
		memmove(s, v.p, v.len);
	s[v.len] = '\0';
	c->text_len += v.len + 1;
	return s;
}

/* Keeps a path: a relative one is relative to the folder of the configuration file, one of a
 * credential to where systemd has put those of this process. */
static const char *keep_path(struct conf *c, struct bytes v)
{
	static const char credentials[] = "$CREDENTIALS_DIRECTORY/";
	const size_t prefix = sizeof credentials - 1;
	const char *dir = c->dir;
	char *s = c->text + c->text_len;
	size_t dir_len;

	if (v.len > prefix && memcmp(v.p, credentials, prefix) == 0) {
		/* without any it stays as it is: whoever opens it says that there is none */
		if (!c->credentials)
			return conf_keep(c, v);
		v = bytes_of(v.p + prefix, v.len - prefix);
		dir = c->credentials;
	}
	dir_len = strlen(dir);

	if (v.len == 0 || dir_len + 1 + v.len >= PATH_MAX)
		return NULL;
	if (v.p[0] == '/')
		return conf_keep(c, v);
	if (dir_len + 1 + v.len >= c->text_cap - c->text_len)
		return NULL;
	/* v may stand where the path is going to: first it, then what goes before it */
	memmove(s + dir_len + 1, v.p, v.len);
	memcpy(s, dir, dir_len);
	s[dir_len] = '/';
	s[dir_len + 1 + v.len] = '\0';
	c->text_len += dir_len + 1 + v.len + 1;
	return s;
}

/* Takes the next element off a list with commas, without the blanks around it. */
static bool take_element(struct bytes *list, struct bytes *out)
{
	const uint8_t *p = list->p, *end, *comma;

	if (!p)
		return false;
	end = p + list->len;
	comma = memchr(p, ',', list->len);
	*list = comma ? bytes_of(comma + 1, (size_t)(end - comma - 1)) : bytes_of(NULL, 0);
	if (comma)
		end = comma;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*out = bytes_of(p, (size_t)(end - p));
	return true;
}

static bool set_list(struct conf *c, bool paths, struct bytes list, const char **out)
{
	struct bytes v;
	size_t n = 0;

	/* the list itself stays before its elements, which are written behind it */
	if (!conf_keep(c, list))
		return false;
	while (take_element(&list, &v)) {
		if (n == LIM_HOSTS || (!paths && !conf_is_host(v)))
			return false;
		out[n] = paths ? keep_path(c, v) : conf_keep(c, v);
		if (!out[n])
			return false;
		n++;
	}
	out[n] = NULL;
	return true;
}

static const char *keep_signer(struct conf *c, struct bytes v)
{
	const size_t prefix = strlen("unix:");

	if (v.len < prefix || memcmp(v.p, "unix:", prefix) != 0)
		return keep_path(c, v);
	if (v.len == prefix || v.p[prefix] != '/' ||
	    v.len - prefix >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return NULL;
	return conf_keep(c, v);
}

static bool set_number(const struct conf_rule *r, int64_t n, void *member)
{
	if (n < r->low || n > r->high)
		return false;
	if (r->size == sizeof n) {
		memcpy(member, &n, sizeof n);
	} else {
		int narrow = (int)n;

		memcpy(member, &narrow, sizeof narrow);
	}
	return true;
}

static bool set_string(struct conf *c, const struct conf_rule *r, struct bytes v, const char **out)
{
	const char *s = NULL;

	if (r->kind != KIND_SECRET && v.len == 0)
		return false;
	switch (r->kind) {
	case KIND_PATH:
		s = keep_path(c, v);
		break;
	case KIND_KEY:
		s = conf_is_uri(v) ? conf_keep(c, v) : keep_path(c, v);
		break;
	case KIND_SIGNER:
		s = keep_signer(c, v);
		break;
	case KIND_SOCKET:
		if (conf_same(v, "0")) {
			*out = NULL;
			return true;
		}
		s = conf_same(v, "1") ? MYSQL_SOCKET : keep_path(c, v);
		break;
	case KIND_METRICS:
		s = conf_same(v, "no") ? "" : keep_path(c, v);
		break;
	case KIND_TABLE:
		s = conf_is_table(v) ? conf_keep(c, v) : NULL;
		break;
	case KIND_USER:
		s = conf_is_user(v) ? conf_keep(c, v) : NULL;
		break;
	default:
		s = conf_keep(c, v);
		break;
	}
	if (!s)
		return false;
	/* an empty password is none */
	*out = v.len ? s : NULL;
	return true;
}

bool conf_rule_apply(const struct conf_rule *r, const struct ini_item *item, size_t ca,
		     struct conf *c)
{
	void *member = (char *)c + r->offset + ca * sizeof(struct conf_ca);
	const char *words = conf_kind_words(r->kind);
	char *text = c->text + c->text_len;
	struct bytes v;
	int64_t n;
	int word;

	/* behind what is kept; whoever keeps the value does it from here */
	if (!ini_text(item, text, c->text_cap - c->text_len))
		return false;
	v = bytes_str(text);
	if (words) {
		word = conf_read_word(v, words);
		if (word < 0)
			return false;
		memcpy(member, &word, sizeof word);
		return true;
	}
	switch (r->kind) {
	case KIND_BOOL:
		return conf_read_bool(v, member);
	case KIND_NUMBER:
		return conf_read_number(v, &n) && set_number(r, n, member);
	case KIND_PERIOD:
		return conf_read_period(v, &n) && set_number(r, n, member);
	case KIND_SECONDS:
		return conf_read_duration(v, &n) && set_number(r, n, member);
	case KIND_MILLISECONDS:
		return conf_read_seconds(v, &n) && set_number(r, n, member);
	case KIND_HOSTS:
	case KIND_PATHS:
		return set_list(c, r->kind == KIND_PATHS, v, member);
	default:
		return set_string(c, r, v, member);
	}
}

/* Words for what is wrong. Nothing of this runs when the file is right. */
#include "conf-impl.h"

#include <stdarg.h>
#include <stdio.h>

#define NEAR 2	/* letters typed wrong, at most, in a word that is still recognised */

enum err conf_fail(const char *path, unsigned line, char *error, const char *format, ...)
{
	size_t len = strlen(path), shown = CONF_ERROR_LEN / 2;
	va_list ap;
	int n;

	path += len > shown ? len - shown : 0;
	if (line)
		n = snprintf(error, CONF_ERROR_LEN, "%s:%u: ", path, line);
	else
		n = snprintf(error, CONF_ERROR_LEN, "%s: ", path);
	va_start(ap, format);
	vsnprintf(error + n, CONF_ERROR_LEN - (size_t)n, format, ap);
	va_end(ap);
	return E_CONFIG;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* How many letters have to be added, dropped or changed to make one of the other (Levenshtein). */
static size_t distance(struct bytes typed, const char *word)
{
	size_t n = strlen(word), row[CONF_KEY_LEN + 1];

	if (typed.len > CONF_KEY_LEN + NEAR || n > CONF_KEY_LEN)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; i <= typed.len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			char ch = word[j - 1];
			bool same = conf_same(bytes_of(typed.p + i - 1, 1), (char[]){ ch, '\0' });
			size_t changed = diagonal + !same;

			diagonal = row[j];
			row[j] = smallest(changed, row[j] + 1, row[j - 1] + 1);
		}
	}
	return row[n];
}

static bool is_near(struct bytes typed, const char *word, size_t *best)
{
	size_t d = distance(typed, word);

	/* half of a short word changed is another word */
	if (d > NEAR || 2 * d > typed.len || d >= *best)
		return false;
	*best = d;
	return true;
}

static const char *const section_name[] = {
	[SECTION_DB] = "db", [SECTION_OCSP] = "ocsp", [SECTION_ADMIN] = "admin",
	[SECTION_CA] = "ca NAME",
};

void conf_hint_key(enum conf_section s, struct bytes key, char *out, size_t cap)
{
	size_t n, best = SIZE_MAX;
	const struct conf_rule *r = conf_rules(s, &n), *near = NULL;

	for (size_t i = 0; i < n; i++)
		if (is_near(key, r[i].key, &best))
			near = &r[i];
	/* a key of another section, unless it is rather a slip for one of this */
	for (enum conf_section other = 0; other < SECTION_CA && best > 1; other++) {
		if (other == s || !conf_rule_find(other, key))
			continue;
		snprintf(out, cap, ": it belongs in [%s]", section_name[other]);
		return;
	}
	if (near)
		snprintf(out, cap, ": did you mean '%s'?", near->key);
	else
		snprintf(out, cap, ": delete the line, or put '#' before it");
}

void conf_hint_section(struct bytes name, char *out, size_t cap)
{
	size_t best = SIZE_MAX;
	const char *near = NULL;

	if (name.len > 2 && conf_same(bytes_of(name.p, 2), "ca") && name.p[2] != ' ') {
		snprintf(out, cap, ": a CA's section is [ca NAME]");
		return;
	}
	for (enum conf_section s = 0; s < SECTION_CA; s++)
		if (is_near(name, section_name[s], &best))
			near = section_name[s];
	if (near)
		snprintf(out, cap, ": did you mean [%s]?", near);
	else
		snprintf(out, cap, ": there are [db], [ocsp], [admin] and [ca NAME]");
}

static void hint_range(const struct conf_rule *r, char *out, size_t cap)
{
	long long low = r->low, high = r->high;

	switch (r->kind) {
	case KIND_NUMBER:
		snprintf(out, cap, "must be a number from %lld to %lld", low, high);
		break;
	case KIND_SECONDS:
		snprintf(out, cap, "must be seconds from %lld to %lld, or a number with s, min, h "
			 "or d", low, high);
		break;
	case KIND_PERIOD:
		snprintf(out, cap, "must be a number and h, d, m (30 days) or y (365 days), such "
			 "as 1d, up to %lldd", high / DAY_S);
		break;
	default:
		snprintf(out, cap, "must be seconds from %lld.%lld to %lld, such as 5, 2.5 or "
			 "500ms", low / 1000, low % 1000 / 100, high / 1000);
		break;
	}
}

/* NULL for the kinds that have a range. */
static const char *hint_of_kind(enum conf_kind k)
{
	switch (k) {
	case KIND_PATH:
		return "must be the name of a file or folder";
	case KIND_PATHS:
		return "must be names of files with commas between, 8 at most";
	case KIND_KEY:
		return "must be the name of a file or a URI";
	case KIND_SIGNER:
		return "must be the path of ocsp-sign, or unix: and the absolute path of a socket "
		       "(107 octets at most)";
	case KIND_SOCKET:
		return "must be a path, 1 for /run/mysqld/mysqld.sock, or 0 for TCP";
	case KIND_METRICS:
		return "must be the name of a file, or no";
	case KIND_HOSTS:
		return "must be host, host:port or [IPv6]:port, or 8 of them at most with commas "
		       "between";
	case KIND_TABLE:
		return "must be TABLE or SCHEMA.TABLE of letters, digits, '_' and '$', each 64 at "
		       "most";
	case KIND_USER:
		return "must be the name or number of a user";
	case KIND_BOOL:
		return "must be yes or no";
	case KIND_NUMBER:
	case KIND_SECONDS:
	case KIND_PERIOD:
	case KIND_MILLISECONDS:
		return NULL;
	default:
		return "is empty: give it a value, or put '#' before the line";
	}
}

void conf_hint_value(const struct conf_rule *r, char *out, size_t cap)
{
	const char *words = conf_kind_words(r->kind), *text = hint_of_kind(r->kind);

	_Static_assert(LIM_HOSTS == 8, "the texts above say 8");
	if (words)
		snprintf(out, cap, "must be one of %s", words);
	else if (text)
		snprintf(out, cap, "%s", text);
	else
		hint_range(r, out, cap);
}

void conf_show(struct bytes v, char out[CONF_SHOWN_LEN])
{
	bool fits = v.len < CONF_SHOWN_LEN;
	size_t n = fits ? v.len : CONF_SHOWN_LEN - 4;

	for (size_t i = 0; i < n; i++)
		out[i] = (char)(v.p[i] < 0x20 || v.p[i] >= 0x7f ? '?' : v.p[i]);
	strcpy(out + n, fits ? "" : "...");
}

#include "unit-file.h"

#include <stdio.h>
#include <stdlib.h>

static struct bytes trim(struct bytes b)
{
	while (b.len && (*b.p == ' ' || *b.p == '\t')) {
		b.p++;
		b.len--;
	}
	while (b.len && (b.p[b.len - 1] == ' ' || b.p[b.len - 1] == '\t' ||
			 b.p[b.len - 1] == '\r'))
		b.len--;
	return b;
}

static bool next_line(struct bytes *rest, struct bytes *line)
{
	const uint8_t *end;

	if (!rest->len)
		return false;
	end = memchr(rest->p, '\n', rest->len);
	*line = bytes_of(rest->p, end ? (size_t)(end - rest->p) : rest->len);
	rest->p += line->len + (end != NULL);
	rest->len -= line->len + (end != NULL);
	*line = trim(*line);
	return true;
}

/* "key=value", with blanks or not. */
static bool split(struct bytes line, const char *key, struct bytes *value)
{
	const uint8_t *equals = line.len ? memchr(line.p, '=', line.len) : NULL;
	size_t at;

	if (!equals)
		return false;
	at = (size_t)(equals - line.p);
	if (!bytes_eq(trim(bytes_of(line.p, at)), bytes_str(key)))
		return false;
	*value = trim(bytes_of(equals + 1, line.len - at - 1));
	return true;
}

static void keep(struct bytes value, char *out, size_t cap)
{
	snprintf(out, cap, "%.*s", (int)value.len, value.len ? (const char *)value.p : "");
}

bool unit_find(struct bytes text, const char *section, const char *key, char *out, size_t cap)
{
	bool inside = false, found = false;
	struct bytes line, value;

	while (next_line(&text, &line)) {
		if (line.len && (*line.p == '#' || *line.p == ';'))
			continue;
		if (line.len >= 2 && *line.p == '[' && line.p[line.len - 1] == ']') {
			inside = bytes_eq(bytes_of(line.p + 1, line.len - 2), bytes_str(section));
		} else if (inside && split(line, key, &value)) {
			keep(value, out, cap);
			found = true;
		}
	}
	return found;
}

bool unit_find_xinetd(struct bytes text, const char *key, char *out, size_t cap)
{
	struct bytes line, value;
	bool found = false;

	while (next_line(&text, &line)) {
		if ((line.len && *line.p == '#') || !split(line, key, &value))
			continue;
		keep(value, out, cap);
		found = true;
	}
	return found;
}

static bool unit_ms(struct bytes word, int64_t *ms)
{
	static const struct {
		const char *words;	/* with blanks around each */
		int64_t ms;
	} table[] = {
		{ " ms msec ", 1 },
		{ "  s sec second seconds ", 1000 },
		{ " m min minute minutes ", 60000 },
		{ " h hr hour hours ", 3600000 },
		{ " d day days ", 86400000 },
		{ " w week weeks ", 604800000 },
	};
	char padded[16];

	if (word.len > sizeof padded - 3)
		return false;
	snprintf(padded, sizeof padded, " %.*s ", (int)word.len,
		 word.len ? (const char *)word.p : "");
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (!strstr(table[i].words, padded))
			continue;
		*ms = table[i].ms;
		return true;
	}
	return false;
}

bool unit_span(const char *text, int64_t *ms)
{
	int64_t total = 0, each;

	if (strcmp(text, "infinity") == 0) {
		*ms = INT64_MAX;
		return true;
	}
	if (!*text)
		return false;
	while (*text) {
		char *end;
		double n = strtod(text, &end);
		size_t len;

		if (end == text || *text < '0' || *text > '9' || n > 1e9)
			return false;
		end += strspn(end, " ");
		len = strspn(end, "abcdefghijklmnopqrstuvwxyz");
		/* a number without a unit is seconds */
		if (!unit_ms(bytes_of(end, len), &each))
			return false;
		total += (int64_t)(n * (double)each);
		text = end + len;
		text += strspn(text, " ");
	}
	*ms = total;
	return true;
}

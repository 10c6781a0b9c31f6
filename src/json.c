#include "json.h"

#include <assert.h>
#include <string.h>

/* How many octets a well-formed UTF-8 character has that begins here; 0 if there is none. */
static size_t utf8_len(const unsigned char *p)
{
	static const unsigned char low[5] = { 0, 0, 0x80, 0xa0, 0x90 };
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 :
		     p[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* the shortest form only, no surrogates, nothing above U+10FFFF */
	if ((p[0] == 0xe0 && p[1] < low[3]) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < low[4]) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static void put_string(FILE *f, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	putc('"', f);
	while (*p) {
		size_t len = utf8_len(p);

		if (*p == '"' || *p == '\\')
			fprintf(f, "\\%c", *p);
		else if (*p < 0x20 || *p == 0x7f)
			fprintf(f, "\\u%04x", *p);
		else if (len == 0)
			fputs("\\ufffd", f);
		else
			fwrite(p, 1, len, f);
		p += len ? len : 1;
	}
	putc('"', f);
}

/* What stands before a value. */
static void put_key(struct json *j, const char *key)
{
	if (j->some[j->depth])
		putc(',', j->f);
	if (j->depth > 0)
		fprintf(j->f, "\n%*s", (int)(2 * j->depth), "");
	j->some[j->depth] = true;
	if (!key)
		return;
	put_string(j->f, key);
	fputs(": ", j->f);
}

void json_begin(struct json *j, const char *key, char bracket)
{
	assert(j->depth < JSON_DEPTH);
	put_key(j, key);
	putc(bracket, j->f);
	j->some[++j->depth] = false;
}

void json_end(struct json *j, char bracket)
{
	assert(j->depth > 0);
	if (j->some[j->depth--])
		fprintf(j->f, "\n%*s", (int)(2 * j->depth), "");
	putc(bracket, j->f);
	if (j->depth == 0)
		putc('\n', j->f);
}

void json_text(struct json *j, const char *key, const char *value)
{
	put_key(j, key);
	if (value)
		put_string(j->f, value);
	else
		fputs("null", j->f);
}

void json_number(struct json *j, const char *key, int64_t value)
{
	put_key(j, key);
	fprintf(j->f, "%lld", (long long)value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	put_key(j, key);
	fputs(value ? "true" : "false", j->f);
}

void csv_text(FILE *f, const char *value)
{
	if (!value[strcspn(value, ",\"\r\n")]) {
		fputs(value, f);
		return;
	}
	putc('"', f);
	for (; *value; value++) {
		if (*value == '"')
			putc('"', f);
		putc(*value, f);
	}
	putc('"', f);
}

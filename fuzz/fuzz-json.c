/* Text from a table, written as JSON and as CSV: it comes out well-formed, and as it was. */
#include "fuzz.h"

#include "json.h"

/* How many octets the UTF-8 character takes that begins here; 0: there is none (RFC 3629 4). */
static size_t utf8_len(const uint8_t *p, size_t left)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 :
		     p[0] >> 3 == 30 ? 4 : 0;
	uint32_t c = len == 1 ? p[0] : len ? p[0] & (0x7fu >> len) : 0;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	if (len > left)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c < least[len] || c > 0x10ffff || c >> 11 == 0x1b ? 0 : len;
}

/* A string with its quotes against the text that it was made of. */
static void check_json(const char *out, size_t len, const char *text)
{
	const char *p = out + 1, *end = out + len - 1;
	const uint8_t *t = (const uint8_t *)text;
	char escape[8];

	REQUIRE(len >= 2 && out[0] == '"' && *end == '"');
	while (p < end) {
		size_t n = utf8_len(t, strlen((const char *)t)), took = n ? n : 1;

		if (*t == '"' || *t == '\\')
			snprintf(escape, sizeof escape, "\\%c", *t);
		else if (n == 0)
			strcpy(escape, "\\ufffd");
		else if (*t < 0x20 || *t == 0x7f)
			snprintf(escape, sizeof escape, "\\u%04x", *t);
		else
			snprintf(escape, sizeof escape, "%.*s", (int)n, (const char *)t);
		REQUIRE((size_t)(end - p) >= strlen(escape));
		REQUIRE(memcmp(p, escape, strlen(escape)) == 0);
		p += strlen(escape);
		t += took;
	}
	REQUIRE(*t == '\0');
}

/* RFC 4180 2, 5 to 7. */
static void check_csv(const char *out, size_t len, const char *text)
{
	if (out[0] != '"') {
		REQUIRE(strcmp(out, text) == 0 && !strpbrk(text, ",\"\r\n"));
		return;
	}
	REQUIRE(len >= 2 && out[len - 1] == '"');
	for (const char *p = out + 1; p < out + len - 1; p++, text++) {
		REQUIRE(*p == *text);
		if (*p == '"')
			REQUIRE(*++p == '"');
	}
	REQUIRE(*text == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *out = NULL;
	size_t len = 0;
	struct json j;
	FILE *f;

	REQUIRE(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	f = open_memstream(&out, &len);
	REQUIRE(f);
	j = json_to(f);
	json_text(&j, NULL, text);
	REQUIRE(fclose(f) == 0);
	check_json(out, len, text);
	free(out);

	f = open_memstream(&out, &len);
	REQUIRE(f);
	csv_text(f, text);
	REQUIRE(fclose(f) == 0);
	check_csv(out, len, text);
	free(out);
	free(text);
	return 0;
}

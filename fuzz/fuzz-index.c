/* Lines of index.txt: what is read can be written, and read again. */
#include "fuzz.h"

#include "gtime.h"
#include "index-txt.h"
#include "store.h"

static bool is_text(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++)
		if (b.p[i] < 0x20 || b.p[i] == 0x7f)
			return false;
	return true;
}

static void check_entry(const struct index_entry *e, struct bytes line)
{
	size_t cap = INDEX_LINE_LEN + e->file.len + e->subject.len, len;
	struct index_entry again;
	const char *why = NULL;
	char *text = malloc(cap);

	REQUIRE(text);
	REQUIRE(strchr("VRE", e->status) && e->status);
	REQUIRE(e->expires >= GTIME_MIN && e->expires <= GTIME_MAX);
	REQUIRE(e->revoked_at >= GTIME_MIN && e->revoked_at <= GTIME_MAX);
	REQUIRE(e->serial_len >= 1 && e->serial_len <= LIM_SERIAL_LEN);
	REQUIRE(lies_in(e->file, line) && lies_in(e->subject, line));
	REQUIRE(index_format(e, text, cap - 1) == 0);
	len = index_format(e, text, cap);
	REQUIRE(len > 0 && len < cap && text[len] == '\0' && text[len - 1] == '\n');
	REQUIRE(index_parse(bytes_of(text, len - 1), &again, &why) == E_OK);
	REQUIRE(again.status == e->status && again.expires == e->expires);
	REQUIRE(again.revoked_at == e->revoked_at);
	REQUIRE(again.reason == (index_reason(e->reason) ? e->reason : ROW_NO_REASON));
	REQUIRE(bytes_eq(bytes_of(again.buf, again.serial_len), bytes_of(e->buf, e->serial_len)));
	REQUIRE(again.file.len == e->file.len && again.subject.len == e->subject.len);
	if (is_text(e->file) && is_text(e->subject))
		REQUIRE(bytes_eq(again.file, e->file) && bytes_eq(again.subject, e->subject));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	while (size) {
		const uint8_t *end = memchr(data, '\n', size);
		struct bytes line = bytes_of(data, end ? (size_t)(end - data) : size);
		struct index_entry entry;
		const char *why = NULL;
		enum err e = index_parse(line, &entry, &why);

		if (e == E_OK)
			check_entry(&entry, line);
		else if (e == E_DATA)
			check_sentence(why, 128);
		else
			REQUIRE(e == E_NOT_FOUND);
		size -= line.len + (end != NULL);
		data += line.len + (end != NULL);
	}
	return 0;
}

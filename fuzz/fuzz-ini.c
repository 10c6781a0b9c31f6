/* The lines of an INI file. */
#include "fuzz.h"

#include "ini.h"

static void check_value(const struct ini_item *item)
{
	size_t cap = item->value.len + 1, len;
	char *text = malloc(cap);

	REQUIRE(text);
	REQUIRE(ini_text(item, text, cap));
	len = strlen(text);
	REQUIRE(len <= item->value.len && (item->quoted || len == item->value.len));
	for (size_t i = 0; i < len; i++)
		REQUIRE(((unsigned char)text[i] >= 0x20 || text[i] == '\t') && text[i] != 0x7f);
	/* just enough room, and one octet less */
	REQUIRE(ini_text(item, text, len + 1) && strlen(text) == len);
	REQUIRE(!ini_text(item, text, len));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = bytes_of(data, size);
	struct ini ini = ini_of(text);
	unsigned line = 0, lines = 1;
	struct ini_item item;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	for (;;) {
		item = ini_next(&ini);
		if (item.kind == INI_END)
			break;
		REQUIRE(ini.line > line && ini.line <= lines);
		line = ini.line;
		REQUIRE(lies_in(item.name, text) && lies_in(item.value, text));
		if (item.kind == INI_ERROR)
			check_sentence(item.error, 128);
		else
			REQUIRE(item.name.len > 0 && !item.error);
		if (item.kind == INI_VALUE)
			check_value(&item);
	}
	item = ini_next(&ini);
	REQUIRE(item.kind == INI_END);
	return 0;
}

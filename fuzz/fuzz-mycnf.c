/* An option file of MySQL's own programs. */
#include "fuzz.h"

#include "mycnf.h"

static void check_value(const char value[MYCNF_VALUE_LEN])
{
	REQUIRE(memchr(value, '\0', MYCNF_VALUE_LEN));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned line = 0, lines = 1;
	const char *why = NULL;
	struct mycnf c;
	enum err e = mycnf_parse(bytes_of(data, size), &c, &line, &why);

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	if (e != E_OK) {
		REQUIRE(e == E_DATA && line >= 1 && line <= lines);
		check_sentence(why, 128);
		return 0;
	}
	check_value(c.user);
	check_value(c.password);
	check_value(c.host);
	check_value(c.socket);
	REQUIRE(c.port <= 65535);
	return 0;
}

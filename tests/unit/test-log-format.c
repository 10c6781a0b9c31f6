/* Log lines as the predecessor wrote them, and the journal's protocol. */
#include "unit.h"

#include <time.h>

#include "log.h"

#define NOW 1672319949123	/* 2022-12-29 13:19:09.123 UTC */

static int in_utc(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

/* The line for a message and one field. */
static const char *line_of(const char *message, struct bytes value)
{
	static char line[512];
	const struct log_field fields[] = { { "key", value }, { 0 } };
	size_t len = log_format_line(line, sizeof line, NOW, LEVEL_INFO, 42, message, fields);

	line[len] = '\0';
	return line;
}

#define HEAD "2022-12-29 13:19:09,123 INFO in process 42 - "

static void lines_are_the_predecessors(void **state)
{
	char line[256];
	size_t len;

	(void)state;
	len = log_format_line(line, sizeof line, NOW, LEVEL_WARNING, 4711, "Some words", NULL);
	line[len] = '\0';
	assert_string_equal(line, "2022-12-29 13:19:09,123 WARNING in process 4711 - Some words\n");
	len = log_format_line(line, sizeof line, 5, LEVEL_CRITICAL, 1, "x", NULL);
	line[len] = '\0';
	assert_string_equal(line, "1970-01-01 00:00:00,005 CRITICAL in process 1 - x\n");
}

static void time_is_local(void **state)
{
	char line[256];

	(void)state;
	setenv("TZ", "XYZ-5:30", 1);
	tzset();
	log_format_line(line, sizeof line, NOW, LEVEL_INFO, 1, "x", NULL);
	setenv("TZ", "UTC", 1);
	tzset();
	assert_memory_equal(line, "2022-12-29 18:49:09,123 ", 24);
}

static void values_are_quoted_where_needed(void **state)
{
	(void)state;
	assert_string_equal(line_of("m", B("0x1f")), HEAD "m key=0x1f\n");
	assert_string_equal(line_of("m", B("")), HEAD "m key=\"\"\n");
	assert_string_equal(line_of("m", B("a b")), HEAD "m key=\"a b\"\n");
	assert_string_equal(line_of("m", B("a\"b")), HEAD "m key=\"a\\\"b\"\n");
	assert_string_equal(line_of("m", B("a\\b")), HEAD "m key=\"a\\\\b\"\n");
	assert_string_equal(line_of("m", B("a=b")), HEAD "m key=\"a=b\"\n");
}

static void nothing_forges_a_line(void **state)
{
	(void)state;
	assert_string_equal(line_of("a\nb", B("c\r\nd")), HEAD "a?b key=c??d\n");
	assert_string_equal(line_of("\x1b[31m", B("\0\x7f\x80\xff\t")), HEAD "?[31m key=?????\n");
	for (int ch = 0; ch < 256; ch++) {
		const uint8_t octet = (uint8_t)ch;
		const char *line = line_of("m", bytes_of(&octet, 1)), *value = strstr(line, "key=");

		assert_non_null(value);
		for (const char *p = line; p[1]; p++)
			assert_in_range(*p, 0x20, 0x7e);
		assert_true(ch < 0x20 || ch > 0x7e ? value[4] == '?' : strchr(value, ch) != NULL);
	}
}

/* However little room there is, a line ends, and never outside of it. */
static void lines_are_cut(void **state)
{
	const struct log_field fields[] = { { "one", B("a b\"c") }, { "two", B("2") }, { 0 } };
	char whole[256];
	size_t full = log_format_line(whole, sizeof whole, NOW, LEVEL_INFO, 42, "text", fields);

	(void)state;
	for (size_t cap = 0; cap <= full + 1; cap++) {
		char *line = malloc(cap + 1);
		size_t len, want = cap < full ? cap : full;

		assert_non_null(line);
		line[cap] = 'z';
		len = log_format_line(line, cap, NOW, LEVEL_INFO, 42, "text", fields);
		assert_int_equal(len, want);
		assert_int_equal(line[cap], 'z');
		if (len) {
			assert_memory_equal(line, whole, len - 1);
			assert_int_equal(line[len - 1], '\n');
		}
		free(line);
	}
}

static void the_journals_protocol(void **state)
{
	const struct log_field fields[] = {
		{ "serial", B("0x1f") }, { "client", B("a\nb") }, { "odd-1", B("") }, { 0 },
	};
	static const char want[] =
		"PRIORITY=4\nSYSLOG_IDENTIFIER=ocsp-sign\nOCSP_SERIAL=0x1f\nOCSP_CLIENT=a?b\n"
		"OCSP_ODD_1=\nMESSAGE=it\?\?is so serial=0x1f client=a?b odd-1=\"\"\n";
	char out[512];
	size_t len;

	(void)state;
	len = log_format_journal(out, sizeof out, "ocsp-sign", LEVEL_WARNING, "it\n\nis so",
				 fields);
	assert_int_equal(len, sizeof want - 1);
	assert_memory_equal(out, want, len);
}

static void journal_priorities(void **state)
{
	static const char priority[] = { '7', '6', '4', '3', '2' };
	char out[128];

	(void)state;
	for (int l = LEVEL_DEBUG; l <= LEVEL_CRITICAL; l++) {
		log_format_journal(out, sizeof out, "p", (enum level)l, "m", NULL);
		assert_memory_equal(out, "PRIORITY=", 9);
		assert_int_equal(out[9], priority[l]);
	}
	assert_string_equal(level_name(LEVEL_DEBUG), "DEBUG");
	assert_string_equal(level_name(LEVEL_CRITICAL), "CRITICAL");
}

/* A datagram that is cut still is a list of whole fields with a message at its end. */
static void datagrams_are_cut(void **state)
{
	const struct log_field fields[] = { { "one", B("11111111") }, { "two", B("2") }, { 0 } };
	char whole[256];
	size_t full = log_format_journal(whole, sizeof whole, "prog", LEVEL_INFO, "text", fields);

	(void)state;
	for (size_t cap = 0; cap <= full + 1; cap++) {
		char *out = malloc(cap + 1);
		size_t len;

		assert_non_null(out);
		out[cap] = 'z';
		len = log_format_journal(out, cap, "prog", LEVEL_INFO, "text", fields);
		assert_true(len <= cap && len <= full);
		assert_int_equal(out[cap], 'z');
		if (cap > strlen("PRIORITY=6\nSYSLOG_IDENTIFIER=prog\nMESSAGE=\n")) {
			const char *one = memmem(out, len, "OCSP_ONE", 8);
			const char *last = memrchr(out, '\n', len - 1);

			assert_int_equal(out[len - 1], '\n');
			assert_memory_equal(last, "\nMESSAGE=", 9);
			assert_true(!one || memcmp(one, "OCSP_ONE=11111111\n", 18) == 0);
		}
		free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_the_predecessors),
		cmocka_unit_test(time_is_local),
		cmocka_unit_test(values_are_quoted_where_needed),
		cmocka_unit_test(nothing_forges_a_line),
		cmocka_unit_test(lines_are_cut),
		cmocka_unit_test(the_journals_protocol),
		cmocka_unit_test(journal_priorities),
		cmocka_unit_test(datagrams_are_cut),
	};

	return cmocka_run_group_tests(tests, in_utc, NULL);
}

/* Times as RFC 9919 3.2.4 (L-12) and RFC 9110 5.6.7 (H-24) write them. */
#include "unit.h"

#include <time.h>

#include "gtime.h"

static void reads_and_writes_known_times(void **state)
{
	static const struct {
		const char *text;
		int64_t t;
	} known[] = {
		{ "19700101000000Z", 0 },
		{ "20221229131909Z", 1672319949 },
		{ "20000229235959Z", 951868799 },
		{ "20240229000000Z", 1709164800 },
		{ "20380119031408Z", 2147483648 },
		{ "00010101000000Z", GTIME_MIN },
		{ "99991231235959Z", GTIME_MAX },
		{ "19691231235959Z", -1 },
	};
	char out[GTIME_LEN];
	int64_t t;

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		assert_true(gtime_parse(bytes_str(known[i].text), &t));
		assert_int_equal(t, known[i].t);
		gtime_format(t, out);
		assert_memory_equal(out, known[i].text, GTIME_LEN);
	}
}

static void refuses_other_forms(void **state)
{
	static const char *const bad[] = {
		"", "20221229131909", "202212291319Z", "20221229131909.5Z", "20221229131909+0000",
		"20221229131960Z", "20221229136009Z", "20221229241909Z", "20221232131909Z",
		"20230229131909Z", "21000229000000Z", "20221329131909Z", "20220029131909Z",
		"00001229131909Z", "2022122913190 Z", "2022-12-2913190Z", "20221229131909z",
	};
	int64_t t;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (gtime_parse(bytes_str(bad[i]), &t))
			fail_msg("%s was read", bad[i]);
}

static void clamps_what_has_no_four_digit_year(void **state)
{
	char out[GTIME_LEN];

	(void)state;
	gtime_format(INT64_MAX, out);
	assert_memory_equal(out, "99991231235959Z", GTIME_LEN);
	gtime_format(INT64_MIN, out);
	assert_memory_equal(out, "00010101000000Z", GTIME_LEN);
}

/* Against libc, over every day of 800 years at odd seconds. */
static void agrees_with_libc(void **state)
{
	char ours[HTTP_DATE_LEN + 1] = "", theirs[64];
	int64_t t, back;

	(void)state;
	for (t = -400LL * 365 * 86400; t < 400LL * 366 * 86400; t += 86399) {
		time_t tt = (time_t)t;
		struct tm tm;
		char g[GTIME_LEN];

		gmtime_r(&tt, &tm);
		strftime(theirs, sizeof theirs, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		http_date_format(t, ours);
		assert_string_equal(ours, theirs);
		gtime_format(t, g);
		assert_true(gtime_parse(bytes_of(g, GTIME_LEN), &back));
		assert_int_equal(back, t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes_known_times),
		cmocka_unit_test(refuses_other_forms),
		cmocka_unit_test(clamps_what_has_no_four_digit_year),
		cmocka_unit_test(agrees_with_libc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

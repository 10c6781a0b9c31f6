/* How far a long piece of work is, in words. */
#include "unit.h"

#include "progress.h"

static void numbers_have_commas(void **state)
{
	char out[PROGRESS_NUMBER_LEN];

	(void)state;
	assert_string_equal(progress_number(0, out), "0");
	assert_string_equal(progress_number(999, out), "999");
	assert_string_equal(progress_number(1000, out), "1,000");
	assert_string_equal(progress_number(1234567, out), "1,234,567");
	assert_string_equal(progress_number(INT64_MAX, out), "9,223,372,036,854,775,807");
}

static void the_rate_is_that_of_late(void **state)
{
	struct progress p = { .n = 0 };

	(void)state;
	assert_int_equal(progress_rate(&p), 0);
	progress_add(&p, 0, 0);
	assert_int_equal(progress_rate(&p), 0);
	progress_add(&p, 500, 1000);
	assert_int_equal(progress_rate(&p), 2000);
	for (int i = 1; i <= PROGRESS_SAMPLES; i++)
		progress_add(&p, 500 + i * 1000, 1000 + i * 10);
	assert_int_equal(progress_rate(&p), 10);
	/* no time has passed */
	p.n = 0;
	progress_add(&p, 7, 1);
	progress_add(&p, 7, 2);
	assert_int_equal(progress_rate(&p), 0);
}

static void a_line_says_what_is_known(void **state)
{
	struct progress p = { .n = 0 };
	char out[PROGRESS_LEN];

	(void)state;
	assert_string_equal(progress_line(&p, -1, out), "0 done");
	progress_add(&p, 0, 0);
	assert_string_equal(progress_line(&p, 1000, out),
			    "[--------------------]   0 %  0 of 1,000");
	progress_add(&p, 1000, 250);
	assert_string_equal(progress_line(&p, 1000, out),
			    "[#####---------------]  25 %  250 of 1,000  250/s  3 s left");
	assert_string_equal(progress_line(&p, 20000, out),
			    "[--------------------]   1 %  250 of 20,000  250/s  1 min 19 s left");
	assert_string_equal(progress_line(&p, 2000000, out),
			    "[--------------------]   0 %  250 of 2,000,000  250/s  2 h 13 min left");
	/* more than was counted */
	assert_string_equal(progress_line(&p, 100, out),
			    "[####################] 100 %  250 of 250  250/s");
	assert_string_equal(progress_line(&p, -1, out), "250 done  250/s");
	/* the longest there can be */
	progress_add(&p, 1001, INT64_MAX / 1000);
	assert_true(strlen(progress_line(&p, INT64_MAX / 1000, out)) < PROGRESS_LEN - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_commas),
		cmocka_unit_test(the_rate_is_that_of_late),
		cmocka_unit_test(a_line_says_what_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

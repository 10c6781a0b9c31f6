/* The rules that let a cached answer be sent: U-3, U-4, D-9, D-13, O-24, B-5. */
#include "unit.h"

#include "fresh.h"

#define DAY 86400
#define T0 1700000000LL

static struct single day_long(uint8_t *serial)
{
	return (struct single){
		.id = { .serial = { serial, 1 } },
		.this_update = T0,
		.next_update = T0 + DAY - 1,
	};
}

static enum verdict judge(int64_t now_ms, int64_t agreed_ms, int recheck_s)
{
	uint8_t serial = 1;
	struct single s = day_long(&serial);

	return fresh_judge(&s, T0, now_ms, agreed_ms, recheck_s);
}

static void never_past_its_validity(void **state)
{
	struct single s = { .this_update = T0, .next_update = INT64_MIN };
	int64_t end = (T0 + DAY - 1) * 1000;

	(void)state;
	assert_int_equal(judge(T0 * 1000, T0 * 1000, 60), FRESH_HIT);
	assert_int_not_equal(judge(end - 1, end - 1, 60), FRESH_MISS);
	assert_int_equal(judge(end, end, 60), FRESH_MISS);		/* U-4: not at it either */
	assert_int_equal(judge(end + 1, end + 1, DAY), FRESH_MISS);
	/* without a nextUpdate nobody can say */
	assert_int_equal(fresh_judge(&s, T0, T0 * 1000, T0 * 1000, 60), FRESH_MISS);
}

/* D-13: the clock was set back. */
static void never_from_the_future(void **state)
{
	uint8_t serial = 1;
	struct single s = day_long(&serial);

	(void)state;
	assert_int_equal(judge(T0 * 1000 - 1, T0 * 1000 - 1, 60), FRESH_MISS);
	assert_int_equal(fresh_judge(&s, T0 + 5, T0 * 1000, T0 * 1000, 60), FRESH_MISS);
	/* an agreement of the future is none */
	assert_int_equal(judge(T0 * 1000 + 5000, T0 * 1000 + 5001, 60), FRESH_RECHECK);
}

/* D-9: the lease of recheck seconds, to the millisecond. */
static void asks_the_database_again_after_recheck_seconds(void **state)
{
	int64_t t = T0 * 1000;

	(void)state;
	assert_int_equal(judge(t + 59999, t, 60), FRESH_HIT);
	assert_int_equal(judge(t + 60000, t, 60), FRESH_RECHECK);
	assert_int_equal(judge(t, t, 0), FRESH_RECHECK);	/* recheck = 0: every time */
	assert_int_equal(judge(t + 3600000, t + 3590000, 60), FRESH_HIT);
}

/* B-4, B-5, M-7: a new answer before half of the validity is over. */
static void is_renewed_between_three_eighths_and_a_half(void **state)
{
	int64_t first = INT64_MAX, last = INT64_MIN;

	(void)state;
	for (int i = 0; i < 256; i++) {
		uint8_t serial = (uint8_t)i;
		struct single s = day_long(&serial);
		int64_t at = fresh_renew_at(&s);

		first = at < first ? at : first;
		last = at > last ? at : last;
		assert_in_range(at - T0, (DAY - 1) / 8 * 3, (DAY - 1) / 2);
		assert_int_equal(fresh_judge(&s, T0, at * 1000, at * 1000 - 1, 60), FRESH_RENEW);
		assert_int_equal(fresh_judge(&s, T0, at * 1000 - 1, at * 1000 - 1, 60), FRESH_HIT);
		/* whoever agreed since could not renew it, as with a canned answer */
		assert_int_equal(fresh_judge(&s, T0, at * 1000, at * 1000, 60), FRESH_HIT);
		assert_int_equal(fresh_judge(&s, T0, at * 1000 + 60000, at * 1000, 60),
				 FRESH_RECHECK);
	}
	/* spread, so that answers signed together don't come due together */
	assert_true(last - first > DAY / 16);
}

static void survives_extreme_times(void **state)
{
	uint8_t serial = 1;
	struct single s = {
		.id = { .serial = { &serial, 1 } },
		.this_update = -62135596800LL,
		.next_update = 253402300799LL,
	};

	(void)state;
	assert_in_range(fresh_renew_at(&s), 0, 253402300799LL);
	assert_int_equal(fresh_judge(&s, s.this_update, T0 * 1000, T0 * 1000, 60), FRESH_HIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_past_its_validity),
		cmocka_unit_test(never_from_the_future),
		cmocka_unit_test(asks_the_database_again_after_recheck_seconds),
		cmocka_unit_test(is_renewed_between_three_eighths_and_a_half),
		cmocka_unit_test(survives_extreme_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

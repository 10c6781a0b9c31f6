/* What may be said about the cache, and when it is looked at. U-3, D-9, D-13. */
#include "unit.h"

#include "lease.h"

#define T0 1700000000000LL
#define RECHECK 60000
#define AGE 3600000

static struct lease new_lease(void)
{
	struct lease l;

	lease_init(&l, RECHECK, AGE);
	return l;
}

/* A pass from t on that takes ms. */
static void pass(struct lease *l, int64_t t, int64_t ms)
{
	assert_true(lease_begin(l, t));
	assert_false(lease_begin(l, t));
	lease_end(l, true, ms);
}

static void assert_said(const struct lease *l, int64_t agreed, int64_t pass_ms)
{
	int64_t a, p;

	assert_true(lease_said(l, &a, &p));
	assert_int_equal(a, agreed);
	assert_true(p < pass_ms && p > pass_ms - 10000);
}

static void nothing_is_said_before_the_first_pass_has_ended(void **state)
{
	struct lease l = new_lease();
	int64_t a, p;

	(void)state;
	assert_false(lease_said(&l, &a, &p));
	(void)lease_see(&l, T0, "x");
	assert_false(lease_said(&l, &a, &p));
	assert_true(lease_begin(&l, T0));
	/* all of it at once: nobody knows anything yet */
	assert_int_equal(lease_due(&l, T0, 1000), 1000);
	assert_false(lease_said(&l, &a, &p));
	lease_end(&l, true, 5);
	assert_said(&l, T0, T0);
}

static void a_failed_pass_says_nothing_new(void **state)
{
	struct lease l = new_lease();
	int64_t a, p;

	(void)state;
	(void)lease_see(&l, T0, "x");
	assert_true(lease_begin(&l, T0));
	lease_end(&l, false, 5);
	assert_false(lease_said(&l, &a, &p));
	/* tried again, but not in a rush */
	assert_false(lease_begin(&l, T0 + 100));
	pass(&l, T0 + 5000, 5);
	(void)lease_see(&l, T0 + 6000, "x");
	assert_said(&l, T0 + 6000, T0 + 5000);
	/* and one that fails later takes the right away to go on saying it */
	lease_hurry(&l);
	assert_true(lease_begin(&l, T0 + 7000));
	lease_end(&l, false, 5);
	(void)lease_see(&l, T0 + 8000, "x");
	assert_said(&l, T0 + 6000, T0 + 5000);
}

static void what_a_pass_found_stays_so_while_the_digest_does(void **state)
{
	struct lease l = new_lease();

	(void)state;
	assert_true(lease_see(&l, T0, "x"));
	pass(&l, T0, 1);
	assert_false(lease_see(&l, T0 + 1000, "x"));
	assert_said(&l, T0 + 1000, T0);
	/* something was changed between: nothing newer is known */
	assert_true(lease_see(&l, T0 + 2000, "y"));
	assert_said(&l, T0 + 1000, T0);
	assert_false(lease_see(&l, T0 + 3000, "y"));
	assert_said(&l, T0 + 1000, T0);
	/* soon enough for what was said not to run out */
	for (int64_t t = T0 + 3000; !lease_begin(&l, t); t += 1000)
		assert_true(t - T0 <= RECHECK / 2);
	lease_end(&l, true, 1);
	assert_said(&l, l.start_ms, l.start_ms);
	/* a change while a pass was on its way: it can't speak for what came later */
	lease_hurry(&l);
	assert_true(lease_begin(&l, T0 + 40000));
	assert_true(lease_see(&l, T0 + 40500, "z"));
	lease_end(&l, true, 1);
	(void)lease_see(&l, T0 + 41000, "z");
	assert_said(&l, T0 + 40000, T0 + 40000);
}

static void without_a_digest_each_pass_speaks_for_its_beginning(void **state)
{
	struct lease l = new_lease();
	int64_t a, p, last = T0;

	(void)state;
	pass(&l, T0, 100);
	for (int64_t t = T0; t < T0 + 10 * RECHECK; t += 1000) {
		if (lease_begin(&l, t)) {
			/* in peace, but so that it ends in time */
			assert_int_equal(lease_due(&l, t, 1000), 0);
			assert_int_equal(lease_due(&l, t + RECHECK / 3, 1000), 1000);
			lease_end(&l, true, 100);
			assert_true(t - last <= RECHECK / 2);
			last = t;
		}
		assert_true(lease_said(&l, &a, &p));
		assert_int_equal(a, last);
	}
}

static void passes_are_rare_where_nothing_changes(void **state)
{
	static const struct {
		int64_t cost_ms, at_least_ms, at_most_ms;
	} cases[] = { { 1, 20000, 21000 }, { 1000, 199000, 201000 }, { 100000, AGE - 1, AGE + 1000 } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct lease l = new_lease();
		int64_t t = T0;

		(void)lease_see(&l, T0, "x");
		pass(&l, T0, cases[i].cost_ms);
		do {
			t += 1000;
			(void)lease_see(&l, t, "x");
		} while (!lease_begin(&l, t));
		assert_in_range(t - T0, cases[i].at_least_ms, cases[i].at_most_ms);
		/* when something changes on its way, it no longer takes its time */
		if (l.span_ms > RECHECK / 3) {
			(void)lease_see(&l, t, "y");
			assert_int_equal(lease_due(&l, t + RECHECK / 3, 1000), 1000);
		}
	}
}

static void hurry_means_now_and_once_more(void **state)
{
	struct lease l = new_lease();

	(void)state;
	(void)lease_see(&l, T0, "x");
	pass(&l, T0, 1);
	lease_hurry(&l);
	assert_true(lease_begin(&l, T0 + 10));
	assert_int_equal(lease_due(&l, T0 + 10, 7), 7);
	/* while one is on its way: it ends quickly, and another follows */
	lease_end(&l, true, 1);
	assert_false(lease_begin(&l, T0 + 20));
	pass(&l, T0 + 30000, 1);
	assert_true(lease_begin(&l, T0 + 60000));
	lease_hurry(&l);
	assert_int_equal(lease_due(&l, T0 + 60000, 7), 7);
	lease_end(&l, true, 1);
	assert_true(lease_begin(&l, T0 + 60001));
}

/* The clock was set back, or the database was out of sight. */
static void all_is_forgotten(void **state)
{
	struct lease l = new_lease();
	int64_t a, p;

	(void)state;
	(void)lease_see(&l, T0, "x");
	pass(&l, T0, 1);
	lease_reset(&l);
	assert_false(lease_said(&l, &a, &p));
	(void)lease_see(&l, T0 - 86400000, "x");
	assert_false(lease_said(&l, &a, &p));
	pass(&l, T0 - 86400000, 1);
	assert_said(&l, T0 - 86400000, T0 - 86400000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_said_before_the_first_pass_has_ended),
		cmocka_unit_test(a_failed_pass_says_nothing_new),
		cmocka_unit_test(what_a_pass_found_stays_so_while_the_digest_does),
		cmocka_unit_test(without_a_digest_each_pass_speaks_for_its_beginning),
		cmocka_unit_test(passes_are_rare_where_nothing_changes),
		cmocka_unit_test(hurry_means_now_and_once_more),
		cmocka_unit_test(all_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

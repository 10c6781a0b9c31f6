/* From a row to a status: D-8, U-12, P-2, P-3, P-4, B-11, B-15, C-3. */
#include "unit.h"

#include "decide.h"

#define NOW 1700000000
#define NOT_BEFORE 1600000000

static struct store_row row_of(enum row_status status, int64_t at, int reason)
{
	return (struct store_row){ .cert_num = "0x1", .status = status, .revoked_at = at,
				   .reason = reason };
}

static void good_and_neither(void **state)
{
	struct decision d = { .revoked_at = 77 };
	struct store_row row = row_of(ROW_VALID, 5, 1);	/* left from a revocation taken back */

	(void)state;
	assert_int_equal(decide_row(&row, NOT_BEFORE, NOW, PROFILE_RFC9919, &d), E_OK);
	assert_int_equal(d.status, CERT_GOOD);
	assert_int_equal(d.reason, REASON_ABSENT);
	assert_null(d.odd_time);
	assert_null(d.odd_reason);
	d.revoked_at = 77;
	row.status = ROW_ODD;
	assert_int_equal(decide_row(&row, NOT_BEFORE, NOW, PROFILE_RFC9919, &d), E_DATA);
	assert_int_equal(d.revoked_at, 77);	/* nothing written */
}

/* D-8: every reason has a definite outcome, and an odd one is spoken of */
static void every_reason(void **state)
{
	static const struct {
		int in, plain, br;
		bool odd_plain, odd_br;
	} table[] = {
		{ ROW_NO_REASON, REASON_ABSENT, REASON_ABSENT, false, false },
		{ ROW_ODD_REASON, REASON_ABSENT, REASON_ABSENT, true, true },
		{ 0, REASON_ABSENT, REASON_ABSENT, false, false },
		{ 1, 1, 1, false, false },
		{ 2, 2, REASON_ABSENT, false, true },
		{ 3, 3, 3, false, false },
		{ 4, 4, 4, false, false },
		{ 5, 5, 5, false, false },
		{ 6, 6, REASON_ABSENT, false, true },
		{ 7, REASON_ABSENT, REASON_ABSENT, true, true },
		{ 8, REASON_ABSENT, REASON_ABSENT, true, true },
		{ 9, 9, 9, false, false },
		{ 10, 10, REASON_ABSENT, false, true },
		{ 11, REASON_ABSENT, REASON_ABSENT, true, true },
		{ 255, REASON_ABSENT, REASON_ABSENT, true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct store_row row = row_of(ROW_REVOKED, NOW - 1, table[i].in);
		struct decision d;

		assert_int_equal(decide_row(&row, NOT_BEFORE, NOW, PROFILE_RFC9919, &d), E_OK);
		assert_int_equal(d.status, CERT_REVOKED);
		assert_int_equal(d.revoked_at, NOW - 1);
		assert_int_equal(d.reason, table[i].plain);
		assert_int_equal(d.odd_reason != NULL, table[i].odd_plain);
		assert_int_equal(decide_row(&row, NOT_BEFORE, NOW, PROFILE_BR, &d), E_OK);
		assert_int_equal(d.status, CERT_REVOKED);
		assert_int_equal(d.reason, table[i].br);
		assert_int_equal(d.odd_reason != NULL, table[i].odd_br);
	}
}

/* D-8, U-12: every time */
static void every_time(void **state)
{
	static const struct {
		int64_t in, not_before, raw, answered;
		bool odd;
	} table[] = {
		{ NOW - 5, NOT_BEFORE, NOW - 5, NOW - 5, false },
		{ NOW, NOT_BEFORE, NOW, NOW, false },
		{ 0, NOT_BEFORE, 0, 0, false },
		{ -1000, NOT_BEFORE, -1000, -1000, false },
		{ ROW_NO_TIME, NOT_BEFORE, NOT_BEFORE, NOT_BEFORE, true },
		{ ROW_NO_TIME, ROW_NO_TIME, 0, 0, true },
		{ INT64_MAX, NOT_BEFORE, NOT_BEFORE, NOT_BEFORE, true },
		{ INT64_MIN + 1, NOT_BEFORE, NOT_BEFORE, NOT_BEFORE, true },
		{ NOW + 1, NOT_BEFORE, NOW + 1, NOW, true },
		{ NOW + 86400, NOT_BEFORE, NOW + 86400, NOW, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct store_row row = row_of(ROW_REVOKED, table[i].in, 1);
		struct decision d;

		assert_int_equal(decide_row(&row, table[i].not_before, NOW, PROFILE_RFC9919, &d),
				 E_OK);
		assert_int_equal(d.revoked_at, table[i].raw);
		assert_int_equal(decide_revoked_at(&d, NOW), table[i].answered);
		assert_int_equal(d.odd_time != NULL, table[i].odd);
	}
}

/* U-3: a cached answer is only kept if it says the very same */
static void the_same(void **state)
{
	struct decision d = { .status = CERT_REVOKED, .revoked_at = NOW - 5, .reason = 1 };
	struct single s = { .status = CERT_REVOKED, .revoked_at = NOW - 5, .reason = 1 };

	(void)state;
	assert_true(decide_same(&d, &s, NOW));
	s.reason = REASON_ABSENT;
	assert_false(decide_same(&d, &s, NOW));
	s.reason = 1;
	s.revoked_at++;
	assert_false(decide_same(&d, &s, NOW));
	s.status = CERT_GOOD;
	assert_false(decide_same(&d, &s, NOW));
	d.status = CERT_GOOD;
	assert_true(decide_same(&d, &s, NOW));
	s.status = CERT_UNKNOWN;
	assert_false(decide_same(&d, &s, NOW));
	/* a revocation of the future was answered with the time of the answer, and stays so */
	d = (struct decision){ .status = CERT_REVOKED, .revoked_at = NOW + 99, .reason = 1 };
	s = (struct single){ .status = CERT_REVOKED, .revoked_at = NOW, .reason = 1 };
	assert_true(decide_same(&d, &s, NOW));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_and_neither),
		cmocka_unit_test(every_reason),
		cmocka_unit_test(every_time),
		cmocka_unit_test(the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

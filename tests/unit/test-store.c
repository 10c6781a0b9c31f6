/* The pure parts of the store: serials, words, dates as a table has them. U-12, U-15, D-8. */
#include "unit.h"

#include "gtime.h"
#include "store-backend.h"

static struct bytes serial_of(const char *text, uint8_t buf[LIM_SERIAL_LEN])
{
	struct bytes m;

	assert_true(serial_parse(bytes_str(text), buf, &m));
	return m;
}

static bool has_form(char forms[][SERIAL_TEXT_LEN], size_t n, const char *want)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(forms[i], want) == 0)
			return true;
	return false;
}

static void forms_begin_with_the_predecessors(void **state)
{
	char forms[STORE_FORMS][SERIAL_TEXT_LEN];
	uint8_t buf[LIM_SERIAL_LEN];
	size_t n = store_serial_forms(serial_of("0ABC", buf), forms);

	(void)state;
	assert_int_equal(n, STORE_FORMS);
	assert_string_equal(forms[0], "0xabc");
	assert_true(has_form(forms, n, "0xABC"));
	assert_true(has_form(forms, n, "0XABC"));
	assert_true(has_form(forms, n, "0x0abc"));
	assert_true(has_form(forms, n, "0x00ABC"));
	assert_true(has_form(forms, n, "0x0000000000000abc"));
	assert_true(has_form(forms, n, "0x00000000000000000000000000000abc"));
	assert_true(has_form(forms, n, "0X0000000000000000000000000000000000000ABC"));
}

static void forms_of_case_are_few(void **state)
{
	char forms[STORE_FORMS][SERIAL_TEXT_LEN];
	uint8_t buf[LIM_SERIAL_LEN];

	(void)state;
	assert_int_equal(store_case_forms(serial_of("1abc", buf), forms), 3);
	assert_string_equal(forms[0], "0x1abc");
	assert_string_equal(forms[1], "0x1ABC");
	assert_string_equal(forms[2], "0X1ABC");
	assert_int_equal(store_case_forms(serial_of("12", buf), forms), 2);
}

static void forms_have_no_doubles(void **state)
{
	static const char *const serials[] = { "0", "1", "a", "00ff", "1234567890abcdef",
		"7fffffffffffffffffffffffffffffff", "1234567890123456789012345678901234567890" };
	char forms[STORE_FORMS][SERIAL_TEXT_LEN];
	uint8_t buf[LIM_SERIAL_LEN];

	(void)state;
	for (size_t k = 0; k < sizeof serials / sizeof serials[0]; k++) {
		size_t n = store_serial_forms(serial_of(serials[k], buf), forms);

		assert_in_range(n, 1, STORE_FORMS);
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < i; j++)
				assert_string_not_equal(forms[i], forms[j]);
	}
	/* digits alone have no upper case: only "0X" differs */
	assert_int_equal(store_serial_forms(serial_of(serials[6], buf), forms), 6);
}

static void forms_of_the_longest_serial_fit(void **state)
{
	char forms[STORE_FORMS][SERIAL_TEXT_LEN];
	uint8_t all[LIM_SERIAL_LEN];
	size_t n;

	(void)state;
	memset(all, 0xff, sizeof all);
	n = store_serial_forms(bytes_of(all, sizeof all), forms);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(strlen(forms[i]), 2 + 2 * LIM_SERIAL_LEN);
}

static void reason_words_go_both_ways(void **state)
{
	static const char *const camel[] = { "unspecified", "keyCompromise", "cACompromise",
		"affiliationChanged", "superseded", "cessationOfOperation", "certificateHold", NULL,
		NULL, "privilegeWithdrawn", "aACompromise" };

	(void)state;
	for (int i = 0; i <= 10; i++) {
		char number[4];

		snprintf(number, sizeof number, "%d", i);
		if (!camel[i]) {
			assert_null(reason_word(i));
			assert_int_equal(reason_of_word(bytes_str(number)), ROW_ODD_REASON);
			continue;
		}
		assert_int_equal(reason_of_word(bytes_str(reason_word(i))), i);
		assert_int_equal(reason_of_word(bytes_str(camel[i])), i);
		assert_int_equal(reason_of_word(bytes_str(number)), i);
	}
	assert_string_equal(reason_word(1), "key_compromise");
	assert_int_equal(reason_of_word(B("KEY_COMPROMISE")), 1);
}

static void reasons_that_are_none(void **state)
{
	static const char *const odd[] = { "", "_", "255", "-1", "01", "11", "key",
		"key_compromise ", "key_compromised", "remove_from_crl", "removeFromCRL",
		" superseded" };

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
		assert_int_equal(reason_of_word(bytes_str(odd[i])), ROW_ODD_REASON);
	assert_int_equal(reason_of_word(B("superseded\0")), ROW_ODD_REASON);
	assert_null(reason_word(ROW_NO_REASON));
	assert_null(reason_word(ROW_ODD_REASON));
	assert_null(reason_word(11));
	assert_null(reason_word(INT32_MAX));
}

static void times_in_every_spelling(void **state)
{
	static const char *const same[] = { "2024-01-02 03:04:05", "2024-01-02T03:04:05",
		"2024-01-02T03:04:05Z", "2024-01-02 03:04:05.999999", "2024-01-02 03:04:05.0Z" };
	int64_t want, midnight;

	(void)state;
	assert_true(gtime_of_civil(2024, 1, 2, 3, 4, 5, &want));
	assert_true(gtime_of_civil(2024, 1, 2, 0, 0, 0, &midnight));
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
		assert_int_equal(store_parse_time(bytes_str(same[i])), want);
	assert_int_equal(store_parse_time(B("2024-01-02")), midnight);
}

static void times_that_are_none(void **state)
{
	static const char *const bad[] = { "", "0000-00-00 00:00:00", "0000-00-00", "2024-02-30",
		"2024-00-10 00:00:00", "2024-01-00", "2024-13-01", "2024-01-02 24:00:00",
		"2024-01-02 03:60:05", "2024-01-02 03:04:60", "2024-01-02 03:04",
		"2024-01-02x03:04:05", "2024-01-02 03:04:05+01:00", "2024-01-02 03:04:05Zx",
		"20240102030405Z", "1704164645", "2024/01/02 03:04:05", "yesterday at noon",
		"-024-01-02 03:04:05" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_true(store_parse_time(bytes_str(bad[i])) == ROW_NO_TIME);
	assert_true(store_parse_time(bytes_of(NULL, 0)) == ROW_NO_TIME);
}

static void times_are_written_as_they_are_read(void **state)
{
	static const int64_t times[] = { 0, 1, 951782400, 1704164645, 4102444799 };
	char text[STORE_TIME_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		store_format_time(times[i], text);
		assert_int_equal(store_parse_time(bytes_str(text)), times[i]);
	}
	assert_string_equal(text, "2099-12-31 23:59:59");
}

static struct store_row row_of(const char *status)
{
	struct store_text t = { B("0x1"), { NULL, 0 }, { NULL, 0 },
				status ? bytes_str(status) : bytes_of(NULL, 0) };
	struct store_row r;

	store_read_row(&t, &r);
	return r;
}

static void only_two_words_are_a_status(void **state)
{
	static const char *const odd[] = { "", "valid ", "Revoke", "Revokedd", "1", "2", "good" };

	(void)state;
	assert_int_equal(row_of("Valid").status, ROW_VALID);
	assert_int_equal(row_of("revoked").status, ROW_REVOKED);
	assert_int_equal(row_of(NULL).status, ROW_ODD);
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
		assert_int_equal(row_of(odd[i]).status, ROW_ODD);
}

static void columns_of_any_length_are_read(void **state)
{
	char longer[200];
	struct store_text t = { bytes_of(longer, sizeof longer), bytes_of(longer, sizeof longer),
				bytes_of(longer, sizeof longer), bytes_of(longer, sizeof longer) };
	struct store_row r;

	(void)state;
	memset(longer, '0', sizeof longer);
	store_read_row(&t, &r);
	assert_int_equal(strlen(r.cert_num), sizeof r.cert_num - 1);
	assert_int_equal(r.status, ROW_ODD);
	assert_int_equal(r.reason, ROW_ODD_REASON);
	assert_true(r.revoked_at == ROW_NO_TIME);
	t = (struct store_text){ 0 };
	store_read_row(&t, &r);
	assert_string_equal(r.cert_num, "");
	assert_int_equal(r.reason, ROW_NO_REASON);
}

static void a_revoked_row_counts_before_others(void **state)
{
	struct store_row valid = row_of("Valid"), odd = row_of(""), revoked = row_of("Revoked");

	(void)state;
	assert_true(store_row_beats(&revoked, &valid));
	assert_true(store_row_beats(&revoked, &odd));
	assert_true(store_row_beats(&odd, &valid));
	assert_false(store_row_beats(&valid, &revoked));
	assert_false(store_row_beats(&valid, &valid));
}

static void names_are_quoted(void **state)
{
	char out[STORE_NAME_LEN], longer[STORE_NAME_LEN];

	(void)state;
	assert_true(store_quote("list_certs", '`', out));
	assert_string_equal(out, "`list_certs`");
	assert_true(store_quote("a`; DROP TABLE b; --", '`', out));
	assert_string_equal(out, "`a``; DROP TABLE b; --`");
	assert_true(store_quote("other.certs", '"', out));
	assert_string_equal(out, "\"other\".\"certs\"");
	memset(longer, '"', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_false(store_quote(longer, '"', out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_begin_with_the_predecessors),
		cmocka_unit_test(forms_of_case_are_few),
		cmocka_unit_test(forms_have_no_doubles),
		cmocka_unit_test(forms_of_the_longest_serial_fit),
		cmocka_unit_test(reason_words_go_both_ways),
		cmocka_unit_test(reasons_that_are_none),
		cmocka_unit_test(times_in_every_spelling),
		cmocka_unit_test(times_that_are_none),
		cmocka_unit_test(times_are_written_as_they_are_read),
		cmocka_unit_test(only_two_words_are_a_status),
		cmocka_unit_test(columns_of_any_length_are_read),
		cmocka_unit_test(a_revoked_row_counts_before_others),
		cmocka_unit_test(names_are_quoted),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}

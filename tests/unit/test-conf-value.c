/* What a value of the configuration may be. */
#include "unit.h"

#include "conf-impl.h"

struct number_case {
	const char *text;
	int64_t want;	/* -1: refused */
};

static void check_numbers(bool (*read)(struct bytes, int64_t *), const struct number_case *t)
{
	for (; t->text; t++) {
		int64_t got = -1;
		bool ok = read(bytes_str(t->text), &got);

		/* a refused value leaves what was there */
		if (ok != (t->want >= 0) || got != t->want)
			fail_msg("'%s': %lld, not %lld", t->text, (long long)got,
				 (long long)t->want);
	}
}

static void periods_are_the_predecessors(void **state)
{
	static const struct number_case t[] = {
		{ "1d", 86400 }, { "1D", 86400 }, { "2m", 5184000 }, { "2M", 5184000 },
		{ "1y", 31536000 }, { "1Y", 31536000 }, { "12h", 43200 }, { "12H", 43200 },
		{ "0d", 0 }, { "007d", 604800 }, { "999999999y", 999999999LL * 31536000 },
		{ "", -1 }, { "d", -1 }, { "1", -1 }, { "1s", -1 }, { "1min", -1 }, { "1 d", -1 },
		{ " 1d", -1 }, { "1d ", -1 }, { "1dd", -1 }, { "1.5d", -1 }, { "-1d", -1 },
		{ "+1d", -1 }, { "0x1d", -1 }, { "1000000000y", -1 }, { NULL, 0 },
	};

	(void)state;
	check_numbers(conf_read_period, t);
}

static void seconds_may_have_decimals(void **state)
{
	static const struct number_case t[] = {
		{ "5", 5000 }, { "5s", 5000 }, { "90S", 90000 }, { "2.5", 2500 }, { "2.5s", 2500 },
		{ "0.125", 125 }, { "0.05", 50 }, { "500ms", 500 }, { "500MS", 500 }, { "0", 0 },
		{ "", -1 }, { "s", -1 }, { ".5", -1 }, { "5.", -1 }, { "5.s", -1 },
		{ "0.1234", -1 }, { "1.5ms", -1 }, { "10m", -1 }, { "5 s", -1 }, { "-5", -1 },
		{ "5,5", -1 }, { "1e3", -1 }, { "1.-5", -1 }, { "1234567890", -1 }, { NULL, 0 },
	};

	(void)state;
	check_numbers(conf_read_seconds, t);
}

static void durations_have_units(void **state)
{
	static const struct number_case t[] = {
		{ "300", 300 }, { "90s", 90 }, { "5min", 300 }, { "2h", 7200 }, { "1d", 86400 },
		{ "1D", 86400 }, { "0", 0 }, { "5m", -1 }, { "1y", -1 }, { "", -1 }, { "h", -1 },
		{ "1.5h", -1 }, { "-1", -1 }, { NULL, 0 },
	};

	(void)state;
	check_numbers(conf_read_duration, t);
}

static void numbers_are_decimal(void **state)
{
	static const struct number_case t[] = {
		{ "0", 0 }, { "3306", 3306 }, { "0010", 10 }, { "999999999", 999999999 },
		{ "1000000000", -1 }, { "", -1 }, { "-1", -1 }, { "1 ", -1 }, { "0x10", -1 },
		{ "33o6", -1 }, { NULL, 0 },
	};

	(void)state;
	check_numbers(conf_read_number, t);
}

static void a_value_is_read_to_its_length(void **state)
{
	int64_t n;
	bool b;

	(void)state;
	assert_true(conf_read_number(bytes_of("1234", 2), &n));
	assert_int_equal(n, 12);
	assert_true(conf_read_bool(bytes_of("nonsense", 2), &b));
	assert_false(b);
	assert_true(conf_read_period(bytes_of("1days", 2), &n));
	assert_int_equal(n, 86400);
	assert_false(conf_read_number(bytes_of("1\0", 2), &n));
	assert_false(conf_read_number(bytes_of(NULL, 0), &n));
}

static void booleans(void **state)
{
	static const char *const yes[] = { "yes", "YES", "true", "True", "on", "1" };
	static const char *const no[] = { "no", "No", "false", "off", "OFF", "0" };
	static const char *const neither[] = { "", "y", "n", "2", "yes ", "no|yes", "|", "nope" };
	bool b;

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		b = false;
		assert_true(conf_read_bool(bytes_str(yes[i]), &b));
		assert_true(b);
	}
	for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
		b = true;
		assert_true(conf_read_bool(bytes_str(no[i]), &b));
		assert_false(b);
	}
	for (size_t i = 0; i < sizeof neither / sizeof *neither; i++)
		assert_false(conf_read_bool(bytes_str(neither[i]), &b));
}

static void words_are_numbered(void **state)
{
	(void)state;
	assert_int_equal(conf_read_word(B("auto"), "auto|off|require"), 0);
	assert_int_equal(conf_read_word(B("OFF"), "auto|off|require"), 1);
	assert_int_equal(conf_read_word(B("require"), "auto|off|require"), 2);
	assert_int_equal(conf_read_word(B("requir"), "auto|off|require"), -1);
	assert_int_equal(conf_read_word(B("auto|off"), "auto|off|require"), -1);
	assert_int_equal(conf_read_word(B(""), "auto|off|require"), -1);
}

static void words_stand_in_the_order_of_their_enums(void **state)
{
	static const struct {
		const char *word;
		enum conf_kind kind;
		int value;
	} t[] = {
		{ "DEBUG", KIND_LEVEL, LEVEL_DEBUG },
		{ "INFO", KIND_LEVEL, LEVEL_INFO },
		{ "WARNING", KIND_LEVEL, LEVEL_WARNING },
		{ "ERROR", KIND_LEVEL, LEVEL_ERROR },
		{ "CRITICAL", KIND_LEVEL, LEVEL_CRITICAL },
		{ "mysql", KIND_DB_TYPE, DB_MYSQL },
		{ "sqlite", KIND_DB_TYPE, DB_SQLITE },
		{ "ignore", KIND_NONCE, NONCE_IGNORE },
		{ "echo", KIND_NONCE, NONCE_ECHO },
		{ "unauthorized", KIND_UNKNOWN, UNKNOWN_UNAUTHORIZED },
		{ "unknown", KIND_UNKNOWN, UNKNOWN_UNKNOWN },
		{ "revoked", KIND_UNKNOWN, UNKNOWN_REVOKED },
		{ "auto", KIND_SANDBOX, SANDBOX_AUTO },
		{ "off", KIND_SANDBOX, SANDBOX_OFF },
		{ "require", KIND_SANDBOX, SANDBOX_REQUIRE },
		{ "rfc9919", KIND_PROFILE, PROFILE_RFC9919 },
		{ "rfc6960", KIND_PROFILE, PROFILE_RFC6960 },
		{ "br", KIND_PROFILE, PROFILE_BR },
		{ "private", KIND_PROFILE, PROFILE_PRIVATE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		assert_int_equal(conf_read_word(bytes_str(t[i].word), conf_kind_words(t[i].kind)),
				 t[i].value);
	assert_null(conf_kind_words(KIND_TEXT));
}

struct text_case {
	const char *text;
	bool ok;
};

static void check_texts(bool (*is)(struct bytes), const struct text_case *t)
{
	for (; t->text; t++)
		if (is(bytes_str(t->text)) != t->ok)
			fail_msg("'%s' should %sbe one", t->text, t->ok ? "" : "not ");
}

#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16

/* It goes into SQL: nothing that would have to be escaped may pass. */
static void tables_need_no_escaping(void **state)
{
	static const struct text_case t[] = {
		{ "list_certs", true }, { "T$1", true }, { "certs.list_certs", true },
		{ X64, true }, { X64 "." X64, true },
		{ "", false }, { ".", false }, { "a.", false }, { ".a", false }, { "a..b", false },
		{ "a.b.c", false }, { X64 "x", false }, { "a." X64 "x", false }, { "a b", false },
		{ "a`b", false }, { "a'b", false }, { "a\"b", false }, { "a;b", false },
		{ "a-b", false }, { "a/*b", false }, { "t\xc3\xa4", false }, { NULL, false },
	};

	(void)state;
	check_texts(conf_is_table, t);
	assert_false(conf_is_table(B("a\0b")));
}

static void hosts(void **state)
{
	static const struct text_case t[] = {
		{ "localhost", true }, { "127.0.0.1", true }, { "db-1.example.org", true },
		{ "db_1:3307", true }, { "db:1", true }, { "db:65535", true }, { "[::1]", true },
		{ "[::1]:3306", true }, { "[fe80::1%eth0]:3306", true },
		{ "", false }, { ":", false }, { ":3306", false }, { "db:", false },
		{ "db:0", false }, { "db:65536", false }, { "db:x", false }, { "::1", false },
		{ "[]", false },
		{ "[::1", false }, { "[::1]x", false }, { "[::1]:", false }, { "a b", false },
		{ "[", false }, { "a/b", false }, { "a]", false }, { "db:1:2", false },
		{ NULL, false },
	};

	(void)state;
	check_texts(conf_is_host, t);
}

static void users(void **state)
{
	static const struct text_case t[] = {
		{ "pycert", true }, { "_ocsp", true }, { "998", true }, { "a.b-c", true },
		{ X16 X16, true }, { "", false }, { "-x", false }, { "a:b", false },
		{ "a b", false }, { X16 X16 "x", false }, { NULL, false },
	};

	(void)state;
	check_texts(conf_is_user, t);
}

static void uris(void **state)
{
	static const struct text_case t[] = {
		{ "pkcs11:object=a;type=private", true }, { "file:/a", true }, { "x+y.1-z:", true },
		{ "", false }, { "key.pem", false }, { "/a:b", false }, { "./a:b", false },
		{ ":a", false }, { "c:a", false }, { "1ab:c", false }, { "a_b:c", false },
		{ "dir/a:b", false }, { NULL, false },
	};

	(void)state;
	check_texts(conf_is_uri, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(periods_are_the_predecessors),
		cmocka_unit_test(seconds_may_have_decimals),
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(numbers_are_decimal),
		cmocka_unit_test(a_value_is_read_to_its_length),
		cmocka_unit_test(booleans),
		cmocka_unit_test(words_are_numbered),
		cmocka_unit_test(words_stand_in_the_order_of_their_enums),
		cmocka_unit_test(tables_need_no_escaping),
		cmocka_unit_test(hosts),
		cmocka_unit_test(users),
		cmocka_unit_test(uris),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* unit-file: what stands in a unit of systemd or a service of xinetd. */
#include "unit-file.h"
#include "unit.h"

static const char text[] =
	"# RuntimeMaxSec=1 in a comment\n"
	"RuntimeMaxSec=2\n"
	"[Unit]\n"
	"RuntimeMaxSec=3\n"
	"[Service]\r\n"
	"; RuntimeMaxSec=4\n"
	"  RuntimeMaxSec =\t5s \n"
	"XRuntimeMaxSec=6\n"
	"[Install]\n"
	"RuntimeMaxSec=7";

static void last_value_of_the_section(void **state)
{
	static const char again[] = "[Service]\nA=1\n[Unit]\nA=2\n[Service]\nA=3\nB=";
	char out[16] = "before";

	(void)state;
	assert_true(unit_find(B(text), "Service", "RuntimeMaxSec", out, sizeof out));
	assert_string_equal(out, "5s");
	assert_true(unit_find(B(text), "Install", "RuntimeMaxSec", out, sizeof out));
	assert_string_equal(out, "7");
	assert_true(unit_find(B(again), "Service", "A", out, sizeof out));
	assert_string_equal(out, "3");
	assert_true(unit_find(B(again), "Service", "B", out, sizeof out));
	assert_string_equal(out, "");
}

static void what_is_not_there_changes_nothing(void **state)
{
	char out[16] = "before";

	(void)state;
	assert_false(unit_find(B(text), "Service", "User", out, sizeof out));
	assert_false(unit_find(B(text), "Socket", "RuntimeMaxSec", out, sizeof out));
	assert_false(unit_find(bytes_of(NULL, 0), "Service", "User", out, sizeof out));
	assert_false(unit_find(B("="), "Service", "User", out, sizeof out));
	assert_string_equal(out, "before");
}

static void a_long_value_is_cut(void **state)
{
	char out[4];

	(void)state;
	assert_true(unit_find(B("[Service]\nUser=somebody\n"), "Service", "User", out, sizeof out));
	assert_string_equal(out, "som");
}

static void services_of_xinetd(void **state)
{
	static const char stanza[] = "service ocsp\n{\n\tdisable\t\t= yes\n#\tuser = x\n"
				     "\tlog_on_success\t=\n\tflags += IPv6\n}\n";
	char out[16] = "before";

	(void)state;
	assert_true(unit_find_xinetd(B(stanza), "disable", out, sizeof out));
	assert_string_equal(out, "yes");
	assert_true(unit_find_xinetd(B(stanza), "log_on_success", out, sizeof out));
	assert_string_equal(out, "");
	assert_false(unit_find_xinetd(B(stanza), "user", out, sizeof out));
}

static void spans(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{ "10", 10000 }, { "0", 0 }, { "10s", 10000 }, { "2.5", 2500 }, { "500ms", 500 },
		{ "1min 30s", 90000 }, { "1min30s", 90000 }, { "2 h", 7200000 },
		{ "1 day", 86400000 }, { "3 weeks", 1814400000 }, { "infinity", INT64_MAX },
	};
	static const char *const bad[] = {
		"", "s", "-5", "10x", "ten", "1e99", "5 s s", " 5", "nan", "inf",
	};
	int64_t ms = 0;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_true(unit_span(good[i].text, &ms));
		assert_true(ms == good[i].ms);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (unit_span(bad[i], &ms))
			fail_msg("\"%s\" was taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_value_of_the_section),
		cmocka_unit_test(what_is_not_there_changes_nothing),
		cmocka_unit_test(a_long_value_is_cut),
		cmocka_unit_test(services_of_xinetd),
		cmocka_unit_test(spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Option files of MySQL and MariaDB. */
#include "unit.h"

#include "mycnf.h"

static struct mycnf c;
static unsigned line;
static const char *why;

static enum err parse(const char *text)
{
	size_t len = strlen(text);
	/* in memory of its own, so that a sanitizer sees a step too far */
	uint8_t *copy = malloc(len ? len : 1);
	enum err e;

	assert_non_null(copy);
	memcpy(copy, text, len);
	e = mycnf_parse(bytes_of(copy, len), &c, &line, &why);
	free(copy);
	return e;
}

static void a_usual_file(void **state)
{
	(void)state;
	assert_int_equal(parse("# mine\n[mysqld]\nuser=mysql\n\n[client]\nuser = cert \r\n"
			       "password=\"a#b\"\nhost=db1\nport=3307\nsocket=/run/s\n"
			       "ssl\nssl-ca=/x\n[mysql]\nuser=other\n"), E_OK);
	assert_string_equal(c.user, "cert");
	assert_string_equal(c.password, "a#b");
	assert_string_equal(c.host, "db1");
	assert_string_equal(c.socket, "/run/s");
	assert_int_equal(c.port, 3307);
	assert_true(c.tls);
	assert_int_equal(parse("[client]\nuser=cert\n[mysqld]\nssl-ca=/x\n"), E_OK);
	assert_false(c.tls);
}

static void settings_for_tls_however_spelt(void **state)
{
	static const char *const lines[] = {
		"ssl", "ssl=1", "ssl-ca=/x", "ssl_ca=/x", "ssl-mode=REQUIRED", "tls-version=TLSv1.3",
		"tls_version=TLSv1.3",
	};
	char text[100];

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		snprintf(text, sizeof text, "[client]\nuser=cert\n%s\n", lines[i]);
		assert_int_equal(parse(text), E_OK);
		assert_true(c.tls);
	}
	assert_int_equal(parse("[client]\nuser=cert\nsslx=1\n"), E_OK);
	assert_false(c.tls);
}

static void quotes_comments_and_escapes(void **state)
{
	static const struct {
		const char *text, *password;
	} cases[] = {
		{ "[client]\npassword=plain # comment", "plain" },
		{ "[client]\npassword='it # is'", "it # is" },
		{ "[client]\npassword=\"a\\\"#b\" # x", "a\"#b" },
		{ "[client] # mine\npassword=a\\sb\\\\c\\t", "a b\\c\t" },
		{ "[client]\npassword=a\\qb", "a\\qb" },
		{ "[client]\npassword=x=y", "x=y" },
		{ "[client]\npassword=", "" },
		{ "[client]\npassword", "" },
		{ "[client]\npassword=\\", "\\" },
		{ "", "" },
		{ "password=outside", "" },
		{ "[clients]\npassword=other", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(parse(cases[i].text), E_OK);
		assert_string_equal(c.password, cases[i].password);
	}
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
	char text[MYCNF_VALUE_LEN + 64] = "\n[client]\npassword=";
	size_t len = strlen(text);

	(void)state;
	memset(text + len, 'x', MYCNF_VALUE_LEN - 1);
	assert_int_equal(parse(text), E_OK);
	memset(text + len, 'x', MYCNF_VALUE_LEN);
	assert_int_equal(parse(text), E_DATA);
	assert_int_equal(line, 3);
	assert_null(strchr(why, 'x'));
	assert_int_equal(parse("[client]\nport=0"), E_DATA);
	assert_int_equal(line, 2);
	assert_int_equal(parse("[client]\nport=65536\n"), E_DATA);
	assert_int_equal(parse("[client]\nport=99999999999999999999\n"), E_DATA);
	assert_int_equal(parse("[client]\nport=\n"), E_DATA);
	assert_int_equal(parse("!includedir /etc/mysql/conf.d\n[client]\nuser=x\n"), E_DATA);
	assert_int_equal(line, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_usual_file),
		cmocka_unit_test(settings_for_tls_however_spelt),
		cmocka_unit_test(quotes_comments_and_escapes),
		cmocka_unit_test(what_is_wrong_is_told_with_its_line),
	};

	return cmocka_run_group_tests_name("mycnf", tests, NULL, NULL);
}

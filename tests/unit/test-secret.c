/* Passwords in files of their own. */
#include "unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "secret.h"

static char dir[] = "/tmp/test-secret-XXXXXX", path[64], error[SECRET_ERROR_LEN];

static const char *put(struct bytes octets)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(octets.p, 1, octets.len, f), octets.len);
	assert_int_equal(fclose(f), 0);
	return path;
}

static void reads(struct bytes octets, const char *want)
{
	struct secret s;

	if (secret_read(put(octets), &s, error) != E_OK)
		fail_msg("%s", error);
	assert_string_equal(s.text, want);
	secret_wipe(&s);
	assert_int_equal(s.text[0], 0);
}

static void refuses(const char *file, const char *because)
{
	struct secret s = { .text = "unchanged" };

	assert_int_equal(secret_read(file, &s, error), E_IO);
	assert_string_equal(s.text, "unchanged");
	if (!strstr(error, because) || !strstr(error, file))
		fail_msg("not \"%s\": %s", because, error);
	assert_null(strstr(error, "hunter"));
}

static void one_line(void **state)
{
	char longest[LIM_SECRET_LEN + 1];

	(void)state;
	reads(B("hunter2"), "hunter2");
	reads(B("hunter2\n"), "hunter2");
	reads(B("hunter2\r\n"), "hunter2");
	reads(B(" #\"'\\ \n"), " #\"'\\ ");
	memset(longest, 'x', LIM_SECRET_LEN);
	longest[LIM_SECRET_LEN] = '\0';
	reads(bytes_str(longest), longest);
}

static void no_file_is_an_empty_text(void **state)
{
	struct secret s;

	(void)state;
	assert_int_equal(secret_read(NULL, &s, error), E_OK);
	assert_string_equal(s.text, "");
}

static void other_things(void **state)
{
	static const char one[] = "has to hold a password, one line and nothing else";
	char longer[LIM_SECRET_LEN + 1];

	(void)state;
	refuses(put(B("")), one);
	refuses(put(B("\n")), one);
	refuses(put(B("hunter1\nhunter2\n")), one);
	refuses(put(B("hunter1\n\n")), one);
	refuses(put(B("hunter\0002")), one);
	memset(longer, 'x', sizeof longer);
	refuses(put(bytes_of(longer, sizeof longer)), "too long for a password");
	refuses(dir, "no regular file");
	refuses("/nonexistent/p", "No such file");
	refuses("$CREDENTIALS_DIRECTORY/db", "LoadCredential= or LoadCredentialEncrypted= is "
		"missing");
	/* and nobody waits for someone to write into it */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	refuses(path, "no regular file");
}

static int prepare(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/password", dir);
	return 0;
}

static int clean_up(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line),
		cmocka_unit_test(no_file_is_an_empty_text),
		cmocka_unit_test(other_things),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}

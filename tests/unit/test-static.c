/* The name that an answer has for a web server, and the folder of those. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "static-folder.h"

/* 42 octets whose base64 has "+", "/" and "//" and, with its padding, nothing; the header is right. */
static struct bytes request_of(uint8_t *buf, size_t len, uint8_t fill)
{
	memset(buf, fill, len);
	buf[0] = 0x30;
	buf[1] = (uint8_t)(len - 2);
	if (len > 129) {
		buf[1] = 0x81;
		buf[2] = (uint8_t)(len - 3);
	}
	return bytes_of(buf, len);
}

static void names(void **state)
{
	char path[STATIC_PATH_LEN];
	uint8_t buf[VARIANT_REQUEST_LEN];

	(void)state;
	/* MAX//w==, MAX///8=, MAX///// */
	assert_true(static_path(request_of(buf, 4, 0xff), path));
	assert_string_equal(path, "__/MAL__w");
	assert_true(static_path(request_of(buf, 5, 0xff), path));
	assert_string_equal(path, "__/MAP___8");
	assert_true(static_path(request_of(buf, 6, 0xfb), path));
	assert_string_equal(path, "_v/MAT7+_v7");
}

static void there_and_back(void **state)
{
	uint8_t buf[VARIANT_REQUEST_LEN], again[VARIANT_REQUEST_LEN];
	char path[STATIC_PATH_LEN];
	struct bytes request;

	(void)state;
	for (size_t len = 4; len <= 128; len++) {
		for (unsigned fill = 0; fill < 256; fill += 5) {
			struct bytes octets = request_of(buf, len, (uint8_t)fill);

			assert_true(static_path(octets, path));
			assert_true(static_request(path + 3, again, &request));
			assert_true(bytes_eq(octets, request));
		}
	}
}

static void the_longest(void **state)
{
	uint8_t buf[VARIANT_REQUEST_LEN];
	char path[STATIC_PATH_LEN], url[STATIC_URL_LEN];
	struct bytes octets = request_of(buf, 191, 0xff);

	(void)state;
	/* what a SHA-512 CertID with the longest serial number takes, and one octet more */
	assert_true(static_path(octets, path));
	assert_int_equal(strlen(path), 3 + 255);
	assert_true(strlen(static_url(octets, true, url)) > 700);
	assert_false(static_path(request_of(buf, 192, 0xff), path));
	assert_false(static_path(request_of(buf, VARIANT_REQUEST_LEN, 0xff), path));
	assert_false(static_path(bytes_of(buf, 2), path));
}

static void no_names(void **state)
{
	static const char *const wrong[] = {
		"", "M", "MA", "MAL__w==", "MAL//w", "mAL__w", "xMAL__w", "MAL__", "MAL__wA", "MAL__x",
		"MAL__w.~00", "M-L__w", "MAL_%2fw", "new",
	};
	uint8_t buf[VARIANT_REQUEST_LEN];
	struct bytes request;
	char longest[300];

	(void)state;
	assert_true(static_request("MAL__w", buf, &request));
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		if (static_request(wrong[i], buf, &request))
			fail_msg("%s", wrong[i]);
	memset(longest, 'A', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	memcpy(longest, "MIIB", 4);
	assert_false(static_request(longest, buf, &request));
}

static void urls(void **state)
{
	uint8_t buf[VARIANT_REQUEST_LEN];
	char url[STATIC_URL_LEN];

	(void)state;
	request_of(buf, 4, 0xff);
	assert_string_equal(static_url(bytes_of(buf, 4), false, url), "/MAL//w==");
	assert_string_equal(static_url(bytes_of(buf, 4), true, url), "/MAL%2F%2Fw%3D%3D");
	request_of(buf, 6, 0xfb);
	assert_string_equal(static_url(bytes_of(buf, 6), true, url), "/MAT7%2B%2Fv7");
	assert_string_equal(static_url(request_of(buf, 200, 1), true, url), "");
}

/* --- the folder */

static char path[] = "/tmp/test-static.XXXXXX";

static int make(void **state)
{
	static struct static_folder f;

	strcpy(path + sizeof path - 7, "XXXXXX");
	assert_non_null(mkdtemp(path));
	assert_int_equal(static_open(&f, path), E_OK);
	*state = &f;
	return 0;
}

static int unmake(void **state)
{
	char command[64];

	static_close(*state);
	snprintf(command, sizeof command, "rm -r %s", path);
	return system(command);
}

static bool there(const struct static_folder *f, const char *name)
{
	return faccessat(f->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void puts_and_gets(void **state)
{
	const struct static_folder *f = *state;
	uint8_t buf[LIM_RESPONSE_LEN];
	struct stat st;

	assert_int_equal(static_get(f, "ab/name", buf).len, 0);
	assert_int_equal(static_drop(f, "ab/name"), E_NOT_FOUND);
	assert_int_equal(static_put(f, "ab/name", B("one"), 1000000), E_OK);
	assert_int_equal(static_put(f, "ab/name", B("two!"), 2000000), E_OK);
	assert_true(bytes_eq(static_get(f, "ab/name", buf), B("two!")));
	assert_int_equal(fstatat(f->fd, "answers/ab/name", &st, 0), 0);
	assert_int_equal(st.st_mtim.tv_sec, 2000000);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_false(there(f, "new"));
	assert_int_equal(static_drop(f, "ab/name"), E_OK);
	assert_int_equal(static_get(f, "ab/name", buf).len, 0);
}

static void one_writer(void **state)
{
	struct static_folder *f = *state, other;
	char left[64];

	assert_int_equal(static_open(&other, path), E_BUSY);
	assert_int_equal(other.fd, -1);
	static_close(f);
	snprintf(left, sizeof left, "%s/new.~0123", path);
	close(open(left, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(static_open(&other, path), E_OK);
	assert_false(there(&other, "new.~0123"));
	assert_true(there(&other, "answers"));
	static_close(&other);
	assert_int_equal(static_open(&other, "/nowhere"), E_IO);
	assert_int_equal(errno, ENOENT);
}

static bool count(void *arg, const char *name)
{
	assert_true(strcmp(name, "ab/1") == 0 || strcmp(name, "ab/2") == 0 ||
		    strcmp(name, "cd/3") == 0);
	return ++*(int *)arg < 2;
}

static bool drop(void *arg, const char *name)
{
	return static_drop(arg, name) == E_OK;
}

static void walks(void **state)
{
	struct static_folder *f = *state;
	uint8_t buf[LIM_RESPONSE_LEN];
	int n = 0;

	assert_int_equal(static_put(f, "ab/1", B("x"), 1), E_OK);
	assert_int_equal(static_put(f, "ab/2", B("x"), 1), E_OK);
	assert_int_equal(static_put(f, "cd/3", B("x"), 1), E_OK);
	assert_int_equal(static_walk(f, count, &n), E_OK);
	assert_int_equal(n, 2);
	assert_int_equal(static_walk(f, drop, f), E_OK);
	assert_int_equal(static_get(f, "ab/1", buf).len, 0);
	assert_int_equal(static_get(f, "cd/3", buf).len, 0);
}

static void slots(void **state)
{
	const struct static_folder *f = *state;
	char to[32] = "";

	/* from the slot that has begun to the last that ends in time */
	assert_int_equal(static_allow(f, 1234, 1600), E_OK);
	assert_false(there(f, "now/11"));
	assert_true(there(f, "now/12"));
	assert_true(there(f, "now/15"));
	assert_false(there(f, "now/16"));
	assert_int_equal(readlinkat(f->fd, "now/12", to, sizeof to - 1), 10);
	assert_string_equal(to, "../answers");
	assert_int_equal(static_allow(f, 1399, 1799), E_OK);
	assert_false(there(f, "now/12"));
	assert_true(there(f, "now/13"));
	assert_true(there(f, "now/16"));
	assert_false(there(f, "now/17"));
	assert_int_equal(static_allow(f, 1400, 1499), E_OK);
	assert_false(there(f, "now/13"));
	assert_false(there(f, "now/14"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(the_longest),
		cmocka_unit_test(no_names),
		cmocka_unit_test(urls),
		cmocka_unit_test_setup_teardown(puts_and_gets, make, unmake),
		cmocka_unit_test_setup_teardown(one_writer, make, unmake),
		cmocka_unit_test_setup_teardown(walks, make, unmake),
		cmocka_unit_test_setup_teardown(slots, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

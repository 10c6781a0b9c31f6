/* Which files of the cache are answers, and which are left alone. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io.h"
#include "walk.h"

static void names(void **state)
{
	static const char *const wrong[] = {
		"", ".", "..", ".der", "abc.der", "0.der", "ABCD.der", "12.DER", "12.der.~0123456789abcdef",
		"12.np", "12.np.der2", "g1.der", "0x12.der",
		"0102030405060708090a0b0c0d0e0f101112131415161718191a.der",
	};
	struct walked w;

	(void)state;
	assert_true(walk_parse("00ff.der", &w));
	assert_true(w.has_null);
	assert_int_equal(w.serial.len, 1);
	assert_int_equal(w.serial.p[0], 0xff);
	assert_true(walk_parse("1234.np.der", &w));
	assert_false(w.has_null);
	assert_int_equal(w.serial.len, 2);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(walk_parse(wrong[i], &w));
}

static void touch(int dir, const char *path)
{
	int fd = openat(dir, path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void every_file_is_met_once(void **state)
{
	static const char folder[3][CERTID_FOLDER_LEN] = { "one", "missing", "two" };
	char path[] = "/tmp/test-walk.XXXXXX", command[64];
	struct cache c = { .fd = -1 };
	size_t found = 0, ends = 0, last = 0;
	struct walked f;
	struct walk w;

	(void)state;
	assert_non_null(mkdtemp(path));
	assert_int_equal(cache_open(&c, path, 60, false), E_OK);
	assert_int_equal(mkdirat(c.fd, "one", 0700), 0);
	assert_int_equal(mkdirat(c.fd, "one/01", 0700), 0);
	assert_int_equal(mkdirat(c.fd, "one/ff", 0700), 0);
	assert_int_equal(mkdirat(c.fd, "two", 0700), 0);
	assert_int_equal(mkdirat(c.fd, "two/00", 0700), 0);
	touch(c.fd, "one/01/0101.der");
	touch(c.fd, "one/01/0201.der");
	touch(c.fd, "one/ff/ff.np.der");
	touch(c.fd, "one/ff/left.alone");
	touch(c.fd, "two/00/1000.der");
	walk_begin(&w, &c, folder, 3);
	while (!walk_done(&w)) {
		if (!walk_next(&w, &f)) {
			ends++;
			continue;
		}
		found++;
		assert_true(f.folder == 0 || f.folder == 2);
		assert_true(f.folder >= last);
		last = f.folder;
	}
	assert_int_equal(found, 4);
	assert_int_equal(ends, 3 * WALK_SHARDS);
	assert_false(walk_next(&w, &f));
	/* it can be ended in the middle of a shard */
	walk_begin(&w, &c, folder, 3);
	while (!walk_next(&w, &f))
		;
	walk_end(&w);
	assert_true(walk_done(&w));
	cache_close(&c);
	snprintf(command, sizeof command, "rm -rf %s", path);
	assert_int_equal(system(command), 0);
}

/* Whoever walks must not take what it could not see for what is not there. */
static int without_descriptors(const char *path)
{
	static const char folder[1][CERTID_FOLDER_LEN] = { "one" };
	struct rlimit few;
	struct cache c = { .fd = -1 };
	struct walked f;
	struct walk w;

	if (cache_open(&c, path, 60, false) != E_OK || mkdirat(c.fd, "one", 0700) != 0 ||
	    mkdirat(c.fd, "one/01", 0700) != 0)
		return 1;
	for (int round = 0; round < 2; round++) {
		walk_begin(&w, &c, folder, 1);
		while (!walk_done(&w))
			if (walk_next(&w, &f))
				return 2;
		if (w.error != (round ? EMFILE : 0))
			return 3 + round;
		few = (struct rlimit){ (rlim_t)c.fd + 1, (rlim_t)c.fd + 1 };
		if (setrlimit(RLIMIT_NOFILE, &few) != 0)
			return 5;
	}
	return 0;
}

static void what_cannot_be_read_is_told(void **state)
{
	char path[] = "/tmp/test-walk.XXXXXX", command[64];
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(path));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(without_descriptors(path));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	snprintf(command, sizeof command, "rm -rf %s", path);
	assert_int_equal(system(command), 0);
}

static void temporary_names_are_told_apart(void **state)
{
	static const char *const others[] = {
		"", ".~", ".~0123456789abcdef", "a.~0123456789abcde", "a.~0123456789abcdef0",
		"a.~0123456789abcdeg", "a.~0123456789ABCDEF", "a~0123456789abcdef", "12.der",
	};
	char name[64];

	(void)state;
	assert_true(io_is_temporary("12.der.~0123456789abcdef"));
	assert_true(io_temporary_name("a", name, sizeof name));
	assert_true(io_is_temporary(name));
	assert_false(io_temporary_name("a", name, strlen(name)));
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_false(io_is_temporary(others[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(every_file_is_met_once),
		cmocka_unit_test(what_cannot_be_read_is_told),
		cmocka_unit_test(temporary_names_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

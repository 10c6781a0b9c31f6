/* The cache directory: D-10, D-11, U-3, U-6, and files that a stranger left there. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cache.h"
#include "gtime.h"

static char dir[] = "/tmp/test-cache.XXXXXX";
static struct bytes sample;		/* the predecessor's answer … */
static struct certid id;		/* … its CertID … */
static struct certid_place place;
static int64_t t0;			/* … and its thisUpdate, milliseconds */
static uint8_t buf[LIM_RESPONSE_LEN];

static int prepare(void **state)
{
	struct response r;
	struct single s;
	struct der d;

	(void)state;
	umask(CACHE_UMASK);
	sample = data_file("predecessor/sample-response.der");
	if (response_parse(sample, &r) != E_OK)
		return -1;
	d = der_of(r.singles);
	if (!response_next(&d, &s) || !certid_place(&s.id, &place))
		return -1;
	id = s.id;
	t0 = s.this_update * 1000;
	return mkdtemp(dir) ? 0 : -1;
}

static int clean_up(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", dir);
	free((void *)(uintptr_t)sample.p);
	return system(command);
}

static struct cache opened(int recheck_s)
{
	struct cache c;

	assert_int_equal(cache_open(&c, dir, recheck_s, true), E_OK);
	return c;
}

static enum verdict look(const struct cache *c, int64_t now_ms, const char **odd)
{
	struct cache_entry e;

	cache_get(c, &id, now_ms, buf, &e, odd);
	if (e.verdict != FRESH_MISS)
		assert_true(bytes_eq(e.der, sample));
	return e.verdict;
}

static void publishes_and_finds(void **state)
{
	struct cache c = opened(60);
	struct stat st;
	const char *odd;

	(void)state;
	assert_int_equal(look(&c, t0, &odd), FRESH_MISS);
	assert_null(odd);	/* it is simply not there */
	assert_int_equal(cache_put(&c, &id, sample, t0), E_OK);
	assert_int_equal(look(&c, t0, &odd), FRESH_HIT);
	assert_int_equal(look(&c, t0 + 60000, NULL), FRESH_RECHECK);
	assert_int_equal(cache_touch(&c, &id, t0 + 60000), E_OK);
	assert_int_equal(look(&c, t0 + 60000, NULL), FRESH_HIT);
	assert_int_equal(look(&c, t0 + 86399000, NULL), FRESH_MISS);
	/* nobody else may write; who may read, the directory above says */
	assert_int_equal(fstatat(c.fd, place.file, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(fstatat(c.fd, place.shard, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	/* and it can be taken away */
	assert_int_equal(cache_remove(&c, &id), E_OK);
	assert_int_equal(cache_remove(&c, &id), E_OK);
	assert_int_equal(look(&c, t0, &odd), FRESH_MISS);
	cache_close(&c);
}

static void a_marker_of_the_folder_renews_all_leases(void **state)
{
	int64_t later_ms = (int64_t)time(NULL) * 1000 + 60000;
	struct cache c = opened(60);
	char marker[CERTID_FOLDER_LEN + 16];
	struct stat st;

	(void)state;
	/* where there is no folder yet, nothing is made */
	cache_verify(&c, "sha1-00-00", t0, later_ms);
	assert_int_equal(fstatat(c.fd, "sha1-00-00", &st, 0), -1);
	assert_int_equal(cache_put(&c, &id, sample, t0), E_OK);
	cache_verify(&c, place.folder, t0 + 50000, later_ms);
	assert_int_equal(look(&c, t0 + 99000, NULL), FRESH_HIT);
	cache_verify(&c, place.folder, t0 + 100000, later_ms);
	assert_int_equal(look(&c, t0 + 120000, NULL), FRESH_HIT);
	assert_int_equal(look(&c, t0 + 160000, NULL), FRESH_RECHECK);
	/* a marker of the future says nothing: not even against a good file */
	assert_int_equal(look(&c, t0 + 59000, NULL), FRESH_HIT);
	assert_int_equal(look(&c, t0 + 99000, NULL), FRESH_RECHECK);
	/* nor about what was put there after its look at the folder: by another process, or from a
	 * backup */
	cache_verify(&c, place.folder, t0 + 100000, later_ms - 120000);
	assert_int_equal(look(&c, t0 + 59000, NULL), FRESH_HIT);
	assert_int_equal(look(&c, t0 + 120000, NULL), FRESH_RECHECK);
	snprintf(marker, sizeof marker, "%s/.verified", place.folder);
	assert_int_equal(unlinkat(c.fd, marker, 0), 0);
	cache_close(&c);
}

static void take_away(const struct cache *c)
{
	assert_int_equal(unlinkat(c->fd, place.file, 0), 0);
}

static void refuses_what_a_stranger_left(void **state)
{
	struct cache c = opened(60);
	const char *odd = NULL;
	char outside[64];
	int fd;

	(void)state;
	assert_int_equal(cache_put(&c, &id, sample, t0), E_OK);

	/* a link to a good answer elsewhere */
	snprintf(outside, sizeof outside, "%s/elsewhere", dir);
	assert_int_equal(renameat(c.fd, place.file, AT_FDCWD, outside), 0);
	assert_int_equal(symlinkat(outside, c.fd, place.file), 0);
	assert_int_equal(look(&c, t0, &odd), FRESH_MISS);
	assert_non_null(odd);
	take_away(&c);

	/* a FIFO must not make us wait */
	assert_int_equal(mkfifoat(c.fd, place.file, 0600), 0);
	assert_int_equal(look(&c, t0, &odd), FRESH_MISS);
	assert_non_null(odd);
	take_away(&c);

	assert_int_equal(mkdirat(c.fd, place.file, 0700), 0);
	assert_int_equal(look(&c, t0, &odd), FRESH_MISS);
	assert_non_null(odd);
	/* and an empty folder in our place is replaced */
	assert_int_equal(cache_put(&c, &id, sample, t0), E_OK);
	assert_int_equal(look(&c, t0, &odd), FRESH_HIT);

	/* a sparse giant */
	fd = openat(c.fd, place.file, O_WRONLY);
	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	close(fd);
	assert_int_equal(look(&c, t0, &odd), FRESH_MISS);
	assert_non_null(odd);

	/* cut short, at every octet */
	for (size_t n = 0; n < sample.len; n += 7) {
		assert_int_equal(cache_put(&c, &id, bytes_of(sample.p, n), t0), E_OK);
		assert_int_equal(look(&c, t0, &odd), FRESH_MISS);
		assert_string_equal(odd, "is no OCSPResponse");
	}
	/* an error response */
	assert_int_equal(cache_put(&c, &id, B("\x30\x03\x0a\x01\x06"), t0), E_OK);
	assert_int_equal(look(&c, t0, &odd), FRESH_MISS);
	assert_string_equal(odd, "is not successful");
	cache_close(&c);
}

/* U-6, and someone else's answer under our name. */
static void the_certid_inside_has_to_be_the_one_asked_for(void **state)
{
	uint8_t der[256], serial[20];
	struct cache c = opened(60);
	struct cache_entry e;
	const char *odd;
	struct certid other = id;

	(void)state;
	memcpy(der, id.der.p, id.der.len);
	der[id.der.len - 1] ^= 1;
	other.der = bytes_of(der, id.der.len);
	memcpy(serial, id.serial.p, id.serial.len);
	serial[id.serial.len - 1] ^= 1;
	other.serial = bytes_of(serial, id.serial.len);
	assert_int_equal(cache_put(&c, &other, sample, t0), E_OK);
	cache_get(&c, &other, t0, buf, &e, &odd);
	assert_int_equal(e.verdict, FRESH_MISS);
	assert_string_equal(odd, "answers for another certificate");
	cache_close(&c);
}

/* D-11: no directory, or one that can't be written, costs speed and nothing else. */
static void works_without_a_directory(void **state)
{
	struct cache c;
	const char *odd;
	char path[128];

	(void)state;
	snprintf(path, sizeof path, "%s/elsewhere/cache", dir);	/* below a file */
	assert_int_equal(cache_open(&c, path, 60, true), E_IO);
	assert_int_equal(look(&c, t0, &odd), FRESH_MISS);
	assert_null(odd);
	assert_int_equal(cache_put(&c, &id, sample, t0), E_IO);
	assert_int_equal(cache_remove(&c, &id), E_OK);
	assert_int_equal(cache_lock(&c, &id, deadline_in(100)), -1);
	assert_false(cache_backoff(&c, &id, t0));
	assert_int_equal(cache_touch(&c, &id, t0), E_OK);
	cache_close(&c);
}

/* One byte per serial: the same one is waited for, another is not. */
static void locks_one_serial(void **state)
{
	struct cache c = opened(60);
	struct certid other = id;
	int64_t begin;
	int first, second, third;

	(void)state;
	other.serial.len--;
	other.serial.p++;
	assert_int_equal(cache_make_folder(&c, &id), E_OK);
	first = cache_lock(&c, &id, deadline_in(1000));
	assert_true(first >= 0);
	second = cache_lock(&c, &other, deadline_in(1000));
	assert_true(second >= 0);
	begin = clock_mono_ms();
	third = cache_lock(&c, &id, deadline_in(120));
	assert_int_equal(third, -1);
	assert_in_range(clock_mono_ms() - begin, 100, 2000);
	close(first);
	third = cache_lock(&c, &id, deadline_in(1000));
	assert_true(third >= 0);
	close(second);
	close(third);
	cache_close(&c);
}

static void remembers_that_the_database_is_down(void **state)
{
	struct cache c = opened(60);
	struct certid sibling = id;
	struct certid_place where;
	struct cache other;
	char host[65], note[CERTID_FOLDER_LEN + CACHE_NOTE_LEN];
	uint8_t key[20] = { 1 };
	int64_t now;

	(void)state;
	sibling.key_hash = bytes_of(key, sizeof key);
	assert_int_equal(cache_make_folder(&c, &id), E_OK);
	assert_int_equal(cache_make_folder(&c, &sibling), E_OK);
	assert_int_equal(strncmp(c.backoff, ".database-down-", 15), 0);
	assert_int_equal(gethostname(host, sizeof host), 0);
	assert_string_equal(c.backoff + 15, host);
	assert_false(cache_backoff_clear(&c, &id));
	assert_true(cache_backoff_set(&c, &id));	/* the state changed … */
	assert_false(cache_backoff_set(&c, &id));	/* … once */
	now = clock_real_ms() + 1;
	other = c;
	assert_true(cache_backoff(&c, &id, now));
	assert_false(cache_backoff(&c, &id, now + LIM_BACKOFF_S * 1000));
	/* another CA may have a table that works */
	assert_false(cache_backoff(&c, &sibling, now));
	assert_false(cache_backoff_clear(&c, &sibling));
	/* another host's is none of ours */
	other.backoff[15] ^= 1;
	assert_false(cache_backoff(&other, &id, now));
	assert_true(cache_backoff_set(&other, &id));
	assert_true(cache_backoff_clear(&c, &id));
	assert_false(cache_backoff(&c, &id, now));
	assert_true(cache_backoff(&other, &id, clock_real_ms() + 1));
	assert_true(cache_backoff_clear(&other, &id));
	/* what nobody can clear is no note */
	assert_true(certid_place(&id, &where));
	snprintf(note, sizeof note, "%s/%s", where.folder, c.backoff);
	assert_int_equal(mkdirat(c.fd, note, 0700), 0);
	assert_false(cache_backoff(&c, &id, clock_real_ms() + 1));
	assert_int_equal(unlinkat(c.fd, note, AT_REMOVEDIR), 0);
	cache_close(&c);
}

static void notices_that_it_was_replaced(void **state)
{
	struct cache c = opened(60);
	char old[4096];

	(void)state;
	assert_false(cache_is_replaced(&c));
	snprintf(old, sizeof old, "%s.old", c.path);
	assert_int_equal(rename(c.path, old), 0);
	/* there is nothing yet that could be used instead */
	assert_false(cache_is_replaced(&c));
	assert_int_equal(symlink("nowhere", c.path), 0);
	assert_false(cache_is_replaced(&c));
	assert_int_equal(unlink(c.path), 0);
	assert_int_equal(mkdir(c.path, 0700), 0);
	assert_true(cache_is_replaced(&c));
	cache_close(&c);
	assert_true(cache_is_replaced(&c));
	assert_int_equal(chmod(c.path, 0), 0);
	assert_false(cache_is_replaced(&c));
	assert_int_equal(rmdir(c.path), 0);
	assert_int_equal(rename(old, c.path), 0);
}

/* D-10: while one process publishes without a pause, another never reads a part. */
static void a_reader_sees_whole_answers_only(void **state)
{
	struct cache c = opened(60);
	const char *odd;
	pid_t writer;

	(void)state;
	assert_int_equal(cache_put(&c, &id, sample, t0), E_OK);
	writer = fork();
	if (writer == 0) {
		for (int i = 0; i < 3000; i++)
			if (cache_put(&c, &id, sample, t0) != E_OK)
				_exit(1);
		_exit(0);
	}
	while (waitpid(writer, NULL, WNOHANG) == 0)
		assert_int_equal(look(&c, t0, &odd), FRESH_HIT);
	cache_close(&c);
}

static size_t noted(const struct cache *c, struct bytes text)
{
	assert_int_equal(cache_put_note(c, CACHE_ISSUERS, text), E_OK);
	return cache_get_note(c, CACHE_ISSUERS, buf, 100);
}

/* U-10: what people are shown was written by us, and is read as if a stranger had written it. */
static void notes(void **state)
{
	struct cache c = opened(60), none = { .fd = -1 };
	uint8_t large[101];

	(void)state;
	memset(large, 'x', sizeof large);
	assert_true(cache_note_is_older(&c, CACHE_ISSUERS, 3600));
	assert_int_equal(noted(&c, B("CN = Käse\n")), 11);
	assert_memory_equal(buf, "CN = Käse\n", 11);
	assert_false(cache_note_is_older(&c, CACHE_ISSUERS, 3600));
	assert_true(cache_note_is_older(&c, CACHE_ISSUERS, 0));
	assert_int_equal(noted(&c, B("\x1b[2J")), 0);
	assert_int_equal(noted(&c, B("a\0b")), 0);
	assert_int_equal(noted(&c, B("\x7f")), 0);
	assert_int_equal(noted(&c, bytes_of(large, 100)), 100);
	assert_int_equal(noted(&c, bytes_of(large, 101)), 0);
	assert_false(cache_note_is_older(&none, CACHE_ISSUERS, 0));
	assert_int_equal(cache_put_note(&none, CACHE_ISSUERS, B("x")), E_IO);
	assert_int_equal(cache_get_note(&none, CACHE_ISSUERS, buf, 100), 0);
	cache_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notes),
		cmocka_unit_test(publishes_and_finds),
		cmocka_unit_test(a_marker_of_the_folder_renews_all_leases),
		cmocka_unit_test(refuses_what_a_stranger_left),
		cmocka_unit_test(the_certid_inside_has_to_be_the_one_asked_for),
		cmocka_unit_test(works_without_a_directory),
		cmocka_unit_test(locks_one_serial),
		cmocka_unit_test(remembers_that_the_database_is_down),
		cmocka_unit_test(notices_that_it_was_replaced),
		cmocka_unit_test(a_reader_sees_whole_answers_only),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}

/* metrics: a file that many processes add to, whatever becomes of it. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "metrics.h"
#include "unit.h"

#define FILE_LEN 4096

static char dir[] = "/tmp/test-metrics-XXXXXX";
static char front[64], signer[64];
static struct conf conf;

static void forget(void **state)
{
	(void)state;
	chmod(dir, 0700);
	unlink(front);
	unlink(signer);
	rmdir(front);
}

static int set_up(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(front, sizeof front, "%s/m", dir);
	snprintf(signer, sizeof signer, "%s/m-sign", dir);
	conf.metrics = front;
	conf.cache = dir;
	forget(state);
	return 0;
}

static int tear_down(void **state)
{
	forget(state);
	return rmdir(dir);
}

/* What one process does from its start to its end; returns its wait status. */
static int in_child(void (*work)(void *arg), void *arg)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		work(arg);
		_exit(0);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	return status;
}

static void count_one(void *arg)
{
	(void)arg;
	metrics_open(&conf, -1, METRICS_FRONT);
	metrics_count_request(WAY_POST, 200);
}

static uint64_t posts(void)
{
	struct metrics m;
	int64_t since;

	assert_int_equal(metrics_read(&conf, &m, &since), E_OK);
	return m.request[WAY_POST][0];
}

static void put(const char *path, const void *p, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0 && write(fd, p, len) == (ssize_t)len);
	close(fd);
}

static void the_first_makes_it_for_itself_alone(void **state)
{
	struct stat st;
	struct metrics m;
	int64_t since;

	forget(state);
	assert_int_equal(metrics_read(&conf, &m, &since), E_NOT_FOUND);
	assert_int_equal(in_child(count_one, NULL), 0);
	assert_int_equal(stat(front, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, FILE_LEN);
	assert_true(st.st_blocks > 0);	/* not sparse: a full disk is noticed by write() */
	assert_int_equal(in_child(count_one, NULL), 0);
	assert_int_equal(posts(), 2);
	assert_int_equal(metrics_read(&conf, &m, &since), E_OK);
	assert_true(since <= time(NULL) && since > time(NULL) - 60);
}

static void everything_has_a_place_of_its_own(void **state)
{
	struct metrics m;
	int64_t since;

	forget(state);
	metrics_open(&conf, -1, METRICS_FRONT);
	metrics_count_request(WAY_GET, 304);
	metrics_count_request(WAY_GET, 999);
	metrics_count_request(WAY_DER, 0);
	metrics_count_answer(ANSWER_ERROR + OCSP_UNAUTHORIZED);
	metrics_count_answer(METRICS_ANSWERS);	/* no such place: not counted */
	metrics_count_lookup(LOOKUP_HIT);
	metrics_count_signer(SIGNER_TIMEOUT);
	metrics_count_refused(1);
	metrics_count_age(60);
	metrics_count_age(61);
	metrics_count_age(-5);
	metrics_count_time(CLOCK_CACHED, 10);
	metrics_count_time(CLOCK_CACHED, 11);
	metrics_count_time(CLOCK_CACHED, INT64_MAX / 2);
	assert_int_equal(metrics_read(&conf, &m, &since), E_OK);
	assert_int_equal(m.request[WAY_GET][1], 1);
	assert_int_equal(metrics_code(1), 304);
	assert_int_equal(m.request[WAY_GET][METRICS_CODES - 1], 1);
	assert_int_equal(metrics_code(METRICS_CODES - 1), 0);
	assert_int_equal(m.request[WAY_DER][0], 1);
	assert_int_equal(m.answer[ANSWER_ERROR + OCSP_UNAUTHORIZED], 1);
	assert_int_equal(m.lookup[LOOKUP_HIT], 1);
	assert_int_equal(m.signer[SIGNER_TIMEOUT], 1);
	assert_int_equal(m.refused, 1);
	assert_int_equal(m.age[0], 2);
	assert_int_equal(m.age[1], 1);
	assert_int_equal(m.age_sum_s, 121);
	assert_int_equal(m.time[CLOCK_CACHED].bucket[0], 1);
	assert_int_equal(m.time[CLOCK_CACHED].bucket[1], 1);
	assert_int_equal(m.time[CLOCK_CACHED].bucket[METRICS_TIMES - 1], 1);
	assert_int_equal(m.time[CLOCK_CACHED].sum_us, 21 + (uint64_t)(INT64_MAX / 2));
}

static void count_as_signer(void *arg)
{
	(void)arg;
	metrics_open(&conf, -1, METRICS_SIGN);
	metrics_count_signature();
	metrics_count_database_failure();
	metrics_count_failure(E_DB);
	metrics_count_source(4);
	metrics_count_request(WAY_POST, 200);
}

/* Two users, two files: nobody writes to what the other one has. */
static void parts_are_added_up(void **state)
{
	struct metrics m;
	int64_t since;

	forget(state);
	assert_int_equal(in_child(count_one, NULL), 0);
	assert_int_equal(in_child(count_as_signer, NULL), 0);
	assert_int_equal(access(signer, F_OK), 0);
	assert_int_equal(metrics_read(&conf, &m, &since), E_OK);
	assert_int_equal(m.signatures, 1);
	assert_int_equal(m.database_failures, 1);
	assert_int_equal(m.failure[E_DB], 1);
	assert_int_equal(m.source[4], 1);
	assert_int_equal(m.request[WAY_POST][0], 2);
}

static void count_many(void *arg)
{
	pid_t pids[8];
	int status;

	(void)arg;
	for (int i = 0; i < 8; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			metrics_open(&conf, -1, METRICS_FRONT);
			for (int k = 0; k < 10000; k++)
				metrics_count_request(WAY_POST, 200);
			_exit(0);
		}
	}
	for (int i = 0; i < 8; i++)
		if (waitpid(pids[i], &status, 0) != pids[i] || status)
			_exit(1);
}

/* From nothing: of those who come first one makes it, and nobody's counts are lost. */
static void nothing_is_lost_between_processes(void **state)
{
	for (int round = 0; round < 5; round++) {
		forget(state);
		assert_int_equal(in_child(count_many, NULL), 0);
		assert_int_equal(posts(), 80000);
	}
}

static void garbage_is_replaced(void **state)
{
	uint8_t octets[FILE_LEN];

	memset(octets, 0xa5, sizeof octets);
	for (size_t len = 0; len <= sizeof octets; len += 512) {
		forget(state);
		put(front, octets, len);
		assert_int_equal(in_child(count_one, NULL), 0);
		assert_int_equal(posts(), 1);
		assert_int_equal(in_child(count_one, NULL), 0);
		assert_int_equal(posts(), 2);
	}
}

static void what_is_cut_short_is_replaced(void **state)
{
	for (off_t len = 0; len < FILE_LEN; len += 1365) {
		forget(state);
		assert_int_equal(in_child(count_one, NULL), 0);
		assert_int_equal(truncate(front, len), 0);
		assert_int_equal(in_child(count_one, NULL), 0);
		assert_int_equal(posts(), 1);
	}
}

static void set_version(uint32_t version)
{
	int fd = open(front, O_WRONLY);

	assert_true(fd >= 0 && pwrite(fd, &version, sizeof version, 8) == sizeof version);
	close(fd);
}

/* An older program must not throw away what a newer one counts, nor write into it. */
static void a_newer_version_is_left_alone(void **state)
{
	struct stat before, after;
	struct metrics m;
	int64_t since;

	forget(state);
	assert_int_equal(in_child(count_one, NULL), 0);
	set_version(2);
	assert_int_equal(stat(front, &before), 0);
	assert_int_equal(in_child(count_one, NULL), 0);
	assert_int_equal(stat(front, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(metrics_read(&conf, &m, &since), E_DATA);
	set_version(1);
	assert_int_equal(posts(), 1);
}

static void an_older_version_is_replaced(void **state)
{
	forget(state);
	assert_int_equal(in_child(count_one, NULL), 0);
	set_version(0);
	assert_int_equal(in_child(count_one, NULL), 0);
	assert_int_equal(posts(), 1);
}

static void what_is_no_file_is_left_alone(void **state)
{
	char target[80];
	struct stat st;

	forget(state);
	assert_int_equal(mkfifo(front, 0600), 0);
	assert_int_equal(in_child(count_one, NULL), 0);
	assert_int_equal(unlink(front), 0);

	assert_int_equal(mkdir(front, 0700), 0);
	assert_int_equal(in_child(count_one, NULL), 0);
	assert_int_equal(rmdir(front), 0);

	/* nobody has us write elsewhere */
	snprintf(target, sizeof target, "%s/target", dir);
	put(target, "", 0);
	assert_int_equal(symlink(target, front), 0);
	assert_int_equal(in_child(count_one, NULL), 0);
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(unlink(target), 0);
}

static void count_in_an_empty_file(void *arg)
{
	/* as the front with a signer of its own: the folder isn't its to write */
	if (geteuid() == 0 && (chown(front, 65534, 65534) != 0 || setegid(65534) != 0 ||
			       seteuid(65534) != 0))
		_exit(1);
	count_one(arg);
}

/* A folder that can't be written to: an empty file that was put there is filled, else nothing. */
static void an_empty_file_is_filled_in_place(void **state)
{
	struct stat st;

	forget(state);
	put(front, "", 0);
	assert_int_equal(chmod(dir, 0555), 0);
	assert_int_equal(in_child(count_in_an_empty_file, NULL), 0);
	assert_int_equal(in_child(count_in_an_empty_file, NULL), 0);
	assert_int_equal(posts(), 2);
	assert_int_equal(stat(front, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void cut_while_mapped(void *arg)
{
	(void)arg;
	metrics_open(&conf, -1, METRICS_FRONT);
	metrics_count_request(WAY_POST, 200);
	if (truncate(front, 0) != 0)
		_exit(1);
	for (int i = 0; i < 3; i++)
		metrics_count_request(WAY_POST, 200);
	/* and the children that were forked before somebody did that, or after */
	if (fork() == 0) {
		metrics_count_time(CLOCK_SIGN, 5);
		_exit(0);
	}
	_exit(0);
}

/* The kernel's answer to an access beyond the end of a file kills who has not thought of it. */
static void no_sigbus_ends_a_process(void **state)
{
	forget(state);
	assert_int_equal(in_child(cut_while_mapped, NULL), 0);
	assert_int_equal(in_child(count_one, NULL), 0);
	assert_int_equal(posts(), 1);
}

static void fault_elsewhere(void *arg)
{
	char *p;
	int fd;

	(void)arg;
	metrics_open(&conf, -1, METRICS_FRONT);
	fd = open(signer, O_RDWR | O_CREAT, 0600);
	p = mmap(NULL, FILE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || p == MAP_FAILED)
		_exit(1);
	*(volatile char *)p = 1;	/* the file is empty */
}

static void another_sigbus_ends_it_as_ever(void **state)
{
	int status;

	forget(state);
	status = in_child(fault_elsewhere, NULL);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

static void it_can_be_switched_off(void **state)
{
	const struct conf none = { .metrics = "", .cache = dir }, nowhere = { .cache = dir };
	char path[METRICS_PATH_LEN];

	forget(state);
	metrics_open(&none, -1, METRICS_FRONT);
	metrics_open(&nowhere, -1, METRICS_FRONT);	/* there is no cache */
	metrics_count_refused(1);
	assert_int_not_equal(access(front, F_OK), 0);
	metrics_path(&nowhere, METRICS_SIGN, path);
	assert_string_equal(path + strlen(dir), "/.metrics-sign");
	metrics_path(&conf, METRICS_FRONT, path);
	assert_string_equal(path, front);
}

static void bounds_rise(void **state)
{
	(void)state;
	for (unsigned i = 1; i < METRICS_TIMES; i++)
		assert_true(metrics_time_bound_us(i) > metrics_time_bound_us(i - 1));
	for (unsigned i = 1; i < METRICS_AGES; i++)
		assert_true(metrics_age_bound_s(i) > metrics_age_bound_s(i - 1));
	assert_true(metrics_time_bound_us(METRICS_TIMES - 1) == INT64_MAX);
	assert_true(metrics_age_bound_s(METRICS_AGES - 1) == INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_makes_it_for_itself_alone),
		cmocka_unit_test(parts_are_added_up),
		cmocka_unit_test(nothing_is_lost_between_processes),
		cmocka_unit_test(garbage_is_replaced),
		cmocka_unit_test(what_is_cut_short_is_replaced),
		cmocka_unit_test(a_newer_version_is_left_alone),
		cmocka_unit_test(an_older_version_is_replaced),
		cmocka_unit_test(what_is_no_file_is_left_alone),
		cmocka_unit_test(an_empty_file_is_filled_in_place),
		cmocka_unit_test(no_sigbus_ends_a_process),
		cmocka_unit_test(another_sigbus_ends_it_as_ever),
		cmocka_unit_test(it_can_be_switched_off),
		cmocka_unit_test(bounds_rise),
		cmocka_unit_test(everything_has_a_place_of_its_own),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

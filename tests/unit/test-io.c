/* Reading under a deadline, framing, replacing files: D-2, D-3, D-6. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io.h"

static char dir[] = "/tmp/test-io.XXXXXX";

static int prepare(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return mkdtemp(dir) ? 0 : -1;
}

static int clean_up(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static const char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

/* D-6: the item ends at its own length; the writer keeps the other end open. */
static void reads_der_without_waiting_for_the_end(void **state)
{
	uint8_t buf[64];
	size_t len, item;
	int s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	assert_int_equal(write(s[0], "\x30\x02\x05\x00", 4), 4);
	assert_int_equal(io_read_der(s[1], deadline_in(5000), buf, sizeof buf, &len, &item), E_OK);
	assert_int_equal(len, 4);
	assert_int_equal(item, 4);
	/* what came behind it is told */
	assert_int_equal(write(s[0], "\x30\x00more", 6), 6);
	assert_int_equal(io_read_der(s[1], deadline_in(5000), buf, sizeof buf, &len, &item), E_OK);
	assert_int_equal(len, 6);
	assert_int_equal(item, 2);
	/* too large for the buffer */
	assert_int_equal(write(s[0], "\x30\x3f", 2), 2);
	assert_int_equal(io_read_der(s[1], deadline_in(5000), buf, sizeof buf, &len, &item),
			 E_MALFORMED);
	/* cut short */
	assert_int_equal(write(s[0], "\x30\x05x", 3), 3);
	close(s[0]);
	assert_int_equal(io_read_der(s[1], deadline_in(5000), buf, sizeof buf, &len, &item),
			 E_MALFORMED);
	assert_int_equal(io_read_der(s[1], deadline_in(5000), buf, sizeof buf, &len, &item),
			 E_GONE);
	close(s[1]);
}

/* D-3: the deadline is absolute: a drop every now and then does not move it. */
static void a_slow_writer_does_not_move_the_deadline(void **state)
{
	uint8_t buf[300];
	size_t len, item;
	int64_t begin;
	pid_t child;
	int s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	child = fork();
	if (child == 0) {
		ssize_t n = write(s[0], "\x30\x7f", 2);

		for (int i = 0; i < 100 && n > 0; i++) {
			poll(NULL, 0, 20);
			n = write(s[0], "x", 1);
		}
		_exit(0);
	}
	close(s[0]);
	begin = clock_mono_ms();
	assert_int_equal(io_read_der(s[1], deadline_in(200), buf, sizeof buf, &len, &item),
			 E_DEADLINE);
	assert_in_range(clock_mono_ms() - begin, 190, 1500);
	close(s[1]);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* A reader that never reads cannot hold us beyond the deadline, though the socket blocks. */
static void a_reader_that_does_not_read_does_not_hold_us(void **state)
{
	static uint8_t much[1 << 20];
	int64_t begin = clock_mono_ms();
	int s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	assert_int_equal(io_write_all(s[0], deadline_in(150), bytes_of(much, sizeof much)),
			 E_DEADLINE);
	assert_in_range(clock_mono_ms() - begin, 140, 1500);
	close(s[1]);
	/* D-4: and one that has gone is an error, not a signal */
	assert_int_equal(io_write_all(s[0], deadline_in(150), B("x")), E_GONE);
	close(s[0]);
}

/* An answer that is there is sent where that needs no waiting, though the time is up. */
static void what_needs_no_waiting_is_written_late(void **state)
{
	static uint8_t much[1 << 20];
	char got[8];
	int s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	assert_int_equal(io_write_two(s[0], deadline_in(-1), B("la"), B("te")), E_OK);
	assert_int_equal(recv(s[1], got, sizeof got, MSG_DONTWAIT), 4);
	assert_memory_equal(got, "late", 4);
	assert_int_equal(io_write_all(s[0], deadline_in(-1), bytes_of(much, sizeof much)),
			 E_DEADLINE);
	close(s[0]);
	close(s[1]);
}

/* D-2: waiting within recv() ends too, and leaves all other cases to the deadline. */
static void patience_has_an_end(void **state)
{
	uint8_t buf[8];
	size_t len = 99;
	int s[2], p[2];
	int64_t start;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	assert_true(io_set_patience(s[1], 50));
	start = clock_mono_ms();
	assert_int_equal(io_read_patiently(s[1], deadline_in(50), buf, sizeof buf, &len),
			 E_DEADLINE);
	assert_in_range(clock_mono_ms() - start, 40, 2000);
	assert_int_equal(len, 99);
	assert_int_equal(write(s[0], "abc", 3), 3);
	assert_int_equal(io_read_patiently(s[1], deadline_in(50), buf, sizeof buf, &len), E_OK);
	assert_int_equal(len, 3);
	/* a socket that does not block is waited for as always */
	fcntl(s[1], F_SETFL, O_NONBLOCK);
	start = clock_mono_ms();
	assert_int_equal(io_read_patiently(s[1], deadline_in(50), buf, sizeof buf, &len),
			 E_DEADLINE);
	assert_in_range(clock_mono_ms() - start, 40, 2000);
	close(s[0]);
	assert_int_equal(io_read_patiently(s[1], deadline_in(50), buf, sizeof buf, &len), E_OK);
	assert_int_equal(len, 0);
	close(s[1]);
	/* no socket */
	assert_int_equal(pipe(p), 0);
	assert_false(io_set_patience(p[0], 50));
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(io_read_patiently(p[0], deadline_in(50), buf, sizeof buf, &len), E_OK);
	assert_int_equal(len, 1);
	close(p[0]);
	close(p[1]);
}

static void writes_two_pieces_in_order(void **state)
{
	char buf[16];
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);	/* no socket: writev */
	assert_int_equal(io_write_two(p[1], deadline_in(1000), B("head "), B("body")), E_OK);
	assert_int_equal(io_write_two(p[1], deadline_in(1000), B(""), B("!")), E_OK);
	assert_int_equal(read(p[0], buf, sizeof buf), 10);
	assert_memory_equal(buf, "head body!", 10);
	close(p[0]);
	close(p[1]);
}

static void an_interruption_ends_every_deadline(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0) {
		int p[2];

		deadline_catch(SIGTERM);
		if (pipe(p) != 0)
			_exit(2);
		kill(getpid(), SIGTERM);	/* blocked until the wait */
		_exit(!deadline_wait(deadline_in(10000), p[0], POLLIN) &&
				      deadline_interrupted() &&
				      deadline_left_ms(deadline_in(10000)) == 0 ?
			      0 :
			      1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void replaces_a_file_whole_or_not_at_all(void **state)
{
	struct timespec times[2] = { { 1000, 0 }, { 2000, 5000000 } };
	uint8_t buf[16];
	struct stat st;
	size_t len;
	const char *path = in_dir("file");
	char listing[128];

	(void)state;
	assert_int_equal(io_replace_file(AT_FDCWD, path, B("one"), 0640, times), E_OK);
	assert_int_equal(io_replace_file(AT_FDCWD, path, B("second"), 0604, times), E_OK);
	assert_int_equal(io_read_file(AT_FDCWD, path, false, buf, sizeof buf, &len, &st), E_OK);
	assert_int_equal(len, 6);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_int_equal(st.st_mtim.tv_sec, 2000);
	/* a folder that doesn't exist, a name that is one: an error, and nothing left behind */
	assert_int_equal(io_replace_file(AT_FDCWD, in_dir("no/file"), B("x"), 0600, NULL), E_IO);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(mkdir(in_dir("folder"), 0700), 0);
	assert_int_equal(io_replace_file(AT_FDCWD, in_dir("folder"), B("x"), 0600, NULL), E_IO);
	snprintf(listing, sizeof listing, "ls -A %s | grep -q '~'", dir);
	assert_int_not_equal(system(listing), 0);
}

static void reads_regular_files_only(void **state)
{
	uint8_t buf[4], *p;
	size_t len;

	(void)state;
	assert_int_equal(io_read_file(AT_FDCWD, in_dir("none"), true, buf, 4, &len, NULL),
			 E_NOT_FOUND);
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(io_read_file(AT_FDCWD, in_dir("fifo"), true, buf, 4, &len, NULL), E_DATA);
	assert_int_equal(io_replace_file(AT_FDCWD, in_dir("four"), B("four"), 0600, NULL), E_OK);
	assert_int_equal(io_read_file(AT_FDCWD, in_dir("four"), false, buf, 4, &len, NULL), E_OK);
	assert_int_equal(io_read_file(AT_FDCWD, in_dir("four"), false, buf, 3, &len, NULL),
			 E_DATA);
	assert_int_equal(symlink("four", in_dir("link")), 0);
	assert_int_equal(io_read_file(AT_FDCWD, in_dir("link"), false, buf, 4, &len, NULL),
			 E_DATA);
	assert_int_equal(io_read_file(AT_FDCWD, in_dir("link"), true, buf, 4, &len, NULL), E_OK);
	assert_int_equal(io_load_file(in_dir("four"), 4, &p, &len), E_OK);
	assert_int_equal(len, 4);
	assert_int_equal(p[4], 0);
	free(p);
	assert_int_equal(io_load_file(in_dir("four"), 3, &p, &len), E_DATA);
	/* the limit is no measure of the memory that is taken */
	assert_int_equal(io_load_file(in_dir("four"), SIZE_MAX / 2, &p, &len), E_OK);
	free(p);
	assert_int_equal(io_replace_file(AT_FDCWD, in_dir("none"), B(""), 0600, NULL), E_OK);
	assert_int_equal(io_load_file(in_dir("none"), SIZE_MAX / 2, &p, &len), E_OK);
	assert_int_equal(len, 0);
	free(p);
}

/* Standard error is never the client's socket, and 0, 1 and 2 exist. */
static void takes_standard_error_off_the_socket(void **state)
{
	pid_t child;
	int s[2], status;
	char c;

	(void)state;
	for (int closed = -1; closed < 3; closed++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
		child = fork();
		if (child == 0) {
			for (int fd = 0; fd < 3; fd++)
				dup2(s[1], fd);
			if (closed >= 0)
				close(closed);
			if (io_sanitise_stdfds() != E_OK)
				_exit(1);
			dprintf(2, "leak");
			for (int fd = 0; fd < 3; fd++)
				if (fcntl(fd, F_GETFD) < 0)
					_exit(2);
			_exit(0);
		}
		close(s[1]);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		assert_int_equal(read(s[0], &c, 1), 0);
		close(s[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_der_without_waiting_for_the_end),
		cmocka_unit_test(a_slow_writer_does_not_move_the_deadline),
		cmocka_unit_test(a_reader_that_does_not_read_does_not_hold_us),
		cmocka_unit_test(what_needs_no_waiting_is_written_late),
		cmocka_unit_test(patience_has_an_end),
		cmocka_unit_test(writes_two_pieces_in_order),
		cmocka_unit_test(an_interruption_ends_every_deadline),
		cmocka_unit_test(replaces_a_file_whole_or_not_at_all),
		cmocka_unit_test(reads_regular_files_only),
		cmocka_unit_test(takes_standard_error_off_the_socket),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}

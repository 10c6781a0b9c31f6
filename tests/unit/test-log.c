/* Where events go: the journal, a file, standard error, and never to a client. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"

static char dir[] = "/tmp/test-log-XXXXXX";

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return chdir("/") == 0 && rmdir(dir) == 0 ? 0 : -1;
}

/* What a child process that runs f says on its standard error. */
struct heard {
	char err[1024];
	size_t err_len;
};

enum err_kind { ERR_PIPE, ERR_SOCKET, ERR_NULL };

static struct heard run(enum err_kind kind, void (*f)(void))
{
	struct heard h = { .err_len = 0 };
	int fd[2], status;
	pid_t pid;

	if (kind == ERR_SOCKET)
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	else
		assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (kind == ERR_NULL) {
			close(fd[1]);
			fd[1] = open("/dev/null", O_WRONLY);
		}
		dup2(fd[1], 2);
		close(fd[0]);
		close(fd[1]);
		f();
		_exit(0);
	}
	close(fd[1]);
	for (;;) {
		ssize_t n = read(fd[0], h.err + h.err_len, sizeof h.err - 1 - h.err_len);

		if (n <= 0)
			break;
		h.err_len += (size_t)n;
	}
	h.err[h.err_len] = '\0';
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return h;
}

static void before_init(void)
{
	log_info("quiet");
	log_warning("loud %d", 1);
	if (log_enabled(LEVEL_INFO) || !log_enabled(LEVEL_WARNING))
		_exit(1);
}

static void warnings_are_heard_before_the_setup_is_known(void **state)
{
	struct heard h = run(ERR_PIPE, before_init);
	char want[256];

	(void)state;
	snprintf(want, sizeof want, "%s: loud 1\n", program_invocation_short_name);
	assert_string_equal(h.err, want);
}

static void nothing_is_written_to_a_client(void **state)
{
	(void)state;
	assert_int_equal(run(ERR_SOCKET, before_init).err_len, 0);
	assert_int_equal(run(ERR_NULL, before_init).err_len, 0);
}

static void to_file(void)
{
	const struct log_setup s = { "prog", LEVEL_INFO, "log", false };
	const struct log_field fields[] = { { "k", B("v w") }, { 0 } };

	log_init(&s);
	log_open();
	/* for a process that has locked itself in: the file is open already */
	if (rename("log", "kept") != 0)
		_exit(1);
	log_debug("quiet");
	errno = EXDEV;
	log_info("first");
	log_event(LEVEL_ERROR, fields, "second %s", "one");
	if (errno != EXDEV)
		_exit(2);
}

static void a_file_gets_one_line_for_each_event(void **state)
{
	char text[512], *p = text;
	struct stat st;
	ssize_t n;
	int fd;

	(void)state;
	umask(0);
	assert_int_equal(run(ERR_PIPE, to_file).err_len, 0);
	fd = open("kept", O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	n = read(fd, text, sizeof text - 1);
	close(fd);
	assert_true(n > 0);
	text[n] = '\0';
	p = strstr(p, " INFO in process ");
	assert_non_null(p);
	p = strstr(p, " - first\n");
	assert_non_null(p);
	p = strstr(p, " ERROR in process ");
	assert_non_null(p);
	assert_string_equal(strstr(p, " - "), " - second one k=\"v w\"\n");
	assert_int_equal(unlink("kept"), 0);
}

static void opened_again(void)
{
	struct log_setup s = { "prog", LEVEL_INFO, "log", false };

	log_init(&s);
	log_info("first");
	s.file = "no-such-folder/log";
	log_init(&s);
	log_info("second");
	s.file = "another";
	log_init(&s);
	log_info("third");
}

static size_t lines_with(const char *path, const char *word)
{
	char text[512];
	size_t len, n = 0;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	len = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[len] = '\0';
	for (const char *p = text; (p = strstr(p, word)); p++)
		n++;
	return n;
}

/* A listener that has locked itself in may not open the file again when it is reloaded. */
static void what_cannot_be_opened_again_goes_on(void **state)
{
	(void)state;
	assert_int_equal(run(ERR_PIPE, opened_again).err_len, 0);
	assert_int_equal(lines_with("log", " - first\n"), 1);
	assert_int_equal(lines_with("log", " - second\n"), 1);
	assert_int_equal(lines_with("log", " - third\n"), 0);
	assert_int_equal(lines_with("another", " - third\n"), 1);
	assert_int_equal(unlink("log") | unlink("another"), 0);
}

static void said_as_well(void)
{
	const struct log_setup s = { "prog", LEVEL_INFO, "log", true };
	const struct log_field fields[] = { { "k", B("v") }, { 0 } };

	log_init(&s);
	log_event(LEVEL_INFO, fields, "words\n");
}

static void a_person_hears_it_as_well(void **state)
{
	(void)state;
	assert_string_equal(run(ERR_PIPE, said_as_well).err, "prog: words? k=v\n");
	assert_int_equal(run(ERR_SOCKET, said_as_well).err_len, 0);
	assert_int_equal(access("log", F_OK), 0);
	assert_int_equal(unlink("log"), 0);
}

static void no_file(void)
{
	const struct log_setup s = { "prog", LEVEL_INFO, "log", false };

	log_init(&s);
	log_info("words");
}

/* A link in its place is not followed: root may be writing into a folder of another user. */
static void a_link_is_not_followed(void **state)
{
	(void)state;
	assert_int_equal(symlink("elsewhere", "log"), 0);
	assert_string_equal(run(ERR_PIPE, no_file).err, "prog: words\n");
	assert_int_equal(run(ERR_SOCKET, no_file).err_len, 0);
	assert_int_equal(access("elsewhere", F_OK), -1);
	assert_int_equal(unlink("log"), 0);
}

static void long_message(void)
{
	const struct log_setup s = { "prog", LEVEL_INFO, "log", false };
	static char words[10000];

	memset(words, 'x', sizeof words - 1);
	log_init(&s);
	log_info("%s", words);
	log_info("next");
}

static void a_long_message_is_cut_and_stays_one_line(void **state)
{
	char text[8192];
	size_t lines = 0, len;
	FILE *f;

	(void)state;
	run(ERR_PIPE, long_message);
	f = fopen("log", "r");
	assert_non_null(f);
	len = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[len] = '\0';
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	assert_int_equal(lines, 2);
	assert_in_range(len, 2000, 2500);
	assert_int_equal(unlink("log"), 0);
}

#define SKIPPED 77
#define MANY 2000

/* Puts an empty file system over this folder, or over the nearest one above it that there is. */
static int cover(char *folder)
{
	char *slash = strrchr(folder, '/');
	int rc;

	if (mount("tmpfs", folder, "tmpfs", 0, NULL) == 0)
		return 0;
	if (errno != ENOENT || slash == folder)
		return -1;
	*slash = '\0';
	rc = cover(folder);
	*slash = '/';
	return rc == 0 ? mkdir(folder, 0755) : rc;
}

/* A journal of our own where the system's would be, and a folder for the log file: both are seen
 * by this process alone. */
static int make_journal(void)
{
	const struct sockaddr_un at = { AF_UNIX, "/run/systemd/journal/socket" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	char log_dir[] = LOG_FILE;

	*strrchr(log_dir, '/') = '\0';
	if (fd < 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) != 0 || cover(log_dir) != 0)
		_exit(SKIPPED);
	if (mkdir("/run/systemd", 0755) != 0 || mkdir("/run/systemd/journal", 0755) != 0 ||
	    bind(fd, (const struct sockaddr *)&at, sizeof at) != 0)
		_exit(1);
	return fd;
}

static int with_journal(void)
{
	static const struct log_setup s = { "prog", LEVEL_INFO, NULL, false };
	int fd = make_journal(), heard = 0, written = 0;
	char got[512];
	ssize_t n;
	FILE *f;

	log_init(&s);
	log_info("words");
	n = recv(fd, got, sizeof got - 1, 0);
	if (n < 0)
		return 2;
	got[n] = '\0';
	if (strcmp(got, "PRIORITY=6\nSYSLOG_IDENTIFIER=prog\nMESSAGE=words\n") != 0)
		return 3;
	if (access(LOG_FILE, F_OK) == 0)
		return 4;
	/* nobody reads: nobody waits either, and what the journal doesn't take goes to the file */
	for (int i = 0; i < MANY; i++)
		log_info("more");
	while (recv(fd, got, sizeof got, 0) > 0)
		heard++;
	f = fopen(LOG_FILE, "r");
	while (f && fgets(got, sizeof got, f))
		written++;
	return heard == 0 || written == 0 || heard + written != MANY;
}

static void the_journal_gets_datagrams(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(with_journal());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		skip();
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(warnings_are_heard_before_the_setup_is_known),
		cmocka_unit_test(nothing_is_written_to_a_client),
		cmocka_unit_test(a_file_gets_one_line_for_each_event),
		cmocka_unit_test(what_cannot_be_opened_again_goes_on),
		cmocka_unit_test(a_person_hears_it_as_well),
		cmocka_unit_test(a_link_is_not_followed),
		cmocka_unit_test(a_long_message_is_cut_and_stays_one_line),
		cmocka_unit_test(the_journal_gets_datagrams),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

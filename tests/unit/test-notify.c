/* What a service and systemd tell each other: sd_notify(3), sd_watchdog_enabled(3),
 * sd_listen_fds(3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "notify.h"

#define N(a) (sizeof(a) / sizeof *(a))

static char folder[] = "/tmp/test-notify-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* A manager that listens. The name is written as NOTIFY_SOCKET has it; abstract ones begin with
 * '@'. */
static int manager(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0 && len < sizeof a.sun_path);
	memcpy(a.sun_path, name, len);
	if (name[0] == '@')
		a.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
	return fd;
}

static void expect_news(int fd, const char *news)
{
	char got[256] = "";
	ssize_t len = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);

	if (!news) {
		assert_int_equal(len, -1);
		return;
	}
	assert_int_equal(len, strlen(news));
	assert_string_equal(got, news);
}

static void test_send(void **state)
{
	char path[64], abstract[64];
	int by_path, by_name;

	(void)state;
	snprintf(path, sizeof path, "%s/notify", folder);
	snprintf(abstract, sizeof abstract, "@test-notify-%ld", (long)getpid());
	by_path = manager(path);
	by_name = manager(abstract);

	setenv("NOTIFY_SOCKET", path, 1);
	errno = ENOTTY;
	notify_send("READY=1\nSTATUS=waiting");
	assert_int_equal(errno, ENOTTY);
	expect_news(by_path, "READY=1\nSTATUS=waiting");
	expect_news(by_path, NULL);

	setenv("NOTIFY_SOCKET", abstract, 1);
	notify_send("STOPPING=1");
	expect_news(by_name, "STOPPING=1");
	expect_news(by_path, NULL);

	/* none, and nobody */
	unsetenv("NOTIFY_SOCKET");
	notify_send("READY=1");
	close(by_path);
	unlink(path);
	setenv("NOTIFY_SOCKET", path, 1);
	errno = ENOTTY;
	notify_send("READY=1");
	assert_int_equal(errno, ENOTTY);
	expect_news(by_name, NULL);
	close(by_name);
}

/* A name that is no address is left alone, of whatever length. */
static void test_send_nowhere(void **state)
{
	static const char *const name[] = { "", "/", "@", "x", "relative/notify", "vsock:2:1234" };
	char longer[300];
	int before = dup(0), after;

	(void)state;
	for (size_t i = 0; i < N(name); i++) {
		setenv("NOTIFY_SOCKET", name[i], 1);
		notify_send("READY=1");
	}
	for (size_t len = 1; len < sizeof longer; len++) {
		memset(longer, 'x', len);
		longer[0] = len & 1 ? '/' : '@';
		longer[len] = '\0';
		setenv("NOTIFY_SOCKET", longer, 1);
		notify_send("READY=1");
	}
	unsetenv("NOTIFY_SOCKET");
	after = dup(0);
	assert_int_equal(after, before + 1);	/* no descriptor was left open */
	close(before);
	close(after);
}

static void set(const char *variable, const char *value)
{
	char pid[32];

	if (!value) {
		unsetenv(variable);
		return;
	}
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	setenv(variable, strcmp(value, "MY") == 0 ? pid : value, 1);
}

static void test_watchdog(void **state)
{
	static const struct {
		const char *usec, *pid;	/* "MY": of this process */
		int ms;
	} row[] = {
		{ NULL, NULL, 0 },
		{ "30000000", NULL, 30000 },
		{ "30000000", "MY", 30000 },
		{ "30000000", "1", 0 },
		{ "30000000", "", 0 },
		{ "30000000", "x", 0 },
		{ "1999", NULL, 1 },
		{ "1", NULL, 1 },
		{ "0", NULL, 0 },
		{ "", NULL, 0 },
		{ "-5", NULL, 0 },
		{ "30s", NULL, 0 },
		{ " 3000", NULL, 0 },
		{ "2147483647000", NULL, INT32_MAX },
		{ "2147483648000", NULL, INT32_MAX },
		{ "18446744073709551615", NULL, 0 },
		{ "99999999999999999999999", NULL, 0 },
		{ NULL, "MY", 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(row); i++) {
		set("WATCHDOG_USEC", row[i].usec);
		set("WATCHDOG_PID", row[i].pid);
		assert_int_equal(notify_watchdog_ms(), row[i].ms);
	}
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

/* In a child: two descriptors from NOTIFY_FIRST_FD on, and what it is told about them. Its exit
 * code is the number that it was given, or 99 if something else is not as it should be. */
static int listen_fds_in_child(const char *fds, const char *pid)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		int n;

		for (int fd = NOTIFY_FIRST_FD; fd < 64; fd++)
			close(fd);
		if (dup2(0, NOTIFY_FIRST_FD) < 0 || dup2(0, NOTIFY_FIRST_FD + 1) < 0)
			_exit(99);
		set("LISTEN_FDS", fds);
		set("LISTEN_PID", pid);
		setenv("LISTEN_FDNAMES", "a:b", 1);
		n = notify_listen_fds();
		for (int fd = NOTIFY_FIRST_FD; fd < NOTIFY_FIRST_FD + n; fd++)
			if (fcntl(fd, F_GETFD) != FD_CLOEXEC)
				_exit(99);
		if (getenv("LISTEN_FDS") || getenv("LISTEN_PID") || getenv("LISTEN_FDNAMES") ||
		    notify_listen_fds() != 0)
			_exit(99);
		_exit(n);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_listen_fds(void **state)
{
	static const struct {
		const char *fds, *pid;
		int n;
	} row[] = {
		{ "1", "MY", 1 },
		{ "2", "MY", 2 },
		{ "0", "MY", 0 },
		{ "3", "MY", 0 },	/* the third isn't there: somebody is mistaken */
		{ NULL, NULL, 0 },
		{ NULL, "MY", 0 },
		{ "1", NULL, 0 },
		{ "1", "1", 0 },	/* meant for another process, whose child we are */
		{ "1", "", 0 },
		{ "", "MY", 0 },
		{ "-1", "MY", 0 },
		{ "1x", "MY", 0 },
		{ "2147483647", "MY", 0 },
		{ "2147483644", "MY", 0 },
		{ "18446744073709551617", "MY", 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(row); i++)
		assert_int_equal(listen_fds_in_child(row[i].fds, row[i].pid), row[i].n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_send),
		cmocka_unit_test(test_send_nowhere),
		cmocka_unit_test(test_watchdog),
		cmocka_unit_test(test_listen_fds),
	};

	return cmocka_run_group_tests_name("notify", tests, make_folder, remove_folder);
}

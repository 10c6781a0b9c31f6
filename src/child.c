#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io.h"

/* Nine tenths of the time left: the rest is for passing the answer on. */
static int share(struct deadline d)
{
	return (int)((int64_t)deadline_left_ms(d) * 9 / 10);
}

static enum err start(const struct conf *conf, const char *client, int left_ms, int fd, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t set;
	char ms[16];
	const char *argv[] = { "ocsp-sign", "-c", conf->path, "-t", ms, "-a", client, NULL };
	int rc;

	snprintf(ms, sizeof ms, "%d", left_ms);
	if (posix_spawn_file_actions_init(&actions) != 0)
		return E_BUSY;
	if (posix_spawnattr_init(&attr) != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return E_BUSY;
	}
	/* the child starts with no signal blocked, and with SIGPIPE and SIGTERM as usual */
	sigemptyset(&set);
	rc = posix_spawnattr_setsigmask(&attr, &set);
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(&attr, &set);
	if (rc == 0)
		rc = posix_spawnattr_setflags(&attr,
					      POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, fd, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, fd, 1);
	if (rc == 0)
		rc = posix_spawn(pid, conf->signer, &actions, &attr,
				 (char *const *)(uintptr_t)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return rc == 0 ? E_OK : rc == EAGAIN || rc == ENOMEM ? E_BUSY : E_NOT_FOUND;
}

static pid_t killed;

void child_wait(void)
{
	if (killed)
		waitpid(killed, NULL, 0);
	killed = 0;
}

static enum err talk(int fd, struct bytes request, struct deadline d, uint8_t *buf, size_t cap,
		     size_t *len)
{
	size_t have = 0;
	enum err e = io_write_all(fd, d, request);

	/* a child that has ended may still have said something */
	if (e == E_OK || e == E_GONE)
		e = io_read_der(fd, d, buf, cap, &have, len);
	return e == E_OK && have != *len ? E_MALFORMED : e;
}

static enum err ask_program(const struct conf *conf, const char *client, struct bytes request,
			    struct deadline d, uint8_t *buf, size_t cap, size_t *len)
{
	int pair[2];
	pid_t pid;
	enum err e;

	/* one that has done its work is not waited for */
	signal(SIGCHLD, SIG_IGN);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return E_BUSY;
	e = start(conf, client, share(d), pair[1], &pid);
	close(pair[1]);
	if (e == E_OK) {
		e = talk(pair[0], request, d, buf, cap, len);
		if (e != E_OK && kill(pid, SIGKILL) == 0)
			killed = pid;
	}
	close(pair[0]);
	return e;
}

static enum err ask_socket(const char *path, struct bytes request, struct deadline d, uint8_t *buf,
			   size_t cap, size_t *len)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int left = deadline_left_ms(d), fd;
	struct timeval patience = { left / 1000, left % 1000 * 1000 };
	enum err e = E_NOT_FOUND;

	if (left == 0)
		return E_DEADLINE;
	if (strlen(path) >= sizeof addr.sun_path)
		return E_NOT_FOUND;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return E_BUSY;
	/* a full backlog makes connect() wait: for no longer than this */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
	    connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0)
		e = talk(fd, request, d, buf, cap, len);
	close(fd);
	return e;
}

enum err child_ask(const struct conf *conf, const char *client, struct bytes request,
		   struct deadline d, uint8_t *buf, size_t cap, size_t *len)
{
	const char *socket = conf_signer_socket(conf);

	d = deadline_sooner(d, share(d));
	if (socket)
		return ask_socket(socket, request, d, buf, cap, len);
	return ask_program(conf, client, request, d, buf, cap, len);
}

#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* A manager that has stopped reading must not stop us as well. */
#define SEND_TIMEOUT_S 1

/* Reads a variable that holds a decimal number, and that alone. */
static bool get_number(const char *variable, uint64_t *out)
{
	const char *s = getenv(variable);
	uint64_t v = 0;

	if (!s || !*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || v > (UINT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	*out = v;
	return true;
}

void notify_send(const char *state)
{
	const char *name = getenv("NOTIFY_SOCKET");
	const struct timeval timeout = { .tv_sec = SEND_TIMEOUT_S };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = name ? strlen(name) : 0;
	int saved = errno, fd;

	/* a name that begins otherwise is of a kind that only virtual machines use */
	if (len < 2 || len >= sizeof address.sun_path || (name[0] != '/' && name[0] != '@'))
		return;
	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
		(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
		close(fd);
	}
	errno = saved;
}

int notify_watchdog_ms(void)
{
	uint64_t usec, pid;

	if (!get_number("WATCHDOG_USEC", &usec) || usec == 0)
		return 0;
	if (getenv("WATCHDOG_PID") &&
	    (!get_number("WATCHDOG_PID", &pid) || pid != (uint64_t)getpid()))
		return 0;
	if (usec / 1000 > INT32_MAX)
		return INT32_MAX;
	return usec < 1000 ? 1 : (int)(usec / 1000);
}

int notify_listen_fds(void)
{
	uint64_t pid, n;
	bool ours = get_number("LISTEN_PID", &pid) && pid == (uint64_t)getpid() &&
		    get_number("LISTEN_FDS", &n) && n <= INT32_MAX - NOTIFY_FIRST_FD;

	/* no child of ours may take them for its own */
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (!ours)
		return 0;
	for (int fd = NOTIFY_FIRST_FD; fd < NOTIFY_FIRST_FD + (int)n; fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return 0;
	return (int)n;
}

#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "notify.h"

enum err listener_take(struct listener *l)
{
	int n = notify_listen_fds();

	if (n <= 0)
		return E_NOT_FOUND;
	if (n > LISTEN_SOCKETS)
		return E_DATA;
	for (l->n = 0; l->n < n; l->n++) {
		int fd = 3 + l->n, on = 0;
		socklen_t len = sizeof on;

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) != 0 || !on)
			return E_NOT_FOUND;
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		l->fd[l->n] = fd;
	}
	keeper_init(&l->keeper);
	return E_OK;
}

static bool read_address(const char *where, struct sockaddr_storage *out, socklen_t *len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	const char *colon = strrchr(where, ':');
	const char *port = colon ? colon + 1 : where;
	char host[INET6_ADDRSTRLEN + 2] = "127.0.0.1", *end;
	unsigned long n = strtoul(port, &end, 10);

	if (port[0] < '0' || port[0] > '9' || *end || n > 65535)
		return false;
	if (colon) {
		size_t host_len = (size_t)(colon - where);

		if (host_len >= sizeof host)
			return false;
		memcpy(host, where, host_len);
		host[host_len] = '\0';
	}
	memset(out, 0, sizeof *out);
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)n);
		*len = sizeof *v6;
		return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)n);
	*len = sizeof *v4;
	return inet_pton(AF_INET, host, &v4->sin_addr) == 1;
}

enum err listener_open(struct listener *l, const char *where)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int fd, one = 1, saved;

	if (!read_address(where, &addr, &len))
		return E_USAGE;
	fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return E_IO;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
	    bind(fd, (struct sockaddr *)&addr, len) != 0 || listen(fd, 4096) != 0) {
		saved = errno;
		close(fd);
		errno = saved;
		return E_IO;
	}
	l->fd[0] = fd;
	l->n = 1;
	keeper_init(&l->keeper);
	return E_OK;
}

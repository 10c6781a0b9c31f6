#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "der.h"

enum err io_sanitise_stdfds(void)
{
	struct stat st[3];
	int null;

	for (int fd = 0; fd < 3; fd++)
		if (fstat(fd, &st[fd]) != 0 &&
		    (errno != EBADF || open("/dev/null", fd == 0 ? O_RDONLY : O_RDWR) != fd ||
		     fstat(fd, &st[fd]) != 0))
			return E_IO;
	if (!S_ISSOCK(st[2].st_mode) ||
	    (st[2].st_ino != st[0].st_ino && st[2].st_ino != st[1].st_ino))
		return E_OK;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 2) != 2)
		return E_IO;
	close(null);
	return E_OK;
}

static enum err err_of_errno(int e)
{
	return e == ECONNRESET || e == EPIPE || e == ENOTCONN || e == ETIMEDOUT ? E_GONE : E_IO;
}

/* A socket that has nothing, or no room, or what is no socket and can't be asked. */
static bool must_wait(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == ENOTSOCK);
}

enum err io_read_some(int fd, struct deadline d, uint8_t *buf, size_t cap, size_t *len)
{
	for (;;) {
		ssize_t n;

		if (!deadline_left_ms(d))
			return E_DEADLINE;
		/* mostly it is there already, and nobody need wait */
		n = recv(fd, buf, cap, MSG_DONTWAIT);
		if (must_wait(n)) {
			bool socket = errno != ENOTSOCK;

			if (!deadline_wait(d, fd, POLLIN))
				return E_DEADLINE;
			if (socket)
				continue;
			n = read(fd, buf, cap);
		}
		if (n >= 0) {
			*len = (size_t)n;
			return E_OK;
		}
		if (errno != EINTR && errno != EAGAIN)
			return err_of_errno(errno);
	}
}

bool io_set_patience(int fd, int64_t ms)
{
	struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) == 0;
}

enum err io_read_patiently(int fd, struct deadline d, uint8_t *buf, size_t cap, size_t *len)
{
	ssize_t n = recv(fd, buf, cap, 0);

	/* no socket, a signal, one that does not block: the other way knows them all */
	if (n < 0)
		return io_read_some(fd, d, buf, cap, len);
	*len = (size_t)n;
	return E_OK;
}

/* What is behind the first n octets. Nothing is added to a null pointer. */
static struct bytes rest_of(struct bytes b, size_t n)
{
	return n ? bytes_of(b.p + n, b.len - n) : b;
}

enum err io_write_two(int fd, struct deadline d, struct bytes a, struct bytes b)
{
	while (a.len || b.len) {
		struct iovec v[2] = {
			{ (void *)(uintptr_t)a.p, a.len },
			{ (void *)(uintptr_t)b.p, b.len },
		};
		struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
		ssize_t n;
		size_t of_a;

		/* A blocking write of much would wait for the reader, not for us. What goes out
		 * without waiting is sent though the time may be up: a processor that others had
		 * for long must not cost an answer that is there. */
		n = sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (must_wait(n)) {
			bool socket = errno != ENOTSOCK;

			if (!deadline_wait(d, fd, POLLOUT))
				return E_DEADLINE;
			if (socket)
				continue;
			n = writev(fd, v, 2);
		}
		if (n < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			return err_of_errno(errno);
		}
		of_a = (size_t)n < a.len ? (size_t)n : a.len;
		a = rest_of(a, of_a);
		b = rest_of(b, (size_t)n - of_a);
	}
	return E_OK;
}

enum err io_write_all(int fd, struct deadline d, struct bytes b)
{
	return io_write_two(fd, d, b, (struct bytes){ NULL, 0 });
}

enum err io_read_der(int fd, struct deadline d, uint8_t *buf, size_t cap, size_t *len,
		     size_t *item_len)
{
	size_t have = 0, total = 0, n;

	for (;;) {
		enum err e = der_frame(bytes_of(buf, have), cap, &total);

		if (e == E_MALFORMED || (e == E_OK && have >= total)) {
			*len = have;
			*item_len = total;
			return e;
		}
		e = io_read_some(fd, d, buf + have, cap - have, &n);
		if (e != E_OK)
			return e;
		if (n == 0)
			return have ? E_MALFORMED : E_GONE;
		have += n;
	}
}

static enum err read_up_to(int fd, uint8_t *buf, size_t cap, size_t *len)
{
	size_t have = 0;

	while (have < cap) {
		ssize_t n = read(fd, buf + have, cap - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return E_IO;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	*len = have;
	return E_OK;
}

/* O_NONBLOCK: a FIFO that somebody left there must not hold us. */
static enum err open_regular(int dirfd, const char *path, bool follow, int *out, struct stat *st)
{
	int fd = openat(dirfd, path,
			O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
	enum err e;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? E_NOT_FOUND :
		       errno == ELOOP			   ? E_DATA :
							     E_IO;
	e = fstat(fd, st) != 0 ? E_IO : S_ISREG(st->st_mode) ? E_OK : E_DATA;
	if (e == E_OK)
		*out = fd;
	else
		close(fd);
	return e;
}

enum err io_read_file(int dirfd, const char *path, bool follow, uint8_t *buf, size_t cap,
		      size_t *len, struct stat *st)
{
	struct stat mine;
	enum err e;
	int fd;

	e = open_regular(dirfd, path, follow, &fd, &mine);
	if (e != E_OK)
		return e;
	if (mine.st_size < 0 || (uint64_t)mine.st_size > cap)
		e = E_DATA;
	else
		e = read_up_to(fd, buf, (size_t)mine.st_size, len);
	close(fd);
	if (e == E_OK && st)
		*st = mine;
	return e;
}

/* A file whose size is said to be 0, octets. */
#define UNTOLD_LEN (1 << 20)

enum err io_load_file(const char *path, size_t limit, uint8_t **buf, size_t *len)
{
	struct stat st;
	uint8_t *p;
	size_t n;
	enum err e;
	int fd;

	e = open_regular(AT_FDCWD, path, true, &fd, &st);
	if (e != E_OK)
		return e;
	/* room for no more than there is; files of /proc do not tell, and nor does an empty one */
	if (st.st_size == 0 && limit > UNTOLD_LEN)
		limit = UNTOLD_LEN;
	else if (st.st_size > 0 && (uint64_t)st.st_size < limit)
		limit = (size_t)st.st_size;
	/* one octet more than allowed, to notice a file that is longer */
	p = malloc(limit + 1);
	if (!p) {
		close(fd);
		return E_BUSY;
	}
	e = read_up_to(fd, p, limit + 1, &n);
	close(fd);
	if (e == E_OK && n > limit)
		e = E_DATA;
	if (e != E_OK) {
		free(p);
		return e;
	}
	p[n] = 0;
	*buf = p;
	*len = n;
	return E_OK;
}

#define RANDOM_LEN 8	/* octets of a temporary name */

bool io_temporary_name(const char *path, char *out, size_t cap)
{
	uint8_t random[RANDOM_LEN];
	size_t len = strlen(path);

	if (len + 2 + 2 * sizeof random + 1 > cap ||
	    getrandom(random, sizeof random, 0) != sizeof random)
		return false;
	memcpy(out, path, len);
	out[len] = '.';
	out[len + 1] = '~';
	*bytes_hex(bytes_of(random, sizeof random), out + len + 2) = '\0';
	return true;
}

bool io_is_temporary(const char *name)
{
	size_t len = strlen(name), tail = strlen(".~") + 2 * RANDOM_LEN;

	return len > tail && strncmp(name + len - tail, ".~", 2) == 0 &&
	       strspn(name + len - tail + 2, "0123456789abcdef") == 2 * RANDOM_LEN;
}

enum err io_replace_file(int dirfd, const char *path, struct bytes b, mode_t mode,
			 const struct timespec times[2])
{
	char temporary[4096];
	int fd, saved;
	bool ok;

	if (!io_temporary_name(path, temporary, sizeof temporary)) {
		errno = ENAMETOOLONG;
		return E_IO;
	}
	fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return E_IO;
	ok = fchmod(fd, mode) == 0;
	while (ok && b.len) {
		ssize_t n = write(fd, b.p, b.len);

		if (n < 0 && errno == EINTR)
			continue;
		ok = n > 0;
		if (ok) {
			b.p += n;
			b.len -= (size_t)n;
		}
	}
	ok = ok && (!times || futimens(fd, times) == 0);
	saved = errno;
	if (close(fd) != 0 && ok) {
		saved = errno;
		ok = false;
	}
	if (ok && renameat(dirfd, temporary, dirfd, path) == 0)
		return E_OK;
	if (ok)
		saved = errno;
	unlinkat(dirfd, temporary, 0);
	errno = saved;
	return E_IO;
}

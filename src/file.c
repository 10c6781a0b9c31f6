#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "io.h"
#include "log.h"
#include "serve.h"

/* In place, where the folder can't be written to or the owner is somebody else: the file's owner
 * and mode then stay by themselves, and a reader in between could see a part. */
static enum err overwrite(const char *path, struct bytes b)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	bool ok;

	if (fd < 0)
		return E_IO;
	errno = ENOSPC;		/* what it means if less is written than was to be */
	ok = pwrite(fd, b.p, b.len, 0) == (ssize_t)b.len && ftruncate(fd, (off_t)b.len) == 0;
	ok = close(fd) == 0 && ok;
	return ok ? E_OK : E_IO;
}

/* Why there is nothing to be read: false, and errno says what else it is than a regular file; or
 * that is too long. */
static bool is_too_long(const char *path)
{
	struct stat there;

	if (stat(path, &there) != 0)
		return false;
	errno = S_ISDIR(there.st_mode) ? EISDIR : EINVAL;
	return S_ISREG(there.st_mode);
}

/* A new file is ours, and alone: only where the old one is as well. */
static enum err put(const char *path, const struct stat *old, struct bytes b)
{
	if (!S_ISREG(old->st_mode) || old->st_nlink != 1 || old->st_uid != geteuid() ||
	    old->st_gid != getegid() ||
	    io_replace_file(AT_FDCWD, path, b, old->st_mode & 07777, NULL) != E_OK)
		return overwrite(path, b);
	/* a folder may have given it its own group */
	(void)!lchown(path, (uid_t)-1, old->st_gid);
	return E_OK;
}

enum err serve_file(const struct front *f, const char *path, struct deadline d)
{
	static uint8_t request[LIM_REQUEST_LEN];
	struct client client = { .fd = -1, .name = "file" };
	struct answer a = { .err = E_OK };
	struct stat st;
	size_t len;
	enum err e;

	deadline_catch(SIGTERM);
	deadline_catch(SIGINT);
	if (lstat(path, &st) != 0)
		return E_IO;
	e = io_read_file(AT_FDCWD, path, true, request, sizeof request, &len, NULL);
	if (e == E_DATA && is_too_long(path))
		answer_error(E_MALFORMED, &a);
	else if (e != E_OK)
		return E_IO;
	else
		answer_request(f, bytes_of(request, len), &client, d, &a);
	if (deadline_interrupted()) {
		log_error("%s: interrupted by a signal before the answer was there: tryLater", path);
		answer_error(E_DEADLINE, &a);
	}
	e = put(path, &st, a.der);
	metrics_count_request(WAY_FILE, 0);
	answer_sent(&a);
	return e;
}

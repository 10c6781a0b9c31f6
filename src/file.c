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
	ok = pwrite(fd, b.p, b.len, 0) == (ssize_t)b.len && ftruncate(fd, (off_t)b.len) == 0;
	ok = close(fd) == 0 && ok;
	return ok ? E_OK : E_IO;
}

enum err serve_file(const struct front *f, const char *path, struct deadline d)
{
	static uint8_t request[LIM_REQUEST_LEN];
	struct client client = { .fd = -1, .name = "file" };
	struct answer a;
	struct stat st;
	size_t len;
	enum err e;

	deadline_catch(SIGTERM);
	deadline_catch(SIGINT);
	if (lstat(path, &st) != 0)
		return E_IO;
	e = io_read_file(AT_FDCWD, path, true, request, sizeof request, &len, NULL);
	if (e == E_DATA && S_ISREG(st.st_mode))
		answer_error(E_MALFORMED, &a);	/* too long */
	else if (e != E_OK)
		return E_IO;
	else
		answer_request(f, bytes_of(request, len), &client, d, &a);
	e = E_OK;
	if (deadline_interrupted()) {
		log_error("%s: interrupted by a signal before the answer was there: tryLater", path);
		answer_error(E_DEADLINE, &a);
	}
	/* a new file would be ours, and alone: only where the old one is as well */
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != geteuid() ||
	    st.st_gid != getegid() ||
	    io_replace_file(AT_FDCWD, path, a.der, st.st_mode & 07777, NULL) != E_OK)
		e = overwrite(path, a.der);
	metrics_count_request(WAY_FILE, 0);
	answer_sent(&a);
	return e;
}

#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io.h"

/* A temporary file that is older was left by a process that died. */
#define LEFT_S 3600

void walk_begin(struct walk *w, const struct cache *c, const char (*folder)[CERTID_FOLDER_LEN],
		size_t n)
{
	*w = (struct walk){ .cache = c, .folder = folder, .n = n };
}

void walk_end(struct walk *w)
{
	if (w->dir)
		closedir(w->dir);
	w->dir = NULL;
	w->step = w->n * WALK_SHARDS;
}

bool walk_parse(const char *name, struct walked *out)
{
	size_t len = strspn(name, "0123456789abcdef");

	if (len == 0 || len % 2 != 0)
		return false;
	if (strcmp(name + len, ".der") == 0)
		out->has_null = true;
	else if (strcmp(name + len, ".np.der") == 0)
		out->has_null = false;
	else
		return false;
	return serial_parse(bytes_of(name, len), out->buf, &out->serial);
}

void walk_remove_left(int folder, const char *name)
{
	struct stat st;

	if (io_is_temporary(name) && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && time(NULL) - st.st_mtime > LEFT_S)
		unlinkat(folder, name, 0);
}

DIR *walk_open(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (!d && fd >= 0)
		close(fd);
	return d;
}

/* NULL: there is no such shard, or it can't be read. */
static DIR *open_shard(struct walk *w)
{
	const char *folder = w->folder[w->step / WALK_SHARDS];
	char path[CERTID_FOLDER_LEN + 4];
	DIR *dir;

	snprintf(path, sizeof path, "%s/%02x", folder, (unsigned)(w->step % WALK_SHARDS));
	dir = walk_open(w->cache->fd, path);
	if (!dir && errno != ENOENT && errno != ENOTDIR)
		w->error = errno;
	return dir;
}

bool walk_next(struct walk *w, struct walked *out)
{
	const struct dirent *entry;

	if (walk_done(w))
		return false;
	if (!w->dir)
		w->dir = open_shard(w);
	while (w->dir && (errno = 0, entry = readdir(w->dir))) {
		if (walk_parse(entry->d_name, out)) {
			out->folder = w->step / WALK_SHARDS;
			return true;
		}
		walk_remove_left(dirfd(w->dir), entry->d_name);
	}
	if (w->dir) {
		if (errno)
			w->error = errno;
		closedir(w->dir);
	}
	w->dir = NULL;
	w->step++;
	return false;
}

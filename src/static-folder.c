#include "static-folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "io.h"
#include "walk.h"

#define ANSWERS "answers"
#define NOW "now"
#define NEW "new"		/* what is being written: a name may be too long for a suffix */

#define FOLDER_LEN (sizeof ANSWERS + STATIC_PATH_LEN)

/* What a killed one has left of a file: io_replace_file() writes beside it. */
static void remove_left(const struct static_folder *f)
{
	DIR *d = walk_open(f->fd, ".");
	struct dirent *entry;

	if (!d)
		return;
	while ((entry = readdir(d)))
		if (strncmp(entry->d_name, NEW ".~", sizeof NEW + 1) == 0)
			unlinkat(f->fd, entry->d_name, 0);
	closedir(d);
}

enum err static_open(struct static_folder *f, const char *path)
{
	int saved;

	f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->fd < 0)
		return E_IO;
	if (flock(f->fd, LOCK_EX | LOCK_NB) != 0) {
		static_close(f);
		return E_BUSY;
	}
	remove_left(f);
	if ((mkdirat(f->fd, ANSWERS, 0755) == 0 || errno == EEXIST) &&
	    (mkdirat(f->fd, NOW, 0755) == 0 || errno == EEXIST))
		return E_OK;
	saved = errno;
	static_close(f);
	errno = saved;
	return E_IO;
}

void static_close(struct static_folder *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

static const char *below_answers(const char *path, char out[FOLDER_LEN])
{
	snprintf(out, FOLDER_LEN, ANSWERS "/%s", path);
	return out;
}

struct bytes static_get(const struct static_folder *f, const char *path, uint8_t *buf)
{
	char whole[FOLDER_LEN];
	size_t len;

	if (io_read_file(f->fd, below_answers(path, whole), false, buf, LIM_RESPONSE_LEN, &len,
			 NULL) != E_OK)
		len = 0;
	return bytes_of(buf, len);
}

enum err static_put(const struct static_folder *f, const char *path, struct bytes der, int64_t date)
{
	struct timespec times[2] = { { .tv_sec = date }, { .tv_sec = date } };
	char whole[FOLDER_LEN], shard[FOLDER_LEN];

	if (io_replace_file(f->fd, NEW, der, 0644, times) != E_OK)
		return E_IO;
	below_answers(path, whole);
	if (renameat(f->fd, NEW, f->fd, whole) == 0)
		return E_OK;
	if (errno != ENOENT)
		return E_IO;
	/* the first one there */
	*strrchr(below_answers(path, shard), '/') = '\0';
	return mkdirat(f->fd, shard, 0755) == 0 && renameat(f->fd, NEW, f->fd, whole) == 0 ? E_OK :
		E_IO;
}

enum err static_drop(const struct static_folder *f, const char *path)
{
	char whole[FOLDER_LEN];

	if (unlinkat(f->fd, below_answers(path, whole), 0) == 0)
		return E_OK;
	return errno == ENOENT ? E_NOT_FOUND : E_IO;
}

/* *more: each() has not seen enough. */
static enum err walk_shard(DIR *answers, const char *name, static_each *each, void *arg, bool *more)
{
	DIR *d = walk_open(dirfd(answers), name);
	struct dirent *entry;

	if (!d)
		return E_IO;
	while (*more && (entry = readdir(d))) {
		char path[3 + sizeof entry->d_name];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%.2s/%s", name, entry->d_name);
		*more = each(arg, path);
	}
	closedir(d);
	return E_OK;
}

enum err static_walk(const struct static_folder *f, static_each *each, void *arg)
{
	DIR *d = walk_open(f->fd, ANSWERS);
	struct dirent *entry;
	bool more = true;
	enum err e = E_OK;

	if (!d)
		return E_IO;
	while (more && e == E_OK && (entry = readdir(d)))
		if (strlen(entry->d_name) == 2 && entry->d_name[0] != '.')
			e = walk_shard(d, entry->d_name, each, arg, &more);
	closedir(d);
	return e;
}

static enum err add_links(int now_folder, int64_t first, int64_t end)
{
	char name[24];

	for (int64_t slot = first; slot < end; slot++) {
		snprintf(name, sizeof name, "%lld", (long long)slot);
		if (symlinkat("../" ANSWERS, now_folder, name) != 0 && errno != EEXIST)
			return E_IO;
	}
	return E_OK;
}

enum err static_allow(const struct static_folder *f, int64_t now, int64_t until)
{
	int64_t first = now / STATIC_SLOT_S, end = until / STATIC_SLOT_S;
	DIR *d = walk_open(f->fd, NOW);
	struct dirent *entry;
	enum err e;

	if (!d)
		return E_IO;
	e = add_links(dirfd(d), first, end);
	while (e == E_OK && (entry = readdir(d))) {
		/* NOLINTNEXTLINE(cert-err34-c): a name that is no number goes, or stands for 0 */
		long long slot = atoll(entry->d_name);

		if (entry->d_name[0] != '.' && (slot < first || slot >= end) &&
		    unlinkat(dirfd(d), entry->d_name, 0) != 0)
			e = E_IO;
	}
	closedir(d);
	return e;
}

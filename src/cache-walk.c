#include "cache-walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "walk.h"

/* "<hash>-<name>-<key>" */
static bool is_folder(const char *name)
{
	return strncmp(name, "sha", 3) == 0 && strchr(name, '-') &&
	       strlen(name) < CERTID_FOLDER_LEN;
}

/* A link could lead whoever removes files here, which may be root, to anywhere. *error: as below. */
static bool is_directory(const struct cache *c, const char *name, int *error)
{
	struct stat st;

	if (fstatat(c->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISDIR(st.st_mode);
	if (errno != ENOENT)
		*error = errno;
	return false;
}

/* False: each() has seen enough. *error: an errno if a part of it can't be read, else as it was. */
static bool walk_folder(const struct cache *c, const char *name, cache_each *each, void *arg,
			int *error)
{
	char folder[1][CERTID_FOLDER_LEN], path[CERTID_PATH_LEN];
	bool more = true;
	char hex[2 * LIM_SERIAL_LEN + 1];
	struct walked x;
	struct walk w;

	stpcpy(folder[0], name);
	walk_begin(&w, c, (const char (*)[CERTID_FOLDER_LEN])folder, 1);
	while (more && !walk_done(&w)) {
		if (!walk_next(&w, &x))
			continue;
		*bytes_hex(x.serial, hex) = '\0';
		snprintf(path, sizeof path, "%s/%02x/%s%s", folder[0],
			 x.serial.p[x.serial.len - 1], hex, x.has_null ? ".der" : ".np.der");
		more = each(arg, path);
	}
	walk_end(&w);
	if (w.error)
		*error = w.error;
	return more;
}

static void sweep(const struct cache *c, const char *name)
{
	DIR *d = walk_open(c->fd, name);
	struct dirent *entry;

	if (!d)
		return;
	while ((entry = readdir(d))) {
		if (is_folder(entry->d_name) && strcmp(name, ".") == 0)
			sweep(c, entry->d_name);
		else
			walk_remove_left(dirfd(d), entry->d_name);
	}
	closedir(d);
}

void cache_sweep(const struct cache *c)
{
	if (c->fd >= 0)
		sweep(c, ".");
}

enum err cache_walk(const struct cache *c, cache_each *each, void *arg)
{
	struct dirent *entry;
	bool more = true;
	int error = 0;
	DIR *d;

	if (c->fd < 0)
		return E_OK;
	d = walk_open(c->fd, ".");
	if (!d)
		return E_IO;
	cache_sweep(c);
	while (more && (errno = 0, entry = readdir(d)))
		if (is_folder(entry->d_name) && is_directory(c, entry->d_name, &error))
			more = walk_folder(c, entry->d_name, each, arg, &error);
	if (more && errno)
		error = errno;
	closedir(d);
	errno = error;
	return error ? E_IO : E_OK;
}

static bool count_one(void *arg, const char *path)
{
	(void)path;
	++*(int64_t *)arg;
	return true;
}

int64_t cache_size(const struct cache *c)
{
	int64_t n = 0;

	return cache_walk(c, count_one, &n) == E_OK ? n : -1;
}

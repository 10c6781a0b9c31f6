#include "cache.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "io.h"

/* Of a folder: its mtime is a newer agreement for every file that lies there since its atime. */
#define MARKER ".verified"
#define LOCK ".lock"		/* of a folder: one byte of it for each serial */
#define BACKOFF ".database-down-"	/* of a folder; and the host: another one may reach it */

/* Who may read the cache is for its own mode to say: 0700, or 2750 where what parses requests is
 * another user than what publishes (signuser=). Nothing in it is secret. */
#define ANSWER_MODE 0640
#define FOLDER_MODE 0750

#define BACKOFF_LEN (CERTID_FOLDER_LEN + CACHE_NOTE_LEN)

static void name_backoff(char out[CACHE_NOTE_LEN])
{
	struct utsname host;
	char *p = stpcpy(out, BACKOFF);

	_Static_assert(sizeof BACKOFF + sizeof host.nodename <= CACHE_NOTE_LEN, "it fits");
	if (uname(&host) != 0)
		return;
	stpcpy(p, host.nodename);
	while ((p = strchr(p, '/')))
		*p = '_';
}

enum err cache_open(struct cache *c, const char *path, int recheck_s, bool create)
{
	c->path = path;
	c->recheck_s = recheck_s;
	name_backoff(c->backoff);
	if (create)
		mkdir(path, 0700);
	c->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return c->fd < 0 ? E_IO : E_OK;
}

void cache_close(struct cache *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

bool cache_is_replaced(const struct cache *c)
{
	struct stat mine, there;

	if (stat(c->path, &there) != 0 || !S_ISDIR(there.st_mode))
		return false;
	if (c->fd < 0)
		return (there.st_uid == geteuid() && (there.st_mode & 0500) == 0500) ||
		       (there.st_gid == getegid() && (there.st_mode & 0050) == 0050);
	return fstat(c->fd, &mine) == 0 &&
	       (mine.st_ino != there.st_ino || mine.st_dev != there.st_dev);
}

static int64_t ms_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *oddity(enum err e)
{
	switch (e) {
	case E_NOT_FOUND: return NULL;
	case E_DATA: return "is no regular file, or too large";
	default: return "can't be read";
	}
}

/* The newer of the file's agreement and its folder's, as long as the latter isn't of the future:
 * a marker that was touched by a host with another clock must not hide a good one. It speaks of
 * files that lay there before: not of one that was signed, or came back from a backup, since. */
static int64_t agreement(const struct cache *c, const struct certid_place *place,
			 const struct stat *file, int64_t now_ms)
{
	int64_t file_ms = ms_of(file->st_mtim), ms;
	char marker[CERTID_FOLDER_LEN + sizeof MARKER];
	struct stat st;

	if (file_ms <= now_ms && now_ms - file_ms < (int64_t)c->recheck_s * 1000)
		return file_ms;
	stpcpy(stpcpy(marker, place->folder), "/" MARKER);
	if (fstatat(c->fd, marker, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
	    ms_of(file->st_ctim) > ms_of(st.st_atim))
		return file_ms;
	ms = ms_of(st.st_mtim);
	return ms <= now_ms && (file_ms > now_ms || ms > file_ms) ? ms : file_ms;
}

void cache_get(const struct cache *c, const struct certid *id, int64_t now_ms, uint8_t *buf,
	       struct cache_entry *out, const char **odd)
{
	struct certid_place place;
	const char *clause = NULL;
	struct stat st;
	size_t len;
	enum err e;

	out->verdict = FRESH_MISS;
	out->unread = false;
	if (c->fd < 0 || !certid_place(id, &place))
		goto out;
	e = io_read_file(c->fd, place.file, false, buf, LIM_RESPONSE_LEN, &len, &st);
	if (e != E_OK) {
		/* what may not be read is sent by nobody */
		out->unread = e == E_IO && errno != EACCES;
		clause = oddity(e);
		goto out;
	}
	out->der = bytes_of(buf, len);
	if (response_parse(out->der, &out->response) != E_OK) {
		clause = "is no OCSPResponse";
		goto out;
	}
	if (out->response.status != OCSP_SUCCESSFUL) {
		clause = "is not successful";
		goto out;
	}
	if (response_find(&out->response, id->der, &out->single) != E_OK) {
		clause = "answers for another certificate";
		goto out;
	}
	out->agreed_ms = agreement(c, &place, &st, now_ms);
	out->verdict = fresh_judge(&out->single, out->response.produced_at, now_ms, out->agreed_ms,
				   c->recheck_s);
out:
	if (odd)
		*odd = clause;
}

bool cache_has(const struct cache *c, const struct certid *id)
{
	struct certid_place place;

	return c->fd >= 0 && certid_place(id, &place) &&
	       (faccessat(c->fd, place.file, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
		(errno != ENOENT && errno != ENOTDIR));
}

static struct timespec timespec_of_ms(int64_t ms)
{
	return (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
}

enum err cache_put(const struct cache *c, const struct certid *id, struct bytes der,
		   int64_t agreed_ms)
{
	struct timespec times[2] = { timespec_of_ms(agreed_ms), timespec_of_ms(agreed_ms) };
	struct certid_place place;
	enum err e;

	if (c->fd < 0 || !certid_place(id, &place)) {
		errno = EBADF;
		return E_IO;
	}
	e = io_replace_file(c->fd, place.file, der, ANSWER_MODE, times);
	if (e == E_OK)
		return E_OK;
	if (errno == ENOENT) {
		/* the first answer of this shard */
		mkdirat(c->fd, place.folder, FOLDER_MODE);
		if (mkdirat(c->fd, place.shard, FOLDER_MODE) != 0 && errno != EEXIST)
			return E_IO;
	} else if (errno == EISDIR) {
		/* somebody left a folder in our place: an empty one can go */
		if (unlinkat(c->fd, place.file, AT_REMOVEDIR) != 0)
			return E_IO;
	} else {
		return e;
	}
	return io_replace_file(c->fd, place.file, der, ANSWER_MODE, times);
}

enum err cache_touch(const struct cache *c, const struct certid *id, int64_t agreed_ms)
{
	struct timespec times[2] = { timespec_of_ms(agreed_ms), timespec_of_ms(agreed_ms) };
	struct certid_place place;

	/* what was removed meanwhile needs no agreement */
	if (c->fd < 0 || !certid_place(id, &place) ||
	    utimensat(c->fd, place.file, times, AT_SYMLINK_NOFOLLOW) == 0 || errno == ENOENT)
		return E_OK;
	return E_IO;
}

void cache_verify(const struct cache *c, const char *folder, int64_t agreed_ms, int64_t present_ms)
{
	struct timespec times[2] = { timespec_of_ms(present_ms), timespec_of_ms(agreed_ms) };
	char marker[CERTID_FOLDER_LEN + sizeof MARKER];

	if (c->fd < 0)
		return;
	stpcpy(stpcpy(marker, folder), "/" MARKER);
	if (utimensat(c->fd, marker, times, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
		return;
	/* where there is no such folder, there is nothing to be said */
	(void)!io_replace_file(c->fd, marker, bytes_of(NULL, 0), 0600, times);
}

enum err cache_remove(const struct cache *c, const struct certid *id)
{
	struct certid_place place;

	if (c->fd < 0 || !certid_place(id, &place) || unlinkat(c->fd, place.file, 0) == 0 ||
	    errno == ENOENT || errno == ENOTDIR)
		return E_OK;
	return E_IO;
}

enum err cache_make_folder(const struct cache *c, const struct certid *id)
{
	struct certid_place place;

	if (c->fd < 0 || !certid_place(id, &place))
		return E_IO;
	return mkdirat(c->fd, place.folder, FOLDER_MODE) == 0 || errno == EEXIST ? E_OK : E_IO;
}

/* Which byte of the lock file stands for a serial: any function of it will do. */
static off_t lock_byte(struct bytes serial)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < serial.len; i++)
		h = (h ^ serial.p[i]) * 1099511628211u;
	return (off_t)(h >> 2);
}

int cache_lock(const struct cache *c, const struct certid *id, struct deadline d)
{
	char path[CERTID_FOLDER_LEN + sizeof LOCK];
	struct certid_place place;

	if (c->fd < 0 || !certid_place(id, &place))
		return -1;
	stpcpy(stpcpy(path, place.folder), "/" LOCK);
	return cache_lock_file(c, path, lock_byte(id->serial), d);
}

int cache_lock_file(const struct cache *c, const char *path, off_t byte, struct deadline d)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	struct timespec pause = { 0, 500000 };
	int fd;

	if (c->fd < 0)
		return -1;
	fd = openat(c->fd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return -1;
	while (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
		if ((errno != EAGAIN && errno != EACCES && errno != EINTR) ||
		    deadline_left_ms(d) == 0) {
			close(fd);
			return -1;
		}
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 8000000)
			pause.tv_nsec *= 2;
	}
	return fd;
}

/* Of its folder alone: one CA's table may be away or locked while those of others can be asked, and
 * their answers must not age for it. False: there is no place for it. */
static bool place_backoff(const struct cache *c, const struct certid *id, char out[BACKOFF_LEN])
{
	struct certid_place place;

	if (c->fd < 0 || !certid_place(id, &place))
		return false;
	stpcpy(stpcpy(stpcpy(out, place.folder), "/"), c->backoff);
	return true;
}

bool cache_backoff_set(const struct cache *c, const struct certid *id)
{
	char note[BACKOFF_LEN];
	bool fresh = true;
	int fd;

	if (!place_backoff(c, id, note))
		return true;
	fd = openat(c->fd, note, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		fresh = errno != EEXIST;
		utimensat(c->fd, note, NULL, AT_SYMLINK_NOFOLLOW);
	} else {
		close(fd);
	}
	return fresh;
}

void cache_backoff_renew(const struct cache *c, const struct certid *id)
{
	char note[BACKOFF_LEN];

	if (place_backoff(c, id, note))
		utimensat(c->fd, note, NULL, AT_SYMLINK_NOFOLLOW);
}

bool cache_backoff_clear(const struct cache *c, const struct certid *id)
{
	char note[BACKOFF_LEN];

	return place_backoff(c, id, note) && unlinkat(c->fd, note, 0) == 0;
}

bool cache_backoff(const struct cache *c, const struct certid *id, int64_t now_ms)
{
	char note[BACKOFF_LEN];
	struct stat st;
	int64_t ms;

	/* what else lies there is no note of ours, and might stay for ever */
	if (!place_backoff(c, id, note) ||
	    fstatat(c->fd, note, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
		return false;
	ms = ms_of(st.st_mtim);
	return ms <= now_ms && now_ms - ms < LIM_BACKOFF_S * 1000;
}

bool cache_note_is_older(const struct cache *c, const char *name, int64_t seconds)
{
	int64_t now_ms = clock_real_ms();
	struct stat st;

	if (c->fd < 0)
		return false;
	if (fstatat(c->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return true;
	return ms_of(st.st_mtim) > now_ms || now_ms - ms_of(st.st_mtim) >= seconds * 1000;
}

enum err cache_put_note(const struct cache *c, const char *name, struct bytes text)
{
	return c->fd < 0 ? E_IO : io_replace_file(c->fd, name, text, ANSWER_MODE, NULL);
}

size_t cache_get_note(const struct cache *c, const char *name, uint8_t *buf, size_t cap)
{
	size_t len;

	if (c->fd < 0 || io_read_file(c->fd, name, false, buf, cap, &len, NULL) != E_OK)
		return 0;
	for (size_t i = 0; i < len; i++)
		if ((buf[i] < 0x20 && buf[i] != '\n') || buf[i] == 0x7f)
			return 0;
	return len;
}

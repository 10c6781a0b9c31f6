#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"

#define NAME ".metrics"		/* in the cache directory */
#define SUFFIX "-sign"

#define LAYOUT 1
#define FILE_LEN 4096		/* one page, for ever */

struct header {
	char magic[8];
	uint32_t version, size;
	int64_t since;		/* when it was made, seconds since 1970 */
};

union page {
	struct {
		struct header header;
		struct metrics metrics;
	} u;
	uint8_t octets[FILE_LEN];
};

static const char magic[8] = "OCSPmet";

_Static_assert(sizeof(union page) == FILE_LEN, "what is counted outgrew the file");
_Static_assert(E_COUNT_ <= METRICS_ERRORS, "there are more errors than places for them");

static union page nowhere;		/* without a file */
static union page *page = &nowhere;

/* Ordered as they are sent: the first is found first. */
static const uint16_t codes[METRICS_CODES - 1] = {
	200, 304, 400, 404, 405, 408, 411, 412, 413, 414, 415, 417, 431, 500, 501, 503, 505,
};
static const uint32_t time_bounds_us[METRICS_TIMES - 1] = {
	10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
	1000000, 2500000, 5000000,
};
#define MIN 60
#define HOUR 3600
#define DAY 86400
static const uint32_t age_bounds_s[METRICS_AGES - 1] = {
	MIN, 5 * MIN, 15 * MIN, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 4 * DAY, 7 * DAY,
	14 * DAY, 30 * DAY, 90 * DAY, 365 * DAY,
};

int metrics_code(unsigned column)
{
	return column < METRICS_CODES - 1 ? codes[column] : 0;
}

int64_t metrics_time_bound_us(unsigned bucket)
{
	return bucket < METRICS_TIMES - 1 ? (int64_t)time_bounds_us[bucket] : INT64_MAX;
}

int64_t metrics_age_bound_s(unsigned bucket)
{
	return bucket < METRICS_AGES - 1 ? (int64_t)age_bounds_s[bucket] : INT64_MAX;
}

/* ------------------------------------------------------------------ the file */

/* The file ends before the page does, or can't be read or grown: this process goes on with a page
 * of its own, which nobody sees. The instruction that failed is then done again. Any other SIGBUS
 * ends the process as it would have. */
static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	const uint8_t *at = info->si_addr;
	int saved = errno;

	(void)context;
	if (page == &nowhere || at < page->octets || at >= page->octets + FILE_LEN ||
	    mmap(page, FILE_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) == MAP_FAILED)
		signal(sig, SIG_DFL);
	errno = saved;
}

enum state { STATE_GOOD, STATE_EMPTY, STATE_FOREIGN, STATE_NEWER };

static enum state state_of(const struct header *h, ssize_t len)
{
	if (len == 0)
		return STATE_EMPTY;
	if (len != sizeof *h || memcmp(h->magic, magic, sizeof magic) != 0)
		return STATE_FOREIGN;
	/* whoever wrote it is newer than we are, and still counts there */
	if (h->version > LAYOUT)
		return STATE_NEWER;
	return h->version == LAYOUT && h->size == FILE_LEN ? STATE_GOOD : STATE_FOREIGN;
}

/* E_DATA: neither a file of ours, nor one that may be replaced by ours. */
static enum err look(int fd, struct header *h, enum state *state)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return E_IO;
	if (!S_ISREG(st.st_mode))
		return E_DATA;
	*state = state_of(h, pread(fd, h, sizeof *h, 0));
	if (*state == STATE_GOOD && st.st_size != FILE_LEN)
		*state = STATE_FOREIGN;	/* cut short */
	return E_OK;
}

static void first_page(union page *p)
{
	memset(p, 0, sizeof *p);
	memcpy(p->u.header.magic, magic, sizeof magic);
	p->u.header.version = LAYOUT;
	p->u.header.size = FILE_LEN;
	p->u.header.since = clock_real_ms() / 1000;
}

/* Under a temporary name first, and then by link(): of many who come first one is first. */
static void make(int dirfd, const char *name)
{
	static union page fresh;
	char temporary[METRICS_PATH_LEN];
	int fd;

	if (!io_temporary_name(name, temporary, sizeof temporary))
		return;
	fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	first_page(&fresh);
	/* written and not left sparse: a full disk is noticed now */
	if (write(fd, &fresh, sizeof fresh) == sizeof fresh)
		(void)!linkat(dirfd, temporary, dirfd, name, 0);
	close(fd);
	unlinkat(dirfd, temporary, 0);
}

/* What is there is no file of ours. Who has its lock replaces it, for all; the others let it be. */
static void replace(int dirfd, const char *name, int fd, enum state state)
{
	static union page fresh;
	struct stat here, there;

	if (flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &here) != 0 ||
	    fstatat(dirfd, name, &there, AT_SYMLINK_NOFOLLOW) != 0 ||
	    here.st_ino != there.st_ino || here.st_dev != there.st_dev)
		return;
	first_page(&fresh);
	/* an empty one may lie in a folder where we can't make another: it only grows */
	if (state != STATE_EMPTY)
		(void)!io_replace_file(dirfd, name, bytes_of(&fresh, sizeof fresh), 0600, NULL);
	else if (here.st_size == 0)
		(void)!pwrite(fd, &fresh, sizeof fresh, 0);
}

/* True if the file was mapped. */
static bool map(int dirfd, const char *name, bool *again)
{
	const struct sigaction act = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };
	enum state state;
	struct header h;
	void *p;
	int fd;

	fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		*again = errno == ENOENT;
		if (*again)
			make(dirfd, name);
		return false;
	}
	if (look(fd, &h, &state) != E_OK) {
		close(fd);
		return false;
	}
	*again = state == STATE_EMPTY || state == STATE_FOREIGN;
	if (*again)
		replace(dirfd, name, fd, state);
	p = state != STATE_GOOD || sigaction(SIGBUS, &act, NULL) != 0 ?
		MAP_FAILED : mmap(NULL, FILE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return false;
	page = p;
	return true;
}

static const char *name_of(const struct conf *conf, enum metrics_part part,
			   char buf[METRICS_PATH_LEN])
{
	const char *name = conf->metrics ? conf->metrics : NAME;

	if (part == METRICS_FRONT)
		return name;
	return snprintf(buf, METRICS_PATH_LEN, "%s" SUFFIX, name) < METRICS_PATH_LEN ? buf : NULL;
}

void metrics_open(const struct conf *conf, int cache_fd, enum metrics_part part)
{
	int dirfd = conf->metrics ? AT_FDCWD : cache_fd;
	char buf[METRICS_PATH_LEN];
	const char *name;
	bool again = false;

	if (conf->metrics ? !conf->metrics[0] : cache_fd < 0)
		return;
	name = name_of(conf, part, buf);
	if (name && !map(dirfd, name, &again) && again)
		(void)map(dirfd, name, &again);
}

/* --------------------------------------------------------------- counting */

static void add(uint64_t *slot, uint64_t n)
{
	__atomic_fetch_add(slot, n, __ATOMIC_RELAXED);
}

void metrics_count_request(enum metrics_way way, int http_status)
{
	unsigned column = 0;

	while (http_status && column < METRICS_CODES - 1 && codes[column] != http_status)
		column++;
	add(&page->u.metrics.request[way][column], 1);
}

void metrics_count_answer(unsigned answer)
{
	if (answer < METRICS_ANSWERS)
		add(&page->u.metrics.answer[answer], 1);
}

void metrics_count_lookup(enum metrics_lookup l)
{
	add(&page->u.metrics.lookup[l], 1);
}

void metrics_count_signer(enum metrics_signer s)
{
	add(&page->u.metrics.signer[s], 1);
}

void metrics_count_refused(uint64_t n)
{
	if (n)
		add(&page->u.metrics.refused, n);
}

void metrics_count_age(int64_t seconds)
{
	unsigned i = 0;

	if (seconds < 0)
		seconds = 0;
	while (seconds > metrics_age_bound_s(i))
		i++;
	add(&page->u.metrics.age[i], 1);
	add(&page->u.metrics.age_sum_s, (uint64_t)seconds);
}

void metrics_count_time(enum metrics_clock c, int64_t us)
{
	struct metrics_times *t = &page->u.metrics.time[c];
	unsigned i = 0;

	if (us < 0)
		us = 0;
	while (us > metrics_time_bound_us(i))
		i++;
	add(&t->bucket[i], 1);
	add(&t->sum_us, (uint64_t)us);
}

void metrics_count_source(unsigned source)
{
	if (source < METRICS_SOURCES)
		add(&page->u.metrics.source[source], 1);
}

void metrics_count_failure(enum err e)
{
	if ((unsigned)e < METRICS_ERRORS)
		add(&page->u.metrics.failure[e], 1);
}

void metrics_count_signature(void)
{
	add(&page->u.metrics.signatures, 1);
}

void metrics_count_database_failure(void)
{
	add(&page->u.metrics.database_failures, 1);
}

/* ---------------------------------------------------------------- reading */

void metrics_path(const struct conf *conf, enum metrics_part part, char out[METRICS_PATH_LEN])
{
	snprintf(out, METRICS_PATH_LEN, "%s%s%s", conf->metrics ? conf->metrics : conf->cache,
		 conf->metrics ? "" : "/" NAME, part == METRICS_SIGN ? SUFFIX : "");
}

static enum err read_part(const char *path, union page *p)
{
	struct stat st;
	size_t len;
	enum err e;

	e = io_read_file(AT_FDCWD, path, false, p->octets, sizeof p->octets, &len, &st);
	if (e != E_OK)
		return e;
	if (len != FILE_LEN || state_of(&p->u.header, sizeof p->u.header) != STATE_GOOD)
		return E_DATA;
	return E_OK;
}

enum err metrics_read(const struct conf *conf, struct metrics *out, int64_t *since)
{
	static const enum metrics_part parts[] = { METRICS_FRONT, METRICS_SIGN };
	uint64_t sum[sizeof *out / sizeof(uint64_t)] = { 0 };
	enum err e, found = E_NOT_FOUND;
	int64_t oldest = INT64_MAX;
	char path[METRICS_PATH_LEN];
	union page p;

	_Static_assert(sizeof sum == sizeof *out, "nothing but counters in it");
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		uint64_t values[sizeof sum / sizeof sum[0]];

		metrics_path(conf, parts[i], path);
		e = read_part(path, &p);
		if (e == E_NOT_FOUND)
			continue;
		if (e != E_OK)
			return e;
		memcpy(values, &p.u.metrics, sizeof values);
		for (size_t k = 0; k < sizeof sum / sizeof sum[0]; k++)
			sum[k] += values[k];
		if (p.u.header.since < oldest)
			oldest = p.u.header.since;
		found = E_OK;
	}
	if (found != E_OK)
		return found;
	memcpy(out, sum, sizeof *out);
	*since = oldest;
	return E_OK;
}

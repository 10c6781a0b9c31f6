/*
 * purge: cached answers that are wanted no more. What is asked for again is signed again.
 */
#include "ctl.h"

#include <errno.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "cache-walk.h"
#include "io.h"

enum { OPT_ALL, OPT_EXPIRED };

const struct ctl_opt ctl_purge_options[] = {
	[OPT_ALL] = { "all", NULL, "every answer" },
	[OPT_EXPIRED] = { "expired", NULL, "those that nobody can be sent any more" },
	{ NULL, NULL, NULL },
};

struct purge {
	const struct cache *cache;
	const struct ctl_folders *folders;
	bool all;
	int64_t now, removed, kept, failed;
	struct ctl_progress progress;
};

/* Also what is no answer at all. */
static bool is_expired(const struct purge *p, const char *path)
{
	static uint8_t buf[LIM_RESPONSE_LEN];
	struct response response;
	size_t len;
	enum err e = io_read_file(p->cache->fd, path, false, buf, sizeof buf, &len, NULL);

	if (e == E_NOT_FOUND || e == E_IO)
		return false;
	return e != E_OK || response_parse(bytes_of(buf, len), &response) != E_OK ||
	       response.status != OCSP_SUCCESSFUL || response.next_update <= p->now;
}

static bool look(void *arg, const char *path)
{
	struct purge *p = arg;

	ctl_progress(&p->progress, p->removed + p->kept + p->failed);
	if (!ctl_in_folders(p->folders, path) || (!p->all && !is_expired(p, path))) {
		p->kept++;
	} else if (unlinkat(p->cache->fd, path, 0) == 0 || errno == ENOENT) {
		p->removed++;
	} else {
		p->failed++;
		ctl_progress_clear(&p->progress);
		ctl_say("%s/%s can't be removed: %s", p->cache->path, path, strerror(errno));
	}
	return !deadline_interrupted();
}

static int purge_many(struct ctl *c, const struct ctl_folders *folders, bool all)
{
	struct purge p = { .cache = &c->cache, .folders = folders, .all = all,
			   .now = clock_real_ms() / 1000 };
	enum err e;

	ctl_progress_begin(&p.progress, "purge", cache_size(&c->cache));
	e = cache_walk(&c->cache, look, &p);
	ctl_progress_clear(&p.progress);
	if (e != E_OK)
		ctl_say("a folder of %s can't be read: %s", c->cache.path, strerror(errno));
	printf("%lld answers removed, %lld kept\n", (long long)p.removed, (long long)p.kept);
	if (deadline_interrupted())
		return CTL_INTERRUPTED;
	return e != E_OK || p.failed ? EX_IOERR : 0;
}

static int purge_one(struct ctl *c, const char *arg)
{
	struct ctl_target t;
	size_t removed;
	enum err e = ctl_target(c, arg, &t);

	if (e != E_OK)
		return ctl_code(e);
	e = ctl_cache_drop(c, &t, &removed);
	if (e == E_OK || removed)
		printf("%zu answers removed\n", removed);
	return e == E_OK ? 0 : ctl_code(e);
}

int ctl_purge(struct ctl *c, int argc, char **argv)
{
	bool all = false, expired = false;
	struct ctl_folders folders;
	enum err e;
	int o;

	while ((o = ctl_next_option(argc, argv, ctl_purge_options)) != -1) {
		if (o == CTL_BAD_OPTION)
			return EX_USAGE;
		all = all || o == OPT_ALL;
		expired = expired || o == OPT_EXPIRED;
	}
	if ((argc - optind) + all + expired != 1)
		return ctl_usage("purge takes a serial number or certificate, --expired or --all");
	if (!all && !expired)
		return purge_one(c, argv[optind]);
	ctl_catch_signals();
	e = ctl_folders_of(c, &folders);
	if (e == E_OK)
		e = ctl_cache(c);
	if (e == E_NOT_FOUND) {
		printf("there is no cache %s yet\n", c->conf.cache);
		return 0;
	}
	return e == E_OK ? purge_many(c, &folders, all) : ctl_code(e);
}

/*
 * export-static: every cached answer as a file that a web server can send by itself.
 */
#include "ctl.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "cache-walk.h"
#include "io.h"
#include "metrics.h"
#include "responder.h"
#include "static-folder.h"

#define LEAST_VALID_S (2 * STATIC_SLOT_S)
#define MOST_VALID_S (7 * 86400)
#define VALID_S 3600

enum { OPT_VALID_FOR, OPT_PURGE_LIST };

const struct ctl_opt ctl_static_options[] = {
	[OPT_VALID_FOR] = { "valid-for", "SPAN", "how long they may be sent without a further export (1h)" },
	[OPT_PURGE_LIST] = { "purge-list", "FILE", "append the URLs whose answer says something else now" },
	{ NULL, NULL, NULL },
};

struct export {
	struct ctl *c;
	const char *path;
	struct static_folder folder;
	int64_t until;		/* a web server may send them up to this second */
	const char *purge_list;	/* or NULL */
	FILE *purge;
	struct ctl_progress progress;
	int64_t seen, written, same, removed, short_lived, unanswered, unasked;
	bool failed;
};

/* Large: not for a stack. */
static struct responder responder;
static uint8_t cached[LIM_RESPONSE_LEN], fresh[LIM_RESPONSE_LEN], old[LIM_RESPONSE_LEN];

struct known {
	struct bytes der;	/* .len 0: there is none */
	struct single single;
};

/* One sentence: what follows mostly fails of the same. */
static void failed(struct export *x, const char *path)
{
	if (!x->failed) {
		ctl_progress_clear(&x->progress);
		ctl_say("%s can't be written: %s", path, strerror(errno));
	}
	x->failed = true;
}

static void say(enum level level, const char *sentence)
{
	if (level >= LEVEL_WARNING)
		ctl_say("%s", sentence);
}

static struct known known_of(struct bytes der, const struct certid *id)
{
	struct known k = { .der = der };
	struct response response;

	if (der.len && (response_parse(der, &response) != E_OK ||
			response_find(&response, id->der, &k.single) != E_OK))
		k.der.len = 0;
	return k;
}

/* What a client would be answered now: what lies in the cache, if no more than that is needed. */
static struct known ask(struct export *x, const struct certid *id, struct bytes request)
{
	struct cache_entry entry;
	struct answer_info info;
	struct bytes der;

	cache_get(&responder.cache, id, clock_real_ms(), cached, &entry, NULL);
	if (entry.verdict == FRESH_HIT)
		return (struct known){ entry.der, entry.single };
	if (responder_answer(&responder, request, ctl_deadline(x->c), fresh, &der, &info) != E_OK)
		der.len = 0;
	/* the database could not be asked: what was never contradicted may be sent */
	x->unasked += der.len && info.source == SOURCE_CACHE;
	return known_of(der, id);
}

/* A cache on the way to the client keeps what it has until its max-age is over. That matters when it
 * is more than the dates that are others now. */
static bool says_else(const struct known *before, const struct known *now)
{
	if (!before->der.len || !now->der.len)
		return before->der.len || now->single.status != CERT_GOOD;
	return before->single.status != now->single.status ||
	       (now->single.status == CERT_REVOKED &&
		(before->single.revoked_at != now->single.revoked_at ||
		 before->single.reason != now->single.reason));
}

/* Before the files change: a URL too many does no harm. */
static void list_urls(struct export *x, struct bytes request)
{
	char plain[STATIC_URL_LEN], escaped[STATIC_URL_LEN];

	if (!x->purge)
		return;
	fprintf(x->purge, "%s\n", static_url(request, false, plain));
	if (strcmp(plain, static_url(request, true, escaped)) != 0)
		fprintf(x->purge, "%s\n", escaped);
	if (fflush(x->purge) != 0)
		failed(x, x->purge_list);
}

static void drop(struct export *x, const char *path)
{
	enum err e = static_drop(&x->folder, path);

	x->removed += e == E_OK;
	if (e == E_IO)
		failed(x, path);
}

static void export_one(struct export *x, const struct certid *id)
{
	char path[STATIC_PATH_LEN];
	uint8_t buf[VARIANT_REQUEST_LEN];
	struct bytes request = variants_request(id, buf);
	struct known now, before;

	if (!static_path(request, path))
		return;
	now = ask(x, id, request);
	before = known_of(static_get(&x->folder, path, old), id);
	if (!now.der.len)
		x->unanswered++;
	/* whoever is sent it in the last second may keep it for maxage= */
	if (now.der.len && now.single.next_update <= x->until + x->c->conf.maxage_s) {
		x->short_lived++;
		now.der.len = 0;
	}
	if (bytes_eq(before.der, now.der)) {
		x->same += now.der.len > 0;
		return;
	}
	if (says_else(&before, &now))
		list_urls(x, request);
	if (!now.der.len)
		drop(x, path);
	else if (static_put(&x->folder, path, now.der, now.single.this_update) == E_OK)
		x->written++;
	else
		failed(x, path);
}

/* The CertID is in the answer itself: those of ocspresponse= are about certificates of other CAs. */
static bool export_cached(void *arg, const char *path)
{
	static uint8_t buf[LIM_RESPONSE_LEN];
	struct export *x = arg;
	struct certid_place place;
	struct response response;
	size_t len;

	ctl_progress(&x->progress, ++x->seen);
	if (io_read_file(responder.cache.fd, path, false, buf, sizeof buf, &len, NULL) == E_OK &&
	    response_parse(bytes_of(buf, len), &response) == E_OK &&
	    response.status == OCSP_SUCCESSFUL && response.n == 1 &&
	    certid_place(&response.first.id, &place) && strcmp(place.file, path) == 0)
		export_one(x, &response.first.id);
	return !deadline_interrupted();
}

/* Was this file seen to by way of the cache? Not what can't be read there, or is about several. */
static bool was_seen(struct export *x, const char *path, const struct certid *id)
{
	static uint8_t buf[LIM_RESPONSE_LEN];
	struct cache_entry c;
	const char *odd;

	cache_get(&responder.cache, id, clock_real_ms(), buf, &c, &odd);
	return c.verdict != FRESH_MISS && c.response.n == 1 &&
	       bytes_eq(c.der, static_get(&x->folder, path, old));
}

/* A file whose answer the cache doesn't have any more goes; one that says something else is made
 * anew. None is allowed to be sent for longer that was not looked at. */
static bool drop_left(void *arg, const char *path)
{
	uint8_t buf[VARIANT_REQUEST_LEN];
	struct export *x = arg;
	struct request request;
	struct bytes octets;

	if (static_request(strchr(path, '/') + 1, buf, &octets)) {
		if (request_parse(octets, &request, NULL) == E_OK &&
		    cache_has(&responder.cache, &request.id[0])) {
			if (!was_seen(x, path, &request.id[0]))
				export_one(x, &request.id[0]);
			return !deadline_interrupted();
		}
		list_urls(x, octets);
	}
	drop(x, path);
	return !deadline_interrupted();
}

/* Returns an exit code. */
static int open_files(struct export *x)
{
	enum err e = static_open(&x->folder, x->path);

	if (e == E_BUSY) {
		ctl_say("another export to %s is on its way", x->path);
		return CTL_REFUSED;
	}
	if (e != E_OK) {
		ctl_say("the folder %s can't be used: %s; make it with: install -d -o %s -m 755 %s",
			x->path, strerror(errno), x->c->conf.sign_user, x->path);
		return EX_IOERR;
	}
	if (!x->purge_list)
		return 0;
	x->purge = fopen(x->purge_list, "ae");
	if (x->purge)
		return 0;
	ctl_say("%s can't be written: %s", x->purge_list, strerror(errno));
	return EX_IOERR;
}

static void summary(const struct export *x)
{
	char until[CTL_TIME_LEN];

	printf("%lld answers written, %lld are as they were, %lld removed\n",
	       (long long)x->written, (long long)x->same, (long long)x->removed);
	if (x->short_lived)
		printf("%lld left out: they end before they could be sent until %s and kept by "
		       "caches for maxage=\n",
		       (long long)x->short_lived, ctl_time(x->until, until));
	if (x->unanswered)
		printf("%lld left out: there is no answer to be had\n", (long long)x->unanswered);
	if (x->unasked)
		printf("%lld are valid, but the database can't be asked about them\n",
		       (long long)x->unasked);
}

static int export_all(struct export *x)
{
	enum err e;

	ctl_progress_begin(&x->progress, "export-static", cache_size(&responder.cache));
	e = cache_walk(&responder.cache, export_cached, x);
	ctl_progress_clear(&x->progress);
	if (e != E_OK)
		ctl_say("the cache %s can't be read: %s", x->c->conf.cache, strerror(errno));
	else if (!deadline_interrupted() && static_walk(&x->folder, drop_left, x) != E_OK)
		failed(x, x->path);
	/* not before all is as it should be */
	if (e == E_OK && !deadline_interrupted() && !x->failed &&
	    static_allow(&x->folder, clock_real_ms() / 1000, x->until) != E_OK)
		failed(x, x->path);
	summary(x);
	if (deadline_interrupted())
		return CTL_INTERRUPTED;
	return e != E_OK || x->failed ? EX_IOERR : x->unasked ? EX_TEMPFAIL : 0;
}

/* Answers are renewed when half of their time is over, so as much as that is sure to be left. */
static bool is_too_long(const struct ctl *c, int64_t valid_s)
{
	for (size_t i = 0; i < c->conf.n_ca; i++)
		if (valid_s + c->conf.maxage_s >= c->conf.ca[i].producetime_s / 2)
			return true;
	return false;
}

/* Returns an exit code, or -1 to go on. */
static int read_options(struct export *x, int argc, char **argv, int64_t *valid_s)
{
	int o;

	*valid_s = VALID_S;
	while ((o = ctl_next_option(argc, argv, ctl_static_options)) != -1) {
		if (o == CTL_BAD_OPTION)
			return EX_USAGE;
		if (o == OPT_PURGE_LIST)
			x->purge_list = optarg;
		else if (!conf_read_duration(bytes_str(optarg), valid_s) ||
			 *valid_s < LEAST_VALID_S || *valid_s > MOST_VALID_S)
			return ctl_usage("--valid-for takes a time from %d s to %d d, as 1h or 90min",
					 LEAST_VALID_S, MOST_VALID_S / 86400);
	}
	if (argc - optind != 1)
		return ctl_usage("export-static takes the folder that a web server reads");
	if (is_too_long(x->c, *valid_s))
		return ctl_usage("--valid-for and maxage= are longer together than half of "
				 "producetime=, which no answer is sure to have left");
	return -1;
}

static int run(struct export *x)
{
	char error[RESPONDER_ERROR_LEN];
	enum err e = responder_open(&x->c->conf, say, &responder, error);
	int code;

	if (e != E_OK) {
		ctl_say("%s", error);
		return ctl_code(e);
	}
	metrics_open(&x->c->conf, responder.cache.fd, METRICS_SIGN);
	code = export_all(x);
	responder_close(&responder);
	return code;
}

int ctl_static(struct ctl *c, int argc, char **argv)
{
	struct export x = { .c = c, .folder = { -1 } };
	int64_t valid_s;
	int code = read_options(&x, argc, argv, &valid_s);
	enum err e;

	if (code >= 0)
		return code;
	e = ctl_cache(c);
	if (e == E_NOT_FOUND)
		ctl_say("there is no cache %s yet: ocspctl presign fills it", c->conf.cache);
	if (e != E_OK)
		return ctl_code(e);
	ctl_catch_signals();
	umask(022);
	x.path = argv[optind];
	x.until = clock_real_ms() / 1000 + valid_s;
	code = open_files(&x);
	if (code == 0)
		code = run(&x);
	if (x.purge && fclose(x.purge) != 0 && code == 0)
		code = EX_IOERR;
	static_close(&x.folder);
	return code;
}

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "io.h"
#include "report.h"
#include "walk.h"

#define DAY_S 86400

/* Rows that are read at once, each with its certificate. */
#define PAGE 1000

/* One page of rows, from a server that may have to fetch them from its disk. */
#define PAGE_MS 60000

/* ------------------------------------------------------------------- tables */

struct reading {
	struct report *r;
	struct report_table *t;
	struct ctl_progress progress;
	int64_t done;			/* of all tables */
	char last[64];			/* cert_num of the row read last */
	size_t n;			/* rows of this page */
};

static void add_revoked(struct report *r, const struct store_row *row)
{
	if (row->reason >= 0 && row->reason < REPORT_REASONS)
		r->reason[row->reason]++;
	else
		r->no_reason++;
	report_history_add(&r->revoked, r->now, row->revoked_at);
}

static void add_cert(struct report *r, const struct cert *c, bool valid)
{
	static const int days[] = { 7, 30, 90 };

	r->has_certs = true;
	report_history_add(&r->issued, r->now, c->not_before);
	for (size_t i = 0; valid && i < sizeof days / sizeof days[0]; i++)
		if (c->not_after >= r->now && c->not_after < r->now + days[i] * (int64_t)DAY_S)
			r->ending[i]++;
}

static bool add_row(void *arg, struct store_row *row)
{
	struct reading *g = arg;
	struct report_table *t = g->t;
	struct cert cert = { .octets = NULL };
	bool has_cert, expired;

	has_cert = row->cert && cert_parse(bytes_of(row->cert, row->cert_len), &cert) == E_OK;
	expired = has_cert && cert.not_after < g->r->now;
	if (row->status == ROW_REVOKED) {
		t->revoked++;
		add_revoked(g->r, row);
	} else if (row->status == ROW_ODD) {
		t->odd++;
	} else if (expired) {
		t->expired++;
	} else {
		t->valid++;
	}
	if (has_cert)
		add_cert(g->r, &cert, row->status == ROW_VALID);
	cert_free(&cert);
	memcpy(g->last, row->cert_num, sizeof g->last);
	g->n++;
	ctl_progress(&g->progress, ++g->done);
	return true;
}

static enum err read_table(struct ctl *c, struct reading *g)
{
	enum err e = E_OK;

	g->last[0] = '\0';
	do {
		char after[sizeof g->last];

		memcpy(after, g->last, sizeof after);
		g->n = 0;
		e = store_page(c->store, g->t->name, after, PAGE, true, deadline_in(PAGE_MS),
			       add_row, g);
	} while (e == E_OK && g->n == PAGE && !deadline_interrupted());
	return e;
}

/* The place of a table in the report, and another CA's name with it. */
static bool add_table(struct report *r, const struct conf_ca *ca)
{
	struct report_table *t = r->table;
	size_t len;

	while (t < r->table + r->n_tables && strcmp(t->name, ca->table) != 0)
		t++;
	len = strlen(t->cas);
	snprintf(t->cas + len, sizeof t->cas - len, "%s%s", len ? ", " : "", ca->name);
	if (len)
		return false;
	t->name = ca->table;
	r->n_tables++;
	return true;
}

void report_gather_tables(struct ctl *c, struct report *r)
{
	struct reading g = { .r = r };
	struct store_count n;
	int64_t total = 0;
	enum err e;

	e = store_open(&c->conf, deadline_in(PAGE_MS), &c->store, r->why_no_table);
	if (e != E_OK)
		return;
	for (size_t i = c->first_ca; i < c->end_ca; i++)
		if (add_table(r, &c->conf.ca[i]) &&
		    store_count(c->store, c->conf.ca[i].table, deadline_in(PAGE_MS), &n) == E_OK)
			total += n.valid + n.revoked + n.odd;
	ctl_progress_begin(&g.progress, "rows", total);
	for (size_t i = 0; i < r->n_tables && e == E_OK; i++) {
		g.t = &r->table[i];
		e = read_table(c, &g);
	}
	ctl_progress_clear(&g.progress);
	if (e != E_OK)
		snprintf(r->why_no_table, sizeof r->why_no_table, "%s", store_error(c->store));
}

/* -------------------------------------------------------------------- cache */

static unsigned bucket_of(int64_t s)
{
	unsigned i = 0;

	while (s > metrics_age_bound_s(i))
		i++;
	return i;
}

static void add_answer(struct report *r, int dirfd, const char *name)
{
	static uint8_t buf[LIM_RESPONSE_LEN];
	struct report_cache *c = &r->cache;
	struct response response;
	struct single s;
	struct der d;
	size_t len;

	if (io_read_file(dirfd, name, false, buf, sizeof buf, &len, NULL) != E_OK ||
	    response_parse(bytes_of(buf, len), &response) != E_OK ||
	    response.status != OCSP_SUCCESSFUL) {
		c->unreadable++;
		return;
	}
	d = der_of(response.singles);
	if (!response_next(&d, &s))
		return;
	c->answers++;
	c->octets += (int64_t)len;
	c->status[s.status]++;
	c->age[bucket_of(r->now - s.this_update)]++;
	if (s.next_update != INT64_MIN && s.next_update <= r->now)
		c->ended++;
	else
		c->left[s.next_update == INT64_MIN ? METRICS_AGES - 1 :
			bucket_of(s.next_update - r->now)]++;
}

/* Everything below a folder whose names end like those of answers; folders lie two deep. */
static void walk(struct report *r, int parent, const char *path, unsigned depth,
		 struct ctl_progress *progress)
{
	DIR *dir = walk_open(parent, path);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)) && !deadline_interrupted()) {
		size_t len = strlen(entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		if (depth < 2)
			walk(r, dirfd(dir), entry->d_name, depth + 1, progress);
		/* not a file that is just being written */
		else if (len > 4 && strcmp(entry->d_name + len - 4, ".der") == 0)
			add_answer(r, dirfd(dir), entry->d_name);
		ctl_progress(progress, r->cache.answers);
	}
	closedir(dir);
}

void report_gather_cache(const struct ctl *c, struct report *r)
{
	struct ctl_progress progress;

	if (access(c->conf.cache, R_OK | X_OK) != 0) {
		r->cache.why = errno == ENOENT ? "There is no cache yet." :
			"The cache can't be read by who made this report: run it as root.";
		return;
	}
	ctl_progress_begin(&progress, "cached answers", -1);
	walk(r, AT_FDCWD, c->conf.cache, 0, &progress);
	ctl_progress_clear(&progress);
}

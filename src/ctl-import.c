/*
 * import: an existing CA's certificates and revocations into the table, all or none.
 */
#include "ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "import.h"

/* For one statement: another program may hold a lock for long. */
#define PATIENCE_MS 600000

enum { OPT_FORMAT, OPT_CERTS, OPT_FROM_TABLE, OPT_DRY_RUN, OPT_LINES, OPT_RELEASE, OPT_STRICT };

const struct ctl_opt ctl_import_options[] = {
	[OPT_FORMAT] = { "format", "NAME", "index, certs or crl (default: what it looks like)" },
	[OPT_CERTS] = { "certs", "FOLDER", "where the certificates of an index.txt are" },
	[OPT_FROM_TABLE] = { "from-table", "TABLE", "another table of the same database" },
	[OPT_DRY_RUN] = { "dry-run", NULL, "show what would change, and change nothing" },
	[OPT_LINES] = { "lines", "N", "show the first N changes (default: 20 with --dry-run)" },
	[OPT_RELEASE] = { "release", NULL, "what is on hold becomes valid if it is so there" },
	[OPT_STRICT] = { "strict", NULL, "one bad record, and nothing is changed" },
	{ NULL, NULL, NULL },
};

struct import {
	struct ctl *ctl;
	enum import_format format;
	const char *path, *certs, *from_table;
	bool dry_run, release, strict;
	int64_t lines;			/* of changes, that may still be shown */
	struct import_source source;
	struct ctl_progress progress;
	int64_t n[IMPORT_VERDICTS], bad, bare, records;
	struct ctl_targets changed;	/* whose cached answers are wrong now */
	bool no_memory;
};

static bool read_format(const char *word, enum import_format *out)
{
	static const char *const words[] = { [IMPORT_INDEX] = "index", [IMPORT_CERTS] = "certs",
					     [IMPORT_CRL] = "crl" };

	for (size_t i = IMPORT_INDEX; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(word, words[i]) == 0)
			*out = (enum import_format)i;
	return *out != IMPORT_UNKNOWN;
}

/* Returns an exit code, or -1 to go on. */
static int read_options(int argc, char **argv, struct import *m)
{
	int o;

	m->lines = -1;
	while ((o = ctl_next_option(argc, argv, ctl_import_options)) != -1) {
		switch (o) {
		case OPT_FORMAT:
			if (!read_format(optarg, &m->format))
				return ctl_usage("--format takes index, certs or crl");
			break;
		case OPT_CERTS:
			m->certs = optarg;
			break;
		case OPT_FROM_TABLE:
			m->from_table = optarg;
			break;
		case OPT_DRY_RUN:
			m->dry_run = true;
			break;
		case OPT_LINES:
			if (!conf_read_number(bytes_str(optarg), &m->lines))
				return ctl_usage("--lines takes a number");
			break;
		case OPT_RELEASE:
			m->release = true;
			break;
		case OPT_STRICT:
			m->strict = true;
			break;
		default:
			return EX_USAGE;
		}
	}
	if (m->lines < 0)
		m->lines = m->dry_run ? 20 : 0;
	if (argc - optind != (m->from_table ? 0 : 1))
		return ctl_usage("import takes one file or folder, or --from-table");
	if (m->from_table && (m->format || m->certs))
		return ctl_usage("--from-table goes with neither --format nor --certs");
	m->path = argv[optind];
	return -1;
}

static enum err open_source(struct import *m)
{
	struct import_source *s = &m->source;
	enum err e = E_OK;

	if (m->from_table) {
		e = import_table(s, m->ctl->store, m->from_table, PATIENCE_MS);
	} else {
		if (!m->format)
			e = import_detect(m->path, &m->format, s->why);
		if (e == E_OK && m->certs && m->format != IMPORT_INDEX) {
			ctl_say("--certs goes with an index.txt, and %s is none", m->path);
			return E_USAGE;
		}
		if (e == E_OK)
			e = m->format == IMPORT_INDEX ? import_index(s, m->path, m->certs) :
			    m->format == IMPORT_CRL   ? import_crl(s, m->path) :
							import_certs(s, m->path);
	}
	if (e != E_OK)
		ctl_say("%s", s->why);
	return e;
}

/* One line for what changes, or would, and for what stays against the source. */
static void show(struct import *m, const struct import_record *r, const struct import_plan *p)
{
	static const char *const words[] = {
		[IMPORT_NEW] = "new", [IMPORT_CHANGED] = "changed", [IMPORT_KEPT] = "kept",
		[IMPORT_ABSENT] = "absent",
	};
	char serial[SERIAL_TEXT_LEN], when[CTL_TIME_LEN];
	const char *reason = reason_word(p->verdict == IMPORT_CHANGED ? p->reason : r->reason);
	bool revoked = p->revoke || (p->verdict == IMPORT_NEW && r->has_status && r->revoked);
	int64_t at = p->revoke ? p->revoked_at : r->revoked_at;

	if (m->lines-- <= 0)
		return;
	ctl_progress_clear(&m->progress);
	serial_text(import_serial(r), serial);
	printf("%-8s  %s", words[p->verdict], serial);
	if (p->why)
		printf("  %s", p->why);
	if (revoked)
		printf("%s since %s%s%s", p->why ? "" : "  revoked",
		       at == ROW_NO_TIME ? "an unknown time" : ctl_time(at, when),
		       reason ? ", " : "", reason ? reason : "");
	putchar('\n');
}

static void told(void *arg, const struct import_record *r, const struct import_plan *p)
{
	struct import *m = arg;

	m->n[p->verdict]++;
	m->bare += p->verdict == IMPORT_NEW && !r->pem;
	if (p->verdict == IMPORT_CLASH) {
		char serial[SERIAL_TEXT_LEN];

		ctl_progress_clear(&m->progress);
		serial_text(import_serial(r), serial);
		ctl_say("%s: %s", serial, p->why);
	} else if (p->verdict != IMPORT_SAME) {
		show(m, r, p);
	}
	if (p->verdict == IMPORT_CHANGED &&
	    !ctl_remember(&m->changed, import_serial(r), m->ctl->first_ca))
		m->no_memory = true;
}

static void say_bad(struct import *m)
{
	m->bad++;
	ctl_progress_clear(&m->progress);
	ctl_say("%s: %s", m->source.where, m->source.why);
}

/* Reads and writes everything. What fails is told. */
static enum err transfer(struct import *m, struct import_batch *b)
{
	struct import_source *s = &m->source;
	struct import_record r;
	enum err e = E_OK;
	bool end = false;

	while (e == E_OK && !deadline_interrupted() && !m->no_memory) {
		e = s->next(s, &r);
		end = e == E_NOT_FOUND;
		if (end)
			break;
		ctl_progress(&m->progress, ++m->records);
		if (e == E_DATA) {
			say_bad(m);
			if (m->strict)
				return E_DATA;
			e = E_OK;
			continue;
		}
		if (e != E_OK) {
			ctl_progress_clear(&m->progress);
			ctl_say("%s", s->why);
			return e;
		}
		/* E_NOT_FOUND: a row is gone that was there a moment ago */
		e = import_batch_add(b, &r);
	}
	if (end)
		e = import_batch_flush(b);
	if (m->no_memory || e == E_BUSY) {
		ctl_progress_clear(&m->progress);
		ctl_say("no memory is left");
		return E_BUSY;
	}
	if (deadline_interrupted())
		return E_DEADLINE;
	if (e == E_OK)
		return E_OK;
	ctl_progress_clear(&m->progress);
	if (e == E_DB)
		ctl_say_store(m->ctl);
	else
		ctl_say("somebody else has changed table %s meanwhile, or it has a cert_num that is "
			"no number and compares equal to one: \"ocspctl export\" names those",
			s->conf->table);
	return E_DB;
}

static void print_count(const char *what, int64_t n)
{
	char text[PROGRESS_NUMBER_LEN];

	if (n)
		printf("%12s  %s\n", progress_number(n, text), what);
}

static void summary(const struct import *m, double seconds)
{
	const struct import_source *s = &m->source;
	char text[PROGRESS_NUMBER_LEN];

	printf("%s: %s records read in %.1f s\n", s->what, progress_number(m->records, text),
	       seconds);
	print_count("new", m->n[IMPORT_NEW]);
	print_count("changed", m->n[IMPORT_CHANGED]);
	print_count("the same", m->n[IMPORT_SAME]);
	print_count("kept as they are in the table: revoked", m->n[IMPORT_KEPT]);
	print_count("absent from the table, where only the certificate can add them",
		    m->n[IMPORT_ABSENT]);
	print_count("clashes with what the table has, left as it is", m->n[IMPORT_CLASH]);
	print_count("bad records, left out", m->bad);
	if (m->bare && s->conf->verify)
		printf("%s new rows have no certificate: verify=yes refuses to answer for them. "
		       "Import the\ncertificates as well (--certs), or set verify=no in section "
		       "[%s].\n", progress_number(m->bare, text), s->conf->name);
}

/* Everything between connecting and the answers in the cache. */
static int run(struct import *m)
{
	struct ctl *c = m->ctl;
	const char *table = m->source.conf->table;
	struct import_target t = { .store = c->store, .table = table, .ca = m->source.ca->subject,
				   .patience_ms = PATIENCE_MS, .dry_run = m->dry_run,
				   .release = m->release, .told = told, .arg = m };
	int64_t start = clock_mono_ms();
	struct import_batch *b;
	enum err e;

	/* each row counts as this CA's there, whatever its certificate */
	if (!m->source.conf->verify)
		t.ca = bytes_of(NULL, 0);
	e = store_odd_keys(c->store, table, ctl_deadline(c), &t.odd_keys);
	if (e == E_OK && !m->dry_run)
		e = store_begin(c->store, table, ctl_deadline(c));
	if (e != E_OK)
		ctl_say_store(c);
	else
		e = open_source(m);
	b = e == E_OK ? import_batch_new(&t) : NULL;
	if (e == E_OK && !b) {
		ctl_say("no memory is left");
		e = E_BUSY;
	}
	if (b) {
		ctl_progress_begin(&m->progress, m->source.what, m->source.total);
		e = transfer(m, b);
		ctl_progress_clear(&m->progress);
	}
	import_batch_free(b);
	if (m->source.state)
		m->source.close(&m->source);
	if (e == E_OK && !m->dry_run) {
		e = store_commit(c->store, table, ctl_deadline(c));
		if (e != E_OK)
			ctl_say_store(c);
	}
	if (e != E_OK) {
		ctl_say(deadline_interrupted() ? "interrupted: table %s is as it was" :
			"table %s is as it was", table);
		return deadline_interrupted() ? CTL_INTERRUPTED : ctl_code(e);
	}
	summary(m, (double)(clock_mono_ms() - start) / 1000);
	if (m->dry_run)
		puts("nothing was changed (--dry-run)");
	c->patience_ms = 0;	/* an answer has its own time again */
	if (!m->dry_run)
		ctl_publish(c, m->changed.list, m->changed.n, false);
	return m->bad || m->n[IMPORT_CLASH] ? CTL_REFUSED : 0;
}

int ctl_import(struct ctl *c, int argc, char **argv)
{
	struct import m = { .ctl = c };
	int code = read_options(argc, argv, &m);
	enum err e;

	if (code >= 0)
		return code;
	if (c->end_ca - c->first_ca > 1)
		return ctl_usage("there are %zu CAs in %s: say whose it is with --ca NAME",
				 c->conf.n_ca, c->conf.path);
	m.source.conf = &c->conf.ca[c->first_ca];
	e = ctl_ca_cert(c, c->first_ca, &m.source.ca);
	c->patience_ms = PATIENCE_MS;
	if (e == E_OK)
		e = ctl_store(c, !m.dry_run);
	if (e != E_OK)
		return ctl_code(e);
	ctl_catch_signals();
	code = run(&m);
	free(m.changed.list);
	return code;
}

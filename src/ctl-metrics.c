/*
 * metrics: what was counted, for a person or for Prometheus.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "canned.h"
#include "ctl.h"
#include "io.h"
#include "metrics-text.h"
#include "signer.h"

enum { OPT_OPENMETRICS, OPT_OUTPUT };
const struct ctl_opt ctl_metrics_options[] = {
	[OPT_OPENMETRICS] = { "openmetrics", NULL, "as OpenMetrics text, for Prometheus" },
	[OPT_OUTPUT] = { "output", "FILE", "put it there, whole or not at all (mode 644)" },
	{ 0 },
};

/* Label values of OpenMetrics escape these three. */
static void put_value(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		if (*s == '\n')
			fputs("\\n", f);
		else
			fputc(*s, f);
	}
}

static void put_gauge(FILE *f, const char *name, const char *ca, const char *path, int64_t value)
{
	fprintf(f, "ocsp_%s{ca=\"", name);
	put_value(f, ca);
	fputs("\",file=\"", f);
	put_value(f, path);
	fprintf(f, "\"} %" PRId64 "\n", value);
}

/* When what the answers rest on ends. What can't be read has no line: alert when it is absent. */
static void put_ends(FILE *f, struct ctl *c)
{
	char error[SIGNER_ERROR_LEN], warning[SIGNER_ERROR_LEN];

	fputs("# TYPE ocsp_signer_not_after_seconds gauge\n"
	      "# UNIT ocsp_signer_not_after_seconds seconds\n"
	      "# HELP ocsp_signer_not_after_seconds Last second of the certificates that sign.\n",
	      f);
	for (size_t i = c->first_ca; i < c->end_ca; i++) {
		const struct conf_ca *ca = &c->conf.ca[i];
		struct signer s;

		if (signer_open(ca, c->conf.profile, &s, error, warning) != E_OK)
			continue;
		put_gauge(f, "signer_not_after_seconds", ca->name, ca->cert, signer_not_after(&s));
		signer_close(&s);
	}
	fputs("# TYPE ocsp_canned_next_update_seconds gauge\n"
	      "# UNIT ocsp_canned_next_update_seconds seconds\n"
	      "# HELP ocsp_canned_next_update_seconds nextUpdate of each file of ocspresponse.\n",
	      f);
	for (size_t i = c->first_ca; i < c->end_ca; i++) {
		const struct conf_ca *ca = &c->conf.ca[i];

		for (size_t k = 0; ca->ocspresponse[k]; k++) {
			struct canned canned;

			if (canned_load(ca->ocspresponse[k], ca, &canned, error) != E_OK)
				continue;
			if (canned.response.next_update != INT64_MIN)
				put_gauge(f, "canned_next_update_seconds", ca->name,
					  ca->ocspresponse[k], canned.response.next_update);
			canned_free(&canned);
		}
	}
}

/* node_exporter reads this as the older text format of Prometheus, and refuses a whole file for one
 * type that it doesn't know: no info, no stateset, no unknown. */
static void put_openmetrics(FILE *f, struct ctl *c, const struct metrics *m, int64_t since)
{
	fputs("# TYPE ocsp_build_info gauge\n"
	      "# HELP ocsp_build_info Version of the responder; always 1.\n"
	      "ocsp_build_info{version=\"" PACKAGE_VERSION "\"} 1\n", f);
	metrics_put_openmetrics(f, m, since);
	put_ends(f, c);
	fputs("# EOF\n", f);
}

static void put_table(FILE *f, const struct metrics *m, int64_t since)
{
	char when[CTL_TIME_LEN], ago[METRICS_SHOWN_LEN];

	fprintf(f, "counted since %s (%s)\n\n", ctl_time(since, when),
		metrics_show_s(clock_real_ms() / 1000 - since, ago));
	metrics_put_table(f, m);
}

enum err ctl_read_metrics(const struct ctl *c, struct metrics *m, int64_t *since)
{
	char path[METRICS_PATH_LEN];
	enum err e;

	if (c->conf.metrics && !c->conf.metrics[0]) {
		ctl_say("nothing is counted: metrics=no in %s", c->conf.path);
		return E_NOT_FOUND;
	}
	e = metrics_read(&c->conf, m, since);
	metrics_path(&c->conf, METRICS_FRONT, path);
	if (e == E_NOT_FOUND)
		ctl_say("nothing was counted yet: %s is not there", path);
	else if (e == E_DATA)
		ctl_say("%s, or the same with -sign, is no file of counters of this version", path);
	else if (e != E_OK)
		/* two users' with signuser=, mode 600: neither can read both */
		ctl_say("%s, or the same with -sign, can't be read: %s; run this as root", path,
			strerror(errno));
	return e;
}

int ctl_metrics(struct ctl *c, int argc, char **argv)
{
	const char *output = NULL;
	bool openmetrics = false;
	struct metrics m = { .refused = 0 };
	int64_t since = clock_real_ms() / 1000;
	char *text = NULL;
	size_t len = 0;
	enum err e;
	FILE *f;
	int o;

	while ((o = ctl_next_option(argc, argv, ctl_metrics_options)) != -1) {
		if (o == CTL_BAD_OPTION)
			return EX_USAGE;
		if (o == OPT_OPENMETRICS)
			openmetrics = true;
		else
			output = optarg;
	}
	if (optind != argc)
		return ctl_usage("metrics takes no arguments");
	if (output && !ctl_may_replace(output))
		return EX_IOERR;
	e = ctl_read_metrics(c, &m, &since);
	/* Prometheus is told of a responder that nobody has asked yet */
	if (e != E_OK && !(e == E_NOT_FOUND && openmetrics))
		return ctl_code(e);
	f = open_memstream(&text, &len);
	if (!f) {
		ctl_say("out of memory");
		return EX_OSERR;
	}
	if (openmetrics)
		put_openmetrics(f, c, &m, since);
	else
		put_table(f, &m, since);
	e = fclose(f) == 0 ? E_OK : E_BUSY;
	if (e == E_OK && output) {
		e = io_replace_file(AT_FDCWD, output, bytes_of(text, len), 0644, NULL);
		if (e != E_OK)
			ctl_say("%s can't be written: %s", output, strerror(errno));
	} else if (e == E_OK) {
		fwrite(text, 1, len, stdout);
	}
	free(text);
	return e == E_OK ? 0 : ctl_code(e);
}

/*
 * export: the table as index.txt of "openssl ca", or as CSV.
 */
#include "ctl.h"

#include <errno.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "gtime.h"
#include "index-txt.h"

/* For a page of the table. */
#define PATIENCE_MS 60000

#define PATH_LEN 4096
#define SUBJECT_LEN 1024

enum { OPT_FORMAT };

const struct ctl_opt ctl_export_options[] = {
	[OPT_FORMAT] = { "format", "NAME", "index (of \"openssl ca\", the default) or csv" },
	{ NULL, NULL, NULL },
};

struct export {
	const struct ctl *ctl;
	bool csv, no_memory;
	FILE *f;
	struct ctl_progress progress;
	int64_t n, odd, foreign, no_cert, no_word;
};

/* When a certificate ends that nobody has: the last second there is. */
#define NO_END GTIME_MAX

/* As "openssl ca" writes it: "/C=XX/CN=leaf". */
static bool oneline(const struct cert *c, char out[SUBJECT_LEN])
{
	bool ok = false;

	/* an allocation may have failed just then */
	for (int i = 0; i < 2 && !ok; i++) {
		const uint8_t *p = c->subject.p;
		X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)c->subject.len);

		ok = name && X509_NAME_oneline(name, out, SUBJECT_LEN);
		X509_NAME_free(name);
	}
	if (!ok)
		out[0] = '\0';
	return ok || !cert_memory_is_short();
}

static void put_index(struct export *x, struct bytes serial, const struct store_row *row,
		      const struct cert *cert)
{
	struct index_entry entry = {
		.status = row->status == ROW_REVOKED ? 'R' : 'V',
		.expires = cert ? cert->not_after : NO_END,
		.revoked_at = row->revoked_at == ROW_NO_TIME ? 0 : row->revoked_at,
		.reason = row->reason,
		.serial_len = serial.len,
		.file = bytes_str("unknown"),
	};
	char line[INDEX_LINE_LEN + SUBJECT_LEN + 16], subject[SUBJECT_LEN] = "/CN=unknown";
	size_t len;

	memcpy(entry.buf, serial.p, serial.len);
	if (cert && !oneline(cert, subject))
		x->no_memory = true;
	entry.subject = bytes_str(subject);
	if (row->status == ROW_REVOKED && reason_word(row->reason) && !index_reason(row->reason))
		x->no_word++;
	len = index_format(&entry, line, sizeof line);
	fwrite(line, 1, len, x->f);
}

static void put_csv(struct export *x, const char *serial, const struct store_row *row,
		    const struct cert *cert)
{
	bool revoked = row->status == ROW_REVOKED;
	const char *reason = revoked ? reason_word(row->reason) : NULL;
	char t[CTL_TIME_LEN], subject[SUBJECT_LEN];

	fprintf(x->f, "%s,%s,%s,%s,", serial, ctl_status_word(row->status),
		revoked && row->revoked_at != ROW_NO_TIME ? ctl_time(row->revoked_at, t) : "",
		reason ? reason : "");
	if (cert) {
		fprintf(x->f, "%s,", ctl_time(cert->not_before, t));
		fprintf(x->f, "%s,", ctl_time(cert->not_after, t));
		if (!oneline(cert, subject))
			x->no_memory = true;
		csv_text(x->f, subject);
		fputs("\r\n", x->f);
	} else {
		fputs(",,\r\n", x->f);
	}
}

/* With verify=no each row counts as one of its CA's. */
static bool takes_all(const struct ctl *c)
{
	for (size_t i = c->first_ca; i < c->end_ca; i++)
		if (!c->conf.ca[i].verify)
			return true;
	return false;
}

/* A CRL that is made of this must have the numbers of its own CA only. */
static bool is_foreign(const struct export *x, const struct cert *cert)
{
	const struct ctl *c = x->ctl;

	for (size_t i = c->first_ca; i < c->end_ca; i++)
		if (c->ca[i].octets && bytes_eq(cert->issuer, c->ca[i].subject))
			return false;
	return !takes_all(c);
}

/* cert: the row's, or NULL. */
static void put_own(struct export *x, const struct store_row *row, const struct cert *cert)
{
	char text[CTL_ROW_SERIAL_LEN];
	uint8_t buf[LIM_SERIAL_LEN];
	struct bytes serial;

	ctl_row_serial(row, text);
	if (!serial_parse(bytes_str(row->cert_num), buf, &serial) || row->status == ROW_ODD) {
		ctl_progress_clear(&x->progress);
		ctl_say("row %s is left out: %s", text, row->status == ROW_ODD ?
			"it is neither Valid nor Revoked" : "that is no serial number");
		x->odd++;
		return;
	}
	x->no_cert += !cert;
	if (x->csv)
		put_csv(x, text, row, cert);
	else
		put_index(x, serial, row, cert);
}

static bool put_row(void *arg, struct store_row *row)
{
	struct export *x = arg;
	struct cert cert = { .octets = NULL };
	enum err e = E_DATA;

	ctl_progress(&x->progress, ++x->n);
	if (row->cert)
		e = cert_parse(bytes_of(row->cert, row->cert_len), &cert);
	if (e == E_BUSY)
		x->no_memory = true;
	else if (e == E_OK && is_foreign(x, &cert))
		x->foreign++;
	else
		put_own(x, row, e == E_OK ? &cert : NULL);
	cert_free(&cert);
	return !ferror(x->f) && !x->no_memory;
}

static enum err put_table(struct ctl *c, struct export *x)
{
	const char *table = c->conf.ca[c->first_ca].table;
	struct store_count n;
	enum err e = store_count(c->store, table, ctl_deadline(c), &n);

	if (e != E_OK) {
		ctl_say_store(c);
		return e;
	}
	ctl_progress_begin(&x->progress, "export", n.valid + n.revoked + n.odd);
	if (x->csv)
		fputs("serial,status,revoked_at,reason,not_before,not_after,subject\r\n", x->f);
	e = ctl_scan(c, table, true, put_row, x);
	ctl_progress_clear(&x->progress);
	if (e == E_OK && x->no_memory) {
		ctl_say("no memory is left");
		e = E_BUSY;
	}
	return e;
}

/* The file's place is taken when it is whole; until then the old one stays. */
static int to_file(struct ctl *c, struct export *x, const char *path)
{
	char temporary[PATH_LEN];
	bool failed;
	mode_t mask;
	enum err e;
	int fd;

	if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= (int)sizeof temporary)
		return ctl_usage("the file's name is too long");
	if (!ctl_may_replace(path))
		return EX_IOERR;
	fd = mkstemp(temporary);
	x->f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!x->f) {
		ctl_say("%s can't be made: %s", temporary, strerror(errno));
		if (fd >= 0) {
			close(fd);
			unlink(temporary);
		}
		return EX_IOERR;
	}
	mask = umask(0);
	umask(mask);
	e = put_table(c, x);
	failed = fchmod(fd, 0666 & ~mask) != 0 || ferror(x->f) || fflush(x->f) != 0 ||
		fsync(fd) != 0;
	failed = fclose(x->f) != 0 || failed;
	if (e == E_OK && !failed && rename(temporary, path) == 0)
		return 0;
	if (e == E_OK)
		ctl_say("%s can't be written: %s", path, strerror(errno));
	unlink(temporary);
	return deadline_interrupted() ? CTL_INTERRUPTED : e == E_OK ? EX_IOERR : ctl_code(e);
}

static void tell(const struct export *x)
{
	if (x->foreign)
		ctl_say("%lld rows are left out: certificates of another CA",
			(long long)x->foreign);
	if (x->no_cert)
		ctl_say("%lld rows have no certificate that can be read, so %s",
			(long long)x->no_cert, x->csv ? "their dates and subjects are empty" :
			"they end in 9999 and are /CN=unknown");
	if (x->no_word)
		ctl_say("%lld reasons are left out: openssl ca has no word for them",
			(long long)x->no_word);
}

int ctl_export(struct ctl *c, int argc, char **argv)
{
	struct export x = { .ctl = c, .f = stdout };
	int o, code = 0;
	struct cert *ca;
	enum err e = E_OK;

	while ((o = ctl_next_option(argc, argv, ctl_export_options)) != -1) {
		if (o == CTL_BAD_OPTION)
			return EX_USAGE;
		x.csv = strcmp(optarg, "csv") == 0;
		if (!x.csv && strcmp(optarg, "index") != 0)
			return ctl_usage("--format takes index or csv");
	}
	if (argc - optind > 1)
		return ctl_usage("export writes one file, or standard output");
	for (size_t i = c->first_ca + 1; i < c->end_ca; i++)
		if (!ctl_same_table(c, i))
			return ctl_usage("there are several tables in %s: say whose with --ca NAME",
					 c->conf.path);
	ctl_catch_signals();
	c->patience_ms = PATIENCE_MS;
	for (size_t i = c->first_ca; i < c->end_ca && e == E_OK && !takes_all(c); i++)
		e = ctl_ca_cert(c, i, &ca);
	if (e == E_OK)
		e = ctl_store(c, false);
	if (e != E_OK)
		return ctl_code(e);
	if (optind < argc)
		code = to_file(c, &x, argv[optind]);
	else if ((e = put_table(c, &x)) != E_OK)
		code = deadline_interrupted() ? CTL_INTERRUPTED : ctl_code(e);
	if (code == 0)
		tell(&x);
	return code ? code : x.odd ? CTL_REFUSED : 0;
}

/*
 * add: certificates in the table.
 */
#include "ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

/* Of the store: store_add() or store_set_cert(). */
typedef enum err put_cert(struct store *s, const char *table, struct bytes serial,
			  struct bytes cert, struct deadline d);

/* As the predecessor wrote it, so that it can read what we add. */
static enum err put_as_pem(struct ctl *c, put_cert *put, const char *table, const struct cert *cert)
{
	enum err e;
	char *text;
	size_t len;

	e = cert_to_pem(cert, &text, &len);
	if (e != E_OK)
		return e;
	e = put(c->store, table, cert->serial, bytes_of(text, len), ctl_deadline(c));
	free(text);
	return e;
}

struct add {
	struct ctl *c;
	bool force, as_json;
	struct json json;
	struct ctl_targets added;	/* to be looked after when all is done */
};

enum { OPT_FORCE, OPT_JSON };

const struct ctl_opt ctl_add_options[] = {
	[OPT_FORCE] = { "force", NULL,
			"also certificates that no CA of the configuration has issued" },
	[OPT_JSON] = { "json", NULL, "an array of objects, for programs" },
	{ NULL, NULL, NULL },
};

static void tell(struct add *a, const char *result, const char *path, const struct cert *cert)
{
	char subject[256], serial[SERIAL_TEXT_LEN];

	serial_text(cert->serial, serial);
	cert_subject_text(cert, subject, sizeof subject);
	if (!a->as_json) {
		printf("%-7s  %s  %s\n", result, serial, subject);
		return;
	}
	json_begin(&a->json, NULL, '{');
	json_text(&a->json, "result", result);
	json_text(&a->json, "serial", serial);
	json_text(&a->json, "subject", subject);
	json_text(&a->json, "file", path);
	json_end(&a->json, '}');
}

enum there { THERE_SAME, THERE_BARE, THERE_ANOTHER };

/* What the row has that is there already. A CA that was made anew may number from the beginning
 * again. A precertificate and its certificate are one (BR 4.9.9): they differ in extensions and
 * signature. What can't be read is no certificate that anybody would miss, unless it was too long. */
static enum there what_is_there(struct ctl *c, const char *table, const struct cert *cert)
{
	enum there there = THERE_SAME;
	struct store_row row;
	struct cert old;
	enum err e;

	if (store_find(c->store, table, cert->serial, true, ctl_deadline(c), &row) != E_OK)
		return THERE_SAME;
	e = row.cert ? cert_parse(bytes_of(row.cert, row.cert_len), &old) : E_DATA;
	if (e == E_OK) {
		if (!bytes_eq(old.subject, cert->subject) || !bytes_eq(old.spki, cert->spki))
			there = THERE_ANOTHER;
		cert_free(&old);
	} else if (e == E_DATA && !row.cert_too_long) {
		there = THERE_BARE;
	}
	store_row_free(&row);
	return there;
}

static bool count_row(void *n, struct store_row *row)
{
	(void)row;
	++*(int *)n;
	return true;
}

/* Gives its row this certificate. Several rows, whose serial is spelt in several ways, would get the
 * same: they stay, with E_DATA. */
static enum err fill(struct ctl *c, const char *table, const char *path, const struct cert *cert)
{
	char text[1][SERIAL_TEXT_LEN];
	int rows = 0;
	enum err e;

	serial_text(cert->serial, text[0]);
	e = store_find_many(c->store, table, (const char (*)[SERIAL_TEXT_LEN])text, 1, TWINS_ALL,
			    ctl_deadline(c), count_row, &rows);
	if (e == E_OK && rows == 1)
		return put_as_pem(c, store_set_cert, table, cert);
	if (e == E_OK)
		ctl_say("%s: table %s has %d rows of this serial number, spelt in several ways, and the "
			"one that counts has no certificate that can be read: put it there yourself",
			path, table, rows);
	return e == E_OK ? E_DATA : e;
}

static enum err add_one(struct add *a, const char *path, const struct cert *cert)
{
	struct ctl *c = a->c;
	size_t ca = c->first_ca;
	enum there there = THERE_SAME;
	enum err e = ctl_ca_of(c, cert, &ca);
	const char *table;
	bool ours;

	if (e == E_NOT_FOUND && !a->force) {
		tell(a, "refused", path, cert);
		ctl_say("%s: another CA has issued it than %s names; --force adds it anyway",
			path, c->conf.path);
		return e;
	}
	if (e == E_BUSY)
		ctl_say("%s: no memory is left to verify it", path);
	if (e != E_OK && e != E_NOT_FOUND)
		return e;
	ours = e == E_OK;
	table = c->conf.ca[ca].table;
	e = put_as_pem(c, store_add, table, cert);
	if (e == E_DATA) {
		there = what_is_there(c, table, cert);
		/* what another CA has issued is not what such a row was made for */
		if (there == THERE_BARE && ours)
			e = fill(c, table, path, cert);
	}
	if (e != E_OK && e != E_DATA) {
		ctl_say("%s: %s", path, store_error(c->store));
		return e;
	}
	if (there == THERE_ANOTHER) {
		tell(a, "refused", path, cert);
		ctl_say("%s: table %s has another certificate with this number, which stays", path,
			table);
		return E_NOT_FOUND;
	}
	tell(a, e == E_DATA ? "present" : there == THERE_BARE ? "filled" : "added", path, cert);
	if (e == E_DATA || ctl_remember(&a->added, cert->serial, ca))
		return E_OK;
	ctl_say("%s: no memory is left to look what the cache says about it: run \"ocspctl purge %s\"",
		path, path);
	return E_BUSY;
}

/* Goes on with the next certificate when one is refused, and returns what was worst. */
static enum err add_file(struct add *a, const char *path)
{
	char error[CERT_ERROR_LEN];
	enum err e, worst = E_OK;
	struct cert *list;
	size_t n;

	e = cert_load_all(path, &list, &n, error);
	if (e != E_OK) {
		ctl_say("%s", error);
		return e;
	}
	for (size_t i = 0; i < n; i++) {
		e = add_one(a, path, &list[i]);
		if (e != E_OK)
			worst = e;
		if (e == E_DB)
			break;
	}
	cert_free_all(list, n);
	return worst;
}

int ctl_add(struct ctl *c, int argc, char **argv)
{
	struct add a = { .c = c, .json = json_to(stdout) };
	enum err e, worst;
	size_t removed;
	int o;

	while ((o = ctl_next_option(argc, argv, ctl_add_options)) != -1) {
		if (o == CTL_BAD_OPTION)
			return EX_USAGE;
		a.force = a.force || o == OPT_FORCE;
		a.as_json = a.as_json || o == OPT_JSON;
	}
	if (optind == argc)
		return ctl_usage("add needs the file of a certificate");
	worst = ctl_store(c, true);
	if (worst != E_OK)
		return ctl_code(worst);
	if (a.as_json)
		json_begin(&a.json, NULL, '[');
	for (int i = optind; i < argc && worst != E_DB; i++) {
		e = add_file(&a, argv[i]);
		if (e != E_OK)
			worst = e;
	}
	if (a.as_json)
		json_end(&a.json, ']');
	/* an answer that stays, which is told, stays for recheck= at most: the row is there */
	for (size_t i = 0; i < a.added.n; i++)
		(void)!ctl_cache_drop(c, &a.added.list[i], &removed);
	free(a.added.list);
	return worst == E_OK ? 0 : ctl_code(worst);
}

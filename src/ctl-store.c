/*
 * add: certificates in the table.
 */
#include "ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

/* As the predecessor wrote it, so that it can read what we add. */
static enum err add_as_pem(struct ctl *c, const char *table, const struct cert *cert)
{
	enum err e;
	char *text;
	size_t len;

	e = cert_to_pem(cert, &text, &len);
	if (e != E_OK)
		return e;
	e = store_add(c->store, table, cert->serial, bytes_of(text, len), ctl_deadline(c));
	free(text);
	return e;
}

static enum err add_one(struct ctl *c, const char *path, const struct cert *cert, bool force,
			struct ctl_targets *added)
{
	char subject[256], serial[SERIAL_TEXT_LEN];
	size_t ca = c->first_ca;
	enum err e = ctl_ca_of(c, cert, &ca);

	cert_subject_text(cert, subject, sizeof subject);
	serial_text(cert->serial, serial);
	if (e == E_NOT_FOUND && !force) {
		printf("refused  %s  %s\n", serial, subject);
		ctl_say("%s: %s was issued by another CA than %s names; --force adds it anyway",
			path, subject, c->conf.path);
		return e;
	}
	if (e != E_OK && e != E_NOT_FOUND)
		return e;
	e = add_as_pem(c, c->conf.ca[ca].table, cert);
	if (e != E_OK && e != E_DATA) {
		ctl_say("%s: %s", path, store_error(c->store));
		return e;
	}
	printf("%s  %s  %s\n", e == E_OK ? "added  " : "present", serial, subject);
	return e == E_DATA || ctl_remember(added, cert->serial, ca) ? E_OK : E_BUSY;
}

/* Goes on with the next certificate when one is refused, and returns what was worst. */
static enum err add_file(struct ctl *c, const char *path, bool force, struct ctl_targets *added)
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
		e = add_one(c, path, &list[i], force, added);
		if (e != E_OK)
			worst = e;
		if (e == E_DB)
			break;
	}
	cert_free_all(list, n);
	return worst;
}

const struct ctl_opt ctl_add_options[] = {
	{ "force", NULL, "also certificates that no CA of the configuration has issued" },
	{ NULL, NULL, NULL },
};

int ctl_add(struct ctl *c, int argc, char **argv)
{
	struct ctl_targets added = { .n = 0 };
	enum err e, worst;
	bool force = false;
	int o;

	while ((o = ctl_next_option(argc, argv, ctl_add_options)) != -1) {
		if (o == CTL_BAD_OPTION)
			return EX_USAGE;
		force = true;
	}
	if (optind == argc)
		return ctl_usage("add needs the file of a certificate");
	worst = ctl_store(c, true);
	for (int i = optind; i < argc && worst != E_DB; i++) {
		e = add_file(c, argv[i], force, &added);
		if (e != E_OK)
			worst = e;
	}
	for (size_t i = 0; i < added.n; i++)
		ctl_cache_drop(c, &added.list[i]);
	free(added.list);
	return worst == E_OK ? 0 : ctl_code(worst);
}

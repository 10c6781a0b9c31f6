/*
 * init-db: makes the table of certificates, and gives an older one what a watcher works best with.
 */
#include <stdio.h>
#include <sysexits.h>

#include "ctl.h"

/* Building an index over millions of rows takes minutes, and nobody waits but the operator. */
#define UPGRADE_MS (3600 * 1000)

enum { OPT_UPGRADE };

const struct ctl_opt ctl_init_db_options[] = {
	[OPT_UPGRADE] = { "upgrade", NULL, "add the column updated_at and its index, for watch" },
	{ NULL, NULL, NULL },
};

static enum err init_table(struct ctl *c, const char *table, bool upgrade)
{
	bool created, upgraded = false;
	enum err e = store_create(c->store, table, ctl_deadline(c), &created);

	if (e == E_OK)
		e = store_check(c->store, table, ctl_deadline(c));
	if (e == E_OK && upgrade)
		e = store_upgrade(c->store, table, deadline_in(UPGRADE_MS), &upgraded);
	if (e != E_OK) {
		ctl_say("%s", store_error(c->store));
		return e;
	}
	printf("table %s %s%s (%s)\n", table, created ? "made" : "is there already",
	       upgraded ? ", and has updated_at now" : upgrade ? ", and has updated_at" : "",
	       store_describe(c->store));
	return E_OK;
}

int ctl_init_db(struct ctl *c, int argc, char **argv)
{
	bool upgrade = false;
	enum err e;
	int o;

	while ((o = ctl_next_option(argc, argv, ctl_init_db_options)) != -1) {
		if (o != OPT_UPGRADE)
			return EX_USAGE;
		upgrade = true;
	}
	if (optind < argc)
		return ctl_usage("init-db takes options only");
	e = ctl_store_in(c, true, upgrade ? deadline_in(UPGRADE_MS) : ctl_deadline(c));
	for (size_t i = 0; i < c->conf.n_ca && e == E_OK; i++) {
		const char *table = c->conf.ca[i].table;

		/* several CAs may share one */
		if (i == 0 || strcmp(table, c->conf.ca[0].table) != 0)
			e = init_table(c, table, upgrade);
	}
	return e == E_OK ? 0 : ctl_code(e);
}

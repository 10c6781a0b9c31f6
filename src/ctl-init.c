/*
 * init-db: makes the table of certificates, and gives an older one what a watcher works best with.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl.h"
#include "user.h"

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

/* A file that root has made may be root's alone, by the umask; the responder has to read it. Others
 * may write to the folder: what is there now must be what was made. */
static void let_responder_read(const struct conf *c)
{
	int fd = open(c->db_file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	uid_t uid;
	gid_t gid;

	if (fd < 0)
		return;
	if (user_look_up("/etc/passwd", c->sign_user, &uid, &gid) == E_OK &&
	    fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid == 0 &&
	    (fchown(fd, (uid_t)-1, gid) != 0 || fchmod(fd, (st.st_mode & 0777) | S_IRGRP) != 0))
		ctl_say("%s can't be given to the group of %s: %s", c->db_file, c->sign_user,
			strerror(errno));
	close(fd);
}

int ctl_init_db(struct ctl *c, int argc, char **argv)
{
	bool upgrade = false, fresh;
	enum err e;
	int o;

	while ((o = ctl_next_option(argc, argv, ctl_init_db_options)) != -1) {
		if (o != OPT_UPGRADE)
			return EX_USAGE;
		upgrade = true;
	}
	if (optind < argc)
		return ctl_usage("init-db takes options only");
	fresh = c->conf.db_type == DB_SQLITE && geteuid() == 0 && access(c->conf.db_file, F_OK) != 0;
	e = ctl_store_in(c, true, upgrade ? deadline_in(UPGRADE_MS) : ctl_deadline(c));
	for (size_t i = c->first_ca; i < c->end_ca && e == E_OK; i++)
		if (!ctl_same_table(c, i))
			e = init_table(c, c->conf.ca[i].table, upgrade);
	if (fresh && e == E_OK)
		let_responder_read(&c->conf);
	return e == E_OK ? 0 : ctl_code(e);
}

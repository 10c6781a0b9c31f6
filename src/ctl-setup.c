/*
 * setup: what a fresh host needs before the responder can start. Done again, it changes nothing.
 *
 * It runs as root in folders that others may write to: nothing is followed that is a link, and what
 * is changed is changed through a descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "ctl.h"
#include "key.h"
#include "metrics.h"
#include "user.h"

#define USERADD "/usr/sbin/useradd"
#define NOLOGIN "/usr/sbin/nologin"

#define PATH_LEN 4096

#define NOBODY ((uid_t)-1)	/* to fchown(): leave it as it is */

struct account {
	const char *name;
	uid_t uid;
	gid_t gid;
};

struct setup {
	const char *root;	/* in front of every path; "" for the live system */
	struct account user;	/* parses requests */
	struct account signer;	/* has keys, passwords and the cache; the same without signuser= */
	gid_t log_gid;
	bool guessed;		/* users: there is a configuration, but it can't be read */
	bool failed;
};

static bool at(const struct setup *s, const char *path, char out[PATH_LEN])
{
	size_t len = strlen(s->root);

	/* what the configuration says relative to itself is below root already */
	if (strncmp(path, s->root, len) == 0 && (path[len] == '/' || !len))
		return snprintf(out, PATH_LEN, "%s", path) < PATH_LEN;
	return snprintf(out, PATH_LEN, "%s%s", s->root, path) < PATH_LEN;
}

static void done(const char *what, const char *path, const struct stat *st)
{
	printf("%-8s %s (mode %03o)\n", what, path, st->st_mode & 07777);
}

static void failed(struct setup *s, const char *path)
{
	ctl_say("%s: %s", path, strerror(errno));
	s->failed = true;
}

/* Gives what fd is open on this owner and mode. While users are guessed, what is there may be another's
 * for good reason, unless it is still root's, as it was unpacked. */
static void adjust(struct setup *s, int fd, const char *path, uid_t uid, gid_t gid, mode_t mode,
		   bool made)
{
	struct stat st;
	bool changed = false;

	if (fstat(fd, &st) != 0)
		goto out;
	if (s->guessed && !made && (st.st_uid != 0 || st.st_gid != 0)) {
		done("left", path, &st);
		return;
	}
	if ((uid != NOBODY && st.st_uid != uid) || (gid != NOBODY && st.st_gid != gid)) {
		if (fchown(fd, uid, gid) != 0)
			goto out;
		changed = true;
	}
	if ((st.st_mode & 07777) != mode) {
		if (fchmod(fd, mode) != 0)
			goto out;
		changed = true;
	}
	st.st_mode = mode;
	done(made ? "made" : changed ? "changed" : "kept", path, &st);
	return;
out:
	failed(s, path);
}

/* Makes the folders above a path as mkdir -p does. */
static bool make_parents(const char *path)
{
	char parent[PATH_LEN];

	snprintf(parent, sizeof parent, "%s", path);
	for (char *p = strchr(parent + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(parent, 0755) != 0 && errno != EEXIST)
			return false;
		*p = '/';
	}
	return true;
}

/* Makes a folder; one that is there gets owner and mode only if it is ours (own), and never one
 * that is for everybody, such as /tmp. */
static void make_folder(struct setup *s, const char *path, bool own, uid_t uid, gid_t gid,
			mode_t mode)
{
	struct stat st;
	bool made;
	int fd = -1;

	if (make_parents(path)) {
		made = mkdir(path, mode) == 0;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0 || fstat(fd, &st) != 0)
		failed(s, path);
	else if (made || (own && !(st.st_mode & S_ISVTX)))
		adjust(s, fd, path, uid, gid, mode, made);
	else
		done("left", path, &st);
	if (fd >= 0)
		close(fd);
}

/* create: it is made, empty, when it is missing. */
static void set_file(struct setup *s, const char *path, bool create, uid_t uid, gid_t gid,
		     mode_t mode)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	struct stat st;
	bool made = false;
	int fd = open(path, flags);

	if (fd < 0 && errno == ENOENT && create) {
		if (!make_parents(path)) {
			failed(s, path);
			return;
		}
		fd = open(path, flags | O_CREAT | O_EXCL, mode);
		made = fd >= 0;
	}
	if (fd < 0 && errno == ENOENT) {
		printf("missing  %s\n", path);
	} else if (fd < 0 && errno == ELOOP) {
		printf("link     %s: see that who needs it can read what it points to\n", path);
	} else if (fd < 0 || fstat(fd, &st) != 0) {
		failed(s, path);
	} else if (!S_ISREG(st.st_mode) || st.st_nlink != 1) {
		ctl_say("%s is no regular file, or has a second name: it is left as it is", path);
		s->failed = true;
	} else {
		adjust(s, fd, path, uid, gid, mode, made);
	}
	if (fd >= 0)
		close(fd);
}

static bool find_group(const struct setup *s, const char *name, gid_t *out)
{
	char path[PATH_LEN];
	struct group *g = NULL;
	FILE *f = at(s, "/etc/group", path) ? fopen(path, "re") : NULL;

	if (!f)
		return false;
	while ((g = fgetgrent(f)) && strcmp(g->gr_name, name) != 0)
		;
	if (g)
		*out = g->gr_gid;
	fclose(f);
	return g != NULL;
}

static bool find_user(const struct setup *s, struct account *a)
{
	char path[PATH_LEN];

	return at(s, "/etc/passwd", path) &&
	       user_look_up(path, a->name, &a->uid, &a->gid) == E_OK;
}

/* Starts useradd and waits for it; what it has to say goes where ours goes. groups: others beside
 * its own, or "". */
static bool add_user(const char *name, const char *groups)
{
	const char *const argv[] = { "useradd", "--system", "--user-group", "--groups", groups,
				     "--no-create-home", "--home-dir", "/nonexistent", "--shell",
				     NOLOGIN, "--comment", "OCSP responder", "--", name, NULL };
	const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	int status, rc;
	pid_t pid;

	fflush(stdout);
	/* argv and envp are const in all but their type */
	rc = posix_spawn(&pid, USERADD, NULL, NULL, (char *const *)(uintptr_t)argv,
			 (char *const *)(uintptr_t)env);
	if (rc != 0) {
		ctl_say(USERADD ": %s", strerror(rc));
		return false;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool set_user(struct setup *s, struct account *a, const char *groups)
{
	if (find_user(s, a)) {
		printf("kept     user %s (%lu)\n", a->name, (unsigned long)a->uid);
		return true;
	}
	if (s->root[0]) {
		printf("missing  user %s in %s/etc/passwd: owners are left as they are\n", a->name,
		       s->root);
		a->uid = a->gid = NOBODY;
		return true;
	}
	if (!add_user(a->name, groups) || !find_user(s, a)) {
		ctl_say("there is no user %s, and it can't be made: add it by hand, then run this "
			"again", a->name);
		return false;
	}
	printf("made     user %s (%lu)\n", a->name, (unsigned long)a->uid);
	return true;
}

/* Who signs reads the configuration as a member of the other's group. */
static bool set_users(struct setup *s)
{
	if (!set_user(s, &s->user, ""))
		return false;
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): prepare() has named both */
	if (strcmp(s->signer.name, s->user.name) != 0)
		return set_user(s, &s->signer, s->user.name);
	s->signer = s->user;
	return true;
}

/* A key or a password's file. One elsewhere may be another program's as well: its owner is not ours
 * to change. */
static void set_secret(struct setup *s, const struct conf *c, const char *path, mode_t mode)
{
	size_t len;

	/* a credential is systemd's */
	if (!path || key_is_uri(path) || path[0] == '$')
		return;
	len = strlen(c->dir);
	if (strncmp(path, c->dir, len) == 0 && path[len] == '/')
		set_file(s, path, false, s->signer.uid, s->signer.gid, mode);
	else
		printf("left     %s (not in %s): see that %s alone can read it\n", path, c->dir,
		       s->signer.name);
}

/* Who parses requests only reads the cache, where who signs is another user. New folders in it get
 * its group, and with it the readers. */
static void set_cache(struct setup *s, const struct conf *c)
{
	bool shared = s->signer.uid != s->user.uid;
	char path[PATH_LEN], counters[METRICS_PATH_LEN];

	if (at(s, c->cache ? c->cache : CACHE_DIR, path))
		make_folder(s, path, true, s->signer.uid, s->user.gid, shared ? 02750 : 0700);
	/* who doesn't have their folder can't make them, only fill */
	for (int part = METRICS_FRONT; shared && part <= METRICS_SIGN; part++) {
		const struct account *a = part == METRICS_SIGN ? &s->signer : &s->user;

		metrics_path(c, (enum metrics_part)part, counters);
		if (!(c->metrics && !c->metrics[0]) && at(s, counters, path))
			set_file(s, path, true, a->uid, a->gid, 0600);
	}
}

/* The configuration may still be missing, or can't be read: then the defaults hold. */
static void set_files(struct setup *s, const char *config, const struct conf *c)
{
	uid_t root = s->user.uid == NOBODY ? NOBODY : 0;
	bool shared = s->signer.uid != s->user.uid;
	char path[PATH_LEN];
	bool standard = at(s, CONFIG_FILE, path) && strcmp(path, config) == 0;

	snprintf(path, sizeof path, "%.*s", (int)(strrchr(config, '/') - config), config);
	make_folder(s, path, standard, root, s->user.gid, 0750);
	set_file(s, config, false, root, s->user.gid, 0640);
	set_secret(s, c, c->db_passwordfile, 0400);
	set_secret(s, c, c->db_tls_key, 0600);
	for (size_t i = 0; i < c->n_ca; i++) {
		set_secret(s, c, c->ca[i].pkey, 0600);
		set_secret(s, c, c->ca[i].passwordfile, 0400);
	}
	set_cache(s, c);
	if (c->db_file && at(s, c->db_file, path)) {
		strrchr(path, '/')[0] = '\0';
		if (path[0] && strcmp(path, c->dir) != 0)
			make_folder(s, path, false, s->signer.uid, s->signer.gid, 0700);
	}
	/* who signs writes to it as a member of the other's group */
	if (at(s, c->log_file ? c->log_file : LOG_FILE, path))
		set_file(s, path, true, s->user.uid, shared ? s->user.gid : s->log_gid,
			 shared ? 0660 : 0640);
}

static bool has_systemd(void)
{
#ifdef HAVE_SYSTEMD
	return sd_booted() > 0;
#else
	return false;
#endif
}

static void print_next(const struct setup *s, const char *config, const struct conf *c,
		       bool have_config)
{
	puts("next:");
	if (!have_config)
		printf("  mend or write %s, put certificate and key beside it, run this again\n",
		       config);
	puts("  ocspctl init-db      unless the table is there already\n"
	     "  ocspctl check");
	if (s->root[0])
		return;
	if (have_config && conf_signer_socket(c))
		puts("  systemctl enable --now ocsp-sign.socket");
	if (has_systemd())
		puts("  systemctl enable --now ocsp.socket");
	else
		puts("  in the xinetd service \"ocsp\" set disable to no, then reload xinetd");
}

static int prepare(struct ctl *c, struct setup *s, char config[PATH_LEN], bool *have_config)
{
	char error[CONF_ERROR_LEN];

	if (!s->root[0] && geteuid() != 0) {
		ctl_say("setup changes the system: run it as root");
		return EX_NOPERM;
	}
	if (c->config[0] != '/' || !at(s, c->config, config))
		return ctl_usage("setup needs the absolute path of a configuration");
	*have_config = conf_load(config, CONF_NO_SECRETS, &c->conf, error) == E_OK;
	s->guessed = !*have_config && (faccessat(AT_FDCWD, config, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
				       errno != ENOENT);
	if (!*have_config)
		ctl_say("%s%s", error, s->guessed ? "; until it can be read, owners and modes stay as "
			"they are, but for what is still root's" : "");
	s->user.name = *have_config ? c->conf.user : "pycert";
	s->signer.name = *have_config ? c->conf.sign_user : "pycert";
	return 0;
}

const struct ctl_opt ctl_setup_options[] = {
	{ "root", "DIR", "set up the system below this folder, for an image or a container" },
	{ NULL, NULL, NULL },
};

int ctl_setup(struct ctl *c, int argc, char **argv)
{
	struct setup s = { .root = "" };
	char config[PATH_LEN];
	bool have_config = false;
	int o, code;

	/* folders above the cache are for the responder's user to pass through */
	umask(022);
	while ((o = ctl_next_option(argc, argv, ctl_setup_options)) != -1) {
		if (o == CTL_BAD_OPTION)
			return EX_USAGE;
		s.root = optarg;
	}
	if (optind != argc || (s.root[0] && s.root[0] != '/'))
		return ctl_usage("setup takes no argument but --root with an absolute path");
	code = prepare(c, &s, config, &have_config);
	if (code)
		return code;
	if (!set_users(&s))
		return EX_OSERR;
	s.log_gid = s.user.gid;
	if (s.user.uid != NOBODY)
		find_group(&s, "adm", &s.log_gid);
	set_files(&s, config, &c->conf);
	print_next(&s, config, &c->conf, have_config);
	return s.failed ? EX_IOERR : 0;
}

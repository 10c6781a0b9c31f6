/* Files, folders and the user of this host. */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "check.h"
#include "log.h"
#include "user.h"

#define PATH_LEN 4096

/* What is left on the cache's file system before it becomes a warning. */
#define ROOM_LEN (64 << 20)
#define ROOM_FILES 10000

bool check_has_password(const struct conf *c)
{
	for (size_t i = 0; i < c->n_ca; i++)
		if (c->ca[i].password)
			return true;
	return c->db_password || c->admin_password;
}

void check_conf_file(struct check *k)
{
	const struct conf *c = &k->ctl->conf;
	struct stat st;

	if (stat(c->path, &st) != 0)
		check_tell(k, "config", FOUND_ERROR, "%s can't be looked at: %s", c->path,
			   strerror(errno));
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		check_tell(k, "config", FOUND_ERROR, "%s can be written by others than its owner: "
			   "chmod 640 %s", c->path, c->path);
	else if ((st.st_mode & S_IROTH) && check_has_password(c))
		check_tell(k, "config", FOUND_ERROR, "%s has a password in it and everybody can "
			   "read it: chmod 640 %s", c->path, c->path);
	else
		check_tell(k, "config", FOUND_OK, "%s is complete, and its mode is %03o", c->path,
			   st.st_mode & 0777);
}

/* From here on this process is the responder's user, so that its rights are what is tested. */
void check_user(struct check *k)
{
	const char *name = k->ctl->conf.sign_user;
	char self[USER_NAME_LEN], error[256];
	gid_t gid;
	enum err e = user_look_up("/etc/passwd", name, &k->uid, &gid);

	k->known_user = e == E_OK;
	user_self(self);
	if (e == E_IO)
		check_tell(k, "user", FOUND_ERROR, "/etc/passwd can't be read, so user %s (user=) "
			   "can't be looked up", name);
	else if (!k->known_user)
		check_tell(k, "user", FOUND_ERROR, "there is no user %s (user=): make it with "
			   "\"ocspctl setup\"", name);
	else if (geteuid() != 0 && geteuid() != k->uid)
		check_tell(k, "user", FOUND_WARNING, "this was started by %s, so what %s may do "
			   "was not looked at: run it as root or as %s", self, name, name);
	else if (user_become(name, true, error) != E_OK)
		check_tell(k, "user", FOUND_ERROR, "%s", error);
	else
		check_tell(k, "user", FOUND_OK, "the responder runs as %s", name);
	if (access(k->ctl->conf.path, R_OK) != 0)
		check_tell(k, "config", FOUND_ERROR, "%s can't be read by %s: chgrp it to that "
			   "user's group, mode 640", k->ctl->conf.path, name);
}

static void folder_of(const char *path, char out[PATH_LEN])
{
	char *slash;

	snprintf(out, PATH_LEN, "%s", path);
	slash = strrchr(out, '/');
	if (slash)
		slash[slash == out] = '\0';
}

bool check_can_be_made(const char *path)
{
	char parent[PATH_LEN];

	folder_of(path, parent);
	return access(path, F_OK) != 0 && errno == ENOENT && access(parent, W_OK | X_OK) == 0;
}

static const char *name_of_fs(long type)
{
	static const struct {
		long type;
		const char *name;
	} table[] = {
		{ EXT4_SUPER_MAGIC, "ext4" }, { XFS_SUPER_MAGIC, "xfs" },
		{ BTRFS_SUPER_MAGIC, "btrfs" }, { TMPFS_MAGIC, "tmpfs" },
		{ OVERLAYFS_SUPER_MAGIC, "overlayfs" }, { F2FS_SUPER_MAGIC, "f2fs" },
		{ 0x2fc12fc1, "zfs" }, { NFS_SUPER_MAGIC, "nfs" }, { SMB_SUPER_MAGIC, "smb" },
		{ 0xff534d42, "cifs" }, { 0xfe534d42, "smb2" }, { CEPH_SUPER_MAGIC, "ceph" },
		{ FUSE_SUPER_MAGIC, "fuse" }, { 0x01021997, "9p" },
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].type == type)
			return table[i].name;
	return NULL;
}

/* Where the cache is, or will be. */
static void check_file_system(struct check *k, const char *path)
{
	struct statvfs v;
	struct statfs s;
	char number[32];
	const char *name;

	if (statfs(path, &s) != 0 || statvfs(path, &v) != 0)
		return;
	name = name_of_fs((long)s.f_type);
	snprintf(number, sizeof number, "type %lx", (unsigned long)s.f_type);
	if (v.f_flag & ST_RDONLY)
		check_tell(k, "cache", FOUND_ERROR, "%s is mounted read-only: nothing can be "
			   "cached", path);
	else if ((unsigned long long)v.f_bavail * v.f_frsize < ROOM_LEN)
		check_tell(k, "cache", FOUND_WARNING, "%s has only %llu MiB left for the cache: "
			   "make room, or every answer will be signed anew", path,
			   (unsigned long long)v.f_bavail * v.f_frsize >> 20);
	else if (v.f_files && v.f_favail < ROOM_FILES)
		check_tell(k, "cache", FOUND_WARNING, "%s has only %llu files left (inodes): each "
			   "cached answer is one", path, (unsigned long long)v.f_favail);
	else if (name && (strcmp(name, "nfs") == 0 || strcmp(name, "cifs") == 0 ||
			  strcmp(name, "smb") == 0 || strcmp(name, "smb2") == 0))
		check_tell(k, "cache", FOUND_WARNING, "the cache is on %s: it depends on another "
			   "host's clock and locks, so put it on a disk of this one", name);
	else
		check_tell(k, "cache", FOUND_OK, "the cache is on %s, with %llu MiB left",
			   name ? name : number, (unsigned long long)v.f_bavail * v.f_frsize >> 20);
}

void check_cache(struct check *k)
{
	const char *path = k->ctl->conf.cache;
	const char *user = k->ctl->conf.sign_user;
	/* who has others sign only looks, unless those are who we are */
	bool writes = !conf_signer_socket(&k->ctl->conf) || strcmp(user, k->ctl->conf.user) != 0;
	char parent[PATH_LEN];
	struct stat st;

	if (check_can_be_made(path)) {
		check_tell(k, "cache", FOUND_OK, "the cache %s will be made when it is first "
			   "needed", path);
		folder_of(path, parent);
		check_file_system(k, parent);
		return;
	}
	if (access(path, R_OK | X_OK | (writes ? W_OK : 0)) != 0 || stat(path, &st) != 0)
		check_tell(k, "cache", FOUND_ERROR, "the cache %s can't be used by %s (%s): every "
			   "answer is signed anew; run \"ocspctl setup\"", path,
			   user, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		check_tell(k, "cache", FOUND_ERROR, "the cache %s is no folder", path);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		check_tell(k, "cache", FOUND_ERROR, "the cache %s can be written by others, who "
			   "could put answers there: chmod 700 %s", path, path);
	else
		check_tell(k, "cache", FOUND_OK, "the cache %s can be used", path);
	check_file_system(k, path);
}

void check_metrics(struct check *k)
{
	const struct conf *conf = &k->ctl->conf;
	char path[METRICS_PATH_LEN], parent[PATH_LEN];
	struct metrics m;
	int64_t since;
	int why;
	enum err e;

	if (conf->metrics && !conf->metrics[0])
		return;
	e = metrics_read(conf, &m, &since);
	why = errno;
	metrics_path(conf, METRICS_FRONT, path);
	folder_of(path, parent);
	if (e == E_OK)
		check_tell(k, "metrics", FOUND_OK, "what is done is counted in %s", path);
	else if (e == E_IO && why == EACCES)
		/* ocsp-sign may be another user, whose file this is */
		check_tell(k, "metrics", FOUND_OK, "what is done is counted in %s, or the same "
			   "with -sign, which only root can read", path);
	else if (e != E_NOT_FOUND)
		check_tell(k, "metrics", FOUND_WARNING, "%s, or the same with -sign, can't be read "
			   "as counters: remove it", path);
	else if (access(parent, W_OK | X_OK) != 0 && !check_can_be_made(parent))
		check_tell(k, "metrics", FOUND_WARNING, "nothing is counted, since %s can't be "
			   "made by %s: set metrics=", path, conf->user);
}

void check_signer(struct check *k)
{
	const char *signer = k->ctl->conf.signer;

	if (conf_signer_socket(&k->ctl->conf))
		return;		/* the probe asks it */
	if (access(signer, X_OK) != 0)
		check_tell(k, "signer", FOUND_ERROR, "%s can't be started by %s (%s): set signer= "
			   "to where ocsp-sign is", signer, k->ctl->conf.user, strerror(errno));
	else
		check_tell(k, "signer", FOUND_OK, "%s can be started", signer);
}

void check_log(struct check *k)
{
	const char *file = k->ctl->conf.log_file;

	/* then it is systemd that keeps the log */
	if (!file && log_has_journal())
		return;
	if (!file)
		file = LOG_FILE;
	if (access(file, W_OK) != 0 && !check_can_be_made(file))
		check_tell(k, "log", FOUND_WARNING, "the log %s can't be written by %s (%s): run "
			   "\"ocspctl setup\"", file, k->ctl->conf.sign_user, strerror(errno));
	else
		check_tell(k, "log", FOUND_OK, "the log %s can be written", file);
}

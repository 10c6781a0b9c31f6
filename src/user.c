#include "user.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io.h"

/* /etc/passwd and /etc/group, octets: some ten thousand local users. */
#define FILE_LEN (1 << 20)
#define GROUPS_MAX 256

/* A line of passwd or group, taken apart at its colons. */
#define FIELDS 4
struct line {
	struct bytes field[FIELDS];
};

/* Takes the next line that has all its fields; others (comments, "+" of NIS) are skipped. The last
 * field ends at a colon or with the line. */
static bool next_line(struct bytes *text, struct line *out)
{
	const uint8_t *p = text->p, *end = p + text->len;

	while (p < end) {
		const uint8_t *lf = memchr(p, '\n', (size_t)(end - p)), *stop = lf ? lf : end;
		const uint8_t *next = lf ? lf + 1 : end;
		size_t n = 0;

		for (; n < FIELDS; n++) {
			const uint8_t *colon = memchr(p, ':', (size_t)(stop - p));

			if (!colon && n < FIELDS - 1)
				break;
			out->field[n] = bytes_of(p, (size_t)((colon ? colon : stop) - p));
			p = colon ? colon + 1 : stop;
		}
		p = next;
		if (n == FIELDS) {
			*text = bytes_of(p, (size_t)(end - p));
			return true;
		}
	}
	return false;
}

/* A uid or gid in digits; (uint32_t)-1 is none, it means "leave as it is" to the kernel. */
static bool read_id(struct bytes v, uint32_t *out)
{
	uint64_t n = 0;

	if (v.len == 0 || v.len > 10)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
		n = n * 10 + (v.p[i] - '0');
	}
	if (n >= UINT32_MAX)
		return false;
	*out = (uint32_t)n;
	return true;
}

/* Moves on to the line of this name: the others need not be taken apart. */
static bool skip_to(struct bytes *text, struct bytes name)
{
	const uint8_t *p = text->p, *end = p + text->len;

	while (p && (size_t)(end - p) > name.len) {
		if (p[name.len] == ':' && memcmp(p, name.p, name.len) == 0) {
			*text = bytes_of(p, (size_t)(end - p));
			return true;
		}
		p = memchr(p, '\n', (size_t)(end - p));
		p = p ? p + 1 : NULL;
	}
	return false;
}

enum err user_find(struct bytes passwd, const char *name, uid_t *uid, gid_t *gid)
{
	struct bytes wanted = bytes_str(name);
	uint32_t number = 0, line_uid, line_gid;
	bool numeric = read_id(wanted, &number), found = false;
	struct line l;

	if (numeric) {
		*uid = number;
		*gid = number;
	}
	while ((numeric || skip_to(&passwd, wanted)) && next_line(&passwd, &l)) {
		bool named = bytes_eq(l.field[0], wanted);

		/* a name goes before the same number, as chown(1) has it */
		if (!named && (!numeric || found))
			continue;
		if (!read_id(l.field[2], &line_uid) || !read_id(l.field[3], &line_gid))
			continue;
		if (named || line_uid == number) {
			*uid = line_uid;
			*gid = line_gid;
			found = true;
		}
		if (named)
			break;
	}
	return found || numeric ? E_OK : E_NOT_FOUND;
}

void user_name(struct bytes passwd, uid_t uid, char out[USER_NAME_LEN])
{
	uint32_t line_uid;
	struct line l;

	while (next_line(&passwd, &l)) {
		struct bytes name = l.field[0];

		if (!read_id(l.field[2], &line_uid) || line_uid != uid || name.len >= USER_NAME_LEN)
			continue;
		memcpy(out, name.p, name.len);
		out[name.len] = '\0';
		return;
	}
	snprintf(out, USER_NAME_LEN, "%lu", (unsigned long)uid);
}

/* Reads a file into memory that the caller frees. One that isn't there has no lines; one that can't
 * be read just now may well have the line that is looked for: that is another error. */
static enum err load(const char *path, uint8_t **text, struct bytes *out, char error[256])
{
	size_t len = 0;
	enum err e;

	*text = NULL;
	e = io_load_file(path, FILE_LEN, text, &len);
	if (e != E_OK && e != E_NOT_FOUND) {
		snprintf(error, 256, "%s can't be read: %s", path,
			 e == E_DATA ? "it is no regular file, or larger than 1 MiB" :
				       strerror(errno));
		return e;
	}
	*out = bytes_of(*text, len);
	return E_OK;
}

enum err user_look_up(const char *path, const char *name, uid_t *uid, gid_t *gid)
{
	uint8_t *text = NULL;
	size_t len;
	enum err e = E_IO;

	if (io_load_file(path, FILE_LEN, &text, &len) == E_OK)
		e = user_find(bytes_of(text, len), name, uid, gid);
	free(text);
	return e;
}

void user_self(char out[USER_NAME_LEN])
{
	struct bytes passwd = bytes_str("");
	char unused[256];
	uint8_t *text;

	/* without its name, it is told by its number */
	(void)!load("/etc/passwd", &text, &passwd, unused);
	user_name(passwd, geteuid(), out);
	free(text);
}

static bool is_member(struct bytes list, struct bytes name)
{
	const uint8_t *p = list.p, *end = p + list.len;

	while (p < end) {
		const uint8_t *comma = memchr(p, ',', (size_t)(end - p));
		const uint8_t *stop = comma ? comma : end;

		if (bytes_eq(bytes_of(p, (size_t)(stop - p)), name))
			return true;
		p = comma ? comma + 1 : end;
	}
	return false;
}

size_t user_groups(struct bytes group, const char *name, gid_t first, gid_t *out, size_t cap)
{
	struct bytes user = bytes_str(name);
	uint32_t gid;
	struct line l;
	size_t n = 1;

	out[0] = first;
	while (n < cap && next_line(&group, &l))
		if (read_id(l.field[2], &gid) && gid != first && is_member(l.field[3], user))
			out[n++] = gid;
	return n;
}

/* For good: saved ids too, and the way back is tried. */
static bool drop(uid_t uid, gid_t gid, const gid_t *groups, size_t n)
{
	uid_t r, e, s;

	if (setgroups(n, groups) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		return false;
	errno = EPERM;
	return getresuid(&r, &e, &s) == 0 && r == uid && e == uid && s == uid &&
	       setresuid(-1, 0, -1) != 0;
}

static enum err become(struct bytes passwd, const char *name, bool init_groups, char error[256])
{
	char self[USER_NAME_LEN], user[USER_NAME_LEN];
	gid_t groups[GROUPS_MAX], gid;
	struct bytes group;
	uint8_t *text;
	size_t n = 1;
	uid_t uid;
	enum err e;

	if (user_find(passwd, name, &uid, &gid) != E_OK) {
		snprintf(error, 256, "there is no user '%.40s' in /etc/passwd: make it with "
			 "'ocspctl setup', or set user= to another name or a number", name);
		return E_USER;
	}
	if (geteuid() == uid && getuid() == uid)
		return E_OK;
	user_name(passwd, uid, user);
	if (geteuid() != 0) {
		user_name(passwd, geteuid(), self);
		snprintf(error, 256, "started by user '%s', but it is set to '%.40s': start it as "
			 "'sudo -u %s %s ...'", self, name, user, program_invocation_short_name);
		return E_USER;
	}
	groups[0] = gid;
	if (init_groups) {
		e = load("/etc/group", &text, &group, error);
		if (e != E_OK)
			return e;
		n = user_groups(group, user, gid, groups, GROUPS_MAX);
		free(text);
	}
	if (!drop(uid, gid, groups, n)) {
		snprintf(error, 256, "root can't become user '%.40s' here: %s (it takes the "
			 "capabilities setuid and setgid; or start it as that user)", name,
			 strerror(errno));
		return E_USER;
	}
	return E_OK;
}

enum err user_become(const char *name, bool init_groups, char error[256])
{
	struct bytes passwd;
	uint8_t *text;
	enum err e;

	e = load("/etc/passwd", &text, &passwd, error);
	if (e == E_OK)
		e = become(passwd, name, init_groups, error);
	free(text);
	return e;
}

/* Who may run the program. */
#include "unit.h"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user.h"

#define PASSWD \
	"root:x:0:0:root:/root:/bin/bash\n" \
	"# a comment\n" \
	"+::::::\n" \
	"short:x:7\n" \
	"\n" \
	"bad:x:seven:7::/:/bin/sh\n" \
	"huge:x:4294967295:1::/:/bin/sh\n" \
	"huger:x:99999999999:1::/:/bin/sh\n" \
	"pycert:x:998:997:OCSP:/nonexistent:/usr/sbin/nologin\n" \
	"pycert2:x:996:995::/:/bin/sh\n" \
	"42:x:1042:1043::/:/bin/sh\n" \
	"other:x:42:44::/:/bin/sh\n" \
	"twin:x:998:5::/:/bin/sh\n" \
	"pycert:x:1:1::/:/bin/sh\n" \
	"four:x:4:40"

static void finds_names_and_numbers(void **state)
{
	static const struct {
		const char *name;
		uid_t uid;
		gid_t gid;
	} t[] = {
		{ "root", 0, 0 },
		{ "0", 0, 0 },
		{ "pycert", 998, 997 },
		{ "pycert2", 996, 995 },
		{ "998", 998, 997 },		/* the first who has it */
		{ "42", 1042, 1043 },		/* a name goes before a number */
		{ "1042", 1042, 1043 },
		{ "12345", 12345, 12345 },
		{ "4294967294", 4294967294, 4294967294 },
		{ "four", 4, 40 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		uid_t uid;
		gid_t gid;

		assert_int_equal(user_find(B(PASSWD), t[i].name, &uid, &gid), E_OK);
		assert_int_equal(uid, t[i].uid);
		assert_int_equal(gid, t[i].gid);
	}
}

static void finds_nobody_else(void **state)
{
	static const char *const names[] = {
		"", "pycer", "pycert22", "short", "bad", "huge", "huger", "+", "# a comment", "-1",
		"4294967295", "4294967296", "99999999999", "1x", "root:x", "x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		uid_t uid = 7;
		gid_t gid = 7;

		if (user_find(B(PASSWD), names[i], &uid, &gid) != E_NOT_FOUND)
			fail_msg("'%s' was found", names[i]);
		assert_int_equal(uid, 7);
		assert_int_equal(gid, 7);
	}
}

static void names_a_number(void **state)
{
	char name[USER_NAME_LEN];

	(void)state;
	user_name(B(PASSWD), 998, name);
	assert_string_equal(name, "pycert");
	user_name(B(PASSWD), 4294967294, name);
	assert_string_equal(name, "4294967294");
	user_name(B("a-name-that-is-longer-than-any-message-should-be:x:5:5::/:/x\n"), 5, name);
	assert_string_equal(name, "5");
	user_name(B(""), 0, name);
	assert_string_equal(name, "0");
}

static void finds_groups(void **state)
{
	static const char group[] =
		"root:x:0:\n"
		"adm:x:4:syslog,pycert\n"
		"own:x:997:pycert\n"
		"mysql:x:27:pycert2,xpycert\n"
		"ssl:x:110:pycert\n"
		"bad:x:y:pycert\n"
		"last:x:111:a,pycert,b";
	gid_t out[8];

	(void)state;
	assert_int_equal(user_groups(B(group), "pycert", 997, out, 8), 4);
	assert_int_equal(out[0], 997);
	assert_int_equal(out[1], 4);
	assert_int_equal(out[2], 110);
	assert_int_equal(out[3], 111);
	assert_int_equal(user_groups(B(group), "pycert", 997, out, 2), 2);
	assert_int_equal(user_groups(B(group), "nobody", 65534, out, 8), 1);
	assert_int_equal(out[0], 65534);
}

static void any_octets(void **state)
{
	uint8_t text[sizeof PASSWD - 1];
	char name[USER_NAME_LEN];
	gid_t groups[4], gid;
	uid_t uid;

	(void)state;
	for (size_t at = 0; at < sizeof text; at++) {
		for (unsigned ch = 0; ch < 256; ch += 7) {
			memcpy(text, PASSWD, sizeof text);
			text[at] = (uint8_t)ch;
			if (user_find(bytes_of(text, sizeof text), "four", &uid, &gid) == E_OK)
				assert_true(uid <= 49);
			user_name(bytes_of(text, at), 998, name);
			assert_true(strlen(name) < sizeof name);
			assert_in_range(user_groups(bytes_of(text, at), "", 1, groups, 4), 1, 4);
		}
	}
}

static void nothing_to_do(void **state)
{
	char error[256], self[USER_NAME_LEN], number[16];

	(void)state;
	user_self(self);
	assert_int_equal(user_become(self, false, error), E_OK);
	snprintf(number, sizeof number, "%u", (unsigned)geteuid());
	assert_int_equal(user_become(number, true, error), E_OK);
	assert_int_equal(getuid(), geteuid());
}

static void a_user_that_is_not_there(void **state)
{
	char error[256];

	(void)state;
	assert_int_equal(user_become("no-such-user", false, error), E_USER);
	assert_string_equal(error, "there is no user 'no-such-user' in /etc/passwd: make it with "
			    "'ocspctl setup', or set user= to another name or a number");
}

/* Runs f in a process of its own, which may change its user. */
static void in_child(int (*f)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(f());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int refused(void)
{
	char error[256];

	if (geteuid() == 0 && setresuid(4000000001, 4000000001, 4000000001) != 0)
		return 1;
	if (user_become("daemon", false, error) != E_USER)
		return 2;
	if (!strstr(error, "but it is set to 'daemon': start it as 'sudo -u daemon "))
		return 3;
	return !strstr(error, "started by user '");
}

/* It may well be there: to say that it isn't would send the operator the wrong way. */
static int no_descriptor(void)
{
	const struct rlimit none = { 0, 0 };
	char error[256];

	if (setrlimit(RLIMIT_NOFILE, &none) != 0)
		return 1;
	if (user_become("daemon", false, error) != E_IO)
		return 2;
	return strcmp(error, "/etc/passwd can't be read: Too many open files") != 0;
}

static void a_file_that_cannot_be_read_now(void **state)
{
	(void)state;
	in_child(no_descriptor);
}

static void another_user_is_refused(void **state)
{
	(void)state;
	in_child(refused);
}

static int dropped(void)
{
	uid_t r, e, s;
	gid_t gid[3], groups[8];
	char error[256];

	if (user_become("4000000002", false, error) != E_OK)
		return 1;
	if (getresuid(&r, &e, &s) != 0 || r != 4000000002 || e != r || s != r)
		return 2;
	if (getresgid(&gid[0], &gid[1], &gid[2]) != 0 || gid[0] != 4000000002 ||
	    gid[1] != gid[0] || gid[2] != gid[0])
		return 3;
	if (getgroups(8, groups) != 1 || groups[0] != 4000000002)
		return 4;
	if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0)
		return 5;
	/* a second time there is nothing to do */
	return user_become("4000000002", false, error) != E_OK;
}

static int dropped_with_groups(void)
{
	char error[256];

	if (user_become("daemon", true, error) != E_OK)
		return 1;
	return geteuid() == 0 || getgroups(0, NULL) < 1;
}

static void root_drops_for_good(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	in_child(dropped);
	in_child(dropped_with_groups);
}

/* As in a container that leaves root its name and takes its capabilities: it must not go on. */
static int cannot_drop(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
	char error[256];

	if (syscall(SYS_capset, &header, none) != 0)
		return 1;
	if (user_become("4000000003", false, error) != E_USER || geteuid() != 0)
		return 2;
	return !strstr(error, "root can't become user '4000000003' here: Operation not permitted");
}

static void no_way_to_drop(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	in_child(cannot_drop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_names_and_numbers),
		cmocka_unit_test(finds_nobody_else),
		cmocka_unit_test(names_a_number),
		cmocka_unit_test(finds_groups),
		cmocka_unit_test(any_octets),
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(a_user_that_is_not_there),
		cmocka_unit_test(a_file_that_cannot_be_read_now),
		cmocka_unit_test(another_user_is_refused),
		cmocka_unit_test(root_drops_for_good),
		cmocka_unit_test(no_way_to_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

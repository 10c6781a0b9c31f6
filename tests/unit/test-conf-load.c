/* The configuration file as a file: which ones are read, and what is said about the others. */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf.h"

#define TEXT "[db]\ndb=d\nusername=u\npassword=hunter2\n[ocsp]\ncert=c\npkey=k\n"

static char dir[] = "/tmp/test-conf-XXXXXX", error[CONF_ERROR_LEN];

static int make_dir(void **state)
{
	(void)state;
	/* a working directory without links, as getcwd(3) would say it */
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return chdir("/") == 0 && rmdir(dir) == 0 ? 0 : -1;
}

static void write_file(const char *name, const char *text, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

/* want: the error behind "DIR/name". */
static void refuses(const char *name, const char *want)
{
	char whole[CONF_ERROR_LEN];
	struct conf c;

	assert_int_equal(conf_load(name, 0, &c, error), E_CONFIG);
	snprintf(whole, sizeof whole, "%s/%s%s", dir, name, want);
	assert_string_equal(error, whole);
}

static void a_relative_path_becomes_absolute(void **state)
{
	char want[128];
	struct conf c;

	(void)state;
	write_file("c.ini", TEXT, strlen(TEXT));
	assert_int_equal(conf_load("c.ini", 0, &c, error), E_OK);
	snprintf(want, sizeof want, "%s/c.ini", dir);
	assert_string_equal(c.path, want);
	assert_string_equal(c.dir, dir);
	snprintf(want, sizeof want, "%s/k", dir);
	assert_string_equal(c.ca[0].pkey, want);
	assert_string_equal(c.db_password, "hunter2");
	conf_free(&c);
	assert_int_equal(unlink("c.ini"), 0);
}

static void administrators_use_links(void **state)
{
	struct conf c;

	(void)state;
	write_file("real", TEXT, strlen(TEXT));
	assert_int_equal(symlink("real", "c.ini"), 0);
	assert_int_equal(conf_load("c.ini", 0, &c, error), E_OK);
	conf_free(&c);
	assert_int_equal(unlink("c.ini"), 0);
	assert_int_equal(unlink("real"), 0);
}

/* Not in the strings, nor in what was read behind them. */
static void the_front_has_no_secret_in_its_memory(void **state)
{
	struct conf c;

	(void)state;
	write_file("c.ini", TEXT, strlen(TEXT));
	assert_int_equal(conf_load("c.ini", CONF_NO_SECRETS, &c, error), E_OK);
	assert_null(c.db_password);
	assert_null(memmem(c.text, c.text_cap + strlen(TEXT) + 1, "hunter2", 7));
	assert_null(memmem(c.text, c.text_cap + strlen(TEXT) + 1, "username", 8));
	conf_free(&c);
	assert_int_equal(unlink("c.ini"), 0);
}

/* What systemd passes has a folder for each process, longer than any other there is. */
static void credentials(void **state)
{
	static const char text[] = "[db]\ndb=d\nusername=u\npasswordfile=$CREDENTIALS_DIRECTORY/db\n"
				   "[ocsp]\ncert=c\npkey=$CREDENTIALS_DIRECTORY/ocsp.key\n"
				   "root=$CREDENTIALS_DIRECTORIES/x\n";
	char folder[2048], want[2100];
	struct conf c;

	(void)state;
	memset(folder, 'f', sizeof folder - 1);
	folder[0] = '/';
	folder[sizeof folder - 1] = '\0';
	write_file("c.ini", text, strlen(text));
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
	assert_int_equal(conf_load("c.ini", 0, &c, error), E_OK);
	snprintf(want, sizeof want, "%s/db", folder);
	assert_string_equal(c.db_passwordfile, want);
	snprintf(want, sizeof want, "%s/ocsp.key", folder);
	assert_string_equal(c.ca[0].pkey, want);
	/* another variable is no variable */
	assert_non_null(strstr(c.ca[0].root, "/$CREDENTIALS_DIRECTORIES/x"));
	conf_free(&c);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_int_equal(conf_load("c.ini", 0, &c, error), E_OK);
	assert_string_equal(c.db_passwordfile, "$CREDENTIALS_DIRECTORY/db");
	conf_free(&c);
	assert_int_equal(unlink("c.ini"), 0);
}

static void other_things_than_files(void **state)
{
	(void)state;
	refuses("none", ": there is no such file: make it after the example that comes with the "
		"program, or name another one with -c");
	refuses("none/c.ini", ": there is no such file: make it after the example that comes with "
		"the program, or name another one with -c");
	assert_int_equal(mkdir("folder", 0700), 0);
	refuses("folder", ": is no regular file: a text file is needed");
	assert_int_equal(rmdir("folder"), 0);
	/* and it doesn't wait for someone to write into it */
	assert_int_equal(mkfifo("fifo", 0600), 0);
	refuses("fifo", ": is no regular file: a text file is needed");
	assert_int_equal(unlink("fifo"), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	refuses("loop", ": can't be opened: Too many levels of symbolic links");
	assert_int_equal(unlink("loop"), 0);
}

static void a_large_file_is_not_read(void **state)
{
	char *text = malloc(LIM_CONFIG_LEN + 1);
	struct conf c;

	(void)state;
	assert_non_null(text);
	memset(text, '#', LIM_CONFIG_LEN + 1);
	write_file("c.ini", text, LIM_CONFIG_LEN + 1);
	refuses("c.ini", ": has more than 262144 octets: name the right file");
	memcpy(text + LIM_CONFIG_LEN - 1 - strlen(TEXT), "\n" TEXT, strlen(TEXT) + 1);
	write_file("c.ini", text, LIM_CONFIG_LEN);
	assert_int_equal(conf_load("c.ini", 0, &c, error), E_OK);
	conf_free(&c);
	free(text);
	assert_int_equal(unlink("c.ini"), 0);
}

static void an_empty_file(void **state)
{
	(void)state;
	write_file("c.ini", "", 0);
	refuses("c.ini", ": there is no section [db]: add it, with a line db=VALUE");
	assert_int_equal(unlink("c.ini"), 0);
}

static void who_needs_to_read_it(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(dir, 0711), 0);
	write_file("c.ini", TEXT, strlen(TEXT));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct conf c;

		/* a number that no passwd file has a name for */
		if (setresuid(4000000001, 4000000001, 4000000001) != 0)
			_exit(2);
		_exit(conf_load("c.ini", 0, &c, error) != E_CONFIG ||
		      !strstr(error, "/c.ini: user '4000000001' may not read it: give the file to "
			      "a group of this user, with mode 0640, in folders that it may "
			      "enter"));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(unlink("c.ini"), 0);
}

static void a_folder_that_is_gone(void **state)
{
	struct conf c;

	(void)state;
	assert_int_equal(mkdir("gone", 0700), 0);
	assert_int_equal(chdir("gone"), 0);
	assert_int_equal(rmdir("../gone"), 0);
	assert_int_equal(conf_load("c.ini", 0, &c, error), E_CONFIG);
	assert_string_equal(error, "c.ini: the current folder can't be named (No such file or "
			    "directory): give the whole path, beginning with '/'");
	assert_int_equal(chdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_relative_path_becomes_absolute),
		cmocka_unit_test(administrators_use_links),
		cmocka_unit_test(the_front_has_no_secret_in_its_memory),
		cmocka_unit_test(credentials),
		cmocka_unit_test(other_things_than_files),
		cmocka_unit_test(a_large_file_is_not_read),
		cmocka_unit_test(an_empty_file),
		cmocka_unit_test(who_needs_to_read_it),
		cmocka_unit_test(a_folder_that_is_gone),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

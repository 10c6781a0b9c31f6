/*
 * Each test forks a child that locks itself in and tries something. What must be refused is
 * refused by this process's own sandbox, not by its user: as root nothing else would stop it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "sandbox.h"

/* what a child's end is told as; an errno, or 0 for success, otherwise */
#define KILLED 1000	/* by the filter */
#define CRASHED 1001
#define NOT_ENTERED 1002

static char dir[] = "/tmp/test-sandbox-XXXXXX", cache[64], cache_file[80], other_file[64];
static const char *cache_list[] = { cache, NULL };
static long landlock;	/* its version, or less than 1 */
static bool filter;

static int result(long rc)
{
	return rc >= 0 ? 0 : errno;
}

static int in_child(const struct sandbox_setup *s, int (*attempt)(void))
{
	char error[256];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		/* cmocka's handler would go on with the next test in the child */
		signal(SIGSEGV, SIG_DFL);
		if (sandbox_enter(SANDBOX_AUTO, s, error) != E_OK)
			_exit(255);
		_exit(attempt());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? KILLED : CRASHED;
	return WEXITSTATUS(status) == 255 ? NOT_ENTERED : WEXITSTATUS(status);
}

static int in_tight(int (*attempt)(void))
{
	return in_child(&(struct sandbox_setup){ .read_paths = cache_list }, attempt);
}

static int in_wide(int (*attempt)(void))
{
	return in_child(&(struct sandbox_setup){ .write_paths = cache_list, .spawns = true },
			attempt);
}

/* ------------------------------------------------------------------ attempts */

static int read_file(const char *path)
{
	char c;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : read(fd, &c, 1) < 0 ? errno : close(fd);
}

static int read_cache(void)
{
	return read_file(cache_file);
}

static int read_other(void)
{
	return read_file(other_file);
}

static int read_passwd(void)
{
	return read_file("/etc/passwd");
}

static int open_to_write(void)
{
	return result(open(cache_file, O_WRONLY | O_CLOEXEC));
}

/* nothing would be written, and Landlock lets it pass */
static int open_to_create(void)
{
	return result(open(cache_file, O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int truncate_other(void)
{
	return result(truncate(other_file, 1));
}

static int write_other(void)
{
	return result(open(other_file, O_WRONLY | O_CLOEXEC));
}

static int create_other(void)
{
	char path[128];

	snprintf(path, sizeof path, "%s/new", dir);
	return result(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int unlink_other(void)
{
	return result(unlink(other_file));
}

/* as an answer is published */
static int publish(void)
{
	char folder[96], temporary[112], file[112];
	int fd;

	snprintf(folder, sizeof folder, "%s/folder", cache);
	snprintf(temporary, sizeof temporary, "%s/t", folder);
	snprintf(file, sizeof file, "%s/f", folder);
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return errno;
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1 || ftruncate(fd, 0) < 0 || fsync(fd) < 0 ||
	    futimens(fd, NULL) < 0 || close(fd) < 0 || rename(temporary, file) < 0 ||
	    unlink(file) < 0)
		return errno;
	return result(rmdir(folder));
}

static int tcp_socket(void)
{
	return result(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int tcp_connection(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return fd < 0 ? errno : result(connect(fd, (struct sockaddr *)&addr, sizeof addr));
}

static int netlink_socket(void)
{
	return result(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
}

/* what a listener needs to read its configuration again */
static int name_host_and_folder(void)
{
	struct utsname host;
	char cwd[PATH_MAX];

	return uname(&host) != 0 || !getcwd(cwd, sizeof cwd) ? errno : 0;
}

static int unix_socket(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	snprintf(addr.sun_path, sizeof addr.sun_path, "%s/socket", dir);
	return result(connect(fd, (struct sockaddr *)&addr, sizeof addr));
}

/* what a front and a listener live on */
static int talk(void)
{
	int fd = open(cache_file, O_RDONLY | O_CLOEXEC), status;
	struct pollfd p = { .fd = 1, .events = POLLOUT };
	struct timespec t = { 1, 0 };
	struct stat st;
	char c;
	pid_t pid;

	if (fd < 0 || fstat(fd, &st) < 0 || stat(cache, &st) < 0 || isatty(fd))
		return 1;
	if (poll(&p, 1, 1000) < 0 || ppoll(&p, 1, &t, NULL) < 0)
		return 2;
	alarm(5);
	signal(SIGPIPE, SIG_IGN);
	pid = fork();
	if (pid == 0)
		_exit(malloc(1 << 20) && dup2(fd, 9) == 9 && read(9, &c, 1) == 1 ? 7 : 8);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7 ? 0 : 3;
}

static int execute(void)
{
	execl("/bin/sh", "sh", "-c", "test -r /etc/passwd && : > /dev/null", NULL);
	return errno;
}

static int execute_other(void)
{
	execl(other_file, other_file, NULL);
	return errno;
}

static int become_root(void)
{
	return result(setuid(0));
}

static int mount_tmpfs(void)
{
	return result(mount("none", dir, "tmpfs", 0, NULL));
}

static int trace_parent(void)
{
	return result(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int new_user_namespace(void)
{
	return result(unshare(CLONE_NEWUSER));
}

static int clone_namespace(void)
{
	return result(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}

/* mseal(), Linux 6.10: younger than the lists; where it is there it says EINVAL to this */
static int young_call(void)
{
	return result(syscall(462, 0, 0, 1));
}

/* What no answer needs, with arguments that would do nothing. Returns the place of the first that
 * is not refused, or 0. */
static int hostile_calls(void)
{
	static const long calls[] = {
		SYS_bpf, SYS_perf_event_open, SYS_io_uring_setup, SYS_userfaultfd, SYS_keyctl,
		SYS_add_key, SYS_request_key, SYS_process_vm_readv, SYS_process_vm_writev,
		SYS_kcmp, SYS_pidfd_getfd, SYS_setns, SYS_unshare, SYS_chroot, SYS_pivot_root,
		SYS_mount, SYS_umount2, SYS_fsopen, SYS_move_mount, SYS_open_tree,
		SYS_open_by_handle_at, SYS_init_module, SYS_finit_module, SYS_delete_module,
		SYS_kexec_load, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_settimeofday,
		SYS_clock_settime, SYS_sethostname, SYS_syslog, SYS_mknodat, SYS_setuid,
		SYS_setgid, SYS_setreuid, SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_capset,
	};

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (syscall(calls[i], -1L, -1L, -1L, -1L, -1L, -1L) != -1 || errno != EPERM)
			return (int)i + 1;
	return 0;
}

/* getpid() of 32 bits: its number is that of writev() */
static int other_processor(void)
{
#ifdef __x86_64__
	long rc = 20;

	__asm__ volatile("int $0x80" : "+a"(rc) : : "memory", "r8", "r9", "r10", "r11");
	return result(rc);
#else
	return KILLED;
#endif
}

static int executable_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0) == MAP_FAILED ? errno : 0;
}

static int kill_parent(void)
{
	return result(kill(getppid(), 0));
}

static int kill_own_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			poll(NULL, 0, 1000);
	return kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid ? 0 : errno;
}

static int state(void)
{
	struct rlimit core;

	if (getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_cur != 0 || core.rlim_max != 0)
		return 1;
	if (prctl(PR_GET_DUMPABLE) != 0)
		return 2;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 3;
}

/* --------------------------------------------------------------------- tests */

#define NEEDS(what) \
	do { \
		if (!(what)) \
			skip(); \
	} while (0)

static void test_tight_allows(void **unused)
{
	(void)unused;
	assert_int_equal(in_tight(read_cache), 0);
	assert_int_equal(in_tight(unix_socket), 0);
	assert_int_equal(in_tight(talk), 0);
	assert_int_equal(in_tight(kill_own_child), 0);
	assert_int_equal(in_tight(name_host_and_folder), 0);
}

static void test_tight_kills(void **unused)
{
	(void)unused;
	NEEDS(filter);
	assert_int_equal(in_tight(tcp_socket), KILLED);
	assert_int_equal(in_tight(execute), KILLED);
	assert_int_equal(in_tight(mount_tmpfs), KILLED);
	assert_int_equal(in_tight(trace_parent), KILLED);
	assert_int_equal(in_tight(become_root), KILLED);
	assert_int_equal(in_tight(new_user_namespace), KILLED);
	assert_int_equal(in_tight(executable_memory), KILLED);
	assert_int_equal(in_tight(unlink_other), KILLED);
	assert_int_equal(in_tight(young_call), KILLED);
	/* without support for 32 bits the processor itself refuses */
	assert_in_range(in_tight(other_processor), KILLED, CRASHED);
}

static void test_tight_refuses(void **unused)
{
	(void)unused;
	NEEDS(filter);
	assert_int_equal(in_tight(open_to_write), EACCES);
	assert_int_equal(in_tight(create_other), EACCES);
	assert_int_equal(in_tight(open_to_create), EACCES);
	assert_int_equal(in_tight(clone_namespace), EPERM);
}

static void test_tight_reads_nothing_else(void **unused)
{
	(void)unused;
	NEEDS(landlock >= 1);
	assert_int_equal(in_tight(read_other), EACCES);
	assert_int_equal(in_tight(read_passwd), EACCES);
}

static void test_wide_allows(void **unused)
{
	(void)unused;
	assert_int_equal(in_wide(read_cache), 0);
	assert_int_equal(in_wide(read_passwd), 0);
	assert_int_equal(in_wide(publish), 0);
	assert_int_equal(in_wide(tcp_socket), 0);
	assert_int_equal(in_wide(unix_socket), 0);
	assert_int_equal(in_wide(execute), 0);
	assert_int_equal(in_wide(kill_own_child), 0);
}

static void test_wide_refuses(void **unused)
{
	(void)unused;
	NEEDS(filter);
	assert_int_equal(in_wide(mount_tmpfs), EPERM);
	assert_int_equal(in_wide(trace_parent), EPERM);
	assert_int_equal(in_wide(become_root), EPERM);
	assert_int_equal(in_wide(new_user_namespace), EPERM);
	assert_int_equal(in_wide(clone_namespace), EPERM);
	assert_int_equal(in_wide(netlink_socket), EAFNOSUPPORT);
	assert_int_equal(in_wide(young_call), ENOSYS);
	assert_int_equal(in_wide(hostile_calls), 0);
}

static void test_memory_never_becomes_code(void **unused)
{
	(void)unused;
	NEEDS(prctl(66 /* PR_GET_MDWE */, 0, 0, 0, 0) >= 0);
	assert_int_equal(in_wide(executable_memory), EACCES);
}

static void test_wide_writes_nothing_else(void **unused)
{
	(void)unused;
	NEEDS(landlock >= 1);
	assert_int_equal(in_wide(read_other), EACCES);
	assert_int_equal(in_wide(write_other), EACCES);
	assert_int_equal(in_wide(create_other), EACCES);
	assert_int_equal(in_wide(unlink_other), EACCES);
	assert_int_equal(in_wide(execute_other), EACCES);
}

/* FILE mode with a signer of its own: nothing is started, one folder is written */
static void test_writing_without_spawning(void **unused)
{
	struct sandbox_setup s = { .write_paths = cache_list };

	(void)unused;
	assert_int_equal(in_child(&s, publish), 0);
	NEEDS(landlock >= 1);
	assert_int_equal(in_child(&s, create_other), EACCES);
	assert_int_equal(in_child(&s, read_passwd), EACCES);
	assert_int_equal(in_child(&s, execute), EACCES);
	NEEDS(landlock >= 4);
	assert_int_equal(in_child(&s, tcp_connection), EACCES);
	assert_int_equal(in_wide(tcp_connection), ECONNREFUSED);
}

static void test_paths(void **unused)
{
	const char *other[] = { "/nonexistent", other_file, NULL };
	struct sandbox_setup s = { .read_paths = other };

	(void)unused;
	/* a single file, and one that isn't there */
	assert_int_equal(in_child(&s, read_other), 0);
	NEEDS(landlock >= 1);
	assert_int_equal(in_child(&s, read_cache), EACCES);
	s = (struct sandbox_setup){ .exec_paths = other, .spawns = true };
	assert_int_equal(in_child(&s, execute_other), ENOEXEC);
	NEEDS(landlock >= 3);
	assert_int_equal(in_child(&s, truncate_other), EACCES);
}

static void test_signals_stay_inside(void **unused)
{
	(void)unused;
	NEEDS(landlock >= 6);
	assert_int_equal(in_tight(kill_parent), EPERM);
	assert_int_equal(in_wide(kill_parent), EPERM);
}

static void test_state(void **unused)
{
	(void)unused;
	assert_int_equal(in_wide(state), 0);
}

static int attempt_mode(enum conf_sandbox mode)
{
	struct sandbox_setup s = { .read_paths = cache_list };
	char error[256] = "?";
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		enum err e = sandbox_enter(mode, &s, error);

		_exit(e == E_OK ? (error[0] ? 1 : read_other() ? 2 : 0) : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_modes(void **unused)
{
	bool whole = landlock >= 1 && filter;

	(void)unused;
	assert_int_equal(attempt_mode(SANDBOX_OFF), 0);
	assert_int_equal(attempt_mode(SANDBOX_AUTO), whole ? 2 : 1);
	assert_int_equal(attempt_mode(SANDBOX_REQUIRE), whole ? 2 : 3);
}

/* A process that can't have its sandbox: auto goes on and says why, require does not. */
static void test_what_cannot_be_had(void **unused)
{
	struct sandbox_setup s = { .read_paths = cache_list };
	static const struct rlimit none = { 0, 0 };
	char error[256];
	int status;
	pid_t pid;

	(void)unused;
	NEEDS(landlock >= 1);
	pid = fork();
	if (pid == 0) {
		/* without a descriptor there is no ruleset */
		if (setrlimit(RLIMIT_NOFILE, &none) < 0)
			_exit(1);
		if (sandbox_enter(SANDBOX_REQUIRE, &s, error) != E_INTERNAL)
			_exit(2);
		_exit(strstr(error, "Landlock") && strstr(error, strerror(EMFILE)) ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int write_text(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);

	return fd < 0 || write(fd, "text", 4) != 4 ? -1 : close(fd);
}

static int prepare(void **unused)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)unused;
#if defined(__x86_64__) || defined(__aarch64__)
	filter = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
#endif
	landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	if (!mkdtemp(dir))
		return -1;
	snprintf(cache, sizeof cache, "%s/cache", dir);
	snprintf(cache_file, sizeof cache_file, "%s/file", cache);
	snprintf(other_file, sizeof other_file, "%s/other", dir);
	snprintf(addr.sun_path, sizeof addr.sun_path, "%s/socket", dir);
	return mkdir(cache, 0700) || write_text(cache_file, 0600) || write_text(other_file, 0700) ||
	       bind(fd, (struct sockaddr *)&addr, sizeof addr) || listen(fd, 64);
}

static int clean_up(void **unused)
{
	char command[128];

	(void)unused;
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tight_allows),
		cmocka_unit_test(test_tight_kills),
		cmocka_unit_test(test_tight_refuses),
		cmocka_unit_test(test_tight_reads_nothing_else),
		cmocka_unit_test(test_wide_allows),
		cmocka_unit_test(test_wide_refuses),
		cmocka_unit_test(test_memory_never_becomes_code),
		cmocka_unit_test(test_wide_writes_nothing_else),
		cmocka_unit_test(test_writing_without_spawning),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_signals_stay_inside),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_what_cannot_be_had),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}

#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Landlock. Its numbers are spelt out because the kernel that runs this may be newer than the
 * headers that built it; they are the same on every processor.
 */
#define NR_LANDLOCK_CREATE_RULESET 444
#define NR_LANDLOCK_ADD_RULE 445
#define NR_LANDLOCK_RESTRICT_SELF 446

#define FS_EXECUTE (1U << 0)
#define FS_WRITE_FILE (1U << 1)
#define FS_READ_FILE (1U << 2)
#define FS_READ_DIR (1U << 3)
#define FS_REMOVE_DIR (1U << 4)
#define FS_REMOVE_FILE (1U << 5)
#define FS_MAKE_DIR (1U << 7)
#define FS_MAKE_REG (1U << 8)
#define FS_ABI_1 ((1U << 13) - 1)
#define FS_REFER (1U << 13)	/* ABI 2 */
#define FS_TRUNCATE (1U << 14)	/* ABI 3 */
#define FS_IOCTL_DEV (1U << 15)	/* ABI 5 */
#define NET_TCP 3U		/* ABI 4: bind and connect */
#define SCOPE_SIGNAL (1U << 1)	/* ABI 6; not abstract sockets: NOTIFY_SOCKET may be one */

#define MAY_READ (FS_READ_FILE | FS_READ_DIR)
#define MAY_EXEC (MAY_READ | FS_EXECUTE)
#define MAY_WRITE \
	(MAY_READ | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | \
	 FS_TRUNCATE)
/* a rule for anything but a directory may hold no other right */
#define OF_A_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE)

struct ruleset {
	uint64_t fs, net, scoped;
};

static const struct {
	const char *path;
	uint32_t rights;
} system_paths[] = {
	{ "/usr", MAY_EXEC },
	{ "/lib", MAY_EXEC },	/* with /lib64 the loader's, where it isn't a link into /usr */
	{ "/lib64", MAY_EXEC },
	{ "/etc", MAY_READ },
	{ "/run", MAY_READ },	/* resolv.conf is a link to here; sockets need no right */
	{ "/proc", MAY_READ },
	{ "/dev", MAY_READ },
	{ "/dev/null", FS_READ_FILE | FS_WRITE_FILE },
};

static bool allow(int ruleset, const char *path, uint64_t rights)
{
	/* the kernel's own layout is packed: twelve octets are read */
	struct {
		uint64_t rights;
		int32_t fd;
	} rule = { rights, open(path, O_PATH | O_CLOEXEC) };
	struct stat st;
	bool ok;

	if (rule.fd < 0)
		return true;	/* what can't be opened now can't be used later either */
	if (fstat(rule.fd, &st) < 0 || !S_ISDIR(st.st_mode))
		rule.rights &= OF_A_FILE;
	ok = syscall(NR_LANDLOCK_ADD_RULE, ruleset, 1, &rule, 0) == 0;
	close(rule.fd);
	return ok;
}

static bool allow_list(int ruleset, const char *const *paths, uint64_t rights)
{
	for (; paths && *paths; paths++)
		if (!allow(ruleset, *paths, rights))
			return false;
	return true;
}

static bool enter_landlock(const struct sandbox_setup *s)
{
	long abi = syscall(NR_LANDLOCK_CREATE_RULESET, NULL, 0, 1);
	struct ruleset r = { .fs = FS_ABI_1 };
	bool ok;
	int fd;

	if (abi < 1)
		return false;
	if (abi >= 2)
		r.fs |= FS_REFER;
	if (abi >= 3)
		r.fs |= FS_TRUNCATE;
	if (abi >= 4 && !s->spawns)
		r.net = NET_TCP;
	if (abi >= 5)
		r.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		r.scoped = SCOPE_SIGNAL;
	/* an older kernel takes a longer struct as long as what it doesn't know is zero */
	fd = (int)syscall(NR_LANDLOCK_CREATE_RULESET, &r, sizeof r, 0);
	if (fd < 0)
		return false;
	ok = allow_list(fd, s->read_paths, MAY_READ) &&
	     allow_list(fd, s->exec_paths, MAY_EXEC) &&
	     allow_list(fd, s->write_paths, MAY_WRITE & r.fs);
	for (size_t i = 0; ok && s->spawns && i < sizeof system_paths / sizeof system_paths[0]; i++)
		ok = allow(fd, system_paths[i].path, system_paths[i].rights);
	ok = ok && syscall(NR_LANDLOCK_RESTRICT_SELF, fd, 0) == 0;
	close(fd);
	return ok;
}

/*
 * The filter. A table says for each call where in tails[] it ends; ranges of equal entries become
 * a binary tree of comparisons in front of the tails.
 */
#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef ARCH
/* A verdict is its own place in tails[]. Jumps only lead forward, so what decides comes first. */
enum verdict {
	CHECK_OPEN = 0,
	CHECK_MAP = 2,
	CHECK_CLONE = 4,
	CHECK_UNIX = 6,
	CHECK_FAMILY = 8,
	ALLOW = 12,
	DENY_EACCES,
	DENY_EPERM,
	DENY_ENOSYS,
	DENY_FAMILY,
	KILL,
	N_TAILS
};

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
#define TEST(how, k, yes, no) BPF_JUMP(BPF_JMP | (how) | BPF_K, k, yes, no)
#define IF(at, how, k, yes, no) [at] = TEST(how, k, (yes) - (at) - 1, (no) - (at) - 1)

#define OPEN_TO_WRITE (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)
#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
		    CLONE_NEWPID | CLONE_NEWNET)

static const struct sock_filter tails[N_TAILS] = {
	[CHECK_OPEN] = LOAD(args[2]),
	IF(CHECK_OPEN + 1, BPF_JSET, OPEN_TO_WRITE, DENY_EACCES, ALLOW),
	[CHECK_MAP] = LOAD(args[2]),
	IF(CHECK_MAP + 1, BPF_JSET, PROT_EXEC, KILL, ALLOW),
	[CHECK_CLONE] = LOAD(args[0]),
	IF(CHECK_CLONE + 1, BPF_JSET, NAMESPACES, DENY_EPERM, ALLOW),
	[CHECK_UNIX] = LOAD(args[0]),
	IF(CHECK_UNIX + 1, BPF_JEQ, AF_UNIX, ALLOW, KILL),
	[CHECK_FAMILY] = LOAD(args[0]),
	IF(CHECK_FAMILY + 1, BPF_JEQ, AF_UNIX, ALLOW, CHECK_FAMILY + 2),
	IF(CHECK_FAMILY + 2, BPF_JEQ, AF_INET, ALLOW, CHECK_FAMILY + 3),
	IF(CHECK_FAMILY + 3, BPF_JEQ, AF_INET6, ALLOW, DENY_FAMILY),
	[ALLOW] = RETURN(SECCOMP_RET_ALLOW),
	[DENY_EACCES] = RETURN(SECCOMP_RET_ERRNO | EACCES),
	[DENY_EPERM] = RETURN(SECCOMP_RET_ERRNO | EPERM),
	[DENY_ENOSYS] = RETURN(SECCOMP_RET_ERRNO | ENOSYS),
	[DENY_FAMILY] = RETURN(SECCOMP_RET_ERRNO | EAFNOSUPPORT),
	[KILL] = RETURN(SECCOMP_RET_KILL_PROCESS),
};

/* Calls from this number on are too new for these lists. */
#define CALLS 450

/* What a front needs that looks into the cache, or asks a signer on a Unix socket. */
static const uint16_t tight[] = {
	__NR_read, __NR_readv, __NR_pread64, __NR_write, __NR_writev, __NR_close, __NR_lseek,
	__NR_fcntl, __NR_dup3, __NR_fstat, __NR_newfstatat, __NR_statx, __NR_ppoll, __NR_pselect6,
	__NR_recvfrom, __NR_recvmsg, __NR_sendto, __NR_sendmsg, __NR_shutdown, __NR_connect,
	__NR_accept4, __NR_accept, __NR_getsockname, __NR_getpeername, __NR_getsockopt,
	__NR_setsockopt, __NR_clock_gettime, __NR_clock_nanosleep, __NR_nanosleep,
	__NR_gettimeofday, __NR_setitimer, __NR_brk, __NR_munmap, __NR_mremap, __NR_madvise,
	__NR_futex, __NR_getrandom, __NR_uname, __NR_getcwd, __NR_getpid, __NR_gettid, __NR_getppid,
	__NR_getuid, __NR_geteuid, __NR_getgid, __NR_getegid, __NR_rt_sigaction, __NR_rt_sigprocmask,
	__NR_rt_sigreturn, __NR_rt_sigtimedwait, __NR_rt_sigsuspend, __NR_sigaltstack,
	__NR_restart_syscall, __NR_sched_yield, __NR_set_robust_list, __NR_rseq, __NR_wait4,
	__NR_waitid, __NR_kill, __NR_tgkill, __NR_exit, __NR_exit_group,
#ifdef __x86_64__
	__NR_poll, __NR_select, __NR_dup2, __NR_stat, __NR_lstat, __NR_time, __NR_alarm, __NR_pause,
#endif
};

/* What neither a front nor ocsp-sign has any use for. */
static const uint16_t hostile[] = {
	__NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev, __NR_process_madvise, __NR_kcmp,
	__NR_pidfd_getfd, __NR_perf_event_open, __NR_bpf, __NR_userfaultfd, __NR_io_uring_setup,
	__NR_io_uring_enter, __NR_io_uring_register, __NR_add_key, __NR_request_key, __NR_keyctl,
	__NR_mount, __NR_umount2, __NR_pivot_root, __NR_chroot, __NR_setns, __NR_unshare,
	__NR_open_tree, __NR_move_mount, __NR_fsopen, __NR_fsconfig, __NR_fsmount, __NR_fspick,
	__NR_mount_setattr, __NR_open_by_handle_at, __NR_name_to_handle_at, __NR_fanotify_init,
	__NR_fanotify_mark, __NR_init_module, __NR_finit_module, __NR_delete_module,
	__NR_kexec_load, __NR_kexec_file_load, __NR_reboot, __NR_swapon, __NR_swapoff, __NR_acct,
	__NR_quotactl, __NR_quotactl_fd, __NR_settimeofday, __NR_clock_settime,
	__NR_clock_adjtime, __NR_adjtimex, __NR_sethostname, __NR_setdomainname, __NR_syslog,
	__NR_personality, __NR_vhangup, __NR_mknodat, __NR_migrate_pages, __NR_move_pages,
	__NR_setuid, __NR_setgid, __NR_setreuid, __NR_setregid, __NR_setresuid, __NR_setresgid,
	__NR_setfsuid, __NR_setfsgid, __NR_setgroups, __NR_capset,
#ifdef __x86_64__
	__NR_iopl, __NR_ioperm, __NR_modify_ldt, __NR_uselib, __NR_ustat,
	__NR_sysfs, __NR__sysctl, __NR_mknod,
#endif
};

static void fill(uint8_t *table, const uint16_t *list, size_t n, enum verdict v)
{
	for (size_t i = 0; i < n; i++)
		table[list[i]] = (uint8_t)v;
}

#define FILL(table, list, v) fill(table, list, sizeof(list) / sizeof(list)[0], v)

static void decide(bool wide, uint8_t table[CALLS + 1])
{
	if (wide) {
		memset(table, ALLOW, CALLS);
		FILL(table, hostile, DENY_EPERM);
		table[__NR_socket] = CHECK_FAMILY;
		/* its flags lie in memory, out of a filter's reach; libc falls back to clone */
		table[__NR_clone3] = DENY_ENOSYS;
		table[CALLS] = DENY_ENOSYS;
	} else {
		memset(table, KILL, CALLS);
		FILL(table, tight, ALLOW);
		table[__NR_openat] = CHECK_OPEN;
		table[__NR_mmap] = CHECK_MAP;
		table[__NR_mprotect] = CHECK_MAP;
		table[__NR_socket] = CHECK_UNIX;
		table[__NR_ioctl] = DENY_EPERM;	/* isatty() */
		table[__NR_clone3] = DENY_ENOSYS;
		table[CALLS] = KILL;
	}
	table[__NR_clone] = CHECK_CLONE;
}

/* The tree takes 8-bit jumps; while it grows, one to a tail is written as LEAF + verdict. */
#define TREE_MAX 128
#define LEAF 128

struct filter {
	struct sock_filter code[TREE_MAX + N_TAILS];
	unsigned n;
	uint16_t start[TREE_MAX];	/* of each range; the last has no end */
	const uint8_t *table;		/* verdict of each call; the last is that of newer ones */
};

/* Appends what tells the ranges lo … hi apart, and returns the jump to it from "from". */
static uint8_t branch(struct filter *f, unsigned from, unsigned lo, unsigned hi)
{
	unsigned mid = lo + (hi - lo + 1) / 2, here = f->n;
	uint8_t yes, no;

	if (lo == hi)
		return (uint8_t)(LEAF + f->table[f->start[lo]]);
	f->n++;
	no = branch(f, here, lo, mid - 1);
	yes = branch(f, here, mid, hi);
	f->code[here] = (struct sock_filter)TEST(BPF_JGE, f->start[mid], yes, no);
	return (uint8_t)(here - from - 1);
}

static bool enter_filter(bool wide)
{
	uint8_t table[CALLS + 1];
	struct filter f = { .table = table };
	struct sock_fprog program = { .filter = f.code };
	unsigned ranges = 0, tree;

	decide(wide, table);
	for (unsigned i = 0; i <= CALLS; i++)
		if (i == 0 || table[i] != table[i - 1]) {
			if (ranges == TREE_MAX - 4) {
				errno = E2BIG;
				return false;
			}
			f.start[ranges++] = (uint16_t)i;
		}

	/* An argument that is read first keeps the kernel from trying out every call's number in
	 * advance, for a cache of its own: with it 30 us, without 20, and a call costs 15 ns more.
	 * A tree, since a list of comparisons costs 60 and more. */
	f.code[f.n++] = (struct sock_filter)LOAD(args[0]);
	f.code[f.n++] = (struct sock_filter)LOAD(arch);
	f.code[f.n++] = (struct sock_filter)TEST(BPF_JEQ, ARCH, 0, LEAF + KILL);
	f.code[f.n++] = (struct sock_filter)LOAD(nr);
	branch(&f, f.n - 1, 0, ranges - 1);
	tree = f.n;
	for (unsigned i = 0; i < tree; i++) {
		struct sock_filter *c = &f.code[i];

		if (c->jt >= LEAF)
			c->jt = (uint8_t)(tree + c->jt - LEAF - i - 1);
		if (c->jf >= LEAF)
			c->jf = (uint8_t)(tree + c->jf - LEAF - i - 1);
	}
	memcpy(f.code + tree, tails, sizeof tails);
	program.len = (unsigned short)(tree + N_TAILS);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
#else
static bool enter_filter(bool wide)
{
	(void)wide;
	errno = ENOSYS;	/* no list for this processor */
	return false;
}
#endif

static void lacks(char error[256], const char *what)
{
	if (!error[0])
		snprintf(error, 256, "the sandbox lacks %s: %s", what, strerror(errno));
}

#define SET_MDWE 65	/* PR_SET_MDWE, Linux 6.3 */

enum err sandbox_enter(enum conf_sandbox mode, const struct sandbox_setup *s, char error[256])
{
	static const struct rlimit no_core;

	error[0] = '\0';
	if (mode == SANDBOX_OFF)
		return E_OK;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		lacks(error, "no_new_privs");
	if (setrlimit(RLIMIT_CORE, &no_core) < 0)
		lacks(error, "a limit on core files");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		lacks(error, "protection from tracing");
	/* memory never becomes code, in ocsp-sign neither: a bonus of newer kernels */
	(void)prctl(SET_MDWE, 1, 0, 0, 0);
	if (!enter_landlock(s))
		lacks(error, "Landlock");
	if (!enter_filter(s->spawns || (s->write_paths && s->write_paths[0])))
		lacks(error, "the filter of system calls");
	return error[0] && mode == SANDBOX_REQUIRE ? E_INTERNAL : E_OK;
}

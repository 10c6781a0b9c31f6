#include "keeper.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The kernel gives the lowest number that is free, and a listener has some twenty in use. */
#define HIGHEST_FD 255

void keeper_init(struct keeper *k)
{
	void *page = mmap(NULL, sizeof *k->turn, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	*k = (struct keeper){ .listener = -1 };
	if (page == MAP_FAILED)
		return;
	k->turn = page;
	k->listener = (int)syscall(SYS_pidfd_open, getpid(), 0);
}

/* The one stream in the table that is connected: sockets that listen are not, and what leads to
 * the journal is no stream. -1: there is none. */
static int in_hand(void)
{
	for (int fd = 3; fd <= HIGHEST_FD; fd++) {
		struct sockaddr_storage peer;
		socklen_t peer_len = sizeof peer, len = sizeof(int);
		int type;

		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM &&
		    getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0)
			return fd;
	}
	return -1;
}

/* Of those who come for a connection one gets it. */
static bool take(struct keeper *k, uint64_t n)
{
	uint64_t free = 2 * n;

	return __atomic_compare_exchange_n(k->turn, &free, 2 * n + 1, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static void keep(struct keeper *k, void (*serve)(void *context, int connection), void *context)
{
	struct pollfd p = { .fd = k->listener, .events = POLLIN };
	int fd;

	while (ppoll(&p, 1, NULL, NULL) < 0 && errno == EINTR)
		;
	/* the listener has closed each connection but the last */
	fd = in_hand();
	if (fd >= 0 && take(k, __atomic_load_n(k->turn, __ATOMIC_SEQ_CST) / 2))
		serve(context, fd);
}

void keeper_start(struct keeper *k, void (*serve)(void *context, int connection), void *context)
{
	if (k->listener < 0 || k->pid)
		return;
	/* fork(), but for the shared table; libc has no such call */
	k->pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (k->pid == 0) {
		keep(k, serve, context);
		_exit(0);
	}
	if (k->pid < 0)
		k->pid = 0;
}

void keeper_stop(struct keeper *k)
{
	if (k->pid == 0)
		return;
	kill(k->pid, SIGKILL);
	waitpid(k->pid, NULL, 0);
	k->pid = 0;
}

void keeper_ended(struct keeper *k, pid_t pid)
{
	if (pid == k->pid)
		k->pid = 0;
}

void keeper_next(struct keeper *k)
{
	k->n++;
	if (k->turn)
		__atomic_store_n(k->turn, 2 * k->n, __ATOMIC_SEQ_CST);
}

bool keeper_claim(struct keeper *k)
{
	/* a listener that goes on has taken the next one in hand: then this one is ours, too */
	return !k->turn || take(k, k->n) ||
	       __atomic_load_n(k->turn, __ATOMIC_SEQ_CST) != 2 * k->n + 1;
}

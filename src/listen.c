#include "listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "metrics.h"
#include "notify.h"

#define STATUS_MS 5000		/* how often STATUS= is told */
#define REAP_MS 100		/* the longest that an instance which has ended waits for us */
#define PAUSE_MS 100		/* after the kernel refused a descriptor or a process */
#define BURST 64		/* accepted from one socket before the others have their turn */

/* An IPv4 address, or the /64 of an IPv6 address: what one customer has. 0: no address. */
typedef uint64_t source;

struct instance {
	pid_t pid;
	source from;
};

struct state {
	struct listener *l;
	struct listen_work *w;
	struct instance *at_work;	/* the first n are in use; instances have no copy of it */
	int n, room;
	sigset_t wait, wait_for_child;	/* what is blocked while we wait */
	uint64_t accepted, refused;
	uint64_t uncounted;		/* of those refused: the next instance counts them */
	int64_t status_at_ms;
	bool trouble;			/* it was logged that the kernel refuses */
};

/* Of the listener, raised by it when its instances have become outdated; each knows the one that it
 * was made in. NULL: no memory. */
static unsigned *generation;
static unsigned own_generation;
static pid_t listener;

static volatile sig_atomic_t stop, reload;
static volatile sig_atomic_t is_instance;

/* An instance ends, as by default: its client has to come again. */
static void on_stop(int sig)
{
	if (is_instance)
		_exit(128 + sig);
	stop = 1;
}

static void on_reload(int sig)
{
	if (is_instance)
		_exit(128 + sig);
	reload = 1;
}

static void on_child(int sig)
{
	(void)sig;	/* it is enough that ppoll() returns */
}

static source source_of(const struct sockaddr_storage *addr)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)addr;
	source s = 0;

	if (addr->ss_family == AF_INET)
		return 1ull << 32 | ((const struct sockaddr_in *)addr)->sin_addr.s_addr;
	if (addr->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		memcpy(&s, v6->sin6_addr.s6_addr + 8, sizeof s);
	else if (addr->ss_family == AF_INET6)
		memcpy(&s, v6->sin6_addr.s6_addr, sizeof s);
	else
		return 0;
	/* of all /64 the one of ::1 has no bit of its own; nobody has this one */
	return s ? s : 1;
}

static void begin_generations(void)
{
	void *page = mmap(NULL, sizeof *generation, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	generation = page == MAP_FAILED ? NULL : page;
	listener = getpid();
}

static void next_generation(void)
{
	own_generation++;
	if (generation)
		__atomic_store_n(generation, own_generation, __ATOMIC_SEQ_CST);
}

bool listener_has_moved_on(void)
{
	return getppid() != listener ||
	       (generation && __atomic_load_n(generation, __ATOMIC_SEQ_CST) != own_generation);
}

static void reap(struct state *s)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		keeper_ended(&s->l->keeper, pid);
		for (int i = 0; i < s->n; i++) {
			if (s->at_work[i].pid == pid) {
				s->at_work[i] = s->at_work[--s->n];
				break;
			}
		}
	}
}

static int used_by(const struct state *s, source from)
{
	int used = 0;

	for (int i = 0; i < s->n; i++)
		used += s->at_work[i].from == from;
	return used;
}

static bool source_has_room(struct state *s, source from)
{
	if (!from || s->w->max_per_source == 0 || used_by(s, from) < s->w->max_per_source)
		return true;
	/* some may have ended since */
	reap(s);
	return used_by(s, from) < s->w->max_per_source;
}

/* Said once until it works again. */
static void kernel_refuses(struct state *s, const char *what)
{
	if (!s->trouble)
		log_error("%s: %s; connections wait, and this is tried again", what,
			  strerror(errno));
	s->trouble = true;
	poll(NULL, 0, PAUSE_MS);
}

static void refuse(struct state *s, int fd)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\n"
				   "Retry-After: 2\r\nCache-Control: no-store\r\n"
				   "Content-Length: 0\r\nConnection: close\r\n\r\n";

	s->refused++;
	s->uncounted++;
	/* best effort: nobody waits for a client that has too many already */
	if (send(fd, busy, sizeof busy - 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		shutdown(fd, SHUT_WR);
}

static void serve_in_child(void *state, int fd)
{
	struct state *s = state;
	sigset_t none;

	for (int i = 0; i < s->l->n; i++)
		close(s->l->fd[i]);
	is_instance = true;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	s->w->serve_one(s->w->context, fd);
}

/* This process has one thread: nothing has to be locked, or told, before and after. */
static pid_t fork_plainly(void)
{
#ifdef HAVE__FORK
	return _Fork();
#else
	return fork();
#endif
}

/* One connection. False if the socket has no more for now. */
static bool accept_one(struct state *s, int listening)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;
	source from;
	pid_t pid;
	int fd;

	keeper_next(&s->l->keeper);
	fd = accept4(listening, (struct sockaddr *)&addr, &len, SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == ECONNABORTED || errno == EINTR)
			return true;
		if (errno != EAGAIN)
			kernel_refuses(s, "accept");
		return false;
	}
	s->accepted++;
	from = source_of(&addr);
	if (!source_has_room(s, from)) {
		refuse(s, fd);
		close(fd);
		return true;
	}
	pid = fork_plainly();
	if (pid == 0) {
		if (keeper_claim(&s->l->keeper))
			serve_in_child(s, fd);
		/* here, and late: a disk that stands still holds up who writes to a counter */
		metrics_count_refused(s->uncounted);
		_exit(0);
	}
	if (pid < 0) {
		kernel_refuses(s, "fork");
		refuse(s, fd);
	} else {
		s->trouble = false;
		s->uncounted = 0;
		s->at_work[s->n++] = (struct instance){ pid, from };
	}
	close(fd);
	return pid >= 0;
}

static void tell_status(struct state *s, const char *prefix)
{
	char text[160];

	s->status_at_ms = clock_mono_ms();
	snprintf(text, sizeof text,
		 "%sWATCHDOG=1\nSTATUS=%d connections open, %llu accepted, %llu refused", prefix,
		 s->n, (unsigned long long)s->accepted, (unsigned long long)s->refused);
	notify_send(text);
}

static void catch_signals(struct state *s)
{
	static const struct {
		int sig;
		void (*handler)(int);
	} table[] = {
		{ SIGTERM, on_stop },
		{ SIGINT, on_stop },
		{ SIGHUP, on_reload },
		{ SIGCHLD, on_child },
	};
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct sigaction sa = { .sa_handler = table[i].handler };

		sigemptyset(&sa.sa_mask);
		sigaction(table[i].sig, &sa, NULL);
		sigaddset(&blocked, table[i].sig);
	}
	/* they arrive only while we wait: none is lost between a test and the wait */
	sigprocmask(SIG_BLOCK, &blocked, &s->wait_for_child);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		sigdelset(&s->wait_for_child, table[i].sig);
	/* the end of a child is worth waking up for only where no connection is waited for */
	s->wait = s->wait_for_child;
	sigaddset(&s->wait, SIGCHLD);
}

/* Waits for a connection, a child's end or a signal. With all places taken it does not look at the
 * sockets: who comes then waits in the kernel's queue. */
static void wait_and_accept(struct state *s, int wait_ms)
{
	struct timespec t = { wait_ms / 1000, wait_ms % 1000 * 1000000L };
	struct pollfd p[LISTEN_SOCKETS];
	int n = s->n < s->w->max_connections ? s->l->n : 0;

	for (int i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = s->l->fd[i], .events = POLLIN };
	if (ppoll(p, (nfds_t)n, &t, n ? &s->wait : &s->wait_for_child) <= 0)
		return;
	for (int i = 0; i < n; i++) {
		if (!p[i].revents)
			continue;
		for (int k = 0; k < BURST && s->n < s->w->max_connections; k++)
			if (!accept_one(s, s->l->fd[i]))
				break;
	}
}

static void drain(struct state *s)
{
	struct deadline d = deadline_in(s->w->drain_ms);

	next_generation();
	for (int i = 0; i < s->l->n; i++)
		close(s->l->fd[i]);
	tell_status(s, "STOPPING=1\n");
	s->l->n = 0;
	while (s->n > 0 && deadline_left_ms(d) > 0) {
		wait_and_accept(s, REAP_MS);
		reap(s);
	}
}

/* Room for as many as max_connections says. Written to after each fork, so that the kernel would
 * copy it each time if it were the instances', too. */
static bool make_room(struct state *s)
{
	size_t had = (size_t)s->room * sizeof *s->at_work;
	size_t size = (size_t)s->w->max_connections * sizeof *s->at_work;
	struct instance *more;

	if (size <= had)
		return true;
	more = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (more == MAP_FAILED) {
		s->w->max_connections = s->room;
		return false;
	}
	madvise(more, size, MADV_DONTFORK);
	if (s->at_work) {
		memcpy(more, s->at_work, had);
		munmap(s->at_work, had);
	}
	s->at_work = more;
	s->room = s->w->max_connections;
	return true;
}

enum err listener_run(struct listener *l, struct listen_work *w)
{
	struct state s = { .l = l, .w = w };
	int watchdog_ms = notify_watchdog_ms();
	int wait_ms = watchdog_ms > 0 && watchdog_ms / 2 < STATUS_MS ? watchdog_ms / 2 : STATUS_MS;

	if (!make_room(&s))
		return E_BUSY;
	begin_generations();
	catch_signals(&s);
	tell_status(&s, "READY=1\n");
	while (!stop) {
		keeper_start(&l->keeper, serve_in_child, &s);
		wait_and_accept(&s, s.n ? REAP_MS : wait_ms);
		reap(&s);
		if (clock_mono_ms() - s.status_at_ms >= wait_ms) {
			tell_status(&s, "");
			if (w->ends(w->context))
				break;
		}
		if (reload) {
			reload = 0;
			notify_send("RELOADING=1");
			keeper_stop(&l->keeper);
			next_generation();
			w->reload(w);
			if (!make_room(&s))
				log_error("no memory for more connections: %d as before", s.room);
			tell_status(&s, "READY=1\n");
		}
	}
	log_info("stopping: %d connections are served to their end", s.n);
	drain(&s);
	metrics_count_refused(s.uncounted);
	keeper_stop(&l->keeper);
	return E_OK;
}

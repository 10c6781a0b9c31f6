#include "deadline.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

static volatile sig_atomic_t interrupted;

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t clock_mono_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_real_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

struct deadline deadline_in(int64_t ms)
{
	return (struct deadline){ clock_mono_ms() + ms };
}

struct deadline deadline_sooner(struct deadline d, int64_t ms)
{
	struct deadline other = deadline_in(ms);

	return other.at_ms < d.at_ms ? other : d;
}

int deadline_left_ms(struct deadline d)
{
	int64_t left;

	if (interrupted)
		return 0;
	left = d.at_ms - clock_mono_ms();
	return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

void deadline_interrupt(void)
{
	interrupted = 1;
}

bool deadline_interrupted(void)
{
	return interrupted != 0;
}

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

void deadline_catch(int sig)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t set;

	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

bool deadline_wait(struct deadline d, int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	sigset_t none;

	sigemptyset(&none);
	for (;;) {
		int left = deadline_left_ms(d), n;
		struct timespec t = { left / 1000, left % 1000 * 1000000L };

		if (left == 0)
			return false;
		n = ppoll(&p, 1, &t, &none);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

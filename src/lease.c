#include "lease.h"

#include <string.h>

/* A pass takes no less, so that it never hurries for nothing. */
#define SHORTEST_MS 2000

/* Of its time, what passes may take that look for nothing in particular: the first answers that
 * others have published since are covered by the next one. */
#define IDLE_SHARE 200

/* The clocks of files and processes differ: by a tick of the kernel's, or of another host's. */
#define SKEW_MS 2000

void lease_init(struct lease *l, int64_t recheck_ms, int64_t age_ms)
{
	memset(l, 0, sizeof *l);
	l->recheck_ms = recheck_ms;
	l->age_ms = age_ms;
	lease_reset(l);
}

void lease_reset(struct lease *l)
{
	l->has_digest = false;
	l->digest[0] = '\0';
	l->pass_ms = LEASE_NEVER;
	l->agreed_ms = LEASE_NEVER;
	l->running = false;
	l->again = true;
}

static void copy(char to[LEASE_DIGEST_LEN], const char *from)
{
	size_t len = strnlen(from, LEASE_DIGEST_LEN - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

/* What the last pass has found is still so. */
static bool is_unchanged(const struct lease *l)
{
	return l->has_digest && l->pass_ms != LEASE_NEVER && strcmp(l->pass_digest, l->digest) == 0;
}

/* A pass that waits its turn and one that takes its time have to fit into the time that counts. */
static int64_t routine_ms(const struct lease *l)
{
	int64_t ms = l->recheck_ms / 3;

	return ms > SHORTEST_MS ? ms : SHORTEST_MS;
}

static int64_t idle_ms(const struct lease *l)
{
	int64_t ms = l->cost_ms * IDLE_SHARE;

	if (ms < routine_ms(l))
		ms = routine_ms(l);
	return ms < l->age_ms ? ms : l->age_ms;
}

bool lease_see(struct lease *l, int64_t now_ms, const char *digest)
{
	bool another = !l->has_digest || strcmp(l->digest, digest) != 0;

	if (another) {
		copy(l->digest, digest);
		l->has_digest = true;
		/* one that took its time because nothing had changed */
		if (l->span_ms > routine_ms(l))
			l->span_ms = routine_ms(l);
	}
	if (is_unchanged(l))
		l->agreed_ms = now_ms;
	return another;
}

void lease_hurry(struct lease *l)
{
	l->again = true;
}

static bool is_due(const struct lease *l, int64_t now_ms)
{
	if (l->pass_ms == LEASE_NEVER)
		return true;
	return now_ms - l->pass_ms >= (is_unchanged(l) ? idle_ms(l) : routine_ms(l));
}

bool lease_begins(const struct lease *l, int64_t now_ms)
{
	return !l->running &&
	       (l->again || (now_ms - l->start_ms >= SHORTEST_MS && is_due(l, now_ms)));
}

bool lease_begin(struct lease *l, int64_t now_ms)
{
	if (!lease_begins(l, now_ms))
		return false;
	if (l->again || l->pass_ms == LEASE_NEVER)
		l->span_ms = 0;
	else
		l->span_ms = is_unchanged(l) ? idle_ms(l) / 2 : routine_ms(l);
	l->running = true;
	l->again = false;
	l->start_ms = now_ms;
	copy(l->start_digest, l->digest);
	return true;
}

int64_t lease_due(const struct lease *l, int64_t now_ms, int64_t steps)
{
	int64_t ms = now_ms - l->start_ms;

	if (l->again || ms >= l->span_ms)
		return steps;
	return ms < 0 ? 0 : steps * ms / l->span_ms;
}

void lease_end(struct lease *l, bool ok, int64_t cost_ms)
{
	l->running = false;
	l->cost_ms = cost_ms;
	if (!ok) {
		/* what was said before is still so; nothing can be added to it */
		l->pass_digest[0] = '\0';
		return;
	}
	l->pass_ms = l->start_ms;
	copy(l->pass_digest, l->start_digest);
	if (l->pass_ms > l->agreed_ms)
		l->agreed_ms = l->pass_ms;
}

bool lease_said(const struct lease *l, int64_t *agreed_ms, int64_t *present_ms)
{
	if (l->agreed_ms == LEASE_NEVER)
		return false;
	*agreed_ms = l->agreed_ms;
	*present_ms = l->pass_ms - SKEW_MS;
	return true;
}

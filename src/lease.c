#include "lease.h"

#include <string.h>

/* A pass takes no less, so that it never hurries for nothing. */
#define SHORTEST_MS 2000

void lease_init(struct lease *l, int64_t recheck_ms, int64_t lag_ms, int64_t age_ms)
{
	memset(l, 0, sizeof *l);
	l->recheck_ms = recheck_ms;
	l->lag_ms = lag_ms;
	l->age_ms = age_ms;
	lease_reset(l);
}

void lease_reset(struct lease *l)
{
	l->digest[0] = '\0';
	l->same_since_ms = LEASE_NEVER;
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

static bool has_digest(const struct lease *l)
{
	return l->same_since_ms != LEASE_NEVER;
}

/* What the last pass has found, and nobody was late for, is still so. */
static bool is_unchanged(const struct lease *l)
{
	return has_digest(l) && l->pass_ms != LEASE_NEVER && l->settled &&
	       strcmp(l->pass_digest, l->digest) == 0;
}

/* Two passes and what others may be late by have to fit into the time that counts. */
static int64_t routine_ms(const struct lease *l)
{
	int64_t ms = (l->recheck_ms - 2 * l->lag_ms) / 3;

	return ms > SHORTEST_MS ? ms : SHORTEST_MS;
}

void lease_see(struct lease *l, int64_t now_ms, const char *digest)
{
	if (!has_digest(l) || strcmp(l->digest, digest) != 0) {
		copy(l->digest, digest);
		l->same_since_ms = now_ms;
		if (l->span_ms > routine_ms(l))
			l->span_ms = routine_ms(l);
	}
	if (is_unchanged(l))
		l->agreed_ms = now_ms;
}

void lease_hurry(struct lease *l)
{
	l->again = true;
}

static bool is_settled(const struct lease *l, int64_t now_ms)
{
	return has_digest(l) && now_ms - l->same_since_ms >= l->lag_ms;
}

static bool is_due(const struct lease *l, int64_t now_ms)
{
	if (l->pass_ms == LEASE_NEVER || now_ms - l->pass_ms >= l->age_ms)
		return true;
	if (!has_digest(l))
		return now_ms - l->pass_ms >= routine_ms(l);
	if (is_unchanged(l))
		return false;
	/* worth most once it is settled; but where changes never end, it can't wait for that */
	return is_settled(l, now_ms) || now_ms - l->pass_ms >= routine_ms(l);
}

bool lease_begin(struct lease *l, int64_t now_ms)
{
	if (l->running || (!l->again && (now_ms - l->start_ms < SHORTEST_MS || !is_due(l, now_ms))))
		return false;
	if (l->again || l->pass_ms == LEASE_NEVER)
		l->span_ms = 0;
	else
		l->span_ms = is_unchanged(l) ? l->age_ms / 2 : routine_ms(l);
	l->running = true;
	l->again = false;
	l->start_ms = now_ms;
	l->start_settled = is_settled(l, now_ms);
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

void lease_end(struct lease *l, bool ok)
{
	l->running = false;
	if (!ok) {
		l->settled = false;
		return;
	}
	l->pass_ms = l->start_ms;
	l->settled = l->start_settled;
	copy(l->pass_digest, l->start_digest);
	if (l->pass_ms > l->agreed_ms)
		l->agreed_ms = l->pass_ms;
}

int64_t lease_said(const struct lease *l)
{
	return l->agreed_ms == LEASE_NEVER ? LEASE_NEVER : l->agreed_ms - l->lag_ms;
}

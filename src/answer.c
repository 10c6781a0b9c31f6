#include "answer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "child.h"
#include "log.h"

/* One answer at a time: these are touched only as far as they are used. */
static uint8_t cached[LIM_RESPONSE_LEN];
static uint8_t told[LIM_RESPONSE_LEN];
static uint8_t error_der[RESPONSE_ERROR_LEN];

static void name_of_socket(struct client *c)
{
	struct sockaddr_storage addr = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof addr;
	const void *ip;

	strcpy(c->name, "-");
	if (getpeername(c->fd, (struct sockaddr *)&addr, &len) != 0)
		return;
	if (addr.ss_family == AF_INET)
		ip = &((struct sockaddr_in *)&addr)->sin_addr;
	else if (addr.ss_family == AF_INET6)
		ip = &((struct sockaddr_in6 *)&addr)->sin6_addr;
	else
		return;
	if (!inet_ntop(addr.ss_family, ip, c->name, sizeof c->name))
		strcpy(c->name, "-");
}

const char *client_name(struct client *c)
{
	static const char *const variables[] = { "REMOTE_ADDR", "REMOTE_HOST", "TCPREMOTEIP" };

	if (c->name[0])
		return c->name;
	name_of_socket(c);
	for (size_t i = 0; c->name[0] == '-' && i < sizeof variables / sizeof *variables; i++) {
		const char *value = getenv(variables[i]);

		if (value && value[0])
			*stpncpy(c->name, value, sizeof c->name - 1) = 0;
	}
	return c->name;
}

void answer_error(enum err e, struct answer *out)
{
	enum ocsp_status status = err_info(e)->ocsp;

	response_error(status, error_der);
	out->err = e;
	out->der = bytes_of(error_der, sizeof error_der);
	out->status = ocsp_status_name(status);
	out->kind = ANSWER_ERROR + (unsigned)status;
	out->clock = METRICS_CLOCKS;
}

void answer_withheld(const struct answer *a)
{
	for (unsigned l = 0; l < METRICS_LOOKUPS; l++)
		if (a->lookups & 1u << l)
			metrics_count_lookup((enum metrics_lookup)l);
	for (unsigned s = 0; s < METRICS_SIGNER; s++)
		if (a->signers & 1u << s)
			metrics_count_signer((enum metrics_signer)s);
}

void answer_sent(const struct answer *a)
{
	metrics_count_answer(a->kind);
	answer_withheld(a);
	if (a->err == E_OK)
		metrics_count_age(clock_real_ms() / 1000 - a->response.this_update);
	if (a->clock != METRICS_CLOCKS)
		metrics_count_time(a->clock, clock_mono_us() - a->start_us);
}

static void answer_with(struct bytes der, const struct response *r, struct answer *out)
{
	bool one = r->n == 1;

	out->err = E_OK;
	out->der = der;
	out->response = *r;
	out->status = one ? cert_status_name(r->first.status) : "successful";
	out->kind = one ? (unsigned)r->first.status : ANSWER_SEVERAL;
}

static void log_answer(enum level level, const struct request *q, struct client *client,
		       const char *source, const char *message)
{
	char serial[SERIAL_TEXT_LEN] = "-";
	struct bytes magnitude;
	struct log_field fields[4] = { { 0 } };

	if (!log_enabled(level))
		return;
	if (certid_serial(&q->id[0], &magnitude))
		serial_text(magnitude, serial);
	fields[0] = (struct log_field){ "serial", bytes_str(serial) };
	fields[1] = (struct log_field){ "source", bytes_str(source) };
	fields[2] = (struct log_field){ "client", bytes_str(client_name(client)) };
	log_event(level, fields, "%s", message);
}

/* Is this what was asked for? A signer that died half-way, or another program in its place, must
 * not have its octets passed on. */
static bool told_is_sound(struct bytes der, const struct request *q, struct answer *out)
{
	struct response r;
	struct single s;

	if (response_parse(der, &r) != E_OK)
		return false;
	if (r.status != OCSP_SUCCESSFUL) {
		memcpy(error_der, der.p, sizeof error_der);
		out->err = r.status == OCSP_UNAUTHORIZED      ? E_UNAUTHORIZED :
			   r.status == OCSP_MALFORMED_REQUEST ? E_MALFORMED :
			   r.status == OCSP_TRY_LATER	      ? E_DB :
								E_INTERNAL;
		out->der = bytes_of(error_der, sizeof error_der);
		out->status = ocsp_status_name((int)r.status);
		out->kind = ANSWER_ERROR + (unsigned)r.status;
		return true;
	}
	for (size_t i = 0; i < q->n; i++)
		if (response_find(&r, q->id[i].der, &s) != E_OK)
			return false;
	answer_with(der, &r, out);
	return true;
}

static void log_odd_file(const struct request *q, struct client *client, const char *odd)
{
	char message[128] = "a file in the cache ";

	strncat(message, odd, sizeof message - sizeof "a file in the cache ");
	strncat(message, "; it is not used", sizeof message - strlen(message) - 1);
	log_answer(LEVEL_WARNING, q, client, "cache", message);
}

/* Is there an answer in the cache that can be sent without asking? *odd: see cache_get(). */
static bool look_in_cache(const struct front *f, const struct certid *id,
			  struct cache_entry *entry, const char **odd, struct answer *out)
{
	int64_t now_ms = clock_real_ms();
	bool backoff;

	cache_get(&f->cache, id, now_ms, cached, entry, odd);
	backoff = (entry->verdict == FRESH_RECHECK || entry->verdict == FRESH_RENEW) &&
		  cache_backoff(&f->cache, id, now_ms);
	out->lookups |= 1u << (backoff ? LOOKUP_BACKOFF : (enum metrics_lookup)entry->verdict);
	return backoff || entry->verdict == FRESH_HIT;
}

/* Why there is no answer of ocsp-sign's, in the log and for the counters. */
static enum metrics_signer tell_failure(enum err e, const struct request *q,
					struct client *client)
{
	static const struct {
		enum metrics_signer signer;
		const char *text;
	} table[] = {
		{ SIGNER_NONSENSE, "ocsp-sign answered nonsense" },
		{ SIGNER_TIMEOUT, "ocsp-sign did not answer in time" },
		{ SIGNER_UNREACHABLE, "ocsp-sign could not be started or reached" },
		{ SIGNER_UNREACHABLE, "ocsp-sign could not be started: there was no process, "
				      "descriptor or memory left" },
		{ SIGNER_DIED, "ocsp-sign ended without an answer" },
	};
	unsigned i = e == E_OK	      ? 0 :
		     e == E_DEADLINE  ? 1 :
		     e == E_NOT_FOUND ? 2 :
		     e == E_BUSY      ? 3 :
					4;

	log_answer(LEVEL_ERROR, q, client, "signer", table[i].text);
	return table[i].signer;
}

void answer_request(const struct front *f, struct bytes octets, struct client *client,
		    struct deadline d, struct answer *out)
{
	struct cache_entry entry = { .verdict = FRESH_MISS };
	struct request q;
	const char *why;
	bool simple;
	int64_t start_us = clock_mono_us();
	size_t len;
	enum err e;

	if (f->broken != E_OK) {
		answer_error(f->broken, out);
		return;
	}
	if (request_parse(octets, &q, &why) != E_OK) {
		log_info("malformed request from %s: %s", client_name(client), why);
		answer_error(E_MALFORMED, out);
		return;
	}
	simple = q.n == 1 && !q.preferred.len &&
		 !(q.has_nonce && f->conf->nonce == NONCE_ECHO);
	if (!simple) {
		out->lookups |= 1u << LOOKUP_BYPASS;
	} else if (look_in_cache(f, &q.id[0], &entry, &why, out)) {
		log_answer(LEVEL_DEBUG, &q, client, "cache", verdict_name(entry.verdict));
		answer_with(entry.der, &entry.response, out);
		out->clock = CLOCK_CACHED;
		goto out;
	} else if (why) {
		log_odd_file(&q, client, why);
	}
	e = child_ask(f->conf, client_name(client), octets, d, told, sizeof told, &len);
	if (e == E_OK && told_is_sound(bytes_of(told, len), &q, out)) {
		out->signers |= 1u << SIGNER_ANSWERED;
		out->clock = CLOCK_ASKED;
		goto out;
	}
	out->signers |= 1u << tell_failure(e, &q, client);
	/* what is still in the cache was contradicted by nobody, and is valid */
	if (simple)
		cache_get(&f->cache, &q.id[0], clock_real_ms(), cached, &entry, NULL);
	if (entry.verdict != FRESH_MISS) {
		out->lookups |= 1u << LOOKUP_LAST;
		answer_with(entry.der, &entry.response, out);
	} else {
		answer_error(e == E_DEADLINE ? E_DEADLINE : E_BUSY, out);
	}
	out->clock = CLOCK_ASKED;
out:
	out->start_us = start_us;
}

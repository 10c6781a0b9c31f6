/*
 * answer.h - what to answer to one request: from the cache, or from ocsp-sign.
 */
#ifndef OCSP_ANSWER_H
#define OCSP_ANSWER_H

#include "cache.h"
#include "conf.h"
#include "deadline.h"
#include "metrics.h"
#include "request.h"

/* What all connections of a process share. */
struct front {
	const struct conf *conf;
	struct cache cache;
	enum err broken;	/* not E_OK: what every request is answered with */
	bool (*is_outdated)(void);	/* what this process knows is not so any more; NULL: never */
};

/* Who asks, for the log: looked up only when it is needed. */
struct client {
	int fd;			/* of the connection */
	char name[64];		/* empty until client_name() */
};

/* The address from the environment that systemd, xinetd or tcpserver set, else the socket's, else
 * "-". Text from a stranger. */
const char *client_name(struct client *c);

struct answer {
	enum err err;		/* E_OK: der is an answer about certificates */
	struct bytes der;	/* always a whole OCSPResponse; valid until the next answer */
	struct response response;	/* of E_OK */
	const char *status;	/* for X-OCSP-Status: "good", or the name of an OCSP status */
	/* for answer_sent(): nothing is counted sooner, for a disk that stands still holds up who
	 * writes to a counter */
	unsigned kind;		/* see metrics_count_answer() */
	unsigned lookups;	/* 1 << LOOKUP_… */
	unsigned signers;	/* 1 << SIGNER_… */
	enum metrics_clock clock;	/* METRICS_CLOCKS: neither cache nor ocsp-sign was asked */
	int64_t start_us;
};

/* Always answers, within the deadline. request: the octets of an OCSPRequest. out: zeroed. */
void answer_request(const struct front *f, struct bytes request, struct client *client,
		    struct deadline d, struct answer *out);

/* Fills in an error response, in the place of an answer, if there was one. out: zeroed at first. */
void answer_error(enum err e, struct answer *out);

/* Counts it, now that the client has it. */
void answer_sent(const struct answer *a);

/* Counts what it took, where the client got something else. */
void answer_withheld(const struct answer *a);

#endif

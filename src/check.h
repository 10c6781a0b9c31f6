/*
 * check.h - looks at everything that has to be right: a list of findings, each a sentence with the
 * mend.
 *
 * Root becomes the responder's user on the way, for good, so that this one's rights are what is
 * tested: that of signuser=, where there are two.
 */
#ifndef OCSP_CHECK_H
#define OCSP_CHECK_H

#include <sys/types.h>

#include "ctl.h"
#include "signer.h"

enum level_found { FOUND_OK, FOUND_WARNING, FOUND_ERROR, FOUND_LEVELS };

static inline const char *found_name(enum level_found l)
{
	return l == FOUND_OK ? "ok" : l == FOUND_WARNING ? "warning" : "error";
}

struct finding {
	enum level_found level;
	const char *topic;	/* one word: "cache" */
	char *text;
};

struct check {
	struct ctl *ctl;	/* with what --config names */
	const char *root;	/* below which units are looked for; "" */
	bool print;		/* each finding, as soon as it is there */

	struct finding *found;
	size_t n_found;
	unsigned n[FOUND_LEVELS];

	bool known_user;
	uid_t uid;		/* of who signs, if it is known */
	struct signer signer[LIM_CAS];
	bool can_sign[LIM_CAS];	/* signer is open, with its key */
};

/* Runs all of it; free with check_free(). */
void check_all(struct check *k);
void check_free(struct check *k);

/* 0: all is well, 1: warnings, 2: errors. */
int check_code(const struct check *k);

/* For the parts. */
void check_tell(struct check *k, const char *topic, enum level_found level, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void check_conf_file(struct check *k);
void check_front(struct check *k);	/* as long as this is root */
void check_user(struct check *k);
void check_cache(struct check *k);
void check_metrics(struct check *k);
void check_signer(struct check *k);
void check_log(struct check *k);
void check_cas(struct check *k);
void check_database(struct check *k);
void check_units(struct check *k);
void check_probes(struct check *k);

/* Is there one in the configuration itself? It was read with CONF_ADMIN. */
bool check_has_password(const struct conf *c);

/* Would the responder's user be able to make this file or folder, which is missing? */
bool check_can_be_made(const char *path);

#endif

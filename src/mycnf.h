/*
 * mycnf.h - the option files of MySQL's and MariaDB's own programs, as far as a connection needs
 * them: user, password, host, port and socket of [client]. Pure.
 *
 * A line is blank, a comment ('#' or ';' first), [group], key or key=value; '#' outside of quotes
 * begins a comment anywhere, a value may stand in single or double quotes, and \b \t \n \r \\ \s
 * are what those programs make of them. Other groups and keys are theirs, and skipped.
 */
#ifndef OCSP_MYCNF_H
#define OCSP_MYCNF_H

#include "bytes.h"
#include "error.h"

#define MYCNF_VALUE_LEN 256
struct mycnf {
	char user[MYCNF_VALUE_LEN], password[MYCNF_VALUE_LEN];	/* "" where the file has none */
	char host[MYCNF_VALUE_LEN], socket[MYCNF_VALUE_LEN];
	unsigned port;		/* 0: none */
	bool tls;		/* it has settings for TLS, which are not read here */
};

/* E_DATA: *line says where, and *why is a clause without anything of the value in it. */
MUST_CHECK enum err mycnf_parse(struct bytes text, struct mycnf *out, unsigned *line,
				const char **why);

#endif

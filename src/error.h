/*
 * error.h - the one list of outcomes of this program, and what each means outside.
 */
#ifndef OCSP_ERROR_H
#define OCSP_ERROR_H

#define MUST_CHECK __attribute__((warn_unused_result))

enum err {
	E_OK = 0,
	E_AGAIN,		/* pure parsers: well-formed so far, more octets are needed */

	/* what the client asked cannot be answered */
	E_MALFORMED,		/* no OCSPRequest */
	E_UNAUTHORIZED,		/* not our issuer, or not in the table */
	E_GONE,			/* the client went away */

	/* HTTP (RFC 9110 15) */
	E_HTTP_BAD,		/* 400 */
	E_HTTP_NOT_FOUND,	/* 404 */
	E_HTTP_METHOD,		/* 405 */
	E_HTTP_TIMEOUT,		/* 408 */
	E_HTTP_LENGTH,		/* 411 */
	E_HTTP_PRECONDITION,	/* 412 */
	E_HTTP_BODY,		/* 413 */
	E_HTTP_TARGET,		/* 414 */
	E_HTTP_TYPE,		/* 415 */
	E_HTTP_EXPECT,		/* 417 */
	E_HTTP_HEAD,		/* 431 */
	E_HTTP_UNKNOWN,		/* 501 */
	E_HTTP_VERSION,		/* 505 */

	/* ours, and passing */
	E_DB,			/* the database can't be asked just now */
	E_DEADLINE,		/* no time is left */
	E_BUSY,			/* no process, descriptor or memory is left */
	E_IO,			/* a file or a socket failed */

	/* ours, and not passing before someone mends it */
	E_NOT_FOUND,		/* a lookup found nothing (never an answer by itself) */
	E_DATA,			/* a row, a file or a certificate contradicts itself */
	E_SIGNER,		/* key or certificate can't be used */
	E_CONFIG,		/* the configuration is wrong */
	E_USER,			/* started by another user than user= */
	E_USAGE,		/* command line */
	E_INTERNAL,		/* a bug, or a library that failed without a reason */

	/* behind the others, since counters are kept by number */
	E_TOKEN,		/* what holds the key can't be asked just now */
	E_PIN,			/* it refuses the PIN: trying again could lock it */
	E_COUNT_
};

/* OCSPResponseStatus, RFC 6960 4.2.1 */
enum ocsp_status {
	OCSP_SUCCESSFUL = 0,
	OCSP_MALFORMED_REQUEST = 1,
	OCSP_INTERNAL_ERROR = 2,
	OCSP_TRY_LATER = 3,
	OCSP_SIG_REQUIRED = 5,
	OCSP_UNAUTHORIZED = 6,
};

enum level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR, LEVEL_CRITICAL };

struct err_info {
	const char *name;	/* as it stands in a log line: "database" */
	int http;		/* HTTP status of the answer */
	enum ocsp_status ocsp;	/* OCSP status of the answer (also the body of an HTTP 200) */
	enum level level;	/* how loudly it is logged */
	int exit_code;		/* of a program that ends because of it (sysexits(3)) */
};

/* Never NULL; an unknown value reads as E_INTERNAL. */
const struct err_info *err_info(enum err e);

/* "successful", "tryLater", …; "?" for a value that RFC 6960 does not define. */
const char *ocsp_status_name(int status);

#endif

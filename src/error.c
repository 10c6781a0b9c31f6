#include "error.h"

#include <sysexits.h>

static const struct err_info table[E_COUNT_] = {
	[E_OK] = { "ok", 200, OCSP_SUCCESSFUL, LEVEL_DEBUG, 0 },
	[E_AGAIN] = { "incomplete", 400, OCSP_MALFORMED_REQUEST, LEVEL_INFO, 0 },

	[E_MALFORMED] = { "malformed", 200, OCSP_MALFORMED_REQUEST, LEVEL_INFO, 0 },
	[E_UNAUTHORIZED] = { "unauthorized", 200, OCSP_UNAUTHORIZED, LEVEL_INFO, 0 },
	[E_GONE] = { "client-gone", 400, OCSP_MALFORMED_REQUEST, LEVEL_DEBUG, 0 },

	[E_HTTP_BAD] = { "http-bad-request", 400, OCSP_MALFORMED_REQUEST, LEVEL_INFO, 0 },
	[E_HTTP_NOT_FOUND] = { "http-not-found", 404, OCSP_MALFORMED_REQUEST, LEVEL_INFO, 0 },
	[E_HTTP_METHOD] = { "http-method", 405, OCSP_MALFORMED_REQUEST, LEVEL_INFO, 0 },
	[E_HTTP_TIMEOUT] = { "http-timeout", 408, OCSP_TRY_LATER, LEVEL_INFO, 0 },
	[E_HTTP_LENGTH] = { "http-length", 411, OCSP_MALFORMED_REQUEST, LEVEL_INFO, 0 },
	[E_HTTP_PRECONDITION] = { "http-precondition", 412, OCSP_MALFORMED_REQUEST, LEVEL_INFO, 0 },
	[E_HTTP_BODY] = { "http-body", 413, OCSP_MALFORMED_REQUEST, LEVEL_INFO, 0 },
	[E_HTTP_TARGET] = { "http-target", 414, OCSP_MALFORMED_REQUEST, LEVEL_INFO, 0 },
	[E_HTTP_TYPE] = { "http-type", 415, OCSP_MALFORMED_REQUEST, LEVEL_INFO, 0 },
	[E_HTTP_EXPECT] = { "http-expect", 417, OCSP_MALFORMED_REQUEST, LEVEL_INFO, 0 },
	[E_HTTP_HEAD] = { "http-head", 431, OCSP_MALFORMED_REQUEST, LEVEL_INFO, 0 },
	[E_HTTP_UNKNOWN] = { "http-unknown", 501, OCSP_MALFORMED_REQUEST, LEVEL_INFO, 0 },
	[E_HTTP_VERSION] = { "http-version", 505, OCSP_MALFORMED_REQUEST, LEVEL_INFO, 0 },

	[E_DB] = { "database", 200, OCSP_TRY_LATER, LEVEL_ERROR, EX_TEMPFAIL },
	[E_DEADLINE] = { "deadline", 200, OCSP_TRY_LATER, LEVEL_WARNING, EX_TEMPFAIL },
	[E_BUSY] = { "busy", 200, OCSP_TRY_LATER, LEVEL_ERROR, EX_OSERR },
	[E_IO] = { "io", 200, OCSP_TRY_LATER, LEVEL_ERROR, EX_IOERR },

	[E_NOT_FOUND] = { "not-found", 200, OCSP_UNAUTHORIZED, LEVEL_INFO, 0 },
	[E_DATA] = { "data", 200, OCSP_INTERNAL_ERROR, LEVEL_ERROR, EX_DATAERR },
	[E_SIGNER] = { "signer", 200, OCSP_INTERNAL_ERROR, LEVEL_CRITICAL, EX_CONFIG },
	[E_CONFIG] = { "config", 200, OCSP_INTERNAL_ERROR, LEVEL_CRITICAL, EX_CONFIG },
	[E_USER] = { "user", 200, OCSP_INTERNAL_ERROR, LEVEL_CRITICAL, EX_NOPERM },
	[E_USAGE] = { "usage", 200, OCSP_INTERNAL_ERROR, LEVEL_ERROR, EX_USAGE },
	[E_TOKEN] = { "token", 200, OCSP_TRY_LATER, LEVEL_ERROR, EX_TEMPFAIL },
	[E_PIN] = { "pin", 200, OCSP_TRY_LATER, LEVEL_CRITICAL, EX_CONFIG },
	[E_INTERNAL] = { "internal", 200, OCSP_INTERNAL_ERROR, LEVEL_CRITICAL, EX_SOFTWARE },
};

const struct err_info *err_info(enum err e)
{
	if ((unsigned)e >= E_COUNT_ || !table[e].name)
		e = E_INTERNAL;
	return &table[e];
}

const char *ocsp_status_name(int status)
{
	switch (status) {
	case OCSP_SUCCESSFUL: return "successful";
	case OCSP_MALFORMED_REQUEST: return "malformedRequest";
	case OCSP_INTERNAL_ERROR: return "internalError";
	case OCSP_TRY_LATER: return "tryLater";
	case OCSP_SIG_REQUIRED: return "sigRequired";
	case OCSP_UNAUTHORIZED: return "unauthorized";
	}
	return "?";
}

/*
 * log.h - one line per event, for the operator.
 *
 * Goes to the journal (native protocol, structured fields) where there is one and no logfile= is
 * set, else to the log file as "time LEVEL in process PID - message key=value …", else to standard
 * error if that is a terminal or a file. Never to a client's socket. Octets below 0x20, 0x7f and
 * above, newlines too, are replaced by '?' in every value: what a stranger sent cannot forge a line.
 * Only programs log; library parts return codes.
 */
#ifndef OCSP_LOG_H
#define OCSP_LOG_H

#include "bytes.h"
#include "error.h"

/* One key=value. The text is copied before log_event() returns. An empty list ends with { 0 }. */
struct log_field {
	const char *key;	/* lower-case letters: "serial"; the journal gets OCSP_SERIAL= */
	struct bytes value;
};

struct log_setup {
	const char *program;	/* "ocsp-stdio": SYSLOG_IDENTIFIER */
	enum level level;	/* quieter events are dropped */
	const char *file;	/* NULL: journal, else the default file */
	bool stderr_too;	/* a person started this: say it on standard error as well */
};

/* Remembers the setup (the strings are not copied); opens nothing. Before it is called, events at
 * WARNING and above go to standard error. */
void log_init(const struct log_setup *s);

/* Opens what events will be written to, for a process that is about to lock itself in. A failure
 * is no error: the event goes to the next place in the list above. After another log_init(), the
 * first event opens it again; where that fails, what was open before goes on. */
void log_open(void);

/* Is there a journal here, which takes the log where logfile= is not set? */
bool log_has_journal(void);

bool log_enabled(enum level l);

/* message: a sentence for an operator, printf-like; fields may be NULL. errno is preserved. */
void log_event(enum level l, const struct log_field *fields, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_debug(...) log_event(LEVEL_DEBUG, NULL, __VA_ARGS__)
#define log_info(...) log_event(LEVEL_INFO, NULL, __VA_ARGS__)
#define log_warning(...) log_event(LEVEL_WARNING, NULL, __VA_ARGS__)
#define log_error(...) log_event(LEVEL_ERROR, NULL, __VA_ARGS__)
#define log_critical(...) log_event(LEVEL_CRITICAL, NULL, __VA_ARGS__)

/* "DEBUG" … "CRITICAL", as the predecessor wrote them. */
const char *level_name(enum level l);

/* Pure: formats the line for the log file, newline included, cut to cap. Returns its length.
 * now_ms: milliseconds since 1970; written in local time as "2022-12-29 13:19:09,123". */
size_t log_format_line(char *out, size_t cap, int64_t now_ms, enum level l, long pid,
		       const char *message, const struct log_field *fields);

/* Pure: formats a datagram of the journal's native protocol. MESSAGE has the fields too, as in the
 * log file, because it is all that is seen without -o verbose. Returns its length. */
size_t log_format_journal(char *out, size_t cap, const char *program, enum level l,
			  const char *message, const struct log_field *fields);

#endif

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"

#define JOURNAL "/run/systemd/journal/socket"

/* Octets of an event, all told; what is longer is cut. */
#define MESSAGE_LEN 2048
#define EVENT_LEN 6144

static struct log_setup setup = { .level = LEVEL_WARNING };
static bool initialised, opened;
static int journal = -1, file = -1;

static const struct {
	const char *name;
	char priority;	/* of syslog(3) */
} levels[] = {
	[LEVEL_DEBUG] = { "DEBUG", '7' },
	[LEVEL_INFO] = { "INFO", '6' },
	[LEVEL_WARNING] = { "WARNING", '4' },
	[LEVEL_ERROR] = { "ERROR", '3' },
	[LEVEL_CRITICAL] = { "CRITICAL", '2' },
};

const char *level_name(enum level l)
{
	return levels[l].name;
}

/* Where text is put; what doesn't fit is left out. */
struct out {
	char *p, *end;
};

static void put_char(struct out *o, char ch)
{
	if (o->p < o->end)
		*o->p++ = ch;
}

static void put_clean(struct out *o, struct bytes b)
{
	for (size_t i = 0; i < b.len; i++)
		put_char(o, (char)(b.p[i] < 0x20 || b.p[i] >= 0x7f ? '?' : b.p[i]));
}

static void put_text(struct out *o, const char *s)
{
	put_clean(o, bytes_str(s));
}

static bool needs_quotes(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++)
		if (b.p[i] == ' ' || b.p[i] == '"' || b.p[i] == '=' || b.p[i] == '\\')
			return true;
	return b.len == 0;
}

static void put_field(struct out *o, const struct log_field *f)
{
	put_char(o, ' ');
	put_text(o, f->key);
	put_char(o, '=');
	if (!needs_quotes(f->value)) {
		put_clean(o, f->value);
		return;
	}
	put_char(o, '"');
	for (size_t i = 0; i < f->value.len; i++) {
		if (f->value.p[i] == '"' || f->value.p[i] == '\\')
			put_char(o, '\\');
		put_clean(o, bytes_of(f->value.p + i, 1));
	}
	put_char(o, '"');
}

static void put_message(struct out *o, const char *message, const struct log_field *fields)
{
	put_text(o, message);
	for (const struct log_field *f = fields; f && f->key; f++)
		put_field(o, f);
}

size_t log_format_line(char *out, size_t cap, int64_t now_ms, enum level l, long pid,
		       const char *message, const struct log_field *fields)
{
	struct out o = { out, out + cap - 1 };
	time_t seconds = now_ms / 1000;
	char head[80];
	struct tm tm;

	if (cap == 0)
		return 0;
	if (!localtime_r(&seconds, &tm))
		gmtime_r(&(time_t){ 0 }, &tm);
	strftime(head, sizeof head, "%Y-%m-%d %H:%M:%S", &tm);
	put_text(&o, head);
	snprintf(head, sizeof head, ",%03d %s in process %ld - ", (int)(now_ms % 1000),
		 level_name(l), pid);
	put_text(&o, head);
	put_message(&o, message, fields);
	*o.p++ = '\n';
	return (size_t)(o.p - out);
}

/* A field of the journal's own: "OCSP_" and the key in upper case. It is whole or not there. */
static void put_journal_field(struct out *o, const struct log_field *f, const char *limit)
{
	size_t len = strlen("OCSP_") + strlen(f->key) + strlen("=") + f->value.len + strlen("\n");

	if (o->p > limit || len > (size_t)(limit - o->p))
		return;
	put_text(o, "OCSP_");
	for (const char *k = f->key; *k; k++) {
		bool letter = *k >= 'a' && *k <= 'z', digit = *k >= '0' && *k <= '9';

		put_char(o, letter ? (char)(*k - 'a' + 'A') : digit ? *k : '_');
	}
	put_char(o, '=');
	put_clean(o, f->value);
	put_char(o, '\n');
}

/* https://systemd.io/JOURNAL_NATIVE_PROTOCOL/: KEY=value and a newline, which no value has here. */
size_t log_format_journal(char *out, size_t cap, const char *program, enum level l,
			  const char *message, const struct log_field *fields)
{
	struct out o = { out, out + cap - 1 };

	if (cap == 0)
		return 0;
	put_text(&o, "PRIORITY=");
	put_char(&o, levels[l].priority);
	put_char(&o, '\n');
	put_text(&o, "SYSLOG_IDENTIFIER=");
	put_text(&o, program);
	put_char(&o, '\n');
	/* half of the room, at least, is for the message */
	for (const struct log_field *f = fields; f && f->key; f++)
		put_journal_field(&o, f, out + cap / 2);
	/* with the fields, for this is all that a plain journalctl shows */
	put_text(&o, "MESSAGE=");
	put_message(&o, message, fields);
	*o.p++ = '\n';
	return (size_t)(o.p - out);
}

static int open_journal(void)
{
	const struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = JOURNAL };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	close(fd);
	return -1;
}

bool log_has_journal(void)
{
	int fd = open_journal();

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static int open_file(void)
{
	return open(setup.file ? setup.file : LOG_FILE,
		    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
		    0640);
}

void log_init(const struct log_setup *s)
{
	opened = false;
	setup = *s;
	initialised = true;
}

/* What was open before goes on until there is something in its place: a process that has locked
 * itself in may not open its log file again. */
void log_open(void)
{
	int new_journal, new_file = -1;

	if (opened)
		return;
	opened = true;
	new_journal = setup.file ? -1 : open_journal();
	if (new_journal < 0)
		new_file = open_file();
	if (new_journal < 0 && new_file < 0)
		return;
	if (journal >= 0)
		close(journal);
	if (file >= 0)
		close(file);
	journal = new_journal;
	file = new_file;
}

bool log_enabled(enum level l)
{
	return l >= setup.level;
}

static const char *program(void)
{
	return setup.program ? setup.program : program_invocation_short_name;
}

static bool to_journal(enum level l, const char *message, const struct log_field *fields)
{
	char event[EVENT_LEN];
	size_t len;

	if (journal < 0)
		return false;
	len = log_format_journal(event, sizeof event, program(), l, message, fields);
	return send(journal, event, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
}

static bool to_file(enum level l, const char *message, const struct log_field *fields)
{
	char event[EVENT_LEN];
	size_t len;

	/* the journal was there, and isn't any more */
	if (file < 0)
		file = open_file();
	if (file < 0)
		return false;
	len = log_format_line(event, sizeof event, clock_real_ms(), l, getpid(), message, fields);
	return write(file, event, len) == (ssize_t)len;
}

/* Not to a socket, whosever it is: under xinetd, and by systemd's default, it is the client's. */
static bool stderr_is_ours(void)
{
	struct stat st;

	if (fstat(STDERR_FILENO, &st) != 0)
		return false;
	return S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) ||
	       (S_ISCHR(st.st_mode) && isatty(STDERR_FILENO));
}

static void to_stderr(const char *message, const struct log_field *fields)
{
	char event[EVENT_LEN];
	struct out o = { event, event + sizeof event - 1 };

	if (!stderr_is_ours())
		return;
	put_text(&o, program());
	put_text(&o, ": ");
	put_message(&o, message, fields);
	*o.p++ = '\n';
	/* there is nobody left to tell that this failed */
	if (write(STDERR_FILENO, event, (size_t)(o.p - event)) < 0)
		return;
}

void log_event(enum level l, const struct log_field *fields, const char *format, ...)
{
	int saved_errno = errno;
	char message[MESSAGE_LEN];
	bool written = false;
	va_list ap;

	if (!log_enabled(l))
		return;
	va_start(ap, format);
	vsnprintf(message, sizeof message, format, ap);
	va_end(ap);
	if (initialised) {
		log_open();
		written = to_journal(l, message, fields) || to_file(l, message, fields);
	}
	if (!written || setup.stderr_too)
		to_stderr(message, fields);
	errno = saved_errno;
}

/*
 * list: the table's rows, or some of them.
 */
#include "ctl.h"

#include <stdio.h>
#include <sysexits.h>

/* For a page of the table. */
#define PATIENCE_MS 60000

enum { OPT_STATUS, OPT_REASON, OPT_SINCE, OPT_UNTIL, OPT_SERIAL, OPT_JSON, OPT_CSV };

const struct ctl_opt ctl_list_options[] = {
	[OPT_STATUS] = { "status", "NAME", "valid, revoked or odd (neither of them)" },
	[OPT_REASON] = { "reason", "WORD", "revoked for this reason" },
	[OPT_SINCE] = { "since", "TIME", "revoked at this time or later" },
	[OPT_UNTIL] = { "until", "TIME", "revoked at this time or earlier" },
	[OPT_SERIAL] = { "serial", "DIGITS", "whose serial number begins so" },
	[OPT_JSON] = { "json", NULL, "an array of objects" },
	[OPT_CSV] = { "csv", NULL, "lines with commas, the first one has the names" },
	{ NULL, NULL, NULL },
};

struct list {
	enum { PLAIN, JSON, CSV } form;
	int status;			/* enum row_status, or -1 */
	int reason;			/* or ROW_ODD_REASON: any */
	int64_t since, until;		/* since > INT64_MIN or until < INT64_MAX: revoked ones */
	char prefix[SERIAL_TEXT_LEN];	/* "0x…" or "" */
	struct json json;
	int64_t n;
};

/* "0x" and digits in lower case, without leading zeros and colons. */
static bool read_prefix(const char *text, char out[SERIAL_TEXT_LEN])
{
	char *p = stpcpy(out, "0x");

	if (text[0] == '0' && (text[1] | 0x20) == 'x')
		text += 2;
	for (; *text; text++) {
		const char *digit = strchr("0123456789abcdefABCDEF", *text);

		if (*text == ':' || (*text == '0' && p == out + 2))
			continue;
		if (!digit || p == out + SERIAL_TEXT_LEN - 1)
			return false;
		*p++ = (char)(*text >= 'A' && *text <= 'F' ? *text | 0x20 : *text);
	}
	*p = '\0';
	return true;
}

static bool read_status(const char *word, int *out)
{
	for (int s = ROW_VALID; s <= ROW_ODD; s++)
		if (strcmp(word, ctl_status_word((enum row_status)s)) == 0)
			*out = s;
	return *out >= 0;
}

/* Returns an exit code, or -1 to go on. */
static int read_options(int argc, char **argv, struct list *l)
{
	int64_t *time;
	int o;

	while ((o = ctl_next_option(argc, argv, ctl_list_options)) != -1) {
		switch (o) {
		case OPT_STATUS:
			if (!read_status(optarg, &l->status))
				return ctl_usage("--status takes valid, revoked or odd");
			break;
		case OPT_REASON:
			l->reason = reason_of_word(bytes_str(optarg));
			if (l->reason == ROW_ODD_REASON)
				return ctl_usage("%s is no reason", optarg);
			break;
		case OPT_SINCE:
		case OPT_UNTIL:
			time = o == OPT_SINCE ? &l->since : &l->until;
			*time = store_parse_time(bytes_str(optarg));
			if (*time == ROW_NO_TIME)
				return ctl_usage("%s is no time: write 2024-01-02T03:04:05Z",
						 optarg);
			break;
		case OPT_SERIAL:
			if (!read_prefix(optarg, l->prefix))
				return ctl_usage("--serial takes hexadecimal digits");
			break;
		case OPT_JSON:
			l->form = JSON;
			break;
		case OPT_CSV:
			l->form = CSV;
			break;
		default:
			return EX_USAGE;
		}
	}
	return optind == argc ? -1 : ctl_usage("list takes options only");
}

static bool wanted(const struct list *l, const char *serial, const struct store_row *row)
{
	if (l->status >= 0 && (int)row->status != l->status)
		return false;
	if (l->reason != ROW_ODD_REASON &&
	    (row->status != ROW_REVOKED || row->reason != l->reason))
		return false;
	if ((l->since > INT64_MIN || l->until < INT64_MAX) &&
	    (row->status != ROW_REVOKED || row->revoked_at == ROW_NO_TIME ||
	     row->revoked_at < l->since || row->revoked_at > l->until))
		return false;
	return strncmp(serial, l->prefix, strlen(l->prefix)) == 0;
}

void ctl_row_serial(const struct store_row *row, char out[CTL_ROW_SERIAL_LEN])
{
	if (store_row_serial(row, out))
		return;
	/* what the table has instead, fit for a terminal */
	for (size_t i = 0; i < sizeof row->cert_num; i++) {
		uint8_t ch = (uint8_t)row->cert_num[i];

		out[i] = (char)(ch && (ch < 0x20 || ch >= 0x7f) ? '?' : ch);
	}
}

static void print_plain(const char *serial, const struct store_row *row, const char *when,
			const char *reason)
{
	if (row->status == ROW_REVOKED)
		printf("%-42s  revoked  %-20s  %s\n", serial, when, reason);
	else
		printf("%-42s  %s\n", serial, ctl_status_word(row->status));
}

static bool show(void *arg, struct store_row *row)
{
	struct list *l = arg;
	char serial[CTL_ROW_SERIAL_LEN], when[CTL_TIME_LEN] = "";
	const char *reason = row->status == ROW_REVOKED ? reason_word(row->reason) : NULL;

	ctl_row_serial(row, serial);
	if (!wanted(l, serial, row))
		return true;
	l->n++;
	if (row->status == ROW_REVOKED && row->revoked_at != ROW_NO_TIME)
		ctl_time(row->revoked_at, when);
	if (l->form == JSON) {
		json_begin(&l->json, NULL, '{');
		ctl_json_row(&l->json, serial, row);
		json_end(&l->json, '}');
	} else if (l->form == CSV) {
		csv_text(stdout, serial);
		printf(",%s,%s,%s\r\n", ctl_status_word(row->status), when, reason ? reason : "");
	} else {
		print_plain(serial, row, when, reason ? reason : "");
	}
	return !ferror(stdout);		/* nobody reads on */
}

int ctl_list(struct ctl *c, int argc, char **argv)
{
	struct list l = { .status = -1, .reason = ROW_ODD_REASON, .since = INT64_MIN,
			  .until = INT64_MAX, .json = json_to(stdout) };
	int code = read_options(argc, argv, &l);
	enum err e;

	if (code >= 0)
		return code;
	ctl_catch_signals();
	c->patience_ms = PATIENCE_MS;
	e = ctl_store(c, false);
	if (e != E_OK)
		return ctl_code(e);
	if (l.form == JSON)
		json_begin(&l.json, NULL, '[');
	else if (l.form == CSV)
		fputs("serial,status,revoked_at,reason\r\n", stdout);
	for (size_t i = c->first_ca; i < c->end_ca && e == E_OK; i++)
		if (!ctl_same_table(c, i))
			e = ctl_scan(c, c->conf.ca[i].table, false, show, &l);
	if (l.form == JSON)
		json_end(&l.json, ']');
	if (e != E_OK)
		return deadline_interrupted() ? CTL_INTERRUPTED : ctl_code(e);
	return l.n ? 0 : CTL_REFUSED;
}

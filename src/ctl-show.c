/*
 * A row in words, and as JSON.
 */
#include "ctl.h"

#include <stdio.h>

const char *ctl_status_word(enum row_status s)
{
	return s == ROW_VALID ? "valid" : s == ROW_REVOKED ? "revoked" : "odd";
}

void ctl_print_revocation(const struct store_row *row)
{
	const char *word = reason_word(row->reason);
	char when[CTL_TIME_LEN];

	if (row->revoked_at == ROW_NO_TIME)
		printf("revoked at a time that can't be read");
	else
		printf("revoked since %s", ctl_time(row->revoked_at, when));
	if (word)
		printf(", reason %s (%d)", word, row->reason);
	else if (row->reason == ROW_ODD_REASON)
		printf(", with a reason that can't be read");
	putchar('\n');
}

void ctl_json_row(struct json *j, const char *serial, const struct store_row *row)
{
	bool dated = row->status == ROW_REVOKED && row->revoked_at != ROW_NO_TIME;
	char when[CTL_TIME_LEN];

	json_text(j, "serial", serial);
	json_text(j, "status", ctl_status_word(row->status));
	json_text(j, "revoked_at", dated ? ctl_time(row->revoked_at, when) : NULL);
	json_text(j, "reason", row->status == ROW_REVOKED ? reason_word(row->reason) : NULL);
}

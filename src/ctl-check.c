/*
 * check: the whole set-up in one run, for a person or for monitoring.
 */
#include <stdio.h>
#include <sysexits.h>

#include "check.h"
#include "json.h"

enum { OPT_JSON, OPT_ROOT };
const struct ctl_opt ctl_check_options[] = {
	[OPT_JSON] = { "json", NULL, "as JSON" },
	[OPT_ROOT] = { "root", "DIR", "look for units below this folder" },
	{ 0 },
};

static void put_json(const struct check *k)
{
	struct json j = json_to(stdout);
	char when[CTL_TIME_LEN];

	json_begin(&j, NULL, '{');
	json_text(&j, "version", PACKAGE_VERSION);
	json_text(&j, "config", k->ctl->config);
	json_text(&j, "time", ctl_time(clock_real_ms() / 1000, when));
	json_number(&j, "ok", k->n[FOUND_OK]);
	json_number(&j, "warnings", k->n[FOUND_WARNING]);
	json_number(&j, "errors", k->n[FOUND_ERROR]);
	json_begin(&j, "findings", '[');
	for (size_t i = 0; i < k->n_found; i++) {
		json_begin(&j, NULL, '{');
		json_text(&j, "level", found_name(k->found[i].level));
		json_text(&j, "topic", k->found[i].topic);
		json_text(&j, "text", k->found[i].text);
		json_end(&j, '}');
	}
	json_end(&j, ']');
	json_end(&j, '}');
}

int ctl_check(struct ctl *c, int argc, char **argv)
{
	static struct check k;
	int code, o;

	k = (struct check){ .ctl = c, .root = "", .print = true };
	while ((o = ctl_next_option(argc, argv, ctl_check_options)) != -1) {
		if (o == CTL_BAD_OPTION)
			return EX_USAGE;
		if (o == OPT_JSON)
			k.print = false;
		else
			k.root = optarg;
	}
	if (optind != argc)
		return ctl_usage("check takes no arguments");
	check_all(&k);
	if (k.print)
		printf("%u ok, %u warnings, %u errors\n", k.n[FOUND_OK], k.n[FOUND_WARNING],
		       k.n[FOUND_ERROR]);
	else
		put_json(&k);
	code = check_code(&k);
	check_free(&k);
	return code;
}

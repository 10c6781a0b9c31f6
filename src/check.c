#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "key.h"

#define TEXT_LEN 2048

void check_tell(struct check *k, const char *topic, enum level_found level, const char *format, ...)
{
	struct finding *more = NULL;
	char text[TEXT_LEN], *copy;
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	k->n[level]++;
	if (k->print)
		printf("%-7s %s\n", found_name(level), text);
	copy = strdup(text);
	if (copy)
		more = reallocarray(k->found, k->n_found + 1, sizeof *more);
	if (!more) {
		free(copy);
		return;
	}
	k->found = more;
	more = &more[k->n_found++];
	more->level = level;
	more->topic = topic;
	more->text = copy;
}

static void tell_advice(void *context, const struct conf_ca *ca, const char *sentence)
{
	struct check *k = context;
	const struct conf *c = &k->ctl->conf;

	check_tell(k, "config", FOUND_WARNING, "%s:%u: [%s%s] %s", c->path, ca->line,
		   ca == &c->ca[0] ? "" : "ca ", ca->name, sentence);
}

void check_all(struct check *k)
{
	struct ctl *c = k->ctl;
	char error[CONF_ERROR_LEN];

	if (conf_load(c->config, CONF_ADMIN, &c->conf, error) != E_OK) {
		check_tell(k, "config", FOUND_ERROR, "%s", error);
		return;
	}
	c->end_ca = c->conf.n_ca;
	if (ctl_init_crypto(&c->conf) != E_OK) {
		check_tell(k, "key", FOUND_ERROR, KEY_NO_MEMORY);
		return;
	}
	check_conf_file(k);
	conf_advise(&c->conf, tell_advice, k);
	check_front(k);
	check_user(k);
	check_cas(k);
	check_cache(k);
	check_metrics(k);
	check_database(k);
	check_signer(k);
	check_log(k);
	check_units(k);
	/* what is broken is known by now, and need not be said by ocsp-sign as well */
	if (!k->n[FOUND_ERROR])
		check_probes(k);
}

void check_free(struct check *k)
{
	for (size_t i = 0; i < k->n_found; i++)
		free(k->found[i].text);
	free(k->found);
	for (size_t i = 0; i < LIM_CAS; i++)
		signer_close(&k->signer[i]);
}

int check_code(const struct check *k)
{
	return k->n[FOUND_ERROR] ? 2 : k->n[FOUND_WARNING] ? 1 : 0;
}

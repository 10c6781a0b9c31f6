/*
 * watch: a service that keeps the cache in agreement with the table.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl.h"
#include "key.h"
#include "log.h"
#include "notify.h"
#include "secret.h"
#include "user.h"
#include "watch.h"

#define TICK_MS 1000

static void say(enum level level, const char *sentence)
{
	log_event(level, NULL, "%s", sentence);
}

static void start_log(const struct conf *conf)
{
	struct log_setup log = { .program = "ocspctl-watch", .level = conf->log_level,
				 .file = conf->log_file, .stderr_too = isatty(STDERR_FILENO) };

	log_init(&log);
}

/* What "systemctl status" shows. */
static void tell_manager(const struct watch *w, bool down)
{
	struct watch_count n = watch_count(w);
	char text[320];

	if (down)
		snprintf(text, sizeof text, "WATCHDOG=1\nSTATUS=The database can't be asked; "
			 "requests ask by themselves, each after recheck=.");
	else if (n.said_ms == INT64_MIN)
		snprintf(text, sizeof text, "WATCHDOG=1\nSTATUS=Comparing the cache with the "
			 "table for the first time.");
	else
		snprintf(text, sizeof text, "WATCHDOG=1\nSTATUS=%lld cached answers agreed %lld s "
			 "ago; %lld changed, %lld renewed, %lld removed so far.",
			 (long long)n.cached, (long long)((clock_real_ms() - n.said_ms) / 1000),
			 (long long)n.changed, (long long)n.renewed, (long long)n.removed);
	notify_send(text);
}

/* One line when it begins, and one when it ends. */
static void tell_change(bool down, const char *error)
{
	if (down)
		log_error("the database can't be asked: %s; what is in the cache counts for "
			  "recheck= seconds more, then each request asks by itself", error);
	else
		log_warning("the database answers again");
}

/* E_OK: it was told to end. E_IO: another cache directory has taken the place of the one that it
 * looks after; what it may write to was settled at the start. */
static enum err loop(struct watch *w)
{
	char error[RESPONDER_ERROR_LEN];
	bool down = false, was_down = false;

	while (!deadline_interrupted()) {
		struct deadline next = deadline_in(TICK_MS);

		if (watch_lost_cache(w))
			return E_IO;
		down = watch_tick(w, error) != E_OK;
		if (down != was_down)
			tell_change(down, error);
		was_down = down;
		tell_manager(w, down);
		deadline_wait(next, -1, 0);
	}
	return E_OK;
}

int ctl_watch(struct ctl *c, int argc, char **argv)
{
	char error[RESPONDER_ERROR_LEN], why[256];
	struct watch *w;
	enum err e;

	(void)argv;
	if (argc > 1)
		return ctl_usage("watch takes no arguments");
	e = user_become(c->conf.sign_user, true, why);
	if (e != E_OK) {
		ctl_say("%s", why);
		return ctl_code(e);
	}
	secret_keep();
	umask(CACHE_UMASK);
	start_log(&c->conf);
	deadline_catch(SIGTERM);
	deadline_catch(SIGINT);
	if (responder_init(&c->conf) != E_OK) {
		ctl_say(KEY_NO_MEMORY);
		return ctl_code(E_BUSY);
	}
	e = watch_new(&c->conf, say, &w, error);
	if (e != E_OK) {
		ctl_say("%s", error);
		return ctl_code(e);
	}
	log_info("watching for changes in the database");
	notify_send("READY=1");
	e = loop(w);
	notify_send("STOPPING=1");
	if (e != E_OK)
		log_warning("the cache directory %s was replaced: ending, so that the next one "
			    "uses it", c->conf.cache);
	log_info("stopped: from now on each request asks by itself, after recheck= seconds");
	watch_free(w);
	return err_info(e)->exit_code;
}

/* With signuser=: can the user that parses requests reach what it needs, and nothing else? */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "key.h"
#include "user.h"

/* What a process of that user has found, as its exit code. */
#define NO_CONFIG (1 << 0)
#define NO_CACHE (1 << 1)
#define NO_SOCKET (1 << 2)
#define READS_SECRET (1 << 3)
#define WRITES_CACHE (1 << 4)
#define WRITES_TABLE (1 << 5)
#define NOT_THAT_USER (1 << 6)

static bool reads(const char *path)
{
	return path && !key_is_uri(path) && access(path, R_OK) == 0;
}

static int look(const struct conf *c)
{
	const char *socket = conf_signer_socket(c);
	char error[256];
	int found = 0;

	if (user_become(c->user, false, error) != E_OK)
		return NOT_THAT_USER;
	if (access(c->path, R_OK) != 0)
		found |= NO_CONFIG;
	if (access(c->cache, R_OK | X_OK) != 0 && errno != ENOENT)
		found |= NO_CACHE;
	if (access(c->cache, W_OK) == 0)
		found |= WRITES_CACHE;
	if (c->db_file && access(c->db_file, W_OK) == 0)
		found |= WRITES_TABLE;
	/* to connect is to write */
	if (socket && access(socket, W_OK) != 0)
		found |= NO_SOCKET;
	if (reads(c->db_passwordfile) || reads(c->db_tls_key))
		found |= READS_SECRET;
	for (size_t i = 0; i < c->n_ca; i++)
		if (reads(c->ca[i].pkey) || reads(c->ca[i].passwordfile))
			found |= READS_SECRET;
	return found;
}

static void tell(struct check *k, int found)
{
	static const struct {
		int bit;
		const char *topic, *text;
	} table[] = {
		{ NO_CONFIG, "config", "can't read the configuration: give it to a group of this "
				       "user, mode 640" },
		{ NO_CACHE, "cache", "can't read the cache, so that every answer is signed anew: "
				     "run \"ocspctl setup\"" },
		{ NO_SOCKET, "signer", "can't write to the socket of signer=: is ocsp-sign.socket "
				       "started, and its SocketGroup= a group of this user?" },
		{ READS_SECRET, "key", "can read a key, or a file of passwordfile=, and is not to: "
				       "run \"ocspctl setup\"" },
		{ WRITES_CACHE, "cache", "can write to the cache, and is not to: run \"ocspctl "
					 "setup\"" },
		{ WRITES_TABLE, "database", "can write to the file of the database, and so undo a "
					    "revocation: give it and its folder to the user of "
					    "signuser=, modes 600 and 700" },
	};
	const char *user = k->ctl->conf.user;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (found & table[i].bit)
			check_tell(k, table[i].topic, FOUND_ERROR, "%s, which parses requests, %s",
				   user, table[i].text);
	if (check_has_password(&k->ctl->conf))
		check_tell(k, "config", FOUND_ERROR, "%s has a password in it, which %s can read, "
			   "who parses requests: move it to a file of its own (passwordfile=)",
			   k->ctl->conf.path, user);
	else if (!found)
		check_tell(k, "user", FOUND_OK, "%s parses requests, and can read neither keys nor "
			   "passwords, nor write to the cache", user);
}

void check_front(struct check *k)
{
	const struct conf *c = &k->ctl->conf;
	int status;
	pid_t pid;

	if (strcmp(c->user, c->sign_user) == 0) {
		if (conf_signer_socket(c))
			check_tell(k, "user", FOUND_WARNING, "with signer=unix: another user can "
				   "sign than the one that parses requests: set signuser=");
		return;
	}
	if (geteuid() != 0) {
		check_tell(k, "user", FOUND_WARNING, "what %s may do, who parses requests, was not "
			   "looked at: run this as root", c->user);
		return;
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(look(c));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) == NOT_THAT_USER)
		check_tell(k, "user", FOUND_ERROR, "there is no process of user %s to be had: does "
			   "it exist?", c->user);
	else
		tell(k, WEXITSTATUS(status));
}

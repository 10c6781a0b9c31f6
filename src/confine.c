#include "confine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "log.h"
#include "sandbox.h"

/* Folders, each once. Permission is given for folders, not for files: a file that is replaced by
 * another (a new key, a new canned response) is a new file, and must stay reachable. */
struct folders {
	const char *path[64];
	size_t n, used;
	char text[16384];
};

static bool known(const struct folders *f, const char *start, size_t len)
{
	for (size_t i = 0; i < f->n; i++)
		if (strlen(f->path[i]) == len && memcmp(f->path[i], start, len) == 0)
			return true;
	return false;
}

static void add(struct folders *f, const char *start, size_t len)
{
	if (known(f, start, len) || f->n + 1 == sizeof f->path / sizeof *f->path ||
	    f->used + len + 1 > sizeof f->text)
		return;
	f->path[f->n++] = memcpy(f->text + f->used, start, len);
	f->path[f->n] = NULL;
	f->used += len;
	f->text[f->used++] = '\0';
}

static void add_parent(struct folders *f, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash)
		add(f, path, slash == path ? 1 : (size_t)(slash - path));
	else
		add(f, ".", 1);
}

/* The folder that this file is in, and where it is really, if it is a link. path may be NULL. */
static void add_folder_of(struct folders *f, const char *path)
{
	struct stat st;
	char *real;

	if (!path)
		return;
	add_parent(f, path);
	if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode))
		return;
	real = realpath(path, NULL);
	if (real)
		add_parent(f, real);
	free(real);
}

/* pkey= may be a URI: of a file, or of what is none and has no folder here. */
static const char *file_of(const char *pkey)
{
	if (!pkey || !conf_is_uri(bytes_str(pkey)))
		return pkey;
	if (strncmp(pkey, "file:", 5) != 0)
		return NULL;
	pkey += 5;
	return strncmp(pkey, "//", 2) == 0 ? strchr(pkey + 2, '/') : pkey;
}

/* What ocsp-sign reads beside the system's own files, and what it writes. */
static void add_signer(struct folders *reads, struct folders *writes, const struct conf *conf)
{
	add_folder_of(reads, conf->db_passwordfile);
	add_folder_of(reads, conf->db_tls_ca);
	add_folder_of(reads, conf->db_tls_cert);
	add_folder_of(reads, conf->db_tls_key);
	for (size_t i = 0; i < conf->n_ca; i++) {
		const struct conf_ca *ca = &conf->ca[i];

		add_folder_of(reads, ca->cert);
		add_folder_of(reads, file_of(ca->pkey));
		add_folder_of(reads, ca->passwordfile);
		add_folder_of(reads, ca->issuer);
		add_folder_of(reads, ca->root);
		for (size_t k = 0; ca->ocspresponse[k]; k++)
			add_folder_of(reads, ca->ocspresponse[k]);
	}
	add(writes, conf->cache, strlen(conf->cache));
	if (conf->metrics && conf->metrics[0])
		add_folder_of(writes, conf->metrics);
	if (conf->log_file)
		add(writes, conf->log_file, strlen(conf->log_file));
	else
		add(writes, LOG_FILE, sizeof LOG_FILE - 1);
	if (conf->db_type == DB_SQLITE)
		add_folder_of(writes, conf->db_file);
}

static enum err enter(const struct conf *conf, const struct sandbox_setup *setup)
{
	char error[256];
	enum err e = sandbox_enter(conf->sandbox, setup, error);

	if (e != E_OK)
		log_critical("%s; nothing is served because of sandbox=require", error);
	else if (error[0])
		log_warning("%s; going on without it because of sandbox=auto", error);
	return e;
}

enum err confine(const struct conf *conf, const char *file)
{
	bool spawns = !conf_signer_socket(conf);
	const char *execs[] = { spawns ? conf->signer : NULL, NULL };
	static struct folders reads, writes;
	struct sandbox_setup setup = { reads.path, writes.path, execs, spawns };

	if (conf->sandbox == SANDBOX_OFF)
		return E_OK;
	log_open();
	if (!spawns)
		tzset();	/* /etc/localtime will be out of reach */
	add(&reads, conf->cache, strlen(conf->cache));
	add(&reads, conf->dir, strlen(conf->dir));	/* SIGHUP reads it again */
	add_folder_of(&reads, conf->path);
	if (spawns)
		add_signer(&reads, &writes, conf);
	add_folder_of(&writes, file);
	return enter(conf, &setup);
}

enum err confine_signer(const struct conf *conf)
{
	static struct folders reads, writes;
	/* what it needs of the system is what a front leaves to its child */
	struct sandbox_setup setup = { reads.path, writes.path, NULL, .spawns = true };

	if (conf->sandbox == SANDBOX_OFF)
		return E_OK;
	log_open();
	add_signer(&reads, &writes, conf);
	return enter(conf, &setup);
}

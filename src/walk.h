/*
 * walk.h - every answer in some folders of the cache, one after the other, at any pace.
 */
#ifndef OCSP_WALK_H
#define OCSP_WALK_H

#include <dirent.h>

#include "cache.h"

struct walk {
	const struct cache *cache;
	const char (*folder)[CERTID_FOLDER_LEN];
	size_t n;
	size_t step;		/* shards that are done, of all folders */
	DIR *dir;		/* the shard that is being read */
	int error;		/* errno: a shard was passed over, for it can't be read; else 0 */
};

/* Of each folder there are so many, whether they exist or not. */
#define WALK_SHARDS 256

struct walked {
	size_t folder;		/* its index */
	bool has_null;		/* see certid_place() */
	uint8_t buf[LIM_SERIAL_LEN];
	struct bytes serial;	/* a magnitude, in buf */
};

/* From the first file again. The folders' names have to stay. */
void walk_begin(struct walk *w, const struct cache *c, const char (*folder)[CERTID_FOLDER_LEN],
		size_t n);
void walk_end(struct walk *w);

/* The next file; false when a shard is over, and nothing is in *out then. walk_done() says whether
 * it was the last. */
MUST_CHECK bool walk_next(struct walk *w, struct walked *out);

static inline bool walk_done(const struct walk *w)
{
	return w->step >= w->n * WALK_SHARDS;
}

/* Opens a folder, but no link to one. NULL, and errno. Ended with closedir(). */
MUST_CHECK DIR *walk_open(int at, const char *path);

/* Removes this file of a folder if it is a temporary one that a process which died has left: an hour
 * old. Any other stays. */
void walk_remove_left(int folder, const char *name);

/* Pure. What a file's name says: false if it is none of ours. */
MUST_CHECK bool walk_parse(const char *name, struct walked *out);

#endif

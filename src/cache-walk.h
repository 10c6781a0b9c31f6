/*
 * cache-walk.h - every answer in the cache directory, by its file.
 */
#ifndef OCSP_CACHE_WALK_H
#define OCSP_CACHE_WALK_H

#include "cache.h"

/* path: below the cache directory, "<folder>/<shard>/<serial>.der". False ends the walk. */
typedef bool cache_each(void *arg, const char *path);

/* Removes temporary files that processes which died have left beside the answers' shards; those in
 * the shards go when they are walked through. */
void cache_sweep(const struct cache *c);

/* Calls each() for every name that an answer could have; what else lies there is left alone, and no
 * link is followed. In no order. E_OK; E_IO (errno): a part of it can't be read. */
MUST_CHECK enum err cache_walk(const struct cache *c, cache_each *each, void *arg);

/* How many there are, or -1. */
int64_t cache_size(const struct cache *c);

#endif

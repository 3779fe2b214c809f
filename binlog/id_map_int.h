/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small hash table from 64-bit numbers to pointers: open addressing, linear probing, never more
 * than half full. Nothing is removed one by one. One thread.
 */
#ifndef MILLRACE_BINLOG_ID_MAP_INT_H
#define MILLRACE_BINLOG_ID_MAP_INT_H

#include "engine/engine.h"

struct id_map_slot {
    uint64_t key;
    void *value; /* NULL: free */
};

struct id_map {
    struct id_map_slot *slots; /* owned */
    size_t cap;                /* a power of two, or 0 */
    size_t count;
};

void id_map_deinit(struct id_map *map);
void id_map_clear(struct id_map *map); /* keeps the memory */
void *id_map_get(const struct id_map *map, uint64_t key);
/* Replaces what was there. `value` must not be NULL. */
enum rc id_map_put(struct id_map *map, uint64_t key, void *value, struct error *err) MUST_CHECK;

#endif

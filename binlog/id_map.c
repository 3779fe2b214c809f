/* SPDX-License-Identifier: Apache-2.0 */
#include "id_map_int.h"

#include <stdlib.h>

void id_map_deinit(struct id_map *map)
{
    free(map->slots);
    *map = (struct id_map){0};
}

void id_map_clear(struct id_map *map)
{
    if (map->count > 0)
        memset(map->slots, 0, map->cap * sizeof(*map->slots));
    map->count = 0;
}

/* The slot that holds `key`, or the free one where it belongs. Table ids count up by one, so they
 * are spread by a multiplication. */
static struct id_map_slot *slot_of(const struct id_map *map, uint64_t key)
{
    size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (map->cap - 1);
    while (map->slots[at].value != NULL && map->slots[at].key != key)
        at = (at + 1) & (map->cap - 1);
    return &map->slots[at];
}

void *id_map_get(const struct id_map *map, uint64_t key)
{
    return map->count == 0 ? NULL : slot_of(map, key)->value;
}

static enum rc grow(struct id_map *map, struct error *err)
{
    struct id_map bigger = {.cap = map->cap == 0 ? 64 : map->cap * 2, .count = map->count};
    bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
    if (bigger.slots == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for %zu table ids.", bigger.cap);
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].value != NULL)
            *slot_of(&bigger, map->slots[i].key) = map->slots[i];
    free(map->slots);
    *map = bigger;
    return RC_OK;
}

enum rc id_map_put(struct id_map *map, uint64_t key, void *value, struct error *err)
{
    ASSERT(value != NULL);
    if ((map->count + 1) * 2 > map->cap) {
        enum rc rc = grow(map, err);
        if (rc != RC_OK)
            return rc;
    }
    struct id_map_slot *slot = slot_of(map, key);
    map->count += slot->value == NULL;
    *slot = (struct id_map_slot){key, value};
    return RC_OK;
}

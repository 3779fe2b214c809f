/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing over entries that are never moved one by one: forgetting builds the table anew,
 * which costs no more than the marks that went before it.
 */
#include "touched_int.h"

#include <stdlib.h>

enum { SLOTS_MIN = 64 };

void touched_init(struct touched *touched)
{
    *touched = (struct touched){0};
}

void touched_deinit(struct touched *touched)
{
    free(touched->entries);
    free(touched->slots);
    free(touched->bytes);
    touched_init(touched);
}

size_t touched_bytes(const struct touched *touched)
{
    return touched->count * sizeof(struct touched_entry) +
           touched->slot_count * sizeof(*touched->slots) + touched->byte_count;
}

static struct touched_entry *find(const struct touched *touched, struct slice key, uint64_t hash)
{
    if (touched->slot_count == 0)
        return NULL;
    uint32_t mask = touched->slot_count - 1;
    for (uint32_t at = (uint32_t)hash & mask; touched->slots[at] != 0; at = (at + 1) & mask) {
        struct touched_entry *entry = &touched->entries[touched->slots[at] - 1];
        if (entry->hash == hash &&
            slice_equal(slice_of(touched->bytes + entry->offset, entry->len), key))
            return entry;
    }
    return NULL;
}

static void place(struct touched *touched, uint32_t index)
{
    uint32_t mask = touched->slot_count - 1;
    uint32_t at = (uint32_t)touched->entries[index].hash & mask;
    while (touched->slots[at] != 0)
        at = (at + 1) & mask;
    touched->slots[at] = index + 1;
}

static bool grow_slots(struct touched *touched)
{
    if (touched->count < touched->slot_count / 2)
        return true;
    uint32_t slot_count = touched->slot_count == 0 ? SLOTS_MIN : 2 * touched->slot_count;
    uint32_t *slots = calloc(slot_count, sizeof(*slots));
    if (slots == NULL)
        return false;
    free(touched->slots);
    touched->slots = slots;
    touched->slot_count = slot_count;
    for (uint32_t i = 0; i < touched->count; i++)
        place(touched, i);
    return true;
}

static bool grow_entries(struct touched *touched)
{
    if (touched->count < touched->entry_cap)
        return true;
    uint32_t cap = touched->entry_cap == 0 ? SLOTS_MIN : 2 * touched->entry_cap;
    struct touched_entry *entries = realloc(touched->entries, cap * sizeof(*entries));
    if (entries == NULL)
        return false;
    touched->entries = entries;
    touched->entry_cap = cap;
    return true;
}

static bool grow_bytes(struct touched *touched, size_t more)
{
    if (more <= touched->byte_cap - touched->byte_count)
        return true;
    size_t cap = 2 * (touched->byte_count + more);
    uint8_t *bytes = realloc(touched->bytes, cap);
    if (bytes == NULL)
        return false;
    touched->bytes = bytes;
    touched->byte_cap = cap;
    return true;
}

enum rc touched_mark(struct touched *touched, struct slice key, uint64_t round,
                     enum touched_kind kind, struct error *err)
{
    ASSERT(kind != TOUCHED_NOT && key.len > 0 && key.len <= UINT32_MAX);
    uint64_t hash = slice_hash(key);
    struct touched_entry *entry = find(touched, key, hash);
    if (entry != NULL) {
        entry->round = round;
        if (kind > entry->kind)
            entry->kind = kind;
        return RC_OK;
    }
    if (!grow_slots(touched) || !grow_entries(touched) || !grow_bytes(touched, key.len))
        return error_set(err, RC_MEMORY,
                         "There is no memory for the keys that change while a table is read.");
    memcpy(touched->bytes + touched->byte_count, key.ptr, key.len);
    touched->entries[touched->count] = (struct touched_entry){.hash = hash,
                                                              .round = round,
                                                              .offset = touched->byte_count,
                                                              .len = (uint32_t)key.len,
                                                              .kind = kind};
    touched->byte_count += key.len;
    place(touched, touched->count++);
    return RC_OK;
}

enum touched_kind touched_find(const struct touched *touched, struct slice key, uint64_t round)
{
    if (touched->count == 0)
        return TOUCHED_NOT;
    const struct touched_entry *entry = find(touched, key, slice_hash(key));
    return entry == NULL || entry->round < round ? TOUCHED_NOT : entry->kind;
}

void touched_forget(struct touched *touched, uint64_t round)
{
    uint32_t kept = 0;
    size_t bytes = 0;
    for (uint32_t i = 0; i < touched->count; i++) {
        struct touched_entry entry = touched->entries[i];
        if (entry.round < round)
            continue;
        /* Keys lie in the order of their entries, so that each moves down or stays. */
        memmove(touched->bytes + bytes, touched->bytes + entry.offset, entry.len);
        entry.offset = bytes;
        bytes += entry.len;
        touched->entries[kept++] = entry;
    }
    if (kept == touched->count)
        return;
    touched->count = kept;
    touched->byte_count = bytes;
    if (kept == 0 && touched->slot_count > SLOTS_MIN) {
        touched_deinit(touched);
        return;
    }
    memset(touched->slots, 0, touched->slot_count * sizeof(*touched->slots));
    for (uint32_t i = 0; i < kept; i++)
        place(touched, i);
}

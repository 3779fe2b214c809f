/* SPDX-License-Identifier: Apache-2.0 */
#include "notes_int.h"

#include <stdlib.h>

struct checkpoint_note {
    size_t key_len;
    size_t value_len;
    bool forgotten;
    uint8_t bytes[]; /* key, then value */
};

static struct slice key_of(const struct checkpoint_note *note)
{
    return slice_of(note->bytes, note->key_len);
}

static uint64_t bytes_of(const struct checkpoint_note *note)
{
    return note->key_len + note->value_len;
}

void checkpoint_note_list_clear(struct checkpoint_note_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct checkpoint_note_list){0};
}

static struct checkpoint_note *note_new(const struct store_note *from)
{
    bool forgotten = from->value.ptr == NULL;
    size_t value_len = forgotten ? 0 : from->value.len;
    struct checkpoint_note *note = malloc(sizeof(*note) + from->key.len + value_len);
    if (note == NULL)
        return NULL;
    *note = (struct checkpoint_note){
        .key_len = from->key.len, .value_len = value_len, .forgotten = forgotten};
    memcpy(note->bytes, from->key.ptr, from->key.len);
    if (value_len > 0)
        memcpy(note->bytes + from->key.len, from->value.ptr, value_len);
    return note;
}

enum rc checkpoint_note_list_take(struct checkpoint_note_list *list, struct slice encoded,
                                  uint32_t count, struct error *err)
{
    checkpoint_note_list_clear(list);
    if (count == 0)
        return RC_OK;
    list->items = calloc(count, sizeof(struct checkpoint_note *));
    for (uint32_t i = 0; list->items != NULL && i < count; i++) {
        struct store_note note = checkpoint_note_next(&encoded);
        list->items[i] = note_new(&note);
        if (list->items[i] == NULL)
            break;
        list->count++;
    }
    if (list->count == count)
        return RC_OK;
    checkpoint_note_list_clear(list);
    return error_set(err, RC_MEMORY, "There is no memory for the checkpoint's notes.");
}

void checkpoint_notes_deinit(struct checkpoint_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++)
        free(notes->sorted[i]);
    free(notes->sorted);
    *notes = (struct checkpoint_notes){0};
}

enum rc checkpoint_notes_reserve(struct checkpoint_notes *notes,
                                 const struct checkpoint_note_list *list, struct error *err)
{
    size_t needed = notes->count + list->count;
    if (needed <= notes->cap)
        return RC_OK;
    size_t cap = needed + needed / 2;
    struct checkpoint_note **sorted =
        realloc(notes->sorted, cap * sizeof(struct checkpoint_note *));
    if (sorted == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the checkpoint's notes.");
    notes->sorted = sorted;
    notes->cap = cap;
    return RC_OK;
}

size_t checkpoint_notes_behind(const struct checkpoint_notes *notes, struct slice key)
{
    size_t low = 0;
    size_t high = notes->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(key_of(notes->sorted[middle]), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void apply_one(struct checkpoint_notes *notes, struct checkpoint_note *note)
{
    size_t at = checkpoint_notes_behind(notes, key_of(note));
    struct checkpoint_note **place = notes->sorted + at;
    bool known = at < notes->count && slice_equal(key_of(*place), key_of(note));
    if (known) {
        notes->bytes -= bytes_of(*place);
        free(*place);
    }
    if (note->forgotten) {
        if (known) {
            notes->count--;
            memmove(place, place + 1, (notes->count - at) * sizeof(struct checkpoint_note *));
        }
        free(note);
        return;
    }
    if (!known) {
        ASSERT(notes->count < notes->cap);
        memmove(place + 1, place, (notes->count - at) * sizeof(struct checkpoint_note *));
        notes->count++;
    }
    *place = note;
    notes->bytes += bytes_of(note);
}

void checkpoint_notes_apply(struct checkpoint_notes *notes, struct checkpoint_note_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        apply_one(notes, list->items[i]);
    free(list->items);
    *list = (struct checkpoint_note_list){0};
}

struct store_note checkpoint_notes_at(const struct checkpoint_notes *notes, size_t index)
{
    ASSERT(index < notes->count);
    const struct checkpoint_note *note = notes->sorted[index];
    return (struct store_note){.key = key_of(note),
                               .value = slice_of(note->bytes + note->key_len, note->value_len)};
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes on their way between the source and the store. What the source gives at a border belongs to
 * that place; it waits here and is stored with the first position that is not before it: the next
 * intent or move. In a transaction the position that is stored is the transaction's start, and
 * nothing is collected until it is over, so a note is never stored with a place before its own. What a
 * statement brings is held until then, because its steps are stored with its start.
 *
 * An epoch that is read again: the source begins with the notes as they were at its beginning and
 * comes to its end with the same changes, which then wait here again.
 */
#include "notes_int.h"

#include <stdlib.h>

enum { BYTES_MAX = 512 << 20, KEY_MAX = 1024 };

void notes_init(struct notes *notes)
{
    *notes = (struct notes){0};
    buf_init(&notes->bytes, BYTES_MAX);
}

void notes_deinit(struct notes *notes)
{
    buf_deinit(&notes->bytes);
    free(notes->refs);
    free(notes->out);
    *notes = (struct notes){0};
}

static enum rc make_room(struct notes *notes, struct error *err)
{
    if (notes->count < notes->cap)
        return RC_OK;
    uint32_t cap = notes->cap == 0 ? 64 : 2 * notes->cap;
    struct note_ref *refs = realloc(notes->refs, cap * sizeof(*refs));
    if (refs != NULL)
        notes->refs = refs;
    struct store_note *out = realloc(notes->out, cap * sizeof(*out));
    if (out != NULL)
        notes->out = out;
    if (refs == NULL || out == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the checkpoint's notes.");
    notes->cap = cap;
    return RC_OK;
}

static enum rc add(struct notes *notes, struct slice key, struct slice value, struct error *err)
{
    enum rc rc = make_room(notes, err);
    if (rc != RC_OK)
        return rc;
    struct note_ref ref = {.key_at = notes->bytes.len,
                           .key_len = key.len,
                           .value_len = value.ptr == NULL ? 0 : value.len,
                           .forgotten = value.ptr == NULL};
    buf_add_slice(&notes->bytes, key);
    if (!ref.forgotten)
        buf_add_slice(&notes->bytes, value);
    rc = buf_check(&notes->bytes, "the checkpoint's notes", err);
    if (rc == RC_OK)
        notes->refs[notes->count++] = ref;
    return rc;
}

enum rc notes_add(struct pipeline *pipeline, struct slice key, struct slice value,
                  struct error *err)
{
    return add(pipeline->holds_notes ? &pipeline->held_notes : &pipeline->notes, key, value, err);
}

void notes_hold(struct pipeline *pipeline, bool holds)
{
    pipeline->holds_notes = holds;
}

enum rc notes_add_table(struct pipeline *pipeline, const char *prefix, struct slice db,
                        struct slice table, struct slice value, struct error *err)
{
    struct buf key;
    buf_init(&key, KEY_MAX);
    buf_addf(&key, "%s%.*s.%.*s", prefix, SLICE_ARG(db), SLICE_ARG(table));
    enum rc rc = buf_check(&key, "a note's name", err);
    if (rc == RC_OK)
        rc = notes_add(pipeline, buf_slice(&key), value, err);
    buf_deinit(&key);
    return rc;
}

/* An empty value of the source means that the note is forgotten. */
static enum rc take_note(void *ctx, struct slice key, struct slice value, struct error *err)
{
    return notes_add(ctx, key, value.len == 0 ? SLICE_EMPTY : value, err);
}

static enum rc release_held(struct pipeline *pipeline, struct error *err)
{
    struct notes *held = &pipeline->held_notes;
    const struct store_note *items = notes_waiting(held);
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < held->count && rc == RC_OK; i++)
        rc = add(&pipeline->notes, items[i].key, items[i].value, err);
    notes_stored(held);
    return rc;
}

enum rc notes_collect(struct pipeline *pipeline, struct error *err)
{
    struct source *source = pipeline->parts.source;
    enum rc rc = release_held(pipeline, err);
    if (rc != RC_OK || source->ops->notes == NULL)
        return rc;
    return at(pipeline, PIPELINE_SIDE_SOURCE, source->ops->notes(source, take_note, pipeline, err));
}

const struct store_note *notes_waiting(struct notes *notes)
{
    for (uint32_t i = 0; i < notes->count; i++) {
        const struct note_ref *ref = &notes->refs[i];
        const uint8_t *key = notes->bytes.ptr + ref->key_at;
        notes->out[i].key = slice_of(key, ref->key_len);
        notes->out[i].value =
            ref->forgotten ? SLICE_EMPTY : slice_of(key + ref->key_len, ref->value_len);
    }
    return notes->out;
}

void notes_stored(struct notes *notes)
{
    buf_reset(&notes->bytes);
    notes->count = 0;
}

static bool begins_with(struct slice text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.ptr, prefix, len) == 0;
}

static enum rc give_back(void *ctx, struct slice key, struct slice value, struct error *err)
{
    struct pipeline *pipeline = ctx;
    struct source *source = pipeline->parts.source;
    if (begins_with(key, "pipeline/") || begins_with(key, "snapshot/"))
        return RC_OK;
    return at(pipeline, PIPELINE_SIDE_SOURCE, source->ops->remember(source, key, value, err));
}

enum rc notes_remember(struct pipeline *pipeline, struct error *err)
{
    const struct store_ops *store_ops = pipeline->parts.store_ops;
    if (pipeline->parts.source->ops->remember == NULL)
        return RC_OK;
    return store_ops->notes(pipeline->parts.store, SLICE_EMPTY, give_back, pipeline, err);
}

struct wanted {
    struct slice key;
    struct buf *out;
};

static enum rc copy_wanted(void *ctx, struct slice key, struct slice value,
                           struct error *err UNUSED)
{
    struct wanted *wanted = ctx;
    if (slice_equal(key, wanted->key))
        buf_add_slice(wanted->out, value);
    return RC_OK;
}

enum rc notes_get(struct pipeline *pipeline, const char *prefix, struct slice db,
                  struct slice table, struct buf *out, struct error *err)
{
    struct buf key;
    buf_init(&key, KEY_MAX);
    buf_addf(&key, "%s%.*s.%.*s", prefix, SLICE_ARG(db), SLICE_ARG(table));
    struct wanted wanted = {.key = buf_slice(&key), .out = out};
    buf_reset(out);
    enum rc rc = buf_check(&key, "a note's name", err);
    if (rc == RC_OK)
        rc = at(pipeline, PIPELINE_SIDE_STORE,
                pipeline->parts.store_ops->notes(pipeline->parts.store, buf_slice(&key),
                                                 copy_wanted, &wanted, err));
    if (rc == RC_OK)
        rc = buf_check(out, "a note", err);
    buf_deinit(&key);
    return rc;
}

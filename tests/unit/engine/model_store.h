/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint store in memory, for the pipeline's tests: it keeps what a real one keeps through a
 * crash, and each of its calls is a step at which a life may end, before or after its effect.
 */
#ifndef MILLRACE_TESTS_ENGINE_MODEL_STORE_H
#define MILLRACE_TESTS_ENGINE_MODEL_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/engine.h"

enum { MODEL_ENTRIES = 32, MODEL_NOTES = 64, MODEL_TEXT = 128 };

struct model_note {
    char key[MODEL_TEXT];
    char value[MODEL_TEXT];
    bool forgotten;
};

struct model_notes {
    struct model_note items[MODEL_NOTES];
    unsigned count;
};

struct model_store {
    bool has_intent;
    struct store_intent intent;
    struct manifest_entry entries[MODEL_ENTRIES];
    bool done[MODEL_ENTRIES];
    char tokens[MODEL_ENTRIES][64];
    char dbs[MODEL_ENTRIES][32];
    char names[MODEL_ENTRIES][32];
    struct store_state state;
    struct model_notes notes;   /* true */
    struct model_notes pending; /* of the intent */

    /* The crash: at the n-th step of this life, before (0) or after (1) its effect. */
    unsigned step;
    unsigned crash_at;
    bool crash_after;
    jmp_buf crashed;
};

static struct model_store stored;

/* Called around each effect that outlives a crash. */
static void step_before(void)
{
    stored.step++;
    if (stored.step == stored.crash_at && !stored.crash_after)
        longjmp(stored.crashed, 1);
}

static void step_after(void)
{
    if (stored.step == stored.crash_at && stored.crash_after)
        longjmp(stored.crashed, 1);
}

static void model_notes_put(struct model_notes *notes, const struct model_note *note)
{
    unsigned i = 0;
    while (i < notes->count && strcmp(notes->items[i].key, note->key) != 0)
        i++;
    assert_true(i < MODEL_NOTES);
    notes->items[i] = *note;
    if (i == notes->count)
        notes->count++;
}

static void model_notes_take(struct model_notes *notes, const struct store_note *from,
                             uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct model_note note = {.forgotten = from[i].value.ptr == NULL};
        assert_true(from[i].key.len < MODEL_TEXT && from[i].value.len < MODEL_TEXT);
        snprintf(note.key, sizeof(note.key), "%.*s", SLICE_ARG(from[i].key));
        snprintf(note.value, sizeof(note.value), "%.*s", SLICE_ARG(from[i].value));
        model_notes_put(notes, &note);
    }
}

static UNUSED const char *model_note_get(const char *key)
{
    for (unsigned i = 0; i < stored.notes.count; i++)
        if (strcmp(stored.notes.items[i].key, key) == 0 && !stored.notes.items[i].forgotten)
            return stored.notes.items[i].value;
    return NULL;
}

static enum rc store_notes(const struct store *store UNUSED, struct slice prefix,
                           store_note_fn visit, void *ctx, struct error *err)
{
    enum rc rc = RC_OK;
    for (unsigned i = 0; rc == RC_OK && i < stored.notes.count; i++) {
        const struct model_note *note = &stored.notes.items[i];
        if (!note->forgotten &&
            (prefix.len == 0 || strncmp(note->key, (const char *)prefix.ptr, prefix.len) == 0))
            rc = visit(ctx, slice_str(note->key), slice_str(note->value), err);
    }
    return rc;
}

static void store_clear(void)
{
    position_deinit(&stored.intent.from);
    position_deinit(&stored.intent.to);
    position_deinit(&stored.state.position);
    memset(&stored, 0, sizeof(stored));
    position_init(&stored.intent.from);
    position_init(&stored.intent.to);
    position_init(&stored.state.position);
}

static const struct store_state *store_state(const struct store *store UNUSED)
{
    stored.state.intent = stored.has_intent ? &stored.intent : NULL;
    return &stored.state;
}

static enum rc store_bind(struct store *store UNUSED, const char *server UNUSED,
                          bool has_gtid UNUSED, struct error *err UNUSED)
{
    return RC_OK;
}

/* A load that was done in an earlier attempt is done in this one. */
static bool model_was_done(const char (*tokens)[64], const bool *done, uint32_t count,
                           struct slice token)
{
    for (uint32_t i = 0; i < count; i++)
        if (done[i] && slice_equal(slice_str(tokens[i]), token))
            return true;
    return false;
}

static enum rc store_intent(struct store *store UNUSED, const struct store_intent *intent,
                            struct error *err)
{
    step_before();
    assert_true(!stored.has_intent || stored.intent.epoch == intent->epoch);
    assert_true(intent->epoch == stored.state.epoch + 1);
    struct position from = stored.intent.from, to = stored.intent.to;
    char old_tokens[MODEL_ENTRIES][64];
    bool old_done[MODEL_ENTRIES];
    uint32_t old_count = stored.has_intent ? stored.intent.count : 0;
    memcpy(old_tokens, stored.tokens, sizeof(old_tokens));
    memcpy(old_done, stored.done, sizeof(old_done));
    assert_true(!stored.has_intent || intent->attempt > stored.intent.attempt);
    stored.intent = *intent;
    stored.intent.from = from;
    stored.intent.to = to;
    assert_int_equal(position_copy(&stored.intent.from, &intent->from, err), RC_OK);
    assert_int_equal(position_copy(&stored.intent.to, &intent->to, err), RC_OK);
    stored.intent.entries = stored.entries;
    stored.intent.done = stored.done;
    for (uint32_t i = 0; i < intent->count; i++) {
        stored.entries[i] = intent->entries[i];
        snprintf(stored.tokens[i], sizeof(stored.tokens[i]), "%.*s",
                 SLICE_ARG(intent->entries[i].token));
        snprintf(stored.dbs[i], sizeof(stored.dbs[i]), "%.*s", SLICE_ARG(intent->entries[i].db));
        snprintf(stored.names[i], sizeof(stored.names[i]), "%.*s",
                 SLICE_ARG(intent->entries[i].table));
        stored.entries[i].token = slice_str(stored.tokens[i]);
        stored.entries[i].db = slice_str(stored.dbs[i]);
        stored.entries[i].table = slice_str(stored.names[i]);
        stored.entries[i].transaction = 0;
        stored.done[i] = model_was_done(old_tokens, old_done, old_count, intent->entries[i].token);
    }
    assert_true(intent->count <= MODEL_ENTRIES);
    memset(&stored.pending, 0, sizeof(stored.pending));
    model_notes_take(&stored.pending, intent->notes, intent->note_count);
    stored.has_intent = true;
    step_after();
    return RC_OK;
}

static enum rc store_prepared(struct store *store UNUSED, uint64_t epoch,
                              const struct store_prepared *loads, uint32_t count,
                              struct error *err UNUSED)
{
    assert_int_equal(epoch, stored.intent.epoch);
    assert_true(count > 0);
    step_before();
    for (uint32_t i = 0; i < count; i++) {
        assert_true(loads[i].entry < stored.intent.count && loads[i].transaction != 0);
        assert_true(stored.entries[loads[i].entry].two_phase);
        stored.entries[loads[i].entry].transaction = loads[i].transaction;
    }
    step_after();
    return RC_OK;
}

static enum rc store_done(struct store *store UNUSED, uint64_t epoch, uint32_t entry,
                          bool durable UNUSED, struct error *err UNUSED)
{
    assert_int_equal(epoch, stored.intent.epoch);
    step_before();
    stored.done[entry] = true;
    step_after();
    return RC_OK;
}

static enum rc store_advance(struct store *store UNUSED, uint64_t epoch, struct error *err)
{
    assert_true(stored.has_intent);
    assert_int_equal(epoch, stored.intent.epoch);
    step_before();
    stored.has_intent = false;
    for (unsigned i = 0; i < stored.pending.count; i++)
        model_notes_put(&stored.notes, &stored.pending.items[i]);
    stored.state.epoch = epoch;
    assert_int_equal(position_copy(&stored.state.position, &stored.intent.to, err), RC_OK);
    step_after();
    return RC_OK;
}

static enum rc store_move(struct store *store UNUSED, const struct position *to,
                          const struct store_note *notes, uint32_t note_count, struct error *err)
{
    assert_false(stored.has_intent);
    step_before();
    model_notes_take(&stored.notes, notes, note_count);
    assert_int_equal(position_copy(&stored.state.position, to, err), RC_OK);
    step_after();
    return RC_OK;
}

static const struct store_ops store_ops = {
    .name = "model",
    .state = store_state,
    .bind = store_bind,
    .intent = store_intent,
    .prepared = store_prepared,
    .done = store_done,
    .advance = store_advance,
    .move = store_move,
    .notes = store_notes,
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an earlier life left unfinished: epochs whose intents are in the store, one or several, each
 * beginning where the one before it ends. Its range of the source's stream is known, and a range does
 * not change; its loads have names that the target can be asked for.
 *
 *   prepared, as the store says committed now; one whose time is over was never visible, and is not
 *                               applied
 *   in two phases, and not      taken back: nobody has committed it, whatever the target remembers
 *   prepared
 *   every load applied          the epoch is over; go on behind it
 *   some not applied            read the range again, seal it under the same epoch: the same loads with
 *                               the same names; send those that are not applied
 *   the target knows no more    a keyed table may be loaded again (the same end state); a keyless one
 *                               only while the name must still be known, had the load arrived
 *   of an unkeyed table that    waited out and left behind: the target is emptied and its snapshot
 *   a snapshot was filling      begun again (taking.c)
 *
 *   its rows were dead letters   the file says which; nothing of the stream is in it (reload.c)
 *   it came in parts, and is    begin again at its start: a transaction was larger than the sink's
 *   not all prepared            buffer, nothing of it is visible, and it need not be cut where it was
 *   ... all prepared, but the   stop, with words, if some of it is committed by now; else as above
 *   target has aborted some
 *
 * All loads of all unfinished epochs are asked for first. Then the epochs are finished in their order; from
 * the first one on of which something is missing all ranges are read again, because notes of a later
 * epoch need those of an earlier one. A load that is missing never has a later one of its table at the
 * target: that was not sent before the store knew the earlier one as done.
 *
 * The range is sealed under a new attempt of its epoch, whose notes are the source's alone: those of
 * chunks of a snapshot that were in the epoch are not true, for the chunks are read again.
 */
#include "recovery_int.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "epoch_int.h"
#include "notes_int.h"
#include "reload_int.h"

static enum rc copy_entry(struct arena *arena, struct manifest_entry *to,
                          const struct manifest_entry *from, struct error *err)
{
    *to = *from;
    to->db = arena_copy(arena, from->db);
    to->table = arena_copy(arena, from->table);
    to->token = arena_copy(arena, from->token);
    if (to->db.ptr == NULL || to->table.ptr == NULL || to->token.ptr == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the journal's loads.");
    return RC_OK;
}

void recovery_init(struct replay *replay)
{
    for (unsigned i = 0; i < STORE_EPOCHS_MAX; i++) {
        position_init(&replay->items[i].from);
        position_init(&replay->items[i].to);
    }
}

void recovery_deinit(struct replay *replay)
{
    for (unsigned i = 0; i < STORE_EPOCHS_MAX; i++) {
        position_deinit(&replay->items[i].from);
        position_deinit(&replay->items[i].to);
    }
}

/* The epoch whose range is read again. */
static struct unfinished *current(struct pipeline *pipeline)
{
    return &pipeline->replay.items[pipeline->replay.at];
}

uint64_t recovery_epoch(const struct pipeline *pipeline)
{
    return pipeline->replay.items[pipeline->replay.at].epoch;
}

static enum rc copy_intent(struct pipeline *pipeline, const struct store_intent *intent,
                           struct unfinished *unfinished, struct error *err)
{
    struct arena *arena = &pipeline->arena;
    unfinished->epoch = intent->epoch;
    unfinished->attempt = intent->attempt;
    unfinished->count = intent->count;
    unfinished->entries = arena_alloc(arena, intent->count * sizeof(*unfinished->entries));
    unfinished->states = arena_alloc(arena, intent->count * sizeof(*unfinished->states));
    if (unfinished->entries == NULL || unfinished->states == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the journal's loads.");
    for (uint32_t i = 0; i < intent->count; i++) {
        enum rc rc = copy_entry(arena, &unfinished->entries[i], &intent->entries[i], err);
        if (rc != RC_OK)
            return rc;
    }
    enum rc rc = position_copy(&unfinished->from, &intent->from, err);
    return rc != RC_OK ? rc : position_copy(&unfinished->to, &intent->to, err);
}

/* Whether the entry's target is one that an unfinished snapshot fills. */
static enum rc is_filling(struct pipeline *pipeline, const struct manifest_entry *entry,
                          bool *filling_out, struct error *err)
{
    struct buf value;
    buf_init(&value, 4096);
    enum rc rc = notes_get(pipeline, "pipeline/filling/", entry->db, entry->table, &value, err);
    *filling_out = value.len > 0;
    buf_deinit(&value);
    return rc;
}

/* A keyless load that the target does not know: it never arrived, or it did and was forgotten. */
static enum rc judge_forgotten(struct pipeline *pipeline, const struct manifest_entry *entry,
                               uint64_t age_ms, struct error *err)
{
    const struct pipeline_config *config = pipeline->parts.config;
    /* A load that was prepared was there for certain: that it is unknown means that it was forgotten,
     * however short the time. */
    bool trusted = entry->transaction == 0 && age_ms <= config->label_trust_ms;
    if (!entry->keyless || trusted)
        return RC_OK;
    bool filling = false;
    enum rc rc = is_filling(pipeline, entry, &filling, err);
    if (rc != RC_OK || filling)
        return rc;
    if (config->delivery == PIPELINE_AT_LEAST_ONCE) {
        log_warn("pipeline.recovery",
                 "A load of a table without a key is sent again, and its rows may be there twice.",
                 LOG_SLICE("db", entry->db), LOG_SLICE("table", entry->table),
                 LOG_SLICE("label", entry->token), LOG_U64("rows", entry->rows));
        return RC_OK;
    }
    error_set(err, RC_MISMATCH,
              "It is not known whether the %llu rows of the keyless table %.*s.%.*s that were sent "
              "%llu seconds ago under the label %.*s arrived: the target has forgotten the label.",
              (unsigned long long)entry->rows, SLICE_ARG(entry->db), SLICE_ARG(entry->table),
              (unsigned long long)(age_ms / 1000), SLICE_ARG(entry->token));
    error_hint(err, entry->transaction == 0
                        ? "Look into the table; if they are missing, start once with a larger "
                          "`label.trust`, or with `delivery: at-least-once`."
                        : "Look into the table; if they are missing, start once with `delivery: "
                          "at-least-once`.");
    return RC_MISMATCH;
}

/* How long ago the unfinished attempt began. */
static uint64_t age_ms_of(const struct store_intent *intent)
{
    uint64_t now_us = clock_wall_us();
    return now_us > intent->started_wall_us ? (now_us - intent->started_wall_us) / 1000 : 0;
}

/* What became of one load. What is found applied is noted at once: another attempt will carry that
 * note with its intent, for by the time of a later question the label may be forgotten. The age counts
 * when the answer is here, because a load that was running may have been waited for. `take_back`: it
 * is not to be committed, though it is prepared. */
static enum rc resolve_one(struct pipeline *pipeline, const struct unfinished *unfinished,
                           uint32_t index, bool take_back, enum load_state *state,
                           struct error *err)
{
    const struct store_ops *store_ops = pipeline->parts.store_ops;
    struct store *store = pipeline->parts.store;
    struct sink *sink = pipeline->parts.sink;
    const struct store_intent *intent = store_ops->state(store)->intent;
    while (intent->epoch != unfinished->epoch)
        intent = intent->next;
    struct manifest_entry entry = unfinished->entries[index];
    *state = LOAD_APPLIED;
    if (intent->done[index])
        return RC_OK;
    if (take_back)
        entry.transaction = 0;
    enum rc rc = at(pipeline, PIPELINE_SIDE_SINK, sink->ops->resolve(sink, &entry, state, err));
    if (rc == RC_OK && *state == LOAD_UNKNOWN)
        rc = at(pipeline, PIPELINE_SIDE_SINK,
                judge_forgotten(pipeline, &entry, age_ms_of(intent), err));
    if (rc == RC_OK && *state == LOAD_APPLIED)
        rc = at(pipeline, PIPELINE_SIDE_STORE,
                store_ops->done(store, intent->epoch, index, false, err));
    return rc;
}

static enum rc resolve_all(struct pipeline *pipeline, struct unfinished *unfinished,
                           bool *all_applied, struct error *err)
{
    *all_applied = true;
    for (uint32_t i = 0; i < unfinished->count; i++) {
        enum load_state state;
        /* The oldest part comes first: when its time is over, the others are not shown without it. */
        bool take_back = unfinished->entries[i].in_parts && !*all_applied;
        enum rc rc = resolve_one(pipeline, unfinished, i, take_back, &state, err);
        if (rc != RC_OK)
            return rc;
        unfinished->states[i] = state;
        *all_applied = *all_applied && state == LOAD_APPLIED;
        log_info("pipeline.recovery", "A load of the unfinished epoch was looked up.",
                 LOG_U64("epoch", unfinished->epoch),
                 LOG_SLICE("table", unfinished->entries[i].table),
                 LOG_SLICE("label", unfinished->entries[i].token),
                 LOG_STR("state", state == LOAD_APPLIED       ? "applied"
                                  : state == LOAD_NOT_APPLIED ? "not applied"
                                                              : "not known"));
    }
    return RC_OK;
}

/* An epoch in parts of which something is missing: read again from its beginning, as if it had never
 * been begun, if nothing of it is visible. */
static enum rc begin_again(struct pipeline *pipeline, struct error *err)
{
    const struct unfinished *replay = current(pipeline);
    bool shown = false;
    for (uint32_t i = 0; i < replay->count; i++)
        shown = shown || replay->states[i] == LOAD_APPLIED;
    if (shown && pipeline->parts.config->delivery != PIPELINE_AT_LEAST_ONCE) {
        error_set(err, RC_MISMATCH,
                  "Epoch %llu, a transaction that was larger than the sink's buffer, was prepared; "
                  "some of its loads were committed, and the target has aborted others since.",
                  (unsigned long long)replay->epoch);
        error_hint(err, "Start once with `delivery: at-least-once`, which loads all of it again; "
                        "tables without a key may then hold rows of it twice.");
        return RC_MISMATCH;
    }
    /* Its number is used: another cut must not meet its labels. */
    struct store_intent nothing = {.epoch = replay->epoch,
                                   .attempt = replay->attempt + 1,
                                   .started_wall_us = clock_wall_us(),
                                   .from = replay->from,
                                   .to = replay->from};
    const struct store_ops *store_ops = pipeline->parts.store_ops;
    enum rc rc =
        at(pipeline, PIPELINE_SIDE_STORE, store_ops->intent(pipeline->parts.store, &nothing, err));
    if (rc == RC_OK)
        rc = at(pipeline, PIPELINE_SIDE_STORE,
                store_ops->advance(pipeline->parts.store, replay->epoch, err));
    if (rc != RC_OK)
        return rc;
    pipeline->next_epoch = replay->epoch + 1;
    log_info("pipeline.recovery",
             "Parts of a large transaction are taken back; it is read again from its beginning.",
             LOG_U64("epoch", replay->epoch), LOG_U64("loads", replay->count));
    return position_copy(&pipeline->open_from, &replay->from, err);
}

static enum rc copy_intents(struct pipeline *pipeline, const struct store_intent *oldest,
                            struct error *err)
{
    struct replay *replay = &pipeline->replay;
    enum rc rc = RC_OK;
    for (const struct store_intent *at = oldest; rc == RC_OK && at != NULL; at = at->next) {
        ASSERT(replay->count < STORE_EPOCHS_MAX);
        rc = copy_intent(pipeline, at, &replay->items[replay->count++], err);
    }
    return rc;
}

/* Nothing of the current epoch is missing: it is over. */
static enum rc advance_arrived(struct pipeline *pipeline, struct error *err)
{
    const struct unfinished *arrived = current(pipeline);
    enum rc rc = at(pipeline, PIPELINE_SIDE_STORE,
                    pipeline->parts.store_ops->advance(pipeline->parts.store, arrived->epoch, err));
    if (rc != RC_OK)
        return rc;
    pipeline->next_epoch = arrived->epoch + 1;
    pipeline->replay.at++;
    log_info("pipeline.recovery", "The unfinished epoch had arrived as a whole.",
             LOG_U64("epoch", arrived->epoch));
    return position_copy(&pipeline->open_from, &arrived->to, err);
}

/* The current range is read from here on. `in_txn`: the one before it ended inside a transaction, so this
 * one may end in the same. */
static enum rc begin_range(struct pipeline *pipeline, bool in_txn, struct error *err)
{
    struct source *source = pipeline->parts.source;
    struct unfinished *range = current(pipeline);
    range->base_reached = in_txn && source->ops->reached(source, &range->to);
    pipeline->next_epoch = range->epoch;
    log_info("pipeline.recovery", "The range of the unfinished epoch is read again.",
             LOG_U64("epoch", range->epoch), LOG_U64("loads", range->count));
    return position_copy(&pipeline->open_from, &range->from, err);
}

enum rc recovery_begin(struct pipeline *pipeline, struct error *err)
{
    const struct store_ops *store_ops = pipeline->parts.store_ops;
    struct store *store = pipeline->parts.store;
    const struct store_state *state = store_ops->state(store);
    pipeline->next_epoch = state->epoch + 1;
    if (state->intent == NULL)
        return position_copy(&pipeline->open_from, &state->position, err);

    struct replay *replay = &pipeline->replay;
    unsigned arrived = 0; /* epochs, the oldest, of which nothing is missing */
    enum rc rc = copy_intents(pipeline, state->intent, err);
    for (unsigned i = 0; rc == RC_OK && i < replay->count; i++) {
        bool all_applied = false;
        rc = resolve_all(pipeline, &replay->items[i], &all_applied, err);
        arrived += all_applied && arrived == i;
    }
    while (rc == RC_OK && replay->at < arrived)
        rc = advance_arrived(pipeline, err);
    if (rc != RC_OK || replay->at == replay->count)
        return rc;
    if (current(pipeline)->entries[0].in_parts)
        return begin_again(pipeline, err);
    replay->active = true;
    return begin_range(pipeline, false, err);
}

static bool border_is_over(struct pipeline *pipeline, bool txn_ended)
{
    struct unfinished *replay = current(pipeline);
    struct source *source = pipeline->parts.source;
    bool was_reached = replay->base_reached;
    replay->base_reached = was_reached || source->ops->reached(source, &replay->to);
    if (replay->to.rows_done == 0 && replay->to.targets_done == 0)
        return replay->base_reached;
    /* The range ends inside a transaction. Its own end is passed only when it has now fewer rows
     * than were counted, because a table is no longer wanted; then that is the end of the range. */
    return was_reached && txn_ended;
}

static bool ends_inside(const struct unfinished *range)
{
    return range->to.rows_done > 0 || range->to.targets_done > 0;
}

bool recovery_ends_inside(const struct pipeline *pipeline)
{
    return pipeline->replay.active && ends_inside(&pipeline->replay.items[pipeline->replay.at]);
}

bool recovery_is_over(struct pipeline *pipeline, const struct change *change)
{
    struct unfinished *replay = current(pipeline);
    if (replay->letters)
        return true;
    if (change == NULL || change->kind == CHANGE_COMMIT || change->kind == CHANGE_IDLE)
        return border_is_over(pipeline, change != NULL && change->kind == CHANGE_COMMIT);
    if (!replay->base_reached)
        return false;
    if (change->ordinal != replay->to.rows_done)
        return change->ordinal > replay->to.rows_done;
    return pipeline->row_targets_done >= replay->to.targets_done;
}

/* The index of the load of that name; `count` when there is none. */
static uint32_t find_entry(const struct manifest_entry *entries, uint32_t count,
                           const struct manifest_entry *wanted)
{
    uint32_t index = 0;
    while (index < count && !(slice_equal(entries[index].db, wanted->db) &&
                              slice_equal(entries[index].table, wanted->table) &&
                              slice_equal(entries[index].token, wanted->token)))
        index++;
    return index;
}

/* A load that the range gives now has no name in the journal. Where one of the same keyless target has
 * arrived whose name the range does not give any more, they are the same rows. */
static enum rc judge_renamed(struct pipeline *pipeline, const struct manifest *manifest,
                             const struct manifest_entry *entry, struct error *err)
{
    const struct unfinished *replay = current(pipeline);
    const struct manifest_entry *arrived = NULL;
    for (uint32_t i = 0; i < replay->count && entry->keyless && arrived == NULL; i++)
        if (replay->states[i] == LOAD_APPLIED && slice_equal(replay->entries[i].db, entry->db) &&
            slice_equal(replay->entries[i].table, entry->table) &&
            find_entry(manifest->entries, manifest->count, &replay->entries[i]) == manifest->count)
            arrived = &replay->entries[i];
    bool filling = false;
    enum rc rc = arrived == NULL ? RC_OK : is_filling(pipeline, entry, &filling, err);
    if (rc != RC_OK || arrived == NULL || filling)
        return rc;
    if (pipeline->parts.config->delivery == PIPELINE_AT_LEAST_ONCE) {
        log_warn("pipeline.recovery",
                 "A load of a table without a key has another label than before it arrived, and is "
                 "sent again: its rows will be there twice.",
                 LOG_SLICE("db", entry->db), LOG_SLICE("table", entry->table),
                 LOG_SLICE("label", arrived->token), LOG_U64("rows", arrived->rows));
        return RC_OK;
    }
    error_set(
        err, RC_MISMATCH,
        "The %llu rows of the keyless table %.*s.%.*s in the unfinished epoch %llu have arrived "
        "under the label %.*s, and by the pipeline file of now they would come again as %.*s.",
        (unsigned long long)arrived->rows, SLICE_ARG(entry->db), SLICE_ARG(entry->table),
        (unsigned long long)replay->epoch, SLICE_ARG(arrived->token), SLICE_ARG(entry->token));
    error_hint(err, "Start once with the settings from before (sink.label-prefix, "
                    "sink.multi-table-transactions, routes), until that epoch is finished.");
    return RC_MISMATCH;
}

/* Finds the loads of the journal among those that the range gives now: which are applied already. */
static enum rc match(struct pipeline *pipeline, const struct manifest *manifest, bool *applied,
                     struct error *err)
{
    const struct unfinished *replay = current(pipeline);
    for (uint32_t i = 0; i < manifest->count; i++) {
        const struct manifest_entry *entry = &manifest->entries[i];
        uint32_t index = find_entry(replay->entries, replay->count, entry);
        applied[i] = index < replay->count && replay->states[index] == LOAD_APPLIED;
        enum rc rc = index < replay->count ? RC_OK : judge_renamed(pipeline, manifest, entry, err);
        if (rc != RC_OK)
            return rc;
        if (index < replay->count && replay->entries[index].rows != entry->rows &&
            !pipeline->replay.had_snapshot && !replay->letters)
            log_warn(
                "pipeline.recovery",
                "A table has another number of rows in the range than before; was its route or "
                "its columns changed?",
                LOG_SLICE("table", entry->table),
                LOG_U64("rows_before", replay->entries[index].rows),
                LOG_U64("rows_now", entry->rows));
    }
    return RC_OK;
}

/* The range as it came out now, with the notes that belong to its end. */
static enum rc say_again(struct pipeline *pipeline, const struct manifest *manifest,
                         struct error *err)
{
    const struct unfinished *replay = current(pipeline);
    struct store_intent intent = {
        .epoch = replay->epoch,
        .attempt = replay->attempt + 1,
        .started_wall_us = clock_wall_us(),
        .from = replay->from,
        .to = replay->to,
        .count = manifest->count,
        .notes = notes_waiting(&pipeline->notes),
        .note_count = pipeline->notes.count,
    };
    intent.entries = (struct manifest_entry *)(uintptr_t)manifest->entries;
    enum rc rc = at(pipeline, PIPELINE_SIDE_STORE,
                    pipeline->parts.store_ops->intent(pipeline->parts.store, &intent, err));
    if (rc == RC_OK)
        notes_stored(&pipeline->notes);
    return rc;
}

static enum rc submit_rest(struct pipeline *pipeline, const struct manifest *manifest,
                           struct error *err)
{
    bool *applied = arena_alloc(&pipeline->arena, manifest->count * sizeof(*applied));
    if (applied == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the journal's loads.");
    enum rc rc = match(pipeline, manifest, applied, err);
    if (rc == RC_OK)
        rc = say_again(pipeline, manifest, err);
    if (rc == RC_OK)
        rc = at(pipeline, PIPELINE_SIDE_SINK,
                pipeline->parts.sink->ops->submit(pipeline->parts.sink, applied, err));
    if (rc != RC_OK)
        return rc;
    epoch_fly(pipeline, recovery_epoch(pipeline));
    return epoch_drain(pipeline, 0, err);
}

enum rc recovery_finish(struct pipeline *pipeline, struct error *err)
{
    struct unfinished *replay = current(pipeline);
    struct sink *sink = pipeline->parts.sink;
    struct manifest manifest;
    enum rc rc = replay->letters ? reload_again(pipeline, replay->epoch, err) : RC_OK;
    if (rc == RC_OK)
        rc = at(pipeline, PIPELINE_SIDE_SINK, sink->ops->seal(sink, replay->epoch, &manifest, err));
    if (rc != RC_OK)
        return rc;
    if (manifest.count > 0)
        rc = submit_rest(pipeline, &manifest, err);
    else
        rc = say_again(pipeline, &manifest, err);
    if (rc == RC_OK && manifest.count == 0)
        rc = at(pipeline, PIPELINE_SIDE_STORE,
                pipeline->parts.store_ops->advance(pipeline->parts.store, replay->epoch, err));
    if (rc == RC_OK && replay->letters)
        rc = reload_over(pipeline, replay->epoch, err);
    if (rc != RC_OK)
        return rc;
    replay->letters = false;
    pipeline->open_since_us = 0;
    pipeline->next_epoch = replay->epoch + 1;
    log_info("pipeline.recovery", "The unfinished epoch is finished.",
             LOG_U64("epoch", replay->epoch));
    pipeline->replay.active = ++pipeline->replay.at < pipeline->replay.count;
    return pipeline->replay.active ? begin_range(pipeline, ends_inside(replay), err)
                                   : position_copy(&pipeline->open_from, &replay->to, err);
}

enum rc recovery_end(struct pipeline *pipeline, const struct change *change, struct error *err)
{
    enum rc rc = RC_OK;
    while (rc == RC_OK && pipeline->replay.active && recovery_is_over(pipeline, change))
        rc = recovery_finish(pipeline, err);
    return rc;
}

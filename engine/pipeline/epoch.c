/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of an epoch, in the order that makes it safe (design: say it, then do it):
 *
 *   seal      the open batch is closed; its loads have their names
 *   intent    the store knows range and names, durably, before the first byte goes out
 *   submit    the loads run while the next batch fills, and while loads of the next epoch run
 *   prepared  loads in two phases wait at the target: the store knows their transactions, durably,
 *             before the first one is committed
 *   commit    they become visible
 *   done      each load that is durable at the target
 *   advance   all of them: the position moves
 *
 * Several epochs may be on their way: the next one is sent when the sink says that much of it can begin at
 * once. They become prepared and advance in their order, and a table has loads of one of them on its way
 * at a time. Where the sink waits with the later one for the earlier one's end, that end is durable in
 * the store first: a start must never send the earlier one again behind the later.
 *
 * With `delivery.visibility: together` a transaction that does not fit into the sink's buffer comes in
 * parts: each is sealed, said, submitted and prepared, and its memory is free; `prepared`, commit and
 * the rest come once, with the last part, at the transaction's end. Nothing of it is visible before,
 * and a crash before takes all of it back (recovery.c).
 */
#include "epoch_int.h"

#include <stdlib.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "notes_int.h"
#include "progress_int.h"
#include "status_int.h"

/* What is prepared and not committed counts against the target's bound of running transactions
 * (facts/doris.md 2.4, facts/starrocks.md 1.7: 1000 a database, all users together). */
enum { PART_LOADS_MAX = 500 };

bool epoch_is_due(const struct pipeline *pipeline, uint64_t now_us)
{
    if (pipeline->open_since_us == 0)
        return false;
    if (pipeline->flights.split)
        return true; /* it ends with the transaction that it was made for */
    const struct sink_limits *limits = &pipeline->limits;
    if (now_us - pipeline->open_since_us >= limits->flush_interval_ms * 1000)
        return true;
    struct sink_pending pending;
    struct sink *sink = pipeline->parts.sink;
    sink->ops->pending(sink, &pending);
    return (limits->flush_rows > 0 && pending.rows >= limits->flush_rows) ||
           (limits->flush_bytes > 0 && pending.bytes >= limits->flush_bytes);
}

/* Whether one more epoch may be on its way. */
static bool has_room(const struct pipeline *pipeline, uint64_t unused UNUSED)
{
    const struct flights *flights = &pipeline->flights;
    return flights->count == 0 ||
           (flights->count < pipeline->limits.epochs && flights->count < STORE_EPOCHS_MAX &&
            !pipeline->parts.store_ops->state(pipeline->parts.store)->crowded);
}

bool epoch_may_begin(const struct pipeline *pipeline)
{
    const struct sink *sink = pipeline->parts.sink;
    return pipeline->flights.count == 0 || (has_room(pipeline, 0) && sink->ops->would_begin(sink));
}

enum rc epoch_here(struct pipeline *pipeline, struct position *out, struct error *err)
{
    struct source *source = pipeline->parts.source;
    enum rc rc = at(pipeline, PIPELINE_SIDE_SOURCE, source->ops->position(source, out, err));
    if (rc != RC_OK)
        return rc;
    out->rows_done = pipeline->in_txn ? pipeline->txn_rows_done : 0;
    out->targets_done = pipeline->in_txn ? pipeline->row_targets_done : 0;
    if (!pipeline->inside)
        return RC_OK;
    out->rows_done = pipeline->skip_row;
    out->targets_done = pipeline->skip_targets;
    return RC_OK;
}

void epoch_deinit(struct flights *flights)
{
    for (unsigned i = 0; i < STORE_EPOCHS_MAX; i++)
        free(flights->items[i].prepared);
}

void epoch_fly(struct pipeline *pipeline, uint64_t epoch)
{
    struct flights *flights = &pipeline->flights;
    ASSERT(flights->count < STORE_EPOCHS_MAX);
    struct flight *flight = &flights->items[flights->count++];
    flight->epoch = epoch;
    flight->started_us = clock_monotonic_us();
    flights->part = false;
    if (flights->split)
        return;
    flight->prepared_count = 0;
    flight->rows = flight->bytes = 0;
}

/* What was sealed, said and sent. */
static enum rc send_sealed(struct pipeline *pipeline, const struct manifest *manifest,
                           struct error *err)
{
    struct sink *sink = pipeline->parts.sink;
    enum rc rc = epoch_here(pipeline, &pipeline->taken, err);
    if (rc != RC_OK)
        return rc;
    struct store_intent intent = {
        .epoch = pipeline->next_epoch,
        .attempt = pipeline->attempt,
        .started_wall_us = clock_wall_us(),
        .from = pipeline->open_from,
        .to = pipeline->taken,
        .count = manifest->count,
    };
    /* The store copies the entries; it does not write to ours. */
    intent.entries = (struct manifest_entry *)(uintptr_t)manifest->entries;
    intent.notes = notes_waiting(&pipeline->notes);
    intent.note_count = pipeline->notes.count;
    rc = at(pipeline, PIPELINE_SIDE_STORE,
            pipeline->parts.store_ops->intent(pipeline->parts.store, &intent, err));
    if (rc != RC_OK)
        return rc;
    pipeline->attempt++;
    rc = at(pipeline, PIPELINE_SIDE_SINK, sink->ops->submit(sink, NULL, err));
    if (rc == RC_OK)
        epoch_fly(pipeline, pipeline->next_epoch);
    return rc;
}

enum rc epoch_close(struct pipeline *pipeline, struct error *err)
{
    ASSERT(has_room(pipeline, 0));
    struct sink *sink = pipeline->parts.sink;
    struct manifest manifest;
    enum rc rc = at(pipeline, PIPELINE_SIDE_SINK,
                    sink->ops->seal(sink, pipeline->next_epoch, &manifest, err));
    if (rc != RC_OK)
        return rc;
    pipeline->open_since_us = 0;
    if (manifest.count == 0)
        return RC_OK;
    rc = send_sealed(pipeline, &manifest, err);
    if (rc != RC_OK)
        return rc;
    notes_stored(&pipeline->notes);
    pipeline->next_epoch++;
    pipeline->attempt = 1;
    return position_copy(&pipeline->open_from, &pipeline->taken, err);
}

/* The store's position is where a start would begin. */
static void tell_settled(struct pipeline *pipeline)
{
    struct source *source = pipeline->parts.source;
    if (source->ops->settled != NULL)
        source->ops->settled(source,
                             &pipeline->parts.store_ops->state(pipeline->parts.store)->position);
}

/* Whether the open batch ends behind rows of a transaction that has more. */
static bool is_inside(const struct pipeline *pipeline)
{
    return pipeline->in_txn && (pipeline->txn_rows_done > 0 || pipeline->row_targets_done > 0);
}

/* A transaction that had to become visible as a whole does not. Said once. */
static void tell_pieces(struct pipeline *pipeline, const char *reason)
{
    if (!pipeline->told_pieces)
        log_warn("pipeline.epoch", "A transaction becomes visible in pieces.",
                 LOG_STR("reason", reason));
    pipeline->told_pieces = true;
}

/* The notes are given with each part and kept: they are the last part's. */
enum rc epoch_cut(struct pipeline *pipeline, struct error *err)
{
    ASSERT(has_room(pipeline, 0));
    struct flights *flights = &pipeline->flights;
    struct sink *sink = pipeline->parts.sink;
    if (!is_together(pipeline) || !is_inside(pipeline) || sink->ops->seal_part == NULL)
        return epoch_close(pipeline, err);
    struct manifest manifest;
    struct error why;
    error_clear(&why);
    enum rc rc =
        flights->split && flights->loads >= PART_LOADS_MAX
            ? error_set(&why, RC_UNSUPPORTED, "it needs more than %d loads", PART_LOADS_MAX)
            : sink->ops->seal_part(sink, pipeline->next_epoch, &manifest, &why);
    if (rc == RC_UNSUPPORTED) {
        tell_pieces(pipeline, why.text);
        return epoch_close(pipeline, err);
    }
    if (rc != RC_OK) {
        if (err != NULL)
            *err = why;
        return at(pipeline, PIPELINE_SIDE_SINK, rc);
    }
    pipeline->open_since_us = 0;
    rc = send_sealed(pipeline, &manifest, err);
    flights->part = flights->split = true;
    flights->loads = manifest.count;
    return rc;
}

/* The oldest is not on its way any more; its memory serves a later one. */
static void land(struct flights *flights)
{
    struct flight landed = flights->items[0];
    flights->count--;
    for (unsigned i = 0; i < flights->count; i++)
        flights->items[i] = flights->items[i + 1];
    flights->items[flights->count] = landed;
}

/* The oldest epoch is durable. */
static enum rc finish_flight(struct pipeline *pipeline, struct error *err)
{
    const struct flight *flight = &pipeline->flights.items[0];
    enum rc rc = at(pipeline, PIPELINE_SIDE_STORE,
                    pipeline->parts.store_ops->advance(pipeline->parts.store, flight->epoch, err));
    if (rc != RC_OK)
        return rc;
    uint64_t now_us = clock_monotonic_us();
    log_debug("pipeline.epoch", "An epoch is durable at the target.",
              LOG_U64("epoch", flight->epoch), LOG_U64("rows", flight->rows),
              LOG_U64("bytes", flight->bytes), LOG_U64("ms", (now_us - flight->started_us) / 1000));
    land(&pipeline->flights);
    pipeline->flights.split = false;
    pipeline->moved_us = now_us;
    tell_settled(pipeline);
    pipeline->limits = pipeline->parts.sink->ops->limits(pipeline->parts.sink);
    return RC_OK;
}

/* Remembers a load that waits for its commit. */
static enum rc keep_prepared(struct flight *flight, const struct sink_result *result,
                             struct error *err)
{
    if (flight->prepared_count == flight->prepared_cap) {
        uint32_t cap = flight->prepared_cap == 0 ? 16 : 2 * flight->prepared_cap;
        struct store_prepared *prepared = realloc(flight->prepared, cap * sizeof(*prepared));
        if (prepared == NULL)
            return error_set(err, RC_MEMORY, "There is no memory for a list of %u loads.", cap);
        flight->prepared = prepared;
        flight->prepared_cap = cap;
    }
    flight->prepared[flight->prepared_count++] =
        (struct store_prepared){.entry = result->entry, .transaction = result->transaction};
    return RC_OK;
}

/* All loads of the oldest epoch were told, and some are prepared: the store must know them before they are
 * committed. */
static enum rc commit_flight(struct pipeline *pipeline, struct error *err)
{
    struct flight *flight = &pipeline->flights.items[0];
    struct sink *sink = pipeline->parts.sink;
    enum rc rc =
        at(pipeline, PIPELINE_SIDE_STORE,
           pipeline->parts.store_ops->prepared(pipeline->parts.store, flight->epoch,
                                               flight->prepared, flight->prepared_count, err));
    if (rc != RC_OK)
        return rc;
    log_debug("pipeline.epoch", "The loads of an epoch are prepared; they are committed now.",
              LOG_U64("epoch", flight->epoch), LOG_U64("loads", flight->prepared_count));
    flight->prepared_count = 0;
    return at(pipeline, PIPELINE_SIDE_SINK, sink->ops->commit(sink, err));
}

/* One load is durable, or prepared. */
static enum rc take_result(struct pipeline *pipeline, const struct sink_result *result,
                           struct error *err)
{
    unsigned at_item = 0;
    while (result->epoch != 0 && pipeline->flights.items[at_item].epoch != result->epoch)
        at_item++;
    ASSERT(at_item < pipeline->flights.count);
    struct flight *flight = &pipeline->flights.items[at_item];
    if (result->transaction != 0)
        return keep_prepared(flight, result, err);
    flight->rows += result->rows;
    flight->bytes += result->bytes;
    return at(pipeline, PIPELINE_SIDE_STORE,
              pipeline->parts.store_ops->done(pipeline->parts.store, flight->epoch, result->entry,
                                              result->awaited, err));
}

/* The part waits at the target for the others. */
static enum rc part_is_prepared(struct pipeline *pipeline)
{
    struct flights *flights = &pipeline->flights;
    flights->part = false;
    flights->count = 0; /* its list of what is prepared stays in the first */
    log_debug("pipeline.epoch", "A part of a large transaction is prepared.",
              LOG_U64("epoch", flights->items[0].epoch),
              LOG_U64("loads", flights->items[0].prepared_count));
    return RC_OK;
}

enum rc epoch_poll(struct pipeline *pipeline, unsigned wait_ms, struct error *err)
{
    struct sink *sink = pipeline->parts.sink;
    while (pipeline->flights.count > 0) {
        struct sink_result result = {0};
        enum rc rc = at(pipeline, PIPELINE_SIDE_SINK, sink->ops->poll(sink, wait_ms, &result, err));
        if (rc == RC_AGAIN)
            return RC_OK;
        if (rc == RC_OK)
            rc = take_result(pipeline, &result, err);
        else if (rc == RC_EOF && pipeline->flights.part)
            return part_is_prepared(pipeline);
        else if (rc == RC_EOF && pipeline->flights.items[0].prepared_count > 0)
            rc = commit_flight(pipeline, err);
        else if (rc == RC_EOF)
            rc = finish_flight(pipeline, err);
        if (rc != RC_OK)
            return rc;
        wait_ms = 0;
    }
    return RC_OK;
}

/* A target that takes its time: the source may read on meanwhile. False: it did nothing. */
static bool read_ahead(struct pipeline *pipeline, unsigned wait_ms)
{
    struct source *source = pipeline->parts.source;
    return source->ops->read_ahead != NULL && source->ops->read_ahead(source, wait_ms);
}

/* Takes the ends of loads until it is enough. */
static enum rc await(struct pipeline *pipeline, uint64_t deadline_us,
                     bool (*is_enough)(const struct pipeline *pipeline, uint64_t bound),
                     uint64_t bound, struct error *err)
{
    enum { STEP_MS = 50, PATIENCE_US = 1000000 };
    uint64_t begun_us = clock_monotonic_us();
    while (!is_enough(pipeline, bound)) {
        uint64_t now_us = clock_monotonic_us();
        if (deadline_us > 0 && now_us >= deadline_us)
            return error_set(err, RC_CANCELLED,
                             "Epoch %llu was not finished at the target within the stop timeout.",
                             (unsigned long long)pipeline->flights.items[0].epoch);
        if (deadline_us == 0 && atomic_load(&pipeline->stopping))
            deadline_us = now_us + pipeline->parts.config->stop_timeout_ms * 1000;
        bool waited = now_us - begun_us > PATIENCE_US && read_ahead(pipeline, STEP_MS);
        enum rc rc = epoch_poll(pipeline, waited ? 0 : STEP_MS, err);
        if (rc != RC_OK)
            return rc;
        now_us = clock_monotonic_us();
        progress_tell(pipeline, now_us);
        status_tell(pipeline, now_us);
    }
    return RC_OK;
}

static bool is_quiet(const struct pipeline *pipeline, uint64_t unused UNUSED)
{
    return pipeline->flights.count == 0;
}

enum rc epoch_drain(struct pipeline *pipeline, uint64_t deadline_us, struct error *err)
{
    return await(pipeline, deadline_us, is_quiet, 0, err);
}

enum rc epoch_await_room(struct pipeline *pipeline, struct error *err)
{
    return await(pipeline, 0, has_room, 0, err);
}

static uint64_t buffered(const struct pipeline *pipeline)
{
    const struct sink *sink = pipeline->parts.sink;
    struct sink_stats stats;
    sink->ops->stats(sink, &stats);
    return stats.buffered_bytes;
}

static bool holds_less(const struct pipeline *pipeline, uint64_t bytes)
{
    return pipeline->flights.count == 0 || buffered(pipeline) < bytes;
}

enum rc epoch_await_memory(struct pipeline *pipeline, struct error *err)
{
    return await(pipeline, 0, holds_less, buffered(pipeline), err);
}

enum rc epoch_barrier(struct pipeline *pipeline, struct error *err)
{
    if (is_together(pipeline) && is_inside(pipeline))
        tell_pieces(pipeline, "a target has to be changed before its next rows");
    enum rc rc = epoch_drain(pipeline, 0, err);
    if (rc == RC_OK)
        rc = epoch_close(pipeline, err);
    return rc != RC_OK ? rc : epoch_drain(pipeline, 0, err);
}

/* `taken` and all notes that wait into the store. */
static enum rc move_to_taken(struct pipeline *pipeline, struct error *err)
{
    enum rc rc = at(pipeline, PIPELINE_SIDE_STORE,
                    pipeline->parts.store_ops->move(pipeline->parts.store, &pipeline->taken,
                                                    notes_waiting(&pipeline->notes),
                                                    pipeline->notes.count, err));
    if (rc != RC_OK)
        return rc;
    notes_stored(&pipeline->notes);
    pipeline->moved_us = clock_monotonic_us();
    tell_settled(pipeline);
    return position_copy(&pipeline->open_from, &pipeline->taken, err);
}

enum rc epoch_note(struct pipeline *pipeline, struct error *err)
{
    enum rc rc = epoch_here(pipeline, &pipeline->taken, err);
    return rc != RC_OK ? rc : move_to_taken(pipeline, err);
}

enum rc epoch_move(struct pipeline *pipeline, struct error *err)
{
    struct sink_pending pending;
    struct sink *sink = pipeline->parts.sink;
    sink->ops->pending(sink, &pending);
    if (pipeline->flights.count > 0 || pipeline->flights.split || pipeline->replay.active ||
        pipeline->in_txn || pending.rows > 0)
        return RC_OK;
    enum rc rc = epoch_here(pipeline, &pipeline->taken, err);
    if (rc != RC_OK)
        return rc;
    const struct position *stored =
        &pipeline->parts.store_ops->state(pipeline->parts.store)->position;
    pipeline->moved_us = clock_monotonic_us();
    if (position_is_empty(&pipeline->taken) ||
        (pipeline->notes.count == 0 && strcmp(stored->file, pipeline->taken.file) == 0 &&
         stored->offset == pipeline->taken.offset &&
         slice_equal(buf_slice(&stored->gtid_set), buf_slice(&pipeline->taken.gtid_set))))
        return RC_OK;
    return move_to_taken(pipeline, err);
}

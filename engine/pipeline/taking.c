/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows that tables hold already, beside the running stream (engine/ports/snapshot.h): chunks
 * begin and are written at borders of transactions, one at a look, so that the stream is never
 * starved; none is taken while the sink has no room.
 *
 * What is exact about it:
 *
 *   A chunk's note is given to the store with the first position behind its last row, so it comes
 *   true together with the loads that hold its rows. A crash before that reads the chunk again.
 *
 *   A table with a key takes a row twice without harm. An epoch with rows of a chunk that is read again
 *   gives other bytes under the same label: what the range of the stream gives now. That is right,
 *   because a load that was applied as a whole is not sent again, and one that was not is replaced by
 *   changes alone, whose chunk comes again.
 *
 *   A table without a key is emptied and begun again: before its first row the note
 *   "pipeline/filling/<target>" is made durable, and it is forgotten in the record that makes the
 *   table's last note true. A start that finds it waits for what may still be running at the target
 *   (recovery.c), leaves those loads out, and begins the table with a TRUNCATE.
 */
#include "taking_int.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "epoch_int.h"
#include "members_int.h"
#include "notes_int.h"
#include "shape_int.h"
#include "targets_int.h"
#include "unknown_int.h"
#include "ways_int.h"
#include "write_int.h"

enum {
    SLICE_US = 20000, /* of an unkeyed table's rows at a look */
    TELL_EVERY_US = 10000000,
    NOTE_MAX = 1 << 20
};

static const char FILLING[] = "pipeline/filling/";

static enum rc open_snapshot(struct pipeline *pipeline, struct error *err)
{
    struct taking *taking = &pipeline->taking;
    if (taking->snapshot != NULL)
        return RC_OK;
    if (pipeline->parts.snapshot_ops == NULL || pipeline->parts.tables == NULL)
        return error_set(err, RC_UNSUPPORTED,
                         "This source cannot be asked for the rows that its tables hold.");
    const struct source_tables_config *tables = pipeline->parts.tables;
    struct snapshot_options options = {.source = pipeline->parts.source,
                                       .parallelism = (unsigned)tables->snapshot_parallelism,
                                       .chunk_rows = (uint64_t)tables->chunk_rows,
                                       .chunk_bytes = tables->chunk_bytes,
                                       .name = slice_str(pipeline->parts.config->name)};
    enum rc rc = at(pipeline, PIPELINE_SIDE_SOURCE,
                    pipeline->parts.snapshot_ops->open(&options, &taking->snapshot, err));
    taking->started_us = taking->told_us = clock_monotonic_us();
    taking->over = false;
    return rc;
}

enum rc taking_add(struct pipeline *pipeline, struct member *member, struct table *table,
                   struct error *err)
{
    if (member->state != MEMBER_QUEUED || member->added)
        return RC_OK;
    struct buf state;
    buf_init(&state, NOTE_MAX);
    enum rc rc = open_snapshot(pipeline, err);
    if (rc == RC_OK)
        rc = notes_get(pipeline, "snapshot/", member->db, member->name, &state, err);
    /* An unkeyed table is never gone on with, for its target is emptied. */
    if (rc == RC_OK)
        rc = at(pipeline, PIPELINE_SIDE_SOURCE,
                pipeline->parts.snapshot_ops->add(
                    pipeline->taking.snapshot, table,
                    table->key_count > 0 ? buf_slice(&state) : SLICE_EMPTY, err));
    buf_deinit(&state);
    member->added = rc == RC_OK;
    if (rc == RC_OK)
        pipeline->taking.over = false;
    return rc;
}

enum rc taking_way(struct pipeline *pipeline, struct table *table, struct way **way_out,
                   struct error *err)
{
    bool was_open = ways_is_open(table);
    enum rc rc = ways_of(pipeline, table, way_out, err);
    return rc != RC_OK || was_open ? rc : taking_add(pipeline, (*way_out)->member, table, err);
}

/* What the targets of an unkeyed table hold is to be thrown away before its rows come again. */
static enum rc note_filling(struct pipeline *pipeline, struct member *member, struct error *err)
{
    struct sink_target targets[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    enum rc rc = targets_now(pipeline, member, targets, &count, err);
    for (unsigned i = 0; rc == RC_OK && i < count; i++)
        rc = notes_add_table(pipeline, FILLING, targets[i].db, targets[i].table, SLICE("1"), err);
    member->filling = true;
    return rc;
}

enum rc taking_mark(struct pipeline *pipeline, struct member *member, struct table *table,
                    struct error *err)
{
    enum rc rc = notes_add_table(pipeline, "snapshot/", member->db, member->name, SLICE_EMPTY, err);
    if (rc == RC_OK && member->added)
        rc = taking_change(pipeline, table, NULL, err);
    if (rc != RC_OK)
        return rc;
    member->added = false;
    members_set_state(pipeline, member, MEMBER_QUEUED);
    rc = members_note(pipeline, member, err);
    if (rc == RC_OK)
        rc = unknown_reading(pipeline, member, table, err);
    /* A target that is made anew is empty. */
    if (rc == RC_OK && table->key_count == 0 && !member->rebuild)
        rc = note_filling(pipeline, member, err);
    return rc;
}

enum rc taking_again(struct pipeline *pipeline, struct member *member, struct table *table,
                     struct error *err)
{
    enum rc rc = taking_mark(pipeline, member, table, err);
    if (rc == RC_OK)
        rc = epoch_note(pipeline, err);
    return rc != RC_OK ? rc : taking_add(pipeline, member, table, err);
}

enum rc taking_pass(struct pipeline *pipeline, const struct member *member,
                    const struct change *change, bool *pass_out, struct error *err)
{
    *pass_out = true;
    if (member->state != MEMBER_QUEUED || !member->added)
        return RC_OK;
    enum snapshot_pass pass = SNAPSHOT_PASS;
    enum rc rc =
        at(pipeline, PIPELINE_SIDE_SOURCE,
           pipeline->parts.snapshot_ops->reconcile(pipeline->taking.snapshot, change, &pass, err));
    *pass_out = pass == SNAPSHOT_PASS;
    return rc;
}

enum rc taking_change(struct pipeline *pipeline, struct table *before, struct table *after,
                      struct error *err)
{
    struct taking *taking = &pipeline->taking;
    struct member *member = members_find(pipeline, before->db, before->name);
    if (taking->snapshot == NULL || member == NULL || !member->added)
        return RC_OK;
    if (taking->chunk != NULL && slice_equal(taking->chunk->table->db, before->db) &&
        slice_equal(taking->chunk->table->name, before->name))
        taking->chunk = NULL;
    /* What an unkeyed target has by now is thrown away. */
    member->emptied = false;
    return at(pipeline, PIPELINE_SIDE_SOURCE,
              pipeline->parts.snapshot_ops->change(taking->snapshot, before, after, err));
}

/* Rows that nobody knows of would stay beside those that are read, and nothing could tell them apart
 * later. */
static enum rc must_be_empty(struct pipeline *pipeline, const struct way *way,
                             const struct sink_target *targets, struct error *err)
{
    struct sink *sink = pipeline->parts.sink;
    enum rc rc = RC_OK;
    for (unsigned i = 0; rc == RC_OK && sink->ops->is_empty != NULL && i < way->count; i++) {
        bool empty = false;
        rc = at(pipeline, PIPELINE_SIDE_SINK,
                sink->ops->is_empty(sink, way->tables[i], &empty, err));
        if (rc != RC_OK || empty)
            continue;
        rc = at(pipeline, PIPELINE_SIDE_SINK,
                error_set(err, RC_MISMATCH,
                          "The table %.*s.%.*s has no key, and its target %.*s.%.*s holds rows "
                          "already, which would stay beside those that are read.",
                          SLICE_ARG(way->member->db), SLICE_ARG(way->member->name),
                          SLICE_ARG(targets[i].db), SLICE_ARG(targets[i].table)));
        error_hint(err,
                   "Throw them away with TRUNCATE TABLE %.*s.%.*s at the target or with "
                   "`millrace snapshot PIPELINE --tables %.*s.%.*s`, or route the table to another "
                   "target, and start again.",
                   SLICE_ARG(targets[i].db), SLICE_ARG(targets[i].table),
                   SLICE_ARG(way->member->db), SLICE_ARG(way->member->name));
    }
    return rc;
}

/* Before the first row of an unkeyed table, be it of the snapshot or of the stream behind it: its
 * targets are empty, and a start after a crash knows that what they hold by then is to be thrown
 * away. */
enum rc taking_begin(struct pipeline *pipeline, struct way *way, struct table *table,
                     struct error *err)
{
    if (way->member->emptied || keeps_events(pipeline))
        return RC_OK;
    struct sink_target targets[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    enum rc rc = targets_now(pipeline, way->member, targets, &count, err);
    if (rc == RC_OK)
        rc = epoch_barrier(pipeline, err);
    bool again = way->member->filling;
    struct buf value;
    buf_init(&value, NOTE_MAX);
    for (unsigned i = 0; rc == RC_OK && i < count; i++) {
        bool shared = false;
        rc = targets_shared(pipeline, way->member, &targets[i], &shared, err);
        if (rc == RC_OK && shared) {
            rc = error_set(err, RC_UNSUPPORTED,
                           "The table %.*s.%.*s has no key and shares the target %.*s.%.*s with "
                           "other tables, so its rows cannot be read exactly once.",
                           SLICE_ARG(way->member->db), SLICE_ARG(way->member->name),
                           SLICE_ARG(targets[i].db), SLICE_ARG(targets[i].table));
            error_hint(err, "Give it a primary key, or a target of its own.");
        }
        if (rc == RC_OK)
            rc = notes_get(pipeline, FILLING, targets[i].db, targets[i].table, &value, err);
        again = again || value.len > 0;
        if (rc == RC_OK)
            rc = notes_add_table(pipeline, FILLING, targets[i].db, targets[i].table, SLICE("1"),
                                 err);
    }
    buf_deinit(&value);
    if (rc == RC_OK && !again)
        rc = must_be_empty(pipeline, way, targets, err);
    if (rc == RC_OK)
        rc = epoch_note(pipeline, err);
    if (rc != RC_OK)
        return rc;
    way->member->filling = true;
    way->member->emptied = true;
    struct txn txn = {.generation = 0};
    struct change truncate = {.kind = CHANGE_TRUNCATE, .table = table, .txn = &txn};
    struct sink *sink = pipeline->parts.sink;
    for (unsigned i = 0; rc == RC_OK && again && i < way->count; i++)
        rc = at(pipeline, PIPELINE_SIDE_SINK,
                sink->ops->write(sink, way->tables[i], &truncate, err));
    return rc;
}

static enum rc end_filling(struct pipeline *pipeline, struct member *member, struct error *err)
{
    struct sink_target targets[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    if (!member->filling)
        return RC_OK;
    enum rc rc = targets_now(pipeline, member, targets, &count, err);
    for (unsigned i = 0; rc == RC_OK && i < count; i++)
        rc = notes_add_table(pipeline, FILLING, targets[i].db, targets[i].table, SLICE_EMPTY, err);
    member->filling = false;
    member->emptied = false;
    return rc;
}

/* The note of a chunk whose last row was taken, to be stored with the next position. */
static enum rc finish_chunk(struct pipeline *pipeline, struct member **complete_out,
                            struct error *err)
{
    struct taking *taking = &pipeline->taking;
    struct table *table = taking->chunk->table;
    struct member *member = members_find(pipeline, table->db, table->name);
    struct slice key;
    struct slice value;
    enum rc rc =
        at(pipeline, PIPELINE_SIDE_SOURCE,
           pipeline->parts.snapshot_ops->done(taking->snapshot, taking->chunk, &key, &value, err));
    taking->chunk = NULL;
    if (rc != RC_OK)
        return rc;
    ASSERT(member != NULL);
    bool done = pipeline->parts.snapshot_ops->is_done(value);
    /* An unkeyed table is complete or nothing. */
    if (done || table->key_count > 0)
        rc = notes_add(pipeline, key, value, err);
    if (rc != RC_OK || !done)
        return rc;
    members_set_state(pipeline, member, MEMBER_DONE);
    member->added = false;
    log_info("pipeline.snapshot", "All rows of a table have been read.",
             LOG_SLICE("db", member->db), LOG_SLICE("table", member->name),
             LOG_U64("tables_left", pipeline->members.queued));
    *complete_out = member;
    return end_filling(pipeline, member, err);
}

static enum rc write_row(struct pipeline *pipeline, const struct change *row, struct error *err)
{
    struct way *way;
    enum rc rc = ways_of_chunk(pipeline, row->table, &way, err);
    if (rc != RC_OK)
        return rc;
    struct change picked = way->shape == NULL ? *row : shape_apply(way->shape, row);
    for (unsigned i = 0; rc == RC_OK && i < way->count; i++)
        rc = write_to(pipeline, way->tables[i], &picked, err);
    if (rc == RC_OK && pipeline->open_since_us == 0)
        pipeline->open_since_us = clock_monotonic_us();
    return rc;
}

/* All rows of a keyed chunk, which are in memory; of an unkeyed table those that are here, for a
 * while. */
static enum rc give_rows(struct pipeline *pipeline, struct member **complete_out, struct error *err)
{
    enum { LOOK_EVERY = 512 };
    struct taking *taking = &pipeline->taking;
    bool keyed = taking->chunk->table->key_count > 0;
    uint64_t until_us = clock_monotonic_us() + SLICE_US;
    for (uint64_t i = 1;; i++) {
        struct change row;
        enum rc rc =
            at(pipeline, PIPELINE_SIDE_SOURCE,
               pipeline->parts.snapshot_ops->row(taking->snapshot, taking->chunk, &row, err));
        if (rc == RC_AGAIN)
            return RC_OK;
        if (rc == RC_EOF)
            return finish_chunk(pipeline, complete_out, err);
        if (rc == RC_OK)
            rc = write_row(pipeline, &row, err);
        taking->hungry = true;
        if (rc != RC_OK || (!keyed && i % LOOK_EVERY == 0 && clock_monotonic_us() > until_us))
            return rc;
    }
}

/* A chunk is taken when the sink has room for it, and not while an unfinished epoch is read again:
 * then the stream is behind what the chunk may say. */
static bool may_take(const struct pipeline *pipeline, uint64_t now_us)
{
    return !epoch_is_due(pipeline, now_us) || epoch_may_begin(pipeline);
}

static void tell(struct pipeline *pipeline, uint64_t now_us)
{
    struct taking *taking = &pipeline->taking;
    if (now_us - taking->told_us < TELL_EVERY_US)
        return;
    struct snapshot_progress progress;
    pipeline->parts.snapshot_ops->progress(taking->snapshot, &progress);
    double rate =
        (double)(progress.rows_read - taking->told_rows) * 1e6 / (double)(now_us - taking->told_us);
    uint64_t left = progress.rows_estimated;
    log_info("pipeline.snapshot", "Rows that the tables hold are being read.",
             LOG_U64("tables_done", progress.tables_done), LOG_U64("tables", progress.tables_total),
             LOG_U64("rows", progress.rows_read), LOG_U64("rows_per_s", (uint64_t)rate),
             LOG_U64("rows_left_about", left),
             LOG_U64("seconds_left_about", rate < 1 ? 0 : (uint64_t)((double)left / rate)),
             LOG_U64("connections_reading", progress.chunks_reading));
    taking->told_us = now_us;
    taking->told_rows = progress.rows_read;
}

static enum rc end_of_snapshot(struct pipeline *pipeline)
{
    struct taking *taking = &pipeline->taking;
    struct snapshot_progress progress;
    pipeline->parts.snapshot_ops->progress(taking->snapshot, &progress);
    taking->over = true;
    log_info("pipeline.snapshot", "The snapshot is complete; the stream goes on alone.",
             LOG_U64("tables", progress.tables_done), LOG_U64("rows", progress.rows_read),
             LOG_U64("seconds", (clock_monotonic_us() - taking->started_us) / 1000000));
    /* Its connections are not needed any more. A later table opens another one. */
    taking_close(pipeline);
    return RC_OK;
}

enum rc taking_step(struct pipeline *pipeline, struct member **complete_out, struct error *err)
{
    *complete_out = NULL;
    struct taking *taking = &pipeline->taking;
    const struct snapshot_ops *ops = pipeline->parts.snapshot_ops;
    taking->hungry = false;
    if (taking->snapshot == NULL || pipeline->replay.active || pipeline->in_txn)
        return RC_OK;
    uint64_t now_us = clock_monotonic_us();
    enum rc rc = epoch_here(pipeline, &pipeline->taken, err);
    if (rc == RC_OK)
        rc = at(pipeline, PIPELINE_SIDE_SOURCE, ops->pump(taking->snapshot, &pipeline->taken, err));
    if (rc != RC_OK || !may_take(pipeline, now_us))
        return rc;
    if (taking->chunk == NULL) {
        struct way *way;
        rc = at(pipeline, PIPELINE_SIDE_SOURCE, ops->ready(taking->snapshot, &taking->chunk, err));
        if (rc != RC_OK)
            taking->chunk = NULL;
        if (rc == RC_EOF)
            return end_of_snapshot(pipeline);
        if (rc == RC_OK)
            rc = taking_way(pipeline, taking->chunk->table, &way, err);
        if (rc == RC_OK && taking->chunk->first && taking->chunk->table->key_count == 0)
            rc = taking_begin(pipeline, way, taking->chunk->table, err);
    }
    if (rc == RC_OK)
        rc = give_rows(pipeline, complete_out, err);
    if (taking->snapshot != NULL)
        tell(pipeline, now_us);
    return rc == RC_AGAIN ? RC_OK : rc;
}

void taking_close(struct pipeline *pipeline)
{
    if (pipeline->taking.snapshot == NULL)
        return;
    pipeline->parts.snapshot_ops->stop(pipeline->taking.snapshot);
    pipeline->parts.snapshot_ops->close(pipeline->taking.snapshot);
    pipeline->taking.snapshot = NULL;
    pipeline->taking.chunk = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline.h"

#include <stdlib.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "absent_int.h"
#include "epoch_int.h"
#include "handle_int.h"
#include "journal_int.h"
#include "members_int.h"
#include "notes_int.h"
#include "progress_int.h"
#include "rebuild_int.h"
#include "recovery_int.h"
#include "reload_int.h"
#include "request_int.h"
#include "reread_int.h"
#include "status_int.h"
#include "taking_int.h"
#include "unknown_int.h"
#include "ways_int.h"

enum {
    ARENA_LIMIT = 256 << 20, /* the ways of 100,000 tables and more */
    SCRATCH_LIMIT = 64 << 20,
    LOOK_EVERY = 256,     /* changes between two looks at the clock */
    WAIT_MS = 100,        /* for a change, while nothing is on its way */
    WAIT_LOADING_MS = 5,  /* while loads are: their end is to be seen soon */
    WAIT_TAKING_MS = 2,   /* while a snapshot is: a chunk may be ready at any moment */
    MOVE_EVERY_MS = 1000, /* how often a quiet stream's position is stored */
    REQUEST_EVERY_US = 1000000
};

enum rc pipeline_new(const struct pipeline_parts *parts, struct pipeline **pipeline_out,
                     struct error *err)
{
    if (parts->tables != NULL && parts->tables->scan != SOURCE_SCAN_NONE &&
        parts->snapshot_ops == NULL)
        return error_set(err, RC_UNSUPPORTED,
                         "scan.startup.mode asks for the rows that the tables hold, and this "
                         "source cannot be asked for them.");
    struct pipeline *pipeline = calloc(1, sizeof(*pipeline));
    if (pipeline == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the pipeline.");
    pipeline->parts = *parts;
    pipeline->attempt = 1;
    arena_init(&pipeline->arena, "pipeline", ARENA_LIMIT);
    arena_init(&pipeline->scratch, "a schema change", SCRATCH_LIMIT);
    notes_init(&pipeline->notes);
    notes_init(&pipeline->held_notes);
    position_init(&pipeline->open_from);
    position_init(&pipeline->taken);
    recovery_init(&pipeline->replay);
    *pipeline_out = pipeline;
    return RC_OK;
}

void pipeline_free(struct pipeline *pipeline)
{
    if (pipeline == NULL)
        return;
    taking_close(pipeline);
    members_deinit(&pipeline->members);
    notes_deinit(&pipeline->notes);
    notes_deinit(&pipeline->held_notes);
    epoch_deinit(&pipeline->flights);
    position_deinit(&pipeline->open_from);
    position_deinit(&pipeline->taken);
    recovery_deinit(&pipeline->replay);
    arena_deinit(&pipeline->arena);
    arena_deinit(&pipeline->scratch);
    free(pipeline);
}

enum pipeline_side pipeline_failed_side(const struct pipeline *pipeline)
{
    return pipeline->failed_side;
}

void pipeline_stop(struct pipeline *pipeline)
{
    atomic_store(&pipeline->stopping, true);
    pipeline->parts.source->ops->stop(pipeline->parts.source);
}

/* What is due by time: called at transaction borders and when the stream is quiet. */
static enum rc look_around(struct pipeline *pipeline, struct error *err)
{
    uint64_t now_us = clock_monotonic_us();
    enum rc rc = epoch_poll(pipeline, 0, err);
    if (rc != RC_OK)
        return rc;
    if (!pipeline->in_txn && !pipeline->replay.active && epoch_is_due(pipeline, now_us) &&
        epoch_may_begin(pipeline))
        rc = epoch_close(pipeline, err);
    if (rc == RC_OK)
        rc = reread_look(pipeline, err);
    struct member *complete = NULL;
    if (rc == RC_OK)
        rc = taking_step(pipeline, &complete, err);
    if (rc == RC_OK && complete != NULL && complete->rebuild)
        rc = rebuild_end(pipeline, complete, err);
    if (rc == RC_OK && complete != NULL)
        rc = unknown_over(pipeline, complete, err);
    if (rc == RC_OK)
        rc = absent_look(pipeline, err);
    if (rc == RC_OK && now_us - pipeline->request_us > REQUEST_EVERY_US)
        rc = request_look(pipeline, err);
    if (rc == RC_OK && now_us - pipeline->moved_us > MOVE_EVERY_MS * UINT64_C(1000))
        rc = epoch_move(pipeline, err);
    progress_tell(pipeline, now_us);
    status_tell(pipeline, now_us);
    return rc;
}

/* How long to wait for a change: not past the moment at which the open batch is due. */
static unsigned wait_ms_of(const struct pipeline *pipeline)
{
    if (pipeline->taking.hungry)
        return 0;
    if (pipeline->taking.snapshot != NULL && !pipeline->replay.active)
        return WAIT_TAKING_MS;
    if (pipeline->flights.count > 0)
        return WAIT_LOADING_MS;
    if (pipeline->open_since_us == 0 || pipeline->replay.active)
        return WAIT_MS;
    uint64_t age_ms = (clock_monotonic_us() - pipeline->open_since_us) / 1000;
    uint64_t left_ms = pipeline->limits.flush_interval_ms > age_ms
                           ? pipeline->limits.flush_interval_ms - age_ms
                           : 0;
    return left_ms < WAIT_MS ? (unsigned)left_ms + (left_ms == 0 ? 1 : 0) : WAIT_MS;
}

/* Nothing but a snapshot was asked for, and all of it is here. */
static bool is_complete(struct pipeline *pipeline)
{
    const struct source_tables_config *tables = pipeline->parts.tables;
    return tables != NULL && tables->scan == SOURCE_SCAN_ONLY && pipeline->members.queued == 0 &&
           !pipeline->replay.active && !pipeline->in_txn && !reread_waits(pipeline);
}

/* RC_OK: told to stop. RC_EOF: the end of an offline source, or of a snapshot that was all that was
 * asked for. */
static enum rc loop(struct pipeline *pipeline, struct error *err)
{
    struct source *source = pipeline->parts.source;
    struct change change;
    unsigned since_look = 0;
    while (!atomic_load_explicit(&pipeline->stopping, memory_order_relaxed)) {
        enum rc rc = at(pipeline, PIPELINE_SIDE_SOURCE,
                        source->ops->next(source, &change, wait_ms_of(pipeline), err));
        if (rc == RC_CANCELLED && atomic_load(&pipeline->stopping)) {
            error_clear(err);
            return RC_OK;
        }
        if (rc == RC_OK)
            rc = handle_change(pipeline, &change, err);
        /* A full buffer takes its time, and everything else waits meanwhile. */
        if (rc == RC_AGAIN || pipeline->made_room)
            since_look = LOOK_EVERY - 1;
        pipeline->made_room = false;
        if (rc != RC_OK && rc != RC_AGAIN)
            return rc;
        /* A look costs a clock and a lock: every so many changes, and then at the next border,
         * where an epoch may close. */
        if (++since_look < LOOK_EVERY || (pipeline->in_txn && since_look % LOOK_EVERY != 0))
            continue;
        if (!pipeline->in_txn)
            since_look = 0;
        rc = look_around(pipeline, err);
        if (rc != RC_OK)
            return rc;
        if (is_complete(pipeline))
            return RC_EOF;
    }
    return RC_OK;
}

/* Told to stop, or the end of an offline source: what is in hand is finished. An epoch that is
 * being read again is left to the next start, which finds its intent. */
static enum rc wind_down(struct pipeline *pipeline, bool stopped, struct error *err)
{
    uint64_t deadline_us =
        stopped ? clock_monotonic_us() + pipeline->parts.config->stop_timeout_ms * 1000 : 0;
    if (pipeline->replay.active)
        return error_set(err, RC_CANCELLED, "An unfinished epoch was being read again.");
    enum rc rc = epoch_drain(pipeline, deadline_us, err);
    /* The rest of a transaction that has to become visible as a whole is not here any more. */
    if (rc == RC_OK && is_together(pipeline) && pipeline->in_txn)
        return pipeline->flights.split
                   ? error_set(err, RC_CANCELLED, "A large transaction was not over.")
                   : RC_OK;
    if (rc == RC_OK)
        rc = epoch_close(pipeline, err);
    if (rc == RC_OK)
        rc = epoch_drain(pipeline, deadline_us, err);
    if (rc == RC_OK)
        rc = epoch_move(pipeline, err);
    return rc;
}

/* Told to stop, and something is left as it is. Before anything was read that is no loss of time;
 * else the user is told what the next start has to finish. */
static enum rc cut_short(struct pipeline *pipeline, bool begun, struct error *err)
{
    pipeline->parts.sink->ops->stop(pipeline->parts.sink);
    const struct store_intent *intent =
        pipeline->parts.store_ops->state(pipeline->parts.store)->intent;
    if (!begun && intent == NULL) {
        error_clear(err);
        return RC_OK;
    }
    const char *why = pipeline->replay.active   ? "its changes were being read again"
                      : pipeline->flights.split ? "the transaction that it is made of was not over"
                                                : "the target had not answered";
    if (intent != NULL)
        error_set(err, RC_CANCELLED, "Epoch %llu is not finished: %s when the engine was stopped.",
                  (unsigned long long)intent->epoch, why);
    else
        error_set(err, RC_CANCELLED,
                  "The last changes are not at the target: it had not answered when the engine was "
                  "stopped.");
    error_hint(err, "Nothing is lost: the next start finishes it.");
    return RC_CANCELLED;
}

static enum rc queue_member(struct pipeline *pipeline, struct member *member, void *ctx UNUSED,
                            struct error *err)
{
    return member->newest == NULL ? RC_OK : taking_add(pipeline, member, member->newest, err);
}

/* The stream begins before the tables are looked at: `tables` tells them then as they are where it
 * begins, so that a statement which changes one is either part of what it tells or comes by in the
 * stream, and none is missed in between. */
static enum rc start_source(struct pipeline *pipeline, struct error *err)
{
    struct source *source = pipeline->parts.source;
    enum rc rc = at(pipeline, PIPELINE_SIDE_SOURCE,
                    source->ops->start(source, pipeline->fresh ? NULL : &pipeline->open_from, err));
    if (rc == RC_OK && pipeline->fresh)
        rc = notes_collect(pipeline, err);
    if (rc == RC_OK && pipeline->fresh)
        rc = at(pipeline, PIPELINE_SIDE_SOURCE,
                source->ops->position(source, &pipeline->open_from, err));
    pipeline->skip_row = pipeline->open_from.rows_done;
    pipeline->skip_targets = pipeline->open_from.targets_done;
    pipeline->inside = pipeline->skip_row > 0 || pipeline->skip_targets > 0;
    return rc;
}

/* The targets are there. A first start keeps where its stream begins: "latest", or a time, would be
 * another place after a crash. Then what was queued before is put before the snapshot. */
static enum rc begin_work(struct pipeline *pipeline, struct error *err)
{
    /* Also where there is no table yet: one that comes later is new, and may have rows. */
    enum rc rc = members_track(pipeline, err);
    if (rc == RC_OK && pipeline->fresh && !position_is_empty(&pipeline->open_from))
        rc = epoch_note(pipeline, err);
    pipeline->fresh = false;
    if (rc == RC_OK)
        rc = recovery_end(pipeline, NULL, err);
    if (rc == RC_OK)
        rc = members_each(pipeline, queue_member, NULL, err);
    /* A target that is made anew cannot take its place while letters of it wait. */
    if (rc == RC_OK)
        rc = request_look_replays(pipeline, err);
    if (rc == RC_OK && !pipeline->replay.active)
        rc = rebuild_look(pipeline, err);
    if (rc == RC_OK && !pipeline->replay.active)
        rc = unknown_begin(pipeline, err);
    /* Before the first row: what is asked for may be the remedy of what ended an earlier life. */
    return rc != RC_OK ? rc : request_look(pipeline, err);
}

/* What the checkpoint knows. */
static enum rc load(struct pipeline *pipeline, struct error *err)
{
    struct source *source = pipeline->parts.source;
    struct source_identity identity;
    source->ops->identity(source, &identity);
    enum rc rc = at(pipeline, PIPELINE_SIDE_STORE,
                    pipeline->parts.store_ops->bind(pipeline->parts.store, identity.server,
                                                    identity.has_gtid, err));
    if (rc == RC_OK)
        rc = recovery_begin(pipeline, err);
    if (rc == RC_OK)
        rc = reload_load(pipeline, err);
    if (rc == RC_OK)
        rc = notes_remember(pipeline, err);
    if (rc == RC_OK)
        rc = members_load(pipeline, err);
    if (rc == RC_OK)
        rc = unknown_load(pipeline, err);
    return rc == RC_OK ? journal_load(pipeline, err) : rc;
}

static enum rc begin(struct pipeline *pipeline, struct error *err)
{
    enum rc rc = load(pipeline, err);
    if (rc != RC_OK)
        return rc;
    pipeline->fresh = position_is_empty(&pipeline->open_from);
    pipeline->replay.had_snapshot = pipeline->members.queued > 0;
    rc = start_source(pipeline, err);
    if (rc == RC_OK)
        rc = ways_prepare(pipeline, err);
    if (rc == RC_OK && !pipeline->fresh)
        rc = absent_mark(pipeline, err);
    pipeline->limits = pipeline->parts.sink->ops->limits(pipeline->parts.sink);
    return rc != RC_OK ? rc : begin_work(pipeline, err);
}

enum rc pipeline_run(struct pipeline *pipeline, struct error *err)
{
    uint64_t now_us = clock_monotonic_us();
    progress_init(&pipeline->progress, now_us);
    pipeline->moved_us = now_us;
    enum rc rc = begin(pipeline, err);
    bool begun = rc == RC_OK;
    /* A stop breaks off whatever the source is being asked, and how that fails says nothing. */
    if (!begun && atomic_load(&pipeline->stopping) && pipeline->failed_side == PIPELINE_SIDE_SOURCE)
        rc = RC_CANCELLED;
    if (begun) {
        /* Whoever reads this may rely on it: what is committed from now on is carried. */
        log_info("pipeline", "The pipeline runs.", LOG_STR("file", pipeline->open_from.file),
                 LOG_U64("offset", pipeline->open_from.offset));
        rc = loop(pipeline, err);
    }
    if (begun && (rc == RC_OK || rc == RC_EOF))
        rc = wind_down(pipeline, rc == RC_OK, err);
    /* A call that a stop breaks off while the parts are made ready may say that its connection went. */
    bool broken_off = rc == RC_CANCELLED || (!begun && rc != RC_OK && rc != RC_EOF);
    if (broken_off && atomic_load(&pipeline->stopping))
        rc = cut_short(pipeline, begun, err);
    status_write(pipeline, clock_monotonic_us(), true, rc == RC_OK || rc == RC_EOF ? NULL : err);
    log_progress(NULL);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "write_int.h"

#include "epoch_int.h"
#include "recovery_int.h"

/* The batch is cut here, in the middle of a transaction if need be, because it takes no more; or, where it
 * is empty, loads on their way have to give memory back. */
static enum rc make_room(struct pipeline *pipeline, struct error *err)
{
    if (pipeline->replay.active) {
        error_set(err, RC_LIMIT, "The unfinished epoch %llu does not fit into a batch any more.",
                  (unsigned long long)recovery_epoch(pipeline));
        error_hint(err, "Set the sink's buffer size (sink.buffer-flush.max-bytes) to what it was "
                        "when the epoch was begun, or higher.");
        return RC_LIMIT;
    }
    pipeline->made_room = true;
    struct sink_pending pending;
    struct sink *sink = pipeline->parts.sink;
    sink->ops->pending(sink, &pending);
    if (pending.rows == 0)
        return epoch_await_memory(pipeline, err);
    enum rc rc = epoch_await_room(pipeline, err);
    return rc != RC_OK ? rc : epoch_cut(pipeline, err);
}

/* A value that no sink can take: said with the row that holds it. */
static enum rc not_written(const struct change *change, enum rc rc, struct error *err)
{
    change_wrap_error(change, err);
    return rc;
}

/* row_targets_done says how many targets of a row have it, should the batch be cut. */
enum rc write_to(struct pipeline *pipeline, struct sink_table *table, const struct change *change,
                 struct error *err)
{
    struct sink *sink = pipeline->parts.sink;
    enum rc rc = at(pipeline, PIPELINE_SIDE_SINK, sink->ops->write(sink, table, change, err));
    for (bool cut = false; rc == RC_FULL && (!cut || pipeline->flights.count > 0); cut = true) {
        rc = make_room(pipeline, err);
        if (rc != RC_OK)
            return rc;
        rc = at(pipeline, PIPELINE_SIDE_SINK, sink->ops->write(sink, table, change, err));
    }
    if (rc == RC_FULL)
        return error_set(err, RC_LIMIT,
                         "One change, at %.*s:%llu, is larger than the sink's buffer. Raise "
                         "sink.buffer-flush.max-bytes.",
                         SLICE_ARG(change->txn->file), (unsigned long long)change->event_offset);
    return rc == RC_OK ? rc : not_written(change, rc, err);
}

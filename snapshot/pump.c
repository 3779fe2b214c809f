/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking for chunks: from this moment on the stream's changes of the table are noted, and where the
 * stream stands is what the chunk's SELECT must see at least.
 */
#include <stdlib.h>

#include "reader_int.h"

#define TELL_EXPIRY_EVERY_US (600ull * 1000000)

static unsigned count_under_way(const struct job *job)
{
    unsigned count = 0;
    for (const struct range *chunk = job->first_chunk; chunk != NULL; chunk = chunk->next)
        count += chunk->state != CHUNK_PLANNED;
    return count;
}

/* How many chunks may be under way at once, over all tables. */
static unsigned under_way_max(const struct reader *reader)
{
    return 2 * reader->parallelism + 1 + (reader->grace_ms > 0 ? GRACE_AHEAD_ALL : 0);
}

static enum rc make_here(const struct position *position, struct here **here_out, struct error *err)
{
    struct here *here = calloc(1, sizeof(*here));
    if (here == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a place in the binlog.");
    here->refs = 1;
    position_init(&here->position);
    enum rc rc = position_copy(&here->position, position, err);
    if (rc != RC_OK) {
        here_release(here);
        return rc;
    }
    *here_out = here;
    return RC_OK;
}

/* Asks for as many of a table's chunks as there is room for. Under the lock. */
static enum rc ask(struct reader *reader, struct job *job, const struct position *position,
                   struct here **here, unsigned *room, struct error *err)
{
    unsigned narrow_room = job->is_narrow ? 1 : *room;
    unsigned under_way = count_under_way(job);
    for (struct range *chunk = job->first_chunk; chunk != NULL && *room > 0; chunk = chunk->next) {
        if (chunk->state != CHUNK_PLANNED)
            continue;
        /* Chunks behind it may be under way already, but never all of the narrow room. */
        if (job->is_narrow && under_way >= narrow_room && chunk != job->first_chunk)
            break;
        enum rc rc = *here != NULL ? RC_OK : make_here(position, here, err);
        if (rc != RC_OK)
            return rc;
        (*here)->refs++;
        chunk->here = *here;
        chunk->round = reader->round;
        chunk->asked_us = clock_monotonic_us();
        chunk->not_before_us = chunk->asked_us + reader->grace_ms * 1000;
        chunk->state = CHUNK_ASKED;
        under_way++;
        (*room)--;
    }
    return RC_OK;
}

/* The server deletes binlogs by their age. The stream reads on beside the snapshot, so only its own
 * lag counts: what it has not read yet may go. */
static void warn_of_expiry(struct reader *reader, const struct position *here)
{
    uint64_t now_us = clock_wall_us();
    if (reader->expiry_s == 0 || here->commit_time_us == 0 || here->commit_time_us > now_us)
        return;
    uint64_t lag_s = (now_us - here->commit_time_us) / 1000000;
    uint64_t told_before_us = now_us - reader->expiry_told_us;
    if (lag_s < reader->expiry_s / 2 || told_before_us < TELL_EXPIRY_EVERY_US)
        return;
    reader->expiry_told_us = now_us;
    log_warn("snapshot",
             "The stream is far behind while tables are read, and the server deletes binlog files "
             "by their age. Raise binlog_expire_logs_seconds (expire_logs_days) for as long as the "
             "snapshot takes.",
             LOG_STR("file", here->file), LOG_U64("behind_s", lag_s),
             LOG_U64("deleted_after_s", reader->expiry_s),
             LOG_U64("left_s", lag_s < reader->expiry_s ? reader->expiry_s - lag_s : 0));
}

/* Under the lock, which unkeyed_pump lets go while it talks to the server. */
static enum rc ask_all(struct reader *reader, const struct position *position, struct error *err)
{
    struct here *here = NULL;
    unsigned room = under_way_max(reader);
    enum rc rc = RC_OK;
    reader_begin_jobs(reader);
    for (struct job *job = reader->first_job; job != NULL; job = job->next) {
        unsigned under_way = count_under_way(job);
        room = under_way < room ? room - under_way : 0;
    }
    /* The place is new: what the stream says from here on belongs to a new round. */
    reader->round++;
    for (struct job *job = reader->first_job; job != NULL && rc == RC_OK; job = job->next) {
        if (!job->is_keyed)
            rc = unkeyed_pump(reader, job, position, err);
        else if (room > 0)
            rc = ask(reader, job, position, &here, &room, err);
    }
    if (here != NULL) {
        here_release(here);
        reader_wake(reader);
    }
    return rc;
}

enum rc pump_run(struct snapshot *snapshot, const struct position *here, struct error *err)
{
    struct reader *reader = reader_of(snapshot);
    enum rc rc = reader_check(reader, err);
    if (rc != RC_OK || (reader->first_job == NULL && reader->first_queued == NULL))
        return rc;
    if (reader->worker_count == 0)
        rc = worker_start_all(reader, err);
    if (rc != RC_OK)
        return rc;
    reader_lock(reader);
    rc = ask_all(reader, here, err);
    warn_of_expiry(reader, here);
    reader_unlock(reader);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking for chunks: from this moment on the stream's changes of the table are noted, and where the
 * stream stands is what the chunk's SELECT must see at least.
 */
#include <stdlib.h>

#include "reader_int.h"
#include "watermark_int.h"

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

/* A stream that rests lets what it gave last become visible meanwhile. */
static void note_place(struct reader *reader, const struct position *position)
{
    if (reader->stood_since_us != 0 && reader->stood_offset == position->offset &&
        strcmp(reader->stood_file, position->file) == 0)
        return;
    memcpy(reader->stood_file, position->file, sizeof(reader->stood_file));
    reader->stood_offset = position->offset;
    reader->stood_since_us = clock_monotonic_us();
}

static enum rc make_here(const struct reader *reader, const struct position *position,
                         struct here **here_out, struct error *err)
{
    struct here *here = calloc(1, sizeof(*here));
    if (here == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a place in the binlog.");
    here->refs = 1;
    here->since_us = reader->stood_since_us;
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
        enum rc rc = *here != NULL ? RC_OK : make_here(reader, position, here, err);
        if (rc != RC_OK)
            return rc;
        (*here)->refs++;
        chunk->here = *here;
        chunk->round = reader->round;
        chunk->asked_us = clock_monotonic_us();
        chunk->not_before_us = (*here)->since_us + reader->grace_ms * 1000;
        chunk->state = CHUNK_ASKED;
        under_way++;
        (*room)--;
    }
    return RC_OK;
}

/* A question that fails is asked again later: this is a courtesy. */
static void warn_of_expiry(struct reader *reader, uint64_t after_s, const struct position *here)
{
    struct session *session;
    struct position newest;
    struct error ignored = {0};
    uint64_t now_us = clock_wall_us();
    /* Before its first transaction the stream stands where it began, which is not long ago. */
    uint64_t commit_us = here->commit_time_us != 0 ? here->commit_time_us : reader->opened_us;
    if (!expiry_is_to_be_looked_at(&reader->expiry, after_s, commit_us, now_us))
        return;
    position_init(&newest);
    if (reader_control(reader, &session, &ignored) == RC_OK &&
        watermark_now(session, &newest, &ignored) == RC_OK)
        expiry_tell(&reader->expiry, after_s, here->file, newest.file, commit_us, now_us);
    position_deinit(&newest);
}

/* Under the lock, which unkeyed_pump lets go while it talks to the server. */
static enum rc ask_all(struct reader *reader, const struct position *position, struct error *err)
{
    struct here *here = NULL;
    unsigned room = under_way_max(reader);
    enum rc rc = RC_OK;
    note_place(reader, position);
    queue_begin(reader);
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
    uint64_t expiry_s = reader->expiry_s;
    reader_unlock(reader);
    if (rc == RC_OK)
        warn_of_expiry(reader, expiry_s, here);
    return rc;
}

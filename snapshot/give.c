/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving chunks: the first chunk of a table goes out when the stream has passed its high watermark,
 * without the rows whose keys the stream has touched. All on the pipeline's thread.
 */
#include <stdlib.h>

#include "key_int.h"
#include "reader_int.h"

/* Keys that one statement asks for. */
#define KEYS_A_CHUNK 200u

static enum rc out_of_memory(struct error *err)
{
    return error_set(err, RC_MEMORY, "There is no memory for the rows of a snapshot.");
}

static enum rc make_room(struct reader *reader, const struct table *table, struct error *err)
{
    uint32_t count = key_field_count(table);
    if (count <= reader->cell_cap)
        return RC_OK;
    free(reader->cells);
    free(reader->fields);
    reader->cell_cap = 0;
    reader->cells = calloc(count, sizeof(*reader->cells));
    reader->fields = calloc(count, sizeof(*reader->fields));
    if (reader->cells == NULL || reader->fields == NULL)
        return out_of_memory(err);
    reader->cell_cap = count;
    return RC_OK;
}

/* What the rows of a chunk say of their transaction: where the binlog ended when they were read. */
static void set_txn(struct range *chunk)
{
    const struct position *high = &chunk->high_mark;
    chunk->txn = (struct txn){.file = slice_str(high->file),
                              .offset = high->offset,
                              .commit_time_us = high->commit_time_us};
}

enum rc give_ready(struct snapshot *snapshot, struct snapshot_chunk **chunk_out, struct error *err)
{
    struct reader *reader = reader_of(snapshot);
    *chunk_out = NULL;
    enum rc rc = reader_check(reader, err);
    if (rc != RC_OK)
        return rc;
    reader_lock(reader);
    bool over = reader->first_job == NULL && reader->first_queued == NULL;
    rc = over ? RC_EOF : RC_AGAIN;
    /* The one without a key first: see unkeyed.c. */
    if (reader->unkeyed_job != NULL) {
        rc = make_room(reader, reader->unkeyed_job->read, err);
        if (rc == RC_OK)
            rc = unkeyed_ready(reader, reader->unkeyed_job, chunk_out, err);
    }
    for (struct job *job = reader->first_job; job != NULL && rc == RC_AGAIN; job = job->next) {
        struct range *chunk = job->first_chunk;
        if (chunk == NULL || chunk->state != CHUNK_READ ||
            !reader->source->ops->reached(reader->source, &chunk->high_mark))
            continue;
        rc = make_room(reader, job->read, err);
        if (rc != RC_OK)
            break;
        chunk->state = CHUNK_GIVING;
        chunk->base.table = job->table;
        chunk->base.number = job->chunk_number++;
        chunk->base.first = job->state.chunks == 0 && job->state.rows == 0 &&
                            job->rows_pending == 0 && chunk->base.number == 0;
        set_txn(chunk);
        *chunk_out = &chunk->base;
    }
    reader_unlock(reader);
    return rc;
}

/* --- rows --- */

static enum rc cut(struct reader *reader, const struct job *job, struct slice packet,
                   struct row *row, struct error *err)
{
    uint32_t count = job->read->column_count;
    if (!myconn_row_fields(packet, reader->fields, key_field_count(job->read)))
        return error_set(err, RC_PROTOCOL,
                         "The server sent a row of table %.*s.%.*s that cannot be cut into fields.",
                         SLICE_ARG(job->table->db), SLICE_ARG(job->table->name));
    for (uint32_t i = 0; i < count; i++) {
        struct slice field = reader->fields[i];
        reader->cells[i] = (struct cell){.ptr = field.ptr,
                                         .len = (uint32_t)field.len,
                                         .state = field.ptr == NULL ? CELL_NULL : CELL_VALUE};
    }
    *row = (struct row){.cells = reader->cells, .count = count};
    return RC_OK;
}

/* Whether the row is the stream's and no more the chunk's. */
static enum rc is_left_out(struct reader *reader, struct job *job, const struct range *chunk,
                           const struct row *row, bool *left_out, struct error *err)
{
    *left_out = false;
    if (job->touched.count == 0 && job->owing.count == 0)
        return RC_OK;
    enum rc rc = key_of_row(job->read, row, NULL, &reader->scratch, &reader->key, err);
    if (rc != RC_OK)
        return rc;
    struct slice key = buf_slice(&reader->key);
    enum touched_kind kind = touched_find(&job->touched, key, chunk->round);
    *left_out = kind != TOUCHED_NOT;
    if (kind == TOUCHED_PARTLY)
        return reconcile_owe(reader, job, key, err);
    /* The target has the row from here on, by the stream or by the chunk. */
    return job->owing.count == 0 ? RC_OK
                                 : touched_mark(&job->owing, key, chunk->round, TOUCHED_WHOLE, err);
}

/* All rows up to `high` (NULL: all) were given. Under the lock. */
static enum rc keep_given(struct job *job, const struct bound *high, struct error *err)
{
    bound_free(job->given);
    job->given = bound_copy(high);
    job->is_all_given = high == NULL;
    return high != NULL && job->given == NULL ? out_of_memory(err) : RC_OK;
}

/* Rows that are owed become a chunk of their own, right behind this one; what this one's note would
 * say, and that the table ends here, goes over to it. Under the lock. */
static enum rc settle(struct job *job, struct range *chunk, struct error *err)
{
    if (job->owed != NULL && chunk->keys == NULL && keep_given(job, chunk->high, err) != RC_OK)
        return RC_MEMORY;
    while (job->owed != NULL) {
        struct range *more = range_make(job, NULL, NULL);
        struct bound **keys = calloc(KEYS_A_CHUNK, sizeof(struct bound *));
        if (more == NULL || keys == NULL) {
            free(more);
            free(keys);
            return out_of_memory(err);
        }
        more->keys = keys;
        while (job->owed != NULL && more->key_count < KEYS_A_CHUNK) {
            struct owed_key *owed = job->owed;
            job->owed = owed->next;
            keys[more->key_count++] = owed->bound;
            free(owed);
        }
        more->base.last = chunk->base.last;
        chunk->base.last = false;
        more->high = chunk->high;
        chunk->high = NULL;
        chunk->leaves_note = true;
        more->next = chunk->next;
        chunk->next = more;
        chunk = more;
    }
    return RC_OK;
}

static enum rc next_packet(struct reader *reader, struct range *chunk, struct slice *packet,
                           struct error *err)
{
    if (!chunk->job->is_keyed)
        return unkeyed_packet(reader, chunk->job, packet, err);
    if (rows_next(&chunk->rows, &reader->pool, packet))
        return RC_OK;
    reader_lock(reader);
    enum rc rc = settle(chunk->job, chunk, err);
    reader_unlock(reader);
    return rc == RC_OK ? RC_EOF : rc;
}

enum rc give_row(struct snapshot *snapshot, struct snapshot_chunk *base, struct change *row_out,
                 struct error *err)
{
    struct reader *reader = reader_of(snapshot);
    struct range *chunk = (struct range *)base;
    struct job *job = chunk->job;
    struct row row;
    bool left_out;
    do {
        struct slice packet;
        enum rc rc = next_packet(reader, chunk, &packet, err);
        if (rc == RC_OK)
            rc = cut(reader, job, packet, &row, err);
        if (rc != RC_OK)
            return rc;
        reader->bytes_read += packet.len;
        rc = is_left_out(reader, job, chunk, &row, &left_out, err);
        if (rc != RC_OK)
            return rc;
    } while (left_out);
    *row_out = (struct change){.kind = CHANGE_READ,
                               .table = job->read,
                               .after = row,
                               .txn = &chunk->txn,
                               .ordinal = chunk->given,
                               .event_offset = chunk->txn.offset};
    chunk->given++;
    reader->rows_read++;
    return RC_OK;
}

/* --- the end of a chunk --- */

/* Under the lock. */
static void advance(struct job *job, struct range *chunk)
{
    job->rows_pending += chunk->given;
    if (chunk->leaves_note)
        return;
    bound_free(job->state.behind);
    job->state.behind = chunk->high;
    chunk->high = NULL;
    job->state.chunks++;
    job->state.rows += job->rows_pending;
    job->rows_pending = 0;
    job->state.done = chunk->base.last;
}

/* The round from which on keys are still asked for; the rest can be forgotten. */
static void forget(struct job *job)
{
    uint64_t oldest = UINT64_MAX;
    for (const struct range *chunk = job->first_chunk; chunk != NULL; chunk = chunk->next)
        if (chunk->state != CHUNK_PLANNED && chunk->round < oldest)
            oldest = chunk->round;
    touched_forget(&job->touched, oldest);
}

static void write_note(struct reader *reader, const struct job *job)
{
    buf_reset(&reader->note_key);
    buf_add_str(&reader->note_key, "snapshot/");
    buf_add_slice(&reader->note_key, job->table->db);
    buf_add_byte(&reader->note_key, '.');
    buf_add_slice(&reader->note_key, job->table->name);
    buf_reset(&reader->note);
    state_add(&reader->note, &job->state, job->table);
}

enum rc give_done(struct snapshot *snapshot, struct snapshot_chunk *base, struct slice *key_out,
                  struct slice *value_out, struct error *err)
{
    struct reader *reader = reader_of(snapshot);
    struct range *chunk = (struct range *)base;
    struct job *job = chunk->job;
    ASSERT(chunk->state == CHUNK_GIVING);
    reader_lock(reader);
    enum rc rc = settle(job, chunk, err);
    /* Where rows are owed, settle has kept it already and moved the bound on. */
    if (rc == RC_OK && chunk->keys == NULL && !chunk->leaves_note)
        rc = keep_given(job, chunk->high, err);
    if (rc == RC_OK) {
        bool nothing_is_owed = !chunk->leaves_note;
        advance(job, chunk);
        if (nothing_is_owed)
            touched_deinit(&job->owing);
        range_drop(reader, chunk);
        if (job->is_keyed)
            forget(job);
        else
            unkeyed_end(reader, job);
        write_note(reader, job);
        if (job->state.done)
            queue_retire(reader, job);
        reader_wake(reader);
    }
    reader_unlock(reader);
    if (rc == RC_OK)
        rc = buf_check(&reader->note, "The note of a table's snapshot", err);
    if (rc == RC_OK)
        rc = buf_check(&reader->note_key, "The name of a table", err);
    *key_out = buf_slice(&reader->note_key);
    *value_out = buf_slice(&reader->note);
    return rc;
}

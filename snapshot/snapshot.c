/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshot's operations, its beginning and its end. */
#include "snapshot.h"

#include <stdlib.h>
#include <unistd.h>

#include "key_int.h"
#include "reader_int.h"

#define CHUNK_ROWS_DEFAULT 8096u
#define CHUNK_BYTES_DEFAULT ((uint64_t)8 << 20)
#define CHUNK_BYTES_MIN ((uint64_t)64 << 10)
#define NAMES_BYTES_MAX ((size_t)256 << 20)
#define BLOCKS_A_CHUNK_BYTES ((uint64_t)256 << 10)
#define WORKERS_BY_CORES_MAX 8u

static void close_reader(struct snapshot *base);

static unsigned by_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1                            ? 1
           : cores > (long)WORKERS_BY_CORES_MAX ? WORKERS_BY_CORES_MAX
                                                : (unsigned)cores;
}

static void configure(struct reader *reader, const struct snapshot_options *options)
{
    unsigned wanted = options->parallelism == 0 ? by_cores() : options->parallelism;
    reader->parallelism = wanted > READER_WORKERS_MAX ? READER_WORKERS_MAX : wanted;
    reader->chunk_rows = options->chunk_rows == 0 ? CHUNK_ROWS_DEFAULT : options->chunk_rows;
    reader->chunk_bytes = options->chunk_bytes == 0 ? CHUNK_BYTES_DEFAULT : options->chunk_bytes;
    if (reader->chunk_bytes < CHUNK_BYTES_MIN)
        reader->chunk_bytes = CHUNK_BYTES_MIN;
}

static void init_waiting(struct reader *reader)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&reader->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&reader->lock, NULL);
}

static enum rc open_reader(const struct snapshot_options *options, struct snapshot **snapshot_out,
                           struct error *err)
{
    *snapshot_out = NULL;
    struct source *source = options->source;
    if (source->ops->connection == NULL || source->ops->read_table == NULL)
        return error_set(err, RC_UNSUPPORTED, "A source of type %s has no tables to read.",
                         source->ops->name);
    struct reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the snapshot.");
    reader->base.ops = &snapshot_reader;
    reader->source = source;
    reader->connection = source->ops->connection(source);
    reader->last_job = &reader->first_job;
    reader->last_queued = &reader->first_queued;
    reader->opened_us = clock_wall_us();
    configure(reader, options);
    init_waiting(reader);
    row_pool_init(&reader->pool, (unsigned)((reader->parallelism + 1) * reader->chunk_bytes /
                                            BLOCKS_A_CHUNK_BYTES));
    arena_init(&reader->names, "names of indexes", NAMES_BYTES_MAX);
    buf_init(&reader->scratch, SQL_TEXT_MAX);
    buf_init(&reader->key, KEY_BYTES_MAX);
    buf_init(&reader->note, STATE_TEXT_MAX);
    buf_init(&reader->note_key, 4096);
    reader->workers = calloc(reader->parallelism, sizeof(*reader->workers));
    if (reader->workers == NULL) {
        close_reader(&reader->base);
        return error_set(err, RC_MEMORY, "There is no memory for the snapshot.");
    }
    *snapshot_out = &reader->base;
    return RC_OK;
}

static void stop(struct snapshot *base)
{
    struct reader *reader = reader_of(base);
    reader_lock(reader);
    atomic_store(&reader->stopping, true);
    for (unsigned i = 0; i < reader->worker_count; i++)
        if (reader->workers[i].session.conn != NULL)
            myconn_interrupt(reader->workers[i].session.conn);
    if (reader->control.conn != NULL)
        myconn_interrupt(reader->control.conn);
    if (reader->unkeyed_job != NULL && reader->unkeyed_job->unkeyed != NULL)
        unkeyed_interrupt(reader->unkeyed_job->unkeyed);
    reader_wake(reader);
    reader_unlock(reader);
}

static void free_jobs(struct reader *reader, struct job *job)
{
    while (job != NULL) {
        struct job *next = job->next;
        job_clear_chunks(reader, job);
        unkeyed_end(reader, job);
        touched_deinit(&job->touched);
        bound_free(job->given);
        state_deinit(&job->state);
        free(job);
        job = next;
    }
}

static void close_reader(struct snapshot *base)
{
    if (base == NULL)
        return;
    struct reader *reader = reader_of(base);
    stop(base);
    worker_stop_all(reader);
    free_jobs(reader, reader->first_job);
    free_jobs(reader, reader->first_queued);
    free_jobs(reader, reader->retired);
    session_close(&reader->control);
    free(reader->buckets);
    free(reader->workers);
    free(reader->cells);
    free(reader->fields);
    buf_deinit(&reader->scratch);
    buf_deinit(&reader->key);
    buf_deinit(&reader->note);
    buf_deinit(&reader->note_key);
    arena_deinit(&reader->names);
    row_pool_deinit(&reader->pool);
    pthread_cond_destroy(&reader->changed);
    pthread_mutex_destroy(&reader->lock);
    free(reader);
}

static bool is_done(struct slice value)
{
    return state_is_done(value);
}

static uint64_t rows_left(const struct job *job)
{
    uint64_t rows = 0;
    for (; job != NULL; job = job->next) {
        uint64_t given = job->state.rows + job->rows_pending;
        if (job->rows_estimated > given)
            rows += job->rows_estimated - given;
    }
    return rows;
}

static void progress(const struct snapshot *base, struct snapshot_progress *out)
{
    /* The lock is not part of what const promises. */
    union {
        const struct snapshot *in;
        struct reader *reader;
    } as = {.in = base};
    struct reader *reader = as.reader;
    reader_lock(reader);
    *out = (struct snapshot_progress){.tables_total = reader->tables_total,
                                      .tables_done = reader->tables_done,
                                      .rows_read = reader->rows_read,
                                      .bytes_read = reader->bytes_read,
                                      .chunks_reading = reader->chunks_reading};
    out->rows_estimated = rows_left(reader->first_job) + rows_left(reader->first_queued);
    if (reader->unkeyed_job != NULL)
        out->transaction_us = unkeyed_held_us(reader->unkeyed_job->unkeyed, clock_monotonic_us());
    reader_unlock(reader);
}

const struct snapshot_ops snapshot_reader = {
    .open = open_reader,
    .add = queue_add,
    .change = queue_change,
    .pump = pump_run,
    .reconcile = reconcile_change,
    .ready = give_ready,
    .row = give_row,
    .done = give_done,
    .is_done = is_done,
    .progress = progress,
    .stop = stop,
    .close = close_reader,
};

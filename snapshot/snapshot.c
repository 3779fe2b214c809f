/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshot's operations, and the queue of tables.
 *
 * Adding a table costs no question to the server: what must be known of it is asked when its turn
 * comes, so that ten thousand tables are in the queue at once in no time.
 */
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
#define BUCKETS_FIRST 256u
#define WORKERS_BY_CORES_MAX 8u

void reader_lock(struct reader *reader)
{
    pthread_mutex_lock(&reader->lock);
}

void reader_unlock(struct reader *reader)
{
    pthread_mutex_unlock(&reader->lock);
}

void reader_wake(struct reader *reader)
{
    pthread_cond_broadcast(&reader->changed);
}

void reader_fail(struct reader *reader, const struct error *err)
{
    if (reader->failure.rc == RC_OK)
        reader->failure = *err;
}

enum rc reader_check(struct reader *reader, struct error *err)
{
    if (atomic_load(&reader->stopping))
        return error_set(err, RC_CANCELLED, "The snapshot was stopped.");
    reader_lock(reader);
    enum rc rc = reader->failure.rc;
    if (rc != RC_OK && err != NULL)
        *err = reader->failure;
    reader_unlock(reader);
    return rc;
}

enum rc reader_control(struct reader *reader, struct session **session_out, struct error *err)
{
    struct error lost = {0};
    if (reader->control.conn != NULL &&
        myconn_exec(reader->control.conn, SLICE("DO 0"), &lost) != RC_OK)
        worker_disconnect(reader, &reader->control);
    *session_out = &reader->control;
    return worker_connect(reader, &reader->control, err);
}

/* --- tables by name --- */

static uint64_t name_hash(const struct table *table)
{
    return slice_hash(table->db) * 31 + slice_hash(table->name);
}

static struct job **bucket_of(struct reader *reader, const struct table *table)
{
    return &reader->buckets[name_hash(table) & (reader->bucket_count - 1)];
}

struct job *reader_find(struct reader *reader, const struct table *table)
{
    struct job *job = reader->bucket_count == 0 ? NULL : *bucket_of(reader, table);
    while (job != NULL &&
           !(slice_equal(job->table->name, table->name) && slice_equal(job->table->db, table->db)))
        job = job->next_same_hash;
    return job;
}

static void index_job(struct reader *reader, struct job *job)
{
    struct job **bucket = bucket_of(reader, job->table);
    job->next_same_hash = *bucket;
    *bucket = job;
}

static void unindex_job(struct reader *reader, struct job *job)
{
    struct job **link = bucket_of(reader, job->table);
    while (*link != NULL && *link != job)
        link = &(*link)->next_same_hash;
    if (*link == job)
        *link = job->next_same_hash;
    reader->last_table = NULL;
    reader->last_found = NULL;
}

static enum rc grow_index(struct reader *reader, struct error *err)
{
    if (reader->tables_total < reader->bucket_count)
        return RC_OK;
    uint32_t count = reader->bucket_count == 0 ? BUCKETS_FIRST : 4 * reader->bucket_count;
    struct job **buckets = calloc(count, sizeof(struct job *));
    if (buckets == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the tables of the snapshot.");
    free(reader->buckets);
    reader->buckets = buckets;
    reader->bucket_count = count;
    for (struct job *job = reader->first_job; job != NULL; job = job->next)
        index_job(reader, job);
    for (struct job *job = reader->first_queued; job != NULL; job = job->next)
        index_job(reader, job);
    return RC_OK;
}

void reader_begin_jobs(struct reader *reader)
{
    unsigned wanted = 2 * reader->parallelism + (reader->grace_ms > 0 ? GRACE_AHEAD_ALL : 0);
    unsigned active = 0;
    if (reader->first_queued == NULL)
        return;
    for (const struct job *job = reader->first_job; job != NULL; job = job->next)
        active += !job->is_parked;
    while (active < wanted && reader->first_queued != NULL) {
        struct job *job = reader->first_queued;
        reader->first_queued = job->next;
        if (job->next == NULL)
            reader->last_queued = &reader->first_queued;
        job->next = NULL;
        *reader->last_job = job;
        reader->last_job = &job->next;
        active++;
        reader_wake(reader);
    }
}

static bool unlink_job(struct job **first, struct job ***last, const struct job *job)
{
    struct job **link = first;
    while (*link != NULL && *link != job)
        link = &(*link)->next;
    if (*link == NULL)
        return false;
    *link = job->next;
    if (*last == &job->next)
        *last = link;
    return true;
}

void reader_retire(struct reader *reader, struct job *job)
{
    bool found = unlink_job(&reader->first_job, &reader->last_job, job) ||
                 unlink_job(&reader->first_queued, &reader->last_queued, job);
    ASSERT(found);
    unindex_job(reader, job);
    job_clear_chunks(reader, job);
    unkeyed_end(reader, job);
    touched_deinit(&job->touched);
    job->generation++;
    job->next = reader->retired;
    reader->retired = job;
    if (job->state.done)
        reader->tables_done++;
}

/* --- open and close --- */

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

/* --- the queue --- */

static enum rc check_table(const struct table *table, struct error *err)
{
    if (!table->has_names)
        return error_set(err, RC_UNSUPPORTED,
                         "The columns of table %.*s.%.*s have no names, so that it cannot be read.",
                         SLICE_ARG(table->db), SLICE_ARG(table->name));
    return RC_OK;
}

/* What an earlier life knew. A note of another key is void: the table is read from its beginning. */
static enum rc take_state(struct job *job, struct slice state, struct error *err)
{
    struct error problem = {0};
    enum rc rc = state_parse(state, job->table, &job->state, &problem);
    if (rc == RC_MISMATCH) {
        log_warn("snapshot", "The snapshot of a table begins anew.",
                 LOG_SLICE("db", job->table->db), LOG_SLICE("table", job->table->name),
                 LOG_STR("reason", problem.text));
        return RC_OK;
    }
    if (rc != RC_OK && err != NULL)
        *err = problem;
    if (rc != RC_OK)
        return rc;
    /* Half of a table without a key is worth nothing: it cannot be gone on with. */
    if (!job->is_keyed && !job->state.done)
        state_deinit(&job->state);
    job->chunk_number = job->state.chunks;
    job->plan_low = bound_copy(job->state.behind);
    if (job->state.behind != NULL && job->plan_low == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the state of a table.");
    return job_reset_given(job, err);
}

static void free_new_job(struct job *job)
{
    bound_free(job->plan_low);
    bound_free(job->given);
    state_deinit(&job->state);
    free(job);
}

static enum rc add(struct snapshot *base, struct table *table, struct slice state,
                   struct error *err)
{
    struct reader *reader = reader_of(base);
    enum rc rc = check_table(table, err);
    if (rc != RC_OK)
        return rc;
    struct job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the tables of the snapshot.");
    job->table = table;
    job->is_keyed = table->key_count > 0;
    touched_init(&job->touched);
    rc = reader->source->ops->read_table(reader->source, table, &job->read, err);
    if (rc == RC_OK)
        rc = take_state(job, state, err);
    reader_lock(reader);
    if (rc == RC_OK)
        rc = grow_index(reader, err);
    if (rc == RC_OK && reader_find(reader, table) != NULL)
        rc = error_set(err, RC_EXISTS, "Table %.*s.%.*s is in the snapshot's queue already.",
                       SLICE_ARG(table->db), SLICE_ARG(table->name));
    if (rc != RC_OK) {
        reader_unlock(reader);
        free_new_job(job);
        return rc;
    }
    reader->tables_total++;
    if (job->state.done) {
        reader->tables_done++;
        reader_unlock(reader);
        free_new_job(job);
        return RC_OK;
    }
    *reader->last_queued = job;
    reader->last_queued = &job->next;
    reader->is_estimated = false;
    index_job(reader, job);
    reader->last_table = NULL;
    reader_unlock(reader);
    return RC_OK;
}

/* Whether literals of the old key still say the same place in the new one. The collation of text is
 * not known here, and a change of it is a change of the order. */
static bool is_same_order(const struct table *before, const struct table *after)
{
    if (before->key_count != after->key_count || after->key_count == 0)
        return false;
    for (uint32_t i = 0; i < after->key_count; i++) {
        const struct column *a = &before->columns[before->key[i]];
        const struct column *b = &after->columns[after->key[i]];
        bool ordered_by_text = b->kind == COLUMN_STRING || b->kind == COLUMN_ENUM ||
                               b->kind == COLUMN_SET || b->kind == COLUMN_UNKNOWN;
        if (a->kind != b->kind || ordered_by_text || !slice_equal(a->type, b->type) ||
            !slice_equal(a->name, b->name))
            return false;
    }
    return true;
}

static enum rc reshape(struct reader *reader, struct job *job, struct table *after,
                       struct table *read, struct error *err)
{
    bool same = is_same_order(job->table, after);
    unindex_job(reader, job);
    job_clear_chunks(reader, job);
    unkeyed_end(reader, job);
    touched_forget(&job->touched, UINT64_MAX);
    if (!same) {
        state_deinit(&job->state);
        job->chunk_number = 0;
    }
    job->rows_pending = 0;
    job->table = after;
    job->read = read;
    job->is_keyed = after->key_count > 0;
    job->is_described = job->has_kind = false;
    job->stride = (struct stride){0};
    job->is_narrow = false;
    job->is_parked = false;
    job->generation++;
    job->not_before_us = 0;
    job->failures = 0;
    job->told_us = 0;
    job->plan_low = bound_copy(job->state.behind);
    index_job(reader, job);
    if (job->state.behind != NULL && job->plan_low == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the state of a table.");
    return job_reset_given(job, err);
}

static enum rc change(struct snapshot *base, struct table *before, struct table *after,
                      struct error *err)
{
    struct reader *reader = reader_of(base);
    struct table *read = NULL;
    enum rc rc = after == NULL ? RC_OK : check_table(after, err);
    if (rc == RC_OK && after != NULL)
        rc = reader->source->ops->read_table(reader->source, after, &read, err);
    if (rc != RC_OK)
        return rc;
    reader_lock(reader);
    struct job *job = reader_find(reader, before);
    if (job != NULL && after == NULL) {
        job->is_dropped = true;
        reader->tables_total--;
        reader_retire(reader, job);
    } else if (job != NULL) {
        rc = reshape(reader, job, after, read, err);
    }
    reader_wake(reader);
    reader_unlock(reader);
    return rc;
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
    .add = add,
    .change = change,
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads that read: each with a connection of its own, each taking what is to be done next in
 * the order of tables and keys. What plans comes before what reads as long as nothing is planned
 * ahead, so that no reader ever waits for a bound.
 *
 * Memory: a chunk reserves chunk_bytes before it is read, out of (parallelism + 1) times that. The
 * very first chunk that is not given yet may always be read, so that chunks behind it which hold
 * all the memory cannot keep it, and themselves, waiting for ever.
 */
#include <stdio.h>
#include <stdlib.h>

#include "reader_int.h"
#include "watermark_int.h"

#define IDLE_US 1000000u
#define RETRY_BASE_MS 100u
#define RETRY_CAP_MS 10000u
#define AGAIN_MS 5u
#define AGAIN_CAP_MS 200u
#define SHAPE_WAIT_US 2000000u
#define TELL_EVERY_US 60000000u
#define AGAIN_FRESH_US 5000000u /* so long after the grace the stream's place is asked for anew */

enum work { WORK_NONE = 0, WORK_PLAN, WORK_READ, WORK_ESTIMATE };

struct pick {
    enum work work;
    struct plan_task plan;
    struct read_task read;
    struct job *job;
    uint32_t generation;
    uint64_t wake_us;
};

/* --- failures --- */

static void tell_trouble(struct job *job, const struct error *err, uint64_t now_us)
{
    if (job->told_us != 0 && now_us - job->told_us < TELL_EVERY_US)
        return;
    job->told_us = now_us;
    if (reader_trouble(err) == TROUBLE_SHAPE)
        log_warn("snapshot",
                 "A table is not as the stream knows it; its snapshot waits for the stream to tell "
                 "what became of it.",
                 LOG_SLICE("db", job->table->db), LOG_SLICE("table", job->table->name),
                 LOG_STR("reason", err->text));
    else
        log_warn("snapshot", "A chunk of a table could not be read; trying again.",
                 LOG_SLICE("db", job->table->db), LOG_SLICE("table", job->table->name),
                 LOG_STR("reason", err->text));
}

/* Chunks that are not being given are void; after a while the table is looked at anew. */
static void park(struct reader *reader, struct job *job, uint64_t now_us)
{
    struct bound *low = NULL;
    struct range **link = &job->first_chunk;
    if (*link != NULL && (*link)->state == CHUNK_GIVING) {
        low = bound_copy((*link)->high);
        link = &(*link)->next;
    } else {
        low = bound_copy(job->state.behind);
    }
    while (*link != NULL)
        range_drop(reader, *link);
    bound_free(job->plan_low);
    job->plan_low = low;
    job->is_planned = job->first_chunk != NULL && job->first_chunk->base.last;
    job->is_described = false;
    job->generation++;
    job->not_before_us = now_us + SHAPE_WAIT_US;
    job->is_parked = true;
}

/* Under the lock. */
static void take_trouble(struct reader *reader, struct job *job, struct error *err, uint64_t now_us)
{
    if (atomic_load(&reader->stopping) || err->rc == RC_CANCELLED)
        return;
    enum trouble trouble = reader_trouble(err);
    if (trouble == TROUBLE_FATAL) {
        char label[512];
        reader_hint(job->table, err);
        error_wrap(err, "Reading table %s for its snapshot",
                   table_label(job->table, label, sizeof(label)));
        reader_fail(reader, err);
        return;
    }
    tell_trouble(job, err, now_us);
    if (trouble == TROUBLE_SHAPE)
        park(reader, job, now_us);
}

static uint64_t backoff_us(unsigned failures)
{
    return (uint64_t)clock_backoff_ms(failures, RETRY_BASE_MS, RETRY_CAP_MS) * 1000;
}

/* --- picking; under the lock --- */

static void later(struct pick *pick, uint64_t when_us)
{
    if (when_us < pick->wake_us)
        pick->wake_us = when_us;
}

static unsigned count_ahead(const struct job *job)
{
    unsigned count = 0;
    for (const struct range *chunk = job->first_chunk; chunk != NULL; chunk = chunk->next)
        count += chunk->state == CHUNK_PLANNED || chunk->state == CHUNK_ASKED;
    return count;
}

/* The next chunk without a question to the server; false: it has to be asked. */
static bool step_on(struct reader *reader, struct job *job)
{
    uint64_t rows = plan_rows(reader, job->row_bytes);
    struct bound *high = stride_step(&job->stride, job->read, job->plan_low, rows);
    struct bound *next_low = bound_copy(high);
    struct range *chunk = next_low == NULL ? NULL : range_make(job, job->plan_low, high);
    if (chunk == NULL) {
        bound_free(high);
        bound_free(next_low);
        return false;
    }
    chunk->aimed = rows;
    chunk->limit = stride_limit(rows);
    range_append(job, chunk);
    job->plan_low = next_low;
    return true;
}

/* No row was given, no chunk is there: the table may be read along whichever way is found. */
static bool is_untrodden(const struct job *job)
{
    return job->plan_low == NULL && job->first_chunk == NULL && job->given == NULL;
}

static bool pick_plan(struct reader *reader, struct job *job, struct pick *pick, uint64_t now_us)
{
    unsigned ahead_max = reader->parallelism + (reader->grace_ms > 0 ? GRACE_AHEAD : 1);
    unsigned ahead = count_ahead(job);
    if (job->is_busy || job->is_planned || !job->is_keyed || ahead >= ahead_max)
        return false;
    while (ahead < ahead_max && job->is_described && step_on(reader, job))
        ahead++;
    if (ahead >= ahead_max)
        return false;
    if (job->not_before_us > now_us) {
        later(pick, job->not_before_us);
        return false;
    }
    struct plan_task *plan = &pick->plan;
    *plan =
        (struct plan_task){.job = job,
                           .generation = job->generation,
                           .table = job_way(job),
                           .is_untrodden = is_untrodden(job),
                           .is_described = job->is_described,
                           .has_figures = job->is_estimated && job->row_bytes > 0 && job->has_kind,
                           .rows_estimated = job->rows_estimated,
                           .low = bound_copy(job->plan_low),
                           .row_bytes = job->row_bytes};
    buf_init(&plan->index, 4096);
    job->is_busy = true;
    pick->work = WORK_PLAN;
    return true;
}

static bool has_memory(const struct reader *reader, const struct range *chunk)
{
    uint64_t budget = (reader->parallelism + 1) * reader->chunk_bytes;
    if (reader->held_bytes + reader->chunk_bytes <= budget)
        return true;
    /* The first of all may always go. */
    const struct job *job = reader->first_job;
    while (job != NULL && (!job->is_keyed || job->first_chunk == NULL))
        job = job->next;
    return job != NULL && job->first_chunk == chunk;
}

static bool pick_read(struct reader *reader, struct job *job, struct pick *pick, uint64_t now_us)
{
    for (struct range *chunk = job->first_chunk; chunk != NULL; chunk = chunk->next) {
        if (chunk->state != CHUNK_ASKED)
            continue;
        if (chunk->not_before_us > now_us) {
            later(pick, chunk->not_before_us);
            continue;
        }
        if (!has_memory(reader, chunk))
            return false;
        chunk->state = CHUNK_READING;
        chunk->reserved = reader->chunk_bytes;
        reader->held_bytes += chunk->reserved;
        reader->chunks_reading++;
        pick->read = (struct read_task){.chunk = chunk, .table = job_way(job)};
        pick->job = job;
        pick->generation = job->generation;
        pick->work = WORK_READ;
        return true;
    }
    return false;
}

static struct job *first_without_estimate(struct job *job)
{
    while (job != NULL && job->is_estimated)
        job = job->next;
    return job;
}

static bool pick_estimate(struct reader *reader, struct pick *pick)
{
    if (reader->is_estimated)
        return false;
    pick->job = first_without_estimate(reader->first_job);
    if (pick->job == NULL)
        pick->job = first_without_estimate(reader->first_queued);
    reader->is_estimated = pick->job == NULL;
    if (!reader->is_estimated)
        pick->work = WORK_ESTIMATE;
    return !reader->is_estimated;
}

static void pick_work(struct reader *reader, struct worker *worker, struct pick *pick)
{
    uint64_t now_us = clock_monotonic_us();
    *pick = (struct pick){.wake_us = now_us + IDLE_US};
    bool estimates_first = reader->parallelism > 1 && worker == reader->workers;
    if (estimates_first && pick_estimate(reader, pick))
        return;
    for (struct job *job = reader->first_job; job != NULL; job = job->next) {
        if (count_ahead(job) == 0 && pick_plan(reader, job, pick, now_us))
            return;
        if (pick_read(reader, job, pick, now_us))
            return;
    }
    for (struct job *job = reader->first_job; job != NULL; job = job->next)
        if (pick_plan(reader, job, pick, now_us))
            return;
    pick_estimate(reader, pick);
}

/* --- doing --- */

/* Under the lock. */
static enum rc keep_plan(struct reader *reader, struct job *job, struct plan_task *plan,
                         struct error *err)
{
    if (!job->is_described) {
        struct slice name = buf_slice(&plan->index);
        /* The name before, if there was one, stays: a reader may be using it. */
        job->index = arena_copy(&reader->names, name);
        if (job->index.ptr == NULL)
            return error_set(err, RC_MEMORY, "There is no memory for the plan of a table.");
        job->state.descending = plan->table.descending;
        job->is_prefixed = plan->table.is_prefixed;
        job->is_versioned = plan->table.is_versioned;
        job->has_kind = true;
        job->is_described = job->is_estimated = true;
        job->rows_estimated = plan->rows_estimated;
        if (job->row_bytes == 0)
            job->row_bytes = plan->row_bytes;
        stride_set_end(&job->stride, job->read, plan->end);
        if (name.len == 0)
            log_warn("snapshot",
                     "The index of a table's key cannot be named; its chunks may be found slowly.",
                     LOG_SLICE("db", job->table->db), LOG_SLICE("table", job->table->name));
    }
    stride_learn(&job->stride, job->read, plan->low, plan->high, plan->rows);
    struct bound *next_low = bound_copy(plan->high);
    struct range *chunk = range_make(job, plan->low, plan->high);
    if (chunk == NULL || (plan->high != NULL && next_low == NULL)) {
        bound_free(next_low);
        free(chunk);
        return error_set(err, RC_MEMORY, "There is no memory for the plan of a table.");
    }
    plan->low = plan->high = NULL;
    chunk->base.last = chunk->high == NULL;
    range_append(job, chunk);
    bound_free(job->plan_low);
    job->plan_low = next_low;
    job->is_planned = chunk->base.last;
    return RC_OK;
}

static void do_plan(struct reader *reader, struct worker *worker, struct plan_task *plan)
{
    struct error err = {0};
    enum rc rc = reader_connect(reader, &worker->session, &err);
    if (rc == RC_OK)
        rc = plan_chunk(reader, worker, plan, &err);
    if (rc != RC_OK)
        reader_disconnect(reader, &worker->session);
    reader_lock(reader);
    struct job *job = plan->job;
    uint64_t now_us = clock_monotonic_us();
    job->is_busy = false;
    if (plan->generation == job->generation && !job->is_dropped) {
        if (rc == RC_OK)
            rc = keep_plan(reader, job, plan, &err);
        if (rc == RC_OK) {
            job->failures = 0;
            job->is_parked = false;
        } else {
            job->not_before_us = now_us + backoff_us(job->failures++);
            take_trouble(reader, job, &err, now_us);
        }
    }
    reader_wake(reader);
    reader_unlock(reader);
    bound_free(plan->low);
    bound_free(plan->high);
    bound_free(plan->end);
    buf_deinit(&plan->index);
}

/* A chunk that was cut: what is left of it comes right behind it. Under the lock. */
static enum rc split(const struct reader *reader, struct range *chunk, struct bound **cut,
                     struct error *err)
{
    struct bound *low = bound_copy(*cut);
    struct range *rest = low == NULL ? NULL : range_make(chunk->job, low, chunk->high);
    if (rest == NULL) {
        bound_free(low);
        return error_set(err, RC_MEMORY, "There is no memory for the plan of a table.");
    }
    rest->base.last = chunk->base.last;
    /* There may be any number of rows: no more than fit are asked for at once. */
    rest->limit = plan_rows(reader, chunk->job->row_bytes);
    rest->next = chunk->next;
    chunk->next = rest;
    chunk->base.last = false;
    chunk->high = *cut;
    *cut = NULL;
    return RC_OK;
}

/* Under the lock. */
static enum rc keep_rows(struct reader *reader, struct read_task *read, struct error *err)
{
    struct range *chunk = read->chunk;
    struct job *job = chunk->job;
    if (chunk->aimed > 0)
        stride_judge(&job->stride, chunk->aimed, chunk->rows.count, read->cut != NULL);
    if (chunk->rows.count > 0 && chunk->keys == NULL) {
        uint64_t measured = chunk->rows.bytes / chunk->rows.count + 1;
        job->row_bytes = job->row_bytes < measured || job->state.chunks == 0
                             ? measured
                             : (job->row_bytes + measured) / 2;
    }
    if (read->cut != NULL) {
        enum rc rc = split(reader, chunk, &read->cut, err);
        if (rc != RC_OK)
            return rc;
    }
    reader->held_bytes -= chunk->reserved;
    chunk->reserved = chunk->rows.held;
    reader->held_bytes += chunk->reserved;
    chunk->failures = 0;
    chunk->state = CHUNK_READ;
    return RC_OK;
}

/* Under the lock: the chunk is tried again, as it was asked for, or asked for anew. */
static void try_again(struct reader *reader, struct range *chunk, bool is_early, uint64_t now_us)
{
    rows_clear(&chunk->rows, &reader->pool);
    reader->held_bytes -= chunk->reserved;
    chunk->reserved = 0;
    chunk->state = CHUNK_ASKED;
    chunk->failures++;
    uint64_t pause_us =
        is_early ? (uint64_t)clock_backoff_ms(chunk->failures, AGAIN_MS, AGAIN_CAP_MS) * 1000
                 : backoff_us(chunk->failures);
    chunk->not_before_us = now_us + pause_us;
    /* The stream may have moved to another server meanwhile. */
    if (is_early && now_us - chunk->asked_us > reader->grace_ms * 1000 + AGAIN_FRESH_US)
        range_put_back(reader, chunk);
}

static void do_read(struct reader *reader, struct worker *worker, struct pick *pick)
{
    struct error err = {0};
    struct read_task *read = &pick->read;
    struct range *chunk = read->chunk;
    enum rc rc = reader_connect(reader, &worker->session, &err);
    if (rc == RC_OK)
        rc = read_chunk(reader, worker, read, &err);
    if (rc != RC_OK && rc != RC_AGAIN)
        reader_disconnect(reader, &worker->session);
    reader_lock(reader);
    uint64_t now_us = clock_monotonic_us();
    reader->chunks_reading--;
    if (atomic_load(&chunk->unwanted)) {
        range_free(reader, chunk);
    } else if (chunk->is_void) {
        chunk->is_void = false;
        chunk->state = CHUNK_READ;
        range_put_back(reader, chunk);
    } else {
        if (rc == RC_OK)
            rc = keep_rows(reader, read, &err);
        if (rc != RC_OK) {
            try_again(reader, chunk, rc == RC_AGAIN, now_us);
            if (rc != RC_AGAIN)
                take_trouble(reader, pick->job, &err, now_us);
        }
    }
    reader_wake(reader);
    reader_unlock(reader);
    bound_free(read->cut);
}

static void set_estimated(struct job *job, struct slice db)
{
    for (; job != NULL; job = job->next)
        job->is_estimated |= slice_equal(job->table->db, db);
}

/* The server's guesses for all tables of one database at once. They are for people, and to begin
 * with: a failure is no more than a missing figure. */
static void do_estimate(struct reader *reader, struct worker *worker, struct job *first)
{
    struct error err = {0};
    struct myconn_result *result = NULL;
    struct slice db = first->table->db; /* lives until the source is closed */
    enum rc rc = reader_connect(reader, &worker->session, &err);
    buf_reset(&worker->sql);
    buf_add_str(&worker->sql, "SELECT TABLE_NAME, TABLE_ROWS, AVG_ROW_LENGTH, TABLE_TYPE FROM "
                              "information_schema.TABLES WHERE TABLE_SCHEMA = ");
    myconn_add_literal(&worker->sql, db);
    if (rc == RC_OK)
        rc = myconn_query(worker->session.conn, buf_slice(&worker->sql), &result, &err);
    if (rc != RC_OK)
        reader_disconnect(reader, &worker->session);
    reader_lock(reader);
    const struct slice *fields;
    while (rc == RC_OK && myconn_row(result, &fields)) {
        struct table named = {.db = db, .name = fields[0]};
        struct job *job = queue_find(reader, &named);
        uint64_t number;
        if (job == NULL || job->is_estimated)
            continue;
        if (fields[1].ptr != NULL && text_parse_u64(fields[1], &number))
            job->rows_estimated = number;
        if (job->row_bytes == 0 && fields[2].ptr != NULL && text_parse_u64(fields[2], &number))
            job->row_bytes = number;
        job->is_versioned = slice_equal(fields[3], PLAN_VERSIONED);
        job->has_kind = true;
    }
    set_estimated(reader->first_job, db);
    set_estimated(reader->first_queued, db);
    reader_unlock(reader);
    myconn_result_free(result);
}

static void rest(struct reader *reader, uint64_t until_us)
{
    struct timespec until = {.tv_sec = (time_t)(until_us / 1000000),
                             .tv_nsec = (long)(until_us % 1000000) * 1000};
    pthread_cond_timedwait(&reader->changed, &reader->lock, &until);
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    struct reader *reader = worker->reader;
    reader_lock(reader);
    while (!atomic_load(&reader->stopping)) {
        struct pick pick;
        if (reader->failure.rc != RC_OK) {
            rest(reader, clock_monotonic_us() + IDLE_US);
            continue;
        }
        pick_work(reader, worker, &pick);
        if (pick.work == WORK_NONE) {
            rest(reader, pick.wake_us);
            continue;
        }
        reader_unlock(reader);
        if (pick.work == WORK_PLAN)
            do_plan(reader, worker, &pick.plan);
        else if (pick.work == WORK_READ)
            do_read(reader, worker, &pick);
        else
            do_estimate(reader, worker, pick.job);
        reader_lock(reader);
    }
    reader_unlock(reader);
    return NULL;
}

enum rc worker_start_all(struct reader *reader, struct error *err)
{
    while (reader->worker_count < reader->parallelism) {
        struct worker *worker = &reader->workers[reader->worker_count];
        worker->reader = reader;
        buf_init(&worker->sql, SQL_TEXT_MAX);
        int failed = pthread_create(&worker->thread, NULL, run, worker);
        if (failed != 0)
            return error_set_os(err, RC_IO, failed, "A thread for the snapshot cannot be started");
        reader->worker_count++;
    }
    return RC_OK;
}

void worker_stop_all(struct reader *reader)
{
    for (unsigned i = 0; i < reader->worker_count; i++) {
        struct worker *worker = &reader->workers[i];
        pthread_join(worker->thread, NULL);
        session_close(&worker->session);
        buf_deinit(&worker->sql);
    }
    reader->worker_count = 0;
}

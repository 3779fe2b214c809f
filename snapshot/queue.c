/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of tables, by their order and by their names.
 *
 * Adding a table costs no question to the server: what must be known of it is asked when its turn
 * comes, so that ten thousand tables are in the queue at once in no time.
 */
#include <stdlib.h>

#include "key_int.h"
#include "reader_int.h"

#define BUCKETS_FIRST 256u

static uint64_t name_hash(const struct table *table)
{
    return slice_hash(table->db) * 31 + slice_hash(table->name);
}

static struct job **bucket_of(struct reader *reader, const struct table *table)
{
    return &reader->buckets[name_hash(table) & (reader->bucket_count - 1)];
}

struct job *queue_find(struct reader *reader, const struct table *table)
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

void queue_begin(struct reader *reader)
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

void queue_retire(struct reader *reader, struct job *job)
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

/* --- tables come and change --- */

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

enum rc queue_add(struct snapshot *base, struct table *table, struct slice state, struct error *err)
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
    if (rc == RC_OK && queue_find(reader, table) != NULL)
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

enum rc queue_change(struct snapshot *base, struct table *before, struct table *after,
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
    struct job *job = queue_find(reader, before);
    if (job != NULL && after == NULL) {
        job->is_dropped = true;
        reader->tables_total--;
        queue_retire(reader, job);
    } else if (job != NULL) {
        rc = reshape(reader, job, after, read, err);
    }
    reader_wake(reader);
    reader_unlock(reader);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stream says of a table that is being read. The rule, for each key:
 *
 *   the stream changed the row since the chunk was asked for  -> the stream alone knows it: the
 *                                                                chunk's row is left out
 *   it did not                                                -> the chunk's row is the row
 *
 * An update marks the key before and the key after it. A TRUNCATE makes void what was read and not
 * given.
 *
 * Changes without all columns (binlog_row_image not FULL) cannot make a row at the target. Where the
 * target has the row, they go there: the row's key lies at or before the last chunk that was given,
 * or the stream has brought the whole row meanwhile. Otherwise they are dropped, and the row is
 * still owed: the chunk that has it was not asked for yet and will see the change; or it was, and
 * its row is then read once more, by its key, right behind the chunk.
 */
#include <stdlib.h>

#include "key_int.h"
#include "reader_int.h"

/* Keys that are noted may weigh as much as a chunk, at least this. */
#define TOUCHED_BYTES_MIN ((size_t)8 << 20)
#define TOUCHED_FACTOR_MAX 16u

static bool is_partial(const struct row *row)
{
    for (uint32_t i = 0; i < row->count; i++)
        if (row->cells[i].state == CELL_ABSENT)
            return true;
    return false;
}

/* The round of the oldest chunk under way; 0: there is none. Under the lock. */
static uint64_t oldest_round(const struct job *job)
{
    uint64_t oldest = 0;
    for (const struct range *chunk = job->first_chunk; chunk != NULL; chunk = chunk->next)
        if (chunk->state != CHUNK_PLANNED && (oldest == 0 || chunk->round < oldest))
            oldest = chunk->round;
    return oldest;
}

/* More keys than there is room for: what is under way behind the first chunk is given up, and from
 * now on one chunk at a time is read, whose keys are all that has to be noted. */
static enum rc make_room(struct reader *reader, struct job *job, struct error *err)
{
    size_t bound =
        reader->chunk_bytes > TOUCHED_BYTES_MIN ? reader->chunk_bytes : TOUCHED_BYTES_MIN;
    if (touched_bytes(&job->touched) < bound)
        return RC_OK;
    reader_lock(reader);
    touched_forget(&job->touched, oldest_round(job));
    if (touched_bytes(&job->touched) >= bound / 2) {
        if (!job->is_narrow)
            log_warn("snapshot",
                     "So many rows of a table change while it is read that its chunks are read one "
                     "at a time.",
                     LOG_SLICE("db", job->table->db), LOG_SLICE("table", job->table->name));
        job->is_narrow = true;
        struct range *next;
        for (struct range *chunk = job->first_chunk; chunk != NULL; chunk = next) {
            next = chunk->next;
            if (chunk->state == CHUNK_ASKED || chunk->state == CHUNK_READ)
                range_put_back(reader, chunk);
        }
        touched_forget(&job->touched, oldest_round(job) == 0 ? UINT64_MAX : oldest_round(job));
    }
    reader_unlock(reader);
    if (touched_bytes(&job->touched) < TOUCHED_FACTOR_MAX * bound)
        return RC_OK;
    return error_set(err, RC_LIMIT,
                     "More keys of table %.*s.%.*s change while one chunk of it is read than fit "
                     "into %zu bytes. A smaller chunk size makes this shorter.",
                     SLICE_ARG(job->table->db), SLICE_ARG(job->table->name),
                     TOUCHED_FACTOR_MAX * bound);
}

static enum rc mark(struct reader *reader, struct job *job, struct slice key,
                    enum touched_kind kind, struct error *err)
{
    enum rc rc = touched_mark(&job->touched, key, reader->round, kind, err);
    if (rc == RC_OK && kind == TOUCHED_WHOLE && job->owing.count > 0)
        rc = touched_mark(&job->owing, key, reader->round, kind, err);
    return rc == RC_OK ? make_room(reader, job, err) : rc;
}

enum rc reconcile_owe(struct reader *reader, struct job *job, struct slice key, struct error *err)
{
    struct owed_key *owed = calloc(1, sizeof(*owed));
    if (owed == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a key.");
    enum rc rc = key_bound(job->read, key, &owed->bound, err);
    if (rc != RC_OK) {
        free(owed);
        return rc;
    }
    reader_lock(reader);
    owed->next = job->owed;
    job->owed = owed;
    reader_unlock(reader);
    return touched_mark(&job->owing, key, reader->round, TOUCHED_PARTLY, err);
}

static enum rc ask_server(struct reader *reader, struct job *job, const struct bound *key,
                          bool *given_out, struct error *err)
{
    struct session *session = NULL;
    struct myconn_result *result = NULL;
    struct sql_table table = job_way(job);
    enum rc rc = reader_control(reader, &session, err);
    if (rc != RC_OK)
        return rc;
    buf_reset(&reader->scratch);
    sql_add_is_not_behind(&reader->scratch, &table, key, job->given);
    rc = buf_check(&reader->scratch, "A statement of the snapshot", err);
    if (rc == RC_OK)
        rc = myconn_query(session->conn, buf_slice(&reader->scratch), &result, err);
    const struct slice *fields;
    if (rc == RC_OK)
        *given_out = myconn_row(result, &fields);
    myconn_result_free(result);
    if (rc != RC_OK)
        reader_disconnect(reader, session);
    return rc;
}

/* Whether the row with this key exists and lies at or before what was given. Numbers are compared
 * here, all others by the server, whose collation decides. When the table is not as the stream knows
 * it, nobody can say: then the change goes to the target, which refuses it aloud if it must. */
static enum rc was_given(struct reader *reader, struct job *job, struct slice key, bool *given_out,
                         struct error *err)
{
    enum { PAUSE_BASE_MS = 100, PAUSE_CAP_MS = 5000 };
    bool is_behind;
    *given_out = job->is_all_given;
    if (job->given == NULL)
        return RC_OK;
    if (key_compare_numbers(job->read, job->state.descending, key, job->given, &is_behind)) {
        *given_out = !is_behind;
        return RC_OK;
    }
    struct bound *bound = NULL;
    enum rc rc = key_bound(job->read, key, &bound, err);
    if (rc != RC_OK)
        return rc;
    for (unsigned tries = 0;; tries++) {
        struct error failure = {0};
        rc = ask_server(reader, job, bound, given_out, &failure);
        bool passing = rc != RC_OK && reader_trouble(&failure) == TROUBLE_PASSING;
        if (rc != RC_OK && reader_trouble(&failure) == TROUBLE_SHAPE) {
            *given_out = true;
            rc = RC_OK;
        }
        if (!passing || atomic_load(&reader->stopping)) {
            if (rc != RC_OK && err != NULL)
                *err = failure;
            break;
        }
        clock_sleep_ms(clock_backoff_ms(tries, PAUSE_BASE_MS, PAUSE_CAP_MS));
    }
    bound_free(bound);
    return rc;
}

static bool is_giving(struct reader *reader, const struct job *job)
{
    reader_lock(reader);
    bool giving = job->first_chunk != NULL && job->first_chunk->state == CHUNK_GIVING;
    reader_unlock(reader);
    return giving;
}

/* An update that leaves the key alone and lacks columns; its key is in reader->key. */
static enum rc partial_update(struct reader *reader, struct job *job, enum snapshot_pass *pass_out,
                              struct error *err)
{
    struct slice key = buf_slice(&reader->key);
    enum touched_kind owing = touched_find(&job->owing, key, 0);
    bool given = owing == TOUCHED_WHOLE || touched_find(&job->touched, key, 0) == TOUCHED_WHOLE;
    /* A row that is owed lies at or before what was given, and is not there. */
    if (!given && owing == TOUCHED_NOT) {
        enum rc rc = was_given(reader, job, key, &given, err);
        if (rc != RC_OK)
            return rc;
    }
    if (given)
        return mark(reader, job, key, TOUCHED_WHOLE, err);
    *pass_out = SNAPSHOT_DROP;
    enum rc rc = mark(reader, job, key, TOUCHED_PARTLY, err);
    return rc == RC_OK && is_giving(reader, job) ? reconcile_owe(reader, job, key, err) : rc;
}

/* Whether a chunk of the table is under way. When none is, the next one will see all that the stream
 * has said, and nothing needs to be noted. */
static bool is_noted(struct reader *reader, struct job *job)
{
    reader_lock(reader);
    bool noted = oldest_round(job) != 0;
    reader_unlock(reader);
    if (job->owing.count > 0)
        return true;
    if (!noted)
        touched_forget(&job->touched, UINT64_MAX);
    return noted;
}

static enum rc one_key(struct reader *reader, struct job *job, const struct table *table,
                       const struct row *row, const struct row *other, struct error *err)
{
    enum rc rc = key_of_row(table, row, other, &reader->scratch, &reader->key, err);
    return rc == RC_OK ? mark(reader, job, buf_slice(&reader->key), TOUCHED_WHOLE, err) : rc;
}

static enum rc update(struct reader *reader, struct job *job, const struct change *change,
                      enum snapshot_pass *pass_out, struct error *err)
{
    const struct table *table = change->table;
    bool partial = is_partial(&change->after);
    enum rc rc = key_of_row(table, &change->before, NULL, &reader->scratch, &reader->key, err);
    if (rc != RC_OK)
        return rc;
    if (!partial) {
        rc = mark(reader, job, buf_slice(&reader->key), TOUCHED_WHOLE, err);
        return rc != RC_OK ? rc : one_key(reader, job, table, &change->after, &change->before, err);
    }
    struct buf before = reader->key; /* kept aside, and given back */
    buf_init(&reader->key, KEY_BYTES_MAX);
    rc = key_of_row(table, &change->after, &change->before, &reader->scratch, &reader->key, err);
    bool same = slice_equal(buf_slice(&before), buf_slice(&reader->key));
    if (rc == RC_OK && same)
        rc = partial_update(reader, job, pass_out, err);
    else if (rc == RC_OK)
        rc = mark(reader, job, buf_slice(&before), TOUCHED_WHOLE, err);
    /* The row moved: what the target makes of it lacks columns, wherever it lies now. */
    if (rc == RC_OK && !same)
        rc = mark(reader, job, buf_slice(&reader->key), TOUCHED_PARTLY, err);
    if (rc == RC_OK && !same)
        rc = reconcile_owe(reader, job, buf_slice(&reader->key), err);
    buf_deinit(&before);
    return rc;
}

/* What was read and not given is of a table that is empty now. */
static void truncate(struct reader *reader, struct job *job)
{
    reader_lock(reader);
    for (struct range *chunk = job->first_chunk; chunk != NULL; chunk = chunk->next) {
        if (chunk->state == CHUNK_READING)
            chunk->is_void = true;
        else if (chunk->state == CHUNK_GIVING)
            rows_clear(&chunk->rows, &reader->pool);
        else if (chunk->state != CHUNK_PLANNED)
            range_put_back(reader, chunk);
    }
    reader_unlock(reader);
}

static struct job *find(struct reader *reader, const struct table *table)
{
    if (table == reader->last_table)
        return reader->last_found;
    reader_lock(reader);
    struct job *job = queue_find(reader, table);
    reader_unlock(reader);
    reader->last_table = table;
    reader->last_found = job;
    return job;
}

enum rc reconcile_change(struct snapshot *snapshot, const struct change *change,
                         enum snapshot_pass *pass_out, struct error *err)
{
    struct reader *reader = reader_of(snapshot);
    *pass_out = SNAPSHOT_PASS;
    struct job *job = change->table == NULL ? NULL : find(reader, change->table);
    if (job == NULL)
        return RC_OK;
    if (!job->is_keyed)
        return unkeyed_reconcile(reader, job, change, pass_out, err);
    bool partial = change->kind == CHANGE_UPDATE && is_partial(&change->after);
    if (!is_noted(reader, job) && !partial)
        return RC_OK;
    switch (change->kind) {
    case CHANGE_INSERT:
        return one_key(reader, job, change->table, &change->after, NULL, err);
    case CHANGE_DELETE:
        return one_key(reader, job, change->table, &change->before, NULL, err);
    case CHANGE_UPDATE:
        return update(reader, job, change, pass_out, err);
    case CHANGE_TRUNCATE:
        truncate(reader, job);
        return RC_OK;
    case CHANGE_NONE:
    case CHANGE_READ:
    case CHANGE_SCHEMA:
    case CHANGE_UNKNOWN: /* the table is read once more, after this */
    case CHANGE_COMMIT:
    case CHANGE_IDLE:
        break;
    }
    return RC_OK;
}

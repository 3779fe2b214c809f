/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables without a key: read as a whole, in one statement, out of one consistent snapshot. Rows that
 * are alike cannot be told apart, so nothing can be left out or given twice: each change of the
 * stream must be known to lie in the snapshot (then it is dropped) or behind it (then it passes).
 *
 *   waiting    all changes are dropped: the snapshot, which is still to be opened, will have them
 *   opened     between two places in the binlog, `low` before the snapshot was taken and `high`
 *              after. What is up to low is in it, what is behind high is not. A change of this table
 *              in between cannot be told: the snapshot is let go and opened anew, which is all the
 *              safer as that change was dropped and will be in the next one.
 *   passed     the stream has reached `high`: from here on changes pass
 *
 * The chunk is announced as soon as it is opened, and before that no change passes: who takes the
 * rows empties the target at that moment, and must not empty away what came behind the snapshot.
 * Rows are given when the stream has passed, as with every chunk: the note that follows them says
 * that the table is the stream's alone. They come in no order with the changes behind them.
 *
 * Opening happens inside pump, so that no change comes between the question and the answer.
 *
 *   MariaDB      low is the place up to which the engines had committed just before (watermark.c)
 *   MySQL, GTID  low is a set: what was executed before. In the set: in the snapshot.
 *   other MySQL, low is a place of a second (or more) before, in which no change of the table came:
 *   MariaDB      what was in the binlog then is in the tables now. A table without a key that never
 *   with XA      rests a second cannot be read so, which is said after some minutes.
 *
 * The rows come through a ring of blocks from a thread of their own: a slow sink slows the server
 * down, and memory is a few blocks. When the connection is lost the snapshot is gone with it: the
 * chunk ends without being the last, and the table begins anew, with `first` set.
 */
#include <stdlib.h>

#include "reader_int.h"
#include "undo_int.h"
#include "watermark_int.h"

#define BLOCK_BYTES_AIM ((uint64_t)192 << 10)
#define RING_BLOCKS 8u
#define TRY_EVERY_US 20000u
#define TELL_AFTER_US (180ull * 1000000)
#define POP_WAIT_MS 1u

enum unkeyed_state {
    UNKEYED_WAITING = 0,
    UNKEYED_OPENED,
    UNKEYED_PASSED,
    UNKEYED_VOID /* given up after it was announced: the table begins anew */
};

/* How the thread ended. A closed ring alone says nothing: `stop` closes it too. */
enum outcome { OUTCOME_NONE = 0, OUTCOME_COMPLETE, OUTCOME_FAILED };

struct unkeyed {
    struct reader *reader;
    struct job *job;
    enum unkeyed_state state;
    struct session session;
    bool has_low;     /* `low` was noted at low_us, */
    bool was_changed; /* and the table has changed since */
    struct position low;
    uint64_t low_us;
    struct position high;
    uint64_t first_try_us;
    uint64_t next_try_us;
    uint64_t told_us;

    struct undo_watch undo;

    struct range *chunk; /* announced; NULL: not yet */
    bool reads;          /* the thread runs, or ran */
    bool is_at_end;      /* all rows were given */
    bool is_void;        /* what is left of the rows is of no use: the table was truncated */
    pthread_t thread;
    struct ring ring;     /* of struct rows */
    struct rows *rows;    /* owned; being given */
    struct error failure; /* the thread's; read when `outcome` says so */
    atomic_int outcome;   /* enum outcome */
};

static void free_rows(struct reader *reader, struct rows *rows)
{
    if (rows == NULL)
        return;
    rows_clear(rows, &reader->pool);
    free(rows);
}

/* --- the reading thread --- */

static enum rc flush(struct unkeyed *unkeyed, struct rows **rows, struct error *err)
{
    if (*rows != NULL && ring_push(&unkeyed->ring, *rows) != RC_OK) {
        free_rows(unkeyed->reader, *rows);
        *rows = NULL;
        return error_set(err, RC_CANCELLED, "The snapshot was stopped.");
    }
    *rows = NULL;
    return RC_OK;
}

static enum rc read_all(struct unkeyed *unkeyed, struct error *err)
{
    struct rows *rows = NULL;
    enum rc rc = RC_OK;
    while (rc == RC_OK) {
        struct slice packet;
        rc = myconn_stream_row(unkeyed->session.conn, &packet, err);
        if (rc != RC_OK)
            break;
        if (rows == NULL)
            rows = calloc(1, sizeof(*rows));
        rc = rows == NULL ? error_set(err, RC_MEMORY, "There is no memory for rows.")
                          : rows_add(rows, &unkeyed->reader->pool, packet, err);
        if (rc == RC_OK && rows->bytes >= BLOCK_BYTES_AIM)
            rc = flush(unkeyed, &rows, err);
    }
    if (rc == RC_EOF)
        rc = flush(unkeyed, &rows, err);
    free_rows(unkeyed->reader, rows);
    return rc;
}

static void *run(void *arg)
{
    struct unkeyed *unkeyed = arg;
    unsigned column_count = 0;
    struct buf sql;
    struct sql_table table = {.table = unkeyed->job->read,
                              .is_versioned = unkeyed->job->is_versioned};
    struct error err = {0};
    buf_init(&sql, SQL_TEXT_MAX);
    sql_add_rows(&sql, &table, NULL, NULL, 0);
    enum rc rc = buf_check(&sql, "A statement of the snapshot", &err);
    if (rc == RC_OK)
        rc = myconn_stream_open(unkeyed->session.conn, buf_slice(&sql), &column_count, &err);
    if (rc == RC_OK && column_count != unkeyed->job->read->column_count)
        rc = error_set(&err, RC_PROTOCOL, "The server answered with other columns than asked.");
    if (rc == RC_OK)
        rc = read_all(unkeyed, &err);
    buf_deinit(&sql);
    if (rc != RC_OK)
        unkeyed->failure = err;
    atomic_store(&unkeyed->outcome, rc == RC_OK ? OUTCOME_COMPLETE : OUTCOME_FAILED);
    ring_close(&unkeyed->ring);
    return NULL;
}

/* --- opening --- */

/* The snapshot is of no use. Where it was announced already its chunk ends, as not the last. */
static void let_go(struct unkeyed *unkeyed)
{
    if (!unkeyed->reads)
        reader_disconnect(unkeyed->reader, &unkeyed->session);
    undo_end(&unkeyed->undo);
    unkeyed->has_low = false;
    unkeyed->state = UNKEYED_WAITING;
    if (unkeyed->chunk == NULL)
        return;
    unkeyed->state = UNKEYED_VOID;
    unkeyed->chunk->base.last = false;
}

static enum rc check_engine(struct unkeyed *unkeyed, struct error *err)
{
    struct plan_task task = {.table = {.table = unkeyed->job->read}};
    buf_init(&task.index, 4096);
    enum rc rc = plan_describe(&unkeyed->session, &task, err);
    buf_deinit(&task.index);
    if (rc != RC_OK)
        return rc;
    unkeyed->job->rows_estimated = task.rows_estimated;
    unkeyed->job->is_versioned = task.table.is_versioned;
    if (task.is_transactional || task.rows_estimated == 0)
        return RC_OK;
    return error_set(
        err, RC_UNSUPPORTED,
        "The table has neither a key nor transactions (its engine has none), so that no "
        "moment of it can be read without a lock. Give it a primary key, or ALTER TABLE "
        "... ENGINE=InnoDB.");
}

static enum rc take_snapshot(struct unkeyed *unkeyed, struct error *err)
{
    enum rc rc = myconn_exec(unkeyed->session.conn,
                             SLICE("START TRANSACTION WITH CONSISTENT SNAPSHOT"), err);
    return rc == RC_OK ? watermark_now(&unkeyed->session, &unkeyed->high, err) : rc;
}

static enum rc open_seen(struct unkeyed *unkeyed, const struct position *here, struct error *err)
{
    bool is_settled = false;
    enum rc rc = watermark_begin(&unkeyed->session, here, clock_monotonic_us(), err);
    if (rc != RC_OK)
        return rc;
    unkeyed->has_low = false; /* it is of now */
    rc = watermark_place(&unkeyed->session, &unkeyed->low, &is_settled, err);
    if (rc == RC_OK && !is_settled)
        rc = RC_AGAIN;
    return rc == RC_OK ? take_snapshot(unkeyed, err) : rc;
}

static enum rc open_after_grace(struct unkeyed *unkeyed, struct error *err)
{
    bool is_settled = false;
    uint64_t now_us = clock_monotonic_us();
    if (!unkeyed->has_low || unkeyed->was_changed) {
        enum rc rc = watermark_place(&unkeyed->session, &unkeyed->low, &is_settled, err);
        unkeyed->has_low = rc == RC_OK;
        unkeyed->was_changed = false;
        unkeyed->low_us = now_us;
        return rc == RC_OK ? RC_AGAIN : rc;
    }
    if (now_us < unkeyed->low_us + unkeyed->session.grace_ms * 1000)
        return RC_AGAIN;
    return take_snapshot(unkeyed, err);
}

static enum rc try_to_open(struct unkeyed *unkeyed, const struct position *here, struct error *err)
{
    bool fresh = unkeyed->session.conn == NULL;
    enum rc rc = reader_connect(unkeyed->reader, &unkeyed->session, err);
    if (rc == RC_OK && fresh)
        rc = check_engine(unkeyed, err);
    if (rc != RC_OK)
        return rc;
    enum session_sight sight = unkeyed->session.sight;
    rc = RC_AGAIN;
    if (sight != SESSION_SIGHT_GRACE)
        rc = open_seen(unkeyed, here, err);
    return rc == RC_AGAIN && sight != SESSION_SIGHT_GTID ? open_after_grace(unkeyed, err) : rc;
}

static void tell_busy(struct unkeyed *unkeyed, uint64_t now_us)
{
    if (now_us - unkeyed->first_try_us < TELL_AFTER_US || now_us - unkeyed->told_us < TELL_AFTER_US)
        return;
    unkeyed->told_us = now_us;
    log_warn(
        "snapshot",
        "A table without a key changes so often that no moment of it can be named; its snapshot "
        "goes on trying. A primary key, or gtid_mode=ON, would help.",
        LOG_SLICE("db", unkeyed->job->table->db), LOG_SLICE("table", unkeyed->job->table->name));
}

static enum rc begin(struct reader *reader, struct job *job, struct error *err)
{
    struct unkeyed *unkeyed = calloc(1, sizeof(*unkeyed));
    if (unkeyed == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the snapshot of a table.");
    enum rc rc = ring_init(&unkeyed->ring, RING_BLOCKS, err);
    if (rc != RC_OK) {
        free(unkeyed);
        return rc;
    }
    unkeyed->reader = reader;
    unkeyed->job = job;
    unkeyed->first_try_us = unkeyed->told_us = clock_monotonic_us();
    position_init(&unkeyed->low);
    position_init(&unkeyed->high);
    job->unkeyed = unkeyed;
    reader->unkeyed_job = job;
    return RC_OK;
}

/* What a failed try means; RC_OK: another one comes. */
static enum rc take_failure(struct unkeyed *unkeyed, enum rc rc, struct error *failure,
                            struct error *err)
{
    struct job *job = unkeyed->job;
    if (rc == RC_AGAIN || (rc != RC_CANCELLED && reader_trouble(failure) != TROUBLE_FATAL)) {
        if (rc != RC_AGAIN) {
            unkeyed->next_try_us = clock_monotonic_us() + 1000000;
            let_go(unkeyed);
        }
        return RC_OK;
    }
    char label[512];
    reader_hint(job->table, failure);
    error_wrap(failure, "Reading table %s for its snapshot",
               table_label(job->table, label, sizeof(label)));
    if (err != NULL)
        *err = *failure;
    return rc;
}

/* Under the lock, which is let go while the server is asked. */
static void watch_undo(struct unkeyed *unkeyed,
                       void (*watch)(struct undo_watch *watch, struct session *session,
                                     const struct table *table, uint64_t now_us),
                       uint64_t now_us)
{
    struct reader *reader = unkeyed->reader;
    struct session *session;
    struct error ignored = {0};
    reader_unlock(reader);
    enum rc rc = reader_control(reader, &session, &ignored);
    watch(&unkeyed->undo, rc == RC_OK ? session : NULL, unkeyed->job->table, now_us);
    reader_lock(reader);
}

enum rc unkeyed_pump(struct reader *reader, struct job *job, const struct position *here,
                     struct error *err)
{
    if (reader->unkeyed_job != NULL && reader->unkeyed_job != job)
        return RC_OK;
    enum rc rc = job->unkeyed == NULL ? begin(reader, job, err) : RC_OK;
    if (rc != RC_OK)
        return rc;
    struct unkeyed *unkeyed = job->unkeyed;
    uint64_t now_us = clock_monotonic_us();
    if (undo_is_due(&unkeyed->undo, now_us))
        watch_undo(unkeyed, undo_tell, now_us);
    if (unkeyed->state != UNKEYED_WAITING || now_us < unkeyed->next_try_us)
        return RC_OK;
    struct error failure = {0};
    unkeyed->next_try_us = now_us + TRY_EVERY_US;
    reader_unlock(reader);
    rc = try_to_open(unkeyed, here, &failure);
    if (rc == RC_OK)
        unkeyed->state = UNKEYED_OPENED;
    else
        rc = take_failure(unkeyed, rc, &failure, err);
    tell_busy(unkeyed, now_us);
    reader_lock(reader);
    if (unkeyed->state == UNKEYED_OPENED)
        watch_undo(unkeyed, undo_begin, now_us);
    return rc;
}

uint64_t unkeyed_held_us(const struct unkeyed *unkeyed, uint64_t now_us)
{
    return unkeyed == NULL || unkeyed->undo.since_us == 0 || unkeyed->is_at_end
               ? 0
               : now_us - unkeyed->undo.since_us;
}

/* --- changes of the stream --- */

/* Whether a change that lies before `high` is in the snapshot for certain. */
static enum rc is_before_low(struct unkeyed *unkeyed, const struct txn *txn, bool *before_out,
                             struct error *err)
{
    if (unkeyed->session.sight == SESSION_SIGHT_GTID && txn->gtid.len > 0) {
        struct buf sql;
        struct buf answer;
        buf_init(&sql, SQL_TEXT_MAX);
        buf_init(&answer, 64);
        buf_add_str(&sql, "SELECT GTID_SUBSET(");
        myconn_add_literal(&sql, txn->gtid);
        buf_add_str(&sql, ", ");
        myconn_add_literal(&sql, buf_slice(&unkeyed->low.gtid_set));
        buf_add_byte(&sql, ')');
        enum rc rc = myconn_query_value(unkeyed->session.conn, buf_slice(&sql), &answer, err);
        *before_out = rc == RC_OK && slice_equal(buf_slice(&answer), SLICE("1"));
        buf_deinit(&sql);
        buf_deinit(&answer);
        return rc;
    }
    struct position at = {.offset = txn->offset};
    if (txn->file.len < sizeof(at.file))
        memcpy(at.file, txn->file.ptr, txn->file.len);
    *before_out = !watermark_is_at_or_behind(&at, &unkeyed->low);
    return RC_OK;
}

static bool has_passed(struct unkeyed *unkeyed)
{
    struct source *source = unkeyed->reader->source;
    if (unkeyed->state == UNKEYED_OPENED && source->ops->reached(source, &unkeyed->high))
        unkeyed->state = UNKEYED_PASSED;
    return unkeyed->state == UNKEYED_PASSED;
}

enum rc unkeyed_reconcile(struct reader *reader UNUSED, struct job *job,
                          const struct change *change, enum snapshot_pass *pass_out,
                          struct error *err UNUSED)
{
    struct unkeyed *unkeyed = job->unkeyed;
    if (unkeyed != NULL && unkeyed->chunk != NULL && has_passed(unkeyed)) {
        /* All that the table holds from here on is the stream's. */
        if (change->kind == CHANGE_TRUNCATE)
            unkeyed->is_void = true;
        return RC_OK;
    }
    *pass_out = SNAPSHOT_DROP;
    if (unkeyed == NULL)
        return RC_OK;
    unkeyed->was_changed = true;
    if (unkeyed->state == UNKEYED_WAITING || unkeyed->state == UNKEYED_VOID)
        return RC_OK;
    bool before = false;
    struct error lost = {0};
    /* Behind the snapshot, and nobody has asked for its chunk yet: the next one will have it. A
     * failed question means a lost snapshot, which is opened anew like one that cannot be told. */
    if (has_passed(unkeyed) || is_before_low(unkeyed, change->txn, &before, &lost) != RC_OK ||
        !before)
        let_go(unkeyed);
    return RC_OK;
}

/* --- giving --- */

static enum rc start_reading(struct unkeyed *unkeyed, struct error *err)
{
    int failed = pthread_create(&unkeyed->thread, NULL, run, unkeyed);
    if (failed != 0)
        return error_set_os(err, RC_IO, failed, "A thread for the snapshot cannot be started");
    unkeyed->reads = true;
    return RC_OK;
}

static struct range *chunk_of_table(struct job *job)
{
    struct range *chunk = range_make(job, NULL, NULL);
    if (chunk == NULL)
        return NULL;
    chunk->state = CHUNK_GIVING;
    chunk->base.first = true;
    chunk->base.last = true;
    return chunk;
}

enum rc unkeyed_ready(struct reader *reader, struct job *job, struct snapshot_chunk **chunk_out,
                      struct error *err)
{
    struct unkeyed *unkeyed = job->unkeyed;
    if (unkeyed == NULL || unkeyed->chunk != NULL || unkeyed->state == UNKEYED_WAITING)
        return RC_AGAIN;
    struct range *chunk = chunk_of_table(job);
    if (chunk == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the snapshot of a table.");
    enum rc rc = position_copy(&chunk->high_mark, &unkeyed->high, err);
    if (rc != RC_OK) {
        range_free(reader, chunk);
        return rc;
    }
    chunk->txn = (struct txn){.file = slice_str(chunk->high_mark.file),
                              .offset = chunk->high_mark.offset,
                              .commit_time_us = chunk->high_mark.commit_time_us};
    range_append(job, chunk);
    unkeyed->chunk = chunk;
    *chunk_out = &chunk->base;
    return RC_OK;
}

/* The thread is at its end: with all rows, or without. */
static enum rc take_end(struct reader *reader, struct unkeyed *unkeyed, struct error *err)
{
    struct error *failure = &unkeyed->failure;
    struct job *job = unkeyed->job;
    int outcome = atomic_load(&unkeyed->outcome);
    if (atomic_load(&reader->stopping) || outcome == OUTCOME_NONE)
        return error_set(err, RC_CANCELLED, "The snapshot was stopped.");
    unkeyed->is_at_end = true;
    if (outcome == OUTCOME_COMPLETE)
        return RC_EOF;
    if (reader_trouble(failure) == TROUBLE_FATAL) {
        reader_hint(job->table, failure);
        if (err != NULL)
            *err = *failure;
        return failure->rc;
    }
    log_warn("snapshot",
             "Reading a table without a key broke off; it begins anew, and its target is emptied.",
             LOG_SLICE("db", job->table->db), LOG_SLICE("table", job->table->name),
             LOG_STR("reason", failure->text));
    let_go(unkeyed);
    return RC_EOF;
}

enum rc unkeyed_packet(struct reader *reader, struct job *job, struct slice *packet_out,
                       struct error *err)
{
    struct unkeyed *unkeyed = job->unkeyed;
    if (unkeyed->is_void || unkeyed->is_at_end || unkeyed->state == UNKEYED_VOID)
        return RC_EOF;
    if (!unkeyed->reads) {
        if (!has_passed(unkeyed))
            return RC_AGAIN;
        enum rc rc = start_reading(unkeyed, err);
        if (rc != RC_OK)
            return rc;
    }
    for (;;) {
        if (unkeyed->rows != NULL && rows_next(unkeyed->rows, &reader->pool, packet_out))
            return RC_OK;
        free_rows(reader, unkeyed->rows);
        unkeyed->rows = NULL;
        void *item = NULL;
        enum rc rc = ring_pop(&unkeyed->ring, &item, POP_WAIT_MS);
        if (rc == RC_EOF)
            return take_end(reader, unkeyed, err);
        if (rc != RC_OK)
            return rc;
        unkeyed->rows = item;
    }
}

void unkeyed_interrupt(struct unkeyed *unkeyed)
{
    if (unkeyed->session.conn != NULL)
        myconn_interrupt(unkeyed->session.conn);
    ring_close(&unkeyed->ring);
}

void unkeyed_end(struct reader *reader, struct job *job)
{
    struct unkeyed *unkeyed = job->unkeyed;
    if (unkeyed == NULL)
        return;
    if (unkeyed->reads) {
        unkeyed_interrupt(unkeyed);
        void *item;
        pthread_join(unkeyed->thread, NULL);
        while (ring_pop(&unkeyed->ring, &item, 0) == RC_OK)
            free_rows(reader, item);
    }
    session_close(&unkeyed->session);
    free_rows(reader, unkeyed->rows);
    ring_deinit(&unkeyed->ring);
    position_deinit(&unkeyed->low);
    position_deinit(&unkeyed->high);
    free(unkeyed);
    job->unkeyed = NULL;
    if (reader->unkeyed_job == job)
        reader->unkeyed_job = NULL;
    if (job->state.done)
        return;
    job->state.chunks = job->state.rows = 0;
    job->rows_pending = job->chunk_number = 0;
}

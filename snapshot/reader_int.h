/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshot's own state, for the files that make it up; none calls one that comes later:
 *
 *   reader.c     the lock, the failure that ends all, connections
 *   range.c      the life of a chunk
 *   unkeyed.c    tables without a key
 *   queue.c      tables: added, changed, begun, done
 *   reconcile.c  what the stream says of tables that are being read
 *   give.c       chunks that are ready, their rows, their notes
 *   pump.c       which chunks are asked for, and when
 *   worker.c     the threads: they plan chunks (plan.c) and read them (read.c)
 *   snapshot.c   the operations, open and close
 *
 * One lock guards jobs, chunks and their states. What a worker reads into (a chunk in CHUNK_READING)
 * is the worker's alone until it hands it back. `touched` and everything else that is marked so is
 * the pipeline's thread's alone.
 */
#ifndef MILLRACE_SNAPSHOT_READER_INT_H
#define MILLRACE_SNAPSHOT_READER_INT_H

#include <stdatomic.h>

#include "expiry_int.h"
#include "rows_int.h"
#include "session_int.h"
#include "sql_int.h"
#include "snapshot.h"
#include "state_int.h"
#include "stride_int.h"
#include "touched_int.h"

#define READER_WORKERS_MAX 64u
/* Where chunks wait a while before they are read, so many more are asked for ahead, of one table and
 * of all: they hold no memory yet, and the wait costs no throughput. */
#define GRACE_AHEAD 16u
#define GRACE_AHEAD_ALL 256u

/* Where the stream stood; shared by the chunks that were asked for there. Under the lock. */
struct here {
    unsigned refs;
    uint64_t since_us; /* it has stood there since then, or for longer */
    struct position position;
};

enum chunk_state {
    CHUNK_PLANNED = 0, /* its bounds are known; asked for by pump */
    CHUNK_ASKED,       /* a worker takes it; the stream's changes are noted from here on */
    CHUNK_READING,     /* a worker has it */
    CHUNK_READ,        /* waits for the stream to pass its high watermark */
    CHUNK_GIVING
};

/* A chunk of a table: a range of its keys. */
struct range {
    struct snapshot_chunk base; /* first */
    struct job *job;
    struct range *next; /* in key order */
    enum chunk_state state;
    struct bound *low;  /* owned; NULL: from the first row */
    struct bound *high; /* owned; NULL: to the last row */
    /* A chunk of single rows, which were changed without all their columns: owned. */
    struct bound **keys;
    uint32_t key_count;
    uint64_t
        aimed; /* rows that a step aimed at (stride_int.h); 0: the server has named its bounds */
    uint64_t limit; /* rows that one SELECT may bring; 0: as many as there are */

    uint64_t round;    /* of being asked for; see touched_int.h */
    struct here *here; /* retained */
    uint64_t asked_us;
    uint64_t not_before_us; /* for a worker */
    unsigned failures;
    atomic_bool unwanted; /* the worker that has it frees it */
    bool is_void;         /* the worker that has it puts it back */
    uint64_t reserved;    /* bytes, of reader.held_bytes */

    struct rows rows;
    struct position high_mark;
    struct txn txn;   /* of its rows: the high watermark */
    uint64_t given;   /* rows */
    bool leaves_note; /* a chunk behind it ends what its own note would have said */
};

struct owed_key {
    struct owed_key *next;
    struct bound *bound; /* owned */
};

/* A table in the queue. */
struct job {
    struct job *next;
    struct job *next_same_hash;
    struct table *table; /* as the stream knows it */
    struct table *read;  /* as rows are read */
    bool is_keyed;
    bool is_dropped;
    bool is_busy;   /* a worker plans it */
    bool is_parked; /* waits for the stream to tell what became of it */
    bool is_estimated;
    uint32_t generation; /* rises with every change: what a worker brings from before is void */
    struct table_state state;

    /* The plan. */
    bool is_described;
    struct slice index; /* in reader.names */
    bool is_prefixed;   /* it is */
    bool has_kind;      /* the next is known */
    bool is_versioned;  /* see sql_int.h */
    uint64_t rows_estimated;
    uint64_t row_bytes; /* of a row, as measured */
    struct stride stride;
    bool is_planned;        /* its last chunk is in the list */
    struct bound *plan_low; /* owned; the next chunk begins behind it */
    uint64_t not_before_us; /* for planning, after a failure */
    unsigned failures;
    uint64_t told_us;          /* when its trouble was last told */
    struct range *first_chunk; /* in key order, not given yet */
    uint64_t chunk_number;     /* of the next chunk to be given */
    uint64_t rows_pending;     /* given, by chunks that no note says yet */
    bool is_narrow;            /* so many keys change that one chunk at a time is under way */

    /* The pipeline's thread. */
    struct touched touched;
    struct owed_key *owed; /* rows to be read once more */
    struct touched owing;  /* all that were owed since none was; WHOLE: not any more */
    struct bound *given;   /* owned; the last row that was given: the note may lag behind it */
    bool is_all_given;     /* but for rows that are owed */

    struct unkeyed *unkeyed; /* owned; NULL: not begun */
};

struct worker {
    struct reader *reader;
    pthread_t thread;
    struct session session; /* the connection's pointer changes under the lock */
    struct buf sql;         /* its own scratch */
};

struct reader {
    struct snapshot base; /* first */
    struct source *source;
    const struct myconn_options *connection;
    unsigned parallelism;
    uint64_t chunk_rows;
    uint64_t chunk_bytes;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* work for workers, or something read; on CLOCK_MONOTONIC */
    atomic_bool stopping;
    struct worker *workers; /* owned; `worker_count` of them run */
    unsigned worker_count;

    /* Not done, in the order of `add`: those that are worked on, and those whose turn comes. What is
     * done for every chunk or change looks at the few in front alone. */
    struct job *first_job;
    struct job **last_job;
    struct job *first_queued;
    struct job **last_queued;
    bool is_estimated;    /* no job in the queue lacks its estimate */
    struct job *retired;  /* done or dropped */
    struct job **buckets; /* owned; all jobs but dropped ones, by name */
    uint32_t bucket_count;
    uint32_t tables_total;
    uint32_t tables_done;
    unsigned chunks_reading;
    uint64_t held_bytes; /* reserved by chunks from being read to being given */
    uint64_t grace_ms;   /* that reading waits after asking (watermark.c); 0: none */
    uint64_t expiry_s;
    struct error failure; /* of a worker; rc RC_OK: none */
    struct row_pool pool;
    struct arena names; /* of indexes */

    /* The pipeline's thread. */
    uint64_t round;
    char stood_file[POSITION_FILE_MAX]; /* where the stream stood when it was last asked, */
    uint64_t stood_offset;
    uint64_t stood_since_us; /* and when it was first seen there */
    uint64_t rows_read;
    uint64_t bytes_read;
    struct expiry expiry;
    uint64_t opened_us;      /* wall clock */
    struct job *unkeyed_job; /* the one that is open or being opened; NULL: none */
    struct job *last_found;  /* of reconcile, by the table below */
    const struct table *last_table;
    struct session control; /* for questions */
    struct buf scratch;
    struct buf key;
    struct buf note_key;
    struct buf note;
    struct cell *cells; /* owned; of the row that was given last */
    struct slice *fields;
    uint32_t cell_cap;
};

static inline struct reader *reader_of(struct snapshot *snapshot)
{
    return (struct reader *)snapshot;
}

/* The way on which a job's rows are read. Under the lock. */
static inline struct sql_table job_way(const struct job *job)
{
    return (struct sql_table){.table = job->read,
                              .index = job->index,
                              .descending = job->state.descending,
                              .is_prefixed = job->is_prefixed,
                              .is_versioned = job->is_versioned};
}

/* reader.c */
void reader_lock(struct reader *reader);
void reader_unlock(struct reader *reader);
/* Something changed that others wait for. Under the lock. */
void reader_wake(struct reader *reader);
/* Keeps a worker's failure for the pipeline's thread; the first one counts. */
void reader_fail(struct reader *reader, const struct error *err);
/* RC_OK, the kept failure, or RC_CANCELLED. */
enum rc reader_check(struct reader *reader, struct error *err) MUST_CHECK;
/* Opens the session unless it is open. */
enum rc reader_connect(struct reader *reader, struct session *session,
                       struct error *err) MUST_CHECK;
void reader_disconnect(struct reader *reader, struct session *session);
/* The connection for questions of the pipeline's thread, alive. */
enum rc reader_control(struct reader *reader, struct session **session_out,
                       struct error *err) MUST_CHECK;
/* What a failure of the server means for a table. */
enum trouble {
    TROUBLE_PASSING = 0, /* try again */
    TROUBLE_SHAPE, /* the table is not, or not any more, as the stream knows it: wait for it */
    TROUBLE_FATAL
};
enum trouble reader_trouble(const struct error *err);
/* Adds what the user can do about a missing privilege. */
void reader_hint(const struct table *table, struct error *err);

/* range.c: what was given is what the note says; nothing is owed */
enum rc job_reset_given(struct job *job, struct error *err) MUST_CHECK;
/* reconcile.c: notes that a row, named by its key, has to be read once more */
enum rc reconcile_owe(struct reader *reader, struct job *job, struct slice key,
                      struct error *err) MUST_CHECK;

/* range.c; all under the lock */
struct range *range_make(struct job *job, struct bound *low, struct bound *high);
/* Frees a chunk that no worker has. */
void range_free(struct reader *reader, struct range *chunk);
/* Takes it out of its job's list; a worker that has it frees it later. */
void range_drop(struct reader *reader, struct range *chunk);
/* Back to CHUNK_PLANNED: what was read of it is thrown away. It must not be with a worker. */
void range_put_back(struct reader *reader, struct range *chunk);
void range_append(struct job *job, struct range *chunk);
void here_release(struct here *here);
/* Throws away all chunks and the plan of a job. */
void job_clear_chunks(struct reader *reader, struct job *job);

/* plan.c, read.c: a worker's work, without the lock */
struct plan_task {
    struct job *job;
    uint32_t generation;
    struct sql_table table;
    bool is_untrodden; /* the direction may be chosen */
    bool is_described;
    bool has_figures;  /* row_bytes, rows_estimated and table.is_versioned are known already */
    struct bound *low; /* owned */
    /* What comes out. */
    struct buf index;
    uint64_t rows_estimated;
    uint64_t row_bytes;
    bool is_transactional;
    uint64_t rows;      /* up to `high` */
    struct bound *high; /* owned; NULL: the last chunk */
    struct bound *end;  /* owned; the largest key, where it is of use; NULL: not asked for */
};
/* What information_schema calls such a table. */
#define PLAN_VERSIONED SLICE("SYSTEM VERSIONED")
enum rc plan_chunk(struct reader *reader, struct worker *worker, struct plan_task *task,
                   struct error *err) MUST_CHECK;
/* How many rows a chunk should have. */
uint64_t plan_rows(const struct reader *reader, uint64_t row_bytes);
/* Name of the key's index and the server's figures of the table. */
enum rc plan_describe(struct session *session, struct plan_task *task,
                      struct error *err) MUST_CHECK;

struct read_task {
    struct range *chunk;
    struct sql_table table;
    struct bound *cut; /* owned; where the chunk was cut because it was full; NULL: it was not */
};
enum rc read_chunk(struct reader *reader, struct worker *worker, struct read_task *task,
                   struct error *err) MUST_CHECK;

/* worker.c */
enum rc worker_start_all(struct reader *reader, struct error *err) MUST_CHECK;
void worker_stop_all(struct reader *reader);

/* unkeyed.c; pump, ready and end under the lock */
enum rc unkeyed_pump(struct reader *reader, struct job *job, const struct position *here,
                     struct error *err) MUST_CHECK;
enum rc unkeyed_reconcile(struct reader *reader, struct job *job, const struct change *change,
                          enum snapshot_pass *pass_out, struct error *err) MUST_CHECK;
/* The chunk when rows may be given now. */
enum rc unkeyed_ready(struct reader *reader, struct job *job, struct snapshot_chunk **chunk_out,
                      struct error *err) MUST_CHECK;
enum rc unkeyed_packet(struct reader *reader, struct job *job, struct slice *packet_out,
                       struct error *err) MUST_CHECK;
/* The chunk was taken to its end, or is given up: the connection is closed. */
void unkeyed_end(struct reader *reader, struct job *job);
/* How long the transaction is open that it is read in; 0: none is. */
uint64_t unkeyed_held_us(const struct unkeyed *unkeyed, uint64_t now_us);
/* Any thread, under the lock. */
void unkeyed_interrupt(struct unkeyed *unkeyed);

/* queue.c */
struct job *queue_find(struct reader *reader, const struct table *table);
/* Lets queued jobs begin as long as too few are worked on. Under the lock. */
void queue_begin(struct reader *reader);
/* Takes a job out of the queue, done or dropped. Under the lock. */
void queue_retire(struct reader *reader, struct job *job);

/* queue.c, pump.c, reconcile.c, give.c: operations of struct snapshot_ops */
enum rc queue_add(struct snapshot *snapshot, struct table *table, struct slice state,
                  struct error *err) MUST_CHECK;
enum rc queue_change(struct snapshot *snapshot, struct table *before, struct table *after,
                     struct error *err) MUST_CHECK;
enum rc pump_run(struct snapshot *snapshot, const struct position *here,
                 struct error *err) MUST_CHECK;
enum rc reconcile_change(struct snapshot *snapshot, const struct change *change,
                         enum snapshot_pass *pass_out, struct error *err) MUST_CHECK;
enum rc give_ready(struct snapshot *snapshot, struct snapshot_chunk **chunk_out,
                   struct error *err) MUST_CHECK;
enum rc give_row(struct snapshot *snapshot, struct snapshot_chunk *chunk, struct change *row_out,
                 struct error *err) MUST_CHECK;
enum rc give_done(struct snapshot *snapshot, struct snapshot_chunk *chunk, struct slice *key_out,
                  struct slice *value_out, struct error *err) MUST_CHECK;

#endif

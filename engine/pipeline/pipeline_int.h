/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the pipeline, shared by its files:
 *   pipeline.c   the loop
 *   ways.c       which sink tables a source table's rows go to
 *   members.c    what is known of each source table: how its rows come, what is not carried
 *   shape.c      a table without the columns that its target does not have
 *   epoch.c      closing an epoch and seeing it through
 *   recovery.c   finishing what an earlier life began
 *   notes.c      what has to be known again beside the position
 *   taking.c     the rows that tables hold already, beside the stream
 *   rebuild.c    a new target beside the old one
 *   evolve.c     schema changes on their way to the target
 *   steps.c      what a schema change means for the target, step by step
 *   policy.c     which of the steps are made, in Flink CDC's words
 *   request.c    what the user asks of a running engine
 *   status.c     what `millrace status` reads
 *   progress.c   what it tells while it runs
 */
#ifndef MILLRACE_PIPELINE_PIPELINE_INT_H
#define MILLRACE_PIPELINE_PIPELINE_INT_H

#include <stdatomic.h>

#include "../base/arena.h"
#include "pipeline.h"

/* How the rows of a source table come to the target. */
enum member_state {
    MEMBER_STREAM =
        0,         /* from the stream alone: it was seen being created, or no snapshot was asked for
                        */
    MEMBER_QUEUED, /* the snapshot still brings rows */
    MEMBER_DONE    /* the snapshot has brought all of them */
};

/* What is known of one source table by its name, through all its shapes. Lives as long as the
 * pipeline; kept in the checkpoint as the note "pipeline/table/<db>.<table>". */
struct member {
    struct member *next;   /* in its bucket */
    struct member *behind; /* in the order in which they came */
    struct table *newest;  /* its newest shape; NULL before its first */
    unsigned generation;   /* rises when its rows go elsewhere than before */
    struct slice db;
    struct slice name;
    enum member_state state;
    bool known;   /* the checkpoint has a note of it, or will have with the next position */
    bool gone;    /* dropped, or renamed to another name */
    bool added;   /* the snapshot has it in its queue */
    bool filling; /* its unkeyed target holds rows of an unfinished snapshot */
    bool emptied; /* and they are all of the attempt that is on */
    bool
        rebuild; /* its rows go to new targets beside the old ones until the snapshot is complete */
    struct buf skipped; /* names of columns that the target does not take, each ended by '\n' */
};

enum { MEMBER_BUCKETS = 4096 };

struct members {
    struct member *buckets[MEMBER_BUCKETS];
    struct member *first;
    struct member **end;
    unsigned count;
    unsigned queued;
    bool tracked; /* the checkpoint knows which tables it has: one that it does not know is new */
    bool marked;  /* it will, with the next position */
};

/* A table as its target knows it: without some columns. */
struct shape {
    struct table table;
    const uint32_t *pick; /* for each column its index in the source's table */
    struct cell *before;  /* room for one row's images */
    struct cell *after;
};

/* Where one source table's rows go; hangs on table->route. */
struct way {
    struct sink_table *tables[ROUTE_TARGETS_MAX];
    unsigned count;
    struct member *member;
    unsigned generation; /* of the member when it was opened */
    struct shape *shape; /* NULL: all columns are carried */
};

/* The epoch that is on its way to the target. */
struct flight {
    bool active;
    uint64_t epoch;
    uint64_t started_us; /* monotonic, when it was sealed */
    uint64_t rows;
    uint64_t bytes;
};

/* An unfinished epoch of an earlier life that is being read again. */
struct replay {
    bool active;
    bool base_reached; /* all transactions before `to` have been given */
    bool had_snapshot; /* rows of a snapshot may have been in it */
    uint64_t epoch;
    uint32_t attempt;
    struct position from;
    struct position to;
    struct manifest_entry
        *entries;            /* copied from the journal: the store forgets them at a new intent */
    enum load_state *states; /* one an entry */
    uint32_t count;
};

/* Notes that become true with the next position that is stored, in the order in which they came. */
struct note_ref {
    size_t key_at; /* in bytes */
    size_t key_len;
    size_t value_len; /* behind the key */
    bool forgotten;
};

struct notes {
    struct buf bytes;
    struct note_ref *refs; /* owned */
    struct store_note *out;
    uint32_t count;
    uint32_t cap;
};

/* The rows that tables hold already. */
struct taking {
    struct snapshot *snapshot;    /* NULL: not needed yet, or no more */
    struct snapshot_chunk *chunk; /* in hand: only unkeyed ones stay for more than one call */
    bool hungry;                  /* the last look gave rows: the next one should come soon */
    bool over;                    /* every table is complete */
    uint64_t started_us;          /* monotonic */
    uint64_t told_us;
    uint64_t told_rows;
};

/* How far the steps of one statement have come: they are not made twice where that would undo them.
 * Kept as the note "pipeline/steps". */
struct step_journal {
    char ident[POSITION_FILE_MAX + 64]; /* of the statement: its transaction's GTID or place */
    unsigned seen;                      /* steps of it that this life has come by */
    unsigned done;                      /* steps of it that were made, in this life or before */
    bool noted;                         /* the checkpoint has a note of it */
};

struct progress {
    uint64_t next_log_us;
    uint64_t next_line_us;
    uint64_t last_log_us;
    uint64_t last_rows;  /* read, at the last log line */
    uint64_t last_bytes; /* read, at the last log line */
    uint64_t line_us;    /* the same two for the live line */
    uint64_t line_rows;
    double line_rate;
};

struct pipeline {
    struct pipeline_parts parts;
    struct arena arena;   /* ways, members, replay entries: live as long as the pipeline */
    struct arena scratch; /* of one schema change */
    struct sink_limits limits;
    struct members members;
    struct notes notes;
    struct taking taking;
    struct step_journal steps;

    struct position open_from; /* where the open batch starts */
    struct position taken;     /* scratch for positions taken from the source */
    uint64_t open_since_us;    /* monotonic, of its first row; 0: nothing in it */
    uint64_t next_epoch;

    bool fresh;                /* there was no checkpoint */
    bool preparing;            /* the tables are gone through, before the stream */
    bool in_txn;               /* rows of a transaction that is not over have been handled */
    uint64_t txn_rows_done;    /* of that transaction: ordinal of the last handled row + 1 */
    uint32_t row_targets_done; /* of the row in hand, while a batch is cut in the middle of it */
    bool settled;              /* a target was changed: move the position at the next COMMIT */
    uint64_t skip_row;         /* first row after a resume inside a row: its ordinal, */
    uint32_t skip_targets;     /* and how many of its targets have it already; 0: no such row */

    struct flight flight;
    struct replay replay;
    struct progress progress;
    uint64_t moved_us;   /* monotonic, when the position was last stored */
    uint64_t request_us; /* monotonic, when requests were last looked for */
    uint64_t status_us;  /* monotonic, when the status was last written */

    enum pipeline_side failed_side; /* of the last call that failed */
    atomic_bool stopping;
};

/* Remembers which part a failed call belongs to: at(pipeline, PIPELINE_SIDE_SINK, sink->ops->...).
 */
static inline enum rc at(struct pipeline *pipeline, enum pipeline_side side, enum rc rc)
{
    if (rc != RC_OK && rc != RC_AGAIN && rc != RC_EOF && rc != RC_FULL)
        pipeline->failed_side = side;
    return rc;
}

static inline bool keeps_events(const struct pipeline *pipeline)
{
    return (pipeline->parts.sink->ops->caps & SINK_KEEPS_EVENTS) != 0;
}

/* pipeline.c */
/* One change to one of its table's targets; cuts the batch when it is full. */
enum rc write_to(struct pipeline *pipeline, struct sink_table *table, const struct change *change,
                 struct error *err) MUST_CHECK;
/* The first bytes of a statement, for the log. */
struct slice statement_shown(struct slice statement);

/* ways.c */
enum rc ways_prepare(struct pipeline *pipeline, struct error *err) MUST_CHECK;
enum rc ways_of(struct pipeline *pipeline, struct table *table, struct way **way_out,
                struct error *err) MUST_CHECK;
/* The same for the table that describes the rows of a chunk (engine/ports/source.h, read_table). */
enum rc ways_of_chunk(struct pipeline *pipeline, struct table *table, struct way **way_out,
                      struct error *err) MUST_CHECK;
/* The targets of a table by the routes, or those beside them while it is rebuilt. The names live as
 * long as the pipeline. */
enum rc ways_targets(struct pipeline *pipeline, const struct member *member,
                     struct sink_target targets[ROUTE_TARGETS_MAX], unsigned *count_out,
                     struct error *err) MUST_CHECK;
/* True when another source table's rows go to this target as well. */
enum rc ways_shared(struct pipeline *pipeline, const struct member *member,
                    const struct sink_target *target, bool *shared_out,
                    struct error *err) MUST_CHECK;

/* members.c */
/* Reads the checkpoint's notes of tables. */
enum rc members_load(struct pipeline *pipeline, struct error *err) MUST_CHECK;
void members_deinit(struct members *members);
struct member *members_find(const struct pipeline *pipeline, struct slice db, struct slice name);
/* The member of a table, made when it is not there; it is then new, and queued for the snapshot where
 * the configuration says so. */
enum rc members_of(struct pipeline *pipeline, const struct table *table, struct member **member_out,
                   struct error *err) MUST_CHECK;
enum rc members_make(struct pipeline *pipeline, struct slice db, struct slice name,
                     struct member **member_out, struct error *err) MUST_CHECK;
void members_set_state(struct pipeline *pipeline, struct member *member, enum member_state state);
/* Its note, to be stored with the next position. */
enum rc members_note(struct pipeline *pipeline, struct member *member,
                     struct error *err) MUST_CHECK;
bool member_skips(const struct member *member, struct slice column);
void member_skip(struct member *member, struct slice column, bool skip);
/* Calls `visit` for each member that is not gone. */
typedef enum rc (*member_fn)(struct pipeline *pipeline, struct member *member, void *ctx,
                             struct error *err);
enum rc members_each(struct pipeline *pipeline, member_fn visit, void *ctx,
                     struct error *err) MUST_CHECK;

/* shape.c */
/* NULL in `shape_out` when nothing is left out. */
enum rc shape_make(struct pipeline *pipeline, const struct table *table,
                   const struct member *member, struct shape **shape_out,
                   struct error *err) MUST_CHECK;
/* The same change without the columns that are left out; borrowed until the next call. */
struct change shape_apply(struct shape *shape, const struct change *change);

/* epoch.c */
/* True when time, rows or bytes say that the open batch is large enough. */
bool epoch_is_due(const struct pipeline *pipeline, uint64_t now_us);
/* Closes the open batch and starts its loads; nothing when it is empty. No flight may be active. */
enum rc epoch_close(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* Takes the ends of loads, waiting at most wait_ms for the first. */
enum rc epoch_poll(struct pipeline *pipeline, unsigned wait_ms, struct error *err) MUST_CHECK;
/* Waits until no epoch is on its way. deadline_us 0: for ever; else RC_CANCELLED. */
enum rc epoch_drain(struct pipeline *pipeline, uint64_t deadline_us, struct error *err) MUST_CHECK;
/* Makes everything durable that was written: what comes behind may change the targets themselves. */
enum rc epoch_barrier(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* Where the next row or transaction would be read again from: into `out`. */
enum rc epoch_here(struct pipeline *pipeline, struct position *out, struct error *err) MUST_CHECK;
/* Stores the position of a quiet stream, when it or a note has moved and nothing is pending. */
enum rc epoch_move(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* Stores the notes that wait, with the position that is stored already. After a barrier. */
enum rc epoch_note(struct pipeline *pipeline, struct error *err) MUST_CHECK;

/* notes.c */
void notes_init(struct notes *notes);
void notes_deinit(struct notes *notes);
/* Copied. value.ptr NULL: forget it. */
enum rc notes_add(struct pipeline *pipeline, struct slice key, struct slice value,
                  struct error *err) MUST_CHECK;
/* The same with the key in two parts: a prefix of ours and "<db>.<table>". */
enum rc notes_add_table(struct pipeline *pipeline, const char *prefix, struct slice db,
                        struct slice table, struct slice value, struct error *err) MUST_CHECK;
/* Takes what the source has to note for the place where it stands: at a COMMIT or IDLE. */
enum rc notes_collect(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* What waits, as the store takes it; borrowed until the next call. */
const struct store_note *notes_waiting(struct notes *notes);
/* The store has them. */
void notes_stored(struct notes *notes);
/* Gives the source back what it noted. */
enum rc notes_remember(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* One note that is true; SLICE_EMPTY when there is none. Copied into `out`. */
enum rc notes_get(struct pipeline *pipeline, const char *prefix, struct slice db,
                  struct slice table, struct buf *out, struct error *err) MUST_CHECK;

/* recovery.c */
/* Asks what became of the loads of an unfinished epoch; afterwards it is either advanced, or
 * pipeline->replay says what to read again. */
enum rc recovery_begin(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* True when `change` (NULL: the start of the stream) lies behind the end of the replayed range. */
bool recovery_is_over(struct pipeline *pipeline, const struct change *change);
/* Seals the replayed epoch, loads what was not applied, and waits for it. */
enum rc recovery_finish(struct pipeline *pipeline, struct error *err) MUST_CHECK;

/* taking.c */
/* Puts a member into the snapshot's queue, from where its note says. */
enum rc taking_add(struct pipeline *pipeline, struct member *member, struct table *table,
                   struct error *err) MUST_CHECK;
/* Whether a row of the stream goes to the target now. */
enum rc taking_pass(struct pipeline *pipeline, const struct member *member,
                    const struct change *change, bool *pass_out, struct error *err) MUST_CHECK;
/* An unkeyed table's rows are about to come: its targets are made empty. */
enum rc taking_begin(struct pipeline *pipeline, struct way *way, struct table *table,
                     struct error *err) MUST_CHECK;
/* The table has another shape, another content, or is gone (`after` NULL). */
enum rc taking_change(struct pipeline *pipeline, struct table *before, struct table *after,
                      struct error *err) MUST_CHECK;
/* Begins chunks, and writes one that is ready: at a border of transactions. */
enum rc taking_step(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* The table is to be taken again from its beginning. */
enum rc taking_again(struct pipeline *pipeline, struct member *member, struct table *table,
                     struct error *err) MUST_CHECK;
void taking_close(struct pipeline *pipeline);

/* rebuild.c */
#define REBUILD_SUFFIX "__millrace_new"
/* The name of the target beside `target`; both may be the same. */
enum rc rebuild_name(struct pipeline *pipeline, const struct sink_target *target,
                     struct sink_target *out, struct error *err) MUST_CHECK;
/* From here on the member's rows go to new targets beside its own ones, which a snapshot fills. After
 * a barrier. */
enum rc rebuild_begin(struct pipeline *pipeline, struct member *member, struct table *table,
                      struct error *err) MUST_CHECK;
/* The snapshot is complete: the new targets take the place of the old ones. */
enum rc rebuild_end(struct pipeline *pipeline, struct member *member, struct table *table,
                    struct error *err) MUST_CHECK;

/* evolve.c */
/* Reads how far an earlier life came with a statement. */
enum rc evolve_load(struct pipeline *pipeline, struct error *err) MUST_CHECK;
/* At the COMMIT behind a change of a target: the position moves behind it. */
enum rc evolve_settle(struct pipeline *pipeline, struct error *err) MUST_CHECK;
enum rc evolve_schema(struct pipeline *pipeline, const struct change *change,
                      struct error *err) MUST_CHECK;
/* The same for a sink that keeps events: only what is known of tables moves on. */
enum rc evolve_follow(struct pipeline *pipeline, const struct change *change,
                      struct error *err) MUST_CHECK;
enum rc evolve_truncate(struct pipeline *pipeline, const struct change *change,
                        struct error *err) MUST_CHECK;

/* request.c */
enum rc request_look(struct pipeline *pipeline, struct error *err) MUST_CHECK;

/* status.c */
/* `err`: why the pipeline ended, or NULL. */
void status_write(struct pipeline *pipeline, uint64_t now_us, bool ended, const struct error *err);

/* progress.c */
void progress_init(struct progress *progress, uint64_t now_us);
void progress_tell(struct pipeline *pipeline, uint64_t now_us);

#endif

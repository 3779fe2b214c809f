/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the pipeline share: its state, and nothing that acts. Each file acts on the part
 * that is its own and calls only what stands above it in this list (tests/lint holds it):
 *
 *   pipeline_config.c  the keys of the `pipeline:` block
 *   letter_file.c  the file of dead letters, as lines
 *   letter_line.c  one of them as a line
 *   dead_letter.c  rows that the target does not take
 *   progress.c   what it tells while it runs
 *   status.c     what `millrace status` reads
 *   policy.c     which steps of a schema change are made, in Flink CDC's words
 *   steps.c      what a schema change means for the target, step by step
 *   table_note.c  what the notes of a table look like
 *   notes.c      what has to be known again beside the position
 *   members.c    what is known of each source table: how its rows come, what is not carried
 *   unknown.c    tables of which the stream does not tell all
 *   targets.c    which sink tables a source table's rows go to, by name
 *   shape.c      a table without the columns that its target does not have
 *   epoch.c      closing an epoch and seeing it through
 *   reload.c     dead letters, loaded again
 *   recovery.c   finishing what an earlier life began
 *   write.c      one change to one target; the batch is cut when it is full
 *   ways.c       a table's targets, opened
 *   taking.c     the rows that tables hold already, beside the stream
 *   rebuild.c    a new target beside the old one
 *   reread.c     tables of which rows were missed are read again
 *   absent.c     tables that the configuration names no more, and again
 *   journal.c    how far the steps of a schema change have come
 *   apply.c      one step of a schema change, made, refused or left out
 *   evolve.c     schema changes on their way to the target
 *   request.c    what the user asks of a running engine
 *   handle.c     one change of the stream
 *   pipeline.c   the loop
 */
#ifndef MILLRACE_PIPELINE_WORLD_INT_H
#define MILLRACE_PIPELINE_WORLD_INT_H

#include <stdatomic.h>

#include "../base/arena.h"
#include "pipeline.h"
#include "table_note.h"

/* How the rows of a source table come to the target. */
enum member_state {
    MEMBER_STREAM =
        0,         /* from the stream alone: it was seen being created, or no snapshot was asked for
                        */
    MEMBER_QUEUED, /* the snapshot still brings rows */
    MEMBER_DONE    /* the snapshot has brought all of them */
};

/* unknown.rows.behavior */
enum unknown_behavior { UNKNOWN_ROWS_REREAD = 0, UNKNOWN_ROWS_MARK, UNKNOWN_ROWS_STOP };

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
    bool grouped; /* scratch of rebuild.c: it is rebuilt together with another */
    bool away;    /* `tables` named it no more for a while, in which its changes were not seen */
    struct buf skipped; /* names of columns that the target does not take, each ended by '\n' */
    struct buf kept;    /* names of columns that only the target has any more, in the same way */
    enum unknown_state unknown;
    struct buf unknown_since; /* where, when and by what, as the note says it */
};

enum { MEMBER_BUCKETS = 4096 };

struct members {
    struct member *buckets[MEMBER_BUCKETS];
    struct member *first;
    struct member **end;
    unsigned count;
    unsigned queued;
    unsigned unknown;        /* in any state but UNKNOWN_NONE */
    unsigned marked_unknown; /* UNKNOWN_MARKED */
    unsigned returned;       /* that were away and are named again */
    bool rebuilding;         /* perhaps some member is being rebuilt */
    bool tracked; /* the checkpoint knows which tables it has: one that it does not know is new */
    bool stranger_told; /* a statement changed something that is none of them */
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

/* An epoch that is on its way to the target. */
struct flight {
    uint64_t epoch;
    struct store_prepared *prepared; /* loads that wait for their commit; owned by the pipeline */
    uint32_t prepared_count;
    uint32_t prepared_cap;
    uint64_t started_us; /* monotonic, when it was sealed */
    uint64_t rows;
    uint64_t bytes;
};

/* All that are. One that comes in parts (a transaction that is larger than the sink's buffer, where all of
 * it has to become visible together) is alone, and stays `split` from its first part until it is over;
 * between two parts nothing of it is on its way. */
struct flights {
    struct flight items[STORE_EPOCHS_MAX]; /* oldest first; the split one is the first */
    unsigned count;
    bool part; /* what is on its way is a part, and not the last one */
    bool split;
    uint32_t loads; /* of all parts so far */
};

/* An unfinished epoch of an earlier life. */
struct unfinished {
    bool base_reached; /* all transactions before `to` have been given */
    bool letters;      /* its rows are dead letters, and its range is empty */
    uint64_t epoch;
    uint32_t attempt;
    struct position from;
    struct position to;
    struct manifest_entry
        *entries;            /* copied from the journal: the store forgets them at a new intent */
    enum load_state *states; /* one an entry */
    uint32_t count;
};

/* The ranges of unfinished epochs, read again one after the other. */
struct replay {
    bool active;
    bool had_snapshot;                         /* rows of a snapshot may have been in them */
    struct unfinished items[STORE_EPOCHS_MAX]; /* in the order of their ranges */
    unsigned count;
    unsigned at; /* the one that is read */
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
    bool resumed; /* from an earlier life: the target may be ahead of a step */
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
    struct notes held_notes; /* of the statement in hand, for its end (notes_hold) */
    bool holds_notes;
    struct taking taking;
    struct step_journal steps;

    struct position open_from; /* where the open batch starts */
    struct position taken;     /* scratch for positions taken from the source */
    uint64_t open_since_us;    /* monotonic, of its first row; 0: nothing in it */
    uint64_t next_epoch;
    uint32_t attempt; /* of its next intent */

    bool fresh;                /* there was no checkpoint */
    bool preparing;            /* the tables are gone through, before the stream */
    bool in_txn;               /* rows of a transaction that is not over have been handled */
    bool inside;               /* the stream goes on inside one, and nothing of it has come yet */
    bool made_room;            /* a full buffer was emptied since the last look around */
    uint64_t txn_rows_done;    /* of that transaction: ordinal of the last handled row + 1 */
    uint32_t row_targets_done; /* of the row in hand, while a batch is cut in the middle of it */
    bool told_pieces;          /* that a transaction becomes visible in pieces */
    bool settled;              /* a target was changed: move the position at the next COMMIT */
    uint64_t skip_row;         /* first row after a resume inside a row: its ordinal, */
    uint32_t skip_targets;     /* and how many of its targets have it already; 0: no such row */

    struct flights flights;
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

/* All of an epoch shall become visible together. */
static inline bool is_together(const struct pipeline *pipeline)
{
    return pipeline->parts.config->visibility == PIPELINE_VISIBLE_TOGETHER;
}

static inline bool keeps_events(const struct pipeline *pipeline)
{
    return (pipeline->parts.sink->ops->caps & SINK_KEEPS_EVENTS) != 0;
}

/* The first bytes of a statement, for the log. */
static inline struct slice statement_shown(struct slice statement)
{
    enum { STATEMENT_SHOWN = 300 };
    return slice_of(statement.ptr,
                    statement.len > STATEMENT_SHOWN ? STATEMENT_SHOWN : statement.len);
}

#endif

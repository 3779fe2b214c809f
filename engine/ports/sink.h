/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface of a sink: it takes changes into an open batch, closes the batch as an epoch, and
 * makes the epoch durable at the target while the next batch fills.
 *
 *      write write write | seal -> manifest | (the journal says "intent") | submit ... poll poll
 *                                             write write write | seal ...
 *
 * Threads: all operations are called from the pipeline's one thread, except `stop` (any thread). A
 * sink may run loads on threads of its own.
 *
 * Besides the open batch as many sealed epochs may be on their way as the sink's limits say. They end in
 * the order in which they were sealed; `commit` and a RC_EOF of `poll` mean the oldest. A table has loads of
 * one epoch on their way at a time: those of the next one are sent when these are durable and visible.
 *
 * Ownership: a change is borrowed for the call. A manifest is borrowed until the next `seal`.
 *
 * Errors: the sink retries by itself what may pass (class RETRY) for as long as configured, and
 * settles a lost answer (outcome MAYBE_APPLIED) by asking the target. What it returns is FATAL,
 * REJECT or CANCELLED.
 *
 * Two ways to load, told by `manifest_entry.two_phase`, and an epoch may have both. One that is not in
 * two phases is durable and visible when poll tells it. One that is becomes visible by `commit`:
 *
 *      submit | poll: applied, prepared, prepared, EOF | (the journal says "prepared") | commit |
 *             | poll: applied, applied, EOF
 *
 * An epoch that the sink cannot hold as a whole may come in parts, if all of it is in two phases:
 *
 *      seal_part | intent | submit | poll: prepared, EOF | seal_part | intent | submit ... | seal |
 *      intent | submit | poll: prepared, EOF | (the journal says "prepared") | commit | poll: applied
 *
 * Each manifest lists the loads of all parts so far, and indexes go on. What is prepared of a part is
 * in no memory any more.
 *
 * After a crash: the pipeline gives the journal's unfinished manifest to `resolve`, entry by entry;
 * what was not applied is read again from the same range, sealed under the same epoch, and must
 * come out with the same tokens. `submit` leaves out the entries that are applied already.
 */
#ifndef MILLRACE_PORTS_SINK_H
#define MILLRACE_PORTS_SINK_H

#include "../config/config.h"
#include "../model/change.h"
#include "report.h"

struct sink;
struct sink_table;
struct dead_letters;
struct look_ops;

#define SINK_TOKEN_MAX 256

/* Where a source table's rows go. */
struct sink_target {
    struct slice db;
    struct slice table;
};

/* One load of an epoch: what the journal keeps of it. */
struct manifest_entry {
    struct slice db;    /* target */
    struct slice table; /* target */
    struct slice
        token; /* the sink's own name for this load (a label, a file and offset); <= 256 bytes */
    uint64_t rows;
    uint64_t bytes;
    bool keyless;         /* replaying it would double rows unless the token settles it */
    bool two_phase;       /* visible only by a commit, which comes when the journal knows of it */
    bool in_parts;        /* the epoch came in parts (seal_part), and so do all its loads */
    uint64_t transaction; /* of the journal's entries: what the target calls the prepared load; 0:
                             the journal does not know it as prepared, so nobody has committed it */
};

/* Tables in the order of their first rows in the epoch. A table has one entry, and one more for each
 * set of columns that rows without all columns came with; their tokens differ, and no key is in two
 * of them, so they may be applied in any order. The same rows give the same entries. */
struct manifest {
    const struct manifest_entry *entries;
    uint32_t count;
};

enum load_state {
    LOAD_UNKNOWN = 0, /* the target does not know the token: never sent, refused, or forgotten */
    LOAD_NOT_APPLIED, /* known and certain: nothing of it is or will be visible */
    LOAD_APPLIED      /* durable at the target */
};

struct sink_options {
    const void *config;    /* the struct that `section` fills; borrowed until close */
    struct slice pipeline; /* name */
    struct slice
        pipeline_id; /* 32 hex digits, made once with the checkpoint: part of every token */
    struct slice source_name; /* for CloudEvents' `source` */
    bool recovering;          /* an unfinished epoch will be resolved before the first write */
    bool partial_rows; /* rows will lack columns: a target that cannot take them is refused when the
                          way to it is made */
    struct dead_letters
        *dead_letters;     /* where rows go that the target does not take; the pipeline's,
                                          closed after the sink. NULL: they are an error. Only for a
                                          sink with SINK_PUTS_ASIDE */
    bool visible_together; /* all loads of an epoch shall become visible together: in two phases */
};

struct sink_pending {
    uint64_t rows;  /* in the open batch, after keeping one row a key */
    uint64_t bytes; /* memory that the open batch holds */
};

struct sink_stats {
    uint64_t rows_loaded;
    uint64_t bytes_loaded; /* body bytes */
    uint64_t loads;
    uint64_t retries;
    uint64_t rows_collapsed; /* rows replaced by a later state of their key in the same batch */
    uint64_t load_time_us;   /* summed over loads */
    uint64_t buffered_bytes; /* open and in flight, now */
};

/* When the pipeline should close an epoch; 0: no such bound. */
struct sink_limits {
    uint64_t flush_rows;
    uint64_t flush_bytes;
    uint64_t flush_interval_ms;
    unsigned epochs; /* that may be on their way at once; 0: one */
};

/* A load's end, as poll tells it. */
struct sink_result {
    uint64_t epoch; /* 0: the only one on its way */
    uint32_t entry; /* index in its manifest */
    uint64_t rows;
    uint64_t bytes;
    uint64_t transaction; /* not 0: it is prepared under this number, and waits for `commit` */
    bool
        awaited; /* the next call of poll sends loads of a later epoch to the same table: before it the
                     journal must say durably that this one is done */
};

/*
 * One step of a schema change, as the target has to make it. Steps of one statement come in an order
 * in which each can be made by itself; a sink never sees a step that the user's settings exclude.
 */
enum schema_step_kind {
    SCHEMA_CREATE_TABLE,
    SCHEMA_DROP_TABLE,
    SCHEMA_RENAME_TABLE,  /* from the target to `new_target` */
    SCHEMA_SWAP_TABLE,    /* `new_target` takes the target's name, and what had it is dropped */
    SCHEMA_ADD_COLUMN,    /* `column`, behind `behind` (NULL: first, or where the target allows) */
    SCHEMA_DROP_COLUMN,   /* `old_column` */
    SCHEMA_RENAME_COLUMN, /* from `old_column` to `column`: the name alone */
    SCHEMA_ALTER_COLUMN,  /* from `old_column` to `column`: type, length or nullability */
    SCHEMA_COMMENT_COLUMN,
    SCHEMA_COMMENT_TABLE
};

struct schema_step {
    enum schema_step_kind kind;
    const struct table *before; /* at the source; NULL: created */
    const struct table *after;  /* NULL: dropped */
    const struct column *old_column;
    const struct column *column;
    const struct column *behind;
    struct sink_target new_target; /* SCHEMA_RENAME_TABLE, SCHEMA_SWAP_TABLE */
    bool for_all; /* made for all source tables that go to the target, and not for one of them */
    struct slice default_value; /* of an added column: what rows that are there already must hold;
                                   ptr NULL: NULL */
};

/* The head of every sink's config struct: which kinds of schema changes are carried to the target, in
 * Flink CDC's words ("add.column", or a part of one: "column", "drop"). */
struct sink_schema_config {
    struct cfg_list include; /* empty: all */
    struct cfg_list exclude;
};

/* The two rows that fill it; the config struct begins with struct sink_schema_config. */
#define SINK_SCHEMA_ROWS                                                                           \
    {.key = "include.schema.changes",                                                              \
     .type = CFG_LIST,                                                                             \
     .offset = offsetof(struct sink_schema_config, include),                                       \
     .help = "Which schema changes are carried to the target; without the key all that "           \
             "schema.change.behavior carries. add.column, alter.column.type, create.table, "       \
             "drop.column, drop.table, rename.column, truncate.table, and rename.table of ours; "  \
             "a part of one (column, table, drop) means all that have it."},                       \
    {                                                                                              \
        .key = "exclude.schema.changes", .type = CFG_LIST,                                         \
        .offset = offsetof(struct sink_schema_config, exclude),                                    \
        .help = "Which schema changes are not carried to the target, in the same words. It wins "  \
                "over include.schema.changes."                                                     \
    }

enum sink_caps {
    /* The sink keeps changes as events, not as rows: it takes TRUNCATE and SCHEMA (then with table
     * NULL) into the batch like any other change. */
    SINK_KEEPS_EVENTS = 1,
    /* Rows that the target does not take can go to a file of dead letters. */
    SINK_PUTS_ASIDE = 2
};

struct sink_ops {
    const char *name;    /* the `type:` in the pipeline file */
    const char *summary; /* one sentence for help */
    unsigned caps;       /* enum sink_caps */
    const struct cfg_section *section;
    const struct look_ops *look; /* NULL: it has no targets whose rows could be looked at */

    /* Connects as far as needed to know the target is there. On failure nothing is left behind. */
    enum rc (*open)(const struct sink_options *options, struct sink **sink_out, struct error *err);
    /* Every precondition, each with the statement that mends it. */
    enum rc (*check)(struct sink *sink, struct report *report, struct error *err);
    struct sink_limits (*limits)(const struct sink *sink);
    /* Makes the way for a table: creates the target when missing, compares it when there. Called
     * before the first write of a table, again for each new version, and for several tables with
     * one target when a route merges them. RC_MISMATCH names the column. The result is owned by the
     * sink. */
    enum rc (*table)(struct sink *sink, const struct table *table, const struct sink_target *target,
                     struct sink_table **table_out, struct error *err);
    /* What can be said of a table's way without making anything, for `millrace check`; findings that
     * are no failures are not told. NULL: nothing. */
    enum rc (*check_table)(struct sink *sink, const struct table *table,
                           const struct sink_target *target, struct report *report,
                           struct error *err);
    /* Makes one step of a schema change at a target and returns when the target shows it. Called when
     * nothing is pending and nothing on its way; `table` is called anew for the table afterwards. A
     * step that the target shows already (a crash lay between) is done: it is compared, not repeated.
     * RC_UNSUPPORTED: the target can't make this change in place; the text says why and what can be
     * done. RC_REJECTED: it refused. Neither changed anything. NULL: the sink has no targets to
     * change. */
    enum rc (*change_table)(struct sink *sink, const struct schema_step *step,
                            const struct sink_target *target, struct error *err);
    /* Whether a target holds no row at all. Called when nothing is pending and nothing on its way.
     * NULL: the sink has no targets that could hold rows of others. */
    enum rc (*is_empty)(struct sink *sink, struct sink_table *table, bool *empty_out,
                        struct error *err);
    /* Takes one READ, INSERT, UPDATE, DELETE or TRUNCATE. To a sink that keeps rows a TRUNCATE
     * comes only when nothing is pending and nothing is on its way, and has happened when the call
     * returns. RC_FULL: nothing was taken, the memory bound is reached; seal first, then write it
     * again. RC_REJECTED: this row can never be taken.
     */
    enum rc (*write)(struct sink *sink, struct sink_table *table, const struct change *change,
                     struct error *err);
    /* Dead letters that were asked for (dead_letters_ask) into the open batch, which is empty, as many as go
     * into this epoch, and nothing else will; the file says durably which they are. The letters of a key go
     * together, as the one row that they make. What cannot be loaded stays, with the reason, and so does
     * later what the target refuses. `again`: all that the file says are this epoch's; none is asked for.
     * rows_out 0: there are none left. NULL: no row is ever put aside. */
    enum rc (*reload)(struct sink *sink, uint64_t epoch, bool again, uint64_t *rows_out,
                      struct error *err);
    void (*pending)(const struct sink *sink, struct sink_pending *pending_out);
    /* Closes the open batch as `epoch` (counts from 1, never used twice with other content) and
     * opens an empty one. count may be 0. Not called while as many epochs are on their way as may be.
     */
    enum rc (*seal)(struct sink *sink, uint64_t epoch, struct manifest *manifest_out,
                    struct error *err);
    /* Closes the open batch as one more part of the epoch, and opens an empty one; the epoch's last
     * part is closed by `seal`. RC_UNSUPPORTED: not all of the batch is in two phases, and
     * nothing was closed. NULL: the sink has no loads in two phases. */
    enum rc (*seal_part)(struct sink *sink, uint64_t epoch, struct manifest *manifest_out,
                         struct error *err);
    /* Whether at least half of the open batch, in bytes, is of tables that have no load on their way:
     * that much would begin at once beside the epochs that are. NULL: the sink takes one at a time. */
    bool (*would_begin)(const struct sink *sink);
    /* Starts the loads of the epoch that was sealed last, or of its last part, without those whose applied[i] is true (NULL: load
     * all). */
    enum rc (*submit)(struct sink *sink, const bool *applied, struct error *err);
    /* RC_OK: one load is durable at the target, told once, or prepared there. A prepared one whose
     * transaction the target has aborted before its commit is told as prepared once more, under
     * another number; one of a part that is not the last is an error then. RC_AGAIN: none within wait_ms. RC_EOF: every load of the oldest epoch that is
     * on its way has been told, and those that are prepared wait for `commit`. */
    enum rc (*poll)(struct sink *sink, unsigned wait_ms, struct sink_result *result,
                    struct error *err);
    /* After an RC_EOF with prepared loads, which the journal knows now: makes them visible; poll goes
     * on. NULL: the sink has no loads in two phases. */
    enum rc (*commit)(struct sink *sink, struct error *err);
    /* What became of a load of an earlier life. Waits out a load that is still running, commits one
     * that is prepared, and takes back one in two phases that the journal does not know as prepared.
     */
    enum rc (*resolve)(struct sink *sink, const struct manifest_entry *entry,
                       enum load_state *state_out, struct error *err);
    void (*stats)(const struct sink *sink, struct sink_stats *stats_out);
    /* Makes waiting calls return RC_CANCELLED soon and ends retries. Any thread. */
    void (*stop)(struct sink *sink);
    /* Ends threads and connections; frees everything. NULL is fine. */
    void (*close)(struct sink *sink);
};

/* Every sink begins with this. */
struct sink {
    const struct sink_ops *ops;
};

#endif

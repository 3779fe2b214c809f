/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stream Load: what Apache Doris and StarRocks have in common, and the seam between the shared core
 * and the two dialects.
 *
 * The core (this folder) builds batches and their bodies, keeps one row a key, names the loads,
 * carries them over HTTP in two legs (frontend, redirect, backend), retries, and settles lost
 * answers by asking for the label's state. A dialect (doris/, starrocks/) knows types, DDL, headers
 * and how an answer reads; its functions for headers and answers are pure: bytes in, a verdict out,
 * tested by golden files.
 *
 *   encode.c       a change -> the lines of a load                                 (pure)
 *   merge.c        a row that lacks columns onto the line that the batch holds      (pure)
 *   column_set.c   which columns a row has                                         (pure)
 *   json_check.c   is this text one JSON value                                     (pure)
 *   kept.c         the changes behind the rows of a batch
 *   body.c         the rows of a batch: JSON lines, one row a key                  (pure)
 *   csv.c          the rows of a load as CSV, where CSV takes them all             (pure)
 *   label.c        pipeline id + table + column set + epoch -> label               (pure)
 *   redirect.c     URLs, and which redirects are followed                          (pure)
 *   exchange.c     one HTTP request by libcurl, behind a vtable: tests script the server
 *   transfer.c     both legs of a load, the question about a label, the choice of a frontend
 *   decide.c       what is done about what happens to a load: the table         (pure)
 *   ask.c          the question about a label, until it is answered
 *   load.c         one load from its first byte to a settled end, and its second step
 *   joint.c        one transaction over all tables of a database, and the row that proves it
 *   bisect.c       which rows of a refused load the target does not take
 *   loaders.c      the threads that run loads
 *   query.c        the connection for DDL, opened on first use, opened again when broken
 *   target.c       target tables, and the source tables that write to them
 *   change_table.c one step of a schema change, until the target shows it
 *   stream_load.c  the sink_ops behind both warehouses: the sink's life
 *   check.c        what the target can do of what is configured
 *   tables.c       the pipeline's tables at their targets: made, compared, changed, emptied
 *   ways.c         how the rows of a table go there: phases, lacking columns
 *   room.c         what fits into the open batch
 *   write.c        changes into the open batch
 *   look.c         what a target holds, for a comparison
 *   same.c         whether a value there is the one that a load would have brought   (pure)
 *   epoch.c        the sealed batch: its loads, from their labels to their ends
 *   refuse.c       rows that become dead letters
 *   letter_row.c   the letters of a key -> the one row that they make                (pure)
 *   reload.c       dead letters, loaded again
 *   resolve.c      what became of a load of an earlier life
 *
 * Threads: the sink's operations run on the pipeline's thread, loads on the loaders'. A sealed body
 * is handed over under the loaders' lock and does not change until its load has ended.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_INT_H

#include "compress_int.h"

/* How a column's canonical text becomes a JSON value in a load body. */
enum load_encoding {
    LOAD_NUMBER = 0,  /* bare digits */
    LOAD_STRING,      /* quoted, escaped UTF-8 */
    LOAD_BASE64,      /* raw bytes as a base64 string */
    LOAD_JSON_VALUE,  /* JSON text put in as it is */
    LOAD_JSON_STRING, /* JSON text as a quoted string */
    LOAD_DATE, /* quoted; a zero or partial date has no equal at the target: see zero_dates */
    LOAD_BIT_BOOLEAN, /* 0 or 1 as false or true */
    LOAD_GEOMETRY     /* {"srid":n,"wkb":"base64"} as a quoted string */
};

enum load_zero_dates { LOAD_ZERO_DATES_NULL = 0, LOAD_ZERO_DATES_ERROR };

/* Which tables are loaded in two phases. */
enum load_two_phase {
    LOAD_TWO_PHASE_AUTO = 0, /* those without a key, where the target can */
    LOAD_TWO_PHASE_ALWAYS,   /* all, where the target can */
    LOAD_TWO_PHASE_NEVER
};

/* One source column's way into the target. */
struct load_column {
    struct slice target_name; /* owned by the load table's arena */
    struct slice target_type; /* "VARCHAR(80)" */
    enum load_encoding encoding;
    bool target_nullable;
};

/* One source table (at one version) into one target table. */
struct load_schema {
    const struct table *source;
    struct slice db; /* target, owned */
    struct slice table;
    struct load_column *columns; /* source->column_count of them */
    bool keyless;
    const uint32_t *key; /* source column indexes in key order */
    uint32_t key_count;
    const uint32_t *ranks; /* filled by the core: column_set_int.h */
};

/* What the core needs of a sink's configuration. Borrowed from the config document. */
struct load_settings {
    struct cfg_list frontends; /* "host:port" */
    struct cfg_list backends;  /* "host:port": send there directly, no redirect; may be empty */
    struct cfg_map rewrite;    /* backend address as told -> address to use (NAT, containers) */
    const char *user;
    struct secret password;
    const char *label_prefix; /* NULL: "millrace" */
    uint64_t flush_rows;
    uint64_t flush_bytes; /* memory of all bodies, open and in flight together */
    uint64_t flush_interval_ms;
    uint64_t connect_timeout_ms;
    uint64_t read_timeout_ms; /* for the answer, after the body went out */
    uint64_t continue_timeout_ms;
    uint64_t load_timeout_s; /* the `timeout` header: how long the target may keep an orphan */
    int64_t max_retries;     /* -1: for ever */
    unsigned threads;        /* loads at once */
    unsigned epochs;         /* on their way at once */
    enum load_two_phase two_phase;
    uint64_t prepared_timeout_s; /* how long a prepared load may wait for its commit */
    bool joint; /* one transaction over all tables of an epoch, where it comes as a whole */
    enum load_zero_dates zero_dates;
    enum load_compression compression; /* of bodies, where the interface of the load takes it */
    bool csv;                          /* loads are CSV, where their rows allow it (csv_int.h) */
    struct cfg_map headers;            /* sink.properties.*, checked by the dialect */
    bool tls;                          /* https to the frontends */
    const char *tls_ca;
};

enum load_verdict {
    LOAD_VERDICT_UNKNOWN =
        0,             /* cannot be read, or says itself that it does not know: ask for the label */
    LOAD_VERDICT_DONE, /* durable: Success, Publish Timeout */
    LOAD_VERDICT_EXISTS, /* the label is used: ask for its state */
    LOAD_VERDICT_RETRY,  /* not applied; the same bytes may pass later */
    LOAD_VERDICT_DATA,   /* not applied; a row is at fault */
    LOAD_VERDICT_FATAL,  /* not applied; configuration, privileges, schema */
    LOAD_VERDICT_GONE,   /* of a commit: the transaction is aborted */
    LOAD_VERDICT_ABSENT, /* of a commit: there is no such transaction */
    LOAD_VERDICT_BARRED  /* of a commit: it is prepared, and never can be committed */
};

struct load_answer {
    enum load_verdict verdict;
    bool committed_not_visible; /* Publish Timeout */
    bool widen;                 /* the target is short of breath: make epochs larger and rarer */
    int64_t txn_id;             /* -1: none */
    int64_t total_rows;         /* -1: not said */
    int64_t loaded_rows;
    int64_t filtered_rows;
    char error_url[512];
    char message[512]; /* the target's own words, one line */
};

enum label_state {
    LABEL_UNKNOWN = 0, /* never seen, or forgotten */
    LABEL_RUNNING,     /* PREPARE */
    LABEL_PREPARED,    /* PRECOMMITTED, PREPARED */
    LABEL_COMMITTED,   /* COMMITTED, VISIBLE: durable */
    LABEL_ABORTED,
    LABEL_UNREADABLE /* the answer itself is no answer: ask again */
};

/* The requests of two-phase loading. A dialect need not have all of them. */
enum load_step {
    LOAD_STEP_BEGIN = 0,
    LOAD_STEP_LOAD,    /* carries the body */
    LOAD_STEP_PREPARE, /* where loading alone does not prepare */
    LOAD_STEP_COMMIT,
    LOAD_STEP_ABORT, /* by the label */
    LOAD_STEP_CANCEL /* another way to do the same, where ABORT does not reach all */
};

/* The transaction of a two-phase load, or one over several tables. */
struct load_txn {
    struct slice db;
    struct slice table; /* of a joint one: the step's, or empty */
    struct slice label;
    uint64_t id; /* 0: not known */
    bool joint;  /* over all tables of the epoch in `db` */
};

/* What the progress table has of a pipeline. */
enum joint_row {
    JOINT_ROW_ABSENT = 0,
    JOINT_ROW_THERE,
    JOINT_ROW_NO_TABLE /* somebody took it away */
};

struct dialect_target; /* a dialect's own knowledge of one target table */

/* Where a step of a schema change stands after one look at the target. */
enum change_state {
    CHANGE_DONE = 0, /* the target shows it */
    CHANGE_SENT,     /* the target took a statement: look again */
    CHANGE_WAIT,  /* the target is at work, on this step or on something else: look again later */
    CHANGE_UNSEEN /* the target took the statement, works on nothing, and shows nothing new */
};

/* What is remembered of a step between two looks; zeroed before the first. */
struct change_progress {
    uint64_t accepted; /* hash of the statement that the target took last; 0: none */
    uint64_t last_job; /* the newest job that the table had had before it */
    char reason[400];  /* words: what is waited for, or what the target shows */
};

struct load_dialect {
    const char *name;          /* "doris" */
    const char *product;       /* "Apache Doris", for messages */
    const char *delete_column; /* "__DORIS_DELETE_SIGN__", "__op" */
    const char *json_headers;  /* of a load in JSON: lines, each with its '\n' */
    /* Of one in CSV, its compression among them. NULL: the target does not take it so. */
    const char *csv_headers[LOAD_COMPRESSIONS];
    /* Of a load in JSON whose body is compressed: a line with its '\n'. NULL: the target does not take
     * it so. */
    const char *compression_header[LOAD_COMPRESSIONS];
    unsigned label_max;          /* bytes */
    unsigned default_query_port; /* 9030 */
    uint64_t body_bytes_max; /* of one load; 0: the target streams JSON lines and has no bound */

    /* Pure: the request headers of a load ("name: value", one a line, without Authorization,
     * Content-Length, Expect, and what says the form of the body). `set`: the columns that the rows
     * have, as column_set_int.h keeps them; the target must leave all others as they are. NULL: they
     * have all, and a delete mark. */
    void (*headers)(const struct load_settings *settings, const struct load_schema *schema,
                    const uint8_t *set, struct slice label, struct buf *out);
    /* Pure: the answer of a backend, or of a frontend that did not redirect. */
    void (*read_answer)(int http_status, struct slice body, struct load_answer *answer_out);
    /* Pure: the answer to GET /api/{db}/get_load_state?label=. */
    enum label_state (*read_label_state)(int http_status, struct slice body);

    /* Pure: the method, path and header lines of a step; for LOAD the headers stand behind those of
     * `headers`. NULL: there is no such step. */
    const char *(*step_request)(const struct load_settings *settings, enum load_step step,
                                const struct load_txn *txn, struct buf *path, struct buf *headers);
    /* Pure: the answer to a step. */
    void (*read_step)(enum load_step step, int http_status, struct slice body,
                      struct load_answer *answer_out);
    /* Frontends find the way of a two-phase load by its label. */
    bool way_by_label;
    /* Only a frontend commits, however loads find their backends. */
    bool commit_at_frontend;
    /* Whether a table can be loaded in two phases. RC_UNSUPPORTED says why not. NULL: never. */
    enum rc (*two_phase_check)(struct myconn *conn, const struct load_schema *schema,
                               struct error *err);

    /* Whether several tables can be loaded in one transaction (with load_txn.joint; its steps are BEGIN,
     * a LOAD a table, COMMIT and ABORT). RC_UNSUPPORTED says why not. NULL: never. */
    enum rc (*joint_check)(struct myconn *conn, struct error *err);
    /* What the progress table (made by target_prepare for `progress`) says of a pipeline, as its leader knows
     * it. `epoch_out`: of a row that is there. */
    enum rc (*joint_row)(const void *config, struct myconn *conn, const struct table *progress,
                         const struct sink_target *target, struct slice pipeline_id,
                         struct arena *arena, enum joint_row *row_out, uint64_t *epoch_out,
                         struct error *err);

    /* DDL side, in the MySQL protocol. `connection` opens on first use and is kept by the core. */
    enum rc (*target_prepare)(const struct load_settings *settings, const void *config,
                              struct myconn *conn, const struct table *source,
                              const struct sink_target *target, struct arena *arena,
                              struct load_schema *schema_out, struct error *err);
    enum rc (*check)(const struct load_settings *settings, const void *config, struct myconn *conn,
                     struct report *report, struct error *err);
    /* Whether the target takes rows that lack columns and keeps what it has in those. Asked once a
     * table: when the way to it is made, where such rows are known to come, else before its first one;
     * and by `check`, where `schema` has the target's names alone and the table need not be there. RC_UNSUPPORTED says why it does not, with the remedy. NULL:
     * it always does. */
    enum rc (*partial_check)(struct myconn *conn, const struct load_schema *schema,
                             struct error *err);
    /* One turn of a schema step: looks at the target, and sends at most one statement. Must bear
     * being broken off and begun again at any moment. `arena` is empty, and emptied between turns. */
    enum rc (*change_turn)(const struct load_settings *settings, const void *config,
                           struct myconn *conn, const struct schema_step *step,
                           const struct sink_target *target, struct arena *arena,
                           struct change_progress *progress, enum change_state *state_out,
                           struct error *err);
    /* TRUNCATE of the target, for a TRUNCATE at the source (at an epoch border). */
    void (*truncate_sql)(const struct load_schema *schema, struct buf *out);
    /* The names of the columns that the target has, in `arena`; none: there is no such table. */
    enum rc (*target_columns)(struct myconn *conn, const struct sink_target *target,
                              struct arena *arena, struct slice **names_out, uint32_t *count_out,
                              struct error *err);
    /* Whether the target holds no row. */
    enum rc (*is_empty)(struct myconn *conn, const struct load_schema *schema, bool *empty_out,
                        struct error *err);
};

/* A dialect's sink_ops.open ends in this: takes over `settings` (copied). `query` says where DDL
 * goes (its strings are copied). */
enum rc stream_load_open(const struct load_dialect *dialect, const struct load_settings *settings,
                         const struct myconn_options *query, const struct sink_options *options,
                         struct sink **sink_out, struct error *err) MUST_CHECK;
/* The other operations are the same for every dialect. */
enum rc stream_load_check(struct sink *sink, struct report *report, struct error *err);
struct sink_limits stream_load_limits(const struct sink *sink);
enum rc stream_load_table(struct sink *sink, const struct table *table,
                          const struct sink_target *target, struct sink_table **table_out,
                          struct error *err);
enum rc stream_load_check_table(struct sink *sink, const struct table *table,
                                const struct sink_target *target, struct report *report,
                                struct error *err);
enum rc stream_load_write(struct sink *sink, struct sink_table *table, const struct change *change,
                          struct error *err);
enum rc stream_load_change_table(struct sink *sink, const struct schema_step *step,
                                 const struct sink_target *target, struct error *err);
enum rc stream_load_is_empty(struct sink *sink, struct sink_table *table, bool *empty_out,
                             struct error *err);
enum rc stream_load_reload(struct sink *sink, uint64_t epoch, bool again, uint64_t *rows_out,
                           struct error *err);
void stream_load_pending(const struct sink *sink, struct sink_pending *pending_out);
bool stream_load_would_begin(const struct sink *sink);
enum rc stream_load_seal(struct sink *sink, uint64_t epoch, struct manifest *manifest_out,
                         struct error *err);
enum rc stream_load_submit(struct sink *sink, const bool *applied, struct error *err);
enum rc stream_load_poll(struct sink *sink, unsigned wait_ms, struct sink_result *result,
                         struct error *err);
enum rc stream_load_seal_part(struct sink *sink, uint64_t epoch, struct manifest *manifest_out,
                              struct error *err);
enum rc stream_load_commit(struct sink *sink, struct error *err);
enum rc stream_load_resolve(struct sink *sink, const struct manifest_entry *entry,
                            enum load_state *state_out, struct error *err);
void stream_load_stats(const struct sink *sink, struct sink_stats *stats_out);
void stream_load_stop(struct sink *sink);
void stream_load_close(struct sink *sink);

extern const struct look_ops stream_load_look; /* look.c */

/* All of them, for a sink_ops table. */
#define STREAM_LOAD_OPERATIONS                                                                     \
    .look = &stream_load_look, .check = stream_load_check, .limits = stream_load_limits,           \
    .table = stream_load_table, .check_table = stream_load_check_table,                            \
    .change_table = stream_load_change_table, .is_empty = stream_load_is_empty,                    \
    .write = stream_load_write, .reload = stream_load_reload, .pending = stream_load_pending,      \
    .would_begin = stream_load_would_begin, .seal = stream_load_seal,                              \
    .submit = stream_load_submit, .poll = stream_load_poll, .seal_part = stream_load_seal_part,    \
    .commit = stream_load_commit, .resolve = stream_load_resolve, .stats = stream_load_stats,      \
    .stop = stream_load_stop, .close = stream_load_close

#endif

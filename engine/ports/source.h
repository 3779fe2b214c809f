/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface of a source: a stream of changes from a place on.
 *
 * Threads: every operation is called from the pipeline's one thread, except `stop`, which any
 * thread may call at any time. A source may have threads of its own behind it.
 *
 * Ownership: a change, its rows and its transaction are borrowed until the next call of `next`.
 * Tables live until `close`.
 *
 * Errors: `next` mends by itself what can be mended (reconnecting with backoff, forever or as
 * configured) and returns only what it cannot: class FATAL with words, or CANCELLED after `stop`.
 *
 * After a crash: `start` with the stored position gives again every change after it, with the same
 * ids, ordinals and transaction borders.
 */
#ifndef MILLRACE_PORTS_SOURCE_H
#define MILLRACE_PORTS_SOURCE_H

#include "../config/config.h"
#include "../model/change.h"
#include "../model/position.h"
#include "../myconn/myconn.h"
#include "invalid_text.h"
#include "report.h"

struct source;

/* Which tables are wanted. Called at most once for each table and stream of its changes. */
typedef bool (*source_wants_fn)(void *ctx, struct slice db, struct slice table);

/* What a pipeline without a checkpoint begins with. */
enum source_scan {
    SOURCE_SCAN_NONE = 0, /* the stream alone */
    SOURCE_SCAN_FIRST,    /* a snapshot of every table beside the stream */
    SOURCE_SCAN_ONLY      /* the same, and the pipeline ends when the snapshot is complete */
};

/* The head of every online source's config struct: which tables are wanted, and how their rows are
 * read that are there already. The engine makes the table patterns and the snapshot from it without
 * knowing the rest. C strings, because they are the document's; the second may be NULL. */
struct source_tables_config {
    const char *tables;
    const char *tables_exclude;
    int scan;         /* enum source_scan */
    bool from_before; /* a first stream begins in the past, where tables may look otherwise */
    bool snapshot_new_tables;     /* also of tables that `tables` matches later */
    int64_t snapshot_parallelism; /* connections; 0: by the number of cores */
    int64_t chunk_rows;
    uint64_t chunk_bytes;
};

struct source_options {
    const void *config; /* the struct that `section` fills; borrowed until close */
    source_wants_fn wants;
    void *wants_ctx;
    struct slice name;     /* the pipeline's name, for connection attributes and messages */
    const char *state_dir; /* folder for what it keeps between lives; borrowed until `open` returns.
                              NULL: it keeps nothing */
};

/* Who the source is, so that a checkpoint is never used against another. */
struct source_identity {
    char server[POSITION_SERVER_MAX]; /* as position.server */
    char version[128];                /* "10.11.19-MariaDB-log" */
    bool has_gtid;     /* positions carry GTID sets: files may change under failover */
    bool partial_rows; /* rows come without some of their columns (binlog_row_image) */
};

struct source_stats {
    uint64_t bytes_read;        /* stream bytes taken from the transport */
    uint64_t events_read;       /* binlog events framed */
    uint64_t rows_read;         /* row changes given out */
    uint64_t txns_read;         /* transactions completed */
    uint64_t bytes_copied;      /* stream bytes that had to be moved (straddling, decompressed) */
    uint64_t reconnects;        /* since start */
    uint64_t bytes_spooled;     /* kept on disk, now */
    uint64_t last_commit_us;    /* commit time of the newest transaction seen */
    uint64_t last_under_way_us; /* that one took so long from the server where it was made to the
                                   source, which is a replica; 0: it was made there, or nobody tells */
    uint64_t last_received_us;  /* wall clock when the newest bytes came */
};

/* Takes one note; see source_ops.notes. An empty value: forget it. */
typedef enum rc (*source_note_fn)(void *ctx, struct slice key, struct slice value,
                                  struct error *err);

/* Called for each table that the source would capture now. The table lives until `close`. */
typedef enum rc (*source_table_fn)(void *ctx, struct table *table, struct error *err);

struct source_ops {
    const char *name;    /* the `type:` in the pipeline file */
    const char *summary; /* one sentence for help */
    const struct cfg_section *section;

    /* Connects and learns the identity; starts nothing. On failure nothing is left behind. */
    enum rc (*open)(const struct source_options *options, struct source **source_out,
                    struct error *err);
    /* Every precondition, each with the statement that mends it. For `millrace check` and at start.
     */
    enum rc (*check)(struct source *source, struct report *report, struct error *err);
    void (*identity)(const struct source *source, struct source_identity *identity_out);
    /* All wanted tables, with keys and types: before `start` those that exist now (RC_NOT_FOUND when
     * there is none), behind it those that exist at the place where the stream begins, so that every
     * later change of one of them comes by in the stream. */
    enum rc (*tables)(struct source *source, source_table_fn visit, void *ctx, struct error *err);
    /* Begins the stream at `from`, or at the configured startup mode when `from` is NULL or empty.
     * RC_PURGED when the server has no longer what is asked for; the text says the exact gap. */
    enum rc (*start)(struct source *source, const struct position *from, struct error *err);
    /*
     * Notes: what the source must know again beside a position to read on from there (table
     * definitions of that time, XA transactions that are prepared). `remember` gives one back
     * before `start`, in the order of keys. `notes` gives those that have changed since its last
     * call; it is asked after a COMMIT or IDLE, and what it gives belongs to `position` at that
     * moment. Both NULL: the source has none.
     */
    enum rc (*remember)(struct source *source, struct slice key, struct slice value,
                        struct error *err);
    enum rc (*notes)(struct source *source, source_note_fn visit, void *ctx, struct error *err);
    /* For a snapshot. `connection` says how to reach the server (borrowed until close). `read_table`
     * gives the same table again for rows that a SELECT returns: equal columns whose cells are the
     * field bytes of the text protocol when the server converts nothing (time_zone '+00:00',
     * character_set_results NULL), and whose text is byte for byte what the stream's table gives.
     * FLOAT and DOUBLE are selected as `c * 1e0` (a FLOAT's -0 as '-0'), ENUM and SET as
     * `CAST(c AS UNSIGNED)` (but for column_is_label_text), the others by name. NULL: no snapshot. */
    const struct myconn_options *(*connection)(const struct source *source);
    enum rc (*read_table)(struct source *source, struct table *table, struct table **read_out,
                          struct error *err);
    /* The next change. RC_AGAIN when none came within wait_ms; RC_EOF at the end of an offline
     * source. */
    enum rc (*next)(struct source *source, struct change *change, unsigned wait_ms,
                    struct error *err);
    /* Where reading would go on: valid after start, and after each COMMIT or IDLE. While a
     * transaction is open it is still the place before that transaction; the caller sets rows_done
     * itself. */
    enum rc (*position)(struct source *source, struct position *position_out, struct error *err);
    /* True when all that lies before `to` (rows_done left aside) has been given: asked after a
     * COMMIT or IDLE to end the replay of an unfinished epoch exactly where it ended. By file and
     * offset on the server that `to` names, else by GTID set. */
    bool (*reached)(struct source *source, const struct position *to);
    /* The pipeline waits for the target and can take no change: the source may read on to its own disk
     * for at most wait_ms. False: it has done nothing, and has not waited. What `next` gave stays
     * borrowed. NULL: it never does. */
    bool (*read_ahead)(struct source *source, unsigned wait_ms);
    /* No start will begin before `durable` any more. NULL: it does not matter. */
    void (*settled)(struct source *source, const struct position *durable);
    void (*stats)(const struct source *source, struct source_stats *stats_out);
    /* Makes a waiting `next` return RC_CANCELLED soon. Any thread. Async-signal-safe it need not
     * be. */
    void (*stop)(struct source *source);
    /* Ends threads and connections; frees everything. NULL is fine. */
    void (*close)(struct source *source);
};

/*
 * The configuration of the offline source (`millrace decode`): binlog files in stream order. It has
 * no pipeline file, so its config is this struct and its section is NULL. Its `tables` gives
 * RC_UNSUPPORTED, its `next` ends in RC_EOF. Strings are C strings because they come from the
 * command line.
 */
struct source_file_config {
    const char *const *files; /* paths in order; "-" is standard input */
    unsigned file_count;
    uint64_t start_offset;  /* in the first file; 0: from its beginning */
    uint64_t stop_offset;   /* in the last file: no event that starts at or after it; 0: no bound */
    const char *start_gtid; /* GTID set: skip its transactions; NULL: none */
    const char *include_gtids; /* GTID set: only its transactions; NULL: all */
    const char *schema_file;   /* CREATE TABLE statements of before the first file; NULL: none */
    bool verify_checksums;     /* default of the command: true */
    enum invalid_text invalid_text;
};

/* Every source begins with this. */
struct source {
    const struct source_ops *ops;
};

#endif

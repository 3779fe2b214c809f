/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder's state, shared by the files that make up the decoder and by nobody else:
 *
 *   stream.c          making it, the loop behind binlog_stream_next, errors
 *   stream_place.c    positions, seeking, how far the stream is
 *   stream_event.c    raw bytes to events, steering events (formats, rotations, heartbeats)
 *   stream_group.c    transactions: where they begin and end, GTIDs
 *   stream_query.c    statements
 *   stream_schema.c   what statements do to tables
 *   stream_unknown.c  changes of rows that the binlog does not tell
 *   stream_rows.c     table maps and rows
 *   stream_xa.c       XA transactions: prepared, ended, remembered
 *   stream_held.c     their rows, which are held until then
 *   stream_savepoint.c  what an XA transaction undid of itself
 *
 * A group is what has one GTID or one BEGIN..COMMIT: a transaction, or one DDL (facts/binlog.md
 * 4.2). State of a group:
 *
 *   closed --GTID, BEGIN, statement, table map--> open --XID, COMMIT, XA, lone statement--> ended
 *   ended --what is still to be given out of it is given--> closed: the GTID counts from here on
 *
 * XA: rows of a group that begins with XA START are held back, copied, until XA_PREPARE tells
 * whether it is one-phase. Then they are given. The rows of a two-phase XA transaction belong to the
 * group of a later XA COMMIT: they are kept under their XID until that group comes, and given out as
 * its rows, or until XA ROLLBACK. Where they are many they wait in a file. Of one that finds no room there, too, the names
 * of its captured tables are kept instead, and given out as changes that are not told. What is undone, by ROLLBACK TO or XA ROLLBACK, is
 * not given, but for statements that are in the binlog as text: they are told at the end in any case. A seek keeps them, for it goes on in
 * the same stream; on the wire they are notes beside the checkpoint (xa_note_int.h), so that a restart
 * between the two finds them.
 */
#ifndef MILLRACE_BINLOG_STREAM_STATE_INT_H
#define MILLRACE_BINLOG_STREAM_STATE_INT_H

#include "fragments_int.h"
#include "payload_int.h"
#include "query_int.h"
#include "rows_partial_int.h"
#include "sql_int.h"
#include "stream_int.h"
#include "xa_store_int.h"

/* In memory, of all XA transactions that are held at one time; a note takes 16 MiB. */
#define STREAM_HELD_MAX (((size_t)16 << 20) - 4096)
/* Savepoints of one XA transaction. */
#define STREAM_SAVEPOINTS_MAX ((size_t)64 << 10)
#define STREAM_INFLATED_MAX ((size_t)1 << 30)
/* So many transactions without a captured row may pass before a position is offered. */
#define STREAM_IDLE_TXNS 1000u
/* Captured tables of one statement or transaction that are told one by one. */
#define STREAM_UNKNOWN_MAX 32u

struct stream_group {
    bool open;
    bool begun;    /* a BEGIN came: a statement does not end the group */
    bool implicit; /* rows without a beginning (a start inside a transaction, or 5.1) */
    bool ended;
    bool skipped; /* not asked for, by its GTID */
    bool told;    /* something was given out: a COMMIT must follow */
    bool xa;
    bool xa_captured;     /* held rows are of captured tables */
    bool held_overflow;   /* its rows find no room: none is held, only the names of their tables */
    bool held_statement;  /* a statement that changes rows is held, or its tables are */
    bool savepoints_lost; /* not all of its savepoints are known */
    bool undone_unknown;  /* held_overflow for that, behind a rollback to one of them */
    uint64_t held_seen;   /* events, and names in statements, that the XA group had so far */
    struct gtid gtid;
    uint64_t under_way_us; /* from the server where it was made to this one */
    uint64_t ordinal;      /* of the next row */
    uint64_t given;        /* rows of captured tables given out or passed over */
    uint32_t statements;   /* that change tables, so far */
    bool is_void;  /* MariaDB: its statement begins or ends an ALTER that is not done here */
    uint64_t pass; /* rows, counted as `ordinal` is, that the caller is done with from before */
    uint32_t touched_count; /* captured tables whose rows came: in `touched` of the stream */
    bool touched_overflow;  /* there were more */
    bool undone;            /* a ROLLBACK came behind rows: told when the group ends */
    const struct table_lost *lost_told; /* the last one whose rows were told to be unknown */
};

/* The statement in hand that changed tables, and what of it is still to be given out. */
struct stream_schema {
    struct history_result result;
    uint32_t next;
    uint64_t ordinal; /* of its first effect */
    struct slice ddl; /* borrowed: the event in hand */
    struct slice ddl_db;
    struct table_change table_change;
    /* Of the open group, also over a lost connection: statements that the history has taken in, and
     * their effects. */
    uint32_t taken;
    uint32_t steps;
};

struct stream_unknown_table {
    struct table *table; /* NULL: not known */
    uint64_t ordinal;
    struct slice db;   /* borrowed, as the statement's text is */
    struct slice name; /* empty: any table of the database */
};

/* The captured tables of the statement in hand whose rows it changes nobody knows how. */
struct stream_unknown {
    struct stream_unknown_table tables[STREAM_UNKNOWN_MAX];
    uint32_t count;
    uint32_t next; /* to be given out */
    bool overflow;
    bool from_before; /* as of struct change */
    bool columns_unknown;
    struct slice text; /* borrowed: the event in hand */
    struct slice db;
};

/* A binlog file, and the second in which it was begun (stream_birth.c). */
struct stream_birth {
    char file[POSITION_FILE_MAX];
    uint32_t begun; /* 0: not known */
};

struct binlog_stream {
    struct binlog_stream_options options;
    struct binlog_feed *feed; /* the caller's */
    struct error failure;     /* sticky: a decoder that failed stays where it is until a seek */

    struct event_format format;
    bool crc32; /* events carry a CRC, except format descriptions, which say it themselves */
    char file[POSITION_FILE_MAX];
    uint64_t offset;                 /* end of the last event, in `file` */
    struct stream_birth birth;       /* of the newest format description */
    struct stream_birth birth_noted; /* as the last note said */

    struct event event; /* in hand */
    bool event_pending; /* it ended the group before it and waits to be looked at again */

    struct gtid_set *executed;
    bool executed_known; /* seeded: a set that began in the middle would have a false hole (#78) */
    struct gtid_set *start_gtids;   /* NULL: none */
    struct gtid_set *include_gtids; /* NULL: all */
    struct gtid_set *reached_set;   /* reached_text, parsed */
    struct buf reached_text;

    struct stream_group group;
    struct txn txn;
    char txn_file[POSITION_FILE_MAX];
    struct buf txn_gtid;
    uint32_t generation;
    uint64_t pass_rows; /* for the next group */
    bool moved;         /* the stream went on and nobody was told */
    uint32_t quiet_txns;

    struct binlog_tables *tables;
    struct rows_walk walk;
    bool walking;
    struct rows_partial partial;
    struct fragments fragments; /* of one rows event, MariaDB */
    struct buf inflated;        /* MariaDB's compressed rows or statement in hand */
    struct payload *payload;
    bool payload_open;
    uint64_t payload_offset;
    struct xa_rows held;              /* of an XA group: its table maps and rows (stream_xa.c) */
    size_t held_max;                  /* bytes in memory, of all XA transactions */
    struct record_writer held_writer; /* of their file */
    struct xa_folder *xa_folder;      /* owned; NULL: rows are held in memory alone */
    struct buf held_names;    /* of an XA group: captured tables that it touches (xa_names_int.h) */
    struct buf savepoints;    /* of an XA group (stream_savepoint.c) */
    struct xa_reading replay; /* held rows on their way out */
    bool held_replay;
    bool held_replay_files;            /* their file goes with them: no note names it */
    struct event_format format_behind; /* known: what comes back when the replay is over */
    struct xa_store xa;                /* prepared, not ended */
    bool xa_left_told;
    struct stream_schema schema;
    struct stream_unknown unknown;
    struct table *touched[STREAM_UNKNOWN_MAX]; /* of the open group */
    struct sql_statement statement;            /* scratch: too large for the stack of a decoder */

    uint64_t last_commit_us;
    uint64_t last_under_way_us; /* of the same transaction */
    uint64_t events_read;
    uint64_t rows_read;
    uint64_t txns_read;
    uint64_t bytes_copied;
    bool unknown_told[256]; /* a warning was logged */
};

/* stream_event.c. RC_OK: stream->event is set. RC_EOF from stream_event_inner: nothing more inside.
 */
enum rc stream_event_inner(struct binlog_stream *stream, struct error *err) MUST_CHECK;
enum rc stream_event_take(struct binlog_stream *stream, const struct binlog_raw_event *raw,
                          struct error *err) MUST_CHECK;
/* Each handler looks at stream->event. RC_OK with change->kind set: give it out. */
enum rc stream_handle(struct binlog_stream *stream, struct change *change,
                      struct error *err) MUST_CHECK;

/* stream_group.c */
enum rc stream_group_gtid(struct binlog_stream *stream, struct error *err) MUST_CHECK;
/* Opens a group at the event in hand unless one is open. */
enum rc stream_group_open(struct binlog_stream *stream, const struct event_gtid *gtid,
                          struct error *err) MUST_CHECK;
/* The group in hand ended; fills `change` when the caller must be told. */
enum rc stream_group_close(struct binlog_stream *stream, struct change *change,
                           struct error *err) MUST_CHECK;
/* The file ended inside a group: the server crashed, and the group never was. */
enum rc stream_group_drop(struct binlog_stream *stream, struct error *err) MUST_CHECK;
enum rc stream_group_seed(struct binlog_stream *stream, struct error *err) MUST_CHECK;

/* stream_held.c: rows of XA transactions on their way in and out. */
enum rc stream_xa_open(struct binlog_stream *stream, struct error *err) MUST_CHECK;
void stream_xa_close(struct binlog_stream *stream);
/* Keeps the event in hand (a table map, rows, a statement that changes rows) until the
 * end of its XA group is known. */
enum rc stream_xa_hold(struct binlog_stream *stream, struct error *err) MUST_CHECK;
/* No more come. They wait for the end of their transaction, or are given out at once. */
void stream_xa_finish_held(struct binlog_stream *stream, bool waits);
/* Gives the rows out from here on. `files_go`: their file is of no use behind that. On failure the rows are the
 * caller's still. */
enum rc stream_xa_replay(struct binlog_stream *stream, struct xa_rows *rows, bool only_statements,
                         bool files_go, struct error *err) MUST_CHECK;
/* The next event that was held becomes stream->event; RC_EOF behind the last. */
enum rc stream_xa_take_held(struct binlog_stream *stream, struct error *err) MUST_CHECK;
/* Forgets the rows in hand, and those on their way out. */
void stream_xa_drop_held(struct binlog_stream *stream);
void stream_xa_drop_replay(struct binlog_stream *stream);

/* stream_xa.c. XA_PREPARE, the event in hand. */
enum rc stream_xa_prepare(struct binlog_stream *stream, struct error *err) MUST_CHECK;
/* XA COMMIT or XA ROLLBACK, in the group that is open. */
enum rc stream_xa_end(struct binlog_stream *stream, const struct query *query, bool commits,
                      struct error *err) MUST_CHECK;
/* The XA transaction in hand was undone and will not be prepared. */
enum rc stream_xa_undone(struct binlog_stream *stream, const struct query *query,
                         struct error *err) MUST_CHECK;
/* The stream is at its end: warns, once, of what is prepared still. */
void stream_xa_tell_left(struct binlog_stream *stream);

/* stream_savepoint.c, for the XA group that is held. SAVEPOINT and ROLLBACK TO, the statement in hand. */
void stream_savepoint_set(struct binlog_stream *stream);
void stream_savepoint_undo(struct binlog_stream *stream);

/* stream_query.c */
enum rc stream_query(struct binlog_stream *stream, struct change *change,
                     struct error *err) MUST_CHECK;

/* stream_schema.c. Takes the statement in hand into the history; `steps_out`: ordinals it takes. */
enum rc stream_schema_take(struct binlog_stream *stream, const struct query *query,
                           uint32_t *steps_out, struct error *err) MUST_CHECK;
/* The next change that the statement in hand made; RC_EOF behind the last. */
enum rc stream_schema_next(struct binlog_stream *stream, struct change *change,
                           struct error *err) MUST_CHECK;

/* stream_unknown.c. A statement of kind SQL_DML, in the open group. */
enum rc stream_unknown_statement(struct binlog_stream *stream, const struct query *query,
                                 const struct sql_dialect *dialect, struct error *err) MUST_CHECK;
/* The same statement in an XA group that is held: its tables go to the names of the group. */
enum rc stream_unknown_hold(struct binlog_stream *stream, const struct query *query,
                            const struct sql_dialect *dialect, struct error *err) MUST_CHECK;
/* An XA transaction is committed whose rows were more than is held: its tables by the names in
 * `held_names`. `text`, `db`: borrowed until they are given out. */
enum rc stream_unknown_unheld(struct binlog_stream *stream, struct slice text, struct slice db,
                              struct error *err) MUST_CHECK;
/* An XA transaction is committed whose rows were in the binlog before reading began: any captured table may
 * have them. */
enum rc stream_unknown_before(struct binlog_stream *stream, const struct query *query,
                              struct error *err) MUST_CHECK;
/* Rows of a captured table are in the open group. */
void stream_unknown_touch(struct binlog_stream *stream, struct table *table);
/* Rows of a lost table are in the open group; `ordinal`: of the first. Told once as long as no rows of another lost
 * one come between, because what is told is the table. */
void stream_unknown_lost(struct binlog_stream *stream, const struct table_lost *lost,
                         uint64_t ordinal);
/* The group in hand ends and was undone. */
void stream_unknown_undone(struct binlog_stream *stream);
/* The next table; RC_EOF behind the last. */
enum rc stream_unknown_next(struct binlog_stream *stream, struct change *change) MUST_CHECK;

/* stream_rows.c */
enum rc stream_table_map(struct binlog_stream *stream, struct error *err) MUST_CHECK;
enum rc stream_rows_begin(struct binlog_stream *stream, struct error *err) MUST_CHECK;
/* A fragment of a rows event: the last one makes the whole the event in hand, and begins it. */
enum rc stream_rows_fragment(struct binlog_stream *stream, struct error *err) MUST_CHECK;
/* The next row of the event in hand; RC_EOF behind the last. */
enum rc stream_rows_next(struct binlog_stream *stream, struct change *change,
                         struct error *err) MUST_CHECK;

/* stream_birth.c. A format description of the file in hand; RC_MISMATCH: it is another one than before. */
enum rc stream_birth_take(struct binlog_stream *stream, uint32_t begun,
                          struct error *err) MUST_CHECK;

/* stream_place.c. Sets the file's name; false when it is too long or not UTF-8. */
bool stream_place_file(struct binlog_stream *stream, struct slice file);

#endif

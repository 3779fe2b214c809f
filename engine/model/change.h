/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thing that happened at the source, in stream order.
 */
#ifndef MILLRACE_MODEL_CHANGE_H
#define MILLRACE_MODEL_CHANGE_H

#include "row.h"
#include "table_change.h"

enum change_kind {
    CHANGE_NONE = 0,
    CHANGE_READ,     /* a row as a snapshot found it: `after` */
    CHANGE_INSERT,   /* `after` */
    CHANGE_UPDATE,   /* `before` and `after` */
    CHANGE_DELETE,   /* `before` */
    CHANGE_TRUNCATE, /* `table` where it is known, else `ddl` alone */
    CHANGE_SCHEMA,   /* a statement in `ddl`; `ddl_db` is the default database it ran in; what it
                        did in `table_change` */
    CHANGE_UNKNOWN,  /* rows of captured tables changed, or did not change after all, and the stream
                        does not say which: `ddl` is the statement; of `table`, else of the table
                        `about_table`, else of any in the database `about_db`, else of any */
    CHANGE_COMMIT,   /* the transaction is over: the only place where a position may be taken */
    CHANGE_IDLE /* the stream moved on (heartbeat, empty transactions); a position may be taken */
};

/* The transaction that a change belongs to. Borrowed as the change is. */
struct txn {
    struct slice gtid;       /* "uuid:7", "uuid:tag:7" or "0-1-42"; empty without GTIDs */
    struct slice file;       /* binlog file in which it starts; a file's base name offline */
    uint64_t offset;         /* where its first event starts in that file */
    uint64_t commit_time_us; /* commit time, else the event header's seconds; since 1970 UTC */
    uint32_t server_id;      /* of the server that first wrote it */
    uint32_t generation; /* rises when the stream moved to another server's files without GTIDs */
};

/* Borrowed until the source's next call. */
struct change {
    enum change_kind kind;
    struct table *table; /* valid until the source is closed */
    struct row before;
    struct row after;
    const struct txn *txn;
    uint64_t ordinal; /* of this row or statement in its transaction from 0, before any filter */
    uint64_t
        event_offset; /* where the event that holds it starts (the outer one when compressed) */
    struct slice ddl; /* CHANGE_SCHEMA, CHANGE_TRUNCATE, CHANGE_UNKNOWN: the statement */
    struct slice ddl_db;
    /* What the statement names, where `table` is NULL because its definition is not known. */
    struct slice about_db;
    struct slice about_table;
    bool from_before; /* CHANGE_UNKNOWN: the rows were in the binlog before reading began */
    /* CHANGE_UNKNOWN: the rows are in the binlog, without names, and what the columns were at that place is
     * not known because of `ddl`, a clause of a message. */
    bool columns_unknown;
    /* CHANGE_SCHEMA: what became of one captured table; a statement that touches several comes as
     * several changes. NULL: the statement was not understood, and no captured table's rows can
     * mean another thing because of it. */
    const struct table_change *table_change;
};

/* Whether it is about one row, and not about a statement or a place in the stream. */
static inline bool change_is_row(const struct change *change)
{
    return change->kind == CHANGE_READ || change->kind == CHANGE_INSERT ||
           change->kind == CHANGE_UPDATE || change->kind == CHANGE_DELETE;
}

/* "insert", "update", ...: for messages. */
const char *change_kind_name(enum change_kind kind);

/* Puts in front of `err` which row it was, where the error is about what the row holds (RC_REJECTED,
 * RC_CORRUPT): the table, the key as JSON where it can be read, the row's ordinal in its
 * transaction and the place in the binlog. Does nothing to other errors. */
void change_wrap_error(const struct change *change, struct error *err);

#endif

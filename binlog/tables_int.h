/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which table a table id means, and what it looks like. Shapes are kept by content: the same table
 * map gives the same struct table, without work or memory, however often it comes; a table id is
 * only a name for a shape until the next format description (facts/binlog.md 5.2, #21).
 *
 * An unwanted table has a shape too, but only its cells' layout: rows of all tables are counted,
 * because the ordinal of a row in its transaction must not depend on the filter (design.md part 8).
 * The cost: one hash of its map per statement, and one walk over its rows' lengths without a look
 * at a value. Shapes and names live as long as the stream: memory grows with the number of tables
 * and of their shapes, never with time or rows.
 */
#ifndef MILLRACE_BINLOG_TABLES_INT_H
#define MILLRACE_BINLOG_TABLES_INT_H

#include "table_map_int.h"

struct table_known; /* a name that was met, wanted or not */

/* A wanted table whose columns nobody can tell at this place of the stream. */
struct table_lost {
    struct slice db;
    struct slice name;
    struct slice because_of; /* a clause of a message */
};

struct table_shape {
    struct arena arena; /* of a wanted table: owns all below, the table too */
    struct slice content;
    struct table_known *known;
    struct table *table;           /* NULL: not wanted, a sequence, or lost */
    const struct table_lost *lost; /* NULL: it is not */
    struct value_layout *layouts;
    struct cell *before; /* column_count cells each; NULL where `table` is */
    struct cell *after;
    uint32_t column_count;
    bool countable;     /* false: an unwanted table with a type that nobody knows */
    bool old_temporals; /* TIME, DATETIME or TIMESTAMP of before 5.6: on MariaDB their size depends
                           on a precision that is not in the map (facts/binlog.md 6.12) */
    struct table_shape *next_same_hash;
    struct table_shape *next; /* in the list of all */
};

struct binlog_tables;

struct tables_options {
    source_wants_fn wants;
    void *wants_ctx;
    binlog_catalog_fn catalog; /* NULL: none */
    void *catalog_ctx;
    bool names_optional; /* where nothing is known of a table its columns are @1, @2, ... */
    /* Where what the catalog says is from, for messages ("at binlog.000003:4711"); NULL: the
     * server's present. Asked with catalog_ctx. */
    struct slice (*origin)(void *ctx, struct slice db, struct slice name);
    /* Because of what the catalog cannot tell a table that there is, or was; empty: no such reason. Such a
     * table is lost where its map has no names. NULL: that is an error. Asked with catalog_ctx. */
    struct slice (*lost_to)(void *ctx, struct slice db, struct slice name);
    /* Of a name that the catalog does not know, with a map that could be a SEQUENCE's: whether it is one. NULL:
     * nobody can say, and it is taken for a table. */
    binlog_sequence_fn is_sequence;
    void *is_sequence_ctx;
    enum invalid_text invalid_text;
};

enum rc tables_new(const struct tables_options *options, struct binlog_tables **tables_out,
                   struct error *err) MUST_CHECK;
void tables_free(struct binlog_tables *tables);

/* Takes a TABLE_MAP's body in. Errors: RC_CORRUPT, RC_MISMATCH (map and catalog disagree),
 * RC_UNSUPPORTED (a column type), those of the catalog. */
enum rc tables_map(struct binlog_tables *tables, struct slice body,
                   const struct event_format *format, struct error *err) MUST_CHECK;
/* Ids are void from here on (a new format description). */
void tables_forget_ids(struct binlog_tables *tables);
/* NULL: no table map with this id came. */
struct table_shape *tables_find(struct binlog_tables *tables, uint64_t id);

/* Whether the table is wanted; asked of `wants` once a name. */
enum rc tables_wants(struct binlog_tables *tables, struct slice db, struct slice name, bool *wanted,
                     struct error *err) MUST_CHECK;
/* The newest struct table of that name, or NULL. */
struct table *tables_newest(struct binlog_tables *tables, struct slice db, struct slice name);
/* The same; one that the stream has not shown yet is asked of the catalog. NULL: not there either.
 */
enum rc tables_look_up(struct binlog_tables *tables, struct slice db, struct slice name,
                       bool is_mariadb, struct table **table_out, struct error *err) MUST_CHECK;
/* True when a wanted table of this database was met. */
bool tables_any_wanted(const struct binlog_tables *tables, struct slice db);
/* A statement changed the table, or may have: its next map is looked at anew. Empty name: all of
 * the database; empty database too: all. */
void tables_mark_changed(struct binlog_tables *tables, struct slice db, struct slice name);

/* The table is not there any more; one that comes under its name is another one. */
void tables_forget(struct binlog_tables *tables, struct slice db, struct slice name);

/* See binlog_stream_catalog_table. What came before under this name is older; the same definition
 * gives the same table. */
enum rc tables_from_catalog(struct binlog_tables *tables, const struct catalog_table *catalog,
                            bool is_mariadb, struct table **table_out,
                            struct error *err) MUST_CHECK;

#endif

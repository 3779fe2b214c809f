/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The definitions of captured tables, moved forward by statements as they pass in the stream, and
 * what each statement did to them.
 *
 *   known    captured tables
 *   ghosts   helper tables of gh-ost and pt-osc that belong to captured tables (ghost_int.h): their
 *            rows are not captured, their definitions are followed, because one of them becomes the
 *            table
 *   gone     captured tables that such a tool has put aside, before the new one takes their place
 *   lost     captured tables whose definition at this place of the stream nobody can tell
 *   others   tables that are not captured, made since the start: a later RENAME may bring one under
 *            a captured name. Kept in memory alone, and forgotten when they are too many: then the
 *            server is asked
 *
 * All but `others` are notes beside the checkpoint's position (docs/formats.md).
 *
 * Threads: the decoder's. Ownership: what a result names lives until the next statement.
 */
#ifndef MILLRACE_BINLOG_SCHEMA_HISTORY_INT_H
#define MILLRACE_BINLOG_SCHEMA_HISTORY_INT_H

#include "../ddl/ddl_int.h"
#include "../sql_int.h"
#include "ghost_int.h"
#include "schema_int.h"

/*
 * The server's present definition of a table, for a statement in hand whose effect cannot be told.
 * `table_out`: borrowed until the next call; NULL when there is no such table now. `later_out`: how
 * many statements behind the one in hand touch the table up to the moment of that answer, counted
 * by history_touches: 0 means that the answer holds from the statement in hand on.
 */
typedef enum rc (*history_resolve_fn)(void *ctx, struct slice db, struct slice name,
                                      const struct catalog_table **table_out, uint32_t *later_out,
                                      struct error *err);

struct history_options {
    source_wants_fn wants; /* what the configuration asks for, helper tables and all */
    void *wants_ctx;
    history_resolve_fn resolve; /* NULL: nobody can be asked */
    void *resolve_ctx;
    bool follows_ghosts;   /* helper tables are not captured, and their swap is an ALTER */
    bool lower_case_names; /* the server keeps names in lower case (lower_case_table_names = 1) */
};

/* What a statement did to one captured table. */
struct history_change {
    enum table_change_kind kind;
    struct slice db; /* before; of a created table: its own */
    struct slice name;
    const struct catalog_table *before; /* NULL: CREATED */
    const struct catalog_table *after;  /* NULL: DROPPED */
    const uint32_t *origin;             /* ALTERED: as in struct table_change */
    bool rows_unknown;
    bool lives_on; /* DROPPED: under a name that is not captured */
    uint32_t step; /* which of the statement's effects, from 0 */
};

struct history_result {
    struct history_change *changes;
    uint32_t change_count;
    uint32_t step_count; /* effects of the statement, on tables captured or not; at least 1 */
};

struct history;

enum rc history_new(const struct history_options *options, struct history **history_out,
                    struct error *err) MUST_CHECK;
void history_free(struct history *history); /* NULL is fine */

/* As it was told in the options. */
bool history_lower_case_names(const struct history *history);

/* Rows of this table are given out. */
bool history_captures(struct history *history, struct slice db, struct slice name);

/*
 * Takes a statement in that changes tables or databases. `statement`: the same text, classified.
 * `where`: its place, for messages. Errors: RC_MEMORY, RC_LIMIT, those of `resolve`. What the
 * statement means without being understood is no error: the tables that it names are lost then.
 */
enum rc history_statement(struct history *history, const struct ddl_context *context,
                          struct slice text, const struct sql_statement *statement,
                          struct slice where, struct history_result *result_out,
                          struct error *err) MUST_CHECK;

/* Whether a statement, by its words alone, may change the definition of a table. */
bool history_touches(const struct sql_statement *statement, struct slice default_db,
                     struct slice db, struct slice name);
/* Whether it is one that brings a table of that name into being: before it there was none. */
enum rc history_creates(const struct ddl_context *context, struct slice text, struct slice db,
                        struct slice name, bool *creates_out, struct error *err) MUST_CHECK;

/* A binlog_catalog_fn: the definition at this place. RC_NOT_FOUND says why there is none. */
enum rc history_find(void *ctx, struct slice db, struct slice name, bool refresh,
                     const struct catalog_table **table_out, struct error *err) MUST_CHECK;
/* Because of what (a clause, as below) the definition of a captured table cannot be told at this place; empty: it
 * can, or there is no such table. */
struct slice history_lost_to(const struct history *history, struct slice db, struct slice name);
/* Where the definition is from, for messages; empty: not known. */
struct slice history_origin(const struct history *history, struct slice db, struct slice name);
/* Captured tables in the order of database and name. */
enum rc history_each(const struct history *history, schema_visit_fn visit, void *ctx,
                     struct error *err) MUST_CHECK;
/* Captured tables that are not known yet, as they will be behind the statements that they wait for. */
enum rc history_each_later(const struct history *history, schema_visit_fn visit, void *ctx,
                           struct error *err) MUST_CHECK;
/* Something is known of a table, be it that it is lost or gone. */
bool history_knows(const struct history *history, struct slice db, struct slice name);

/* A definition from elsewhere (the server, a file): of a captured table or a helper; of others it
 * is passed over. `from` as in schema_put_from. */
enum rc history_define(struct history *history, const struct catalog_table *table,
                       struct slice from, struct error *err) MUST_CHECK;
enum rc history_define_database(struct history *history, struct slice db, struct slice collation,
                                struct error *err) MUST_CHECK;
/* The definition cannot be told from here on, for `reason` (a clause: "the statement at ..."), until
 * `later` more statements that touch the table have passed: then it is `then`, or there is none.
 * 0: for ever. */
enum rc history_lose(struct history *history, struct slice db, struct slice name,
                     struct slice reason, uint32_t later, const struct catalog_table *then,
                     struct error *err) MUST_CHECK;

/* As source_ops.notes and .remember; a key that is none of ours is passed over (`taken_out`). */
enum rc history_notes(struct history *history, source_note_fn visit, void *ctx,
                      struct error *err) MUST_CHECK;
enum rc history_remember(struct history *history, struct slice key, struct slice value,
                         bool *taken_out, struct error *err) MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history's state, for the files that make it up and for nobody else:
 *   history.c        the sets, what is asked of them
 *   history_apply.c  statements
 *   history_notes.c  notes
 *   history_touch.c  which tables a statement is about
 */
#ifndef MILLRACE_BINLOG_SCHEMA_HISTORY_STATE_INT_H
#define MILLRACE_BINLOG_SCHEMA_HISTORY_STATE_INT_H

#include "history_int.h"

/* A table whose definition nobody can tell. Everything is behind the struct, in one allocation. */
struct history_lost {
    struct history_lost *next;
    struct slice db;
    struct slice name;
    struct slice reason;
    uint32_t later;                     /* statements until `then` holds; 0: for ever */
    const struct catalog_table *before; /* the last that was known; NULL: none */
    const struct catalog_table *then;   /* NULL: no table then */
};

struct history {
    struct history_options options;
    struct schema *known;
    struct schema *ghosts;
    struct schema *gone;
    struct schema *others;
    struct schema *changed; /* names whose notes are out of date; a database: with an empty name */
    struct history_lost *lost;
    struct arena scratch; /* of the statement in hand */
};

struct history_lost *history_lost_find(const struct history *history, struct slice db,
                                       struct slice name);
void history_lost_remove(struct history *history, struct slice db, struct slice name);
enum rc history_lost_add(struct history *history, const struct history_lost *lost,
                         struct error *err) MUST_CHECK;

/* Puts into a set under another name, and marks the note. */
enum rc history_put(struct history *history, struct schema *set, const struct catalog_table *table,
                    struct slice db, struct slice name, struct slice from,
                    struct error *err) MUST_CHECK;
/* Out of the set; true when it was there. */
enum rc history_take(struct history *history, struct schema *set, struct slice db,
                     struct slice name, struct error *err) MUST_CHECK;
enum rc history_mark(struct history *history, struct slice db, struct slice name,
                     struct error *err) MUST_CHECK;
/* A helper table whose rows are not captured. */
bool history_is_ghost(const struct history *history, struct slice db, struct slice name);

#endif

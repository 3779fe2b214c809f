/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A target table at either product: made, compared, and changed step by step (struct schema_step).
 *
 *   target.c       the way to a table: created, or compared
 *   change.c       one turn of a step: look, decide, send at most one statement
 *   change_plan.c  what a step needs, given what the target shows                  (pure)
 *   change_sql.c   the statements                                                  (pure)
 *   change_type.c  whether a column's values stay right when its type is changed   (pure)
 *   job.c          the ALTER jobs of a table
 *
 * A step begins with a look, always, and ends when a look shows what it wants and no job works on
 * the table. So it may be broken off and begun again at any moment: what is done is passed over, and
 * a job of an earlier life is waited for.
 */
#ifndef MILLRACE_SINKS_DIALECT_CHANGE_INT_H
#define MILLRACE_SINKS_DIALECT_CHANGE_INT_H

#include "../stream_load/encode_int.h"
#include "dialect_int.h"

enum dialect_swap {
    DIALECT_SWAP_REPLACE = 0, /* one statement, which also drops what had the name */
    DIALECT_SWAP_EXCHANGE     /* the two names are exchanged, then the older table is dropped */
};

/* What differs between the products when a table is changed. */
struct dialect_changes {
    const struct dialect_traits *traits;
    dialect_type_fn type;
    enum dialect_swap swap;
    bool float_from_integer;   /* MODIFY COLUMN makes a FLOAT of a small integer */
    bool double_from_largeint; /* and a DOUBLE of a LARGEINT */
    bool key_text_grows;       /* and a longer VARCHAR of a key's VARCHAR */
    const char *table_comment; /* ALTER TABLE t <this> 'words' */
    const char *version_word;  /* in front of the version in @@version_comment */
    unsigned rename_major;     /* the oldest version that renames columns */
    unsigned rename_minor;
    const char
        *rename_word; /* between the old name of a column and the new one; it ends in a blank */
};

/* A product, as far as its tables go. */
struct dialect_product {
    const struct dialect_changes *changes;
    const char *version_says; /* what @@version_comment must hold */
    const char *version_word; /* stands before the number in it, see dialect_version_parse */
    struct dialect_version compression_since; /* of loads in JSON */
    /* RC_CONFIG for names that the product refuses; asked before CREATE. */
    enum rc (*names_check)(struct myconn *conn, const struct load_schema *schema,
                           struct error *err);
    /* CREATE TABLE; `first`: the columns by which the table is sorted and distributed. */
    void (*create_sql)(const void *config, const struct load_schema *schema, const uint32_t *first,
                       uint32_t first_count, struct buf *out);
    void (*prepared)(
        const struct load_schema *schema); /* what is told of a target; NULL: nothing */
};

/* ---- target.c ---- */

/* load_dialect's operations of these names, for either product. */
enum rc dialect_target_prepare(const struct dialect_product *product, const void *config,
                               struct myconn *conn, const struct table *source,
                               const struct sink_target *target, struct arena *arena,
                               struct load_schema *schema_out, struct error *err) MUST_CHECK;
enum rc dialect_check(const struct dialect_product *product, const struct load_settings *settings,
                      const struct cfg_map *create_properties, struct myconn *conn,
                      struct report *report, struct error *err) MUST_CHECK;
void dialect_truncate_sql(const struct load_schema *schema, struct buf *out);
/* load_dialect.target_columns */
enum rc dialect_target_columns(struct myconn *conn, const struct sink_target *target,
                               struct arena *arena, struct slice **names_out, uint32_t *count_out,
                               struct error *err);
/* load_dialect.is_empty */
enum rc dialect_is_empty(struct myconn *conn, const struct load_schema *schema, bool *empty_out,
                         struct error *err) MUST_CHECK;

/* ---- job.c ---- */

struct dialect_jobs {
    bool running;      /* a job of this table has not ended */
    uint64_t newest;   /* id of its newest column job; 0: there is none */
    bool cancelled;    /* that job was */
    char message[256]; /* the server's words about it; a running one's state */
};

enum rc dialect_jobs_read(struct myconn *conn, const struct sink_target *target,
                          struct dialect_jobs *jobs_out, struct error *err) MUST_CHECK;

/* ---- change_type.c ---- */

/* Whether every value of `before` is, canonically written, the value of `after` that the source made
 * of it. Decided from the two definitions alone. */
enum dialect_kept {
    DIALECT_KEPT_NOT = 0, /* no, or it cannot be known */
    DIALECT_KEPT_NUMBER,  /* the same number; its digits may differ */
    DIALECT_KEPT_MOMENT,  /* the same date and time; its digits may differ */
    DIALECT_KEPT_TEXT     /* the same text, to the letter */
};
enum dialect_kept dialect_values_kept(const struct column *before, const struct column *after);

enum dialect_fit {
    DIALECT_FIT_AS_IS = 0, /* the target's type holds the new column, and what it holds is right */
    DIALECT_FIT_MODIFY,    /* MODIFY COLUMN makes it so */
    DIALECT_FIT_NOT        /* only a new table holds what the source does */
};
/* How a target column of type `have`, which holds the values of `before`, comes to hold those of
 * `after`, which would be created as `want`. `why_out`: a clause, for DIALECT_FIT_NOT. */
enum dialect_fit dialect_type_fit(const struct dialect_changes *changes,
                                  const struct column *before, const struct column *after,
                                  const struct dialect_type *want, const struct dialect_type *have,
                                  const char **why_out);

/* ---- change_plan.c ---- */

/* What the target shows. */
struct dialect_look {
    struct dialect_catalog have;  /* the step's target */
    struct dialect_catalog other; /* new_target, for steps that have one */
    struct dialect_jobs jobs;
    bool target_is_newer;   /* DIALECT_SWAP_EXCHANGE: of the two tables the target was made later */
    struct slice comment;   /* of the table; ptr NULL: not asked */
    unsigned version_major; /* 0.0: not known, or not asked */
    unsigned version_minor;
};

/* Writes the one statement that brings the step forward, or none when the look shows it done.
 * RC_UNSUPPORTED, RC_MISMATCH and RC_CONFIG say why there is none and what can be done. */
enum rc dialect_change_plan(const struct dialect_changes *changes, enum load_zero_dates zero_dates,
                            const struct schema_step *step, const struct sink_target *target,
                            const struct dialect_look *look, struct arena *arena, struct buf *sql,
                            struct error *err) MUST_CHECK;

/* Adds the way that is always there: the table is taken anew, beside the old one. */
void dialect_hint_rebuild(const struct schema_step *step, struct error *err);

/* ---- change_sql.c ---- */

/* A column as ADD and MODIFY write it. */
struct dialect_definition {
    struct slice name;
    struct slice type;
    bool key;
    bool nullable;
    struct slice default_value; /* text; ptr NULL: none */
    struct slice comment;
};

void dialect_add_column_sql(const struct sink_target *target,
                            const struct dialect_definition *column, struct slice after,
                            struct buf *sql);
void dialect_modify_column_sql(const struct sink_target *target,
                               const struct dialect_definition *column, struct buf *sql);
void dialect_drop_column_sql(const struct sink_target *target, struct slice column,
                             struct buf *sql);
void dialect_rename_column_sql(const char *word, const struct sink_target *target,
                               struct slice from, struct slice to, struct buf *sql);
void dialect_comment_column_sql(const struct sink_target *target, struct slice column,
                                struct slice comment, struct buf *sql);
void dialect_comment_table_sql(const struct sink_target *target, const char *clause,
                               struct slice comment, struct buf *sql);
void dialect_drop_table_sql(const struct sink_target *target, struct buf *sql);
void dialect_rename_table_sql(const struct sink_target *target, struct slice to, struct buf *sql);
void dialect_swap_sql(enum dialect_swap swap, const struct sink_target *target, struct slice with,
                      struct buf *sql);
/* The default of an added column, as its type spells it; false when no literal says it. */
bool dialect_default_literal(const struct column *column, const struct load_column *load,
                             struct slice value, struct buf *out);

/* ---- change.c ---- */

/* load_dialect.change_turn, for either product. */
enum rc dialect_change_turn(const struct dialect_product *product,
                            const struct load_settings *settings, const void *config,
                            struct myconn *conn, const struct schema_step *step,
                            const struct sink_target *target, struct arena *arena,
                            struct change_progress *progress, enum change_state *state_out,
                            struct error *err) MUST_CHECK;

#endif

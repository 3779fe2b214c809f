/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DDL statement does to tables. The parser reads the statements that change what rows mean
 * (CREATE, ALTER, RENAME, DROP, TRUNCATE TABLE, CREATE and DROP INDEX, CREATE, ALTER and DROP
 * DATABASE) in the grammar of MySQL 5.5 to 9.7 and MariaDB 5.5 to 11.x, and works out each touched
 * table's definition afterwards. It holds no state: definitions come from `find`, results go out.
 *
 * What it gives is what information_schema of the server that ran the statement would show then.
 *
 * A statement that it cannot read is told as such (DDL_UNREADABLE) with the tables that it names;
 * the caller then decides by other means. It never guesses.
 *
 * Threads: any; no state. Ownership: everything in the result lives in the caller's arena.
 */
#ifndef MILLRACE_BINLOG_DDL_INT_H
#define MILLRACE_BINLOG_DDL_INT_H

#include "../catalog_int.h"

/* What stands in the query event beside the text (facts/binlog.md 4.1), and who wrote it. */
struct ddl_context {
    struct slice db;           /* the default database; empty: none */
    uint64_t sql_mode;         /* as in the event: ANSI_QUOTES, NO_BACKSLASH_ESCAPES, ... */
    struct slice charset;      /* of the statement's text (character_set_client); empty: UTF-8 */
    struct slice db_collation; /* collation_database at that moment, for a CREATE TABLE without one;
                                  empty: not known */
    struct slice default_collation; /* collation_server, as the event says; empty: not known */
    uint16_t error_code; /* of the event; not 0: the statement failed after a part of it was done */
    uint32_t version;    /* 50624, 90704, 101119; decides versioned comments and defaults */
    bool is_mariadb;
    bool unknown_charsets; /* a text may have a charset that nobody knows (a file in which its
                              database is not made): it is left empty, not refused */
    bool explicit_defaults_for_timestamp; /* false: a TIMESTAMP is NOT NULL unless it says NULL */
    /* The default collations of charsets that the session has set (status variables 18 and 131 of
     * facts/binlog.md 4.1), each naming its charset by its own name. When the event did not say
     * them, what the version has by itself holds. */
    const struct slice *default_collations;
    uint32_t default_collation_count;
    bool default_collations_said;
};

/* The definition of a table before the statement. RC_OK with NULL: not known. Borrowed until the
 * end of ddl_read. Names compare as the caller has to (lower_case_table_names). */
typedef enum rc (*ddl_find_fn)(void *ctx, struct slice db, struct slice name,
                               const struct catalog_table **table_out, struct error *err);

/* The default collation of a database; empty: not known. */
typedef struct slice (*ddl_database_fn)(void *ctx, struct slice db);

struct ddl_lookup {
    ddl_find_fn find;
    ddl_database_fn database; /* NULL: none is known */
    void *ctx;
};

enum ddl_effect_kind {
    DDL_TABLE_CREATED,
    DDL_TABLE_ALTERED, /* the definition is another one, and perhaps the name */
    DDL_TABLE_RENAMED, /* the name alone */
    DDL_TABLE_DROPPED,
    DDL_TABLE_TRUNCATED,
    DDL_DATABASE_SET,    /* created, or its default collation altered: in `collation` */
    DDL_DATABASE_DROPPED /* with all its tables */
};

/* One thing that happened, in order. A RENAME of several tables gives several. */
struct ddl_effect {
    enum ddl_effect_kind kind;
    struct slice db;     /* before; of a created table: its own */
    struct slice name;   /* empty for databases */
    struct slice new_db; /* ALTERED and RENAMED: afterwards, the same as before unless renamed */
    struct slice new_name;
    const struct catalog_table *before; /* NULL: not known, or there was none */
    const struct catalog_table *after;  /* NULL: dropped, truncated, or it cannot be told */
    /* ALTERED with before and after: for each column of `after` the index of the column in `before`
     * that it continues, or DDL_NEW_COLUMN. */
    const uint32_t *origin;
    struct slice collation;
    /* CREATE ... SELECT: the rows follow as row events, or (statement format) never come. */
    bool has_select;
    /* The rows of the table may have been changed by the statement itself without row events
     * (conversion of a type or charset, a new column with a default, DROP/TRUNCATE/EXCHANGE
     * PARTITION, IMPORT TABLESPACE ...): what was there before must be converted in the target too. */
    bool
        drops_rows; /* DROP, TRUNCATE, EXCHANGE PARTITION, DISCARD, IMPORT: rows vanish or appear */
};

#define DDL_NEW_COLUMN UINT32_MAX

enum ddl_verdict {
    DDL_IRRELEVANT = 0, /* by construction: a statement of a kind that cannot change what rows of
                           base tables mean (accounts, views, routines, temporary tables, ...) */
    DDL_UNDERSTOOD,     /* all is in `effects` (which may be empty: IF EXISTS, index changes) */
    DDL_UNREADABLE      /* a relevant kind, but not read: `effects` name the tables as far as known,
                           with after == NULL; `reason` says the place and the words */
};

struct ddl_result {
    enum ddl_verdict verdict;
    struct ddl_effect *effects;
    uint32_t effect_count;
    struct slice reason; /* DDL_UNREADABLE: a sentence for the user */
};

/* Errors: RC_MEMORY, RC_LIMIT (more columns or nesting than a server allows), those of `find`. A
 * statement that cannot be read is no error. */
enum rc ddl_read(const struct ddl_context *context, const struct ddl_lookup *lookup,
                 struct slice statement, struct arena *arena, struct ddl_result *result_out,
                 struct error *err) MUST_CHECK;

#endif

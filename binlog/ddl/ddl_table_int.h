/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table in the making: what a statement says of columns and keys (the _def structs), and the
 * model that the statement's clauses work on before it is frozen into a catalog_table.
 *
 * In the model, columns are told apart by their address and never by their name, so that renames,
 * swaps and moves in one statement leave the keys right.
 *
 * Threads: any; no state. Everything lives in the parser's arena.
 */
#ifndef MILLRACE_BINLOG_DDL_TABLE_INT_H
#define MILLRACE_BINLOG_DDL_TABLE_INT_H

#include "ddl_literal_int.h"

/* MySQL allows 4096 columns and 64 indexes, MariaDB 4096 and 128; ALTER may drop as many as it
 * adds, so the lists of clauses are longer. */
enum { DDL_COLUMNS_MAX = 8192, DDL_KEYS_MAX = 8192, DDL_KEY_PARTS_MAX = 1024 };

struct ddl_position {
    bool is_first;
    struct slice after; /* empty with !is_first: not said */
};

/* A column as a statement defines it. */
struct ddl_column_def {
    struct slice name;
    struct ddl_type type;
    struct ddl_default value;
    struct slice comment;
    struct ddl_position position;
    enum catalog_generated generated;
    enum catalog_versioning versioning;
    bool null_said; /* the last word was NULL */
    bool not_null_said;
    bool on_update_now;
    bool is_auto_increment;
    bool is_invisible;
    bool is_referencing; /* REFERENCES at the column */
    bool is_primary;
    bool is_unique;
    bool unique_is_first; /* UNIQUE stood before PRIMARY KEY */
};

enum ddl_key_kind { DDL_KEY_PRIMARY = 0, DDL_KEY_UNIQUE, DDL_KEY_OTHER, DDL_KEY_FOREIGN };

struct ddl_key_part_def {
    struct slice column; /* empty: an expression */
    uint32_t prefix;
    bool is_period; /* MariaDB: WITHOUT OVERLAPS */
};

struct ddl_key_def {
    enum ddl_key_kind kind;
    struct slice name; /* empty: the server chooses */
    struct ddl_key_part_def *parts;
    uint32_t part_count;
    bool if_not_exists;
    bool is_check; /* no key at all: CHECK */
};

/* Columns and keys in the order of the text. */
struct ddl_definition {
    struct ddl_column_def *columns;
    uint32_t column_count;
    uint32_t column_room;
    struct ddl_key_def *keys;
    uint32_t key_count;
    uint32_t key_room;
    struct slice period_start; /* MariaDB: PERIOD FOR x (start, end) */
    struct slice period_end;
    struct slice period;
};

/* What is said behind the columns. */
struct ddl_options {
    struct ddl_charset_clause charset;
    struct slice comment;
    bool has_comment;
    bool with_versioning;
    bool start_transaction; /* MySQL 8.0.21: the rows of a CREATE ... SELECT follow */
    bool is_sequence;       /* MariaDB: CREATE TABLE ... SEQUENCE=1 */
};

struct ddl_column {
    struct catalog_column shown;
    struct ddl_type type; /* valid with is_type_read */
    bool is_type_read;
    bool is_defined;      /* by this statement */
    bool is_taken;        /* a clause of this statement drops, changes or renames it */
    bool has_own_default; /* DEFAULT, ON UPDATE or a generation was said */
    uint32_t origin;      /* index in the definition before, or DDL_NEW_COLUMN */
};

struct ddl_key_part {
    struct ddl_column *column; /* NULL: an expression */
    uint32_t prefix;
};

struct ddl_key {
    enum ddl_key_kind kind; /* PRIMARY, UNIQUE or OTHER */
    struct slice name;
    struct ddl_key_part *parts;
    uint32_t part_count;
    bool was_hashed; /* MariaDB: unique by a hash before the statement, and sorted as such in it */
    bool was_first;  /* the primary key before the statement, or what served as one */
    int rank;        /* where the server keeps it: less is earlier */
};

struct ddl_table {
    struct ddl_name name;
    struct slice comment;
    struct ddl_collation collation;
    struct ddl_column **columns;
    uint32_t column_count;
    uint32_t column_room;
    struct ddl_key *keys;
    uint32_t key_count;
    uint32_t key_room;
    bool has_new_keys;
};

/* ddl_column.c: a column's definition from its name on; what stands behind the type alone. */
void ddl_read_column(struct ddl_parser *parser, struct ddl_column_def *column);
void ddl_read_column_body(struct ddl_parser *parser, struct ddl_column_def *column);
struct ddl_column_def *ddl_add_column_def(struct ddl_parser *parser,
                                          struct ddl_definition *definition);
/* The keys that the column's own words ask for. */
void ddl_add_column_keys(struct ddl_parser *parser, struct ddl_definition *definition,
                         const struct ddl_column_def *column);

/* ddl_key.c: at the first word of a key or constraint. False: there is none. */
bool ddl_accept_key(struct ddl_parser *parser, struct ddl_definition *definition);
struct ddl_key_def *ddl_add_key_def(struct ddl_parser *parser, struct ddl_definition *definition);
void ddl_read_key_parts(struct ddl_parser *parser, struct ddl_key_def *key);
/* REFERENCES and what belongs to it. */
void ddl_skip_references(struct ddl_parser *parser);
/* PERIOD FOR name (start, end) */
bool ddl_accept_period(struct ddl_parser *parser, struct ddl_definition *definition);

/* ddl_options.c: one table option; false when there is none. PARTITION BY and all behind it. */
bool ddl_accept_option(struct ddl_parser *parser, struct ddl_options *options);
void ddl_skip_partitions(struct ddl_parser *parser);
/* Up to the next comma, closing parenthesis or partition clause outside of parentheses. */
void ddl_skip_clause(struct ddl_parser *parser);

/* ddl_table.c */
struct ddl_table *ddl_table_load(struct ddl_parser *parser, const struct catalog_table *before);
struct ddl_column *ddl_table_column(const struct ddl_table *table, struct slice name);
/* Puts a column at `index` of the list. */
void ddl_table_insert(struct ddl_parser *parser, struct ddl_table *table, uint32_t index,
                      struct ddl_column *column);
void ddl_table_remove(struct ddl_table *table, const struct ddl_column *column);
/* The index of the column, which is in the list. */
uint32_t ddl_table_index(const struct ddl_table *table, const struct ddl_column *column);
/* MariaDB keeps unique keys that are too long for an index by a hash, behind all others. */
bool ddl_key_is_hashed(const struct ddl_parser *parser, const struct ddl_key *key);
/* The catalog_table; `origin_out` (may be NULL) gets the origins of its columns. NULL: a failure.
 */
const struct catalog_table *ddl_table_freeze(struct ddl_parser *parser,
                                             const struct ddl_table *table,
                                             const uint32_t **origin_out);

/* ddl_settle.c: makes a column what its definition says, in this table. */
void ddl_column_settle(struct ddl_parser *parser, const struct ddl_table *table,
                       const struct ddl_column_def *def, struct ddl_column *column);
/* Its type, read back from what is shown where it has not been read. */
struct ddl_type *ddl_column_type(struct ddl_parser *parser, struct ddl_column *column);
/* The first TIMESTAMP without a default of its own gets CURRENT_TIMESTAMP where the server does
 * that. */
void ddl_promote_timestamp(struct ddl_parser *parser, struct ddl_table *table);
/* MariaDB: the invisible row_start and row_end of a system-versioned table that declares none. */
void ddl_add_versioning(struct ddl_parser *parser, struct ddl_table *table);

/* ddl_index.c: adds keys to the model; the order that the server keeps them in. */
void ddl_table_add_keys(struct ddl_parser *parser, struct ddl_table *table,
                        const struct ddl_definition *definition);
struct ddl_key *ddl_table_key(const struct ddl_table *table, struct slice name);
void ddl_table_drop_key(struct ddl_table *table, const struct ddl_key *key);
/* Drops the parts of columns that are gone, the keys that have none left, and sorts. */
void ddl_table_settle_keys(struct ddl_parser *parser, struct ddl_table *table);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an ALTER TABLE says (ddl_alter.c reads it) and what it does (ddl_apply.c does it).
 *
 * The server reads all clauses first and then works in this order, whatever theirs was:
 *   1. each column of the old table: dropped, changed, renamed, converted, or kept as it is; names
 *      mean the old table's
 *   2. added and moved columns, in the order of the text; AFTER names a column of the new table
 *   3. keys: dropped, renamed, added; parts of dropped columns go with them
 *
 * Threads: any; no state.
 */
#ifndef MILLRACE_BINLOG_DDL_ALTER_INT_H
#define MILLRACE_BINLOG_DDL_ALTER_INT_H

#include "ddl_table_int.h"

enum ddl_clause_kind {
    DDL_ADD_COLUMN = 0, /* def */
    DDL_CHANGE_COLUMN,  /* name; def, whose name may be another one */
    DDL_DROP_COLUMN,    /* name */
    DDL_RENAME_COLUMN,  /* name, new_name */
    DDL_SET_DEFAULT,    /* name, value */
    DDL_DROP_DEFAULT,   /* name */
    DDL_SET_INVISIBLE,  /* name, is_on */
    DDL_DROP_PRIMARY,
    DDL_DROP_KEY,  /* name: an index, or with is_constraint a constraint of any kind */
    DDL_RENAME_KEY /* name, new_name */
};

struct ddl_clause {
    enum ddl_clause_kind kind;
    struct slice name;
    struct slice new_name;
    struct ddl_column_def def;
    struct ddl_default value;
    bool if_exists; /* of ADD COLUMN: IF NOT EXISTS */
    bool is_on;
    bool is_constraint;
    struct ddl_column *column; /* while it is applied: what it is about; NULL: nothing */
    bool is_void;              /* IF [NOT] EXISTS made it one */
    bool is_late;              /* it is about a column that the same statement defines */
};

struct ddl_alter {
    struct ddl_clause *clauses;
    uint32_t clause_count;
    uint32_t clause_room;
    struct ddl_definition added; /* its keys and period; columns are clauses */
    struct ddl_options options;
    struct ddl_charset_clause convert;
    bool converts;
    bool default_is_last; /* a default charset stands behind CONVERT TO */
    bool adds_versioning;
    bool drops_versioning;
    bool drops_rows;
    bool renames;
    struct ddl_name new_name;
    struct ddl_name exchanged; /* EXCHANGE PARTITION ... WITH TABLE; name empty: none */
    struct ddl_name made;      /* MariaDB: CONVERT PARTITION ... TO TABLE */
    struct ddl_name swallowed; /* MariaDB: CONVERT TABLE ... TO PARTITION */
};

/* At the first clause. */
void ddl_read_clauses(struct ddl_parser *parser, struct ddl_alter *alter);
/* At a clause about partitions; false when there is none. Reads to the end of the statement. */
bool ddl_accept_partition_clause(struct ddl_parser *parser, struct ddl_alter *alter);

/* Works the clauses into the model. */
void ddl_alter_apply(struct ddl_parser *parser, struct ddl_table *table, struct ddl_alter *alter);
/* Adds the effects of the statement on the table. */
void ddl_alter_finish(struct ddl_parser *parser, struct ddl_name name,
                      const struct catalog_table *before, struct ddl_alter *alter);

#endif

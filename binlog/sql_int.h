/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a statement in the binlog is about: enough of SQL to tell transactions, table changes and
 * statement-format data changes apart and to name their tables. It reads words, not grammar; what a
 * column list says is not its business (ddl/).
 *
 * A statement is irrelevant only by being on a list of what cannot change rows or definitions of
 * base tables: its first word, and of CREATE, ALTER, DROP and RENAME the word for the object. One
 * that is on no list is SQL_UNKNOWN, and is taken for a change of every table whose name is in it.
 * tests/integration/test_statements.py asks servers for kinds of statements that are missing.
 *
 * Threads: any; no state.
 */
#ifndef MILLRACE_BINLOG_SQL_INT_H
#define MILLRACE_BINLOG_SQL_INT_H

#include "engine/engine.h"

enum sql_kind {
    SQL_NOTHING = 0, /* empty, or comments alone */
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_ROLLBACK_TO, /* this and the next: the savepoint's name is in names[0].name */
    SQL_SAVEPOINT,
    SQL_RELEASE, /* a savepoint */
    SQL_XA_START,
    SQL_XA_END,
    SQL_XA_COMMIT,
    SQL_XA_ROLLBACK,
    SQL_TRUNCATE,
    SQL_TABLE_DDL,    /* CREATE, ALTER, DROP, RENAME TABLE; CREATE, DROP INDEX */
    SQL_DATABASE_DDL, /* CREATE, ALTER, DROP DATABASE: the name is in names[0].db */
    SQL_DML,          /* changes rows, and the rows are not in the binlog */
    SQL_UNKNOWN,      /* on no list: may change any table that it names */
    SQL_OTHER         /* accounts, views, routines, temporary tables, ... */
};

enum { SQL_NAMES_MAX = 32, SQL_STORAGE = 2048 };

struct sql_name {
    struct slice db; /* empty: the default database */
    struct slice name;
};

/* Slices are borrowed from the text, or from `storage` where a quote or a case had to be undone. */
struct sql_statement {
    enum sql_kind kind;
    struct sql_name names[SQL_NAMES_MAX];
    uint32_t name_count;
    bool names_complete; /* false: the statement may touch tables that are not in `names` */
    bool hides_names;    /* not even its text names the tables: a routine changes rows */
    bool drops;          /* SQL_DATABASE_DDL: the database goes, with all its tables */
    bool has_select;     /* CREATE TABLE ... SELECT: makes rows that are not in the binlog */
    bool lower_case_names;
    uint8_t storage[SQL_STORAGE];
    uint32_t storage_used;
};

/* How the server that wrote a statement reads it: quotes, backslashes, versioned comments. */
struct sql_dialect {
    uint64_t sql_mode;
    uint32_t version; /* 50624, 101119 */
    bool is_mariadb;
    bool lower_case_names; /* it keeps names of tables so (lower_case_table_names = 1) */
};

/* The text is UTF-8. */
void sql_classify(const struct sql_dialect *dialect, struct slice text,
                  struct sql_statement *statement);

/* A statement of this kind may change what rows of base tables mean, or empty tables. */
bool sql_changes_tables(enum sql_kind kind);

/* Gives every identifier, with what stands before its dot; true from `visit` ends the scan and is
 * the result. For statements whose names are not complete. */
typedef bool (*sql_name_fn)(void *ctx, struct sql_name name);
bool sql_scan_names(const struct sql_dialect *dialect, struct slice text, sql_name_fn visit,
                    void *ctx);

#endif

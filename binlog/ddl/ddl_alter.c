/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads ALTER TABLE with every clause of both families, CREATE INDEX and DROP INDEX, which are
 * clauses of it under another name.
 */
#include "ddl_alter_int.h"

enum { CLAUSES_MAX = 16384 };

static struct ddl_clause *add_clause(struct ddl_parser *parser, struct ddl_alter *alter,
                                     enum ddl_clause_kind kind)
{
    void *items = alter->clauses;
    if (!ddl_grow(parser, &items, alter->clause_count, &alter->clause_room, sizeof(*alter->clauses),
                  CLAUSES_MAX, "clauses"))
        return NULL;
    alter->clauses = items;
    struct ddl_clause *clause = &alter->clauses[alter->clause_count++];
    *clause = (struct ddl_clause){.kind = kind};
    return clause;
}

static void read_position(struct ddl_parser *parser, struct ddl_position *position)
{
    if (ddl_accept(parser, "FIRST"))
        position->is_first = true;
    else if (ddl_accept(parser, "AFTER"))
        position->after = ddl_read_column_name(parser);
}

/* [IF NOT EXISTS] name type ... [FIRST | AFTER x] */
static void read_added_column(struct ddl_parser *parser, struct ddl_alter *alter,
                              bool if_not_exists)
{
    struct ddl_clause *clause = add_clause(parser, alter, DDL_ADD_COLUMN);
    if (clause == NULL)
        return;
    clause->if_exists = if_not_exists;
    ddl_read_column(parser, &clause->def);
    uint32_t first = alter->added.key_count;
    ddl_add_column_keys(parser, &alter->added, &clause->def);
    for (uint32_t i = first; i < alter->added.key_count; i++)
        alter->added.keys[i].if_not_exists = if_not_exists; /* for themselves: the column may be */
    read_position(parser, &clause->def.position);
}

/* ADD ( column | key, ... ) */
static void read_added_list(struct ddl_parser *parser, struct ddl_alter *alter, bool if_not_exists)
{
    ddl_expect_mark(parser, '(');
    do {
        if (!ddl_accept_period(parser, &alter->added) && !ddl_accept_key(parser, &alter->added))
            read_added_column(parser, alter, if_not_exists);
    } while (ddl_accept_mark(parser, ','));
    ddl_expect_mark(parser, ')');
}

static void read_add(struct ddl_parser *parser, struct ddl_alter *alter)
{
    if (ddl_accept_pair(parser, "SYSTEM", "VERSIONING")) {
        alter->adds_versioning = true;
        return;
    }
    if (ddl_accept_period(parser, &alter->added))
        return;
    if (!ddl_accept(parser, "COLUMN") && ddl_accept_key(parser, &alter->added))
        return;
    bool if_not_exists = ddl_accept_if_not_exists(parser);
    if (ddl_at_mark(parser, '('))
        read_added_list(parser, alter, if_not_exists);
    else
        read_added_column(parser, alter, if_not_exists);
}

/* [IF EXISTS] name */
static void read_named(struct ddl_parser *parser, struct ddl_alter *alter,
                       enum ddl_clause_kind kind)
{
    struct ddl_clause *clause = add_clause(parser, alter, kind);
    if (clause == NULL)
        return;
    clause->if_exists = ddl_accept_if_exists(parser);
    clause->name = ddl_read_column_name(parser);
}

static void read_drop(struct ddl_parser *parser, struct ddl_alter *alter)
{
    bool is_primary = ddl_accept_pair(parser, "CONSTRAINT", "PRIMARY");
    if (is_primary)
        ddl_expect(parser, "KEY");
    if (is_primary || ddl_accept_pair(parser, "PRIMARY", "KEY")) {
        (void)add_clause(parser, alter, DDL_DROP_PRIMARY);
    } else if (ddl_accept_pair(parser, "SYSTEM", "VERSIONING")) {
        alter->drops_versioning = true;
    } else if (ddl_accept_pair(parser, "FOREIGN", "KEY") || ddl_accept(parser, "CHECK") ||
               ddl_accept_pair(parser, "PERIOD", "FOR")) {
        (void)ddl_accept_if_exists(parser);
        (void)ddl_read_name(parser); /* no key: the index of a foreign key stays */
    } else if (ddl_accept(parser, "INDEX") || ddl_accept(parser, "KEY")) {
        read_named(parser, alter, DDL_DROP_KEY);
    } else if (ddl_accept(parser, "CONSTRAINT")) {
        uint32_t count = alter->clause_count;
        read_named(parser, alter, DDL_DROP_KEY);
        if (alter->clause_count > count)
            alter->clauses[count].is_constraint = true;
    } else {
        (void)ddl_accept(parser, "COLUMN");
        read_named(parser, alter, DDL_DROP_COLUMN);
        if (!ddl_accept(parser, "RESTRICT"))
            (void)ddl_accept(parser, "CASCADE");
    }
}

/* CHANGE [COLUMN] [IF EXISTS] old new type ...; MODIFY the same without a new name */
static void read_change(struct ddl_parser *parser, struct ddl_alter *alter, bool has_new_name)
{
    (void)ddl_accept(parser, "COLUMN");
    struct ddl_clause *clause = add_clause(parser, alter, DDL_CHANGE_COLUMN);
    if (clause == NULL)
        return;
    clause->if_exists = ddl_accept_if_exists(parser);
    clause->name = ddl_read_column_name(parser);
    clause->def.name = has_new_name ? ddl_read_column_name(parser) : clause->name;
    ddl_read_column_body(parser, &clause->def);
    ddl_add_column_keys(parser, &alter->added, &clause->def);
    read_position(parser, &clause->def.position);
}

static void read_alter_column(struct ddl_parser *parser, struct ddl_alter *alter)
{
    (void)ddl_accept(parser, "COLUMN");
    read_named(parser, alter, DDL_SET_DEFAULT);
    if (!ddl_ok(parser))
        return;
    struct ddl_clause *clause = &alter->clauses[alter->clause_count - 1];
    if (ddl_accept_pair(parser, "DROP", "DEFAULT")) {
        clause->kind = DDL_DROP_DEFAULT;
        return;
    }
    ddl_expect(parser, "SET");
    if (ddl_accept(parser, "DEFAULT")) {
        ddl_read_default(parser, &clause->value);
        return;
    }
    clause->kind = DDL_SET_INVISIBLE;
    clause->is_on = ddl_accept(parser, "INVISIBLE");
    if (!clause->is_on)
        ddl_expect(parser, "VISIBLE");
}

/* ALTER INDEX i VISIBLE, ALTER CHECK c ENFORCED and the like say nothing about rows. */
static void read_alter(struct ddl_parser *parser, struct ddl_alter *alter)
{
    static const char *const others[] = {"INDEX", "KEY", "CHECK", "CONSTRAINT", NULL};
    if (!ddl_at_any(parser, others)) {
        read_alter_column(parser, alter);
        return;
    }
    ddl_next(parser);
    (void)ddl_accept_if_exists(parser);
    (void)ddl_read_name(parser);
    ddl_skip_clause(parser);
}

static void read_rename(struct ddl_parser *parser, struct ddl_alter *alter)
{
    enum ddl_clause_kind kind = DDL_RENAME_KEY;
    struct ddl_token following = ddl_peek(parser);
    bool is_part = !ddl_token_is_mark(&following, '.') && following.kind != DDL_TOKEN_END;
    if (is_part && ddl_accept(parser, "COLUMN"))
        kind = DDL_RENAME_COLUMN;
    else if (!is_part || (!ddl_accept(parser, "INDEX") && !ddl_accept(parser, "KEY"))) {
        if (!ddl_accept(parser, "TO") && !ddl_accept(parser, "AS"))
            (void)ddl_accept_mark(parser, '=');
        alter->new_name = ddl_read_table_name(parser);
        alter->renames = true;
        return;
    }
    read_named(parser, alter, kind);
    ddl_expect(parser, "TO");
    if (ddl_ok(parser))
        alter->clauses[alter->clause_count - 1].new_name = ddl_read_name(parser);
}

/* ORDER BY a, b DESC: a comma may also begin the next clause. */
static void skip_order(struct ddl_parser *parser)
{
    ddl_expect(parser, "BY");
    for (;;) {
        (void)ddl_read_column_name(parser);
        if (!ddl_accept(parser, "ASC"))
            (void)ddl_accept(parser, "DESC");
        struct ddl_parser ahead = *parser;
        if (!ddl_accept_mark(&ahead, ','))
            return;
        ddl_next(&ahead);
        bool goes_on = ddl_at_end(&ahead) || ddl_at_mark(&ahead, ',') || ddl_at_mark(&ahead, '.') ||
                       ddl_at(&ahead, "ASC") || ddl_at(&ahead, "DESC");
        if (!goes_on)
            return;
        ddl_next(parser);
    }
}

static bool accept_convert(struct ddl_parser *parser, struct ddl_alter *alter)
{
    if (!ddl_accept_pair(parser, "CONVERT", "TO"))
        return false;
    alter->converts = true;
    if (!ddl_accept_charset(parser, &alter->convert))
        ddl_expected(parser, "CHARACTER SET");
    (void)ddl_accept_collate(parser, &alter->convert);
    return true;
}

/* Clauses of one or two words that say nothing about rows, and two that make rows vanish. */
static bool accept_small(struct ddl_parser *parser, struct ddl_alter *alter)
{
    if (ddl_accept_pair(parser, "DISCARD", "TABLESPACE") ||
        ddl_accept_pair(parser, "IMPORT", "TABLESPACE")) {
        alter->drops_rows = true;
        return true;
    }
    if (ddl_accept(parser, "ORDER")) {
        skip_order(parser);
        return true;
    }
    return ddl_accept(parser, "FORCE") || ddl_accept_pair(parser, "ENABLE", "KEYS") ||
           ddl_accept_pair(parser, "DISABLE", "KEYS") ||
           ddl_accept_pair(parser, "WITH", "VALIDATION") ||
           ddl_accept_pair(parser, "WITHOUT", "VALIDATION") ||
           ddl_accept(parser, "SECONDARY_LOAD") || ddl_accept(parser, "SECONDARY_UNLOAD");
}

static void read_clause(struct ddl_parser *parser, struct ddl_alter *alter)
{
    if (ddl_accept_partition_clause(parser, alter) || accept_convert(parser, alter) ||
        accept_small(parser, alter))
        return;
    if (ddl_accept(parser, "ADD"))
        read_add(parser, alter);
    else if (ddl_accept(parser, "DROP"))
        read_drop(parser, alter);
    else if (ddl_accept(parser, "CHANGE"))
        read_change(parser, alter, true);
    else if (ddl_accept(parser, "MODIFY"))
        read_change(parser, alter, false);
    else if (ddl_accept(parser, "ALTER"))
        read_alter(parser, alter);
    else if (ddl_accept(parser, "RENAME"))
        read_rename(parser, alter);
    else if (ddl_accept_option(parser, &alter->options))
        alter->default_is_last = alter->converts;
    else
        ddl_expected(parser, "a clause of ALTER TABLE");
}

void ddl_read_clauses(struct ddl_parser *parser, struct ddl_alter *alter)
{
    while (ddl_ok(parser) && !ddl_at_end(parser)) {
        read_clause(parser, alter);
        (void)ddl_accept_mark(parser, ',');
    }
}

void ddl_read_alter_table(struct ddl_parser *parser)
{
    struct ddl_alter alter = {0};
    bool if_exists = ddl_accept_if_exists(parser);
    struct ddl_name name = ddl_read_table_name(parser);
    if (!ddl_ok(parser))
        return;
    const struct catalog_table *before = ddl_find(parser, name);
    ddl_accept_wait(parser);
    ddl_read_clauses(parser, &alter);
    if (if_exists && before == NULL && ddl_ok(parser))
        return;
    ddl_alter_finish(parser, name, before, &alter);
}

/* Behind CREATE [UNIQUE | FULLTEXT | SPATIAL] INDEX */
void ddl_read_create_index(struct ddl_parser *parser, bool is_unique)
{
    struct ddl_alter alter = {0};
    struct ddl_key_def *key = ddl_add_key_def(parser, &alter.added);
    if (key == NULL)
        return;
    key->kind = is_unique ? DDL_KEY_UNIQUE : DDL_KEY_OTHER;
    key->if_not_exists = ddl_accept_if_not_exists(parser);
    key->name = ddl_read_name(parser);
    if (ddl_accept(parser, "USING") || ddl_accept(parser, "TYPE"))
        (void)ddl_read_name(parser);
    ddl_expect(parser, "ON");
    struct ddl_name name = ddl_read_table_name(parser);
    if (!ddl_ok(parser))
        return;
    const struct catalog_table *before = ddl_find(parser, name);
    ddl_accept_wait(parser);
    ddl_read_key_parts(parser, key);
    ddl_skip_clause(parser);
    ddl_expect_end(parser);
    ddl_alter_finish(parser, name, before, &alter);
}

/* Behind DROP INDEX */
void ddl_read_drop_index(struct ddl_parser *parser)
{
    struct ddl_alter alter = {0};
    struct ddl_clause *clause = add_clause(parser, &alter, DDL_DROP_KEY);
    if (clause == NULL)
        return;
    clause->if_exists = ddl_accept_if_exists(parser);
    clause->name = ddl_read_name(parser);
    if (slice_equal_nocase(clause->name, SLICE("PRIMARY")))
        clause->kind = DDL_DROP_PRIMARY;
    ddl_expect(parser, "ON");
    struct ddl_name name = ddl_read_table_name(parser);
    if (!ddl_ok(parser))
        return;
    const struct catalog_table *before = ddl_find(parser, name);
    ddl_accept_wait(parser);
    ddl_skip_clause(parser);
    ddl_expect_end(parser);
    ddl_alter_finish(parser, name, before, &alter);
}

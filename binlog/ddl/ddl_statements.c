/* SPDX-License-Identifier: Apache-2.0 */
/* RENAME TABLE, DROP TABLE and TRUNCATE: lists of names. */
#include "ddl_table_int.h"

/* The definition under its new name, for those that the same statement renames it for again. */
static const struct catalog_table *rename_definition(struct ddl_parser *parser,
                                                     const struct catalog_table *before,
                                                     struct ddl_name name, const uint32_t **origin)
{
    if (before == NULL || !ddl_ok(parser))
        return NULL;
    struct ddl_table *table = ddl_table_load(parser, before);
    if (table == NULL)
        return NULL;
    table->name = name;
    return ddl_table_freeze(parser, table, origin);
}

static void read_rename(struct ddl_parser *parser, bool if_exists)
{
    struct ddl_name from = ddl_read_table_name(parser);
    ddl_accept_wait(parser);
    ddl_expect(parser, "TO");
    struct ddl_name to = ddl_read_table_name(parser);
    if (!ddl_ok(parser))
        return;
    const struct catalog_table *before = ddl_find(parser, from);
    if (before == NULL && if_exists)
        return;
    const uint32_t *origin = NULL;
    const struct catalog_table *after = rename_definition(parser, before, to, &origin);
    struct ddl_effect *effect = ddl_add_effect(parser, DDL_TABLE_RENAMED, from);
    if (effect == NULL)
        return;
    effect->before = before;
    effect->after = after;
    effect->origin = origin;
    effect->new_db = to.db;
    effect->new_name = to.name;
}

void ddl_read_rename_tables(struct ddl_parser *parser)
{
    bool if_exists = ddl_accept_if_exists(parser);
    do {
        read_rename(parser, if_exists);
    } while (ddl_accept_mark(parser, ','));
    ddl_expect_end(parser);
}

void ddl_read_drop_tables(struct ddl_parser *parser)
{
    (void)ddl_accept_if_exists(parser);
    do {
        struct ddl_name name = ddl_read_table_name(parser);
        if (!ddl_ok(parser))
            return;
        const struct catalog_table *before = ddl_find(parser, name);
        struct ddl_effect *effect = ddl_add_effect(parser, DDL_TABLE_DROPPED, name);
        if (effect == NULL)
            return;
        effect->before = before;
    } while (ddl_accept_mark(parser, ','));
    ddl_accept_wait(parser);
    if (!ddl_accept(parser, "RESTRICT"))
        (void)ddl_accept(parser, "CASCADE");
    ddl_expect_end(parser);
}

void ddl_read_truncate(struct ddl_parser *parser)
{
    (void)ddl_accept(parser, "TABLE");
    struct ddl_name name = ddl_read_table_name(parser);
    if (!ddl_ok(parser))
        return;
    const struct catalog_table *before = ddl_find(parser, name);
    ddl_accept_wait(parser);
    /* MariaDB: what becomes of the file. */
    if (ddl_accept(parser, "DROP") || ddl_accept(parser, "REUSE"))
        ddl_expect(parser, "STORAGE");
    ddl_expect_end(parser);
    struct ddl_effect *effect = ddl_add_effect(parser, DDL_TABLE_TRUNCATED, name);
    if (effect != NULL)
        effect->before = before;
}

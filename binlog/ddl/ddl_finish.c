/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The effects of an ALTER TABLE: none when the definition is the same afterwards and no row was
 * touched (most index changes), RENAMED when the name alone is another one, else ALTERED; and what
 * a partition clause does to a second table.
 */
#include "ddl_alter_int.h"

static bool same_definition(const struct catalog_table *a, const struct catalog_table *b)
{
    if (a->column_count != b->column_count || a->key_count != b->key_count ||
        a->index_count != b->index_count || !slice_equal(a->comment, b->comment) ||
        !slice_equal(a->collation, b->collation))
        return false;
    for (uint32_t i = 0; i < a->column_count; i++)
        if (!catalog_column_equal(&a->columns[i], &b->columns[i]))
            return false;
    for (uint32_t i = 0; i < a->key_count; i++)
        if (!catalog_key_equal(&a->keys[i], &b->keys[i]))
            return false;
    for (uint32_t i = 0; i < a->index_count; i++)
        if (!catalog_key_equal(&a->indexes[i], &b->indexes[i]))
            return false;
    return true;
}

/* Nothing but the name may change. */
static bool renames_only(const struct ddl_alter *alter)
{
    const struct ddl_charset_clause *charset = &alter->options.charset;
    return alter->renames && alter->clause_count == 0 && alter->added.key_count == 0 &&
           !alter->converts && !alter->adds_versioning && !alter->drops_versioning &&
           !alter->drops_rows && !alter->options.has_comment && charset->charset.len == 0 &&
           charset->collation.len == 0 && !charset->is_default;
}

/* The definition under another name. */
static const struct catalog_table *renamed(struct ddl_parser *parser,
                                           const struct catalog_table *table, struct ddl_name name)
{
    struct ddl_table *model = ddl_ok(parser) ? ddl_table_load(parser, table) : NULL;
    if (model == NULL)
        return NULL;
    model->name = name;
    return ddl_table_freeze(parser, model, NULL);
}

static void add_main_effect(struct ddl_parser *parser, struct ddl_name name,
                            const struct catalog_table *before, struct ddl_alter *alter)
{
    const struct catalog_table *after = NULL;
    const uint32_t *origin = NULL;
    struct ddl_table *table =
        ddl_ok(parser) && before != NULL ? ddl_table_load(parser, before) : NULL;
    if (table != NULL) {
        ddl_alter_apply(parser, table, alter);
        after = ddl_table_freeze(parser, table, &origin);
    }
    bool only_name = renames_only(alter);
    if (after != NULL && !alter->renames && !alter->drops_rows && same_definition(before, after))
        return;
    struct ddl_effect *effect =
        ddl_add_effect(parser, only_name ? DDL_TABLE_RENAMED : DDL_TABLE_ALTERED, name);
    if (effect == NULL)
        return;
    effect->before = before;
    effect->after = after;
    effect->origin = origin;
    effect->drops_rows = alter->drops_rows;
    if (alter->renames) {
        effect->new_db = alter->new_name.db;
        effect->new_name = alter->new_name.name;
    }
}

/* EXCHANGE PARTITION: the other table has other rows now and is the same else. */
static void add_exchange(struct ddl_parser *parser, struct ddl_name name)
{
    const struct catalog_table *table = ddl_find(parser, name);
    struct ddl_effect *effect = ddl_add_effect(parser, DDL_TABLE_ALTERED, name);
    if (effect == NULL)
        return;
    effect->before = table;
    effect->drops_rows = true;
    if (table == NULL || !ddl_ok(parser))
        return;
    struct ddl_table *model = ddl_table_load(parser, table);
    if (model != NULL)
        effect->after = ddl_table_freeze(parser, model, &effect->origin);
}

void ddl_alter_finish(struct ddl_parser *parser, struct ddl_name name,
                      const struct catalog_table *before, struct ddl_alter *alter)
{
    if (parser->rc != RC_OK)
        return;
    if (parser->context->error_code != 0)
        ddl_unreadable(parser, "The statement failed with error %u after a part of it was done.",
                       parser->context->error_code);
    bool is_same =
        slice_equal(alter->new_name.db, name.db) && slice_equal(alter->new_name.name, name.name);
    /* MariaDB has been seen to write such a statement although it failed. */
    if (alter->renames && !is_same && ddl_find(parser, alter->new_name) != NULL)
        ddl_unreadable(parser,
                       "The statement gives the table the name %.*s.%.*s, which another "
                       "table is known to have.",
                       SLICE_ARG(alter->new_name.db), SLICE_ARG(alter->new_name.name));
    add_main_effect(parser, name, before, alter);
    if (alter->exchanged.name.len > 0)
        add_exchange(parser, alter->exchanged);
    if (alter->made.name.len > 0) {
        struct ddl_effect *effect = ddl_add_effect(parser, DDL_TABLE_CREATED, alter->made);
        if (effect != NULL && before != NULL)
            effect->after = renamed(parser, before, alter->made);
    }
    if (alter->swallowed.name.len > 0) {
        const struct catalog_table *gone = ddl_find(parser, alter->swallowed);
        struct ddl_effect *effect = ddl_add_effect(parser, DDL_TABLE_DROPPED, alter->swallowed);
        if (effect != NULL)
            effect->before = gone;
    }
}

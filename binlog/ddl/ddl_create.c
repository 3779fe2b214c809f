/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CREATE TABLE: a list of columns and keys, LIKE another table, a query whose rows follow, or both.
 * The columns that come from a query are not in the statement: such a table is told as unreadable,
 * with has_select. (In row format servers write the whole definition instead, facts/binlog.md 4.1.)
 */
#include "ddl_table_int.h"

static void read_element(struct ddl_parser *parser, struct ddl_definition *definition)
{
    if (ddl_accept_period(parser, definition) || ddl_accept_key(parser, definition))
        return;
    struct ddl_column_def *column = ddl_add_column_def(parser, definition);
    if (column == NULL)
        return;
    ddl_read_column(parser, column);
    ddl_add_column_keys(parser, definition, column);
}

/* ( column | key | constraint, ... ) behind its opening parenthesis */
static void read_elements(struct ddl_parser *parser, struct ddl_definition *definition)
{
    do {
        read_element(parser, definition);
    } while (ddl_accept_mark(parser, ','));
    ddl_expect_mark(parser, ')');
}

/* What a query begins with, or the words before it. */
static bool accept_query(struct ddl_parser *parser)
{
    static const char *const words[] = {"SELECT", "WITH", "VALUES", "TABLE", NULL};
    if (!ddl_accept(parser, "IGNORE"))
        (void)ddl_accept(parser, "REPLACE");
    (void)ddl_accept(parser, "AS");
    return ddl_at_any(parser, words) || ddl_at_mark(parser, '(');
}

static void read_options(struct ddl_parser *parser, struct ddl_options *options)
{
    while (ddl_accept_option(parser, options))
        (void)ddl_accept_mark(parser, ',');
    if (ddl_at(parser, "PARTITION"))
        ddl_skip_partitions(parser);
}

static struct ddl_collation table_collation(struct ddl_parser *parser, struct slice db,
                                            const struct ddl_charset_clause *clause)
{
    struct ddl_collation of_db = ddl_database_collation(parser, db);
    bool says_nothing = clause->charset.len == 0 && clause->collation.len == 0;
    return says_nothing ? of_db : ddl_collation_resolve(parser, clause, &of_db);
}

static void settle_columns(struct ddl_parser *parser, struct ddl_table *table,
                           const struct ddl_definition *definition)
{
    for (uint32_t i = 0; i < definition->column_count && ddl_ok(parser); i++) {
        struct ddl_column *column = ddl_alloc(parser, sizeof(*column));
        if (column == NULL)
            return;
        column->origin = DDL_NEW_COLUMN;
        ddl_column_settle(parser, table, &definition->columns[i], column);
        ddl_table_insert(parser, table, i, column);
    }
}

/* The columns of a MariaDB period are never NULL. */
static void settle_period(struct ddl_table *table, const struct ddl_definition *definition)
{
    struct ddl_column *start = ddl_table_column(table, definition->period_start);
    struct ddl_column *end = ddl_table_column(table, definition->period_end);
    if (definition->period.len == 0 || start == NULL || end == NULL)
        return;
    start->shown.nullable = false;
    start->shown.has_default = start->shown.default_value.ptr != NULL;
    end->shown.nullable = false;
    end->shown.has_default = end->shown.default_value.ptr != NULL;
}

static const struct catalog_table *make_table(struct ddl_parser *parser, struct ddl_name name,
                                              const struct ddl_definition *definition,
                                              const struct ddl_options *options)
{
    struct ddl_table table = {.name = name,
                              .comment = options->comment,
                              .collation = table_collation(parser, name.db, &options->charset)};
    settle_columns(parser, &table, definition);
    ddl_promote_timestamp(parser, &table);
    settle_period(&table, definition);
    ddl_table_add_keys(parser, &table, definition);
    if (options->with_versioning)
        ddl_add_versioning(parser, &table);
    ddl_table_settle_keys(parser, &table);
    return ddl_table_freeze(parser, &table, NULL);
}

/* LIKE name [)]: the other table's columns and keys under this name. */
static const struct catalog_table *read_like(struct ddl_parser *parser, struct ddl_name name,
                                             bool in_parentheses)
{
    struct ddl_name model = ddl_read_table_name(parser);
    if (in_parentheses)
        ddl_expect_mark(parser, ')');
    ddl_expect_end(parser);
    const struct catalog_table *known = ddl_ok(parser) ? ddl_find(parser, model) : NULL;
    if (known == NULL) {
        ddl_unreadable(parser,
                       "The definition of %.*s.%.*s, which the table is made like, is not "
                       "known.",
                       SLICE_ARG(model.db), SLICE_ARG(model.name));
        return NULL;
    }
    struct ddl_table *table = ddl_table_load(parser, known);
    if (table == NULL)
        return NULL;
    table->name = name;
    return ddl_table_freeze(parser, table, NULL);
}

/* Behind the name: LIKE, columns, options, a query. */
static const struct catalog_table *read_definition(struct ddl_parser *parser, struct ddl_name name,
                                                   bool *has_select)
{
    struct ddl_definition definition = {0};
    struct ddl_options options = {0};
    if (ddl_accept(parser, "LIKE"))
        return read_like(parser, name, false);
    struct ddl_token following = ddl_peek(parser);
    if (ddl_at_mark(parser, '(') && ddl_token_is(&following, "LIKE")) {
        ddl_next(parser);
        ddl_next(parser);
        return read_like(parser, name, true);
    }
    bool is_query = ddl_token_is(&following, "SELECT") || ddl_token_is(&following, "WITH") ||
                    ddl_token_is_mark(&following, '(');
    bool has_elements = ddl_at_mark(parser, '(') && !is_query;
    if (has_elements) {
        ddl_next(parser);
        read_elements(parser, &definition);
    }
    read_options(parser, &options);
    *has_select = options.start_transaction;
    if (options.is_sequence)
        return NULL;
    if (accept_query(parser)) {
        *has_select = true;
        ddl_unreadable(parser, "The columns of the new table come from a query.");
    } else if (!has_elements) {
        ddl_expected(parser, "a list of columns");
    }
    ddl_expect_end(parser);
    return ddl_ok(parser) ? make_table(parser, name, &definition, &options) : NULL;
}

void ddl_read_create_table(struct ddl_parser *parser, bool or_replace)
{
    bool if_not_exists = ddl_accept_if_not_exists(parser);
    struct ddl_name name = ddl_read_table_name(parser);
    if (!ddl_ok(parser))
        return;
    const struct catalog_table *before =
        if_not_exists || or_replace ? ddl_find(parser, name) : NULL;
    if (if_not_exists && before != NULL)
        return; /* it is there: nothing happens */
    bool has_select = false;
    const struct catalog_table *after =
        parser->context->error_code == 0 ? read_definition(parser, name, &has_select) : NULL;
    struct ddl_effect *effect;
    if (or_replace) {
        effect = ddl_add_effect(parser, DDL_TABLE_DROPPED, name);
        if (effect != NULL)
            effect->before = before;
    }
    if (parser->context->error_code != 0)
        return; /* the old table is gone, and there is no new one */
    if (after == NULL && ddl_ok(parser))
        return; /* a sequence */
    effect = ddl_add_effect(parser, DDL_TABLE_CREATED, name);
    if (effect == NULL)
        return;
    effect->after = after;
    effect->has_select = has_select;
}

/* Of the sequence itself nothing is kept: it is no table. */
void ddl_read_replace_by_sequence(struct ddl_parser *parser)
{
    (void)ddl_accept_if_not_exists(parser);
    struct ddl_name name = ddl_read_table_name(parser);
    if (!ddl_ok(parser))
        return;
    const struct catalog_table *before = ddl_find(parser, name);
    struct ddl_effect *effect = ddl_add_effect(parser, DDL_TABLE_DROPPED, name);
    if (effect != NULL)
        effect->before = before;
}

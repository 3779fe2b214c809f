/* SPDX-License-Identifier: Apache-2.0 */
/* Works the clauses of an ALTER TABLE into a table, in the server's order (ddl_alter_int.h). */
#include "ddl_alter_int.h"

static bool is_about_column(const struct ddl_clause *clause)
{
    return clause->kind >= DDL_CHANGE_COLUMN && clause->kind <= DDL_SET_INVISIBLE;
}

static bool is_added_before(const struct ddl_alter *alter, uint32_t index)
{
    struct slice name = alter->clauses[index].def.name;
    for (uint32_t i = 0; i < index; i++)
        if (alter->clauses[i].kind == DDL_ADD_COLUMN && !alter->clauses[i].is_void &&
            ddl_name_equal(alter->clauses[i].def.name, name))
            return true;
    return false;
}

static bool is_defined(const struct ddl_alter *alter, struct slice name, enum ddl_clause_kind last)
{
    for (uint32_t i = 0; i < alter->clause_count; i++)
        if (alter->clauses[i].kind <= last && !alter->clauses[i].is_void &&
            ddl_name_equal(alter->clauses[i].def.name, name))
            return true;
    return false;
}

static bool is_added(const struct ddl_alter *alter, struct slice name)
{
    return is_defined(alter, name, DDL_ADD_COLUMN);
}

/* What is said of a column beside its definition holds for what the same statement makes of it, by its new name. (Of a
 * changed one servers take that only where it is moved too.) */
static bool is_late(const struct ddl_alter *alter, const struct ddl_table *table,
                    const struct ddl_clause *clause)
{
    switch (clause->kind) {
    case DDL_SET_DEFAULT:
    case DDL_DROP_DEFAULT:
    case DDL_SET_INVISIBLE:
        return is_defined(alter, clause->name, DDL_CHANGE_COLUMN);
    case DDL_CHANGE_COLUMN:
        return ddl_table_column(table, clause->name) == NULL && is_added(alter, clause->name);
    default:
        return false;
    }
}

/* A column that a clause drops, changes or renames is not there for another one. */
static struct ddl_column *find_column(const struct ddl_table *table,
                                      const struct ddl_clause *clause)
{
    bool takes = clause->kind == DDL_CHANGE_COLUMN || clause->kind == DDL_DROP_COLUMN ||
                 clause->kind == DDL_RENAME_COLUMN;
    struct ddl_column *column = ddl_table_column(table, clause->name);
    if (column == NULL || !takes)
        return column;
    if (column->is_taken)
        return NULL;
    column->is_taken = true;
    return column;
}

/* Which column of the old table each clause is about, and which clauses IF [NOT] EXISTS voids. */
static void resolve(struct ddl_parser *parser, const struct ddl_table *table,
                    struct ddl_alter *alter)
{
    for (uint32_t i = 0; i < alter->clause_count && ddl_ok(parser); i++) {
        struct ddl_clause *clause = &alter->clauses[i];
        if (clause->kind == DDL_ADD_COLUMN && clause->if_exists) {
            clause->is_void =
                ddl_table_column(table, clause->def.name) != NULL || is_added_before(alter, i);
            continue;
        }
        if (!is_about_column(clause))
            continue;
        clause->is_late = is_late(alter, table, clause);
        if (!clause->is_late)
            clause->column = find_column(table, clause);
        clause->is_void = clause->is_late || (clause->column == NULL && clause->if_exists);
        if (clause->column == NULL && !clause->is_void)
            ddl_unreadable(parser,
                           "The statement names the column %.*s, which the table %.*s.%.*s is not "
                           "known to have.",
                           SLICE_ARG(clause->name), SLICE_ARG(table->name.db),
                           SLICE_ARG(table->name.name));
    }
}

static struct ddl_collation new_collation(struct ddl_parser *parser, const struct ddl_table *table,
                                          const struct ddl_charset_clause *clause)
{
    struct ddl_collation fallback = table->collation;
    if (clause->is_default)
        fallback = ddl_database_collation(parser, table->name.db);
    return ddl_collation_resolve(parser, clause, &fallback);
}

static bool is_utf8(const struct charset *charset)
{
    return charset->id == CHARSET_UTF8MB3 || charset->id == CHARSET_UTF8MB4;
}

static bool has_ascii_labels(const struct ddl_type *type)
{
    for (uint32_t i = 0; i < type->label_count; i++)
        for (size_t j = 0; j < type->labels[i].len; j++)
            if (type->labels[i].ptr[j] >= 0x80)
                return false;
    return true;
}

/* CONVERT TO keeps the bytes of an ENUM's or SET's labels and reads them in the new charset: a
 * latin1 'u' with its dots is broken UTF-8 then, on every server from MySQL 5.6 to 9.7 and MariaDB
 * 10.5 to 11.8. What the labels become is the server's to say. */
static bool garbles_labels(const struct ddl_type *type, const struct ddl_collation *old,
                           const struct ddl_collation *new)
{
    bool keeps_text = is_utf8(new->bytes) || new->is_binary;
    if (type->kind < DDL_ENUM || old->bytes == new->bytes || (is_utf8(old->bytes) && keeps_text))
        return false;
    return old->char_bytes_min > 1 || new->char_bytes_min > 1 || !has_ascii_labels(type);
}

/* The bytes that the default's text has in its charset are the default then. */
static bool garbles_default(const struct catalog_column *shown, const struct ddl_collation *old,
                            const struct ddl_collation *new)
{
    bool is_ascii = true;
    for (size_t i = 0; i < shown->default_value.len; i++)
        is_ascii = is_ascii && shown->default_value.ptr[i] < 0x80;
    return new->is_binary && shown->default_value.len > 0 && !is_utf8(old->bytes) &&
           (old->char_bytes_min > 1 || !is_ascii);
}

/* What a text becomes in another charset: as long as before in characters, which may need a larger
 * type. */
static void convert_column(struct ddl_parser *parser, const struct ddl_table *table,
                           struct ddl_column *column)
{
    struct ddl_type *type = ddl_column_type(parser, column);
    struct ddl_collation old = {0};
    bool is_known = ddl_collation_by_name(parser, type->charset.collation, &old);
    if (!ddl_type_is_text(type) || !is_known || old.is_binary)
        return;
    if (garbles_labels(type, &old, &table->collation))
        ddl_unreadable(parser,
                       "The server garbles the labels of the column %.*s when it converts them "
                       "from %.*s to %.*s.",
                       SLICE_ARG(column->shown.name), SLICE_ARG(old.charset),
                       SLICE_ARG(table->collation.charset));
    if (type->kind >= DDL_TINYTEXT && type->kind <= DDL_LONGTEXT) {
        type->length = ddl_text_bytes(type->kind) / old.char_bytes_max;
        type->has_length = true;
        type->kind = DDL_TEXT;
    }
    if (garbles_default(&column->shown, &old, &table->collation))
        ddl_unreadable(parser,
                       "The server garbles the default of the column %.*s, which becomes binary.",
                       SLICE_ARG(column->shown.name));
    type->charset = (struct ddl_charset_clause){.charset = table->collation.charset,
                                                .collation = table->collation.collation};
    ddl_type_show(parser, type, &table->collation, &column->shown);
    if (ddl_ok(parser) && column->shown.default_value.ptr != NULL) {
        struct ddl_default value = {.kind = DDL_DEFAULT_TEXT, .value = column->shown.default_value};
        ddl_default_show(parser, &value, type, &column->shown);
    }
}

/* A column that the same statement defines is of the new charset too, whatever it says itself. */
static void convert_def(struct ddl_parser *parser, const struct ddl_table *table,
                        struct ddl_clause *clause)
{
    struct ddl_type *type = &clause->def.type;
    bool is_large = type->kind >= DDL_TINYTEXT && type->kind <= DDL_LONGTEXT;
    /* MySQL takes it from what the column was before. */
    if (!parser->context->is_mariadb && clause->kind == DDL_CHANGE_COLUMN && is_large)
        ddl_unreadable(parser,
                       "What size the column %.*s gets, which is changed and converted in one "
                       "statement, is the server's to say.",
                       SLICE_ARG(clause->def.name));
    if (parser->context->is_mariadb && type->kind == DDL_JSON)
        type->kind = DDL_LONGTEXT;
    if (!ddl_type_is_text(type))
        return;
    struct ddl_collation said = ddl_collation_resolve(parser, &type->charset, &table->collation);
    /* BINARY without a charset is the _bin collation of whatever it comes to be; beside a charset
     * newer servers have made a collation of both by then, which is converted as any other. */
    bool resolves_late =
        parser->context->version < (parser->context->is_mariadb ? 100900u : 80000u);
    bool keeps_order =
        type->charset.is_binary_sorted && (type->charset.charset.len == 0 || resolves_late);
    if (said.is_binary)
        return;
    if (keeps_order)
        type->charset = (struct ddl_charset_clause){.charset = table->collation.charset,
                                                    .is_binary_sorted = true};
    else if (slice_starts_nocase(type->charset.collation, SLICE("uca1400_")))
        type->charset.charset = table->collation.charset; /* a collation for any charset */
    else
        type->charset = (struct ddl_charset_clause){.charset = table->collation.charset,
                                                    .collation = table->collation.collation};
}

static bool is_changed(const struct ddl_alter *alter, const struct ddl_column *column)
{
    for (uint32_t i = 0; i < alter->clause_count; i++)
        if (alter->clauses[i].column == column && (alter->clauses[i].kind == DDL_CHANGE_COLUMN ||
                                                   alter->clauses[i].kind == DDL_DROP_COLUMN))
            return true;
    return false;
}

static void convert_columns(struct ddl_parser *parser, const struct ddl_table *table,
                            struct ddl_alter *alter)
{
    for (uint32_t i = 0; i < alter->clause_count && ddl_ok(parser); i++)
        if (alter->clauses[i].kind <= DDL_CHANGE_COLUMN && !alter->clauses[i].is_void)
            convert_def(parser, table, &alter->clauses[i]);
    for (uint32_t i = 0; i < table->column_count && ddl_ok(parser); i++)
        if (!is_changed(alter, table->columns[i]))
            convert_column(parser, table, table->columns[i]);
}

static void apply_charset(struct ddl_parser *parser, struct ddl_table *table,
                          struct ddl_alter *alter)
{
    const struct ddl_charset_clause *clause = &alter->options.charset;
    bool has_default = clause->charset.len > 0 || clause->collation.len > 0 || clause->is_default;
    struct ddl_collation of_table = table->collation;
    if (has_default)
        of_table = new_collation(parser, table, clause);
    if (alter->converts && ddl_ok(parser)) {
        table->collation = new_collation(parser, table, &alter->convert);
        convert_columns(parser, table, alter);
    }
    /* For what is added later: the last one said, or (MariaDB from 10.9 on) DEFAULT wherever it
     * stood. */
    bool default_wins = alter->default_is_last ||
                        (parser->context->is_mariadb && parser->context->version >= 100900);
    if (has_default && (default_wins || !alter->converts))
        table->collation = of_table;
}

/* MySQL shows a dropped CURRENT_TIMESTAMP no more, and still gives it to rows outside of strict mode. */
static bool stays_now(const struct ddl_parser *parser, const struct ddl_column *column)
{
    const struct catalog_column *shown = &column->shown;
    return !parser->context->is_mariadb && parser->context->version >= 80000 &&
           shown->default_is_expression &&
           (slice_equal(shown->data_type, SLICE("timestamp")) ||
            slice_equal(shown->data_type, SLICE("datetime")));
}

static void set_default(struct ddl_parser *parser, struct ddl_clause *clause)
{
    struct ddl_default value = clause->value;
    if (clause->kind == DDL_DROP_DEFAULT)
        value = (struct ddl_default){0};
    const struct ddl_type *type = ddl_column_type(parser, clause->column);
    bool is_kept = !clause->column->shown.is_auto_increment || value.kind == DDL_DEFAULT_EXPRESSION;
    if (!ddl_ok(parser) || !is_kept)
        return; /* MariaDB allows a literal there, and forgets it */
    if (clause->kind == DDL_DROP_DEFAULT && stays_now(parser, clause->column))
        return;
    ddl_default_show(parser, &value, type, &clause->column->shown);
    clause->column->has_own_default = clause->kind == DDL_SET_DEFAULT;
}

static bool is_large(const struct catalog_column *column)
{
    return ddl_type_is_large(column->data_type);
}

/* A key over a number that becomes a text covers as many bytes of it as the number had; how many
 * these were is not shown. */
static void check_keys(struct ddl_parser *parser, const struct ddl_table *table,
                       const struct ddl_column *column, bool was_number)
{
    if (!was_number || !is_large(&column->shown))
        return;
    for (uint32_t i = 0; i < table->key_count; i++)
        for (uint32_t j = 0; j < table->keys[i].part_count; j++)
            if (table->keys[i].kind != DDL_KEY_OTHER && table->keys[i].parts[j].column == column)
                ddl_unreadable(parser,
                               "What the key %.*s covers of the column %.*s, which becomes a "
                               "%.*s, is the server's to say.",
                               SLICE_ARG(table->keys[i].name), SLICE_ARG(column->shown.name),
                               SLICE_ARG(column->shown.data_type));
}

static void change_column(struct ddl_parser *parser, struct ddl_table *table,
                          struct ddl_clause *clause)
{
    const struct catalog_column *shown = &clause->column->shown;
    bool was_number = shown->char_length == 0 && shown->charset.len == 0 && !is_large(shown);
    ddl_column_settle(parser, table, &clause->def, clause->column);
    if (ddl_ok(parser))
        check_keys(parser, table, clause->column, was_number);
}

/* One clause about a column of the old table. */
static void apply_old(struct ddl_parser *parser, struct ddl_table *table, struct ddl_clause *clause)
{
    struct ddl_column *column = clause->column;
    switch (clause->kind) {
    case DDL_CHANGE_COLUMN:
        change_column(parser, table, clause);
        break;
    case DDL_DROP_COLUMN:
        ddl_table_remove(table, column);
        break;
    case DDL_RENAME_COLUMN:
        column->shown.name = clause->new_name;
        break;
    case DDL_SET_DEFAULT:
    case DDL_DROP_DEFAULT:
        set_default(parser, clause);
        break;
    case DDL_SET_INVISIBLE:
        column->shown.is_invisible = clause->is_on;
        break;
    default:
        break;
    }
}

static uint32_t place(struct ddl_parser *parser, const struct ddl_table *table,
                      const struct ddl_position *position)
{
    if (position->is_first)
        return 0;
    const struct ddl_column *before = ddl_table_column(table, position->after);
    if (before == NULL) {
        ddl_unreadable(parser,
                       "The statement puts a column after %.*s, which the table %.*s.%.*s is not "
                       "known to have.",
                       SLICE_ARG(position->after), SLICE_ARG(table->name.db),
                       SLICE_ARG(table->name.name));
        return 0;
    }
    return ddl_table_index(table, before) + 1;
}

/* Behind the last column, but before the invisible ones of a system-versioned table. */
static uint32_t last_place(const struct ddl_table *table)
{
    uint32_t index = table->column_count;
    while (index > 0 && table->columns[index - 1]->shown.versioning != CATALOG_NOT_VERSIONED &&
           table->columns[index - 1]->shown.is_invisible)
        index--;
    return index;
}

static void add_column(struct ddl_parser *parser, struct ddl_table *table,
                       struct ddl_clause *clause)
{
    struct ddl_column *column = ddl_alloc(parser, sizeof(*column));
    if (column == NULL)
        return;
    column->origin = DDL_NEW_COLUMN;
    ddl_column_settle(parser, table, &clause->def, column);
    const struct ddl_position *position = &clause->def.position;
    bool has_place = position->is_first || position->after.len > 0;
    uint32_t index = has_place ? place(parser, table, position) : last_place(table);
    if (ddl_ok(parser))
        ddl_table_insert(parser, table, index, column);
}

static void move_column(struct ddl_parser *parser, struct ddl_table *table,
                        struct ddl_clause *clause)
{
    const struct ddl_position *position = &clause->def.position;
    if (!position->is_first && position->after.len == 0)
        return;
    ddl_table_remove(table, clause->column);
    uint32_t index = place(parser, table, position);
    ddl_table_insert(parser, table, index, clause->column);
}

/* Keys name their columns: one that is dropped and added again stays in its keys. */
static void keep_in_keys(struct ddl_table *table, const struct ddl_alter *alter)
{
    for (uint32_t i = 0; i < alter->clause_count; i++) {
        const struct ddl_clause *clause = &alter->clauses[i];
        if (clause->kind != DDL_DROP_COLUMN || clause->is_void || !is_added(alter, clause->name))
            continue;
        struct ddl_column *again = ddl_table_column(table, clause->name);
        for (uint32_t j = 0; j < table->key_count && again != NULL; j++)
            for (uint32_t k = 0; k < table->keys[j].part_count; k++)
                if (table->keys[j].parts[k].column == clause->column)
                    table->keys[j].parts[k].column = again;
    }
}

/* Clauses about columns that the same statement has defined. */
static void apply_late(struct ddl_parser *parser, struct ddl_table *table, struct ddl_alter *alter)
{
    for (uint32_t i = 0; i < alter->clause_count && ddl_ok(parser); i++) {
        struct ddl_clause *clause = &alter->clauses[i];
        if (!clause->is_late)
            continue;
        clause->column = ddl_table_column(table, clause->name);
        if (clause->column != NULL)
            apply_old(parser, table, clause);
    }
}

static void apply_columns(struct ddl_parser *parser, struct ddl_table *table,
                          struct ddl_alter *alter)
{
    for (uint32_t i = 0; i < alter->clause_count && ddl_ok(parser); i++)
        if (is_about_column(&alter->clauses[i]) && !alter->clauses[i].is_void)
            apply_old(parser, table, &alter->clauses[i]);
    for (uint32_t i = 0; i < alter->clause_count && ddl_ok(parser); i++) {
        struct ddl_clause *clause = &alter->clauses[i];
        if (clause->is_void)
            continue;
        if (clause->kind == DDL_ADD_COLUMN)
            add_column(parser, table, clause);
        else if (clause->kind == DDL_CHANGE_COLUMN)
            move_column(parser, table, clause);
    }
    apply_late(parser, table, alter);
    keep_in_keys(table, alter);
}

static void drop_primary(struct ddl_table *table)
{
    for (uint32_t i = 0; i < table->key_count; i++) {
        if (table->keys[i].kind == DDL_KEY_PRIMARY) {
            ddl_table_drop_key(table, &table->keys[i]);
            return;
        }
    }
}

/* Names of keys are the old table's here too: renames first find all theirs. */
static void apply_keys(struct ddl_table *table, const struct ddl_alter *alter)
{
    for (uint32_t i = 0; i < alter->clause_count; i++) {
        const struct ddl_clause *clause = &alter->clauses[i];
        bool names_primary =
            clause->kind == DDL_DROP_KEY && slice_equal_nocase(clause->name, SLICE("PRIMARY"));
        if (clause->kind == DDL_DROP_PRIMARY || names_primary) {
            drop_primary(table);
        } else if (clause->kind == DDL_DROP_KEY) {
            struct ddl_key *key = ddl_table_key(table, clause->name);
            /* What is not unique is no constraint: a foreign key of that name goes, its index stays. */
            if (key != NULL && !(clause->is_constraint && key->kind == DDL_KEY_OTHER))
                ddl_table_drop_key(table, key);
        }
    }
    for (uint32_t i = 0; i < alter->clause_count; i++) {
        const struct ddl_clause *clause = &alter->clauses[i];
        struct ddl_key *key =
            clause->kind == DDL_RENAME_KEY ? ddl_table_key(table, clause->name) : NULL;
        if (key != NULL)
            key->name = clause->new_name;
    }
}

static void drop_versioning(struct ddl_table *table)
{
    for (uint32_t i = table->column_count; i > 0; i--)
        if (table->columns[i - 1]->shown.versioning != CATALOG_NOT_VERSIONED &&
            table->columns[i - 1]->shown.is_invisible)
            ddl_table_remove(table, table->columns[i - 1]);
}

void ddl_alter_apply(struct ddl_parser *parser, struct ddl_table *table, struct ddl_alter *alter)
{
    resolve(parser, table, alter);
    if (!ddl_ok(parser))
        return;
    apply_charset(parser, table, alter);
    if (alter->drops_versioning)
        drop_versioning(table);
    apply_columns(parser, table, alter);
    if (alter->adds_versioning && ddl_ok(parser))
        ddl_add_versioning(parser, table);
    if (!ddl_ok(parser))
        return;
    apply_keys(table, alter);
    ddl_table_add_keys(parser, table, &alter->added);
    ddl_table_settle_keys(parser, table);
    ddl_promote_timestamp(parser, table);
    if (alter->options.has_comment)
        table->comment = alter->options.comment;
    if (alter->renames)
        table->name = alter->new_name;
}

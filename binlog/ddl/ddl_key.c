/* SPDX-License-Identifier: Apache-2.0 */
/* Reads keys and constraints. What they make of a table is the business of ddl_index.c. */
#include "ddl_table_int.h"

struct ddl_key_def *ddl_add_key_def(struct ddl_parser *parser, struct ddl_definition *definition)
{
    void *items = definition->keys;
    if (!ddl_grow(parser, &items, definition->key_count, &definition->key_room,
                  sizeof(*definition->keys), DDL_KEYS_MAX, "indexes"))
        return NULL;
    definition->keys = items;
    struct ddl_key_def *key = &definition->keys[definition->key_count++];
    *key = (struct ddl_key_def){0};
    return key;
}

/* name [(length)] | (expression) | period WITHOUT OVERLAPS, and a direction */
static void read_part(struct ddl_parser *parser, struct ddl_key_part_def *part)
{
    if (ddl_at_mark(parser, '(')) {
        ddl_skip_parentheses(parser);
    } else {
        part->column = ddl_read_column_name(parser);
        if (ddl_accept_mark(parser, '(')) {
            part->prefix = (uint32_t)ddl_read_number(parser);
            ddl_expect_mark(parser, ')');
        }
        part->is_period = ddl_accept_pair(parser, "WITHOUT", "OVERLAPS");
    }
    if (!ddl_accept(parser, "ASC"))
        (void)ddl_accept(parser, "DESC");
}

void ddl_read_key_parts(struct ddl_parser *parser, struct ddl_key_def *key)
{
    uint32_t room = 0;
    ddl_expect_mark(parser, '(');
    do {
        void *items = key->parts;
        if (!ddl_ok(parser) ||
            !ddl_grow(parser, &items, key->part_count, &room, sizeof(*key->parts),
                      DDL_KEY_PARTS_MAX, "columns of a key"))
            return;
        key->parts = items;
        struct ddl_key_part_def *part = &key->parts[key->part_count++];
        *part = (struct ddl_key_part_def){0};
        read_part(parser, part);
    } while (ddl_accept_mark(parser, ','));
    ddl_expect_mark(parser, ')');
}

/* ON DELETE and ON UPDATE with what they do */
static void skip_action(struct ddl_parser *parser)
{
    if (ddl_accept(parser, "SET")) {
        if (!ddl_accept(parser, "NULL"))
            ddl_expect(parser, "DEFAULT");
    } else if (ddl_accept(parser, "NO")) {
        ddl_expect(parser, "ACTION");
    } else if (!ddl_accept(parser, "RESTRICT")) {
        ddl_expect(parser, "CASCADE");
    }
}

void ddl_skip_references(struct ddl_parser *parser)
{
    (void)ddl_read_table_name(parser);
    if (ddl_at_mark(parser, '('))
        ddl_skip_parentheses(parser);
    if (ddl_accept(parser, "MATCH"))
        (void)ddl_read_name(parser);
    while (ddl_accept_pair(parser, "ON", "DELETE") || ddl_accept_pair(parser, "ON", "UPDATE"))
        skip_action(parser);
}

static void skip_using(struct ddl_parser *parser)
{
    if (ddl_accept(parser, "USING"))
        (void)ddl_read_name(parser);
    else if (ddl_accept_pair(parser, "TYPE", "BTREE") || ddl_accept_pair(parser, "TYPE", "HASH") ||
             ddl_accept_pair(parser, "TYPE", "RTREE"))
        return;
}

static bool at_parts(const struct ddl_parser *parser)
{
    struct ddl_token following = ddl_peek(parser);
    bool is_type = ddl_at(parser, "TYPE") && !ddl_token_is_mark(&following, '(');
    return ddl_at_mark(parser, '(') || ddl_at(parser, "USING") || is_type;
}

/* [IF NOT EXISTS] [name] [USING x] (parts) options */
static void read_index(struct ddl_parser *parser, struct ddl_key_def *key, struct slice constraint)
{
    key->name = constraint;
    key->if_not_exists = ddl_accept_if_not_exists(parser);
    if (!at_parts(parser))
        key->name = ddl_read_name(parser);
    skip_using(parser);
    ddl_read_key_parts(parser, key);
    ddl_skip_clause(parser);
}

/* FOREIGN KEY [IF NOT EXISTS] [index] (columns) REFERENCES ... makes an index. */
static void read_foreign(struct ddl_parser *parser, struct ddl_key_def *key,
                         struct slice constraint)
{
    ddl_expect(parser, "KEY");
    key->kind = DDL_KEY_FOREIGN;
    key->if_not_exists = ddl_accept_if_not_exists(parser);
    if (!ddl_at_mark(parser, '('))
        key->name = ddl_read_name(parser);
    if (constraint.len > 0)
        key->name = constraint;
    ddl_read_key_parts(parser, key);
    ddl_expect(parser, "REFERENCES");
    ddl_skip_references(parser);
}

static void read_check(struct ddl_parser *parser, struct ddl_key_def *key)
{
    key->is_check = true;
    ddl_skip_parentheses(parser);
    if (!ddl_accept_pair(parser, "NOT", "ENFORCED"))
        (void)ddl_accept(parser, "ENFORCED");
}

static void accept_key_or_index(struct ddl_parser *parser)
{
    if (!ddl_accept(parser, "KEY"))
        (void)ddl_accept(parser, "INDEX");
}

/* CONSTRAINT [IF NOT EXISTS] [name] */
static struct slice read_constraint_name(struct ddl_parser *parser)
{
    static const char *const kinds[] = {"PRIMARY", "UNIQUE", "FOREIGN", "CHECK", NULL};
    if (!ddl_accept(parser, "CONSTRAINT"))
        return SLICE_EMPTY;
    (void)ddl_accept_if_not_exists(parser);
    return ddl_at_any(parser, kinds) ? SLICE_EMPTY : ddl_read_name(parser);
}

bool ddl_accept_key(struct ddl_parser *parser, struct ddl_definition *definition)
{
    static const char *const words[] = {"CONSTRAINT", "PRIMARY", "UNIQUE",  "KEY",   "INDEX",
                                        "FULLTEXT",   "SPATIAL", "FOREIGN", "CHECK", NULL};
    struct ddl_token following = ddl_peek(parser);
    bool is_vector = ddl_at(parser, "VECTOR") &&
                     (ddl_token_is(&following, "INDEX") || ddl_token_is(&following, "KEY"));
    if (!ddl_at_any(parser, words) && !is_vector)
        return false;
    struct ddl_key_def *key = ddl_add_key_def(parser, definition);
    if (key == NULL)
        return true;
    struct slice constraint = read_constraint_name(parser);
    key->kind = DDL_KEY_OTHER;
    if (ddl_accept(parser, "PRIMARY")) {
        ddl_expect(parser, "KEY");
        key->kind = DDL_KEY_PRIMARY;
        read_index(parser, key, SLICE_EMPTY);
    } else if (ddl_accept(parser, "UNIQUE")) {
        accept_key_or_index(parser);
        key->kind = DDL_KEY_UNIQUE;
        read_index(parser, key, constraint);
    } else if (ddl_accept(parser, "FOREIGN")) {
        read_foreign(parser, key, constraint);
    } else if (ddl_accept(parser, "CHECK")) {
        read_check(parser, key);
    } else {
        if (ddl_accept(parser, "FULLTEXT") || ddl_accept(parser, "SPATIAL") ||
            ddl_accept(parser, "VECTOR"))
            accept_key_or_index(parser);
        else if (!ddl_accept(parser, "KEY"))
            ddl_expect(parser, "INDEX");
        read_index(parser, key, SLICE_EMPTY);
    }
    return true;
}

bool ddl_accept_period(struct ddl_parser *parser, struct ddl_definition *definition)
{
    if (!ddl_accept_pair(parser, "PERIOD", "FOR"))
        return false;
    (void)ddl_accept_if_not_exists(parser);
    struct slice name = ddl_read_name(parser);
    ddl_expect_mark(parser, '(');
    struct slice start = ddl_read_name(parser);
    ddl_expect_mark(parser, ',');
    struct slice end = ddl_read_name(parser);
    ddl_expect_mark(parser, ')');
    if (slice_equal_nocase(name, SLICE("SYSTEM_TIME")))
        return true; /* the columns say themselves what they are */
    definition->period = name;
    definition->period_start = start;
    definition->period_end = end;
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CREATE, ALTER and DROP DATABASE: what matters of a database is its default collation, and that
 * its tables go with it.
 */
#include "ddl_charset_int.h"

/* [DEFAULT] CHARACTER SET, COLLATE; COMMENT, ENCRYPTION, READ ONLY are passed over. */
static void read_options(struct ddl_parser *parser, struct ddl_charset_clause *clause)
{
    while (ddl_ok(parser) && !ddl_at_end(parser)) {
        (void)ddl_accept(parser, "DEFAULT");
        if (ddl_accept_charset(parser, clause) || ddl_accept_collate(parser, clause))
            continue;
        if (!ddl_accept_pair(parser, "READ", "ONLY") && !ddl_accept(parser, "ENCRYPTION") &&
            !ddl_accept(parser, "COMMENT"))
            ddl_expected(parser, "an option of a database");
        (void)ddl_accept_mark(parser, '=');
        ddl_next(parser);
    }
}

static bool says_collation(const struct ddl_charset_clause *clause)
{
    return clause->charset.len > 0 || clause->collation.len > 0 || clause->is_default;
}

static void add_effect(struct ddl_parser *parser, struct slice db,
                       const struct ddl_charset_clause *clause)
{
    struct ddl_collation collation = {0};
    if (!ddl_ok(parser))
        return;
    (void)ddl_collation_by_name(parser, parser->context->default_collation, &collation);
    if (says_collation(clause) && !clause->is_default)
        collation = ddl_collation_resolve(parser, clause, &collation);
    struct ddl_effect *effect =
        ddl_add_effect(parser, DDL_DATABASE_SET, (struct ddl_name){.db = db});
    if (effect != NULL && collation.collation.len > 0)
        effect->collation = ddl_copy(parser, collation.collation);
}

void ddl_read_create_database(struct ddl_parser *parser, bool or_replace)
{
    struct ddl_charset_clause clause = {0};
    bool if_not_exists = ddl_accept_if_not_exists(parser);
    struct slice db = ddl_read_name(parser);
    read_options(parser, &clause);
    if (!ddl_ok(parser))
        return;
    bool is_known = parser->lookup->database != NULL &&
                    parser->lookup->database(parser->lookup->ctx, db).len > 0;
    if (if_not_exists && is_known)
        return;
    if (or_replace)
        (void)ddl_add_effect(parser, DDL_DATABASE_DROPPED, (struct ddl_name){.db = db});
    add_effect(parser, db, &clause);
}

void ddl_read_alter_database(struct ddl_parser *parser)
{
    struct ddl_charset_clause clause = {0};
    struct slice db = ddl_copy(parser, parser->context->db);
    struct ddl_token following = ddl_peek(parser);
    /* Without a name it is the default database; CHARSET and the like may be a name, too. */
    bool is_option = ddl_at(parser, "DEFAULT") || ddl_at(parser, "CHARACTER") ||
                     ddl_at(parser, "COLLATE") || ddl_at(parser, "READ") ||
                     ddl_token_is_mark(&following, '=');
    if (!is_option || parser->lexer.token.kind == DDL_TOKEN_QUOTED)
        db = ddl_read_name(parser);
    if (ddl_accept(parser, "UPGRADE")) {
        while (ddl_ok(parser) && !ddl_at_end(parser))
            ddl_next(parser);
        return; /* DATA DIRECTORY NAME: a server of before 5.1 was upgraded */
    }
    read_options(parser, &clause);
    if (says_collation(&clause))
        add_effect(parser, db, &clause);
}

void ddl_read_drop_database(struct ddl_parser *parser)
{
    (void)ddl_accept_if_exists(parser);
    struct slice db = ddl_read_name(parser);
    ddl_expect_end(parser);
    if (ddl_ok(parser))
        (void)ddl_add_effect(parser, DDL_DATABASE_DROPPED, (struct ddl_name){.db = db});
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table options and partition clauses. Three options matter to what a row means: the default
 * charset, the comment and system versioning; the others are passed over as `name [=] value`, which
 * is the form that all of them have.
 */
#include "ddl_table_int.h"

/* Options of two words before their value. */
static const char *const pairs[][2] = {
    {"DATA", "DIRECTORY"},
    {"INDEX", "DIRECTORY"},
    {"STORAGE", "DISK"},
    {"STORAGE", "MEMORY"},
};

/* Options whose equals sign may be left out. */
static const char *const words[] = {"ENGINE",
                                    "TYPE",
                                    "AUTO_INCREMENT",
                                    "AVG_ROW_LENGTH",
                                    "CHECKSUM",
                                    "TABLE_CHECKSUM",
                                    "DELAY_KEY_WRITE",
                                    "CONNECTION",
                                    "INSERT_METHOD",
                                    "KEY_BLOCK_SIZE",
                                    "MAX_ROWS",
                                    "MIN_ROWS",
                                    "PACK_KEYS",
                                    "PAGE_CHECKSUM",
                                    "PASSWORD",
                                    "ROW_FORMAT",
                                    "STATS_AUTO_RECALC",
                                    "STATS_PERSISTENT",
                                    "STATS_SAMPLE_PAGES",
                                    "TABLESPACE",
                                    "TRANSACTIONAL",
                                    "UNION",
                                    "COMPRESSION",
                                    "ENCRYPTION",
                                    "AUTOEXTEND_SIZE",
                                    "ENGINE_ATTRIBUTE",
                                    "SECONDARY_ENGINE",
                                    "SECONDARY_ENGINE_ATTRIBUTE",
                                    "NODEGROUP",
                                    "IETF_QUOTES",
                                    "ALGORITHM",
                                    "LOCK",
                                    NULL};

/* Words that end the options: a query, or the rows it makes. */
static bool at_query(const struct ddl_parser *parser)
{
    static const char *const starts[] = {"SELECT", "AS",    "IGNORE",    "REPLACE", "VALUES",
                                         "WITH",   "TABLE", "PARTITION", NULL};
    return ddl_at_any(parser, starts) || ddl_at_mark(parser, '(');
}

static void skip_value(struct ddl_parser *parser)
{
    (void)ddl_accept_mark(parser, '=');
    if (ddl_at_mark(parser, '('))
        ddl_skip_parentheses(parser); /* UNION = (t1, t2) */
    else if (ddl_at_end(parser) || ddl_at_mark(parser, ',') || ddl_at_mark(parser, ')'))
        ddl_expected(parser, "the value of a table option");
    else
        ddl_next(parser);
}

static bool accept_known(struct ddl_parser *parser, struct ddl_options *options)
{
    if (ddl_accept(parser, "COMMENT")) {
        (void)ddl_accept_mark(parser, '=');
        options->comment = ddl_read_string(parser);
        options->has_comment = true;
    } else if (ddl_accept_pair(parser, "WITH", "SYSTEM")) {
        ddl_expect(parser, "VERSIONING");
        options->with_versioning = true;
    } else if (ddl_accept_pair(parser, "START", "TRANSACTION")) {
        options->start_transaction = true;
    } else if (ddl_accept(parser, "SEQUENCE")) {
        (void)ddl_accept_mark(parser, '=');
        options->is_sequence = ddl_read_number(parser) != 0;
    } else {
        (void)ddl_accept(parser, "DEFAULT");
        return ddl_accept_charset(parser, &options->charset) ||
               ddl_accept_collate(parser, &options->charset);
    }
    return true;
}

bool ddl_accept_option(struct ddl_parser *parser, struct ddl_options *options)
{
    if (ddl_at_end(parser) || !ddl_ok(parser))
        return false;
    if (accept_known(parser, options))
        return true;
    if (at_query(parser) || !ddl_at_name(parser))
        return false;
    for (unsigned i = 0; i < COUNT_OF(pairs); i++) {
        if (!ddl_accept_pair(parser, pairs[i][0], pairs[i][1]))
            continue;
        if (!slice_equal(slice_str(pairs[i][0]), SLICE("STORAGE")))
            skip_value(parser);
        return true;
    }
    /* MariaDB's engines have options of their own, always with an equals sign. */
    struct ddl_token following = ddl_peek(parser);
    if (!ddl_at_any(parser, words) && !ddl_token_is_mark(&following, '='))
        return false;
    ddl_next(parser);
    skip_value(parser);
    return true;
}

void ddl_skip_partitions(struct ddl_parser *parser)
{
    static const char *const ends[] = {"SELECT", "AS", "IGNORE", "REPLACE", "WITH", NULL};
    ddl_expect(parser, "PARTITION");
    ddl_expect(parser, "BY");
    while (ddl_ok(parser) && !ddl_at_end(parser) && !ddl_at_any(parser, ends)) {
        struct ddl_token following = ddl_peek(parser);
        bool is_query = ddl_token_is(&following, "SELECT") || ddl_token_is(&following, "WITH");
        if (ddl_at_mark(parser, '(') && is_query)
            break;
        if (ddl_at_mark(parser, '('))
            ddl_skip_parentheses(parser);
        else
            ddl_next(parser);
    }
}

void ddl_skip_clause(struct ddl_parser *parser)
{
    while (ddl_ok(parser) && !ddl_at_end(parser) && !ddl_at_mark(parser, ',') &&
           !ddl_at_mark(parser, ')') && !ddl_at(parser, "PARTITION")) {
        struct ddl_token following = ddl_peek(parser);
        if (ddl_at(parser, "REMOVE") && ddl_token_is(&following, "PARTITIONING"))
            return;
        if (ddl_at_mark(parser, '('))
            ddl_skip_parentheses(parser);
        else
            ddl_next(parser);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clauses of ALTER TABLE about partitions. They change no column; some make rows vanish or
 * appear (drops_rows) in this table or in the one that they name. Each is the last of its statement.
 */
#include "ddl_alter_int.h"

static void skip_to_end(struct ddl_parser *parser)
{
    while (ddl_ok(parser) && !ddl_at_end(parser))
        ddl_next(parser);
}

/* EXCHANGE PARTITION p WITH TABLE t */
static void read_exchange(struct ddl_parser *parser, struct ddl_alter *alter)
{
    alter->drops_rows = true;
    (void)ddl_read_name(parser);
    ddl_expect(parser, "WITH");
    ddl_expect(parser, "TABLE");
    alter->exchanged = ddl_read_table_name(parser);
}

/* CONVERT PARTITION p TO TABLE t makes a table of the partition. */
static void read_convert_partition(struct ddl_parser *parser, struct ddl_alter *alter)
{
    alter->drops_rows = true;
    (void)ddl_read_name(parser);
    ddl_expect(parser, "TO");
    ddl_expect(parser, "TABLE");
    alter->made = ddl_read_table_name(parser);
}

/* CONVERT TABLE t TO PARTITION p ... takes the table in. */
static void read_convert_table(struct ddl_parser *parser, struct ddl_alter *alter)
{
    alter->drops_rows = true;
    alter->swallowed = ddl_read_table_name(parser);
}

bool ddl_accept_partition_clause(struct ddl_parser *parser, struct ddl_alter *alter)
{
    static const char *const losing[] = {"DROP", "TRUNCATE", "DISCARD", "IMPORT"};
    static const char *const keeping[] = {"ADD",   "COALESCE", "REORGANIZE", "ANALYZE",
                                          "CHECK", "OPTIMIZE", "REBUILD",    "REPAIR"};
    if (ddl_at(parser, "PARTITION")) {
        ddl_skip_partitions(parser);
        return true;
    }
    if (ddl_accept_pair(parser, "REMOVE", "PARTITIONING") ||
        ddl_accept_pair(parser, "UPGRADE", "PARTITIONING"))
        return true;
    bool is_found = true;
    if (ddl_accept_pair(parser, "EXCHANGE", "PARTITION"))
        read_exchange(parser, alter);
    else if (ddl_accept_pair(parser, "CONVERT", "PARTITION"))
        read_convert_partition(parser, alter);
    else if (ddl_accept_pair(parser, "CONVERT", "TABLE"))
        read_convert_table(parser, alter);
    else
        is_found = false;
    for (unsigned i = 0; i < COUNT_OF(keeping) && !is_found; i++)
        is_found = ddl_accept_pair(parser, keeping[i], "PARTITION");
    for (unsigned i = 0; i < COUNT_OF(losing) && !is_found; i++) {
        is_found = ddl_accept_pair(parser, losing[i], "PARTITION");
        alter->drops_rows = alter->drops_rows || is_found;
    }
    if (is_found)
        skip_to_end(parser);
    return is_found;
}

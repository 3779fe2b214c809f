/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QUERY events and the classification of their text.
 *
 *   byte 0   1 to 3: which event type the rest is the body of; else the rest is a statement, and
 *            bits say how its server reads it
 *   rest     the text, or the event's body
 */
#include "binlog/ddl/ddl_lexer_int.h"
#include "binlog/query_int.h"
#include "binlog/sql_int.h"
#include "fuzz_int.h"

static bool lies_in(struct slice part, const void *ptr, size_t len)
{
    const uint8_t *begin = ptr;
    return part.len == 0 || (part.ptr >= begin && part.ptr + part.len <= begin + len);
}

static bool visit_cb(void *ctx, struct sql_name name)
{
    size_t *sum = ctx;
    *sum += slice_hash(name.db) + slice_hash(name.name);
    return false;
}

static void classify(struct slice text, uint8_t way)
{
    static struct sql_statement statement;
    size_t sum = 0;
    struct sql_dialect dialect = {.sql_mode = (way & 4 ? DDL_MODE_ANSI_QUOTES : 0) |
                                              (way & 8 ? DDL_MODE_NO_BACKSLASH_ESCAPES : 0),
                                  .version = way & 16 ? 101119 : 90704,
                                  .is_mariadb = (way & 16) != 0};
    sql_classify(&dialect, text, &statement);
    ASSERT(statement.name_count <= SQL_NAMES_MAX && statement.storage_used <= SQL_STORAGE);
    for (uint32_t i = 0; i < statement.name_count; i++) {
        const struct sql_name *name = &statement.names[i];
        ASSERT(lies_in(name->db, text.ptr, text.len) ||
               lies_in(name->db, statement.storage, statement.storage_used));
        ASSERT(lies_in(name->name, text.ptr, text.len) ||
               lies_in(name->name, statement.storage, statement.storage_used));
    }
    ASSERT(!sql_scan_names(&dialect, text, visit_cb, &sum));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t types[] = {EVENT_QUERY, EVENT_EXECUTE_LOAD_QUERY,
                                    EVENT_MARIADB_QUERY_COMPRESSED};
    struct slice input = slice_of(data, size);
    uint8_t way = fuzz_byte(&input);
    if (way == 0 || way > COUNT_OF(types)) {
        classify(input, way);
        return 0;
    }
    struct buf inflated;
    struct query query;
    struct error err;
    error_clear(&err);
    buf_init(&inflated, (size_t)64 << 20);
    enum rc rc = query_parse(input, types[way % COUNT_OF(types)], &inflated, &query, &err);
    fuzz_told(rc, &err);
    if (rc == RC_OK) {
        ASSERT(text_is_utf8(query.text));
        classify(query.text, way);
    }
    buf_deinit(&inflated);
    return 0;
}

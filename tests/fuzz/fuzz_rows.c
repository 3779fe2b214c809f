/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows with any table map: what columns a map can describe, and what bytes their cells can hold.
 *
 *   byte 0   bit 0: MariaDB; bit 1: an old version; bit 2: with a catalog that has as many columns
 *   byte 1   the event's type, one of those below
 *   byte 2   where in the list of column types the catalog begins
 *   2 bytes and so many more   body of the TABLE_MAP event
 *   rest     body of the rows event
 */
#include "binlog/inflate_int.h"
#include "binlog/rows_partial_int.h"
#include "changes_int.h"

enum { CATALOG_COLUMNS = 64 };

static const uint8_t event_types[] = {
    EVENT_WRITE_ROWS_V1,
    EVENT_UPDATE_ROWS_V1,
    EVENT_DELETE_ROWS_V1,
    EVENT_WRITE_ROWS,
    EVENT_UPDATE_ROWS,
    EVENT_DELETE_ROWS,
    EVENT_MARIADB_WRITE_ROWS_COMPRESSED_V1,
    EVENT_MARIADB_UPDATE_ROWS_COMPRESSED,
    EVENT_PARTIAL_UPDATE_ROWS,
};

static const char *const column_types[] = {
    "int",          "int(10) unsigned",
    "varchar(20)",  "enum('a','b''c')",
    "set('x','y')", "decimal(10,2)",
    "datetime(3)",  "timestamp",
    "time(6)",      "date",
    "year(4)",      "bit(9)",
    "longtext",     "json",
    "geometry",     "vector(3)",
    "uuid",         "inet4",
    "inet6",        "binary(4)",
    "varbinary(9)", "tinyblob",
    "mediumtext",   "float",
    "double(8,2)",  "bigint unsigned",
    "char(3)",      "tinyint(1)",
    "enum(broken",  "mediumint",
    "longblob",     "no such type",
};

struct catalog {
    struct catalog_table table;
    struct catalog_column columns[CATALOG_COLUMNS];
};

static enum rc catalog_cb(void *ctx, struct slice db, struct slice table, bool refresh UNUSED,
                          const struct catalog_table **table_out, struct error *err UNUSED)
{
    struct catalog *catalog = ctx;
    catalog->table.db = db;
    catalog->table.name = table;
    *table_out = &catalog->table;
    return RC_OK;
}

static void catalog_fill(struct catalog *catalog, uint8_t first, uint32_t count)
{
    static const char *const charsets[] = {"utf8mb4", "latin1", "", "sjis", "utf16"};
    *catalog = (struct catalog){.table = {.columns = catalog->columns, .column_count = count}};
    for (uint32_t i = 0; i < count && i < CATALOG_COLUMNS; i++) {
        struct slice type = slice_str(column_types[(first + i) % COUNT_OF(column_types)]);
        size_t word = 0;
        while (word < type.len && type.ptr[word] >= '0')
            word++;
        catalog->columns[i] = (struct catalog_column){
            .name = SLICE("c"),
            .data_type = slice_of(type.ptr, word),
            .column_type = type,
            .charset = slice_str(charsets[(first + i) % COUNT_OF(charsets)]),
            .key_ordinal = (first & 0x80) != 0 ? i : 0,
        };
    }
}

/* Walking with and without a look at the cells must count the same rows and end the same way. */
static void walk(struct fuzz_changes *changes, struct table_shape *shape,
                 const struct rows_head *head, struct slice rows)
{
    struct rows_walk walk, skip;
    struct rows_partial partial;
    struct error err;
    error_clear(&err);
    rows_partial_init(&partial);
    enum rc rc = rows_walk_begin(&walk, head, rows, shape, &err);
    fuzz_told(rc, &err);
    skip = walk;
    while (rc == RC_OK) {
        struct error skip_err;
        rc = rows_walk_next(&walk, &err);
        fuzz_told(rc, &err);
        ASSERT(rows_walk_skip(&skip, &skip_err) == rc);
        if (rc != RC_OK || shape->table == NULL)
            continue;
        rc = rows_partial_complete(&partial, &walk, &err);
        fuzz_told(rc, &err);
        if (rc != RC_OK)
            break;
        bool before = head->type.kind != ROWS_INSERT;
        bool after = head->type.kind != ROWS_DELETE;
        const struct txn txn = {.file = SLICE("binlog.000001")};
        struct change change = {
            .kind = !before ? CHANGE_INSERT : (after ? CHANGE_UPDATE : CHANGE_DELETE),
            .table = shape->table,
            .before = {before ? shape->before : NULL, before ? shape->column_count : 0},
            .after = {after ? shape->after : NULL, after ? shape->column_count : 0},
            .txn = &txn,
        };
        fuzz_change(changes, &change);
    }
    rows_partial_deinit(&partial);
}

static void read_rows(struct binlog_tables *tables, const struct event_format *format, uint8_t type,
                      struct slice body)
{
    struct rows_head head;
    struct error err;
    error_clear(&err);
    enum rc rc = rows_head_parse(body, type, format, &head, &err);
    fuzz_told(rc, &err);
    if (rc != RC_OK)
        return;
    struct table_shape *shape = tables_find(tables, head.table_id);
    if (shape == NULL || rows_head_is_dummy(&head, shape))
        return;
    struct fuzz_changes changes;
    struct buf inflated;
    struct slice rows = head.rows;
    fuzz_changes_init(&changes);
    buf_init(&inflated, (size_t)64 << 20);
    if (head.type.compressed) {
        rc = inflate_record(rows, &inflated, &err);
        fuzz_told(rc, &err);
        rows = buf_slice(&inflated);
    }
    if (rc == RC_OK)
        walk(&changes, shape, &head, rows);
    buf_deinit(&inflated);
    fuzz_changes_deinit(&changes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct catalog catalog;
    struct slice input = slice_of(data, size);
    uint8_t flags = fuzz_byte(&input);
    uint8_t type = event_types[fuzz_byte(&input) % COUNT_OF(event_types)];
    uint8_t first = fuzz_byte(&input);
    struct slice map = fuzz_sized_part(&input);
    uint8_t *map_copy = fuzz_exact(map);
    uint8_t *rows_copy = fuzz_exact(input);

    bool is_mariadb = (flags & 1) != 0;
    struct event_format format = {.known = true,
                                  .is_mariadb = is_mariadb,
                                  .version = (flags & 2) != 0 ? 50300 : 100600,
                                  .header_len = EVENT_HEADER_LEN};
    struct tables_options options = {0};
    struct table_map parsed;
    struct binlog_tables *tables = NULL;
    struct error err;
    error_clear(&err);
    map.ptr = map_copy;
    if ((flags & 4) != 0 && table_map_parse(map, &format, &parsed, &err) == RC_OK &&
        parsed.column_count <= CATALOG_COLUMNS) {
        catalog_fill(&catalog, first, parsed.column_count);
        options.catalog = catalog_cb;
        options.catalog_ctx = &catalog;
    }
    ASSERT(tables_new(&options, &tables, &err) == RC_OK);
    enum rc rc = tables_map(tables, map, &format, &err);
    fuzz_told(rc, &err);
    if (rc == RC_OK)
        read_rows(tables, &format, type, slice_of(rows_copy, input.len));
    tables_free(tables);
    free(map_copy);
    free(rows_copy);
    return 0;
}

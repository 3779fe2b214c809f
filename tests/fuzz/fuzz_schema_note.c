/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The note of a table's definition, which lay on a disk. What is read is written and read again, and
 * must be the same.
 *
 *   all      the note's value
 */
#include "binlog/schema/schema_int.h"
#include "fuzz_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct buf text;
    struct error err;
    struct catalog_table *table = NULL;
    struct catalog_table *again = NULL;
    error_clear(&err);
    arena_init(&arena, "fuzz", (size_t)64 << 20);
    buf_init(&text, (size_t)64 << 20);
    enum rc rc = schema_decode(slice_of(data, size), &arena, &table, &err);
    ASSERT(rc == RC_OK || err.text_len > 0);
    if (rc == RC_OK) {
        ASSERT(schema_encode(table, &text, &err) == RC_OK);
        ASSERT(schema_decode(buf_slice(&text), &arena, &again, &err) == RC_OK);
        ASSERT(schema_table_equal(table, again));
    }
    buf_deinit(&text);
    arena_deinit(&arena);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a TABLE_MAP event and its optional metadata.
 *
 *   byte 0   bit 0: MariaDB; bits 1, 2: the version, for what YEAR does to the sign bits
 *   rest     the body
 */
#include "binlog/table_map_int.h"
#include "fuzz_int.h"

static void look_at(const struct table_map *map, const struct table_facts *facts)
{
    size_t sum = 0;
    for (uint32_t i = 0; i < map->column_count; i++) {
        const struct value_facts *column = &facts->columns[i];
        for (unsigned byte = 0; byte < column->meta_len; byte++)
            sum += column->meta[byte];
        for (uint32_t label = 0; column->labels != NULL && label < column->label_count; label++)
            for (size_t byte = 0; byte < column->labels[label].len; byte++)
                sum += column->labels[label].ptr[byte];
        sum += facts->names == NULL ? 0 : slice_hash(facts->names[i]);
    }
    ASSERT(facts->key_count <= map->column_count);
    for (uint32_t k = 0; k < facts->key_count; k++)
        ASSERT(facts->key[k] < map->column_count);
    volatile size_t kept = sum;
    (void)kept;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t versions[] = {80036, 80019, 80022, 50700};
    struct slice input = slice_of(data, size);
    uint8_t flags = fuzz_byte(&input);
    struct event_format format = {.known = true,
                                  .is_mariadb = (flags & 1) != 0,
                                  .version = versions[flags >> 1 & 3],
                                  .header_len = EVENT_HEADER_LEN};
    struct table_map map;
    struct table_facts facts;
    struct arena arena;
    struct error err;
    error_clear(&err);
    arena_init(&arena, "fuzz", (size_t)64 << 20);
    enum rc rc = table_map_parse(input, &format, &map, &err);
    fuzz_told(rc, &err);
    if (rc == RC_OK) {
        rc = table_map_facts(&map, &format, &arena, &facts, &err);
        fuzz_told(rc, &err);
    }
    if (rc == RC_OK)
        look_at(&map, &facts);
    arena_deinit(&arena);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TABLE_MAP event taken apart (facts/binlog.md 5.1): first its fixed part, which is cheap and
 * needed of every table; then, for a shape that was not seen before, its optional metadata.
 *
 *   table id 6 | flags 2 | db | name | column count | types[n] | metadata | null bits | TLVs
 */
#ifndef MILLRACE_BINLOG_TABLE_MAP_INT_H
#define MILLRACE_BINLOG_TABLE_MAP_INT_H

#include "event_int.h"
#include "value_int.h"

/* MySQL and MariaDB allow 4096 columns (1017 in InnoDB); more is damage. */
#define TABLE_MAP_COLUMNS_MAX 4096u

/* Borrowed from the event's body. */
struct table_map {
    uint64_t id;
    struct slice db;
    struct slice name;
    uint32_t column_count;
    const uint8_t *types;
    struct slice meta;
    const uint8_t *null_bits;
    struct slice tlvs;
    struct slice content; /* all behind the flags: the same content is the same shape */
};

/* What a table map says of its columns. Arrays live in the arena they were made in; slices are
 * borrowed from the map. */
struct table_facts {
    struct value_facts *columns;
    struct slice *names; /* NULL: the map carries none */
    bool *nullable;
    uint32_t *key; /* column indexes in key order */
    uint32_t key_count;
};

enum rc table_map_parse(struct slice body, const struct event_format *format, struct table_map *map,
                        struct error *err) MUST_CHECK;

/* @param arena  for the arrays; may be reset when the facts are no longer needed */
enum rc table_map_facts(const struct table_map *map, const struct event_format *format,
                        struct arena *arena, struct table_facts *facts,
                        struct error *err) MUST_CHECK;

/* The optional metadata, read into `facts` whose columns are set; for table_map_facts only. */
enum rc table_map_read_tlvs(const struct table_map *map, const struct event_format *format,
                            struct arena *arena, struct table_facts *facts,
                            struct error *err) MUST_CHECK;

#endif

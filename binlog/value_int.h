/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Column values: from wire types to column kinds, how long a cell is, and its canonical text
 * (facts/binlog.md parts 5.1, 6 and 7).
 */
#ifndef MILLRACE_BINLOG_VALUE_INT_H
#define MILLRACE_BINLOG_VALUE_INT_H

#include "catalog_int.h"

/* How a cell lies in a row image: `size` bytes, or a length in `prefix` little-endian bytes and
 * then so many bytes. The row walker needs no more than this. */
struct value_layout {
    uint8_t prefix; /* 0: fixed */
    bool is_json;   /* an update may hold changes to the value in its place (rows_partial_int.h) */
    uint32_t size;  /* fixed size in bytes (0 is legal: BIT(0), CHAR(0) use prefix 1) */
};

/* What a table map says of one column; unknown parts as zero or empty. */
struct value_facts {
    uint8_t wire_type;   /* as in the types array */
    const uint8_t *meta; /* this column's metadata bytes */
    unsigned meta_len;
    bool sign_known;
    bool is_unsigned;
    uint32_t collation;         /* 0: not known */
    const struct slice *labels; /* ENUM, SET: raw bytes in `label_collation`; NULL: not known */
    uint32_t label_count;
    uint32_t label_collation;
    uint32_t vector_dimensions;
    bool is_mariadb; /* who wrote it */
};

/* How many metadata bytes a wire type has; RC_UNSUPPORTED for a type that nobody knows. */
enum rc value_meta_len(uint8_t wire_type, unsigned *len_out, struct error *err) MUST_CHECK;

/*
 * Fills kind, sizes, charset, labels, text function and layout of `column` from the table map,
 * completed by the catalog column where the map is silent (NULL: there is none). column->name must
 * be set before; everything that lives on is taken from `arena`. `invalid_text` is for the column's
 * texts and, here and now, for its labels: RC_REJECTED of those. RC_MISMATCH: map and catalog
 * cannot be the same column; the text says both. RC_UNSUPPORTED: a type that cannot be decoded, in
 * words.
 */
enum rc value_bind(struct column *column, const struct value_facts *facts,
                   const struct catalog_column *catalog, enum invalid_text invalid_text,
                   struct arena *arena, struct value_layout *layout_out,
                   struct error *err) MUST_CHECK;

/* The same from the catalog alone, without bytes to read: for creating targets before the first
 * event. The text function then answers RC_UNSUPPORTED. */
enum rc value_from_catalog(struct column *column, const struct catalog_column *catalog,
                           bool is_mariadb, struct arena *arena, struct error *err) MUST_CHECK;

/* The charset of a collation id ("utf8mb4"); empty for an id that nobody knows. */
struct slice value_charset_name(uint32_t collation);
/* Which columns take part in which lists of a table map's optional metadata (facts/binlog.md 5.1).
 */
bool value_is_numeric_wire(uint8_t wire_type);
bool value_is_character_wire(uint8_t wire_type, const uint8_t *meta, bool is_mariadb);
bool value_is_enum_or_set_wire(uint8_t wire_type, const uint8_t *meta, bool *is_set);

#endif

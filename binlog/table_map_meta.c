/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The optional metadata of a TABLE_MAP: type 1, length-encoded length, value; in any order, each
 * bounded by its own length, unknown ones passed over (facts/binlog.md 5.1 and 12.2).
 *
 * Lists count different columns: signs the numeric ones, charsets the character ones, labels the
 * ENUM or SET ones, names and visibility all. Each list says which by a `takes_part` function.
 */
#include "table_map_int.h"

enum tlv_type {
    TLV_SIGNEDNESS = 1,
    TLV_DEFAULT_CHARSET = 2,
    TLV_COLUMN_CHARSET = 3,
    TLV_COLUMN_NAME = 4,
    TLV_SET_LABELS = 5,
    TLV_ENUM_LABELS = 6,
    TLV_GEOMETRY_TYPE = 7,
    TLV_PRIMARY_KEY = 8,
    TLV_PRIMARY_KEY_WITH_PREFIX = 9,
    TLV_LABEL_DEFAULT_CHARSET = 10,
    TLV_LABEL_COLUMN_CHARSET = 11,
    TLV_VISIBILITY = 12,
    TLV_VECTOR_DIMENSIONS = 13
};

enum { WIRE_YEAR = 13, WIRE_VECTOR = 242 };

/* What the readers of single TLVs share. */
struct reading {
    const struct table_map *map;
    const struct event_format *format;
    struct arena *arena;
    struct table_facts *facts;
};

typedef bool (*takes_part_fn)(const struct reading *reading, const struct value_facts *column);

static bool is_character(const struct reading *reading, const struct value_facts *column)
{
    return value_is_character_wire(column->wire_type, column->meta, reading->format->is_mariadb);
}

static bool is_label(const struct reading *reading UNUSED, const struct value_facts *column)
{
    bool is_set = false;
    return value_is_enum_or_set_wire(column->wire_type, column->meta, &is_set);
}

static bool is_set(const struct reading *reading UNUSED, const struct value_facts *column)
{
    bool set = false;
    return value_is_enum_or_set_wire(column->wire_type, column->meta, &set) && set;
}

static bool is_enum(const struct reading *reading UNUSED, const struct value_facts *column)
{
    bool set = false;
    return value_is_enum_or_set_wire(column->wire_type, column->meta, &set) && !set;
}

static bool is_plain_numeric(const struct value_facts *column)
{
    return column->wire_type != WIRE_YEAR && value_is_numeric_wire(column->wire_type);
}

static enum rc no_memory(struct error *err)
{
    return error_set(err, RC_MEMORY, "There is no memory for a table map's metadata.");
}

static bool sign_bit(struct slice bits, uint32_t index)
{
    return (bits.ptr[index / 8] >> (7 - index % 8) & 1) != 0;
}

enum year_rule { YEAR_COUNTS, YEAR_COUNTS_NOT, YEAR_UNCLEAR };

/*
 * Whether YEAR columns have a bit among the signs. They had none in 8.0.19 and have one in 8.0.28
 * and in MariaDB; in between, the length tells, or a YEAR's bit that is not 1, or a padding bit
 * that is not 0; else nobody can know and the catalog decides (facts/binlog.md 5.1, 14).
 */
static enum year_rule year_rule(const struct reading *reading, struct slice bits,
                                uint32_t numeric_count, uint32_t year_count)
{
    if (year_count == 0)
        return YEAR_COUNTS_NOT;
    size_t len_without = (numeric_count + 7) / 8;
    size_t len_with = (numeric_count + year_count + 7) / 8;
    if (len_without != len_with)
        return bits.len == len_with ? YEAR_COUNTS : YEAR_COUNTS_NOT;
    uint32_t version = reading->format->version;
    if (reading->format->is_mariadb || version >= 80028)
        return YEAR_COUNTS;
    if (version <= 80019)
        return YEAR_COUNTS_NOT;
    for (uint32_t i = numeric_count; i < bits.len * 8; i++)
        if (sign_bit(bits, i))
            return YEAR_COUNTS;
    uint32_t slot = 0;
    for (uint32_t i = 0; i < reading->map->column_count; i++) {
        const struct value_facts *column = &reading->facts->columns[i];
        if (column->wire_type == WIRE_YEAR && !sign_bit(bits, slot++))
            return YEAR_COUNTS_NOT;
        if (is_plain_numeric(column))
            slot++;
    }
    return YEAR_UNCLEAR;
}

static enum rc read_signs(const struct reading *reading, struct slice bits, struct error *err)
{
    uint32_t numeric_count = 0;
    uint32_t year_count = 0;
    for (uint32_t i = 0; i < reading->map->column_count; i++) {
        numeric_count += is_plain_numeric(&reading->facts->columns[i]);
        year_count += reading->facts->columns[i].wire_type == WIRE_YEAR;
    }
    if (bits.len < (numeric_count + 7) / 8)
        return error_set(err, RC_CORRUPT, "The table map has too few sign bits.");
    enum year_rule rule = year_rule(reading, bits, numeric_count, year_count);
    if (rule == YEAR_UNCLEAR)
        return RC_OK;
    uint32_t slot = 0;
    for (uint32_t i = 0; i < reading->map->column_count; i++) {
        struct value_facts *column = &reading->facts->columns[i];
        if (is_plain_numeric(column)) {
            if (slot / 8 >= bits.len)
                return error_set(err, RC_CORRUPT, "The table map has too few sign bits.");
            column->sign_known = true;
            column->is_unsigned = sign_bit(bits, slot++);
        } else if (column->wire_type == WIRE_YEAR && rule == YEAR_COUNTS) {
            slot++;
        }
    }
    return RC_OK;
}

static void set_collation(struct value_facts *column, uint64_t collation, bool of_labels)
{
    uint32_t value = collation > UINT32_MAX ? 0 : (uint32_t)collation;
    if (of_labels)
        column->label_collation = value;
    else
        column->collation = value;
}

/* A default, then pairs (index among the columns that take part, collation) of exceptions. */
static void read_default_charset(const struct reading *reading, struct cursor *cursor,
                                 takes_part_fn takes_part, bool of_labels)
{
    uint64_t default_collation = cursor_lenenc(cursor);
    uint64_t exception = UINT64_MAX;
    uint64_t collation = 0;
    bool more = true;
    uint64_t index = 0;
    for (uint32_t i = 0; i < reading->map->column_count; i++) {
        struct value_facts *column = &reading->facts->columns[i];
        if (!takes_part(reading, column))
            continue;
        if (more && exception == UINT64_MAX) {
            more = cursor_left(cursor) > 0;
            exception = more ? cursor_lenenc(cursor) : UINT64_MAX;
            collation = more ? cursor_lenenc(cursor) : 0;
        }
        bool is_exception = exception == index++;
        set_collation(column, is_exception ? collation : default_collation, of_labels);
        if (is_exception)
            exception = UINT64_MAX;
    }
}

static void read_column_charset(const struct reading *reading, struct cursor *cursor,
                                takes_part_fn takes_part, bool of_labels)
{
    for (uint32_t i = 0; i < reading->map->column_count; i++)
        if (takes_part(reading, &reading->facts->columns[i]))
            set_collation(&reading->facts->columns[i], cursor_lenenc(cursor), of_labels);
}

static enum rc read_names(const struct reading *reading, struct cursor *cursor, struct error *err)
{
    uint32_t count = reading->map->column_count;
    struct slice *names = arena_alloc(reading->arena, count * sizeof(*names));
    if (names == NULL)
        return no_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        names[i] = cursor_lenenc_slice(cursor);
        if (!text_is_utf8(names[i]))
            return error_set(err, RC_CORRUPT, "The table map's name of column %u is not UTF-8.",
                             i + 1);
    }
    reading->facts->names = names;
    return RC_OK;
}

static enum rc read_labels(const struct reading *reading, struct cursor *cursor,
                           takes_part_fn takes_part, struct error *err)
{
    for (uint32_t i = 0; i < reading->map->column_count; i++) {
        struct value_facts *column = &reading->facts->columns[i];
        if (!takes_part(reading, column))
            continue;
        uint64_t count = cursor_lenenc(cursor);
        /* Each label takes a byte at least, so a count can't ask for more memory than it has. */
        if (cursor->failed || count > cursor_left(cursor))
            return error_set(err, RC_CORRUPT, "The table map's ENUM and SET labels are cut off.");
        struct slice *labels = arena_alloc(reading->arena, (size_t)count * sizeof(*labels));
        if (labels == NULL)
            return no_memory(err);
        for (uint64_t k = 0; k < count; k++)
            labels[k] = cursor_lenenc_slice(cursor);
        column->labels = labels;
        column->label_count = (uint32_t)count;
    }
    return RC_OK;
}

static enum rc read_key(const struct reading *reading, struct cursor *cursor, bool with_prefix,
                        struct error *err)
{
    uint32_t count = reading->map->column_count;
    uint32_t *key = arena_alloc(reading->arena, count * sizeof(*key));
    if (key == NULL)
        return no_memory(err);
    uint32_t key_count = 0;
    while (cursor_left(cursor) > 0 && !cursor->failed) {
        uint64_t column = cursor_lenenc(cursor);
        if (with_prefix)
            cursor_lenenc(cursor); /* how many characters are indexed: the column is the key */
        if (column >= count || key_count == count)
            return error_set(err, RC_CORRUPT,
                             "The table map's primary key names column %llu of %u.",
                             (unsigned long long)column + 1, count);
        key[key_count++] = (uint32_t)column;
    }
    reading->facts->key = key;
    reading->facts->key_count = key_count;
    return RC_OK;
}

static void read_dimensions(const struct reading *reading, struct cursor *cursor)
{
    for (uint32_t i = 0; i < reading->map->column_count; i++) {
        if (reading->facts->columns[i].wire_type != WIRE_VECTOR)
            continue;
        uint64_t dimensions = cursor_lenenc(cursor);
        reading->facts->columns[i].vector_dimensions =
            dimensions > UINT32_MAX ? 0 : (uint32_t)dimensions;
    }
}

static enum rc read_tlv(const struct reading *reading, uint8_t type, struct slice value,
                        struct error *err)
{
    struct cursor cursor = cursor_of(value);
    enum rc rc = RC_OK;
    switch (type) {
    case TLV_SIGNEDNESS:
        return read_signs(reading, value, err);
    case TLV_DEFAULT_CHARSET:
        read_default_charset(reading, &cursor, is_character, false);
        break;
    case TLV_COLUMN_CHARSET:
        read_column_charset(reading, &cursor, is_character, false);
        break;
    case TLV_COLUMN_NAME:
        rc = read_names(reading, &cursor, err);
        break;
    case TLV_SET_LABELS:
        rc = read_labels(reading, &cursor, is_set, err);
        break;
    case TLV_ENUM_LABELS:
        rc = read_labels(reading, &cursor, is_enum, err);
        break;
    case TLV_PRIMARY_KEY:
    case TLV_PRIMARY_KEY_WITH_PREFIX:
        rc = read_key(reading, &cursor, type == TLV_PRIMARY_KEY_WITH_PREFIX, err);
        break;
    case TLV_LABEL_DEFAULT_CHARSET:
        read_default_charset(reading, &cursor, is_label, true);
        break;
    case TLV_LABEL_COLUMN_CHARSET:
        read_column_charset(reading, &cursor, is_label, true);
        break;
    case TLV_VECTOR_DIMENSIONS:
        read_dimensions(reading, &cursor);
        break;
    default: /* GEOMETRY_TYPE, VISIBILITY and what is still to come say nothing that is needed */
        return RC_OK;
    }
    if (rc == RC_OK && cursor.failed)
        rc = error_set(err, RC_CORRUPT, "The table map's metadata of type %u is cut off.", type);
    return rc;
}

enum rc table_map_read_tlvs(const struct table_map *map, const struct event_format *format,
                            struct arena *arena, struct table_facts *facts, struct error *err)
{
    struct reading reading = {map, format, arena, facts};
    struct cursor cursor = cursor_of(map->tlvs);
    while (cursor_left(&cursor) > 0) {
        uint8_t type = cursor_u8(&cursor);
        struct slice value = cursor_lenenc_slice(&cursor);
        if (cursor.failed)
            return error_set(err, RC_CORRUPT, "The table map's metadata is cut off.");
        enum rc rc = read_tlv(&reading, type, value, err);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

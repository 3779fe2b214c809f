/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the value files share: the wire types, the codec that hangs on a column, and one text
 * function per form of value. Each text function is a column_text_fn: it reads nothing outside its
 * cell, takes no memory but the scratch buffer's, and appends to that buffer.
 */
#ifndef MILLRACE_BINLOG_VALUE_CODEC_INT_H
#define MILLRACE_BINLOG_VALUE_CODEC_INT_H

#include "charset_int.h"
#include "value_int.h"

/* Wire types (facts/binlog.md 5.1 and 6). */
enum value_wire {
    WIRE_DECIMAL = 0, /* before 5.0 */
    WIRE_TINY = 1,
    WIRE_SHORT = 2,
    WIRE_LONG = 3,
    WIRE_FLOAT = 4,
    WIRE_DOUBLE = 5,
    WIRE_NULL = 6,
    WIRE_TIMESTAMP = 7,
    WIRE_LONGLONG = 8,
    WIRE_INT24 = 9,
    WIRE_DATE = 10,
    WIRE_TIME = 11,
    WIRE_DATETIME = 12,
    WIRE_YEAR = 13,
    WIRE_NEWDATE = 14,
    WIRE_VARCHAR = 15,
    WIRE_BIT = 16,
    WIRE_TIMESTAMP2 = 17,
    WIRE_DATETIME2 = 18,
    WIRE_TIME2 = 19,
    WIRE_TYPED_ARRAY = 20,
    WIRE_BLOB_COMPRESSED = 140,    /* MariaDB */
    WIRE_VARCHAR_COMPRESSED = 141, /* MariaDB */
    WIRE_VECTOR = 242,
    WIRE_JSON = 245,
    WIRE_NEWDECIMAL = 246,
    WIRE_ENUM = 247,
    WIRE_SET = 248,
    WIRE_TINY_BLOB = 249,
    WIRE_MEDIUM_BLOB = 250,
    WIRE_LONG_BLOB = 251,
    WIRE_BLOB = 252,
    WIRE_VAR_STRING = 253,
    WIRE_STRING = 254,
    WIRE_GEOMETRY = 255
};

enum { COLLATION_BINARY = 63, FRACTION_DIGITS_MAX = 6 };

/* column->wire_codec of a bound column. */
struct value_codec {
    const struct charset *charset; /* STRING, ENUM, SET; NULL otherwise */
    bool charset_assumed;          /* neither the map nor the catalog said it */
    enum invalid_text invalid_text;
    bool compressed; /* MariaDB's 140 and 141 */
    uint32_t size;   /* bytes of a fixed cell; BINARY(n): n */
};

/* What a catalog column says of its values. */
struct value_declared {
    enum column_kind kind; /* COLUMN_UNKNOWN: a type that this program does not know */
    uint8_t int_bytes;
    uint8_t scale;     /* DECIMAL, and the fraction digits of temporal kinds */
    uint8_t precision; /* DECIMAL */
    bool is_fixed_bytes;
    uint64_t length;       /* as in struct column */
    uint64_t length_bytes; /* STRING */
    uint8_t blob_prefix;   /* the BLOB family: 1 to 4 */
    const uint8_t *wires;  /* the wire types it can travel as, ended by WIRE_NULL */
};

/* value_declared.c */
void value_declared_parse(struct value_declared *declared, const struct catalog_column *catalog);
bool value_declared_is_unsigned(const struct catalog_column *catalog);
/* The labels of "enum('a','b''c')", in UTF-8 as the catalog is; NULL with a count of 0 when the
 * text is no such list. */
enum rc value_declared_labels(const struct catalog_column *catalog, struct arena *arena,
                              const struct slice **labels_out, uint32_t *count_out,
                              struct error *err) MUST_CHECK;

/* value_default.c: sets default_value and default_known of a column that is complete otherwise. */
enum rc value_default(struct column *column, const struct catalog_column *catalog,
                      struct arena *arena, struct error *err) MUST_CHECK;

/* value_meta.c: the real type behind STRING, and the most bytes of a CHAR (facts/binlog.md 6.6) */
uint8_t value_real_wire(uint8_t wire_type, const uint8_t *meta);
uint32_t value_string_bytes(const uint8_t *meta);
unsigned value_decimal_bytes(unsigned precision, unsigned scale);
unsigned value_fraction_bytes(unsigned digits);
const char *value_wire_name(uint8_t wire_type);
/* "int unsigned", "varchar(20)": for columns without a catalog. */
enum rc value_build_type(struct column *column, struct arena *arena, struct error *err) MUST_CHECK;

/* RC_CORRUPT: "Column x (int): a value of 3 bytes, where 4 were expected." */
enum rc value_bad_size(const struct column *column, struct slice cell, size_t expected,
                       struct error *err);
/* RC_CORRUPT with the first bytes in hex: "Column x (date): the bytes ff.. are no such value: why."
 */
enum rc value_bad_bytes(const struct column *column, struct slice cell, const char *why,
                        struct error *err);
/* The sticky failure of a scratch buffer. */
enum rc value_scratch(const struct column *column, const struct buf *scratch, struct error *err);

static inline const struct value_codec *value_codec(const struct column *column)
{
    return column->wire_codec;
}

#define VALUE_TEXT_FN(name)                                                                        \
    enum rc name(const struct column *column, struct slice cell, struct buf *scratch,              \
                 struct slice *text, struct error *err)

#define VALUE_PUT_FN(name)                                                                         \
    unsigned name(const struct column *column, struct slice cell, uint8_t *out)

/* value_short.c: the text of every column that has a column->put. */
VALUE_TEXT_FN(value_text_short);
/* value_number.c */
VALUE_PUT_FN(value_put_int);
VALUE_PUT_FN(value_put_uint);
VALUE_PUT_FN(value_put_bit);
VALUE_PUT_FN(value_put_year);
VALUE_PUT_FN(value_put_float);
VALUE_PUT_FN(value_put_double);
/* value_decimal.c */
VALUE_PUT_FN(value_put_decimal);
/* At most COLUMN_PUT_MAX bytes at `out`; 0: the bytes are no DECIMAL(precision, scale). */
unsigned value_decimal_text(uint8_t *out, struct slice bytes, unsigned precision, unsigned scale);
/* value_temporal.c */
VALUE_PUT_FN(value_put_date);
VALUE_PUT_FN(value_put_time);
VALUE_PUT_FN(value_put_datetime);
VALUE_PUT_FN(value_put_timestamp);
VALUE_PUT_FN(value_put_time_old);
VALUE_PUT_FN(value_put_datetime_old);
VALUE_PUT_FN(value_put_timestamp_old);
VALUE_PUT_FN(value_put_time_mariadb53);
VALUE_PUT_FN(value_put_datetime_mariadb53);
VALUE_PUT_FN(value_put_timestamp_mariadb53);
unsigned value_mariadb53_bytes(uint8_t wire_type, unsigned fraction_digits);
/* value_string.c */
VALUE_TEXT_FN(value_text_string);
VALUE_TEXT_FN(value_text_bytes);
VALUE_TEXT_FN(value_text_uuid);
VALUE_TEXT_FN(value_text_inet4);
VALUE_TEXT_FN(value_text_inet6);
enum rc value_charset_error(enum rc rc, const struct column *column, const struct charset *charset,
                            struct slice bytes, struct error *err);
/* value_label.c */
VALUE_TEXT_FN(value_text_enum);
/* For columns whose labels are all short and plain. */
VALUE_PUT_FN(value_put_enum);
bool value_labels_are_plain(const struct column *column);
VALUE_TEXT_FN(value_text_set);
/* value_json.c */
VALUE_TEXT_FN(value_text_json);
/* value_geometry.c, value_vector.c */
VALUE_TEXT_FN(value_text_geometry);
VALUE_TEXT_FN(value_text_vector);

/* Broken-down time, for the temporal formats and for JSON. */
struct value_time {
    bool negative; /* TIME only */
    uint32_t year;
    uint32_t month;
    uint32_t day;
    uint32_t hour;
    uint32_t minute;
    uint32_t second;
    uint32_t micros;
};

/* Fields of the packed forms without their fraction; false: out of range. */
bool value_time_from_datetime(struct value_time *time, uint64_t packed);
bool value_time_from_time(struct value_time *time, uint64_t packed);
void value_time_from_unix(struct value_time *time, uint64_t seconds);
/* Writers: at most 32 bytes at `out`; they return the length. */
unsigned value_time_date(uint8_t *out, const struct value_time *time);
unsigned value_time_datetime(uint8_t *out, const struct value_time *time, unsigned digits);
unsigned value_time_time(uint8_t *out, const struct value_time *time, unsigned digits);

#endif

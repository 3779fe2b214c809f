/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a table looks like at one point of the stream. A source makes these and never changes one
 * after it was handed out: a table that was altered is a new struct table with a higher version.
 */
#ifndef MILLRACE_MODEL_TABLE_H
#define MILLRACE_MODEL_TABLE_H

#include "../base/buf.h"

/* What a column's values are, whatever bytes they came in. Consumers switch on this once a column.
 */
enum column_kind {
    COLUMN_UNKNOWN = 0,
    COLUMN_INT,       /* signed, int_bytes wide: 1, 2, 3, 4 or 8 */
    COLUMN_UINT,      /* unsigned, the same widths */
    COLUMN_BIT,       /* length = bits, 1 to 64; an unsigned number */
    COLUMN_YEAR,      /* 0 or 1901 to 2155 */
    COLUMN_DECIMAL,   /* precision, scale */
    COLUMN_FLOAT,     /* IEEE single */
    COLUMN_DOUBLE,    /* IEEE double */
    COLUMN_DATE,      /* may be zero or partial: 0000-00-00, 2024-00-00 */
    COLUMN_TIME,      /* scale = fraction digits; negative and over 24 hours are legal */
    COLUMN_DATETIME,  /* scale = fraction digits; no zone; may be zero or partial */
    COLUMN_TIMESTAMP, /* scale = fraction digits; an instant, in UTC; may be zero */
    COLUMN_STRING, /* CHAR, VARCHAR, TEXT: length = characters, length_bytes = bytes at the source
                    */
    COLUMN_BYTES,  /* BINARY, VARBINARY, BLOB: length = bytes */
    COLUMN_ENUM,
    COLUMN_SET,
    COLUMN_JSON,
    COLUMN_GEOMETRY,
    COLUMN_VECTOR, /* length = dimensions, 0 when not known */
    COLUMN_UUID,   /* MariaDB */
    COLUMN_INET4,  /* MariaDB */
    COLUMN_INET6   /* MariaDB */
};

struct column;

/*
 * The canonical text of one value, the same from a snapshot and from the binlog. `cell` is what the
 * row view holds (source bytes, never NULL or absent). `text` is borrowed: from the cell itself
 * where the bytes already are the text, or from the column; else it is appended to `scratch`, with
 * nothing before or behind it, so that a consumer may give the buffer where the text is to stay.
 *
 *   INT UINT BIT YEAR       decimal digits
 *   DECIMAL                 digits at full scale, "0.10" and never ".10"
 *   FLOAT DOUBLE            shortest text that reads back the same, JSON number syntax
 *   DATE                    YYYY-MM-DD, zero and partial dates as the server shows them
 *   TIME                    [-]H+:MM:SS[.f]
 *   DATETIME TIMESTAMP      YYYY-MM-DD HH:MM:SS[.f]; TIMESTAMP in UTC, zero as 0000-00-00 00:00:00[.0]
 *   STRING ENUM SET         UTF-8, converted from the column's charset; SET comma-separated
 *   BYTES                   the bytes (BINARY(n) padded to n); the consumer encodes them
 *   JSON                    the document's text in the server's own style
 *   GEOMETRY                4 bytes SRID (little-endian) and the WKB; the consumer encodes them
 *   VECTOR                  a JSON array of numbers
 *   UUID INET4 INET6        their text form
 *
 * Errors: RC_CORRUPT (bytes that cannot be such a value), RC_REJECTED (text not valid in its
 * charset).
 */
typedef enum rc (*column_text_fn)(const struct column *column, struct slice cell,
                                  struct buf *scratch, struct slice *text, struct error *err);

/*
 * The same text for columns whose values are all short: ASCII that needs no escape anywhere, written
 * at `out`, where COLUMN_PUT_MAX bytes are free. Returns its length; 0: column->text tells what is
 * wrong with the cell.
 */
typedef unsigned (*column_put_fn)(const struct column *column, struct slice cell, uint8_t *out);

enum { COLUMN_PUT_MAX = 80 };

struct column {
    struct slice name; /* UTF-8; "@1", "@2", ... where the source could not know it */
    enum column_kind kind;
    uint8_t int_bytes; /* COLUMN_INT, COLUMN_UINT */
    uint8_t precision; /* COLUMN_DECIMAL */
    uint8_t scale; /* COLUMN_DECIMAL: digits behind the point; temporal kinds: fraction digits */
    bool nullable; /* true when not known */
    bool is_fixed_bytes;   /* COLUMN_STRING: CHAR; COLUMN_BYTES: BINARY */
    uint32_t key_ordinal;  /* 1-based place in the key; 0: not in it */
    uint64_t length;       /* by kind, see above; 0 when not known */
    uint64_t length_bytes; /* COLUMN_STRING: the most bytes at the source; 0 when not known */
    struct slice charset;  /* COLUMN_STRING, ENUM, SET: the server's name, "utf8mb4" */
    struct slice
        type; /* as information_schema.columns.column_type shows it; empty when not known */
    struct slice comment; /* empty unless asked for */
    /* What a row holds that does not name the column, older rows included when it is added:
     * canonical text; ptr NULL: NULL, or not known. */
    struct slice default_value;
    bool default_known;  /* default_value is that, and ptr NULL means NULL; false: the default is an
                            expression, or there is none, or its value is not sure */
    bool changes_unseen; /* the new row of an update may leave the column out although it changed
                            (a VIRTUAL column of MariaDB) */
    const struct slice *labels; /* ENUM and SET, UTF-8, in order; NULL when not known */
    bool
        labels_unsure; /* a '?' in a label may stand for a character that the server does not show */
    uint32_t label_count;

    column_text_fn text; /* never NULL */
    column_put_fn put;   /* NULL: only `text` */
    bool ascii_is_text;  /* a cell of bytes below 0x80 is its own text */

    /* Private to the source that made the column: how its cells are laid out. */
    uint8_t wire_type;
    uint16_t wire_meta;
    uint32_t wire_collation;
    const void *wire_codec;
};

/* How a SELECT brings an ENUM or SET: by its number, which the labels are found with; or as text, where the
 * labels are not sure and the server knows them in rows alone. */
static inline bool column_is_label_text(const struct column *column)
{
    bool has_labels = column->kind == COLUMN_ENUM || column->kind == COLUMN_SET;
    return has_labels && column->labels_unsure;
}

struct table {
    struct slice db;
    struct slice name;
    uint32_t version; /* rises when the same db.name gets another shape */
    struct column *columns;
    uint32_t column_count;
    const uint32_t *key; /* column indexes in key order: primary key, else a unique not-null key */
    uint32_t key_count;  /* 0: keyless */
    bool has_names;      /* false: columns are called @1, @2, ... */
    struct slice comment;

    /* The consumer's own slot, NULL at first: the pipeline keeps the table's way to the sink here.
     */
    void *route;
};

/* Owned by the source that made it; valid until that source is closed. */

/* "db.name" for messages, at most `cap` bytes with the NUL; returns `out`. */
const char *table_label(const struct table *table, char *out, size_t cap);
/* Index of the named column (ASCII case ignored, as MySQL does), or -1. */
int table_find_column(const struct table *table, struct slice name);
const char *column_kind_name(enum column_kind kind);

#endif

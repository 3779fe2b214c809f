/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON without a tree: what the CloudEvents writer and the load bodies share.
 */
#ifndef MILLRACE_MODEL_JSON_H
#define MILLRACE_MODEL_JSON_H

#include "row.h"

/* A quoted JSON string; `text` must be UTF-8. Only '"', '\\' and control characters are escaped. */
void json_add_string(struct buf *out, struct slice text);
/* The same for text that may turn out not to be UTF-8: false, and nothing is appended, unless all of it is
 * ASCII that needs no escape. */
bool json_add_plain(struct buf *out, struct slice text);
/* The same as json_add_string without the quotes, for strings made of several parts. */
void json_add_escaped(struct buf *out, struct slice text);

/* {"srid":n,"wkb":"<base64>"} of a GEOMETRY's canonical bytes: 4 bytes SRID, then the WKB. */
void json_add_geometry(struct buf *out, struct slice value);

/* How a column's values can be put down at once. */
enum json_put_form {
    JSON_PUT_NONE = 0, /* they are not all short, or have to be looked at */
    JSON_PUT_BARE,     /* what column->put writes */
    JSON_PUT_QUOTED,   /* the same in quotes */
    JSON_PUT_INSTANT,  /* quoted, "YYYY-MM-DD HH:MM:SS" as RFC 3339 */
    JSON_PUT_TEXT      /* the cell's own bytes in quotes, where they are ASCII without escapes */
};

/* The form that event data shows the column in. */
enum json_put_form json_put_form(const struct column *column);

/* JSON_PUT_TEXT: longer texts go the other way. */
enum { JSON_PUT_TEXT_MAX = 256, JSON_PUT_MAX = JSON_PUT_TEXT_MAX + 2 };
_Static_assert(COLUMN_PUT_MAX + 3 <= JSON_PUT_MAX, "what column->put writes is no longer");

/* The text in quotes at `to`, where its length and 2 bytes are free, if it is ASCII that needs no escape; its
 * length, or 0. */
size_t json_put_text(struct slice text, uint8_t *to);

/* A value at `to`, where JSON_PUT_MAX bytes are free. Returns how many it took; 0: not this one, or not as
 * it stands; json_add_cell writes it or tells what is wrong. Inline, with the column's name in front of
 * it: most values go this way. */
static inline size_t json_put(const struct column *column, struct slice cell,
                              enum json_put_form form, uint8_t *to)
{
    enum { DATE_LEN = 10 };
    if (form == JSON_PUT_BARE)
        return column->put(column, cell, to);
    if (form == JSON_PUT_TEXT)
        return cell.len <= JSON_PUT_TEXT_MAX ? json_put_text(cell, to) : 0;
    size_t len = column->put(column, cell, to + 1);
    if (len == 0)
        return 0;
    to[0] = '"';
    if (form == JSON_PUT_INSTANT) {
        to[1 + DATE_LEN] = 'T';
        to[++len] = 'Z';
    }
    to[1 + len] = '"';
    return len + 2;
}

/* The value of a cell as event data shows it (docs/events.md): numbers bare, text quoted, BYTES as
 * a base64 string, GEOMETRY as {"srid":n,"wkb":"..."}, JSON and VECTOR as they are, TIMESTAMP as
 * RFC 3339. NULL gives null; an absent cell is the caller's business. Errors as column_text_fn. */
enum rc json_add_cell(struct buf *out, const struct column *column, const struct cell *cell,
                      struct buf *scratch, struct error *err) MUST_CHECK;

#endif

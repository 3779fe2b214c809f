/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON without a tree: what the CloudEvents writer and the load bodies share.
 */
#ifndef MILLRACE_MODEL_JSON_H
#define MILLRACE_MODEL_JSON_H

#include "row.h"

/* A quoted JSON string; `text` must be UTF-8. Only '"', '\\' and control characters are escaped. */
void json_add_string(struct buf *out, struct slice text);
/* The same without the quotes, for strings made of several parts. */
void json_add_escaped(struct buf *out, struct slice text);

/* {"srid":n,"wkb":"<base64>"} of a GEOMETRY's canonical bytes: 4 bytes SRID, then the WKB. */
void json_add_geometry(struct buf *out, struct slice value);

/* The value of a cell as event data shows it (docs/events.md): numbers bare, text quoted, BYTES as
 * a base64 string, GEOMETRY as {"srid":n,"wkb":"..."}, JSON and VECTOR as they are, TIMESTAMP as
 * RFC 3339. NULL gives null; an absent cell is the caller's business. Errors as column_text_fn. */
enum rc json_add_cell(struct buf *out, const struct column *column, const struct cell *cell,
                      struct buf *scratch, struct error *err) MUST_CHECK;

#endif

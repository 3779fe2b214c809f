/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes to a JSON document, as PARTIAL_UPDATE_ROWS carries them in place of the new document
 * (facts/binlog.md 5.4), put together with the old document to the new one.
 *
 *   change   operation 1 | path length, path | REPLACE and INSERT: value length, value
 *            lengths are length-encoded integers; a value is a document of its own
 *
 * The new document is binary JSON again, so that whoever reads the row cannot tell the difference.
 * Only the objects and arrays on the paths are taken apart; everything else is copied as it lies.
 * What is written has the large formats throughout, which say the same as the small ones.
 */
#ifndef MILLRACE_BINLOG_JSON_PATCH_INT_H
#define MILLRACE_BINLOG_JSON_PATCH_INT_H

#include "json_path_int.h"

/* Owned by the caller; one thread. */
struct json_patch {
    struct arena arena;
    struct json_path path;
};

void json_patch_init(struct json_patch *patch);
void json_patch_deinit(struct json_patch *patch);

/* Appends the new document to `out`. RC_CORRUPT: bytes that are no such thing, or a change that
 * does not fit the document; RC_LIMIT and RC_MEMORY. */
enum rc json_patch_apply(struct json_patch *patch, struct slice document, struct slice changes,
                         struct buf *out, struct error *err) MUST_CHECK;

#endif

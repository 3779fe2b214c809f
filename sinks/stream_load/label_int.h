/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name of a load: the same epoch of the same pipeline into the same columns of the same table
 * always gets the same label, and nothing else ever gets it. Both servers keep labels per database and refuse a second
 * load under one that they remember (facts/doris.md 1.8, facts/starrocks.md 1.7), so the label is
 * what makes a repeated load harmless. Pure.
 *
 *   <prefix>_<first 12 of the pipeline id>_<16 hex of the hash of "db.table">_<epoch, decimal>
 *
 * The loads of an epoch that comes in parts have _<part, from 1> behind it.
 * Rows that lack columns go in loads of their own, one a column set; the hash then covers the set.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_LABEL_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_LABEL_INT_H

#include "engine/engine.h"

#define LABEL_PREFIX_DEFAULT "millrace"

/* RC_CONFIG when the prefix has a character that a label may not have, or leaves no room for the
 * rest in `label_max` bytes. `prefix` is a C string because the configuration holds it; NULL means
 * the default. */
enum rc label_check_prefix(const char *prefix, unsigned label_max, struct error *err) MUST_CHECK;

/* Appends the label. The prefix must have passed label_check_prefix. `set_hash` is
 * column_set_hash's number, 0 for rows that have all columns; `part` 0: the epoch comes as a whole. */
void label_add(struct buf *out, const char *prefix, struct slice pipeline_id, struct slice db,
               struct slice table, uint64_t set_hash, uint64_t epoch, uint32_t part);

#define LABEL_BYTES 136 /* the longest label, and its NUL */

/* What all loads of an epoch in one transaction over the tables of a database are called by: the hash is the
 * database's, and _t stands at the end. */
void label_add_joint(struct buf *out, const char *prefix, struct slice pipeline_id, struct slice db,
                     uint64_t epoch);
/* The epoch in such a name; 0: it is none. */
uint64_t label_joint_epoch(struct slice token);
/* The label of the transaction with that number, in `out`. */
struct slice label_of_attempt(struct slice token, uint64_t number, char out[LABEL_BYTES]);

/* The label of a piece of the load that has this label, of the same length: `hash` is of the piece's
 * rows. The text lies in `out`. Of an epoch that does not come in parts. */
struct slice label_of_piece(struct slice label, uint64_t hash, char out[LABEL_BYTES]);

#endif

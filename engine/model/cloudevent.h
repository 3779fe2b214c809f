/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change as a CloudEvent 1.0 in JSON format, one line (CloudEvents spec 1.0.2, JSON event
 * format).
 *
 *   id            <gtid>:<ordinal>, or <server_id>/<file>:<offset>:<ordinal> without GTIDs: the same
 *                 after a restart and in an offline replay
 *   source        urn:millrace:mysql:<name>
 *   type          io.millrace.mysql.row.{inserted,updated,deleted,read}.v1, .table.truncated.v1,
 *                 .schema.changed.v1
 *   subject       <db>/<table>
 *   time          commit time, RFC 3339
 *   sequence      generation, file number, offset, ordinal in fixed-width hex: sorts in stream order
 *   partitionkey  16 hex digits of a keyed hash of the key's values; absent for keyless tables
 *   cdcop         c u d r t, absent for schema changes
 *   cdcdb cdctable cdcgtid cdcfile cdcpos cdctxid
 *   data          {"before": {...}|null, "after": {...}|null}; a column absent from the image is absent
 */
#ifndef MILLRACE_MODEL_CLOUDEVENT_H
#define MILLRACE_MODEL_CLOUDEVENT_H

#include "change.h"

struct event_table;

/* What a change shares with the one before it mostly: all of the envelope but the row's own number and
 * key. The texts are made again when one of these differs. */
struct cloudevent_envelope {
    enum change_kind kind; /* CHANGE_NONE: nothing was made yet */
    const struct table *table;
    uint64_t event_offset;
    uint64_t txn_offset;
    uint64_t commit_time_us;
    uint32_t server_id;
    uint32_t generation;
    struct buf txn_text; /* the transaction's GTID and file, as they came */
    struct buf text;     /* three parts: up to the id's ordinal, the sequence's ordinal, the data */
    size_t sequence_part; /* where the second begins */
    size_t data_part;     /* where the third begins */
};

/* Owned by the caller; one thread. The tables of its changes must outlive it, as those of a source that
 * is closed after it do. */
struct cloudevent_writer {
    struct buf source;  /* the `source` attribute, escaped */
    struct buf scratch; /* for column text */
    struct buf key;
    struct cloudevent_envelope envelope;
    struct event_table *tables; /* owned: a cache, see event_table_int.h */
};

enum rc cloudevent_writer_init(struct cloudevent_writer *writer, struct slice source_name,
                               struct error *err) MUST_CHECK;
void cloudevent_writer_deinit(struct cloudevent_writer *writer);

/* Appends one line with its '\n'. Changes that are no events (COMMIT, IDLE) append nothing.
 * Errors: as column_text_fn, and RC_LIMIT/RC_MEMORY of `out`; then `out` is cut back to where it
 * was. */
enum rc cloudevent_add(struct cloudevent_writer *writer, struct buf *out,
                       const struct change *change, struct error *err) MUST_CHECK;

#endif

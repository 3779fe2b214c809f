/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop that carries changes from a source to a sink in epochs, with the checkpoint store around
 * it:
 *
 *   read and write into the open batch, until time, bytes or rows say enough;
 *   seal -> store.intent -> submit; go on reading while the loads run;
 *   each load that ends -> store.done; all of them -> store.advance;
 *   loads in two phases: all prepared -> store.prepared -> commit -> as above.
 *
 * An epoch is a run of whole transactions. A transaction larger than the memory bound is cut into
 * several epochs; the position between them is the transaction's start and the number of its rows
 * delivered.
 *
 * Threads: the loop runs on the caller's thread; pipeline_stop may come from any other.
 */
#ifndef MILLRACE_PIPELINE_PIPELINE_H
#define MILLRACE_PIPELINE_PIPELINE_H

#include "../config/route.h"
#include "../ports/sink.h"
#include "../ports/snapshot.h"
#include "../ports/source.h"
#include "../ports/store.h"
#include "dead_letter.h"

/* The `pipeline:` block. */
struct pipeline_config {
    const char *name;
    const char *checkpoint_dir; /* NULL: beside the pipeline file */
    int route_mode;             /* enum route_mode */
    int delivery;               /* enum pipeline_delivery */
    int visibility;             /* enum pipeline_visibility */
    uint64_t stop_timeout_ms;
    uint64_t progress_interval_ms;
    uint64_t label_trust_ms;
    int schema_change_behavior;  /* enum behavior */
    int unknown_rows_behavior;   /* enum unknown_behavior */
    int rejected_rows;           /* enum pipeline_rejected */
    const char *dead_letter_dir; /* NULL: the checkpoint's folder */
    int64_t dead_letter_max_rows;
    /* Flink CDC's keys that choose nothing here: read and checked, then forgotten. */
    int runtime_mode;
    const char *local_time_zone;
    const char *unused_text;
    int64_t unused_number;
    uint64_t unused_duration_ms;
    int unused_choice;
};

enum pipeline_delivery { PIPELINE_EXACTLY_ONCE = 0, PIPELINE_AT_LEAST_ONCE };
enum pipeline_visibility { PIPELINE_VISIBLE_EACH = 0, PIPELINE_VISIBLE_TOGETHER };
enum pipeline_rejected { PIPELINE_REJECTED_STOP = 0, PIPELINE_REJECTED_DEAD_LETTER };

extern const struct cfg_section pipeline_section;

/* RC_CONFIG when a word of include.schema.changes or exclude.schema.changes means nothing. */
enum rc pipeline_schema_check(const struct sink_schema_config *schema,
                              struct error *err) MUST_CHECK;

/* RC_CONFIG when the sink cannot show the loads of an epoch together and shall. */
enum rc pipeline_visibility_check(const struct pipeline_config *config, const struct sink_ops *sink,
                                  struct error *err) MUST_CHECK;

/* RC_CONFIG when refused rows shall be put aside and the sink refuses none, or whole transactions shall
 * become visible. */
enum rc pipeline_rejected_check(const struct pipeline_config *config, const struct sink_ops *sink,
                                struct error *err) MUST_CHECK;

struct pipeline_parts {
    struct source *source; /* open, not started; all three stay the caller's */
    struct sink *sink;
    struct store *store;
    const struct store_ops *store_ops;
    struct route_set *routes;
    const struct pipeline_config *config;
    const struct source_tables_config *tables; /* NULL: the stream alone */
    const struct snapshot_ops *snapshot_ops;   /* NULL: no snapshot */
    const struct sink_schema_config *schema;   /* NULL: nothing is excluded */
    const char *checkpoint_dir;                /* for requests and the status file; NULL: neither */
    struct dead_letters *dead_letters;         /* the sink has them too; NULL: none */
};

struct pipeline;

enum rc pipeline_new(const struct pipeline_parts *parts, struct pipeline **pipeline_out,
                     struct error *err) MUST_CHECK;
void pipeline_free(struct pipeline *pipeline);

/* Runs until pipeline_stop (RC_OK: the epoch in hand was finished within the deadline, else
 * RC_CANCELLED, which loses nothing), the end of an offline source (RC_OK), or an error. */
enum rc pipeline_run(struct pipeline *pipeline, struct error *err) MUST_CHECK;

/* Which part the error of pipeline_run came from, for the exit code. */
enum pipeline_side {
    PIPELINE_SIDE_NONE = 0,
    PIPELINE_SIDE_SOURCE,
    PIPELINE_SIDE_SINK,
    PIPELINE_SIDE_STORE
};
enum pipeline_side pipeline_failed_side(const struct pipeline *pipeline);

/* Finish the epoch in hand and end. Any thread. */
void pipeline_stop(struct pipeline *pipeline);

#endif

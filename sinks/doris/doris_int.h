/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Apache Doris dialect of Stream Load.
 *
 *   config.c   the keys of `type: doris`
 *   types.c    source column -> Doris type and encoding                     (pure)
 *   ddl.c      CREATE TABLE, names, and what the product says of itself
 *   headers.c  the request headers of a load                                (pure)
 *   partial.c  can the target update a part of a row
 *   steps.c    the requests of two-phase loading, and who can do it
 *   answer.c   what an answer means                                         (pure)
 *   doris.c    the dialect and the sink_ops that point at the shared core
 */
#ifndef MILLRACE_SINKS_DORIS_INT_H
#define MILLRACE_SINKS_DORIS_INT_H

#include "../dialect/change_int.h"
#include "../sinks.h"

#define DORIS_DELETE_COLUMN "__DORIS_DELETE_SIGN__"
#define DORIS_VARCHAR_MAX 65533 /* bytes; beyond it STRING */

struct doris_config {
    struct sink_schema_config schema; /* first: the engine reads it (ports/sink.h) */
    struct dialect_config common;
    struct cfg_list fenodes;
    struct cfg_list benodes;
    const char *charset;
    bool enable_delete;
    struct cfg_map auto_partition;
    int64_t threads;
    uint64_t connect_timeout_ms;
    uint64_t answer_timeout_ms;
    uint64_t continue_timeout_ms;
    /* Keys that are read and mean nothing here. */
    bool unused_flag;
    int64_t unused_number;
    uint64_t unused_size;
    uint64_t unused_duration;
};

extern const struct cfg_section doris_section;
extern const struct load_dialect doris_dialect;
extern const struct dialect_traits doris_traits;
extern const struct dialect_changes doris_changes;
extern const struct dialect_property_rule doris_property_rules[];
extern const unsigned doris_property_rule_count;

/* Fills the core's settings and the SQL connection's options; both borrow from `config`. */
void doris_settings(const struct doris_config *config, struct load_settings *settings_out,
                    struct myconn_options *query_out);

/* A dialect_type_fn. RC_UNSUPPORTED when no Doris type takes the column at that place. */
enum rc doris_type(const struct column *column, enum dialect_place place, struct arena *arena,
                   struct load_column *out, struct error *err) MUST_CHECK;

/* RC_CONFIG for names that Doris refuses. */
enum rc doris_names_check(const struct load_schema *schema, bool unicode_names,
                          struct error *err) MUST_CHECK;
/* `config`: a struct doris_config. */
void doris_create_sql(const void *config, const struct load_schema *schema, const uint32_t *first,
                      uint32_t first_count, struct buf *out);

enum rc doris_target_prepare(const struct load_settings *settings, const void *config,
                             struct myconn *conn, const struct table *source,
                             const struct sink_target *target, struct arena *arena,
                             struct load_schema *schema_out, struct error *err) MUST_CHECK;
enum rc doris_check(const struct load_settings *settings, const void *config, struct myconn *conn,
                    struct report *report, struct error *err) MUST_CHECK;
enum rc doris_change_turn(const struct load_settings *settings, const void *config,
                          struct myconn *conn, const struct schema_step *step,
                          const struct sink_target *target, struct arena *arena,
                          struct change_progress *progress, enum change_state *state_out,
                          struct error *err) MUST_CHECK;
/* RC_UNSUPPORTED where the target cannot update a part of a row. */
enum rc doris_partial_check(struct myconn *conn, const struct load_schema *schema,
                            struct error *err) MUST_CHECK;
void doris_headers(const struct load_settings *settings, const struct load_schema *schema,
                   const uint8_t *set, struct slice label, struct buf *out);
void doris_read_answer(int http_status, struct slice body, struct load_answer *answer_out);
const char *doris_step_request(const struct load_settings *settings, enum load_step step,
                               const struct load_txn *txn, struct buf *path, struct buf *headers);
void doris_read_step(enum load_step step, int http_status, struct slice body,
                     struct load_answer *answer_out);
/* RC_UNSUPPORTED where the target cannot be loaded in two phases. */
enum rc doris_two_phase_check(struct myconn *conn, const struct load_schema *schema,
                              struct error *err) MUST_CHECK;
enum label_state doris_read_label_state(int http_status, struct slice body);

#endif

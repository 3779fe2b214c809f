/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The StarRocks dialect of Stream Load.
 *
 *   config.c     the keys of `type: starrocks`
 *   types.c      source column -> StarRocks type and encoding               (pure)
 *   ddl.c        CREATE TABLE, names, and what the product says of itself
 *   headers.c    the request headers of a load                              (pure)
 *   steps.c      the transaction interface, and who has it
 *   progress.c   who has transactions over several tables, and the row that says which were applied
 *   answer.c     what an answer means                                       (pure)
 *   starrocks.c  the dialect and the sink_ops that point at the shared core
 */
#ifndef MILLRACE_SINKS_STARROCKS_INT_H
#define MILLRACE_SINKS_STARROCKS_INT_H

#include "../dialect/change_int.h"
#include "../sinks.h"

#define STARROCKS_DELETE_COLUMN "__op"
#define STARROCKS_VARCHAR_MAX 1048576 /* bytes, in every version before 4.2 */
#define STARROCKS_KEY_BYTES 128       /* the backends' primary_key_limit_size */

struct starrocks_config {
    struct sink_schema_config schema; /* first: the engine reads it (ports/sink.h) */
    struct dialect_config common;
    struct cfg_list load_url;
    int64_t connect_timeout_ms;
    int64_t socket_timeout_ms; /* -1: ours */
    int64_t continue_timeout_ms;
    int64_t io_threads;
    uint64_t prepared_timeout_ms;
    bool multi_table;
    int64_t threads; /* 0: io_threads */
    struct cfg_list backend_list;
    /* Keys that are read and mean nothing here. */
    bool unused_flag;
    int64_t unused_number;
    uint64_t unused_duration;
};

extern const struct cfg_section starrocks_section;
extern const struct load_dialect starrocks_dialect;
extern const struct dialect_traits starrocks_traits;
extern const struct dialect_changes starrocks_changes;
extern const struct dialect_property_rule starrocks_property_rules[];
extern const unsigned starrocks_property_rule_count;

/* Fills the core's settings and the SQL connection's options; both borrow from `config`. */
void starrocks_settings(const struct starrocks_config *config, struct load_settings *settings_out,
                        struct myconn_options *query_out);

/* A dialect_type_fn. RC_UNSUPPORTED when no StarRocks type takes the column at that place. */
enum rc starrocks_type(const struct column *column, enum dialect_place place, struct arena *arena,
                       struct load_column *out, struct error *err) MUST_CHECK;
/* The most bytes that a table's key can take, by its planned types. */
uint64_t starrocks_key_bytes(const struct load_schema *schema);

/* RC_CONFIG for names that StarRocks refuses. */
enum rc starrocks_names_check(const struct load_schema *schema, struct error *err) MUST_CHECK;
/* `config`: a struct starrocks_config. */
void starrocks_create_sql(const void *config, const struct load_schema *schema,
                          const uint32_t *first, uint32_t first_count, struct buf *out);

enum rc starrocks_target_prepare(const struct load_settings *settings, const void *config,
                                 struct myconn *conn, const struct table *source,
                                 const struct sink_target *target, struct arena *arena,
                                 struct load_schema *schema_out, struct error *err) MUST_CHECK;
enum rc starrocks_check(const struct load_settings *settings, const void *config,
                        struct myconn *conn, struct report *report, struct error *err) MUST_CHECK;
enum rc starrocks_change_turn(const struct load_settings *settings, const void *config,
                              struct myconn *conn, const struct schema_step *step,
                              const struct sink_target *target, struct arena *arena,
                              struct change_progress *progress, enum change_state *state_out,
                              struct error *err) MUST_CHECK;
/* RC_UNSUPPORTED where the target cannot update a part of a row. */
enum rc starrocks_partial_check(struct myconn *conn, const struct load_schema *schema,
                                struct error *err) MUST_CHECK;
void starrocks_headers(const struct load_settings *settings, const struct load_schema *schema,
                       const uint8_t *set, struct slice label, struct buf *out);
void starrocks_read_answer(int http_status, struct slice body, struct load_answer *answer_out);
const char *starrocks_step_request(const struct load_settings *settings, enum load_step step,
                                   const struct load_txn *txn, struct buf *path,
                                   struct buf *headers);
void starrocks_read_step(enum load_step step, int http_status, struct slice body,
                         struct load_answer *answer_out);
/* RC_UNSUPPORTED where the target cannot be loaded in two phases. */
enum rc starrocks_two_phase_check(struct myconn *conn, const struct load_schema *schema,
                                  struct error *err) MUST_CHECK;
/* RC_UNSUPPORTED where the target has no transactions over several tables. */
enum rc starrocks_joint_check(struct myconn *conn, struct error *err) MUST_CHECK;
enum rc starrocks_joint_row(const void *config, struct myconn *conn, const struct table *progress,
                            const struct sink_target *target, struct slice pipeline_id,
                            struct arena *arena, enum joint_row *row_out, uint64_t *epoch_out,
                            struct error *err) MUST_CHECK;
enum label_state starrocks_read_label_state(int http_status, struct slice body);

#endif

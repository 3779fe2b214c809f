/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that the target does not take, on their way to the file of dead letters (`rejected.rows:
 * dead-letter`). They are found in three places:
 *
 *   refuse_draft   while the row is written: its value fits no column there
 *   refuse_known   when the batch is sealed: a change of its key waits in the file already, or, of a table
 *                  without a key, an earlier life put the very row aside
 *   refuse_rows    when the target has refused its load, by bisection
 *
 * The first two stay in their bodies as rows that are not sent (BODY_REFUSED), for a later state of the
 * key may still replace them, and go to the file when the journal knows the epoch (refuse_store): then
 * which rows the epoch has is settled for ever. Letters are durable before the load goes out without
 * their rows, so that whoever reads the epoch again finds the same rows put aside.
 *
 * Threads: the pipeline's one thread.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_REFUSE_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_REFUSE_INT_H

#include "sink_int.h"

enum rc refuse_init(struct refusing *refusing, const struct sink_options *options,
                    struct error *err) MUST_CHECK;
void refuse_deinit(struct refusing *refusing);

/* The lines of a change that was rejected, with values as they are. RC_REJECTED, with `rejection` as the
 * error: there are no letters, or no line either. Else as encoder_draft. */
enum rc refuse_draft(struct stream_load *sink, struct sink_table *table,
                     const struct change *change, struct body_draft *draft,
                     const struct error *rejection, struct error *err) MUST_CHECK;
enum rc refuse_known(struct stream_load *sink, struct load_target *target, uint64_t epoch,
                     struct error *err) MUST_CHECK;
enum rc refuse_store(struct stream_load *sink, struct sealed_epoch *epoch,
                     struct error *err) MUST_CHECK;
/* The refused rows of a load that was bisected go to the file and out of the load, which is then to be
 * sent again. */
enum rc refuse_rows(struct stream_load *sink, struct sealed_load *sealed,
                    struct error *err) MUST_CHECK;
/* Why the rows of this load end the pipeline all the same. */
void refuse_explain(const struct stream_load *sink, const struct load_task *task,
                    struct error *err);

/* What a change of the target itself means for the letters of its rows: asked before it is made, and done
 * when it is. */
enum rc refuse_check_step(const struct stream_load *sink, const struct schema_step *step,
                          const struct sink_target *names, struct error *err) MUST_CHECK;
enum rc refuse_follow_step(struct stream_load *sink, const struct schema_step *step,
                           const struct sink_target *names, struct error *err) MUST_CHECK;

#endif

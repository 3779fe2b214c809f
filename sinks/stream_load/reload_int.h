/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters on their way to the target once more (`millrace replay`). An epoch of its own takes them:
 *
 *   reload_take    the letters that were asked for, as many as go into one batch, each key's as the one row
 *                  that they make; the file says which they are before the journal has the epoch
 *   reload_refuse  what the target refuses again loses its mark and stays, before the load goes out
 *                  without it
 *
 * A load names its columns as the letters do: the table may have got others since. A target has one list of
 * columns an epoch; what has another one waits for the next. Without a key and in one phase a load that is
 * refused cannot be tried in parts, so there an epoch has one row.
 *
 * Threads: the pipeline's one thread.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_RELOAD_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_RELOAD_INT_H

#include "sink_int.h"

void reload_init(struct reloading *reloading);
void reload_deinit(struct reloading *reloading);

/* Whether this epoch's rows are letters. */
static inline bool reload_is(const struct stream_load *sink, uint64_t epoch)
{
    return sink->reloading.epoch == epoch && epoch > 0;
}

enum rc reload_take(struct stream_load *sink, uint64_t epoch, bool again, uint64_t *rows_out,
                    struct error *err) MUST_CHECK;
enum rc reload_refuse(struct stream_load *sink, struct sealed_load *sealed,
                      struct error *err) MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a journal's bytes from front to end and says how far they can be trusted: pure, no files.
 *
 * The one question is what a bad record means. Three rules answer it:
 *
 *   1. Nothing whole lies behind it: the crash fell into the write. The tail is cut.
 *   2. What lies behind it was written after the last fsync: `done` records of the unfinished epoch
 *      and at most one more, the record that ends it or tries it again, at the very end. A power
 *      cut may keep such pages in any order. The tail is cut from the bad record on.
 *   3. Anything else lies behind it: that was promised to be durable, so the file was damaged
 *      later. It is refused with RC_CORRUPT and left as it is.
 *
 * What a cut by rule 1 or 2 can lose was not acknowledged, or is `done`, which costs a question to
 * the target.
 *
 * Threads: the caller's one.
 */
#ifndef MILLRACE_CHECKPOINT_RECOVERY_INT_H
#define MILLRACE_CHECKPOINT_RECOVERY_INT_H

#include "model_int.h"

struct checkpoint_replay {
    struct checkpoint_header header;          /* borrowed from the file's bytes */
    uint64_t sequence;                        /* of the last good record; 0: none */
    uint64_t good_len;                        /* bytes up to the end of the last good record */
    uint64_t cut_len;                         /* bytes behind them that mean nothing */
    const char *cut_problem;                  /* a literal: what is wrong with them */
    uint64_t counts[CHECKPOINT_RECORD_TYPES]; /* good records by type */
    uint64_t bad_offset;                      /* where it failed, with RC_CORRUPT */
};

/* `generation` is the file name's. Fills the model, which must be fresh, and `replay_out`. The
 * error texts say the byte and what is wrong, not the file. */
enum rc checkpoint_replay(struct slice file, uint64_t generation, struct checkpoint_model *model,
                          struct checkpoint_replay *replay_out, struct error *err) MUST_CHECK;

#endif

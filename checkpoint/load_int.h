/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a folder to a state: which generation counts, and what it says.
 *
 * The newest generation counts. The one before it is used in one case: when the newest is not whole
 * and nothing was ever appended to it. A new generation is the old one's end state and nothing
 * else, always the same bytes; so "nothing was appended" is seen from its length alone, and then
 * the old generation says exactly what the new one would have said. In every other case falling
 * back would mean an earlier position, and loads sent again that the target may have forgotten: a
 * keyless table would have its rows twice. That is refused as damage.
 *
 * Threads: the caller's one. Nothing is written.
 */
#ifndef MILLRACE_CHECKPOINT_LOAD_INT_H
#define MILLRACE_CHECKPOINT_LOAD_INT_H

#include "journal_int.h"
#include "recovery_int.h"

struct checkpoint_loaded {
    uint64_t newest;     /* 0: the folder has no journal */
    uint64_t generation; /* whose records the model holds */
    uint64_t sequence;
    uint64_t good_len;
    uint64_t cut_len;
    const char *cut_problem;
    uint64_t counts[CHECKPOINT_RECORD_TYPES];
    char pipeline[CHECKPOINT_NAME_MAX + 1];
};

/* `model` must be fresh. */
enum rc checkpoint_load(int dir_fd, const char *dir, struct checkpoint_model *model,
                        struct checkpoint_loaded *loaded_out, struct error *err) MUST_CHECK;

#endif

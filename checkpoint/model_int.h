/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the records of a journal mean: the state machine that turns them, one after the other, into
 * the state that the pipeline sees. The same code runs when a journal is read and when a record is
 * about to be written, so both have one idea of what may follow what.
 *
 *      idle  --intent-->  unfinished  --advance-->  idle
 *      idle  --move-->    idle
 *      unfinished  --done-->    unfinished     one load more is durable
 *      unfinished  --intent-->  unfinished     the same epoch, a later attempt
 *      unfinished  --intent behind-->  unfinished, one epoch more
 *      any   --bind-->    the same
 *
 * Of several unfinished epochs the oldest advances, is prepared and has later attempts; `done` is said
 * of any of them.
 *
 * Notes (engine/ports/store.h) come true with the `advance` of the intent that brought them, or with
 * the `move`. A generation begins with the notes that were true, before its first `advance`: a
 * journal whose notes are cut off has no state and is never taken for one that has.
 *
 * A change is made in two steps: stage checks the record and gets all memory that it needs, commit
 * cannot fail. Between them the record is written, so memory and disk never differ.
 *
 * Threads: the caller's one.
 */
#ifndef MILLRACE_CHECKPOINT_MODEL_INT_H
#define MILLRACE_CHECKPOINT_MODEL_INT_H

#include "notes_int.h"

enum { CHECKPOINT_SLOTS = STORE_EPOCHS_MAX + 1 };

struct checkpoint_slot {
    struct store_intent intent;
    struct arena arena; /* its entries and flags */
    struct checkpoint_note_list notes;
};

struct checkpoint_model {
    struct store_state state; /* intent points into slots */
    struct checkpoint_slot slots[CHECKPOINT_SLOTS];
    unsigned order[CHECKPOINT_SLOTS]; /* of slots: the unfinished epochs, oldest first, then unused
                                         ones; the last takes the intent that is staged */
    unsigned unfinished;
    unsigned staged_place;           /* in `order`, of the intent that is staged */
    struct checkpoint_record staged; /* type NONE: nothing */
    struct position staged_position;
    struct checkpoint_notes notes; /* what is true */
    struct checkpoint_note_list staged_notes;
    bool begun;   /* a record was seen that is not the beginning of a generation */
    bool carried; /* an advance without an intent was seen: the state of an older generation */
};

void checkpoint_model_init(struct checkpoint_model *model);
void checkpoint_model_deinit(struct checkpoint_model *model);
/* Back to a state that knows nothing. */
void checkpoint_model_reset(struct checkpoint_model *model);
void checkpoint_model_identify(struct checkpoint_model *model,
                               const struct checkpoint_header *header);

/* RC_CORRUPT when the record cannot follow what is there; RC_MEMORY. `record` must live until
 * commit. */
enum rc checkpoint_model_stage(struct checkpoint_model *model,
                               const struct checkpoint_record *record,
                               struct error *err) MUST_CHECK;
void checkpoint_model_commit(struct checkpoint_model *model);

/* About how many bytes checkpoint_model_write would give. */
uint64_t checkpoint_model_size(const struct checkpoint_model *model);
/* A whole journal of this generation that says what the model holds, and nothing of how it came to
 * it; the same model gives the same bytes. Only when no epoch is unfinished. `sequence_out` is the
 * last record's. */
void checkpoint_model_write(const struct checkpoint_model *model, struct slice pipeline,
                            uint64_t generation, struct buf *out, uint64_t *sequence_out);

#endif

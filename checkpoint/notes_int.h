/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The notes of a checkpoint (engine/ports/store.h): what is true now, as a list in the order of
 * keys, and what a record brings, as a list in the record's own order.
 *
 * A record's notes get all their memory while the record is staged; taking them over cannot fail.
 * A note that is said again is replaced, so the memory is that of the true notes and of one record.
 *
 * Threads: the caller's one.
 */
#ifndef MILLRACE_CHECKPOINT_NOTES_INT_H
#define MILLRACE_CHECKPOINT_NOTES_INT_H

#include "format_int.h"

struct checkpoint_note; /* one allocation: lengths, key, value */

/* What a record brings, until it comes true or is replaced. */
struct checkpoint_note_list {
    struct checkpoint_note **items; /* owned, like what they point to */
    uint32_t count;
};

struct checkpoint_notes {
    struct checkpoint_note **sorted; /* owned, by key */
    size_t count;
    size_t cap;
    uint64_t bytes; /* of all keys and values: what a new generation has to write */
};

void checkpoint_note_list_clear(struct checkpoint_note_list *list);
/* Copies a record's encoded notes in place of what `list` holds. */
enum rc checkpoint_note_list_take(struct checkpoint_note_list *list, struct slice encoded,
                                  uint32_t count, struct error *err) MUST_CHECK;

void checkpoint_notes_deinit(struct checkpoint_notes *notes);
/* Room for all of `list`: afterwards checkpoint_notes_apply cannot fail. */
enum rc checkpoint_notes_reserve(struct checkpoint_notes *notes,
                                 const struct checkpoint_note_list *list,
                                 struct error *err) MUST_CHECK;
/* Makes the list true and leaves it empty. */
void checkpoint_notes_apply(struct checkpoint_notes *notes, struct checkpoint_note_list *list);
/* The `index`-th note in the order of keys. */
struct store_note checkpoint_notes_at(const struct checkpoint_notes *notes, size_t index);
/* How many notes have a smaller key. */
size_t checkpoint_notes_behind(const struct checkpoint_notes *notes, struct slice key);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "journal_int.h"

#include <stdio.h>

#include "../base/text.h"
#include "epoch_int.h"
#include "notes_int.h"

static const char STEPS[] = "pipeline/steps";

/* The statement's own place in the stream, the same each time it is read. */
void journal_begin(struct pipeline *pipeline, const struct change *change)
{
    struct step_journal *journal = &pipeline->steps;
    char ident[sizeof(journal->ident)];
    const struct txn *txn = change->txn;
    if (txn->gtid.len > 0 && txn->gtid.len < sizeof(ident))
        snprintf(ident, sizeof(ident), "%.*s", SLICE_ARG(txn->gtid));
    else
        snprintf(ident, sizeof(ident), "%.*s:%llu",
                 (int)(txn->file.len < 400 ? txn->file.len : 400), (const char *)txn->file.ptr,
                 (unsigned long long)txn->offset);
    if (strcmp(ident, journal->ident) == 0 && change->ordinal > 0)
        return;
    journal->seen = 0;
    if (strcmp(ident, journal->ident) == 0)
        return;
    memcpy(journal->ident, ident, sizeof(ident));
    journal->done = 0;
}

enum rc journal_note(struct pipeline *pipeline, struct error *err)
{
    char value[sizeof(pipeline->steps.ident) + 16];
    snprintf(value, sizeof(value), "%u %s", pipeline->steps.done, pipeline->steps.ident);
    pipeline->steps.noted = true;
    enum rc rc = notes_add(pipeline, slice_str(STEPS), slice_str(value), err);
    return rc != RC_OK ? rc : epoch_note(pipeline, err);
}

static enum rc take_note(void *ctx, struct slice key UNUSED, struct slice value,
                         struct error *err UNUSED)
{
    struct pipeline *pipeline = ctx;
    struct step_journal *journal = &pipeline->steps;
    const uint8_t *space = value.len == 0 ? NULL : memchr(value.ptr, ' ', value.len);
    uint64_t done = 0;
    if (space == NULL || !text_parse_u64(slice_of(value.ptr, (size_t)(space - value.ptr)), &done))
        return RC_OK;
    snprintf(journal->ident, sizeof(journal->ident), "%.*s",
             (int)(value.len - (size_t)(space + 1 - value.ptr)), (const char *)space + 1);
    journal->done = (unsigned)done;
    journal->noted = journal->resumed = true;
    return RC_OK;
}

enum rc journal_load(struct pipeline *pipeline, struct error *err)
{
    return at(pipeline, PIPELINE_SIDE_STORE,
              pipeline->parts.store_ops->notes(pipeline->parts.store, slice_str(STEPS), take_note,
                                               pipeline, err));
}

enum rc journal_settle(struct pipeline *pipeline, struct error *err)
{
    pipeline->settled = false;
    pipeline->steps.seen = 0;
    pipeline->steps.ident[0] = '\0';
    enum rc rc = RC_OK;
    if (pipeline->steps.noted)
        rc = notes_add(pipeline, slice_str(STEPS), SLICE_EMPTY, err);
    pipeline->steps.noted = false;
    pipeline->steps.resumed = false;
    return rc != RC_OK ? rc : epoch_move(pipeline, err);
}

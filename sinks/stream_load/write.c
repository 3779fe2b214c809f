/* SPDX-License-Identifier: Apache-2.0 */
/* Changes into the open batch. */
#include "refuse_int.h"

static enum rc check_partial(struct stream_load *sink, struct sink_table *table,
                             const struct body_draft *draft, struct error *err)
{
    struct error own;
    bool partial = false;
    for (unsigned i = 0; i < draft->count; i++)
        partial |= draft->lines[i].set != BODY_WHOLE;
    return partial
               ? sink_need_partial(sink, table->target, &table->schema, err == NULL ? &own : err)
               : RC_OK;
}

/* Takes the draft's lines into the open batch. */
static enum rc keep_draft(struct stream_load *sink, struct sink_table *table, struct body *body,
                          const struct body_draft *draft, uint64_t memory, struct error *err)
{
    bool first = body->row_count == 0;
    uint64_t rows = body->live_rows;
    uint64_t collapsed = body->collapsed;
    enum rc rc = body_draft_keep(body, draft, !table->schema.keyless, err);
    if (rc != RC_OK)
        return rc;
    if (first) {
        sink_note_open(sink, table->target, &table->schema);
        table->target->open_column_list = table->column_list;
    }
    sink->open_rows += body->live_rows - rows;
    sink->open_bytes += body_memory(body) - memory;
    sink->stats.rows_collapsed += body->collapsed - collapsed;
    return RC_OK;
}

/* The change behind the draft's lines, where refused rows become dead letters. `reason`: why the last
 * line is not sent; empty: it is. */
static enum rc keep_change(struct body *body, const struct body_draft *draft,
                           const struct change *change, struct slice reason, struct error *err)
{
    enum rc rc = RC_OK;
    for (unsigned i = 0; rc == RC_OK && i < draft->count; i++)
        rc = kept_add(&body->kept, change, draft->lines[i].set,
                      i + 1 == draft->count ? reason : SLICE_EMPTY, err);
    return rc;
}

/* The change's lines at the end of the body. `reason`: of the last one, when it is not to be sent; its
 * text lies in `rejection`, which is filled for a row that is rejected and for no other. */
static enum rc draft_row(struct stream_load *sink, struct sink_table *table,
                         const struct change *change, struct body_draft *draft,
                         struct slice *reason, struct error *rejection, struct error *err)
{
    struct body *body = target_open_body(table->target);
    *reason = SLICE_EMPTY;
    enum rc rc = encoder_draft(&table->encoder, body, draft, change, rejection);
    if (rc == RC_REJECTED) {
        rc = refuse_draft(sink, table, change, draft, rejection, err);
        *reason = slice_of(rejection->text, rejection->text_len);
    } else if (rc != RC_OK && err != NULL) {
        *err = *rejection;
    }
    return rc;
}

enum rc stream_load_write(struct sink *base, struct sink_table *table, const struct change *change,
                          struct error *err)
{
    struct stream_load *sink = stream_load_of(base);
    enum rc rc = table->stale ? sink_renew_table(sink, table, err) : RC_OK;
    if (rc != RC_OK)
        return rc;
    if (change->kind == CHANGE_TRUNCATE)
        return sink_truncate(sink, table, err);
    struct body *body = target_open_body(table->target);
    if (body->row_count > 0 && table->target->open_column_list != table->column_list)
        return RC_FULL;
    uint64_t memory = body_memory(body); /* before the draft, which lies in the body already */
    struct body_draft draft;
    struct error rejection;
    struct slice reason;
    rc = draft_row(sink, table, change, &draft, &reason, &rejection, err);
    if (rc == RC_LIMIT && sink->open_rows > 0) {
        error_clear(err);
        return RC_FULL; /* in an empty batch it has more room */
    }
    if (rc != RC_OK || draft.count == 0)
        return rc;
    rc = check_partial(sink, table, &draft, err);
    if (rc == RC_OK &&
        !sink_has_room(sink, body, &draft, kept_change_memory(&body->kept, change, draft.count)))
        rc = RC_FULL;
    if (rc == RC_OK && body->kept.wanted)
        rc = keep_change(body, &draft, change, reason, err);
    if (rc != RC_OK) {
        body_draft_drop(body, &draft);
        return rc;
    }
    rc = keep_draft(sink, table, body, &draft, memory, err);
    if (rc == RC_OK && reason.len > 0)
        body_refuse_row(body, body->row_count - 1);
    return rc;
}

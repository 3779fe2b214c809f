/* SPDX-License-Identifier: Apache-2.0 */
#include "rows_partial_int.h"

/* Documents of one row; each may have 1 GiB at the server. */
#define DOCUMENTS_MAX ((size_t)1 << 30)

void rows_partial_init(struct rows_partial *partial)
{
    json_patch_init(&partial->patch);
    buf_init(&partial->documents, DOCUMENTS_MAX);
}

void rows_partial_deinit(struct rows_partial *partial)
{
    json_patch_deinit(&partial->patch);
    buf_deinit(&partial->documents);
}

static enum rc refuse_missing(struct error *err)
{
    error_set(
        err, RC_UNSUPPORTED,
        "The update holds only the changed parts of a JSON document, and the row image before "
        "it does not carry the document.");
    error_hint(err, "SET GLOBAL binlog_row_image = 'FULL' (or binlog_row_value_options = '') makes "
                    "the server write what is needed from then on; load the table anew.");
    return RC_UNSUPPORTED;
}

/* The document goes behind those that are there already; where it lies is known only when the last
 * one is made, so the cell has no pointer until then. */
static enum rc complete_cell(struct rows_partial *partial, const struct cell *before,
                             struct cell *after, struct error *err)
{
    if (after->len == 0) { /* nothing changed in it */
        *after = *before;
        return RC_OK;
    }
    if (before->state == CELL_ABSENT)
        return refuse_missing(err);
    if (before->state == CELL_NULL)
        return error_set(err, RC_CORRUPT, "The update changes a JSON document that is NULL.");
    size_t start = partial->documents.len;
    enum rc rc = json_patch_apply(&partial->patch, slice_of(before->ptr, before->len),
                                  slice_of(after->ptr, after->len), &partial->documents, err);
    after->ptr = NULL;
    after->len = (uint32_t)(partial->documents.len - start);
    return rc;
}

static void point_to_documents(const struct rows_partial *partial, struct table_shape *shape)
{
    const uint8_t *at = partial->documents.ptr;
    for (uint32_t i = 0; i < shape->column_count; i++) {
        struct cell *cell = &shape->after[i];
        if (cell->state != CELL_VALUE || cell->ptr != NULL)
            continue;
        cell->ptr = at;
        at += cell->len;
    }
}

enum rc rows_partial_complete(struct rows_partial *partial, const struct rows_walk *walk,
                              struct error *err)
{
    struct table_shape *shape = walk->shape;
    if (walk->diff_bits == NULL)
        return RC_OK;
    buf_reset(&partial->documents);
    uint32_t json = 0;
    for (uint32_t i = 0; i < shape->column_count; i++) {
        if (!shape->layouts[i].is_json || !rows_bit(walk->diff_bits, json++) ||
            shape->after[i].state != CELL_VALUE)
            continue;
        enum rc rc = complete_cell(partial, &shape->before[i], &shape->after[i], err);
        if (rc != RC_OK) {
            error_wrap(err, "column %.*s", SLICE_ARG(shape->table->columns[i].name));
            return rc;
        }
    }
    point_to_documents(partial, shape);
    return RC_OK;
}

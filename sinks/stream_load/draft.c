/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which lines a change means, with all columns or without some; the rules are in encode_int.h. Lines
 * with all columns are the common case and go straight from the row view into the body; the others
 * are first put onto what the batch holds for their key.
 */
#include "column_set_int.h"
#include "encode_int.h"

/* The first column whose value the image does not tell; there is one. */
static uint32_t first_absent(const struct encoder *encoder, const struct row_image *image)
{
    const struct table *source = encoder->schema->source;
    uint32_t index = 0;
    while (row_image_cell(image, index)->state != CELL_ABSENT ||
           row_image_has_default(image, &source->columns[index])) {
        index++;
        ASSERT(index < source->column_count);
    }
    return index;
}

static bool in_key(const struct load_schema *schema, uint32_t index)
{
    for (uint32_t i = 0; i < schema->key_count; i++)
        if (schema->key[i] == index)
            return true;
    return false;
}

/* `why` is a clause: what follows from the missing column. Which row it was and where it stands in
 * the binlog is said by whoever wrote the change. */
static enum rc not_carried(const struct encoder *encoder, uint32_t index, const char *why,
                           struct error *err)
{
    error_set(err, RC_REJECTED, "The row image lacks column %.*s of table %s%s.",
              SLICE_ARG(encoder->schema->source->columns[index].name), encoder->source, why);
    error_hint(err, "Set binlog_row_image=FULL at the source server; this row has to be brought to "
                    "the target by hand, or the table anew.");
    return RC_REJECTED;
}

static void add_key_part(struct slice text, struct buf *out)
{
    uint8_t head[4];
    store_u32le(head, text.ptr == NULL ? UINT32_MAX : (uint32_t)text.len);
    buf_add(out, head, sizeof(head));
    buf_add_slice(out, text);
}

/* The key as bytes that are equal exactly when the key is: each column's canonical text behind its
 * length. NULL has a length that no text has. */
static enum rc add_key(struct encoder *encoder, const struct row_image *image, struct buf *out,
                       struct error *err)
{
    const struct load_schema *schema = encoder->schema;
    for (uint32_t i = 0; i < schema->key_count; i++) {
        uint32_t index = schema->key[i];
        const struct column *column = &schema->source->columns[index];
        const struct cell *cell = row_image_cell(image, index);
        struct slice text = SLICE_EMPTY;
        if (cell->state == CELL_ABSENT && !row_image_has_default(image, column))
            return not_carried(encoder, index, " of the key, so it is not known which row it is",
                               err);
        if (cell->state == CELL_ABSENT) {
            text = column->default_value;
        } else if (cell->state == CELL_VALUE) {
            enum rc rc = encoder_cell_text(encoder, index, cell, &text, err);
            if (rc != RC_OK)
                return rc;
            if (text.len == 0)
                text = SLICE("");
        }
        add_key_part(text, out);
    }
    return RC_OK;
}

static enum rc check_room(const struct body *body, struct error *err)
{
    enum rc rc = buf_check(&body->keys, "The key of a row", err);
    return rc == RC_OK ? buf_check(&body->data, "The load body", err) : rc;
}

static enum rc begin_line(struct encoder *encoder, struct body *body, struct body_draft *draft,
                          const struct row_image *image, struct error *err)
{
    body_line_begin(body, draft);
    enum rc rc = encoder->schema->keyless ? RC_OK : add_key(encoder, image, &body->keys, err);
    if (rc == RC_OK)
        rc = check_room(body, err);
    if (rc == RC_OK)
        body_line_key_end(body, draft);
    return rc;
}

/* A line with all columns; of a deletion those that matter. RC_AGAIN: a column is absent. */
static enum rc draft_line(struct encoder *encoder, struct body *body, struct body_draft *draft,
                          const struct row_image *image, bool deleted, struct error *err)
{
    enum rc rc = begin_line(encoder, body, draft, image, err);
    if (rc == RC_OK)
        rc = encoder_add_line(encoder, image, deleted, &body->data, err);
    if (rc != RC_OK)
        return rc;
    body_line_end(body, draft, BODY_WHOLE);
    return check_room(body, err);
}

/* Bytes that lie in the buffer already, once more at its end. */
static void add_again(struct buf *out, const struct line_piece *piece)
{
    uint8_t *to = buf_reserve(out, piece->len);
    if (to == NULL)
        return; /* told at the end of the line */
    memcpy(to, out->ptr + piece->offset, piece->len);
    out->len += piece->len;
}

/* Writes what the image has and, where it lacks a column, what the line that was taken apart has.
 * Notes the columns in encoder->set; `whole_out` when they are all. */
static enum rc add_merged(struct encoder *encoder, const struct row_image *image, struct buf *out,
                          bool *whole_out, struct error *err)
{
    const struct load_schema *schema = encoder->schema;
    uint32_t count = schema->source->column_count;
    uint32_t written = 0;
    memset(encoder->set, 0, column_set_size(schema));
    for (uint32_t i = 0; i < count; i++) {
        const struct cell *cell = row_image_cell(image, i);
        const struct line_piece *piece = &encoder->pieces[i];
        if (cell->state == CELL_ABSENT && piece->len == 0)
            continue;
        struct slice prefix = encoder->prefixes[i];
        buf_add_byte(out, written == 0 ? '{' : ',');
        buf_add(out, prefix.ptr + 1, prefix.len - 1);
        if (cell->state == CELL_ABSENT) {
            add_again(out, piece);
        } else {
            enum rc rc = encoder_add_cell(encoder, i, cell, out, err);
            if (rc != RC_OK)
                return rc;
        }
        column_set_add(schema, encoder->set, i);
        written++;
    }
    *whole_out = written == count;
    if (*whole_out)
        buf_add_slice(out, encoder->upsert_tail);
    else
        buf_add_str(out, "}\n"); /* all lines of its load are upserts: no mark */
    return RC_OK;
}

static bool is_deletion(const struct encoder *encoder, const struct body *body,
                        const struct body_row *row)
{
    struct slice tail = encoder->delete_tail;
    if (row->set != BODY_WHOLE || row->len < tail.len)
        return false;
    size_t at = row->offset + row->len - tail.len;
    return slice_equal(slice_of(body->data.ptr + at, tail.len), tail);
}

/* Whether the image carries anything but the key. */
static bool says_nothing(const struct encoder *encoder, const struct row_image *image)
{
    for (uint32_t i = 0; i < encoder->schema->source->column_count; i++)
        if (row_image_cell(image, i)->state != CELL_ABSENT && !in_key(encoder->schema, i))
            return false;
    return true;
}

/* An UPDATE whose image lacks column `absent`. */
static enum rc draft_partial(struct encoder *encoder, struct body *body, struct body_draft *draft,
                             const struct row_image *image, uint32_t absent, struct error *err)
{
    enum rc rc = begin_line(encoder, body, draft, image, err);
    if (rc != RC_OK)
        return rc;
    const struct body_row *held = body_find(
        body, slice_of(body->keys.ptr + draft->keys_mark, body->keys.len - draft->keys_mark));
    if (held != NULL && held->set == BODY_REFUSED)
        return error_set(err, RC_LIMIT, "The row before this one is not sent with this batch.");
    if (held != NULL && is_deletion(encoder, body, held))
        return not_carried(encoder, absent, ", and the stream has deleted that row before", err);
    if (says_nothing(encoder, image)) {
        body_draft_drop(body, draft);
        return RC_OK;
    }
    if (held != NULL)
        line_take_apart(encoder, body, held);
    else
        memset(encoder->pieces, 0,
               encoder->schema->source->column_count * sizeof(*encoder->pieces));
    bool whole = false;
    uint32_t set = BODY_WHOLE;
    rc = add_merged(encoder, image, &body->data, &whole, err);
    if (rc == RC_OK && !whole)
        rc = body_set_number(body, encoder->set, column_set_size(encoder->schema), &set, err);
    if (rc != RC_OK)
        return rc;
    body_line_end(body, draft, set);
    return check_room(body, err);
}

/* Compares the bytes as they came: where they are the same the keys are, and where they differ two
 * lines are always right, for lines of one key collapse. A key column that the new row lacks did not
 * change. */
static bool key_moved(const struct load_schema *schema, const struct row *before,
                      const struct row *after)
{
    for (uint32_t i = 0; i < schema->key_count; i++) {
        const struct cell *a = &before->cells[schema->key[i]];
        const struct cell *b = &after->cells[schema->key[i]];
        if (b->state == CELL_ABSENT)
            continue;
        if (a->state != b->state || a->len != b->len ||
            (a->state == CELL_VALUE && a->len > 0 && memcmp(a->ptr, b->ptr, a->len) != 0))
            return true;
    }
    return false;
}

static enum rc keyless_change(const struct encoder *encoder, enum change_kind kind,
                              struct error *err)
{
    return error_set(err, RC_UNSUPPORTED,
                     "Table %s has no key, so the %s of one of its rows cannot be carried to "
                     "%.*s.%.*s: which row it was cannot be told there. Give the table a primary "
                     "key, or leave it out of the pipeline.",
                     encoder->source, kind == CHANGE_UPDATE ? "update" : "deletion",
                     SLICE_ARG(encoder->schema->db), SLICE_ARG(encoder->schema->table));
}

/* Rows mostly have all columns, so that is tried first. RC_AGAIN: this one does not, and the draft
 * is as it was before. */
static enum rc draft_whole(struct encoder *encoder, struct body *body, struct body_draft *draft,
                           const struct row_image *image, struct error *err)
{
    size_t data_len = body->data.len;
    size_t keys_len = body->keys.len;
    enum rc rc = draft_line(encoder, body, draft, image, false, err);
    if (rc == RC_AGAIN) {
        body->data.len = data_len;
        body->keys.len = keys_len;
    }
    return rc;
}

static enum rc draft_insert(struct encoder *encoder, struct body *body, struct body_draft *draft,
                            const struct change *change, struct error *err)
{
    struct row_image image = {.row = &change->after, .is_new = true};
    enum rc rc = draft_whole(encoder, body, draft, &image, err);
    if (rc != RC_AGAIN)
        return rc;
    return not_carried(encoder, first_absent(encoder, &image),
                       ", which has its default there; what that is, is not in the binlog, and "
                       "the definition of the table does not prove it",
                       err);
}

/* MariaDB leaves VIRTUAL columns out of new rows although they changed: neither the target's value
 * nor that of the row before is right then, and nothing tells. */
static enum rc check_unseen(const struct encoder *encoder, const struct change *change,
                            struct error *err)
{
    const struct table *source = encoder->schema->source;
    for (uint32_t i = 0; encoder->has_unseen && i < source->column_count; i++)
        if (source->columns[i].changes_unseen && change->after.cells[i].state == CELL_ABSENT)
            return not_carried(encoder, i,
                               ", which is VIRTUAL: MariaDB leaves it out although it may have "
                               "changed",
                               err);
    return RC_OK;
}

static enum rc draft_update(struct encoder *encoder, struct body *body, struct body_draft *draft,
                            const struct change *change, struct error *err)
{
    const struct load_schema *schema = encoder->schema;
    if (schema->keyless)
        return keyless_change(encoder, change->kind, err);
    enum rc rc = check_unseen(encoder, change, err);
    if (rc != RC_OK)
        return rc;
    bool moved = key_moved(schema, &change->before, &change->after);
    if (moved) {
        struct row_image before = {.row = &change->before};
        rc = draft_line(encoder, body, draft, &before, true, err);
        if (rc != RC_OK)
            return rc;
    }
    struct row_image image = {.row = &change->after, .older = &change->before};
    rc = draft_whole(encoder, body, draft, &image, err);
    if (rc != RC_AGAIN)
        return rc;
    uint32_t absent = first_absent(encoder, &image);
    if (!moved)
        return draft_partial(encoder, body, draft, &image, absent, err);
    return not_carried(encoder, absent,
                       ", and the key has changed: the target has no row of the new key that "
                       "could keep it",
                       err);
}

static enum rc draft_change(struct encoder *encoder, struct body *body, struct body_draft *draft,
                            const struct change *change, struct error *err)
{
    switch (change->kind) {
    case CHANGE_READ:
    case CHANGE_INSERT:
        return draft_insert(encoder, body, draft, change, err);
    case CHANGE_UPDATE:
        return draft_update(encoder, body, draft, change, err);
    case CHANGE_DELETE:
        if (encoder->schema->keyless)
            return keyless_change(encoder, change->kind, err);
        struct row_image before = {.row = &change->before};
        return draft_line(encoder, body, draft, &before, true, err);
    case CHANGE_NONE:
    case CHANGE_TRUNCATE:
    case CHANGE_SCHEMA:
    case CHANGE_UNKNOWN:
    case CHANGE_COMMIT:
    case CHANGE_IDLE:
        break;
    }
    ASSERT(false && "a change that has no rows");
    return RC_UNSUPPORTED;
}

enum rc encoder_draft(struct encoder *encoder, struct body *body, struct body_draft *draft,
                      const struct change *change, struct error *err)
{
    body_draft_begin(body, draft);
    enum rc rc = draft_change(encoder, body, draft, change, err);
    /* A value that is larger than the scratch or the buffer may show first as a failed line. */
    if (rc != RC_OK)
        body_draft_drop(body, draft);
    return rc;
}

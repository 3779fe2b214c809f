/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ENUM and SET: a number on the wire, labels in the text (facts/binlog.md 6.5). Where neither the
 * table map nor the catalog has the labels, the text is the number. No state; any thread.
 */
#include "value_codec_int.h"

static enum rc put_number(const struct column *column, uint64_t value, struct buf *scratch,
                          struct slice *text, struct error *err)
{
    uint8_t *out = buf_reserve(scratch, 20);
    if (out == NULL)
        return value_scratch(column, scratch, err);
    unsigned len = text_u64(out, value);
    scratch->len += len;
    *text = slice_of(out, len);
    return RC_OK;
}

/* A label that the catalog shows with '?' may be another one: a guess would be a wrong value, and in a
 * key another row than the one that a snapshot or an event with metadata names. */
static enum rc need_sure(const struct column *column, struct slice label, struct error *err)
{
    const struct value_codec *codec = value_codec(column);
    bool in_key = column->key_ordinal > 0;
    if (!column->labels_unsure || (codec->invalid_text != INVALID_TEXT_STOP && !in_key) ||
        label.len == 0 || memchr(label.ptr, '?', label.len) == NULL)
        return RC_OK;
    error_set(
        err, RC_REJECTED,
        "Column %.*s: the row has the label '%.*s', and its '?' may stand for a character that "
        "this server does not show (one of 4 bytes in UTF-8).",
        SLICE_ARG(column->name), SLICE_ARG(label));
    error_hint(err,
               "SET GLOBAL binlog_row_metadata = 'FULL' brings the label with the rows, where the "
               "server has it; ALTER TABLE with other labels helps everywhere%s.",
               in_key ? "" : "; invalid-text: replace takes the '?' as it is");
    return RC_REJECTED;
}

/* Index 0 is the empty text that the server stores for an invalid value. */
enum rc value_text_enum(const struct column *column, struct slice cell, struct buf *scratch,
                        struct slice *text, struct error *err)
{
    const struct value_codec *codec = value_codec(column);
    if (cell.len != codec->size)
        return value_bad_size(column, cell, codec->size, err);
    uint32_t index = (uint32_t)load_uint_le(cell.ptr, codec->size);
    if (column->labels == NULL)
        return put_number(column, index, scratch, text, err);
    if (index > column->label_count)
        return error_set(err, RC_CORRUPT,
                         "Column %.*s (%.*s): the value is label %u, but only %u labels are "
                         "known: this is not the definition that the row was written with.",
                         SLICE_ARG(column->name), SLICE_ARG(column->type), index,
                         column->label_count);
    *text = index == 0 ? SLICE("") : column->labels[index - 1];
    return need_sure(column, *text, err);
}

static bool is_plain(struct slice label)
{
    for (size_t i = 0; i < label.len; i++) {
        uint8_t c = label.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == ' ' || c == '-' || c == '_' || c == '.' || c == ':';
        if (!plain)
            return false;
    }
    return label.len <= COLUMN_PUT_MAX;
}

bool value_labels_are_plain(const struct column *column)
{
    for (uint32_t i = 0; i < column->label_count; i++)
        if (!is_plain(column->labels[i]))
            return false;
    return column->labels != NULL;
}

/* The empty text, and numbers without a label, are the text function's. */
unsigned value_put_enum(const struct column *column, struct slice cell, uint8_t *out)
{
    const struct value_codec *codec = value_codec(column);
    if (cell.len != codec->size)
        return 0;
    uint32_t index = (uint32_t)load_uint_le(cell.ptr, codec->size);
    if (index == 0 || index > column->label_count)
        return 0;
    struct slice label = column->labels[index - 1];
    if (label.len > 0)
        memcpy(out, label.ptr, label.len);
    return (unsigned)label.len;
}

enum rc value_text_set(const struct column *column, struct slice cell, struct buf *scratch,
                       struct slice *text, struct error *err)
{
    const struct value_codec *codec = value_codec(column);
    if (cell.len != codec->size)
        return value_bad_size(column, cell, codec->size, err);
    uint64_t mask = load_uint_le(cell.ptr, codec->size);
    if (column->labels == NULL)
        return put_number(column, mask, scratch, text, err);
    if (column->label_count < 64 && mask >> column->label_count != 0)
        return error_set(err, RC_CORRUPT,
                         "Column %.*s (%.*s): the value %llu names labels beyond the %u that are "
                         "known: this is not the definition that the row was written with.",
                         SLICE_ARG(column->name), SLICE_ARG(column->type), (unsigned long long)mask,
                         column->label_count);
    size_t start = scratch->len;
    for (uint32_t i = 0; i < column->label_count && i < 64; i++) {
        if ((mask >> i & 1) == 0)
            continue;
        if (scratch->len > start)
            buf_add_byte(scratch, ',');
        enum rc rc = need_sure(column, column->labels[i], err);
        if (rc != RC_OK)
            return rc;
        buf_add_slice(scratch, column->labels[i]);
    }
    if (scratch->rc != RC_OK)
        return value_scratch(column, scratch, err);
    *text = mask == 0 ? SLICE("") : slice_of(scratch->ptr + start, scratch->len - start);
    return RC_OK;
}

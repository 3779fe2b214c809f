/* SPDX-License-Identifier: Apache-2.0 */
#include "xid_int.h"

bool xid_read(struct cursor *cursor, struct xid *xid)
{
    *xid = (struct xid){.format = cursor_u32(cursor)};
    uint32_t global = cursor_u32(cursor);
    uint32_t branch = cursor_u32(cursor);
    if (cursor->failed || global > XID_PART_MAX || branch > XID_PART_MAX)
        return false;
    const uint8_t *data = cursor_take(cursor, global + branch);
    if (data == NULL)
        return false;
    memcpy(xid->data, data, global + branch);
    xid->global_len = (uint8_t)global;
    xid->branch_len = (uint8_t)branch;
    return true;
}

static bool take_byte(struct cursor *text, uint8_t byte)
{
    if (cursor_left(text) == 0 || *text->ptr != byte)
        return false;
    text->ptr++;
    return true;
}

/* A hexadecimal digit; -1: it is none. */
static int digit_of(uint8_t byte)
{
    uint8_t lower = byte | 0x20;
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* X'616263' */
static bool take_part(struct cursor *text, uint8_t *out, uint8_t *len)
{
    *len = 0;
    if (!(take_byte(text, 'X') || take_byte(text, 'x')) || !take_byte(text, '\''))
        return false;
    while (!take_byte(text, '\'')) {
        if (cursor_left(text) < 2 || *len == XID_PART_MAX)
            return false;
        int high = digit_of(text->ptr[0]);
        int low = digit_of(text->ptr[1]);
        if (high < 0 || low < 0)
            return false;
        out[(*len)++] = (uint8_t)(high << 4 | low);
        text->ptr += 2;
    }
    return true;
}

static bool take_format(struct cursor *text, uint32_t *format)
{
    const uint8_t *start = text->ptr;
    uint64_t number = 0;
    while (cursor_left(text) > 0 && *text->ptr >= '0' && *text->ptr <= '9') {
        number = number * 10 + (uint64_t)(*text->ptr++ - '0');
        if (number > UINT32_MAX)
            return false;
    }
    *format = (uint32_t)number;
    return text->ptr > start;
}

static bool take_name(struct cursor *text, struct xid *xid)
{
    *xid = (struct xid){0};
    return take_part(text, xid->data, &xid->global_len) && take_byte(text, ',') &&
           take_part(text, xid->data + xid->global_len, &xid->branch_len) && take_byte(text, ',') &&
           take_format(text, &xid->format);
}

bool xid_of_statement(struct slice text, struct xid *xid)
{
    struct cursor cursor = cursor_of(text);
    /* Before the name stand the statement's words, and perhaps a comment of a proxy. */
    while (cursor_left(&cursor) >= 2 && !((cursor.ptr[0] | 0x20) == 'x' && cursor.ptr[1] == '\''))
        cursor.ptr++;
    return take_name(&cursor, xid);
}

bool xid_of_text(struct slice text, struct xid *xid)
{
    struct cursor cursor = cursor_of(text);
    return take_name(&cursor, xid) && cursor_left(&cursor) == 0;
}

bool xid_equal(const struct xid *a, const struct xid *b)
{
    return a->format == b->format && a->global_len == b->global_len &&
           a->branch_len == b->branch_len && memcmp(a->data, b->data, sizeof(a->data)) == 0;
}

uint64_t xid_hash(const struct xid *xid)
{
    return slice_hash(slice_of(xid->data, (size_t)xid->global_len + xid->branch_len));
}

void xid_text(const struct xid *xid, struct buf *out)
{
    buf_add_str(out, "X'");
    buf_add_hex(out, slice_of(xid->data, xid->global_len));
    buf_add_str(out, "',X'");
    buf_add_hex(out, slice_of(xid->data + xid->global_len, xid->branch_len));
    buf_add_str(out, "',");
    buf_add_u64(out, xid->format);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See buf.h. One byte more than the content is always allocated, for the NUL of buf_cstr.
 */
#include "buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "text.h"

enum { FIRST_CAP = 256 };

void buf_init(struct buf *buf, size_t max)
{
    ASSERT(max > 0);
    *buf = (struct buf){.max = max};
}

void buf_deinit(struct buf *buf)
{
    free(buf->ptr);
    *buf = (struct buf){.max = buf->max};
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->rc = RC_OK;
}

/* Grows so that `need` bytes fit, with one spare for the NUL of buf_cstr. */
static bool grow(struct buf *buf, size_t need)
{
    if (need > buf->max) {
        buf->rc = RC_LIMIT;
        return false;
    }
    size_t cap = buf->cap < FIRST_CAP ? FIRST_CAP : buf->cap;
    while (cap < need + 1)
        cap *= 2;
    if (cap - 1 > buf->max)
        cap = buf->max + 1;
    uint8_t *ptr = realloc(buf->ptr, cap);
    if (ptr == NULL) {
        buf->rc = RC_MEMORY;
        return false;
    }
    buf->ptr = ptr;
    buf->cap = cap;
    return true;
}

uint8_t *buf_reserve_more(struct buf *buf, size_t len)
{
    if (buf->rc != RC_OK)
        return NULL;
    if (len > buf->max || buf->len > buf->max - len) {
        buf->rc = RC_LIMIT;
        return NULL;
    }
    if (buf->len + len >= buf->cap && !grow(buf, buf->len + len))
        return NULL;
    return buf->ptr + buf->len;
}

void buf_add_u64(struct buf *buf, uint64_t value)
{
    uint8_t digits[20];
    buf_add(buf, digits, text_u64(digits, value));
}

void buf_add_i64(struct buf *buf, int64_t value)
{
    uint8_t digits[20];
    buf_add(buf, digits, text_i64(digits, value));
}

void buf_add_hex(struct buf *buf, struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *to = buf_reserve(buf, bytes.len * 2);
    if (to == NULL)
        return;
    for (size_t i = 0; i < bytes.len; i++) {
        to[2 * i] = (uint8_t)digits[bytes.ptr[i] >> 4];
        to[2 * i + 1] = (uint8_t)digits[bytes.ptr[i] & 15];
    }
    buf->len += bytes.len * 2;
}

void buf_add_base64(struct buf *buf, struct slice bytes)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = (bytes.len + 2) / 3 * 4;
    uint8_t *to = buf_reserve(buf, len);
    if (to == NULL)
        return;
    size_t i = 0;
    for (; i + 3 <= bytes.len; i += 3) {
        uint32_t v =
            (uint32_t)bytes.ptr[i] << 16 | (uint32_t)bytes.ptr[i + 1] << 8 | bytes.ptr[i + 2];
        *to++ = (uint8_t)alphabet[v >> 18];
        *to++ = (uint8_t)alphabet[v >> 12 & 63];
        *to++ = (uint8_t)alphabet[v >> 6 & 63];
        *to++ = (uint8_t)alphabet[v & 63];
    }
    size_t rest = bytes.len - i;
    if (rest > 0) {
        uint32_t v =
            (uint32_t)bytes.ptr[i] << 16 | (rest == 2 ? (uint32_t)bytes.ptr[i + 1] << 8 : 0);
        *to++ = (uint8_t)alphabet[v >> 18];
        *to++ = (uint8_t)alphabet[v >> 12 & 63];
        *to++ = rest == 2 ? (uint8_t)alphabet[v >> 6 & 63] : '=';
        *to++ = '=';
    }
    buf->len += len;
}

void buf_addf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    /* The NUL of vsnprintf goes where the one of buf_cstr has its place. */
    uint8_t *to = len < 0 ? NULL : buf_reserve(buf, (size_t)len);
    if (to != NULL) {
        vsnprintf((char *)to, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

const char *buf_cstr(struct buf *buf)
{
    if (buf->ptr == NULL && !grow(buf, 1 > buf->max ? buf->max : 1))
        return "";
    buf->ptr[buf->len] = '\0';
    return (const char *)buf->ptr;
}

enum rc buf_check(const struct buf *buf, const char *what, struct error *err)
{
    switch (buf->rc) {
    case RC_OK:
        return RC_OK;
    case RC_LIMIT:
        return error_set(err, RC_LIMIT, "%s would be larger than %zu bytes.", what, buf->max);
    default:
        return error_set(err, RC_MEMORY, "There is no memory for %s (%zu bytes).", what, buf->len);
    }
}

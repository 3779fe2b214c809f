/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer with a mandatory maximum. Appending past the maximum, or running out of
 * memory, sets a sticky failure: later appends do nothing, and the caller asks once at the end
 * (buf_check). So encoders are straight lines, and no buffer in the program is unbounded.
 *
 * Not for several threads at once.
 */
#ifndef MILLRACE_BASE_BUF_H
#define MILLRACE_BASE_BUF_H

#include <stdarg.h>

#include "error.h"
#include "slice.h"

struct buf {
    uint8_t *ptr; /* owned */
    size_t len;
    size_t cap;
    size_t max; /* bytes; never grows past this */
    enum rc rc; /* sticky: RC_OK, RC_LIMIT or RC_MEMORY */
};

/* Nothing is allocated before the first append. */
void buf_init(struct buf *buf, size_t max);
void buf_deinit(struct buf *buf);
/* Empties the buffer, keeps its memory, clears the sticky failure. */
void buf_reset(struct buf *buf);

/* buf_reserve where the room is not there yet. */
uint8_t *buf_reserve_more(struct buf *buf, size_t len);

/* Room for `len` more bytes at buf->ptr + buf->len, or NULL (sticky); the caller adds to buf->len.
 * Inline, like the next ones: they are what a value's way into a load body is made of. */
static inline uint8_t *buf_reserve(struct buf *buf, size_t len)
{
    if (buf->rc == RC_OK && len < buf->cap - buf->len)
        return buf->ptr + buf->len;
    return buf_reserve_more(buf, len);
}

static inline void buf_add(struct buf *buf, const void *ptr, size_t len)
{
    if (len == 0)
        return;
    uint8_t *to = buf_reserve(buf, len);
    if (to == NULL)
        return;
    memcpy(to, ptr, len);
    buf->len += len;
}

static inline void buf_add_slice(struct buf *buf, struct slice s)
{
    buf_add(buf, s.ptr, s.len);
}

/* For short texts that are added again and again: BUF_STEP bytes may be read at `s.ptr`, however long it
 * is. A copy of known length is a few instructions, and what it writes too much is overwritten. */
#define BUF_STEP 32u
static inline void buf_add_padded(struct buf *buf, struct slice s)
{
    if (s.len > BUF_STEP || buf->rc != RC_OK || buf->cap - buf->len <= BUF_STEP) {
        buf_add(buf, s.ptr, s.len);
        return;
    }
    memcpy(buf->ptr + buf->len, s.ptr, BUF_STEP);
    buf->len += s.len;
}

/* `text`: a literal */
static inline void buf_add_str(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

static inline void buf_add_byte(struct buf *buf, uint8_t byte)
{
    uint8_t *to = buf_reserve(buf, 1);
    if (to == NULL)
        return;
    *to = byte;
    buf->len++;
}

void buf_add_u64(struct buf *buf, uint64_t value); /* decimal */
void buf_add_i64(struct buf *buf, int64_t value);  /* decimal */
void buf_add_hex(struct buf *buf, struct slice bytes);
void buf_add_base64(struct buf *buf, struct slice bytes);
void buf_addf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

static inline struct slice buf_slice(const struct buf *buf)
{
    return slice_of(buf->ptr, buf->len);
}

/* The content as a C string for a C library: a NUL is kept behind the content, outside `len`.
 * Borrowed until the next append. Never NULL: "" where there is no memory. */
const char *buf_cstr(struct buf *buf);

/* RC_OK, or the sticky failure told as "<what>: ...". */
enum rc buf_check(const struct buf *buf, const char *what, struct error *err) MUST_CHECK;

#endif

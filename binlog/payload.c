/* SPDX-License-Identifier: Apache-2.0 */
#include "payload_int.h"

#include <stdlib.h>
#include <zstd.h>

enum { WINDOW_FIRST = 256 << 10, WINDOW_KEPT = 4 << 20 };

enum compression { COMPRESSION_ZSTD = 0, COMPRESSION_NONE = 255 };

struct payload {
    ZSTD_DStream *stream; /* owned */
    ZSTD_inBuffer in;     /* what is still compressed; borrowed */
    bool frame_open;      /* a zstd frame has begun and not ended */
    bool compressed;
    uint8_t *window; /* owned */
    size_t cap;
    size_t start; /* window[start..end) is inflated and not yet given out */
    size_t end;
    uint64_t bytes_copied;
};

enum rc payload_new(struct payload **payload_out, struct error *err)
{
    struct payload *payload = calloc(1, sizeof(*payload));
    *payload_out = payload;
    return payload == NULL
               ? error_set(err, RC_MEMORY, "There is no memory for compressed transactions.")
               : RC_OK;
}

void payload_free(struct payload *payload)
{
    if (payload == NULL)
        return;
    ZSTD_freeDStream(payload->stream);
    free(payload->window);
    free(payload);
}

uint64_t payload_bytes_copied(const struct payload *payload)
{
    return payload->bytes_copied;
}

static enum rc window_resize(struct payload *payload, size_t cap, struct error *err)
{
    uint8_t *window = realloc(payload->window, cap);
    if (window == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for an event of %zu bytes.", cap);
    payload->window = window;
    payload->cap = cap;
    return RC_OK;
}

/* Made when the first compressed transaction comes: most streams have none. */
static enum rc prepare_zstd(struct payload *payload, struct error *err)
{
    if (payload->stream == NULL)
        payload->stream = ZSTD_createDStream();
    if (payload->stream == NULL || ZSTD_isError(ZSTD_initDStream(payload->stream)))
        return error_set(err, RC_MEMORY, "There is no memory for compressed transactions.");
    if (payload->cap == 0 || payload->cap > WINDOW_KEPT)
        return window_resize(payload, WINDOW_FIRST, err);
    return RC_OK;
}

enum rc payload_begin(struct payload *payload, struct slice body, struct error *err)
{
    enum { FIELD_END = 0, FIELD_SIZE = 1, FIELD_COMPRESSION = 2 };
    struct cursor cursor = cursor_of(body);
    uint64_t size = UINT64_MAX;
    uint64_t compression = UINT64_MAX;
    for (;;) {
        uint64_t type = cursor_lenenc(&cursor);
        if (cursor.failed || type == FIELD_END)
            break;
        struct cursor value = cursor_of(cursor_lenenc_slice(&cursor));
        if (type == FIELD_SIZE)
            size = cursor_lenenc(&value);
        else if (type == FIELD_COMPRESSION)
            compression = cursor_lenenc(&value);
        cursor.failed = cursor.failed || value.failed;
    }
    struct slice packed = cursor_rest(&cursor);
    if (cursor.failed || (size != UINT64_MAX && size != packed.len))
        return error_set(err, RC_CORRUPT, "The compressed transaction's head cannot be read.");
    if (compression != COMPRESSION_ZSTD && compression != COMPRESSION_NONE)
        return error_set(err, RC_UNSUPPORTED,
                         "The transaction is compressed by method %llu; only zstd (0) and none "
                         "(255) are known.",
                         (unsigned long long)compression);
    payload->in = (ZSTD_inBuffer){packed.ptr, packed.len, 0};
    payload->start = payload->end = 0;
    payload->frame_open = false;
    payload->compressed = compression == COMPRESSION_ZSTD;
    return payload->compressed ? prepare_zstd(payload, err) : RC_OK;
}

/* Not compressed: events lie in the body itself. */
static enum rc next_plain(struct payload *payload, struct slice *event, struct error *err)
{
    const uint8_t *ptr = (const uint8_t *)payload->in.src + payload->in.pos;
    size_t left = payload->in.size - payload->in.pos;
    if (left == 0)
        return RC_EOF;
    struct event_header header;
    enum rc rc = event_header_parse(slice_of(ptr, left), &header, err);
    if (rc != RC_OK)
        return rc;
    if (header.length > left)
        return error_set(err, RC_CORRUPT, "An event goes over the end of its transaction.");
    payload->in.pos += header.length;
    *event = slice_of(ptr, header.length);
    return RC_OK;
}

/* Makes sure that `need` bytes fit behind `start`. */
static enum rc window_reserve(struct payload *payload, size_t need, struct error *err)
{
    size_t have = payload->end - payload->start;
    if (payload->start > 0) {
        memmove(payload->window, payload->window + payload->start, have);
        payload->bytes_copied += have;
        payload->start = 0;
        payload->end = have;
    }
    if (need <= payload->cap)
        return RC_OK;
    size_t cap = payload->cap;
    while (cap < need)
        cap *= 2;
    return window_resize(payload, cap, err);
}

/* Inflates until the window holds `need` bytes or the payload ends. The window grows only as bytes
 * arrive, so a length in damaged data cannot ask for memory that is never filled. */
static enum rc inflate_more(struct payload *payload, size_t need, struct error *err)
{
    /* Asked again behind its last frame, zstd would want the head of another one. */
    while (payload->end - payload->start < need &&
           (payload->frame_open || payload->in.pos < payload->in.size)) {
        size_t have = payload->end - payload->start;
        if (payload->end == payload->cap || payload->start > 0) {
            size_t step = have + WINDOW_FIRST / 2;
            enum rc rc = window_reserve(payload, need < step ? need : step, err);
            if (rc != RC_OK)
                return rc;
        }
        ZSTD_outBuffer out = {payload->window, payload->cap, payload->end};
        size_t in_before = payload->in.pos;
        size_t result = ZSTD_decompressStream(payload->stream, &out, &payload->in);
        if (ZSTD_isError(result))
            return error_set(err, RC_CORRUPT, "The compressed transaction does not inflate: %s.",
                             ZSTD_getErrorName(result));
        bool moved = out.pos > payload->end || payload->in.pos > in_before;
        payload->bytes_copied += out.pos - payload->end;
        payload->end = out.pos;
        payload->frame_open = result != 0;
        if (!moved)
            return RC_OK;
    }
    return RC_OK;
}

static enum rc next_inflated(struct payload *payload, struct slice *event, struct error *err)
{
    enum rc rc = inflate_more(payload, EVENT_HEADER_LEN, err);
    if (rc != RC_OK)
        return rc;
    size_t have = payload->end - payload->start;
    if (have == 0 && !payload->frame_open)
        return RC_EOF;
    struct event_header header;
    rc = event_header_parse(slice_of(payload->window + payload->start, have), &header, err);
    if (rc != RC_OK)
        return rc;
    rc = inflate_more(payload, header.length, err);
    if (rc != RC_OK)
        return rc;
    if (payload->end - payload->start < header.length)
        return error_set(err, RC_CORRUPT, "The compressed transaction ends inside an event.");
    *event = slice_of(payload->window + payload->start, header.length);
    payload->start += header.length;
    return RC_OK;
}

enum rc payload_next(struct payload *payload, struct slice *event, struct error *err)
{
    return payload->compressed ? next_inflated(payload, event, err)
                               : next_plain(payload, event, err);
}

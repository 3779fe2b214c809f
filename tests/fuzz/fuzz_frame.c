/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framing of packets out of chunks: whatever the cuts between chunks, the packets are the same, and
 * so is the end.
 *
 *   byte 0   bytes in the first chunk; byte 1: in each later one
 *   rest     the bytes of a connection
 */
#include "binlog/frame_int.h"
#include "fuzz_int.h"

enum { CHUNK_BYTES = 1 << 16, PACKET_MAX = 1 << 15 };

static struct chunk_pool *pool;

/* Frames the bytes in chunks of such sizes into `packets`: length, then the bytes, of each. */
static enum rc frame(struct slice bytes, size_t first, size_t later, struct buf *packets)
{
    struct frame_reader reader;
    struct error err;
    error_clear(&err);
    frame_reader_init(&reader, 1, PACKET_MAX);
    enum rc rc = RC_AGAIN;
    size_t size = first;
    while (rc == RC_OK || (rc == RC_AGAIN && bytes.len > 0)) {
        if (rc == RC_AGAIN) {
            struct chunk *chunk = chunk_take(pool);
            struct slice part = fuzz_part(&bytes, size);
            memcpy(chunk->ptr, part.ptr, part.len);
            chunk->len = part.len;
            frame_give(&reader, chunk);
            size = later;
        }
        struct slice packet;
        rc = frame_next(&reader, &packet, &err);
        fuzz_told(rc, &err);
        if (rc == RC_OK) {
            buf_add(packets, &packet.len, sizeof(packet.len));
            buf_add_slice(packets, packet);
        }
    }
    frame_reader_deinit(&reader);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    size_t first = 1u + fuzz_byte(&input);
    size_t later = 1u + fuzz_byte(&input);
    struct error err;
    if (input.len > CHUNK_BYTES)
        return 0;
    ASSERT(chunk_pool_new(CHUNK_BYTES, 2, &pool, &err) == RC_OK);
    struct buf whole, cut;
    buf_init(&whole, (size_t)4 << 20);
    buf_init(&cut, (size_t)4 << 20);
    enum rc expected = frame(input, CHUNK_BYTES, CHUNK_BYTES, &whole);
    ASSERT(frame(input, first, later, &cut) == expected);
    ASSERT(whole.rc == RC_OK && slice_equal(buf_slice(&whole), buf_slice(&cut)));
    buf_deinit(&whole);
    buf_deinit(&cut);
    chunk_pool_free(pool);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framing, as a machine that can be left at any byte: the header is gathered first (it may straddle
 * chunks, too), then the payload is either pointed at or joined. `joining` stays true over all
 * frames of one packet; only its first frame carries the status byte, so joining is plain
 * appending.
 */
#include "frame_int.h"

/* A joined packet larger than this is not kept as room for the next one. */
#define JOINED_KEPT_BYTES (4u << 20)

void frame_reader_init(struct frame_reader *reader, uint8_t first_sequence, size_t packet_max)
{
    *reader = (struct frame_reader){.sequence = first_sequence};
    buf_init(&reader->joined, packet_max);
}

static void drop_chunk(struct frame_reader *reader)
{
    if (reader->chunk != NULL)
        chunk_release(reader->chunk);
    reader->chunk = NULL;
    reader->at = 0;
}

void frame_reader_deinit(struct frame_reader *reader)
{
    drop_chunk(reader);
    buf_deinit(&reader->joined);
}

void frame_give(struct frame_reader *reader, struct chunk *chunk)
{
    ASSERT(reader->chunk == NULL && chunk != NULL);
    reader->chunk = chunk;
    reader->at = 0;
}

static void begin_joining(struct frame_reader *reader)
{
    size_t max = reader->joined.max;
    if (reader->joined.cap > JOINED_KEPT_BYTES) {
        buf_deinit(&reader->joined);
        buf_init(&reader->joined, max);
    }
    buf_reset(&reader->joined);
    reader->joining = true;
}

/* True when the header is whole. */
static bool take_header(struct frame_reader *reader)
{
    while (reader->header_have < FRAME_HEADER_BYTES && reader->at < reader->chunk->len)
        reader->header[reader->header_have++] = reader->chunk->ptr[reader->at++];
    return reader->header_have == FRAME_HEADER_BYTES;
}

static enum rc begin_frame(struct frame_reader *reader, struct error *err)
{
    reader->left = load_u24le(reader->header);
    reader->frame_is_last = reader->left != FRAME_PAYLOAD_MAX;
    uint8_t sequence = reader->header[3];
    if (sequence != reader->sequence)
        return error_set(err, RC_CONNECT,
                         "The server's packets do not follow each other: number %u came where %u "
                         "was due. Bytes were lost on the way.",
                         sequence, reader->sequence);
    reader->sequence = (uint8_t)(sequence + 1);
    return RC_OK;
}

/* Moves what the chunk has of the frame into the joined packet. */
static void join_more(struct frame_reader *reader)
{
    size_t there = reader->chunk->len - reader->at;
    size_t len = there < reader->left ? there : reader->left;
    buf_add(&reader->joined, reader->chunk->ptr + reader->at, len);
    reader->at += len;
    reader->left -= (uint32_t)len;
    reader->bytes_copied += len;
}

enum rc frame_next(struct frame_reader *reader, struct slice *packet_out, struct error *err)
{
    for (;;) {
        if (reader->chunk == NULL)
            return RC_AGAIN;
        if (reader->header_have < FRAME_HEADER_BYTES) {
            if (!take_header(reader)) {
                drop_chunk(reader);
                return RC_AGAIN;
            }
            enum rc rc = begin_frame(reader, err);
            if (rc != RC_OK)
                return rc;
            size_t there = reader->chunk->len - reader->at;
            if (!reader->joining && reader->frame_is_last && reader->left <= there) {
                *packet_out = slice_of(reader->chunk->ptr + reader->at, reader->left);
                reader->at += reader->left;
                reader->header_have = 0;
                return RC_OK;
            }
            if (!reader->joining)
                begin_joining(reader);
        }
        join_more(reader);
        if (reader->left > 0) {
            drop_chunk(reader);
            enum rc rc = buf_check(&reader->joined, "one event of the server", err);
            if (rc != RC_OK)
                return rc;
            return RC_AGAIN;
        }
        reader->header_have = 0;
        if (!reader->frame_is_last)
            continue;
        reader->joining = false;
        enum rc rc = buf_check(&reader->joined, "one event of the server", err);
        if (rc != RC_OK)
            return rc;
        *packet_out = buf_slice(&reader->joined);
        return RC_OK;
    }
}

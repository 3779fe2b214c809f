/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of the MySQL protocol out of a run of chunks (facts/binlog.md 8.1).
 *
 *   frame    3 bytes length (little-endian), 1 byte sequence number, payload
 *   packet   frames of 16,777,215 bytes, ended by one that is shorter (perhaps empty)
 *
 * A packet that lies whole in one chunk is given out where it lies. One that straddles chunks, or
 * has several frames, is joined in a buffer, and its bytes are counted as copied.
 *
 * Pure: no socket, no thread; tests feed it any cut of the bytes.
 */
#ifndef MILLRACE_BINLOG_FRAME_INT_H
#define MILLRACE_BINLOG_FRAME_INT_H

#include "engine/engine.h"

#define FRAME_HEADER_BYTES 4u
#define FRAME_PAYLOAD_MAX 0xffffffu

struct frame_reader {
    struct chunk *chunk; /* retained; NULL: none in hand */
    size_t at;           /* next byte of the chunk */
    uint8_t header[FRAME_HEADER_BYTES];
    unsigned header_have; /* bytes of the header that are there */
    uint32_t left;        /* payload bytes of the frame still to come */
    bool frame_is_last;
    bool joining; /* `joined` holds the beginning of the packet in hand */
    uint8_t sequence;
    struct buf joined;
    uint64_t bytes_copied;
};

/* `first_sequence`: of the first frame; the dump begins with 1, for the command was 0. */
void frame_reader_init(struct frame_reader *reader, uint8_t first_sequence, size_t packet_max);
/* Gives the chunk in hand back. */
void frame_reader_deinit(struct frame_reader *reader);

/* Takes over the caller's reference. Only when frame_next has said RC_AGAIN. */
void frame_give(struct frame_reader *reader, struct chunk *chunk);
/* RC_OK with a packet, borrowed until the next call; RC_AGAIN when the next chunk is needed;
 * RC_CONNECT when sequence numbers do not follow each other (bytes were lost: connect again);
 * RC_LIMIT, RC_MEMORY. */
enum rc frame_next(struct frame_reader *reader, struct slice *packet_out,
                   struct error *err) MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of the spool: frames, each with its length and checksum before it. Integers are
 * little-endian.
 *
 *   0 "MRSPOOL1" | then frames:
 *   0 bytes of the body, 4 | 4 XXH3 of the body behind its kind, seeded with number * 256 + kind, 8 |
 *   12 kind, 1 | 13 the rest of the body
 *
 *   BEGIN   where a decoder that begins with this file stands; the first frame, and only there:
 *           0 flags, 1 (1: read through a new connection) | 1 offset, 8 | then file, server and GTID
 *           set, each with its length of 4 bytes before it
 *   EVENT   an event as the server sent it, with its CRC
 *
 * The number in the seed is the file's own, so that bytes of another file are never taken for its own.
 *
 * Threads: the caller's only.
 */
#ifndef MILLRACE_BINLOG_SPOOL_SEGMENT_INT_H
#define MILLRACE_BINLOG_SPOOL_SEGMENT_INT_H

#include "engine/engine.h"

enum spool_kind { SPOOL_NONE = 0, SPOOL_BEGIN, SPOOL_EVENT };

enum { SPOOL_NAME_MAX = 32, SPOOL_FRAME_HEAD = 13 };

struct spool_segment {
    struct spool_segment *next;
    uint64_t number;
    uint64_t bytes;        /* of whole frames, also of those that wait to be written */
    uint64_t head_bytes;   /* of the magic and the first frame */
    struct position begin; /* where a decoder that begins here stands */
    bool synced;           /* nothing is written to it any more, and all of it is on the disk */
    bool new_run;          /* read through a new connection: a decoder seeks before it goes on */
};

/* Appends to the newest segment. */
struct spool_writer {
    int fd; /* -1: none */
    uint64_t number;
    uint64_t written; /* bytes that the file holds */
    struct buf tail;  /* frames behind them that are not written yet */
    bool failed;      /* the disk takes no more */
};

struct spool_reader {
    int fd; /* -1: none */
    uint64_t number;
    uint64_t at; /* of the next frame */
    struct buf bytes;
    uint64_t bytes_at; /* where `bytes` lies in the file */
};

struct spool_frame {
    enum spool_kind kind;
    struct slice body; /* borrowed until the reader's next call */
};

void spool_segment_name(char name[SPOOL_NAME_MAX], uint64_t number);
/* The number in a file's name; 0: it is no segment. */
uint64_t spool_segment_number(const char *name);

void spool_writer_init(struct spool_writer *writer);
void spool_writer_deinit(struct spool_writer *writer);
/* Makes the segment's file, with its first frame, and appends to it from here on. */
enum rc spool_writer_begin(struct spool_writer *writer, int dir_fd, struct spool_segment *segment,
                           struct error *err) MUST_CHECK;
/* Takes the event, or fails and has taken nothing of it. */
enum rc spool_writer_append(struct spool_writer *writer, struct slice event,
                            struct error *err) MUST_CHECK;
/* Writes what waits; what could not be written keeps waiting, where a reader finds it. */
enum rc spool_writer_flush(struct spool_writer *writer, struct error *err) MUST_CHECK;
void spool_writer_close(struct spool_writer *writer);

/* What was written to the segment's file is on the disk. */
enum rc spool_segment_sync(int dir_fd, uint64_t number, struct error *err) MUST_CHECK;

void spool_reader_init(struct spool_reader *reader);
void spool_reader_deinit(struct spool_reader *reader);
/* `at` 0: behind the magic, which is looked at. */
enum rc spool_reader_open(struct spool_reader *reader, int dir_fd, uint64_t number, uint64_t at,
                          struct error *err) MUST_CHECK;
void spool_reader_close(struct spool_reader *reader);
/* `end`: of the segment; `writer`: it is the one that is being appended to, else NULL. RC_EOF at the
 * end; RC_CORRUPT when there is no whole frame, and then `at` stays before it. */
enum rc spool_reader_next(struct spool_reader *reader, uint64_t end,
                          const struct spool_writer *writer, struct spool_frame *frame,
                          struct error *err) MUST_CHECK;

/* Reads a BEGIN frame into the segment. RC_CORRUPT. */
enum rc spool_begin_parse(struct slice body, struct spool_segment *segment,
                          struct error *err) MUST_CHECK;

/* What an event takes in a segment. */
static inline uint64_t spool_frame_bytes(struct slice event)
{
    return SPOOL_FRAME_HEAD + event.len;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of our own to which records are appended, each with its length and checksum before it: the spool's
 * segments, and rows of XA transactions that wait. Integers are little-endian.
 *
 *   0 magic, 8 | then records:
 *   0 bytes of the body, 4 | 4 XXH3 of the body behind its kind, seeded with seed * 256 + kind, 8 |
 *   12 kind, 1 | 13 the rest of the body
 *
 * The length counts the kind. The seed is the file's own, so that bytes of another file are never taken for
 * its own. Records are written a block at a time; what waits to be written is read from memory.
 *
 * Threads: the caller's only.
 */
#ifndef MILLRACE_BINLOG_RECORD_FILE_INT_H
#define MILLRACE_BINLOG_RECORD_FILE_INT_H

#include "engine/engine.h"

enum { RECORD_MAGIC_LEN = 8, RECORD_HEAD = 13 };

/* What kind of file it is. */
struct record_style {
    const char *magic; /* RECORD_MAGIC_LEN bytes */
    const char *what;  /* of messages: "The spool" */
    size_t body_max;   /* of one record, with its kind */
    uint8_t kind_max;  /* kinds count from 1 */
};

struct record_writer {
    const struct record_style *style;
    int fd; /* -1: none */
    uint64_t seed;
    uint64_t written; /* bytes that the file holds */
    struct buf tail;  /* records behind them that are not written yet */
    bool failed;      /* the disk takes no more */
};

struct record_reader {
    const struct record_style *style;
    int fd; /* -1: none */
    uint64_t seed;
    uint64_t at; /* of the next record */
    struct buf bytes;
    uint64_t bytes_at; /* where `bytes` lies in the file */
};

struct record {
    uint8_t kind;
    struct slice body; /* borrowed until the reader's next call */
};

void record_writer_init(struct record_writer *writer, const struct record_style *style);
void record_writer_deinit(struct record_writer *writer);
/* Makes the file, mode 0600; its magic waits in the tail. */
enum rc record_writer_begin(struct record_writer *writer, int dir_fd, const char *name,
                            uint64_t seed, struct error *err) MUST_CHECK;
/* Takes the record, or fails and has taken nothing of it. */
enum rc record_writer_append(struct record_writer *writer, uint8_t kind, struct slice body,
                             struct error *err) MUST_CHECK;
/* Writes what waits; what could not be written keeps waiting, where a reader finds it. */
enum rc record_writer_flush(struct record_writer *writer, struct error *err) MUST_CHECK;
void record_writer_close(struct record_writer *writer);
/* What is appended so far, written or not. */
static inline uint64_t record_writer_bytes(const struct record_writer *writer)
{
    return writer->written + writer->tail.len;
}

/* What was written to the file is on the disk. */
enum rc record_file_sync(const struct record_style *style, int dir_fd, const char *name,
                         struct error *err) MUST_CHECK;

void record_reader_init(struct record_reader *reader, const struct record_style *style);
void record_reader_deinit(struct record_reader *reader);
/* `at` 0: behind the magic, which is looked at. */
enum rc record_reader_open(struct record_reader *reader, int dir_fd, const char *name,
                           uint64_t seed, uint64_t at, struct error *err) MUST_CHECK;
void record_reader_close(struct record_reader *reader);
/* `end`: of the file's records; `writer`: it is the one that is being appended to, else NULL. RC_EOF at the
 * end; RC_CORRUPT when there is no whole record, and then `at` stays before it. */
enum rc record_reader_next(struct record_reader *reader, uint64_t end,
                           const struct record_writer *writer, struct record *record,
                           struct error *err) MUST_CHECK;

/* What a body takes in a file. */
static inline uint64_t record_bytes(struct slice body)
{
    return RECORD_HEAD + body.len;
}

#endif

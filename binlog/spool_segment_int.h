/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of the spool: records (record_file_int.h) under the magic "MRSPOOL1", their seed the file's number.
 *
 *   BEGIN   where a decoder that begins with this file stands; the first record, and only there:
 *           0 flags, 1 (1: read through a new connection) | 1 offset, 8 | then file, server and GTID
 *           set, each with its length of 4 bytes before it
 *   EVENT   an event as the server sent it, with its CRC
 *
 * Threads: the caller's only.
 */
#ifndef MILLRACE_BINLOG_SPOOL_SEGMENT_INT_H
#define MILLRACE_BINLOG_SPOOL_SEGMENT_INT_H

#include "record_file_int.h"

enum spool_kind { SPOOL_NONE = 0, SPOOL_BEGIN, SPOOL_EVENT };

enum { SPOOL_NAME_MAX = 32 };

extern const struct record_style spool_style;

struct spool_segment {
    struct spool_segment *next;
    uint64_t number;
    uint64_t bytes;        /* of whole records, also of those that wait to be written */
    uint64_t head_bytes;   /* of the magic and the first record */
    struct position begin; /* where a decoder that begins here stands */
    bool synced;           /* nothing is written to it any more, and all of it is on the disk */
    bool new_run;          /* read through a new connection: a decoder seeks before it goes on */
};

void spool_segment_name(char name[SPOOL_NAME_MAX], uint64_t number);
/* The number in a file's name; 0: it is no segment. */
uint64_t spool_segment_number(const char *name);

/* Makes the segment's file, with its first record, for appending. */
enum rc spool_segment_begin(struct record_writer *writer, int dir_fd, struct spool_segment *segment,
                            struct error *err) MUST_CHECK;
/* What was written to the segment's file is on the disk. */
enum rc spool_segment_sync(int dir_fd, uint64_t number, struct error *err) MUST_CHECK;
/* `at` 0: behind the magic. */
enum rc spool_segment_open(struct record_reader *reader, int dir_fd, uint64_t number, uint64_t at,
                           struct error *err) MUST_CHECK;

/* Reads the body of a BEGIN into the segment. RC_CORRUPT. */
enum rc spool_begin_parse(struct slice body, struct spool_segment *segment,
                          struct error *err) MUST_CHECK;

#endif

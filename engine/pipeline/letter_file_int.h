/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of dead letters as lines: what is in them is dead_letter.c's.
 */
#ifndef MILLRACE_PIPELINE_LETTER_FILE_INT_H
#define MILLRACE_PIPELINE_LETTER_FILE_INT_H

#include "../base/buf.h"

#define LETTER_FILE_NAME "dead-letters.ndjson"

struct letter_file {
    char *path; /* owned */
    int dir_fd;
    int fd;
    bool read_only; /* no lock, no repair, nothing written */
    uint64_t size;  /* bytes of whole lines that were read or written */
};

/* Takes a line, without its end, that lies at `offset`; borrowed for the call. */
struct letter_reader {
    enum rc (*line)(void *ctx, struct slice line, uint64_t offset, struct error *err);
    void *ctx;
};

/* Whether the folder has such a file and it is not empty. */
bool letter_file_is_used(const char *dir);
/* Whatever it returns, it has to be closed. RC_LOCKED, RC_IO, RC_MEMORY. */
enum rc letter_file_open(struct letter_file *file, const char *dir, struct error *err) MUST_CHECK;
/* The same to read alone, whoever writes; the file need not be there. */
enum rc letter_file_peek(struct letter_file *file, const char *dir, struct error *err) MUST_CHECK;
void letter_file_close(struct letter_file *file);
/* Every line of the file to the reader; a torn one at its end is cut off, or left out. */
enum rc letter_file_read(struct letter_file *file, const struct letter_reader *reader,
                         struct error *err) MUST_CHECK;
/* A line of `line_len` bytes, its end not counted, behind what `out` has. */
enum rc letter_file_line(const struct letter_file *file, uint64_t offset, uint64_t line_len,
                         struct buf *out, struct error *err) MUST_CHECK;
/* Durable. After a failure nobody knows what the file holds. */
enum rc letter_file_append(struct letter_file *file, struct slice lines,
                           struct error *err) MUST_CHECK;
/* In the place of the file one with these lines. Durable. */
enum rc letter_file_replace(struct letter_file *file, struct slice lines,
                            struct error *err) MUST_CHECK;

#endif

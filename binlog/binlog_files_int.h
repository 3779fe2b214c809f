/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The binlog files that a server still has, as SHOW BINARY LOGS lists them, and questions to that
 * list. The questions are pure.
 */
#ifndef MILLRACE_BINLOG_BINLOG_FILES_INT_H
#define MILLRACE_BINLOG_BINLOG_FILES_INT_H

#include "engine/engine.h"

struct binlog_file {
    char name[POSITION_FILE_MAX];
    uint64_t size; /* bytes */
};

struct binlog_files {
    struct binlog_file *items; /* owned; in the server's order, the oldest first */
    unsigned count;
};

/* RC_CONFIG when the server writes no binlog; RC_DENIED. */
enum rc binlog_files_read(struct myconn *conn, struct binlog_files *out,
                          struct error *err) MUST_CHECK;
void binlog_files_deinit(struct binlog_files *files);

/* -1: not there. */
int binlog_files_find(const struct binlog_files *files, const char *name);
/* Files of one server in stream order: by the number behind the last dot, so that .999999 comes
 * before .1000000 (facts/peers.md 4b 12); names without one compare as text. */
int binlog_files_compare(const char *a, const char *b);
/* Is file:offset there? RC_PURGED (older than the first file: the text says both), RC_MISMATCH (no
 * such file though it should be, or behind the end of it). */
enum rc binlog_files_check(const struct binlog_files *files, const char *name, uint64_t offset,
                           struct error *err) MUST_CHECK;

/* The time, in seconds, at which a file begins. */
typedef enum rc (*binlog_file_time_fn)(void *ctx, const char *name, uint64_t *seconds_out,
                                       struct error *err);
/* The last file that begins before `seconds`, found by halving; the first when none does. All that
 * happened at or after `seconds` is in it or behind it. */
enum rc binlog_files_search(const struct binlog_files *files, uint64_t seconds,
                            binlog_file_time_fn time, void *ctx, unsigned *index_out,
                            struct error *err) MUST_CHECK;

#endif

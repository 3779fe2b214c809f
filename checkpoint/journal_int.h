/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a checkpoint folder: journal.000001, journal.000002, ... one for each generation, of
 * which the newest counts and the one before it is kept; `lock`; and journal.new while a generation
 * is being made.
 *
 * A generation comes into being as a whole: journal.new is written, synced, renamed, and the folder
 * is synced. After that a file only grows, one record a write, except that a write that failed is
 * taken back.
 *
 * After a failed write or sync nothing more is written. A failed fsync is never tried again, for
 * the kernel may have dropped the pages and would answer yes; the file is cut back to the length
 * that was last synced, so that nobody reads what may never have reached the disk.
 *
 * Threads: one. Files are made with mode 0600, folders with 0700.
 */
#ifndef MILLRACE_CHECKPOINT_JOURNAL_INT_H
#define MILLRACE_CHECKPOINT_JOURNAL_INT_H

#include "engine/engine.h"

/* The largest journal that is read: far above where a new generation is begun. */
#define CHECKPOINT_FILE_MAX ((size_t)512 << 20)
#define CHECKPOINT_NEW_FILE "journal.new"

enum { CHECKPOINT_FILE_NAME_MAX = 40 };

/* A journal open for appending. */
struct checkpoint_journal {
    int dir_fd;      /* borrowed from the store */
    const char *dir; /* borrowed from the store; for messages */
    int fd;          /* owned; -1: none */
    uint64_t generation;
    uint64_t len;        /* bytes that are written */
    uint64_t synced_len; /* bytes that are known to be on disk */
    bool failed;         /* nothing is written any more */
};

/* The generations in a folder; 0: none. */
struct checkpoint_generations {
    uint64_t newest;
    uint64_t previous; /* the highest one below the newest */
};

void checkpoint_file_name(char name[CHECKPOINT_FILE_NAME_MAX], uint64_t generation);

/* Opens the folder. With `create`, makes it and the folders above it. Without, RC_NOT_FOUND. */
enum rc checkpoint_dir_open(const char *dir, bool create, int *dir_fd_out,
                            struct error *err) MUST_CHECK;
/* Makes the folder's own name durable: synced before the first journal is promised. */
enum rc checkpoint_dir_settle(int dir_fd, const char *dir, struct error *err) MUST_CHECK;
enum rc checkpoint_dir_list(int dir_fd, const char *dir, struct checkpoint_generations *out,
                            struct error *err) MUST_CHECK;
/* Removes journal.new and every generation below `keep_from`. What cannot be removed stays. */
void checkpoint_dir_clean(int dir_fd, uint64_t keep_from);

/* The whole file into `out`. RC_NOT_FOUND when it is gone. */
enum rc checkpoint_file_read(int dir_fd, const char *dir, uint64_t generation, struct buf *out,
                             struct error *err) MUST_CHECK;

/* Makes the generation with this content and opens it, in place of the one that is open. When the
 * new file could not be made, the old one stays open and whole, and `journal` can be used on; when
 * only the folder's sync failed, journal->failed is set. */
enum rc checkpoint_journal_create(struct checkpoint_journal *journal, uint64_t generation,
                                  struct slice content, struct error *err) MUST_CHECK;
/* Opens an existing generation, cuts it to `len` bytes and syncs it, so that all that was read from
 * it is on disk. */
enum rc checkpoint_journal_open(struct checkpoint_journal *journal, uint64_t generation,
                                uint64_t len, struct error *err) MUST_CHECK;
/* Writes behind the end, and syncs when `durable`. */
enum rc checkpoint_journal_append(struct checkpoint_journal *journal, struct slice bytes,
                                  bool durable, struct error *err) MUST_CHECK;
/* Does not sync. */
void checkpoint_journal_close(struct checkpoint_journal *journal);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of the files that rows of XA transactions wait in, where they are more than memory is for.
 * One file a transaction, `rows.` and a random number in hex, of records (record_file_int.h) whose seed is
 * that number: a note from another time never finds another file under its name.
 *
 * A file outlives the process when a note says that it is needed (xa_note_int.h), so it is on the disk before there is one,
 * and goes when no start can begin before its transaction's end any more. What no note names is an
 * earlier life's, and is swept away at the start.
 *
 * Threads: the decoder's.
 */
#ifndef MILLRACE_BINLOG_XA_FOLDER_INT_H
#define MILLRACE_BINLOG_XA_FOLDER_INT_H

#include "record_file_int.h"

struct xa_folder_options {
    const char *parent; /* folder that is there; borrowed until xa_folder_new returns */
    bool temporary;     /* for this life alone: a name of its own, nothing is synced */
    uint64_t bytes_max; /* of all files; 0: none is made */
};

struct xa_folder;

/* Nothing is made on the disk before the first file. */
enum rc xa_folder_new(const struct xa_folder_options *options, struct xa_folder **folder_out,
                      struct error *err) MUST_CHECK;
/* A temporary folder goes with all that is in it. NULL is fine. */
void xa_folder_free(struct xa_folder *folder);
extern const struct record_style xa_folder_style;

/* The bytes find room. */
bool xa_folder_has_room(const struct xa_folder *folder, uint64_t bytes);
/* A new file, open for appending. */
enum rc xa_folder_begin(struct xa_folder *folder, struct record_writer *writer,
                        uint64_t *number_out, struct error *err) MUST_CHECK;
/* So many bytes went to a file. */
void xa_folder_grow(struct xa_folder *folder, uint64_t bytes);
/* What was written to the file outlives the system. */
enum rc xa_folder_sync(struct xa_folder *folder, uint64_t number, struct error *err) MUST_CHECK;
enum rc xa_folder_open(struct xa_folder *folder, struct record_reader *reader, uint64_t number,
                       struct error *err) MUST_CHECK;

void xa_folder_remove(struct xa_folder *folder, uint64_t number, uint64_t bytes);
/* The file goes once no start can begin before `after`. */
enum rc xa_folder_remove_after(struct xa_folder *folder, uint64_t number, uint64_t bytes,
                               const struct position *after, struct error *err) MUST_CHECK;
void xa_folder_settle(struct xa_folder *folder, const struct position *durable);
/* A file of an earlier life is needed. */
typedef bool (*xa_folder_needs_fn)(void *ctx, uint64_t number);
/* Removes the files of earlier lives that are not needed; those that are count from here on with
 * xa_folder_grow. */
void xa_folder_sweep(struct xa_folder *folder, xa_folder_needs_fn needs, void *ctx);

#endif

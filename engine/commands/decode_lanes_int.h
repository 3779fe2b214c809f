/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes to events on standard output, the writing of events shared out among threads.
 *
 * Reading a binlog is one thread's work, for each event says how the next is to be read. What a row
 * becomes is its own affair, and costs several times the reading. So rows are kept in batches as they come
 * (change_copy.h), lanes turn whole batches into text, and the batches are printed in the order they were
 * filled in: the output does not depend on the number of threads.
 *
 * The caller's thread reads, fills and prints; when all batches are full it writes events as the lanes do.
 * Statements, and rows too large for a batch, are written by it alone once everything before them is
 * out. The lanes start with the first full batch.
 *
 * Threads: one caller. Memory: a few batches a thread, whatever the rows are.
 */
#ifndef MILLRACE_COMMANDS_DECODE_LANES_INT_H
#define MILLRACE_COMMANDS_DECODE_LANES_INT_H

#include "../model/change.h"

struct lanes;

/* `threads` from 1 to LANES_MAX, the caller's among them. RC_MEMORY. */
enum { LANES_MAX = 64 };
enum rc lanes_new(struct slice source_name, unsigned threads, struct lanes **lanes_out,
                  struct error *err) MUST_CHECK;
/* Ends the lanes; what was not printed is dropped. NULL is fine. */
void lanes_free(struct lanes *lanes);

/* Adds the event of a change. A failure may be one of a change before it: then all up to that one is
 * printed, and nothing may be added any more. RC_EOF: the reader of the output is gone; RC_IO: it
 * cannot be written; else as cloudevent_add, with the row in its words. */
enum rc lanes_add(struct lanes *lanes, const struct change *change, struct error *err) MUST_CHECK;
/* Prints all that was added; the same failures. */
enum rc lanes_finish(struct lanes *lanes, struct error *err) MUST_CHECK;

#endif

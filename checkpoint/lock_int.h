/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One engine to a checkpoint folder: an open-file-description lock on the file `lock`, which the
 * kernel gives up when the process ends in whatever way. The file holds the process id for the
 * message of whoever comes second; it is never removed, for a lock on a removed file guards
 * nothing.
 *
 * Threads: any; the lock belongs to the descriptor.
 */
#ifndef MILLRACE_CHECKPOINT_LOCK_INT_H
#define MILLRACE_CHECKPOINT_LOCK_INT_H

#include "engine/engine.h"

/* `dir` is for messages. RC_LOCKED names the process that has it. The descriptor in `fd_out` holds
 * the lock until it is closed. */
enum rc checkpoint_lock(int dir_fd, const char *dir, int *fd_out, struct error *err) MUST_CHECK;

#endif

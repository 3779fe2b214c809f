/* SPDX-License-Identifier: Apache-2.0 */
/* Between secret.c and secret_command.c. */
#ifndef MILLRACE_BASE_SECRET_INT_H
#define MILLRACE_BASE_SECRET_INT_H

#include <stddef.h>

#include "secret.h"

enum { SECRET_BYTES_MAX = 64 << 10 };

/* Runs a program and takes what it prints into `bytes`, which has room for SECRET_BYTES_MAX + 1.
 * RC_CONFIG: it cannot be run, fails, or takes longer than 20 seconds. @thread any */
enum rc secret_run(const char *command, uint8_t *bytes, size_t *len_out,
                   struct error *err) MUST_CHECK;

#endif

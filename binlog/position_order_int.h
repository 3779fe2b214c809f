/* SPDX-License-Identifier: Apache-2.0 */
/* The order of places in a server's binlog, where it can be told. Pure; any thread. */
#ifndef MILLRACE_BINLOG_POSITION_ORDER_INT_H
#define MILLRACE_BINLOG_POSITION_ORDER_INT_H

#include "engine/engine.h"

/* Whether the file's number is known to be the same (0), smaller (-1) or bigger (1) than that of
 * `to`; false when the names tell no order. */
bool position_file_order(const char *file, const char *to, int *order);
/* True when all before `to` lies before `at`; false where that cannot be told. */
bool position_reached(const struct position *at, const struct position *to);

#endif

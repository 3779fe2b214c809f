/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether bytes are one JSON value and nothing else (RFC 8259): asked before a source's JSON text
 * is put into a line as it is. A server can be told not to check its JSON columns (MariaDB's
 * check_constraint_checks=0), and a text like `1,"other":2` would write into other columns. Pure.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_JSON_CHECK_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_JSON_CHECK_INT_H

#include "engine/engine.h"

/* MySQL ends at 100 levels, MariaDB at 32. */
#define JSON_CHECK_DEPTH_MAX 256u

/* Does not look at UTF-8: source text is that already. */
bool json_check_value(struct slice text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a value at the target is the one that a load would have brought. The two sides write one value
 * in several ways; what is no difference is told here, and everything else is one:
 *
 *   numbers       by value: zeros in front and behind the point are no difference
 *   FLOAT, DOUBLE within 1 in 10^6 and 10^14: targets show fewer digits than they keep
 *   dates, times  zeros at the end of a fraction are no difference
 *   JSON          by content, where it is not the same text: blanks and the order of members are none
 *   VECTOR        each number as a FLOAT
 *   everything    byte by byte
 *   else
 *
 * Pure, any thread.
 */
#ifndef MILLRACE_SINKS_STREAM_LOAD_SAME_INT_H
#define MILLRACE_SINKS_STREAM_LOAD_SAME_INT_H

#include "stream_load_int.h"

/* The one text that all texts of a key column's value have. `text`: canonical. */
void same_add_key_text(struct buf *out, const struct column *column, struct slice text);
/* The same of what the target shows. False: it cannot be such a value. */
bool same_add_key_field(struct buf *out, const struct column *column, enum load_encoding encoding,
                        struct slice field);
/* `wanted`: what the load would bring, without JSON's quotes and escapes; `found`: what the target
 * shows. Neither is NULL. */
bool same_value(const struct column *column, struct slice wanted, struct slice found);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Just enough of reading JSON to find a member of an object and leave its value as it is written: numbers
 * keep all their digits, and nothing is built in memory. Pure, any thread.
 */
#ifndef MILLRACE_MODEL_JSON_READ_H
#define MILLRACE_MODEL_JSON_READ_H

#include "../base/buf.h"

/* The value of the member `name` of an object, as it is written there; ptr NULL when there is none. False:
 * `object` is not one whole JSON object. Names are compared as they are written, without escapes; values
 * inside values are stepped over, not checked. */
bool json_member(struct slice object, const char *name, struct slice *value_out);

/* The members of an object one after the other, as they are written: `rest` is the object before the first
 * call, and what follows the member behind each. False: there are no more, or what follows is none. */
bool json_next_member(struct slice *rest, struct slice *name_out, struct slice *value_out);
/* The same for the elements of an array. */
bool json_next_element(struct slice *rest, struct slice *value_out);

/* The text of a JSON string as it is written, quotes and all. False: it is none. */
bool json_string_text(struct slice written, struct buf *out);

/* An escape, from behind its backslash: puts its text, which is never longer and at most four bytes, at
 * `out`, and gives how many bytes were read. 0: it is none. */
size_t json_unescape(const uint8_t *ptr, const uint8_t *end, uint8_t *out, unsigned *len_out);

#endif

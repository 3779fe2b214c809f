/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON text, read from front to back: what schema notes are written in. A reader is a cursor with
 * sticky failure; whoever reads knows the shape and asks for it, and passes over what it does not
 * know. Nesting is passed over with a counter, so no input makes the stack grow.
 *
 * Threads: any; no state but the reader.
 */
#ifndef MILLRACE_BINLOG_SCHEMA_JSON_TEXT_INT_H
#define MILLRACE_BINLOG_SCHEMA_JSON_TEXT_INT_H

#include "engine/engine.h"

struct json_text {
    const uint8_t *ptr;
    const uint8_t *end;
    struct arena *arena; /* where strings come to lie */
    bool failed;         /* the text is not JSON, or not of the asked shape */
    bool no_memory;
};

struct json_text json_text_of(struct slice text, struct arena *arena);

/* Objects and arrays: _enter passes over the opening mark; then each _next that is true stands at a
 * value (of the member `name_out`). False: the closing mark was passed, or the text failed.
 * `*first` must be true before the first call. */
void json_text_enter(struct json_text *text, char mark);
bool json_text_member(struct json_text *text, bool *first, struct slice *name_out);
bool json_text_item(struct json_text *text, bool *first);

/* Values. On failure: empty, zero, false. */
struct slice json_text_string(struct json_text *text);
uint64_t json_text_number(struct json_text *text); /* unsigned, whole */
bool json_text_bool(struct json_text *text);
void json_text_skip(struct json_text *text);

/* Nothing but white space is left. */
bool json_text_at_end(struct json_text *text);

#endif

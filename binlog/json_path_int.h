/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths of JSON changes in the binlog, as the server writes them (facts/binlog.md 5.4):
 *
 *   $ { .name | ."quoted name" | [7] | [last] | [last-7] }
 *
 * A name is quoted, with JSON's escapes, unless it is an identifier. Wildcards never come: a
 * statement with one is logged with whole documents.
 */
#ifndef MILLRACE_BINLOG_JSON_PATH_INT_H
#define MILLRACE_BINLOG_JSON_PATH_INT_H

#include "json_doc_int.h"

struct json_path_leg {
    bool is_member;
    bool from_end; /* an element: counted back from the last one */
    uint32_t index;
    struct slice name; /* a member: without quotes and escapes; borrowed from the path's text or in
                          the arena */
};

struct json_path {
    struct json_path_leg legs[JSON_DEPTH_MAX];
    unsigned leg_count;
};

/* RC_CORRUPT: it is no such path, or it has more than 100 legs. */
enum rc json_path_parse(struct slice text, struct arena *arena, struct json_path *path,
                        struct error *err) MUST_CHECK;

#endif

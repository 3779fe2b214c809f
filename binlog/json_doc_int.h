/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How MySQL's binary JSON lies in its bytes (facts/binlog.md part 7), for those who write it as
 * text (value_json.c) and those who change it (json_patch.c).
 *
 *   value      type 1 | data
 *   container  count | size | objects: count x (key offset, key length 2) | count x (type 1, value
 *              or its offset) | keys | values
 *              counts, sizes and offsets have 2 bytes in the small formats and 4 in the large ones;
 *              offsets count from the first byte of the container's count
 *
 * A document is walked by its offsets, never front to back: updates in place leave holes. Every
 * function here stays inside the bytes that it is given and answers NULL when all is well, else in
 * words what is wrong. No state; any thread.
 */
#ifndef MILLRACE_BINLOG_JSON_DOC_INT_H
#define MILLRACE_BINLOG_JSON_DOC_INT_H

#include "engine/engine.h"

enum json_doc_type {
    JSON_SMALL_OBJECT = 0,
    JSON_LARGE_OBJECT = 1,
    JSON_SMALL_ARRAY = 2,
    JSON_LARGE_ARRAY = 3,
    JSON_LITERAL = 4,
    JSON_INT16 = 5,
    JSON_UINT16 = 6,
    JSON_INT32 = 7,
    JSON_UINT32 = 8,
    JSON_INT64 = 9,
    JSON_UINT64 = 10,
    JSON_DOUBLE = 11,
    JSON_STRING = 12,
    JSON_OPAQUE = 15
};

/* The server's own limit, of documents and of paths. */
enum { JSON_DEPTH_MAX = 100 };

struct json_doc_container {
    struct slice bytes; /* from its count to its end */
    uint32_t count;
    bool is_object;
    bool is_large;
};

static inline bool json_doc_is_container(uint8_t type)
{
    return type <= JSON_LARGE_ARRAY;
}

/* Bytes of a number. */
static inline unsigned json_doc_number_bytes(uint8_t type)
{
    return type <= JSON_UINT16 ? 2 : type <= JSON_UINT32 ? 4 : 8;
}

/* Small values stand in the entry itself, the others where its offset says. */
static inline bool json_doc_is_inlined(bool is_large, uint8_t type)
{
    return type == JSON_LITERAL || type == JSON_INT16 || type == JSON_UINT16 ||
           (is_large && (type == JSON_INT32 || type == JSON_UINT32));
}

/* Bytes of everything before the keys and values. */
size_t json_doc_head_bytes(bool is_object, bool is_large, uint32_t count);

/* `bytes`: behind the type byte, to the end of what encloses it. */
const char *json_doc_open(uint8_t type, struct slice bytes,
                          struct json_doc_container *container) MUST_CHECK;
const char *json_doc_key(const struct json_doc_container *container, uint32_t index,
                         struct slice *key) MUST_CHECK;
/* `bytes`: the value's data, and whatever follows it in the container. */
const char *json_doc_element(const struct json_doc_container *container, uint32_t index,
                             uint8_t *type, struct slice *bytes) MUST_CHECK;
/* A length of 7-bit groups, least first, in at most five bytes; takes it off `bytes`, which then
 * has at least so many bytes. */
const char *json_doc_length(struct slice *bytes, size_t *length) MUST_CHECK;
/* How many of the bytes are the value's; its inside is not looked at. */
const char *json_doc_extent(uint8_t type, struct slice bytes, size_t *len) MUST_CHECK;

#endif

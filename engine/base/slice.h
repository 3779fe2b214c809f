/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A borrowed run of bytes, passed by value and never NUL-terminated. Who owns the bytes, and until
 * when they hold, is said where a slice is handed out: "owned", "borrowed until <event>",
 * "retained".
 */
#ifndef MILLRACE_BASE_SLICE_H
#define MILLRACE_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *ptr;
    size_t len;
};

#define SLICE_EMPTY ((struct slice){NULL, 0})
/* A string literal as a slice. */
#define SLICE(literal) ((struct slice){(const uint8_t *)("" literal), sizeof(literal) - 1})
/* printf("%.*s", SLICE_ARG(s)) */
#define SLICE_ARG(s) (int)(s).len, (const char *)(s).ptr

static inline struct slice slice_of(const void *ptr, size_t len)
{
    return (struct slice){(const uint8_t *)ptr, len};
}

/* `text` is a C string because it comes from a C library or a literal; NULL gives the empty slice.
 */
static inline struct slice slice_str(const char *text)
{
    return text == NULL ? SLICE_EMPTY : slice_of(text, strlen(text));
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool slice_equal_nocase(struct slice a, struct slice b); /* ASCII letters only */
bool slice_starts_nocase(struct slice s, struct slice prefix);
int slice_compare(struct slice a, struct slice b); /* bytewise, shorter first */
struct slice slice_trim(struct slice s);           /* without ASCII white space at both ends */
/* The next line of `rest`, without its end, which `rest` then begins behind. */
struct slice slice_next_line(struct slice *rest);
/* XXH3 64 bits: for tables in memory and for label hashes, where it is part of a format. */
uint64_t slice_hash(struct slice s);

#endif

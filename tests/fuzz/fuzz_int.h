/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzz targets share. A target is one function that takes any bytes, gives them to one
 * parser, and asserts what must hold whatever the bytes are. libFuzzer calls it when MILLRACE_FUZZ
 * is on; replay.c calls it for each file of the corpus in every other build.
 *
 * Many parsers take more than one thing (a table map and rows; a pattern and a name). Their targets
 * cut the input into parts with the functions below; each file says at its top how.
 */
#ifndef MILLRACE_TESTS_FUZZ_INT_H
#define MILLRACE_TESTS_FUZZ_INT_H

#include <stdio.h>
#include <stdlib.h>

#include "engine/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next byte of the input; 0 behind its end. */
static inline uint8_t fuzz_byte(struct slice *input)
{
    if (input->len == 0)
        return 0;
    uint8_t byte = input->ptr[0];
    *input = slice_of(input->ptr + 1, input->len - 1);
    return byte;
}

/* The next `len` bytes, or as many as there are. */
static inline struct slice fuzz_part(struct slice *input, size_t len)
{
    if (len > input->len)
        len = input->len;
    struct slice part = slice_of(input->ptr, len);
    *input = slice_of(input->ptr + len, input->len - len);
    return part;
}

/* A part with its length before it, in two bytes. */
static inline struct slice fuzz_sized_part(struct slice *input)
{
    size_t low = fuzz_byte(input);
    return fuzz_part(input, low | (size_t)fuzz_byte(input) << 8);
}

/* The text up to the next newline, which is passed over, as a C string. The caller frees it. */
static inline char *fuzz_line(struct slice *input)
{
    const uint8_t *end = input->len == 0 ? NULL : memchr(input->ptr, '\n', input->len);
    struct slice line = fuzz_part(input, end == NULL ? input->len : (size_t)(end - input->ptr));
    (void)fuzz_byte(input);
    char *text = malloc(line.len + 1);
    ASSERT(text != NULL);
    if (line.len > 0)
        memcpy(text, line.ptr, line.len);
    text[line.len] = '\0';
    return text;
}

/* A copy that ends where its memory ends, so that the address sanitizer sees a read behind it. The
 * caller frees it. */
static inline uint8_t *fuzz_exact(struct slice bytes)
{
    uint8_t *copy = malloc(bytes.len == 0 ? 1 : bytes.len);
    ASSERT(copy != NULL);
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    return copy;
}

/* A failure must come with words, and words are UTF-8 whatever the bytes were. */
static inline void fuzz_told(enum rc rc, const struct error *err)
{
    if (rc == RC_OK || rc == RC_EOF || rc == RC_AGAIN)
        return;
    bool told = err->text_len > 0 && text_is_utf8(slice_of(err->text, err->text_len));
    if (!told)
        fprintf(stderr, "%s: \"%s\"\n", rc_name(rc), err->text);
    ASSERT(told);
}

#endif

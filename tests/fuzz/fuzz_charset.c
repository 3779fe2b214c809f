/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes in any charset, refused, replaced or kept as base64. What comes out is UTF-8; what is
 * valid is the same in every way; what is replaced never has more than three bytes for one.
 *
 *   1 byte    the charset
 *   rest      the text
 */
#include "binlog/charset_int.h"
#include "fuzz_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct charset *charset = charset_get(1 + data[0] % (CHARSET_COUNT - 1));
    struct slice input = slice_of(data + 1, size - 1);
    uint8_t *exact = fuzz_exact(input);
    struct slice bytes = slice_of(exact, input.len);
    struct buf scratch;
    struct slice strict;
    struct slice replaced;
    struct slice encoded;
    buf_init(&scratch, (size_t)64 << 20);
    enum rc rc = charset_text(charset, INVALID_TEXT_STOP, bytes, &scratch, &strict);
    ASSERT(rc == RC_OK || rc == RC_REJECTED);
    if (rc == RC_REJECTED)
        ASSERT(scratch.len == 0);
    else
        ASSERT(text_is_utf8(strict));
    /* Each way has a buffer of its own: the next may move what the last one appended. */
    struct buf other;
    buf_init(&other, (size_t)64 << 20);
    ASSERT(charset_text(charset, INVALID_TEXT_REPLACE, bytes, &other, &replaced) == RC_OK);
    ASSERT(text_is_utf8(replaced));
    ASSERT(replaced.len <= 3 * bytes.len);
    ASSERT(rc != RC_OK || slice_equal(strict, replaced));
    buf_reset(&other);
    ASSERT(charset_text(charset, INVALID_TEXT_BASE64, bytes, &other, &encoded) == RC_OK);
    ASSERT(rc == RC_OK ? slice_equal(strict, encoded)
                       : slice_starts_nocase(encoded, SLICE("base64:")));
    buf_deinit(&other);
    buf_deinit(&scratch);
    free(exact);
    return 0;
}

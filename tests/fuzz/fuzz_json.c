/* SPDX-License-Identifier: Apache-2.0 */
/* Binary JSON, a whole cell. What comes out is one JSON value in UTF-8, or an error with words. */
#include "binlog/value_codec_int.h"
#include "fuzz_int.h"
#include "sinks/stream_load/json_check_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* What is not UTF-8 is replaced, so that the search goes on behind it. */
    const struct value_codec codec = {.invalid_text = INVALID_TEXT_REPLACE};
    const struct column column = {.name = SLICE("c"), .kind = COLUMN_JSON, .wire_codec = &codec};
    struct buf scratch;
    struct slice text;
    struct error err;
    error_clear(&err);
    buf_init(&scratch, (size_t)64 << 20);
    enum rc rc = value_text_json(&column, slice_of(data, size), &scratch, &text, &err);
    fuzz_told(rc, &err);
    if (rc == RC_OK) {
        ASSERT(text_is_utf8(text));
        ASSERT(json_check_value(text));
    }
    buf_deinit(&scratch);
    return 0;
}

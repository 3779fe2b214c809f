/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes to a JSON document. No change leaves the text as it is; a few bytes of changes never make
 * a document that is many times what they and the old one are.
 *
 *   2 bytes and so many more   the document
 *   rest                       the changes
 */
#include "binlog/json_patch_int.h"
#include "binlog/value_codec_int.h"
#include "fuzz_int.h"
#include "sinks/stream_load/json_check_int.h"

static enum rc text_of(struct slice document, struct buf *out)
{
    const struct value_codec codec = {.invalid_text = INVALID_TEXT_STOP};
    const struct column column = {.name = SLICE("c"), .kind = COLUMN_JSON, .wire_codec = &codec};
    struct slice text;
    struct error err;
    error_clear(&err);
    buf_reset(out);
    enum rc rc = value_text_json(&column, document, out, &text, &err);
    fuzz_told(rc, &err);
    if (rc == RC_OK)
        ASSERT(json_check_value(text));
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { GROWTH_MAX = 4, GROWTH_FIXED = 64 };
    struct slice input = slice_of(data, size);
    struct slice document = fuzz_sized_part(&input);
    uint8_t *old = fuzz_exact(document);
    uint8_t *changes = fuzz_exact(input);
    document.ptr = old;
    struct json_patch patch;
    struct buf made, before, after;
    struct error err;
    error_clear(&err);
    json_patch_init(&patch);
    buf_init(&made, (size_t)64 << 20);
    buf_init(&before, (size_t)64 << 20);
    buf_init(&after, (size_t)64 << 20);
    enum rc rc = json_patch_apply(&patch, document, slice_of(changes, input.len), &made, &err);
    fuzz_told(rc, &err);
    if (rc == RC_OK) {
        ASSERT(made.len <= GROWTH_MAX * size + GROWTH_FIXED);
        enum rc was = text_of(document, &before);
        enum rc is = text_of(buf_slice(&made), &after);
        /* What lies behind a document's end is not copied, but counts as room for overlaps. */
        if (input.len == 0 && was == RC_OK && made.len == document.len)
            ASSERT(is == RC_OK && slice_equal(buf_slice(&before), buf_slice(&after)));
    }
    json_patch_deinit(&patch);
    buf_deinit(&made);
    buf_deinit(&before);
    buf_deinit(&after);
    free(old);
    free(changes);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a warehouse answers to a load and to the question for a label, by both dialects.
 *
 *   byte 0   the HTTP status, one of those below
 *   rest     the body
 */
#include "fuzz_int.h"
#include "sinks/doris/doris_int.h"
#include "sinks/starrocks/starrocks_int.h"

static void check_line(const char *text, size_t cap)
{
    size_t len = strnlen(text, cap);
    ASSERT(len < cap && text_is_utf8(slice_of(text, len)));
    for (size_t i = 0; i < len; i++)
        ASSERT((uint8_t)text[i] >= ' ');
}

static void check_answer(void (*read_answer)(int, struct slice, struct load_answer *),
                         int http_status, struct slice body)
{
    struct load_answer answer;
    memset(&answer, 0x5a, sizeof(answer));
    read_answer(http_status, body, &answer);
    ASSERT(answer.verdict <= LOAD_VERDICT_FATAL);
    check_line(answer.message, sizeof(answer.message));
    check_line(answer.error_url, sizeof(answer.error_url));
    /* Rows are only lost when a load that was none is taken for one. */
    if (answer.verdict == LOAD_VERDICT_DONE)
        ASSERT(http_status == 200 && memchr(body.ptr, '{', body.len) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 307, 401, 403, 404, 500, 502, 0};
    struct slice input = slice_of(data, size);
    int http_status = statuses[fuzz_byte(&input) % COUNT_OF(statuses)];
    check_answer(doris_read_answer, http_status, input);
    check_answer(starrocks_read_answer, http_status, input);
    ASSERT(doris_read_label_state(http_status, input) <= LABEL_UNREADABLE);
    ASSERT(starrocks_read_label_state(http_status, input) <= LABEL_UNREADABLE);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A TRANSACTION_PAYLOAD's body: its fields, zstd, and the events inside. */
#include "binlog/payload_int.h"
#include "fuzz_int.h"

/* One block of four bytes inflates to 128 KiB, so longer inputs would only measure memory. */
enum { INPUT_MAX = 2048 };

static void read_events(struct payload *payload, struct slice body)
{
    struct error err;
    error_clear(&err);
    enum rc rc = payload_begin(payload, body, &err);
    fuzz_told(rc, &err);
    while (rc == RC_OK) {
        struct slice event;
        rc = payload_next(payload, &event, &err);
        fuzz_told(rc, &err);
        if (rc != RC_OK)
            break;
        ASSERT(event.len >= EVENT_HEADER_LEN && load_u32le(event.ptr + 9) == event.len);
        /* Touches both ends: the whole event must be there. */
        volatile uint8_t last = event.ptr[event.len - 1];
        (void)last;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct payload *payload = NULL;
    struct error err;
    if (size > INPUT_MAX)
        return 0;
    ASSERT(payload_new(&payload, &err) == RC_OK);
    /* Twice: what a damaged payload leaves behind must not reach into the next. */
    read_events(payload, slice_of(data, size));
    read_events(payload, slice_of(data, size));
    payload_free(payload);
    return 0;
}

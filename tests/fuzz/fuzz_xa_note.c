/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes of prepared XA transactions. What was read is given again with the same bytes.
 *
 *   a part with its length before it: the key
 *   rest: the value
 */
#include "binlog/xa_note_int.h"
#include "fuzz_int.h"

struct wanted {
    struct slice value;
    unsigned given;
};

static enum rc look(void *ctx, struct slice key, struct slice value, struct error *err UNUSED)
{
    struct wanted *wanted = ctx;
    ASSERT(key.len > strlen(XA_NOTE_PREFIX));
    ASSERT(slice_equal(value, wanted->value));
    wanted->given++;
    return RC_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    struct slice key = fuzz_sized_part(&input);
    struct error err = {0};
    uint8_t *copy = fuzz_exact(input);
    struct wanted wanted = {.value = slice_of(copy, input.len)};
    struct xa_store store = {0};
    if (xa_note_read(&store, key, wanted.value, &err) == RC_OK) {
        ASSERT(store.count == 1 && store.unnoted == 0);
        ASSERT(xa_note_read(&store, key, wanted.value, &err) == RC_CORRUPT);
        for (size_t i = 0; i < XA_STORE_CHAINS; i++)
            if (store.chains[i] != NULL)
                store.chains[i]->noted = false;
        store.unnoted = 1;
        ASSERT(xa_note_each(&store, NULL, NULL, look, &wanted, &err) == RC_OK && wanted.given == 1);
        ASSERT(xa_note_each(&store, NULL, NULL, look, &wanted, &err) == RC_OK && wanted.given == 1);
    } else {
        ASSERT(err.rc == RC_CORRUPT);
        fuzz_told(err.rc, &err);
    }
    xa_store_clear(&store);
    free(copy);
    return 0;
}

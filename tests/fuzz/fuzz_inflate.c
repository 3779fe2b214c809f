/* SPDX-License-Identifier: Apache-2.0 */
/* MariaDB's compressed records. */
#include "binlog/inflate_int.h"
#include "fuzz_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out;
    struct error err;
    error_clear(&err);
    buf_init(&out, (size_t)64 << 20);
    fuzz_told(inflate_record(slice_of(data, size), &out, &err), &err);
    buf_deinit(&out);
    return 0;
}

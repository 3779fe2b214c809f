/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checksum of events against zlib's: every length over the borders of its steps, every alignment,
 * in one piece and in two.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <zlib.h>

#include "binlog/crc32_int.h"

enum { BYTES = 1 << 12, LENGTHS = 700, ALIGNMENTS = 17 };

static uint8_t bytes[BYTES];

static void fill(void)
{
    uint64_t state = 0x2545f4914f6cdd1du;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        bytes[i] = (uint8_t)(state >> 56);
    }
}

static uint32_t expected(const uint8_t *ptr, size_t len)
{
    return (uint32_t)crc32_z(0, ptr, len);
}

static void as_zlib_whatever_the_length(void **state UNUSED)
{
    fill();
    for (size_t len = 0; len < LENGTHS; len++)
        for (size_t at = 0; at < ALIGNMENTS; at++)
            assert_int_equal(crc32_add(0, slice_of(bytes + at, len)),
                             len == 0 ? 0 : expected(bytes + at, len));
    assert_int_equal(crc32_add(0, slice_of(bytes, BYTES)), expected(bytes, BYTES));
}

static void goes_on_from_any_place(void **state UNUSED)
{
    fill();
    for (size_t cut = 0; cut <= LENGTHS; cut++) {
        uint32_t head = crc32_add(0, slice_of(bytes, cut));
        assert_int_equal(crc32_add(head, slice_of(bytes + cut, LENGTHS - cut)),
                         expected(bytes, LENGTHS));
    }
}

/* The check value that is published with the polynomial. */
static void the_known_value(void **state UNUSED)
{
    assert_int_equal(crc32_add(0, SLICE("123456789")), 0xcbf43926);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_zlib_whatever_the_length),
        cmocka_unit_test(goes_on_from_any_place),
        cmocka_unit_test(the_known_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The growing buffer: what is appended, its maximum, its sticky failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

static void appends(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000);
    assert_string_equal(buf_cstr(&buf), "");
    buf_add_str(&buf, "a");
    buf_add_byte(&buf, 'b');
    buf_add_slice(&buf, SLICE("cd"));
    buf_add(&buf, NULL, 0);
    buf_add_slice(&buf, SLICE_EMPTY);
    buf_add_u64(&buf, UINT64_MAX);
    buf_add_i64(&buf, INT64_MIN);
    buf_add_hex(&buf, SLICE("\x00\x7f\xff"));
    buf_addf(&buf, "%s-%d", "x", 5);
    assert_string_equal(buf_cstr(&buf), "abcd18446744073709551615-9223372036854775808007fffx-5");
    struct error err;
    assert_int_equal(buf_check(&buf, "it", &err), RC_OK);
    buf_reset(&buf);
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf_cstr(&buf), "");
    buf_deinit(&buf);
}

static void base64(void **state)
{
    (void)state;
    /* RFC 4648 part 10. */
    static const char *const cases[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xff\xfe\xfd", "//79"}};
    struct buf buf;
    buf_init(&buf, 100);
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        buf_reset(&buf);
        buf_add_base64(&buf, slice_str(cases[i][0]));
        assert_string_equal(buf_cstr(&buf), cases[i][1]);
    }
    buf_deinit(&buf);
}

/* A buffer takes what fits into its maximum, to the last byte, however it is appended. */
static void the_maximum_is_exact(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    buf_add_str(&buf, "12345");
    buf_add_u64(&buf, 67890);
    assert_int_equal(buf.rc, RC_OK);
    assert_string_equal(buf_cstr(&buf), "1234567890");
    buf_reset(&buf);
    buf_addf(&buf, "%s", "1234567890");
    assert_int_equal(buf.rc, RC_OK);
    assert_string_equal(buf_cstr(&buf), "1234567890");
    buf_add_byte(&buf, 'x');
    assert_int_equal(buf.rc, RC_LIMIT);
    buf_deinit(&buf);
    buf_init(&buf, 1);
    buf_add_i64(&buf, 7);
    assert_int_equal(buf.rc, RC_OK);
    assert_string_equal(buf_cstr(&buf), "7");
    buf_deinit(&buf);
}

static void failure_stays(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 4);
    buf_add_str(&buf, "123");
    buf_add_str(&buf, "45");
    buf_add_str(&buf, "6"); /* would fit, and is left out all the same */
    assert_int_equal(buf.len, 3);
    assert_null(buf_reserve(&buf, 0));
    struct error err;
    error_clear(&err);
    assert_int_equal(buf_check(&buf, "the load body", &err), RC_LIMIT);
    assert_string_equal(err.text, "the load body would be larger than 4 bytes.");
    buf_reset(&buf);
    assert_int_equal(buf_check(&buf, "it", &err), RC_OK);
    assert_null(buf_reserve(&buf, SIZE_MAX));
    assert_int_equal(buf.rc, RC_LIMIT);
    buf_reset(&buf);
    buf_add_base64(&buf, SLICE("1234"));
    assert_int_equal(buf.rc, RC_LIMIT);
    buf_reset(&buf);
    buf_add_hex(&buf, SLICE("123"));
    assert_int_equal(buf.rc, RC_LIMIT);
    assert_int_equal(buf.len, 0);
    buf_deinit(&buf);
}

static void growth_keeps_what_is_there(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1 << 20);
    for (unsigned i = 0; i < 100000; i++)
        buf_add_byte(&buf, (uint8_t)i);
    assert_int_equal(buf.len, 100000);
    for (unsigned i = 0; i < 100000; i++)
        if (buf.ptr[i] != (uint8_t)i)
            fail_msg("byte %u", i);
    assert_true(buf.cap <= (1 << 20) + 1);
    uint8_t *to = buf_reserve(&buf, 1000);
    assert_non_null(to);
    assert_ptr_equal(to, buf.ptr + 100000);
    assert_int_equal(buf.len, 100000);
    buf_deinit(&buf);
    assert_int_equal(buf.len, 0);
    buf_add_str(&buf, "again"); /* a deinited buffer may be used on */
    assert_string_equal(buf_cstr(&buf), "again");
    buf_deinit(&buf);
    buf_init(&buf, SIZE_MAX); /* no bound at all */
    buf_add_str(&buf, "whatever comes");
    assert_string_equal(buf_cstr(&buf), "whatever comes");
    buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends),
        cmocka_unit_test(base64),
        cmocka_unit_test(the_maximum_is_exact),
        cmocka_unit_test(failure_stays),
        cmocka_unit_test(growth_keeps_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Civil dates, RFC 3339, pauses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "engine/engine.h"

/* Every day of 2,000 years, against the C library. */
static void days_agree_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t day = -365 * 1000; day < 365 * 1000; day++) {
        int64_t seconds = day * 86400 + (day * 7919 % 86400 + 86400) % 86400;
        time_t at = (time_t)seconds;
        struct tm tm;
        assert_non_null(gmtime_r(&at, &tm));
        struct civil_time c = clock_civil(seconds);
        if (c.year != tm.tm_year + 1900 || c.month != tm.tm_mon + 1 || c.day != tm.tm_mday ||
            c.hour != tm.tm_hour || c.minute != tm.tm_min || c.second != tm.tm_sec)
            fail_msg("%lld", (long long)seconds);
        if (clock_unix_seconds(c) != seconds)
            fail_msg("%lld does not come back", (long long)seconds);
    }
}

static void known_instants(void **state)
{
    (void)state;
    struct civil_time c = clock_civil(0);
    assert_int_equal(c.year, 1970);
    assert_int_equal(c.month, 1);
    assert_int_equal(c.day, 1);
    c = clock_civil(-1);
    assert_int_equal(c.year, 1969);
    assert_int_equal(c.second, 59);
    c = clock_civil(951782400); /* the leap day of 2000 */
    assert_int_equal(c.month, 2);
    assert_int_equal(c.day, 29);
    assert_int_equal(clock_unix_seconds((struct civil_time){2038, 1, 19, 3, 14, 8}), 2147483648);
}

static void rfc3339(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 200);
    clock_add_rfc3339(&out, 0);
    buf_add_byte(&out, ' ');
    clock_add_rfc3339(&out, 1795268700123456);
    buf_add_byte(&out, ' ');
    clock_add_rfc3339(&out, 1795268700000001);
    assert_string_equal(buf_cstr(&out), "1970-01-01T00:00:00Z 2026-11-21T13:45:00.123456Z "
                                        "2026-11-21T13:45:00.000001Z");
    buf_deinit(&out);
}

static void clocks_go_forward(void **state)
{
    (void)state;
    uint64_t before_us = clock_monotonic_us();
    clock_sleep_ms(20);
    uint64_t after_us = clock_monotonic_us();
    assert_true(after_us - before_us >= 20000);
    assert_true(clock_wall_us() > 1700000000000000u);
}

static void backoff(void **state)
{
    (void)state;
    for (unsigned attempt = 0; attempt < 200; attempt++) {
        unsigned ms = clock_backoff_ms(attempt, 100, 5000);
        assert_in_range(ms, 100, 5000);
        uint64_t top = attempt > 6 ? 5000 : 100u << attempt;
        assert_true(ms <= (top > 5000 ? 5000 : top));
    }
    assert_int_equal(clock_backoff_ms(0, 100, 5000), 100);
    assert_int_equal(clock_backoff_ms(UINT32_MAX, 100, 50), 50);
    assert_int_equal(clock_backoff_ms(5, 0, 50), 0);
    bool differs = false;
    unsigned first = clock_backoff_ms(10, 1, 1000000);
    for (unsigned i = 0; i < 20; i++)
        differs |= clock_backoff_ms(10, 1, 1000000) != first;
    assert_true(differs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_agree_with_the_c_library),
        cmocka_unit_test(known_instants),
        cmocka_unit_test(rfc3339),
        cmocka_unit_test(clocks_go_forward),
        cmocka_unit_test(backoff),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

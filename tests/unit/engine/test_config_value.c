/* SPDX-License-Identifier: Apache-2.0 */
/* Durations, sizes and truth values of the pipeline file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/config/config_int.h"
#include "engine/engine.h"

static void durations_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } cases[] = {
        {"30s", 30000},       {"30 s", 30000},        {" 30 s ", 30000},   {"1 min", 60000},
        {"1m", 60000},        {"500ms", 500},         {"500 ms", 500},     {"2 h", 7200000},
        {"2 hours", 7200000}, {"1d", 86400000},       {"1 day", 86400000}, {"0", 0},
        {"1500", 1500},       {"10 SEC", 10000},      {"PT30S", 30000},    {"pt1h30m", 5400000},
        {"P1D", 86400000},    {"P1DT1S", 86401000},   {"PT0.25S", 250},    {"PT1.5s", 1500},
        {"3 millis", 3},      {"20 minutes", 1200000}};
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        uint64_t ms = 99;
        assert_true(cfg_parse_duration(slice_str(cases[i].text), &ms));
        assert_int_equal(ms, cases[i].ms);
    }
}

static void durations_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        "s",
                                        "-1s",
                                        "1.5s",
                                        "1 s s",
                                        "10 fortnights",
                                        "P",
                                        "PT",
                                        "P1DT",
                                        "PT1D",
                                        "P1H",
                                        "PT5",
                                        "PT1.5M",
                                        "PT.5S",
                                        "PT1.S",
                                        "1 mb",
                                        "1ss",
                                        "PT1.5",
                                        "0x10 s",
                                        "99999999999999999999 d",
                                        "213503982335 d",
                                        "P1W",
                                        "T1S",
                                        "1e3",
                                        "PTT1S",
                                        "PT1.2345S"};
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        uint64_t ms = 99;
        if (cfg_parse_duration(slice_str(cases[i]), &ms))
            fail_msg("'%s' passed", cases[i]);
    }
}

static void sizes_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {{"64mb", 64u << 20},
                 {"10 MiB", 10u << 20},
                 {"1g", 1u << 30},
                 {"100 kb", 102400},
                 {"0", 0},
                 {"17", 17},
                 {"17 b", 17},
                 {"2 bytes", 2},
                 {"3 TiB", 3ULL << 40},
                 {"1 Gb", 1u << 30},
                 {"1K", 1024},
                 {"5m", 5u << 20}};
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        uint64_t bytes = 99;
        assert_true(cfg_parse_size(slice_str(cases[i].text), &bytes));
        assert_int_equal(bytes, cases[i].bytes);
    }
}

static void sizes_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"",    "mb",    "-1mb",  "1.5mb",
                                        "1 s", "1 mbb", "1 m b", "20000000 tb"};
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        uint64_t bytes = 99;
        if (cfg_parse_size(slice_str(cases[i]), &bytes))
            fail_msg("'%s' passed", cases[i]);
    }
}

static void truth_read(void **state)
{
    (void)state;
    bool value = false;
    assert_true(cfg_parse_bool(SLICE("true"), &value));
    assert_true(value);
    assert_true(cfg_parse_bool(SLICE("FALSE"), &value));
    assert_false(value);
    static const char *const wrong[] = {"", "yes", "no", "1", "0", "on", "truee"};
    for (unsigned i = 0; i < COUNT_OF(wrong); i++)
        assert_false(cfg_parse_bool(slice_str(wrong[i]), &value));
}

static void units_written(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 200);
    static const uint64_t durations[] = {0, 1500, 30000, 60000, 5400000, 7200000, 172800000};
    for (unsigned i = 0; i < COUNT_OF(durations); i++) {
        cfg_add_duration(&out, durations[i]);
        buf_add_byte(&out, ',');
    }
    cfg_add_size(&out, 0);
    buf_add_byte(&out, ',');
    cfg_add_size(&out, 64 << 20);
    buf_add_byte(&out, ',');
    cfg_add_size(&out, 1025);
    assert_string_equal(buf_cstr(&out),
                        "0 ms,1500 ms,30 s,1 min,90 min,2 h,2 d,0 bytes,64 MiB,1025 bytes");
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_read), cmocka_unit_test(durations_refused),
        cmocka_unit_test(sizes_read),     cmocka_unit_test(sizes_refused),
        cmocka_unit_test(truth_read),     cmocka_unit_test(units_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

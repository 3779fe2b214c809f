/* SPDX-License-Identifier: Apache-2.0 */
/* What is a difference between a value that a load would bring and one that a target shows. */
#include "sinks/stream_load/same_int.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct pair {
    enum column_kind kind;
    const char *wanted;
    const char *found;
    bool same;
};

static void test_values(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {COLUMN_INT, "-7", "-7", true},
        {COLUMN_INT, "1", "true", true},
        {COLUMN_INT, "1", "11", false},
        {COLUMN_UINT, "18446744073709551615", "18446744073709551615", true},
        {COLUMN_UINT, "18446744073709551615", "18446744073709551614", false},
        {COLUMN_UINT, "18446744073709551615", "1.8446744073709552e19", false},
        {COLUMN_INT, "120000", "1.2e5", true},
        {COLUMN_BIT, "0", "false", true},
        {COLUMN_BIT, "1", "false", false},
        {COLUMN_DECIMAL, "1.50", "1.5", true},
        {COLUMN_DECIMAL, "-0.00", "0", true},
        {COLUMN_DECIMAL, "100", "1", false},
        {COLUMN_DECIMAL, "0.1", "0.10000000000000000001", false},
        {COLUMN_FLOAT, "16777216", "1.67772e+07", true},
        {COLUMN_FLOAT, "0.1", "0.10001", false},
        {COLUMN_FLOAT, "0.1", "", false},
        {COLUMN_DOUBLE, "0.30000000000000004", "0.3", true},
        {COLUMN_DOUBLE, "0.3000000000001", "0.3", false},
        {COLUMN_DOUBLE, "0", "1e-300", false},
        {COLUMN_DATETIME, "2024-01-02 03:04:05.500", "2024-01-02 03:04:05.500000", true},
        {COLUMN_DATETIME, "2024-01-02 03:04:05.000", "2024-01-02 03:04:05", true},
        {COLUMN_DATETIME, "2024-01-02 03:04:10", "2024-01-02 03:04:1", false},
        {COLUMN_DATE, "2024-01-20", "2024-01-2", false},
        {COLUMN_STRING, "a", "a ", false},
        {COLUMN_STRING, "1.50", "1.5", false},
        {COLUMN_STRING, "", "", true},
        {COLUMN_TIME, "10:00:00.10", "10:00:00.1", false},
        {COLUMN_JSON, "{\"a\": 1, \"b\": [1, 2]}", "{\"b\":[1,2],\"a\":1}", true},
        {COLUMN_JSON, "{\"a\": 1}", "{\"a\":2}", false},
        {COLUMN_JSON, "[1]", "[1", false},
        {COLUMN_JSON, "[1, 2]", "[2, 1]", false},
        {COLUMN_VECTOR, "[0.1,2]", "[0.1000000015, 2]", true},
        {COLUMN_VECTOR, "[0.1,2]", "[0.1]", false},
        {COLUMN_VECTOR, "[1]", "[\"1\"]", false},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        const struct column column = {.kind = pairs[i].kind};
        if (same_value(&column, slice_str(pairs[i].wanted), slice_str(pairs[i].found)) !=
            pairs[i].same)
            fail_msg("%s and %s", pairs[i].wanted, pairs[i].found);
    }
}

static void test_keys(void **state)
{
    (void)state;
    static const struct {
        enum column_kind kind;
        enum load_encoding encoding;
        const char *text;  /* canonical */
        const char *field; /* of the target */
    } keys[] = {
        {COLUMN_INT, LOAD_NUMBER, "42", "42"},
        {COLUMN_INT, LOAD_NUMBER, "-5", "-005"},
        {COLUMN_DECIMAL, LOAD_STRING, "1.50", "1.5"},
        {COLUMN_BIT, LOAD_BIT_BOOLEAN, "1", "true"},
        {COLUMN_DATETIME, LOAD_DATE, "2024-01-02 03:04:05.500", "2024-01-02 03:04:05.500000"},
        {COLUMN_STRING, LOAD_STRING, "a ", "a "},
        {COLUMN_BYTES, LOAD_BASE64, "", ""},
        {COLUMN_BYTES, LOAD_BASE64, "a", "YQ=="},
        {COLUMN_BYTES, LOAD_BASE64, "ab", "YWI="},
        {COLUMN_BYTES, LOAD_BASE64, "abc~\x7f?", "YWJjfn8/"},
        {COLUMN_FLOAT, LOAD_NUMBER, "0.1", "0.10000000149"},
        {COLUMN_DOUBLE, LOAD_NUMBER, "1e21", "1000000000000000000000"},
    };
    struct buf from_source;
    struct buf from_target;
    buf_init(&from_source, 1024);
    buf_init(&from_target, 1024);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const struct column column = {.kind = keys[i].kind};
        buf_reset(&from_source);
        buf_reset(&from_target);
        same_add_key_text(&from_source, &column, slice_str(keys[i].text));
        assert_true(
            same_add_key_field(&from_target, &column, keys[i].encoding, slice_str(keys[i].field)));
        assert_string_equal(buf_cstr(&from_source), buf_cstr(&from_target));
    }
    const struct column bytes = {.kind = COLUMN_BYTES};
    static const char *const broken[] = {"YQ=", "Y!==", "ab\xff="};
    for (size_t i = 0; i < COUNT_OF(broken); i++)
        assert_false(same_add_key_field(&from_target, &bytes, LOAD_BASE64, slice_str(broken[i])));
    buf_deinit(&from_source);
    buf_deinit(&from_target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

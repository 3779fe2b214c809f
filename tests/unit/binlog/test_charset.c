/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Character sets: the collation table against the lists of 15 servers where those are at hand, and
 * the conversions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <glob.h>

#include "binlog/charset_int.h"
#include "binlog/value_int.h"

static void known_collations(void **state UNUSED)
{
    assert_true(slice_equal(value_charset_name(8), SLICE("latin1")));
    assert_true(slice_equal(value_charset_name(33), SLICE("utf8mb3")));
    assert_true(slice_equal(value_charset_name(45), SLICE("utf8mb4")));
    assert_true(slice_equal(value_charset_name(63), SLICE("binary")));
    assert_true(slice_equal(value_charset_name(255), SLICE("utf8mb4")));
    assert_true(slice_equal(value_charset_name(1032), SLICE("latin1")));
    assert_true(slice_equal(value_charset_name(2304), SLICE("utf8mb4")));
    assert_int_equal(value_charset_name(0).len, 0);
    assert_int_equal(value_charset_name(17).len, 0);
    assert_int_equal(value_charset_name(100000).len, 0);
}

static void every_collation_of_every_server(void **state UNUSED)
{
    glob_t found;
    assert_int_equal(glob(TEST_GENERATED_DIR "/reference/collations_*.tsv", 0, NULL, &found), 0);
    unsigned lines = 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *file = fopen(found.gl_pathv[i], "r");
        assert_non_null(file);
        char line[256];
        while (fgets(line, sizeof(line), file) != NULL) {
            unsigned id;
            unsigned bytes;
            char name[64];
            if (sscanf(line, "%u\t%*s\t%63s\t%u", &id, name, &bytes) != 3)
                continue;
            const struct charset *charset = charset_of_collation(id);
            assert_non_null(charset);
            assert_ptr_equal(charset, charset_by_name(slice_str(name)));
            assert_int_equal(charset->char_bytes_max, bytes);
            lines++;
        }
        fclose(file);
    }
    globfree(&found);
    assert_true(lines > 1000);
}

static void expect(enum charset_id id, const char *bytes, size_t len, const char *expected)
{
    struct buf scratch;
    struct slice text;
    buf_init(&scratch, 1 << 16);
    enum rc rc = charset_to_utf8(charset_get(id), slice_of(bytes, len), &scratch, &text);
    if (expected == NULL) {
        assert_int_equal(rc, RC_REJECTED);
    } else {
        assert_int_equal(rc, RC_OK);
        if (!slice_equal(text, slice_str(expected)))
            fail_msg("charset %d: \"%.*s\" and not \"%s\"", id, SLICE_ARG(text), expected);
    }
    buf_deinit(&scratch);
}

#define EXPECT(id, bytes, expected) expect(id, bytes, sizeof(bytes) - 1, expected)

static void conversions(void **state UNUSED)
{
    EXPECT(CHARSET_LATIN1, "\x80\x81\x8d\x8f\x90\x9d\xff",
           "\xe2\x82\xac\xc2\x81\xc2\x8d\xc2\x8f\xc2\x90\xc2\x9d\xc3\xbf");
    EXPECT(CHARSET_LATIN2, "\xb3", "\xc5\x82");
    EXPECT(CHARSET_CP1251, "\xcf\xf0", "\xd0\x9f\xd1\x80");
    EXPECT(CHARSET_CP1250, "\x81", NULL);
    EXPECT(CHARSET_KOI8R, "\xf0", "\xd0\x9f");
    EXPECT(CHARSET_KEYBCS2, "\x80", "\xc4\x8c");
    EXPECT(CHARSET_SWE7, "[]a",
           "\xc3\x84\xc3\x85"
           "a");
    EXPECT(CHARSET_SWE7, "\x7f", NULL);
    EXPECT(CHARSET_SWE7, "\x80", NULL);
    EXPECT(CHARSET_BIG5, "\xa4\xa4", "\xe4\xb8\xad");
    EXPECT(CHARSET_GBK, "\xd6\xd0", "\xe4\xb8\xad");
    EXPECT(CHARSET_GB2312, "\xd6\xd0", "\xe4\xb8\xad");
    EXPECT(CHARSET_GB18030, "\x94\x39\xfc\x36", "\xf0\x9f\x98\x80");
    EXPECT(CHARSET_EUCKR, "\x81\x41", "\xea\xb0\x82");
    EXPECT(CHARSET_UJIS, "\xa1\xc0\xa1\xc1", "\\\xe3\x80\x9c");
    EXPECT(CHARSET_EUCJPMS, "\xa1\xc1", "\xef\xbd\x9e");
    EXPECT(CHARSET_CP932, "\x81\x60", "\xef\xbd\x9e");
    EXPECT(CHARSET_UCS2, "\x4e\x2d", "\xe4\xb8\xad");
    EXPECT(CHARSET_UTF16LE, "\x3d\xd8\x00\xde", "\xf0\x9f\x98\x80");
    EXPECT(CHARSET_UTF32, "\x00\x01\xf6\x00", "\xf0\x9f\x98\x80");
    EXPECT(CHARSET_UTF32, "\x00\x11\x00\x00", NULL);
    EXPECT(CHARSET_UTF8MB4, "\xed\xa0\x80", NULL);
}

/* Every character set answers for every byte and every pair, within its buffer. */
static void any_bytes(void **state UNUSED)
{
    struct buf scratch;
    buf_init(&scratch, 1 << 16);
    for (unsigned id = CHARSET_NONE + 1; id < CHARSET_COUNT; id++) {
        unsigned valid = 0;
        for (unsigned pair = 0; pair < 65536; pair += 7) {
            const uint8_t bytes[2] = {(uint8_t)(pair >> 8), (uint8_t)pair};
            struct slice text;
            buf_reset(&scratch);
            enum rc rc = charset_to_utf8(charset_get(id), slice_of(bytes, 2), &scratch, &text);
            assert_true(rc == RC_OK || rc == RC_REJECTED);
            if (rc == RC_OK) {
                assert_true(text_is_utf8(text));
                valid++;
            }
        }
        assert_true(valid > 0 || id == CHARSET_UTF32);
    }
    buf_deinit(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_collations),
        cmocka_unit_test(every_collation_of_every_server),
        cmocka_unit_test(conversions),
        cmocka_unit_test(any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

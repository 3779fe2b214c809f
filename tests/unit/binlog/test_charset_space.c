/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code space of every charset against hashes of what the servers give for it
 * (tests/golden/binlog/charset_space.txt): the C library's conversions are not ours, and another
 * one, or another version, may read a character in another way. That the hashes are the servers'
 * is proven by tests/integration/test_charset_space.py, which asks them with the same library.
 *
 * A line of the file: the charset, how many sequences are valid in it, and the hash of all of them
 * with their texts, in this order: one byte; two; for the Japanese sets 8F and two more; for
 * gb18030 four. CHARSET_SPACE_PRINT=1 prints the lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <xxhash.h>

#include "binlog/charset_int.h"

struct space {
    const struct charset *charset;
    XXH3_state_t *hash;
    struct buf scratch;
    unsigned valid;
};

/* What is not valid has U+FFFD in its place, and a character behind it is read as if alone. */
static void check_replaced(struct space *space, const uint8_t *bytes, size_t len)
{
    uint8_t more[5];
    struct slice text;
    memcpy(more, bytes, len);
    more[len] = '!';
    buf_reset(&space->scratch);
    assert_int_equal(charset_text(space->charset, INVALID_TEXT_REPLACE, slice_of(more, len + 1),
                                  &space->scratch, &text),
                     RC_OK);
    assert_true(text_is_utf8(text));
    bool whole = text.len > 3 && text.ptr[text.len - 1] == '!';
    bool wide = space->charset->way == CHARSET_WAY_WIDE;
    if (!whole && !wide)
        fail_msg("%.*s: the character behind %02x%02x is lost", SLICE_ARG(space->charset->name),
                 bytes[0], bytes[len - 1]);
}

static void add(struct space *space, const uint8_t *bytes, size_t len)
{
    struct slice text;
    buf_reset(&space->scratch);
    enum rc rc = charset_to_utf8(space->charset, slice_of(bytes, len), &space->scratch, &text);
    if (rc == RC_REJECTED) {
        check_replaced(space, bytes, len);
        return;
    }
    assert_int_equal(rc, RC_OK);
    assert_true(text_is_utf8(text));
    space->valid++;
    XXH3_64bits_update(space->hash, bytes, len);
    XXH3_64bits_update(space->hash, text.ptr, text.len);
}

static void walk(struct space *space)
{
    enum charset_id id = space->charset->id;
    for (unsigned a = 0; a < 256; a++)
        add(space, (const uint8_t[]){(uint8_t)a}, 1);
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++)
            add(space, (const uint8_t[]){(uint8_t)a, (uint8_t)b}, 2);
    for (unsigned a = 0xa1; a < 0xff && (id == CHARSET_UJIS || id == CHARSET_EUCJPMS); a++)
        for (unsigned b = 0xa1; b < 0xff; b++)
            add(space, (const uint8_t[]){0x8f, (uint8_t)a, (uint8_t)b}, 3);
    for (unsigned a = 0x81; a < 0xff && id == CHARSET_GB18030; a++)
        for (unsigned i = 0; i < 10u * 126 * 10; i++)
            add(space,
                (const uint8_t[]){(uint8_t)a, (uint8_t)(0x30 + i / 1260),
                                  (uint8_t)(0x81 + i / 10 % 126), (uint8_t)(0x30 + i % 10)},
                4);
}

/* The line of the charset, made anew. */
static void print_line(enum charset_id id, char *line, size_t cap)
{
    struct space space = {.charset = charset_get(id), .hash = XXH3_createState()};
    assert_non_null(space.hash);
    XXH3_64bits_reset(space.hash);
    buf_init(&space.scratch, 4096);
    walk(&space);
    snprintf(line, cap, "%.*s %u %016llx\n", SLICE_ARG(space.charset->name), space.valid,
             (unsigned long long)XXH3_64bits_digest(space.hash));
    buf_deinit(&space.scratch);
    XXH3_freeState(space.hash);
}

static void every_code_space(void **state UNUSED)
{
    FILE *golden = fopen(TEST_SOURCE_DIR "/tests/golden/binlog/charset_space.txt", "r");
    bool print = getenv("CHARSET_SPACE_PRINT") != NULL;
    assert_true(golden != NULL || print);
    for (unsigned id = CHARSET_NONE + 1; id < CHARSET_COUNT; id++) {
        if (id == CHARSET_BINARY)
            continue;
        char line[128];
        char wanted[128] = "";
        print_line(id, line, sizeof(line));
        if (print)
            fputs(line, stdout);
        else if (fgets(wanted, sizeof(wanted), golden) == NULL || strcmp(line, wanted) != 0)
            fail_msg("this C library reads a character otherwise: %snot %s", line, wanted);
    }
    if (golden != NULL)
        fclose(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_code_space)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

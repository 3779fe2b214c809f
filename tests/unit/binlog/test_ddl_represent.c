/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which characters a charset has, asked for the whole BMP: those that come out of its bytes. How its
 * bytes are read is held by test_charset_space.c.
 */
#include "ddl_fixture.h"

#include "binlog/ddl/ddl_charset_int.h"

/* Behind SINGLE_END no 8-bit set has a character but U+F8FF and the like. */
enum { BMP = 0x10000, SINGLE_END = 0x2700, TEXT_MAX = 4 * BMP, SEVERAL_BYTES_MAX = 64 };

struct space {
    const struct charset *charset;
    struct buf scratch;
    bool has[BMP];
};

static uint32_t code_of(const uint8_t *utf8, size_t len)
{
    if (len == 1)
        return utf8[0];
    if (len == 2)
        return (utf8[0] & 0x1FU) << 6 | (utf8[1] & 0x3FU);
    return (utf8[0] & 0x0FU) << 12 | (utf8[1] & 0x3FU) << 6 | (utf8[2] & 0x3FU);
}

static void add(struct space *space, const uint8_t *bytes, size_t len)
{
    struct slice text;
    buf_reset(&space->scratch);
    if (charset_to_utf8(space->charset, slice_of(bytes, len), &space->scratch, &text) == RC_OK &&
        text.len <= 3 && text_utf8_len(text) == text.len)
        space->has[code_of(text.ptr, text.len)] = true;
}

/* All bytes that a character of the BMP can be. */
static void walk(struct space *space)
{
    enum charset_id id = space->charset->id;
    for (unsigned a = 0; a < 256; a++)
        add(space, (const uint8_t[]){(uint8_t)a}, 1);
    for (unsigned i = 0; i < BMP && space->charset->way == CHARSET_WAY_MULTI; i++)
        add(space, (const uint8_t[]){(uint8_t)(i >> 8), (uint8_t)i}, 2);
    for (unsigned i = 0; i < BMP && (id == CHARSET_UJIS || id == CHARSET_EUCJPMS); i++)
        add(space, (const uint8_t[]){0x8f, (uint8_t)(i >> 8), (uint8_t)i}, 3);
    for (unsigned i = 0; i < 4u * 10 * 126 * 10 && id == CHARSET_GB18030; i++)
        add(space,
            (const uint8_t[]){(uint8_t)(0x81 + i / 12600), (uint8_t)(0x30 + i / 1260 % 10),
                              (uint8_t)(0x81 + i / 10 % 126), (uint8_t)(0x30 + i % 10)},
            4);
}

static void check(struct ddl_parser *parser, struct space *space)
{
    static uint8_t all[TEXT_MAX];
    size_t len = 0;
    bool is_single = space->charset->way == CHARSET_WAY_SINGLE;
    const uint32_t end = is_single ? SINGLE_END : BMP;
    for (uint32_t code = 0x20; code < end; code++)
        if (code < 0xD800 || code > 0xDFFF)
            len += text_put_utf8(all + len, code);
    struct slice found = ddl_text_in_charset(parser, space->charset, slice_of(all, len));
    for (uint32_t code = 0x20; code < end; code++) {
        if (code >= 0xD800 && code <= 0xDFFF)
            continue;
        uint8_t utf8[4];
        struct slice wanted = slice_of(utf8, text_put_utf8(utf8, code));
        if (!space->has[code])
            wanted = SLICE("?");
        if (found.len < wanted.len || memcmp(found.ptr, wanted.ptr, wanted.len) != 0)
            fail_msg("%.*s: U+%04X", SLICE_ARG(space->charset->name), code);
        found = slice_of(found.ptr + wanted.len, found.len - wanted.len);
    }
    assert_int_equal(found.len, 0);
}

static void test_what_its_bytes_are(void **state)
{
    (void)state;
    static struct space space;
    struct arena arena;
    struct error err = {0};
    arena_init(&arena, "charsets", FIXTURE_ARENA_BYTES);
    struct ddl_parser parser = {.arena = &arena, .err = &err};
    for (unsigned id = CHARSET_NONE + 1; id < CHARSET_COUNT; id++) {
        const struct charset *charset = charset_get(id);
        if (charset->way != CHARSET_WAY_SINGLE && charset->way != CHARSET_WAY_MULTI)
            continue;
        space = (struct space){.charset = charset};
        buf_init(&space.scratch, SEVERAL_BYTES_MAX);
        walk(&space);
        check(&parser, &space);
        buf_deinit(&space.scratch);
        arena_reset(&arena);
    }
    arena_deinit(&arena);
}

static void expect(enum charset_id id, const char *text, const char *wanted)
{
    struct arena arena;
    struct error err = {0};
    arena_init(&arena, "charsets", FIXTURE_ARENA_BYTES);
    struct ddl_parser parser = {.arena = &arena, .err = &err};
    struct slice found = ddl_text_in_charset(&parser, charset_get(id), slice_str(text));
    if (!slice_equal(found, slice_str(wanted)))
        fail_msg("%.*s is not %s", SLICE_ARG(found), wanted);
    arena_deinit(&arena);
}

/* As MariaDB 10.11 and MySQL 9.7 store them. */
static void test_labels(void **state)
{
    (void)state;
    expect(CHARSET_BIG5, "\u30ab\u305c", "\u30ab\u305c");
    expect(CHARSET_SWE7, "a\\b[\u00c4", "a?b?\u00c4");
    expect(CHARSET_SJIS, "\u8868\u2460", "\u8868?");
    expect(CHARSET_CP932, "\u8868\u2460", "\u8868\u2460");
    expect(CHARSET_ASCII, "a\u00e9", "a?");
    expect(CHARSET_UCS2, "a\u00e9\U0001f600", "a\u00e9?");
    expect(CHARSET_UTF8MB3, "a\u00e9\U0001f600", "a\u00e9?");
    expect(CHARSET_UTF16, "a\u00e9\U0001f600", "a\u00e9\U0001f600");
    expect(CHARSET_BINARY, "a\u00e9", "a\u00e9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_its_bytes_are),
                                       cmocka_unit_test(test_labels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

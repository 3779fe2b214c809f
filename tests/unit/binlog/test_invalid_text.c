/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that are not valid in their character set: refused with the bytes named, or replaced, or
 * kept as base64; in every kind of charset, in labels and inside JSON documents.
 */
#include "value_fixture.h"

#define FFFD "\xef\xbf\xbd"

/* What one text becomes in each of the ways. */
struct expectation {
    enum charset_id charset;
    const char *bytes; /* in hex */
    const char *replaced;
};

static const struct expectation expectations[] = {
    /* utf8mb4: a U+FFFD for each longest part that could have become a character */
    {CHARSET_UTF8MB4, "61ff62", "a" FFFD "b"},
    {CHARSET_UTF8MB4, "c0af", FFFD FFFD},               /* overlong */
    {CHARSET_UTF8MB4, "e08080", FFFD FFFD FFFD},        /* overlong */
    {CHARSET_UTF8MB4, "f0808080", FFFD FFFD FFFD FFFD}, /* overlong */
    {CHARSET_UTF8MB4, "eda080", FFFD FFFD FFFD},        /* a surrogate */
    {CHARSET_UTF8MB4, "f4908080", FFFD FFFD FFFD FFFD}, /* behind the last code point */
    {CHARSET_UTF8MB4, "f09f98", FFFD},                  /* cut off */
    {CHARSET_UTF8MB4, "f09f9861", FFFD "a"},            /* cut off by another */
    {CHARSET_UTF8MB4, "e281c3a4", FFFD "\xc3\xa4"},     /* the same */
    {CHARSET_UTF8MB4, "80f09f9880", FFFD "\xf0\x9f\x98\x80"},
    {CHARSET_UTF8MB4, "f5c3", FFFD FFFD},
    /* utf8mb3 has no characters of four bytes, ascii none of two */
    {CHARSET_UTF8MB3, "61f09f988062", "a" FFFD "b"},
    {CHARSET_UTF8MB3, "eda080", FFFD FFFD FFFD},
    {CHARSET_UTF8MB3, "c3", FFFD},
    {CHARSET_ASCII, "61c3a4", "a" FFFD FFFD},
    /* 8-bit sets: bytes without a meaning */
    {CHARSET_CP1250, "6181e1", "a" FFFD "\xc3\xa1"},
    {CHARSET_TIS620, "a0a1", FFFD "\xe0\xb8\x81"},
    {CHARSET_SWE7, "5b7f80", "\xc3\x84" FFFD FFFD},
    /* East Asian sets: a lead byte alone, with a wrong trail byte, a pair without a meaning */
    {CHARSET_GBK, "61c4", "a" FFFD},
    {CHARSET_GBK, "c430", FFFD "0"},
    {CHARSET_GBK, "80d6d0", FFFD "\xe4\xb8\xad"},
    {CHARSET_GBK, "d6d0a2a1ff", "\xe4\xb8\xad\xe2\x85\xb0" FFFD},
    {CHARSET_GB2312, "d6d0aaa1", "\xe4\xb8\xad" FFFD},
    {CHARSET_BIG5, "80a4a4", FFFD "\xe4\xb8\xad"},
    {CHARSET_BIG5, "a4a4c7fd61", "\xe4\xb8\xad" FFFD "a"},
    {CHARSET_BIG5, "a43f", FFFD "?"},
    {CHARSET_SJIS, "88", FFFD},
    {CHARSET_SJIS, "b18740b2", "\xef\xbd\xb1" FFFD "\xef\xbd\xb2"},
    {CHARSET_SJIS, "fd", FFFD},
    {CHARSET_CP932, "a0", FFFD},
    {CHARSET_UJIS, "8ea08fa2", FFFD FFFD FFFD FFFD},
    {CHARSET_UJIS, "ada161", FFFD "a"},
    {CHARSET_EUCJPMS, "8fa1a1a1c1", FFFD "\xef\xbd\x9e"},
    {CHARSET_EUCKR, "b0a180", "\xea\xb0\x80" FFFD},
    {CHARSET_GB18030, "943981", FFFD "9" FFFD},
    {CHARSET_GB18030, "9439fc3694", "\xf0\x9f\x98\x80" FFFD},
    {CHARSET_GB18030, "ff", FFFD},
    /* code units: odd lengths, lone surrogates, beyond Unicode */
    {CHARSET_UCS2, "006100", "a" FFFD},
    {CHARSET_UCS2, "d83dde00", FFFD FFFD},
    {CHARSET_UTF16, "0061d83d", "a" FFFD},
    {CHARSET_UTF16, "d83d0061", FFFD "a"},
    {CHARSET_UTF16, "de00d83dde00", FFFD "\xf0\x9f\x98\x80"},
    {CHARSET_UTF16, "00", FFFD},
    {CHARSET_UTF16LE, "3dd86100", FFFD "a"},
    {CHARSET_UTF16LE, "610062", "a" FFFD},
    {CHARSET_UTF32, "0000006100", "a" FFFD},
    {CHARSET_UTF32, "0011000000000061", FFFD "a"},
    {CHARSET_UTF32, "0000d800", FFFD},
};

static void each_way(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(expectations); i++) {
        const struct expectation *e = &expectations[i];
        const struct charset *charset = charset_get(e->charset);
        uint8_t room[64];
        struct slice bytes = slice_of(room, from_hex(e->bytes, room));
        struct slice text;
        buf_reset(&fixture_scratch);
        buf_add_str(&fixture_scratch, "kept");
        if (charset_text(charset, INVALID_TEXT_STOP, bytes, &fixture_scratch, &text) != RC_REJECTED)
            fail_msg("%s is taken for valid %.*s", e->bytes, SLICE_ARG(charset->name));
        assert_int_equal(fixture_scratch.len, 4);
        assert_int_equal(
            charset_text(charset, INVALID_TEXT_REPLACE, bytes, &fixture_scratch, &text), RC_OK);
        if (!slice_equal(text, slice_str(e->replaced)))
            fail_msg("%s in %.*s gave \"%.*s\" and not \"%s\"", e->bytes, SLICE_ARG(charset->name),
                     SLICE_ARG(text), e->replaced);
        struct buf encoded;
        buf_init(&encoded, 256);
        buf_add_str(&encoded, "base64:");
        buf_add_base64(&encoded, bytes);
        assert_int_equal(charset_text(charset, INVALID_TEXT_BASE64, bytes, &fixture_scratch, &text),
                         RC_OK);
        assert_true(slice_equal(text, buf_slice(&encoded)));
        buf_deinit(&encoded);
    }
}

/* What is valid is the same in every way, and what is replaced is always UTF-8. */
static void any_pair_in_any_charset(void **state UNUSED)
{
    for (unsigned id = CHARSET_NONE + 1; id < CHARSET_COUNT; id++) {
        for (unsigned pair = 0; pair < 65536; pair += 3) {
            const uint8_t bytes[4] = {(uint8_t)(pair >> 8), (uint8_t)pair, 'a', (uint8_t)pair};
            struct slice in = slice_of(bytes, 1 + pair % 4);
            struct slice strict;
            struct slice replaced;
            buf_reset(&fixture_scratch);
            enum rc rc = charset_to_utf8(charset_get(id), in, &fixture_scratch, &strict);
            assert_int_equal(charset_text(charset_get(id), INVALID_TEXT_REPLACE, in,
                                          &fixture_scratch, &replaced),
                             RC_OK);
            assert_true(text_is_utf8(replaced));
            if (rc == RC_OK)
                assert_true(slice_equal(replaced, strict));
            else
                assert_int_equal(rc, RC_REJECTED);
        }
    }
}

static void bind_text(enum invalid_text way, uint32_t collation)
{
    const uint8_t meta[2] = {80, 0};
    const struct value_facts facts = {
        .wire_type = WIRE_VARCHAR, .meta = meta, .meta_len = 2, .collation = collation};
    fixture_invalid_text = way;
    assert_int_equal(try_bind(&facts, NULL), RC_OK);
    fixture_invalid_text = INVALID_TEXT_STOP;
}

enum { GBK = 28, UTF8MB4 = 255, LATIN1 = 8 };

static void columns(void **state UNUSED)
{
    bind_text(INVALID_TEXT_STOP, GBK);
    expect_rc("61c4", RC_REJECTED);
    assert_non_null(strstr(fixture_error.text, "Column c"));
    assert_non_null(strstr(fixture_error.text, "character set gbk: 61c4."));
    assert_non_null(strstr(fixture_error.text, "invalid-text"));
    bind_text(INVALID_TEXT_REPLACE, GBK);
    expect_text("61c4", "a" FFFD);
    expect_text("c4e3", "\xe4\xbd\xa0");
    bind_text(INVALID_TEXT_BASE64, GBK);
    expect_text("61c4", "base64:YcQ=");
    expect_text("c4e3", "\xe4\xbd\xa0");
}

/* Where nobody says the charset, latin1 is what is left, and it has a meaning for every byte. */
static void unknown_charset_is_never_invalid(void **state UNUSED)
{
    bind_text(INVALID_TEXT_STOP, 0);
    expect_text("e4", "\xc3\xa4");
    bind_text(INVALID_TEXT_BASE64, 0);
    expect_text("e4", "\xc3\xa4");
}

/* Labels are read with the table, so a refusal comes before the first row. */
static void labels(void **state UNUSED)
{
    const struct slice names[] = {SLICE("o"), SLICE("\xff"), SLICE("p")};
    const uint8_t meta[2] = {WIRE_SET, 1};
    const struct value_facts facts = {.wire_type = WIRE_STRING,
                                      .meta = meta,
                                      .meta_len = 2,
                                      .labels = names,
                                      .label_count = 3,
                                      .label_collation = UTF8MB4};
    assert_int_equal(try_bind(&facts, NULL), RC_REJECTED);
    assert_non_null(strstr(fixture_error.text, "label"));
    fixture_invalid_text = INVALID_TEXT_REPLACE;
    assert_int_equal(try_bind(&facts, NULL), RC_OK);
    expect_text("07", "o," FFFD ",p");
    fixture_invalid_text = INVALID_TEXT_BASE64;
    assert_int_equal(try_bind(&facts, NULL), RC_OK);
    expect_text("07", "o,base64:/w==,p");
    fixture_invalid_text = INVALID_TEXT_STOP;
}

/* The string or member that is bad, and no more of the document. */
static void json(void **state UNUSED)
{
    /* {"k\xff": ["\xc3"]} */
    static const char document[] = "00 0100 1600 0b00 0200 02 0d00 6bff"
                                   " 0100 0900 0c 0700 01c3";
    static const uint8_t prefix[2] = {4, 0};
    const struct value_facts facts = {.wire_type = WIRE_JSON, .meta = prefix, .meta_len = 1};
    assert_int_equal(try_bind(&facts, NULL), RC_OK);
    expect_rc(document, RC_REJECTED);
    assert_non_null(strstr(fixture_error.text, "character set utf8mb4: 6bff."));
    fixture_invalid_text = INVALID_TEXT_REPLACE;
    assert_int_equal(try_bind(&facts, NULL), RC_OK);
    expect_text(document, "{\"k" FFFD "\": [\"" FFFD "\"]}");
    fixture_invalid_text = INVALID_TEXT_BASE64;
    assert_int_equal(try_bind(&facts, NULL), RC_OK);
    expect_text(document, "{\"base64:a/8=\": [\"base64:ww==\"]}");
    fixture_invalid_text = INVALID_TEXT_STOP;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(each_way), VALUE_TEST(any_pair_in_any_charset),
        VALUE_TEST(columns),  VALUE_TEST(unknown_charset_is_never_invalid),
        VALUE_TEST(labels),   VALUE_TEST(json),
    };
    return cmocka_run_group_tests(tests, value_fixture_begin, value_fixture_end);
}

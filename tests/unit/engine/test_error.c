/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: what is told, wrapped, cut, and how it is classed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "engine/engine.h"

static void told_and_classed(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(error_set(&err, RC_TIMEOUT, "No answer in %d ms.", 5), RC_TIMEOUT);
    assert_string_equal(err.text, "No answer in 5 ms.");
    assert_int_equal(err.text_len, 18);
    assert_int_equal(err.class, ERROR_RETRY);
    assert_int_equal(err.outcome, ERROR_NOT_APPLIED);
    assert_int_equal(error_set(&err, RC_REJECTED, "Row."), RC_REJECTED);
    assert_int_equal(err.class, ERROR_REJECT);
    error_set(&err, RC_CANCELLED, "Stopped.");
    assert_int_equal(err.class, ERROR_CANCELLED);
    error_set(&err, RC_CORRUPT, "Damaged.");
    assert_int_equal(err.class, ERROR_FATAL);
    error_clear(&err);
    assert_int_equal(err.rc, RC_OK);
    assert_string_equal(err.text, "");
    assert_string_equal(error_class_name(ERROR_RETRY), "retry");
    for (int rc = 0; rc < RC_COUNT; rc++) {
        assert_memory_equal(rc_name((enum rc)rc), "RC_", 3);
        assert_true(strlen(rc_text((enum rc)rc)) > 0);
    }
    assert_string_equal(rc_text(RC_COUNT), "unknown result");
    assert_string_equal(rc_name(RC_COUNT), "RC_?");
}

static void system_calls(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(error_set_os(&err, RC_IO, ENOSPC, "Writing %s failed", "journal"), RC_IO);
    assert_string_equal(err.text, "Writing journal failed: No space left on device");
    assert_int_equal(err.os_code, ENOSPC);
    error_set_os(&err, RC_IO, 123456, "Odd");
    assert_string_equal(err.text, "Odd: Unknown error 123456");
}

static void context_and_remedy(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, RC_DENIED, "No");
    err.mysql_code = 1045;
    error_wrap(&err, "table %s", "a.b");
    assert_int_equal(err.rc, RC_DENIED);
    assert_string_equal(err.text, "table a.b: No");
    error_hint(&err, "Grant %s.", "it");
    assert_int_equal(err.rc, RC_DENIED);
    assert_string_equal(err.text, "table a.b: No. Grant it.");
    error_hint(&err, "Then go on.");
    assert_string_equal(err.text, "table a.b: No. Grant it. Then go on.");
    assert_int_equal(err.text_len, strlen(err.text));
    assert_int_equal(err.mysql_code, 1045);
    assert_int_equal(err.class, ERROR_FATAL);
}

static void one_line_always(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, RC_IO, "a\nb\r\tc\x1b[2J\x7f");
    assert_string_equal(err.text, "a b  c [2J ");
    error_wrap(&err, "x\ny");
    assert_string_equal(err.text, "x y: a b  c [2J ");
}

/* What is no character becomes a question mark: a name out of a damaged file, a server's latin1. */
static void utf8_always(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, RC_CORRUPT, "t\xe4g \xc3\xa9 \xed\xa0\x80 \xf0\x9f\x98\x80.");
    assert_string_equal(err.text, "t?g \xc3\xa9 ??? \xf0\x9f\x98\x80.");
    error_wrap(&err, "\xff");
    error_hint(&err, "\x80");
    assert_string_equal(err.text, "?: t?g \xc3\xa9 ??? \xf0\x9f\x98\x80. ?");
    assert_int_equal(err.text_len, strlen(err.text));
}

/* A text that is too long is cut between characters, not inside one. */
static void cut_between_characters(void **state)
{
    (void)state;
    static const char *const characters[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (unsigned c = 0; c < COUNT_OF(characters); c++) {
        for (unsigned shift = 0; shift < 4; shift++) {
            char large[3000] = "";
            size_t len = 0;
            while (len < shift)
                large[len++] = 'x';
            while (len + 5 < sizeof(large)) {
                memcpy(large + len, characters[c], strlen(characters[c]));
                len += strlen(characters[c]);
            }
            struct error err;
            error_set(&err, RC_IO, "%s", large);
            assert_true(text_is_utf8(slice_str(err.text)));
            assert_in_range(strlen(err.text), ERROR_TEXT_MAX - 5, ERROR_TEXT_MAX - 1);
            assert_int_equal(err.text_len, strlen(err.text));
            error_wrap(&err, "context");
            assert_true(text_is_utf8(slice_str(err.text)));
            assert_memory_equal(err.text, "context: ", 9);
            error_hint(&err, "A remedy.");
            assert_true(text_is_utf8(slice_str(err.text)));
            error_set_os(&err, RC_IO, EIO, "%s", large);
            assert_true(text_is_utf8(slice_str(err.text)));
            assert_int_equal(err.text_len, strlen(err.text));
        }
    }
}

/* A remedy for a text that fills the block still keeps the text whole. */
static void a_full_block(void **state)
{
    (void)state;
    char large[ERROR_TEXT_MAX];
    memset(large, 'x', sizeof(large));
    large[sizeof(large) - 1] = '\0';
    struct error err;
    error_set(&err, RC_IO, "%s", large);
    assert_int_equal(err.text_len, ERROR_TEXT_MAX - 1);
    error_hint(&err, "More.");
    assert_string_equal(err.text, large);
    large[ERROR_TEXT_MAX - 2] = '\0';
    error_set(&err, RC_IO, "%s", large);
    error_hint(&err, "More.");
    assert_int_equal(err.text_len, ERROR_TEXT_MAX - 1);
}

static void nobody_wants_the_text(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, RC_IO, "x"), RC_IO);
    assert_int_equal(error_set_os(NULL, RC_IO, 5, "x"), RC_IO);
    error_wrap(NULL, "x"); /* no text wanted */
    error_hint(NULL, "x"); /* no text wanted */
    error_clear(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(told_and_classed),   cmocka_unit_test(system_calls),
        cmocka_unit_test(context_and_remedy), cmocka_unit_test(one_line_always),
        cmocka_unit_test(utf8_always),        cmocka_unit_test(cut_between_characters),
        cmocka_unit_test(a_full_block),       cmocka_unit_test(nobody_wants_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes to JSON documents, from bytes made by hand: each operation, paths in all their forms, the
 * order of keys, and everything that is no change or does not fit the document.
 */
#include "binlog/json_patch_int.h"

#include "value_fixture.h"

enum { REPLACE = 0, INSERT = 1, REMOVE = 2 };

/* {"a": 1, "bb": [1, 2]} */
#define DOCUMENT                                                                                   \
    "00 0200 1f00 1200 0100 1300 0200 05 0100 02 1500 61 6262 0200 0a00 05 0100 05 0200"
/* [10, 20, 30] */
#define ARRAY "02 0300 0d00 05 0a00 05 1400 05 1e00"
#define EMPTY_OBJECT "00 0000 0400"
#define ONE "05 0100"
#define SEVEN "05 0700"
#define TEXT "0c 02 6869" /* "hi" */
#define BIG "08 ffffffff"

struct one_change {
    uint8_t operation;
    const char *path;
    const char *value; /* hex; NULL: none */
};

static struct json_patch patch;
static struct buf made;

static int begin(void **state)
{
    value_fixture_begin(state);
    bind_wire(WIRE_JSON, 4, 0, NULL);
    json_patch_init(&patch);
    buf_init(&made, 1 << 20);
    return 0;
}

static int end(void **state)
{
    json_patch_deinit(&patch);
    buf_deinit(&made);
    return value_fixture_end(state);
}

static size_t put_change(uint8_t *out, const struct one_change *change)
{
    uint8_t value[256];
    size_t path_len = strlen(change->path);
    size_t len = 0;
    out[len++] = change->operation;
    assert_true(path_len < 0xfb);
    out[len++] = (uint8_t)path_len;
    memcpy(out + len, change->path, path_len);
    len += path_len;
    if (change->value == NULL)
        return len;
    size_t value_len = from_hex(change->value, value);
    out[len++] = (uint8_t)value_len;
    memcpy(out + len, value, value_len);
    return len + value_len;
}

/* Applies bytes that end exactly at the end of their own allocations. */
static enum rc apply_bytes(const uint8_t *document, size_t document_len, const uint8_t *changes,
                           size_t changes_len)
{
    uint8_t *old = malloc(document_len == 0 ? 1 : document_len);
    uint8_t *list = malloc(changes_len == 0 ? 1 : changes_len);
    assert_non_null(old);
    assert_non_null(list);
    if (document_len > 0)
        memcpy(old, document, document_len);
    if (changes_len > 0)
        memcpy(list, changes, changes_len);
    buf_reset(&made);
    error_clear(&fixture_error);
    enum rc rc = json_patch_apply(&patch, slice_of(old, document_len), slice_of(list, changes_len),
                                  &made, &fixture_error);
    free(old);
    free(list);
    return rc;
}

static enum rc apply(const char *document_hex, const struct one_change *changes, unsigned count)
{
    uint8_t document[4096];
    uint8_t list[4096];
    size_t len = 0;
    for (unsigned i = 0; i < count; i++)
        len += put_change(list + len, &changes[i]);
    return apply_bytes(document, from_hex(document_hex, document), list, len);
}

static void gives(const char *document, const char *expected, const struct one_change *changes,
                  unsigned count)
{
    struct slice text;
    if (apply(document, changes, count) != RC_OK)
        fail_msg("%s: %s", changes[0].path, fixture_error.text);
    if (read_cell(made.ptr, made.len, &text) != RC_OK)
        fail_msg("%s made no document: %s", changes[0].path, fixture_error.text);
    if (!slice_equal(text, slice_str(expected)))
        fail_msg("%s gave %.*s and not %s", changes[0].path, SLICE_ARG(text), expected);
}

static void one(const char *document, uint8_t operation, const char *path, const char *value,
                const char *expected)
{
    gives(document, expected, &(struct one_change){operation, path, value}, 1);
}

static void refused(const char *document, uint8_t operation, const char *path, const char *value,
                    const char *words)
{
    if (apply(document, &(struct one_change){operation, path, value}, 1) != RC_CORRUPT)
        fail_msg("%s was taken", path);
    if (strstr(fixture_error.text, words) == NULL)
        fail_msg("%s: no \"%s\" in: %s", path, words, fixture_error.text);
}

static void replace(void **state UNUSED)
{
    one(DOCUMENT, REPLACE, "$.a", SEVEN, "{\"a\": 7, \"bb\": [1, 2]}");
    one(DOCUMENT, REPLACE, "$.a", TEXT, "{\"a\": \"hi\", \"bb\": [1, 2]}");
    one(DOCUMENT, REPLACE, "$.a", BIG, "{\"a\": 4294967295, \"bb\": [1, 2]}");
    one(DOCUMENT, REPLACE, "$.a", DOCUMENT, "{\"a\": {\"a\": 1, \"bb\": [1, 2]}, \"bb\": [1, 2]}");
    one(DOCUMENT, REPLACE, "$.bb[1]", "04 01", "{\"a\": 1, \"bb\": [1, true]}");
    one(DOCUMENT, REPLACE, "$.bb", "04 00", "{\"a\": 1, \"bb\": null}");
    one(ARRAY, REPLACE, "$[last]", TEXT, "[10, 20, \"hi\"]");
    one(ARRAY, REPLACE, "$[last-2]", TEXT, "[\"hi\", 20, 30]");
    one(ARRAY, REPLACE, "$", SEVEN, "7");
    one("", REPLACE, "$", SEVEN, "7");
}

static void insert(void **state UNUSED)
{
    one(ARRAY, INSERT, "$[0]", SEVEN, "[7, 10, 20, 30]");
    one(ARRAY, INSERT, "$[2]", SEVEN, "[10, 20, 7, 30]");
    one(ARRAY, INSERT, "$[3]", SEVEN, "[10, 20, 30, 7]");
    one(ARRAY, INSERT, "$[1000]", SEVEN, "[10, 20, 30, 7]");
    one(ARRAY, INSERT, "$[last]", SEVEN, "[10, 20, 7, 30]");
    one(ARRAY, INSERT, "$[last-9]", SEVEN, "[7, 10, 20, 30]");
    one(EMPTY_OBJECT, INSERT, "$.x", DOCUMENT, "{\"x\": {\"a\": 1, \"bb\": [1, 2]}}");
    one(DOCUMENT, INSERT, "$.bb[5]", ARRAY, "{\"a\": 1, \"bb\": [1, 2, [10, 20, 30]]}");
}

/* Shorter keys first, then by bytes, as the server keeps them. */
static void order_of_keys(void **state UNUSED)
{
    one(DOCUMENT, INSERT, "$.b", SEVEN, "{\"a\": 1, \"b\": 7, \"bb\": [1, 2]}");
    one(DOCUMENT, INSERT, "$.A", SEVEN, "{\"A\": 7, \"a\": 1, \"bb\": [1, 2]}");
    one(DOCUMENT, INSERT, "$.ba", SEVEN, "{\"a\": 1, \"ba\": 7, \"bb\": [1, 2]}");
    one(DOCUMENT, INSERT, "$.bc", SEVEN, "{\"a\": 1, \"bb\": [1, 2], \"bc\": 7}");
    one(DOCUMENT, INSERT, "$.aaa", SEVEN, "{\"a\": 1, \"bb\": [1, 2], \"aaa\": 7}");
    one(DOCUMENT, INSERT, "$.\"\"", SEVEN, "{\"\": 7, \"a\": 1, \"bb\": [1, 2]}");
    one(DOCUMENT, INSERT, "$.\xc3\xa4", SEVEN, "{\"a\": 1, \"bb\": [1, 2], \"\xc3\xa4\": 7}");
}

static void removal(void **state UNUSED)
{
    one(DOCUMENT, REMOVE, "$.a", NULL, "{\"bb\": [1, 2]}");
    one(DOCUMENT, REMOVE, "$.bb", NULL, "{\"a\": 1}");
    one(DOCUMENT, REMOVE, "$.bb[0]", NULL, "{\"a\": 1, \"bb\": [2]}");
    one(ARRAY, REMOVE, "$[2]", NULL, "[10, 20]");
    one(ARRAY, REMOVE, "$[last-1]", NULL, "[10, 30]");
}

static void several(void **state UNUSED)
{
    const struct one_change list[] = {
        {INSERT, "$.c", EMPTY_OBJECT}, {INSERT, "$.c.d", ARRAY},  {REMOVE, "$.c.d[1]", NULL},
        {REPLACE, "$.c.d[1]", TEXT},   {REMOVE, "$.bb[0]", NULL}, {REMOVE, "$.bb[0]", NULL},
        {REPLACE, "$.a", DOCUMENT},    {INSERT, "$.a.a2", ONE},
    };
    gives(DOCUMENT,
          "{\"a\": {\"a\": 1, \"a2\": 1, \"bb\": [1, 2]}, \"c\": {\"d\": [10, \"hi\"]}, "
          "\"bb\": []}",
          list, COUNT_OF(list));
    struct one_change many[60];
    for (unsigned i = 0; i < COUNT_OF(many); i++)
        many[i] = (struct one_change){INSERT, "$[0]", SEVEN};
    assert_int_equal(apply(ARRAY, many, COUNT_OF(many)), RC_OK);
    assert_int_equal(load_u32le(made.ptr + 1), 63);
}

static void names(void **state UNUSED)
{
    one(EMPTY_OBJECT, INSERT, "$.\"we ird\"", ONE, "{\"we ird\": 1}");
    one(EMPTY_OBJECT, INSERT, "$.\"a.b[1]\"", ONE, "{\"a.b[1]\": 1}");
    one(EMPTY_OBJECT, INSERT, "$.\"q\\\"\\\\\\/\"", ONE, "{\"q\\\"\\\\/\": 1}");
    one(EMPTY_OBJECT, INSERT, "$.\"\\b\\f\\n\\r\\t\"", ONE, "{\"\\b\\f\\n\\r\\t\": 1}");
    one(EMPTY_OBJECT, INSERT, "$.\"\\u0001x\\u00e4\\u20AC\\ud83d\\ude00\"", ONE,
        "{\"\\u0001x\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\": 1}");
    one(EMPTY_OBJECT, INSERT, "$.$_9", ONE, "{\"$_9\": 1}");
}

static void bad_paths(void **state UNUSED)
{
    static const char *const paths[] = {
        "",
        "a",
        "$.",
        "$a",
        "$.a.",
        "$[",
        "$[]",
        "$[x]",
        "$[1",
        "$[-1]",
        "$[last",
        "$[last-]",
        "$[last+1]",
        "$[4294967296]",
        "$.*",
        "$[*]",
        "$**.a",
        "$.\"a",
        "$.\"a\\",
        "$.\"a\\x\"",
        "$.\"\\u12\"",
        "$.\"\\u12g4\"",
        "$.\"\\ud83d\"",
        "$.\"\\ude00\"",
        "$.\"\\ud83d\\u0041\"",
        "$.a b",
        "$.\"\xff\"",
        "$.\"a\"b",
    };
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        refused(DOCUMENT, REPLACE, paths[i], ONE, "no path");
    char deep[204] = "$";
    for (unsigned i = 0; i < 101; i++)
        memcpy(deep + 1 + 2 * i, ".a", 2);
    refused(DOCUMENT, REMOVE, deep, NULL, "no path");
}

static void does_not_fit(void **state UNUSED)
{
    refused(DOCUMENT, REPLACE, "$.x", ONE, "nothing is at");
    refused(DOCUMENT, REPLACE, "$.x.y", ONE, "nothing is at");
    refused(DOCUMENT, REMOVE, "$.bb[2]", NULL, "nothing is at");
    refused(DOCUMENT, REMOVE, "$.bb[last-2]", NULL, "nothing is at");
    refused(DOCUMENT, INSERT, "$.a", ONE, "there already");
    refused(DOCUMENT, INSERT, "$[0]", ONE, "an index for an object");
    refused(ARRAY, INSERT, "$.a", ONE, "a member's name for an array");
    refused(DOCUMENT, INSERT, "$.a.b", ONE, "no object and no array");
    refused(DOCUMENT, INSERT, "$", ONE, "the whole document");
    refused(DOCUMENT, REMOVE, "$", NULL, "the whole document");
    refused("", INSERT, "$.a", ONE, "no object and no array");
    refused(DOCUMENT, 3, "$.a", NULL, "operation");
    refused(DOCUMENT, REPLACE, "$.a", "", "empty");
    refused(DOCUMENT, REPLACE, "$.a", "0d 00", "unknown type");
    refused(DOCUMENT, REPLACE, "$.a", "0c 05 61", "beyond the end");
    refused(DOCUMENT, REPLACE, "$.a", "00 0000 0900", "beyond the end");
}

/* An array whose elements all lead to the same bytes: taken apart it would be many times itself. */
static void overlapping_parts(void **state UNUSED)
{
    refused("02 0300 1300 0c 0d00 0c 0d00 0c 0d00 05 6162636465", REMOVE, "$[0]", NULL, "overlap");
}

static void cut_or_damaged_anywhere(void **state UNUSED)
{
    uint8_t document[256];
    uint8_t list[256];
    uint8_t changed[256];
    const struct one_change changes[] = {
        {INSERT, "$.\"n\\u00e4\"", DOCUMENT}, {REPLACE, "$.bb[last]", TEXT}, {REMOVE, "$.a", NULL}};
    size_t document_len = from_hex(DOCUMENT, document);
    size_t len = 0;
    size_t borders[COUNT_OF(changes)] = {0};
    for (unsigned i = 0; i < COUNT_OF(changes); i++) {
        borders[i] = len;
        len += put_change(list + len, &changes[i]);
    }
    assert_int_equal(apply_bytes(document, document_len, list, len), RC_OK);
    for (size_t cut = 0; cut < len; cut++) {
        bool whole = cut == borders[0] || cut == borders[1] || cut == borders[2];
        assert_int_equal(apply_bytes(document, document_len, list, cut),
                         whole ? RC_OK : RC_CORRUPT);
    }
    for (size_t cut = 1; cut < document_len; cut++)
        assert_int_equal(apply_bytes(document, cut, list, len), RC_CORRUPT);
    /* Any byte may have any value: an answer comes, and nothing outside is read. */
    for (size_t at = 0; at < document_len + len; at++) {
        for (unsigned value = 0; value < 256; value += 5) {
            uint8_t *victim = at < document_len ? document : list;
            size_t place = at < document_len ? at : at - document_len;
            memcpy(changed, victim, sizeof(changed));
            changed[place] = (uint8_t)value;
            enum rc rc = at < document_len ? apply_bytes(changed, document_len, list, len)
                                           : apply_bytes(document, document_len, changed, len);
            struct slice text;
            if (rc == RC_OK)
                rc = read_cell(made.ptr, made.len, &text);
            assert_true(rc == RC_OK || rc == RC_CORRUPT || rc == RC_REJECTED);
        }
    }
}

static void limits(void **state UNUSED)
{
    struct buf small;
    uint8_t document[256];
    uint8_t list[64];
    size_t document_len = from_hex(DOCUMENT, document);
    size_t len = put_change(list, &(struct one_change){REPLACE, "$.a", SEVEN});
    assert_int_equal(apply_bytes(document, document_len, list, len), RC_OK);
    size_t needed = made.len;
    for (size_t max = 1; max <= needed; max++) {
        buf_init(&small, max);
        enum rc rc = json_patch_apply(&patch, slice_of(document, document_len), slice_of(list, len),
                                      &small, &fixture_error);
        buf_deinit(&small);
        assert_int_equal(rc, max < needed ? RC_LIMIT : RC_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(replace),
        VALUE_TEST(insert),
        VALUE_TEST(order_of_keys),
        VALUE_TEST(removal),
        VALUE_TEST(several),
        VALUE_TEST(names),
        VALUE_TEST(bad_paths),
        VALUE_TEST(does_not_fit),
        VALUE_TEST(overlapping_parts),
        VALUE_TEST(cut_or_damaged_anywhere),
        VALUE_TEST(limits),
    };
    return cmocka_run_group_tests(tests, begin, end);
}

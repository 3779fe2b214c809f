/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of both dialects share: golden files, a table of answers, and source tables made
 * by hand. Set MILLRACE_GOLDEN_WRITE=1 to write DDL and header goldens anew, and read the diff.
 */
#ifndef MILLRACE_TESTS_DIALECT_FIXTURE_H
#define MILLRACE_TESTS_DIALECT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sinks/dialect/dialect_int.h"

static inline void fixture_read(const char *path, struct buf *out)
{
    buf_init(out, 1 << 20);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("cannot open %s", path);
    uint8_t chunk[4096];
    size_t len;
    while ((len = fread(chunk, 1, sizeof(chunk), file)) > 0)
        buf_add(out, chunk, len);
    fclose(file);
    assert_int_equal(out->rc, RC_OK);
}

/* Compares with tests/golden/sinks/<name>. */
static inline void fixture_golden(const char *name, struct buf *have)
{
    char path[512];
    snprintf(path, sizeof(path), TEST_SOURCE_DIR "/tests/golden/sinks/%s", name);
    if (getenv("MILLRACE_GOLDEN_WRITE") != NULL) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(have->ptr, 1, have->len, file), have->len);
        assert_int_equal(fclose(file), 0);
    }
    struct buf want;
    fixture_read(path, &want);
    assert_string_equal(buf_cstr(have), buf_cstr(&want));
    buf_deinit(&want);
}

static inline const char *fixture_verdict(enum load_verdict verdict)
{
    static const char *const names[] = {"unknown", "done", "exists", "retry", "data", "fatal"};
    return names[verdict];
}

static inline bool fixture_has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; (at = strstr(at, word)) != NULL; at += len)
        if ((at == words || at[-1] == ' ') && (at[len] == '\0' || at[len] == ' '))
            return true;
    return false;
}

static inline void fixture_figure(const char *words, const char *name, int64_t have)
{
    const char *at = strstr(words, name);
    if (at != NULL)
        assert_int_equal(strtoll(at + strlen(name), NULL, 10), have);
}

/* One line of expected.txt: file, HTTP status, verdict, words. */
static inline void fixture_answer(const char *folder, const char *line,
                                  void (*read_answer)(int, struct slice, struct load_answer *))
{
    char name[128];
    char verdict[16];
    int http = 0;
    int used = 0;
    assert_int_equal(sscanf(line, "%127s %d %15s%n", name, &http, verdict, &used), 3);
    const char *words = line + used;
    char path[512];
    snprintf(path, sizeof(path), TEST_SOURCE_DIR "/tests/golden/sinks/%s/%s", folder, name);
    struct buf body;
    struct load_answer answer;
    fixture_read(path, &body);
    read_answer(http, buf_slice(&body), &answer);
    if (strcmp(fixture_verdict(answer.verdict), verdict) != 0)
        fail_msg("%s: read as %s, expected %s", name, fixture_verdict(answer.verdict), verdict);
    if (answer.widen != fixture_has_word(words, "widen"))
        fail_msg("%s: widen is %d", name, answer.widen);
    if (answer.committed_not_visible != fixture_has_word(words, "unseen"))
        fail_msg("%s: committed_not_visible is %d", name, answer.committed_not_visible);
    if ((answer.error_url[0] != '\0') != fixture_has_word(words, "url"))
        fail_msg("%s: the error URL is '%s'", name, answer.error_url);
    fixture_figure(words, "total=", answer.total_rows);
    fixture_figure(words, "loaded=", answer.loaded_rows);
    fixture_figure(words, "filtered=", answer.filtered_rows);
    fixture_figure(words, "txn=", answer.txn_id);
    const char *message = strstr(words, "message=");
    for (size_t i = 0; message != NULL && i < strlen(message + 8); i++)
        assert_int_equal(answer.message[i],
                         message[8 + i] == '_' ? answer.message[i] : message[8 + i]);
    assert_null(strpbrk(answer.message, "\r\n\t"));
    buf_deinit(&body);
}

static inline unsigned fixture_answers(const char *folder,
                                       void (*read_answer)(int, struct slice, struct load_answer *))
{
    char path[512];
    snprintf(path, sizeof(path), TEST_SOURCE_DIR "/tests/golden/sinks/%s/expected.txt", folder);
    struct buf table;
    fixture_read(path, &table);
    unsigned count = 0;
    char *rest = NULL;
    char *text = strdup(buf_cstr(&table));
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (line[0] == '#')
            continue;
        fixture_answer(folder, line, read_answer);
        count++;
    }
    free(text);
    buf_deinit(&table);
    return count;
}

#define FIXTURE_COLUMNS_MAX 40

struct fixture_table {
    struct table table;
    struct column columns[FIXTURE_COLUMNS_MAX];
    uint32_t key[FIXTURE_COLUMNS_MAX];
    struct arena arena;
};

static inline void fixture_open(struct fixture_table *fixture, const char *name)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->table.db = SLICE("app");
    fixture->table.name = slice_str(name);
    fixture->table.columns = fixture->columns;
    fixture->table.key = fixture->key;
    fixture->table.has_names = true;
    arena_init(&fixture->arena, "test", 1 << 22);
}

static inline void fixture_close(struct fixture_table *fixture)
{
    arena_deinit(&fixture->arena);
}

static inline struct column *fixture_add(struct fixture_table *fixture, const char *name,
                                         enum column_kind kind, uint64_t length)
{
    assert_true(fixture->table.column_count < FIXTURE_COLUMNS_MAX);
    struct column *column = &fixture->columns[fixture->table.column_count++];
    column->name = slice_str(name);
    column->kind = kind;
    column->length = length;
    column->nullable = true;
    if (kind == COLUMN_INT || kind == COLUMN_UINT) {
        column->int_bytes = (uint8_t)length;
        column->length = 0;
    }
    if (kind == COLUMN_STRING)
        column->charset = SLICE("utf8mb4");
    return column;
}

static inline void fixture_key(struct fixture_table *fixture, uint32_t index)
{
    fixture->key[fixture->table.key_count++] = index;
    fixture->columns[index].nullable = false;
    fixture->columns[index].key_ordinal = fixture->table.key_count;
}

/* A column of every kind; the caller chooses the key. */
static inline void fixture_every_kind(struct fixture_table *fixture)
{
    fixture_add(fixture, "note", COLUMN_STRING, 20);
    fixture_add(fixture, "id", COLUMN_UINT, 8);
    fixture_add(fixture, "i1", COLUMN_INT, 1);
    fixture_add(fixture, "i2", COLUMN_INT, 2);
    fixture_add(fixture, "i3", COLUMN_INT, 3);
    fixture_add(fixture, "i4", COLUMN_INT, 4);
    fixture_add(fixture, "i8", COLUMN_INT, 8);
    fixture_add(fixture, "u1", COLUMN_UINT, 1);
    fixture_add(fixture, "u2", COLUMN_UINT, 2);
    fixture_add(fixture, "u3", COLUMN_UINT, 3);
    fixture_add(fixture, "u4", COLUMN_UINT, 4);
    fixture_add(fixture, "b1", COLUMN_BIT, 1);
    fixture_add(fixture, "b63", COLUMN_BIT, 63);
    fixture_add(fixture, "b64", COLUMN_BIT, 64);
    fixture_add(fixture, "year", COLUMN_YEAR, 0);
    struct column *decimal = fixture_add(fixture, "price", COLUMN_DECIMAL, 0);
    decimal->precision = 38;
    decimal->scale = 10;
    struct column *wide = fixture_add(fixture, "wide", COLUMN_DECIMAL, 0);
    wide->precision = 65;
    wide->scale = 30;
    fixture_add(fixture, "f", COLUMN_FLOAT, 0);
    fixture_add(fixture, "d", COLUMN_DOUBLE, 0);
    fixture_add(fixture, "day", COLUMN_DATE, 0);
    fixture_add(fixture, "t", COLUMN_TIME, 0)->scale = 6;
    fixture_add(fixture, "dt", COLUMN_DATETIME, 0)->scale = 3;
    fixture_add(fixture, "ts", COLUMN_TIMESTAMP, 0);
    fixture_add(fixture, "fits", COLUMN_STRING, 16383);
    fixture_add(fixture, "over", COLUMN_STRING, 16384);
    fixture_add(fixture, "longtext", COLUMN_STRING, 4294967295U);
    fixture_add(fixture, "bytes", COLUMN_BYTES, 16);
    fixture_add(fixture, "kind", COLUMN_ENUM, 0);
    fixture_add(fixture, "flags", COLUMN_SET, 0);
    fixture_add(fixture, "doc", COLUMN_JSON, 0);
    fixture_add(fixture, "place", COLUMN_GEOMETRY, 0);
    fixture_add(fixture, "vec", COLUMN_VECTOR, 3);
    fixture_add(fixture, "uuid", COLUMN_UUID, 0);
    fixture_add(fixture, "ip4", COLUMN_INET4, 0);
    struct column *last = fixture_add(fixture, "ip6", COLUMN_INET6, 0);
    last->comment = SLICE("it's a \\ \"comment\"");
    fixture->table.comment = SLICE("all of 'em");
}

#endif

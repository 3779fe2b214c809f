/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the Stream Load tests share: a source table whose cells are their own text, a way to a
 * target, changes made of C strings, and a dialect as small as can be.
 */
#ifndef MILLRACE_TESTS_LOAD_FIXTURE_H
#define MILLRACE_TESTS_LOAD_FIXTURE_H

#include "sinks/stream_load/column_set_int.h"
#include "sinks/stream_load/encode_int.h"

#include <stdio.h>
#include <stdlib.h>

#define FIXTURE_COLUMNS 4
/* As a cell's text: the image does not carry the column. NULL is SQL's NULL. */
static const char fixture_absent[] = "(absent)";

static inline enum rc fixture_text(const struct column *column, struct slice cell,
                                   struct buf *scratch, struct slice *text, struct error *err)
{
    (void)scratch;
    if (slice_equal(cell, SLICE("(broken)")))
        return error_set(err, RC_CORRUPT, "a broken value of column %.*s", SLICE_ARG(column->name));
    *text = cell;
    return RC_OK;
}

struct fixture {
    struct column source_columns[FIXTURE_COLUMNS];
    struct load_column columns[FIXTURE_COLUMNS];
    uint32_t key[2];
    struct table table;
    struct load_schema schema;
    struct arena arena;
    struct encoder encoder;
    struct body body;
};

/* shop.orders(id, name, day NULL, note NULL), key id. */
static inline void fixture_init(struct fixture *f, enum load_zero_dates zero_dates, bool keyless)
{
    static const char *const names[] = {"id", "name", "day", "note"};
    static const enum load_encoding encodings[] = {LOAD_NUMBER, LOAD_STRING, LOAD_DATE,
                                                   LOAD_STRING};
    memset(f, 0, sizeof(*f));
    for (uint32_t i = 0; i < FIXTURE_COLUMNS; i++) {
        f->source_columns[i].name = slice_str(names[i]);
        f->source_columns[i].text = fixture_text;
        f->columns[i].target_name = slice_str(names[i]);
        f->columns[i].target_type = SLICE("VARCHAR(80)");
        f->columns[i].encoding = encodings[i];
        f->columns[i].target_nullable = i >= 2;
    }
    f->table = (struct table){.db = SLICE("shop"),
                              .name = SLICE("orders"),
                              .columns = f->source_columns,
                              .column_count = FIXTURE_COLUMNS,
                              .key = f->key,
                              .key_count = keyless ? 0 : 1,
                              .has_names = true};
    f->schema = (struct load_schema){.source = &f->table,
                                     .db = SLICE("ods"),
                                     .table = SLICE("orders"),
                                     .columns = f->columns,
                                     .keyless = keyless,
                                     .key = f->key,
                                     .key_count = keyless ? 0 : 1};
    arena_init(&f->arena, "test", 1u << 20);
    struct error err;
    if (column_set_rank(&f->schema, &f->arena, &err) != RC_OK ||
        encoder_init(&f->encoder, &f->schema, "__op", zero_dates, &f->arena, &err) != RC_OK)
        abort();
    body_init(&f->body, 64u << 20);
}

static inline void fixture_deinit(struct fixture *f)
{
    body_deinit(&f->body);
    encoder_deinit(&f->encoder);
    arena_deinit(&f->arena);
}

static inline void fixture_cells(struct cell *cells, const char *const *texts)
{
    for (uint32_t i = 0; i < FIXTURE_COLUMNS; i++) {
        struct slice text = slice_str(texts[i]);
        cells[i] = (struct cell){.ptr = text.ptr, .len = (uint32_t)text.len, .state = CELL_VALUE};
        if (texts[i] == NULL)
            cells[i].state = CELL_NULL;
        else if (texts[i] == fixture_absent)
            cells[i].state = CELL_ABSENT;
    }
}

/* Drafts one change; the draft is not kept yet. */
static inline enum rc fixture_draft(struct fixture *f, enum change_kind kind,
                                    const char *const *before, const char *const *after,
                                    struct body_draft *draft, struct error *err)
{
    struct cell before_cells[FIXTURE_COLUMNS];
    struct cell after_cells[FIXTURE_COLUMNS];
    struct change change = {.kind = kind, .table = &f->table};
    if (before != NULL) {
        fixture_cells(before_cells, before);
        change.before = (struct row){before_cells, FIXTURE_COLUMNS};
    }
    if (after != NULL) {
        fixture_cells(after_cells, after);
        change.after = (struct row){after_cells, FIXTURE_COLUMNS};
    }
    return encoder_draft(&f->encoder, &f->body, draft, &change, err);
}

static inline enum rc fixture_put(struct fixture *f, enum change_kind kind,
                                  const char *const *before, const char *const *after,
                                  struct error *err)
{
    struct body_draft draft;
    enum rc rc = fixture_draft(f, kind, before, after, &draft, err);
    return rc != RC_OK ? rc : body_draft_keep(&f->body, &draft, !f->schema.keyless, err);
}

#define ROW(...) ((const char *const[FIXTURE_COLUMNS]){__VA_ARGS__})

/* The live lines of one part, read in pieces of `piece` bytes; free() it. */
static inline char *fixture_part(const struct body *body, uint32_t set, size_t piece)
{
    char *text = calloc(1, body->parts[set].bytes + piece + 1);
    struct body_cursor cursor;
    body_cursor_init(&cursor, body, set);
    size_t len = 0;
    for (size_t got; (got = body_cursor_read(&cursor, (uint8_t *)text + len, piece)) > 0;)
        len += got;
    if (len != body->parts[set].bytes)
        abort();
    text[len] = '\0';
    return text;
}

/* The same for rows that have all columns. */
static inline char *fixture_lines(const struct body *body, size_t piece)
{
    return fixture_part(body, BODY_WHOLE, piece);
}

/* A dialect whose answers are one word of a fixed list, and whose counts stand behind it:
 * "DONE 3 3 0". */
static inline void stub_headers(const struct load_settings *settings,
                                const struct load_schema *schema, const uint8_t *set,
                                struct slice label, struct buf *out)
{
    (void)settings;
    if (set != NULL)
        column_set_add_header(out, schema, set);
    buf_add_str(out, "label: ");
    buf_add_slice(out, label);
    buf_add_str(out, "\nstrict_mode: true\n");
}

static inline bool stub_says(struct slice body, const char *word)
{
    return slice_starts_nocase(body, slice_str(word));
}

static inline void stub_read_answer(int http_status, struct slice body,
                                    struct load_answer *answer_out)
{
    *answer_out = (struct load_answer){
        .txn_id = -1, .total_rows = -1, .loaded_rows = -1, .filtered_rows = -1};
    snprintf(answer_out->message, sizeof(answer_out->message), "%.*s", SLICE_ARG(body));
    if (http_status == 401)
        answer_out->verdict = LOAD_VERDICT_FATAL;
    if (http_status != 200)
        return;
    if (stub_says(body, "DONE") || stub_says(body, "PUBLISH TIMEOUT")) {
        answer_out->verdict = LOAD_VERDICT_DONE;
        answer_out->widen = answer_out->committed_not_visible = stub_says(body, "PUBLISH");
        int64_t *counts[] = {&answer_out->total_rows, &answer_out->loaded_rows,
                             &answer_out->filtered_rows};
        const char *at = strchr(answer_out->message, ' ');
        for (unsigned c = 0; c < COUNT_OF(counts) && at != NULL; c++) {
            size_t len = strcspn(at + 1, " ");
            if (!text_parse_i64(slice_of(at + 1, len), counts[c]))
                break;
            at = at[1 + len] == ' ' ? at + 1 + len : NULL;
        }
    } else if (stub_says(body, "EXISTS")) {
        answer_out->verdict = LOAD_VERDICT_EXISTS;
    } else if (stub_says(body, "BUSY")) {
        answer_out->verdict = LOAD_VERDICT_RETRY;
        answer_out->widen = true;
    } else if (stub_says(body, "BAD ROW")) {
        answer_out->verdict = LOAD_VERDICT_DATA;
        const char *url = strstr(answer_out->message, "http");
        snprintf(answer_out->error_url, sizeof(answer_out->error_url), "%s",
                 url == NULL ? "" : url);
    } else if (stub_says(body, "DENIED")) {
        answer_out->verdict = LOAD_VERDICT_FATAL;
    }
}

static inline enum label_state stub_read_label_state(int http_status, struct slice body)
{
    static const char *const names[] = {[LABEL_UNKNOWN] = "UNKNOWN",
                                        [LABEL_RUNNING] = "RUNNING",
                                        [LABEL_PREPARED] = "PREPARED",
                                        [LABEL_COMMITTED] = "COMMITTED",
                                        [LABEL_ABORTED] = "ABORTED"};
    if (http_status == 200)
        for (unsigned i = 0; i < COUNT_OF(names); i++)
            if (slice_equal(body, slice_str(names[i])))
                return (enum label_state)i;
    return LABEL_UNREADABLE;
}

/* Steps of two phases: the load is prepared by a header, and its transaction has the number 7; or those
 * of a transaction over several tables. */
static inline const char *stub_step_request(const struct load_settings *settings,
                                            enum load_step step, const struct load_txn *txn,
                                            struct buf *path, struct buf *headers)
{
    (void)settings;
    switch (step) {
    case LOAD_STEP_LOAD:
        buf_add_str(path, "/api/ods/orders/_stream_load");
        buf_add_str(headers, txn->joint ? "joint: true\n" : "two_phase: true\n");
        return "PUT";
    case LOAD_STEP_COMMIT:
        buf_add_str(path, "/commit?");
        if (txn->joint)
            buf_add_slice(path, txn->label);
        else
            buf_add_u64(path, txn->id);
        return "POST";
    case LOAD_STEP_ABORT:
    case LOAD_STEP_CANCEL:
        buf_add_str(path, step == LOAD_STEP_ABORT ? "/abort?" : "/cancel?");
        buf_add_slice(path, txn->label);
        return "POST";
    case LOAD_STEP_BEGIN:
        buf_add_str(path, "/begin?");
        buf_add_slice(path, txn->label);
        return txn->joint ? "POST" : NULL;
    case LOAD_STEP_PREPARE:
        break;
    }
    return NULL;
}

static inline void stub_read_step(enum load_step step, int http_status, struct slice body,
                                  struct load_answer *answer_out)
{
    (void)step;
    stub_read_answer(http_status, body, answer_out);
    if (answer_out->verdict == LOAD_VERDICT_DONE)
        answer_out->txn_id = 7;
    if (http_status == 200 && stub_says(body, "GONE"))
        answer_out->verdict = LOAD_VERDICT_GONE;
    if (http_status == 200 && stub_says(body, "BARRED"))
        answer_out->verdict = LOAD_VERDICT_BARRED;
    if (http_status == 200 && stub_says(body, "ABSENT"))
        answer_out->verdict = LOAD_VERDICT_ABSENT;
}

static const struct load_dialect stub_dialect UNUSED = {
    .name = "stub",
    .product = "Stub Warehouse",
    .delete_column = "__op",
    .json_headers = "format: json\n",
    .csv_headers = {"format: csv\n", "format: csv\npacked: gzip\n"},
    .compression_header = {NULL, "packed: gzip\n", "packed: lz4\n", "packed: zstd\n"},
    .label_max = 128,
    .headers = stub_headers,
    .read_answer = stub_read_answer,
    .read_label_state = stub_read_label_state,
    .step_request = stub_step_request,
    .read_step = stub_read_step};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A warehouse that keeps labels and rows, for the worlds in which the engine dies: each request is a step,
 * and at one of them it dies, before or after the request was served. A row holds an id, a name and a
 * quantity; a name with the word "bad" in it is refused.
 */
#ifndef MILLRACE_TESTS_LABELS_FIXTURE_H
#define MILLRACE_TESTS_LABELS_FIXTURE_H

#include "sink_fixture.h"

#define IDS 12u

enum label_life { GONE = 0, PREPARED, COMMITTED, ABORTED };

struct house_row {
    unsigned id;
    char name[16]; /* "": the load does not have the column */
    char quantity[16];
    bool deleted;
};

struct label {
    char text[64];
    enum label_life life;
    bool partial; /* the columns that it has not stay as they are */
    struct house_row rows[IDS];
    unsigned count;
};

/* What the warehouse has, and when the engine dies. */
static struct {
    struct label labels[400];
    unsigned label_count;
    unsigned copies[IDS];       /* of each row, visible */
    struct house_row rows[IDS]; /* as they were seen last */
    bool refuses_many;          /* every load of more than one row */
    bool keyed;                 /* a row that comes again takes its own place */
    unsigned requests;
    unsigned dies_at; /* that request; 0: never */
    bool dies_after;  /* it was served first */
} world;

static struct label *label_of(const char *text, size_t len)
{
    for (unsigned i = 0; i < world.label_count; i++)
        if (strlen(world.labels[i].text) == len && memcmp(world.labels[i].text, text, len) == 0)
            return &world.labels[i];
    return NULL;
}

static void put_row(const struct house_row *row, bool partial)
{
    struct house_row *to = &world.rows[row->id];
    unsigned *copies = &world.copies[row->id];
    *copies = !world.keyed ? *copies + 1 : row->deleted ? 0 : 1;
    if (!partial || row->name[0] != '\0')
        memcpy(to->name, row->name, sizeof(to->name));
    if (!partial || row->quantity[0] != '\0')
        memcpy(to->quantity, row->quantity, sizeof(to->quantity));
}

static void make_visible(struct label *label)
{
    label->life = COMMITTED;
    for (unsigned i = 0; i < label->count; i++)
        put_row(&label->rows[i], label->partial);
}

/* The text of a member of the line; "": it has none. */
static void line_text(struct slice line, const char *name, char *out, size_t size)
{
    struct slice written;
    struct buf text;
    buf_init(&text, 1000);
    assert_true(json_member(line, name, &written));
    assert_true(written.ptr == NULL || json_string_text(written, &text));
    snprintf(out, size, "%.*s", SLICE_ARG(buf_slice(&text)));
    buf_deinit(&text);
}

static bool takes_rows(struct slice lines, struct label *label)
{
    bool good = !world.refuses_many || memchr(lines.ptr, '\n', lines.len - 1) == NULL;
    label->count = 0;
    while (lines.len > 0) {
        struct slice line = slice_next_line(&lines);
        struct house_row *row = &label->rows[label->count++];
        struct slice mark;
        char number[16];
        uint64_t id;
        memset(row, 0, sizeof(*row));
        line_text(line, "id", number, sizeof(number));
        line_text(line, "name", row->name, sizeof(row->name));
        line_text(line, "quantity", row->quantity, sizeof(row->quantity));
        assert_true(text_parse_u64(slice_str(number), &id) && id < IDS);
        row->id = (unsigned)id;
        assert_true(json_member(line, "__op", &mark));
        row->deleted = slice_equal(mark, SLICE("1"));
        good &= strstr(row->name, "bad") == NULL && (!label->partial || world.copies[id] > 0);
    }
    return good;
}

static void serve_load(const struct exchange_request *request, struct exchange_response *response)
{
    static char lines[1 << 16];
    struct body_cursor cursor;
    response->body_started = true;
    const char *text = memmem(request->headers.ptr, request->headers.len, "label: ", 7);
    assert_non_null(text);
    text += 7;
    size_t len = strcspn(text, "\n");
    body_cursor_init(&cursor, request->body, request->set);
    size_t size = body_cursor_read(&cursor, (uint8_t *)lines, sizeof(lines));
    assert_true(size > 0); /* a load without rows is an error at the target */
    struct label *label = label_of(text, len);
    if (label != NULL && (label->life == PREPARED || label->life == COMMITTED)) {
        buf_add_str(&response->body, "EXISTS");
        return;
    }
    if (label == NULL) {
        assert_true(world.label_count < COUNT_OF(world.labels));
        label = &world.labels[world.label_count++];
        snprintf(label->text, sizeof(label->text), "%.*s", (int)len, text);
    }
    label->life = ABORTED;
    label->partial = request->set != BODY_WHOLE;
    if (!takes_rows(slice_of(lines, size), label)) {
        buf_add_str(&response->body, "BAD ROW no partition for this tuple");
        return;
    }
    if (memmem(request->headers.ptr, request->headers.len, "two_phase: true", 15) != NULL)
        label->life = PREPARED;
    else
        make_visible(label);
    buf_addf(&response->body, "DONE %u %u 0", label->count, label->count);
}

/* All prepared loads have the number 7; there is never more than one. */
static void serve_commit(struct exchange_response *response)
{
    struct label *found = NULL;
    for (unsigned i = 0; i < world.label_count; i++)
        if (world.labels[i].life == PREPARED) {
            assert_null(found);
            found = &world.labels[i];
        }
    if (found != NULL)
        make_visible(found);
    buf_add_str(&response->body, found != NULL ? "DONE" : "ABSENT");
}

static void serve_state(const char *path, struct exchange_response *response)
{
    static const char *const words[] = {"UNKNOWN", "PREPARED", "COMMITTED", "ABORTED"};
    const char *text = strstr(path, "label=");
    assert_non_null(text);
    const struct label *label = label_of(text + 6, strlen(text + 6));
    buf_add_str(&response->body, words[label == NULL ? GONE : label->life]);
}

static void serve_request(const struct exchange_request *request,
                          struct exchange_response *response)
{
    const char *path = request->endpoint.path;
    if (strcmp(request->method, "GET") == 0) {
        serve_state(path, response);
    } else if (strncmp(path, "/commit?", 8) == 0) {
        serve_commit(response);
    } else if (strcmp(request->method, "POST") == 0) {
        struct label *label = label_of(strchr(path, '?') + 1, strlen(strchr(path, '?') + 1));
        if (label != NULL && label->life == PREPARED)
            label->life = ABORTED;
        buf_add_str(&response->body, "DONE");
    } else if (request->body == NULL) {
        response->http_status = 307;
        snprintf(response->location, sizeof(response->location), "http://be1:8040%s", path);
    } else {
        serve_load(request, response);
    }
}

static bool serve(const struct exchange_request *request, struct exchange_response *response)
{
    bool dies = ++world.requests == world.dies_at;
    if (!dies || world.dies_after)
        serve_request(request, response);
    return !dies;
}

static enum rc two_phases(struct myconn *conn UNUSED, const struct load_schema *schema UNUSED,
                          struct error *err UNUSED)
{
    return RC_OK;
}

/* Of the letters. In memory where that can be had, for thousands of writes are synced. */
static char folder[64];

static int make_folder(void **state UNUSED)
{
    static const char *const places[] = {"/dev/shm", "/tmp"};
    for (unsigned i = 0; i < COUNT_OF(places); i++) {
        snprintf(folder, sizeof(folder), "%s/millrace-letters-XXXXXX", places[i]);
        if (mkdtemp(folder) != NULL)
            return 0;
    }
    return -1;
}

#endif

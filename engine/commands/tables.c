/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables that a checkpoint knows, from its notes, for `checkpoint show` and `status`: how far the
 * snapshot of each is, and what else is noted of it. What the notes of the pipeline say is told in
 * engine/pipeline/members.c.
 */
#include "commands_int.h"

#include "../base/text.h"
#include "../model/json.h"

struct telling {
    const struct command_parts *parts;
    const struct store *store;
    struct buf *out;
    bool json;
    unsigned count;
    struct buf key;   /* scratch */
    struct buf value; /* scratch */
};

struct lookup {
    struct slice key;
    struct buf *out;
    bool found;
};

static enum rc take(void *ctx, struct slice key, struct slice value, struct error *err UNUSED)
{
    struct lookup *lookup = ctx;
    if (!slice_equal(key, lookup->key))
        return RC_OK;
    lookup->found = true;
    buf_add_slice(lookup->out, value);
    return RC_OK;
}

static bool note_of(struct telling *telling, const char *prefix, struct slice table)
{
    buf_reset(&telling->key);
    buf_reset(&telling->value);
    buf_addf(&telling->key, "%s%.*s", prefix, SLICE_ARG(table));
    struct lookup lookup = {.key = buf_slice(&telling->key), .out = &telling->value};
    struct error err;
    return telling->parts->store->notes(telling->store, lookup.key, take, &lookup, &err) == RC_OK &&
           lookup.found;
}

static bool has_line(struct slice text, const char *line)
{
    const char *found = text.len == 0 ? NULL : memmem(text.ptr, text.len, line, strlen(line));
    return found != NULL;
}

static const char *state_of(struct telling *telling, struct slice table, struct slice note)
{
    if (has_line(note, "\nrebuild\n"))
        return "being rebuilt";
    if (!has_line(note, "\nsnapshot\n"))
        return "from the stream";
    if (!note_of(telling, "snapshot/", table))
        return "not begun";
    bool done = telling->parts->snapshot != NULL &&
                telling->parts->snapshot->is_done(buf_slice(&telling->value));
    return done ? "complete" : "being read";
}

/* Where the stream stopped telling what rows the table has: the note of engine/pipeline/unknown.c. */
struct unknown {
    struct slice since; /* empty: all of it is known */
    bool reading;
    bool left;
};

/* Borrowed until the next note is asked for. */
static struct unknown unknown_of(struct telling *telling, struct slice table)
{
    struct unknown unknown = {.reading = false};
    if (!note_of(telling, "pipeline/unknown/", table))
        return unknown;
    struct slice rest = buf_slice(&telling->value);
    (void)slice_next_line(&rest); /* how long the database's name is */
    struct slice state = slice_next_line(&rest);
    unknown.reading = slice_equal(state, SLICE("reading"));
    unknown.left = slice_equal(state, SLICE("left"));
    unknown.since = slice_next_line(&rest);
    return unknown;
}

static void add_unknown(struct buf *out, const struct unknown *unknown, struct slice table)
{
    if (unknown->since.len == 0)
        return;
    buf_addf(out, ", its rows are not known since %.*s: ", SLICE_ARG(unknown->since));
    if (unknown->reading)
        buf_add_str(out, "it is being read again");
    else if (unknown->left)
        buf_addf(out,
                 "it was read again, but deleted rows may have stayed (millrace snapshot "
                 "PIPELINE --tables %.*s --rebuild)",
                 SLICE_ARG(table));
    else
        buf_addf(out, "millrace snapshot PIPELINE --tables %.*s --rebuild", SLICE_ARG(table));
}

static void add_unknown_json(struct buf *out, const struct unknown *unknown)
{
    buf_add_str(out, ",\"rows_unknown_since\":");
    if (unknown->since.len == 0) {
        buf_add_str(out, "null");
        return;
    }
    json_add_string(out, unknown->since);
    buf_addf(out, ",\"rows_unknown\":\"%s\"",
             unknown->reading ? "reading"
             : unknown->left  ? "left"
                              : "marked");
}

static enum rc tell_table(void *ctx, struct slice key, struct slice value, struct error *err UNUSED)
{
    struct telling *telling = ctx;
    size_t prefix = strlen("pipeline/table/");
    struct slice table = slice_of(key.ptr + prefix, key.len - prefix);
    const char *state = state_of(telling, table, value);
    bool has_schema = note_of(telling, "schema/", table);
    size_t schema_bytes = telling->value.len;
    bool partly = has_line(value, "\nskip ");
    struct unknown unknown = unknown_of(telling, table);
    if (telling->json) {
        buf_addf(telling->out, "%s{\"table\":", telling->count > 0 ? "," : "");
        json_add_string(telling->out, table);
        buf_addf(telling->out, ",\"state\":\"%s\",\"schema_bytes\":%zu,\"columns_left_out\":%s",
                 state, has_schema ? schema_bytes : 0, partly ? "true" : "false");
        add_unknown_json(telling->out, &unknown);
        buf_add_byte(telling->out, '}');
    } else {
        buf_addf(telling->out, "table        %.*s: %s%s%s", SLICE_ARG(table), state,
                 has_schema ? ", its definition is kept" : "",
                 partly ? ", some columns are not carried" : "");
        add_unknown(telling->out, &unknown, table);
        buf_add_byte(telling->out, '\n');
    }
    telling->count++;
    return RC_OK;
}

enum rc command_tables(const struct command_parts *parts, const struct store *store, bool json,
                       struct buf *out, struct error *err)
{
    enum { KEY_MAX = 4096, VALUE_MAX = 32 << 20 };
    struct telling telling = {.parts = parts, .store = store, .out = out, .json = json};
    buf_init(&telling.key, KEY_MAX);
    buf_init(&telling.value, VALUE_MAX);
    if (json)
        buf_add_str(out, ",\"tables\":[");
    enum rc rc = parts->store->notes(store, SLICE("pipeline/table/"), tell_table, &telling, err);
    if (json)
        buf_add_str(out, "]");
    buf_deinit(&telling.key);
    buf_deinit(&telling.value);
    return rc;
}

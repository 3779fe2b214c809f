/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables that a checkpoint knows, from its notes, for `checkpoint show` and `status`: how far the
 * snapshot of each is, and what else is noted of it.
 */
#include "commands_int.h"

#include "../base/text.h"
#include "../model/json.h"
#include "../pipeline/table_note.h"

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

/* What one note says, as far as it is told. */
struct noted {
    bool snapshot;
    bool rebuild;
    bool partly; /* some columns are not carried */
};

static struct noted noted_of(struct slice note)
{
    struct noted noted = {.snapshot = false};
    enum table_note_word word;
    struct slice column;
    (void)slice_next_line(&note); /* how long the database's name is */
    while (table_note_next(&note, &word, &column)) {
        noted.snapshot |= word == TABLE_NOTE_SNAPSHOT;
        noted.rebuild |= word == TABLE_NOTE_REBUILD;
        noted.partly |= word == TABLE_NOTE_SKIP;
    }
    return noted;
}

static const char *state_of(struct telling *telling, struct slice table, const struct noted *noted)
{
    if (noted->rebuild)
        return "being rebuilt";
    if (!noted->snapshot)
        return "from the stream";
    if (!note_of(telling, "snapshot/", table))
        return "not begun";
    bool done = telling->parts->snapshot != NULL &&
                telling->parts->snapshot->is_done(buf_slice(&telling->value));
    return done ? "complete" : "being read";
}

/* Where the stream stopped telling what rows the table has. */
struct unknown {
    struct slice since; /* empty: all of it is known */
    enum unknown_state state;
};

/* Borrowed until the next note is asked for. */
static struct unknown unknown_of(struct telling *telling, struct slice table)
{
    struct unknown unknown = {.state = UNKNOWN_NONE};
    if (!note_of(telling, TABLE_NOTE_UNKNOWN_KEY, table))
        return unknown;
    struct slice rest = buf_slice(&telling->value);
    (void)slice_next_line(&rest); /* how long the database's name is */
    unknown.state = table_note_next_unknown(&rest);
    if (unknown.state != UNKNOWN_NONE)
        unknown.since = slice_next_line(&rest);
    return unknown;
}

static void add_unknown(struct buf *out, const struct unknown *unknown, struct slice table)
{
    if (unknown->since.len == 0)
        return;
    buf_addf(out, ", its rows are not known since %.*s: ", SLICE_ARG(unknown->since));
    if (unknown->state == UNKNOWN_READING)
        buf_add_str(out, "it is being read again");
    else if (unknown->state == UNKNOWN_LEFT)
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
    buf_addf(out, ",\"rows_unknown\":\"%s\"", table_note_unknown_word(unknown->state));
}

static enum rc tell_table(void *ctx, struct slice key, struct slice value, struct error *err UNUSED)
{
    struct telling *telling = ctx;
    size_t prefix = strlen(TABLE_NOTE_KEY);
    struct slice table = slice_of(key.ptr + prefix, key.len - prefix);
    struct noted noted = noted_of(value);
    const char *state = state_of(telling, table, &noted);
    bool has_schema = note_of(telling, "schema/", table);
    size_t schema_bytes = telling->value.len;
    struct unknown unknown = unknown_of(telling, table);
    if (telling->json) {
        buf_addf(telling->out, "%s{\"table\":", telling->count > 0 ? "," : "");
        json_add_string(telling->out, table);
        buf_addf(telling->out, ",\"state\":\"%s\",\"schema_bytes\":%zu,\"columns_left_out\":%s",
                 state, has_schema ? schema_bytes : 0, noted.partly ? "true" : "false");
        add_unknown_json(telling->out, &unknown);
        buf_add_byte(telling->out, '}');
    } else {
        buf_addf(telling->out, "table        %.*s: %s%s%s", SLICE_ARG(table), state,
                 has_schema ? ", its definition is kept" : "",
                 noted.partly ? ", some columns are not carried" : "");
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
    enum rc rc = parts->store->notes(store, SLICE(TABLE_NOTE_KEY), tell_table, &telling, err);
    if (json)
        buf_add_str(out, "]");
    buf_deinit(&telling.key);
    buf_deinit(&telling.value);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history as notes: one for each table of whom something is known, one for each database.
 *
 *   schema/<db>.<table>   {"is":"table"|"ghost"|"gone","from":"...","definition":{...}}
 *                         {"is":"lost","reason":"...","later":2,"before":{...},"definition":{...}}
 *   schema-db/<db>        the default collation
 *
 * In a key '%', '.', '/', spaces and control characters stand as %XX, so that the dot between the
 * names is the only one. docs/formats.md says the same to users.
 */
#include "history_state_int.h"

#include "json_text_int.h"

#define NOTE_BYTES_MAX ((size_t)16 << 20)
#define TABLE_PREFIX "schema/"
#define DATABASE_PREFIX "schema-db/"

static void add_escaped(struct buf *out, struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        if (c <= ' ' || c == 0x7f || c == '%' || c == '.' || c == '/')
            buf_addf(out, "%%%02X", c);
        else
            buf_add_byte(out, c);
    }
}

static bool read_escaped(struct slice text, struct arena *arena, struct slice *name_out)
{
    uint8_t *out = arena_alloc(arena, text.len);
    size_t len = 0;
    for (size_t i = 0; out != NULL && i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '%') {
            int high = text.len - i > 2 ? text_hex_value(text.ptr[i + 1]) : -1;
            int low = text.len - i > 2 ? text_hex_value(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        out[len++] = c;
    }
    *name_out = slice_of(out, len);
    return out != NULL && len > 0 && text_is_utf8(*name_out);
}

static void add_definition(struct buf *out, const char *field, const struct catalog_table *table)
{
    if (table == NULL)
        return;
    buf_addf(out, ",\"%s\":", field);
    enum rc rc = schema_encode(table, out, NULL);
    (void)rc; /* sticky in the buffer, which is checked at the end */
}

static void add_state(struct buf *out, const char *word, const struct schema *set,
                      const struct catalog_table *table)
{
    buf_addf(out, "{\"is\":\"%s\",\"from\":", word);
    json_add_string(out, schema_origin(set, table->db, table->name));
    add_definition(out, "definition", table);
    buf_add_byte(out, '}');
}

static void add_lost(struct buf *out, const struct history_lost *lost)
{
    buf_add_str(out, "{\"is\":\"lost\",\"reason\":");
    json_add_string(out, lost->reason);
    buf_addf(out, ",\"later\":%u", lost->later);
    add_definition(out, "before", lost->before);
    add_definition(out, "definition", lost->then);
    buf_add_byte(out, '}');
}

static void add_table_note(const struct history *history, struct slice db, struct slice name,
                           struct buf *out)
{
    const struct {
        const char *word;
        const struct schema *set;
    } sets[] = {{"table", history->known}, {"ghost", history->ghosts}, {"gone", history->gone}};
    for (unsigned i = 0; i < COUNT_OF(sets); i++) {
        const struct catalog_table *table = schema_find(sets[i].set, db, name);
        if (table == NULL)
            continue;
        add_state(out, sets[i].word, sets[i].set, table);
        return;
    }
    const struct history_lost *lost = history_lost_find(history, db, name);
    if (lost != NULL)
        add_lost(out, lost);
}

struct telling {
    const struct history *history;
    source_note_fn visit;
    void *ctx;
    struct buf key;
    struct buf value;
};

static enum rc tell_note(void *ctx, const struct catalog_table *mark, struct error *err)
{
    struct telling *telling = ctx;
    buf_reset(&telling->key);
    buf_reset(&telling->value);
    if (mark->name.len == 0) {
        buf_add_str(&telling->key, DATABASE_PREFIX);
        add_escaped(&telling->key, mark->db);
        buf_add_slice(&telling->value, schema_database(telling->history->known, mark->db));
    } else {
        buf_add_str(&telling->key, TABLE_PREFIX);
        add_escaped(&telling->key, mark->db);
        buf_add_byte(&telling->key, '.');
        add_escaped(&telling->key, mark->name);
        add_table_note(telling->history, mark->db, mark->name, &telling->value);
    }
    enum rc rc = buf_check(&telling->key, "the key of a note", err);
    if (rc == RC_OK)
        rc = buf_check(&telling->value, "the note of a table", err);
    return rc != RC_OK ? rc
                       : telling->visit(telling->ctx, buf_slice(&telling->key),
                                        buf_slice(&telling->value), err);
}

enum rc history_notes(struct history *history, source_note_fn visit, void *ctx, struct error *err)
{
    struct telling telling = {.history = history, .visit = visit, .ctx = ctx};
    if (schema_count(history->changed) == 0)
        return RC_OK;
    buf_init(&telling.key, 4096);
    buf_init(&telling.value, NOTE_BYTES_MAX);
    enum rc rc = schema_each(history->changed, tell_note, &telling, err);
    buf_deinit(&telling.key);
    buf_deinit(&telling.value);
    if (rc == RC_OK)
        schema_clear(history->changed);
    return rc;
}

struct note {
    struct slice is;
    struct slice from; /* or the reason */
    uint64_t later;
    struct slice definition; /* JSON; ptr NULL: none */
    struct slice before;
};

static struct slice take_object(struct json_text *text)
{
    const uint8_t *start = text->ptr;
    json_text_skip(text);
    return slice_of(start, (size_t)(text->ptr - start));
}

static bool read_note(struct slice value, struct arena *arena, struct note *note)
{
    struct json_text text = json_text_of(value, arena);
    struct slice name;
    bool first = true;
    *note = (struct note){0};
    json_text_enter(&text, '{');
    while (json_text_member(&text, &first, &name)) {
        if (slice_equal(name, SLICE("is")))
            note->is = json_text_string(&text);
        else if (slice_equal(name, SLICE("from")) || slice_equal(name, SLICE("reason")))
            note->from = json_text_string(&text);
        else if (slice_equal(name, SLICE("later")))
            note->later = json_text_number(&text);
        else if (slice_equal(name, SLICE("definition")))
            note->definition = take_object(&text);
        else if (slice_equal(name, SLICE("before")))
            note->before = take_object(&text);
        else
            json_text_skip(&text);
    }
    return json_text_at_end(&text);
}

static enum rc read_definition(struct slice json, struct slice db, struct slice name,
                               struct arena *arena, const struct catalog_table **table_out,
                               struct error *err)
{
    *table_out = NULL;
    if (json.ptr == NULL)
        return RC_OK;
    struct catalog_table *table = NULL;
    enum rc rc = schema_decode(json, arena, &table, err);
    if (rc != RC_OK)
        return rc;
    *table_out = table;
    if (slice_equal(table->db, db) && slice_equal(table->name, name))
        return RC_OK;
    return error_set(err, RC_CORRUPT, "The definition in it is that of table %.*s.%.*s.",
                     SLICE_ARG(table->db), SLICE_ARG(table->name));
}

static enum rc take_note(struct history *history, struct slice db, struct slice name,
                         const struct note *note, struct arena *arena, struct error *err)
{
    const struct catalog_table *table = NULL;
    const struct catalog_table *before = NULL;
    enum rc rc = read_definition(note->definition, db, name, arena, &table, err);
    if (rc == RC_OK)
        rc = read_definition(note->before, db, name, arena, &before, err);
    if (rc != RC_OK)
        return rc;
    if (slice_equal(note->is, SLICE("lost")) && note->later <= INT32_MAX) {
        struct history_lost lost = {.db = db,
                                    .name = name,
                                    .reason = note->from,
                                    .later = (uint32_t)note->later,
                                    .before = before,
                                    .then = table};
        return history_lost_add(history, &lost, err);
    }
    struct schema *set = slice_equal(note->is, SLICE("table"))   ? history->known
                         : slice_equal(note->is, SLICE("ghost")) ? history->ghosts
                         : slice_equal(note->is, SLICE("gone"))  ? history->gone
                                                                 : NULL;
    if (set == NULL || table == NULL)
        return error_set(err, RC_CORRUPT, "It does not say what it is.");
    return schema_put_from(set, table, note->from, err);
}

static enum rc remember_table(struct history *history, struct slice names, struct slice value,
                              struct arena *arena, struct error *err)
{
    const uint8_t *dot = memchr(names.ptr, '.', names.len);
    struct slice db;
    struct slice name;
    if (dot == NULL || !read_escaped(slice_of(names.ptr, (size_t)(dot - names.ptr)), arena, &db) ||
        !read_escaped(slice_of(dot + 1, (size_t)(names.ptr + names.len - dot - 1)), arena, &name))
        return error_set(err, RC_CORRUPT, "Its key names no table.");
    struct note note;
    if (!read_note(value, arena, &note))
        return error_set(err, RC_CORRUPT, "It cannot be read.");
    enum rc rc = take_note(history, db, name, &note, arena, err);
    /* What was remembered is no news. */
    schema_remove(history->changed, db, name);
    return rc;
}

static enum rc remember_database(struct history *history, struct slice escaped,
                                 struct slice collation, struct arena *arena, struct error *err)
{
    struct slice db;
    if (!read_escaped(escaped, arena, &db))
        return error_set(err, RC_CORRUPT, "Its key names no database.");
    return schema_set_database(history->known, db, collation, err);
}

static bool strip(struct slice *key, struct slice prefix)
{
    if (key->len < prefix.len || memcmp(key->ptr, prefix.ptr, prefix.len) != 0)
        return false;
    *key = slice_of(key->ptr + prefix.len, key->len - prefix.len);
    return true;
}

enum rc history_remember(struct history *history, struct slice key, struct slice value,
                         bool *taken_out, struct error *err)
{
    struct arena arena;
    struct slice rest = key;
    enum rc rc = RC_OK;
    arena_init(&arena, "a note", 4 * NOTE_BYTES_MAX);
    *taken_out = true;
    if (strip(&rest, SLICE(TABLE_PREFIX)))
        rc = remember_table(history, rest, value, &arena, err);
    else if (strip(&rest, SLICE(DATABASE_PREFIX)))
        rc = remember_database(history, rest, value, &arena, err);
    else
        *taken_out = false;
    arena_deinit(&arena);
    if (rc != RC_OK)
        error_wrap(err, "The note %.*s of the checkpoint", SLICE_ARG(key));
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source tables of a pipeline by name, and what the checkpoint knows of each:
 *
 *   pipeline/tracked                   the checkpoint knows its tables: another one is new
 *   pipeline/table/<db>.<table>        what table_note.h says
 *   pipeline/unknown/<db>.<table>      the stream does not tell all of its rows (unknown.c)
 *   pipeline/filling/<db>.<table>      an unkeyed target that an unfinished snapshot fills
 *
 * A table that the checkpoint does not know and that was not seen being created held rows before
 * (its pattern was widened, or it was renamed into the pattern): a snapshot brings them.
 */
#include "members_int.h"

#include "../base/log.h"
#include "../base/text.h"
#include "notes_int.h"

enum { SKIPPED_MAX = 1 << 20, NOTE_MAX = 2 << 20, SINCE_MAX = 4096 };

static const char TRACKED[] = "pipeline/tracked";
static const char TABLE[] = TABLE_NOTE_KEY;

static unsigned bucket_of(struct slice db, struct slice name)
{
    return (unsigned)((slice_hash(db) * 31 + slice_hash(name)) % MEMBER_BUCKETS);
}

struct member *members_find(const struct pipeline *pipeline, struct slice db, struct slice name)
{
    struct member *member = pipeline->members.buckets[bucket_of(db, name)];
    while (member != NULL && !(slice_equal(member->db, db) && slice_equal(member->name, name)))
        member = member->next;
    return member;
}

enum rc members_make(struct pipeline *pipeline, struct slice db, struct slice name,
                     struct member **member_out, struct error *err)
{
    *member_out = members_find(pipeline, db, name);
    if (*member_out != NULL)
        return RC_OK;
    struct member *member = arena_alloc(&pipeline->arena, sizeof(*member));
    if (member != NULL) {
        member->db = arena_copy(&pipeline->arena, db);
        member->name = arena_copy(&pipeline->arena, name);
        buf_init(&member->skipped, SKIPPED_MAX);
        buf_init(&member->kept, SKIPPED_MAX);
        buf_init(&member->unknown_since, SINCE_MAX);
    }
    if (member == NULL || member->db.ptr == NULL || member->name.ptr == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the table %.*s.%.*s.",
                         SLICE_ARG(db), SLICE_ARG(name));
    struct member **bucket = &pipeline->members.buckets[bucket_of(db, name)];
    member->next = *bucket;
    *bucket = member;
    if (pipeline->members.end == NULL)
        pipeline->members.end = &pipeline->members.first;
    *pipeline->members.end = member;
    pipeline->members.end = &member->behind;
    pipeline->members.count++;
    *member_out = member;
    return RC_OK;
}

void members_deinit(struct members *members)
{
    for (struct member *member = members->first; member != NULL; member = member->behind) {
        buf_deinit(&member->skipped);
        buf_deinit(&member->kept);
        buf_deinit(&member->unknown_since);
    }
}

enum rc members_each(struct pipeline *pipeline, member_fn visit, void *ctx, struct error *err)
{
    enum rc rc = RC_OK;
    for (struct member *member = pipeline->members.first; rc == RC_OK && member != NULL;
         member = member->behind)
        if (!member->gone)
            rc = visit(pipeline, member, ctx, err);
    return rc;
}

void members_set_state(struct pipeline *pipeline, struct member *member, enum member_state state)
{
    if (member->state == MEMBER_QUEUED)
        pipeline->members.queued--;
    if (state == MEMBER_QUEUED)
        pipeline->members.queued++;
    member->state = state;
}

static bool has_name(const struct buf *names, struct slice column)
{
    struct slice rest = buf_slice(names);
    while (rest.len > 0)
        if (slice_equal_nocase(slice_next_line(&rest), column))
            return true;
    return false;
}

/* Into the list, or out of it. */
static void put_name(struct buf *names, struct slice column, bool in)
{
    struct buf left;
    buf_init(&left, SKIPPED_MAX);
    struct slice rest = buf_slice(names);
    while (rest.len > 0) {
        struct slice line = slice_next_line(&rest);
        if (slice_equal_nocase(line, column))
            continue;
        buf_add_slice(&left, line);
        buf_add_byte(&left, '\n');
    }
    if (in) {
        buf_add_slice(&left, column);
        buf_add_byte(&left, '\n');
    }
    buf_deinit(names);
    *names = left;
}

bool member_skips(const struct member *member, struct slice column)
{
    return has_name(&member->skipped, column);
}

void member_skip(struct member *member, struct slice column, bool skip)
{
    put_name(&member->skipped, column, skip);
}

bool member_keeps(const struct member *member, struct slice column)
{
    return has_name(&member->kept, column);
}

void member_keep(struct member *member, struct slice column, bool keep)
{
    put_name(&member->kept, column, keep);
}

static void add_names(struct buf *value, enum table_note_word word, const struct buf *names)
{
    struct slice rest = buf_slice(names);
    while (rest.len > 0)
        table_note_add(value, word, slice_next_line(&rest));
}

enum rc members_note(struct pipeline *pipeline, struct member *member, struct error *err)
{
    if (member->gone)
        return notes_add_table(pipeline, TABLE, member->db, member->name, SLICE_EMPTY, err);
    struct buf value;
    buf_init(&value, NOTE_MAX);
    table_note_add_names(&value, member->db);
    table_note_add(&value, member->state == MEMBER_STREAM ? TABLE_NOTE_STREAM : TABLE_NOTE_SNAPSHOT,
                   SLICE_EMPTY);
    if (member->rebuild)
        table_note_add(&value, TABLE_NOTE_REBUILD, SLICE_EMPTY);
    if (member->away)
        table_note_add(&value, TABLE_NOTE_AWAY, SLICE_EMPTY);
    add_names(&value, TABLE_NOTE_SKIP, &member->skipped);
    add_names(&value, TABLE_NOTE_KEPT, &member->kept);
    enum rc rc = buf_check(&value, "what is known of a table", err);
    if (rc == RC_OK)
        rc = notes_add_table(pipeline, TABLE, member->db, member->name, buf_slice(&value), err);
    buf_deinit(&value);
    member->known = true;
    return rc;
}

enum rc members_of_note(struct pipeline *pipeline, size_t prefix_len, struct slice key,
                        struct slice *value, struct member **member_out, struct error *err)
{
    struct slice db;
    struct slice name;
    *member_out = NULL;
    if (!table_note_next_names(value, slice_of(key.ptr + prefix_len, key.len - prefix_len), &db,
                               &name))
        return RC_OK;
    return members_make(pipeline, db, name, member_out, err);
}

static void take_word(struct pipeline *pipeline, struct member *member, enum table_note_word word,
                      struct slice column)
{
    switch (word) {
    case TABLE_NOTE_SNAPSHOT:
        members_set_state(pipeline, member, MEMBER_QUEUED);
        break;
    case TABLE_NOTE_REBUILD:
        member->rebuild = pipeline->members.rebuilding = true;
        break;
    case TABLE_NOTE_AWAY:
        member->away = true;
        break;
    case TABLE_NOTE_SKIP:
        member_skip(member, column, true);
        break;
    case TABLE_NOTE_KEPT:
        member_keep(member, column, true);
        break;
    case TABLE_NOTE_STREAM:
    case TABLE_NOTE_OTHER:
        break;
    }
}

static enum rc load_table(void *ctx, struct slice key, struct slice value, struct error *err)
{
    struct pipeline *pipeline = ctx;
    struct member *member;
    enum table_note_word word;
    struct slice column;
    enum rc rc = members_of_note(pipeline, sizeof(TABLE) - 1, key, &value, &member, err);
    while (rc == RC_OK && member != NULL && table_note_next(&value, &word, &column)) {
        take_word(pipeline, member, word, column);
        member->known = true;
    }
    return rc;
}

/* A snapshot whose note says that it is complete. */
static enum rc load_snapshot(struct pipeline *pipeline, struct member *member, void *ctx,
                             struct error *err)
{
    if (member->state != MEMBER_QUEUED || pipeline->parts.snapshot_ops == NULL)
        return RC_OK;
    enum rc rc = notes_get(pipeline, "snapshot/", member->db, member->name, ctx, err);
    if (rc == RC_OK && pipeline->parts.snapshot_ops->is_done(buf_slice(ctx)))
        members_set_state(pipeline, member, MEMBER_DONE);
    return rc;
}

static enum rc load_tracked(void *ctx, struct slice key UNUSED, struct slice value UNUSED,
                            struct error *err UNUSED)
{
    struct pipeline *pipeline = ctx;
    pipeline->members.tracked = true;
    return RC_OK;
}

enum rc members_load(struct pipeline *pipeline, struct error *err)
{
    const struct store_ops *ops = pipeline->parts.store_ops;
    struct store *store = pipeline->parts.store;
    enum rc rc = ops->notes(store, slice_str(TRACKED), load_tracked, pipeline, err);
    if (rc == RC_OK)
        rc = ops->notes(store, slice_str(TABLE), load_table, pipeline, err);
    struct buf value;
    buf_init(&value, NOTE_MAX);
    if (rc == RC_OK)
        rc = members_each(pipeline, load_snapshot, &value, err);
    buf_deinit(&value);
    return at(pipeline, PIPELINE_SIDE_STORE, rc);
}

/* Whether the rows that a table holds already have to be brought by a snapshot. */
static bool has_old_rows(const struct pipeline *pipeline)
{
    const struct source_tables_config *tables = pipeline->parts.tables;
    if (tables == NULL || tables->scan == SOURCE_SCAN_NONE)
        return false;
    /* A checkpoint of before tables were tracked: what it carries is complete already. */
    if (!pipeline->fresh && !pipeline->members.tracked)
        return false;
    return pipeline->fresh || tables->snapshot_new_tables;
}

enum rc members_of(struct pipeline *pipeline, const struct table *table, struct member **member_out,
                   struct error *err)
{
    struct member *member;
    enum rc rc = members_make(pipeline, table->db, table->name, &member, err);
    if (rc != RC_OK)
        return rc;
    *member_out = member;
    if (member->known && !member->gone)
        return RC_OK;
    member->gone = false;
    members_set_state(pipeline, member, has_old_rows(pipeline) ? MEMBER_QUEUED : MEMBER_STREAM);
    if (member->state == MEMBER_QUEUED && !pipeline->fresh)
        log_info("pipeline.snapshot", "A table is new to this pipeline; its rows are read.",
                 LOG_SLICE("db", member->db), LOG_SLICE("table", member->name));
    return members_note(pipeline, member, err);
}

enum rc members_track(struct pipeline *pipeline, struct error *err)
{
    if (pipeline->members.tracked)
        return RC_OK;
    pipeline->members.tracked = true;
    return notes_add(pipeline, slice_str(TRACKED), SLICE("1"), err);
}

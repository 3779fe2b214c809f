/* SPDX-License-Identifier: Apache-2.0 */
#include "server_history_int.h"

#include <stdlib.h>

#define NAMES_BYTES_MAX ((size_t)64 << 20)
#define TRIES_MAX 30u
#define TRY_AGAIN_US 10000u
#define DICTIONARY_VERSION 80000u
#define COMMIT_GRACE_US 500000u
#define TABLES_KEY "schema-tables"

static bool asked_for(const struct server_source *source, struct slice db, struct slice table)
{
    return !catalog_is_system_db(db) && source->wants(source->wants_ctx, db, table);
}

static bool wants(void *ctx, struct slice db, struct slice table)
{
    return asked_for(ctx, db, table);
}

/* What to read of the catalog: helper tables too, because one of them may become a table. */
static bool wants_or_helps(void *ctx, struct slice db, struct slice table)
{
    const struct server_source *source = ctx;
    struct slice real;
    return asked_for(source, db, table) ||
           (source->config->online_schema_changes && ghost_of(table, &real) != GHOST_NONE &&
            asked_for(source, db, real));
}

/* One table that statements of a stretch touch. */
struct touched {
    struct touched *next;
    struct slice db;
    struct slice name;
    uint32_t count;
    bool made;          /* by the first of them */
    bool is_ambiguous;  /* one of them lies where the catalog was read */
    struct slice first; /* where and what, for messages */
};

/* A stretch while it is read. */
struct stretch {
    struct server_source *source;
    struct binlog_stream *stream; /* that reads it; set by server_link_scan */
    const struct position *to;
    const struct position *catalog_before; /* NULL: the catalog was read in front of the stretch */
    struct slice only_db;                  /* one table alone; ptr NULL: all that are asked for */
    struct slice only_name;
    uint32_t skip; /* statements at the beginning that are no part of it */
    struct touched *list;
    struct arena arena;
};

static struct touched *find_touched(const struct stretch *stretch, struct slice db,
                                    struct slice name)
{
    struct touched *touched = stretch->list;
    while (touched != NULL &&
           !(slice_equal_nocase(touched->db, db) && slice_equal_nocase(touched->name, name)))
        touched = touched->next;
    return touched;
}

static enum rc describe_first(struct stretch *stretch, struct touched *touched,
                              const struct binlog_statement *statement, struct error *err)
{
    enum { SHOWN = 120 };
    struct buf text;
    buf_init(&text, 2048);
    size_t shown = statement->text.len < SHOWN ? statement->text.len : SHOWN;
    while (shown > 0 && shown < statement->text.len && (statement->text.ptr[shown] & 0xc0) == 0x80)
        shown--; /* a note is UTF-8 */
    buf_add_str(&text, "the statement at ");
    binlog_stream_where(stretch->stream, &text);
    buf_addf(&text, ", which changed it later and is all that is known of it: %.*s", (int)shown,
             (const char *)statement->text.ptr);
    touched->first = arena_copy(&stretch->arena, buf_slice(&text));
    enum rc rc = buf_check(&text, "a statement", err);
    buf_deinit(&text);
    if (rc == RC_OK && touched->first.ptr == NULL)
        rc = error_set(err, RC_MEMORY, "There is no memory for the history of tables.");
    return rc;
}

static enum rc touch(struct stretch *stretch, const struct binlog_statement *statement,
                     struct slice db, struct slice name, struct error *err)
{
    bool is_meant = stretch->only_db.ptr == NULL ? wants_or_helps(stretch->source, db, name)
                                                 : slice_equal_nocase(db, stretch->only_db) &&
                                                       slice_equal_nocase(name, stretch->only_name);
    if (!is_meant)
        return RC_OK;
    struct touched *touched = find_touched(stretch, db, name);
    if (touched == NULL) {
        touched = arena_alloc(&stretch->arena, sizeof(*touched));
        if (touched == NULL)
            return error_set(err, RC_MEMORY, "There is no memory for the history of tables.");
        *touched = (struct touched){.next = stretch->list,
                                    .db = arena_copy(&stretch->arena, db),
                                    .name = arena_copy(&stretch->arena, name)};
        stretch->list = touched;
        enum rc rc = history_creates(statement->context, statement->text, touched->db,
                                     touched->name, &touched->made, err);
        if (rc == RC_OK)
            rc = describe_first(stretch, touched, statement, err);
        if (rc != RC_OK)
            return rc;
    }
    touched->count++;
    touched->is_ambiguous |= stretch->catalog_before != NULL &&
                             binlog_stream_reached(stretch->stream, stretch->catalog_before);
    return RC_OK;
}

struct catalog_touch {
    struct stretch *stretch;
    const struct binlog_statement *statement;
};

static enum rc touch_if_named(void *ctx, const struct catalog_table *table, struct error *err)
{
    const struct catalog_touch *touching = ctx;
    const struct binlog_statement *statement = touching->statement;
    if (!history_touches(statement->words, statement->context->db, table->db, table->name))
        return RC_OK;
    return touch(touching->stretch, statement, table->db, table->name, err);
}

/* A statement that does not name its tables one by one: all are looked at that are known, be it that
 * they were met in the stretch and are no more. */
static enum rc touch_unnamed(struct stretch *stretch, const struct binlog_statement *statement,
                             struct error *err)
{
    struct catalog_touch touching = {.stretch = stretch, .statement = statement};
    const struct catalog_table *table = NULL;
    for (struct touched *at = stretch->list; at != NULL; at = at->next)
        if (history_touches(statement->words, statement->context->db, at->db, at->name) &&
            !catalog_peek(stretch->source->catalog, at->db, at->name, &table))
            at->count++;
    return catalog_each(stretch->source->catalog, touch_if_named, &touching, err);
}

static enum rc on_statement(void *ctx, const struct binlog_statement *statement, struct error *err)
{
    struct stretch *stretch = ctx;
    const struct sql_statement *words = statement->words;
    if (stretch->skip > 0) {
        stretch->skip--;
        return RC_OK;
    }
    /* What was written after the question for the end is not asked about. */
    if (binlog_stream_reached(stretch->stream, stretch->to))
        return RC_OK;
    if (stretch->only_db.ptr != NULL)
        return history_touches(words, statement->context->db, stretch->only_db, stretch->only_name)
                   ? touch(stretch, statement, stretch->only_db, stretch->only_name, err)
                   : RC_OK;
    if (words->kind == SQL_DATABASE_DDL || !words->names_complete)
        return touch_unnamed(stretch, statement, err);
    enum rc rc = RC_OK;
    for (uint32_t i = 0; rc == RC_OK && words->kind == SQL_TABLE_DDL && i < words->name_count;
         i++) {
        struct sql_name name = words->names[i];
        bool is_repeated = false; /* RENAME TABLE a TO b, c TO a */
        for (uint32_t j = 0; j < i; j++)
            is_repeated |= slice_equal_nocase(words->names[j].name, name.name) &&
                           slice_equal_nocase(words->names[j].db, name.db);
        if (!is_repeated)
            rc = touch(stretch, statement, name.db.len > 0 ? name.db : statement->context->db,
                       name.name, err);
    }
    return rc;
}

static bool same_place(const struct position *a, const struct position *b)
{
    return a->offset == b->offset && strcmp(a->file, b->file) == 0 &&
           strcmp(a->server, b->server) == 0;
}

static enum rc read_stretch(struct stretch *stretch, const struct position *from, struct error *err)
{
    if (same_place(from, stretch->to))
        return RC_OK;
    log_info("source.schema", "Reading the binlog for statements that change tables.",
             LOG_STR("from", from->file), LOG_U64("from_offset", from->offset),
             LOG_STR("to", stretch->to->file), LOG_U64("to_offset", stretch->to->offset));
    enum rc rc = server_link_scan(stretch->source, from, stretch->to, on_statement, stretch,
                                  &stretch->stream, err);
    if (rc != RC_OK)
        error_wrap(err, "Reading the binlog for statements that change tables");
    return rc;
}

static enum rc end_now(struct server_source *source, struct position *out, struct error *err)
{
    struct startup_server server;
    enum rc rc = server_link_startup(source, &server, err);
    return rc == RC_OK ? startup_end(&server, out, err) : rc;
}

/* A statement that changes a table is in the binlog a moment before the catalog shows it, and holds
 * the table's lock in between: whoever has read from the table has waited for it, and until that
 * transaction is over, which takes two questions, no other one gets there. What the catalog says
 * meanwhile is read as it is at each question and not as it was at the first one. */
static enum rc hold_table(struct server_source *source, struct slice db, struct slice name,
                          struct error *err)
{
    struct myconn *conn = NULL;
    enum rc rc = server_link_control(source, &conn, err);
    if (rc == RC_OK)
        rc = myconn_exec(conn, SLICE("SET TRANSACTION ISOLATION LEVEL READ COMMITTED"), err);
    if (rc == RC_OK)
        rc = myconn_exec(conn, SLICE("START TRANSACTION"), err);
    if (rc != RC_OK)
        return rc;
    struct buf sql;
    struct error refused = {0};
    buf_init(&sql, 4096);
    buf_add_str(&sql, "DO (SELECT 1 FROM ");
    myconn_add_identifier(&sql, db);
    buf_add_byte(&sql, '.');
    myconn_add_identifier(&sql, name);
    buf_add_str(&sql, " LIMIT 0)");
    /* No such table, or no right to read it: then there is nothing to wait for, or nothing to do. */
    rc = buf_check(&sql, "a question", err);
    if (rc == RC_OK && myconn_exec(conn, buf_slice(&sql), &refused) != RC_OK)
        log_debug("source.schema", "A table cannot be read from.", LOG_STR("why", refused.text));
    buf_deinit(&sql);
    return rc;
}

/* Also behind a failure. */
static enum rc let_table_go(struct server_source *source, enum rc rc, struct error *err)
{
    struct myconn *conn = NULL;
    struct error also = {0};
    enum rc ended = server_link_control(source, &conn, &also);
    if (ended == RC_OK)
        ended = myconn_exec(conn, SLICE("COMMIT"), &also);
    if (rc == RC_OK && ended != RC_OK && err != NULL)
        *err = also;
    return rc == RC_OK ? ended : rc;
}

/* The present definition of one table, and how many statements behind `from` and `skip` more touch
 * it up to then. `made`: the first of them brings it into being. */
struct answer {
    const struct catalog_table *table; /* NULL: not there */
    uint32_t count;
    bool made;
    struct slice first; /* in the answer's arena */
    struct arena arena;
};

static enum rc ask_once(struct server_source *source, const struct position *from, uint32_t skip,
                        struct slice db, struct slice name, struct answer *answer, bool *is_sure,
                        struct error *err)
{
    struct position before;
    struct position after;
    position_init(&before);
    position_init(&after);
    struct stretch stretch = {.source = source,
                              .to = &after,
                              .catalog_before = &before,
                              .only_db = db,
                              .only_name = name,
                              .skip = skip};
    arena_init(&stretch.arena, "names of tables", NAMES_BYTES_MAX);
    answer->table = NULL;
    enum rc rc = hold_table(source, db, name, err);
    if (rc == RC_OK)
        rc = end_now(source, &before, err);
    if (rc == RC_OK)
        rc = catalog_find(source->catalog, db, name, true, &answer->table, err);
    if (rc == RC_NOT_FOUND) {
        error_clear(err);
        rc = RC_OK;
    }
    if (rc == RC_OK)
        rc = end_now(source, &after, err);
    rc = let_table_go(source, rc, err);
    if (rc == RC_OK)
        rc = read_stretch(&stretch, from, err);
    const struct touched *touched = stretch.list;
    answer->count = touched == NULL ? 0 : touched->count;
    answer->made = touched != NULL && touched->made;
    answer->first = touched == NULL ? SLICE_EMPTY : arena_copy(&answer->arena, touched->first);
    *is_sure = touched == NULL || !touched->is_ambiguous;
    arena_deinit(&stretch.arena);
    position_deinit(&before);
    position_deinit(&after);
    return rc;
}

static enum rc ask(struct server_source *source, const struct position *from, uint32_t skip,
                   struct slice db, struct slice name, struct answer *answer, struct error *err)
{
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        bool is_sure = false;
        enum rc rc = ask_once(source, from, skip, db, name, answer, &is_sure, err);
        if (rc == RC_OK && !is_sure)
            rc = server_link_pause(source, clock_monotonic_us() + tries * TRY_AGAIN_US, err);
        if (rc != RC_OK || is_sure)
            return rc;
    }
    return error_set(err, RC_MISMATCH,
                     "Table %.*s.%.*s was altered each time that it was asked about. Start again "
                     "when it is not.",
                     SLICE_ARG(db), SLICE_ARG(name));
}

/* A history_resolve_fn: the statement in hand is passed over, with those before it in its group. */
static enum rc resolve(void *ctx, struct slice db, struct slice name,
                       const struct catalog_table **table_out, uint32_t *later_out,
                       struct error *err)
{
    struct server_source *source = ctx;
    struct position from;
    struct answer answer = {0};
    position_init(&from);
    arena_init(&answer.arena, "names of tables", NAMES_BYTES_MAX);
    enum rc rc = binlog_stream_position(source->stream, &from, err);
    if (rc == RC_OK)
        rc = ask(source, &from, binlog_stream_statements(source->stream), db, name, &answer, err);
    *table_out = answer.table;
    *later_out = answer.count;
    arena_deinit(&answer.arena);
    position_deinit(&from);
    return rc;
}

enum rc server_history_open(struct server_source *source, struct error *err)
{
    struct history_options options = {.wants = wants,
                                      .wants_ctx = source,
                                      .resolve = resolve,
                                      .resolve_ctx = source,
                                      .follows_ghosts = source->config->online_schema_changes};
    struct buf value;
    buf_init(&value, 64);
    enum rc rc =
        myconn_query_value(source->control, SLICE("SELECT @@lower_case_table_names"), &value, err);
    options.lower_case_names = rc == RC_OK && slice_equal(buf_slice(&value), SLICE("1"));
    buf_deinit(&value);
    buf_init(&source->remembered_tables, 1 << 20);
    return rc == RC_OK ? history_new(&options, &source->history, err) : rc;
}

static void add_patterns(const struct server_source *source, struct buf *out)
{
    const struct source_tables_config *tables = &source->config->tables;
    buf_add_str(out, tables->tables);
    buf_add_byte(out, '\n');
    if (tables->tables_exclude != NULL)
        buf_add_str(out, tables->tables_exclude);
    buf_addf(out, "\n%s", source->config->online_schema_changes ? "online" : "");
}

enum rc server_history_remember(struct server_source *source, struct slice key, struct slice value,
                                bool *taken_out, struct error *err)
{
    *taken_out = slice_equal(key, SLICE(TABLES_KEY));
    if (!*taken_out)
        return history_remember(source->history, key, value, taken_out, err);
    buf_reset(&source->remembered_tables);
    buf_add_slice(&source->remembered_tables, value);
    return buf_check(&source->remembered_tables, "the note " TABLES_KEY, err);
}

bool server_history_asks_the_same(const struct server_source *source)
{
    struct buf now;
    buf_init(&now, 1 << 20);
    add_patterns(source, &now);
    bool same = source->remembered_tables.len > 0 &&
                slice_equal(buf_slice(&now), buf_slice(&source->remembered_tables));
    buf_deinit(&now);
    return same;
}

enum rc server_history_notes(struct server_source *source, source_note_fn visit, void *ctx,
                             struct error *err)
{
    if (!source->tables_are_noted && !server_history_asks_the_same(source)) {
        buf_reset(&source->remembered_tables);
        add_patterns(source, &source->remembered_tables);
        enum rc rc = buf_check(&source->remembered_tables, "the note " TABLES_KEY, err);
        if (rc == RC_OK)
            rc = visit(ctx, SLICE(TABLES_KEY), buf_slice(&source->remembered_tables), err);
        if (rc != RC_OK)
            return rc;
    }
    source->tables_are_noted = true; /* this is asked with every transaction */
    return history_notes(source->history, visit, ctx, err);
}

struct telling {
    struct server_source *source;
    schema_visit_fn visit;
    void *ctx;
};

static enum rc tell_asked_for(void *ctx, const struct catalog_table *table, struct error *err)
{
    const struct telling *telling = ctx;
    return asked_for(telling->source, table->db, table->name)
               ? telling->visit(telling->ctx, table, err)
               : RC_OK;
}

/* A helper is one only beside its table. */
static enum rc tell_present(void *ctx, const struct catalog_table *table, struct error *err)
{
    const struct telling *telling = ctx;
    const struct server_source *source = telling->source;
    const struct catalog_table *helped = NULL;
    struct slice real;
    if (source->config->online_schema_changes && ghost_of(table->name, &real) != GHOST_NONE &&
        catalog_peek(source->catalog, table->db, real, &helped))
        return RC_OK;
    return tell_asked_for(ctx, table, err);
}

enum rc server_history_tables(struct server_source *source, schema_visit_fn visit, void *ctx,
                              struct error *err)
{
    struct telling telling = {.source = source, .visit = visit, .ctx = ctx};
    if (!source->started)
        return catalog_read_all(source->catalog, wants_or_helps, source, tell_present, &telling,
                                err);
    enum rc rc = history_each(source->history, tell_asked_for, &telling, err);
    return rc == RC_OK ? history_each_later(source->history, tell_asked_for, &telling, err) : rc;
}

enum rc server_history_prepare(struct server_source *source, struct position *before,
                               struct error *err)
{
    struct startup_server server;
    if (server_history_asks_the_same(source))
        return RC_OK;
    enum rc rc = server_link_startup(source, &server, err);
    if (rc == RC_OK)
        rc = startup_end(&server, before, err);
    /* MySQL 8 and later have a statement in the binlog before the catalog shows it, as above; with
     * GTIDs its own is not in `before` until it does. Nobody wants to read from every table to wait
     * for it: a group's commit takes milliseconds. */
    bool may_lag = !source->is_mariadb && source->version >= DICTIONARY_VERSION && !server.has_gtid;
    return rc == RC_OK && may_lag
               ? server_link_pause(source, clock_monotonic_us() + COMMIT_GRACE_US, err)
               : rc;
}

/* The tables of the catalog on their way into the history. */
struct filling {
    struct server_source *source;
    const struct stretch *stretch;
    const struct position *start;
    bool is_present;
    bool ghosts; /* those alone, after all others; else all but those */
};

static const struct slice origin_now = SLICE("on the server when the pipeline started");

/* What the start knows of a table that statements behind it touch. */
static enum rc take_answer(struct history *history, struct slice db, struct slice name,
                           uint32_t count, bool made, struct slice first,
                           const struct catalog_table *table, struct error *err)
{
    if (made)
        return RC_OK; /* the stream shows how */
    if (count > 0)
        return history_lose(history, db, name, first, count, table, err);
    return table == NULL ? RC_OK : history_define(history, table, origin_now, err);
}

/* One at a time, because the catalog that was read for all may be of either side of a statement. */
static enum rc ask_and_take(const struct filling *filling, struct slice db, struct slice name,
                            struct error *err)
{
    struct answer answer = {0};
    arena_init(&answer.arena, "names of tables", NAMES_BYTES_MAX);
    enum rc rc = ask(filling->source, filling->start, 0, db, name, &answer, err);
    if (rc == RC_OK)
        rc = take_answer(filling->source->history, db, name, answer.count, answer.made,
                         answer.first, answer.table, err);
    arena_deinit(&answer.arena);
    return rc;
}

static enum rc fill_table(void *ctx, const struct catalog_table *table, struct error *err)
{
    const struct filling *filling = ctx;
    struct history *history = filling->source->history;
    struct slice real;
    if ((ghost_of(table->name, &real) != GHOST_NONE) != filling->ghosts ||
        history_knows(history, table->db, table->name))
        return RC_OK;
    const struct touched *touched = find_touched(filling->stretch, table->db, table->name);
    if (touched == NULL)
        return history_define(history, table, origin_now, err);
    if (filling->is_present || touched->is_ambiguous)
        return RC_OK; /* asked about below */
    return take_answer(history, table->db, table->name, touched->count, touched->made,
                       touched->first, table, err);
}

/* Tables that statements touch and that the catalog cannot tell of, or has no more. */
static enum rc fill_touched(const struct filling *filling, struct error *err)
{
    struct history *history = filling->source->history;
    enum rc rc = RC_OK;
    for (const struct touched *at = filling->stretch->list; rc == RC_OK && at != NULL;
         at = at->next) {
        const struct catalog_table *table = NULL;
        if (history_knows(history, at->db, at->name) ||
            !asked_for(filling->source, at->db, at->name))
            continue;
        if (filling->is_present || at->is_ambiguous)
            rc = ask_and_take(filling, at->db, at->name, err);
        else if (!catalog_peek(filling->source->catalog, at->db, at->name, &table))
            rc = take_answer(history, at->db, at->name, at->count, at->made, at->first, NULL, err);
    }
    return rc;
}

static enum rc fill_database(void *ctx, struct slice db, struct slice collation, struct error *err)
{
    struct server_source *source = ctx;
    return catalog_is_system_db(db) ? RC_OK
                                    : history_define_database(source->history, db, collation, err);
}

static enum rc fill(struct filling *filling, struct error *err)
{
    struct catalog *catalog = filling->source->catalog;
    enum rc rc = catalog_each_database(catalog, fill_database, filling->source, err);
    if (rc == RC_OK)
        rc = catalog_each(catalog, fill_table, filling, err);
    /* A helper is one only beside its table. */
    filling->ghosts = true;
    if (rc == RC_OK)
        rc = catalog_each(catalog, fill_table, filling, err);
    return rc == RC_OK ? fill_touched(filling, err) : rc;
}

enum rc server_history_begin(struct server_source *source, const struct position *before,
                             const struct position *start, bool is_present, struct error *err)
{
    if (server_history_asks_the_same(source)) {
        catalog_forget(source->catalog);
        return RC_OK;
    }
    struct position after;
    position_init(&after);
    struct stretch stretch = {.source = source,
                              .to = is_present ? start : &after,
                              .catalog_before = is_present ? NULL : before};
    struct filling filling = {
        .source = source, .stretch = &stretch, .start = start, .is_present = is_present};
    arena_init(&stretch.arena, "names of tables", NAMES_BYTES_MAX);
    enum rc rc = is_present ? RC_OK : end_now(source, &after, err);
    if (rc == RC_OK)
        rc = read_stretch(&stretch, is_present ? before : start, err);
    if (rc == RC_OK)
        rc = fill(&filling, err);
    arena_deinit(&stretch.arena);
    position_deinit(&after);
    catalog_forget(source->catalog);
    return rc;
}

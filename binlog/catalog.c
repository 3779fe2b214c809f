/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading information_schema: columns, then keys. The same two questions serve one table and all of
 * them, so that what is said of a table does not depend on when it was asked.
 *
 * Each table's names live in an arena of its own, so that a refresh of one leaves the others alone.
 */
#include "catalog_server_int.h"

#include <stdlib.h>

#define CATALOG_TABLE_BYTES_MAX (16u << 20)
#define CATALOG_SQL_MAX (64u << 10)
#define CATALOG_KEY_COLUMNS_MAX 64u /* MySQL: 16, MariaDB: 32 */
#define CATALOG_COLUMNS_MAX 4096u   /* MySQL and MariaDB: 4096 columns a table at most */

struct entry {
    struct arena arena;
    struct catalog_table table;
    struct catalog_column *columns; /* in the arena; what table.columns points to */
    uint32_t column_room;
    struct slice key_name;   /* the unique key whose columns carry ordinals; empty: none yet */
    struct entry *next;      /* in the bucket */
    struct entry *read_next; /* in the order of the last reading of all tables */
};

struct catalog {
    catalog_conn_fn connect;
    void *connect_ctx;
    bool with_comments;
    struct entry **buckets; /* owned; by hash of "db\0table" */
    size_t bucket_count;
};

#define CATALOG_BUCKETS 4096u

enum rc catalog_new(catalog_conn_fn connect, void *connect_ctx, bool with_comments,
                    struct catalog **catalog_out, struct error *err)
{
    struct catalog *catalog = calloc(1, sizeof(*catalog));
    if (catalog != NULL)
        catalog->buckets = calloc(CATALOG_BUCKETS, sizeof(*catalog->buckets));
    if (catalog == NULL || catalog->buckets == NULL) {
        free(catalog);
        return error_set(err, RC_MEMORY, "No memory for the list of tables.");
    }
    catalog->bucket_count = CATALOG_BUCKETS;
    catalog->connect = connect;
    catalog->connect_ctx = connect_ctx;
    catalog->with_comments = with_comments;
    *catalog_out = catalog;
    return RC_OK;
}

static void free_entry(struct entry *entry)
{
    arena_deinit(&entry->arena);
    free(entry);
}

void catalog_free(struct catalog *catalog)
{
    if (catalog == NULL)
        return;
    for (size_t i = 0; i < catalog->bucket_count; i++) {
        while (catalog->buckets[i] != NULL) {
            struct entry *entry = catalog->buckets[i];
            catalog->buckets[i] = entry->next;
            free_entry(entry);
        }
    }
    free(catalog->buckets);
    free(catalog);
}

bool catalog_is_system_db(struct slice db)
{
    return slice_equal_nocase(db, SLICE("mysql")) ||
           slice_equal_nocase(db, SLICE("information_schema")) ||
           slice_equal_nocase(db, SLICE("performance_schema")) ||
           slice_equal_nocase(db, SLICE("sys"));
}

static struct entry **find_slot(struct catalog *catalog, struct slice db, struct slice table)
{
    uint64_t hash = slice_hash(db) * 31 + slice_hash(table);
    struct entry **slot = &catalog->buckets[hash % catalog->bucket_count];
    while (*slot != NULL &&
           !(slice_equal((*slot)->table.db, db) && slice_equal((*slot)->table.name, table)))
        slot = &(*slot)->next;
    return slot;
}

static void forget(struct catalog *catalog, struct slice db, struct slice table)
{
    struct entry **slot = find_slot(catalog, db, table);
    if (*slot == NULL)
        return;
    struct entry *entry = *slot;
    *slot = entry->next;
    free_entry(entry);
}

static enum rc out_of_room(struct slice db, struct slice table, struct error *err)
{
    return error_set(err, RC_LIMIT, "The description of table %.*s.%.*s does not fit in memory.",
                     SLICE_ARG(db), SLICE_ARG(table));
}

static enum rc add_entry(struct catalog *catalog, struct slice db, struct slice table,
                         struct slice comment, struct entry **entry_out, struct error *err)
{
    struct entry *entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return error_set(err, RC_MEMORY, "No memory for the list of tables.");
    arena_init(&entry->arena, "table description", CATALOG_TABLE_BYTES_MAX);
    entry->table.db = arena_copy(&entry->arena, db);
    entry->table.name = arena_copy(&entry->arena, table);
    if (catalog->with_comments)
        entry->table.comment = arena_copy(&entry->arena, comment);
    if (entry->table.db.ptr == NULL || entry->table.name.ptr == NULL) {
        free_entry(entry);
        return out_of_room(db, table, err);
    }
    struct entry **slot = find_slot(catalog, db, table);
    ASSERT(*slot == NULL);
    entry->next = NULL;
    *slot = entry;
    *entry_out = entry;
    return RC_OK;
}

/* Room for one more column, doubled when it is used up. */
static struct catalog_column *new_column(struct entry *entry)
{
    if (entry->table.column_count == entry->column_room) {
        uint32_t room = entry->column_room == 0 ? 16 : 2 * entry->column_room;
        if (room > 2 * CATALOG_COLUMNS_MAX)
            return NULL;
        struct catalog_column *columns =
            arena_alloc(&entry->arena, room * sizeof(struct catalog_column));
        if (columns == NULL)
            return NULL;
        if (entry->table.column_count > 0)
            memcpy(columns, entry->columns, entry->table.column_count * sizeof(columns[0]));
        entry->columns = columns;
        entry->column_room = room;
        entry->table.columns = columns;
    }
    return &entry->columns[entry->table.column_count++];
}

/* information_schema's numbers: NULL where they do not apply. */
static uint64_t number(struct slice field)
{
    uint64_t value = 0;
    return field.ptr != NULL && text_parse_u64(field, &value) ? value : 0;
}

enum column_field {
    FIELD_DB = 0,
    FIELD_TABLE,
    FIELD_TABLE_COMMENT,
    FIELD_NAME,
    FIELD_DATA_TYPE,
    FIELD_COLUMN_TYPE,
    FIELD_CHARSET,
    FIELD_COLLATION,
    FIELD_COMMENT,
    FIELD_CHAR_LENGTH,
    FIELD_BYTE_LENGTH,
    FIELD_PRECISION,
    FIELD_SCALE,
    FIELD_FRACTION,
    FIELD_NULLABLE,
    FIELD_COUNT
};

static const char columns_sql[] =
    "SELECT c.table_schema, c.table_name, t.table_comment, c.column_name, c.data_type, "
    "c.column_type, c.character_set_name, c.collation_name, c.column_comment, "
    "c.character_maximum_length, c.character_octet_length, c.numeric_precision, c.numeric_scale, "
    "c.datetime_precision, c.is_nullable FROM information_schema.columns c "
    "JOIN information_schema.tables t ON t.table_schema = c.table_schema AND "
    "t.table_name = c.table_name WHERE t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND ";

static enum rc fill_column(struct catalog *catalog, struct entry *entry, const struct slice *fields,
                           struct error *err)
{
    struct catalog_column *column = new_column(entry);
    if (column == NULL)
        return out_of_room(fields[FIELD_DB], fields[FIELD_TABLE], err);
    struct arena *arena = &entry->arena;
    *column = (struct catalog_column){
        .name = arena_copy(arena, fields[FIELD_NAME]),
        .data_type = arena_copy(arena, fields[FIELD_DATA_TYPE]),
        .column_type = arena_copy(arena, fields[FIELD_COLUMN_TYPE]),
        .charset = arena_copy(arena, fields[FIELD_CHARSET]),
        .collation = arena_copy(arena, fields[FIELD_COLLATION]),
        .comment = arena_copy(arena, catalog->with_comments ? fields[FIELD_COMMENT] : SLICE_EMPTY),
        .char_length = number(fields[FIELD_CHAR_LENGTH]),
        .byte_length = number(fields[FIELD_BYTE_LENGTH]),
        .precision = (uint32_t)number(fields[FIELD_PRECISION]),
        .scale = (uint32_t)number(fields[FIELD_SCALE]),
        .fraction_digits = (uint32_t)number(fields[FIELD_FRACTION]),
        .nullable = slice_equal_nocase(fields[FIELD_NULLABLE], SLICE("YES")),
    };
    if (column->name.ptr == NULL || column->data_type.ptr == NULL ||
        column->column_type.ptr == NULL || column->charset.ptr == NULL ||
        column->collation.ptr == NULL || column->comment.ptr == NULL)
        return out_of_room(fields[FIELD_DB], fields[FIELD_TABLE], err);
    return RC_OK;
}

/* Which tables a question is about. */
struct scope {
    struct slice db; /* ptr NULL: all but the system databases */
    struct slice table;
    bool (*wants)(void *ctx, struct slice db, struct slice table);
    void *wants_ctx;
    struct entry *first; /* what was read, in order */
    struct entry *last;
};

static bool in_scope(const struct scope *scope, struct slice db, struct slice table)
{
    /* The server compares names without case; "t" and "T" may be two tables. */
    if (scope->db.ptr != NULL)
        return slice_equal(scope->db, db) && slice_equal(scope->table, table);
    return scope->wants == NULL || scope->wants(scope->wants_ctx, db, table);
}

static void add_scope(struct buf *sql, const struct scope *scope, const char *db_column,
                      const char *table_column)
{
    if (scope->db.ptr == NULL) {
        buf_addf(sql, "%s NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')",
                 db_column);
        return;
    }
    buf_addf(sql, "%s = ", db_column);
    myconn_add_literal(sql, scope->db);
    buf_addf(sql, " AND %s = ", table_column);
    myconn_add_literal(sql, scope->table);
}

/* Sends `head` + scope + `tail`. */
static enum rc ask(struct myconn *conn, const char *head, const struct scope *scope,
                   const char *db_column, const char *table_column, const char *tail,
                   struct myconn_result **result_out, struct error *err)
{
    struct buf sql;
    buf_init(&sql, CATALOG_SQL_MAX);
    buf_add_slice(&sql, slice_str(head));
    add_scope(&sql, scope, db_column, table_column);
    buf_add_slice(&sql, slice_str(tail));
    enum rc rc = buf_check(&sql, "a question to information_schema", err);
    if (rc == RC_OK)
        rc = myconn_query(conn, buf_slice(&sql), result_out, err);
    buf_deinit(&sql);
    return rc;
}

static void note_read(struct scope *scope, struct entry *entry)
{
    if (scope->last == NULL)
        scope->first = entry;
    else
        scope->last->read_next = entry;
    scope->last = entry;
}

static enum rc read_columns(struct catalog *catalog, struct myconn *conn, struct scope *scope,
                            struct error *err)
{
    struct myconn_result *result = NULL;
    enum rc rc = ask(conn, columns_sql, scope, "c.table_schema", "c.table_name",
                     " ORDER BY c.table_schema, c.table_name, c.ordinal_position", &result, err);
    if (rc != RC_OK)
        return rc;
    const struct slice *fields;
    struct entry *entry = NULL;
    while (rc == RC_OK && myconn_row(result, &fields)) {
        ASSERT(myconn_column_count(result) == FIELD_COUNT);
        struct slice db = fields[FIELD_DB];
        struct slice table = fields[FIELD_TABLE];
        if (entry == NULL || !slice_equal(entry->table.db, db) ||
            !slice_equal(entry->table.name, table)) {
            entry = NULL;
            if (!in_scope(scope, db, table))
                continue;
            forget(catalog, db, table);
            rc = add_entry(catalog, db, table, fields[FIELD_TABLE_COMMENT], &entry, err);
            if (rc == RC_OK)
                note_read(scope, entry);
        }
        if (rc == RC_OK)
            rc = fill_column(catalog, entry, fields, err);
    }
    myconn_result_free(result);
    return rc;
}

static struct catalog_column *find_column(struct entry *entry, struct slice name)
{
    for (uint32_t i = 0; i < entry->table.column_count; i++)
        if (slice_equal(entry->columns[i].name, name))
            return &entry->columns[i];
    return NULL;
}

/* One unique key of one table, gathered row by row. */
struct key_in_hand {
    struct entry *entry; /* NULL: none, or not wanted */
    struct slice name;   /* borrowed from the result */
    struct catalog_column *columns[CATALOG_KEY_COLUMNS_MAX];
    uint32_t count;
    bool usable; /* whole columns that are never NULL */
};

static void settle_key(struct key_in_hand *key)
{
    struct entry *entry = key->entry;
    if (entry != NULL && key->usable && key->count > 0 && entry->key_name.len == 0) {
        for (uint32_t i = 0; i < key->count; i++)
            key->columns[i]->key_ordinal = i + 1;
        entry->key_name = arena_copy(&entry->arena, key->name);
    }
    *key = (struct key_in_hand){0};
}

static void add_key_part(struct key_in_hand *key, struct slice column_name, struct slice sub_part)
{
    /* A part without a column is an expression; one with a sub_part is a prefix. Neither tells two
     * rows apart by their cells. */
    struct catalog_column *column =
        column_name.ptr == NULL ? NULL : find_column(key->entry, column_name);
    if (column == NULL || sub_part.ptr != NULL || column->nullable ||
        key->count == CATALOG_KEY_COLUMNS_MAX) {
        key->usable = false;
        return;
    }
    key->columns[key->count++] = column;
}

static enum rc read_keys(struct catalog *catalog, struct myconn *conn, const struct scope *scope,
                         struct error *err)
{
    /* The primary key first, then by name: the first that can serve is the key. */
    struct myconn_result *result = NULL;
    enum rc rc = ask(conn,
                     "SELECT table_schema, table_name, index_name, column_name, sub_part FROM "
                     "information_schema.statistics WHERE non_unique = 0 AND ",
                     scope, "table_schema", "table_name",
                     " ORDER BY table_schema, table_name, index_name <> 'PRIMARY', index_name, "
                     "seq_in_index",
                     &result, err);
    if (rc != RC_OK)
        return rc;
    struct key_in_hand key = {0};
    const struct slice *fields;
    while (myconn_row(result, &fields)) {
        struct entry *entry = *find_slot(catalog, fields[0], fields[1]);
        if (entry == NULL || !in_scope(scope, fields[0], fields[1]))
            continue;
        if (key.entry != entry || !slice_equal(key.name, fields[2])) {
            settle_key(&key);
            key.entry = entry;
            key.name = fields[2];
            key.usable = true;
        }
        add_key_part(&key, fields[3], fields[4]);
    }
    settle_key(&key);
    myconn_result_free(result);
    return RC_OK;
}

static enum rc read_scope(struct catalog *catalog, struct scope *scope, struct error *err)
{
    struct myconn *conn = NULL;
    enum rc rc = catalog->connect(catalog->connect_ctx, &conn, err);
    if (rc == RC_OK)
        rc = read_columns(catalog, conn, scope, err);
    if (rc == RC_OK)
        rc = read_keys(catalog, conn, scope, err);
    if (rc != RC_OK)
        error_wrap(err, "Reading the description of the tables");
    return rc;
}

enum rc catalog_find(void *ctx, struct slice db, struct slice table, bool refresh,
                     const struct catalog_table **table_out, struct error *err)
{
    struct catalog *catalog = ctx;
    struct entry *entry = *find_slot(catalog, db, table);
    if (entry == NULL || refresh) {
        struct scope scope = {.db = db, .table = table};
        struct error local = {0};
        forget(catalog, db, table);
        enum rc rc = read_scope(catalog, &scope, &local);
        if (rc != RC_OK) {
            /* Half of a description must not be taken for the whole later. */
            forget(catalog, db, table);
            if (err != NULL)
                *err = local;
            return rc;
        }
        entry = *find_slot(catalog, db, table);
    }
    if (entry == NULL)
        return error_set(err, RC_NOT_FOUND, "There is no table %.*s.%.*s on the server now.",
                         SLICE_ARG(db), SLICE_ARG(table));
    *table_out = &entry->table;
    return RC_OK;
}

enum rc catalog_read_all(struct catalog *catalog,
                         bool (*wants)(void *ctx, struct slice db, struct slice table),
                         void *wants_ctx, catalog_visit_fn visit, void *visit_ctx,
                         struct error *err)
{
    struct scope scope = {.wants = wants, .wants_ctx = wants_ctx};
    struct error local = {0};
    enum rc rc = read_scope(catalog, &scope, &local);
    if (rc != RC_OK) {
        if (err != NULL)
            *err = local;
        return rc;
    }
    for (struct entry *entry = scope.first; rc == RC_OK && entry != NULL; entry = entry->read_next)
        rc = visit(visit_ctx, &entry->table, err);
    return rc;
}

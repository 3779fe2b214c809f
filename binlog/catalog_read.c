/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three questions for any number of tables: tables, columns, unique keys. They are joined here and
 * not by the server, which would open every table several times for it. Rows come in byte order of
 * the names, because `t` and `T` may be two tables and the server's own order mixes their rows.
 *
 * The order of a table's keys decides which of them identifies a row. MariaDB and MySQL before 8.0
 * list keys as they keep them; later MySQL lists them by name, and only SHOW KEYS, one table at a
 * time, has their order: it is asked where a table has several that could serve.
 */
#include "catalog_read_int.h"

#include <stdlib.h>

#include "session_int.h"

#define CATALOG_TABLE_BYTES_MAX (16u << 20)
#define CATALOG_SQL_MAX (64u << 10)
#define CATALOG_COLUMNS_MAX 4096u
#define CATALOG_KEYS_MAX 128u /* MySQL and MariaDB: 64 keys of at most 32 columns, and invisible */
#define CATALOG_PARTS_MAX 64u

/* One table while it is gathered, row by row. */
struct gather {
    struct arena arena; /* reset at each table */
    struct catalog_column *columns;
    uint32_t column_room;
    struct catalog_key keys[CATALOG_KEYS_MAX];
    struct catalog_key_part parts[CATALOG_KEYS_MAX][CATALOG_PARTS_MAX];
    struct catalog_key indexes[CATALOG_KEYS_MAX];
    struct catalog_table table;
    bool open;         /* a table is in hand */
    bool is_versioned; /* MariaDB: WITH SYSTEM VERSIONING */
    bool key_is_whole; /* of the key in hand: no part is an expression */
};

struct reading {
    struct myconn *conn;
    const struct catalog_scope *scope;
    struct schema *found;
    bool is_mariadb;
    uint32_t version;
    struct gather *gather;
};

static enum rc out_of_room(struct slice db, struct slice table, struct error *err)
{
    return error_set(err, RC_LIMIT, "The description of table %.*s.%.*s does not fit in memory.",
                     SLICE_ARG(db), SLICE_ARG(table));
}

static void add_scope(struct buf *sql, const struct catalog_scope *scope)
{
    if (scope->db.ptr == NULL) {
        buf_add_str(sql, "table_schema NOT IN ('mysql', 'information_schema', "
                         "'performance_schema', 'sys')");
        return;
    }
    buf_add_str(sql, "table_schema = ");
    myconn_add_literal(sql, scope->db);
    buf_add_str(sql, " AND table_name = ");
    myconn_add_literal(sql, scope->table);
}

/* Sends `head` + scope + `tail`. */
static enum rc ask(const struct reading *reading, const char *head, const char *tail,
                   struct myconn_result **result_out, struct error *err)
{
    struct buf sql;
    buf_init(&sql, CATALOG_SQL_MAX);
    buf_add_str(&sql, head);
    add_scope(&sql, reading->scope);
    buf_add_str(&sql, tail);
    enum rc rc = buf_check(&sql, "a question to information_schema", err);
    if (rc == RC_OK)
        rc = myconn_query(reading->conn, buf_slice(&sql), result_out, err);
    buf_deinit(&sql);
    return rc;
}

/* The charset that a collation's name begins with. */
static struct slice charset_of(struct slice collation)
{
    const uint8_t *end = collation.len == 0 ? NULL : memchr(collation.ptr, '_', collation.len);
    return end == NULL ? collation : slice_of(collation.ptr, (size_t)(end - collation.ptr));
}

static bool in_scope(const struct catalog_scope *scope, struct slice db, struct slice table)
{
    /* The server compares names without case; "t" and "T" may be two tables. */
    if (scope->db.ptr != NULL)
        return slice_equal(scope->db, db) && slice_equal(scope->table, table);
    return scope->wants == NULL || scope->wants(scope->wants_ctx, db, table);
}

static const char versioned_mark[] = "versioned";

static enum rc take_sequence(const struct catalog_scope *scope, struct slice db, struct slice name,
                             struct error *err)
{
    struct catalog_table sequence = {.db = db, .name = name};
    return scope->sequences == NULL ? RC_OK : schema_put(scope->sequences, &sequence, err);
}

static enum rc read_tables(const struct reading *reading, struct error *err)
{
    struct myconn_result *result = NULL;
    enum rc rc =
        ask(reading,
            "SELECT table_schema, table_name, table_type, table_collation, table_comment FROM "
            "information_schema.tables WHERE table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', "
            "'SEQUENCE') AND ",
            "", &result, err);
    if (rc != RC_OK)
        return rc;
    const struct slice *fields;
    while (rc == RC_OK && myconn_row(result, &fields)) {
        if (!in_scope(reading->scope, fields[0], fields[1]))
            continue;
        if (slice_equal(fields[2], SLICE("SEQUENCE"))) {
            rc = take_sequence(reading->scope, fields[0], fields[1], err);
            continue;
        }
        struct catalog_table table = {
            .db = fields[0],
            .name = fields[1],
            .comment = reading->scope->with_comments ? fields[4] : SLICE_EMPTY,
            .charset = charset_of(fields[3]),
            .collation = fields[3],
        };
        bool versioned = slice_equal(fields[2], SLICE("SYSTEM VERSIONED"));
        rc = schema_put_from(reading->found, &table,
                             versioned ? slice_str(versioned_mark) : SLICE_EMPTY, err);
    }
    myconn_result_free(result);
    return rc;
}

/* Room for one more column, doubled when it is used up. */
static struct catalog_column *new_column(struct gather *gather)
{
    if (gather->table.column_count == gather->column_room) {
        uint32_t room = gather->column_room == 0 ? 32 : 2 * gather->column_room;
        if (room > 2 * CATALOG_COLUMNS_MAX)
            return NULL;
        struct catalog_column *columns = arena_alloc(&gather->arena, room * sizeof(*columns));
        if (columns == NULL)
            return NULL;
        if (gather->table.column_count > 0)
            memcpy(columns, gather->columns, gather->table.column_count * sizeof(columns[0]));
        gather->columns = columns;
        gather->column_room = room;
        gather->table.columns = columns;
    }
    struct catalog_column *column = &gather->columns[gather->table.column_count++];
    *column = (struct catalog_column){0};
    return column;
}

/* information_schema's numbers: NULL where they do not apply. */
static uint64_t number(struct slice field)
{
    uint64_t value = 0;
    return field.ptr != NULL && text_parse_u64(field, &value) ? value : 0;
}

static bool contains_nocase(struct slice text, struct slice word)
{
    for (size_t i = 0; i + word.len <= text.len; i++)
        if (slice_equal_nocase(slice_of(text.ptr + i, word.len), word))
            return true;
    return false;
}

/* A literal of MariaDB: quotes are doubled, and backslashes stand before what is not printed. */
static struct slice unquote(struct slice text, struct arena *arena)
{
    static const char from[] = "0nrtbZ";
    static const char to[] = "\0\n\r\t\b\x1a";
    uint8_t *out = arena_alloc(arena, text.len);
    if (out == NULL)
        return SLICE_EMPTY;
    size_t len = 0;
    for (size_t i = 1; i + 1 < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '\'' && i + 2 < text.len) {
            i++;
        } else if (c == '\\' && i + 2 < text.len) {
            c = text.ptr[++i];
            const char *found = memchr(from, c, sizeof(from) - 1);
            c = found != NULL ? (uint8_t)to[found - from] : c;
        }
        out[len++] = c;
    }
    return slice_of(out, len);
}

/* X'4d' of MariaDB: the bytes. ptr NULL: not hex, or no memory. */
static struct slice hex_bytes(struct slice text, struct arena *arena)
{
    struct slice digits = slice_of(text.ptr + 2, text.len - 3);
    uint8_t *out = digits.len % 2 != 0 ? NULL : arena_alloc(arena, digits.len / 2);
    for (size_t i = 0; out != NULL && i < digits.len; i++) {
        static const char known[] = "0123456789abcdef";
        const char *digit = memchr(known, digits.ptr[i] | 0x20, sizeof(known) - 1);
        if (digit == NULL)
            return SLICE_EMPTY;
        uint8_t value = (uint8_t)(digit - known);
        out[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : out[i / 2] | value);
    }
    return out == NULL ? SLICE_EMPTY : slice_of(out, digits.len / 2);
}

static bool is_number(struct slice text)
{
    return text.len > 0 &&
           ((text.ptr[0] >= '0' && text.ptr[0] <= '9') ||
            (text.len > 1 && text.ptr[0] == '-' && text.ptr[1] >= '0' && text.ptr[1] <= '9'));
}

struct slice catalog_default(struct slice column_default, struct slice extra,
                             struct slice data_type, bool quotes_literals, struct arena *arena)
{
    if (column_default.ptr == NULL)
        return SLICE_EMPTY;
    if (quotes_literals) {
        if (column_default.len > 1 && column_default.ptr[0] == '\'')
            return unquote(column_default, arena);
        if (column_default.len > 2 && slice_starts_nocase(column_default, SLICE("x'")))
            return hex_bytes(column_default, arena);
        bool is_bits = slice_starts_nocase(column_default, SLICE("b'"));
        return is_bits || is_number(column_default) ? arena_copy(arena, column_default)
                                                    : SLICE_EMPTY;
    }
    bool is_temporal = slice_equal_nocase(data_type, SLICE("timestamp")) ||
                       slice_equal_nocase(data_type, SLICE("datetime"));
    if (contains_nocase(extra, SLICE("DEFAULT_GENERATED")) ||
        (is_temporal && slice_starts_nocase(column_default, SLICE("CURRENT_TIMESTAMP"))))
        return SLICE_EMPTY;
    return arena_copy(arena, column_default);
}

enum column_field {
    FIELD_DB = 0,
    FIELD_TABLE,
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
    FIELD_DEFAULT,
    FIELD_EXTRA,
    FIELD_EXPRESSION,
    FIELD_COUNT
};

#define COLUMNS_SQL(expression)                                                                    \
    "SELECT table_schema, table_name, column_name, data_type, column_type, character_set_name, "   \
    "collation_name, column_comment, character_maximum_length, character_octet_length, "           \
    "numeric_precision, numeric_scale, datetime_precision, is_nullable, column_default, "          \
    "extra, " expression " FROM information_schema.columns WHERE "

static enum catalog_generated generated_of(struct slice extra)
{
    if (contains_nocase(extra, SLICE("VIRTUAL")))
        return CATALOG_VIRTUAL;
    if (contains_nocase(extra, SLICE("STORED GENERATED")) ||
        contains_nocase(extra, SLICE("PERSISTENT")))
        return CATALOG_STORED;
    return CATALOG_PLAIN;
}

static enum catalog_versioning versioning_of(struct slice expression)
{
    if (slice_equal_nocase(expression, SLICE("ROW START")))
        return CATALOG_ROW_START;
    return slice_equal_nocase(expression, SLICE("ROW END")) ? CATALOG_ROW_END
                                                            : CATALOG_NOT_VERSIONED;
}

/* information_schema and SHOW (of MariaDB 10.5 to 11.8 and MySQL 5.6 and 9.7) have no characters beyond the
 * BMP: they show '?' in the labels of an ENUM or SET that has them. */
static bool labels_unsure(const struct slice *fields)
{
    static const char *const full[] = {"utf8mb4", "utf16", "utf16le", "utf32", "gb18030", NULL};
    struct slice type = fields[FIELD_DATA_TYPE];
    struct slice labels = fields[FIELD_COLUMN_TYPE];
    bool has_labels =
        slice_equal_nocase(type, SLICE("enum")) || slice_equal_nocase(type, SLICE("set"));
    bool marked = labels.len > 0 && memchr(labels.ptr, '?', labels.len) != NULL;
    for (unsigned i = 0; has_labels && marked && full[i] != NULL; i++)
        if (slice_equal_nocase(fields[FIELD_CHARSET], slice_str(full[i])))
            return true;
    return false;
}

static void fill_column(const struct reading *reading, const struct slice *fields,
                        struct catalog_column *column)
{
    struct arena *arena = &reading->gather->arena;
    bool quotes_literals = reading->is_mariadb && reading->version >= 100207;
    *column = (struct catalog_column){
        .name = arena_copy(arena, fields[FIELD_NAME]),
        .data_type = arena_copy(arena, fields[FIELD_DATA_TYPE]),
        .column_type = arena_copy(arena, fields[FIELD_COLUMN_TYPE]),
        .charset = arena_copy(arena, fields[FIELD_CHARSET]),
        .collation = arena_copy(arena, fields[FIELD_COLLATION]),
        .comment =
            arena_copy(arena, reading->scope->with_comments ? fields[FIELD_COMMENT] : SLICE_EMPTY),
        .char_length = number(fields[FIELD_CHAR_LENGTH]),
        .byte_length = number(fields[FIELD_BYTE_LENGTH]),
        .precision = (uint32_t)number(fields[FIELD_PRECISION]),
        .scale = (uint32_t)number(fields[FIELD_SCALE]),
        .fraction_digits = (uint32_t)number(fields[FIELD_FRACTION]),
        .nullable = slice_equal_nocase(fields[FIELD_NULLABLE], SLICE("YES")),
        .labels_unsure = labels_unsure(fields),
        .is_invisible = contains_nocase(fields[FIELD_EXTRA], SLICE("INVISIBLE")),
        .is_auto_increment = contains_nocase(fields[FIELD_EXTRA], SLICE("auto_increment")),
        .generated = generated_of(fields[FIELD_EXTRA]),
        .versioning = versioning_of(fields[FIELD_EXPRESSION]),
    };
    struct slice shown = fields[FIELD_DEFAULT];
    /* MySQL shows no text of some expressions, but always that there is one. */
    bool is_marked = contains_nocase(fields[FIELD_EXTRA], SLICE("DEFAULT_GENERATED"));
    column->has_default = column->nullable || shown.ptr != NULL || is_marked;
    column->default_value = catalog_default(shown, fields[FIELD_EXTRA], fields[FIELD_DATA_TYPE],
                                            quotes_literals, arena);
    bool is_null = shown.ptr == NULL || (quotes_literals && slice_equal(shown, SLICE("NULL")));
    column->default_is_expression = is_marked || (!is_null && column->default_value.ptr == NULL);
}

static bool copied(const struct catalog_column *column)
{
    return column->name.ptr != NULL && column->data_type.ptr != NULL &&
           column->column_type.ptr != NULL && column->charset.ptr != NULL &&
           column->collation.ptr != NULL && column->comment.ptr != NULL;
}

/* Columns that WITH SYSTEM VERSIONING makes by itself are in the rows and in no answer. */
static enum rc add_hidden_columns(struct gather *gather, struct error *err)
{
    static const struct {
        struct slice name;
        enum catalog_versioning versioning;
    } hidden[] = {{SLICE("row_start"), CATALOG_ROW_START}, {SLICE("row_end"), CATALOG_ROW_END}};
    for (uint32_t i = 0; i < gather->table.column_count; i++)
        if (gather->columns[i].versioning != CATALOG_NOT_VERSIONED)
            return RC_OK;
    for (unsigned i = 0; i < COUNT_OF(hidden); i++) {
        struct catalog_column *column = new_column(gather);
        if (column == NULL)
            return out_of_room(gather->table.db, gather->table.name, err);
        *column = (struct catalog_column){.name = hidden[i].name,
                                          .data_type = SLICE("timestamp"),
                                          .column_type = SLICE("timestamp(6)"),
                                          .fraction_digits = 6,
                                          .is_invisible = true,
                                          .generated = CATALOG_STORED,
                                          .versioning = hidden[i].versioning};
    }
    return RC_OK;
}

static enum rc settle_table(const struct reading *reading, struct error *err)
{
    struct gather *gather = reading->gather;
    if (!gather->open)
        return RC_OK;
    gather->open = false;
    enum rc rc = gather->is_versioned ? add_hidden_columns(gather, err) : RC_OK;
    struct slice from = gather->is_versioned ? slice_str(versioned_mark) : SLICE_EMPTY;
    return rc == RC_OK ? schema_put_from(reading->found, &gather->table, from, err) : rc;
}

/* Takes the table in hand that the rows are about now; not open: nobody wants it. */
static enum rc open_table(const struct reading *reading, struct slice db, struct slice name,
                          struct error *err)
{
    struct gather *gather = reading->gather;
    if (gather->open && slice_equal(gather->table.db, db) && slice_equal(gather->table.name, name))
        return RC_OK;
    enum rc rc = settle_table(reading, err);
    const struct catalog_table *bare = schema_find(reading->found, db, name);
    if (rc != RC_OK || bare == NULL)
        return rc;
    arena_reset(&gather->arena);
    gather->table = (struct catalog_table){
        .db = arena_copy(&gather->arena, bare->db),
        .name = arena_copy(&gather->arena, bare->name),
        .comment = arena_copy(&gather->arena, bare->comment),
        .charset = arena_copy(&gather->arena, bare->charset),
        .collation = arena_copy(&gather->arena, bare->collation),
    };
    gather->is_versioned = schema_origin(reading->found, db, name).len > 0;
    gather->columns = NULL;
    gather->column_room = 0;
    gather->open = gather->table.collation.ptr != NULL;
    return gather->open ? RC_OK : out_of_room(db, name, err);
}

static enum rc read_columns(const struct reading *reading, struct error *err)
{
    struct myconn_result *result = NULL;
    bool has_versioning = reading->is_mariadb && reading->version >= 100300;
    enum rc rc =
        ask(reading, has_versioning ? COLUMNS_SQL("generation_expression") : COLUMNS_SQL("NULL"),
            " ORDER BY CAST(table_schema AS BINARY), CAST(table_name AS BINARY), ordinal_position",
            &result, err);
    if (rc != RC_OK)
        return rc;
    const struct slice *fields;
    while (rc == RC_OK && myconn_row(result, &fields)) {
        ASSERT(myconn_column_count(result) == FIELD_COUNT);
        rc = open_table(reading, fields[FIELD_DB], fields[FIELD_TABLE], err);
        if (rc != RC_OK || !reading->gather->open)
            continue;
        struct catalog_column *column = new_column(reading->gather);
        if (column != NULL)
            fill_column(reading, fields, column);
        if (column == NULL || !copied(column))
            rc = out_of_room(fields[FIELD_DB], fields[FIELD_TABLE], err);
    }
    myconn_result_free(result);
    return rc == RC_OK ? settle_table(reading, err) : rc;
}

enum key_field {
    KEY_DB = 0,
    KEY_TABLE,
    KEY_NAME,
    KEY_COLUMN,
    KEY_PREFIX,
    KEY_SEQUENCE,
    KEY_NOT_UNIQUE,
    KEY_FIELD_COUNT
};

/* Again with its columns, to get its keys. */
static enum rc open_for_keys(const struct reading *reading, struct slice db, struct slice name,
                             struct error *err)
{
    struct gather *gather = reading->gather;
    gather->open = false;
    const struct catalog_table *known = schema_find(reading->found, db, name);
    if (known == NULL || known->column_count == 0)
        return RC_OK;
    arena_reset(&gather->arena);
    gather->columns = arena_alloc(&gather->arena, known->column_count * sizeof(*gather->columns));
    if (gather->columns == NULL)
        return out_of_room(db, name, err);
    memcpy(gather->columns, known->columns, known->column_count * sizeof(*gather->columns));
    gather->table = *known; /* texts stay those of `found` until it is put anew */
    gather->table.columns = gather->columns;
    gather->table.keys = gather->keys;
    gather->table.key_count = 0;
    gather->table.indexes = gather->indexes;
    gather->table.index_count = 0;
    gather->is_versioned = schema_origin(reading->found, db, name).len > 0;
    gather->open = true;
    return RC_OK;
}

static uint32_t find_column(const struct catalog_table *table, struct slice name)
{
    for (uint32_t i = 0; i < table->column_count; i++)
        if (slice_equal(table->columns[i].name, name))
            return i;
    return CATALOG_EXPRESSION;
}

/* A key that has an expression among its parts tells no two rows apart by their cells. */
static void add_part(struct gather *gather, const struct slice *fields)
{
    struct catalog_key *key = &gather->keys[gather->table.key_count - 1];
    uint32_t column = fields[KEY_COLUMN].ptr == NULL
                          ? CATALOG_EXPRESSION
                          : find_column(&gather->table, fields[KEY_COLUMN]);
    if (column == CATALOG_EXPRESSION)
        gather->key_is_whole = false;
    if (key->part_count == CATALOG_PARTS_MAX)
        return;
    gather->parts[gather->table.key_count - 1][key->part_count++] =
        (struct catalog_key_part){.column = column, .prefix = (uint32_t)number(fields[KEY_PREFIX])};
}

static void begin_key(struct gather *gather, const struct slice *fields)
{
    uint32_t index = gather->table.key_count++;
    gather->keys[index] = (struct catalog_key){.name = arena_copy(&gather->arena, fields[KEY_NAME]),
                                               .parts = gather->parts[index]};
    gather->key_is_whole = number(fields[KEY_NOT_UNIQUE]) == 0;
}

/* A key that identifies no row goes among the other indexes. */
static enum rc end_key(struct gather *gather, struct error *err)
{
    struct catalog_table *table = &gather->table;
    bool is_other = table->key_count > 0 && !gather->key_is_whole;
    gather->key_is_whole = true;
    if (!is_other || table->index_count == CATALOG_KEYS_MAX)
        return RC_OK;
    struct catalog_key *index = &gather->indexes[table->index_count++];
    *index = gather->keys[--table->key_count];
    struct catalog_key_part *parts =
        arena_alloc(&gather->arena, (index->part_count + 1) * sizeof(*parts));
    if (parts == NULL)
        return out_of_room(table->db, table->name, err);
    for (uint32_t i = 0; i < index->part_count; i++)
        parts[i] = (struct catalog_key_part){.column = index->parts[i].column};
    index->parts = parts;
    return RC_OK;
}

/* MariaDB: every unique key of a versioned table ends in ROW END, told or hidden: without it older
 * versions of a row would be taken for the row. */
static void add_row_end(struct gather *gather)
{
    uint32_t end = 0;
    while (end < gather->table.column_count && gather->columns[end].versioning != CATALOG_ROW_END)
        end++;
    for (uint32_t k = 0; k < gather->table.key_count && end < gather->table.column_count; k++) {
        struct catalog_key *key = &gather->keys[k];
        uint32_t i = 0;
        while (i < key->part_count && key->parts[i].column != end)
            i++;
        if (i == key->part_count && i < CATALOG_PARTS_MAX)
            gather->parts[k][key->part_count++] = (struct catalog_key_part){.column = end};
    }
}

/* Moves the named key to place `at`, those between one on. */
static void move_key(struct gather *gather, struct slice name, uint32_t at)
{
    uint32_t from = at;
    while (from < gather->table.key_count && !slice_equal(gather->keys[from].name, name))
        from++;
    if (from >= gather->table.key_count)
        return;
    struct catalog_key key = gather->keys[from];
    memmove(&gather->keys[at + 1], &gather->keys[at], (from - at) * sizeof(key));
    gather->keys[at] = key;
}

static bool needs_order(const struct reading *reading)
{
    uint32_t count = reading->gather->table.key_count;
    if (reading->is_mariadb || reading->version < 80000 || count < 2)
        return false;
    return count > 2 || !slice_equal(reading->gather->keys[0].name, SLICE("PRIMARY"));
}

static enum rc settle_keys(const struct reading *reading, struct error *err)
{
    struct gather *gather = reading->gather;
    if (!gather->open)
        return RC_OK;
    gather->open = false;
    enum rc rc = end_key(gather, err);
    if (rc != RC_OK)
        return rc;
    if (gather->is_versioned)
        add_row_end(gather);
    catalog_choose_key(gather->columns, gather->table.column_count, gather->table.keys,
                       gather->table.key_count);
    return schema_put_from(reading->found, &gather->table,
                           needs_order(reading) ? SLICE("order") : SLICE_EMPTY, err);
}

static enum rc read_keys(const struct reading *reading, struct error *err)
{
    struct gather *gather = reading->gather;
    struct myconn_result *result = NULL;
    bool lists_by_name = !reading->is_mariadb && reading->version >= 80000;
    enum rc rc = ask(reading,
                     "SELECT table_schema, table_name, index_name, column_name, sub_part, "
                     "seq_in_index, non_unique FROM information_schema.statistics WHERE ",
                     lists_by_name ? " ORDER BY CAST(table_schema AS BINARY), CAST(table_name AS "
                                     "BINARY), index_name <> 'PRIMARY', index_name, seq_in_index"
                                   : "",
                     &result, err);
    if (rc != RC_OK)
        return rc;
    const struct slice *fields;
    while (rc == RC_OK && myconn_row(result, &fields)) {
        ASSERT(myconn_column_count(result) == KEY_FIELD_COUNT);
        bool is_first = number(fields[KEY_SEQUENCE]) == 1;
        if (!gather->open || !slice_equal(gather->table.db, fields[KEY_DB]) ||
            !slice_equal(gather->table.name, fields[KEY_TABLE])) {
            rc = settle_keys(reading, err);
            if (rc == RC_OK)
                rc = open_for_keys(reading, fields[KEY_DB], fields[KEY_TABLE], err);
        } else if (is_first) {
            rc = end_key(gather, err);
        }
        if (rc != RC_OK || !gather->open)
            continue;
        if (is_first && gather->table.key_count < CATALOG_KEYS_MAX)
            begin_key(gather, fields);
        if (gather->table.key_count > 0)
            add_part(gather, fields);
    }
    if (rc == RC_OK)
        rc = settle_keys(reading, err);
    myconn_result_free(result);
    return rc;
}

struct ordering {
    const struct reading *reading;
    struct slice *names; /* db, table, db, table, ... of tables whose keys have no order yet */
    uint32_t count;
    uint32_t room;
    struct arena arena;
};

static enum rc note_unordered(void *ctx, const struct catalog_table *table, struct error *err)
{
    struct ordering *ordering = ctx;
    struct schema *found = ordering->reading->found;
    if (!slice_equal(schema_origin(found, table->db, table->name), SLICE("order")))
        return RC_OK;
    if (ordering->count + 2 > ordering->room) {
        uint32_t room = ordering->room == 0 ? 64 : 2 * ordering->room;
        struct slice *names = arena_alloc(&ordering->arena, room * sizeof(*names));
        if (names == NULL)
            return out_of_room(table->db, table->name, err);
        if (ordering->count > 0)
            memcpy(names, ordering->names, ordering->count * sizeof(*names));
        ordering->names = names;
        ordering->room = room;
    }
    ordering->names[ordering->count++] = arena_copy(&ordering->arena, table->db);
    ordering->names[ordering->count++] = arena_copy(&ordering->arena, table->name);
    return RC_OK;
}

static enum rc order_keys(const struct reading *reading, struct slice db, struct slice name,
                          struct error *err)
{
    enum { SHOWN_KEY_NAME = 2, SHOWN_SEQUENCE = 3 };
    struct gather *gather = reading->gather;
    const struct catalog_table *known = schema_find(reading->found, db, name);
    ASSERT(known != NULL);
    struct buf sql;
    buf_init(&sql, CATALOG_SQL_MAX);
    buf_add_str(&sql, "SHOW KEYS FROM ");
    myconn_add_identifier(&sql, db);
    buf_add_byte(&sql, '.');
    myconn_add_identifier(&sql, name);
    struct myconn_result *result = NULL;
    enum rc rc = myconn_query(reading->conn, buf_slice(&sql), &result, err);
    buf_deinit(&sql);
    if (rc != RC_OK) {
        /* Dropped since: what was read of it will be read again or be found dropped. */
        bool is_gone = err->mysql_code == 1146 || err->mysql_code == 1049;
        if (is_gone)
            error_clear(err);
        return is_gone ? RC_OK : rc;
    }
    rc = open_for_keys(reading, db, name, err);
    if (rc == RC_OK) {
        memcpy(gather->keys, known->keys, known->key_count * sizeof(gather->keys[0]));
        gather->table.key_count = known->key_count;
        gather->table.indexes = known->indexes;
        gather->table.index_count = known->index_count;
    }
    const struct slice *fields;
    uint32_t at = 0;
    while (rc == RC_OK && myconn_row(result, &fields))
        if (number(fields[SHOWN_SEQUENCE]) == 1 && at < gather->table.key_count) {
            uint32_t before = at;
            move_key(gather, fields[SHOWN_KEY_NAME], at);
            at += slice_equal(gather->keys[before].name, fields[SHOWN_KEY_NAME]);
        }
    myconn_result_free(result);
    gather->open = false;
    if (rc != RC_OK)
        return rc;
    catalog_choose_key(gather->columns, gather->table.column_count, gather->table.keys,
                       gather->table.key_count);
    return schema_put(reading->found, &gather->table, err);
}

static enum rc order_all_keys(const struct reading *reading, struct error *err)
{
    struct ordering ordering = {.reading = reading};
    arena_init(&ordering.arena, "names of tables", CATALOG_TABLE_BYTES_MAX);
    enum rc rc = schema_each(reading->found, note_unordered, &ordering, err);
    for (uint32_t i = 0; rc == RC_OK && i < ordering.count; i += 2)
        rc = order_keys(reading, ordering.names[i], ordering.names[i + 1], err);
    arena_deinit(&ordering.arena);
    return rc;
}

enum rc catalog_read(struct myconn *conn, const struct catalog_scope *scope, struct schema *found,
                     struct error *err)
{
    struct error unwanted;
    if (err == NULL)
        err = &unwanted;
    error_clear(err);
    struct reading reading = {.conn = conn,
                              .scope = scope,
                              .found = found,
                              .is_mariadb = myconn_is_mariadb(conn),
                              .version = session_version(myconn_version(conn)),
                              .gather = calloc(1, sizeof(struct gather))};
    if (reading.gather == NULL)
        return error_set(err, RC_MEMORY, "There is no memory to read the tables' descriptions.");
    arena_init(&reading.gather->arena, "table description", CATALOG_TABLE_BYTES_MAX);
    enum rc rc = read_tables(&reading, err);
    if (rc == RC_OK)
        rc = read_columns(&reading, err);
    if (rc == RC_OK)
        rc = read_keys(&reading, err);
    if (rc == RC_OK)
        rc = order_all_keys(&reading, err);
    arena_deinit(&reading.gather->arena);
    free(reading.gather);
    return rc;
}

enum rc catalog_read_databases(struct myconn *conn, struct schema *found, struct error *err)
{
    struct myconn_result *result = NULL;
    enum rc rc = myconn_query(conn,
                              SLICE("SELECT schema_name, default_collation_name FROM "
                                    "information_schema.schemata"),
                              &result, err);
    if (rc != RC_OK)
        return rc;
    const struct slice *fields;
    while (rc == RC_OK && myconn_row(result, &fields))
        rc = schema_set_database(found, fields[0], fields[1], err);
    myconn_result_free(result);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine/ports/look.h for both warehouses: rows are asked for by their keys over the query port, so
 * that neither side's order of keys has to be the other's. What is added lies in one buffer until it is
 * asked for; the target's rows are taken as they come.
 */
#include "column_set_int.h"
#include "same_int.h"
#include "sink_int.h"

#include <stdlib.h>

#define LOOK_ROWS_MAX 500u
#define LOOK_BYTES_FULL ((size_t)8 << 20)
#define LOOK_BYTES_MAX ((size_t)2 << 30)
#define STATEMENT_MAX ((size_t)64 << 20)
#define ARENA_MAX ((size_t)16 << 20)

/* In place of a value's length. */
#define VALUE_NULL UINT32_MAX
#define VALUE_UNFIT (UINT32_MAX - 1) /* no load could bring it */

struct look_entry {
    size_t key; /* offsets in `bytes` */
    uint32_t key_len;
    size_t values;        /* for each column 4 bytes length, the text */
    uint64_t source_hash; /* of the values; 0: the source has no such row */
    bool is_found;        /* at the target */
    bool differs;
    size_t columns; /* that differ, in `names` */
    uint32_t columns_len;
};

struct target_look {
    struct look base; /* first */
    struct stream_load *sink;
    struct arena arena;
    const struct table *read;
    struct load_schema schema;
    struct encoder encoder;
    struct look_entry entries[LOOK_ROWS_MAX];
    uint32_t count;
    struct buf bytes;
    struct buf names;
    struct buf value;
    struct buf key;
    struct buf sql;
    struct slice *fields; /* in the arena; one a column */
};

static struct target_look *look_of(struct look *base)
{
    return (struct target_look *)base;
}

/* ---- making it ---- */

static void add_target(struct target_look *look)
{
    buf_add_str(&look->sql, " FROM ");
    myconn_add_identifier(&look->sql, look->schema.db);
    buf_add_byte(&look->sql, '.');
    myconn_add_identifier(&look->sql, look->schema.table);
}

struct open_call {
    struct target_look *look;
    const struct sink_target *target;
};

static enum rc must_exist(struct target_look *look, struct myconn *conn,
                          const struct sink_target *target, struct error *err)
{
    struct buf found;
    buf_init(&found, 64);
    buf_reset(&look->sql);
    buf_add_str(&look->sql, "SELECT COUNT(*) FROM information_schema.tables WHERE TABLE_SCHEMA = ");
    myconn_add_literal(&look->sql, target->db);
    buf_add_str(&look->sql, " AND TABLE_NAME = ");
    myconn_add_literal(&look->sql, target->table);
    enum rc rc = myconn_query_value(conn, buf_slice(&look->sql), &found, err);
    if (rc == RC_OK && slice_equal(buf_slice(&found), SLICE("0")))
        rc = error_set(err, RC_NOT_FOUND, "The target has no table %.*s.%.*s.",
                       SLICE_ARG(target->db), SLICE_ARG(target->table));
    buf_deinit(&found);
    return rc;
}

static enum rc run_open(void *ctx, struct myconn *conn, struct error *err)
{
    struct open_call *call = ctx;
    struct target_look *look = call->look;
    struct stream_load *sink = look->sink;
    enum rc rc = must_exist(look, conn, call->target, err);
    arena_reset(&look->arena);
    if (rc == RC_OK)
        rc = sink->dialect->target_prepare(&sink->settings, sink->config, conn, look->read,
                                           call->target, &look->arena, &look->schema, err);
    return rc;
}

static void look_close(struct look *base)
{
    struct target_look *look = look_of(base);
    if (look == NULL)
        return;
    encoder_deinit(&look->encoder);
    struct buf *bufs[] = {&look->bytes, &look->names, &look->value, &look->key, &look->sql};
    for (unsigned i = 0; i < COUNT_OF(bufs); i++)
        buf_deinit(bufs[i]);
    arena_deinit(&look->arena);
    free(look);
}

static enum rc prepare(struct target_look *look, const struct sink_target *target,
                       struct error *err)
{
    struct open_call call = {.look = look, .target = target};
    enum rc rc = query_run(&look->sink->query, run_open, &call, err);
    if (rc != RC_OK)
        return rc;
    look->schema.source = look->read;
    look->fields = arena_alloc(&look->arena, look->read->column_count * sizeof(struct slice));
    rc = column_set_rank(&look->schema, &look->arena, err);
    if (rc == RC_OK && look->fields == NULL)
        rc = error_set(err, RC_MEMORY, "There is no memory for looking at a target.");
    if (rc == RC_OK)
        rc = encoder_init(&look->encoder, &look->schema, look->sink->dialect->delete_column,
                          look->sink->settings.zero_dates, &look->arena, err);
    return rc;
}

static enum rc look_open(struct sink *base, const struct table *read,
                         const struct sink_target *target, struct look **look_out,
                         struct error *err)
{
    struct target_look *look = calloc(1, sizeof(*look));
    if (look == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for looking at a target.");
    look->base.ops = &stream_load_look;
    look->sink = stream_load_of(base);
    look->read = read;
    arena_init(&look->arena, "look at a target", ARENA_MAX);
    buf_init(&look->bytes, LOOK_BYTES_MAX);
    buf_init(&look->names, LOOK_BYTES_MAX);
    buf_init(&look->value, LOOK_BYTES_MAX);
    buf_init(&look->key, LOOK_BYTES_MAX);
    buf_init(&look->sql, STATEMENT_MAX);
    enum rc rc = prepare(look, target, err);
    if (rc != RC_OK)
        look_close(&look->base);
    else
        *look_out = &look->base;
    return rc;
}

/* ---- what is to be looked for ---- */

static void add_piece(struct buf *out, struct slice text)
{
    uint8_t len[4];
    store_u32le(len, (uint32_t)text.len);
    buf_add(out, len, sizeof(len));
    buf_add_slice(out, text);
}

/* The next piece; ptr NULL where its length is no length, and `len_out` says what. */
static struct slice take_piece(struct slice *rest, uint32_t *len_out)
{
    ASSERT(rest->len >= 4);
    uint32_t len = load_u32le(rest->ptr);
    size_t held = len >= VALUE_UNFIT ? 0 : len;
    ASSERT(held <= rest->len - 4);
    struct slice piece = {len >= VALUE_UNFIT ? NULL : rest->ptr + 4, held};
    *rest = slice_of(rest->ptr + 4 + held, rest->len - 4 - held);
    *len_out = len;
    return piece;
}

static bool look_is_full(const struct look *base)
{
    const struct target_look *look = (const struct target_look *)base;
    return look->count == LOOK_ROWS_MAX || look->bytes.len >= LOOK_BYTES_FULL;
}

static enum rc keep(struct target_look *look, struct look_entry entry, struct error *err)
{
    if (look->count == LOOK_ROWS_MAX)
        return error_set(err, RC_PROTOCOL, "The source sent more rows than it was asked for.");
    look->entries[look->count++] = entry;
    return buf_check(&look->bytes, "The rows that are compared", err);
}

static enum rc look_add_key(struct look *base, struct slice key, struct error *err)
{
    struct target_look *look = look_of(base);
    struct look_entry entry = {.key = look->bytes.len, .key_len = (uint32_t)key.len};
    buf_add_slice(&look->bytes, key);
    return keep(look, entry, err);
}

static enum rc add_key_of_row(struct target_look *look, const struct row *row, struct error *err)
{
    buf_reset(&look->key);
    for (uint32_t i = 0; i < look->schema.key_count; i++) {
        uint32_t index = look->schema.key[i];
        struct slice text;
        enum rc rc = encoder_cell_text(&look->encoder, index, &row->cells[index], &text, err);
        if (rc != RC_OK)
            return rc;
        buf_reset(&look->value);
        same_add_key_text(&look->value, &look->read->columns[index], text);
        add_piece(&look->key, buf_slice(&look->value));
    }
    buf_add_slice(&look->bytes, buf_slice(&look->key));
    return RC_OK;
}

/* A value as the load would bring it, without what JSON puts around it. */
static enum rc add_value(struct target_look *look, uint32_t index, const struct cell *cell,
                         struct error *err)
{
    struct error own;
    error_clear(&own);
    buf_reset(&look->value);
    uint8_t mark[4];
    store_u32le(mark, VALUE_NULL);
    enum rc rc = RC_OK;
    if (cell->state != CELL_NULL)
        rc = encoder_add_cell(&look->encoder, index, cell, &look->value, &own);
    if (rc == RC_REJECTED) {
        store_u32le(mark, VALUE_UNFIT);
        buf_add(&look->bytes, mark, sizeof(mark));
        return RC_OK;
    }
    if (rc != RC_OK) {
        *err = own;
        return rc;
    }
    struct slice json = buf_slice(&look->value);
    if (cell->state == CELL_NULL || slice_equal(json, SLICE("null"))) {
        buf_add(&look->bytes, mark, sizeof(mark));
        return RC_OK;
    }
    buf_reset(&look->key);
    bool is_text = json.len > 0 && json.ptr[0] == '"' &&
                   look->schema.columns[index].encoding != LOAD_JSON_VALUE;
    if (is_text && !json_string_text(json, &look->key))
        return error_set(err, RC_PROTOCOL, "A value was written as no JSON string.");
    add_piece(&look->bytes, is_text ? buf_slice(&look->key) : json);
    return RC_OK;
}

static enum rc look_add_row(struct look *base, const struct row *row, struct error *err)
{
    struct target_look *look = look_of(base);
    struct look_entry entry = {.key = look->bytes.len};
    enum rc rc = add_key_of_row(look, row, err);
    entry.values = look->bytes.len;
    entry.key_len = (uint32_t)(look->bytes.len - entry.key);
    for (uint32_t i = 0; i < row->count && rc == RC_OK; i++)
        rc = add_value(look, i, &row->cells[i], err);
    if (rc != RC_OK)
        return rc;
    struct slice values = slice_of(look->bytes.ptr + entry.values, look->bytes.len - entry.values);
    entry.source_hash = slice_hash(values) | 1;
    return keep(look, entry, err);
}

/* ---- asking ---- */

static struct slice key_of(const struct target_look *look, const struct look_entry *entry)
{
    return slice_of(look->bytes.ptr + entry->key, entry->key_len);
}

static int by_key(const void *a, const void *b, void *ctx)
{
    const struct target_look *look = ctx;
    return slice_compare(key_of(look, a), key_of(look, b));
}

/* In the order of keys, each once: a key that was added by itself and as a row is that row. */
static void settle(struct target_look *look)
{
    qsort_r(look->entries, look->count, sizeof(look->entries[0]), by_key, look);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < look->count; i++) {
        struct look_entry *last = kept == 0 ? NULL : &look->entries[kept - 1];
        if (last == NULL || !slice_equal(key_of(look, last), key_of(look, &look->entries[i])))
            look->entries[kept++] = look->entries[i];
        else if (last->source_hash == 0)
            *last = look->entries[i];
    }
    look->count = kept;
}

static const struct load_column *key_column(const struct target_look *look, uint32_t part)
{
    return &look->schema.columns[look->schema.key[part]];
}

/* The digits behind the point that the target shows of a key's value, which its literal has too: then it
 * is the same for a server that compares numbers and moments, and for one that compares texts. */
static size_t fraction_digits(const struct column *column, const struct load_column *to,
                              struct slice text)
{
    enum { MICROSECONDS = 6 };
    struct slice type = to->target_type;
    switch (column->kind) {
    case COLUMN_DECIMAL:
        return column->scale;
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
        /* Doris's DATETIME(3); StarRocks's shows a fraction where there is one. */
        if (type.len > 2 && type.ptr[type.len - 1] == ')' && type.ptr[type.len - 2] >= '0' &&
            type.ptr[type.len - 2] <= '6')
            return (size_t)(type.ptr[type.len - 2] - '0');
        return memchr(text.ptr, '.', text.len) == NULL ? 0 : MICROSECONDS;
    default:
        return 0;
    }
}

static void add_digits(struct buf *out, struct slice text, size_t digits)
{
    const uint8_t *point = text.len == 0 ? NULL : memchr(text.ptr, '.', text.len);
    size_t have = point == NULL ? 0 : text.len - (size_t)(point - text.ptr) - 1;
    buf_add_slice(out, text);
    if (digits > 0 && point == NULL)
        buf_add_byte(out, '.');
    for (; have < digits; have++)
        buf_add_byte(out, '0');
}

static void add_literal(struct target_look *look, uint32_t part, struct slice text)
{
    const struct load_column *to = key_column(look, part);
    const struct column *column = &look->read->columns[look->schema.key[part]];
    if (to->encoding == LOAD_NUMBER || to->encoding == LOAD_BIT_BOOLEAN) {
        add_digits(&look->sql, text, fraction_digits(column, to, text));
        return;
    }
    buf_reset(&look->value);
    if (to->encoding == LOAD_BASE64)
        buf_add_base64(&look->value, text);
    else
        add_digits(&look->value, text, fraction_digits(column, to, text));
    myconn_add_literal(&look->sql, buf_slice(&look->value));
}

/* One column: `k` IN (1, 2). Several: (`a` = 1 AND `b` = 2) OR ... */
static void add_condition(struct target_look *look)
{
    uint32_t parts = look->schema.key_count;
    buf_add_str(&look->sql, " WHERE ");
    if (parts == 1) {
        myconn_add_identifier(&look->sql, key_column(look, 0)->target_name);
        buf_add_str(&look->sql, " IN (");
    }
    for (uint32_t i = 0; i < look->count; i++) {
        struct slice rest = key_of(look, &look->entries[i]);
        if (i > 0)
            buf_add_str(&look->sql, parts == 1 ? ", " : " OR ");
        for (uint32_t part = 0; part < parts; part++) {
            uint32_t len;
            struct slice text = take_piece(&rest, &len);
            if (parts > 1) {
                buf_add_str(&look->sql, part == 0 ? "(" : " AND ");
                myconn_add_identifier(&look->sql, key_column(look, part)->target_name);
                buf_add_str(&look->sql, " = ");
            }
            add_literal(look, part, text);
        }
        if (parts > 1)
            buf_add_byte(&look->sql, ')');
    }
    if (parts == 1)
        buf_add_byte(&look->sql, ')');
}

static enum rc key_of_fields(struct target_look *look, const struct slice *fields,
                             const uint32_t *places, struct error *err)
{
    buf_reset(&look->key);
    for (uint32_t part = 0; part < look->schema.key_count; part++) {
        const struct load_column *column = key_column(look, part);
        struct slice field = fields[places == NULL ? part : places[part]];
        buf_reset(&look->value);
        if (field.ptr == NULL ||
            !same_add_key_field(&look->value, &look->read->columns[look->schema.key[part]],
                                column->encoding, field))
            return error_set(err, RC_MISMATCH,
                             "Table %.*s.%.*s has a row whose key column %.*s holds %s, which no "
                             "row of the source can.",
                             SLICE_ARG(look->schema.db), SLICE_ARG(look->schema.table),
                             SLICE_ARG(column->target_name),
                             field.ptr == NULL ? "NULL" : "a text that is not base64");
        add_piece(&look->key, buf_slice(&look->value));
    }
    return buf_check(&look->key, "The key of a row", err);
}

static void compare(struct target_look *look, struct look_entry *entry)
{
    struct slice rest = slice_of(look->bytes.ptr + entry->values, look->bytes.len - entry->values);
    entry->columns = look->names.len;
    for (uint32_t i = 0; i < look->read->column_count; i++) {
        uint32_t len;
        struct slice wanted = take_piece(&rest, &len);
        struct slice found = look->fields[i];
        /* A document `null` is loaded as NULL, and a target may show it either way. */
        if (look->read->columns[i].kind == COLUMN_JSON && wanted.ptr == NULL &&
            slice_equal(found, SLICE("null")))
            found = SLICE_EMPTY;
        bool same = len != VALUE_UNFIT && (wanted.ptr == NULL) == (found.ptr == NULL);
        if (same && wanted.ptr != NULL)
            same = same_value(&look->read->columns[i], wanted, found);
        if (same)
            continue;
        if (entry->differs)
            buf_add_str(&look->names, ", ");
        buf_add_slice(&look->names, look->read->columns[i].name);
        entry->differs = true;
    }
    entry->columns_len = (uint32_t)(look->names.len - entry->columns);
}

static enum rc take_row(struct target_look *look, struct slice packet, struct error *err)
{
    if (!myconn_row_fields(packet, look->fields, look->read->column_count))
        return error_set(err, RC_PROTOCOL, "The target sent a row that cannot be cut into fields.");
    enum rc rc = key_of_fields(look, look->fields, look->schema.key, err);
    if (rc != RC_OK)
        return rc;
    struct slice key = buf_slice(&look->key);
    uint32_t low = 0;
    uint32_t high = look->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (slice_compare(key_of(look, &look->entries[middle]), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    /* One that was not asked for: the target compares in another way, as with blanks at the end. */
    if (low == look->count || !slice_equal(key_of(look, &look->entries[low]), key))
        return RC_OK;
    struct look_entry *entry = &look->entries[low];
    entry->is_found = true;
    if (entry->source_hash != 0)
        compare(look, entry);
    return buf_check(&look->names, "The names of columns", err);
}

/* Begins anew when the connection broke. */
static enum rc run_ask(void *ctx, struct myconn *conn, struct error *err)
{
    struct target_look *look = ctx;
    unsigned columns = 0;
    struct slice packet;
    buf_reset(&look->names);
    for (uint32_t i = 0; i < look->count; i++)
        look->entries[i].is_found = look->entries[i].differs = false;
    enum rc rc = myconn_stream_open(conn, buf_slice(&look->sql), &columns, err);
    if (rc == RC_OK && columns != look->read->column_count)
        rc = error_set(err, RC_PROTOCOL, "The target answered with other columns than asked.");
    while (rc == RC_OK) {
        rc = myconn_stream_row(conn, &packet, err);
        if (rc == RC_OK)
            rc = take_row(look, packet, err);
    }
    return rc == RC_EOF ? RC_OK : rc;
}

static enum look_verdict verdict_of(const struct look_entry *entry)
{
    if (entry->source_hash == 0)
        return entry->is_found ? LOOK_EXTRA : LOOK_NEITHER;
    if (!entry->is_found)
        return LOOK_MISSING;
    return entry->differs ? LOOK_DIFFERENT : LOOK_EQUAL;
}

static enum rc look_ask(struct look *base, look_finding_fn tell, void *ctx, struct error *err)
{
    struct target_look *look = look_of(base);
    settle(look);
    buf_reset(&look->sql);
    for (uint32_t i = 0; i < look->read->column_count; i++) {
        buf_add_str(&look->sql, i == 0 ? "SELECT " : ", ");
        myconn_add_identifier(&look->sql, look->schema.columns[i].target_name);
    }
    add_target(look);
    enum rc rc = RC_OK;
    if (look->count > 0) {
        add_condition(look);
        rc = buf_check(&look->sql, "The question for rows of a target", err);
        if (rc == RC_OK)
            rc = query_run(&look->sink->query, run_ask, look, err);
    }
    for (uint32_t i = 0; i < look->count && rc == RC_OK; i++) {
        const struct look_entry *entry = &look->entries[i];
        struct look_finding finding = {.verdict = verdict_of(entry),
                                       .key = key_of(look, entry),
                                       .columns = slice_of(look->names.ptr + entry->columns,
                                                           entry->differs ? entry->columns_len : 0),
                                       .source_hash = entry->source_hash};
        rc = tell(ctx, &finding, err);
    }
    look->count = 0;
    buf_reset(&look->bytes);
    return rc;
}

/* ---- all keys, and how many ---- */

/* A warehouse ends a statement whose rows are taken slowly, unless it is asked not to. One that does not
 * know the setting has no such limit of this name. */
static void ask_for_patience(struct myconn *conn)
{
    struct error ignored;
    error_clear(&ignored);
    if (myconn_exec(conn, SLICE("SET query_timeout = 86400"), &ignored) != RC_OK)
        log_debug("sink.look", "The target keeps its own limit of time.",
                  LOG_STR("reason", ignored.text));
}

static enum rc look_keys(struct look *base, look_key_fn tell, void *ctx, struct error *err)
{
    struct target_look *look = look_of(base);
    struct myconn *conn = NULL;
    struct slice packet;
    unsigned columns = 0;
    struct slice fields[64];
    uint32_t parts = look->schema.key_count;
    ASSERT(parts > 0 && parts <= COUNT_OF(fields));
    enum rc rc = myconn_open(&look->sink->query.options, &conn, err);
    if (rc != RC_OK)
        return rc;
    ask_for_patience(conn);
    buf_reset(&look->sql);
    for (uint32_t part = 0; part < parts; part++) {
        buf_add_str(&look->sql, part == 0 ? "SELECT " : ", ");
        myconn_add_identifier(&look->sql, key_column(look, part)->target_name);
    }
    add_target(look);
    rc = myconn_stream_open(conn, buf_slice(&look->sql), &columns, err);
    while (rc == RC_OK) {
        rc = myconn_stream_row(conn, &packet, err);
        if (rc == RC_OK && !myconn_row_fields(packet, fields, parts))
            rc = error_set(err, RC_PROTOCOL,
                           "The target sent a row that cannot be cut into fields.");
        if (rc == RC_OK)
            rc = key_of_fields(look, fields, NULL, err);
        if (rc == RC_OK)
            rc = tell(ctx, buf_slice(&look->key), err);
    }
    myconn_close(conn);
    return rc == RC_EOF ? RC_OK : rc;
}

struct count_call {
    struct target_look *look;
    uint64_t *rows_out;
};

static enum rc run_count(void *ctx, struct myconn *conn, struct error *err)
{
    struct count_call *call = ctx;
    struct buf value;
    buf_init(&value, 64);
    enum rc rc = myconn_query_value(conn, buf_slice(&call->look->sql), &value, err);
    if (rc == RC_OK && !text_parse_u64(buf_slice(&value), call->rows_out))
        rc = error_set(err, RC_PROTOCOL, "The target counted rows and gave no number.");
    buf_deinit(&value);
    return rc;
}

static enum rc look_count(struct look *base, uint64_t *rows_out, struct error *err)
{
    struct target_look *look = look_of(base);
    struct count_call call = {.look = look, .rows_out = rows_out};
    buf_reset(&look->sql);
    buf_add_str(&look->sql, "SELECT COUNT(*)");
    add_target(look);
    return query_run(&look->sink->query, run_count, &call, err);
}

const struct look_ops stream_load_look = {
    .open = look_open,
    .add_key = look_add_key,
    .add_row = look_add_row,
    .is_full = look_is_full,
    .ask = look_ask,
    .keys = look_keys,
    .count = look_count,
    .close = look_close,
};

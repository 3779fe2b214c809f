/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole binlog files of real servers, decoded, against what SELECT returned for the same rows. The
 * oracle's head lines stand in for the server's catalog, so the sets, signs, fraction digits and
 * MariaDB's own types that old binlogs do not tell are bound as they are online. The files
 * are those of tests/golden/binlog/generated.
 *
 * The oracle has strings and bytes in hex (strings in their column's charset), BIT, ENUM and SET as
 * numbers, floats with six digits, and the text of the server for the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <glob.h>

#include "binlog/file_feed_int.h"
#include "binlog/stream_int.h"
#include "binlog/value_codec_int.h"

enum { TABLES_MAX = 64, COLUMNS_MAX = 512, ROWS_MAX = 1024 };

/* One line of the oracle: the key and the place of its fields. */
struct oracle_row {
    struct slice fields[COLUMNS_MAX];
    uint32_t field_count;
    unsigned seen; /* row images of this key in the binlog */
    bool last_was_equal;
    char why[512];
};

struct oracle_table {
    struct catalog_table catalog;
    struct catalog_column columns[COLUMNS_MAX];
    struct oracle_row *rows[ROWS_MAX];
    unsigned row_count;
};

struct oracle {
    char *text; /* owned: the file */
    struct oracle_table *tables[TABLES_MAX];
    unsigned table_count;
    unsigned values_compared;
    bool is_mysql57; /* its JSON text shows 1.0 as 1; we show it as MySQL 8 does */
};

static struct slice take_until(struct slice *rest, char end)
{
    const uint8_t *found = rest->len == 0 ? NULL : memchr(rest->ptr, end, rest->len);
    size_t len = found == NULL ? rest->len : (size_t)(found - rest->ptr);
    struct slice taken = slice_of(rest->ptr, len);
    size_t skip_len = found == NULL ? len : len + 1;
    *rest = slice_of(rest->ptr + skip_len, rest->len - skip_len);
    return taken;
}

static void read_columns(struct oracle_table *table, struct slice line)
{
    uint32_t count = 0;
    while (line.len > 0) {
        struct slice field = take_until(&line, '\t');
        assert_true(count < COLUMNS_MAX);
        struct catalog_column *column = &table->columns[count++];
        column->name = take_until(&field, '|');
        column->column_type = take_until(&field, '|');
        column->charset = field;
        column->nullable = true;
    }
    table->catalog.columns = table->columns;
    table->catalog.column_count = count;
}

static void read_row(struct oracle_table *table, struct slice line)
{
    struct oracle_row *row = calloc(1, sizeof(*row));
    assert_non_null(row);
    for (;;) {
        assert_true(row->field_count < COLUMNS_MAX);
        bool last = line.len == 0 || memchr(line.ptr, '\t', line.len) == NULL;
        row->fields[row->field_count++] = take_until(&line, '\t');
        if (last)
            break;
    }
    assert_true(table->row_count < ROWS_MAX);
    table->rows[table->row_count++] = row;
}

static void oracle_read(struct oracle *oracle, const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    assert_true(size > 0);
    rewind(file);
    oracle->text = malloc((size_t)size);
    assert_non_null(oracle->text);
    assert_int_equal(fread(oracle->text, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    struct slice rest = slice_of(oracle->text, (size_t)size);
    struct oracle_table *table = NULL;
    while (rest.len > 0) {
        struct slice line = take_until(&rest, '\n');
        if (slice_starts_nocase(line, SLICE("#TABLE\t"))) {
            table = calloc(1, sizeof(*table));
            assert_non_null(table);
            assert_true(oracle->table_count < TABLES_MAX);
            oracle->tables[oracle->table_count++] = table;
            table->catalog.name = slice_of(line.ptr + 7, line.len - 7);
        } else if (slice_starts_nocase(line, SLICE("#COLS\t"))) {
            assert_non_null(table);
            read_columns(table, slice_of(line.ptr + 6, line.len - 6));
        } else if (line.len > 0 && line.ptr[0] != '#') {
            assert_non_null(table);
            read_row(table, line);
        }
    }
}

static void oracle_free(struct oracle *oracle)
{
    for (unsigned t = 0; t < oracle->table_count; t++) {
        for (unsigned r = 0; r < oracle->tables[t]->row_count; r++)
            free(oracle->tables[t]->rows[r]);
        free(oracle->tables[t]);
    }
    free(oracle->text);
}

static struct oracle_table *find_table(struct oracle *oracle, struct slice name)
{
    for (unsigned t = 0; t < oracle->table_count; t++)
        if (slice_equal(oracle->tables[t]->catalog.name, name))
            return oracle->tables[t];
    return NULL;
}

/* System-versioned tables have several rows of one key, which the oracle cannot tell apart. */
static bool wants_table(struct slice name)
{
    return !slice_equal(name, SLICE("t_sys"));
}

static bool wants(void *ctx, struct slice db UNUSED, struct slice name)
{
    return find_table(ctx, name) != NULL && wants_table(name);
}

static enum rc catalog(void *ctx, struct slice db, struct slice name, bool refresh UNUSED,
                       const struct catalog_table **table_out, struct error *err)
{
    struct oracle_table *table = find_table(ctx, name);
    if (table == NULL)
        return error_set(err, RC_NOT_FOUND, "The oracle does not have the table.");
    table->catalog.db = db;
    *table_out = &table->catalog;
    return RC_OK;
}

/* --- one value --- */

static bool equal_hex(struct slice hex, struct slice bytes)
{
    static const char digits[] = "0123456789ABCDEF";
    if (hex.len != 2 * bytes.len)
        return false;
    for (size_t i = 0; i < bytes.len; i++)
        if (hex.ptr[2 * i] != digits[bytes.ptr[i] >> 4] ||
            hex.ptr[2 * i + 1] != digits[bytes.ptr[i] & 15])
            return false;
    return true;
}

static struct slice unhex(struct slice hex, struct buf *out)
{
    buf_reset(out);
    for (size_t i = 0; i + 1 < hex.len; i += 2) {
        char pair[3] = {(char)hex.ptr[i], (char)hex.ptr[i + 1], '\0'};
        buf_add_byte(out, (uint8_t)strtoul(pair, NULL, 16));
    }
    return buf_slice(out);
}

static double number(struct slice text)
{
    char copy[400];
    snprintf(copy, sizeof(copy), "%.*s", SLICE_ARG(text));
    return strtod(copy, NULL);
}

/* The client writes a backslash before backslashes, line ends and NUL. */
static struct slice unescape(struct slice text, struct buf *out)
{
    buf_reset(out);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '\\' && i + 1 < text.len) {
            c = text.ptr[++i];
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c;
        }
        buf_add_byte(out, c);
    }
    return buf_slice(out);
}

/* What the labels of a number would be. */
static struct slice label_text(const struct column *column, uint64_t value, struct buf *out)
{
    buf_reset(out);
    if (column->labels == NULL) {
        buf_add_u64(out, value);
    } else if (column->kind == COLUMN_ENUM) {
        if (value > 0)
            buf_add_slice(out, column->labels[value - 1]);
    } else {
        for (uint32_t i = 0; i < column->label_count; i++)
            if ((value >> i & 1) != 0) {
                if (out->len > 0)
                    buf_add_byte(out, ',');
                buf_add_slice(out, column->labels[i]);
            }
    }
    return buf_slice(out);
}

static bool same_string(const struct column *column, struct slice expected, struct slice text)
{
    struct buf bytes;
    struct buf utf8;
    struct slice whole;
    buf_init(&bytes, 1 << 24);
    buf_init(&utf8, 1 << 24);
    bool same = charset_to_utf8(charset_by_name(column->charset), unhex(expected, &bytes), &utf8,
                                &whole) == RC_OK &&
                slice_equal(whole, text);
    buf_deinit(&bytes);
    buf_deinit(&utf8);
    return same;
}

/* The text without the ".0" of whole numbers. */
static struct slice without_points(struct slice text, struct buf *out)
{
    buf_reset(out);
    for (size_t i = 0; i < text.len; i++) {
        bool whole = i + 1 < text.len && text.ptr[i] == '.' && text.ptr[i + 1] == '0' &&
                     (i + 2 == text.len || text.ptr[i + 2] < '0' || text.ptr[i + 2] > '9');
        if (whole)
            i++;
        else
            buf_add_byte(out, text.ptr[i]);
    }
    return buf_slice(out);
}

static bool same_json(const struct oracle *oracle, struct slice expected, struct slice text)
{
    struct buf made;
    struct buf plain;
    buf_init(&made, 1 << 24);
    buf_init(&plain, 1 << 24);
    struct slice whole = unescape(expected, &made);
    bool same = slice_equal(whole, text) ||
                (oracle->is_mysql57 && slice_equal(whole, without_points(text, &plain)));
    buf_deinit(&made);
    buf_deinit(&plain);
    return same;
}

static bool same_value(const struct oracle *oracle, const struct column *column,
                       struct slice expected, struct slice text)
{
    struct buf made;
    bool same;
    uint64_t value = 0;
    buf_init(&made, 1 << 24);
    switch (column->kind) {
    case COLUMN_INT:
    case COLUMN_DOUBLE:
        same = slice_equal(expected, text) ||
               (column->kind == COLUMN_DOUBLE && number(expected) == number(text));
        break;
    case COLUMN_UINT:
    case COLUMN_BIT:
    case COLUMN_YEAR: {
        uint64_t other = 0; /* ZEROFILL and the year 0000 have leading zeros */
        same = text_parse_u64(expected, &value) && text_parse_u64(text, &other) && value == other;
        break;
    }
    case COLUMN_FLOAT:
        buf_addf(&made, "%.6g", number(expected));
        buf_addf(&made, "=%.6g", number(text));
        same =
            made.len % 2 == 1 && memcmp(made.ptr, made.ptr + made.len / 2 + 1, made.len / 2) == 0;
        break;
    case COLUMN_ENUM:
    case COLUMN_SET:
        same =
            text_parse_u64(expected, &value) && slice_equal(label_text(column, value, &made), text);
        break;
    case COLUMN_STRING:
        same = same_string(column, expected, text);
        break;
    case COLUMN_BYTES:
    case COLUMN_GEOMETRY:
        same = equal_hex(expected, text);
        break;
    case COLUMN_VECTOR: {
        struct column twin = *column;
        struct buf scratch;
        struct slice again = SLICE_EMPTY;
        buf_init(&scratch, 1 << 20);
        same = twin.text(&twin, unhex(expected, &made), &scratch, &again, NULL) == RC_OK &&
               slice_equal(again, text);
        buf_deinit(&scratch);
        break;
    }
    case COLUMN_JSON:
        same = same_json(oracle, expected, text);
        break;
    default:
        same = slice_equal(expected, text);
        break;
    }
    buf_deinit(&made);
    return same;
}

/* --- one row --- */

/* CHAR and VARCHAR have as many characters as they were declared with. */
static bool same_length(const struct column *column, const struct catalog_column *known)
{
    struct value_declared declared;
    value_declared_parse(&declared, known);
    if (declared.kind != COLUMN_STRING || declared.blob_prefix > 0)
        return true;
    return declared.length == column->length;
}

static void compare_row(struct oracle *oracle, struct oracle_row *expected,
                        const struct table *table, const struct row *row)
{
    struct buf scratch;
    struct error err;
    buf_init(&scratch, 1 << 26);
    expected->seen++;
    expected->last_was_equal = true;
    assert_int_equal(expected->field_count, table->column_count);
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        struct slice want = expected->fields[i];
        bool is_null = slice_equal(want, SLICE("NULL"));
        struct slice text = SLICE("NULL");
        bool same = is_null == (row->cells[i].state == CELL_NULL);
        if (!same_length(column, &find_table(oracle, table->name)->columns[i]))
            text = SLICE("another length"), same = false;
        if (row->cells[i].state == CELL_VALUE) {
            buf_reset(&scratch);
            if (cell_text(column, &row->cells[i], &scratch, &text, &err) != RC_OK)
                text = slice_of(err.text, err.text_len), same = false;
        }
        if (same && !is_null)
            same = same_value(oracle, column, want, text);
        oracle->values_compared++;
        if (same)
            continue;
        expected->last_was_equal = false;
        snprintf(expected->why, sizeof(expected->why),
                 "%.*s.%.*s (%.*s): \"%.*s\" and not \"%.*s\"", SLICE_ARG(table->name),
                 SLICE_ARG(column->name), SLICE_ARG(column->type),
                 (int)(text.len < 150 ? text.len : 150), (const char *)text.ptr,
                 (int)(want.len < 150 ? want.len : 150), (const char *)want.ptr);
    }
    buf_deinit(&scratch);
}

/* The row's key is its first column, an integer. */
static struct oracle_row *find_row(struct oracle *oracle, const struct table *table,
                                   const struct row *row)
{
    struct oracle_table *known = find_table(oracle, table->name);
    struct buf scratch;
    struct slice key;
    struct oracle_row *found = NULL;
    if (known == NULL)
        return NULL;
    buf_init(&scratch, 4096);
    assert_int_equal(cell_text(&table->columns[0], &row->cells[0], &scratch, &key, NULL), RC_OK);
    for (unsigned r = 0; r < known->row_count && found == NULL; r++)
        if (slice_equal(known->rows[r]->fields[0], key))
            found = known->rows[r];
    buf_deinit(&scratch);
    return found;
}

/* MariaDB before 10.2 writes virtual columns as NULL into the binlog (facts/binlog.md 6.9). */
static bool is_known_miss(const char *path, const struct oracle_row *row)
{
    bool old = strstr(path, "mariadb-10.0") != NULL || strstr(path, "mariadb-10.1.") != NULL;
    return old && strstr(row->why, "t_gcol") != NULL &&
           strstr(row->why, "\"NULL\" and not") != NULL;
}

static void report(const struct oracle *oracle, const char *path)
{
    unsigned rows = 0;
    unsigned wrong = 0;
    for (unsigned t = 0; t < oracle->table_count; t++)
        for (unsigned r = 0; r < oracle->tables[t]->row_count; r++) {
            const struct oracle_row *row = oracle->tables[t]->rows[r];
            rows += row->seen > 0;
            if (row->seen == 0 && wants_table(oracle->tables[t]->catalog.name)) {
                print_error("%s: row %.*s of %.*s is not in the binlog\n", path,
                            SLICE_ARG(row->fields[0]), SLICE_ARG(oracle->tables[t]->catalog.name));
                wrong++;
            }
            if (row->seen == 0 || row->last_was_equal || is_known_miss(path, row))
                continue;
            print_error("%s: %s\n", path, row->why);
            wrong++;
        }
    print_message("%s: %u rows, %u values\n", path, rows, oracle->values_compared);
    assert_true(rows > 20);
    assert_int_equal(wrong, 0);
}

static void decode_one(const char *path)
{
    struct oracle oracle = {.is_mysql57 = strstr(path, "mysql-5.7") != NULL};
    char oracle_path[512];
    snprintf(oracle_path, sizeof(oracle_path), "%s.oracle.tsv", path);
    oracle_read(&oracle, oracle_path);
    struct binlog_stream_options options = {
        .wants = wants,
        .wants_ctx = &oracle,
        .catalog = catalog,
        .catalog_ctx = &oracle,
        .verify_checksums = true,
        .offline = true,
        .server = "",
    };
    const struct source_file_config config = {
        .files = &path, .file_count = 1, .verify_checksums = true};
    struct binlog_feed *feed = NULL;
    struct binlog_stream *stream = NULL;
    struct error err = {0};
    assert_int_equal(file_feed_new(&config, &feed, &err), RC_OK);
    assert_int_equal(binlog_stream_new(&options, feed, &stream, &err), RC_OK);
    struct change change;
    enum rc rc;
    while ((rc = binlog_stream_next(stream, &change, 1000, &err)) == RC_OK) {
        if (change.kind != CHANGE_INSERT && change.kind != CHANGE_UPDATE)
            continue;
        struct oracle_row *expected = find_row(&oracle, change.table, &change.after);
        if (expected != NULL)
            compare_row(&oracle, expected, change.table, &change.after);
    }
    if (rc != RC_EOF)
        fail_msg("%s: %s", path, err.text);
    report(&oracle, path);
    binlog_stream_free(stream);
    feed->ops->close(feed);
    oracle_free(&oracle);
}

static void types_of_every_server(void **state UNUSED)
{
    glob_t found;
    assert_int_equal(
        glob(TEST_GENERATED_DIR "/*/types_full_image_meta_minimal.binlog", 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 10);
    for (size_t i = 0; i < found.gl_pathc; i++)
        decode_one(found.gl_pathv[i]);
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_of_every_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

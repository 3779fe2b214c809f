/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as a source: slicing across reads, offsets, bounds, and files that are cut off, damaged or
 * no binlog at all. The last test reads real files of many servers where they are at hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "binlog/binlog.h"
#include "event_writer.h"

static char directory[] = "/tmp/millrace-test-XXXXXX";
static char path[64];

static int setup_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/binlog.000001", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static void write_file(const void *magic, const struct writer *w, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite(magic, 1, 4, file);
    fwrite(w->bytes, 1, len, file);
    assert_int_equal(fclose(file), 0);
}

struct reading {
    unsigned rows;
    unsigned commits;
    uint32_t first_id;
    enum rc rc;
    struct error err;
    struct source_stats stats;
};

static struct reading read_all(struct source_file_config config)
{
    struct reading reading = {0};
    struct source_options options = {.config = &config, .name = SLICE("test")};
    struct source *source = NULL;
    struct change change;
    config.verify_checksums = true;
    reading.rc = binlog_file_source.open(&options, &source, &reading.err);
    if (reading.rc != RC_OK)
        return reading;
    assert_int_equal(binlog_file_source.start(source, NULL, &reading.err), RC_OK);
    while ((reading.rc = binlog_file_source.next(source, &change, 60000, &reading.err)) == RC_OK) {
        if (change.kind == CHANGE_INSERT && reading.rows++ == 0)
            reading.first_id = load_u32le(change.after.cells[0].ptr);
        reading.commits += change.kind == CHANGE_COMMIT;
    }
    binlog_file_source.stats(source, &reading.stats);
    binlog_file_source.close(source);
    return reading;
}

static struct reading read_one(uint64_t start_offset, uint64_t stop_offset)
{
    const char *files[] = {path};
    return read_all((struct source_file_config){
        .files = files, .file_count = 1, .start_offset = start_offset, .stop_offset = stop_offset});
}

static const char magic[] = "\xfe"
                            "bin";

static void assert_words(const struct reading *reading, enum rc rc, const char *words)
{
    if (reading->rc != rc || strstr(reading->err.text, words) == NULL)
        fail_msg("%s with '%s' expected, but %s: %s", rc_name(rc), words, rc_name(reading->rc),
                 reading->err.text);
}

static void make(struct writer *w, unsigned transactions)
{
    *w = (struct writer){.crc32 = true, .base = 4};
    put_format(w, "8.0.36");
    for (unsigned i = 1; i <= transactions; i++)
        put_transaction(w, i, i * 10, 3);
}

static void test_reads_to_a_clean_end(void **state)
{
    static struct writer w;
    (void)state;
    make(&w, 4);
    write_file(magic, &w, w.len);
    struct reading reading = read_one(0, 0);
    assert_int_equal(reading.rc, RC_EOF);
    assert_int_equal(reading.rows, 12);
    assert_int_equal(reading.commits, 4);
    assert_int_equal(reading.stats.bytes_read, w.len + 4);
    assert_int_equal(reading.stats.rows_read, 12);
    assert_int_equal(reading.stats.txns_read, 4);
}

static void test_every_truncation_names_the_place(void **state)
{
    static struct writer w;
    (void)state;
    make(&w, 1);
    for (size_t len = 0; len < w.len; len++) {
        size_t at = 0;
        while (at < len && at + load_u32le(w.bytes + at + 9) <= len)
            at += load_u32le(w.bytes + at + 9);
        write_file(magic, &w, len);
        struct reading reading = read_one(0, 0);
        char offset[48];
        snprintf(offset, sizeof(offset), "offset %zu", at + 4);
        if (at == len) {
            assert_int_equal(reading.rc, RC_EOF);
        } else {
            assert_words(&reading, RC_CORRUPT, offset);
            assert_words(&reading, RC_CORRUPT, path);
        }
    }
}

static void test_what_is_no_binlog_is_refused(void **state)
{
    static struct writer w;
    (void)state;
    make(&w, 1);
    write_file("\x28\xb5\x2f\xfd", &w, w.len);
    struct reading reading = read_one(0, 0);
    assert_words(&reading, RC_CORRUPT, ".zst");
    write_file("\xfd"
               "bin",
               &w, w.len);
    reading = read_one(0, 0);
    assert_words(&reading, RC_UNSUPPORTED, "encrypted");
    const char *files[] = {"/nonexistent/binlog.000001"};
    reading = read_all((struct source_file_config){.files = files, .file_count = 1});
    assert_words(&reading, RC_NOT_FOUND, "/nonexistent/binlog.000001");
}

static void test_impossible_length_is_named(void **state)
{
    static struct writer w;
    (void)state;
    make(&w, 1);
    size_t at = load_u32le(w.bytes + 9);
    store_u32le(w.bytes + at + 9, 7);
    write_file(magic, &w, w.len);
    struct reading reading = read_one(0, 0);
    assert_words(&reading, RC_CORRUPT, "GTID");
    assert_words(&reading, RC_CORRUPT, "length of 7");
}

static void test_bounds(void **state)
{
    static struct writer w;
    (void)state;
    make(&w, 2);
    size_t second = w.base + w.len;
    put_transaction(&w, 3, 30, 3);
    write_file(magic, &w, w.len);
    struct reading reading = read_one(second, 0);
    assert_int_equal(reading.rc, RC_EOF);
    assert_int_equal(reading.rows, 3);
    assert_int_equal(reading.first_id, 30);
    reading = read_one(0, second);
    assert_int_equal(reading.rc, RC_EOF);
    assert_int_equal(reading.rows, 6);
    reading = read_one(second + 1, 0);
    assert_int_equal(reading.rc, RC_CORRUPT);
    reading = read_one(1 << 20, 0);
    assert_words(&reading, RC_USAGE, "behind the end");
}

static void test_several_files_in_order(void **state)
{
    static struct writer w;
    const char *files[] = {path, path};
    (void)state;
    make(&w, 2);
    write_file(magic, &w, w.len);
    struct reading reading = read_all((struct source_file_config){.files = files, .file_count = 2});
    assert_int_equal(reading.rc, RC_EOF);
    assert_int_equal(reading.rows, 12);
}

/* Standard input is a pipe that gives its bytes in small pieces. */
static void test_standard_input(void **state)
{
    static struct writer w;
    const char *files[] = {"-"};
    int ends[2];
    (void)state;
    make(&w, 3);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        bool written = write(ends[1], magic, 4) == 4;
        for (size_t at = 0; at < w.len && written; at += 100)
            written = write(ends[1], w.bytes + at, w.len - at < 100 ? w.len - at : 100) > 0;
        _exit(written ? 0 : 1);
    }
    int saved = dup(STDIN_FILENO);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    struct reading reading = read_all((struct source_file_config){.files = files, .file_count = 1});
    dup2(saved, STDIN_FILENO);
    close(saved);
    assert_int_equal(reading.rc, RC_EOF);
    assert_int_equal(reading.rows, 9);
}

/* Events that lie across the end of a read, and one larger than the buffer. */
static void test_events_across_reads(void **state)
{
    static struct writer w;
    enum { TIMES = 400, ROWS = 80000 };
    (void)state;
    make(&w, 1);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite(magic, 1, 4, file);
    fwrite(w.bytes, 1, w.len, file);
    w.len = 0;
    put_transaction(&w, 1, 1, 1000);
    for (unsigned i = 0; i < TIMES; i++)
        fwrite(w.bytes, 1, w.len, file);
    /* A rows event of 2.4 MB, without a writer large enough to hold it. */
    w.len = 0;
    put_query(&w, "shop", "BEGIN");
    put_table_map(&w, 90, "t", true);
    fwrite(w.bytes, 1, w.len, file);
    w.len = 0;
    put_rows_head(&w, EVENT_WRITE_ROWS, 90);
    size_t head = w.len;
    struct writer row = {0};
    put_row(&row, 5, "a row of thirty bytes, no");
    store_u32le(w.bytes + 9, (uint32_t)(head + ROWS * row.len + EVENT_CRC_LEN));
    uLong crc = crc32(0, w.bytes, (uInt)head);
    fwrite(w.bytes, 1, head, file);
    for (unsigned i = 0; i < ROWS; i++) {
        crc = crc32(crc, row.bytes, (uInt)row.len);
        fwrite(row.bytes, 1, row.len, file);
    }
    uint8_t tail[4];
    store_u32le(tail, (uint32_t)crc);
    fwrite(tail, 1, sizeof(tail), file);
    w.len = 0;
    put_xid(&w);
    fwrite(w.bytes, 1, w.len, file);
    assert_int_equal(fclose(file), 0);
    struct reading reading = read_one(0, 0);
    assert_int_equal(reading.rc, RC_EOF);
    assert_int_equal(reading.rows, 3 + TIMES * 1000 + ROWS);
    assert_true(reading.stats.bytes_copied > 0);
    assert_true(reading.stats.bytes_copied < reading.stats.bytes_read / 4);
}

/* What the servers' own files must give: rows, and how the file ends. */
static void test_real_files(void **state)
{
    static const struct {
        const char *file;
        unsigned rows;
        unsigned commits;
        enum rc rc;
    } cases[] = {
        {"mysql-8.0.46/txn_checksum_none.binlog", 3, 4, RC_EOF},
        {"mysql-9.7/tagged_gtids.binlog.000001", 5, 6, RC_EOF},
        {"mysql-9.7/multi_table_trigger_split.binlog", 48, 19, RC_EOF},
        {"mysql-9.7/types_full_image_meta_full.binlog", 95, 102, RC_EOF},
        {"mysql-8.0.28/types_full_image_meta_minimal.binlog", 92, 98, RC_EOF},
        {"mysql-9.7/partial_json.binlog", 2, 9, RC_UNSUPPORTED}, /* ends with minimal images */
        {"mysql-9.7/partial_json_compressed.binlog", 1, 3, RC_EOF},
        {"mysql-9.7/statement_format.binlog", 0, 9, RC_EOF},
        {"mysql-9.7/compressed_payload.binlog", 32, 32, RC_EOF},
        {"mariadb-10.11.19/gtid_domains.binlog.000001", 3, 4, RC_EOF},
        {"mariadb-11.8.9/multi_table_trigger_split.binlog", 48, 19, RC_EOF},
        {"mariadb-10.6.23/log_bin_compress.binlog", 33, 41, RC_EOF}, /* statement format */
        {"mariadb-10.0.38/txn_nogtid_crc32.binlog", 29, 29, RC_EOF},
        {"mariadb-10.11.19/encrypted_file_key_management.binlog", 0, 0, RC_UNSUPPORTED},
    };
    static const char folder[] = TEST_GENERATED_DIR;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char name[256];
        snprintf(name, sizeof(name), "%s/%s", folder, cases[i].file);
        const char *files[] = {name};
        struct reading reading =
            read_all((struct source_file_config){.files = files, .file_count = 1});
        if (reading.rows != cases[i].rows || reading.commits != cases[i].commits ||
            reading.rc != cases[i].rc)
            fail_msg("%s: %u inserts, %u commits, %s: %s", cases[i].file, reading.rows,
                     reading.commits, rc_name(reading.rc), reading.err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_to_a_clean_end),
        cmocka_unit_test(test_every_truncation_names_the_place),
        cmocka_unit_test(test_what_is_no_binlog_is_refused),
        cmocka_unit_test(test_impossible_length_is_named),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_several_files_in_order),
        cmocka_unit_test(test_standard_input),
        cmocka_unit_test(test_events_across_reads),
        cmocka_unit_test(test_real_files),
    };
    return cmocka_run_group_tests(tests, setup_directory, remove_directory);
}

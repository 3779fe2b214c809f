/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of records: what is appended comes back in its order, whether it is written already or not, and of a
 * file that is cut, damaged or another one's nothing comes that was not appended.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "binlog/record_file_int.h"

#define NAME "records"

static const struct record_style style = {
    .magic = "RECORDS1", .what = "The test", .body_max = (size_t)4 << 20, .kind_max = 2};

struct place {
    char dir[64];
    int dir_fd;
    struct record_writer writer;
    struct record_reader reader;
};

static void make(struct place *place)
{
    snprintf(place->dir, sizeof(place->dir), "/tmp/millrace-records-XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    place->dir_fd = open(place->dir, O_RDONLY | O_DIRECTORY);
    assert_true(place->dir_fd >= 0);
    record_writer_init(&place->writer, &style);
    record_reader_init(&place->reader, &style);
    assert_int_equal(record_writer_begin(&place->writer, place->dir_fd, NAME, 7, NULL), RC_OK);
}

static void clean(struct place *place)
{
    record_writer_deinit(&place->writer);
    record_reader_deinit(&place->reader);
    assert_int_equal(unlinkat(place->dir_fd, NAME, 0), 0);
    close(place->dir_fd);
    assert_int_equal(rmdir(place->dir), 0);
}

/* A body of so many bytes, each the record's number. */
static struct slice body_of(unsigned number, size_t len)
{
    static uint8_t bytes[(size_t)4 << 20];
    assert_true(len <= sizeof(bytes));
    memset(bytes, (int)number, len);
    return slice_of(bytes, len);
}

/* Around what is written at once, and around half of it, which is not copied. */
static const size_t sizes[] = {
    1, 100, 700 << 10, 3, 0, (1 << 20) - 13, 500 << 10, 500 << 10, 3 << 20, 20, (512 << 10) + 1, 2};

static void append_all(struct place *place)
{
    for (unsigned i = 0; i < COUNT_OF(sizes); i++)
        assert_int_equal(
            record_writer_append(&place->writer, (uint8_t)(1 + i % 2), body_of(i, sizes[i]), NULL),
            RC_OK);
}

/* Reads to the end; returns how many records came, each as it was appended. */
static unsigned read_all(struct place *place, uint64_t seed, uint64_t end,
                         const struct record_writer *writer, enum rc *rc_out)
{
    struct record record;
    unsigned count = 0;
    *rc_out = record_reader_open(&place->reader, place->dir_fd, NAME, seed, 0, NULL);
    if (*rc_out != RC_OK)
        return 0;
    while ((*rc_out = record_reader_next(&place->reader, end, writer, &record, NULL)) == RC_OK) {
        assert_true(count < COUNT_OF(sizes));
        assert_int_equal(record.kind, 1 + count % 2);
        assert_true(slice_equal(record.body, body_of(count, sizes[count])));
        count++;
    }
    return count;
}

static void come_back_in_order(void **state)
{
    struct place place;
    enum rc rc;
    (void)state;
    make(&place);
    append_all(&place);
    uint64_t end = record_writer_bytes(&place.writer);
    uint64_t sum = RECORD_MAGIC_LEN;
    for (unsigned i = 0; i < COUNT_OF(sizes); i++)
        sum += RECORD_HEAD + sizes[i];
    assert_int_equal(end, sum);
    assert_true(place.writer.tail.len > 0); /* the last ones are in memory alone */
    assert_int_equal(read_all(&place, 7, end, &place.writer, &rc), COUNT_OF(sizes));
    assert_int_equal(rc, RC_EOF);
    assert_int_equal(record_writer_flush(&place.writer, NULL), RC_OK);
    assert_int_equal(record_file_sync(&style, place.dir_fd, NAME, NULL), RC_OK);
    assert_int_equal(read_all(&place, 7, end, NULL, &rc), COUNT_OF(sizes));
    assert_int_equal(rc, RC_EOF);
    assert_int_equal(read_all(&place, 8, end, NULL, &rc), 0); /* another file's bytes */
    assert_int_equal(rc, RC_CORRUPT);
    clean(&place);
}

static void cut_and_damaged(void **state)
{
    struct place place;
    enum rc rc;
    (void)state;
    make(&place);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(
            record_writer_append(&place.writer, (uint8_t)(1 + i), body_of(i, sizes[i]), NULL),
            RC_OK);
    assert_int_equal(record_writer_flush(&place.writer, NULL), RC_OK);
    uint64_t end = record_writer_bytes(&place.writer);
    int fd = openat(place.dir_fd, NAME, O_RDWR);
    for (uint64_t at = 0; at < end; at++) {
        uint8_t byte = 0;
        assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        unsigned whole = read_all(&place, 7, end, NULL, &rc);
        assert_int_equal(rc, RC_CORRUPT);
        assert_int_equal(whole, at < RECORD_MAGIC_LEN + RECORD_HEAD + 1 ? 0 : 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    }
    assert_int_equal(read_all(&place, 7, end, NULL, &rc), 2);
    for (uint64_t len = end; len-- > 0;) {
        assert_int_equal(ftruncate(fd, (off_t)len), 0);
        (void)read_all(&place, 7, end, NULL, &rc);
        assert_int_equal(rc, RC_CORRUPT);
    }
    close(fd);
    clean(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(come_back_in_order),
        cmocka_unit_test(cut_and_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

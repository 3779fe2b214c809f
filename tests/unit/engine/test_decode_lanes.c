/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lanes print is what one writer would have written, whatever the number of threads; a row that
 * cannot be written ends it behind the events before it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/commands/decode_lanes_int.h"
#include "engine/engine.h"

enum { CHANGES = 2500, LARGE = 300 << 10, LARGE_EVERY = 1300, DDL_EVERY = 1100, NEVER = -1 };

static uint8_t bytes[LARGE];

/* "!" cannot be written. */
static enum rc text_of(const struct column *column, struct slice cell, struct buf *scratch UNUSED,
                       struct slice *text, struct error *err)
{
    *text = cell;
    if (slice_equal(cell, SLICE("!")))
        return error_set(err, RC_REJECTED, "Column %.*s is odd.", SLICE_ARG(column->name));
    return RC_OK;
}

static struct column columns[] = {{.name = SLICE("id"), .kind = COLUMN_STRING, .text = text_of},
                                  {.name = SLICE("note"), .kind = COLUMN_STRING, .text = text_of}};
static const uint32_t key[] = {0};
static struct table table = {.db = SLICE("shop"),
                             .name = SLICE("orders"),
                             .columns = columns,
                             .column_count = 2,
                             .key = key,
                             .key_count = 1};

/* Change `number` of the stream: rows of many sizes in transactions of three, statements, rows too large
 * for a batch, the ends of transactions. `cells` and `txn` are its memory. */
static struct change change_at(unsigned number, long odd, struct cell *cells, struct txn *txn)
{
    static char gtid[20];
    snprintf(gtid, sizeof(gtid), "0-1-%u", number / 3);
    *txn = (struct txn){.gtid = slice_str(gtid), .file = SLICE("bin.000001"), .offset = number / 3};
    struct change change = {
        .table = &table, .txn = txn, .ordinal = number, .event_offset = number / 7};
    if (number % 10 == 8) {
        change.kind = CHANGE_COMMIT;
        return change;
    }
    if (number % DDL_EVERY == DDL_EVERY - 1) {
        change.kind = CHANGE_SCHEMA;
        change.ddl = SLICE("ALTER TABLE orders COMMENT ''");
        return change;
    }
    uint32_t len = number % LARGE_EVERY == LARGE_EVERY - 1 ? LARGE : number * 7919 % 400;
    cells[0] = (struct cell){bytes + number % 64, 20, CELL_VALUE};
    cells[1] = number == odd ? (struct cell){(const uint8_t *)"!", 1, CELL_VALUE}
                             : (struct cell){bytes, len, CELL_VALUE};
    change.kind = CHANGE_INSERT;
    change.after = (struct row){cells, 2};
    return change;
}

/* Every event before the odd one. */
static void expected_events(struct buf *out, long odd)
{
    struct cloudevent_writer writer;
    struct error err;
    assert_int_equal(cloudevent_writer_init(&writer, SLICE("test"), &err), RC_OK);
    for (unsigned i = 0; i < CHANGES && i != odd; i++) {
        struct cell cells[2];
        struct txn txn;
        struct change change = change_at(i, odd, cells, &txn);
        assert_int_equal(cloudevent_add(&writer, out, &change, &err), RC_OK);
    }
    cloudevent_writer_deinit(&writer);
}

static enum rc add_all(struct lanes *lanes, long odd, struct error *err)
{
    for (unsigned i = 0; i < CHANGES; i++) {
        struct cell cells[2];
        struct txn txn;
        struct change change = change_at(i, odd, cells, &txn);
        enum rc rc = lanes_add(lanes, &change, err);
        if (rc != RC_OK)
            return rc;
    }
    return lanes_finish(lanes, err);
}

/* All of it with standard output in `fd`. */
static enum rc print_to(int fd, unsigned threads, long odd, struct error *err)
{
    struct lanes *lanes;
    int saved = dup(STDOUT_FILENO);
    assert_int_equal(lanes_new(SLICE("test"), threads, &lanes, err), RC_OK);
    fflush(stdout);
    assert_true(saved >= 0 && dup2(fd, STDOUT_FILENO) >= 0);
    enum rc rc = add_all(lanes, odd, err);
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    close(saved);
    lanes_free(lanes);
    return rc;
}

static void expect_printed(unsigned threads, long odd, const struct buf *expected)
{
    struct error err;
    error_clear(&err);
    char path[] = "/tmp/lanes-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    enum rc rc = print_to(fd, threads, odd, &err);
    assert_int_equal(rc, odd == NEVER ? RC_OK : RC_REJECTED);
    if (odd != NEVER)
        assert_non_null(strstr(err.text, "Column note is odd."));
    assert_int_equal(lseek(fd, 0, SEEK_END), expected->len);
    uint8_t *printed = malloc(expected->len);
    assert_int_equal(pread(fd, printed, expected->len, 0), expected->len);
    assert_memory_equal(printed, expected->ptr, expected->len);
    free(printed);
    close(fd);
}

/* A row that fails: in the first batch, in one behind it, behind one too large for a batch, and the last of all. */
static void printed_in_order(void **state UNUSED)
{
    static const long odd[] = {NEVER, 5, 1601, LARGE_EVERY, CHANGES - 1};
    static const unsigned threads[] = {1, 2, 5};
    for (unsigned i = 0; i < COUNT_OF(odd); i++) {
        struct buf expected;
        buf_init(&expected, 1 << 30);
        expected_events(&expected, odd[i]);
        for (unsigned k = 0; k < COUNT_OF(threads); k++)
            expect_printed(threads[k], odd[i], &expected);
        buf_deinit(&expected);
    }
}

static void reader_gone(void **state UNUSED)
{
    struct error err;
    int ends[2];
    error_clear(&err);
    signal(SIGPIPE, SIG_IGN);
    for (unsigned threads = 1; threads <= 3; threads++) {
        assert_int_equal(pipe(ends), 0);
        close(ends[0]);
        assert_int_equal(print_to(ends[1], threads, NEVER, &err), RC_EOF);
        close(ends[1]);
    }
}

static void disk_full(void **state UNUSED)
{
    struct error err;
    error_clear(&err);
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        skip();
    for (unsigned threads = 1; threads <= 3; threads++) {
        assert_int_equal(print_to(fd, threads, NEVER, &err), RC_IO);
        assert_non_null(strstr(err.text, "Standard output cannot be written"));
    }
    close(fd);
}

int main(void)
{
    for (unsigned i = 0; i < LARGE; i++)
        bytes[i] = (uint8_t)('a' + i * 31 % 26);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printed_in_order),
        cmocka_unit_test(reader_gone),
        cmocka_unit_test(disk_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

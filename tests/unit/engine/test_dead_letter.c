/* SPDX-License-Identifier: Apache-2.0 */
/* The file of dead letters: what is in it again after a crash, an edit, a renamed table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/engine.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char file[100];
static struct error err;

static struct dead_letters *open_letters(uint64_t rows_max)
{
    struct dead_letters *letters = NULL;
    error_clear(&err);
    if (dead_letters_open(folder, rows_max, &letters, &err) != RC_OK)
        fail_msg("%s", err.text);
    return letters;
}

static enum rc add(struct dead_letters *letters, const char *table, const char *key, const char *id)
{
    char event[200];
    snprintf(event, sizeof(event), "{\"specversion\":\"1.0\",\"id\":\"%s\"}", id);
    struct dead_letter letter = {.db = SLICE("ods"),
                                 .table = slice_str(table),
                                 .key = slice_str(key),
                                 .event = slice_str(event),
                                 .label = SLICE("L-1"),
                                 .reason = SLICE("no \"partition\""),
                                 .columns = SLICE("[\"id\"]"),
                                 .row = SLICE("{\"id\":1}"),
                                 .epoch = 7};
    return dead_letters_add(letters, &letter, &err);
}

static void put(struct dead_letters *letters, const char *table, const char *key, const char *id)
{
    if (add(letters, table, key, id) != RC_OK || dead_letters_store(letters, &err) != RC_OK)
        fail_msg("%s", err.text);
}

static unsigned count_of(const struct dead_letters *letters, const char *table)
{
    uint64_t from = 0;
    unsigned count = 0;
    while (dead_letters_next(letters, SLICE("ods"), slice_str(table), &from) != NULL)
        count++;
    return count;
}

static char *content(void)
{
    static char text[8192];
    int fd = open(file, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t got = read(fd, text, sizeof(text) - 1);
    assert_true(got >= 0);
    text[got] = '\0';
    close(fd);
    return text;
}

static void append(const char *text)
{
    int fd = open(file, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void test_found_again(void **state UNUSED)
{
    assert_false(dead_letters_wait(folder));
    struct dead_letters *letters = open_letters(10);
    put(letters, "a", "\x01\xff", "0-1-1:0");
    put(letters, "a", "\x01\xff", "0-1-1:0"); /* is known */
    put(letters, "a", "\x02", "0-1-1:0");     /* another row of the same change */
    put(letters, "b", "", "0-1-\\u00e9:1");
    assert_int_equal(dead_letters_count(letters), 3);
    dead_letters_close(letters);
    assert_true(dead_letters_wait(folder));
    struct stat status;
    assert_int_equal(stat(file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);

    letters = open_letters(10);
    uint64_t from = 0;
    const struct dead_letter_ref *ref = dead_letters_next(letters, SLICE("ods"), SLICE("a"), &from);
    assert_true(slice_equal(ref->key, SLICE("\x01\xff")));
    assert_true(slice_equal(ref->id, SLICE("0-1-1:0")));
    assert_int_equal(ref->epoch, 7);
    from = 0;
    ref = dead_letters_next(letters, SLICE("ods"), SLICE("b"), &from);
    assert_int_equal(ref->key.len, 0);
    assert_true(slice_equal(ref->id, SLICE("0-1-\xc3\xa9:1")));
    put(letters, "b", "", "0-1-\\u00e9:1"); /* is known in the next life, too */
    assert_int_equal(dead_letters_count(letters), 3);
    assert_int_equal(dead_letters_room(letters), 7);
    dead_letters_close(letters);
}

/* What is in a batch that is too large is not written at all. */
static void test_bound(void **state UNUSED)
{
    struct dead_letters *letters = open_letters(4);
    assert_int_equal(add(letters, "c", "", "1"), RC_OK);
    assert_int_equal(add(letters, "c", "", "2"), RC_LIMIT);
    assert_non_null(strstr(err.text, "dead-letter.max-rows"));
    assert_non_null(strstr(err.text, "no \"partition\""));
    dead_letters_close(letters);
    letters = open_letters(4);
    assert_int_equal(count_of(letters, "c"), 0);
    dead_letters_close(letters);
}

static void test_tables_come_and_go(void **state UNUSED)
{
    struct dead_letters *letters = open_letters(10);
    assert_int_equal(
        dead_letters_rename(letters, SLICE("ods"), SLICE("a"), SLICE("o\"ds"), SLICE("new"), &err),
        RC_OK);
    assert_int_equal(count_of(letters, "a"), 0);
    uint64_t from = 0;
    const struct dead_letter_ref *ref =
        dead_letters_next(letters, SLICE("o\"ds"), SLICE("new"), &from);
    assert_non_null(ref);
    assert_true(slice_equal(ref->key, SLICE("\x01\xff")));
    assert_int_equal(dead_letters_forget(letters, SLICE("ods"), SLICE("b"), &err), RC_OK);
    assert_int_equal(dead_letters_count(letters), 2);
    put(letters, "d", "x", "9"); /* behind what was written anew */
    dead_letters_close(letters);
    assert_non_null(strstr(content(), "\"table\":\"new\""));
    assert_null(strstr(content(), "\"table\":\"b\""));
    letters = open_letters(10);
    assert_int_equal(dead_letters_count(letters), 3);
    assert_int_equal(dead_letters_forget(letters, SLICE("o\"ds"), SLICE("new"), &err), RC_OK);
    assert_int_equal(dead_letters_forget(letters, SLICE("ods"), SLICE("none"), &err), RC_OK);
    assert_int_equal(dead_letters_count(letters), 1);
    dead_letters_close(letters);
}

static void test_torn_tail(void **state UNUSED)
{
    append("{\"db\":\"ods\",\"table\":\"t\",\"id\":\"1");
    struct dead_letters *letters = open_letters(10);
    assert_int_equal(dead_letters_count(letters), 1);
    put(letters, "e", "", "2");
    dead_letters_close(letters);
    letters = open_letters(10);
    assert_int_equal(count_of(letters, "e"), 1);
    dead_letters_close(letters);
}

/* A full disk: what was begun counts for nothing, and nothing more is written behind it. */
static void test_write_fails(void **state UNUSED)
{
    struct stat status;
    struct rlimit old;
    struct dead_letters *letters = open_letters(10);
    assert_int_equal(stat(file, &status), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit tight = {.rlim_cur = (rlim_t)status.st_size + 20, .rlim_max = old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_int_equal(add(letters, "f", "", "1"), RC_OK);
    assert_int_equal(dead_letters_store(letters, &err), RC_IO);
    assert_non_null(strstr(err.text, "cannot be written"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(add(letters, "f", "", "2"), RC_OK);
    assert_int_equal(dead_letters_store(letters, &err), RC_IO);
    dead_letters_close(letters);
    letters = open_letters(10);
    assert_int_equal(count_of(letters, "f"), 0);
    dead_letters_close(letters);
    struct stat now;
    assert_int_equal(stat(file, &now), 0);
    assert_int_equal(now.st_size, status.st_size);
}

static bool of_g(void *ctx UNUSED, struct slice db UNUSED, struct slice table)
{
    return slice_equal(table, SLICE("g"));
}

static uint64_t find(const struct dead_letters *letters, const char *id)
{
    uint64_t index = 0;
    while (!slice_equal(dead_letters_at(letters, index)->id, slice_str(id)))
        index++;
    return index;
}

/* Letters that are loaded again: which they are outlives the engine, and so does that they were loaded. */
static void test_loaded_again(void **state UNUSED)
{
    struct dead_letters *letters = open_letters(10);
    put(letters, "g", "\x01", "g1");
    put(letters, "g", "\x02", "g2");
    put(letters, "g", "\x03", "g3");
    uint64_t others = dead_letters_count(letters) - 3;
    assert_int_equal(dead_letters_ask(letters, of_g, NULL), 3);
    assert_true(dead_letters_is_asked(letters, find(letters, "g3")));
    dead_letters_mark(letters, find(letters, "g1"), 12);
    assert_int_equal(dead_letters_keep(letters, find(letters, "g2"), SLICE("no \"room\""), &err),
                     RC_OK);
    assert_false(dead_letters_has_marked(letters, 12)); /* not yet */
    assert_int_equal(dead_letters_apply(letters, &err), RC_OK);
    assert_true(dead_letters_has_marked(letters, 12));
    assert_non_null(strstr(content(), "no \\\"room\\\""));
    /* What was not tried is still asked for. */
    assert_false(dead_letters_is_asked(letters, find(letters, "g1")));
    assert_false(dead_letters_is_asked(letters, find(letters, "g2")));
    assert_true(dead_letters_is_asked(letters, find(letters, "g3")));
    dead_letters_mark(letters, find(letters, "g3"), 13);
    assert_int_equal(dead_letters_apply(letters, &err), RC_OK);
    dead_letters_close(letters);

    /* Whoever only looks needs no lock, and changes nothing. */
    struct dead_letters *seen = NULL;
    letters = open_letters(10);
    assert_int_equal(dead_letters_peek(folder, &seen, &err), RC_OK);
    assert_int_equal(dead_letters_count(seen), others + 3);
    dead_letters_close(seen);
    assert_int_equal(dead_letters_at(letters, find(letters, "g1"))->replay, 12);
    assert_int_equal(dead_letters_settle(letters, 12, &err), RC_OK);
    assert_int_equal(dead_letters_count(letters), others + 2);
    assert_false(dead_letters_has_marked(letters, 13)); /* it was never begun */
    assert_int_equal(dead_letters_at(letters, find(letters, "g3"))->replay, 0);
    assert_int_equal(dead_letters_settle(letters, 0, &err), RC_OK);
    assert_int_equal(dead_letters_count(letters), others + 2);
    dead_letters_close(letters);
    letters = open_letters(10);
    assert_int_equal(dead_letters_count(letters), others + 2);
    assert_int_equal(dead_letters_forget(letters, SLICE("ods"), SLICE("g"), &err), RC_OK);
    dead_letters_close(letters);
}

/* The file cannot be written anew: it is the old one still, and nothing more is written. */
static void test_rewriting_fails(void **state UNUSED)
{
    struct rlimit old;
    struct dead_letters *letters = open_letters(10);
    put(letters, "h", "", "h1");
    char *before = strdup(content());
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit tight = {.rlim_cur = 20, .rlim_max = old.rlim_max};
    dead_letters_mark(letters, find(letters, "h1"), 14);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_int_equal(dead_letters_apply(letters, &err), RC_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(dead_letters_apply(letters, &err), RC_IO);
    dead_letters_close(letters);
    assert_string_equal(content(), before);
    free(before);
    letters = open_letters(10);
    assert_false(dead_letters_has_marked(letters, 14));
    assert_int_equal(dead_letters_forget(letters, SLICE("ods"), SLICE("h"), &err), RC_OK);
    dead_letters_close(letters);
    char path[110];
    snprintf(path, sizeof(path), "%s.new", file);
    unlink(path);
}

static void test_one_engine(void **state UNUSED)
{
    struct dead_letters *letters = open_letters(10);
    struct dead_letters *other = NULL;
    assert_int_equal(dead_letters_open(folder, 10, &other, &err), RC_LOCKED);
    /* The lock is of the file that took the old one's place, too. */
    assert_int_equal(dead_letters_forget(letters, SLICE("ods"), SLICE("e"), &err), RC_OK);
    assert_int_equal(dead_letters_open(folder, 10, &other, &err), RC_LOCKED);
    dead_letters_close(letters);
}

static void test_damaged(void **state UNUSED)
{
    static const char *const lines[] = {
        "\n",
        "nonsense\n",
        "{}\n",
        "[]\n",
        "{\"db\":\"o\",\"table\":\"t\",\"id\":\"1\"}\n",
        "{\"db\":1,\"table\":\"t\",\"id\":\"1\",\"epoch\":1,\"row\":{},\"event\":{}}\n",
        "{\"db\":\"o\",\"table\":\"t\",\"id\":\"1\",\"epoch\":1,\"row\":null,\"event\":{}}\n",
        "{\"db\":\"o\",\"table\":\"t\",\"id\":\"1\",\"epoch\":-1,\"row\":{},\"event\":{}}\n",
        "{\"db\":\"o\",\"table\":\"t\",\"id\":\"1\",\"epoch\":1,\"row\":{},\"event\":{}}x\n",
        "{\"db\":\"o\",\"table\":\"t\",\"key\":\"0g\",\"id\":\"1\",\"epoch\":1,\"row\":{},"
        "\"event\":{}}\n",
        "{\"db\":\"o\",\"table\":\"t\",\"id\":\"1\",\"epoch\":1,\"replay\":\"7\",\"row\":{},"
        "\"event\":{}}\n",
        "{\"db\":\"o\",\"table\":\"t\",\"key\":\"012\",\"id\":\"1\",\"epoch\":1,\"row\":{},"
        "\"event\":{}}\n",
    };
    struct stat status;
    assert_int_equal(stat(file, &status), 0);
    for (unsigned i = 0; i < COUNT_OF(lines); i++) {
        struct dead_letters *letters = NULL;
        append(lines[i]);
        enum rc rc = dead_letters_open(folder, 10, &letters, &err);
        if (rc != RC_CORRUPT)
            fail_msg("%s: %s", lines[i], rc_name(rc));
        assert_non_null(strstr(err.text, "Line 2 of"));
        assert_int_equal(truncate(file, status.st_size), 0);
    }
    /* As somebody might write it by hand. */
    append("{ \"db\" : \"o\", \"epoch\": 1 , \"table\":\"t\",\"id\":\"\\ud83d\\ude00\\n\", \"row\" "
           ": {\"a\":[1,{\"x\":\"}\"}]}, \"event\": {} }\n");
    struct dead_letters *letters = open_letters(10);
    uint64_t from = 0;
    const struct dead_letter_ref *ref = dead_letters_next(letters, SLICE("o"), SLICE("t"), &from);
    assert_true(slice_equal(ref->id, SLICE("\xf0\x9f\x98\x80\n")));
    dead_letters_close(letters);
}

static int make_folder(void **state UNUSED)
{
    snprintf(folder, sizeof(folder), "/tmp/millrace-letters-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(file, sizeof(file), "%s/dead-letters.ndjson", folder);
    return 0;
}

static int remove_folder(void **state UNUSED)
{
    unlink(file);
    return rmdir(folder);
}

int main(void)
{
    /* One file all along: each test begins with what the one before it left. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_again),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_tables_come_and_go),
        cmocka_unit_test(test_torn_tail),
        cmocka_unit_test(test_write_fails),
        cmocka_unit_test(test_loaded_again),
        cmocka_unit_test(test_rewriting_fails),
        cmocka_unit_test(test_one_engine),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

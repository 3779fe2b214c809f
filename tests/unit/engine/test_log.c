/* SPDX-License-Identifier: Apache-2.0 */
/* The log: lines as text and as JSON, levels, repetition, logs that cannot be written, progress. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "engine/engine.h"

static int log_end;
static int read_end;

static int open_pipe(void **state)
{
    (void)state;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return 1;
    read_end = ends[0];
    log_end = ends[1];
    return fcntl(read_end, F_SETFL, O_NONBLOCK);
}

static int close_pipe(void **state)
{
    (void)state;
    log_setup(STDERR_FILENO, LOG_FORMAT_AUTO, LOG_INFO);
    if (read_end >= 0)
        close(read_end);
    if (log_end >= 0)
        close(log_end);
    return 0;
}

/* What was written since the last call, without waiting. */
static const char *written(void)
{
    static char text[1 << 17];
    size_t len = 0;
    ssize_t got;
    while ((got = read(read_end, text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)got;
    text[len] = '\0';
    return text;
}

static unsigned count_lines(const char *text)
{
    unsigned count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static void a_line_of_text(void **state)
{
    (void)state;
    log_setup(log_end, LOG_FORMAT_TEXT, LOG_INFO);
    log_info("binlog.stream", "Connected.", LOG_STR("host", "db 1"), LOG_U64("port", 3306),
             LOG_I64("delta", -7), LOG_F64("rate", 1.5), LOG_STR("gtid", "a-1"),
             LOG_STR("empty", ""), LOG_STR("equals", "a=b"));
    const char *line = written();
    assert_int_equal(line[2], ':');
    assert_int_equal(line[5], ':');
    assert_string_equal(line + 8, " info  binlog.stream  Connected. host=\"db 1\" port=3306 "
                                  "delta=-7 rate=1.5 gtid=a-1 empty=\"\" equals=\"a=b\"\n");
    log_warn("sink", "Slow.");
    assert_string_equal(written() + 8, " warn  sink  Slow.\n");
    log_error("sink", "Bad.");
    assert_string_equal(written() + 8, " error sink  Bad.\n");
}

static void a_line_of_json(void **state)
{
    (void)state;
    log_setup(log_end, LOG_FORMAT_AUTO, LOG_INFO); /* a pipe is no terminal */
    log_info("binlog.stream", "Say \"it\".", LOG_STR("host", "a\\b\"c\n\t\x01"),
             LOG_U64("port", UINT64_MAX), LOG_I64("low", INT64_MIN), LOG_F64("rate", 0.1),
             LOG_F64("bad", (double)NAN), LOG_SLICE("none", SLICE_EMPTY));
    const char *line = written();
    assert_memory_equal(line, "{\"ts\":\"20", 9);
    const char *rest = strstr(line, "Z\",");
    assert_non_null(rest);
    assert_int_equal(rest - line, (int)strlen("{\"ts\":\"2026-11-21T14:00:00.000000"));
    assert_string_equal(
        rest, "Z\",\"level\":\"info\",\"component\":\"binlog.stream\",\"message\":\"Say "
              "\\\"it\\\".\",\"host\":\"a\\\\b\\\"c\\n\\t\\u0001\",\"port\":18446744073709551615,"
              "\"low\":-9223372036854775808,\"rate\":0.1,\"bad\":null,\"none\":\"\"}\n");
}

static void bytes_that_are_no_text(void **state)
{
    (void)state;
    struct slice odd = SLICE("\xc3\xa9\xff\xe2\x82\x1b[2J\xc2\x9bq\xed\xa0\x80");
    log_setup(log_end, LOG_FORMAT_JSON, LOG_INFO);
    log_info("a", "B.", LOG_SLICE("odd", odd));
    const char *line = written();
    assert_true(text_is_utf8(slice_str(line)));
    assert_non_null(strstr(line, "\"odd\":\"\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\u001b[2J"
                                 "\\u009bq\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}"));
    log_setup(log_end, LOG_FORMAT_TEXT, LOG_INFO);
    log_info("a", "B\x1b[2J.", LOG_SLICE("odd", odd));
    line = written();
    assert_null(strchr(line, '\x1b'));
    assert_non_null(strstr(line, "B\\x1b[2J. odd=\"\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                 "\\x1b[2J\\x9bq\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n"));
}

/* Whatever its fields hold, a line is one whole line of at most PIPE_BUF bytes. */
static void long_lines_are_cut(void **state)
{
    (void)state;
    static char large[100000];
    static const char fills[] = {'x', '\x01', '"'};
    for (unsigned i = 0; i < COUNT_OF(fills); i++) {
        memset(large, fills[i], sizeof(large) - 1);
        log_setup(log_end, LOG_FORMAT_JSON, LOG_INFO);
        log_info("a", "Short.", LOG_STR("one", large), LOG_STR("two", large),
                 LOG_STR("three", large), LOG_U64("four", 4));
        const char *line = written();
        assert_true(strlen(line) <= 4096);
        assert_int_equal(count_lines(line), 1);
        assert_non_null(strstr(line, ",\"truncated\":true}\n"));
        log_info("a", large);
        line = written();
        assert_true(strlen(line) <= 4096);
        assert_int_equal(count_lines(line), 1);
        assert_string_equal(line + strlen(line) - 2, "}\n");
    }
    log_setup(log_end, LOG_FORMAT_TEXT, LOG_INFO);
    for (unsigned i = 0; i < sizeof(large) - 1; i += 3)
        memcpy(large + i, "\xe2\x82\xac", 3);
    log_info("a", "Short.", LOG_STR("euro", large));
    const char *line = written();
    assert_true(text_is_utf8(slice_str(line)));
    assert_null(strstr(line, "\xef\xbf\xbd"));
    assert_non_null(strstr(line, "...\"\n"));
}

static void levels_by_component(void **state)
{
    (void)state;
    struct error err;
    error_clear(&err);
    log_setup(log_end, LOG_FORMAT_TEXT, LOG_INFO);
    assert_true(log_enabled(LOG_INFO, "binlog"));
    assert_false(log_enabled(LOG_DEBUG, "binlog"));
    assert_int_equal(
        log_set_levels(SLICE("warn, binlog=debug,binlog.stream=error ,sink=off"), &err), RC_OK);
    assert_true(log_enabled(LOG_DEBUG, "binlog"));
    assert_true(log_enabled(LOG_DEBUG, "binlog.feed"));
    assert_false(log_enabled(LOG_DEBUG, "binlogx"));
    assert_false(log_enabled(LOG_WARN, "binlog.stream"));
    assert_true(log_enabled(LOG_ERROR, "binlog.stream.x"));
    assert_false(log_enabled(LOG_ERROR, "sink.load"));
    assert_false(log_enabled(LOG_INFO, "pipeline"));
    assert_true(log_enabled(LOG_WARN, "pipeline"));
    log_error("sink.load", "Not seen.");
    log_info("pipeline", "Not seen.");
    assert_string_equal(written(), "");
    log_debug("binlog", "Seen.");
    assert_string_equal(written() + 8, " debug binlog  Seen.\n");
    assert_int_equal(log_set_levels(SLICE("INFO"), &err), RC_OK);
    assert_false(log_enabled(LOG_DEBUG, "binlog"));
}

static void levels_fail(const char *spec, const char *message)
{
    struct error err;
    error_clear(&err);
    assert_int_equal(log_set_levels(slice_str(spec), &err), RC_USAGE);
    assert_string_equal(err.text, message);
    assert_true(log_enabled(LOG_INFO, "x")); /* all or nothing */
    assert_false(log_enabled(LOG_DEBUG, "x"));
}

static void wrong_levels_are_named(void **state)
{
    (void)state;
    log_setup(log_end, LOG_FORMAT_TEXT, LOG_INFO);
    levels_fail("debug,binlog=loud", "'loud' is not a log level. Use debug, info, warn, error or "
                                     "off, alone or as component=level.");
    levels_fail("", "'' is not a log level. Use debug, info, warn, error or off, alone or as "
                    "component=level.");
    levels_fail("=debug",
                "A component is missing before '=' in the log levels, as in binlog=debug.");
    char many[40 * 10] = "";
    for (unsigned i = 0; i < 33; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "%sc%u=debug", i == 0 ? "" : ",",
                 i);
    levels_fail(many, "At most 32 components can have a log level of their own.");
}

static void repetition_is_counted(void **state)
{
    (void)state;
    log_setup(log_end, LOG_FORMAT_TEXT, LOG_DEBUG);
    for (unsigned i = 0; i < 50; i++) {
        log_warn("sink", "Again.", LOG_U64("i", i));
        log_debug("sink", "Debug.");
    }
    log_warn("sink", "Something else.");
    log_warn("source", "Again.");
    const char *text = written();
    assert_int_equal(count_lines(text), 20 + 50 + 2);
    assert_non_null(strstr(text, "Again. i=19\n"));
    assert_null(strstr(text, "i=20\n"));
    clock_sleep_ms(1010);
    log_warn("sink", "Again.", LOG_U64("i", 50));
    assert_string_equal(written() + 8, " warn  sink  Again. i=50 repeated=30\n");
    log_warn("sink", "Again.", LOG_U64("i", 51));
    assert_string_equal(written() + 8, " warn  sink  Again. i=51\n");
}

static void a_full_pipe_loses_lines_and_time_not(void **state)
{
    (void)state;
    log_setup(log_end, LOG_FORMAT_TEXT, LOG_DEBUG);
    assert_int_equal(fcntl(log_end, F_SETPIPE_SZ, 4096), 4096);
    uint64_t before_us = clock_monotonic_us();
    char fill[1000];
    memset(fill, 'x', sizeof(fill));
    fill[999] = '\0';
    for (unsigned i = 0; i < 1000; i++)
        log_debug("a", "Line.", LOG_STR("fill", fill));
    assert_true(clock_monotonic_us() - before_us < 60000000);
    unsigned passed = count_lines(written());
    assert_true(passed >= 1 && passed < 10);
    log_info("a", "Back.");
    char expected[100];
    snprintf(expected, sizeof(expected), " info  a  Back. lost=%u\n", 1000 - passed);
    assert_string_equal(written() + 8, expected);
    log_info("a", "Back.");
    assert_string_equal(written() + 8, " info  a  Back.\n");
}

static void a_log_that_nobody_reads(void **state)
{
    (void)state;
    log_setup(log_end, LOG_FORMAT_JSON, LOG_INFO);
    close(read_end);
    read_end = -1;
    log_info("a", "One."); /* SIGPIPE would end this program */
    log_info("a", "Two.");
    log_setup(9999, LOG_FORMAT_JSON, LOG_INFO);
    log_info("a", "Nowhere.");
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    log_setup(full, LOG_FORMAT_TEXT, LOG_INFO);
    log_info("a", "No room.");
    close(full);
}

enum { WRITERS = 4, LINES = 200 };

static void *write_lines(void *ctx)
{
    for (unsigned i = 0; i < LINES; i++)
        log_debug("thread", "Line.", LOG_STR("who", (const char *)ctx), LOG_U64("i", i));
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    char path[] = "/tmp/millrace-log-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    log_setup(fd, LOG_FORMAT_TEXT, LOG_DEBUG);
    static char names[WRITERS][4] = {"a", "b", "c", "d"};
    pthread_t threads[WRITERS];
    for (unsigned i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
    for (unsigned i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    FILE *file = fdopen(fd, "r");
    assert_non_null(file);
    char line[200];
    unsigned count = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        unsigned i = 0;
        char who = 0;
        assert_int_equal(sscanf(line + 8, " debug thread  Line. who=%c i=%u\n", &who, &i), 2);
        assert_in_range(who, 'a', 'd');
        assert_true(i < LINES);
        count++;
    }
    assert_int_equal(count, WRITERS * LINES);
    fclose(file);
}

/* A terminal of 20 columns that passes bytes on as they are; false where the machine has none to give
 * (a bare chroot without /dev/pts). */
static bool open_terminal(int *terminal_out)
{
    int master;
    struct winsize size = {.ws_row = 5, .ws_col = 20};
    struct termios raw;
    memset(&raw, 0, sizeof(raw));
    cfmakeraw(&raw);
    if (openpty(&master, terminal_out, NULL, &raw, &size) != 0)
        return false;
    close(read_end);
    read_end = master;
    assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
    return true;
}

static void progress_on_a_terminal(void **state)
{
    (void)state;
    int terminal;
    if (!open_terminal(&terminal)) {
        skip();
        return;
    }
    log_setup(terminal, LOG_FORMAT_AUTO, LOG_INFO);
    log_progress(NULL);
    assert_string_equal(written(), "");
    log_progress("10 rows");
    assert_string_equal(written(), "\r\033[K10 rows");
    log_info("a", "Line.");
    const char *text = written();
    assert_memory_equal(text, "\r\033[K", 4);
    assert_string_equal(text + 12, " info  a  Line.\n10 rows");
    log_progress("\xe2\x82\xac and more than twenty columns\n");
    assert_string_equal(written(), "\r\033[K\xe2\x82\xac and more than twe");
    log_progress("a\tb\x1b\xff\xc2\x9b");
    assert_string_equal(written(), "\r\033[Ka b   ");
    log_progress(NULL);
    assert_string_equal(written(), "\r\033[K");
    log_info("a", "Line.");
    assert_string_equal(written() + 8, " info  a  Line.\n");
    log_setup(terminal, LOG_FORMAT_JSON, LOG_INFO);
    log_progress("10 rows");
    assert_string_equal(written(), "");
    close(terminal);
}

static void no_progress_elsewhere(void **state)
{
    (void)state;
    log_setup(log_end, LOG_FORMAT_TEXT, LOG_INFO);
    log_progress("10 rows");
    assert_string_equal(written(), "");
}

#define WITH_PIPE(test) cmocka_unit_test_setup_teardown(test, open_pipe, close_pipe)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PIPE(a_line_of_text),          WITH_PIPE(a_line_of_json),
        WITH_PIPE(bytes_that_are_no_text),  WITH_PIPE(long_lines_are_cut),
        WITH_PIPE(levels_by_component),     WITH_PIPE(wrong_levels_are_named),
        WITH_PIPE(repetition_is_counted),   WITH_PIPE(a_full_pipe_loses_lines_and_time_not),
        WITH_PIPE(a_log_that_nobody_reads), WITH_PIPE(lines_of_threads_do_not_mix),
        WITH_PIPE(progress_on_a_terminal),  WITH_PIPE(no_progress_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

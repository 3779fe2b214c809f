/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets that are read again: when, how often, and what a command may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/engine.h"

static char folder[] = "/tmp/millrace-secret-XXXXXX";
static char path[64];

static void write_text(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct secret opened(enum secret_kind kind, const char *place)
{
    struct error err;
    error_clear(&err);
    struct secret secret = {0};
    if (secret_origin_open(kind, place, &secret.origin, &err) != RC_OK)
        fail_msg("%s", err.text);
    return secret;
}

static void assert_secret(struct secret secret, const char *text)
{
    char *copy = secret_copy(secret);
    assert_string_equal(copy, text);
    secret_wipe(copy);
}

static void plain_texts_are_never_renewed(void **state)
{
    (void)state;
    struct secret none = {0};
    struct secret plain = {.hidden = "word"};
    assert_false(secret_is_set(none));
    assert_true(secret_is_set(plain));
    assert_secret(none, "");
    assert_secret(plain, "word");
    assert_false(secret_renew(plain, secret_version(plain)));
    secret_accepted(plain);
    assert_false(secret_may_change(plain));
}

static void renewed_when_it_differs(void **state)
{
    (void)state;
    write_text("one\n");
    struct secret secret = opened(SECRET_FILE, path);
    unsigned first = secret_version(secret);
    assert_secret(secret, "one");
    assert_false(secret_renew(secret, first)); /* the same again is not worth a try */
    write_text("two\n");
    assert_secret(secret, "one");
    assert_true(secret_renew(secret, first));
    assert_secret(secret, "two");
    /* Another thread that was refused with the first text does not read again, and gets the new. */
    assert_int_equal(unlink(path), 0);
    assert_true(secret_renew(secret, first));
    /* The file is away for a moment: what was there stays. */
    assert_false(secret_renew(secret, secret_version(secret)));
    assert_secret(secret, "two");
    secret_origin_close(secret.origin);
}

static void patience_is_for_what_worked_before(void **state)
{
    (void)state;
    write_text("one");
    struct secret secret = opened(SECRET_FILE, path);
    assert_false(secret_may_change(secret));
    assert_false(secret_renew(secret, secret_version(secret)));
    assert_false(secret_may_change(secret)); /* it never worked: it is simply wrong */
    secret_accepted(secret);
    assert_false(secret_may_change(secret));
    assert_false(secret_renew(secret, secret_version(secret)));
    assert_true(secret_may_change(secret));
    secret_accepted(secret);
    assert_false(secret_may_change(secret));
    secret_origin_close(secret.origin);
}

static void what_a_command_gets(void **state)
{
    (void)state;
    /* Nothing to read, no descriptor but the three, and no blocked signal. */
    write_text("cat; ls /proc/self/fd | wc -l; grep SigBlk /proc/self/status\n");
    char command[128];
    snprintf(command, sizeof(command), "/bin/sh %s", path);
    int extra = dup(STDOUT_FILENO);
    assert_true(extra > STDERR_FILENO);
    struct secret secret = opened(SECRET_COMMAND, command);
    assert_secret(secret, "4\nSigBlk:\t0000000000000000"); /* the fourth is ls's own */
    secret_origin_close(secret.origin);
    assert_int_equal(close(extra), 0);
}

static void refused(const char *script, const char *words)
{
    struct error err;
    error_clear(&err);
    struct secret_origin *origin = NULL;
    char command[128];
    write_text(script);
    snprintf(command, sizeof(command), "/bin/sh %s hush-hush", path);
    assert_int_equal(secret_origin_open(SECRET_COMMAND, command, &origin, &err), RC_CONFIG);
    assert_null(origin);
    assert_non_null(strstr(err.text, words));
    assert_null(strstr(err.text, "hush-hush"));
}

static void commands_that_fail(void **state)
{
    (void)state;
    refused("echo half; exit 3\n", "(exit code 3)");
    refused("kill -9 $$\n", "(signal 9)");
    refused("printf 'a\\000b'\n", "zero byte");
    uint64_t started_us = clock_monotonic_us();
    refused("yes\n", "more than 65536 bytes"); /* and it is ended, not waited for */
    assert_true(clock_monotonic_us() - started_us < 60000000);
}

static void *renew_often(void *ctx)
{
    struct secret *secret = ctx;
    for (unsigned i = 0; i < 200; i++) {
        unsigned version = secret_version(*secret);
        char *copy = secret_copy(*secret);
        assert_true(strcmp(copy, "one") == 0 || strcmp(copy, "two") == 0);
        secret_wipe(copy);
        (void)secret_renew(*secret, version);
    }
    return NULL;
}

static void many_threads(void **state)
{
    (void)state;
    write_text("one");
    struct secret secret = opened(SECRET_FILE, path);
    write_text("two");
    pthread_t threads[4];
    for (unsigned i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, renew_often, &secret), 0);
    for (unsigned i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_secret(secret, "two");
    assert_int_equal(secret_version(secret),
                     1); /* there was one change, so there is one more text */
    secret_origin_close(secret.origin);
}

int main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof(path), "%s/secret", folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_texts_are_never_renewed),
        cmocka_unit_test(renewed_when_it_differs),
        cmocka_unit_test(patience_is_for_what_worked_before),
        cmocka_unit_test(what_a_command_gets),
        cmocka_unit_test(commands_that_fail),
        cmocka_unit_test(many_threads),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    rmdir(folder);
    return failed;
}

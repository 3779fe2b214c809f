/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What went wrong, told once: a fixed block that the caller owns, filled where the failure is seen
 * and wrapped with context on the way up. Nothing is allocated, so an error can always be told.
 *
 * Retry logic looks at `class` and `outcome` and never at the text.
 */
#ifndef MILLRACE_BASE_ERROR_H
#define MILLRACE_BASE_ERROR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "rc.h"

enum error_class {
    ERROR_NONE = 0,
    ERROR_RETRY,    /* the same call may succeed later */
    ERROR_REJECT,   /* the data is refused; another row may pass */
    ERROR_FATAL,    /* nothing but a human helps */
    ERROR_CANCELLED /* we were told to stop */
};

/* Whether what was asked for took effect on the other side. */
enum error_outcome {
    ERROR_NOT_APPLIED = 0,
    ERROR_MAYBE_APPLIED, /* ask before you send again */
    ERROR_APPLIED
};

#define ERROR_TEXT_MAX 1000

struct error {
    enum rc rc;
    enum error_class class;
    enum error_outcome outcome;
    int os_code;    /* errno, or 0 */
    int mysql_code; /* the server's error number, or 0 */
    int http_code;  /* HTTP status, or 0 */
    uint16_t text_len;
    char text[ERROR_TEXT_MAX]; /* one line, NUL-terminated: the thing, the place, the remedy */
};

/* Makes `err` empty. */
void error_clear(struct error *err);

/* Fills `err` and returns `rc`, so that a failing function can end in `return error_set(...)`.
 * The class is the code's own; `err` may be NULL when the caller does not want the text. */
enum rc error_set(struct error *err, enum rc rc, const char *format, ...) PRINTF_LIKE(3, 4);

/* The same for a failed system call: appends ": " and the text of `os_code`. ENOSPC, EIO and the
 * like give RC_IO; callers that know better pass their own code. */
enum rc error_set_os(struct error *err, enum rc rc, int os_code, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Puts "context: " in front of the text that is there. It gives no code back on purpose: with `err`
 * NULL it could not know which, and a failure must never turn into RC_OK. */
void error_wrap(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Adds a sentence behind the text that is there: a remedy. */
void error_hint(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

const char *error_class_name(enum error_class class);

/* A broken promise inside the program (never input, disk, network): prints the place and aborts. */
noreturn void assert_failed(const char *expression, const char *file, int line);
#define ASSERT(expression) ((expression) ? (void)0 : assert_failed(#expression, __FILE__, __LINE__))

#endif

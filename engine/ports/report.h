/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a check found: a list of lines, each with a verdict, what was looked at, and the statement
 * or setting that mends it.
 */
#ifndef MILLRACE_PORTS_REPORT_H
#define MILLRACE_PORTS_REPORT_H

#include "../base/buf.h"

enum report_verdict { REPORT_OK = 0, REPORT_WARN, REPORT_FAIL };

/* Called for each line; the texts are borrowed for the call. `remedy` is empty when all is well. */
typedef void (*report_line_fn)(void *ctx, enum report_verdict verdict, struct slice what,
                               struct slice remedy);

struct report {
    report_line_fn line;
    void *ctx;
    unsigned warned; /* counted by report_add */
    unsigned failed;
};

/* `remedy` may be NULL. */
void report_add(struct report *report, enum report_verdict verdict, const char *remedy,
                const char *what_format, ...) PRINTF_LIKE(4, 5);

#endif

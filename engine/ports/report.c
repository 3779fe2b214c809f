/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdio.h>

void report_add(struct report *report, enum report_verdict verdict, const char *remedy,
                const char *what_format, ...)
{
    char what[2048];
    va_list args;
    va_start(args, what_format);
    vsnprintf(what, sizeof(what), what_format, args);
    va_end(args);
    if (verdict == REPORT_WARN)
        report->warned++;
    if (verdict == REPORT_FAIL)
        report->failed++;
    report->line(report->ctx, verdict, slice_str(what), slice_str(remedy));
}

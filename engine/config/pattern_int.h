/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One expression over db.table, for pattern.c and route.c. The halves are compiled apart, for each
 * must match its whole name by itself. Groups are numbered through: first those of the database
 * half, then those of the table half.
 */
#ifndef MILLRACE_CONFIG_PATTERN_INT_H
#define MILLRACE_CONFIG_PATTERN_INT_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "../base/buf.h"

struct pattern_half {
    pcre2_code *code;         /* owned */
    pcre2_match_data *groups; /* owned; of the last match */
    pcre2_match_context *limits;
    uint32_t group_count;
    bool any; /* ".*": matches every name */
};

struct pattern {
    struct pattern_half db;
    struct pattern_half table;
};

/* The next expression of a comma list, trimmed; false at its end. Empty ones are passed over.
 * Commas inside [] and {} and behind a backslash do not separate. */
bool pattern_next(struct slice *rest, struct slice *expression_out);
enum rc pattern_compile(struct slice expression, bool ignore_case, struct pattern *pattern_out,
                        struct error *err) MUST_CHECK;
void pattern_deinit(struct pattern *pattern);
/* Writes the groups: one thread at a time. */
bool pattern_half_match(const struct pattern_half *half, struct slice name);
/* Group 1 to 9 of the last match of both halves, as a piece of the names that were matched; empty
 * where it took no part in it. */
struct slice pattern_group(const struct pattern *pattern, unsigned group, struct slice db,
                           struct slice table);

#endif

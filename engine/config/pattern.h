/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table patterns in Flink CDC's syntax (facts/flink-cdc.md 1.1): a comma list of regular
 * expressions over db.table in which "." separates database from table and a regex dot is written
 * "\.". app.\.*        app.user_[0-9]+        [app|web].order_\.*        db\.\*... as Flink reads
 * it Each expression must match the whole name. Matching is bounded (PCRE2 match and depth limits).
 */
#ifndef MILLRACE_CONFIG_PATTERN_H
#define MILLRACE_CONFIG_PATTERN_H

#include "../base/buf.h"

struct pattern_set;

/* `exclude` may be NULL or "". RC_CONFIG names the expression and what is wrong with it. */
enum rc pattern_set_new(const char *include, const char *exclude, struct pattern_set **set_out,
                        struct error *err) MUST_CHECK;
void pattern_set_free(struct pattern_set *set);
bool pattern_set_match(const struct pattern_set *set, struct slice db, struct slice table);
/* True when no expression of the set can match any table of this database (for skipping whole
 * ones). */
bool pattern_set_excludes_db(const struct pattern_set *set, struct slice db);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The comparison of one table with its target, for `millrace compare`.
 *
 *   all rows of the source, by their keys at the target      missing, different
 *   all keys of the target, by themselves at the source      extra; only where there may be some
 *   what seems to differ, again and again                    until it is known
 *
 * While an engine runs, a row that seems to differ may only be on its way. So its key is looked at again:
 * the source's row is read, then where the binlog ends, then the engine's checkpoint has to pass that
 * place, then the target's row is read. If the source's row is the same in the next round, and the
 * target still has another, it is a difference; if it changed meanwhile, there is one more round.
 *
 * Memory: one batch of rows, and the keys of at most COMPARE_KEYS_MAX rows that seem to differ.
 */
#ifndef MILLRACE_COMMANDS_COMPARE_INT_H
#define MILLRACE_COMMANDS_COMPARE_INT_H

#include "commands_int.h"

#define COMPARE_KEYS_MAX 1000u

/* A row that seems to differ. */
struct compare_key {
    size_t key; /* in compare_result.bytes */
    uint32_t key_len;
    enum look_verdict verdict;
    uint64_t source_hash; /* of the row as the last round had it */
    size_t columns;       /* in compare_result.bytes */
    uint32_t columns_len;
    bool is_known;  /* it does differ */
    bool is_gone;   /* it does not */
    bool was_asked; /* `source_hash` and `verdict` are those of a round */
};

struct compare_result {
    uint64_t rows;                 /* at the source; a table without a key: counted */
    uint64_t target_rows;          /* a table without a key: counted */
    uint64_t counts[LOOK_NEITHER]; /* by verdict, at the first look */
    struct compare_key keys[COMPARE_KEYS_MAX];
    uint32_t key_count;
    struct buf bytes;
    uint64_t untold; /* that seemed to differ, and for which there was no room */
    bool is_keyless; /* only the numbers of rows are compared */
    bool has_others; /* other tables have rows in the target: there are no extra ones */
    bool is_behind;  /* the engine's checkpoint did not pass the place in time */
};

/* What the comparison works with; borrowed. */
struct compare_parts {
    const struct store_ops *store;
    const struct pipeline_file *file;
    struct scan *scan;
    struct sink *sink;
    bool runs; /* an engine does */
    uint64_t wait_ms;
    enum exit_code blame; /* out: whose failure it was */
};

void compare_result_init(struct compare_result *result);
void compare_result_deinit(struct compare_result *result);
/* RC_NOT_FOUND, RC_MISMATCH with blame EXIT_CODE_DATA: the target is none for this table. `read_out`:
 * the table that the keys are of. */
enum rc compare_table(struct compare_parts *parts, struct table *table,
                      const struct sink_target *target, struct compare_result *result,
                      struct table **read_out, struct error *err) MUST_CHECK;

#endif

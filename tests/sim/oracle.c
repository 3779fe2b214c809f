/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must be true at every moment, whatever failed: each target is a prefix of its table's history,
 * never an earlier one than before; in the end it is all of it.
 *
 * A table's history is told once as row changes. What a table holds after each of them is kept as
 * one number, the sum of a hash of each of its rows (a row that is there twice counts twice), so a
 * prefix is found by looking for the target's number among them.
 */
#include "sim_int.h"

#include <stdlib.h>

enum { IDS_MAX = 1024, HISTORY_MAX = 2048, TXNS_MAX = 128 };

struct side {
    uint64_t sum;
    uint32_t count[IDS_MAX]; /* how often a row with this id is there */
    uint64_t value[IDS_MAX]; /* the value of the last one */
};

struct history {
    bool keyless;
    struct side source; /* after all of the history */
    struct side target;
    uint64_t after[HISTORY_MAX]; /* the sum after so many changes; [0] is the empty table */
    unsigned changes;
    unsigned reached;          /* the prefix that the target is known to hold */
    unsigned at_txn[TXNS_MAX]; /* changes after so many transactions */
};

static struct history tables[SOURCE_TABLES];
static unsigned txn_count;

void oracle_begin(void)
{
    memset(tables, 0, sizeof(tables));
    txn_count = 0;
}

void oracle_table(unsigned table, bool keyless)
{
    tables[table].keyless = keyless;
}

bool oracle_is_keyless(unsigned table)
{
    return tables[table].keyless;
}

static uint64_t hash_of(uint64_t id, uint64_t value)
{
    return mix_u64(id * UINT64_C(0x9e3779b97f4a7c15) ^ mix_u64(value + 1));
}

static void side_put(struct side *side, bool keyless, uint64_t id, uint64_t value)
{
    ASSERT(id < IDS_MAX);
    if (!keyless && side->count[id] > 0) {
        side->sum -= hash_of(id, side->value[id]);
        side->count[id] = 0;
    }
    side->sum += hash_of(id, value);
    side->count[id]++;
    side->value[id] = value;
}

static void side_remove(struct side *side, uint64_t id)
{
    ASSERT(id < IDS_MAX);
    if (side->count[id] > 0)
        side->sum -= hash_of(id, side->value[id]);
    side->count[id] = 0;
}

static void side_clear(struct side *side)
{
    memset(side, 0, sizeof(*side));
}

static void note_change(struct history *history)
{
    ASSERT(history->changes + 1 < HISTORY_MAX);
    history->after[++history->changes] = history->source.sum;
}

void oracle_change(unsigned table, uint64_t id, uint64_t value, bool keep)
{
    struct history *history = &tables[table];
    if (keep)
        side_put(&history->source, history->keyless, id, value);
    else
        side_remove(&history->source, id);
    note_change(history);
}

void oracle_update(unsigned table, uint64_t old_id, uint64_t id, uint64_t value)
{
    struct history *history = &tables[table];
    side_remove(&history->source, old_id);
    side_put(&history->source, history->keyless, id, value);
    note_change(history);
}

void oracle_truncate(unsigned table)
{
    side_clear(&tables[table].source);
    note_change(&tables[table]);
}

void oracle_txn_over(void)
{
    ASSERT(txn_count + 1 < TXNS_MAX);
    txn_count++;
    for (unsigned i = 0; i < SOURCE_TABLES; i++)
        tables[i].at_txn[txn_count] = tables[i].changes;
}

/* The first prefix from the one that was reached on that the target holds. */
static bool find_prefix(struct history *history)
{
    for (unsigned i = history->reached; i <= history->changes; i++)
        if (history->after[i] == history->target.sum) {
            history->reached = i;
            return true;
        }
    return false;
}

/* Words for a target that is no prefix: the first row that is there twice. */
static void tell_twice(unsigned table, const char *label)
{
    const struct history *history = &tables[table];
    for (uint64_t id = 0; history->keyless && id < IDS_MAX; id++)
        if (history->target.count[id] > 1) {
            violation("the keyless table t%u holds its row %llu %u times, after the load %s", table,
                      (unsigned long long)id, history->target.count[id], label);
            return;
        }
    violation("the table t%u holds no prefix of its history from change %u of %u on, after %s",
              table, history->reached, history->changes, label);
}

void oracle_applied(unsigned table, const struct oracle_row *rows, const bool *gone, unsigned count,
                    const char *label)
{
    struct history *history = &tables[table];
    for (unsigned i = 0; i < count; i++) {
        if (gone[i] && history->keyless)
            violation("a row of the keyless table t%u was deleted by the load %s", table, label);
        if (gone[i])
            side_remove(&history->target, rows[i].id);
        else
            side_put(&history->target, history->keyless, rows[i].id, rows[i].value);
    }
    if (!find_prefix(history))
        tell_twice(table, label);
    else
        trace("oracle: t%u holds changes 1 to %u of %u", table, history->reached, history->changes);
}

void oracle_truncated(unsigned table)
{
    struct history *history = &tables[table];
    side_clear(&history->target);
    if (!find_prefix(history))
        violation("the table t%u was emptied at the wrong moment", table);
}

void oracle_check_together(uint64_t txns)
{
    ASSERT(txns <= txn_count);
    for (unsigned i = 0; i < SOURCE_TABLES; i++) {
        const struct history *history = &tables[i];
        if (history->target.sum != history->after[history->at_txn[txns]])
            violation("an epoch ended behind transaction %llu, and t%u holds changes 1 to %u, not "
                      "to %u",
                      (unsigned long long)txns, i, history->reached, history->at_txn[txns]);
    }
}

void oracle_check_end(void)
{
    for (unsigned i = 0; i < SOURCE_TABLES; i++) {
        const struct history *history = &tables[i];
        if (history->target.sum != history->after[history->changes])
            violation("when all was quiet, t%u held changes 1 to %u of %u", i, history->reached,
                      history->changes);
    }
}

void oracle_check_memory(uint64_t buffered_bytes, uint64_t bound)
{
    if (buffered_bytes > bound)
        violation("the sink holds %llu bytes of bodies; its bound is %llu",
                  (unsigned long long)buffered_bytes, (unsigned long long)bound);
}

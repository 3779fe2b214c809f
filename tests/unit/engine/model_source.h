/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source for the pipeline's tests: transaction t has t % 11 rows, one is far larger than a batch, and
 * row ids count through. Each COMMIT has a note, and what is given back at a start must be what was true
 * at its place. It can be ordered to tell the pipeline to stop at a certain row.
 */
#ifndef MILLRACE_TESTS_ENGINE_MODEL_SOURCE_H
#define MILLRACE_TESTS_ENGINE_MODEL_SOURCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "engine/engine.h"

enum { TXNS = 40, LARGE_TXN = 13 };

struct model_orders {
    uint64_t stop_at;     /* the row before which the pipeline is told to stop; 0: none */
    unsigned stop_behind; /* the transaction, from 1, behind whose last row, before its COMMIT */
    bool truncates_first; /* the stream begins with a TRUNCATE of a third table */
};

static struct model_orders orders;

/* What the source was told to be settled, over all lives of a world: no start may come before it. */
static struct model_settled {
    uint64_t place; /* model_place_of */
    unsigned count;
} model_settled;

static struct pipeline *volatile living;

static struct column columns[1];
static struct table tables[3];

struct model_source {
    struct source base;
    unsigned txn;  /* next transaction */
    unsigned row;  /* next row in it */
    uint64_t skip; /* rows of the first transaction to pass over */
    uint64_t id;   /* of the next row */
    struct cell cell;
    uint8_t bytes[8];
    struct txn facts;
    uint64_t note; /* how many transactions the notes know; each has one */
    bool truncated;
    bool in_txn;
    bool quiet; /* nothing comes for a moment, so that the pipeline looks around */
};

static unsigned rows_of(unsigned txn)
{
    return txn == LARGE_TXN ? 40 : txn % 11; /* one is far larger than a batch */
}

static uint64_t first_id(unsigned txn)
{
    uint64_t id = 0;
    for (unsigned t = 0; t < txn; t++)
        id += rows_of(t);
    return id;
}

static void source_identity(const struct source *source UNUSED, struct source_identity *out)
{
    memset(out, 0, sizeof(*out));
    snprintf(out->server, sizeof(out->server), "model");
}

static enum rc source_tables(struct source *source UNUSED, source_table_fn visit, void *ctx,
                             struct error *err)
{
    enum rc rc = visit(ctx, &tables[0], err);
    return rc != RC_OK ? rc : visit(ctx, &tables[1], err);
}

enum { MODEL_TXN_ROWS_MAX = 64 };

/* Places in the order of the stream. */
static uint64_t model_place_of(const struct position *position)
{
    return position == NULL ? 0 : position->offset * MODEL_TXN_ROWS_MAX + position->rows_done;
}

static void source_settled(struct source *source UNUSED, const struct position *durable)
{
    assert_true(model_place_of(durable) >= model_settled.place);
    model_settled.place = model_place_of(durable);
    model_settled.count++;
}

static enum rc source_start(struct source *base, const struct position *from,
                            struct error *err UNUSED)
{
    struct model_source *source = (struct model_source *)base;
    assert_true(model_place_of(from) >= model_settled.place);
    source->txn = from == NULL ? 0 : (unsigned)from->offset;
    source->skip = from == NULL ? 0 : from->rows_done;
    source->row = (unsigned)source->skip;
    source->id = first_id(source->txn) + source->skip;
    source->in_txn = source->skip > 0;
    assert_int_equal(source->note, source->txn); /* what was true at this place */
    return RC_OK;
}

static enum rc source_remember(struct source *base, struct slice key, struct slice value,
                               struct error *err UNUSED)
{
    assert_true(slice_equal(key, SLICE("schema/model")));
    assert_true(text_parse_u64(value, &((struct model_source *)base)->note));
    return RC_OK;
}

static enum rc source_notes(struct source *base, source_note_fn visit, void *ctx, struct error *err)
{
    struct model_source *source = (struct model_source *)base;
    if (source->note == source->txn)
        return RC_OK;
    char value[24];
    source->note = source->txn;
    snprintf(value, sizeof(value), "%llu", (unsigned long long)source->note);
    return visit(ctx, SLICE("schema/model"), slice_str(value), err);
}

static void give_truncate(struct model_source *source, struct change *change)
{
    source->truncated = true;
    change->kind = CHANGE_TRUNCATE;
    change->table = &tables[2];
    change->ddl = SLICE("TRUNCATE TABLE three");
}

static enum rc source_next(struct source *base, struct change *change, unsigned wait_ms UNUSED,
                           struct error *err UNUSED)
{
    struct model_source *source = (struct model_source *)base;
    if (source->txn == TXNS)
        return RC_EOF;
    if (source->quiet) {
        source->quiet = false;
        return RC_AGAIN;
    }
    *change = (struct change){.txn = &source->facts};
    if (orders.truncates_first && !source->truncated) {
        give_truncate(source, change);
        return RC_OK;
    }
    bool at_end = source->row == rows_of(source->txn);
    if ((orders.stop_behind == source->txn + 1 && at_end && source->in_txn) ||
        (orders.stop_at > 0 && !at_end && source->id == orders.stop_at)) {
        pipeline_stop(living);
        return RC_CANCELLED;
    }
    if (at_end) {
        change->kind = source->in_txn ? CHANGE_COMMIT : CHANGE_IDLE;
        source->txn++;
        source->row = 0;
        source->in_txn = false;
        source->quiet = true;
        return RC_OK;
    }
    source->in_txn = true;
    store_u64le(source->bytes, source->id++);
    source->cell = (struct cell){.ptr = source->bytes, .len = 8, .state = CELL_VALUE};
    change->kind = CHANGE_INSERT;
    change->table = &tables[source->row % 2];
    change->after = (struct row){.cells = &source->cell, .count = 1};
    change->ordinal = source->row++;
    return RC_OK;
}

static enum rc source_position(struct source *base, struct position *out, struct error *err UNUSED)
{
    struct model_source *source = (struct model_source *)base;
    snprintf(out->file, sizeof(out->file), "model.000001");
    out->offset = source->txn;
    out->rows_done = 0;
    out->targets_done = 0;
    return RC_OK;
}

static bool source_reached(struct source *base, const struct position *to)
{
    return ((struct model_source *)base)->txn >= to->offset;
}

static void source_stats(const struct source *source UNUSED, struct source_stats *out)
{
    memset(out, 0, sizeof(*out));
}

static void source_stop(struct source *source UNUSED)
{
}

static const struct cfg_section no_section = {.block = "source"};
static const struct source_ops source_ops = {
    .name = "model",
    .section = &no_section,
    .identity = source_identity,
    .tables = source_tables,
    .start = source_start,
    .remember = source_remember,
    .notes = source_notes,
    .next = source_next,
    .position = source_position,
    .reached = source_reached,
    .settled = source_settled,
    .stats = source_stats,
    .stop = source_stop,
};

#endif

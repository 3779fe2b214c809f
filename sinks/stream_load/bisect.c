/* SPDX-License-Identifier: Apache-2.0 */
/* Halves, and halves of those; see bisect_int.h. */
#include "bisect_int.h"

#include "label_int.h"

#include <stdlib.h>

/* A range and its halves: a load has at most 2^32 rows, and each step leaves at most two behind. */
#define RANGES_MAX 66u
#define REASONS_MAX ((size_t)256 << 20)

/* Rows of the body, of which the load has `live`. */
struct range {
    uint32_t first;
    uint32_t count;
    uint64_t live;
};

struct bisection {
    struct load_env *env;
    const struct transfer_load *load;
    struct refused_rows *refused;
    struct load_outcome *outcome;    /* sums up */
    struct range ranges[RANGES_MAX]; /* refused, with more than one row */
    unsigned range_count;
};

void refused_rows_init(struct refused_rows *refused)
{
    *refused = (struct refused_rows){0};
    buf_init(&refused->reasons, REASONS_MAX);
}

void refused_rows_deinit(struct refused_rows *refused)
{
    free(refused->rows);
    buf_deinit(&refused->reasons);
}

void refused_rows_reset(struct refused_rows *refused, uint64_t rows_max)
{
    refused->rows_max = rows_max;
    refused->count = 0;
    buf_reset(&refused->reasons);
}

struct slice refused_rows_reason(const struct refused_rows *refused, uint32_t index)
{
    ASSERT(index < refused->count);
    const struct refused_row *row = &refused->rows[index];
    return slice_of(refused->reasons.ptr + row->reason_at, row->reason_len);
}

static enum rc add_row(struct refused_rows *refused, uint32_t row, const struct error *refusal,
                       struct error *err)
{
    if (refused->count >= refused->rows_max) {
        error_set(err, RC_LIMIT,
                  "More rows are refused than dead letters may be added. The last one: %s",
                  refusal->text);
        error_hint(err,
                   "Mend the target, or raise dead-letter.max-rows; the next start tries again.");
        return RC_LIMIT;
    }
    if (refused->count == refused->cap) {
        uint32_t cap = refused->cap == 0 ? 16 : 2 * refused->cap;
        struct refused_row *rows = realloc(refused->rows, cap * sizeof(*rows));
        if (rows == NULL)
            return error_set(err, RC_MEMORY, "There is no memory for a list of refused rows.");
        refused->rows = rows;
        refused->cap = cap;
    }
    refused->rows[refused->count++] = (struct refused_row){
        .row = row, .reason_at = refused->reasons.len, .reason_len = refusal->text_len};
    buf_add(&refused->reasons, refusal->text, refusal->text_len);
    return buf_check(&refused->reasons, "The reasons why rows are refused", err);
}

static bool is_in_load(const struct transfer_load *load, uint32_t row)
{
    const struct body_row *found = &load->body->rows[row];
    return found->len > 0 && found->set == load->set;
}

/* The one row that the range has of the load. */
static uint32_t only_row(const struct transfer_load *load, struct range range)
{
    uint32_t row = range.first;
    while (!is_in_load(load, row))
        row++;
    ASSERT(row < range.first + range.count);
    return row;
}

/* A number that the same rows have again. */
static uint64_t hash_rows(const struct body *view, uint32_t set)
{
    uint64_t hash = view->parts[set].rows;
    for (uint32_t i = 0; i < view->row_count; i++) {
        const struct body_row *row = &view->rows[i];
        if (row->len > 0 && row->set == set)
            hash = hash * 0x9e3779b97f4a7c15u +
                   slice_hash(slice_of(view->data.ptr + row->offset, row->len));
    }
    return hash;
}

/* What was only tried is taken back. */
static enum rc take_back(struct bisection *bisection, struct slice label, uint64_t transaction,
                         struct error *err)
{
    const struct load_schema *schema = bisection->load->schema;
    const struct load_txn txn = {
        .db = schema->db, .table = schema->table, .label = label, .id = transaction};
    struct load_outcome undone;
    enum rc rc = load_undo(bisection->env, &txn, &undone, err);
    if (rc == RC_OK && undone.end != LOAD_END_NOTHING)
        return error_set(err, RC_PROTOCOL,
                         "A part of a refused load into %.*s.%.*s was prepared to find its refused "
                         "rows, and somebody else has committed it (label %.*s). Compare the table "
                         "with its source.",
                         SLICE_ARG(schema->db), SLICE_ARG(schema->table), SLICE_ARG(label));
    return rc;
}

/* Loads the range alone. `refusal` says why it was not taken. */
static enum rc try_range(struct bisection *bisection, struct range range, bool *taken_out,
                         struct error *refusal, struct error *err)
{
    struct transfer_load load = *bisection->load;
    struct load_outcome outcome;
    struct body view;
    char label[LABEL_BYTES];
    body_view(load.body, load.set, range.first, range.count, &view);
    load.body = &view;
    load.label = label_of_piece(load.label, hash_rows(&view, load.set), label);
    error_clear(refusal);
    enum rc rc = load_run(bisection->env, &load, &outcome, refusal);
    bisection->outcome->time_us += outcome.time_us;
    bisection->outcome->retries += outcome.retries;
    bisection->outcome->widen |= outcome.widen;
    *taken_out = rc == RC_OK;
    if (rc == RC_OK && outcome.end == LOAD_END_PREPARED)
        return take_back(bisection, load.label, outcome.transaction, err);
    if (rc != RC_OK && rc != RC_REJECTED) {
        *err = *refusal;
        return rc;
    }
    return RC_OK;
}

/* What is refused is a row, or waits to be halved. */
static enum rc keep_refused(struct bisection *bisection, struct range range,
                            const struct error *refusal, struct error *err)
{
    if (range.live == 1)
        return add_row(bisection->refused, only_row(bisection->load, range), refusal, err);
    ASSERT(bisection->range_count < RANGES_MAX);
    bisection->ranges[bisection->range_count++] = range;
    return RC_OK;
}

static enum rc examine(struct bisection *bisection, struct range range, bool *taken_out,
                       struct error *err)
{
    struct error refusal;
    enum rc rc = try_range(bisection, range, taken_out, &refusal, err);
    return rc != RC_OK || *taken_out ? rc : keep_refused(bisection, range, &refusal, err);
}

/* The first half of the range's rows; the range keeps the others. */
static struct range split(const struct transfer_load *load, struct range *range)
{
    struct range half = {.first = range->first, .live = range->live / 2};
    uint64_t seen = 0;
    while (seen < half.live)
        seen += is_in_load(load, half.first + half.count++);
    range->first += half.count;
    range->count -= half.count;
    range->live -= half.live;
    return half;
}

/* A refused range whose first half is taken has its fault in the second one: only a single row is
 * tried all the same, for its reason. */
static enum rc halve(struct bisection *bisection, struct range range, struct error *err)
{
    bool taken;
    struct range half = split(bisection->load, &range);
    enum rc rc = examine(bisection, half, &taken, err);
    if (rc != RC_OK)
        return rc;
    if (taken && range.live > 1)
        return keep_refused(bisection, range, NULL, err);
    return examine(bisection, range, &taken, err);
}

static int by_row(const void *a, const void *b)
{
    uint32_t left = ((const struct refused_row *)a)->row;
    uint32_t right = ((const struct refused_row *)b)->row;
    return (left > right) - (left < right);
}

enum rc bisect_run(struct load_env *env, const struct transfer_load *load,
                   const struct error *refusal, struct refused_rows *refused,
                   struct load_outcome *outcome, struct error *err)
{
    ASSERT(load->two_phase || !load->schema->keyless || load->body->parts[load->set].rows == 1);
    struct error own;
    struct error first = *refusal;
    struct bisection bisection = {.env = env, .load = load, .refused = refused, .outcome = outcome};
    const struct range whole = {.count = load->body->row_count,
                                .live = load->body->parts[load->set].rows};
    err = err == NULL ? &own : err;
    log_info("sink.load", "The target refused a load because of its rows; they are looked for.",
             LOG_SLICE("db", load->schema->db), LOG_SLICE("table", load->schema->table),
             LOG_SLICE("label", load->label), LOG_U64("rows", whole.live));
    enum rc rc = keep_refused(&bisection, whole, &first, err);
    while (rc == RC_OK && bisection.range_count > 0)
        rc = halve(&bisection, bisection.ranges[--bisection.range_count], err);
    if (rc != RC_OK)
        return rc;
    if (refused->count > 1)
        qsort(refused->rows, refused->count, sizeof(*refused->rows), by_row);
    outcome->end = LOAD_END_REFUSED;
    return RC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See compare_int.h. */
#include "compare_int.h"

#include "../base/clock.h"
#include "../base/log.h"

enum { BATCH_ROWS = 500, BATCH_KEYS = 200, ROUNDS_MAX = 10, POLL_MS = 100 };

#define KEYS_BYTES_MAX ((size_t)256 << 20)

struct comparing {
    struct compare_parts *parts;
    struct scan *scan;
    struct look *look;
    const struct table *read;
    struct compare_result *result;
    uint64_t found; /* rows of the source that the target has */
    /* The target's keys that wait to be asked for at the source. */
    struct buf keys;
    struct slice batch[BATCH_KEYS];
    uint32_t batch_count;
};

void compare_result_init(struct compare_result *result)
{
    memset(result, 0, sizeof(*result));
    buf_init(&result->bytes, KEYS_BYTES_MAX);
}

void compare_result_deinit(struct compare_result *result)
{
    buf_deinit(&result->bytes);
}

static enum rc source_failed(struct comparing *work, enum rc rc)
{
    work->parts->blame = EXIT_CODE_SOURCE;
    return rc;
}

static enum rc sink_failed(struct comparing *work, enum rc rc)
{
    work->parts->blame = EXIT_CODE_SINK;
    return rc;
}

static enum rc note(struct compare_result *result, const struct look_finding *finding,
                    struct error *err)
{
    result->counts[finding->verdict]++;
    if (result->key_count == COMPARE_KEYS_MAX || result->bytes.len > KEYS_BYTES_MAX / 2) {
        result->untold++;
        return RC_OK;
    }
    struct compare_key *key = &result->keys[result->key_count++];
    *key = (struct compare_key){.key = result->bytes.len,
                                .key_len = (uint32_t)finding->key.len,
                                .verdict = finding->verdict,
                                .columns_len = (uint32_t)finding->columns.len};
    buf_add_slice(&result->bytes, finding->key);
    key->columns = result->bytes.len;
    buf_add_slice(&result->bytes, finding->columns);
    return buf_check(&result->bytes, "The keys of rows that differ", err);
}

/* ---- all rows of the source ---- */

static enum rc take_first_look(void *ctx, const struct look_finding *finding, struct error *err)
{
    struct comparing *work = ctx;
    if (finding->verdict != LOOK_MISSING)
        work->found++;
    return finding->verdict == LOOK_EQUAL ? RC_OK : note(work->result, finding, err);
}

static enum rc ask(struct comparing *work, look_finding_fn tell, struct error *err)
{
    enum rc rc = work->look->ops->ask(work->look, tell, work, err);
    return rc == RC_OK ? RC_OK : sink_failed(work, rc);
}

/* Takes what the scan was asked for. `tell`: where the look may be asked when it is full; NULL: it has
 * room for all. */
static enum rc take_rows(struct comparing *work, look_finding_fn tell, uint64_t *count_out,
                         struct error *err)
{
    struct row row;
    enum rc rc;
    *count_out = 0;
    while ((rc = work->scan->ops->row(work->scan, &row, err)) == RC_OK) {
        ++*count_out;
        if (tell != NULL && work->look->ops->is_full(work->look)) {
            rc = ask(work, tell, err);
            if (rc != RC_OK)
                return rc;
        }
        rc = work->look->ops->add_row(work->look, &row, err);
        if (rc != RC_OK)
            return source_failed(work, rc);
    }
    return rc == RC_EOF ? RC_OK : source_failed(work, rc);
}

static enum rc look_at_rows(struct comparing *work, struct error *err)
{
    uint64_t count;
    do {
        enum rc rc = work->scan->ops->more(work->scan, BATCH_ROWS, err);
        if (rc != RC_OK)
            return source_failed(work, rc);
        rc = take_rows(work, take_first_look, &count, err);
        if (rc != RC_OK)
            return rc;
        work->result->rows += count;
        char line[96];
        snprintf(line, sizeof(line), "%llu rows compared", (unsigned long long)work->result->rows);
        log_progress(line);
    } while (count == BATCH_ROWS);
    log_progress(NULL);
    return ask(work, take_first_look, err);
}

/* ---- all keys of the target ---- */

static enum rc take_extra(void *ctx, const struct look_finding *finding, struct error *err)
{
    struct comparing *work = ctx;
    return finding->verdict == LOOK_EXTRA ? note(work->result, finding, err) : RC_OK;
}

/* Asks the source for the rows of the batch's keys, and puts both into the look. */
static enum rc find_batch(struct comparing *work, struct error *err)
{
    uint64_t count;
    enum rc rc = work->scan->ops->find(work->scan, work->batch, work->batch_count, err);
    if (rc != RC_OK)
        return source_failed(work, rc);
    for (uint32_t i = 0; i < work->batch_count; i++) {
        rc = work->look->ops->add_key(work->look, work->batch[i], err);
        if (rc != RC_OK)
            return source_failed(work, rc);
    }
    return take_rows(work, NULL, &count, err);
}

static enum rc ask_for_batch(struct comparing *work, struct error *err)
{
    if (work->batch_count == 0)
        return RC_OK;
    enum rc rc = find_batch(work, err);
    if (rc == RC_OK)
        rc = ask(work, take_extra, err);
    work->batch_count = 0;
    buf_reset(&work->keys);
    return rc;
}

static enum rc take_key(void *ctx, struct slice key, struct error *err)
{
    struct comparing *work = ctx;
    /* The bytes may move while keys are added: what counts until all are there is the length. */
    work->batch[work->batch_count++] = slice_of(NULL, key.len);
    buf_add_slice(&work->keys, key);
    enum rc rc = buf_check(&work->keys, "The keys of a target", err);
    if (rc != RC_OK || work->batch_count < BATCH_KEYS)
        return rc;
    const uint8_t *at = work->keys.ptr;
    for (uint32_t i = 0; i < work->batch_count; at += work->batch[i].len, i++)
        work->batch[i].ptr = at;
    return ask_for_batch(work, err);
}

static enum rc look_at_keys(struct comparing *work, struct error *err)
{
    enum rc rc = work->look->ops->keys(work->look, take_key, work, err);
    if (rc != RC_OK)
        return work->parts->blame == EXIT_CODE_OK ? sink_failed(work, rc) : rc;
    const uint8_t *at = work->keys.ptr;
    for (uint32_t i = 0; i < work->batch_count; at += work->batch[i].len, i++)
        work->batch[i].ptr = at;
    return ask_for_batch(work, err);
}

/* ---- again ---- */

static enum rc has_passed(struct comparing *work, const struct position *place, bool *passed_out,
                          struct error *err)
{
    const struct pipeline_file *file = work->parts->file;
    struct store_options options = {.dir = slice_str(file->checkpoint_dir),
                                    .pipeline = slice_str(file->pipeline.name),
                                    .read_only = true};
    struct store *store;
    enum rc rc = work->parts->store->open(&options, &store, err);
    if (rc != RC_OK) {
        work->parts->blame = EXIT_CODE_CHECKPOINT;
        return rc;
    }
    const struct store_state *state = work->parts->store->state(store);
    *passed_out = work->scan->ops->passed(&state->position, place);
    work->parts->store->close(store);
    return RC_OK;
}

/* Until the engine has carried all that the source's rows were read with. */
static enum rc wait_for_engine(struct comparing *work, struct error *err)
{
    struct position place;
    position_init(&place);
    uint64_t until_us = clock_monotonic_us() + work->parts->wait_ms * 1000;
    bool passed = false;
    enum rc rc = work->scan->ops->place(work->scan, &place, err);
    if (rc != RC_OK)
        rc = source_failed(work, rc);
    while (rc == RC_OK) {
        rc = has_passed(work, &place, &passed, err);
        if (rc != RC_OK || passed)
            break;
        if (clock_monotonic_us() > until_us) {
            work->result->is_behind = true;
            break;
        }
        clock_sleep_ms(POLL_MS);
    }
    position_deinit(&place);
    return rc;
}

static struct slice key_of(const struct compare_result *result, const struct compare_key *key)
{
    return slice_of(result->bytes.ptr + key->key, key->key_len);
}

static struct compare_key *find_key(struct compare_result *result, struct slice bytes)
{
    for (uint32_t i = 0; i < result->key_count; i++)
        if (slice_equal(key_of(result, &result->keys[i]), bytes))
            return &result->keys[i];
    return NULL;
}

static enum rc take_again(void *ctx, const struct look_finding *finding, struct error *err)
{
    struct comparing *work = ctx;
    struct compare_key *key = find_key(work->result, finding->key);
    /* A row that the source finds under a key which it writes in another way. */
    if (key == NULL)
        return RC_OK;
    if (finding->verdict == LOOK_EQUAL || finding->verdict == LOOK_NEITHER ||
        (finding->verdict == LOOK_EXTRA && work->result->has_others)) {
        key->is_gone = true;
        return RC_OK;
    }
    key->is_known = key->was_asked && key->verdict == finding->verdict &&
                    key->source_hash == finding->source_hash;
    key->was_asked = true;
    key->verdict = finding->verdict;
    key->source_hash = finding->source_hash;
    key->columns = work->result->bytes.len;
    key->columns_len = (uint32_t)finding->columns.len;
    buf_add_slice(&work->result->bytes, finding->columns);
    return buf_check(&work->result->bytes, "The keys of rows that differ", err);
}

/* One round over all keys of which it is not known; false: there is none. */
static enum rc round_again(struct comparing *work, bool *any_out, struct error *err)
{
    struct compare_result *result = work->result;
    enum rc rc = RC_OK;
    *any_out = false;
    for (uint32_t i = 0; i < result->key_count && rc == RC_OK && !result->is_behind;) {
        work->batch_count = 0;
        for (; i < result->key_count && work->batch_count < BATCH_KEYS; i++)
            if (!result->keys[i].is_known && !result->keys[i].is_gone)
                work->batch[work->batch_count++] = key_of(result, &result->keys[i]);
        if (work->batch_count == 0)
            break;
        *any_out = true;
        rc = find_batch(work, err);
        if (rc == RC_OK)
            rc = wait_for_engine(work, err);
        if (rc == RC_OK)
            rc = ask(work, take_again, err);
    }
    work->batch_count = 0;
    return rc;
}

static enum rc look_again(struct comparing *work, struct error *err)
{
    bool any = work->result->key_count > 0;
    for (unsigned round = 0; any && round < ROUNDS_MAX && !work->result->is_behind; round++) {
        enum rc rc = round_again(work, &any, err);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

/* ---- a table ---- */

static enum rc compare_rows(struct comparing *work, struct error *err)
{
    uint64_t count = 0;
    enum rc rc = look_at_rows(work, err);
    if (rc == RC_OK && !work->result->has_others) {
        rc = work->look->ops->count(work->look, &count, err);
        if (rc != RC_OK)
            return sink_failed(work, rc);
        /* Beside an engine the number proves nothing: a row may come while another goes. */
        if (count != work->found || work->parts->runs)
            rc = look_at_keys(work, err);
    }
    if (rc == RC_OK && work->parts->runs)
        rc = look_again(work, err);
    return rc;
}

/* The numbers of rows, until the source's is the same before and after the target's was asked. */
static enum rc compare_counts(struct comparing *work, struct error *err)
{
    struct compare_result *result = work->result;
    uint64_t after = 0;
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        enum rc rc = work->scan->ops->count(work->scan, &result->rows, err);
        if (rc != RC_OK)
            return source_failed(work, rc);
        if (work->parts->runs)
            rc = wait_for_engine(work, err);
        if (rc != RC_OK)
            return rc;
        rc = work->look->ops->count(work->look, &result->target_rows, err);
        if (rc != RC_OK)
            return sink_failed(work, rc);
        rc = work->scan->ops->count(work->scan, &after, err);
        if (rc != RC_OK)
            return source_failed(work, rc);
        if (result->rows == result->target_rows || result->rows == after || result->is_behind)
            break;
    }
    return RC_OK;
}

enum rc compare_table(struct compare_parts *parts, struct table *table,
                      const struct sink_target *target, struct compare_result *result,
                      struct table **read_out, struct error *err)
{
    struct comparing work = {.parts = parts, .scan = parts->scan, .result = result};
    parts->blame = EXIT_CODE_OK;
    enum rc rc = parts->scan->ops->begin(parts->scan, table, read_out, err);
    if (rc != RC_OK)
        return source_failed(&work, rc);
    work.read = *read_out;
    rc = parts->sink->ops->look->open(parts->sink, *read_out, target, &work.look, err);
    if (rc != RC_OK) {
        parts->blame = rc == RC_NOT_FOUND || rc == RC_MISMATCH ? EXIT_CODE_DATA : EXIT_CODE_SINK;
        return rc;
    }
    buf_init(&work.keys, KEYS_BYTES_MAX);
    result->is_keyless = work.read->key_count == 0;
    rc = result->is_keyless ? compare_counts(&work, err) : compare_rows(&work, err);
    buf_deinit(&work.keys);
    work.look->ops->close(work.look);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known mistakes, each put over a seam: what the engine would do if it had made them. The product's
 * code is the same with and without; some more are in disk.c, http.c and source.c, where what they
 * spoil is.
 */
#include "sim_int.h"

#include "checkpoint/checkpoint.h"
#include "sinks/stream_load/stream_load_int.h"

const char *const bug_words[BUG_COUNT] = {"none",
#define X(name, word, text) word,
                                          SIM_BUGS(X)
#undef X
};

const char *const bug_texts[BUG_COUNT] = {"nothing is wrong",
#define X(name, word, text) text,
                                          SIM_BUGS(X)
#undef X
};

enum bug bug_armed;

/* ---- the store ---- */

static enum rc intent(struct store *store, const struct store_intent *said, struct error *err)
{
    struct store_intent changed = *said;
    if (bug_armed == BUG_FAR_POSITION && changed.to.offset < source_txn_count() + 4)
        changed.to.offset++;
    if (bug_armed == BUG_LOST_NOTES)
        changed.note_count = 0;
    enum rc rc = checkpoint_store.intent(store, &changed, err);
    if (rc == RC_OK && bug_armed == BUG_EARLY_ADVANCE)
        rc = checkpoint_store.advance(store, said->epoch, err);
    return rc;
}

static const struct store_intent *intent_of(const struct store *store, uint64_t epoch)
{
    const struct store_intent *intent = checkpoint_store.state(store)->intent;
    while (intent != NULL && intent->epoch != epoch)
        intent = intent->next;
    return intent;
}

static enum rc done(struct store *store, uint64_t epoch, uint32_t entry, bool durable,
                    struct error *err)
{
    if (bug_armed == BUG_EARLY_ADVANCE)
        return RC_OK;
    if (bug_armed == BUG_WRONG_DONE)
        entry = (entry + 1) % intent_of(store, epoch)->count;
    if (bug_armed == BUG_DONE_UNSAID && durable)
        return RC_OK;
    if (intent_of(store, epoch) == NULL)
        return RC_OK; /* it was ended with another one */
    return checkpoint_store.done(store, epoch, entry, durable, err);
}

static enum rc prepared(struct store *store, uint64_t epoch, const struct store_prepared *loads,
                        uint32_t count, struct error *err)
{
    if (bug_armed == BUG_EARLY_ADVANCE || intent_of(store, epoch) == NULL)
        return RC_OK;
    return checkpoint_store.prepared(store, epoch, loads, count, err);
}

static enum rc advance(struct store *store, uint64_t epoch, struct error *err)
{
    if (intent_of(store, epoch) == NULL)
        return RC_OK;
    enum rc rc = checkpoint_store.advance(store, epoch, err);
    const struct store_intent *next = checkpoint_store.state(store)->intent;
    if (rc == RC_OK && bug_armed == BUG_ADVANCE_BOTH && next != NULL)
        rc = checkpoint_store.advance(store, next->epoch, err);
    return rc;
}

/* Of a start: the loads of the oldest unfinished epoch that it has not asked for yet. */
static uint32_t oldest_loads;

static enum rc bind(struct store *store, const char *server, bool has_gtid, struct error *err)
{
    const struct store_intent *oldest = checkpoint_store.state(store)->intent;
    oldest_loads = 0;
    for (uint32_t i = 0; oldest != NULL && i < oldest->count; i++)
        oldest_loads += oldest->done[i] ? 0 : 1;
    return checkpoint_store.bind(store, server, has_gtid, err);
}

const struct store_ops *bugs_store(void)
{
    static struct store_ops changed;
    changed = checkpoint_store;
    if (bug_armed != BUG_NONE) {
        changed.intent = intent;
        changed.prepared = prepared;
        changed.done = done;
        changed.advance = advance;
        changed.bind = bind;
    }
    return &changed;
}

/* ---- the sink ---- */

enum { LOADS_MAX = 64 };

static const struct sink_ops *real;
static uint32_t sealed;

static enum rc seal(struct sink *sink, uint64_t epoch, struct manifest *out, struct error *err)
{
    enum rc rc = real->seal(sink, epoch, out, err);
    sealed = rc == RC_OK ? out->count : 0;
    return rc;
}

static enum rc submit(struct sink *sink, const bool *applied, struct error *err)
{
    bool fewer[LOADS_MAX] = {false};
    if (bug_armed != BUG_FORGOTTEN_TABLE || sealed < 2 || applied != NULL)
        return real->submit(sink, applied, err);
    fewer[sealed - 1] = true;
    return real->submit(sink, fewer, err);
}

static enum rc resolve(struct sink *sink, const struct manifest_entry *entry,
                       enum load_state *state_out, struct error *err)
{
    *state_out = LOAD_APPLIED;
    if (bug_armed == BUG_FIRST_ONLY && oldest_loads == 0)
        return RC_OK;
    oldest_loads -= oldest_loads > 0;
    return real->resolve(sink, entry, state_out, err);
}

static enum rc poll_sink(struct sink *sink, unsigned wait_ms, struct sink_result *result,
                         struct error *err)
{
    enum rc rc = real->poll(sink, wait_ms, result, err);
    if (rc == RC_EOF && bug_armed == BUG_NO_END && random_chance(200))
        sealed = UINT32_MAX;
    if (rc != RC_EOF || sealed != UINT32_MAX)
        return rc;
    fiber_sleep(10 * SECOND);
    return RC_AGAIN;
}

void bugs_sink(struct sink *sink)
{
    static struct sink_ops changed;
    if (bug_armed == BUG_NONE)
        return;
    real = sink->ops;
    sealed = 0;
    changed = *real;
    changed.seal = seal;
    changed.submit = submit;
    changed.poll = poll_sink;
    changed.resolve = resolve;
    if (bug_armed == BUG_NO_PARTS)
        changed.seal_part = NULL;
    sink->ops = &changed;
}

/* ---- what answers mean ---- */

static void misread(struct load_answer *answer)
{
    enum load_verdict verdict = answer->verdict;
    if (bug_armed == BUG_PUBLISH_TIMEOUT && answer->committed_not_visible)
        verdict = LOAD_VERDICT_RETRY;
    if (bug_armed == BUG_EXISTS_IS_SUCCESS && verdict == LOAD_VERDICT_EXISTS)
        verdict = LOAD_VERDICT_DONE;
    if (bug_armed == BUG_BUSY_IS_SUCCESS && verdict == LOAD_VERDICT_RETRY && answer->widen)
        verdict = LOAD_VERDICT_DONE;
    if (bug_armed == BUG_GONE_IS_SUCCESS && verdict == LOAD_VERDICT_GONE)
        verdict = LOAD_VERDICT_DONE;
    if (verdict == LOAD_VERDICT_DONE && verdict != answer->verdict)
        answer->total_rows = answer->loaded_rows = answer->filtered_rows = -1;
    answer->verdict = verdict;
}

static enum label_state misread_state(enum label_state state)
{
    bool wrong = bug_armed == BUG_UNKNOWN_IS_COMMITTED && state == LABEL_UNKNOWN;
    return wrong ? LABEL_COMMITTED : state;
}

void __real_doris_read_answer(int http_status, struct slice body, struct load_answer *answer_out);
void __wrap_doris_read_answer(int http_status, struct slice body, struct load_answer *answer_out);
void __wrap_doris_read_answer(int http_status, struct slice body, struct load_answer *answer_out)
{
    __real_doris_read_answer(http_status, body, answer_out);
    misread(answer_out);
}

void __real_starrocks_read_answer(int http_status, struct slice body,
                                  struct load_answer *answer_out);
void __wrap_starrocks_read_answer(int http_status, struct slice body,
                                  struct load_answer *answer_out);
void __wrap_starrocks_read_answer(int http_status, struct slice body,
                                  struct load_answer *answer_out)
{
    __real_starrocks_read_answer(http_status, body, answer_out);
    misread(answer_out);
}

enum label_state __real_doris_read_label_state(int http_status, struct slice body);
enum label_state __wrap_doris_read_label_state(int http_status, struct slice body);
enum label_state __wrap_doris_read_label_state(int http_status, struct slice body)
{
    return misread_state(__real_doris_read_label_state(http_status, body));
}

enum label_state __real_starrocks_read_label_state(int http_status, struct slice body);
enum label_state __wrap_starrocks_read_label_state(int http_status, struct slice body);
enum label_state __wrap_starrocks_read_label_state(int http_status, struct slice body)
{
    return misread_state(__real_starrocks_read_label_state(http_status, body));
}

void __real_doris_read_step(enum load_step step, int http_status, struct slice body,
                            struct load_answer *answer_out);
void __wrap_doris_read_step(enum load_step step, int http_status, struct slice body,
                            struct load_answer *answer_out);
void __wrap_doris_read_step(enum load_step step, int http_status, struct slice body,
                            struct load_answer *answer_out)
{
    __real_doris_read_step(step, http_status, body, answer_out);
    misread(answer_out);
}

void __real_starrocks_read_step(enum load_step step, int http_status, struct slice body,
                                struct load_answer *answer_out);
void __wrap_starrocks_read_step(enum load_step step, int http_status, struct slice body,
                                struct load_answer *answer_out);
void __wrap_starrocks_read_step(enum load_step step, int http_status, struct slice body,
                                struct load_answer *answer_out)
{
    __real_starrocks_read_step(step, http_status, body, answer_out);
    misread(answer_out);
}

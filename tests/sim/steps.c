/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of two-phase loading: requests that begin, fill, prepare, commit or abort a
 * transaction. Each arrives at a moment of its own, whether or not its sender still lives: an abort
 * may come after the life that sent it, and meet what the next one has begun under the same label.
 */
#include "house_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { UNDERWAY_MAX = 64 };

static struct step underway[UNDERWAY_MAX];
static uint64_t prepared_lasts_us;

void steps_begin(void)
{
    for (unsigned i = 0; i < UNDERWAY_MAX; i++)
        free(underway[i].cargo);
    memset(underway, 0, sizeof(underway));
    prepared_lasts_us = random_chance(300) ? 20 * MINUTE : 120 * MINUTE;
}

uint64_t house_prepared_until_us(void)
{
    return sim_now_us() +
           (fault(FAULT_PREPARED_GONE) ? random_delay(20 * SECOND) : prepared_lasts_us);
}

struct step *step_send(enum step_kind kind, unsigned table, const char *label, unsigned id,
                       uint64_t arrives_us)
{
    unsigned i = 0;
    while (i < UNDERWAY_MAX && underway[i].used)
        i++;
    ASSERT(i < UNDERWAY_MAX);
    struct step *step = &underway[i];
    free(step->cargo);
    *step = (struct step){.used = true,
                          .waits = true,
                          .kind = kind,
                          .table = table,
                          .id = id,
                          .arrives_us = arrives_us};
    snprintf(step->label, sizeof(step->label), "%s", label);
    if (kind == STEP_LOAD) {
        step->cargo = calloc(1, sizeof(*step->cargo));
        ASSERT(step->cargo != NULL);
    }
    return step;
}

void step_leave(struct step *step)
{
    step->waits = false;
    if (step->arrived)
        step->used = false;
}

void steps_client_died(void)
{
    for (unsigned i = 0; i < UNDERWAY_MAX; i++) {
        struct step *step = &underway[i];
        if (!step->used || !step->waits)
            continue;
        if (step->arrived || random_chance(500)) {
            step->used = false;
        } else if (random_chance(400)) {
            fault_note(FAULT_LATE_BEGIN);
            step->arrives_us += random_delay(60 * SECOND);
        }
        step->waits = false;
    }
}

struct step *steps_next(void)
{
    struct step *first = NULL;
    for (unsigned i = 0; i < UNDERWAY_MAX; i++) {
        struct step *step = &underway[i];
        if (step->used && !step->arrived && (first == NULL || step->arrives_us < first->arrives_us))
            first = step;
    }
    return first;
}

/* ---- words ---- */

static void say(struct step *step, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct step *step, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(step->answer, sizeof(step->answer), format, args);
    va_end(args);
}

static void ok(struct step *step, const struct house_load *load, const char *done)
{
    if (world.starrocks)
        say(step,
            "{\"Label\": \"%s\", \"Status\": \"OK\", \"TxnId\": %u, \"Message\": \"\", "
            "\"NumberTotalRows\": %u, \"NumberLoadedRows\": %u, \"NumberFilteredRows\": 0}",
            step->label, load->id, load->row_count, load->row_count);
    else
        say(step, "{\"status\": \"Success\", \"msg\": \"transaction [%u] %s successfully.\"}",
            load->id, done);
}

static void refuse(struct step *step, const char *status, const char *words)
{
    if (world.starrocks)
        say(step, "{\"Label\": \"%s\", \"Status\": \"%s\", \"Message\": \"%s\"}", step->label,
            status, words);
    else
        say(step, "{\"status\": \"%s\", \"msg\": \"TStatus: errCode = 2, detailMessage = %s\"}",
            status, words);
}

static void refuse_number(struct step *step, const char *status, const char *format, unsigned id)
{
    char words[120];
    snprintf(words, sizeof(words), format, id);
    refuse(step, status, words);
}

static void not_there(struct step *step)
{
    if (world.starrocks)
        refuse(step, "FAILED", "No transaction found with db[app] and label[x]");
    else
        refuse(step, "ANALYSIS_ERROR", "transaction [0] not found");
}

/* ---- what each does ---- */

static void begin(struct step *step)
{
    const struct house_load *holder = house_label(step->label);
    if (holder != NULL && holder->state != HOUSE_ABORTED) {
        say(step,
            "{\"Label\": \"%s\", \"Status\": \"LABEL_ALREADY_EXISTS\", \"ExistingJobStatus\": "
            "\"%s\", \"Message\": \"Label [%s] has already been used.\"}",
            step->label, holder->state == HOUSE_RUNNING ? "RUNNING" : "FINISHED", step->label);
        return;
    }
    if (fault(FAULT_BUSY)) {
        refuse(step, "FAILED", "current running txns on db 1 is 1000, larger than limit 1000");
        return;
    }
    struct house_load *load = house_load_new(step->label, step->table);
    load->two_phase = true;
    load->state = HOUSE_RUNNING;
    load->timeout_us = sim_now_us() + 10 * MINUTE;
    trace("warehouse: transaction %u begins under %s", load->id, step->label);
    ok(step, load, "begin");
}

/* More rows for an open transaction: what is sent twice is there twice. */
static void fill(struct step *step)
{
    struct house_load *load = house_label(step->label);
    if (load == NULL || load->state != HOUSE_RUNNING) {
        refuse(step, "TXN_NOT_EXISTS", "transaction with label does not exist");
        return;
    }
    if (step->cut || fault(FAULT_LOAD_ABORTED)) {
        house_abort(load);
        refuse(step, "INTERNAL_ERROR", "the load failed and was rolled back");
        return;
    }
    const struct house_load *cargo = step->cargo;
    ASSERT(load->row_count + cargo->row_count <= HOUSE_ROWS_MAX);
    for (unsigned i = 0; i < cargo->row_count; i++) {
        load->rows[load->row_count] = cargo->rows[i];
        load->gone[load->row_count++] = cargo->gone[i];
    }
    trace("warehouse: transaction %u has %u rows", load->id, load->row_count);
    ok(step, load, "load");
}

static void prepare(struct step *step)
{
    struct house_load *load = house_label(step->label);
    if (load == NULL || load->state != HOUSE_RUNNING) {
        refuse(step, "TXN_NOT_EXISTS", "transaction with label does not exist");
        return;
    }
    if (load->row_count == 0) {
        house_abort(load);
        refuse(step, "INTERNAL_ERROR", "transaction hasn't send any data yet");
        return;
    }
    load->state = HOUSE_PREPARED;
    load->timeout_us = house_prepared_until_us();
    trace("warehouse: transaction %u is prepared", load->id);
    ok(step, load, "prepare");
}

/* StarRocks commits by the label, Doris by the transaction's number. */
static struct house_load *find(const struct step *step)
{
    struct house_load *load = step->id > 0 ? house_load_by_id(step->id) : house_label(step->label);
    return load == NULL || !house_is_known(load) ? NULL : load;
}

/* A frontend sends such a commit on to the backend, which makes durable what it has. */
static void commit_open(struct step *step, struct house_load *load)
{
    if (!step->at_backend) {
        refuse(step, "FAILED", "Transaction with op[commit] and label[x] has no node.");
    } else if (load->row_count == 0) {
        house_abort(load);
        refuse(step, "INTERNAL_ERROR", "transaction hasn't send any data yet");
    } else {
        house_commit(load);
        ok(step, load, "commit");
    }
}

static void commit(struct step *step)
{
    struct house_load *load = find(step);
    if (load == NULL) {
        not_there(step);
    } else if (load->state == HOUSE_PREPARED) {
        bool unsure = fault(FAULT_COMMIT_UNSURE);
        if (!unsure || random_chance(500))
            house_commit(load);
        if (unsure)
            refuse(step, world.starrocks ? "FAILED" : "INTERNAL_ERROR",
                   world.starrocks ? "publish timeout: 60000" : "get tableList write lock timeout");
        else
            ok(step, load, "commit");
    } else if (load->state == HOUSE_ABORTED) {
        refuse_number(
            step, world.starrocks ? "FAILED" : "ANALYSIS_ERROR",
            world.starrocks
                ? "Can not commit ABORTED transaction %u"
                : "transaction [%u] is already aborted. abort reason: timeout by txn manager",
            load->id);
    } else if (load->state == HOUSE_RUNNING) {
        commit_open(step, load);
    } else if (world.starrocks) {
        say(step,
            "{\"Status\": \"OK\", \"TxnId\": %u, \"Message\": \"Transaction %u has already "
            "committed, label is %s\"}",
            load->id, load->id, load->label);
    } else {
        refuse_number(step, "ANALYSIS_ERROR",
                      "transaction [%u] is already visible, not pre-committed.", load->id);
    }
}

static void undo(struct step *step)
{
    struct house_load *load = find(step);
    if (load == NULL) {
        not_there(step);
    } else if (load->state == HOUSE_PREPARED || load->state == HOUSE_RUNNING) {
        house_abort(load);
        ok(step, load, "abort");
    } else if (load->state == HOUSE_ABORTED) {
        refuse_number(step, world.starrocks ? "OK" : "ANALYSIS_ERROR",
                      world.starrocks
                          ? "transaction %u has already aborted"
                          : "transaction [%u] is already aborted, abort reason: User Abort",
                      load->id);
    } else {
        refuse_number(step, world.starrocks ? "FAILED" : "ANALYSIS_ERROR",
                      world.starrocks ? "Can not abort VISIBLE transaction %u"
                                      : "transaction [%u] is already VISIBLE, could not abort.",
                      load->id);
    }
}

void step_happens(struct step *step)
{
    static const char *const words[] = {"begin", "load", "prepare", "commit", "abort"};
    static void (*const acts[])(struct step *) = {begin, fill, prepare, commit, undo};
    step->arrived = true;
    acts[step->kind](step);
    trace("warehouse: %s of %s%s: %s", words[step->kind], step->label,
          step->waits ? "" : ", whose sender has gone", step->answer);
    if (!step->waits)
        step->used = false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See house_int.h. */
#include "house_int.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LOADS_MAX = 2048,
    FORGOTTEN_MAX = 12 /* how far back from the last load the last forgotten one lies, at most */
};

/* A label is known for longer than the engine trusts it to be (label.trust, 10 minutes): that is the
 * contract of docs/delivery.md. Busy worlds forget soon after, others never. Labels of tables with a key
 * are not trusted at all, and may be forgotten whenever the engine is down. */
#define LABEL_KEPT_MIN_US (11 * MINUTE)
#define LABEL_KEPT_MAX_US (12 * 60 * MINUTE)

static struct house_load *loads[LOADS_MAX]; /* owned; kept from world to world */
static unsigned load_count;
static uint64_t label_kept_us;
static uint64_t publish_wait_us;

void warehouse_begin(void)
{
    load_count = 0;
    steps_begin();
    label_kept_us = random_chance(600) ? LABEL_KEPT_MIN_US : LABEL_KEPT_MAX_US;
    publish_wait_us = random_between(100 * MS, 3 * SECOND);
}

uint64_t house_publish_wait_us(void)
{
    return publish_wait_us;
}

struct house_load *house_load_new(const char *label, unsigned table)
{
    ASSERT(load_count < LOADS_MAX);
    if (loads[load_count] == NULL)
        loads[load_count] = malloc(sizeof(struct house_load));
    struct house_load *load = loads[load_count++];
    ASSERT(load != NULL);
    size_t head = offsetof(struct house_load, rows);
    memset(load, 0, head);
    load->row_count = 0;
    load->id = load_count;
    load->table = table;
    snprintf(load->label, sizeof(load->label), "%s", label);
    return load;
}

struct house_load *house_load_by_id(unsigned id)
{
    return id == 0 || id > load_count ? NULL : loads[id - 1];
}

static bool is_finished(const struct house_load *load)
{
    return load->state == HOUSE_COMMITTED || load->state == HOUSE_VISIBLE ||
           load->state == HOUSE_ABORTED;
}

/* A request with this label is still on its way from an engine that died. */
static bool is_coming(const char *label)
{
    for (unsigned i = 0; i < load_count; i++)
        if (loads[i]->state == HOUSE_COMING && strcmp(loads[i]->label, label) == 0)
            return true;
    return false;
}

void warehouse_forget(void)
{
    if (load_count == 0)
        return;
    unsigned back = (unsigned)random_below(load_count < FORGOTTEN_MAX ? load_count : FORGOTTEN_MAX);
    uint64_t until_us = loads[load_count - 1 - back]->finished_us;
    for (unsigned i = 0; i < load_count; i++)
        if (is_finished(loads[i]) && loads[i]->finished_us <= until_us &&
            !oracle_is_keyless(loads[i]->table) && !is_coming(loads[i]->label))
            loads[i]->forgotten = true;
}

bool house_is_known(const struct house_load *load)
{
    if (load->state == HOUSE_COMING || load->state == HOUSE_REFUSED || load->forgotten)
        return false;
    return !is_finished(load) || sim_now_us() - load->finished_us < label_kept_us;
}

struct house_load *house_label(const char *label)
{
    struct house_load *aborted = NULL;
    for (unsigned i = load_count; i-- > 0;) {
        struct house_load *load = loads[i];
        if (!house_is_known(load) || strcmp(load->label, label) != 0)
            continue;
        if (load->state != HOUSE_ABORTED)
            return load;
        if (aborted == NULL)
            aborted = load;
    }
    return aborted;
}

const char *house_state_word(const struct house_load *load)
{
    switch (load->state) {
    case HOUSE_RUNNING:
        return "PREPARE";
    case HOUSE_PREPARED:
        return world.starrocks ? "PREPARED" : "PRECOMMITTED";
    case HOUSE_COMMITTED:
        return "COMMITTED";
    case HOUSE_VISIBLE:
        return "VISIBLE";
    case HOUSE_ABORTED:
        return "ABORTED";
    case HOUSE_COMING:
    case HOUSE_REFUSED:
        break;
    }
    return "UNKNOWN";
}

void house_abort(struct house_load *load)
{
    load->state = HOUSE_ABORTED;
    load->finished_us = sim_now_us();
    trace("warehouse: load %u is aborted", load->id);
}

void house_commit(struct house_load *load)
{
    load->state = HOUSE_COMMITTED;
    load->finished_us = sim_now_us();
    load->visible_us = load->finished_us + load->publish_us;
    trace("warehouse: load %u is committed, %u rows of t%u", load->id, load->row_count,
          load->table);
    life_look_at_commit();
    oracle_applied(load->table, load->rows, load->gone, load->row_count, load->label);
}

/* The server sees the request. */
static void begin(struct house_load *load)
{
    const struct house_load *holder = house_label(load->label);
    if (holder != NULL && holder->state != HOUSE_ABORTED) {
        load->state = HOUSE_REFUSED;
        load->refusal = REFUSAL_LABEL;
        load->existing_id = holder->id;
        load->existing = holder->state == HOUSE_RUNNING    ? "RUNNING"
                         : holder->state == HOUSE_PREPARED ? "PRECOMMITTED"
                                                           : "FINISHED";
        trace("warehouse: load %u is refused, %s has the label", load->id, load->existing);
    } else if (load->busy) {
        load->state = HOUSE_REFUSED;
        load->refusal = REFUSAL_BUSY;
        trace("warehouse: load %u is refused for now", load->id);
    } else {
        load->state = HOUSE_RUNNING;
        trace("warehouse: load %u of t%u begins under %s", load->id, load->table, load->label);
    }
}

static void end(struct house_load *load)
{
    if (!load->whole || load->fails) {
        house_abort(load);
    } else if (load->two_phase) {
        load->state = HOUSE_PREPARED;
        load->timeout_us = house_prepared_until_us();
        trace("warehouse: load %u is prepared", load->id);
    } else {
        house_commit(load);
    }
}

/* When something happens to it next; UINT64_MAX: never by itself. */
static uint64_t next_us(const struct house_load *load)
{
    switch (load->state) {
    case HOUSE_COMING:
        return load->begin_us;
    case HOUSE_RUNNING:
        return load->whole ? load->end_us : load->timeout_us;
    case HOUSE_PREPARED:
        return load->timeout_us;
    case HOUSE_COMMITTED:
        return load->visible_us;
    case HOUSE_VISIBLE:
    case HOUSE_ABORTED:
    case HOUSE_REFUSED:
        break;
    }
    return UINT64_MAX;
}

static void happen(struct house_load *load)
{
    if (load->state == HOUSE_COMING)
        begin(load);
    else if (load->state == HOUSE_RUNNING)
        end(load);
    else if (load->state == HOUSE_PREPARED)
        house_abort(load);
    else
        load->state = HOUSE_VISIBLE;
}

/* In the order of their moments: each happens at its own time, not at the one of who looks. */
void warehouse_advance(void)
{
    uint64_t now_us = sim_now_us();
    for (;;) {
        struct house_load *first = NULL;
        for (unsigned i = 0; i < load_count; i++)
            if (next_us(loads[i]) <= now_us &&
                (first == NULL || next_us(loads[i]) < next_us(first)))
                first = loads[i];
        struct step *step = steps_next();
        if (step != NULL && step->arrives_us <= now_us &&
            (first == NULL || step->arrives_us <= next_us(first))) {
            sim_set_now_us(step->arrives_us);
            step_happens(step);
        } else if (first != NULL) {
            sim_set_now_us(next_us(first));
            happen(first);
        } else {
            break;
        }
    }
    sim_set_now_us(now_us);
}

void warehouse_client_died(void)
{
    uint64_t now_us = sim_now_us();
    warehouse_advance();
    steps_client_died();
    for (unsigned i = 0; i < load_count; i++) {
        struct house_load *load = loads[i];
        if (!load->client_waits)
            continue;
        load->client_waits = false;
        /* What was not in the kernel's buffers yet never goes out. */
        bool is_out = random_chance(500);
        if (load->state == HOUSE_COMING && is_out && random_chance(400)) {
            fault_note(FAULT_LATE_BEGIN);
            uint64_t later_us = random_delay(60 * SECOND);
            load->begin_us += later_us;
            load->arrive_us += later_us;
            load->end_us += later_us;
        }
        if (!is_out && load->arrive_us > now_us && load->whole) {
            load->whole = false;
            load->timeout_us = load->begin_us + random_delay(10 * MINUTE);
            trace("warehouse: the body of load %u is cut by its sender's death", load->id);
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The warehouse that the simulator has in memory: its loads, each a transaction with a label, and
 * their way through time.
 *
 *   COMING    the request is on its way; at `begin_us` the server sees it
 *   REFUSED   the server did not take it: a label that is used, or no breath
 *   RUNNING   PREPARE: its label is taken, its body arrives until `arrive_us`, is worked on until `end_us`
 *   PREPARED  PRECOMMITTED: waits for a commit, until `timeout_us`
 *   COMMITTED durable, not yet visible; VISIBLE at `visible_us`
 *   ABORTED   its label is free
 *
 * What is to happen to a load is drawn when its request is made; warehouse_advance lets it happen.
 * So the server goes on when the engine is dead. Sources: facts/doris.md 1.7, 1.8, 2.1 to 2.4,
 * facts/starrocks.md 1.5 to 1.8, 2.1 to 2.3.
 */
#ifndef MILLRACE_TESTS_SIM_HOUSE_INT_H
#define MILLRACE_TESTS_SIM_HOUSE_INT_H

#include "sim_int.h"

enum house_state {
    HOUSE_COMING = 0,
    HOUSE_REFUSED,
    HOUSE_RUNNING,
    HOUSE_PREPARED,
    HOUSE_COMMITTED,
    HOUSE_VISIBLE,
    HOUSE_ABORTED
};

enum house_refusal { REFUSAL_NONE = 0, REFUSAL_BUSY, REFUSAL_LABEL };

enum { HOUSE_ROWS_MAX = 400, HOUSE_LABEL_MAX = 140 };

struct house_load {
    unsigned id; /* the transaction's; from 1 */
    char label[HOUSE_LABEL_MAX];
    unsigned table;
    bool two_phase;
    bool forgotten; /* its label was, before its time */
    enum house_state state;
    enum house_refusal refusal;
    const char *existing; /* REFUSAL_LABEL: ExistingJobStatus */
    unsigned existing_id;
    uint64_t begin_us;
    uint64_t arrive_us;
    uint64_t end_us;
    uint64_t publish_us; /* from the commit until it is visible */
    uint64_t visible_us;
    uint64_t timeout_us; /* PREPARED, or RUNNING without a body: aborted then */
    uint64_t finished_us;
    bool busy;  /* the server has no breath for it when it begins */
    bool whole; /* all of the body arrives */
    bool fails; /* aborted by the server at its end */
    bool client_waits;
    struct oracle_row rows[HOUSE_ROWS_MAX];
    bool gone[HOUSE_ROWS_MAX];
    unsigned row_count;
};

/* A new one, in the state COMING; the caller draws what is to happen. */
struct house_load *house_load_new(const char *label, unsigned table);
struct house_load *house_load_by_id(unsigned id);
/* The load that has the label now: the one that is not aborted and not forgotten, else the newest
 * that was aborted and is not forgotten; NULL: the label is unknown. */
struct house_load *house_label(const char *label);
/* Makes it durable: the rows are at the target from now on. */
void house_commit(struct house_load *load);
void house_abort(struct house_load *load);
const char *house_state_word(const struct house_load *load);

bool house_is_known(const struct house_load *load);

/* ---- two-phase loading (steps.c) ---- */

enum step_kind { STEP_BEGIN = 0, STEP_LOAD, STEP_PREPARE, STEP_COMMIT, STEP_ABORT };

/* A request on its way to the server. */
struct step {
    bool used;
    bool waits;   /* its sender is there */
    bool arrived; /* and `answer` holds what the server said */
    bool cut;     /* of its body not all arrives */
    bool at_backend;
    enum step_kind kind;
    unsigned table;
    unsigned id; /* of the transaction; 0: by the label */
    char label[HOUSE_LABEL_MAX];
    uint64_t arrives_us;
    struct house_load *cargo; /* STEP_LOAD: owned; its rows */
    char answer[500];
};

void steps_begin(void);
struct step *step_send(enum step_kind kind, unsigned table, const char *label, unsigned id,
                       uint64_t arrives_us);
/* The sender has what it wanted, or wants no more. */
void step_leave(struct step *step);
void steps_client_died(void);
/* The next one to arrive, or NULL. */
struct step *steps_next(void);
void step_happens(struct step *step);
/* Until when a load that is prepared now waits for its commit. */
uint64_t house_prepared_until_us(void);

/* How long a server of this world waits for a load to be visible before it answers. */
uint64_t house_publish_wait_us(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions over several tables against a scripted server: each row of their tables in
 * sinks/stream_load/decide.c is played.
 */
#include "load_script.h"

#include "sinks/stream_load/decide_int.h"

#define DONE SAYS(200, "DONE")
#define BEGUN TO(BEGIN, "DONE")
/* All that comes before a commit. */
#define GATHERED BEGUN, WAY_OK, DONE, WAY_OK, DONE

static const struct play joints[] = {
    {.name = "committed", .steps = {GATHERED, TO(COMMIT, "DONE"), STATE("COMMITTED")}, .sends = 2},
    {.name = "committed at the second try",
     .steps = {GATHERED, TO_DEAD(COMMIT), TO(COMMIT, "DONE"), STATE("COMMITTED")},
     .sends = 2,
     .retries = 1},
    {.name = "the answer is lost, and it is committed",
     .steps = {GATHERED, TO_LOST(COMMIT), STATE("COMMITTED")},
     .sends = 2},
    {.name = "the answer is lost, and it is not committed yet",
     .steps = {GATHERED, TO_LOST(COMMIT), STATE("RUNNING"), TO(COMMIT, "BUSY"), TO(COMMIT, "DONE"),
               STATE_DEAD, STATE("COMMITTED")},
     .sends = 2,
     .widen = true,
     .retries = 2},
    {.name = "committed, it says, and the label says prepared: again",
     .steps = {GATHERED, TO(COMMIT, "DONE"), STATE("PREPARED"), TO(COMMIT, "DONE"),
               STATE("COMMITTED")},
     .sends = 2,
     .retries = 1},
    {.name = "committed, it says, and it is not",
     .steps = {GATHERED, TO(COMMIT, "DONE"), STATE("ABORTED")},
     .sends = 2,
     .end = LOAD_END_NOTHING},
    {.name = "committed, it says, and nobody knows the label",
     .steps = {GATHERED, TO(COMMIT, "DONE"), STATE("UNKNOWN"), TO(ABORT, "EXISTS"),
               STATE("UNKNOWN")},
     .sends = 2,
     .end = LOAD_END_ASK_ROW},
    {.name = "the commit never arrived: nothing is left of it",
     .steps = {GATHERED, TO_LOST(COMMIT), STATE("UNKNOWN"), TO(ABORT, "DONE"), STATE("UNKNOWN")},
     .sends = 2,
     .end = LOAD_END_ASK_ROW},
    {.name = "the commit is slow: it is on its way when it is taken back",
     .steps = {GATHERED, TO_LOST(COMMIT), STATE("UNKNOWN"), TO(ABORT, "BUSY"), TO_LOST(ABORT),
               TO(ABORT, "EXISTS"), STATE("COMMITTED")},
     .sends = 2,
     .widen = true},
    {.name = "cancelled before its commit",
     .steps = {GATHERED, TO(COMMIT, "GONE"), TO(ABORT, "GONE"), STATE("ABORTED")},
     .sends = 2,
     .end = LOAD_END_NOTHING},
    {.name = "another frontend leads",
     .steps = {GATHERED, TO(COMMIT, "ABSENT"), TO(ABORT, "ABSENT"), STATE("UNKNOWN")},
     .sends = 2,
     .end = LOAD_END_ASK_ROW},
    {.name = "rows are refused at the commit",
     .steps = {GATHERED, TO(COMMIT, "BAD ROW")},
     .rc = RC_REJECTED,
     .sends = 2,
     .text = "because of its rows",
     .outcome = ERROR_NOT_APPLIED},
    {.name = "the commit is refused",
     .steps = {GATHERED, TO(COMMIT, "DENIED")},
     .rc = RC_PROTOCOL,
     .sends = 2,
     .text = "the next start finds out",
     .outcome = ERROR_MAYBE_APPLIED},
    {.name = "nobody is there to begin it",
     .steps = {TO_DEAD(BEGIN), GATHERED, TO(COMMIT, "DONE"), STATE("COMMITTED")},
     .sends = 2,
     .retries = 1},
    {.name = "the answer to its beginning is lost",
     .steps = {TO_LOST(BEGIN), TO(ABORT, "DONE"), STATE("UNKNOWN")},
     .end = LOAD_END_ASK_ROW},
    {.name = "its label is there already",
     .steps = {TO(BEGIN, "EXISTS"), TO(ABORT, "GONE"), STATE("ABORTED")},
     .end = LOAD_END_NOTHING},
    {.name = "no way for the second table: it has begun, so it is taken back",
     .steps = {BEGUN, WAY_OK, DONE, WAY_DEAD, TO(ABORT, "DONE"), STATE("ABORTED")},
     .sends = 1,
     .end = LOAD_END_NOTHING},
    {.name = "the answer to a load is lost",
     .steps = {BEGUN, WAY_OK, LOST, TO_DEAD(ABORT), TO(ABORT, "DONE"), STATE("ABORTED")},
     .sends = 1,
     .end = LOAD_END_NOTHING},
    {.name = "busy",
     .steps = {BEGUN, WAY_OK, SAYS(200, "BUSY -235"), TO(ABORT, "GONE"), STATE("ABORTED")},
     .sends = 1,
     .widen = true,
     .end = LOAD_END_NOTHING},
    {.name = "rows are refused when they are loaded",
     .steps = {BEGUN, WAY_OK, SAYS(200, "BAD ROW")},
     .rc = RC_REJECTED,
     .sends = 1,
     .text = "at table orders",
     .outcome = ERROR_NOT_APPLIED},
    {.name = "its beginning is refused",
     .steps = {TO(BEGIN, "DENIED")},
     .rc = RC_PROTOCOL,
     .text = "was refused: DENIED",
     .outcome = ERROR_NOT_APPLIED},
    {.name = "the one before it came to nothing",
     .steps = {GATHERED, TO(COMMIT, "DONE"), STATE("COMMITTED")},
     .sends = 2,
     .before = 1,
     .retries = 1},
    {.name = "the one before it came to nothing, and there is no more patience",
     .rc = RC_BUSY,
     .before = 1,
     .max_retries = 1,
     .text = "came to nothing",
     .outcome = ERROR_NOT_APPLIED},
    {.name = "a stop",
     .steps = {TO_DEAD(BEGIN)},
     .rc = RC_CANCELLED,
     .retries = 1,
     .stop_at_wait = 1},
};

static const struct play take_backs[] = {
    {.name = "rolled back",
     .steps = {TO(ABORT, "DONE"), STATE("ABORTED")},
     .end = LOAD_END_NOTHING},
    {.name = "committed", .steps = {TO(ABORT, "EXISTS"), STATE("COMMITTED")}},
    {.name = "a state that is not settled",
     .steps = {TO(ABORT, "DONE"), STATE("RUNNING"), TO(ABORT, "DONE"), STATE("PREPARED"),
               TO(ABORT, "DONE"), STATE("COMMITTED")}},
    {.name = "nobody knows it",
     .steps = {TO(ABORT, "ABSENT"), STATE_DEAD, STATE("UNKNOWN")},
     .end = LOAD_END_ASK_ROW},
    {.name = "words that nobody knows are no answer",
     .steps = {TO(ABORT, "hm"), TO(ABORT, "BAD ROW"), TO(ABORT, "DONE"), STATE("UNKNOWN")},
     .end = LOAD_END_ASK_ROW},
    {.name = "refused again and again",
     .steps = {TO(ABORT, "DENIED"), TO(ABORT, "DENIED"), TO(ABORT, "DENIED"), TO(ABORT, "DENIED"),
               TO(ABORT, "DENIED")},
     .rc = RC_PROTOCOL,
     .text = "cannot be rolled back",
     .outcome = ERROR_MAYBE_APPLIED},
    {.name = "a stop", .steps = {TO_LOST(ABORT)}, .rc = RC_CANCELLED, .stop_at_wait = 1},
};

static void test_joint(void **state UNUSED)
{
    for (unsigned i = 0; i < COUNT_OF(joints); i++) {
        struct play play = joints[i];
        play.way = PLAY_JOINT;
        run_play(&play);
    }
}

static void test_take_back(void **state UNUSED)
{
    for (unsigned i = 0; i < COUNT_OF(take_backs); i++) {
        struct play play = take_backs[i];
        play.way = PLAY_TAKE_BACK;
        run_play(&play);
    }
}

/* What must never be: only a state or the row end a transaction, and nothing is anew before one of them
 * says that it is not there. */
static void test_what_must_not_be(void **state UNUSED)
{
    for (unsigned phase = LOAD_PHASE_JOINT; phase <= LOAD_PHASE_TAKE_BACK; phase++)
        for (unsigned event = 0; event <= LOAD_STATE_UNREADABLE; event++) {
            const struct load_decision *row =
                load_decide((enum load_phase)phase, (enum load_event)event);
            if (row == NULL)
                continue;
            if (row->action == LOAD_DO_FINISH)
                assert_true(event == LOAD_STATE_COMMITTED || event == LOAD_EVENT_ROW_THERE);
            if (row->action == LOAD_DO_RELOAD)
                assert_true(event == LOAD_STATE_ABORTED || event == LOAD_EVENT_ROW_ABSENT);
            assert_int_not_equal(row->action, LOAD_DO_SEND);
        }
}

int main(void)
{
    log_setup(2, LOG_FORMAT_TEXT, LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joint),
        cmocka_unit_test(test_take_back),
        cmocka_unit_test(test_what_must_not_be),
    };
    return cmocka_run_group_tests_name("stream_load joint", tests, NULL, NULL);
}

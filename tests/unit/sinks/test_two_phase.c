/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads in two phases against a scripted server: each row of the tables in sinks/stream_load/decide.c
 * is played, and the tables themselves are whole.
 */
#include "load_script.h"

#include "sinks/stream_load/decide_int.h"

#define DONE SAYS(200, "DONE 2 2 0")

static const struct play prepares[] = {
    {.name = "prepared", .steps = {WAY_OK, DONE}, .sends = 1},
    {.name = "row counts that are not ours, once: prepared anew",
     .steps = {WAY_OK, SAYS(200, "DONE 4 4 0"), TO(ABORT, "DONE"), STATE("ABORTED"), WAY_OK, DONE},
     .sends = 2,
     .retries = 1},
    {.name = "row counts that are never ours: never committed",
     .steps = {WAY_OK, SAYS(200, "DONE 2 1 1"), TO(ABORT, "DONE"), STATE("ABORTED"), WAY_OK,
               SAYS(200, "DONE 2 1 1"), TO(ABORT, "DONE"), STATE("ABORTED"), WAY_OK,
               SAYS(200, "DONE 2 1 1"), TO(ABORT, "DONE"), STATE("ABORTED"), WAY_OK,
               SAYS(200, "DONE 2 1 1")},
     .rc = RC_PROTOCOL,
     .sends = 4,
     .retries = 3,
     .text = "will not be committed",
     .outcome = ERROR_NOT_APPLIED},
    {.name = "the label lies there prepared",
     .steps = {WAY_OK, SAYS_EARLY("EXISTS"), TO(ABORT, "DONE"), STATE("ABORTED"), WAY_OK, DONE},
     .sends = 2,
     .retries = 1},
    {.name = "a lost answer, prepared behind it",
     .steps = {WAY_OK, LOST, TO(ABORT, "DONE"), STATE("ABORTED"), WAY_OK, DONE},
     .sends = 2,
     .retries = 1},
    {.name = "a lost answer that left nothing",
     .steps = {WAY_OK, LOST, TO(ABORT, "ABSENT"), STATE("UNKNOWN"), WAY_OK, DONE},
     .sends = 2,
     .retries = 1},
    {.name = "a lost answer of a table without a key, whose label is forgotten at once",
     .steps = {WAY_OK, LOST, TO(ABORT, "ABSENT"), STATE("UNKNOWN"), WAY_OK, DONE},
     .sends = 2,
     .retries = 1,
     .keyless = true,
     .distrust = true},
    {.name = "a lost answer, and a labelled load of an earlier attempt",
     .steps = {WAY_OK, LOST, TO(ABORT, "hm"), STATE("COMMITTED")},
     .sends = 1,
     .end = LOAD_END_APPLIED},
    {.name = "unknown words",
     .steps = {WAY_OK, SAYS(200, "hm"), TO(ABORT, "DONE"), STATE("ABORTED"), WAY_OK, DONE},
     .sends = 2,
     .retries = 1},
    {.name = "nothing was sent", .steps = {WAY_DEAD, WAY_OK, DONE}, .sends = 1, .retries = 1},
    {.name = "busy",
     .steps = {WAY_OK, SAYS(200, "BUSY -235"), WAY_OK, DONE},
     .sends = 2,
     .retries = 1,
     .widen = true},
    {.name = "a row is refused",
     .steps = {WAY_OK, SAYS(200, "BAD ROW")},
     .rc = RC_REJECTED,
     .sends = 1,
     .text = "because of its rows"},
    {.name = "refused",
     .steps = {WAY_OK, SAYS_EARLY("DENIED")},
     .rc = RC_PROTOCOL,
     .sends = 1,
     .text = "was refused: DENIED"},
    {.name = "still running after an abort: the other way to abort",
     .steps = {WAY_OK, LOST, TO(ABORT, "ABSENT"), STATE("RUNNING"), TO(CANCEL, "DONE"),
               STATE("ABORTED"), WAY_OK, DONE},
     .sends = 2,
     .retries = 1},
    {.name = "nobody answers for the label",
     .steps = {WAY_OK, LOST, TO_DEAD(ABORT), STATE_DEAD, STATE_DEAD, STATE("PREPARED"),
               TO_LOST(CANCEL), STATE("ABORTED"), WAY_OK, DONE},
     .sends = 2,
     .retries = 1},
};

static const struct play undos[] = {
    {.name = "nothing is there", .steps = {STATE("UNKNOWN")}, .end = LOAD_END_NOTHING},
    {.name = "it is aborted", .steps = {STATE("ABORTED")}, .end = LOAD_END_NOTHING},
    {.name = "it lies prepared",
     .steps = {STATE("PREPARED"), TO(ABORT, "DONE"), STATE("ABORTED")},
     .end = LOAD_END_NOTHING},
    {.name = "it runs",
     .steps = {STATE("RUNNING"), TO(ABORT, "DONE"), STATE("ABORTED")},
     .end = LOAD_END_NOTHING},
    {.name = "it is committed", .steps = {STATE("COMMITTED")}, .end = LOAD_END_APPLIED},
    {.name = "no state for a while",
     .steps = {STATE_DEAD, STATE_HTTP(502, "<html>"), STATE("UNKNOWN")},
     .end = LOAD_END_NOTHING},
    {.name = "the abort is refused again and again",
     .steps = {STATE("PREPARED"), TO(ABORT, "DENIED"), STATE("PREPARED"), TO(CANCEL, "DENIED"),
               STATE("PREPARED"), TO(ABORT, "DENIED"), STATE("PREPARED"), TO(CANCEL, "DENIED"),
               STATE("PREPARED"), TO(ABORT, "DENIED")},
     .rc = RC_PROTOCOL,
     .text = "cannot be aborted there: DENIED",
     .outcome = ERROR_NOT_APPLIED},
    {.name = "a stop", .steps = {STATE_DEAD}, .rc = RC_CANCELLED, .stop_at_wait = 1},
};

static const struct play commits[] = {
    {.name = "committed", .steps = {TO(COMMIT, "DONE")}},
    {.name = "the answer is lost, and it is committed",
     .steps = {TO_LOST(COMMIT), STATE("COMMITTED")}},
    {.name = "the answer is lost, and it is not",
     .steps = {TO_LOST(COMMIT), STATE("PREPARED"), TO(COMMIT, "DONE")},
     .retries = 1},
    {.name = "words that nobody knows",
     .steps = {TO(COMMIT, "lock timeout"), STATE("PREPARED"), TO(COMMIT, "DONE")},
     .retries = 1},
    {.name = "words of another step", .steps = {TO(COMMIT, "EXISTS"), STATE("COMMITTED")}},
    {.name = "nobody is there", .steps = {TO_DEAD(COMMIT), TO(COMMIT, "DONE")}, .retries = 1},
    {.name = "busy",
     .steps = {TO(COMMIT, "BUSY"), TO(COMMIT, "DONE")},
     .retries = 1,
     .widen = true},
    {.name = "refused",
     .steps = {TO(COMMIT, "DENIED")},
     .rc = RC_PROTOCOL,
     .text = "the next start commits it: DENIED",
     .outcome = ERROR_MAYBE_APPLIED},
    {.name = "its time is over", .steps = {TO(COMMIT, "GONE")}, .end = LOAD_END_NOTHING},
    {.name = "it never can be committed",
     .steps = {TO(COMMIT, "BARRED"), TO(ABORT, "DONE"), STATE("ABORTED")},
     .end = LOAD_END_NOTHING,
     .keyless = true},
    {.name = "not found, and the label lies prepared by another transaction",
     .steps = {TO(COMMIT, "ABSENT"), STATE("PREPARED"), TO(COMMIT, "ABSENT"), STATE("PREPARED"),
               TO(COMMIT, "ABSENT"), STATE("PREPARED"), TO(COMMIT, "ABSENT"), STATE("PREPARED"),
               TO(ABORT, "DONE"), STATE("ABORTED")},
     .retries = 3,
     .end = LOAD_END_NOTHING,
     .keyless = true},
    {.name = "not found, and the label says that it is committed",
     .steps = {TO(COMMIT, "ABSENT"), STATE("COMMITTED")},
     .keyless = true},
    {.name = "not found, and the label says that it is aborted",
     .steps = {TO(COMMIT, "ABSENT"), STATE("ABORTED")},
     .end = LOAD_END_NOTHING,
     .keyless = true},
    {.name = "not found, and the label is forgotten: a table with a key",
     .steps = {TO(COMMIT, "ABSENT"), STATE("UNKNOWN")},
     .end = LOAD_END_NOTHING},
    {.name = "not found, and the label is forgotten: a table without one, however soon",
     .steps = {TO(COMMIT, "ABSENT"), STATE("UNKNOWN")},
     .rc = RC_MISMATCH,
     .text = "neither transaction nor label",
     .outcome = ERROR_MAYBE_APPLIED,
     .keyless = true},
    {.name = "a frontend that lags behind",
     .steps = {TO_LOST(COMMIT), STATE("RUNNING"), STATE("COMMITTED")}},
    {.name = "no state for a while",
     .steps = {TO_LOST(COMMIT), STATE_DEAD, STATE_DEAD, STATE("COMMITTED")}},
    {.name = "tried as often as configured",
     .steps = {TO_DEAD(COMMIT), TO_DEAD(COMMIT)},
     .rc = RC_BUSY,
     .retries = 1,
     .max_retries = 1,
     .text = "the line is dead",
     .outcome = ERROR_MAYBE_APPLIED},
    {.name = "a stop",
     .steps = {TO_DEAD(COMMIT)},
     .rc = RC_CANCELLED,
     .retries = 1,
     .stop_at_wait = 1},
};

static void test_prepare(void **state UNUSED)
{
    for (unsigned i = 0; i < COUNT_OF(prepares); i++) {
        struct play play = prepares[i];
        play.way = PLAY_PREPARE;
        /* Prepared is the end of all plays that say nothing else. */
        if (strstr(play.name, "labelled load of an earlier") == NULL)
            play.end = LOAD_END_PREPARED;
        run_play(&play);
    }
}

static void test_undo(void **state UNUSED)
{
    for (unsigned i = 0; i < COUNT_OF(undos); i++) {
        struct play play = undos[i];
        play.way = PLAY_UNDO;
        run_play(&play);
    }
}

static void test_commit(void **state UNUSED)
{
    for (unsigned i = 0; i < COUNT_OF(commits); i++) {
        struct play play = commits[i];
        play.way = PLAY_COMMIT;
        run_play(&play);
    }
}

/* Every state of a label has its row in every phase that asks, and every event that a transfer can
 * bring has one, or is taken for an answer that nobody knows. */
static void test_tables_are_whole(void **state UNUSED)
{
    static const enum load_phase asking[] = {LOAD_PHASE_LABELLED, LOAD_PHASE_UNDO,
                                             LOAD_PHASE_COMMIT, LOAD_PHASE_JOINT,
                                             LOAD_PHASE_TAKE_BACK};
    for (unsigned p = 0; p < COUNT_OF(asking); p++)
        for (unsigned event = LOAD_STATE_COMMITTED; event <= LOAD_STATE_UNREADABLE; event++) {
            bool forgotten = event == LOAD_STATE_FORGOTTEN && asking[p] != LOAD_PHASE_LABELLED &&
                             asking[p] != LOAD_PHASE_COMMIT;
            assert_int_equal(load_decide(asking[p], (enum load_event)event) != NULL, !forgotten);
        }
    for (unsigned phase = LOAD_PHASE_LABELLED; phase <= LOAD_PHASE_TAKE_BACK; phase++) {
        if (phase != LOAD_PHASE_UNDO)
            assert_non_null(load_decide((enum load_phase)phase, LOAD_EVENT_LOST));
        for (unsigned event = 0; event <= LOAD_STATE_UNREADABLE; event++) {
            const struct load_decision *row =
                load_decide((enum load_phase)phase, (enum load_event)event);
            if (row == NULL)
                continue;
            assert_true(row->phase == phase && row->event == event);
            assert_true(row->happened[0] != 0 && row->done[0] != 0 && row->safe[0] != 0);
        }
    }
}

/* What must never be: without a journal's word nothing is committed, and what may be visible is not
 * sent again. */
static void test_what_must_not_be(void **state UNUSED)
{
    for (unsigned event = 0; event <= LOAD_STATE_UNREADABLE; event++)
        for (unsigned phase = LOAD_PHASE_LABELLED; phase <= LOAD_PHASE_COMMIT; phase++) {
            const struct load_decision *row =
                load_decide((enum load_phase)phase, (enum load_event)event);
            if (row == NULL)
                continue;
            if (row->action == LOAD_DO_COMMIT)
                assert_int_equal(phase, LOAD_PHASE_COMMIT);
            if (row->action == LOAD_DO_SEND)
                assert_int_not_equal(phase, LOAD_PHASE_COMMIT);
            if (event == LOAD_STATE_COMMITTED)
                assert_int_equal(row->action, LOAD_DO_FINISH);
            if (event == LOAD_STATE_FORGOTTEN)
                assert_int_equal(row->action, LOAD_DO_STOP);
        }
}

int main(void)
{
    log_setup(2, LOG_FORMAT_TEXT, LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prepare),          cmocka_unit_test(test_undo),
        cmocka_unit_test(test_commit),           cmocka_unit_test(test_tables_are_whole),
        cmocka_unit_test(test_what_must_not_be),
    };
    return cmocka_run_group_tests_name("stream_load two phases", tests, NULL, NULL);
}

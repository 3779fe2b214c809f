/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every answer that facts/doris.md knows, and those that are none, against its verdict; and the
 * states of a label.
 */
#include "dialect_fixture.h"

#include "sinks/doris/doris_int.h"

static void test_answers(void **state UNUSED)
{
    assert_true(fixture_answers("doris/answers", doris_read_answer) > 30);
}

/* No prefix of an answer may be taken for success, whatever the line is cut at. */
static void test_every_cut(void **state UNUSED)
{
    struct buf body;
    fixture_read(TEST_SOURCE_DIR "/tests/golden/sinks/doris/answers/success.json", &body);
    struct slice whole = slice_trim(buf_slice(&body));
    for (size_t len = 0; len < whole.len; len++) {
        struct load_answer answer;
        doris_read_answer(200, slice_of(whole.ptr, len), &answer);
        assert_int_equal(answer.verdict, LOAD_VERDICT_UNKNOWN);
    }
    buf_deinit(&body);
}

static void test_long_words_end_at_a_character(void **state UNUSED)
{
    struct buf body;
    struct load_answer answer;
    buf_init(&body, 1 << 16);
    buf_add_str(&body, "{\"Status\":\"Fail\",\"Message\":\"x");
    for (unsigned i = 0; i < 400; i++)
        buf_add_str(&body, "\xc3\xa4");
    buf_add_str(&body, "\"}");
    doris_read_answer(200, buf_slice(&body), &answer);
    size_t len = strlen(answer.message);
    assert_true(len > 500 && len < sizeof(answer.message));
    assert_true(text_is_utf8(slice_str(answer.message)));
    buf_deinit(&body);
}

static enum label_state read_state(int http, const char *body)
{
    return doris_read_label_state(http, slice_str(body));
}

static void test_label_states(void **state UNUSED)
{
    static const struct {
        const char *body;
        enum label_state want;
    } cases[] = {
        {"{\"msg\":\"success\",\"code\":0,\"data\":\"UNKNOWN\",\"count\":0}", LABEL_UNKNOWN},
        {"{\"msg\":\"success\",\"code\":0,\"data\":\"PREPARE\",\"count\":0}", LABEL_RUNNING},
        {"{\"msg\":\"success\",\"code\":0,\"data\":\"PRECOMMITTED\",\"count\":0}", LABEL_PREPARED},
        {"{\"msg\":\"success\",\"code\":0,\"data\":\"COMMITTED\",\"count\":0}", LABEL_COMMITTED},
        {"{\"msg\":\"success\",\"code\":0,\"data\":\"VISIBLE\",\"count\":0}", LABEL_COMMITTED},
        {"{\"msg\":\"success\",\"code\":0,\"data\":\"ABORTED\",\"count\":0}", LABEL_ABORTED},
        {"{\"msg\":\"success\",\"code\":0,\"data\":\"SOMETHING\",\"count\":0}", LABEL_UNREADABLE},
        {"{\"msg\":\"success\",\"code\":0,\"data\":null,\"count\":0}", LABEL_UNREADABLE},
        {"{\"msg\":\"Unauthorized\",\"code\":401,\"data\":\"UNKNOWN\"}", LABEL_UNREADABLE},
        {"{\"data\":\"UNKNOWN\"}", LABEL_UNREADABLE},
        {"<html>", LABEL_UNREADABLE},
        {"", LABEL_UNREADABLE},
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(read_state(200, cases[i].body), cases[i].want);
    assert_int_equal(read_state(502, cases[0].body), LABEL_UNREADABLE);
}

/* The requests of two phases, facts/doris.md 2.1, 2.2. */
static const struct {
    enum load_step step;
    int http;
    const char *body;
    enum load_verdict want;
} steps[] = {
    {LOAD_STEP_LOAD, 200, "{\"TxnId\":5,\"TwoPhaseCommit\":\"true\",\"Status\":\"Success\"}",
     LOAD_VERDICT_DONE},
    {LOAD_STEP_LOAD, 200, "{\"TwoPhaseCommit\":\"true\",\"Status\":\"Success\"}",
     LOAD_VERDICT_UNKNOWN},
    {LOAD_STEP_LOAD, 200, "{\"TxnId\":5,\"TwoPhaseCommit\":\"false\",\"Status\":\"Success\"}",
     LOAD_VERDICT_UNKNOWN},
    {LOAD_STEP_LOAD, 200, "{\"TxnId\":5,\"Status\":\"Success\"}", LOAD_VERDICT_UNKNOWN},
    {LOAD_STEP_LOAD, 200, "{\"TxnId\":5,\"Status\":\"Publish Timeout\"}", LOAD_VERDICT_UNKNOWN},
    {LOAD_STEP_LOAD, 200, "{\"TxnId\":-1,\"Status\":\"Label Already Exists\"}",
     LOAD_VERDICT_EXISTS},
    {LOAD_STEP_LOAD, 200,
     "{\"Status\":\"Fail\",\"Message\":\"[NOT_IMPLEMENTED_ERROR]stream load 2pc is unsupported "
     "for mow table\"}",
     LOAD_VERDICT_FATAL},
    {LOAD_STEP_COMMIT, 200,
     "{\"status\":\"Success\",\"msg\":\"transaction [5] commit successfully.\"}",
     LOAD_VERDICT_DONE},
    {LOAD_STEP_COMMIT, 200,
     "{\"status\":\"ANALYSIS_ERROR\",\"msg\":\"TStatus: errCode = 2, detailMessage = "
     "transaction "
     "[5] is already visible, not pre-committed.\"}",
     LOAD_VERDICT_DONE},
    {LOAD_STEP_COMMIT, 200,
     "{\"status\":\"ANALYSIS_ERROR\",\"msg\":\"transaction [5] is already committed, not "
     "pre-committed.\"}",
     LOAD_VERDICT_DONE},
    {LOAD_STEP_COMMIT, 200,
     "{\"status\":\"ANALYSIS_ERROR\",\"msg\":\"transaction [5] is already aborted. abort "
     "reason: "
     "timeout by txn manager\"}",
     LOAD_VERDICT_GONE},
    {LOAD_STEP_COMMIT, 200,
     "{\"status\":\"ANALYSIS_ERROR\",\"msg\":\"TStatus: errCode = 2, detailMessage = check "
     "schema compatibility failed, partial update can't commit with old schema sucessfully "
     ".\"}",
     LOAD_VERDICT_BARRED},
    {LOAD_STEP_COMMIT, 200, "{\"status\":\"Fail\",\"msg\":\"transaction [5] not found\"}",
     LOAD_VERDICT_ABSENT},
    {LOAD_STEP_COMMIT, 200,
     "{\"status\":\"ANALYSIS_ERROR\",\"msg\":\"transaction [5] is prepare, not "
     "pre-committed.\"}",
     LOAD_VERDICT_UNKNOWN},
    {LOAD_STEP_COMMIT, 200,
     "{\"status\":\"INTERNAL_ERROR\",\"msg\":\"get tableList write lock timeout\"}",
     LOAD_VERDICT_UNKNOWN},
    {LOAD_STEP_COMMIT, 200,
     "{\"msg\":\"Unauthorized\",\"code\":401,\"data\":\"Access denied for user 'x'\"}",
     LOAD_VERDICT_FATAL},
    {LOAD_STEP_COMMIT, 401, "", LOAD_VERDICT_FATAL},
    {LOAD_STEP_COMMIT, 502, "{\"status\":\"Success\"}", LOAD_VERDICT_UNKNOWN},
    {LOAD_STEP_COMMIT, 200, "{\"status\":\"Succ", LOAD_VERDICT_UNKNOWN},
    {LOAD_STEP_ABORT, 200,
     "{\"status\":\"ANALYSIS_ERROR\",\"msg\":\"transaction [5] is already VISIBLE, could not "
     "abort.\"}",
     LOAD_VERDICT_UNKNOWN},
    {LOAD_STEP_ABORT, 200,
     "{\"status\":\"NOT_FOUND\",\"msg\":\"running transaction not found, label=l\"}",
     LOAD_VERDICT_ABSENT},
};

static void test_steps(void **state UNUSED)
{
    for (unsigned i = 0; i < COUNT_OF(steps); i++) {
        struct load_answer answer;
        doris_read_step(steps[i].step, steps[i].http, slice_str(steps[i].body), &answer);
        if (answer.verdict != steps[i].want)
            fail_msg("case %u: %s gives %d", i, steps[i].body, (int)answer.verdict);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_long_words_end_at_a_character),
        cmocka_unit_test(test_label_states),
        cmocka_unit_test(test_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

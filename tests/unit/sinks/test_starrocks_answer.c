/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every answer that facts/starrocks.md knows, and those that are none, against its verdict; and the
 * states of a label.
 */
#include "dialect_fixture.h"

#include "sinks/starrocks/starrocks_int.h"

static void test_answers(void **state UNUSED)
{
    assert_true(fixture_answers("starrocks/answers", starrocks_read_answer) > 30);
}

/* No prefix of an answer may be taken for success, whatever the line is cut at. */
static void test_every_cut(void **state UNUSED)
{
    struct buf body;
    fixture_read(TEST_SOURCE_DIR "/tests/golden/sinks/starrocks/answers/success.json", &body);
    struct slice whole = slice_trim(buf_slice(&body));
    for (size_t len = 0; len < whole.len; len++) {
        struct load_answer answer;
        starrocks_read_answer(200, slice_of(whole.ptr, len), &answer);
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
    starrocks_read_answer(200, buf_slice(&body), &answer);
    size_t len = strlen(answer.message);
    assert_true(len > 500 && len < sizeof(answer.message));
    assert_true(text_is_utf8(slice_str(answer.message)));
    buf_deinit(&body);
}

static enum label_state read_state(int http, const char *body)
{
    return starrocks_read_label_state(http, slice_str(body));
}

static void test_label_states(void **state UNUSED)
{
    static const struct {
        const char *body;
        enum label_state want;
    } cases[] = {
        {"{\"state\":\"UNKNOWN\",\"status\":\"OK\",\"code\":\"0\"}", LABEL_UNKNOWN},
        {"{\"state\":\"PREPARE\",\"status\":\"OK\",\"code\":\"0\"}", LABEL_RUNNING},
        {"{\"state\":\"PREPARED\",\"status\":\"OK\",\"code\":\"0\"}", LABEL_PREPARED},
        {"{\"state\":\"COMMITTED\",\"status\":\"OK\",\"code\":\"0\"}", LABEL_COMMITTED},
        {"{\"state\":\"VISIBLE\",\"status\":\"OK\",\"code\":\"0\"}", LABEL_COMMITTED},
        {"{\"state\":\"ABORTED\",\"reason\":\"timeout\",\"status\":\"OK\"}", LABEL_ABORTED},
        {"{\"state\":\"SOMETHING\",\"status\":\"OK\"}", LABEL_UNREADABLE},
        {"{\"state\":\"UNKNOWN\",\"status\":\"FAILED\"}", LABEL_UNREADABLE},
        {"{\"state\":\"UNKNOWN\"}", LABEL_UNREADABLE},
        {"{\"status\":\"OK\"}", LABEL_UNREADABLE},
        {"", LABEL_UNREADABLE},
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(read_state(200, cases[i].body), cases[i].want);
    assert_int_equal(read_state(500, cases[0].body), LABEL_UNREADABLE);
}

/* The transaction interface, facts/starrocks.md 2.1, 2.2. */
struct step_case {
    enum load_step step;
    const char *body;
    enum load_verdict want;
};

static void check_steps(const struct step_case *cases, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct load_answer answer;
        starrocks_read_step(cases[i].step, 200, slice_str(cases[i].body), &answer);
        if (answer.verdict != cases[i].want)
            fail_msg("case %u: %s gives %d", i, cases[i].body, (int)answer.verdict);
    }
}

static void test_steps(void **state UNUSED)
{
    static const struct step_case cases[] = {
        {LOAD_STEP_BEGIN, "{\"Status\":\"OK\",\"Message\":\"\",\"TxnId\":5}", LOAD_VERDICT_DONE},
        {LOAD_STEP_BEGIN,
         "{\"Status\":\"LABEL_ALREADY_EXISTS\",\"ExistingJobStatus\":\"RUNNING\",\"Message\":"
         "\"Label "
         "[x] has already been used.\"}",
         LOAD_VERDICT_EXISTS},
        {LOAD_STEP_LOAD, "{\"Status\":\"OK\",\"Message\":\"\"}", LOAD_VERDICT_DONE},
        {LOAD_STEP_LOAD, "{\"Status\":\"Success\",\"Message\":\"OK\"}", LOAD_VERDICT_UNKNOWN},
        {LOAD_STEP_COMMIT,
         "{\"Status\":\"FAILED\",\"Message\":\"class com.starrocks.common.StarRocksException: "
         "publish "
         "timeout: 20000\"}",
         LOAD_VERDICT_UNKNOWN},
        {LOAD_STEP_LOAD, "{\"Status\":\"TXN_IN_PROCESSING\",\"Message\":\"\"}", LOAD_VERDICT_RETRY},
        {LOAD_STEP_LOAD, "{\"Status\":\"FAILED\",\"Message\":\"too many tablet versions\"}",
         LOAD_VERDICT_RETRY},
        {LOAD_STEP_PREPARE, "{\"Status\":\"OK\",\"TxnId\":5,\"NumberTotalRows\":2}",
         LOAD_VERDICT_DONE},
        {LOAD_STEP_PREPARE, "{\"Status\":\"OK\"}", LOAD_VERDICT_UNKNOWN},
        {LOAD_STEP_PREPARE,
         "{\"Status\":\"DATA_QUALITY_ERROR\",\"Message\":\"too many filtered rows\"}",
         LOAD_VERDICT_DATA},
        {LOAD_STEP_PREPARE,
         "{\"Status\":\"OK\",\"Message\":\"Transaction 5 has already committed, label is x\"}",
         LOAD_VERDICT_UNKNOWN},
        {LOAD_STEP_COMMIT, "{\"Status\":\"OK\",\"TxnId\":5,\"Message\":\"\"}", LOAD_VERDICT_DONE},
        {LOAD_STEP_COMMIT,
         "{\"Status\":\"OK\",\"Message\":\"Transaction 5 has already committed, label is x\"}",
         LOAD_VERDICT_DONE},
        {LOAD_STEP_COMMIT,
         "{\"Status\":\"FAILED\",\"Message\":\"class com.starrocks.common.StarRocksException: Can "
         "not "
         "commit ABORTED transaction 5, label is x\"}",
         LOAD_VERDICT_GONE},
        {LOAD_STEP_COMMIT,
         "{\"Status\":\"FAILED\",\"Message\":\"class com.starrocks.common.UserException: publish "
         "timeout: 20000\"}",
         LOAD_VERDICT_UNKNOWN},
        {LOAD_STEP_COMMIT, "{\"Status\":\"TXN_NOT_EXISTS\",\"Message\":\"\"}", LOAD_VERDICT_ABSENT},
        {LOAD_STEP_COMMIT,
         "{\"Status\":\"FAILED\",\"Message\":\"No transaction found with db[d] and label[x]\"}",
         LOAD_VERDICT_ABSENT},
        {LOAD_STEP_COMMIT,
         "{\"status\":\"FAILED\",\"code\":\"1\",\"msg\":\"Access denied for "
         "u\",\"message\":\"Access "
         "denied for u\"}",
         LOAD_VERDICT_FATAL},
        {LOAD_STEP_COMMIT, "{\"Status\":\"O", LOAD_VERDICT_UNKNOWN},
        {LOAD_STEP_ABORT,
         "{\"Status\":\"FAILED\",\"Message\":\"Can not abort VISIBLE transaction 5\"}",
         LOAD_VERDICT_EXISTS},
    };
    check_steps(cases, COUNT_OF(cases));
}

/* Transactions over several tables (facts/starrocks.md 2.4). */
static void test_joint_steps(void **state UNUSED)
{
    static const struct step_case cases[] = {
        {LOAD_STEP_BEGIN, "{\"Status\":\"OK\",\"Message\":\"\"}", LOAD_VERDICT_DONE},
        {LOAD_STEP_BEGIN,
         "{\"Status\":\"LABEL_ALREADY_EXISTS\",\"ExistingJobStatus\":\"CANCELLED\",\"Message\":"
         "\"Transaction already started with label [l], txnId: 5\",\"TxnId\":5}",
         LOAD_VERDICT_EXISTS},
        {LOAD_STEP_BEGIN,
         "{\"Status\":\"FAILED\",\"Message\":\"class x: Unsupported operation: begin\"}",
         LOAD_VERDICT_FATAL},
        {LOAD_STEP_LOAD,
         "{\"Status\":\"FAILED\",\"Message\":\"stream load task l has already been commited\"}",
         LOAD_VERDICT_EXISTS},
        {LOAD_STEP_COMMIT,
         "{\"Label\":\"l\",\"Status\":\"OK\",\"TxnId\":5,\"ChannelId\":0,\"Message\":\"\","
         "\"Prepared Channel Num\":1}",
         LOAD_VERDICT_DONE},
        {LOAD_STEP_COMMIT,
         "{\"Status\":\"FAILED\",\"Message\":\"Can not commit CANCELLED transaction 5, label is "
         "l\"}",
         LOAD_VERDICT_GONE},
        {LOAD_STEP_COMMIT,
         "{\"Status\":\"FAILED\",\"Message\":\"Transaction 5 is aborting (reason: x), label is "
         "l\"}",
         LOAD_VERDICT_GONE},
        {LOAD_STEP_COMMIT,
         "{\"Status\":\"FAILED\",\"Message\":\"Transaction 5 is already committing, label is l\"}",
         LOAD_VERDICT_RETRY},
        {LOAD_STEP_COMMIT,
         "{\"Status\":\"FAILED\",\"Message\":\"stream load task l does not exist\"}",
         LOAD_VERDICT_ABSENT},
        {LOAD_STEP_COMMIT,
         "{\"Status\":\"FAILED\",\"Message\":\"too many filtered rows. ErrorURL: http://b\"}",
         LOAD_VERDICT_DATA},
        {LOAD_STEP_ABORT,
         "{\"Status\":\"FAILED\",\"Message\":\"Can not abort transaction 5 during committing, "
         "label "
         "is l\"}",
         LOAD_VERDICT_RETRY},
        {LOAD_STEP_ABORT, "{\"Status\":\"OK\",\"Message\":\"stream load l abort\"}",
         LOAD_VERDICT_DONE},
    };
    check_steps(cases, COUNT_OF(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_long_words_end_at_a_character),
        cmocka_unit_test(test_label_states),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_joint_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* GTIDs against what a server has, what a start passes over, and what error 1236 means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "binlog/dump_error_int.h"
#include "binlog/startup_int.h"

#define U1 "11111111-1111-1111-1111-111111111111"
#define U2 "22222222-2222-2222-2222-222222222222"

static struct gtid_set *parsed(const char *text)
{
    struct gtid_set *set = NULL;
    struct error err;
    assert_int_equal(gtid_set_new(&set, &err), RC_OK);
    assert_int_equal(gtid_set_parse(set, slice_str(text), &err), RC_OK);
    return set;
}

static enum rc check_gtids(const char *from, const char *executed, const char *purged,
                           struct error *err)
{
    struct gtid_set *sets[] = {parsed(from), parsed(executed), parsed(purged)};
    enum rc rc = startup_check_gtids(sets[0], sets[1], sets[2], "binlog.000009", err);
    for (size_t i = 0; i < COUNT_OF(sets); i++)
        gtid_set_free(sets[i]);
    return rc;
}

static void test_gtids(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(check_gtids(U1 ":1-50", U1 ":1-100", U1 ":1-50", &err), RC_OK);
    assert_int_equal(check_gtids(U1 ":1-100", U1 ":1-100", "", &err), RC_OK);
    assert_int_equal(check_gtids("", U1 ":1-100", "", &err), RC_OK);
    /* Holes in what was delivered are needed, and are there. */
    assert_int_equal(check_gtids(U1 ":1-40:60-70", U1 ":1-100", U1 ":1-40", &err), RC_OK);

    assert_int_equal(check_gtids(U1 ":1-40", U1 ":1-100", U1 ":1-50", &err), RC_PURGED);
    assert_non_null(strstr(err.text, U1 ":41-50"));
    assert_non_null(strstr(err.text, "binlog.000009"));
    assert_int_equal(check_gtids(U1 ":1-40", U1 ":1-100," U2 ":1-7", U2 ":1-7", &err), RC_PURGED);
    assert_non_null(strstr(err.text, U2 ":1-7"));

    assert_int_equal(check_gtids(U1 ":1-120", U1 ":1-100", U1 ":1-50", &err), RC_MISMATCH);
    assert_non_null(strstr(err.text, U1 ":101-120"));
}

static bool wanted(const struct startup_plan *plan, struct txn txn, enum change_kind kind,
                   uint64_t ordinal)
{
    struct change change = {.kind = kind, .txn = &txn, .ordinal = ordinal};
    return startup_is_wanted(plan, &change);
}

static void test_pass_by_time(void **state)
{
    (void)state;
    struct startup_plan plan;
    startup_plan_init(&plan);
    plan.pass = STARTUP_PASS_BY_TIME;
    plan.from_time_us = 1000500000; /* 1000.5 s */
    assert_false(wanted(&plan, (struct txn){.commit_time_us = 999000000}, CHANGE_INSERT, 0));
    assert_false(wanted(&plan, (struct txn){.commit_time_us = 1000499999}, CHANGE_INSERT, 0));
    assert_true(wanted(&plan, (struct txn){.commit_time_us = 1000500000}, CHANGE_INSERT, 0));
    /* Only whole seconds are known: it may have been after the half. */
    assert_true(wanted(&plan, (struct txn){.commit_time_us = 1000000000}, CHANGE_INSERT, 0));
    startup_plan_deinit(&plan);
}

static void test_pass_by_offset(void **state)
{
    (void)state;
    struct startup_plan plan;
    startup_plan_init(&plan);
    plan.pass = STARTUP_PASS_BY_OFFSET;
    memcpy(plan.at.file, "b.000002", 9);
    plan.from_offset = 500;
    plan.from_row = 2;
    struct txn txn = {.file = SLICE("b.000002"), .offset = 400};
    assert_false(wanted(&plan, txn, CHANGE_INSERT, 7));
    assert_false(wanted(&plan, txn, CHANGE_COMMIT, 0));
    txn.offset = 500;
    assert_false(wanted(&plan, txn, CHANGE_INSERT, 1));
    assert_true(wanted(&plan, txn, CHANGE_INSERT, 2));
    assert_true(wanted(&plan, txn, CHANGE_COMMIT, 0));
    txn.offset = 501;
    assert_true(wanted(&plan, txn, CHANGE_INSERT, 0));
    txn = (struct txn){.file = SLICE("b.000003"), .offset = 4};
    assert_true(wanted(&plan, txn, CHANGE_INSERT, 0));
    startup_plan_deinit(&plan);
}

static void test_resume_elsewhere(void **state)
{
    (void)state;
    /* Refused before anything is asked: there is no connection. */
    struct startup_server server = {.identity = "uuid-b"};
    struct position from;
    position_init(&from);
    memcpy(from.file, "b.000002", 9);
    memcpy(from.server, "uuid-a", 7);
    from.offset = 500;
    struct startup_plan plan;
    startup_plan_init(&plan);
    struct error err;
    assert_int_equal(startup_plan_resume(&server, &from, &plan, &err), RC_MISMATCH);
    assert_non_null(strstr(err.text, "uuid-a"));
    assert_non_null(strstr(err.text, "uuid-b"));
    /* GTIDs were turned off, and there is no file to go by. */
    memcpy(from.server, "uuid-b", 7);
    from.file[0] = 0;
    buf_add_str(&from.gtid_set, U1 ":1-5");
    assert_int_equal(startup_plan_resume(&server, &from, &plan, &err), RC_MISMATCH);
    assert_non_null(strstr(err.text, "gtid_mode"));
    startup_plan_deinit(&plan);
    position_deinit(&from);
}

static void test_dump_errors(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        enum rc rc;
    } cases[] = {
        {"Could not find first log file name in binary log index file", RC_PURGED},
        {"Cannot replicate because the source purged required binary logs.", RC_PURGED},
        {"Could not find GTID state requested by slave in any binlog files. Probably the slave "
         "state is too old and required binlog files have been purged.",
         RC_PURGED},
        {"Error: connecting slave requested to start from GTID 0-71-999, which is not in the "
         "master's binlog",
         RC_MISMATCH},
        {"Slave has more GTIDs than the master has, using the master's SERVER_UUID.", RC_MISMATCH},
        {"A slave with the same server_uuid/server_id as this slave has connected to the master",
         RC_DUPLICATE_ID},
        {"Client requested master to start replication from impossible position", RC_MISMATCH},
        {"bogus data in log event", RC_MISMATCH},
        {"log event entry exceeded max_allowed_packet; Increase max_allowed_packet on master",
         RC_LIMIT},
        {"Binary log is not open", RC_CONFIG},
        {"something new", RC_PROTOCOL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err;
        error_set(&err, RC_PROTOCOL, "The server says: %s", cases[i].words);
        err.mysql_code = 1236;
        assert_int_equal(dump_error_refine(&err), cases[i].rc);
        assert_int_equal(err.rc, cases[i].rc);
        assert_int_equal(err.mysql_code, 1236);
        assert_non_null(strstr(err.text, cases[i].words));
    }
    struct error same_id;
    error_set(&same_id, RC_PROTOCOL,
              "The server says: A slave with the same server_uuid/server_id is already connected");
    same_id.mysql_code = 4052;
    assert_int_equal(dump_error_refine(&same_id), RC_DUPLICATE_ID);
    assert_int_equal(same_id.mysql_code, 4052);
    struct error other;
    error_set(&other, RC_DENIED, "purged, but under another number");
    other.mysql_code = 1227;
    assert_int_equal(dump_error_refine(&other), RC_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gtids), cmocka_unit_test(test_pass_by_time),
        cmocka_unit_test(test_pass_by_offset), cmocka_unit_test(test_resume_elsewhere),
        cmocka_unit_test(test_dump_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

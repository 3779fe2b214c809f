/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Doris's answers mean (facts/doris.md 1.2, 1.3, 1.7, 1.9 and part 5). Success is read by
 * whitelist. A refusal counts as "not applied" only where its text belongs to a phase that ends
 * before the commit; whatever may have been said in the commit phase, or by a proxy, is UNKNOWN,
 * and the label is asked for.
 *
 * Three shapes: the backend's {"Status":...,"Message":...}, the frontend's load refusal
 * {"status":"FAILED","msg":...}, and the frontend's {"msg":...,"code":401,"data":...}.
 */
#include "doris_int.h"

#include <cjson/cJSON.h>

/* First match wins: the commit phase's texts stand first, because they may quote others. */
static const struct dialect_answer_rule rules[] = {
    {"has already been used", LOAD_VERDICT_EXISTS, false},
    {"label already exist", LOAD_VERDICT_EXISTS, false},
    {"write lock timeout", LOAD_VERDICT_UNKNOWN, false},
    {"THRIFT_RPC_ERROR", LOAD_VERDICT_UNKNOWN, false},
    {"rpc failed", LOAD_VERDICT_UNKNOWN, false},
    {"commit txn timeout", LOAD_VERDICT_UNKNOWN, false},
    {"NOT_MASTER", LOAD_VERDICT_UNKNOWN, false},
    /* The target is short of breath. */
    {"[E-235]", LOAD_VERDICT_RETRY, true},
    {"err=-235", LOAD_VERDICT_RETRY, true},
    {"err: -235", LOAD_VERDICT_RETRY, true},
    {"[E-238]", LOAD_VERDICT_RETRY, true},
    {"err=-238", LOAD_VERDICT_RETRY, true},
    {"err: -238", LOAD_VERDICT_RETRY, true},
    {"too many version", LOAD_VERDICT_RETRY, true},
    {"MEM_LIMIT_EXCEEDED", LOAD_VERDICT_RETRY, true},
    {"MEM_ALLOC_FAILED", LOAD_VERDICT_RETRY, true},
    {"E-259", LOAD_VERDICT_RETRY, true},
    {"memory exceed", LOAD_VERDICT_RETRY, true},
    {"current running txns on db", LOAD_VERDICT_RETRY, true},
    {"current committed txns on table", LOAD_VERDICT_RETRY, true},
    /* It may pass later. */
    {"No backend load available", LOAD_VERDICT_RETRY, false},
    {"alive replica num", LOAD_VERDICT_RETRY, false},
    {"recover/restore process", LOAD_VERDICT_RETRY, false},
    {"DELETE_BITMAP_LOCK_ERROR", LOAD_VERDICT_RETRY, false},
    {"receive body don't equal with body bytes", LOAD_VERDICT_RETRY, false},
    {"Unable to do 'partial_update'", LOAD_VERDICT_RETRY, false}, /* an ALTER is running */
    /* A row is at fault. */
    {"Can't append new rows in partial update", LOAD_VERDICT_DATA, false},
    {"DATA_QUALITY_ERROR", LOAD_VERDICT_DATA, false},
    {"too many filtered rows", LOAD_VERDICT_DATA, false},
    {"Encountered unqualified data", LOAD_VERDICT_DATA, false},
    {"Parse json data failed", LOAD_VERDICT_DATA, false},
    {"no partition for this tuple", LOAD_VERDICT_DATA, false},
    /* Nothing but a human helps. */
    {"Access denied", LOAD_VERDICT_FATAL, false},
    {"NOT_AUTHORIZED", LOAD_VERDICT_FATAL, false},
    {"no valid Basic authorization", LOAD_VERDICT_FATAL, false},
    {"Need auth information", LOAD_VERDICT_FATAL, false},
    {"unknown database", LOAD_VERDICT_FATAL, false},
    {"unknown table", LOAD_VERDICT_FATAL, false},
    {"unknown column", LOAD_VERDICT_FATAL, false},
    {"table not found", LOAD_VERDICT_FATAL, false},
    {"No database selected", LOAD_VERDICT_FATAL, false},
    {"No table selected", LOAD_VERDICT_FATAL, false},
    {"Label format error", LOAD_VERDICT_FATAL, false},
    {"data size exceeds quota", LOAD_VERDICT_FATAL, false},
    {"100-continue header", LOAD_VERDICT_FATAL, false},
    {"unknown data format", LOAD_VERDICT_FATAL, false},
    {"compress data of JSON format", LOAD_VERDICT_FATAL, false}, /* 3.2: sink.load.compression */
    {"DATA_FILE_TYPE_ERROR", LOAD_VERDICT_FATAL, false},
    {"exceed BE's conf", LOAD_VERDICT_FATAL, false},
    {"body exceed max size", LOAD_VERDICT_FATAL, false},
    {"exceed the max size", LOAD_VERDICT_FATAL, false},
    {"only supported in unique tables", LOAD_VERDICT_FATAL, false},
    {"sequence column", LOAD_VERDICT_FATAL, false},
    {"2pc is unsupported", LOAD_VERDICT_FATAL, false}, /* merge-on-write in cloud mode, 2.3 */
    {"support partial update", LOAD_VERDICT_FATAL,
     false}, /* "Only unique key merge on write ..." */
    {"Can't do partial update", LOAD_VERDICT_FATAL, false},
    {"group_commit", LOAD_VERDICT_FATAL, false},
    {"content_length", LOAD_VERDICT_FATAL, false},
    {"Invalid format of", LOAD_VERDICT_FATAL, false},
    {"INVALID_ARGUMENT", LOAD_VERDICT_FATAL, false},
};

static void classify(const char *message, struct load_answer *answer)
{
    answer->verdict = dialect_answer_classify(rules, COUNT_OF(rules), message, &answer->widen);
    /* Rows counted as loaded in a failure: it failed in the commit phase (facts/doris.md 1.7), and
     * "not applied" can no longer be told from the words. */
    bool not_applied =
        answer->verdict == LOAD_VERDICT_RETRY || answer->verdict == LOAD_VERDICT_FATAL;
    if (answer->loaded_rows > 0 && not_applied)
        answer->verdict = LOAD_VERDICT_UNKNOWN;
}

static void read_backend(const cJSON *root, const char *status, struct load_answer *answer)
{
    dialect_answer_fill(root, answer);
    const char *two_phase = dialect_json_text(root, "TwoPhaseCommit");
    if (strcmp(status, "Success") == 0) {
        /* In two phases "Success" is only a promise; a labelled load does not ask for it. */
        bool pending = two_phase != NULL && strcmp(two_phase, "true") == 0;
        answer->verdict = pending ? LOAD_VERDICT_UNKNOWN : LOAD_VERDICT_DONE;
    } else if (strcmp(status, "Publish Timeout") == 0) {
        answer->verdict = LOAD_VERDICT_DONE;
        answer->committed_not_visible = true;
    } else if (strcmp(status, "Label Already Exists") == 0) {
        answer->verdict = LOAD_VERDICT_EXISTS;
    } else if (strcmp(status, "Fail") == 0) {
        classify(dialect_json_text(root, "Message"), answer);
    }
}

/* The frontend's own refusals: the load never reached a backend. */
static void read_frontend(const cJSON *root, struct load_answer *answer)
{
    const char *status = dialect_json_text(root, "status");
    const char *words = dialect_json_text(root, "msg");
    const char *data = dialect_json_text(root, "data");
    int64_t code = dialect_json_i64(root, "code", -1);
    bool refused = status != NULL && strcmp(status, "FAILED") == 0;
    if (!refused && (status != NULL || code <= 0))
        return; /* an "OK", or no shape that we know */
    const char *message = !refused && data != NULL ? data : words;
    dialect_line_copy(answer->message, sizeof(answer->message), message);
    classify(message, answer);
    if (answer->verdict == LOAD_VERDICT_UNKNOWN && (code == 401 || code == 403))
        answer->verdict = LOAD_VERDICT_FATAL;
}

void doris_read_answer(int http_status, struct slice body, struct load_answer *answer_out)
{
    dialect_answer_clear(answer_out);
    cJSON *root = dialect_json_parse(body);
    if (http_status == 401 || http_status == 403) {
        /* Whoever sent it, it stood at the door: nothing was taken. */
        answer_out->verdict = LOAD_VERDICT_FATAL;
        const char *words = root == NULL ? NULL : dialect_json_text(root, "data");
        if (words == NULL && root != NULL)
            words = dialect_json_text(root, "msg");
        dialect_line_copy(answer_out->message, sizeof(answer_out->message),
                          words != NULL ? words : "The server refuses the user or the password.");
    } else if (http_status == 200 && root != NULL) {
        const char *status = dialect_json_text(root, "Status");
        if (status != NULL)
            read_backend(root, status, answer_out);
        else if (cJSON_GetObjectItemCaseSensitive(root, "Status") == NULL)
            read_frontend(root, answer_out);
    }
    cJSON_Delete(root);
}

/* The first half of a two-phase load: the one place where "Success" with TwoPhaseCommit is what was
 * asked for. A success without it is a plain load under our label: the label's state tells. */
static void read_prepared(int http_status, struct slice body, struct load_answer *answer)
{
    doris_read_answer(http_status, body, answer);
    cJSON *root = http_status == 200 ? dialect_json_parse(body) : NULL;
    const char *status = root == NULL ? NULL : dialect_json_text(root, "Status");
    const char *two_phase = root == NULL ? NULL : dialect_json_text(root, "TwoPhaseCommit");
    if (status != NULL && strcmp(status, "Success") == 0) {
        bool pending = two_phase != NULL && strcmp(two_phase, "true") == 0;
        answer->verdict = pending && answer->txn_id > 0 ? LOAD_VERDICT_DONE : LOAD_VERDICT_UNKNOWN;
    } else if (answer->verdict == LOAD_VERDICT_DONE) {
        answer->verdict = LOAD_VERDICT_UNKNOWN; /* Publish Timeout: nothing was to be published */
    }
    cJSON_Delete(root);
}

/* facts/doris.md 2.2. What is not listed there is asked for, and so is a transaction of which another
 * frontend may know more. */
static const struct dialect_answer_rule finish_rules[] = {
    {"is already visible, not pre-committed", LOAD_VERDICT_DONE, false},
    {"is already committed, not pre-committed", LOAD_VERDICT_DONE, false},
    {"is already aborted", LOAD_VERDICT_GONE, false},
    {"check schema compatibility failed", LOAD_VERDICT_BARRED, false}, /* 2.3 */
    {"could not abort", LOAD_VERDICT_UNKNOWN, false},
    {"not found", LOAD_VERDICT_ABSENT, false},
    {"Access denied", LOAD_VERDICT_FATAL, false},
    {"NOT_AUTHORIZED", LOAD_VERDICT_FATAL, false},
    {"no valid Basic authorization", LOAD_VERDICT_FATAL, false},
    {"Need auth information", LOAD_VERDICT_FATAL, false},
    {"No backend load available", LOAD_VERDICT_RETRY, false},
};

static void read_finish(int http_status, struct slice body, struct load_answer *answer)
{
    dialect_answer_clear(answer);
    cJSON *root = dialect_json_parse(body);
    const char *words = root == NULL ? NULL : dialect_json_text(root, "msg");
    const char *data = root == NULL ? NULL : dialect_json_text(root, "data");
    const char *status = root == NULL ? NULL : dialect_json_text(root, "status");
    dialect_line_copy(answer->message, sizeof(answer->message),
                      status == NULL && data != NULL ? data : words);
    if (http_status == 401 || http_status == 403)
        answer->verdict = LOAD_VERDICT_FATAL;
    else if (http_status == 200 && status != NULL && strcmp(status, "Success") == 0)
        answer->verdict = LOAD_VERDICT_DONE;
    else if (http_status == 200 && root != NULL)
        answer->verdict = dialect_answer_classify(finish_rules, COUNT_OF(finish_rules),
                                                  answer->message, &answer->widen);
    cJSON_Delete(root);
}

void doris_read_step(enum load_step step, int http_status, struct slice body,
                     struct load_answer *answer_out)
{
    if (step == LOAD_STEP_LOAD)
        read_prepared(http_status, body, answer_out);
    else
        read_finish(http_status, body, answer_out);
}

enum label_state doris_read_label_state(int http_status, struct slice body)
{
    static const struct {
        const char *text;
        enum label_state state;
    } states[] = {
        {"UNKNOWN", LABEL_UNKNOWN},       {"PREPARE", LABEL_RUNNING},
        {"PRECOMMITTED", LABEL_PREPARED}, {"COMMITTED", LABEL_COMMITTED},
        {"VISIBLE", LABEL_COMMITTED},     {"ABORTED", LABEL_ABORTED},
    };
    enum label_state state = LABEL_UNREADABLE;
    cJSON *root = http_status == 200 ? dialect_json_parse(body) : NULL;
    if (root != NULL && dialect_json_i64(root, "code", -1) == 0) {
        const char *data = dialect_json_text(root, "data");
        for (unsigned i = 0; data != NULL && i < COUNT_OF(states); i++)
            if (strcmp(data, states[i].text) == 0)
                state = states[i].state;
    }
    cJSON_Delete(root);
    return state;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What StarRocks's answers mean (facts/starrocks.md 1.2 to 1.5, 1.8 and part 5). Success is read by
 * whitelist: a frontend says "FAILED" with HTTP 200 where a backend says "Fail", and a client that
 * knew only one of them lost data. Texts are matched in the middle, never at the front: the class
 * name before them changes with the version.
 *
 * Two shapes: {"Status":...,"Message":...} of backends and of the load path of frontends, and
 * {"status":...,"msg":...,"message":...,"code":...} of everything else.
 */
#include "starrocks_int.h"

#include <cjson/cJSON.h>
#include <stdio.h>

/* First match wins: the commit phase's texts stand first, because they may quote others. */
static const struct dialect_answer_rule rules[] = {
    {"has already been used", LOAD_VERDICT_EXISTS, false},
    {"Transaction status unknown", LOAD_VERDICT_UNKNOWN, false},
    {"write lock timeout", LOAD_VERDICT_UNKNOWN, false},
    {"Failed to commit txn", LOAD_VERDICT_UNKNOWN, false},
    {"Commit transaction fail", LOAD_VERDICT_UNKNOWN, false},
    {"publish timeout", LOAD_VERDICT_UNKNOWN, false},
    /* The target is short of breath. */
    {"too many version", LOAD_VERDICT_RETRY, true},
    {"too many tablet versions", LOAD_VERDICT_RETRY, true},
    {"close index channel failed", LOAD_VERDICT_RETRY, true},
    {"current running txns on db", LOAD_VERDICT_RETRY, true},
    {"txn num per be exceeds limit", LOAD_VERDICT_RETRY, true},
    {"MEM_LIMIT_EXCEEDED", LOAD_VERDICT_RETRY, true},
    {"Memory of process exceed limit", LOAD_VERDICT_RETRY, true},
    {"Mem usage has exceed the limit", LOAD_VERDICT_RETRY, true},
    {"http cuncurrent limit", LOAD_VERDICT_RETRY, true}, /* the server's own spelling */
    {"SR_EAGAIN", LOAD_VERDICT_RETRY, true},
    /* It may pass later. */
    {"No backend alive", LOAD_VERDICT_RETRY, false},
    {"No backend or compute node alive", LOAD_VERDICT_RETRY, false},
    {"Service is shutting down", LOAD_VERDICT_RETRY, false},
    {"receive body don't equal with body bytes", LOAD_VERDICT_RETRY, false},
    /* A row is at fault. */
    {"too many filtered rows", LOAD_VERDICT_DATA, false},
    {"DATA_QUALITY_ERROR", LOAD_VERDICT_DATA, false},
    {"primary key size exceed the limit", LOAD_VERDICT_DATA, false},
    {"Failed to parse json", LOAD_VERDICT_DATA, false},
    {"parse error", LOAD_VERDICT_DATA, false},
    {"is out of range", LOAD_VERDICT_DATA, false},
    /* Nothing but a human helps. */
    {"Access denied", LOAD_VERDICT_FATAL, false},
    {"Need auth information", LOAD_VERDICT_FATAL, false},
    {"no valid Basic authorization", LOAD_VERDICT_FATAL, false},
    {"unknown database", LOAD_VERDICT_FATAL, false},
    {"unknown table", LOAD_VERDICT_FATAL, false},
    {"unknown column", LOAD_VERDICT_FATAL, false},
    {"No database selected", LOAD_VERDICT_FATAL, false},
    {"No table selected", LOAD_VERDICT_FATAL, false},
    {"Label format error", LOAD_VERDICT_FATAL, false},
    {"data size exceeds quota", LOAD_VERDICT_FATAL, false},
    {"disable_load_job is set", LOAD_VERDICT_FATAL, false},
    {"100-continue header", LOAD_VERDICT_FATAL, false},
    {"unknown data format", LOAD_VERDICT_FATAL, false},
    {"streaming_load_max_mb", LOAD_VERDICT_FATAL, false},
    {"of json type data", LOAD_VERDICT_FATAL, false},
    {"beyond the JSON payload limit", LOAD_VERDICT_FATAL, false},
    {"Invalid timeout format", LOAD_VERDICT_FATAL, false},
    {"Only primary key table", LOAD_VERDICT_FATAL, false},
    {"partial update on table with sort key", LOAD_VERDICT_FATAL, false},
    {"Invalid strict mode format", LOAD_VERDICT_FATAL, false},
    {"Unsupported compression type", LOAD_VERDICT_FATAL, false},
};

/* Thrift code names that stand in `Status` itself in newer versions. */
static const struct dialect_answer_rule status_rules[] = {
    {"RESOURCE_BUSY", LOAD_VERDICT_RETRY, true},
    {"SR_EAGAIN", LOAD_VERDICT_RETRY, true},
    {"MEM_LIMIT_EXCEEDED", LOAD_VERDICT_RETRY, true},
    {"SERVICE_UNAVAILABLE", LOAD_VERDICT_RETRY, false},
    {"DATA_QUALITY_ERROR", LOAD_VERDICT_DATA, false},
};

static void read_load(const cJSON *root, const char *status, struct load_answer *answer)
{
    dialect_answer_fill(root, answer);
    const char *message = dialect_json_text(root, "Message");
    if (strcmp(status, "Success") == 0) {
        answer->verdict = LOAD_VERDICT_DONE;
        return;
    }
    if (strcmp(status, "Publish Timeout") == 0) {
        answer->verdict = LOAD_VERDICT_DONE;
        answer->committed_not_visible = true;
        return;
    }
    if (strcmp(status, "Label Already Exists") == 0 ||
        strcmp(status, "LABEL_ALREADY_EXISTS") == 0) {
        answer->verdict = LOAD_VERDICT_EXISTS;
        return;
    }
    if (strcmp(status, "OK") == 0)
        return; /* the transaction interface's word, which a plain load never gets */
    answer->verdict = dialect_answer_classify(rules, COUNT_OF(rules), message, &answer->widen);
    if (answer->verdict == LOAD_VERDICT_UNKNOWN && strcmp(status, "Fail") != 0 &&
        strcmp(status, "FAILED") != 0)
        answer->verdict =
            dialect_answer_classify(status_rules, COUNT_OF(status_rules), status, &answer->widen);
}

static void read_other(const cJSON *root, struct load_answer *answer)
{
    const char *status = dialect_json_text(root, "status");
    const char *message = dialect_json_text(root, "message");
    if (message == NULL)
        message = dialect_json_text(root, "msg");
    if (status == NULL || strcmp(status, "FAILED") != 0)
        return;
    dialect_line_copy(answer->message, sizeof(answer->message), message);
    answer->verdict = dialect_answer_classify(rules, COUNT_OF(rules), message, &answer->widen);
}

void starrocks_read_answer(int http_status, struct slice body, struct load_answer *answer_out)
{
    dialect_answer_clear(answer_out);
    cJSON *root = dialect_json_parse(body);
    if (http_status == 401 || http_status == 403) {
        /* Whoever sent it, it stood at the door: nothing was taken. */
        answer_out->verdict = LOAD_VERDICT_FATAL;
        const char *words = root == NULL ? NULL : dialect_json_text(root, "msg");
        dialect_line_copy(answer_out->message, sizeof(answer_out->message),
                          words != NULL ? words : "The server refuses the user or the password.");
    } else if (http_status == 200 && root != NULL) {
        const char *status = dialect_json_text(root, "Status");
        if (status != NULL)
            read_load(root, status, answer_out);
        else if (cJSON_GetObjectItemCaseSensitive(root, "Status") == NULL)
            read_other(root, answer_out);
    }
    cJSON_Delete(root);
}

/* Words of the transaction interface (facts/starrocks.md 2.1, 2.2, 2.4). */
static const struct dialect_answer_rule step_rules[] = {
    /* Of transactions over several tables; "commited" is the server's own spelling. */
    {"is already committing", LOAD_VERDICT_RETRY, false},
    {"during committing", LOAD_VERDICT_RETRY, false},
    {"is aborting (", LOAD_VERDICT_GONE, false},
    {"has already been commited", LOAD_VERDICT_EXISTS, false},
    {"stream load task", LOAD_VERDICT_ABSENT, false}, /* "... does not exist" */
    {"Unsupported operation", LOAD_VERDICT_FATAL, false},
    {"can only be sent to FE nodes", LOAD_VERDICT_FATAL, false},
    {"Can not abort", LOAD_VERDICT_EXISTS, false}, /* a committed one */
    {"has already committed", LOAD_VERDICT_DONE, false},
    {"Can not commit ABORTED", LOAD_VERDICT_GONE, false},
    {"Can not commit CANCELLED", LOAD_VERDICT_GONE, false},
    {"has already aborted", LOAD_VERDICT_GONE, false},
    {"No transaction found", LOAD_VERDICT_ABSENT, false},
    {"Can't find the transaction", LOAD_VERDICT_ABSENT, false},
    {"TXN_NOT_EXISTS", LOAD_VERDICT_ABSENT, false},
    {"TXN_IN_PROCESSING", LOAD_VERDICT_RETRY, false},
    {"Transaction in processing", LOAD_VERDICT_RETRY, false},
};

/* "OK" is success here, and here alone. What carries a transaction's number forward must name it. */
static void read_step_ok(enum load_step step, struct load_answer *answer)
{
    bool named = answer->txn_id > 0 || step != LOAD_STEP_PREPARE;
    answer->verdict = named ? LOAD_VERDICT_DONE : LOAD_VERDICT_UNKNOWN;
}

/* Where refused rows can be read about has no member of its own in these answers: it stands in the words. */
static void find_error_url(const char *message, struct load_answer *answer)
{
    static const char before[] = "ErrorURL: ";
    const char *at = message == NULL ? NULL : strstr(message, before);
    if (at == NULL || answer->error_url[0] != '\0')
        return;
    at += sizeof(before) - 1;
    snprintf(answer->error_url, sizeof(answer->error_url), "%.*s", (int)strcspn(at, " \t\r\n"), at);
}

void starrocks_read_step(enum load_step step, int http_status, struct slice body,
                         struct load_answer *answer_out)
{
    starrocks_read_answer(http_status, body, answer_out);
    cJSON *root = http_status == 200 ? dialect_json_parse(body) : NULL;
    const char *status = root == NULL ? NULL : dialect_json_text(root, "Status");
    const char *message = root == NULL ? NULL : dialect_json_text(root, "Message");
    if (status != NULL && strcmp(status, "OK") == 0) {
        read_step_ok(step, answer_out);
    } else if (status != NULL) {
        bool widen = false;
        enum load_verdict verdict =
            dialect_answer_classify(step_rules, COUNT_OF(step_rules), message, &widen);
        if (verdict == LOAD_VERDICT_UNKNOWN)
            verdict = dialect_answer_classify(step_rules, COUNT_OF(step_rules), status, &widen);
        find_error_url(message, answer_out);
        if (verdict != LOAD_VERDICT_UNKNOWN)
            answer_out->verdict = verdict;
        else if (answer_out->verdict == LOAD_VERDICT_DONE)
            answer_out->verdict = LOAD_VERDICT_UNKNOWN; /* a plain load's word */
    }
    if (step < LOAD_STEP_COMMIT && answer_out->verdict == LOAD_VERDICT_DONE &&
        (status == NULL || strcmp(status, "OK") != 0))
        answer_out->verdict = LOAD_VERDICT_UNKNOWN;
    cJSON_Delete(root);
}

enum label_state starrocks_read_label_state(int http_status, struct slice body)
{
    static const struct {
        const char *text;
        enum label_state state;
    } states[] = {
        {"UNKNOWN", LABEL_UNKNOWN},     {"PREPARE", LABEL_RUNNING},   {"PREPARED", LABEL_PREPARED},
        {"COMMITTED", LABEL_COMMITTED}, {"VISIBLE", LABEL_COMMITTED}, {"ABORTED", LABEL_ABORTED},
    };
    enum label_state state = LABEL_UNREADABLE;
    cJSON *root = http_status == 200 ? dialect_json_parse(body) : NULL;
    const char *status = root == NULL ? NULL : dialect_json_text(root, "status");
    if (status != NULL && strcmp(status, "OK") == 0) {
        const char *text = dialect_json_text(root, "state");
        for (unsigned i = 0; text != NULL && i < COUNT_OF(states); i++)
            if (strcmp(text, states[i].text) == 0)
                state = states[i].state;
    }
    cJSON_Delete(root);
    return state;
}

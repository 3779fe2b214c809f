/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking an answer apart. Servers send members that we do not know, members twice, stack traces
 * with line ends, and proxies send HTML (facts/doris.md 1.3 and 1.7, facts/starrocks.md 1.4): what
 * cannot be read for certain is left unread, and the load's state is asked for instead.
 */
#include "dialect_int.h"

#include <cjson/cJSON.h>
#include <math.h>

struct cJSON *dialect_json_parse(struct slice body)
{
    if (body.len == 0)
        return NULL;
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts((const char *)body.ptr, body.len, &end, false);
    if (root == NULL)
        return NULL;
    const uint8_t *rest = (const uint8_t *)end;
    struct slice tail = slice_of(rest, body.len - (size_t)(rest - body.ptr));
    if (!cJSON_IsObject(root) || slice_trim(tail).len != 0) {
        cJSON_Delete(root);
        return NULL;
    }
    return root;
}

/* The one member of that name; NULL when absent, or there again with another value. */
static const cJSON *member(const cJSON *object, const char *name)
{
    const cJSON *found = NULL;
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        if (item->string == NULL || strcmp(item->string, name) != 0)
            continue;
        if (found != NULL && !cJSON_Compare(found, item, true))
            return NULL;
        if (found == NULL)
            found = item;
    }
    return found;
}

const char *dialect_json_text(const struct cJSON *object, const char *name)
{
    const cJSON *item = member(object, name);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

int64_t dialect_json_i64(const struct cJSON *object, const char *name, int64_t fallback)
{
    const cJSON *item = member(object, name);
    if (cJSON_IsString(item)) {
        int64_t value = 0;
        return text_parse_i64(slice_str(item->valuestring), &value) ? value : fallback;
    }
    if (!cJSON_IsNumber(item))
        return fallback;
    double value = item->valuedouble;
    /* Beyond 2^53 a double does not hold every whole number: better no figure than a wrong one. */
    if (!(fabs(value) <= 9007199254740992.0) || value != floor(value))
        return fallback;
    return (int64_t)value;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool dialect_text_contains(const char *text, const char *part)
{
    if (text == NULL)
        return false;
    size_t part_len = strlen(part);
    for (; *text != '\0'; text++) {
        size_t i = 0;
        while (i < part_len && text[i] != '\0' && lower(text[i]) == lower(part[i]))
            i++;
        if (i == part_len)
            return true;
    }
    return part_len == 0;
}

enum load_verdict dialect_answer_classify(const struct dialect_answer_rule *rules,
                                          unsigned rule_count, const char *message, bool *widen_out)
{
    for (unsigned i = 0; i < rule_count; i++) {
        if (!dialect_text_contains(message, rules[i].text))
            continue;
        *widen_out = rules[i].widen;
        return rules[i].verdict;
    }
    *widen_out = false;
    return LOAD_VERDICT_UNKNOWN;
}

void dialect_line_copy(char *out, size_t cap, const char *text)
{
    ASSERT(cap > 0);
    size_t len = 0;
    struct slice rest = slice_str(text);
    while (rest.len > 0) {
        size_t step = text_utf8_len(rest); /* 0: a byte that belongs to no character */
        size_t taken = step == 0 ? 1 : step;
        if (len + taken >= cap)
            break;
        memcpy(out + len, rest.ptr, taken);
        if (step == 0)
            out[len] = '?';
        else if (rest.ptr[0] < 0x20 || rest.ptr[0] == 0x7f)
            out[len] = ' ';
        len += taken;
        rest = slice_of(rest.ptr + taken, rest.len - taken);
    }
    while (len > 0 && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
}

void dialect_answer_clear(struct load_answer *answer_out)
{
    memset(answer_out, 0, sizeof(*answer_out));
    answer_out->verdict = LOAD_VERDICT_UNKNOWN;
    answer_out->txn_id = -1;
    answer_out->total_rows = -1;
    answer_out->loaded_rows = -1;
    answer_out->filtered_rows = -1;
}

void dialect_answer_fill(const struct cJSON *root, struct load_answer *answer_out)
{
    answer_out->txn_id = dialect_json_i64(root, "TxnId", -1);
    answer_out->total_rows = dialect_json_i64(root, "NumberTotalRows", -1);
    answer_out->loaded_rows = dialect_json_i64(root, "NumberLoadedRows", -1);
    answer_out->filtered_rows = dialect_json_i64(root, "NumberFilteredRows", -1);
    dialect_line_copy(answer_out->error_url, sizeof(answer_out->error_url),
                      dialect_json_text(root, "ErrorURL"));
    dialect_line_copy(answer_out->message, sizeof(answer_out->message),
                      dialect_json_text(root, "Message"));
}

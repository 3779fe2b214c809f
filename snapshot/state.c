/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The note is read by the same rule by which it is written, not by a JSON parser: our own text in a
 * checksummed journal. What differs in a byte is refused.
 */
#include "state_int.h"

#include "sql_int.h"

#define HEAD "{\"version\":1,\"done\":"
#define DONE_HEAD HEAD "true,"
#define DESCENDING ",\"descending\":"
#define BEHIND ",\"behind\":["

void state_deinit(struct table_state *state)
{
    bound_free(state->behind);
    *state = (struct table_state){0};
}

static void add_key_names(struct buf *out, const struct table *table)
{
    buf_add_byte(out, '[');
    for (uint32_t i = 0; i < table->key_count; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        json_add_string(out, table->columns[table->key[i]].name);
    }
    buf_add_byte(out, ']');
}

void state_add(struct buf *out, const struct table_state *state, const struct table *table)
{
    buf_addf(out, HEAD "%s,\"keyed\":%s,\"chunks\":%llu,\"rows\":%llu,\"by\":",
             state->done ? "true" : "false", table->key_count > 0 ? "true" : "false",
             (unsigned long long)state->chunks, (unsigned long long)state->rows);
    add_key_names(out, table);
    if (state->behind != NULL && !state->done) {
        if (state->descending != 0)
            buf_addf(out, DESCENDING "%llu", (unsigned long long)state->descending);
        buf_add_str(out, BEHIND);
        for (uint32_t i = 0; i < state->behind->count; i++) {
            ASSERT(sql_is_literal(state->behind->literals[i]));
            buf_add_str(out, i == 0 ? "\"" : ",\"");
            buf_add_slice(out, state->behind->literals[i]);
            buf_add_byte(out, '"');
        }
        buf_add_byte(out, ']');
    }
    buf_add_byte(out, '}');
}

static bool take(struct slice *left, struct slice expected)
{
    if (left->len < expected.len || memcmp(left->ptr, expected.ptr, expected.len) != 0)
        return false;
    *left = slice_of(left->ptr + expected.len, left->len - expected.len);
    return true;
}

static bool take_number(struct slice *left, uint64_t *number)
{
    size_t len = 0;
    while (len < left->len && left->ptr[len] >= '0' && left->ptr[len] <= '9')
        len++;
    bool good = text_parse_u64(slice_of(left->ptr, len), number);
    *left = slice_of(left->ptr + len, left->len - len);
    return good;
}

/* "done", "keyed" and the two figures. */
static bool take_head(struct slice *left, struct table_state *state, bool *keyed)
{
    if (!take(left, SLICE(HEAD)))
        return false;
    state->done = take(left, SLICE("true"));
    if (!state->done && !take(left, SLICE("false")))
        return false;
    if (!take(left, SLICE(",\"keyed\":")))
        return false;
    *keyed = take(left, SLICE("true"));
    if (!*keyed && !take(left, SLICE("false")))
        return false;
    return take(left, SLICE(",\"chunks\":")) && take_number(left, &state->chunks) &&
           take(left, SLICE(",\"rows\":")) && take_number(left, &state->rows) &&
           take(left, SLICE(",\"by\":"));
}

static bool take_literals(struct slice *left, uint32_t count, struct slice *literals)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!take(left, i == 0 ? SLICE("\"") : SLICE(",\"")))
            return false;
        const uint8_t *end = left->len == 0 ? NULL : memchr(left->ptr, '"', left->len);
        if (end == NULL)
            return false;
        literals[i] = slice_of(left->ptr, (size_t)(end - left->ptr));
        if (!sql_is_literal(literals[i]))
            return false;
        *left = slice_of(end + 1, left->len - literals[i].len - 1);
    }
    return take(left, SLICE("]"));
}

static enum rc corrupt(struct error *err)
{
    return error_set(err, RC_CORRUPT,
                     "The note of a table's snapshot in the checkpoint cannot be read.");
}

static enum rc take_behind(struct slice *left, const struct table *table, struct table_state *state,
                           struct error *err)
{
    struct slice literals[BOUND_PARTS_MAX];
    uint32_t count = table->key_count;
    bool is_mixed = take(left, SLICE(DESCENDING));
    if (is_mixed && (!take_number(left, &state->descending) || state->descending == 0 ||
                     count > BOUND_PARTS_MAX || state->descending >> count != 0))
        return corrupt(err);
    if (!take(left, SLICE(BEHIND)))
        return is_mixed ? corrupt(err) : RC_OK;
    if (count == 0 || count > BOUND_PARTS_MAX || !take_literals(left, count, literals))
        return corrupt(err);
    state->behind = bound_new(literals, count);
    return state->behind == NULL
               ? error_set(err, RC_MEMORY, "There is no memory for the state of a table.")
               : RC_OK;
}

enum rc state_parse(struct slice text, const struct table *table, struct table_state *state,
                    struct error *err)
{
    *state = (struct table_state){0};
    if (text.len == 0)
        return RC_OK;
    struct slice left = text;
    bool keyed = false;
    if (!take_head(&left, state, &keyed))
        return corrupt(err);
    struct buf names;
    buf_init(&names, STATE_TEXT_MAX);
    add_key_names(&names, table);
    bool same_key = keyed == (table->key_count > 0) && take(&left, buf_slice(&names));
    buf_deinit(&names);
    if (!same_key)
        return state->done ? RC_OK
                           : error_set(err, RC_MISMATCH,
                                       "The table has another key than when its snapshot began.");
    enum rc rc = take_behind(&left, table, state, err);
    if (rc == RC_OK && !slice_equal(left, SLICE("}")))
        rc = corrupt(err);
    if (rc != RC_OK)
        state_deinit(state);
    return rc;
}

bool state_is_done(struct slice text)
{
    return text.len >= sizeof(DONE_HEAD) - 1 &&
           memcmp(text.ptr, DONE_HEAD, sizeof(DONE_HEAD) - 1) == 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See undo_int.h. */
#include "undo_int.h"

#define FIRST_TELL_US (60ull * 1000000)

/* False: the server does not tell. This is a courtesy, so that no failure is one. */
static bool ask_length(struct session *session, uint64_t *out)
{
    static const struct slice statements[] = {
        SLICE("SELECT COUNT FROM information_schema.INNODB_METRICS WHERE NAME = "
              "'trx_rseg_history_len'"),
        SLICE("SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = "
              "'INNODB_HISTORY_LIST_LENGTH'"),
    };
    struct error ignored = {0};
    struct buf value;
    if (session == NULL)
        return false;
    buf_init(&value, 64);
    enum rc rc =
        myconn_query_value(session->conn, statements[session->is_mariadb], &value, &ignored);
    bool told = rc == RC_OK && text_parse_u64(buf_slice(&value), out);
    buf_deinit(&value);
    return told;
}

void undo_begin(struct undo_watch *watch, struct session *session, const struct table *table,
                uint64_t now_us)
{
    *watch = (struct undo_watch){.since_us = now_us, .next_us = now_us + FIRST_TELL_US};
    watch->has_first = ask_length(session, &watch->first);
    static const char text[] =
        "A table without a key is read in one transaction; until that ends the source keeps "
        "what others change.";
    if (watch->has_first)
        log_info("snapshot", text, LOG_SLICE("db", table->db), LOG_SLICE("table", table->name),
                 LOG_U64("history_length", watch->first));
    else
        log_info("snapshot", text, LOG_SLICE("db", table->db), LOG_SLICE("table", table->name));
}

void undo_end(struct undo_watch *watch)
{
    watch->since_us = 0;
}

bool undo_is_due(const struct undo_watch *watch, uint64_t now_us)
{
    return watch->since_us != 0 && now_us >= watch->next_us;
}

void undo_tell(struct undo_watch *watch, struct session *session, const struct table *table,
               uint64_t now_us)
{
    uint64_t held_us = now_us - watch->since_us;
    uint64_t length;
    watch->next_us = now_us + held_us;
    static const char text[] =
        "A table without a key is still read in one transaction, for which the source keeps what "
        "others change. Make the target take more rows, or give the table a key.";
    if (watch->has_first && ask_length(session, &length))
        log_warn("snapshot", text, LOG_SLICE("db", table->db), LOG_SLICE("table", table->name),
                 LOG_U64("open_s", held_us / 1000000), LOG_U64("history_length", length),
                 LOG_U64("history_length_at_first", watch->first));
    else
        log_warn("snapshot", text, LOG_SLICE("db", table->db), LOG_SLICE("table", table->name),
                 LOG_U64("open_s", held_us / 1000000));
}

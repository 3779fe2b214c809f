/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clusters that fold the names of tables, which is decided when they are made: Doris by
 * `lower_case_table_names` (1: names are kept in lower case, 2: as given, and compared without regard to
 * case; names of databases are not touched; apache/doris #6403), StarRocks from 4.0 on by
 * `enable_table_name_case_insensitive` (kept in lower case, databases too; its page on FE settings). Both show
 * it as a variable.
 *
 * information_schema is asked for a table by its name, and whether it folds that name too depends on the release
 * (apache/doris #48126). So a table is not made there under a name with capital letters: it would not be
 * found again, or be found as another one's. A cluster that does not know the variable folds nothing.
 */
#include "dialect_int.h"

static bool has_capitals(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z')
            return true;
    return false;
}

static bool says_no(struct slice value)
{
    return value.len == 0 || slice_equal(value, SLICE("0")) ||
           slice_equal_nocase(value, SLICE("false")) || slice_equal_nocase(value, SLICE("off"));
}

static void add_lower(struct buf *out, struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        buf_add_byte(out, (uint8_t)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] + 32
                                                                             : name.ptr[i]));
}

static enum rc refuse(const struct dialect_traits *traits, const struct sink_target *target,
                      struct slice value, struct error *err)
{
    struct buf lower;
    buf_init(&lower, 2048);
    if (traits->folds_databases)
        add_lower(&lower, target->db);
    else
        buf_add_slice(&lower, target->db);
    buf_add_byte(&lower, '.');
    add_lower(&lower, target->table);
    error_set(err, RC_UNSUPPORTED,
              "This %s cluster folds the names of tables (%s is %.*s), so table %.*s.%.*s could be "
              "taken for another one, or not be found again.",
              traits->product, traits->fold_variable, SLICE_ARG(value), SLICE_ARG(target->db),
              SLICE_ARG(target->table));
    error_hint(err,
               "Route it to a name without capital letters: `sink-table: %.*s`. Two tables that "
               "would have one name need routes to two.",
               SLICE_ARG(buf_slice(&lower)));
    buf_deinit(&lower);
    return RC_UNSUPPORTED;
}

/* NULL: it does not answer such a question, so it is none of these clusters. */
static enum rc ask(struct myconn *conn, struct slice sql, struct myconn_result **result_out,
                   struct error *err)
{
    struct error own = {0};
    enum rc rc = myconn_query(conn, sql, result_out, &own);
    if (rc == RC_OK)
        return RC_OK;
    *result_out = NULL;
    if (own.class != ERROR_RETRY && own.class != ERROR_CANCELLED) {
        log_debug("sink.ddl", "The target does not tell a setting.", LOG_STR("why", own.text));
        return RC_OK;
    }
    if (err != NULL)
        *err = own;
    return rc;
}

enum rc dialect_fold_check(const struct dialect_traits *traits, struct myconn *conn,
                           const struct sink_target *target, struct error *err)
{
    if (!has_capitals(target->table) && !(traits->folds_databases && has_capitals(target->db)))
        return RC_OK;
    struct buf sql;
    struct myconn_result *result = NULL;
    const struct slice *fields = NULL;
    buf_init(&sql, 256);
    buf_addf(&sql, "SHOW VARIABLES LIKE '%s'", traits->fold_variable);
    enum rc rc = buf_check(&sql, "the question for a setting", err);
    if (rc == RC_OK)
        rc = ask(conn, buf_slice(&sql), &result, err);
    if (result != NULL && myconn_column_count(result) >= 2 && myconn_row(result, &fields) &&
        !says_no(fields[1]))
        rc = refuse(traits, target, fields[1], err);
    myconn_result_free(result);
    buf_deinit(&sql);
    return rc;
}

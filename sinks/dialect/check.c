/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `millrace check` asks of either product over SQL.
 */
#include "dialect_int.h"

enum rc dialect_check_version(struct myconn *conn, const char *product, const char *word,
                              struct report *report, struct error *err)
{
    struct buf version;
    buf_init(&version, 4096);
    enum rc rc = myconn_query_value(conn, SLICE("SELECT @@version_comment"), &version, err);
    if (rc == RC_OK && dialect_text_contains(buf_cstr(&version), word))
        report_add(report, REPORT_OK, NULL, "%s answers SQL at %s: %s.", product,
                   myconn_label(conn), buf_cstr(&version));
    else if (rc == RC_OK)
        report_add(report, REPORT_WARN,
                   "Look at jdbc-url: it should lead to a frontend's query port, usually 9030.",
                   "The server at %s does not call itself %s; it says '%s'.", myconn_label(conn),
                   product, buf_cstr(&version));
    buf_deinit(&version);
    if (rc != RC_OK)
        error_wrap(err, "%s does not tell its version", product);
    return rc;
}

/* Rows of the answer whose field `Alive` is true; -1 when there is no such field. */
static int64_t count_alive(struct myconn_result *result)
{
    int alive = -1;
    for (unsigned i = 0; i < myconn_column_count(result); i++)
        if (slice_equal_nocase(myconn_column_name(result, i), SLICE("Alive")))
            alive = (int)i;
    int64_t count = 0;
    const struct slice *fields = NULL;
    while (alive >= 0 && myconn_row(result, &fields))
        count += slice_equal_nocase(fields[alive], SLICE("true")) ? 1 : 0;
    return alive < 0 ? -1 : count;
}

void dialect_check_replicas(struct myconn *conn, const struct cfg_map *create_properties,
                            struct report *report)
{
    struct error ignored;
    error_clear(&ignored);
    struct myconn_result *result = NULL;
    /* Listing the backends takes a privilege that a replica's user need not have: no answer is no
     * finding. */
    if (myconn_query(conn, SLICE("SHOW BACKENDS"), &result, &ignored) != RC_OK)
        return;
    int64_t alive = count_alive(result);
    myconn_result_free(result);
    const char *set = dialect_map_find(create_properties, "replication_num");
    uint64_t wanted = 3; /* both products' default */
    if (alive < 0 || (set != NULL && !text_parse_u64(slice_str(set), &wanted)))
        return;
    if ((uint64_t)alive >= wanted)
        report_add(report, REPORT_OK, NULL,
                   "%lld backends are alive; new tables get %llu replicas.", (long long)alive,
                   (unsigned long long)wanted);
    else
        report_add(report, REPORT_FAIL,
                   "Set table.create.properties.replication_num to the number of backends.",
                   "Only %lld backends are alive, but new tables would get %llu replicas, which "
                   "the server refuses.",
                   (long long)alive, (unsigned long long)wanted);
}

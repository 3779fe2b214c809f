/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a server is new enough to update parts of rows. An older one does not know the headers and
 * passes over them without a word: it would write NULL or defaults into the columns that a row
 * lacks. So it is asked before the first such row.
 */
#include "dialect_int.h"

/* Takes the digits at the front; false when there are none, or too many to be a version. */
static bool take_number(struct slice *text, unsigned *number_out)
{
    size_t len = 0;
    while (len < text->len && text->ptr[len] >= '0' && text->ptr[len] <= '9')
        len++;
    uint64_t number = 0;
    bool fits = len > 0 && len <= 4 && text_parse_u64(slice_of(text->ptr, len), &number);
    *text = slice_of(text->ptr + len, text->len - len);
    *number_out = (unsigned)number;
    return fits;
}

static bool take_dot(struct slice *text)
{
    if (text->len == 0 || text->ptr[0] != '.')
        return false;
    *text = slice_of(text->ptr + 1, text->len - 1);
    return true;
}

void dialect_version_parse(struct slice comment, const char *word, unsigned *major_out,
                           unsigned *minor_out)
{
    struct slice name = slice_str(word);
    unsigned major = 0;
    unsigned minor = 0;
    *major_out = *minor_out = 0;
    while (comment.len >= name.len && !slice_starts_nocase(comment, name))
        comment = slice_of(comment.ptr + 1, comment.len - 1);
    if (comment.len < name.len)
        return;
    while (comment.len > 0) {
        bool is_number = take_number(&comment, &major);
        if (is_number && take_dot(&comment) && take_number(&comment, &minor)) {
            *major_out = major;
            *minor_out = minor;
            return;
        }
        if (comment.len > 0)
            comment = slice_of(comment.ptr + 1, comment.len - 1);
    }
}

enum rc dialect_partial_version(struct myconn *conn, const char *product, const char *word,
                                unsigned major, unsigned minor, const struct load_schema *schema,
                                struct error *err)
{
    struct buf comment;
    buf_init(&comment, 4096);
    unsigned theirs_major = 0;
    unsigned theirs_minor = 0;
    enum rc rc = myconn_query_value(conn, SLICE("SELECT @@version_comment"), &comment, err);
    if (rc == RC_OK)
        dialect_version_parse(buf_slice(&comment), word, &theirs_major, &theirs_minor);
    buf_deinit(&comment);
    if (rc != RC_OK) {
        error_wrap(err, "%s does not tell its version", product);
        return rc;
    }
    bool unknown = theirs_major == 0 && theirs_minor == 0;
    if (unknown || theirs_major > major || (theirs_major == major && theirs_minor >= minor))
        return RC_OK;
    error_set(err, RC_UNSUPPORTED,
              "Rows for table %.*s.%.*s lack columns, and %s %u.%u cannot update a part of a row: "
              "that came with %u.%u.",
              SLICE_ARG(schema->db), SLICE_ARG(schema->table), product, theirs_major, theirs_minor,
              major, minor);
    error_hint(err, "Set binlog_row_image=FULL at the source server, or use a newer %s.", product);
    return RC_UNSUPPORTED;
}

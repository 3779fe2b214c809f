/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which version a server is, by its own comment: "Doris version doris-2.1.8-rc01-..." with "(Cloud
 * Mode)" behind it where storage is apart (facts/doris.md 1.1), "StarRocks version 3.3.5".
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

void dialect_version_parse(struct slice comment, const char *word,
                           struct dialect_version *version_out)
{
    struct slice name = slice_str(word);
    struct dialect_version version = {0};
    *version_out = (struct dialect_version){0};
    while (comment.len >= name.len && !slice_starts_nocase(comment, name))
        comment = slice_of(comment.ptr + 1, comment.len - 1);
    if (comment.len < name.len)
        return;
    while (comment.len > 0) {
        bool is_number = take_number(&comment, &version.major);
        if (is_number && take_dot(&comment) && take_number(&comment, &version.minor)) {
            if (!take_dot(&comment) || !take_number(&comment, &version.patch))
                version.patch = 0;
            version.known = version.major > 0 || version.minor > 0;
            *version_out = version;
            return;
        }
        if (comment.len > 0)
            comment = slice_of(comment.ptr + 1, comment.len - 1);
    }
}

enum rc dialect_version_read(struct myconn *conn, const char *product, const char *word,
                             struct dialect_version *version_out, struct error *err)
{
    *version_out = (struct dialect_version){0};
    struct buf comment;
    buf_init(&comment, 4096);
    enum rc rc = myconn_query_value(conn, SLICE("SELECT @@version_comment"), &comment, err);
    if (rc == RC_OK) {
        dialect_version_parse(buf_slice(&comment), word, version_out);
        version_out->cloud = dialect_text_contains(buf_cstr(&comment), "(Cloud Mode)");
    } else {
        error_wrap(err, "%s does not tell its version", product);
    }
    buf_deinit(&comment);
    return rc;
}

bool dialect_version_before(const struct dialect_version *version, unsigned major, unsigned minor,
                            unsigned patch)
{
    if (!version->known || version->major != major)
        return version->known && version->major < major;
    return version->minor != minor ? version->minor < minor : version->patch < patch;
}

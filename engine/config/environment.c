/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pipeline file takes from the environment: ${NAME} (${...} behind another $ stays as it is
 * written). What was put in is not read again, so a password may hold any character. Secrets from
 * files and commands: base/secret.h.
 */
#include <stdlib.h>

#include "config_int.h"

enum { VALUE_BYTES = 256 << 10, NAME_BYTES = 128 };

static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return s.len > 0 && s.len < NAME_BYTES;
}

static enum rc add_variable(struct arena *arena, struct slice name, struct buf *out,
                            const char **env_out, struct error *err)
{
    if (!is_name(name))
        return error_set(err, RC_CONFIG,
                         "holds ${%.*s}, which is not the name of an environment variable. Write "
                         "$${ for the text ${ itself.",
                         SLICE_ARG(name));
    char *copy = arena_cstr(arena, name);
    if (copy == NULL)
        return error_set(err, RC_MEMORY, "needs more memory than there is.");
    const char *value = getenv(copy);
    if (value == NULL)
        return error_set(err, RC_CONFIG, "needs the environment variable %s, which is not set.",
                         copy);
    buf_add_str(out, value);
    if (*env_out == NULL)
        *env_out = copy;
    return RC_OK;
}

static enum rc expand_into(struct arena *arena, struct slice text, struct buf *out,
                           const char **env_out, struct error *err)
{
    size_t i = 0;
    while (i < text.len) {
        struct slice rest = slice_of(text.ptr + i, text.len - i);
        if (rest.len >= 3 && memcmp(rest.ptr, "$${", 3) == 0) {
            buf_add_str(out, "${");
            i += 3;
            continue;
        }
        if (rest.len < 2 || memcmp(rest.ptr, "${", 2) != 0) {
            buf_add_byte(out, rest.ptr[0]);
            i++;
            continue;
        }
        const uint8_t *end = memchr(rest.ptr, '}', rest.len);
        if (end == NULL)
            return error_set(err, RC_CONFIG,
                             "holds ${ without a closing }. Write $${ for the text ${ itself.");
        struct slice name = slice_of(rest.ptr + 2, (size_t)(end - rest.ptr) - 2);
        enum rc rc = add_variable(arena, name, out, env_out, err);
        if (rc != RC_OK)
            return rc;
        i += (size_t)(end - rest.ptr) + 1;
    }
    return RC_OK;
}

enum rc cfg_expand(struct arena *arena, struct slice text, char **text_out, const char **env_out,
                   struct error *err)
{
    struct buf out;
    buf_init(&out, VALUE_BYTES);
    *env_out = NULL;
    enum rc rc = expand_into(arena, text, &out, env_out, err);
    if (rc == RC_OK && out.rc == RC_LIMIT)
        rc = error_set(err, RC_CONFIG, "is longer than %d bytes.", VALUE_BYTES);
    if (rc == RC_OK && out.rc == RC_OK) {
        *text_out = arena_cstr(arena, buf_slice(&out));
        if (*text_out == NULL)
            rc = error_set(err, RC_MEMORY, "needs more memory than there is.");
    } else if (rc == RC_OK) {
        rc = error_set(err, RC_MEMORY, "needs more memory than there is.");
    }
    if (out.ptr != NULL)
        explicit_bzero(out.ptr, out.cap); /* it may have held a password */
    buf_deinit(&out);
    return rc;
}

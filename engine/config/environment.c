/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pipeline file takes from outside itself: ${NAME} from the environment (${...} behind
 * another $ stays as it is written) and, for secrets, the content of a file. What was put in is not
 * read again, so a password may hold any character.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "config_int.h"

enum { VALUE_BYTES = 256 << 10, SECRET_BYTES = 64 << 10, NAME_BYTES = 128 };

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

static enum rc read_all(int fd, const char *path, uint8_t *bytes, size_t cap, size_t *len_out,
                        struct error *err)
{
    size_t len = 0;
    while (len < cap) {
        ssize_t got = read(fd, bytes + len, cap - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_os(err, RC_CONFIG, errno,
                                "takes its value from %s, which cannot be read", path);
        if (got == 0)
            break;
        len += (size_t)got;
    }
    *len_out = len;
    return RC_OK;
}

enum rc cfg_read_secret(struct arena *arena, const char *path, char **text_out, struct error *err)
{
    if (path[0] != '/')
        return error_set(err, RC_CONFIG,
                         "must name a file by its whole path, as in file:/etc/millrace/password.");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_os(err, RC_CONFIG, errno,
                            "takes its value from %s, which cannot be opened", path);
    uint8_t *bytes = malloc(SECRET_BYTES + 1);
    size_t len = 0;
    enum rc rc = bytes == NULL ? error_set(err, RC_MEMORY, "needs more memory than there is.")
                               : read_all(fd, path, bytes, SECRET_BYTES + 1, &len, err);
    close(fd);
    if (rc == RC_OK && len > SECRET_BYTES)
        rc = error_set(err, RC_CONFIG, "takes its value from %s, which is larger than %d bytes.",
                       path, SECRET_BYTES);
    if (rc == RC_OK && len > 0 && memchr(bytes, 0, len) != NULL)
        rc = error_set(err, RC_CONFIG, "takes its value from %s, which holds a zero byte.", path);
    if (rc == RC_OK) {
        if (len > 0 && bytes[len - 1] == '\n')
            len -= len > 1 && bytes[len - 2] == '\r' ? 2 : 1;
        *text_out = arena_cstr(arena, slice_of(bytes, len));
        if (*text_out == NULL)
            rc = error_set(err, RC_MEMORY, "needs more memory than there is.");
    }
    if (bytes != NULL)
        explicit_bzero(bytes, SECRET_BYTES + 1);
    free(bytes);
    return rc;
}

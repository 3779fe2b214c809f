/* SPDX-License-Identifier: Apache-2.0 */
/* URL parts and the rules for redirects; see redirect_int.h. Pure, any thread. */
#include "redirect_int.h"

#include <stdio.h>

void endpoint_url(const struct endpoint *endpoint, char *url)
{
    snprintf(url, ENDPOINT_URL_MAX, "http%s://%s%s", endpoint->tls ? "s" : "", endpoint->authority,
             endpoint->path);
}

static bool is_unreserved(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

void url_add_escaped(struct buf *out, struct slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        if (is_unreserved(text.ptr[i])) {
            buf_add_byte(out, text.ptr[i]);
        } else {
            buf_add_byte(out, '%');
            buf_add_byte(out, (uint8_t)digits[text.ptr[i] >> 4]);
            buf_add_byte(out, (uint8_t)digits[text.ptr[i] & 15]);
        }
    }
}

/* Cuts "http://" or "https://" from the front; false when neither is there. */
static bool cut_scheme(struct slice *text, bool *tls_out)
{
    struct slice plain = SLICE("http://");
    struct slice secure = SLICE("https://");
    struct slice scheme = slice_starts_nocase(*text, secure) ? secure : plain;
    if (!slice_starts_nocase(*text, scheme))
        return false;
    *tls_out = scheme.len == secure.len;
    *text = slice_of(text->ptr + scheme.len, text->len - scheme.len);
    return true;
}

static size_t find_byte(struct slice text, const char *any)
{
    for (size_t i = 0; i < text.len; i++)
        if (strchr(any, text.ptr[i]) != NULL && text.ptr[i] != 0)
            return i;
    return text.len;
}

static bool is_authority(struct slice text)
{
    if (text.len == 0 || text.len >= ENDPOINT_HOST_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_unreserved(text.ptr[i]) && strchr(":[]", text.ptr[i]) == NULL)
            return false;
    return true;
}

static void copy_text(char *to, struct slice text)
{
    if (text.len > 0)
        memcpy(to, text.ptr, text.len);
    to[text.len] = '\0';
}

enum rc endpoint_parse(const char *url, struct endpoint *endpoint_out, struct error *err)
{
    struct slice rest = slice_str(url);
    if (!cut_scheme(&rest, &endpoint_out->tls))
        return error_set(err, RC_PROTOCOL,
                         "The address is neither http:// nor https://, so it is not followed.");
    size_t end = find_byte(rest, "/?#");
    struct slice authority = slice_of(rest.ptr, end);
    for (size_t i = authority.len; i > 0; i--) {
        if (authority.ptr[i - 1] == '@') {
            authority = slice_of(authority.ptr + i, authority.len - i);
            break;
        }
    }
    if (!is_authority(authority))
        return error_set(err, RC_PROTOCOL, "The address has no host that can be read.");
    struct slice path = slice_of(rest.ptr + end, rest.len - end);
    path.len = find_byte(path, "#");
    if (path.len > 0 && path.ptr[path.len - 1] == '?')
        path.len--;
    bool rooted = path.len > 0 && path.ptr[0] == '/';
    if (path.len + 2 > ENDPOINT_PATH_MAX)
        return error_set(err, RC_PROTOCOL,
                         "The address has a path of %zu bytes, which is too long.", path.len);
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] <= ' ' || path.ptr[i] == 0x7f)
            return error_set(err, RC_PROTOCOL, "The address has a blank in its path.");
    copy_text(endpoint_out->authority, authority);
    endpoint_out->path[0] = '/';
    copy_text(endpoint_out->path + (rooted ? 0 : 1), path);
    return RC_OK;
}

/* Length of the host in "host:port", "[::1]:port" or "host". */
static size_t host_len(struct slice authority)
{
    for (size_t i = authority.len; i > 0; i--) {
        if (authority.ptr[i - 1] == ']')
            return authority.len;
        if (authority.ptr[i - 1] == ':')
            return i - 1;
    }
    return authority.len;
}

enum rc endpoint_rewrite(const struct cfg_map *rewrite, struct endpoint *endpoint,
                         bool *scheme_said_out, struct error *err)
{
    *scheme_said_out = false;
    struct slice told = slice_str(endpoint->authority);
    struct slice host = slice_of(told.ptr, host_len(told));
    const struct cfg_pair *found = NULL;
    for (unsigned i = 0; i < rewrite->count; i++) {
        struct slice key = slice_str(rewrite->items[i].key);
        if (slice_equal_nocase(key, told)) {
            found = &rewrite->items[i];
            break;
        }
        if (found == NULL && slice_equal_nocase(key, host))
            found = &rewrite->items[i];
    }
    if (found == NULL)
        return RC_OK;
    struct slice value = slice_str(found->value);
    *scheme_said_out = cut_scheme(&value, &endpoint->tls);
    bool keeps_port = host_len(value) == value.len && host.len < told.len;
    struct slice port = slice_of(told.ptr + host.len, told.len - host.len);
    if (!is_authority(value) || value.len + port.len >= ENDPOINT_HOST_MAX)
        return error_set(
            err, RC_CONFIG,
            "The address \"%s\", which the configuration has for %s, is not host:port.",
            found->value, endpoint->authority);
    char authority[ENDPOINT_HOST_MAX];
    snprintf(authority, sizeof(authority), "%.*s%.*s", SLICE_ARG(value),
             keeps_port ? (int)port.len : 0, (const char *)port.ptr);
    copy_text(endpoint->authority, slice_str(authority));
    return RC_OK;
}

/* The next byte of a path with percent-escapes read; -1 at its end (the query ends it too). */
static int next_path_byte(const char **path)
{
    const char *p = *path;
    if (*p == '\0' || *p == '?')
        return -1;
    int high = p[0] == '%' ? text_hex_value((uint8_t)p[1]) : -1;
    int low = high < 0 ? -1 : text_hex_value((uint8_t)p[2]);
    if (low >= 0) {
        *path += 3;
        return high << 4 | low;
    }
    *path += 1;
    return (unsigned char)*p;
}

/* Servers may escape a path in another way than we do. */
static bool same_path(const char *a, const char *b)
{
    for (;;) {
        int x = next_path_byte(&a);
        int y = next_path_byte(&b);
        if (x != y)
            return false;
        if (x == -1)
            return true;
    }
}

enum rc redirect_resolve(const struct load_settings *settings, const struct endpoint *from,
                         const char *location, struct endpoint *to, struct error *err)
{
    enum rc rc = endpoint_parse(location, to, err);
    if (rc != RC_OK) {
        error_wrap(err, "%s sent a redirect that cannot be used", from->authority);
        return rc;
    }
    if (!same_path(from->path, to->path))
        return error_set(err, RC_PROTOCOL,
                         "%s sent a redirect to %s for another path than the one that was asked "
                         "for, so it is not followed. Check that the address belongs to a frontend "
                         "of the warehouse.",
                         from->authority, to->authority);
    const char *query = strchr(from->path, '?');
    if (query != NULL && strchr(to->path, '?') == NULL) {
        size_t len = strlen(to->path);
        snprintf(to->path + len, sizeof(to->path) - len, "%s", query);
    }
    char told[ENDPOINT_HOST_MAX];
    copy_text(told, slice_str(to->authority));
    bool scheme_said;
    rc = endpoint_rewrite(&settings->rewrite, to, &scheme_said, err);
    if (rc != RC_OK)
        return rc;
    if (settings->tls && !to->tls && !scheme_said)
        return error_set(err, RC_PROTOCOL,
                         "%s sent a redirect to http://%s, but the frontends are spoken to by "
                         "https; credentials and rows would travel in the clear. If that network "
                         "is trusted, map the address %s to http://%s in the configuration.",
                         from->authority, told, told, told);
    return RC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses as Flink CDC's files write them: lists split at "," (Doris) or ";" (StarRocks), and
 * JDBC URLs, of which only the hosts mean something here: the driver's own parameters (useSSL,
 * serverTimezone, ...) have no counterpart in libmariadb and are left aside.
 */
#include "dialect_int.h"

#include <stdio.h>

/* "host:port", "[v6]:port" or a bare host into an endpoint. */
static enum rc endpoint_parse(const char *key, struct slice text, uint16_t default_port,
                              struct dialect_endpoint *out, struct error *err)
{
    struct slice host = text;
    struct slice port = SLICE_EMPTY;
    const uint8_t *colon = text.len == 0 ? NULL : memrchr(text.ptr, ':', text.len);
    const uint8_t *bracket = text.len == 0 ? NULL : memrchr(text.ptr, ']', text.len);
    if (colon != NULL && (bracket == NULL || colon > bracket)) {
        host.len = (size_t)(colon - text.ptr);
        port = slice_of(colon + 1, text.len - host.len - 1);
    }
    uint64_t number = default_port;
    if (colon != NULL && host.len < text.len &&
        (!text_parse_u64(port, &number) || number == 0 || number > 65535))
        return error_set(err, RC_CONFIG,
                         "The key '%s' holds '%.*s', whose port is not a number from 1 to 65535.",
                         key, SLICE_ARG(text));
    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = slice_of(host.ptr + 1, host.len - 2);
    if (host.len == 0 || host.len >= sizeof(out->host) || memchr(host.ptr, '/', host.len) != NULL ||
        memchr(host.ptr, '@', host.len) != NULL || memchr(host.ptr, ' ', host.len) != NULL)
        return error_set(err, RC_CONFIG,
                         "The key '%s' holds '%.*s', which is not host:port. Write only the host "
                         "and the port, without a scheme, a path or a user.",
                         key, SLICE_ARG(text));
    memcpy(out->host, host.ptr, host.len);
    out->host[host.len] = '\0';
    out->port = (uint16_t)number;
    return RC_OK;
}

/* The next piece before one of `separators`; false at the end. Empty pieces are skipped. */
static bool next_piece(struct slice *rest, const char *separators, struct slice *piece_out)
{
    while (rest->len > 0) {
        size_t len = 0;
        while (len < rest->len && strchr(separators, rest->ptr[len]) == NULL)
            len++;
        *piece_out = slice_trim(slice_of(rest->ptr, len));
        size_t skip = len < rest->len ? len + 1 : len;
        *rest = slice_of(rest->ptr + skip, rest->len - skip);
        if (piece_out->len > 0)
            return true;
    }
    return false;
}

static enum rc address_add(const char *key, struct slice piece, uint16_t default_port,
                           struct dialect_addresses *out, size_t *used, struct error *err)
{
    struct dialect_endpoint endpoint;
    enum rc rc = endpoint_parse(key, piece, default_port, &endpoint, err);
    if (rc != RC_OK)
        return rc;
    size_t room = sizeof(out->text) - *used;
    bool v6 = strchr(endpoint.host, ':') != NULL;
    int len = snprintf(out->text + *used, room, v6 ? "[%s]:%u" : "%s:%u", endpoint.host,
                       (unsigned)endpoint.port);
    if (len < 0 || (size_t)len >= room || out->count == DIALECT_ADDRESSES_MAX)
        return error_set(err, RC_CONFIG, "The key '%s' holds more than %d addresses.", key,
                         DIALECT_ADDRESSES_MAX);
    out->items[out->count++] = out->text + *used;
    *used += (size_t)len + 1;
    return RC_OK;
}

enum rc dialect_addresses_parse(const char *key, const struct cfg_list *list, uint16_t default_port,
                                struct dialect_addresses *out, struct error *err)
{
    memset(out, 0, sizeof(*out));
    size_t used = 0;
    for (unsigned i = 0; i < list->count; i++) {
        struct slice rest = slice_str(list->items[i]);
        struct slice piece;
        while (next_piece(&rest, ",;", &piece)) {
            enum rc rc = address_add(key, piece, default_port, out, &used, err);
            if (rc != RC_OK)
                return rc;
        }
    }
    return RC_OK;
}

struct cfg_list dialect_addresses_list(const struct dialect_addresses *addresses)
{
    return (struct cfg_list){.items = addresses->items, .count = addresses->count};
}

enum rc dialect_jdbc_parse(const char *key, const char *url, uint16_t default_port,
                           struct dialect_endpoints *out, struct error *err)
{
    static const char *const schemes[] = {"jdbc:mysql://", "jdbc:mysql:loadbalance://",
                                          "jdbc:mysql:replication://", "jdbc:mariadb://"};
    memset(out, 0, sizeof(*out));
    struct slice rest = SLICE_EMPTY;
    for (unsigned i = 0; i < COUNT_OF(schemes); i++)
        if (slice_starts_nocase(slice_str(url), slice_str(schemes[i])))
            rest = slice_str(url + strlen(schemes[i]));
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] != '/' && rest.ptr[len] != '?')
        len++;
    rest.len = len;
    struct slice piece;
    while (next_piece(&rest, ",", &piece)) {
        if (out->count == DIALECT_ADDRESSES_MAX)
            return error_set(err, RC_CONFIG, "The key '%s' holds more than %d hosts.", key,
                             DIALECT_ADDRESSES_MAX);
        enum rc rc = endpoint_parse(key, piece, default_port, &out->items[out->count], err);
        if (rc != RC_OK)
            return rc;
        out->count++;
    }
    if (out->count == 0)
        return error_set(err, RC_CONFIG,
                         "The key '%s' is not a JDBC URL with a host. Write it as "
                         "jdbc:mysql://HOST:%u.",
                         key, (unsigned)default_port);
    return RC_OK;
}

enum rc dialect_endpoints_from(const char *key, const struct dialect_addresses *addresses,
                               uint16_t port, struct dialect_endpoints *out, struct error *err)
{
    memset(out, 0, sizeof(*out));
    for (unsigned i = 0; i < addresses->count; i++) {
        enum rc rc = endpoint_parse(key, slice_str(addresses->items[i]), port, &out->items[i], err);
        if (rc != RC_OK)
            return rc;
        out->items[i].port = port;
        out->count++;
    }
    return RC_OK;
}

void dialect_choose_endpoint(const struct dialect_endpoints *endpoints,
                             struct myconn_options *options)
{
    ASSERT(endpoints->count > 0);
    for (unsigned i = 0; endpoints->count > 1 && i < endpoints->count; i++) {
        options->host = endpoints->items[i].host;
        options->port = endpoints->items[i].port;
        struct myconn *conn = NULL;
        struct error err;
        error_clear(&err);
        if (myconn_open(options, &conn, &err) == RC_OK) {
            myconn_close(conn);
            return;
        }
        log_warn("sink.ddl", "A frontend does not take SQL connections; the next one is tried.",
                 LOG_STR("host", options->host), LOG_U64("port", options->port),
                 LOG_STR("reason", err.text));
    }
    options->host = endpoints->items[0].host;
    options->port = endpoints->items[0].port;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs that a frontend answers with, and the addresses of the configuration.
 *
 *   line 1   the Location
 *   line 2   the path that was asked for
 *   line 3   an address that the map has, and line 4: what it has for it
 *   line 5   an address list; line 6: a JDBC URL
 */
#include "fuzz_int.h"
#include "sinks/dialect/dialect_int.h"
#include "sinks/stream_load/redirect_int.h"

/* An address that was read is read again from its own text, and holds no user or password. */
static void check_endpoint(const struct endpoint *endpoint)
{
    char url[ENDPOINT_URL_MAX];
    struct endpoint again;
    struct error err;
    ASSERT(strchr(endpoint->authority, '@') == NULL && endpoint->path[0] == '/');
    endpoint_url(endpoint, url);
    ASSERT(endpoint_parse(url, &again, &err) == RC_OK);
    ASSERT(again.tls == endpoint->tls && strcmp(again.authority, endpoint->authority) == 0);
}

static void resolve(const struct cfg_map *rewrite, const char *location, const char *path, bool tls)
{
    const struct load_settings settings = {.rewrite = *rewrite, .tls = tls};
    struct endpoint from = {.tls = tls, .authority = "fe1:8030", .path = "/"};
    struct endpoint to;
    struct error err;
    error_clear(&err);
    if (strlen(path) + 1 < sizeof(from.path))
        memcpy(from.path + (path[0] == '/' ? 0 : 1), path, strlen(path) + 1);
    enum rc rc = redirect_resolve(&settings, &from, location, &to, &err);
    fuzz_told(rc, &err);
    if (rc == RC_OK)
        ASSERT(strchr(to.authority, '@') == NULL && to.path[0] == '/');
}

static void addresses(const char *list, const char *jdbc)
{
    static struct dialect_addresses parsed;
    static struct dialect_endpoints endpoints;
    const struct cfg_list items = {.items = &list, .count = 1};
    struct error err;
    error_clear(&err);
    enum rc rc = dialect_addresses_parse("fenodes", &items, 8030, &parsed, &err);
    fuzz_told(rc, &err);
    if (rc == RC_OK)
        fuzz_told(dialect_endpoints_from("fenodes", &parsed, 9030, &endpoints, &err), &err);
    error_clear(&err);
    fuzz_told(dialect_jdbc_parse("jdbc-url", jdbc, 9030, &endpoints, &err), &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    char *lines[6];
    for (unsigned i = 0; i < COUNT_OF(lines); i++)
        lines[i] = fuzz_line(&input);
    const struct cfg_pair pair = {.key = lines[2], .value = lines[3]};
    const struct cfg_map rewrite = {.items = &pair, .count = 1};
    struct endpoint endpoint;
    struct error err;
    error_clear(&err);
    enum rc rc = endpoint_parse(lines[0], &endpoint, &err);
    fuzz_told(rc, &err);
    if (rc == RC_OK)
        check_endpoint(&endpoint);
    resolve(&rewrite, lines[0], lines[1], false);
    resolve(&rewrite, lines[0], lines[1], true);
    addresses(lines[4], lines[5]);
    for (unsigned i = 0; i < COUNT_OF(lines); i++)
        free(lines[i]);
    return 0;
}

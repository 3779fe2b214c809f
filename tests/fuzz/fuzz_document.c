/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline file: the YAML, the blocks, and the sinks' keys with their values. Inputs with "file:"
 * are passed over: the path behind it may be anything on this machine.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz_int.h"
#include "sinks/doris/doris_int.h"
#include "sinks/starrocks/starrocks_int.h"

static void count_cb(void *ctx, const char *block UNUSED, const char *key UNUSED,
                     struct slice value, struct slice origin)
{
    *(size_t *)ctx += slice_hash(value) + slice_hash(origin);
}

/* As every caller does: the block's type decides whose keys it has. */
static void bind_sink(struct cfg_document *document)
{
    static union {
        struct doris_config doris;
        struct starrocks_config starrocks;
    } values;
    struct error err;
    const char *type = cfg_block_type(document, "sink");
    error_clear(&err);
    if (type != NULL && strcmp(type, "doris") == 0)
        fuzz_told(cfg_bind(document, &doris_section, &values, &err), &err);
    else if (type != NULL && strcmp(type, "starrocks") == 0)
        fuzz_told(cfg_bind(document, &starrocks_section, &values, &err), &err);
}

static void load(const char *path)
{
    struct cfg_document *document = NULL;
    struct error err;
    error_clear(&err);
    enum rc rc = cfg_load(path, &document, &err);
    fuzz_told(rc, &err);
    if (rc != RC_OK)
        return;
    unsigned route_count = 0;
    const struct cfg_route *routes = cfg_routes(document, &route_count);
    struct route_set *set = NULL;
    if (route_set_new(routes, route_count, ROUTE_ALL_MATCH, &set, &err) == RC_OK) {
        struct route_target targets[ROUTE_TARGETS_MAX];
        unsigned count = 0;
        error_clear(&err);
        rc = route_apply(set, SLICE("app"), SLICE("orders_7"), targets, &count, &err);
        fuzz_told(rc, &err);
        ASSERT(rc != RC_OK || (count > 0 && count <= ROUTE_TARGETS_MAX));
        route_set_free(set);
    }
    bind_sink(document);
    size_t sum = 0;
    cfg_each_value(document, count_cb, &sum);
    cfg_free(document);
}

static bool reads_a_file(struct slice input)
{
    for (size_t i = 0; i + 5 <= input.len; i++)
        if (memcmp(input.ptr + i, "file:", 5) == 0)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    if (reads_a_file(input))
        return 0;
    int fd = memfd_create("pipeline.yaml", MFD_CLOEXEC);
    ASSERT(fd >= 0);
    ASSERT(write(fd, input.ptr, input.len) == (ssize_t)input.len);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    load(path);
    (void)close(fd);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHOW BINARY LOGS works on every server (facts/binlog.md 9.1); MySQL 8.0.14 adds a third column,
 * which is not looked at.
 */
#include "binlog_files_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "dump_error_int.h"

#define ERROR_NO_BINARY_LOGGING 1381

static enum rc add_file(struct binlog_files *files, unsigned *room, const struct slice *fields,
                        struct error *err)
{
    if (fields[0].ptr == NULL || fields[0].len == 0 || fields[0].len >= POSITION_FILE_MAX)
        return error_set(err, RC_PROTOCOL, "SHOW BINARY LOGS names a file of %zu bytes.",
                         fields[0].len);
    if (files->count == *room) {
        unsigned more = *room == 0 ? 64 : 2 * *room;
        struct binlog_file *items = realloc(files->items, more * sizeof(*items));
        if (items == NULL)
            return error_set(err, RC_MEMORY, "No memory for the list of binlog files.");
        files->items = items;
        *room = more;
    }
    struct binlog_file *file = &files->items[files->count++];
    *file = (struct binlog_file){0};
    memcpy(file->name, fields[0].ptr, fields[0].len);
    if (fields[1].ptr == NULL || !text_parse_u64(fields[1], &file->size))
        return error_set(err, RC_PROTOCOL, "SHOW BINARY LOGS gives no size for %s.", file->name);
    return RC_OK;
}

enum rc binlog_files_read(struct myconn *conn, struct binlog_files *out, struct error *err)
{
    *out = (struct binlog_files){0};
    struct myconn_result *result = NULL;
    struct error local = {0};
    enum rc rc = myconn_query(conn, SLICE("SHOW BINARY LOGS"), &result, &local);
    if (rc == RC_PROTOCOL && local.mysql_code == ERROR_NO_BINARY_LOGGING)
        return error_set(err, RC_CONFIG, "The server writes no binlog. Start it with log_bin.");
    if (rc != RC_OK) {
        if (err != NULL)
            *err = local;
        return rc;
    }
    unsigned room = 0;
    const struct slice *fields;
    if (myconn_column_count(result) < 2)
        rc = error_set(err, RC_PROTOCOL, "SHOW BINARY LOGS answers with less than two columns.");
    while (rc == RC_OK && myconn_row(result, &fields))
        rc = add_file(out, &room, fields, err);
    myconn_result_free(result);
    if (rc == RC_OK && out->count == 0)
        rc = error_set(err, RC_CONFIG, "The server has no binlog files. Start it with log_bin.");
    if (rc != RC_OK)
        binlog_files_deinit(out);
    return rc;
}

void binlog_files_deinit(struct binlog_files *files)
{
    free(files->items);
    *files = (struct binlog_files){0};
}

int binlog_files_find(const struct binlog_files *files, const char *name)
{
    for (unsigned i = 0; i < files->count; i++)
        if (strcmp(files->items[i].name, name) == 0)
            return (int)i;
    return -1;
}

static bool file_number(const char *name, uint64_t *number_out)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && text_parse_u64(slice_str(dot + 1), number_out);
}

int binlog_files_compare(const char *a, const char *b)
{
    uint64_t number_a = 0;
    uint64_t number_b = 0;
    if (!file_number(a, &number_a) || !file_number(b, &number_b))
        return strcmp(a, b);
    return number_a < number_b ? -1 : number_a > number_b;
}

enum rc binlog_files_check(const struct binlog_files *files, const char *name, uint64_t offset,
                           struct error *err)
{
    ASSERT(files->count > 0);
    int index = binlog_files_find(files, name);
    const char *first = files->items[0].name;
    const char *last = files->items[files->count - 1].name;
    if (index < 0 && binlog_files_compare(name, first) < 0)
        return error_set(
            err, RC_PURGED,
            "Reading should go on at %s:%llu, but the oldest binlog file that the "
            "server still has is %s: the changes in between are gone. " DUMP_PURGED_REMEDY,
            name, (unsigned long long)offset, first);
    if (index < 0)
        return error_set(err, RC_MISMATCH,
                         "Reading should go on at %s:%llu, but the server's binlog files go from "
                         "%s to %s. It was reset, or it is another server.",
                         name, (unsigned long long)offset, first, last);
    uint64_t size = files->items[index].size;
    if (offset > size)
        return error_set(err, RC_MISMATCH,
                         "Reading should go on at %s:%llu, but that file ends at %llu. The server "
                         "was reset or restored, or lost the end of its binlog in a crash.",
                         name, (unsigned long long)offset, (unsigned long long)size);
    return RC_OK;
}

enum rc binlog_files_search(const struct binlog_files *files, uint64_t seconds,
                            binlog_file_time_fn time, void *ctx, unsigned *index_out,
                            struct error *err)
{
    ASSERT(files->count > 0);
    /* The first file is taken without asking: when it begins too late there is nothing older. */
    unsigned low = 0;
    unsigned high = files->count;
    while (high - low > 1) {
        unsigned middle = low + (high - low) / 2;
        uint64_t begins = 0;
        enum rc rc = time(ctx, files->items[middle].name, &begins, err);
        if (rc != RC_OK)
            return rc;
        if (begins < seconds)
            low = middle;
        else
            high = middle;
    }
    *index_out = low;
    return RC_OK;
}

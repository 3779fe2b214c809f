/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stage of the engine over binlog files, without what surrounds it: what each stage costs is the
 * difference to the one before.
 *
 *   bench_stages decode FILE...     rows are walked over, no value is read
 *   bench_stages json FILE...       each row becomes a CloudEvent in memory
 *   bench_stages doris FILE...      each row becomes a line of a load body for Doris, one row a key
 *   bench_stages starrocks FILE...  the same for StarRocks
 *   bench_stages csv FILE...        as doris, and each full body is rewritten as CSV where its rows allow it
 *
 * Prints one JSON object: rows, bytes written (of load bodies, what would be sent), bytes copied on the way, allocations after the first
 * thousand rows, seconds. A value that cannot go ends it with an error.
 */
#include <stdio.h>
#include <stdlib.h>

#include "binlog/binlog.h"
#include "sinks/dialect/dialect_int.h"
#include "sinks/doris/doris_int.h"
#include "sinks/starrocks/starrocks_int.h"
#include "sinks/stream_load/column_set_int.h"
#include "sinks/stream_load/csv_int.h"
#include "sinks/stream_load/encode_int.h"

enum { WARM_ROWS = 1000, ARENA_BYTES = 64 << 20, FLUSH_BYTES = 16 << 20 };

/* malloc and its kin, counted. */
static unsigned long allocations;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *ptr, size_t size)
{
    allocations++;
    return __libc_realloc(ptr, size);
}

/* A table's way into a body; hangs on table->route. */
struct way {
    struct load_schema schema;
    struct encoder encoder;
    struct body body;
    struct way *next;
};

enum stage { STAGE_DECODE, STAGE_JSON, STAGE_DORIS, STAGE_STARROCKS, STAGE_CSV, STAGE_COUNT };

static const char *const stage_names[STAGE_COUNT] = {"decode", "json", "doris", "starrocks", "csv"};

struct bench {
    enum stage stage;
    struct cloudevent_writer writer;
    struct buf out;
    struct arena arena;
    struct way *ways;
    uint64_t rows;
    uint64_t bytes;
    unsigned long allocations_warm;
};

static bool wants_all(void *ctx UNUSED, struct slice db UNUSED, struct slice table UNUSED)
{
    return true;
}

static enum rc make_way(struct bench *bench, struct table *table, struct error *err)
{
    bool is_doris = bench->stage != STAGE_STARROCKS;
    const struct load_dialect *dialect = is_doris ? &doris_dialect : &starrocks_dialect;
    struct sink_target target = {.db = table->db, .table = table->name};
    struct way *way = arena_alloc(&bench->arena, sizeof(*way));
    uint32_t first;
    if (way == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a table.");
    enum rc rc = dialect_plan(is_doris ? &doris_traits : &starrocks_traits,
                              is_doris ? doris_type : starrocks_type, table, &target, &bench->arena,
                              &way->schema, &first, err);
    if (rc == RC_OK)
        rc = column_set_rank(&way->schema, &bench->arena, err);
    if (rc == RC_OK)
        rc = encoder_init(&way->encoder, &way->schema, dialect->delete_column, LOAD_ZERO_DATES_NULL,
                          &bench->arena, err);
    if (rc != RC_OK)
        return rc;
    body_init(&way->body, (uint64_t)1 << 30);
    table->route = way;
    way->next = bench->ways;
    bench->ways = way;
    return RC_OK;
}

/* What the loader does, and an empty body. */
static void end_body(struct bench *bench, struct way *way)
{
    if (bench->stage == STAGE_CSV && csv_takes_table(&way->schema))
        csv_rewrite(&way->body, &way->schema, doris_dialect.delete_column);
    bench->bytes += way->body.live_bytes;
    body_reset(&way->body);
}

/* As the sink does it: the draft of a change, then its place among the rows of the batch. */
static enum rc add_line(struct bench *bench, const struct change *change, struct error *err)
{
    enum rc rc = change->table->route == NULL ? make_way(bench, change->table, err) : RC_OK;
    if (rc != RC_OK)
        return rc;
    struct way *way = change->table->route;
    struct body_draft draft;
    rc = encoder_draft(&way->encoder, &way->body, &draft, change, err);
    if (rc == RC_OK && draft.count > 0)
        rc = body_draft_keep(&way->body, &draft, !way->schema.keyless, err);
    if (rc == RC_OK && body_memory(&way->body) >= FLUSH_BYTES)
        end_body(bench, way);
    return rc;
}

static enum rc take(struct bench *bench, const struct change *change, struct error *err)
{
    if (!change_is_row(change))
        return RC_OK;
    if (++bench->rows == WARM_ROWS)
        bench->allocations_warm = allocations;
    if (bench->stage == STAGE_DECODE)
        return RC_OK;
    if (bench->stage != STAGE_JSON)
        return add_line(bench, change, err);
    enum rc rc = cloudevent_add(&bench->writer, &bench->out, change, err);
    if (bench->out.len >= FLUSH_BYTES) {
        bench->bytes += bench->out.len;
        buf_reset(&bench->out);
    }
    return rc;
}

static enum rc read_all(struct bench *bench, struct source *source, struct error *err)
{
    struct change change;
    enum rc rc = source->ops->start(source, NULL, err);
    while (rc == RC_OK || rc == RC_AGAIN) {
        rc = source->ops->next(source, &change, 1000, err);
        if (rc == RC_OK)
            rc = take(bench, &change, err);
    }
    for (struct way *way = bench->ways; rc == RC_EOF && way != NULL; way = way->next)
        end_body(bench, way);
    return rc == RC_EOF ? RC_OK : rc;
}

static enum stage stage_of(const char *name)
{
    unsigned stage = 0;
    while (stage < STAGE_COUNT && strcmp(name, stage_names[stage]) != 0)
        stage++;
    return (enum stage)stage;
}

int main(int argc, char **argv)
{
    enum stage stage = argc < 3 ? STAGE_COUNT : stage_of(argv[1]);
    if (stage == STAGE_COUNT) {
        fprintf(stderr, "Usage: bench_stages decode|json|doris|starrocks|csv FILE...\n");
        return 2;
    }
    struct bench bench = {.stage = stage};
    struct source_file_config config = {.files = (const char *const *)(argv + 2),
                                        .file_count = (unsigned)argc - 2,
                                        .verify_checksums = true};
    struct source_options options = {.config = &config, .wants = wants_all, .name = SLICE("bench")};
    struct source *source = NULL;
    struct source_stats stats = {0};
    struct error err;
    error_clear(&err);
    buf_init(&bench.out, (size_t)1 << 30);
    arena_init(&bench.arena, "bench", ARENA_BYTES);
    uint64_t started_us = clock_monotonic_us();
    enum rc rc = cloudevent_writer_init(&bench.writer, SLICE("bench"), &err);
    if (rc == RC_OK)
        rc = binlog_file_source.open(&options, &source, &err);
    if (rc == RC_OK)
        rc = read_all(&bench, source, &err);
    if (rc != RC_OK) {
        fprintf(stderr, "bench_stages: %s\n", err.text);
        return 1;
    }
    source->ops->stats(source, &stats);
    printf("{\"rows\":%llu,\"bytes\":%llu,\"bytes_read\":%llu,\"bytes_copied\":%llu,"
           "\"warm_rows\":%d,\"allocations\":%lu,\"seconds\":%.4f}\n",
           (unsigned long long)bench.rows, (unsigned long long)(bench.bytes + bench.out.len),
           (unsigned long long)stats.bytes_read, (unsigned long long)stats.bytes_copied, WARM_ROWS,
           bench.rows > WARM_ROWS ? allocations - bench.allocations_warm : 0,
           (double)(clock_monotonic_us() - started_us) / 1e6);
    return 0;
}

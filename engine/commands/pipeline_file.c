/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a pipeline file's path to everything that it says, checked and bound.
 */
#include "commands_int.h"

#include "../base/buf.h"

enum { ARENA_LIMIT = 1 << 20 };

static const struct source_ops *find_source(const struct command_parts *parts, const char *type)
{
    for (unsigned i = 0; parts->sources[i] != NULL; i++)
        if (strcmp(parts->sources[i]->name, type) == 0)
            return parts->sources[i];
    return NULL;
}

static const struct sink_ops *find_sink(const struct command_parts *parts, const char *type)
{
    for (unsigned i = 0; parts->sinks[i] != NULL; i++)
        if (strcmp(parts->sinks[i]->name, type) == 0)
            return parts->sinks[i];
    return NULL;
}

static enum rc no_such_type(const char *path, const char *block, const char *type,
                            struct error *err)
{
    if (type == NULL)
        return error_set(err, RC_CONFIG, "%s: the block \"%s:\" has no \"type:\".", path, block);
    return error_set(err, RC_CONFIG,
                     "%s: there is no %s of type \"%s\". \"millrace config\" lists all there are.",
                     path, block, type);
}

/* /etc/millrace/shop.yaml -> "/etc/millrace/" and "shop". */
static struct slice dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? SLICE("./") : slice_of(path, (size_t)(slash - path) + 1);
}

static struct slice stem_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    const char *dot = strrchr(base, '.');
    return dot == NULL || dot == base ? slice_str(base) : slice_of(base, (size_t)(dot - base));
}

/* A name is part of a path and of messages: what could leave the folder is taken out of the path.
 */
static enum rc choose_dir(struct pipeline_file *file, const char *path, struct error *err)
{
    if (file->pipeline.checkpoint_dir != NULL) {
        file->checkpoint_dir = file->pipeline.checkpoint_dir;
        return RC_OK;
    }
    struct buf dir;
    buf_init(&dir, 4096);
    buf_add_slice(&dir, dir_of(path));
    for (const char *p = file->pipeline.name; *p != '\0'; p++)
        buf_add_byte(&dir, *p == '/' || (unsigned char)*p < 0x21 ? '_' : (uint8_t)*p);
    buf_add_str(&dir, ".checkpoint");
    enum rc rc = buf_check(&dir, "the path of the checkpoint", err);
    if (rc == RC_OK) {
        file->checkpoint_dir = arena_cstr(&file->arena, buf_slice(&dir));
        if (file->checkpoint_dir == NULL)
            rc = error_set(err, RC_MEMORY, "There is no memory for the configuration.");
    }
    buf_deinit(&dir);
    return rc;
}

static enum rc bind_blocks(struct pipeline_file *file, const char *path, struct error *err)
{
    file->source_config = arena_alloc(&file->arena, file->source->section->size);
    file->sink_config = arena_alloc(&file->arena, file->sink->section->size);
    if (file->source_config == NULL || file->sink_config == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the configuration.");
    enum rc rc = cfg_bind(file->document, file->source->section, file->source_config, err);
    if (rc == RC_OK)
        rc = cfg_bind(file->document, file->sink->section, file->sink_config, err);
    if (rc == RC_OK)
        rc = pipeline_schema_check(file->sink_config, err);
    if (rc == RC_OK)
        rc = cfg_bind(file->document, &pipeline_section, &file->pipeline, err);
    if (rc == RC_OK)
        rc = pipeline_visibility_check(&file->pipeline, file->sink, err);
    if (rc == RC_OK)
        rc = pipeline_rejected_check(&file->pipeline, file->sink, err);
    if (rc != RC_OK)
        return rc;
    if (file->pipeline.name == NULL) {
        file->pipeline.name = arena_cstr(&file->arena, stem_of(path));
        if (file->pipeline.name == NULL)
            return error_set(err, RC_MEMORY, "There is no memory for the configuration.");
    }
    return choose_dir(file, path, err);
}

static enum rc read_file(const struct command_parts *parts, const char *path,
                         struct pipeline_file *file, struct error *err)
{
    enum rc rc = cfg_load(path, &file->document, err);
    if (rc != RC_OK)
        return rc;
    const char *source_type = cfg_block_type(file->document, "source");
    const char *sink_type = cfg_block_type(file->document, "sink");
    file->source = source_type == NULL ? NULL : find_source(parts, source_type);
    file->sink = sink_type == NULL ? NULL : find_sink(parts, sink_type);
    if (file->source == NULL)
        return no_such_type(path, "source", source_type, err);
    if (file->sink == NULL)
        return no_such_type(path, "sink", sink_type, err);
    rc = bind_blocks(file, path, err);
    if (rc != RC_OK)
        return rc;
    const struct source_tables_config *tables = file->source_config;
    rc = pattern_set_new(tables->tables, tables->tables_exclude, &file->tables, err);
    if (rc != RC_OK)
        return rc;
    unsigned count = 0;
    const struct cfg_route *routes = cfg_routes(file->document, &count);
    return route_set_new(routes, count, (enum route_mode)file->pipeline.route_mode, &file->routes,
                         err);
}

enum rc pipeline_file_open(const struct command_parts *parts, const char *path,
                           struct pipeline_file *file, struct error *err)
{
    memset(file, 0, sizeof(*file));
    arena_init(&file->arena, "pipeline file", ARENA_LIMIT);
    enum rc rc = read_file(parts, path, file, err);
    if (rc != RC_OK)
        pipeline_file_close(file);
    return rc;
}

void pipeline_file_close(struct pipeline_file *file)
{
    route_set_free(file->routes);
    pattern_set_free(file->tables);
    cfg_free(file->document);
    arena_deinit(&file->arena);
    memset(file, 0, sizeof(*file));
}

const char *pipeline_file_letters_dir(const struct pipeline_file *file)
{
    const char *dir = file->pipeline.dead_letter_dir;
    return dir == NULL ? file->checkpoint_dir : dir;
}

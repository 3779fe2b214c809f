/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline file as it is written: YAML events (libyaml) to blocks of keys, each with its place.
 * What a value means is not known here, except that ${NAME} is replaced.
 *
 * Of YAML: maps, lists, and plain, quoted and block texts, in one document. Anchors, aliases and
 * tags are refused, for a copied value would have no place of its own; a key that comes twice is
 * refused, for one of the two would be ignored.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <yaml.h>

#include "../base/text.h"
#include "config_int.h"

enum {
    FILE_BYTES = 1 << 20,
    READ_BYTES = 4096,
    ARENA_BYTES = 32 << 20,
    KEY_BYTES = 512,
    DEPTH_MAX = 8,
    KEYS_MAX = 2000,
    ITEMS_MAX = 10000,
    ROUTES_MAX = 10000
};

static const char *const block_names[CFG_BLOCKS] = {"source", "sink", "route", "transform",
                                                    "pipeline"};

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    struct slice bytes;
    struct cfg_document *document;
    struct error *err;
};

/* ---- errors ---- */

enum rc cfg_error(const struct cfg_document *document, struct cfg_place place, struct error *err,
                  const char *format, ...)
{
    char message[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (place.line == 0)
        return error_set(err, RC_CONFIG, "%s: %s", document->path, message);
    return error_set(err, RC_CONFIG, "%s:%u:%u: %s", document->path, place.line, place.column,
                     message);
}

enum rc cfg_no_memory(const struct cfg_document *document, struct error *err)
{
    return error_set(err, RC_MEMORY, "There is no memory for the pipeline file %s.",
                     document->path);
}

const char *cfg_nearest(const char *wrong, cfg_name_fn names, const void *ctx)
{
    const char *best = NULL;
    size_t len = strlen(wrong);
    unsigned best_distance = (unsigned)(len < 6 ? 2 : len / 3) + 1;
    const char *name;
    for (unsigned i = 0; (name = names(ctx, i)) != NULL; i++) {
        unsigned distance = text_distance(slice_str(wrong), slice_str(name));
        if (distance < best_distance) {
            best_distance = distance;
            best = name;
        }
    }
    return best;
}

static const char *name_of_list(const void *ctx, unsigned index)
{
    const char *const *names = ctx;
    return names[index];
}

static struct cfg_place place_of(yaml_mark_t mark)
{
    return (struct cfg_place){(unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

static struct cfg_place here(const struct reader *reader)
{
    return place_of(reader->event.start_mark);
}

/* libyaml tells bytes that are no text by their offset only. */
static struct cfg_place place_of_offset(struct slice bytes, size_t offset)
{
    struct cfg_place place = {1, 1};
    for (size_t i = 0; i < offset && i < bytes.len; i++) {
        place.column++;
        if (bytes.ptr[i] == '\n')
            place = (struct cfg_place){place.line + 1, 1};
    }
    return place;
}

/* ---- events ---- */

static enum rc yaml_failed(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return cfg_no_memory(reader->document, reader->err);
    struct cfg_place place = place_of(parser->problem_mark);
    if (parser->error == YAML_READER_ERROR)
        place = place_of_offset(reader->bytes, parser->problem_offset);
    return cfg_error(reader->document, place, reader->err, "this is not YAML: %s%s%s.",
                     parser->problem == NULL ? "unknown problem" : parser->problem,
                     parser->context == NULL ? "" : " ",
                     parser->context == NULL ? "" : parser->context);
}

static enum rc refuse(struct reader *reader, const char *message)
{
    return cfg_error(reader->document, here(reader), reader->err, "%s", message);
}

/* The next event, free of what this file may not hold. */
static enum rc advance(struct reader *reader)
{
    yaml_event_delete(&reader->event);
    if (!yaml_parser_parse(&reader->parser, &reader->event)) {
        memset(&reader->event, 0, sizeof(reader->event));
        return yaml_failed(reader);
    }
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    switch (reader->event.type) {
    case YAML_ALIAS_EVENT:
        return refuse(reader, "an alias (*) is not supported here. Write the value out.");
    case YAML_SCALAR_EVENT:
        anchor = reader->event.data.scalar.anchor;
        tag = reader->event.data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = reader->event.data.sequence_start.anchor;
        tag = reader->event.data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = reader->event.data.mapping_start.anchor;
        tag = reader->event.data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor != NULL)
        return refuse(reader, "an anchor (&) is not supported here. Write the value out.");
    if (tag != NULL)
        return refuse(reader, "a tag (!) is not supported here. Write the value alone.");
    return RC_OK;
}

static struct slice scalar(const struct reader *reader)
{
    return slice_of(reader->event.data.scalar.value, reader->event.data.scalar.length);
}

/* "key:" with nothing behind it. */
static bool is_nothing(const struct reader *reader)
{
    return reader->event.type == YAML_SCALAR_EVENT && scalar(reader).len == 0 &&
           reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* Passes over the value that begins at the current event. */
static enum rc skip(struct reader *reader)
{
    unsigned open = 0;
    while (true) {
        yaml_event_type_t type = reader->event.type;
        if (type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT)
            open++;
        else if (type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT)
            open--;
        if (open == 0)
            return RC_OK;
        enum rc rc = advance(reader);
        if (rc != RC_OK)
            return rc;
    }
}

/* ---- entries ---- */

static enum rc expand_scalar(struct reader *reader, const char *key, char **text_out,
                             const char **env_out)
{
    struct cfg_document *document = reader->document;
    struct slice text = scalar(reader);
    if (text.len > 0 && memchr(text.ptr, 0, text.len) != NULL)
        return cfg_error(document, here(reader), reader->err, "key '%s' holds a zero byte.", key);
    const char *env = NULL;
    struct error why;
    error_clear(&why);
    enum rc rc = cfg_expand(&document->arena, text, text_out, &env, &why);
    if (rc == RC_CONFIG)
        return cfg_error(document, here(reader), reader->err, "key '%s' %s", key, why.text);
    if (rc != RC_OK)
        return cfg_no_memory(document, reader->err);
    if (*env_out == NULL)
        *env_out = env;
    return RC_OK;
}

/* Room for one more item; the array doubles. */
static bool grow_items(struct arena *arena, struct cfg_entry *entry)
{
    bool full = (entry->count & (entry->count - 1)) == 0; /* 0 and the powers of two */
    if (!full)
        return true;
    char **items = arena_alloc(arena, (entry->count == 0 ? 1 : entry->count * 2) * sizeof(*items));
    if (items == NULL)
        return false;
    if (entry->count > 0)
        memcpy(items, entry->items, entry->count * sizeof(*items));
    entry->items = items;
    return true;
}

static enum rc read_list(struct reader *reader, struct cfg_entry *entry)
{
    entry->kind = CFG_ENTRY_LIST;
    while (true) {
        enum rc rc = advance(reader);
        if (rc != RC_OK || reader->event.type == YAML_SEQUENCE_END_EVENT)
            return rc;
        if (reader->event.type != YAML_SCALAR_EVENT) {
            entry->kind = CFG_ENTRY_COMPLEX;
            rc = skip(reader);
            if (rc != RC_OK)
                return rc;
            continue;
        }
        if (entry->count == ITEMS_MAX)
            return cfg_error(reader->document, here(reader), reader->err,
                             "key '%s' has more than %d items.", entry->key, ITEMS_MAX);
        if (!grow_items(&reader->document->arena, entry))
            return cfg_no_memory(reader->document, reader->err);
        rc = expand_scalar(reader, entry->key, &entry->items[entry->count], &entry->env);
        if (rc != RC_OK)
            return rc;
        entry->count++;
    }
}

static enum rc read_map(struct reader *reader, struct cfg_block *block, const char *prefix,
                        unsigned depth);

static enum rc read_value(struct reader *reader, struct cfg_block *block, const char *key,
                          struct cfg_place place, unsigned depth)
{
    struct cfg_document *document = reader->document;
    if (reader->event.type == YAML_MAPPING_START_EVENT)
        return read_map(reader, block, key, depth + 1);
    unsigned count = 0;
    for (const struct cfg_entry *entry = block->first; entry != NULL; entry = entry->next) {
        if (strcmp(entry->key, key) == 0)
            return cfg_error(document, place, reader->err,
                             "key '%s' is there twice; the first is in line %u.", key,
                             entry->place.line);
        count++;
    }
    if (count == KEYS_MAX)
        return cfg_error(document, place, reader->err, "there are more than %d keys in a block.",
                         KEYS_MAX);
    struct cfg_entry *entry = arena_alloc(&document->arena, sizeof(*entry));
    if (entry == NULL)
        return cfg_no_memory(document, reader->err);
    entry->key = key;
    entry->place = place;
    *block->tail = entry;
    block->tail = &entry->next;
    if (reader->event.type == YAML_SEQUENCE_START_EVENT)
        return read_list(reader, entry);
    if (is_nothing(reader)) {
        entry->kind = CFG_ENTRY_NONE;
        return RC_OK;
    }
    struct slice text = scalar(reader);
    entry->is_file = text.len >= 5 && memcmp(text.ptr, "file:", 5) == 0;
    entry->is_command = text.len >= 8 && memcmp(text.ptr, "command:", 8) == 0;
    return expand_scalar(reader, key, &entry->text, &entry->env);
}

/* The current event as the name of a key, joined to its prefix with a dot; owned by the arena. */
static enum rc read_key(struct reader *reader, const char *prefix, const char **key_out)
{
    if (reader->event.type != YAML_SCALAR_EVENT)
        return refuse(reader, "a key must be a text.");
    struct slice name = scalar(reader);
    if (name.len == 0 || memchr(name.ptr, 0, name.len) != NULL)
        return refuse(reader, "a key must not be empty.");
    struct buf key;
    buf_init(&key, KEY_BYTES);
    if (prefix != NULL) {
        buf_add_str(&key, prefix);
        buf_add_byte(&key, '.');
    }
    buf_add_slice(&key, name);
    bool too_long = key.rc == RC_LIMIT;
    *key_out = key.rc == RC_OK ? arena_cstr(&reader->document->arena, buf_slice(&key)) : NULL;
    buf_deinit(&key);
    if (too_long)
        return refuse(reader, "a key is too long.");
    return *key_out == NULL ? cfg_no_memory(reader->document, reader->err) : RC_OK;
}

/* The map that begins at the current event, into the block. */
static enum rc read_map(struct reader *reader, struct cfg_block *block, const char *prefix,
                        unsigned depth)
{
    if (depth > DEPTH_MAX)
        return refuse(reader, "maps are nested too deeply here.");
    while (true) {
        enum rc rc = advance(reader);
        if (rc != RC_OK || reader->event.type == YAML_MAPPING_END_EVENT)
            return rc;
        const char *key = NULL;
        struct cfg_place place = here(reader);
        rc = read_key(reader, prefix, &key);
        if (rc == RC_OK)
            rc = advance(reader);
        if (rc == RC_OK)
            rc = read_value(reader, block, key, place, depth);
        if (rc != RC_OK)
            return rc;
    }
}

/* ---- blocks ---- */

static const char *const route_keys[] = {"source-table", "sink-table", "replace-symbol",
                                         "description", NULL};

static enum rc set_route_key(struct reader *reader, const struct cfg_entry *entry,
                             struct cfg_route *route)
{
    const char **fields[] = {&route->source_table, &route->sink_table, &route->replace_symbol,
                             &route->description};
    for (unsigned i = 0; i < COUNT_OF(fields); i++) {
        if (strcmp(entry->key, route_keys[i]) != 0)
            continue;
        if (entry->kind != CFG_ENTRY_TEXT)
            return cfg_error(reader->document, entry->place, reader->err,
                             "key '%s' of a route must be a text.", entry->key);
        *fields[i] = entry->text;
        return RC_OK;
    }
    const char *nearest = cfg_nearest(entry->key, name_of_list, route_keys);
    return cfg_error(reader->document, entry->place, reader->err,
                     "key '%s' is not known in a route. %s%s%s", entry->key,
                     nearest == NULL ? "Known are source-table, sink-table, replace-symbol and "
                                       "description."
                                     : "Did you mean '",
                     nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?");
}

static enum rc read_route(struct reader *reader, struct cfg_route *route)
{
    struct cfg_place place = here(reader);
    if (reader->event.type != YAML_MAPPING_START_EVENT)
        return refuse(reader, "a route must hold keys, at least source-table and sink-table.");
    route->line = place.line;
    struct cfg_block block = {.tail = &block.first};
    enum rc rc = read_map(reader, &block, NULL, 1);
    for (const struct cfg_entry *entry = block.first; entry != NULL && rc == RC_OK;
         entry = entry->next)
        rc = set_route_key(reader, entry, route);
    if (rc != RC_OK)
        return rc;
    if (route->source_table == NULL || route->sink_table == NULL)
        return cfg_error(reader->document, place, reader->err, "this route needs the key '%s'.",
                         route->source_table == NULL ? "source-table" : "sink-table");
    return RC_OK;
}

static bool grow_routes(struct cfg_document *document)
{
    unsigned count = document->route_count;
    if ((count & (count - 1)) != 0)
        return true;
    struct cfg_route *routes =
        arena_alloc(&document->arena, (count == 0 ? 1 : count * 2) * sizeof(*routes));
    if (routes == NULL)
        return false;
    if (count > 0)
        memcpy(routes, document->routes, count * sizeof(*routes));
    document->routes = routes;
    return true;
}

static enum rc read_routes(struct reader *reader)
{
    struct cfg_document *document = reader->document;
    if (is_nothing(reader))
        return RC_OK;
    if (reader->event.type != YAML_SEQUENCE_START_EVENT)
        return refuse(reader, "the block 'route' must be a list of routes.");
    while (true) {
        enum rc rc = advance(reader);
        if (rc != RC_OK || reader->event.type == YAML_SEQUENCE_END_EVENT)
            return rc;
        if (document->route_count == ROUTES_MAX)
            return refuse(reader, "there are too many routes.");
        if (!grow_routes(document))
            return cfg_no_memory(document, reader->err);
        rc = read_route(reader, &document->routes[document->route_count]);
        if (rc != RC_OK)
            return rc;
        document->route_count++;
    }
}

static enum rc read_transform(struct reader *reader, struct cfg_place place)
{
    if (is_nothing(reader))
        return RC_OK;
    yaml_event_type_t type = reader->event.type;
    if (type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT) {
        enum rc rc = advance(reader);
        if (rc != RC_OK || reader->event.type == YAML_SEQUENCE_END_EVENT ||
            reader->event.type == YAML_MAPPING_END_EVENT)
            return rc;
    }
    return cfg_error(reader->document, place, reader->err,
                     "transform is not available yet. Take the block out.");
}

static enum rc read_block(struct reader *reader, enum cfg_block_id id, struct cfg_place place)
{
    struct cfg_block *block = &reader->document->blocks[id];
    if (block->present)
        return cfg_error(reader->document, place, reader->err,
                         "the block '%s' is there twice; the first is in line %u.", block_names[id],
                         block->place.line);
    block->present = true;
    block->place = place;
    if (id == CFG_ROUTE)
        return read_routes(reader);
    if (id == CFG_TRANSFORM)
        return read_transform(reader, place);
    if (is_nothing(reader))
        return RC_OK;
    if (reader->event.type != YAML_MAPPING_START_EVENT)
        return cfg_error(reader->document, place, reader->err, "the block '%s' must hold keys.",
                         block_names[id]);
    return read_map(reader, block, NULL, 1);
}

static enum rc find_block_id(struct reader *reader, const char *key, struct cfg_place place,
                             enum cfg_block_id *id_out)
{
    for (unsigned i = 0; i < CFG_BLOCKS; i++) {
        if (strcmp(key, block_names[i]) == 0) {
            *id_out = (enum cfg_block_id)i;
            return RC_OK;
        }
    }
    static const char *const names[] = {"source", "sink", "route", "transform", "pipeline", NULL};
    const char *nearest = cfg_nearest(key, name_of_list, names);
    return cfg_error(reader->document, place, reader->err,
                     "key '%s' is not known at the top of the file. %s%s%s", key,
                     nearest == NULL ? "Known are source, sink, route, transform and pipeline."
                                     : "Did you mean '",
                     nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?");
}

static enum rc read_top(struct reader *reader)
{
    enum rc rc = advance(reader); /* the start of the stream */
    if (rc == RC_OK)
        rc = advance(reader); /* the start of the document, or the end of all */
    if (rc != RC_OK)
        return rc;
    if (reader->event.type == YAML_STREAM_END_EVENT)
        return cfg_error(reader->document, (struct cfg_place){0, 0}, reader->err,
                         "the file is empty. It needs the blocks 'source' and 'sink'.");
    rc = advance(reader);
    if (rc != RC_OK)
        return rc;
    if (reader->event.type != YAML_MAPPING_START_EVENT)
        return refuse(reader, "the file must hold the blocks 'source:' and 'sink:'.");
    while (true) {
        rc = advance(reader);
        if (rc != RC_OK)
            return rc;
        if (reader->event.type == YAML_MAPPING_END_EVENT)
            break;
        const char *key = NULL;
        enum cfg_block_id id = CFG_SOURCE;
        struct cfg_place place = here(reader);
        rc = read_key(reader, NULL, &key);
        if (rc == RC_OK)
            rc = find_block_id(reader, key, place, &id);
        if (rc == RC_OK)
            rc = advance(reader);
        if (rc == RC_OK)
            rc = read_block(reader, id, place);
        if (rc != RC_OK)
            return rc;
    }
    rc = advance(reader); /* the end of the document */
    if (rc == RC_OK)
        rc = advance(reader);
    if (rc == RC_OK && reader->event.type != YAML_STREAM_END_EVENT)
        rc = refuse(reader, "a second document (---) begins here; a pipeline file holds one.");
    return rc;
}

static enum rc parse(struct cfg_document *document, struct slice bytes, struct error *err)
{
    struct reader reader = {.bytes = bytes, .document = document, .err = err};
    if (!yaml_parser_initialize(&reader.parser))
        return cfg_no_memory(document, err);
    /* libyaml wants a pointer even where there is nothing. */
    yaml_parser_set_input_string(&reader.parser, bytes.len == 0 ? (const uint8_t *)"" : bytes.ptr,
                                 bytes.len);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    enum rc rc = read_top(&reader);
    yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    return rc;
}

/* ---- the file ---- */

static enum rc read_file(const char *path, struct buf *bytes, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_os(err, RC_CONFIG, errno, "The pipeline file %s cannot be opened", path);
    enum rc rc = RC_OK;
    while (rc == RC_OK) {
        uint8_t *to = buf_reserve(bytes, READ_BYTES);
        if (to == NULL)
            break;
        ssize_t got = read(fd, to, READ_BYTES);
        if (got > 0)
            bytes->len += (size_t)got;
        else if (got == 0)
            break;
        else if (errno != EINTR)
            rc = error_set_os(err, RC_CONFIG, errno, "The pipeline file %s cannot be read", path);
    }
    close(fd);
    if (rc == RC_OK && (bytes->rc == RC_LIMIT || bytes->len > FILE_BYTES))
        return error_set(err, RC_CONFIG, "The pipeline file %s is larger than %d bytes.", path,
                         FILE_BYTES);
    return rc == RC_OK ? buf_check(bytes, "the pipeline file", err) : rc;
}

enum rc cfg_load(const char *path, struct cfg_document **document_out, struct error *err)
{
    struct cfg_document *document = calloc(1, sizeof(*document));
    if (document == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the pipeline file %s.", path);
    arena_init(&document->arena, "pipeline file", ARENA_BYTES);
    for (unsigned i = 0; i < CFG_BLOCKS; i++)
        document->blocks[i].tail = &document->blocks[i].first;
    struct buf bytes;
    buf_init(&bytes, FILE_BYTES + READ_BYTES + 1); /* room to see that there is more */
    document->path = arena_cstr(&document->arena, slice_str(path));
    enum rc rc = document->path == NULL
                     ? error_set(err, RC_MEMORY, "There is no memory for the pipeline file.")
                     : read_file(path, &bytes, err);
    if (rc == RC_OK)
        rc = parse(document, buf_slice(&bytes), err);
    if (bytes.ptr != NULL)
        explicit_bzero(bytes.ptr, bytes.cap);
    buf_deinit(&bytes);
    if (rc != RC_OK) {
        cfg_free(document);
        return rc;
    }
    *document_out = document;
    return RC_OK;
}

static void wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
}

void cfg_free(struct cfg_document *document)
{
    if (document == NULL)
        return;
    for (unsigned i = 0; i < CFG_BLOCKS; i++) {
        for (struct cfg_entry *entry = document->blocks[i].first; entry != NULL;
             entry = entry->next) {
            wipe(entry->text);
            secret_origin_close(entry->origin);
            for (unsigned item = 0; item < entry->count; item++)
                wipe(entry->items[item]);
        }
    }
    arena_deinit(&document->arena);
    free(document);
}

const struct cfg_block *cfg_find_block(const struct cfg_document *document, const char *name)
{
    for (unsigned i = 0; i < CFG_BLOCKS; i++)
        if (strcmp(name, block_names[i]) == 0)
            return &document->blocks[i];
    ASSERT(!"a block that the pipeline file can have");
    return NULL;
}

const char *cfg_block_type(const struct cfg_document *document, const char *block)
{
    for (const struct cfg_entry *entry = cfg_find_block(document, block)->first; entry != NULL;
         entry = entry->next)
        if (strcmp(entry->key, "type") == 0)
            return entry->kind == CFG_ENTRY_TEXT ? entry->text : NULL;
    return NULL;
}

const struct cfg_route *cfg_routes(const struct cfg_document *document, unsigned *count_out)
{
    *count_out = document->route_count;
    return document->routes;
}

const char *cfg_path(const struct cfg_document *document)
{
    return document->path;
}

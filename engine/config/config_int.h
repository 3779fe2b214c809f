/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between document.c (what the file says), value.c (what a text means), bind.c (into a struct) and
 * describe.c (for people).
 */
#ifndef MILLRACE_CONFIG_CONFIG_INT_H
#define MILLRACE_CONFIG_CONFIG_INT_H

#include "config.h"

struct cfg_place {
    unsigned line; /* both count from 1; 0: not in the file */
    unsigned column;
};

enum cfg_entry_kind {
    CFG_ENTRY_TEXT = 0,
    CFG_ENTRY_LIST,
    CFG_ENTRY_NONE,   /* "key:" with nothing behind it */
    CFG_ENTRY_COMPLEX /* a list that holds more than texts: only a refused key may be one */
};

/* One key of a block; nested maps are joined with ".". */
struct cfg_entry {
    struct cfg_entry *next; /* in the order of the file */
    const char *key;
    enum cfg_entry_kind kind;
    char *text;   /* CFG_ENTRY_TEXT, with the environment put in */
    char **items; /* CFG_ENTRY_LIST */
    unsigned count;
    struct secret_origin *origin; /* owned; of a secret that comes from a file or a command */
    bool is_file;                 /* the pipeline file itself says "file:", not the environment */
    bool is_command;              /* or "command:" */
    const char *env;              /* the first variable that was put in, or NULL */
    struct cfg_place place;
};

enum cfg_block_id { CFG_SOURCE = 0, CFG_SINK, CFG_ROUTE, CFG_TRANSFORM, CFG_PIPELINE, CFG_BLOCKS };

struct cfg_block {
    bool present;
    struct cfg_place place;
    struct cfg_entry *first;
    struct cfg_entry **tail;
};

/* A value as it stands, for cfg_each_value. */
struct cfg_shown {
    struct cfg_shown *next;
    const char *block;
    const char *key;
    struct slice value;
    struct slice origin;
};

struct cfg_document {
    struct arena arena;
    const char *path;
    struct cfg_block blocks[CFG_BLOCKS];
    struct cfg_route *routes;
    unsigned route_count;
    struct cfg_shown *shown; /* in the order of binding */
};

/* "<file>:<line>:<column>: " in front of the message. */
enum rc cfg_error(const struct cfg_document *document, struct cfg_place place, struct error *err,
                  const char *format, ...) PRINTF_LIKE(4, 5);
enum rc cfg_no_memory(const struct cfg_document *document, struct error *err);
const struct cfg_block *cfg_find_block(const struct cfg_document *document, const char *name);

/* The name that a wrong one is probably meant to be, or NULL; `names` is asked for index 0, 1, ...
 * until it gives NULL. */
typedef const char *(*cfg_name_fn)(const void *ctx, unsigned index);
const char *cfg_nearest(const char *wrong, cfg_name_fn names, const void *ctx);

/* value.c: false when the text is not such a value. */
bool cfg_parse_bool(struct slice text, bool *value_out);
bool cfg_parse_duration(struct slice text, uint64_t *ms_out);
bool cfg_parse_size(struct slice text, uint64_t *bytes_out);
void cfg_add_duration(struct buf *out, uint64_t ms);
void cfg_add_size(struct buf *out, uint64_t bytes);

/* environment.c: ${NAME} replaced in `text`; the copy is owned by the arena. RC_CONFIG without a
 * place, for the caller to wrap. */
enum rc cfg_expand(struct arena *arena, struct slice text, char **text_out, const char **env_out,
                   struct error *err) MUST_CHECK;

#endif

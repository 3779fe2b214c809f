/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline file: Flink CDC's YAML. One table of rows a module is the single truth about its
 * keys: it drives parsing, defaults, limits, help, `millrace config` and docs/configuration.md (a
 * test holds them together).
 *
 * Values: durations "10s", "10 s", "500 ms", "1 min", "1h", "PT30S" (a bare number is
 * milliseconds); sizes "64mb", "10 MiB", "1g" (a bare number is bytes; all units are powers of
 * 1024, as in Flink); ${NAME} takes the environment, "file:/path" in a secret takes a file's
 * content without its last newline, "command:/path WORD..." what a program prints.
 *
 * Errors: RC_CONFIG with "<file>:<line>:<column>: ..." and, for an unknown key, the nearest name.
 */
#ifndef MILLRACE_CONFIG_CONFIG_H
#define MILLRACE_CONFIG_CONFIG_H

#include "../base/arena.h"
#include "../base/buf.h"
#include "../base/secret.h"

/* Strings are C strings because they go to libmariadb, libcurl and open(2). All are owned by the
 * document and live as long as it does. */
struct cfg_list {
    const char *const *items;
    unsigned count;
};

struct cfg_pair {
    const char *key; /* the part behind the prefix */
    const char *value;
};

struct cfg_map {
    const struct cfg_pair *items;
    unsigned count;
};

enum cfg_type {
    CFG_STRING = 0, /* const char *; NULL when not set */
    CFG_SECRET,     /* struct secret */
    CFG_BOOL,       /* bool */
    CFG_INT,        /* int64_t, min..max */
    CFG_SIZE,       /* uint64_t bytes, min..max */
    CFG_DURATION,   /* uint64_t milliseconds, min..max */
    CFG_ENUM,       /* int: index in choices */
    CFG_LIST,       /* struct cfg_list; comma-separated, or a YAML list */
    CFG_MAP,    /* struct cfg_map: every key that begins with this row's key, which ends in "." */
    CFG_REFUSED /* a key of Flink CDC that we do not honour: setting it is an error; help says why
                 */
};

enum cfg_flags {
    CFG_REQUIRED = 1, /* must be set */
    CFG_OURS = 2,     /* not a key of Flink CDC */
    CFG_ACCEPTED = 4  /* read and documented, but without effect here; help says why that is safe */
};

struct cfg_row {
    const char *key;
    enum cfg_type type;
    size_t offset;        /* of the field in the section's struct */
    const char *fallback; /* default, in the file's own syntax; NULL: none */
    int64_t min;          /* numbers; both 0: any */
    int64_t max;
    const char *const *choices; /* CFG_ENUM: NULL-terminated */
    unsigned flags;
    const char *help; /* one or two complete sentences */
};

struct cfg_section {
    const char *block; /* "source", "sink", "pipeline" */
    const char *type;  /* value of `type:`, or NULL where the block has none */
    size_t size;       /* of the struct that the rows fill */
    const struct cfg_row *rows;
    unsigned row_count;
    /* Cross-field rules, after all rows are filled; NULL: none. Say the key in the message. */
    enum rc (*validate)(void *values, struct error *err);
};

struct cfg_document;

/* Reads and parses; the top level may hold source, sink, route, transform, pipeline. */
enum rc cfg_load(const char *path, struct cfg_document **document_out,
                 struct error *err) MUST_CHECK;
void cfg_free(struct cfg_document *document); /* NULL is fine; wipes secrets */

/* The `type:` of a block, or NULL. */
const char *cfg_block_type(const struct cfg_document *document, const char *block);

/* Fills `values` (section->size bytes, zeroed here) from the block: defaults, types, limits,
 * unknown and refused keys, required keys, validate. Remembers where each value came from. */
enum rc cfg_bind(struct cfg_document *document, const struct cfg_section *section, void *values,
                 struct error *err) MUST_CHECK;

/* A key's value as it stands, for `millrace config print`: secrets as "***". */
typedef void (*cfg_print_fn)(void *ctx, const char *block, const char *key, struct slice value,
                             struct slice origin); /* "default", "pipeline.yaml:7:3", "env NAME" */
void cfg_each_value(const struct cfg_document *document, cfg_print_fn print, void *ctx);

/* One entry of the `route:` list, in order. */
struct cfg_route {
    const char *source_table;
    const char *sink_table;
    const char *replace_symbol; /* NULL: none */
    const char *description;    /* NULL: none */
    unsigned line;
};
const struct cfg_route *cfg_routes(const struct cfg_document *document, unsigned *count_out);
const char *cfg_path(const struct cfg_document *document);

/* Reference text of a section as Markdown table rows, for docs/configuration.md; and as plain text.
 */
void cfg_describe(const struct cfg_section *section, bool markdown, struct buf *out);

#endif

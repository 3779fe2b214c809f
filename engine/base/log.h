/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event, one line: readable on a terminal, a JSON object otherwise. A line names its component,
 * says a whole sentence, and carries its figures as fields. Row data never goes into a line at
 * info.
 *
 *   log_info("sink.load", "Loaded a batch.", LOG_SLICE("table", name), LOG_U64("rows", rows));
 *
 * @thread any; a line is written with one system call.
 */
#ifndef MILLRACE_BASE_LOG_H
#define MILLRACE_BASE_LOG_H

#include "error.h"
#include "slice.h"

enum log_level { LOG_DEBUG = 0, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };
enum log_format { LOG_FORMAT_AUTO = 0, LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

enum log_field_kind { LOG_FIELD_U64 = 0, LOG_FIELD_I64, LOG_FIELD_F64, LOG_FIELD_TEXT };

struct log_field {
    const char *name;
    enum log_field_kind kind;
    union {
        uint64_t u64;
        int64_t i64;
        double f64;
        struct slice text;
    } value;
};

#define LOG_U64(name, v) ((struct log_field){name, LOG_FIELD_U64, {.u64 = (uint64_t)(v)}})
#define LOG_I64(name, v) ((struct log_field){name, LOG_FIELD_I64, {.i64 = (int64_t)(v)}})
#define LOG_F64(name, v) ((struct log_field){name, LOG_FIELD_F64, {.f64 = (double)(v)}})
#define LOG_SLICE(name, v) ((struct log_field){name, LOG_FIELD_TEXT, {.text = (v)}})
#define LOG_STR(name, v) LOG_SLICE(name, slice_str(v))

/* Where lines go (2 for standard error), in which form, and from which level on. AUTO is text on a
 * terminal and JSON elsewhere. Call before the first thread starts. */
void log_setup(int fd, enum log_format format, enum log_level level);
/* "info", or "info,binlog=debug,sink=warn": a level for all, then by component prefix. */
enum rc log_set_levels(struct slice spec, struct error *err) MUST_CHECK;
bool log_enabled(enum log_level level, const char *component);
/* True when lines are JSON objects: then nothing else should be written between them. */
bool log_is_json(void);

void log_write(enum log_level level, const char *component, const char *sentence,
               const struct log_field *fields, unsigned field_count);

/* The progress line at the foot of a terminal: replaced by each call, moved out of the way by log
 * lines; NULL takes it away. Does nothing where the log is not a terminal. */
void log_progress(const char *text);

#define LOG_FIELDS_(...)                                                                           \
    (const struct log_field[])                                                                     \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define log_at_(level, component, sentence, ...)                                                   \
    do {                                                                                           \
        if (log_enabled(level, component))                                                         \
            log_write(                                                                             \
                level, component, sentence, LOG_FIELDS_({0}, ##__VA_ARGS__) + 1,                   \
                (unsigned)(sizeof(LOG_FIELDS_({0}, ##__VA_ARGS__)) / sizeof(struct log_field)) -   \
                    1);                                                                            \
    } while (0)

#define log_debug(component, sentence, ...) log_at_(LOG_DEBUG, component, sentence, ##__VA_ARGS__)
#define log_info(component, sentence, ...) log_at_(LOG_INFO, component, sentence, ##__VA_ARGS__)
#define log_warn(component, sentence, ...) log_at_(LOG_WARN, component, sentence, ##__VA_ARGS__)
#define log_error(component, sentence, ...) log_at_(LOG_ERROR, component, sentence, ##__VA_ARGS__)

#endif

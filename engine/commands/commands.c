/* SPDX-License-Identifier: Apache-2.0 */
#include "commands_int.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/text.h"

static const struct command *const commands[] = {
    &command_run,    &command_check,           &command_snapshot,
    &command_replay, &command_compare,         &command_status,
    &command_decode, &command_checkpoint_show, &command_checkpoint_verify,
    &command_config, &command_config_print,    &command_version,
};

static const struct command_option global_options[] = {
    {"log", "LEVELS",
     "How much is logged: debug, info (default), warn or error; a component may have its own "
     "level, "
     "as in info,binlog=debug."},
    {"log-format", "FORMAT", "text, json, or auto (default): text on a terminal, JSON elsewhere."},
    {"help", NULL, "Print this help, or that of a command."},
};

static const struct {
    enum exit_code code;
    const char *text;
} exit_codes[] = {
    {EXIT_CODE_OK, "Done, or stopped by SIGTERM or SIGINT with the epoch in hand finished."},
    {EXIT_CODE_INTERNAL, "A defect of Millrace, or this machine ran out of something."},
    {EXIT_CODE_USAGE, "The command line or the pipeline file is wrong."},
    {EXIT_CODE_SOURCE, "The source refuses, or cannot give what is needed."},
    {EXIT_CODE_SINK, "The sink refuses."},
    {EXIT_CODE_CHECKPOINT,
     "The checkpoint is in use, damaged, another pipeline's, or cannot be written."},
    {EXIT_CODE_DATA,
     "Input that is damaged, rows that cannot be carried or that the binlog does not tell, or "
     "rows in which source and target differ (compare)."},
    {EXIT_CODE_STOPPED,
     "Told to stop, and the epoch could not be finished in time. Nothing is lost."},
};

const char *command_value(const struct command_line *line, const char *name)
{
    for (unsigned i = 0; i < COMMAND_OPTIONS_MAX && line->command->options[i].name != NULL; i++)
        if (strcmp(line->command->options[i].name, name) == 0)
            return line->values[i];
    ASSERT(!"a command asks for an option that it does not have");
    return NULL;
}

enum exit_code command_fail(const struct error *err, enum exit_code code)
{
    log_progress(NULL);
    fprintf(stderr, "millrace: %s\n", err->text);
    return code;
}

enum exit_code command_exit_code(const struct error *err)
{
    switch (err->rc) {
    case RC_USAGE:
    case RC_CONFIG:
        return EXIT_CODE_USAGE;
    case RC_CORRUPT:
    case RC_REJECTED:
    case RC_UNSUPPORTED:
        return EXIT_CODE_DATA;
    case RC_CANCELLED:
        return EXIT_CODE_STOPPED;
    default:
        return EXIT_CODE_INTERNAL;
    }
}

enum rc command_flush(struct buf *out, struct error *err)
{
    size_t done = 0;
    while (done < out->len) {
        ssize_t wrote = write(STDOUT_FILENO, out->ptr + done, out->len - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0 && errno == EPIPE)
            return RC_EOF;
        if (wrote < 0)
            return error_set_os(err, RC_IO, errno, "Standard output cannot be written");
        done += (size_t)wrote;
    }
    buf_reset(out);
    return RC_OK;
}

enum exit_code command_finish(struct buf *out)
{
    struct error err;
    error_clear(&err);
    enum rc rc = command_flush(out, &err);
    return rc == RC_OK || rc == RC_EOF ? EXIT_CODE_OK : command_fail(&err, EXIT_CODE_INTERNAL);
}

static void print_option(const struct command_option *option)
{
    char left[64];
    snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value != NULL ? " " : "",
             option->value != NULL ? option->value : "");
    printf("  %-28s %s\n", left, option->help);
}

static void print_help(void)
{
    printf(
        "Millrace carries every change of MySQL and MariaDB tables to Apache Doris and StarRocks, "
        "exactly once.\n\nUsage: millrace [OPTIONS] COMMAND [ARGUMENTS]\n\nCommands:\n");
    for (unsigned i = 0; i < COUNT_OF(commands); i++) {
        char left[64];
        snprintf(left, sizeof(left), "%s %s", commands[i]->name, commands[i]->arguments);
        printf("  %-36s %s\n", left, commands[i]->summary);
    }
    printf("\nOptions:\n");
    for (unsigned i = 0; i < COUNT_OF(global_options); i++)
        print_option(&global_options[i]);
    printf("\nExit codes:\n");
    for (unsigned i = 0; i < COUNT_OF(exit_codes); i++)
        printf("  %d  %s\n", exit_codes[i].code, exit_codes[i].text);
}

static void print_command_help(const struct command *command)
{
    printf("%s\n\nUsage: millrace %s%s %s\n", command->summary, command->name,
           command->options[0].name != NULL ? " [OPTIONS]" : "", command->arguments);
    if (command->options[0].name != NULL)
        printf("\nOptions:\n");
    for (unsigned i = 0; i < COMMAND_OPTIONS_MAX && command->options[i].name != NULL; i++)
        print_option(&command->options[i]);
}

static enum exit_code usage_error(const char *format, const char *what, const char *hint)
{
    fprintf(stderr, "millrace: ");
    fprintf(stderr, format, what);
    fprintf(stderr, " %s\n", hint);
    return EXIT_CODE_USAGE;
}

/* Matches "--name", "--name value" and "--name=value" at argv[*index]; moves *index past a value.
 */
static bool take_option(const struct command_option *option, int argc, char **argv, int *index,
                        const char **value_out, bool *missing_out)
{
    const char *text = argv[*index] + 2;
    size_t len = strlen(option->name);
    if (strncmp(text, option->name, len) != 0 || (text[len] != '\0' && text[len] != '='))
        return false;
    *missing_out = false;
    if (option->value == NULL) {
        *missing_out = text[len] == '=';
        *value_out = "";
    } else if (text[len] == '=') {
        *value_out = text + len + 1;
    } else if (*index + 1 < argc) {
        *value_out = argv[++*index];
    } else {
        *missing_out = true;
    }
    return true;
}

static enum exit_code apply_global(unsigned option, const char *value)
{
    struct error err;
    error_clear(&err);
    if (option == 0) {
        enum rc rc = log_set_levels(slice_str(value), &err);
        return rc == RC_OK ? EXIT_CODE_OK : command_fail(&err, EXIT_CODE_USAGE);
    }
    static const char *const formats[] = {"auto", "text", "json"};
    for (unsigned i = 0; i < COUNT_OF(formats); i++)
        if (strcmp(value, formats[i]) == 0) {
            log_setup(STDERR_FILENO, (enum log_format)i, LOG_INFO);
            return EXIT_CODE_OK;
        }
    return usage_error("There is no log format \"%s\".", value, "Use auto, text or json.");
}

struct parse {
    bool help;
    const char *log_levels;
    const char *log_format;
};

/* Global options may stand anywhere before or behind the command. */
static bool take_global(struct parse *parse, int argc, char **argv, int *index, bool *missing_out)
{
    for (unsigned i = 0; i < COUNT_OF(global_options); i++) {
        const char *value = NULL;
        if (!take_option(&global_options[i], argc, argv, index, &value, missing_out))
            continue;
        if (i == 0)
            parse->log_levels = value;
        else if (i == 1)
            parse->log_format = value;
        else
            parse->help = true;
        return true;
    }
    return false;
}

/* "checkpoint show" is two words of the command line. Returns how many words were used, or 0. */
static int find_command(int argc, char **argv, int at, const struct command **command_out)
{
    for (int words = 2; words >= 1; words--) {
        if (at + words > argc)
            continue;
        char name[64];
        snprintf(name, sizeof(name), words == 2 ? "%s %s" : "%s", argv[at],
                 words == 2 ? argv[at + 1] : "");
        for (unsigned i = 0; i < COUNT_OF(commands); i++)
            if (strcmp(commands[i]->name, name) == 0) {
                *command_out = commands[i];
                return words;
            }
    }
    return 0;
}

static enum exit_code unknown_command(const char *word)
{
    const char *nearest = NULL;
    unsigned best = 4;
    for (unsigned i = 0; i < COUNT_OF(commands); i++) {
        unsigned distance = text_distance(slice_str(word), slice_str(commands[i]->name));
        if (distance < best) {
            best = distance;
            nearest = commands[i]->name;
        }
    }
    /* The first word of a two-word command alone. */
    for (unsigned i = 0; nearest == NULL && i < COUNT_OF(commands); i++)
        if (strncmp(commands[i]->name, word, strlen(word)) == 0)
            nearest = commands[i]->name;
    char hint[128];
    if (nearest != NULL)
        snprintf(hint, sizeof(hint), "Did you mean \"%s\"?", nearest);
    else
        snprintf(hint, sizeof(hint), "\"millrace --help\" lists the commands.");
    return usage_error("There is no command \"%s\".", word, hint);
}

/* What may have been meant by an option that the command does not have. */
static enum exit_code unknown_option(const struct command *command, const char *word)
{
    const struct command_option *nearest = NULL;
    unsigned best = 4;
    const char *equals = strchr(word, '=');
    struct slice name =
        equals == NULL ? slice_str(word + 2) : slice_of(word + 2, (size_t)(equals - word) - 2);
    for (unsigned i = 0; i < COMMAND_OPTIONS_MAX && command->options[i].name != NULL; i++) {
        unsigned distance = text_distance(name, slice_str(command->options[i].name));
        if (distance < best) {
            best = distance;
            nearest = &command->options[i];
        }
    }
    char hint[128];
    if (nearest != NULL)
        snprintf(hint, sizeof(hint), "Did you mean \"--%s\"?", nearest->name);
    else
        snprintf(hint, sizeof(hint), "\"millrace COMMAND --help\" lists the options.");
    return usage_error("There is no option \"%s\" here.", word, hint);
}

static bool take_own(struct command_line *line, int argc, char **argv, int *index,
                     bool *missing_out)
{
    const struct command *command = line->command;
    for (unsigned i = 0; i < COMMAND_OPTIONS_MAX && command->options[i].name != NULL; i++)
        if (take_option(&command->options[i], argc, argv, index, &line->values[i], missing_out))
            return true;
    return false;
}

/* Sorts argv into options and arguments; the arguments are moved to the front of argv. */
static enum exit_code parse_line(struct parse *parse, struct command_line *line, int argc,
                                 char **argv)
{
    int kept = 0;
    bool only_args = false;
    for (int i = 0; i < argc; i++) {
        bool missing = false;
        if (only_args || strncmp(argv[i], "--", 2) != 0) {
            if (!only_args && argv[i][0] == '-' && argv[i][1] != '\0')
                return usage_error("There is no option \"%s\".", argv[i],
                                   "Options begin with two dashes.");
            argv[kept++] = argv[i];
            continue;
        }
        if (argv[i][2] == '\0') {
            only_args = true;
            continue;
        }
        const char *word = argv[i];
        if (!take_own(line, argc, argv, &i, &missing) &&
            !take_global(parse, argc, argv, &i, &missing))
            return unknown_option(line->command, word);
        if (missing)
            return usage_error("The option \"%s\" is not complete.", word,
                               "\"millrace COMMAND --help\" says what it takes.");
    }
    line->args = (const char *const *)argv;
    line->arg_count = (unsigned)kept;
    return EXIT_CODE_OK;
}

static enum exit_code run_command(const struct command_parts *parts, struct parse *parse,
                                  struct command_line *line)
{
    const struct command *command = line->command;
    if (parse->help) {
        print_command_help(command);
        return EXIT_CODE_OK;
    }
    enum exit_code code = EXIT_CODE_OK;
    if (parse->log_format != NULL)
        code = apply_global(1, parse->log_format);
    if (code == EXIT_CODE_OK && parse->log_levels != NULL)
        code = apply_global(0, parse->log_levels);
    if (code != EXIT_CODE_OK)
        return code;
    if (line->arg_count < command->args_min || line->arg_count > command->args_max) {
        char hint[160];
        snprintf(hint, sizeof(hint), "Usage: millrace %s %s", command->name, command->arguments);
        return usage_error("\"millrace %s\" has the wrong number of arguments.", command->name,
                           hint);
    }
    return command->run(parts, line);
}

/* A picture of the memory would hold the passwords, also where the libraries keep their copies, and
 * rows. So none is made and nobody of the same user may look in, unless a developer asks for it. */
static void forbid_core_dumps(void)
{
    const char *wanted = getenv("MILLRACE_CORE_DUMPS");
    if (wanted != NULL && strcmp(wanted, "allow") == 0)
        return;
    struct rlimit none = {0, 0};
    bool done = setrlimit(RLIMIT_CORE, &none) == 0;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || !done)
        log_warn("commands", "Core dumps cannot be turned off; one may hold passwords.",
                 LOG_I64("errno", errno));
}

/* Load bodies are large and live for seconds. Once one of them was freed, glibc would take the next
 * out of its heap, where they leave holes that stay: half as much memory again was seen. With a
 * threshold that is set it does not move, and such blocks go back to the kernel whole. */
static void keep_large_blocks_off_the_heap(void)
{
    enum { THRESHOLD_BYTES = 128 << 10 }; /* glibc's own at the start */
    (void)mallopt(M_MMAP_THRESHOLD, THRESHOLD_BYTES);
}

int commands_main(const struct command_parts *parts, int argc, char **argv)
{
    keep_large_blocks_off_the_heap();
    signal(SIGPIPE, SIG_IGN);
    log_setup(STDERR_FILENO, LOG_FORMAT_AUTO, LOG_INFO);
    forbid_core_dumps();
    struct parse parse = {0};
    int at = 1;
    while (at < argc && strncmp(argv[at], "--", 2) == 0) {
        bool missing = false;
        const char *word = argv[at];
        if (strcmp(word, "--version") == 0)
            return command_version.run(parts, NULL);
        if (!take_global(&parse, argc, argv, &at, &missing) || missing)
            return usage_error("There is no option \"%s\" before a command, or it is not complete.",
                               word, "\"millrace --help\" lists the options.");
        at++;
    }
    if (at >= argc || strcmp(argv[at], "help") == 0) {
        print_help();
        return at < argc || parse.help ? EXIT_CODE_OK : EXIT_CODE_USAGE;
    }
    struct command_line line = {0};
    int words = find_command(argc, argv, at, &line.command);
    if (words == 0)
        return unknown_command(argv[at]);
    enum exit_code code = parse_line(&parse, &line, argc - at - words, argv + at + words);
    if (code == EXIT_CODE_OK)
        code = run_command(parts, &parse, &line);
    return (int)code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace checkpoint show|verify`: what the checkpoint holds, in words and as JSON. Both only
 * read, and work while an engine runs.
 */
#include "commands_int.h"

#include <sys/stat.h>

#include "../base/clock.h"
#include "../model/json.h"

enum { TEXT_MAX = 64 << 20 };

/* The argument is a pipeline file, or the checkpoint's own directory. */
struct place {
    struct pipeline_file file;
    struct slice dir;
    struct slice pipeline; /* empty: not known, not compared */
};

static enum rc find_place(const struct command_parts *parts, const char *path, struct place *place,
                          struct error *err)
{
    *place = (struct place){0};
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        place->dir = slice_str(path);
        return RC_OK;
    }
    enum rc rc = pipeline_file_open(parts, path, &place->file, err);
    if (rc != RC_OK)
        return rc;
    place->dir = slice_str(place->file.checkpoint_dir);
    place->pipeline = slice_str(place->file.pipeline.name);
    return RC_OK;
}

static void leave_place(struct place *place)
{
    if (place->file.document != NULL)
        pipeline_file_close(&place->file);
}

static void add_time(struct buf *out, uint64_t wall_us)
{
    if (wall_us == 0)
        buf_add_str(out, "never");
    else
        clock_add_rfc3339(out, wall_us);
}

static void add_line_position(struct buf *out, const char *name, const struct position *position)
{
    buf_addf(out, "%s", name);
    position_describe(position, out);
    buf_add_byte(out, '\n');
}

static void show_intent(const struct store_intent *intent, struct buf *out)
{
    buf_addf(out, "unfinished   epoch %llu, attempt %u, begun ", (unsigned long long)intent->epoch,
             intent->attempt);
    add_time(out, intent->started_wall_us);
    buf_add_byte(out, '\n');
    add_line_position(out, "  from       ", &intent->from);
    add_line_position(out, "  to         ", &intent->to);
    for (uint32_t i = 0; i < intent->count; i++) {
        const struct manifest_entry *entry = &intent->entries[i];
        buf_addf(out, "  load       %.*s.%.*s: %llu rows, %llu bytes, label %.*s, %s\n",
                 SLICE_ARG(entry->db), SLICE_ARG(entry->table), (unsigned long long)entry->rows,
                 (unsigned long long)entry->bytes, SLICE_ARG(entry->token),
                 intent->done[i]           ? "done"
                 : entry->transaction != 0 ? "prepared, to be committed"
                                           : "not known to be done");
    }
}

static void show_text(const struct store_state *state, struct buf *out)
{
    buf_addf(out, "pipeline id  %s\nsource       %s\ncreated      ", state->pipeline_id,
             state->server[0] != '\0' ? state->server : "not known yet");
    add_time(out, state->created_wall_us);
    buf_add_str(out, "\nupdated      ");
    add_time(out, state->updated_wall_us);
    buf_addf(out, "\nepochs       %llu finished, %llu rows, %llu bytes\n",
             (unsigned long long)state->epoch, (unsigned long long)state->rows,
             (unsigned long long)state->bytes);
    add_line_position(out, "position     ", &state->position);
    if (state->intent == NULL)
        buf_add_str(out, "unfinished   nothing\n");
    for (const struct store_intent *intent = state->intent; intent != NULL; intent = intent->next)
        show_intent(intent, out);
}

static void json_text(struct buf *out, const char *name, struct slice value)
{
    buf_addf(out, ",\"%s\":", name);
    json_add_string(out, value);
}

static void json_u64(struct buf *out, const char *name, uint64_t value)
{
    buf_addf(out, ",\"%s\":%llu", name, (unsigned long long)value);
}

static void json_time(struct buf *out, const char *name, uint64_t wall_us)
{
    buf_addf(out, ",\"%s\":", name);
    if (wall_us == 0) {
        buf_add_str(out, "null");
        return;
    }
    buf_add_byte(out, '"');
    clock_add_rfc3339(out, wall_us);
    buf_add_byte(out, '"');
}

/* null while it is not known: before a first start has learned where its stream begins. */
static void json_position(struct buf *out, const char *name, const struct position *position)
{
    if (position_is_empty(position)) {
        buf_addf(out, ",\"%s\":null", name);
        return;
    }
    buf_addf(out, ",\"%s\":{\"offset\":%llu", name, (unsigned long long)position->offset);
    json_text(out, "file", slice_str(position->file));
    json_text(out, "gtid_set", buf_slice(&position->gtid_set));
    json_text(out, "server", slice_str(position->server));
    json_u64(out, "rows_done", position->rows_done);
    json_u64(out, "targets_done", position->targets_done);
    json_time(out, "commit_time", position->commit_time_us);
    buf_add_byte(out, '}');
}

static void json_intent(const struct store_intent *intent, struct buf *out)
{
    buf_addf(out, "{\"epoch\":%llu", (unsigned long long)intent->epoch);
    json_u64(out, "attempt", intent->attempt);
    json_time(out, "begun", intent->started_wall_us);
    json_position(out, "from", &intent->from);
    json_position(out, "to", &intent->to);
    buf_add_str(out, ",\"loads\":[");
    for (uint32_t i = 0; i < intent->count; i++) {
        const struct manifest_entry *entry = &intent->entries[i];
        buf_addf(out, "%s{\"done\":%s", i > 0 ? "," : "", intent->done[i] ? "true" : "false");
        json_text(out, "db", entry->db);
        json_text(out, "table", entry->table);
        json_text(out, "label", entry->token);
        json_u64(out, "rows", entry->rows);
        json_u64(out, "bytes", entry->bytes);
        if (entry->two_phase)
            json_u64(out, "transaction", entry->transaction);
        buf_add_byte(out, '}');
    }
    buf_add_str(out, "]}");
}

static void show_json(const struct store_state *state, struct buf *out)
{
    buf_addf(out, "{\"epoch\":%llu", (unsigned long long)state->epoch);
    json_text(out, "pipeline_id", slice_str(state->pipeline_id));
    json_text(out, "source", slice_str(state->server));
    json_time(out, "created", state->created_wall_us);
    json_time(out, "updated", state->updated_wall_us);
    json_u64(out, "rows", state->rows);
    json_u64(out, "bytes", state->bytes);
    json_position(out, "position", &state->position);
    buf_add_str(out, ",\"unfinished\":");
    if (state->intent == NULL)
        buf_add_str(out, "null");
    else
        json_intent(state->intent, out);
    buf_add_str(out, ",\"unfinished_behind\":[");
    for (const struct store_intent *intent = state->intent == NULL ? NULL : state->intent->next;
         intent != NULL; intent = intent->next) {
        json_intent(intent, out);
        if (intent->next != NULL)
            buf_add_byte(out, ',');
    }
    buf_add_byte(out, ']');
}

static enum exit_code show(const struct command_parts *parts, const struct place *place, bool json)
{
    struct store_options options = {
        .dir = place->dir, .pipeline = place->pipeline, .read_only = true};
    struct error err;
    error_clear(&err);
    struct store *store;
    if (parts->store->open(&options, &store, &err) != RC_OK)
        return command_fail(&err, EXIT_CODE_CHECKPOINT);
    struct buf out;
    buf_init(&out, TEXT_MAX);
    if (json)
        show_json(parts->store->state(store), &out);
    else
        show_text(parts->store->state(store), &out);
    enum rc rc = command_tables(parts, store, json, &out, &err);
    if (json)
        buf_add_str(&out, "}\n");
    if (rc == RC_OK)
        rc = buf_check(&out, "the description of the checkpoint", &err);
    enum exit_code code =
        rc == RC_OK ? command_finish(&out) : command_fail(&err, EXIT_CODE_INTERNAL);
    buf_deinit(&out);
    parts->store->close(store);
    return code;
}

static enum exit_code run_show(const struct command_parts *parts, const struct command_line *line)
{
    struct error err;
    error_clear(&err);
    struct place place;
    enum rc rc = find_place(parts, line->args[0], &place, &err);
    if (rc != RC_OK)
        return command_fail(&err, command_exit_code(&err));
    enum exit_code code = show(parts, &place, command_value(line, "json") != NULL);
    leave_place(&place);
    return code;
}

const struct command command_checkpoint_show = {
    .name = "checkpoint show",
    .arguments = "PIPELINE.yaml|DIRECTORY",
    .summary = "Say what the checkpoint holds: position, and an unfinished epoch with its labels.",
    .args_min = 1,
    .args_max = 1,
    .options = {{"json", NULL, "As one JSON object."}},
    .run = run_show,
};

struct lines {
    struct buf out;
    bool json;
    unsigned count;
};

static void add_report_line(void *ctx, enum report_verdict verdict, struct slice what,
                            struct slice remedy)
{
    static const char *const words[] = {
        [REPORT_OK] = "ok", [REPORT_WARN] = "warn", [REPORT_FAIL] = "fail"};
    struct lines *lines = ctx;
    if (!lines->json) {
        buf_addf(&lines->out, "%-4s  %.*s\n", words[verdict], SLICE_ARG(what));
        if (remedy.len > 0)
            buf_addf(&lines->out, "      %.*s\n", SLICE_ARG(remedy));
        return;
    }
    buf_addf(&lines->out, "%s{\"verdict\":\"%s\"", lines->count++ > 0 ? "," : "", words[verdict]);
    json_text(&lines->out, "text", what);
    json_text(&lines->out, "remedy", remedy);
    buf_add_byte(&lines->out, '}');
}

static enum exit_code run_verify(const struct command_parts *parts, const struct command_line *line)
{
    struct error err;
    error_clear(&err);
    struct place place;
    enum rc rc = find_place(parts, line->args[0], &place, &err);
    if (rc != RC_OK)
        return command_fail(&err, command_exit_code(&err));
    struct lines lines = {.json = command_value(line, "json") != NULL};
    buf_init(&lines.out, TEXT_MAX);
    struct report report = {.line = add_report_line, .ctx = &lines};
    if (lines.json)
        buf_add_str(&lines.out, "{\"findings\":[");
    rc = parts->store->verify(place.dir, &report, &err);
    if (lines.json)
        buf_addf(&lines.out, "],\"whole\":%s}\n", rc == RC_OK ? "true" : "false");
    enum exit_code code = command_finish(&lines.out);
    buf_deinit(&lines.out);
    leave_place(&place);
    return rc == RC_OK ? code : command_fail(&err, EXIT_CODE_CHECKPOINT);
}

const struct command command_checkpoint_verify = {
    .name = "checkpoint verify",
    .arguments = "PIPELINE.yaml|DIRECTORY",
    .summary = "Read every record of the checkpoint and say whether it is whole.",
    .args_min = 1,
    .args_max = 1,
    .options = {{"json", NULL, "As one JSON object."}},
    .run = run_verify,
};

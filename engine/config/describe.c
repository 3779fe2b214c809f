/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module's keys for people: docs/configuration.md and `millrace config` are made from the same
 * rows that parse the file, so they cannot say something else.
 */
#include "config_int.h"

enum { HELP_COLUMNS = 80, HELP_INDENT = 6 };

static void add_number(struct buf *out, const struct cfg_row *row, int64_t value)
{
    if (row->type == CFG_SIZE)
        cfg_add_size(out, (uint64_t)value);
    else if (row->type == CFG_DURATION)
        cfg_add_duration(out, (uint64_t)value);
    else
        buf_add_i64(out, value);
}

static void add_limits(struct buf *out, const struct cfg_row *row)
{
    if (row->min == 0 && row->max == 0)
        return;
    buf_add_str(out, row->max == INT64_MAX ? ", at least " : ", ");
    add_number(out, row, row->min);
    if (row->max == INT64_MAX)
        return;
    buf_add_str(out, " to ");
    add_number(out, row, row->max);
}

static void add_type(struct buf *out, const struct cfg_row *row)
{
    static const char *const names[] = {
        [CFG_STRING] = "text",          [CFG_SECRET] = "secret", [CFG_BOOL] = "true or false",
        [CFG_INT] = "number",           [CFG_SIZE] = "size",     [CFG_DURATION] = "duration",
        [CFG_ENUM] = "one of ",         [CFG_LIST] = "list",     [CFG_MAP] = "texts by name",
        [CFG_REFUSED] = "not available"};
    buf_add_str(out, names[row->type]);
    if (row->type == CFG_INT || row->type == CFG_SIZE || row->type == CFG_DURATION)
        add_limits(out, row);
    for (unsigned i = 0; row->type == CFG_ENUM && row->choices[i] != NULL; i++) {
        buf_add_str(out, i == 0 ? "" : ", ");
        buf_add_str(out, row->choices[i]);
    }
}

/* Where the row stands to Flink CDC and to its value, in a word each. */
static void add_marks(struct buf *out, const struct cfg_row *row, const char *before)
{
    static const struct {
        unsigned flag;
        const char *word;
    } marks[] = {{CFG_REQUIRED, "required"},
                 {CFG_OURS, "not in Flink CDC"},
                 {CFG_ACCEPTED, "without effect"}};
    for (unsigned i = 0; i < COUNT_OF(marks); i++) {
        if ((row->flags & marks[i].flag) == 0)
            continue;
        buf_add_str(out, before);
        buf_add_str(out, marks[i].word);
    }
}

/* A cell of a Markdown table: a bar would end it. */
static void add_cell(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            buf_add_byte(out, '\\');
        buf_add_byte(out, (uint8_t)*text);
    }
}

static void markdown_row(struct buf *out, const struct cfg_row *row)
{
    buf_add_str(out, "| `");
    add_cell(out, row->key);
    buf_add_str(out, row->type == CFG_MAP ? "*` | " : "` | ");
    add_type(out, row);
    add_marks(out, row, "; ");
    buf_add_str(out, " | ");
    if (row->fallback != NULL && row->type != CFG_SECRET) {
        buf_add_byte(out, '`');
        add_cell(out, row->fallback);
        buf_add_byte(out, '`');
    }
    buf_add_str(out, " | ");
    add_cell(out, row->help);
    buf_add_str(out, " |\n");
}

static void add_wrapped(struct buf *out, const char *text)
{
    size_t column = HELP_COLUMNS;
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (column + 1 + len > HELP_COLUMNS) {
            buf_addf(out, "%s%*s", out->len > 0 && out->ptr[out->len - 1] == '\n' ? "" : "\n",
                     HELP_INDENT, "");
            column = HELP_INDENT;
        } else {
            buf_add_byte(out, ' ');
            column++;
        }
        buf_add(out, text, len);
        column += len;
        text += len;
        text += strspn(text, " ");
    }
    buf_add_byte(out, '\n');
}

static void plain_row(struct buf *out, const struct cfg_row *row)
{
    buf_addf(out, "  %s%s  (", row->key, row->type == CFG_MAP ? "*" : "");
    add_type(out, row);
    if (row->fallback != NULL && row->type != CFG_SECRET)
        buf_addf(out, "; default %s", row->fallback);
    add_marks(out, row, "; ");
    buf_add_str(out, ")\n");
    add_wrapped(out, row->help);
}

void cfg_describe(const struct cfg_section *section, bool markdown, struct buf *out)
{
    if (markdown)
        buf_add_str(out, "| Key | Type | Default | Meaning |\n|---|---|---|---|\n");
    for (unsigned i = 0; i < section->row_count; i++) {
        if (markdown)
            markdown_row(out, &section->rows[i]);
        else
            plain_row(out, &section->rows[i]);
    }
}

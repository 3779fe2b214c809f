/* SPDX-License-Identifier: Apache-2.0 */
/* The letters that a file holds; dead_letter.h says what they are for. */
#include "dead_letter.h"

#include <stdlib.h>

#include "../base/clock.h"
#include "../base/text.h"
#include "../model/json.h"
#include "../model/json_read.h"
#include "letter_file_int.h"

#define WAITING_MAX ((size_t)4 << 30)
#define MEMBER_MAX ((size_t)1 << 30)

/* Where a letter lies: in the file, or behind its end in what waits for the next store. */
struct letter {
    struct dead_letter_ref ref;
    uint8_t *text; /* owned: the slices of `ref` lie in it */
    uint64_t offset;
    uint64_t len; /* with the line's end */
};

struct dead_letters {
    struct letter_file file;
    uint64_t rows_max;
    struct letter *letters; /* owned; in the order of the file */
    uint64_t count;
    uint64_t cap;
    struct buf waiting; /* lines for the next store */
    bool broken;        /* a write failed: nobody knows what the file holds */
};

static enum rc no_memory(struct error *err)
{
    return error_set(err, RC_MEMORY, "There is no memory for the list of dead letters.");
}

static void forget_all(struct dead_letters *letters)
{
    for (uint64_t i = 0; i < letters->count; i++)
        free(letters->letters[i].text);
    letters->count = 0;
}

void dead_letters_close(struct dead_letters *letters)
{
    if (letters == NULL)
        return;
    forget_all(letters);
    free(letters->letters);
    buf_deinit(&letters->waiting);
    letter_file_close(&letters->file);
    free(letters);
}

const char *dead_letters_path(const struct dead_letters *letters)
{
    return letters->file.path;
}

uint64_t dead_letters_count(const struct dead_letters *letters)
{
    return letters == NULL ? 0 : letters->count;
}

uint64_t dead_letters_room(const struct dead_letters *letters)
{
    return letters->count >= letters->rows_max ? 0 : letters->rows_max - letters->count;
}

const struct dead_letter_ref *dead_letters_next(const struct dead_letters *letters, struct slice db,
                                                struct slice table, uint64_t *from)
{
    while (*from < letters->count) {
        const struct dead_letter_ref *ref = &letters->letters[(*from)++].ref;
        if (slice_equal(ref->db, db) && slice_equal(ref->table, table))
            return ref;
    }
    return NULL;
}

static bool reserve(struct dead_letters *letters)
{
    if (letters->count < letters->cap)
        return true;
    uint64_t cap = letters->cap == 0 ? 16 : 2 * letters->cap;
    struct letter *list = realloc(letters->letters, cap * sizeof(*list));
    if (list == NULL)
        return false;
    letters->letters = list;
    letters->cap = cap;
    return true;
}

static struct slice copy_part(uint8_t **to, struct slice part)
{
    uint8_t *begin = *to;
    if (part.len > 0)
        memcpy(begin, part.ptr, part.len);
    *to += part.len;
    return slice_of(begin, part.len);
}

/* Puts a letter at the end of the list. */
static enum rc list_add(struct dead_letters *letters, const struct dead_letter_ref *ref,
                        uint64_t offset, uint64_t len, struct error *err)
{
    size_t size = ref->db.len + ref->table.len + ref->key.len + ref->id.len;
    uint8_t *text = malloc(size + 1);
    if (text == NULL || !reserve(letters)) {
        free(text);
        return no_memory(err);
    }
    uint8_t *to = text;
    struct letter *letter = &letters->letters[letters->count++];
    *letter = (struct letter){.text = text, .offset = offset, .len = len};
    letter->ref = (struct dead_letter_ref){.db = copy_part(&to, ref->db),
                                           .table = copy_part(&to, ref->table),
                                           .key = copy_part(&to, ref->key),
                                           .id = copy_part(&to, ref->id),
                                           .epoch = ref->epoch};
    return RC_OK;
}

/* The text of a member that is a string; `out` holds it. */
static bool member_text(struct slice object, const char *name, struct buf *out)
{
    struct slice written;
    return json_member(object, name, &written) && written.ptr != NULL &&
           json_string_text(written, out);
}

static bool hex_digit(uint8_t byte, uint8_t *value)
{
    if (byte >= '0' && byte <= '9')
        *value = (uint8_t)(byte - '0');
    else if (byte >= 'a' && byte <= 'f')
        *value = (uint8_t)(byte - 'a' + 10);
    else
        return false;
    return true;
}

/* The member "key", which a table without a key does not have. */
static bool member_key(struct slice object, struct buf *out)
{
    struct slice hex;
    if (!json_member(object, "key", &hex))
        return false;
    if (hex.ptr == NULL)
        return true;
    if (hex.len < 2 || hex.len % 2 != 0 || hex.ptr[0] != '"')
        return false;
    for (size_t i = 1; i + 1 < hex.len; i += 2) {
        uint8_t high;
        uint8_t low;
        if (!hex_digit(hex.ptr[i], &high) || !hex_digit(hex.ptr[i + 1], &low))
            return false;
        buf_add_byte(out, (uint8_t)(high << 4 | low));
    }
    return true;
}

static bool is_object(struct slice object, const char *name)
{
    struct slice value;
    struct slice none;
    return json_member(object, name, &value) && value.ptr != NULL && json_member(value, "", &none);
}

static bool read_line(struct slice line, struct buf *parts, size_t ends[4], uint64_t *epoch)
{
    struct slice number;
    bool good = member_text(line, "db", parts);
    ends[0] = parts->len;
    good = good && member_text(line, "table", parts);
    ends[1] = parts->len;
    good = good && member_key(line, parts);
    ends[2] = parts->len;
    good = good && member_text(line, "id", parts);
    ends[3] = parts->len;
    return good && is_object(line, "row") && is_object(line, "event") &&
           json_member(line, "epoch", &number) && text_parse_u64(number, epoch);
}

/* Reads a line into the list. */
static enum rc take_line(void *ctx, struct slice line, uint64_t offset, struct error *err)
{
    struct dead_letters *letters = ctx;
    struct buf parts;
    size_t ends[4];
    struct dead_letter_ref ref = {0};
    buf_init(&parts, MEMBER_MAX);
    bool good = read_line(line, &parts, ends, &ref.epoch);
    enum rc rc = buf_check(&parts, "a dead letter", err);
    if (rc == RC_OK && !good)
        rc = error_set(err, RC_CORRUPT,
                       "This is no dead letter. Mend the line, or take it out to give its row up.");
    if (rc == RC_OK) {
        ref.db = slice_of(parts.ptr, ends[0]);
        ref.table = slice_of(parts.ptr + ends[0], ends[1] - ends[0]);
        ref.key = slice_of(parts.ptr + ends[1], ends[2] - ends[1]);
        ref.id = slice_of(parts.ptr + ends[2], ends[3] - ends[2]);
        rc = list_add(letters, &ref, offset, line.len + 1, err);
    }
    buf_deinit(&parts);
    return rc;
}

bool dead_letters_wait(const char *dir)
{
    return letter_file_is_used(dir);
}

enum rc dead_letters_open(const char *dir, uint64_t rows_max, struct dead_letters **letters_out,
                          struct error *err)
{
    struct dead_letters *letters = calloc(1, sizeof(*letters));
    if (letters == NULL)
        return no_memory(err);
    letters->file.dir_fd = letters->file.fd = -1;
    letters->rows_max = rows_max;
    buf_init(&letters->waiting, WAITING_MAX);
    const struct letter_reader reader = {.line = take_line, .ctx = letters};
    enum rc rc = letter_file_open(&letters->file, dir, err);
    if (rc == RC_OK)
        rc = letter_file_read(&letters->file, &reader, err);
    if (rc != RC_OK) {
        dead_letters_close(letters);
        return rc;
    }
    *letters_out = letters;
    return RC_OK;
}

static bool is_known(const struct dead_letters *letters, const struct dead_letter_ref *wanted)
{
    const struct dead_letter_ref *ref;
    uint64_t from = 0;
    while ((ref = dead_letters_next(letters, wanted->db, wanted->table, &from)) != NULL)
        if (slice_equal(ref->key, wanted->key) && slice_equal(ref->id, wanted->id))
            return true;
    return false;
}

static void add_member(struct buf *out, const char *name, struct slice text)
{
    buf_addf(out, ",\"%s\":", name);
    json_add_string(out, text);
}

static void add_line(struct buf *out, const struct dead_letter *letter, struct slice id)
{
    buf_add_str(out, "{\"db\":");
    json_add_string(out, letter->db);
    add_member(out, "table", letter->table);
    if (letter->key.len > 0) {
        buf_add_str(out, ",\"key\":\"");
        buf_add_hex(out, letter->key);
        buf_add_byte(out, '"');
    }
    add_member(out, "id", id);
    buf_addf(out, ",\"epoch\":%llu", (unsigned long long)letter->epoch);
    add_member(out, "label", letter->label);
    buf_add_str(out, ",\"time\":\"");
    clock_add_rfc3339(out, clock_wall_us());
    buf_add_byte(out, '"');
    add_member(out, "reason", letter->reason);
    buf_add_str(out, ",\"columns\":");
    buf_add_slice(out, letter->columns);
    buf_addf(out, ",\"partial\":%s,\"row\":", letter->partial ? "true" : "false");
    buf_add_slice(out, letter->row);
    buf_add_str(out, ",\"event\":");
    buf_add_slice(out, letter->event);
    buf_add_str(out, "}\n");
}

static enum rc too_many(const struct dead_letters *letters, const struct dead_letter *letter,
                        struct error *err)
{
    error_set(err, RC_LIMIT,
              "More rows were refused than may wait in %s, which holds %llu; the next one is of "
              "%.*s.%.*s: %.*s",
              letters->file.path, (unsigned long long)letters->count, SLICE_ARG(letter->db),
              SLICE_ARG(letter->table), SLICE_ARG(letter->reason));
    error_hint(err, "Mend the target, or raise dead-letter.max-rows; the next start tries again.");
    return RC_LIMIT;
}

enum rc dead_letters_add(struct dead_letters *letters, const struct dead_letter *letter,
                         struct error *err)
{
    struct buf id;
    buf_init(&id, MEMBER_MAX);
    if (!member_text(letter->event, "id", &id)) {
        buf_deinit(&id);
        return error_set(err, RC_CORRUPT, "An event has no id.");
    }
    const struct dead_letter_ref ref = {.db = letter->db,
                                        .table = letter->table,
                                        .key = letter->key,
                                        .id = buf_slice(&id),
                                        .epoch = letter->epoch};
    enum rc rc = RC_OK;
    if (!is_known(letters, &ref)) {
        size_t at = letters->waiting.len;
        rc = dead_letters_room(letters) == 0 ? too_many(letters, letter, err) : RC_OK;
        if (rc == RC_OK) {
            add_line(&letters->waiting, letter, ref.id);
            rc = buf_check(&letters->waiting, "the dead letters of a batch", err);
        }
        if (rc == RC_OK)
            rc = list_add(letters, &ref, letters->file.size + at, letters->waiting.len - at, err);
    }
    buf_deinit(&id);
    return rc;
}

/* After a failure the file may hold a part of what was to be written. */
static enum rc check_whole(const struct dead_letters *letters, struct error *err)
{
    if (!letters->broken)
        return RC_OK;
    return error_set(err, RC_IO, "The file of dead letters %s could not be written before.",
                     letters->file.path);
}

enum rc dead_letters_store(struct dead_letters *letters, struct error *err)
{
    enum rc rc = check_whole(letters, err);
    if (rc != RC_OK || letters->waiting.len == 0)
        return rc;
    rc = letter_file_append(&letters->file, buf_slice(&letters->waiting), err);
    letters->broken = rc != RC_OK;
    buf_deinit(&letters->waiting);
    buf_init(&letters->waiting, WAITING_MAX);
    return rc;
}

/* What becomes of a letter when the file is written anew. */
struct rewriting {
    struct slice db; /* whose letters */
    struct slice table;
    struct slice new_db; /* ptr NULL: they go */
    struct slice new_table;
};

/* A line with another value in the place of the one that lies in it. */
static void put_value(struct buf *line, const char *name, struct slice text)
{
    struct slice old;
    struct buf made;
    bool found = json_member(buf_slice(line), name, &old);
    ASSERT(found && old.ptr != NULL); /* it was read from the very line */
    buf_init(&made, line->max);
    buf_add(&made, line->ptr, (size_t)(old.ptr - line->ptr));
    json_add_string(&made, text);
    buf_add(&made, old.ptr + old.len, (size_t)(line->ptr + line->len - (old.ptr + old.len)));
    buf_deinit(line);
    *line = made;
}

static enum rc add_rewritten(struct dead_letters *letters, const struct letter *letter,
                             const struct rewriting *how, struct buf *out, struct error *err)
{
    bool meant = slice_equal(letter->ref.db, how->db) && slice_equal(letter->ref.table, how->table);
    if (meant && how->new_db.ptr == NULL)
        return RC_OK;
    struct buf line;
    buf_init(&line, WAITING_MAX);
    enum rc rc = letter_file_line(&letters->file, letter->offset, letter->len - 1, &line, err);
    if (rc == RC_OK && meant) {
        put_value(&line, "db", how->new_db);
        put_value(&line, "table", how->new_table);
    }
    if (rc == RC_OK)
        rc = buf_check(&line, "a dead letter", err);
    if (rc == RC_OK) {
        buf_add_slice(out, buf_slice(&line));
        buf_add_byte(out, '\n');
        rc = buf_check(out, "the dead letters", err);
    }
    buf_deinit(&line);
    return rc;
}

/* The list once more, from what the file holds now. */
static enum rc list_again(struct dead_letters *letters, struct slice lines, struct error *err)
{
    enum rc rc = RC_OK;
    uint64_t offset = 0;
    forget_all(letters);
    while (rc == RC_OK && lines.len > 0) {
        struct slice line = slice_next_line(&lines);
        rc = take_line(letters, line, offset, err);
        offset += line.len + 1;
    }
    return rc;
}

static enum rc rewrite(struct dead_letters *letters, const struct rewriting *how, struct error *err)
{
    uint64_t from = 0;
    enum rc rc = check_whole(letters, err);
    ASSERT(letters->waiting.len == 0);
    if (rc != RC_OK || dead_letters_next(letters, how->db, how->table, &from) == NULL)
        return rc;
    struct buf lines;
    buf_init(&lines, WAITING_MAX);
    for (uint64_t i = 0; rc == RC_OK && i < letters->count; i++)
        rc = add_rewritten(letters, &letters->letters[i], how, &lines, err);
    if (rc == RC_OK) {
        rc = letter_file_replace(&letters->file, buf_slice(&lines), err);
        letters->broken = rc != RC_OK;
    }
    if (rc == RC_OK)
        rc = list_again(letters, buf_slice(&lines), err);
    buf_deinit(&lines);
    return rc;
}

enum rc dead_letters_forget(struct dead_letters *letters, struct slice db, struct slice table,
                            struct error *err)
{
    return rewrite(letters, &(struct rewriting){.db = db, .table = table}, err);
}

enum rc dead_letters_rename(struct dead_letters *letters, struct slice db, struct slice table,
                            struct slice new_db, struct slice new_table, struct error *err)
{
    return rewrite(
        letters,
        &(struct rewriting){.db = db, .table = table, .new_db = new_db, .new_table = new_table},
        err);
}

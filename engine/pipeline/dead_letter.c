/* SPDX-License-Identifier: Apache-2.0 */
/* The letters that a file holds; dead_letter.h says what they are for. */
#include "dead_letter.h"

#include <stdlib.h>

#include "../model/json.h"
#include "letter_file_int.h"
#include "letter_line_int.h"

#define WAITING_MAX ((size_t)4 << 30)
#define MEMBER_MAX ((size_t)1 << 30)

/* Where a letter lies: in the file, or behind its end in what waits for the next store. */
struct letter {
    struct dead_letter_ref ref;
    uint8_t *text; /* owned: the slices of `ref` lie in it */
    uint64_t offset;
    uint64_t len; /* with the line's end */
    bool asked;   /* to be loaded again, and not tried yet */
    /* What the file says of it when it is written anew next. */
    bool goes;
    bool marked; /* `replay` takes the place of ref.replay */
    uint64_t replay;
    struct slice reason; /* owned; ptr NULL: the one that it has */
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
    for (uint64_t i = 0; i < letters->count; i++) {
        free(letters->letters[i].text);
        free((void *)(uintptr_t)letters->letters[i].reason.ptr);
    }
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
                                           .epoch = ref->epoch,
                                           .replay = ref->replay};
    return RC_OK;
}

/* Reads a line into the list. */
static enum rc take_line(void *ctx, struct slice line, uint64_t offset, struct error *err)
{
    struct dead_letters *letters = ctx;
    struct buf parts;
    struct dead_letter_ref ref = {0};
    buf_init(&parts, MEMBER_MAX);
    bool good = letter_line_read(line, &parts, &ref);
    enum rc rc = buf_check(&parts, "a dead letter", err);
    if (rc == RC_OK && !good)
        rc = error_set(err, RC_CORRUPT,
                       "This is no dead letter. Mend the line, or take it out to give its row up.");
    if (rc == RC_OK)
        rc = list_add(letters, &ref, offset, line.len + 1, err);
    buf_deinit(&parts);
    return rc;
}

bool dead_letters_wait(const char *dir)
{
    return letter_file_is_used(dir);
}

static enum rc open_letters(const char *dir, uint64_t rows_max, bool peek,
                            struct dead_letters **letters_out, struct error *err)
{
    struct dead_letters *letters = calloc(1, sizeof(*letters));
    if (letters == NULL)
        return no_memory(err);
    letters->file.dir_fd = letters->file.fd = -1;
    letters->rows_max = rows_max;
    buf_init(&letters->waiting, WAITING_MAX);
    const struct letter_reader reader = {.line = take_line, .ctx = letters};
    enum rc rc = peek ? letter_file_peek(&letters->file, dir, err)
                      : letter_file_open(&letters->file, dir, err);
    if (rc == RC_OK)
        rc = letter_file_read(&letters->file, &reader, err);
    if (rc != RC_OK) {
        dead_letters_close(letters);
        return rc;
    }
    *letters_out = letters;
    return RC_OK;
}

enum rc dead_letters_open(const char *dir, uint64_t rows_max, struct dead_letters **letters_out,
                          struct error *err)
{
    return open_letters(dir, rows_max, false, letters_out, err);
}

enum rc dead_letters_peek(const char *dir, struct dead_letters **letters_out, struct error *err)
{
    return open_letters(dir, 0, true, letters_out, err);
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
    if (!letter_line_text(letter->event, "id", &id)) {
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
            letter_line_add(&letters->waiting, letter, ref.id);
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

/* A target's new name. */
struct renaming {
    struct slice db;
    struct slice table;
    struct slice new_db;
    struct slice new_table;
};

static bool is_of(const struct letter *letter, struct slice db, struct slice table)
{
    return slice_equal(letter->ref.db, db) && slice_equal(letter->ref.table, table);
}

static void put_text(struct buf *line, const char *name, struct slice text)
{
    struct buf written;
    buf_init(&written, line->max);
    json_add_string(&written, text);
    letter_line_put(line, name, buf_slice(&written));
    buf_deinit(&written);
}

static void put_replay(struct buf *line, uint64_t epoch)
{
    struct buf written;
    buf_init(&written, MEMBER_MAX);
    buf_add_u64(&written, epoch);
    letter_line_put(line, "replay", buf_slice(&written));
    buf_deinit(&written);
}

static enum rc add_rewritten(struct dead_letters *letters, const struct letter *letter,
                             const struct renaming *renaming, struct buf *out, struct error *err)
{
    struct buf line;
    buf_init(&line, WAITING_MAX);
    enum rc rc = letter_file_line(&letters->file, letter->offset, letter->len - 1, &line, err);
    if (rc == RC_OK && renaming != NULL && is_of(letter, renaming->db, renaming->table)) {
        put_text(&line, "db", renaming->new_db);
        put_text(&line, "table", renaming->new_table);
    }
    if (rc == RC_OK && letter->marked && letter->replay != letter->ref.replay)
        put_replay(&line, letter->replay);
    if (rc == RC_OK && letter->reason.ptr != NULL)
        put_text(&line, "reason", letter->reason);
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

/* The list once more, from what the file holds now. Letters that are left keep their order. `asked`: one
 * byte for each of them. */
static enum rc list_again(struct dead_letters *letters, struct slice lines, struct slice asked,
                          struct error *err)
{
    enum rc rc = RC_OK;
    uint64_t offset = 0;
    forget_all(letters);
    while (rc == RC_OK && lines.len > 0) {
        struct slice line = slice_next_line(&lines);
        rc = take_line(letters, line, offset, err);
        offset += line.len + 1;
    }
    ASSERT(rc != RC_OK || letters->count == asked.len);
    for (uint64_t i = 0; rc == RC_OK && i < letters->count; i++)
        letters->letters[i].asked = asked.ptr[i] != 0;
    return rc;
}

/* The file once more, without the letters that go. */
static enum rc rewrite(struct dead_letters *letters, const struct renaming *renaming,
                       struct error *err)
{
    struct buf lines;
    struct buf asked;
    enum rc rc = RC_OK;
    ASSERT(letters->waiting.len == 0);
    buf_init(&lines, WAITING_MAX);
    buf_init(&asked, MEMBER_MAX);
    for (uint64_t i = 0; rc == RC_OK && i < letters->count; i++) {
        const struct letter *letter = &letters->letters[i];
        if (letter->goes)
            continue;
        buf_add_byte(&asked, letter->asked);
        rc = add_rewritten(letters, letter, renaming, &lines, err);
    }
    if (rc == RC_OK)
        rc = buf_check(&asked, "the list of dead letters", err);
    if (rc == RC_OK) {
        rc = letter_file_replace(&letters->file, buf_slice(&lines), err);
        letters->broken = rc != RC_OK;
    }
    if (rc == RC_OK)
        rc = list_again(letters, buf_slice(&lines), buf_slice(&asked), err);
    buf_deinit(&asked);
    buf_deinit(&lines);
    return rc;
}

enum rc dead_letters_forget(struct dead_letters *letters, struct slice db, struct slice table,
                            struct error *err)
{
    enum rc rc = check_whole(letters, err);
    bool any = false;
    for (uint64_t i = 0; i < letters->count; i++) {
        letters->letters[i].goes = is_of(&letters->letters[i], db, table);
        any |= letters->letters[i].goes;
    }
    return rc != RC_OK || !any ? rc : rewrite(letters, NULL, err);
}

enum rc dead_letters_rename(struct dead_letters *letters, struct slice db, struct slice table,
                            struct slice new_db, struct slice new_table, struct error *err)
{
    uint64_t from = 0;
    enum rc rc = check_whole(letters, err);
    const struct renaming renaming = {db, table, new_db, new_table};
    if (rc != RC_OK || dead_letters_next(letters, db, table, &from) == NULL)
        return rc;
    return rewrite(letters, &renaming, err);
}

uint64_t dead_letters_ask(struct dead_letters *letters, dead_letter_wanted_fn wanted, void *ctx)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < letters->count; i++) {
        struct letter *letter = &letters->letters[i];
        letter->asked = wanted(ctx, letter->ref.db, letter->ref.table);
        count += letter->asked;
    }
    return count;
}

bool dead_letters_is_asked(const struct dead_letters *letters, uint64_t index)
{
    ASSERT(index < letters->count);
    return letters->letters[index].asked;
}

const struct dead_letter_ref *dead_letters_at(const struct dead_letters *letters, uint64_t index)
{
    ASSERT(index < letters->count);
    return &letters->letters[index].ref;
}

enum rc dead_letters_line(const struct dead_letters *letters, uint64_t index, struct buf *out,
                          struct error *err)
{
    ASSERT(index < letters->count && letters->waiting.len == 0);
    const struct letter *letter = &letters->letters[index];
    return letter_file_line(&letters->file, letter->offset, letter->len - 1, out, err);
}

void dead_letters_mark(struct dead_letters *letters, uint64_t index, uint64_t epoch)
{
    ASSERT(index < letters->count);
    struct letter *letter = &letters->letters[index];
    letter->asked = false;
    letter->marked = true;
    letter->replay = epoch;
}

enum rc dead_letters_keep(struct dead_letters *letters, uint64_t index, struct slice reason,
                          struct error *err)
{
    dead_letters_mark(letters, index, 0);
    struct letter *letter = &letters->letters[index];
    uint8_t *copy = reason.len == 0 ? NULL : malloc(reason.len);
    if (reason.len > 0 && copy == NULL)
        return no_memory(err);
    if (copy != NULL)
        memcpy(copy, reason.ptr, reason.len);
    free((void *)(uintptr_t)letter->reason.ptr);
    letter->reason = slice_of(copy, reason.len);
    return RC_OK;
}

enum rc dead_letters_apply(struct dead_letters *letters, struct error *err)
{
    enum rc rc = check_whole(letters, err);
    bool any = false;
    for (uint64_t i = 0; i < letters->count; i++) {
        const struct letter *letter = &letters->letters[i];
        any |= letter->goes || letter->reason.ptr != NULL ||
               (letter->marked && letter->replay != letter->ref.replay);
    }
    return rc != RC_OK || !any ? rc : rewrite(letters, NULL, err);
}

bool dead_letters_has_marked(const struct dead_letters *letters, uint64_t epoch)
{
    for (uint64_t i = 0; letters != NULL && i < letters->count; i++)
        if (letters->letters[i].ref.replay == epoch)
            return true;
    return false;
}

enum rc dead_letters_settle(struct dead_letters *letters, uint64_t epoch, struct error *err)
{
    for (uint64_t i = 0; i < letters->count; i++) {
        bool asked = letters->letters[i].asked;
        letters->letters[i].goes = epoch > 0 && letters->letters[i].ref.replay == epoch;
        dead_letters_mark(letters, i, 0);
        letters->letters[i].asked = asked;
    }
    return dead_letters_apply(letters, err);
}

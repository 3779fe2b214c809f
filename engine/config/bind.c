/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a block of the pipeline file to a module's struct, by the module's table of keys: every key
 * of the block must be in the table, every row of the table fills its field from the file or from
 * its default. What each value is and where it came from is kept for `millrace config print`.
 */
#include "../base/log.h"
#include "../base/text.h"
#include "config_int.h"

static const struct cfg_place nowhere = {0, 0};

struct binder {
    struct cfg_document *document;
    const struct cfg_section *section;
    const struct cfg_block *block;
    uint8_t *values;
    struct error *err;
};

/* One text to be stored: from the file, or a default. */
struct given {
    const struct cfg_row *row;
    const char *key;
    const struct cfg_entry *entry; /* NULL: the default */
    const char *text;
};

/* ---- which row a key belongs to ---- */

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Keys of the block itself; Flink CDC allows a name in source and sink. */
static bool is_block_key(const struct cfg_section *section, const char *key)
{
    if (strcmp(section->block, "pipeline") == 0)
        return false;
    return strcmp(key, "type") == 0 || strcmp(key, "name") == 0;
}

/* The row of that very key, else the map with the longest prefix, else a refused key of which this
 * is a part ("model.0.name" of "model"). */
static const struct cfg_row *find_row(const struct cfg_section *section, const char *key)
{
    const struct cfg_row *map = NULL;
    const struct cfg_row *refused = NULL;
    for (unsigned i = 0; i < section->row_count; i++) {
        const struct cfg_row *row = &section->rows[i];
        size_t len = strlen(row->key);
        if (row->type != CFG_MAP && strcmp(row->key, key) == 0)
            return row;
        if (row->type == CFG_MAP && begins_with(key, row->key) && key[len] != '\0' &&
            (map == NULL || len > strlen(map->key)))
            map = row;
        if (row->type == CFG_REFUSED && begins_with(key, row->key) &&
            (key[len] == '.' || row->key[len - 1] == '.'))
            refused = row;
    }
    return map != NULL ? map : refused;
}

static const char *name_of_row(const void *ctx, unsigned index)
{
    const struct cfg_section *section = ctx;
    return index < section->row_count ? section->rows[index].key : NULL;
}

static enum rc check_key(const struct binder *binder, const struct cfg_entry *entry)
{
    const struct cfg_section *section = binder->section;
    if (is_block_key(section, entry->key))
        return RC_OK;
    const struct cfg_row *row = find_row(section, entry->key);
    if (row == NULL) {
        const char *nearest = cfg_nearest(entry->key, name_of_row, section);
        return cfg_error(
            binder->document, entry->place, binder->err, "key '%s' is not known in '%s%s%s'.%s%s%s",
            entry->key, section->block,
            section->type == NULL ? "" : ": type: ", section->type == NULL ? "" : section->type,
            nearest == NULL ? "" : " Did you mean '", nearest == NULL ? "" : nearest,
            nearest == NULL ? " \"millrace config\" lists all keys." : "'?");
    }
    if (row->type == CFG_REFUSED)
        return cfg_error(binder->document, entry->place, binder->err, "key '%s' is refused. %s",
                         entry->key, row->help);
    if (entry->kind == CFG_ENTRY_NONE)
        return cfg_error(binder->document, entry->place, binder->err,
                         "key '%s' has no value. Write \"\" for an empty text.", entry->key);
    if (entry->kind == CFG_ENTRY_COMPLEX)
        return cfg_error(binder->document, entry->place, binder->err,
                         "key '%s' must hold texts, not maps or lists of lists.", entry->key);
    if (entry->kind == CFG_ENTRY_LIST && row->type != CFG_LIST)
        return cfg_error(binder->document, entry->place, binder->err,
                         "key '%s' must be one value, not a list.", entry->key);
    if (row->flags & CFG_ACCEPTED)
        log_info("config", "A key is accepted and has no effect here.", LOG_STR("key", entry->key),
                 LOG_U64("line", entry->place.line));
    return RC_OK;
}

/* ---- what is shown ---- */

static bool contains_nocase(const char *text, const char *part)
{
    size_t len = strlen(part);
    for (size_t left = strlen(text); left >= len; left--, text++)
        if (slice_equal_nocase(slice_of(text, len), slice_str(part)))
            return true;
    return false;
}

/* A value that no message and no print may show: secrets, what is called like one, and addresses
 * with a password inside. */
static bool is_hidden(const struct given *given)
{
    static const char *const words[] = {"password", "passwd", "secret", "token", "credential"};
    if (given->row->type == CFG_SECRET)
        return true;
    for (unsigned i = 0; i < COUNT_OF(words); i++)
        if (contains_nocase(given->key, words[i]))
            return true;
    if (given->text == NULL)
        return false;
    if (contains_nocase(given->text, "password="))
        return true;
    const char *host = strstr(given->text, "://");
    const char *at = host == NULL ? NULL : strchr(host, '@');
    return at != NULL && memchr(host + 3, ':', (size_t)(at - host - 3)) != NULL;
}

static struct slice origin_of(const struct binder *binder, const struct cfg_entry *entry)
{
    if (entry == NULL)
        return SLICE("default");
    struct buf text;
    buf_init(&text, 8192);
    if (entry->env != NULL)
        buf_addf(&text, "env %s", entry->env);
    else
        buf_addf(&text, "%s:%u:%u", binder->document->path, entry->place.line, entry->place.column);
    struct slice copy = arena_copy(&binder->document->arena, buf_slice(&text));
    buf_deinit(&text);
    return copy;
}

static enum rc show(const struct binder *binder, const struct given *given)
{
    struct cfg_document *document = binder->document;
    struct cfg_shown *shown = arena_alloc(&document->arena, sizeof(*shown));
    struct slice value = is_hidden(given) ? SLICE("***") : slice_str(given->text);
    if (shown == NULL)
        return cfg_no_memory(document, binder->err);
    *shown = (struct cfg_shown){.block = binder->section->block,
                                .key = given->key,
                                .value = arena_copy(&document->arena, value),
                                .origin = origin_of(binder, given->entry)};
    if (shown->value.ptr == NULL || shown->origin.ptr == NULL)
        return cfg_no_memory(document, binder->err);
    struct cfg_shown **tail = &document->shown;
    while (*tail != NULL)
        tail = &(*tail)->next;
    *tail = shown;
    return RC_OK;
}

/* ---- storing ---- */

static enum rc bad_value(const struct binder *binder, const struct given *given, const char *wants)
{
    bool hidden = is_hidden(given);
    return cfg_error(binder->document, given->entry == NULL ? nowhere : given->entry->place,
                     binder->err, "key '%s' must be %s%s%s%s.", given->key, wants,
                     hidden ? "" : ", not '", hidden ? "" : given->text, hidden ? "" : "'");
}

/* `value` and the limits in the row's own unit; `add` writes one for people. */
static enum rc out_of_range(const struct binder *binder, const struct given *given,
                            void (*add)(struct buf *, uint64_t))
{
    struct buf wants;
    buf_init(&wants, 200);
    const struct cfg_row *row = given->row;
    bool open = row->max == INT64_MAX;
    buf_add_str(&wants, open ? "at least " : "between ");
    if (add == NULL)
        buf_add_i64(&wants, row->min);
    else
        add(&wants, (uint64_t)row->min);
    if (!open) {
        buf_add_str(&wants, " and ");
        if (add == NULL)
            buf_add_i64(&wants, row->max);
        else
            add(&wants, (uint64_t)row->max);
    }
    enum rc rc = bad_value(binder, given, buf_cstr(&wants));
    buf_deinit(&wants);
    return rc;
}

static bool has_limits(const struct cfg_row *row)
{
    return row->min != 0 || row->max != 0;
}

static enum rc store_int(const struct binder *binder, const struct given *given, int64_t *field)
{
    const struct cfg_row *row = given->row;
    if (!text_parse_i64(slice_trim(slice_str(given->text)), field))
        return bad_value(binder, given, "a whole number");
    if (has_limits(row) && (*field < row->min || *field > row->max))
        return out_of_range(binder, given, NULL);
    return RC_OK;
}

static enum rc store_measure(const struct binder *binder, const struct given *given,
                             uint64_t *field)
{
    const struct cfg_row *row = given->row;
    bool is_size = row->type == CFG_SIZE;
    bool ok = is_size ? cfg_parse_size(slice_str(given->text), field)
                      : cfg_parse_duration(slice_str(given->text), field);
    if (!ok)
        return bad_value(binder, given,
                         is_size ? "a size, as in 64mb or 10 MiB"
                                 : "a duration, as in 30s, 500 ms or 1 min");
    if (has_limits(row) && (*field < (uint64_t)row->min || *field > (uint64_t)row->max))
        return out_of_range(binder, given, is_size ? cfg_add_size : cfg_add_duration);
    return RC_OK;
}

static enum rc store_enum(const struct binder *binder, const struct given *given, int *field)
{
    struct slice text = slice_trim(slice_str(given->text));
    struct buf wants;
    buf_init(&wants, 1000);
    const char *const *choices = given->row->choices;
    for (int i = 0; choices[i] != NULL; i++) {
        if (slice_equal_nocase(text, slice_str(choices[i]))) {
            buf_deinit(&wants);
            *field = i;
            return RC_OK;
        }
        buf_add_str(&wants, i == 0 ? "" : choices[i + 1] == NULL ? " or " : ", ");
        buf_add_str(&wants, choices[i]);
    }
    enum rc rc = bad_value(binder, given, buf_cstr(&wants));
    buf_deinit(&wants);
    return rc;
}

static enum rc store_secret(const struct binder *binder, const struct given *given,
                            struct secret *field)
{
    *field = (struct secret){.hidden = given->text};
    if (given->entry == NULL || (!given->entry->is_file && !given->entry->is_command))
        return RC_OK;
    /* The entries are the document's own, and it wipes them: only here is one written to. */
    struct cfg_entry *entry = binder->block->first;
    while (entry != given->entry)
        entry = entry->next;
    struct error why;
    error_clear(&why);
    enum secret_kind kind = entry->is_file ? SECRET_FILE : SECRET_COMMAND;
    const char *place = given->text + strlen(entry->is_file ? "file:" : "command:");
    enum rc rc =
        entry->origin != NULL ? RC_OK : secret_origin_open(kind, place, &entry->origin, &why);
    if (rc == RC_CONFIG)
        return cfg_error(binder->document, entry->place, binder->err, "key '%s' %s", given->key,
                         why.text);
    if (rc != RC_OK)
        return cfg_no_memory(binder->document, binder->err);
    *field = (struct secret){.origin = entry->origin};
    return RC_OK;
}

/* The next part of a comma list, trimmed; false at its end. Empty parts are passed over. */
static bool next_part(struct slice *rest, struct slice *part_out)
{
    while (rest->len > 0) {
        const uint8_t *comma = memchr(rest->ptr, ',', rest->len);
        size_t len = comma == NULL ? rest->len : (size_t)(comma - rest->ptr);
        size_t used = comma == NULL ? len : len + 1;
        *part_out = slice_trim(slice_of(rest->ptr, len));
        *rest = slice_of(rest->ptr + used, rest->len - used);
        if (part_out->len > 0)
            return true;
    }
    return false;
}

static enum rc store_list(const struct binder *binder, const struct given *given,
                          struct cfg_list *field)
{
    struct arena *arena = &binder->document->arena;
    if (given->entry != NULL && given->entry->kind == CFG_ENTRY_LIST) {
        *field = (struct cfg_list){(const char *const *)given->entry->items, given->entry->count};
        return RC_OK;
    }
    unsigned count = 0;
    struct slice part;
    for (struct slice rest = slice_str(given->text); next_part(&rest, &part);)
        count++;
    const char **items = arena_alloc(arena, count * sizeof(*items));
    if (items == NULL)
        return cfg_no_memory(binder->document, binder->err);
    *field = (struct cfg_list){items, 0};
    for (struct slice rest = slice_str(given->text); next_part(&rest, &part);) {
        items[field->count] = arena_cstr(arena, part);
        if (items[field->count++] == NULL)
            return cfg_no_memory(binder->document, binder->err);
    }
    return RC_OK;
}

static enum rc store(const struct binder *binder, const struct given *given)
{
    const struct cfg_row *row = given->row;
    void *field = binder->values + row->offset;
    bool *flag = field;
    const char **text = field;
    switch (row->type) {
    case CFG_STRING:
        *text = given->text;
        return RC_OK;
    case CFG_SECRET:
        return store_secret(binder, given, field);
    case CFG_BOOL:
        return cfg_parse_bool(slice_trim(slice_str(given->text)), flag)
                   ? RC_OK
                   : bad_value(binder, given, "true or false");
    case CFG_INT:
        return store_int(binder, given, field);
    case CFG_SIZE:
    case CFG_DURATION:
        return store_measure(binder, given, field);
    case CFG_ENUM:
        return store_enum(binder, given, field);
    case CFG_LIST:
        return store_list(binder, given, field);
    case CFG_MAP:
    case CFG_REFUSED:
        break;
    }
    ASSERT(!"a row that holds one value");
    return RC_OK;
}

/* ---- rows ---- */

static enum rc bind_map(const struct binder *binder, const struct cfg_row *row)
{
    unsigned count = 0;
    for (const struct cfg_entry *entry = binder->block->first; entry != NULL; entry = entry->next)
        count += !is_block_key(binder->section, entry->key) &&
                 find_row(binder->section, entry->key) == row;
    struct cfg_pair *pairs = arena_alloc(&binder->document->arena, count * sizeof(*pairs));
    if (pairs == NULL)
        return cfg_no_memory(binder->document, binder->err);
    struct cfg_map *field = (void *)(binder->values + row->offset);
    *field = (struct cfg_map){pairs, 0};
    for (const struct cfg_entry *entry = binder->block->first; entry != NULL; entry = entry->next) {
        if (is_block_key(binder->section, entry->key) ||
            find_row(binder->section, entry->key) != row)
            continue;
        pairs[field->count++] = (struct cfg_pair){entry->key + strlen(row->key), entry->text};
        struct given given = {row, entry->key, entry, entry->text};
        enum rc rc = show(binder, &given);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

static const struct cfg_entry *find_entry(const struct cfg_block *block, const char *key)
{
    for (const struct cfg_entry *entry = block->first; entry != NULL; entry = entry->next)
        if (strcmp(entry->key, key) == 0)
            return entry;
    return NULL;
}

/* A list as one text, for showing it. */
static const char *join(struct arena *arena, const struct cfg_entry *entry)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    for (unsigned i = 0; i < entry->count; i++) {
        buf_add_str(&text, i == 0 ? "" : ", ");
        buf_add_str(&text, entry->items[i]);
    }
    const char *copy = text.rc == RC_OK ? arena_cstr(arena, buf_slice(&text)) : NULL;
    buf_deinit(&text);
    return copy;
}

static enum rc bind_row(const struct binder *binder, const struct cfg_row *row)
{
    if (row->type == CFG_REFUSED)
        return RC_OK;
    if (row->type == CFG_MAP)
        return bind_map(binder, row);
    struct given given = {row, row->key, find_entry(binder->block, row->key), row->fallback};
    if (given.entry != NULL)
        given.text = given.entry->kind == CFG_ENTRY_LIST
                         ? join(&binder->document->arena, given.entry)
                         : given.entry->text;
    if (given.entry != NULL && given.text == NULL)
        return cfg_no_memory(binder->document, binder->err);
    bool required = (row->flags & CFG_REQUIRED) != 0;
    if (given.text == NULL) {
        if (required)
            return cfg_error(binder->document, binder->block->place, binder->err,
                             "the block '%s' needs the key '%s'.", binder->section->block,
                             row->key);
        return RC_OK;
    }
    /* A password may be empty; a name or an address that must be there may not. */
    if (required && row->type != CFG_SECRET && given.text[0] == '\0')
        return cfg_error(binder->document, given.entry == NULL ? nowhere : given.entry->place,
                         binder->err, "key '%s' must not be empty.", row->key);
    enum rc rc = store(binder, &given);
    return rc == RC_OK ? show(binder, &given) : rc;
}

/* A rule over several keys names one in quotes: its place is where the user looks. */
static struct cfg_place place_of_message(const struct cfg_block *block, const char *text)
{
    for (const char *quote = strchr(text, '\''); quote != NULL; quote = strchr(quote, '\'')) {
        quote++;
        size_t len = strcspn(quote, "'");
        for (const struct cfg_entry *entry = block->first; entry != NULL; entry = entry->next)
            if (slice_equal(slice_str(entry->key), slice_of(quote, len)))
                return entry->place;
    }
    return block->place;
}

static enum rc validate(const struct binder *binder)
{
    if (binder->section->validate == NULL)
        return RC_OK;
    struct error why;
    error_clear(&why);
    enum rc rc = binder->section->validate(binder->values, &why);
    if (rc == RC_OK)
        return RC_OK;
    struct cfg_place place = place_of_message(binder->block, why.text);
    if (place.line > 0)
        error_wrap(&why, "%s:%u:%u", binder->document->path, place.line, place.column);
    else
        error_wrap(&why, "%s", binder->document->path);
    if (binder->err != NULL)
        *binder->err = why;
    return rc;
}

/* A block that is bound again is shown once. */
static void forget_shown(struct cfg_document *document, const char *block)
{
    for (struct cfg_shown **at = &document->shown; *at != NULL;) {
        if (strcmp((*at)->block, block) == 0)
            *at = (*at)->next;
        else
            at = &(*at)->next;
    }
}

enum rc cfg_bind(struct cfg_document *document, const struct cfg_section *section, void *values,
                 struct error *err)
{
    struct binder binder = {.document = document,
                            .section = section,
                            .block = cfg_find_block(document, section->block),
                            .values = values,
                            .err = err};
    memset(values, 0, section->size);
    forget_shown(document, section->block);
    for (const struct cfg_entry *entry = binder.block->first; entry != NULL; entry = entry->next) {
        enum rc rc = check_key(&binder, entry);
        if (rc != RC_OK)
            return rc;
    }
    for (unsigned i = 0; i < section->row_count; i++) {
        enum rc rc = bind_row(&binder, &section->rows[i]);
        if (rc != RC_OK)
            return rc;
    }
    return validate(&binder);
}

void cfg_each_value(const struct cfg_document *document, cfg_print_fn print, void *ctx)
{
    for (const struct cfg_shown *shown = document->shown; shown != NULL; shown = shown->next)
        print(ctx, shown->block, shown->key, shown->value, shown->origin);
}

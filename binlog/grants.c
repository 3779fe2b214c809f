/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of SHOW GRANTS, as MySQL 5.6 to 9.7 and MariaDB write them:
 *
 *   GRANT SELECT, REPLICATION SLAVE ON *.* TO `u`@`%` ...
 *   GRANT ALL PRIVILEGES ON `app`.* TO 'u'@'%'
 *   GRANT SELECT (`a`, `b`) ON `app`.`t` TO ...        a column grant: not enough, and not counted
 *   GRANT `role`@`%` TO `u`@`%`
 *   REVOKE SELECT ON `app`.* FROM `u`@`%`              MySQL with partial_revokes
 */
#include "grants_int.h"

#define GRANTS_BYTES_MAX (1u << 20)

void grants_init(struct grants *grants)
{
    *grants = (struct grants){0};
    arena_init(&grants->arena, "grants", GRANTS_BYTES_MAX);
}

void grants_deinit(struct grants *grants)
{
    arena_deinit(&grants->arena);
}

/* The place of `word` outside of quotes and brackets, from `at` on; s.len when it is not there. */
static size_t find_word(struct slice s, size_t at, struct slice word)
{
    uint8_t quote = 0;
    unsigned depth = 0;
    for (size_t i = at; i < s.len; i++) {
        uint8_t byte = s.ptr[i];
        if (quote != 0) {
            if (byte == quote)
                quote = 0;
            continue;
        }
        if (byte == '`' || byte == '\'' || byte == '"') {
            quote = byte;
        } else if (byte == '(') {
            depth++;
        } else if (byte == ')' && depth > 0) {
            depth--;
        } else if (depth == 0 && s.len - i >= word.len &&
                   slice_equal_nocase(slice_of(s.ptr + i, word.len), word)) {
            return i;
        }
    }
    return s.len;
}

/* A name in quotes, or bare, at *at; moves *at behind it. Doubled quotes are undone. */
static struct slice take_name(struct grants *grants, struct slice s, size_t *at)
{
    struct buf name;
    buf_init(&name, 1024);
    size_t i = *at;
    uint8_t quote = i < s.len && (s.ptr[i] == '`' || s.ptr[i] == '"') ? s.ptr[i] : 0;
    if (quote != 0)
        i++;
    while (i < s.len) {
        uint8_t byte = s.ptr[i];
        if (quote == 0 && (byte == '.' || byte == ' '))
            break;
        if (quote != 0 && byte == quote) {
            if (i + 1 >= s.len || s.ptr[i + 1] != quote) {
                i++;
                break;
            }
            i++;
        }
        buf_add_byte(&name, byte);
        i++;
    }
    *at = i;
    struct slice copy = arena_copy(&grants->arena, buf_slice(&name));
    buf_deinit(&name);
    return copy;
}

struct privileges {
    bool all;
    bool select;
    bool replication_slave;
    bool replication_client;
};

static struct privileges read_privileges(struct slice list)
{
    struct privileges found = {0};
    size_t at = 0;
    while (at < list.len) {
        size_t end = find_word(list, at, SLICE(","));
        struct slice word = slice_trim(slice_of(list.ptr + at, end - at));
        found.all |= slice_equal_nocase(word, SLICE("ALL PRIVILEGES")) ||
                     slice_equal_nocase(word, SLICE("ALL"));
        found.select |= slice_equal_nocase(word, SLICE("SELECT"));
        found.replication_slave |= slice_equal_nocase(word, SLICE("REPLICATION SLAVE"));
        found.replication_client |= slice_equal_nocase(word, SLICE("REPLICATION CLIENT")) ||
                                    slice_equal_nocase(word, SLICE("BINLOG MONITOR")) ||
                                    slice_equal_nocase(word, SLICE("SUPER"));
        at = end + 1;
    }
    return found;
}

static void add_scope(struct grants *grants, struct slice db, struct slice table, bool revoked)
{
    if (grants->scope_count == GRANTS_SCOPES_MAX) {
        grants->overflowed = true;
        return;
    }
    grants->scopes[grants->scope_count++] =
        (struct grant_scope){.db = db, .table = table, .revoked = revoked};
}

static void apply(struct grants *grants, struct privileges found, struct slice target, bool revoked)
{
    if (slice_starts_nocase(target, SLICE("*.*"))) {
        if (revoked)
            return;
        grants->replication_slave |= found.all || found.replication_slave;
        grants->replication_client |= found.all || found.replication_client;
        grants->select_all |= found.all || found.select;
        return;
    }
    if (!found.all && !found.select)
        return;
    size_t at = 0;
    struct slice db = take_name(grants, target, &at);
    if (at >= target.len || target.ptr[at] != '.')
        return;
    at++;
    bool whole_db = at < target.len && target.ptr[at] == '*';
    struct slice table = whole_db ? SLICE_EMPTY : take_name(grants, target, &at);
    if (db.ptr != NULL && (whole_db || table.ptr != NULL))
        add_scope(grants, db, table, revoked);
}

void grants_add(struct grants *grants, struct slice line)
{
    struct slice text = slice_trim(line);
    bool revoked = slice_starts_nocase(text, SLICE("REVOKE "));
    if (!revoked && !slice_starts_nocase(text, SLICE("GRANT ")))
        return;
    size_t head = revoked ? 7 : 6;
    struct slice rest = slice_of(text.ptr + head, text.len - head);
    size_t on = find_word(rest, 0, SLICE(" ON "));
    if (on == rest.len) {
        /* "GRANT role TO user": what the role holds is not in this line. */
        grants->has_roles |= !revoked;
        return;
    }
    struct privileges found = read_privileges(slice_of(rest.ptr, on));
    struct slice target = slice_of(rest.ptr + on + 4, rest.len - on - 4);
    struct slice kinds[] = {SLICE("TABLE "), SLICE("FUNCTION "), SLICE("PROCEDURE "),
                            SLICE("PACKAGE ")};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!slice_starts_nocase(target, kinds[i]))
            continue;
        if (i > 0)
            return; /* routines do not concern us */
        target = slice_of(target.ptr + kinds[i].len, target.len - kinds[i].len);
    }
    apply(grants, found, target, revoked);
}

/* LIKE as GRANT uses it: '%' any run, '_' any one byte, '\' takes the next as it is. Without
 * recursion: on a mismatch the last '%' takes one byte more. */
static bool matches_pattern(struct slice pattern, struct slice name)
{
    size_t p = 0;
    size_t n = 0;
    size_t star_p = SIZE_MAX;
    size_t star_n = 0;
    while (n < name.len) {
        if (p < pattern.len && pattern.ptr[p] == '%') {
            star_p = ++p;
            star_n = n;
            continue;
        }
        bool escaped = p + 1 < pattern.len && pattern.ptr[p] == '\\';
        size_t at = escaped ? p + 1 : p;
        if (p < pattern.len &&
            ((!escaped && pattern.ptr[at] == '_') || pattern.ptr[at] == name.ptr[n])) {
            p = at + 1;
            n++;
            continue;
        }
        if (star_p == SIZE_MAX)
            return false;
        p = star_p;
        n = ++star_n;
    }
    while (p < pattern.len && pattern.ptr[p] == '%')
        p++;
    return p == pattern.len;
}

bool grants_may_select(const struct grants *grants, struct slice db, struct slice table)
{
    bool may = grants->select_all;
    bool revoked = false;
    for (unsigned i = 0; i < grants->scope_count; i++) {
        const struct grant_scope *scope = &grants->scopes[i];
        if (scope->table.len == 0
                ? !matches_pattern(scope->db, db)
                : !(slice_equal(scope->db, db) && slice_equal_nocase(scope->table, table)))
            continue;
        if (scope->revoked)
            revoked = true;
        else
            return true; /* a grant in the narrower scope is not touched by a revoke from *.* */
    }
    return may && !revoked;
}

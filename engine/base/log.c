/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: see log.h for what a line is. Lines are composed in one static buffer under one lock and
 * leave with one write(2), so nothing here allocates and lines of several threads never mix.
 *
 * Invariants:
 *   - a line is at most PIPE_BUF bytes: a pipe takes it whole or not at all;
 *   - a log that cannot take a line loses it: neither a full disk, a closed pipe nor a stopped
 *     reader fails or holds up the caller. Lost lines are counted and told by the next that passes;
 *   - one sentence of one component passes at most SAME_PER_SECOND times a second, and the next one
 *     tells how many were left out. Debug lines are exempt: who asks for them wants all.
 *
 * @thread any, after log_setup and log_set_levels, which come before the first thread.
 */
#include "log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "text.h"

enum {
    LINE_BYTES = PIPE_BUF,
    TAIL_BYTES = 80, /* kept free for "truncated", "repeated", "lost" and the end of the line */
    VALUE_BYTES = 2048,
    PROGRESS_BYTES = 1024,
    PROGRESS_WIDTH = 80, /* where the terminal does not tell its width */
    SAME_PER_SECOND = 20,
    SAME_SLOTS = 64,
    RULES_MAX = 32,
    COMPONENT_BYTES = 64,
    STALL_WAIT_MS = 50
};

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

struct level_rule {
    char prefix[COMPONENT_BYTES];
    size_t prefix_len;
    enum log_level level;
};

/* How often one sentence was said in the second that began at `since_us`. */
struct same {
    uint64_t key; /* hash of component and sentence; 0: free */
    uint64_t since_us;
    unsigned count;
    uint64_t suppressed;
};

/* The line under construction. What does not fit sets `cut` and leaves the line well formed. */
struct line {
    uint8_t bytes[LINE_BYTES + PROGRESS_BYTES + 16];
    size_t len;
    size_t limit;
    bool cut;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
    int fd;
    bool json;
    bool live; /* text on a terminal: there may be a progress line */
    bool stalled;
    bool torn; /* the last write ended inside a line */
    uint64_t lost;
    enum log_level level;
    struct level_rule rules[RULES_MAX];
    unsigned rule_count;
    struct same same[SAME_SLOTS];
    char progress[PROGRESS_BYTES]; /* "": none */
    struct line line;
} state = {.fd = STDERR_FILENO, .level = LOG_INFO};

void log_setup(int fd, enum log_format format, enum log_level level)
{
    bool terminal = isatty(fd) == 1;
    pthread_mutex_lock(&lock);
    state.fd = fd;
    state.json = format == LOG_FORMAT_JSON || (format == LOG_FORMAT_AUTO && !terminal);
    state.live = terminal && !state.json;
    state.stalled = false;
    state.torn = false;
    state.lost = 0;
    state.level = level;
    state.rule_count = 0;
    state.progress[0] = '\0';
    memset(state.same, 0, sizeof(state.same));
    pthread_mutex_unlock(&lock);
}

/* ---- levels ---- */

static bool parse_level(struct slice word, enum log_level *level_out)
{
    for (unsigned i = 0; i < COUNT_OF(level_names); i++) {
        if (slice_equal_nocase(word, slice_str(level_names[i]))) {
            *level_out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* One part of the specification: "info" sets the level for all, "binlog=debug" adds a rule. */
static enum rc parse_rule(struct slice part, enum log_level *level, struct level_rule *rules,
                          unsigned *count, struct error *err)
{
    const uint8_t *equals = part.len == 0 ? NULL : memchr(part.ptr, '=', part.len);
    size_t name_len = equals == NULL ? 0 : (size_t)(equals - part.ptr);
    struct slice name = slice_trim(slice_of(part.ptr, name_len));
    struct slice word = part;
    if (equals != NULL)
        word = slice_trim(slice_of(equals + 1, part.len - name_len - 1));
    enum log_level parsed;
    if (!parse_level(word, &parsed))
        return error_set(err, RC_USAGE,
                         "'%.*s' is not a log level. Use debug, info, warn, error or off, alone or "
                         "as component=level.",
                         SLICE_ARG(word));
    if (equals == NULL) {
        *level = parsed;
        return RC_OK;
    }
    if (name.len == 0)
        return error_set(err, RC_USAGE,
                         "A component is missing before '=' in the log levels, as in binlog=%s.",
                         level_names[parsed]);
    if (name.len >= COMPONENT_BYTES)
        return error_set(err, RC_USAGE, "'%.*s' is too long for a component of the log.",
                         SLICE_ARG(name));
    if (*count == RULES_MAX)
        return error_set(err, RC_USAGE, "At most %d components can have a log level of their own.",
                         RULES_MAX);
    struct level_rule *rule = &rules[(*count)++];
    memcpy(rule->prefix, name.ptr, name.len);
    rule->prefix_len = name.len;
    rule->level = parsed;
    return RC_OK;
}

enum rc log_set_levels(struct slice spec, struct error *err)
{
    struct level_rule rules[RULES_MAX];
    unsigned count = 0;
    enum log_level level = state.level;
    while (true) {
        const uint8_t *comma = spec.len == 0 ? NULL : memchr(spec.ptr, ',', spec.len);
        size_t len = comma == NULL ? spec.len : (size_t)(comma - spec.ptr);
        enum rc rc = parse_rule(slice_trim(slice_of(spec.ptr, len)), &level, rules, &count, err);
        if (rc != RC_OK)
            return rc;
        if (comma == NULL)
            break;
        spec = slice_of(comma + 1, spec.len - len - 1);
    }
    pthread_mutex_lock(&lock);
    memcpy(state.rules, rules, count * sizeof(rules[0]));
    state.rule_count = count;
    state.level = level;
    pthread_mutex_unlock(&lock);
    return RC_OK;
}

/* The longest rule that names the component or one of its parents decides. Read without the lock:
 * levels are set before the first thread. */
bool log_is_json(void)
{
    return state.json;
}

bool log_enabled(enum log_level level, const char *component)
{
    enum log_level least = state.level;
    size_t longest = 0;
    for (unsigned i = 0; i < state.rule_count; i++) {
        const struct level_rule *rule = &state.rules[i];
        if (rule->prefix_len < longest || strncmp(component, rule->prefix, rule->prefix_len) != 0)
            continue;
        char next = component[rule->prefix_len];
        if (next != '\0' && next != '.')
            continue;
        least = rule->level;
        longest = rule->prefix_len;
    }
    return level >= least && least != LOG_OFF;
}

/* ---- composing ---- */

static void begin(struct line *line, size_t limit)
{
    line->len = 0;
    line->limit = limit;
    line->cut = false;
}

static void put(struct line *line, const void *ptr, size_t len)
{
    if (line->cut)
        return;
    if (len > line->limit - line->len) {
        line->cut = true;
        return;
    }
    memcpy(line->bytes + line->len, ptr, len);
    line->len += len;
}

static void put_str(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_u64(struct line *line, uint64_t value)
{
    uint8_t digits[20];
    put(line, digits, text_u64(digits, value));
}

/* The length of the UTF-8 sequence at the front, or 0 where the bytes are not UTF-8. */
static size_t sequence_len(struct slice s)
{
    for (size_t len = 1; len <= 4 && len <= s.len; len++)
        if (text_is_utf8(slice_of(s.ptr, len)))
            return len;
    return 0;
}

static void put_escape(struct line *line, uint8_t code, bool json)
{
    char text[8];
    if (code == '\n' || code == '\t' || code == '\r')
        snprintf(text, sizeof(text), "\\%c", code == '\n' ? 'n' : code == '\t' ? 't' : 'r');
    else if (code == '"' || code == '\\')
        snprintf(text, sizeof(text), "\\%c", code);
    else
        snprintf(text, sizeof(text), json ? "\\u%04x" : "\\x%02x", code);
    put_str(line, text);
}

/* Text inside quotes: quotes, backslashes and control characters are escaped (the C1 controls too,
 * which a terminal obeys), and what is not UTF-8 becomes U+FFFD. `quoted` false leaves quotes and
 * backslashes as they are. */
static void put_text(struct line *line, struct slice s, bool json, bool quoted)
{
    bool longer = s.len > VALUE_BYTES;
    if (longer)
        s.len = VALUE_BYTES;
    while (s.len > 0) {
        size_t len = sequence_len(s);
        uint8_t c = s.ptr[0];
        if (len == 0 && longer && s.len < 4)
            break; /* torn by the cut, not by the sender */
        if (len == 0)
            put(line, "\xef\xbf\xbd", 3);
        else if (len == 1 && (c < 0x20 || c == 0x7f || (quoted && (c == '"' || c == '\\'))))
            put_escape(line, c, json);
        else if (len == 2 && c == 0xc2 && s.ptr[1] < 0xa0)
            put_escape(line, s.ptr[1], json);
        else
            put(line, s.ptr, len);
        len = len == 0 ? 1 : len;
        s = slice_of(s.ptr + len, s.len - len);
    }
    if (longer)
        put_str(line, "...");
}

/* A value that reads unambiguously as one word needs no quotes. */
static bool is_word(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f || s.ptr[i] == '"' || s.ptr[i] == '=' ||
            s.ptr[i] == '\\')
            return false;
    return s.len > 0;
}

static void put_value(struct line *line, const struct log_field *field, bool json)
{
    uint8_t digits[32];
    unsigned len;
    switch (field->kind) {
    case LOG_FIELD_U64:
        put_u64(line, field->value.u64);
        return;
    case LOG_FIELD_I64:
        put(line, digits, text_i64(digits, field->value.i64));
        return;
    case LOG_FIELD_F64:
        len = text_double(digits, field->value.f64);
        if (len == 0)
            put_str(line, json ? "null" : "none"); /* not a number */
        put(line, digits, len);
        return;
    case LOG_FIELD_TEXT: {
        bool quoted = json || !is_word(field->value.text);
        if (quoted)
            put_str(line, "\"");
        put_text(line, field->value.text, json, quoted);
        if (quoted)
            put_str(line, "\"");
        return;
    }
    }
}

/* A field is there whole or not at all. */
static void put_field(struct line *line, const struct log_field *field, bool json)
{
    size_t before = line->len;
    put_str(line, json ? ",\"" : " ");
    put_str(line, field->name);
    put_str(line, json ? "\":" : "=");
    put_value(line, field, json);
    if (line->cut)
        line->len = before;
}

static void put_head(struct line *line, enum log_level level, const char *component,
                     const char *sentence, bool json)
{
    char head[COMPONENT_BYTES + 64];
    uint64_t now_us = clock_wall_us();
    struct civil_time t = clock_civil((int64_t)(now_us / 1000000u));
    if (json) {
        snprintf(head, sizeof(head),
                 "{\"ts\":\"%04d-%02u-%02uT%02u:%02u:%02u.%06uZ\",\"level\":\"%s\","
                 "\"component\":\"",
                 t.year, t.month, t.day, t.hour, t.minute, t.second, (unsigned)(now_us % 1000000u),
                 level_names[level]);
        put_str(line, head);
        put_text(line, slice_str(component), true, true);
        put_str(line, "\",\"message\":\"");
        put_text(line, slice_str(sentence), true, true);
        /* A sentence of nothing but escapes may fill the line: the quote must still close. */
        line->limit += 1;
        bool cut = line->cut;
        line->cut = false;
        put_str(line, "\"");
        line->cut = cut;
        return;
    }
    snprintf(head, sizeof(head), "%02u:%02u:%02u %-5s ", t.hour, t.minute, t.second,
             level_names[level]);
    put_str(line, head);
    put_text(line, slice_str(component), false, false);
    put_str(line, "  ");
    put_text(line, slice_str(sentence), false, false);
}

/* The fields that the log itself adds; TAIL_BYTES were kept for them. */
static void put_tail(struct line *line, uint64_t repeated, uint64_t lost, bool json)
{
    bool cut = line->cut;
    line->cut = false;
    line->limit += TAIL_BYTES;
    if (cut)
        put_str(line, json ? ",\"truncated\":true" : " truncated=true");
    struct log_field field = LOG_U64("repeated", repeated);
    if (repeated > 0)
        put_field(line, &field, json);
    field = LOG_U64("lost", lost);
    if (lost > 0)
        put_field(line, &field, json);
    put_str(line, json ? "}\n" : "\n");
    ASSERT(!line->cut);
}

/* ---- writing ---- */

/* True when the reader takes bytes now. A stopped one (a terminal on hold, a full pipe) is waited
 * for once and briefly; while it stays stopped, lines are lost at once. */
static bool can_write(void)
{
    struct pollfd poll_fd = {.fd = state.fd, .events = POLLOUT};
    int ready = poll(&poll_fd, 1, state.stalled ? 0 : STALL_WAIT_MS);
    state.stalled = ready <= 0;
    return ready > 0;
}

/* write(2) without SIGPIPE: whatever the program does about that signal, a log that nobody reads
 * does not end it. */
static ssize_t write_quietly(int fd, const uint8_t *ptr, size_t len)
{
    sigset_t pipe_set;
    sigset_t old_mask;
    sigset_t pending;
    sigemptyset(&pipe_set);
    sigaddset(&pipe_set, SIGPIPE);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_set, &old_mask);
    ssize_t done;
    do {
        done = write(fd, ptr, len);
    } while (done < 0 && errno == EINTR);
    if (done < 0 && errno == EPIPE && !was_pending) {
        struct timespec now = {0};
        while (sigtimedwait(&pipe_set, NULL, &now) < 0 && errno == EINTR)
            continue;
    }
    pthread_sigmask(SIG_SETMASK, &old_mask, NULL);
    return done;
}

/* False when the line is lost. */
static bool flush_line(const struct line *line)
{
    if (!can_write())
        return false;
    ssize_t done = write_quietly(state.fd, line->bytes, line->len);
    if (done > 0)
        state.torn = (size_t)done < line->len;
    return done == (ssize_t)line->len;
}

/* Counts this sentence. False: say nothing; else how many were left out since the last. */
static bool may_pass(const char *component, const char *sentence, uint64_t *repeated_out)
{
    uint64_t key = slice_hash(slice_str(component)) * 31 + slice_hash(slice_str(sentence));
    key = key == 0 ? 1 : key;
    uint64_t now_us = clock_monotonic_us();
    struct same *slot = &state.same[0];
    for (unsigned i = 0; i < SAME_SLOTS; i++) {
        if (state.same[i].key == key) {
            slot = &state.same[i];
            break;
        }
        if (state.same[i].since_us < slot->since_us)
            slot = &state.same[i];
    }
    /* A sentence that is pushed out loses its count: more than SAME_SLOTS different sentences came
     * since it was last heard. */
    if (slot->key != key)
        *slot = (struct same){.key = key, .since_us = now_us};
    if (now_us - slot->since_us >= 1000000u) {
        slot->since_us = now_us;
        slot->count = 0;
    }
    if (++slot->count > SAME_PER_SECOND) {
        slot->suppressed++;
        return false;
    }
    *repeated_out = slot->suppressed;
    slot->suppressed = 0;
    return true;
}

void log_write(enum log_level level, const char *component, const char *sentence,
               const struct log_field *fields, unsigned field_count)
{
    ASSERT(level >= LOG_DEBUG && level < LOG_OFF);
    pthread_mutex_lock(&lock);
    uint64_t repeated = 0;
    if (level == LOG_DEBUG || may_pass(component, sentence, &repeated)) {
        struct line *line = &state.line;
        begin(line, LINE_BYTES - TAIL_BYTES - 1);
        if (state.torn)
            put_str(line, "\n");
        if (state.progress[0] != '\0')
            put_str(line, "\r\033[K");
        put_head(line, level, component, sentence, state.json);
        for (unsigned i = 0; i < field_count && !line->cut; i++)
            put_field(line, &fields[i], state.json);
        put_tail(line, repeated, state.lost, state.json);
        line->limit = sizeof(line->bytes);
        put_str(line, state.progress);
        state.lost = flush_line(line) ? 0 : state.lost + 1;
    }
    pthread_mutex_unlock(&lock);
}

/* ---- the progress line ---- */

static unsigned terminal_columns(void)
{
    struct winsize size;
    if (ioctl(state.fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return PROGRESS_WIDTH;
    return size.ws_col;
}

/* Cut to one column less than the terminal has, so that it never wraps; one character counts as one
 * column. */
static void set_progress(const char *text)
{
    unsigned columns = terminal_columns() - 1;
    struct slice s = slice_str(text);
    size_t used = 0;
    while (s.len > 0 && columns > 0) {
        size_t len = sequence_len(s);
        bool control = len == 0 || s.ptr[0] < 0x20 || s.ptr[0] == 0x7f ||
                       (len == 2 && s.ptr[0] == 0xc2 && s.ptr[1] < 0xa0);
        len = len == 0 ? 1 : len;
        if (used + len >= sizeof(state.progress))
            break;
        memcpy(state.progress + used, control ? (const uint8_t *)" " : s.ptr, control ? 1 : len);
        used += control ? 1 : len;
        s = slice_of(s.ptr + len, s.len - len);
        columns--;
    }
    state.progress[used] = '\0';
}

void log_progress(const char *text)
{
    pthread_mutex_lock(&lock);
    if (state.live && (text != NULL || state.progress[0] != '\0')) {
        set_progress(text);
        struct line *line = &state.line;
        begin(line, sizeof(line->bytes));
        put_str(line, "\r\033[K");
        put_str(line, state.progress);
        flush_line(line); /* one that is lost is replaced by the next */
    }
    pthread_mutex_unlock(&lock);
}

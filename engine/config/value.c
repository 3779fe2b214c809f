/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts to values and back: durations, sizes, truth. The units are Flink's (its TimeUtils and
 * MemorySize) and ISO 8601's PT form with days, hours, minutes and seconds.
 */
#include "config_int.h"

#include "../base/text.h"

struct unit {
    const char *names; /* separated by spaces */
    uint64_t factor;
};

static const struct unit duration_units[] = {
    {"d day days", 86400000},
    {"h hour hours", 3600000},
    {"min m minute minutes", 60000},
    {"s sec secs second seconds", 1000},
    {"ms milli millis millisecond milliseconds", 1},
};

static const struct unit size_units[] = {
    {"t tb tib tebibytes", 1ULL << 40},
    {"g gb gib gibibytes", 1ULL << 30},
    {"m mb mib mebibytes", 1ULL << 20},
    {"k kb kib kibibytes", 1ULL << 10},
    {"b bytes", 1},
};

bool cfg_parse_bool(struct slice text, bool *value_out)
{
    bool yes = slice_equal_nocase(text, SLICE("true"));
    if (!yes && !slice_equal_nocase(text, SLICE("false")))
        return false;
    *value_out = yes;
    return true;
}

static bool has_name(const char *names, struct slice word)
{
    while (*names != '\0') {
        size_t len = strcspn(names, " ");
        if (slice_equal_nocase(slice_of(names, len), word))
            return true;
        names += len;
        names += *names == ' ';
    }
    return false;
}

/* The digits at the front; `rest_out` is what stands behind them, trimmed. */
static bool split_number(struct slice text, uint64_t *number_out, struct slice *rest_out)
{
    size_t digits = 0;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    *rest_out = slice_trim(slice_of(text.ptr + digits, text.len - digits));
    return text_parse_u64(slice_of(text.ptr, digits), number_out);
}

static bool parse_with_unit(struct slice text, const struct unit *units, unsigned count,
                            uint64_t *value_out)
{
    uint64_t number;
    struct slice word;
    if (!split_number(slice_trim(text), &number, &word))
        return false;
    uint64_t factor = word.len == 0 ? 1 : 0;
    for (unsigned i = 0; i < count && factor == 0; i++)
        if (has_name(units[i].names, word))
            factor = units[i].factor;
    if (factor == 0 || number > UINT64_MAX / factor)
        return false;
    *value_out = number * factor;
    return true;
}

/* One part of an ISO duration: digits, for seconds with a fraction of up to three, and a letter. */
static bool iso_part(struct slice *text, bool time, uint64_t *total)
{
    uint64_t number;
    struct slice rest;
    if (!split_number(*text, &number, &rest) || rest.len == 0)
        return false;
    uint64_t millis = 0;
    if (rest.ptr[0] == '.') {
        uint64_t scale = 100;
        size_t i = 1;
        for (; i < rest.len && rest.ptr[i] >= '0' && rest.ptr[i] <= '9' && scale > 0; i++) {
            millis += (uint64_t)(rest.ptr[i] - '0') * scale;
            scale /= 10;
        }
        if (i == 1 || i == rest.len || (rest.ptr[i] | 0x20) != 's')
            return false;
        rest = slice_of(rest.ptr + i, rest.len - i);
    }
    uint8_t letter = rest.ptr[0] | 0x20;
    uint64_t factor = !time && letter == 'd'  ? 86400000
                      : time && letter == 'h' ? 3600000
                      : time && letter == 'm' ? 60000
                      : time && letter == 's' ? 1000
                                              : 0;
    if (factor == 0 || number > (UINT64_MAX - *total - millis) / factor)
        return false;
    *total += number * factor + millis;
    *text = slice_of(rest.ptr + 1, rest.len - 1);
    return true;
}

static bool parse_iso(struct slice text, uint64_t *ms_out)
{
    uint64_t total = 0;
    bool time = false;
    bool any = false;
    text = slice_of(text.ptr + 1, text.len - 1);
    while (text.len > 0) {
        if (!time && (text.ptr[0] | 0x20) == 't') {
            time = true;
            any = false; /* "PT" and "P1DT" say nothing behind the T */
            text = slice_of(text.ptr + 1, text.len - 1);
        } else if (iso_part(&text, time, &total)) {
            any = true;
        } else {
            return false;
        }
    }
    *ms_out = total;
    return any;
}

bool cfg_parse_duration(struct slice text, uint64_t *ms_out)
{
    text = slice_trim(text);
    if (text.len > 1 && (text.ptr[0] | 0x20) == 'p')
        return parse_iso(text, ms_out);
    return parse_with_unit(text, duration_units, COUNT_OF(duration_units), ms_out);
}

bool cfg_parse_size(struct slice text, uint64_t *bytes_out)
{
    return parse_with_unit(text, size_units, COUNT_OF(size_units), bytes_out);
}

static void add_with_unit(struct buf *out, uint64_t value, const struct unit *units, unsigned count)
{
    unsigned i = 0;
    while (i + 1 < count && (value == 0 || value % units[i].factor != 0))
        i++;
    buf_addf(out, "%llu %.*s", (unsigned long long)(value / units[i].factor),
             (int)strcspn(units[i].names, " "), units[i].names);
}

void cfg_add_duration(struct buf *out, uint64_t ms)
{
    add_with_unit(out, ms, duration_units, COUNT_OF(duration_units));
}

void cfg_add_size(struct buf *out, uint64_t bytes)
{
    static const struct unit shown[] = {{"TiB", 1ULL << 40},
                                        {"GiB", 1ULL << 30},
                                        {"MiB", 1ULL << 20},
                                        {"KiB", 1ULL << 10},
                                        {"bytes", 1}};
    add_with_unit(out, bytes, shown, COUNT_OF(shown));
}

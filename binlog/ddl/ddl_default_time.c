/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates and times of a DEFAULT in the forms that the servers take: any punctuation between the
 * parts, two-digit years, digits alone; and their fraction rounded (MySQL) or cut (MariaDB) to the
 * column's digits.
 */
#include "ddl_literal_int.h"

enum { PARTS_MAX = 7, FRACTION_DIGITS = 6, FRACTION_ONE = 1000000 };

/* Runs of digits: their values and lengths. */
struct parts {
    uint32_t value[PARTS_MAX];
    unsigned len[PARTS_MAX];
    unsigned count;
    bool has_fraction; /* the last part stands behind a dot */
    bool is_negative;
    bool has_days; /* of a TIME: the first part is followed by a space */
};

struct moment {
    uint32_t year;
    uint32_t month;
    uint32_t day;
    uint32_t hour;
    uint32_t minute;
    uint32_t second;
    uint32_t fraction; /* millionths */
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool split(struct slice text, struct parts *parts)
{
    *parts = (struct parts){0};
    size_t at = 0;
    if (text.len > 0 && text.ptr[0] == '-') {
        parts->is_negative = true;
        at = 1;
    }
    while (at < text.len) {
        size_t start = at;
        uint64_t value = 0;
        while (at < text.len && is_digit(text.ptr[at]) && at - start < 14)
            value = value * 10 + (uint64_t)(text.ptr[at++] - '0');
        if (at == start || parts->count == PARTS_MAX || value > UINT32_MAX)
            return false;
        parts->value[parts->count] = (uint32_t)value;
        parts->len[parts->count++] = (unsigned)(at - start);
        if (at == text.len)
            break;
        if (is_digit(text.ptr[at]))
            return false;
        parts->has_days = parts->has_days || (parts->count == 1 && text.ptr[at] == ' ');
        parts->has_fraction = text.ptr[at] == '.' && (parts->count == 6 || parts->count == 3);
        at++;
    }
    return parts->count > 0;
}

/* Up to six digits behind a dot as millionths. */
static uint32_t fraction_of(const struct parts *parts, unsigned index)
{
    uint32_t value = parts->value[index];
    for (unsigned len = parts->len[index]; len < FRACTION_DIGITS; len++)
        value *= 10;
    for (unsigned len = parts->len[index]; len > FRACTION_DIGITS; len--)
        value /= 10;
    return value;
}

static uint32_t full_year(uint32_t year, unsigned len)
{
    if (len > 2)
        return year;
    return year < 70 ? year + 2000 : year + 1900;
}

/* Two digits of the text at `at`. */
static uint32_t pair(struct slice text, size_t at)
{
    return (uint32_t)(text.ptr[at] - '0') * 10 + (uint32_t)(text.ptr[at + 1] - '0');
}

/* YYYYMMDD, YYMMDD, and both with hhmmss behind them. */
static bool parse_digits_date(struct slice text, struct moment *moment)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_digit(text.ptr[i]))
            return false;
    bool is_long = text.len == 8 || text.len == 14;
    if (!is_long && text.len != 6 && text.len != 12)
        return false;
    moment->year = is_long ? pair(text, 0) * 100 + pair(text, 2) : full_year(pair(text, 0), 2);
    size_t at = is_long ? 4 : 2;
    moment->month = pair(text, at);
    moment->day = pair(text, at + 2);
    if (text.len >= 12) {
        moment->hour = pair(text, at + 4);
        moment->minute = pair(text, at + 6);
        moment->second = pair(text, at + 8);
    }
    return true;
}

static bool parse_date(struct slice text, struct moment *moment)
{
    struct parts parts;
    *moment = (struct moment){0};
    if (slice_equal(text, SLICE("0")))
        return true;
    if (parse_digits_date(text, moment))
        return true;
    if (!split(text, &parts) || parts.is_negative || parts.count < 3)
        return false;
    uint32_t *const fields[] = {&moment->year, &moment->month,  &moment->day,
                                &moment->hour, &moment->minute, &moment->second};
    for (unsigned i = 0; i < parts.count && i < COUNT_OF(fields); i++)
        *fields[i] = parts.value[i];
    bool is_zero = parts.value[0] == 0 && parts.value[1] == 0 && parts.value[2] == 0;
    if (!is_zero)
        moment->year = full_year(moment->year, parts.len[0]);
    if (parts.count == PARTS_MAX)
        moment->fraction = fraction_of(&parts, PARTS_MAX - 1);
    return moment->year <= 9999 && moment->month <= 12 && moment->day <= 31 && moment->hour < 24 &&
           moment->minute < 60 && moment->second < 60;
}

/* hhmmss of digits alone, from the right. */
static void spread_time(uint32_t digits, struct moment *moment)
{
    moment->second = digits % 100;
    moment->minute = digits / 100 % 100;
    moment->hour = digits / 10000;
}

static bool parse_time(struct slice text, struct moment *moment, bool *is_negative)
{
    struct parts parts;
    *moment = (struct moment){0};
    const uint8_t *dot = text.len == 0 ? NULL : memchr(text.ptr, '.', text.len);
    size_t whole = dot == NULL ? text.len : (size_t)(dot - text.ptr);
    if (!split(slice_of(text.ptr, whole), &parts))
        return false;
    *is_negative = parts.is_negative;
    unsigned first = parts.has_days ? 1 : 0;
    unsigned count = parts.count - first;
    if (count == 1 && !parts.has_days)
        spread_time(parts.value[0], moment);
    if (count > 3)
        return false;
    uint32_t *const fields[] = {&moment->hour, &moment->minute, &moment->second};
    for (unsigned i = 0; i < count && (count > 1 || parts.has_days); i++)
        *fields[i] = parts.value[first + i];
    if (parts.has_days && parts.value[0] < 40)
        moment->hour += parts.value[0] * 24;
    if (dot != NULL) {
        struct parts fraction;
        if (!split(slice_of(dot + 1, text.len - whole - 1), &fraction) || fraction.count != 1)
            return false;
        moment->fraction = fraction_of(&fraction, 0);
    }
    return moment->hour <= 838 && moment->minute < 60 && moment->second < 60;
}

static uint32_t days_in_month(uint32_t year, uint32_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month == 0 || month > 12)
        return 31;
    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* One second more. */
static void carry(struct moment *moment, bool is_time)
{
    if (++moment->second < 60)
        return;
    moment->second = 0;
    if (++moment->minute < 60)
        return;
    moment->minute = 0;
    if (++moment->hour < 24 || is_time)
        return;
    moment->hour = 0;
    if (++moment->day <= days_in_month(moment->year, moment->month))
        return;
    moment->day = 1;
    if (++moment->month <= 12)
        return;
    moment->month = 1;
    moment->year++;
}

static bool rounds(const struct ddl_context *context)
{
    if (context->is_mariadb)
        return (context->sql_mode & DDL_MODE_MARIADB_TIME_ROUND) != 0;
    return context->version >= 50600 && (context->sql_mode & DDL_MODE_MYSQL_TIME_TRUNCATE) == 0;
}

static void settle_fraction(const struct ddl_context *context, unsigned digits, bool is_time,
                            struct moment *moment)
{
    uint32_t unit = 1;
    for (unsigned i = digits; i < FRACTION_DIGITS; i++)
        unit *= 10;
    uint32_t rest = moment->fraction % unit;
    moment->fraction -= rest;
    if (!rounds(context) || rest * 2 < unit)
        return;
    moment->fraction += unit;
    if (moment->fraction == FRACTION_ONE) {
        moment->fraction = 0;
        carry(moment, is_time);
    }
}

static struct slice with_fraction(struct ddl_parser *parser, struct slice text, unsigned digits,
                                  uint32_t fraction)
{
    if (digits == 0 || digits > FRACTION_DIGITS)
        return text;
    uint8_t all[FRACTION_DIGITS];
    text_digits(all, fraction, FRACTION_DIGITS);
    return ddl_format(parser, "%.*s.%.*s", SLICE_ARG(text), (int)digits, (const char *)all);
}

/* A day or month of zero in a date that is not all zero: nothing of it is kept where the mode
 * forbids it, and in a TIMESTAMP never. */
static void settle_zeros(const struct ddl_parser *parser, const struct ddl_type *type,
                         struct moment *moment)
{
    bool is_forbidden =
        (parser->context->sql_mode & DDL_MODE_NO_ZERO_IN_DATE) != 0 || type->kind == DDL_TIMESTAMP;
    if (is_forbidden && (moment->month == 0 || moment->day == 0))
        *moment = (struct moment){0};
}

bool ddl_default_time(struct ddl_parser *parser, struct slice text, const struct ddl_type *type,
                      struct slice *shown_out)
{
    struct moment moment;
    unsigned digits = (unsigned)type->length;
    text = slice_trim(text);
    if (type->kind == DDL_TIME) {
        bool is_negative = false;
        if (!parse_time(text, &moment, &is_negative))
            return false;
        settle_fraction(parser->context, digits, true, &moment);
        struct slice whole = ddl_format(parser, "%s%02u:%02u:%02u", is_negative ? "-" : "",
                                        moment.hour, moment.minute, moment.second);
        *shown_out = with_fraction(parser, whole, digits, moment.fraction);
        return true;
    }
    if (!parse_date(text, &moment))
        return false;
    settle_zeros(parser, type, &moment);
    if (type->kind == DDL_DATE) {
        *shown_out = ddl_format(parser, "%04u-%02u-%02u", moment.year, moment.month, moment.day);
        return true;
    }
    settle_fraction(parser->context, digits, false, &moment);
    struct slice whole =
        ddl_format(parser, "%04u-%02u-%02u %02u:%02u:%02u", moment.year, moment.month, moment.day,
                   moment.hour, moment.minute, moment.second);
    *shown_out = with_fraction(parser, whole, digits, moment.fraction);
    return true;
}

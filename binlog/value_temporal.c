/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DATE, and TIME, DATETIME, TIMESTAMP as MySQL writes them since 5.6 (facts/binlog.md 6.10):
 *
 *   DATE         3 bytes, little-endian: year 15 bits, month 4, day 5
 *   TIMESTAMP(n) 4 bytes, big-endian: seconds since 1970 in UTC; then the fraction
 *   DATETIME(n)  5 bytes, big-endian, less 2^39: year*13+month 17 bits, day 5, hour 5, minute 6,
 *                second 6; then the fraction
 *   TIME(n)      3 bytes and the fraction as one big-endian number, less 2^23 at its own width:
 *                sign, hour 10 bits, minute 6, second 6
 *   fraction     (n+1)/2 bytes, in hundredths, ten-thousandths or millionths
 *
 * Zero and partial dates are values like others and are shown as the server shows them. A
 * TIMESTAMP is always shown in UTC. No state; any thread.
 */
#include "value_codec_int.h"

#define MICROS_PER_SECOND 1000000u

/* What one unit of a fraction of so many bytes is in microseconds. */
static const uint32_t fraction_unit[4] = {0, 10000, 100, 1};

bool value_time_from_datetime(struct value_time *time, uint64_t packed)
{
    enum { MONTHS = 13, YEAR_MAX = 9999 };
    uint64_t year_month = packed >> 22;
    time->year = (uint32_t)(year_month / MONTHS);
    time->month = (uint32_t)(year_month % MONTHS);
    time->day = packed >> 17 & 0x1f;
    time->hour = packed >> 12 & 0x1f;
    time->minute = packed >> 6 & 0x3f;
    time->second = packed & 0x3f;
    return year_month < (uint64_t)MONTHS * (YEAR_MAX + 1) && time->hour < 24 && time->minute < 60 &&
           time->second < 60;
}

bool value_time_from_time(struct value_time *time, uint64_t packed)
{
    time->hour = (uint32_t)(packed >> 12 & 0x3ff);
    time->minute = packed >> 6 & 0x3f;
    time->second = packed & 0x3f;
    return packed >> 22 == 0 && time->minute < 60 && time->second < 60;
}

/* Days since 1970 to a date of the Gregorian calendar, in eras of 400 years that begin in March. */
void value_time_from_unix(struct value_time *time, uint64_t seconds)
{
    enum { DAY_SECONDS = 86400, ERA_DAYS = 146097, EPOCH_DAYS = 719468 };
    uint64_t days = seconds / DAY_SECONDS + EPOCH_DAYS;
    uint32_t rest = (uint32_t)(seconds % DAY_SECONDS);
    uint64_t era = days / ERA_DAYS;
    uint32_t day_of_era = (uint32_t)(days % ERA_DAYS);
    uint32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t month_from_march = (5 * day_of_year + 2) / 153;
    time->day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    time->month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    time->year = (uint32_t)(era * 400) + year_of_era + (time->month <= 2);
    time->hour = rest / 3600;
    time->minute = rest / 60 % 60;
    time->second = rest % 60;
}

unsigned value_time_date(uint8_t *out, const struct value_time *time)
{
    text_two_digits(out, time->year / 100 % 100);
    text_two_digits(out + 2, time->year % 100);
    out[4] = '-';
    text_two_digits(out + 5, time->month % 100);
    out[7] = '-';
    text_two_digits(out + 8, time->day % 100);
    return 10;
}

static unsigned put_fraction(uint8_t *out, uint32_t micros, unsigned digits)
{
    if (digits == 0)
        return 0;
    out[0] = '.';
    text_two_digits(out + 1, micros / 10000 % 100);
    text_two_digits(out + 3, micros / 100 % 100);
    text_two_digits(out + 5, micros % 100);
    return 1 + digits; /* the room is there for all six */
}

/* ":MM:SS[.f]" */
static unsigned put_minutes(uint8_t *out, const struct value_time *time, unsigned digits)
{
    out[0] = ':';
    text_two_digits(out + 1, time->minute % 100);
    out[3] = ':';
    text_two_digits(out + 4, time->second % 100);
    return 6 + put_fraction(out + 6, time->micros, digits);
}

unsigned value_time_datetime(uint8_t *out, const struct value_time *time, unsigned digits)
{
    unsigned len = value_time_date(out, time);
    out[len++] = ' ';
    text_two_digits(out + len, time->hour % 100);
    return len + 2 + put_minutes(out + len + 2, time, digits);
}

unsigned value_time_time(uint8_t *out, const struct value_time *time, unsigned digits)
{
    unsigned len = 0;
    if (time->negative)
        out[len++] = '-';
    if (time->hour < 10)
        out[len++] = '0';
    len += text_u64(out + len, time->hour);
    return len + put_minutes(out + len, time, digits);
}

unsigned value_put_date(const struct column *column UNUSED, struct slice cell, uint8_t *out)
{
    if (cell.len != 3)
        return 0;
    uint32_t packed = load_u24le(cell.ptr);
    struct value_time time = {.year = packed >> 9, .month = packed >> 5 & 15, .day = packed & 0x1f};
    if (time.month > 12 || time.year > 9999)
        return 0;
    return value_time_date(out, &time);
}

/* The fraction behind `offset` bytes of the cell. */
static bool load_fraction(const struct column *column, struct slice cell, size_t offset,
                          uint32_t *micros)
{
    unsigned size = value_fraction_bytes(column->scale);
    uint64_t value = load_uint_be(cell.ptr + offset, size) * fraction_unit[size];
    *micros = (uint32_t)value;
    return value < MICROS_PER_SECOND;
}

unsigned value_put_datetime(const struct column *column, struct slice cell, uint8_t *out)
{
    const uint64_t zero = (uint64_t)1 << 39;
    size_t size = 5 + value_fraction_bytes(column->scale);
    if (cell.len != size)
        return 0;
    uint64_t packed = load_uint_be(cell.ptr, 5);
    struct value_time time = {0};
    if (packed < zero || !value_time_from_datetime(&time, packed - zero) ||
        !load_fraction(column, cell, 5, &time.micros))
        return 0;
    return value_time_datetime(out, &time, column->scale);
}

/* The negative numbers are the complement of the whole, fraction included, so the sign is taken
 * off before the parts are cut out (facts/binlog.md 6.10). */
unsigned value_put_time(const struct column *column, struct slice cell, uint8_t *out)
{
    unsigned fraction_bytes = value_fraction_bytes(column->scale);
    unsigned size = 3 + fraction_bytes;
    if (cell.len != size)
        return 0;
    unsigned fraction_bits = 8 * fraction_bytes;
    int64_t zero = (int64_t)0x800000 << fraction_bits;
    int64_t value = (int64_t)load_uint_be(cell.ptr, size) - zero;
    struct value_time time = {.negative = value < 0};
    uint64_t magnitude = (uint64_t)(value < 0 ? -value : value);
    uint64_t fraction = magnitude & (((uint64_t)1 << fraction_bits) - 1);
    uint64_t micros = fraction * fraction_unit[fraction_bytes];
    time.micros = (uint32_t)micros;
    if (!value_time_from_time(&time, magnitude >> fraction_bits) || micros >= MICROS_PER_SECOND)
        return 0;
    return value_time_time(out, &time, column->scale);
}

/* Second 0 is how the server stores '0000-00-00 00:00:00'. */
static unsigned put_timestamp(uint8_t *out, uint64_t seconds, uint32_t micros, unsigned digits)
{
    struct value_time time = {.micros = micros};
    if (seconds != 0 || micros != 0)
        value_time_from_unix(&time, seconds);
    return value_time_datetime(out, &time, digits);
}

unsigned value_put_timestamp(const struct column *column, struct slice cell, uint8_t *out)
{
    size_t size = 4 + value_fraction_bytes(column->scale);
    if (cell.len != size)
        return 0;
    uint32_t micros;
    if (!load_fraction(column, cell, 4, &micros))
        return 0;
    return put_timestamp(out, load_uint_be(cell.ptr, 4), micros, column->scale);
}

/* --- MySQL before 5.6, and MariaDB with mysql56_temporal_format=OFF: whole seconds (6.11) --- */

unsigned value_put_time_old(const struct column *column, struct slice cell, uint8_t *out)
{
    if (cell.len != 3)
        return 0;
    uint32_t raw = load_u24le(cell.ptr);
    bool negative = (raw & 0x800000) != 0;
    uint32_t digits = negative ? 0x1000000 - raw : raw; /* HHHMMSS */
    struct value_time time = {.negative = negative,
                              .hour = digits / 10000,
                              .minute = digits / 100 % 100,
                              .second = digits % 100};
    if (time.minute > 59 || time.second > 59)
        return 0;
    return value_time_time(out, &time, column->scale);
}

unsigned value_put_datetime_old(const struct column *column, struct slice cell, uint8_t *out)
{
    if (cell.len != 8)
        return 0;
    uint64_t digits = load_u64le(cell.ptr); /* YYYYMMDDHHMMSS */
    uint64_t date = digits / 1000000;
    uint32_t clock = (uint32_t)(digits % 1000000);
    struct value_time time = {.year = (uint32_t)(date / 10000 % 10000),
                              .month = (uint32_t)(date / 100 % 100),
                              .day = (uint32_t)(date % 100),
                              .hour = clock / 10000,
                              .minute = clock / 100 % 100,
                              .second = clock % 100};
    if (date > 99991231 || time.month > 12 || time.day > 31 || time.hour > 23 || time.minute > 59 ||
        time.second > 59)
        return 0;
    return value_time_datetime(out, &time, column->scale);
}

unsigned value_put_timestamp_old(const struct column *column, struct slice cell, uint8_t *out)
{
    if (cell.len != 4)
        return 0;
    return put_timestamp(out, load_u32le(cell.ptr), 0, column->scale);
}

/* --- MariaDB 5.3: the same wire types with a fraction, big-endian; the fraction digits are only
 * in the catalog (6.12) --- */

unsigned value_mariadb53_bytes(uint8_t wire_type, unsigned fraction_digits)
{
    static const uint8_t time_bytes[] = {3, 4, 4, 5, 5, 5, 6};
    static const uint8_t datetime_bytes[] = {8, 6, 6, 7, 7, 7, 8};
    static const uint8_t timestamp_bytes[] = {4, 5, 5, 6, 6, 7, 7};
    ASSERT(fraction_digits <= FRACTION_DIGITS_MAX);
    return wire_type == WIRE_TIME       ? time_bytes[fraction_digits]
           : wire_type == WIRE_DATETIME ? datetime_bytes[fraction_digits]
                                        : timestamp_bytes[fraction_digits];
}

static const uint32_t power_of_ten[FRACTION_DIGITS_MAX + 1] = {1,     10,     100,    1000,
                                                               10000, 100000, 1000000};

/* A count of 10^-scale seconds to whole seconds and microseconds. */
static uint64_t split_units(const struct column *column, uint64_t units, uint32_t *micros)
{
    uint32_t per_second = power_of_ten[column->scale];
    *micros = (uint32_t)(units % per_second) * power_of_ten[FRACTION_DIGITS_MAX - column->scale];
    return units / per_second;
}

unsigned value_put_time_mariadb53(const struct column *column, struct slice cell, uint8_t *out)
{
    enum { ZERO_SECONDS = 839 * 3600 };
    unsigned size = value_mariadb53_bytes(WIRE_TIME, column->scale);
    if (cell.len != size)
        return 0;
    int64_t zero = (int64_t)ZERO_SECONDS * power_of_ten[column->scale];
    int64_t units = (int64_t)load_uint_be(cell.ptr, size) - zero;
    struct value_time time = {.negative = units < 0};
    uint64_t magnitude = (uint64_t)(units < 0 ? -units : units);
    uint64_t seconds = split_units(column, magnitude, &time.micros);
    if (seconds >= ZERO_SECONDS)
        return 0;
    time.hour = (uint32_t)(seconds / 3600);
    time.minute = (uint32_t)(seconds / 60 % 60);
    time.second = (uint32_t)(seconds % 60);
    return value_time_time(out, &time, column->scale);
}

unsigned value_put_datetime_mariadb53(const struct column *column, struct slice cell, uint8_t *out)
{
    unsigned size = value_mariadb53_bytes(WIRE_DATETIME, column->scale);
    if (cell.len != size)
        return 0;
    struct value_time time = {0};
    uint64_t rest = split_units(column, load_uint_be(cell.ptr, size), &time.micros);
    time.second = (uint32_t)(rest % 60);
    time.minute = (uint32_t)(rest / 60 % 60);
    time.hour = (uint32_t)(rest / 3600 % 24);
    time.day = (uint32_t)(rest / 86400 % 32);
    time.month = (uint32_t)(rest / 86400 / 32 % 13);
    uint64_t year = rest / 86400 / 32 / 13;
    time.year = (uint32_t)year;
    if (year > 9999)
        return 0;
    return value_time_datetime(out, &time, column->scale);
}

unsigned value_put_timestamp_mariadb53(const struct column *column, struct slice cell, uint8_t *out)
{
    unsigned size = value_mariadb53_bytes(WIRE_TIMESTAMP, column->scale);
    if (cell.len != size)
        return 0;
    uint64_t fraction = load_uint_be(cell.ptr + 4, size - 4);
    if (fraction >= power_of_ten[column->scale])
        return 0;
    uint32_t micros = (uint32_t)fraction * power_of_ten[FRACTION_DIGITS_MAX - column->scale];
    return put_timestamp(out, load_uint_be(cell.ptr, 4), micros, column->scale);
}

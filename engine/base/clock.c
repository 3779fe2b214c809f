/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See clock.h. The calendar is the proleptic Gregorian one, without leap seconds, as POSIX has it.
 */
#include "clock.h"

#include "text.h"

#include <stdatomic.h>
#include <time.h>

static uint64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t clock_monotonic_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

void clock_sleep_ms(unsigned ms)
{
    struct timespec rest = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};
    while (nanosleep(&rest, &rest) != 0)
        continue;
}

/* Days to date in the proleptic Gregorian calendar: count in 400-year eras that start on 1 March,
 * so that the leap day is the last of its year. */
struct civil_time clock_civil(int64_t unix_seconds)
{
    int64_t days = unix_seconds / 86400;
    int64_t rest = unix_seconds % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    days += 719468; /* from 0000-03-01 to 1970-01-01 */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return (struct civil_time){.year = (int32_t)(year_of_era + era * 400 + (month <= 2)),
                               .month = (uint8_t)month,
                               .day = (uint8_t)day,
                               .hour = (uint8_t)(rest / 3600),
                               .minute = (uint8_t)(rest / 60 % 60),
                               .second = (uint8_t)(rest % 60)};
}

int64_t clock_unix_seconds(struct civil_time civil)
{
    int64_t year = civil.year - (civil.month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = civil.month > 2 ? civil.month - 3 : civil.month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + civil.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    int64_t days = era * 146097 + day_of_era - 719468;
    return days * 86400 + civil.hour * 3600 + civil.minute * 60 + civil.second;
}

void clock_add_rfc3339(struct buf *out, uint64_t unix_us)
{
    enum { WHOLE = 19, LONGEST = 27 };
    struct civil_time t = clock_civil((int64_t)(unix_us / 1000000u));
    uint8_t *to = buf_reserve(out, LONGEST);
    if (to == NULL)
        return;
    memcpy(to, "0000-00-00T00:00:00", WHOLE);
    text_digits(to, (uint32_t)(t.year % 10000), 4);
    text_digits(to + 5, t.month, 2);
    text_digits(to + 8, t.day, 2);
    text_digits(to + 11, t.hour, 2);
    text_digits(to + 14, t.minute, 2);
    text_digits(to + 17, t.second, 2);
    unsigned len = WHOLE;
    unsigned fraction = (unsigned)(unix_us % 1000000u);
    if (fraction != 0) {
        to[len] = '.';
        text_digits(to + len + 1, fraction, 6);
        len += 7;
    }
    to[len++] = 'Z';
    out->len += len;
}

unsigned clock_backoff_ms(unsigned attempt, unsigned base_ms, unsigned cap_ms)
{
    uint64_t top = (uint64_t)base_ms << (attempt > 20 ? 20 : attempt);
    if (top > cap_ms)
        top = cap_ms;
    if (top <= base_ms)
        return (unsigned)top;
    /* Jitter only spreads clients out; any cheap generator will do. */
    static _Atomic uint64_t state = 0;
    uint64_t x = atomic_fetch_add(&state, 0x9e3779b97f4a7c15u) + clock_monotonic_us();
    x ^= x >> 31;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    return base_ms + (unsigned)(x % (top - base_ms + 1));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time. Intervals and deadlines use the monotonic clock; the wall clock is for people and for
 * labels' ages only. Civil dates are computed in UTC by integer arithmetic, so the host's zone has
 * no effect.
 */
#ifndef MILLRACE_BASE_CLOCK_H
#define MILLRACE_BASE_CLOCK_H

#include <stdint.h>

#include "buf.h"

uint64_t clock_monotonic_us(void);
uint64_t clock_wall_us(void); /* since 1970-01-01 UTC */
void clock_sleep_ms(unsigned ms);

struct civil_time {
    int32_t year;
    uint8_t month; /* 1 to 12 */
    uint8_t day;   /* 1 to 31 */
    uint8_t hour;
    uint8_t minute;
    uint8_t second;
};

/* Seconds since 1970-01-01 UTC (may be negative) to date and time. */
struct civil_time clock_civil(int64_t unix_seconds);
int64_t clock_unix_seconds(struct civil_time civil);
/* "2026-11-21T13:45:00.123456Z", as RFC 3339 wants; whole seconds carry no fraction. */
void clock_add_rfc3339(struct buf *out, uint64_t unix_us);

/* Exponential backoff with full jitter: a pause between base_ms and min(cap_ms, base_ms *
 * 2^attempt). attempt counts from 0. */
unsigned clock_backoff_ms(unsigned attempt, unsigned base_ms, unsigned cap_ms);

#endif

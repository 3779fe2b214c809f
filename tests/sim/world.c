/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a seed decides. Each world has its own weather: some kinds of faults never happen in it,
 * others rarely, others all the time, because mistakes hide in certain mixtures of few kinds.
 */
#include "sim_int.h"

#include <stdarg.h>
#include <stdio.h>

struct world world;

const char *const fault_texts[FAULT_COUNT] = {
#define X(name, text) text,
    SIM_FAULTS(X)
#undef X
};

static uint64_t state;
static uint64_t hash;
static unsigned rates[FAULT_COUNT]; /* in 1,000 */

uint64_t mix_u64(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint64_t random_u64(void)
{
    state += UINT64_C(0x9e3779b97f4a7c15);
    return mix_u64(state);
}

uint64_t random_below(uint64_t bound)
{
    ASSERT(bound > 0);
    return random_u64() % bound;
}

uint64_t random_between(uint64_t lowest, uint64_t highest)
{
    return lowest + random_below(highest - lowest + 1);
}

bool random_chance(unsigned per_mille)
{
    return random_below(1000) < per_mille;
}

uint64_t random_delay(uint64_t highest)
{
    uint64_t bound = random_chance(800) ? highest / 50 + 1 : highest;
    return random_between(1, bound);
}

/* Two thirds of the kinds do not happen in a world. */
static void choose_weather(void)
{
    unsigned strength = (unsigned)random_between(1, 4);
    for (unsigned i = 0; i < FAULT_COUNT; i++) {
        static const unsigned steps[] = {5, 20, 60, 150, 400};
        rates[i] = random_chance(350) ? steps[random_below(strength + 1)] : 0;
    }
    /* What ends a life is rarer than what a life has to bear, else nothing would ever be begun. */
    static const enum fault ends[] = {FAULT_DISK_WRITE, FAULT_DISK_SYNC, FAULT_DISK_OTHER,
                                      FAULT_SOURCE,     FAULT_DISK_READ, FAULT_STOP};
    for (unsigned i = 0; i < COUNT_OF(ends); i++)
        rates[ends[i]] = rates[ends[i]] / 10;
    /* A database is busy or not. */
    if (rates[FAULT_FORGOTTEN] > 0)
        rates[FAULT_FORGOTTEN] = 700;
}

void world_begin(uint64_t seed, bool verbose)
{
    memset(&world, 0, sizeof(world));
    world.seed = seed;
    world.verbose = verbose;
    state = mix_u64(seed * UINT64_C(0x9e3779b97f4a7c15) + 1);
    hash = 0;
    sim_set_now_us(SECOND);
    choose_weather();
    world.starrocks = random_chance(500);
    trace("seed %llu, %s", (unsigned long long)seed,
          world.starrocks ? "StarRocks" : "Apache Doris");
}

void trace(const char *format, ...)
{
    char line[400];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    size_t used = len < 0 ? 0 : (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1;
    uint64_t now_us = sim_now_us();
    hash = mix_u64(hash ^ slice_hash(slice_of(line, used)) ^ mix_u64(now_us));
    if (world.verbose)
        fprintf(stderr, "%4llu.%06llu  %s\n", (unsigned long long)(now_us / SECOND),
                (unsigned long long)(now_us % SECOND), line);
}

uint64_t trace_hash(void)
{
    return hash;
}

void violation(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!is_violated()) {
        vsnprintf(world.violation, sizeof(world.violation), format, args);
        trace("VIOLATION: %s", world.violation);
    }
    va_end(args);
    life_die();
}

void fault_note(enum fault kind)
{
    world.faults[kind]++;
    trace("fault: %s", fault_texts[kind]);
}

bool fault_between_lives(enum fault kind)
{
    if (world.calm || rates[kind] == 0 || !random_chance(rates[kind]))
        return false;
    fault_note(kind);
    return true;
}

bool fault(enum fault kind)
{
    return !life_is_dead() && fault_between_lives(kind);
}

/* ---- the engine's log ---- */

/* In the place of the real one, which looks at the clock and at the terminal. Whether somebody reads along
 * must not change what happens, so every line is made, whoever sees it: its figures may cost a look at
 * the clock. */
bool __wrap_log_enabled(enum log_level level, const char *component);
bool __wrap_log_enabled(enum log_level level, const char *component UNUSED)
{
    return level >= LOG_INFO;
}

void __wrap_log_write(enum log_level level, const char *component, const char *sentence,
                      const struct log_field *fields, unsigned field_count);
void __wrap_log_write(enum log_level level UNUSED, const char *component, const char *sentence,
                      const struct log_field *fields, unsigned field_count)
{
    if (!world.verbose)
        return;
    fprintf(stderr, "             [%s] %s", component, sentence);
    for (unsigned i = 0; i < field_count; i++)
        if (fields[i].kind == LOG_FIELD_TEXT)
            fprintf(stderr, " %s=%.*s", fields[i].name, SLICE_ARG(fields[i].value.text));
        else if (fields[i].kind == LOG_FIELD_U64)
            fprintf(stderr, " %s=%llu", fields[i].name, (unsigned long long)fields[i].value.u64);
    fputc('\n', stderr);
}

void __wrap_log_progress(const char *text);
void __wrap_log_progress(const char *text UNUSED)
{
}

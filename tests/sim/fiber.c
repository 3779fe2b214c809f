/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads without threads: each is a stack of its own on the one real thread, and who runs next is
 * drawn from the seed. A fiber gives way where it waits, and now and then where it gives a lock
 * back. When all of them wait, the clock moves to the first deadline: a year takes no time.
 *
 * Locks are only checked: nobody gives way while holding one, except in a wait, which gives the
 * lock back. So a lock that is taken twice is a mistake of the engine, and told as one.
 */
#include "sim_int.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define HAS_ASAN 1
#endif
#endif

enum { FIBERS_MAX = 16, STACK_BYTES = 256 << 10, LOOKS_MAX = 1000000 };
#define NEVER UINT64_MAX

enum fiber_state { FIBER_FREE = 0, FIBER_READY, FIBER_WAITING, FIBER_ENDED };

struct fiber {
    enum fiber_state state;
    const void *waits_on; /* a condition, a fiber that is joined, or NULL: time alone */
    uint64_t until_us;
    bool timed_out;
    void *(*main)(void *);
    void *ctx;
    ucontext_t context;
    void *stack; /* kept from world to world; NULL for the first fiber */
    void *fake_stack;
};

static struct fiber fibers[FIBERS_MAX];
static unsigned current;
static uint64_t now_us;
static unsigned looks; /* at the clock, since somebody waited */

/* What lies in the memory of a pthread_mutex_t here. All zero is free, as the static one is. */
struct sim_mutex {
    unsigned held_by; /* fiber + 1; 0: free */
};
_Static_assert(sizeof(struct sim_mutex) <= sizeof(pthread_mutex_t), "it lies in a pthread_mutex_t");

uint64_t sim_now_us(void)
{
    return now_us;
}

void sim_set_now_us(uint64_t us)
{
    now_us = us;
}

void fibers_begin(void)
{
    for (unsigned i = 0; i < FIBERS_MAX; i++)
        fibers[i].state = FIBER_FREE;
    fibers[0].state = FIBER_READY;
    current = 0;
}

unsigned fibers_running(void)
{
    unsigned count = 0;
    for (unsigned i = 1; i < FIBERS_MAX; i++)
        count += fibers[i].state != FIBER_FREE;
    return count;
}

static void after_switch(struct fiber *self UNUSED)
{
#ifdef HAS_ASAN
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(self->fake_stack, &bottom, &size);
#endif
}

#ifdef HAS_ASAN
/* The first fiber's stack is the thread's own. */
static void own_stack(const void **bottom, size_t *size)
{
    static const void *kept_bottom;
    static size_t kept_size;
    if (kept_bottom == NULL) {
        pthread_attr_t attr;
        void *at = NULL;
        if (pthread_getattr_np(pthread_self(), &attr) == 0) {
            pthread_attr_getstack(&attr, &at, &kept_size);
            pthread_attr_destroy(&attr);
        }
        kept_bottom = at;
    }
    *bottom = kept_bottom;
    *size = kept_size;
}
#endif

static void switch_to(unsigned next)
{
    if (next == current)
        return;
    struct fiber *from = &fibers[current];
    struct fiber *to = &fibers[next];
    current = next;
#ifdef HAS_ASAN
    const void *bottom = to->stack;
    size_t size = STACK_BYTES;
    if (to->stack == NULL)
        own_stack(&bottom, &size);
    __sanitizer_start_switch_fiber(from->state == FIBER_ENDED ? NULL : &from->fake_stack, bottom,
                                   size);
#endif
    swapcontext(&from->context, &to->context);
    after_switch(&fibers[current]);
}

/* Wakes those whose time has come; the earliest deadline otherwise. */
static uint64_t wake_due(void)
{
    uint64_t first_us = NEVER;
    for (unsigned i = 0; i < FIBERS_MAX; i++) {
        struct fiber *fiber = &fibers[i];
        if (fiber->state != FIBER_WAITING)
            continue;
        if (fiber->until_us <= now_us) {
            fiber->state = FIBER_READY;
            fiber->timed_out = true;
        } else if (fiber->until_us < first_us) {
            first_us = fiber->until_us;
        }
    }
    return first_us;
}

static unsigned pick(void)
{
    for (;;) {
        uint64_t first_us = wake_due();
        unsigned ready[FIBERS_MAX];
        unsigned count = 0;
        for (unsigned i = 0; i < FIBERS_MAX; i++)
            if (fibers[i].state == FIBER_READY)
                ready[count++] = i;
        if (count > 0)
            return ready[count == 1 ? 0 : random_below(count)];
        if (first_us == NEVER) {
            /* Nobody can ever run again. There is no way back from here, so the seed is told. */
            trace("every thread waits for another");
            fprintf(stderr, "seed %llu: every thread of the engine waits for another one\n",
                    (unsigned long long)world.seed);
            abort();
        }
        now_us = first_us;
    }
}

static void give_way(void)
{
    switch_to(pick());
}

/* False: the time was over first. */
static bool wait_on(const void *what, uint64_t until_us)
{
    struct fiber *self = &fibers[current];
    looks = 0;
    self->state = FIBER_WAITING;
    self->waits_on = what;
    self->until_us = until_us;
    self->timed_out = false;
    give_way();
    return !self->timed_out;
}

static void wake(const void *what, bool all)
{
    unsigned waiting[FIBERS_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < FIBERS_MAX; i++)
        if (fibers[i].state == FIBER_WAITING && fibers[i].waits_on == what)
            waiting[count++] = i;
    if (count == 0)
        return;
    unsigned chosen = all || count == 1 ? 0 : (unsigned)random_below(count);
    for (unsigned i = chosen; i < (all ? count : chosen + 1); i++)
        fibers[waiting[i]].state = FIBER_READY;
}

void fiber_sleep(uint64_t us)
{
    (void)wait_on(NULL, now_us + us);
}

void fiber_sleep_on(const void *cond, uint64_t us)
{
    (void)wait_on(cond, now_us + us);
}

/* ---- what the engine calls ---- */

static void fiber_main(void)
{
    struct fiber *self = &fibers[current];
    after_switch(self);
    (void)self->main(self->ctx);
    self->state = FIBER_ENDED;
    wake(self, true);
    give_way();
}

/* A fiber with a stack; FIBERS_MAX: there is none left. */
static unsigned free_fiber(void)
{
    unsigned i = 1;
    while (i < FIBERS_MAX && fibers[i].state != FIBER_FREE)
        i++;
    if (i < FIBERS_MAX && fibers[i].stack == NULL)
        fibers[i].stack = malloc(STACK_BYTES);
    return i < FIBERS_MAX && fibers[i].stack == NULL ? FIBERS_MAX : i;
}

/* Here and not in its caller, because getcontext may return twice, as setjmp does. */
static void make_context(struct fiber *fiber)
{
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = STACK_BYTES;
    fiber->context.uc_link = NULL;
    makecontext(&fiber->context, fiber_main, 0);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *ctx);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr UNUSED,
                          void *(*start)(void *), void *ctx)
{
    unsigned number = free_fiber();
    if (number == FIBERS_MAX)
        return EAGAIN;
    struct fiber *fiber = &fibers[number];
    fiber->main = start;
    fiber->ctx = ctx;
    fiber->fake_stack = NULL;
    fiber->state = FIBER_READY;
    make_context(fiber);
    *thread = (pthread_t)number;
    return 0;
}

int __wrap_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result)
{
    struct fiber *fiber = &fibers[thread];
    while (fiber->state != FIBER_ENDED)
        (void)wait_on(fiber, NEVER);
    fiber->state = FIBER_FREE;
    if (result != NULL)
        *result = NULL;
    return 0;
}

static struct sim_mutex *mutex_of(pthread_mutex_t *mutex)
{
    return (struct sim_mutex *)(void *)mutex;
}

int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr UNUSED)
{
    mutex_of(mutex)->held_by = 0;
    return 0;
}

int __wrap_pthread_mutex_destroy(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_destroy(pthread_mutex_t *mutex)
{
    if (mutex_of(mutex)->held_by != 0)
        violation("a lock was destroyed while it was held");
    return 0;
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (mutex_of(mutex)->held_by != 0)
        violation("a lock was taken by thread %u while thread %u held it and waited for something "
                  "else",
                  current, mutex_of(mutex)->held_by - 1);
    mutex_of(mutex)->held_by = current + 1;
    return 0;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    if (mutex_of(mutex)->held_by != current + 1)
        violation("a lock was given back by a thread that did not hold it");
    mutex_of(mutex)->held_by = 0;
    if (fibers_running() > 0 && random_chance(60))
        give_way();
    return 0;
}

int __wrap_pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr);
int __wrap_pthread_cond_init(pthread_cond_t *cond UNUSED, const pthread_condattr_t *attr UNUSED)
{
    return 0;
}

int __wrap_pthread_cond_destroy(pthread_cond_t *cond);
int __wrap_pthread_cond_destroy(pthread_cond_t *cond UNUSED)
{
    return 0;
}

static bool wait_without(pthread_mutex_t *mutex, const void *cond, uint64_t until_us)
{
    mutex_of(mutex)->held_by = 0;
    bool woken = wait_on(cond, until_us);
    mutex_of(mutex)->held_by = current + 1;
    return woken;
}

int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    (void)wait_without(mutex, cond, NEVER);
    return 0;
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until)
{
    uint64_t until_us = (uint64_t)until->tv_sec * SECOND + (uint64_t)until->tv_nsec / 1000;
    return wait_without(mutex, cond, until_us) ? 0 : ETIMEDOUT;
}

int __wrap_pthread_cond_signal(pthread_cond_t *cond);
int __wrap_pthread_cond_signal(pthread_cond_t *cond)
{
    wake(cond, false);
    return 0;
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *cond);
int __wrap_pthread_cond_broadcast(pthread_cond_t *cond)
{
    wake(cond, true);
    return 0;
}

/* ---- the clock ---- */

/* Each look costs a little, so that nobody can wait for a moment by looking at the clock alone; and
 * who looks so often without ever waiting goes round in a circle. */
static uint64_t look(void)
{
    if (++looks == LOOKS_MAX)
        violation("the engine looked at the clock %u times and never waited for anything",
                  LOOKS_MAX);
    life_watch_clock();
    return ++now_us;
}

uint64_t __wrap_clock_monotonic_us(void);
uint64_t __wrap_clock_monotonic_us(void)
{
    return look();
}

/* 2026-01-01, so that nothing is near the epoch. */
#define WALL_BASE_US UINT64_C(1767225600000000)

uint64_t __wrap_clock_wall_us(void);
uint64_t __wrap_clock_wall_us(void)
{
    return WALL_BASE_US + look();
}

void __wrap_clock_sleep_ms(unsigned ms);
void __wrap_clock_sleep_ms(unsigned ms)
{
    fiber_sleep(ms * MS);
}

/* The real one's jitter has a state that goes from world to world. */
unsigned __wrap_clock_backoff_ms(unsigned attempt, unsigned base_ms, unsigned cap_ms);
unsigned __wrap_clock_backoff_ms(unsigned attempt, unsigned base_ms, unsigned cap_ms)
{
    uint64_t top = (uint64_t)base_ms << (attempt > 20 ? 20 : attempt);
    if (top > cap_ms)
        top = cap_ms;
    return top <= base_ms ? (unsigned)top : (unsigned)random_between(base_ms, top);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The queue between two threads, and the pool of chunks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

static struct ring make(unsigned capacity)
{
    struct ring ring;
    struct error err;
    assert_int_equal(ring_init(&ring, capacity, &err), RC_OK);
    return ring;
}

static void first_in_first_out(void **state)
{
    (void)state;
    struct ring ring = make(3);
    int items[7];
    void *item = NULL;
    assert_int_equal(ring_pop(&ring, &item, 0), RC_AGAIN);
    for (unsigned round = 0; round < 5; round++) {
        assert_int_equal(ring_push(&ring, &items[0]), RC_OK);
        assert_int_equal(ring_push(&ring, &items[1]), RC_OK);
        assert_int_equal(ring_pop(&ring, &item, 0), RC_OK);
        assert_ptr_equal(item, &items[0]);
        assert_int_equal(ring_push(&ring, &items[2]), RC_OK);
        assert_int_equal(ring_pop(&ring, &item, 0), RC_OK);
        assert_ptr_equal(item, &items[1]);
        assert_int_equal(ring_pop(&ring, &item, 0), RC_OK);
        assert_ptr_equal(item, &items[2]);
    }
    ring_deinit(&ring);
    ring_deinit(&ring);
}

static void waiting_ends(void **state)
{
    (void)state;
    struct ring ring = make(1);
    void *item = NULL;
    uint64_t before_us = clock_monotonic_us();
    assert_int_equal(ring_pop(&ring, &item, 30), RC_AGAIN);
    assert_true(clock_monotonic_us() - before_us >= 29000);
    ring_deinit(&ring);
}

static void closed_rings_drain(void **state)
{
    (void)state;
    struct ring ring = make(2);
    int thing;
    void *item = NULL;
    assert_int_equal(ring_push(&ring, &thing), RC_OK);
    ring_close(&ring);
    assert_int_equal(ring_push(&ring, &thing), RC_CANCELLED);
    assert_int_equal(ring_pop(&ring, &item, 1000), RC_OK);
    assert_ptr_equal(item, &thing);
    assert_int_equal(ring_pop(&ring, &item, 100000), RC_EOF);
    ring_reopen(&ring);
    assert_int_equal(ring_pop(&ring, &item, 0), RC_AGAIN);
    assert_int_equal(ring_push(&ring, &thing), RC_OK);
    ring_reopen(&ring);
    assert_int_equal(ring_pop(&ring, &item, 0), RC_AGAIN);
    ring_deinit(&ring);
}

enum { ITEMS = 20000 };
static int numbers[ITEMS];

static void *push_all(void *ctx)
{
    for (unsigned i = 0; i < ITEMS; i++)
        if (ring_push(ctx, &numbers[i]) != RC_OK)
            return ctx;
    ring_close(ctx);
    return NULL;
}

static void two_threads(void **state)
{
    (void)state;
    struct ring ring = make(4);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, push_all, &ring), 0);
    void *item = NULL;
    for (unsigned i = 0; i < ITEMS; i++) {
        assert_int_equal(ring_pop(&ring, &item, 10000), RC_OK);
        assert_ptr_equal(item, &numbers[i]);
    }
    assert_int_equal(ring_pop(&ring, &item, 10000), RC_EOF);
    void *left = &ring;
    assert_int_equal(pthread_join(thread, &left), 0);
    assert_null(left);
    ring_deinit(&ring);
}

static void closing_wakes_a_full_push(void **state)
{
    (void)state;
    struct ring ring = make(1);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, push_all, &ring), 0);
    clock_sleep_ms(20);
    ring_close(&ring);
    void *stopped = NULL;
    assert_int_equal(pthread_join(thread, &stopped), 0);
    assert_ptr_equal(stopped, &ring);
    ring_deinit(&ring);
}

static void chunks_come_back(void **state)
{
    (void)state;
    struct chunk_pool *pool = NULL;
    struct error err;
    assert_int_equal(chunk_pool_new(1000, 2, &pool, &err), RC_OK);
    struct chunk *a = chunk_take(pool);
    struct chunk *b = chunk_take(pool);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    assert_int_equal(a->cap, 1000);
    assert_int_equal(a->len, 0);
    memset(a->ptr, 1, a->cap);
    a->len = 1000;
    uint32_t generation = a->generation;
    chunk_retain(a);
    chunk_release(a);
    chunk_release(b);
    assert_ptr_equal(chunk_take(pool), b);
    chunk_release(a);
    assert_ptr_equal(chunk_take(pool), a);
    assert_int_equal(a->len, 0);
    assert_int_equal(a->generation, generation + 1);
    chunk_release(a);
    chunk_release(b);
    chunk_pool_free(pool);
    chunk_pool_free(NULL);
}

static void *take_one(void *ctx)
{
    return chunk_take(ctx);
}

static void takers_wait_and_are_woken(void **state)
{
    (void)state;
    struct chunk_pool *pool = NULL;
    assert_int_equal(chunk_pool_new(10, 1, &pool, NULL), RC_OK);
    struct chunk *only = chunk_take(pool);
    pthread_t thread;
    void *taken = NULL;
    assert_int_equal(pthread_create(&thread, NULL, take_one, pool), 0);
    clock_sleep_ms(20);
    chunk_release(only);
    assert_int_equal(pthread_join(thread, &taken), 0);
    assert_ptr_equal(taken, only);
    assert_int_equal(pthread_create(&thread, NULL, take_one, pool), 0);
    clock_sleep_ms(20);
    chunk_pool_stop(pool);
    assert_int_equal(pthread_join(thread, &taken), 0);
    assert_null(taken);
    chunk_release(only);
    assert_null(chunk_take(pool)); /* stopped, though one is free */
    chunk_pool_restart(pool);
    assert_ptr_equal(chunk_take(pool), only);
    chunk_release(only);
    chunk_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out),        cmocka_unit_test(waiting_ends),
        cmocka_unit_test(closed_rings_drain),        cmocka_unit_test(two_threads),
        cmocka_unit_test(closing_wakes_a_full_push), cmocka_unit_test(chunks_come_back),
        cmocka_unit_test(takers_wait_and_are_woken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

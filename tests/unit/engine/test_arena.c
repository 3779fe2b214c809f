/* SPDX-License-Identifier: Apache-2.0 */
/* Memory with one end of life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

static bool is_zero(const uint8_t *ptr, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (ptr[i] != 0)
            return false;
    return true;
}

static void zeroed_and_aligned(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, "test", 1 << 20);
    for (unsigned round = 0; round < 3; round++) {
        for (size_t size = 0; size < 2000; size += 13) {
            uint8_t *ptr = arena_alloc(&arena, size);
            assert_non_null(ptr);
            assert_int_equal((uintptr_t)ptr % 16, 0);
            assert_true(is_zero(ptr, size));
            memset(ptr, 0xff, size);
        }
        arena_reset(&arena);
        assert_int_equal(arena.used_bytes, 0);
    }
    arena_deinit(&arena);
    arena_deinit(&arena);
}

static void pieces_do_not_overlap(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, "test", 1 << 20);
    uint8_t *pieces[300];
    for (unsigned i = 0; i < 300; i++) {
        pieces[i] = arena_alloc(&arena, 100);
        assert_non_null(pieces[i]);
        memset(pieces[i], (int)(i & 0xff), 100);
    }
    for (unsigned i = 0; i < 300; i++)
        for (unsigned k = 0; k < 100; k++)
            if (pieces[i][k] != (i & 0xff))
                fail_msg("piece %u", i);
    arena_deinit(&arena);
}

static void the_limit_holds(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, "test", 1024);
    assert_null(arena_alloc(&arena, 1025));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 14));
    assert_non_null(arena_alloc(&arena, 1024));
    assert_null(arena_alloc(&arena, 1));
    assert_null(arena_alloc(&arena, 0));
    assert_null(arena_copy(&arena, SLICE("a")).ptr);
    assert_null(arena_cstr(&arena, SLICE("a")));
    arena_reset(&arena);
    assert_non_null(arena_alloc(&arena, 1024));
    arena_deinit(&arena);
    arena_init(&arena, "no limit", SIZE_MAX);
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 15));
    assert_null(arena_copy(&arena, slice_of("x", SIZE_MAX)).ptr);
    assert_null(arena_cstr(&arena, slice_of("x", SIZE_MAX)));
    arena_deinit(&arena);
}

static void copies(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, "test", 100000);
    struct slice copy = arena_copy(&arena, SLICE("a\0b"));
    assert_true(slice_equal(copy, SLICE("a\0b")));
    assert_int_equal(copy.ptr[3], 0);
    copy = arena_copy(&arena, SLICE_EMPTY);
    assert_non_null(copy.ptr);
    assert_int_equal(copy.len, 0);
    assert_string_equal(arena_cstr(&arena, SLICE("text")), "text");
    assert_string_equal(arena_cstr(&arena, SLICE_EMPTY), "");
    uint8_t large[40000];
    memset(large, 7, sizeof(large));
    copy = arena_copy(&arena, slice_of(large, sizeof(large)));
    assert_memory_equal(copy.ptr, large, sizeof(large));
    assert_string_equal(arena_cstr(&arena, SLICE("after a large one")), "after a large one");
    arena_reset(&arena);
    assert_string_equal(arena_cstr(&arena, SLICE("again")), "again");
    arena_deinit(&arena);
}

/* One that is filled again and again comes to a block that holds a round. */
static void rounds_settle(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, "test", 1 << 20);
    void *first[4];
    void *last[4];
    for (unsigned round = 0; round < 4; round++) {
        first[round] = arena_alloc(&arena, 100);
        for (unsigned i = 0; i < 100; i++)
            last[round] = arena_alloc(&arena, 100);
        if (round == 0)
            assert_non_null(arena_alloc(&arena, 40000)); /* made for this piece, and not kept */
        arena_reset(&arena);
    }
    assert_ptr_equal(first[2], first[3]);
    assert_ptr_equal(last[2], last[3]);
    assert_int_equal((uint8_t *)last[3] - (uint8_t *)first[3], 100 * 112);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroed_and_aligned), cmocka_unit_test(pieces_do_not_overlap),
        cmocka_unit_test(the_limit_holds),    cmocka_unit_test(copies),
        cmocka_unit_test(rounds_settle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

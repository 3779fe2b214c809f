/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Per-thread state of the value decoders; see value_thread_int.h. A pthread key ends it with its
 * thread; the main thread's is still reachable when the process ends.
 */
#include "value_thread_int.h"

#include <pthread.h>
#include <stdlib.h>

/* The largest value that a server can hold is max_allowed_packet's own maximum, 1 GiB. */
#define VALUE_BYTES_MAX ((size_t)1 << 30)

struct value_thread {
    iconv_t descriptors[CHARSET_COUNT];
    bool opened[CHARSET_COUNT];
    z_stream inflate;
    bool inflate_ready;
    struct buf buf;
};

static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;
static bool thread_key_made;
static _Thread_local struct value_thread *current;

static void release(void *ptr)
{
    struct value_thread *thread = ptr;
    for (unsigned i = 0; i < CHARSET_COUNT; i++)
        if (thread->opened[i])
            iconv_close(thread->descriptors[i]);
    if (thread->inflate_ready)
        inflateEnd(&thread->inflate);
    buf_deinit(&thread->buf);
    free(thread);
}

static void make_key(void)
{
    thread_key_made = pthread_key_create(&thread_key, release) == 0;
}

static struct value_thread *get(void)
{
    if (current != NULL)
        return current;
    pthread_once(&thread_once, make_key);
    struct value_thread *thread = calloc(1, sizeof(*thread));
    if (thread == NULL)
        return NULL;
    buf_init(&thread->buf, VALUE_BYTES_MAX);
    if (!thread_key_made || pthread_setspecific(thread_key, thread) != 0) {
        free(thread);
        return NULL;
    }
    current = thread;
    return thread;
}

enum rc value_thread_iconv(const struct charset *charset, iconv_t *out)
{
    struct value_thread *thread = get();
    if (thread == NULL)
        return RC_MEMORY;
    if (!thread->opened[charset->id]) {
        iconv_t descriptor = iconv_open("UTF-8", charset->iconv_name);
        /* iconv_open says failure as (iconv_t)-1; comparing as an integer avoids the cast back. */
        if ((intptr_t)descriptor == -1)
            return RC_UNSUPPORTED;
        thread->descriptors[charset->id] = descriptor;
        thread->opened[charset->id] = true;
    }
    *out = thread->descriptors[charset->id];
    return RC_OK;
}

z_stream *value_thread_inflate(bool raw)
{
    enum { WINDOW_BITS = 15 };
    struct value_thread *thread = get();
    if (thread == NULL)
        return NULL;
    int window = raw ? -WINDOW_BITS : WINDOW_BITS;
    if (thread->inflate_ready)
        return inflateReset2(&thread->inflate, window) == Z_OK ? &thread->inflate : NULL;
    thread->inflate = (z_stream){0};
    if (inflateInit2(&thread->inflate, window) != Z_OK)
        return NULL;
    thread->inflate_ready = true;
    return &thread->inflate;
}

struct buf *value_thread_buf(void)
{
    struct value_thread *thread = get();
    if (thread == NULL)
        return NULL;
    buf_reset(&thread->buf);
    return &thread->buf;
}

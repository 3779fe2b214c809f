/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch's life: FREE, filled by the caller, FULL, taken by whoever comes first, WRITING, DONE, printed by
 * the caller, FREE. Batches are numbered as they are filled; three numbers that only rise say how far
 * each step is, `printed <= taken <= filled`, and batch n lies in slot n % slot_count.
 */
#include "decode_lanes_int.h"

#include <pthread.h>
#include <stdlib.h>

#include "../model/change_copy.h"
#include "../model/cloudevent.h"
#include "commands_int.h"

enum {
    BATCH_BYTES = 128 << 10, /* of rows as they came: some 500 rows, and a fifth of a millisecond */
    PLACES_MIN = 256,
    FLUSH_AT = 256 << 10,
    OUT_MAX = 1 << 30,
    SLOTS_A_THREAD = 3 /* one that is filled or printed, one in work, one that waits */
};

struct batch {
    struct change_copies rows;
    size_t *places; /* owned; of each change in `rows` */
    size_t count;
    size_t cap;
    struct buf out;
    enum rc rc; /* of its first change that failed; `out` holds the events before it */
    struct error err;
    bool done; /* @locks lock */
};

/* What writes events; each thread has one. */
struct pen {
    struct lanes *lanes;
    struct cloudevent_writer writer;
    struct change_view view;
    pthread_t thread;
};

struct lanes {
    struct pen *pens; /* owned; the first is the caller's */
    unsigned thread_count;
    unsigned started; /* lanes that run */
    bool starting_failed;
    struct batch *slots; /* owned */
    unsigned slot_count;
    struct buf direct; /* events that the caller wrote without a batch */
    uint64_t filled;   /* @locks lock; batches that were handed over */
    uint64_t taken;    /* @locks lock */
    uint64_t printed;
    bool closing; /* @locks lock */
    pthread_mutex_t lock;
    pthread_cond_t work; /* filled, closing */
    pthread_cond_t done;
};

static struct batch *slot(const struct lanes *lanes, uint64_t number)
{
    return &lanes->slots[number % lanes->slot_count];
}

static enum rc add_event(struct pen *pen, struct buf *out, const struct change *change,
                         struct error *err)
{
    enum rc rc = cloudevent_add(&pen->writer, out, change, err);
    if (rc != RC_OK)
        change_wrap_error(change, err);
    return rc;
}

static void write_events(struct pen *pen, struct batch *batch)
{
    for (size_t i = 0; i < batch->count && batch->rc == RC_OK; i++) {
        batch->rc = change_copy_get(&batch->rows, batch->places[i], &pen->view, &batch->err);
        if (batch->rc == RC_OK)
            batch->rc = add_event(pen, &batch->out, &pen->view.change, &batch->err);
    }
}

/* Takes the oldest full batch and writes it; false: there is none. The lock is held before and after. */
static bool write_one(struct lanes *lanes, struct pen *pen)
{
    if (lanes->taken == lanes->filled)
        return false;
    struct batch *batch = slot(lanes, lanes->taken++);
    pthread_mutex_unlock(&lanes->lock);
    write_events(pen, batch);
    pthread_mutex_lock(&lanes->lock);
    batch->done = true;
    pthread_cond_signal(&lanes->done);
    return true;
}

static void *run_lane(void *ctx)
{
    struct pen *pen = ctx;
    struct lanes *lanes = pen->lanes;
    pthread_mutex_lock(&lanes->lock);
    while (!lanes->closing)
        if (!write_one(lanes, pen))
            pthread_cond_wait(&lanes->work, &lanes->lock);
    pthread_mutex_unlock(&lanes->lock);
    return NULL;
}

/* Where no thread can be had, the caller does it all. */
static void start_lanes(struct lanes *lanes)
{
    while (lanes->started + 1 < lanes->thread_count && !lanes->starting_failed) {
        struct pen *pen = &lanes->pens[lanes->started + 1];
        if (pthread_create(&pen->thread, NULL, run_lane, pen) == 0)
            lanes->started++;
        else
            lanes->starting_failed = true;
    }
}

static enum rc init_batch(struct batch *batch, struct error *err)
{
    change_copies_init(&batch->rows, BATCH_BYTES);
    buf_init(&batch->out, OUT_MAX);
    batch->places = malloc(PLACES_MIN * sizeof(*batch->places));
    if (batch->places == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a batch of rows.");
    batch->cap = PLACES_MIN;
    return RC_OK;
}

static enum rc init_parts(struct lanes *lanes, struct slice source_name, struct error *err)
{
    if (lanes->pens == NULL || lanes->slots == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for %u threads.", lanes->thread_count);
    enum rc rc = RC_OK;
    for (unsigned i = 0; i < lanes->thread_count && rc == RC_OK; i++) {
        lanes->pens[i].lanes = lanes;
        rc = cloudevent_writer_init(&lanes->pens[i].writer, source_name, err);
    }
    for (unsigned i = 0; i < lanes->slot_count && rc == RC_OK; i++)
        rc = init_batch(&lanes->slots[i], err);
    return rc;
}

enum rc lanes_new(struct slice source_name, unsigned threads, struct lanes **lanes_out,
                  struct error *err)
{
    ASSERT(threads >= 1 && threads <= LANES_MAX);
    *lanes_out = NULL;
    struct lanes *lanes = calloc(1, sizeof(*lanes));
    if (lanes == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for %u threads.", threads);
    lanes->thread_count = threads;
    lanes->slot_count = threads * SLOTS_A_THREAD;
    lanes->pens = calloc(lanes->thread_count, sizeof(*lanes->pens));
    lanes->slots = calloc(lanes->slot_count, sizeof(*lanes->slots));
    buf_init(&lanes->direct, OUT_MAX);
    pthread_mutex_init(&lanes->lock, NULL);
    pthread_cond_init(&lanes->work, NULL);
    pthread_cond_init(&lanes->done, NULL);
    enum rc rc = init_parts(lanes, source_name, err);
    if (rc != RC_OK)
        lanes_free(lanes);
    else
        *lanes_out = lanes;
    return rc;
}

static void end_threads(struct lanes *lanes)
{
    pthread_mutex_lock(&lanes->lock);
    lanes->closing = true;
    pthread_cond_broadcast(&lanes->work);
    pthread_mutex_unlock(&lanes->lock);
    for (unsigned i = 1; i <= lanes->started; i++)
        pthread_join(lanes->pens[i].thread, NULL);
}

void lanes_free(struct lanes *lanes)
{
    if (lanes == NULL)
        return;
    end_threads(lanes);
    for (unsigned i = 0; lanes->pens != NULL && i < lanes->thread_count; i++) {
        cloudevent_writer_deinit(&lanes->pens[i].writer);
        change_view_deinit(&lanes->pens[i].view);
    }
    for (unsigned i = 0; lanes->slots != NULL && i < lanes->slot_count; i++) {
        change_copies_deinit(&lanes->slots[i].rows);
        buf_deinit(&lanes->slots[i].out);
        free(lanes->slots[i].places);
    }
    buf_deinit(&lanes->direct);
    pthread_cond_destroy(&lanes->done);
    pthread_cond_destroy(&lanes->work);
    pthread_mutex_destroy(&lanes->lock);
    free(lanes->pens);
    free(lanes->slots);
    free(lanes);
}

/* Whether the oldest batch is done; with `wait`, it will be: this thread writes events until then. */
static bool is_done(struct lanes *lanes, bool wait)
{
    struct batch *batch = slot(lanes, lanes->printed);
    pthread_mutex_lock(&lanes->lock);
    while (wait && !batch->done)
        if (!write_one(lanes, &lanes->pens[0]))
            pthread_cond_wait(&lanes->done, &lanes->lock);
    bool done = batch->done;
    pthread_mutex_unlock(&lanes->lock);
    return done;
}

static enum rc print(struct batch *batch, struct error *err)
{
    enum rc rc = command_flush(&batch->out, err);
    if (rc == RC_OK && batch->rc != RC_OK)
        *err = batch->err;
    return rc == RC_OK ? batch->rc : rc;
}

static void empty(struct batch *batch)
{
    change_copies_reset(&batch->rows);
    batch->count = 0;
    batch->done = false;
}

/* Prints what is done, and all but `keep` of the batches in any case. `filled` is read without the lock:
 * this thread alone writes it. */
static enum rc print_done(struct lanes *lanes, unsigned keep, struct error *err)
{
    while (lanes->printed < lanes->filled &&
           is_done(lanes, lanes->filled - lanes->printed > keep)) {
        struct batch *batch = slot(lanes, lanes->printed);
        enum rc rc = print(batch, err);
        if (rc != RC_OK)
            return rc;
        empty(batch);
        lanes->printed++;
    }
    return RC_OK;
}

/* Hands the batch that is being filled to the lanes. */
static void hand_over(struct lanes *lanes)
{
    if (slot(lanes, lanes->filled)->count == 0)
        return;
    pthread_mutex_lock(&lanes->lock);
    lanes->filled++;
    pthread_cond_signal(&lanes->work);
    pthread_mutex_unlock(&lanes->lock);
}

enum rc lanes_finish(struct lanes *lanes, struct error *err)
{
    hand_over(lanes);
    enum rc rc = print_done(lanes, 0, err);
    return rc == RC_OK ? command_flush(&lanes->direct, err) : rc;
}

static bool reserve_place(struct batch *batch)
{
    if (batch->count < batch->cap)
        return true;
    size_t *places = realloc(batch->places, 2 * batch->cap * sizeof(*places));
    if (places == NULL)
        return false;
    batch->places = places;
    batch->cap *= 2;
    return true;
}

/* RC_LIMIT: the batch is full. */
static enum rc keep_row(struct batch *batch, const struct change *change, struct error *err)
{
    if (!reserve_place(batch))
        return error_set(err, RC_MEMORY, "There is no memory for a batch of rows.");
    enum rc rc = change_copy_add(&batch->rows, change, &batch->places[batch->count], err);
    batch->count += rc == RC_OK;
    return rc;
}

/* Everything before it is printed first. With one thread all events go this way. */
static enum rc add_direct(struct lanes *lanes, const struct change *change, struct error *err)
{
    bool alone = lanes->thread_count == 1;
    enum rc rc = alone ? RC_OK : lanes_finish(lanes, err);
    if (rc != RC_OK)
        return rc;
    rc = add_event(&lanes->pens[0], &lanes->direct, change, err);
    if (rc == RC_OK && alone && lanes->direct.len < FLUSH_AT)
        return RC_OK;
    struct error lost;
    error_clear(&lost);
    enum rc flushed = command_flush(&lanes->direct, &lost);
    if (flushed != RC_OK)
        *err = lost;
    return flushed != RC_OK ? flushed : rc;
}

enum rc lanes_add(struct lanes *lanes, const struct change *change, struct error *err)
{
    if (change->kind == CHANGE_COMMIT || change->kind == CHANGE_IDLE)
        return RC_OK;
    if (lanes->thread_count == 1 || !change_is_row(change))
        return add_direct(lanes, change, err);
    enum rc rc = keep_row(slot(lanes, lanes->filled), change, err);
    if (rc != RC_LIMIT)
        return rc;
    start_lanes(lanes);
    hand_over(lanes);
    rc = print_done(lanes, lanes->slot_count - 1, err);
    if (rc == RC_OK)
        rc = keep_row(slot(lanes, lanes->filled), change, err);
    return rc == RC_LIMIT ? add_direct(lanes, change, err) : rc;
}

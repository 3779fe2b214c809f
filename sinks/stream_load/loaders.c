/* SPDX-License-Identifier: Apache-2.0 */
/* Two lists under one lock, waiting and ended, and the threads between them. */
#include "loaders_int.h"

#include "csv_int.h"

#include <errno.h>
#include <stdlib.h>

struct task_list {
    struct load_task *first;
    struct load_task **end;
};

struct worker {
    struct loaders *loaders;
    struct transfer transfer;
    pthread_t thread;
};

struct loaders {
    struct halt *halt; /* borrowed */
    pthread_mutex_t lock;
    pthread_cond_t waiting_changed;
    pthread_cond_t ended_changed;
    struct task_list waiting; /* @locks lock */
    struct task_list ended;   /* @locks lock */
    bool closing;             /* @locks lock */
    atomic_ullong retries;
    struct worker *workers;  /* owned */
    unsigned transfer_count; /* how many workers have a transfer */
    unsigned thread_count;   /* how many have a thread */
};

static void list_init(struct task_list *list)
{
    list->first = NULL;
    list->end = &list->first;
}

static void list_add(struct task_list *list, struct load_task *task)
{
    task->next = NULL;
    *list->end = task;
    list->end = &task->next;
}

static struct load_task *list_take(struct task_list *list)
{
    struct load_task *task = list->first;
    if (task == NULL)
        return NULL;
    list->first = task->next;
    if (list->first == NULL)
        list->end = &list->first;
    return task;
}

/* The next waiting task; NULL when the loaders close. */
static struct load_task *take_waiting(struct loaders *loaders)
{
    pthread_mutex_lock(&loaders->lock);
    while (!loaders->closing && loaders->waiting.first == NULL)
        pthread_cond_wait(&loaders->waiting_changed, &loaders->lock);
    struct load_task *task = loaders->closing ? NULL : list_take(&loaders->waiting);
    pthread_mutex_unlock(&loaders->lock);
    return task;
}

static enum rc run_load(struct load_env *env, struct load_task *task)
{
    const struct transfer_load *load = &task->load;
    task->outcome = (struct load_outcome){0};
    if (load->body->parts[load->set].rows == 0)
        return RC_OK;
    if (task->csv != NULL && !load->body->parts[load->set].csv)
        csv_rewrite(task->csv, load->schema, env->transfer->dialect->delete_column);
    enum rc rc = load_run(env, load, &task->outcome, &task->err);
    if (rc != RC_REJECTED || task->refused == NULL)
        return rc;
    return bisect_run(env, load, &task->err, task->refused, &task->outcome, &task->err);
}

static enum rc run_task(struct load_env *env, struct load_task *task)
{
    if (task->joint != NULL)
        return load_joint(env, task->joint, &task->outcome, &task->err);
    if (!task->commit)
        return run_load(env, task);
    const struct load_schema *schema = task->load.schema;
    const struct load_txn txn = {.db = schema->db,
                                 .table = schema->table,
                                 .label = task->load.label,
                                 .id = task->transaction};
    return load_commit(env, &txn, schema->keyless, &task->outcome, &task->err);
}

static void *worker_main(void *ctx)
{
    struct worker *worker = ctx;
    struct loaders *loaders = worker->loaders;
    struct load_env env = {.transfer = &worker->transfer,
                           .halt = loaders->halt,
                           .wait = halt_wait,
                           .retries = &loaders->retries,
                           .label_trust_us = LOAD_LABEL_TRUST_US};
    struct load_task *task;
    while ((task = take_waiting(loaders)) != NULL) {
        error_clear(&task->err);
        task->rc = run_task(&env, task);
        pthread_mutex_lock(&loaders->lock);
        list_add(&loaders->ended, task);
        pthread_cond_signal(&loaders->ended_changed);
        pthread_mutex_unlock(&loaders->lock);
    }
    return NULL;
}

static enum rc init_locks(struct loaders *loaders, struct error *err)
{
    int code = pthread_mutex_init(&loaders->lock, NULL);
    if (code != 0)
        return error_set_os(err, RC_MEMORY, code, "A lock cannot be made");
    enum rc rc = halt_cond_init(&loaders->waiting_changed, err);
    if (rc == RC_OK) {
        rc = halt_cond_init(&loaders->ended_changed, err);
        if (rc == RC_OK)
            return RC_OK;
        pthread_cond_destroy(&loaders->waiting_changed);
    }
    pthread_mutex_destroy(&loaders->lock);
    return rc;
}

static enum rc start_workers(struct loaders *loaders, const struct load_dialect *dialect,
                             const struct load_settings *settings, struct frontends *frontends,
                             const struct exchange_factory *factory, struct error *err)
{
    for (unsigned i = 0; i < settings->threads; i++) {
        struct worker *worker = &loaders->workers[i];
        worker->loaders = loaders;
        enum rc rc = transfer_init(&worker->transfer, dialect, settings, frontends, factory, err);
        if (rc != RC_OK) {
            transfer_deinit(&worker->transfer);
            return rc;
        }
        /* Threads that begin at different backends spread the loads. */
        worker->transfer.backend_turn = i;
        loaders->transfer_count++;
        int code = pthread_create(&worker->thread, NULL, worker_main, worker);
        if (code != 0)
            return error_set_os(err, RC_MEMORY, code, "A thread for loads cannot be started");
        loaders->thread_count++;
    }
    return RC_OK;
}

enum rc loaders_new(const struct load_dialect *dialect, const struct load_settings *settings,
                    struct frontends *frontends, struct halt *halt,
                    const struct exchange_factory *factory, struct loaders **loaders_out,
                    struct error *err)
{
    ASSERT(settings->threads > 0);
    struct loaders *loaders = calloc(1, sizeof(*loaders));
    struct worker *workers = calloc(settings->threads, sizeof(*workers));
    if (loaders == NULL || workers == NULL) {
        free(loaders);
        free(workers);
        return error_set(err, RC_MEMORY, "There is no memory for the threads that run loads.");
    }
    loaders->halt = halt;
    loaders->workers = workers;
    atomic_init(&loaders->retries, 0);
    list_init(&loaders->waiting);
    list_init(&loaders->ended);
    enum rc rc = init_locks(loaders, err);
    if (rc != RC_OK) {
        free(workers);
        free(loaders);
        return rc;
    }
    rc = start_workers(loaders, dialect, settings, frontends, factory, err);
    if (rc != RC_OK) {
        loaders_free(loaders);
        return rc;
    }
    *loaders_out = loaders;
    return RC_OK;
}

void loaders_free(struct loaders *loaders)
{
    if (loaders == NULL)
        return;
    pthread_mutex_lock(&loaders->lock);
    loaders->closing = true;
    pthread_cond_broadcast(&loaders->waiting_changed);
    pthread_mutex_unlock(&loaders->lock);
    for (unsigned i = 0; i < loaders->thread_count; i++)
        pthread_join(loaders->workers[i].thread, NULL);
    for (unsigned i = 0; i < loaders->transfer_count; i++)
        transfer_deinit(&loaders->workers[i].transfer);
    pthread_cond_destroy(&loaders->waiting_changed);
    pthread_cond_destroy(&loaders->ended_changed);
    pthread_mutex_destroy(&loaders->lock);
    free(loaders->workers);
    free(loaders);
}

void loaders_submit(struct loaders *loaders, struct load_task *task)
{
    pthread_mutex_lock(&loaders->lock);
    list_add(&loaders->waiting, task);
    pthread_cond_signal(&loaders->waiting_changed);
    pthread_mutex_unlock(&loaders->lock);
}

struct load_task *loaders_next(struct loaders *loaders, unsigned wait_ms)
{
    struct timespec deadline = halt_deadline(wait_ms);
    int code = 0;
    pthread_mutex_lock(&loaders->lock);
    while (loaders->ended.first == NULL && code != ETIMEDOUT)
        code = pthread_cond_timedwait(&loaders->ended_changed, &loaders->lock, &deadline);
    struct load_task *task = list_take(&loaders->ended);
    pthread_mutex_unlock(&loaders->lock);
    return task;
}

uint64_t loaders_retries(struct loaders *loaders)
{
    return atomic_load_explicit(&loaders->retries, memory_order_relaxed);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of chunks in memory. Everything here is called under the reader's lock.
 */
#include <stdlib.h>

#include "reader_int.h"

void here_release(struct here *here)
{
    if (here == NULL || --here->refs > 0)
        return;
    position_deinit(&here->position);
    free(here);
}

struct range *range_make(struct job *job, struct bound *low, struct bound *high)
{
    struct range *chunk = calloc(1, sizeof(*chunk));
    if (chunk == NULL)
        return NULL;
    chunk->base.table = job->table;
    chunk->job = job;
    chunk->low = low;
    chunk->high = high;
    position_init(&chunk->high_mark);
    return chunk;
}

static void let_go(struct reader *reader, struct range *chunk)
{
    rows_clear(&chunk->rows, &reader->pool);
    reader->held_bytes -= chunk->reserved;
    chunk->reserved = 0;
    here_release(chunk->here);
    chunk->here = NULL;
    chunk->given = 0;
}

void range_free(struct reader *reader, struct range *chunk)
{
    ASSERT(chunk->state != CHUNK_READING || atomic_load(&chunk->unwanted));
    let_go(reader, chunk);
    position_deinit(&chunk->high_mark);
    bound_free(chunk->low);
    bound_free(chunk->high);
    for (uint32_t i = 0; i < chunk->key_count; i++)
        bound_free(chunk->keys[i]);
    free(chunk->keys);
    free(chunk);
}

void range_drop(struct reader *reader, struct range *chunk)
{
    struct range **link = &chunk->job->first_chunk;
    while (*link != chunk)
        link = &(*link)->next;
    *link = chunk->next;
    if (chunk->state == CHUNK_READING)
        atomic_store(&chunk->unwanted, true);
    else
        range_free(reader, chunk);
}

void range_put_back(struct reader *reader, struct range *chunk)
{
    ASSERT(chunk->state != CHUNK_READING && chunk->state != CHUNK_GIVING);
    let_go(reader, chunk);
    chunk->state = CHUNK_PLANNED;
    chunk->failures = 0;
}

void range_append(struct job *job, struct range *chunk)
{
    struct range **link = &job->first_chunk;
    while (*link != NULL)
        link = &(*link)->next;
    *link = chunk;
}

void job_clear_chunks(struct reader *reader, struct job *job)
{
    while (job->first_chunk != NULL)
        range_drop(reader, job->first_chunk);
    job->is_planned = false;
    bound_free(job->plan_low);
    job->plan_low = NULL;
    while (job->owed != NULL) {
        struct owed_key *owed = job->owed;
        job->owed = owed->next;
        bound_free(owed->bound);
        free(owed);
    }
    touched_deinit(&job->owing);
}

enum rc job_reset_given(struct job *job, struct error *err)
{
    bound_free(job->given);
    job->given = bound_copy(job->state.behind);
    job->is_all_given = false;
    if (job->state.behind != NULL && job->given == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the state of a table.");
    return RC_OK;
}

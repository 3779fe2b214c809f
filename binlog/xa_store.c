/* SPDX-License-Identifier: Apache-2.0 */
#include "xa_store_int.h"

#include <stdlib.h>

static size_t chain_of(const struct xid *xid)
{
    return (size_t)(xid_hash(xid) % XA_STORE_CHAINS);
}

static size_t bytes_of(const struct xa_prepared *prepared)
{
    return sizeof(*prepared) + prepared->rows.bytes.len + prepared->rows.undone.len +
           prepared->names.len;
}

struct xa_prepared *xa_prepared_new(void)
{
    struct xa_prepared *prepared = calloc(1, sizeof(*prepared));
    if (prepared == NULL)
        return NULL;
    xa_rows_init(&prepared->rows);
    buf_init(&prepared->names, XA_NAMES_BYTES_MAX);
    return prepared;
}

void xa_prepared_free(struct xa_prepared *prepared)
{
    if (prepared == NULL)
        return;
    xa_rows_deinit(&prepared->rows);
    buf_deinit(&prepared->names);
    free(prepared);
}

void xa_store_clear(struct xa_store *store)
{
    for (size_t i = 0; i < XA_STORE_CHAINS; i++) {
        for (struct xa_prepared *prepared = store->chains[i]; prepared != NULL;) {
            struct xa_prepared *next = prepared->next;
            xa_prepared_free(prepared);
            prepared = next;
        }
    }
    while (store->ended != NULL)
        xa_prepared_free(xa_store_take_ended(store));
    *store = (struct xa_store){0};
}

const struct xa_prepared *xa_store_find(const struct xa_store *store, const struct xid *xid)
{
    const struct xa_prepared *prepared = store->chains[chain_of(xid)];
    while (prepared != NULL && !xid_equal(&prepared->xid, xid))
        prepared = prepared->next;
    return prepared;
}

void xa_store_add(struct xa_store *store, struct xa_prepared *prepared)
{
    ASSERT(xa_store_find(store, &prepared->xid) == NULL);
    struct xa_prepared **chain = &store->chains[chain_of(&prepared->xid)];
    prepared->next = *chain;
    *chain = prepared;
    store->count++;
    store->unnoted += prepared->noted ? 0 : 1;
    store->bytes += bytes_of(prepared);
    store->filed += prepared->rows.file_bytes;
}

struct xa_prepared *xa_store_take(struct xa_store *store, const struct xid *xid)
{
    struct xa_prepared **link = &store->chains[chain_of(xid)];
    while (*link != NULL && !xid_equal(&(*link)->xid, xid))
        link = &(*link)->next;
    struct xa_prepared *prepared = *link;
    if (prepared == NULL)
        return NULL;
    *link = prepared->next;
    ASSERT(store->count > 0 && store->bytes >= bytes_of(prepared));
    store->count--;
    store->unnoted -= prepared->noted ? 0 : 1;
    store->bytes -= bytes_of(prepared);
    store->filed -= prepared->rows.file_bytes;
    return prepared;
}

void xa_store_set_noted(struct xa_store *store, struct xa_prepared *prepared)
{
    ASSERT(!prepared->noted && store->unnoted > 0);
    prepared->noted = true;
    store->unnoted--;
}

void xa_store_end(struct xa_store *store, struct xa_prepared *prepared)
{
    if (prepared == NULL || !prepared->noted) {
        xa_prepared_free(prepared);
        return;
    }
    xa_rows_deinit(&prepared->rows);
    buf_deinit(&prepared->names);
    prepared->next = store->ended;
    store->ended = prepared;
}

struct xa_prepared *xa_store_take_ended(struct xa_store *store)
{
    struct xa_prepared *prepared = store->ended;
    if (prepared != NULL)
        store->ended = prepared->next;
    return prepared;
}

struct xa_prepared *xa_store_unnoted(const struct xa_store *store)
{
    for (size_t i = 0; store->unnoted > 0 && i < XA_STORE_CHAINS; i++)
        for (struct xa_prepared *prepared = store->chains[i]; prepared != NULL;
             prepared = prepared->next)
            if (!prepared->noted)
                return prepared;
    return NULL;
}

bool xa_store_has_file(const struct xa_store *store, uint64_t file)
{
    for (size_t i = 0; i < XA_STORE_CHAINS; i++)
        for (const struct xa_prepared *prepared = store->chains[i]; prepared != NULL;
             prepared = prepared->next)
            if (prepared->rows.file == file)
                return true;
    return false;
}

void xa_store_text(const struct xa_store *store, size_t most, struct buf *out)
{
    size_t told = 0;
    for (size_t i = 0; i < XA_STORE_CHAINS; i++) {
        for (const struct xa_prepared *prepared = store->chains[i]; prepared != NULL && told < most;
             prepared = prepared->next) {
            if (told++ > 0)
                buf_add_byte(out, ' ');
            xid_text(&prepared->xid, out);
        }
    }
    if (told < store->count)
        buf_addf(out, " and %zu more", store->count - told);
}

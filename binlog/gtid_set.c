/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The algebra of GTID sets. MySQL sets are sorted arrays of closed intervals per uuid and tag;
 * MariaDB sets are one last GTID per domain (facts/binlog.md 4.6 and 8.3). Holes stay holes.
 */
#include "gtid_set_int.h"

#include <stdlib.h>

enum rc gtid_set_new(struct gtid_set **set_out, struct error *err)
{
    *set_out = calloc(1, sizeof(**set_out));
    return *set_out == NULL ? error_set(err, RC_MEMORY, "There is no memory for a GTID set.")
                            : RC_OK;
}

void gtid_set_clear(struct gtid_set *set)
{
    for (uint32_t i = 0; i < set->sid_count; i++)
        free(set->sids[i].intervals);
    set->sid_count = 0;
    set->sid_last = 0;
    set->domain_count = 0;
}

void gtid_set_free(struct gtid_set *set)
{
    if (set == NULL)
        return;
    gtid_set_clear(set);
    free(set->sids);
    free(set->domains);
    free(set);
}

enum gtid_family gtid_set_family(const struct gtid_set *set)
{
    if (set->sid_count > 0)
        return GTID_MYSQL;
    return set->domain_count > 0 ? GTID_MARIADB : GTID_NONE;
}

bool gtid_set_is_empty(const struct gtid_set *set)
{
    return gtid_set_family(set) == GTID_NONE;
}

/* Room for one more element of `size` bytes; the array may move. */
static enum rc grow(void **array, uint32_t *cap, uint32_t count, size_t size, struct error *err)
{
    if (count < *cap)
        return RC_OK;
    uint32_t cap_new = *cap == 0 ? 4 : *cap * 2;
    void *moved = cap_new <= count ? NULL : realloc(*array, cap_new * size);
    if (moved == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a GTID set of %u parts.", count);
    *array = moved;
    *cap = cap_new;
    return RC_OK;
}

static int sid_compare(const struct gtid_sid *sid, const uint8_t uuid[16], const char *tag)
{
    int order = memcmp(sid->uuid, uuid, 16);
    return order != 0 ? order : strcmp(sid->tag, tag);
}

/* Index of the sid, or of the place where it belongs. */
static uint32_t sid_find(const struct gtid_set *set, const uint8_t uuid[16], const char *tag,
                         bool *found)
{
    uint32_t low = 0;
    uint32_t high = set->sid_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sid_compare(&set->sids[middle], uuid, tag) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < set->sid_count && sid_compare(&set->sids[low], uuid, tag) == 0;
    return low;
}

static enum rc sid_obtain(struct gtid_set *set, const uint8_t uuid[16], const char *tag,
                          struct gtid_sid **sid_out, struct error *err)
{
    if (set->sid_last < set->sid_count && sid_compare(&set->sids[set->sid_last], uuid, tag) == 0) {
        *sid_out = &set->sids[set->sid_last];
        return RC_OK;
    }
    bool found = false;
    uint32_t at = sid_find(set, uuid, tag, &found);
    if (!found) {
        void *array = set->sids;
        enum rc rc = grow(&array, &set->sid_cap, set->sid_count, sizeof(*set->sids), err);
        if (rc != RC_OK)
            return rc;
        set->sids = array;
        memmove(&set->sids[at + 1], &set->sids[at], (set->sid_count - at) * sizeof(*set->sids));
        set->sids[at] = (struct gtid_sid){0};
        memcpy(set->sids[at].uuid, uuid, 16);
        memcpy(set->sids[at].tag, tag, strlen(tag) + 1);
        set->sid_count++;
    }
    set->sid_last = at;
    *sid_out = &set->sids[at];
    return RC_OK;
}

/* Index of the first interval that ends at or behind `number`. */
static uint32_t interval_find(const struct gtid_sid *sid, uint64_t number)
{
    uint32_t low = 0;
    uint32_t high = sid->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sid->intervals[middle].last < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum rc interval_insert(struct gtid_sid *sid, uint32_t at, struct gtid_interval interval,
                               struct error *err)
{
    void *array = sid->intervals;
    enum rc rc = grow(&array, &sid->cap, sid->count, sizeof(*sid->intervals), err);
    if (rc != RC_OK)
        return rc;
    sid->intervals = array;
    memmove(&sid->intervals[at + 1], &sid->intervals[at],
            (sid->count - at) * sizeof(*sid->intervals));
    sid->intervals[at] = interval;
    sid->count++;
    return RC_OK;
}

static enum rc sid_add(struct gtid_sid *sid, uint64_t first, uint64_t last, struct error *err)
{
    /* The usual case: the next number of a growing tail. */
    if (sid->count > 0 && sid->intervals[sid->count - 1].last + 1 == first) {
        sid->intervals[sid->count - 1].last = last;
        return RC_OK;
    }
    /* All intervals that touch [first - 1, last + 1] become one with the new one. */
    uint32_t from = interval_find(sid, first - 1);
    uint32_t to = from;
    while (to < sid->count && sid->intervals[to].first <= last + 1) {
        if (sid->intervals[to].first < first)
            first = sid->intervals[to].first;
        if (sid->intervals[to].last > last)
            last = sid->intervals[to].last;
        to++;
    }
    struct gtid_interval joined = {first, last};
    if (from == to)
        return interval_insert(sid, from, joined, err);
    sid->intervals[from] = joined;
    memmove(&sid->intervals[from + 1], &sid->intervals[to],
            (sid->count - to) * sizeof(*sid->intervals));
    sid->count -= to - from - 1;
    return RC_OK;
}

enum rc gtid_set_add_interval(struct gtid_set *set, const uint8_t uuid[16], const char *tag,
                              uint64_t first, uint64_t last, struct error *err)
{
    if (first == 0 || first > last || last > GTID_NUMBER_MAX)
        return error_set(err, RC_CORRUPT, "A GTID interval of %llu to %llu cannot be.",
                         (unsigned long long)first, (unsigned long long)last);
    if (set->domain_count > 0)
        return error_set(err, RC_MISMATCH, "A MySQL GTID cannot be part of a MariaDB GTID set.");
    struct gtid_sid *sid = NULL;
    enum rc rc = sid_obtain(set, uuid, tag, &sid, err);
    return rc != RC_OK ? rc : sid_add(sid, first, last, err);
}

/* Index of the domain, or of the place where it belongs. */
static uint32_t domain_place(const struct gtid_set *set, uint32_t domain)
{
    uint32_t low = 0;
    uint32_t high = set->domain_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (set->domains[middle].domain < domain)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum rc domain_add(struct gtid_set *set, const struct gtid *gtid, struct error *err)
{
    if (set->sid_count > 0)
        return error_set(err, RC_MISMATCH, "A MariaDB GTID cannot be part of a MySQL GTID set.");
    uint32_t at = domain_place(set, gtid->domain);
    if (at == set->domain_count || set->domains[at].domain != gtid->domain) {
        void *array = set->domains;
        enum rc rc = grow(&array, &set->domain_cap, set->domain_count, sizeof(*set->domains), err);
        if (rc != RC_OK)
            return rc;
        set->domains = array;
        memmove(&set->domains[at + 1], &set->domains[at],
                (set->domain_count - at) * sizeof(*set->domains));
        set->domain_count++;
    }
    set->domains[at] = (struct gtid_domain){gtid->domain, gtid->server, gtid->number};
    return RC_OK;
}

enum rc gtid_set_add(struct gtid_set *set, const struct gtid *gtid, struct error *err)
{
    ASSERT(gtid->family != GTID_NONE);
    if (gtid->family == GTID_MARIADB)
        return domain_add(set, gtid, err);
    return gtid_set_add_interval(set, gtid->uuid, gtid->tag, gtid->number, gtid->number, err);
}

enum rc gtid_set_copy(struct gtid_set *to, const struct gtid_set *from, struct error *err)
{
    gtid_set_clear(to);
    for (uint32_t s = 0; s < from->sid_count; s++) {
        const struct gtid_sid *sid = &from->sids[s];
        for (uint32_t i = 0; i < sid->count; i++) {
            enum rc rc = gtid_set_add_interval(to, sid->uuid, sid->tag, sid->intervals[i].first,
                                               sid->intervals[i].last, err);
            if (rc != RC_OK)
                return rc;
        }
    }
    for (uint32_t d = 0; d < from->domain_count; d++) {
        struct gtid gtid = {.family = GTID_MARIADB,
                            .domain = from->domains[d].domain,
                            .server = from->domains[d].server,
                            .number = from->domains[d].number};
        enum rc rc = domain_add(to, &gtid, err);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

static const struct gtid_domain *domain_find(const struct gtid_set *set, uint32_t domain)
{
    uint32_t at = domain_place(set, domain);
    bool found = at < set->domain_count && set->domains[at].domain == domain;
    return found ? &set->domains[at] : NULL;
}

static bool sid_contains(const struct gtid_set *set, const uint8_t uuid[16], const char *tag,
                         struct gtid_interval interval)
{
    bool found = false;
    uint32_t at = sid_find(set, uuid, tag, &found);
    if (!found)
        return false;
    const struct gtid_sid *sid = &set->sids[at];
    uint32_t i = interval_find(sid, interval.first);
    return i < sid->count && sid->intervals[i].first <= interval.first &&
           interval.last <= sid->intervals[i].last;
}

bool gtid_set_contains(const struct gtid_set *set, const struct gtid *gtid)
{
    if (gtid->family == GTID_MARIADB) {
        const struct gtid_domain *domain = domain_find(set, gtid->domain);
        return domain != NULL && gtid->number <= domain->number;
    }
    return gtid->family == GTID_MYSQL &&
           sid_contains(set, gtid->uuid, gtid->tag,
                        (struct gtid_interval){gtid->number, gtid->number});
}

bool gtid_set_contains_set(const struct gtid_set *outer, const struct gtid_set *inner)
{
    for (uint32_t s = 0; s < inner->sid_count; s++)
        for (uint32_t i = 0; i < inner->sids[s].count; i++)
            if (!sid_contains(outer, inner->sids[s].uuid, inner->sids[s].tag,
                              inner->sids[s].intervals[i]))
                return false;
    for (uint32_t d = 0; d < inner->domain_count; d++) {
        const struct gtid_domain *domain = domain_find(outer, inner->domains[d].domain);
        if (domain == NULL || domain->number < inner->domains[d].number)
            return false;
    }
    return true;
}

bool gtid_set_equal(const struct gtid_set *a, const struct gtid_set *b)
{
    if (a->sid_count != b->sid_count || a->domain_count != b->domain_count)
        return false;
    for (uint32_t s = 0; s < a->sid_count; s++) {
        const struct gtid_sid *x = &a->sids[s];
        const struct gtid_sid *y = &b->sids[s];
        if (sid_compare(x, y->uuid, y->tag) != 0 || x->count != y->count ||
            memcmp(x->intervals, y->intervals, x->count * sizeof(*x->intervals)) != 0)
            return false;
    }
    for (uint32_t d = 0; d < a->domain_count; d++) {
        const struct gtid_domain *x = &a->domains[d];
        const struct gtid_domain *y = &b->domains[d];
        if (x->domain != y->domain || x->server != y->server || x->number != y->number)
            return false;
    }
    return true;
}

/* Takes the intervals of `minus` out of `sid`: both are sorted, so one walk over both is enough. */
static enum rc sid_subtract(struct gtid_sid *sid, const struct gtid_sid *minus, struct error *err)
{
    /* What begins inside an interval splits it, once. */
    uint64_t cap = (uint64_t)sid->count + minus->count;
    struct gtid_interval *kept = cap > UINT32_MAX ? NULL : malloc(cap * sizeof(*kept));
    if (kept == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a GTID set of %llu parts.",
                         (unsigned long long)cap);
    uint32_t count = 0;
    uint32_t next = 0;
    for (uint32_t i = 0; i < sid->count; i++) {
        struct gtid_interval have = sid->intervals[i];
        while (next < minus->count && minus->intervals[next].last < have.first)
            next++;
        while (next < minus->count && minus->intervals[next].first <= have.last) {
            const struct gtid_interval *out = &minus->intervals[next];
            if (have.first < out->first)
                kept[count++] = (struct gtid_interval){have.first, out->first - 1};
            have.first = out->last + 1;
            if (have.first > have.last)
                break; /* it may reach into the next one too */
            next++;
        }
        if (have.first <= have.last)
            kept[count++] = have;
    }
    free(sid->intervals);
    sid->intervals = kept;
    sid->count = count;
    sid->cap = (uint32_t)cap;
    return RC_OK;
}

static void drop_empty_sids(struct gtid_set *set)
{
    uint32_t kept = 0;
    for (uint32_t s = 0; s < set->sid_count; s++) {
        if (set->sids[s].count > 0)
            set->sids[kept++] = set->sids[s];
        else
            free(set->sids[s].intervals);
    }
    set->sid_count = kept;
}

enum rc gtid_set_subtract(struct gtid_set *from, const struct gtid_set *minus, struct error *err)
{
    for (uint32_t s = 0; s < minus->sid_count; s++) {
        bool found = false;
        uint32_t at = sid_find(from, minus->sids[s].uuid, minus->sids[s].tag, &found);
        if (!found)
            continue;
        enum rc rc = sid_subtract(&from->sids[at], &minus->sids[s], err);
        if (rc != RC_OK)
            return rc;
    }
    drop_empty_sids(from);
    return RC_OK;
}

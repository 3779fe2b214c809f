/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a GTID set is made of; for gtid_set.c, gtid_text.c and gtid_codec.c only.
 *
 * Invariants: `sids` is sorted by uuid and then tag, without empty entries; the intervals of each
 * are sorted, closed, disjoint and never adjacent (adjacent ones are joined). `domains` is sorted.
 * One of the two arrays is empty.
 */
#ifndef MILLRACE_BINLOG_GTID_SET_INT_H
#define MILLRACE_BINLOG_GTID_SET_INT_H

#include "gtid_int.h"

struct gtid_interval {
    uint64_t first; /* 1 is the smallest GTID number */
    uint64_t last;  /* inclusive */
};

struct gtid_sid {
    uint8_t uuid[16];
    char tag[GTID_TAG_MAX + 1];
    struct gtid_interval *intervals; /* owned */
    uint32_t count;
    uint32_t cap;
};

struct gtid_domain {
    uint32_t domain;
    uint32_t server;
    uint64_t number;
};

struct gtid_set {
    struct gtid_sid *sids; /* owned */
    uint32_t sid_count;
    uint32_t sid_cap;
    uint32_t sid_last; /* where the last add went: the next one most often goes there too */
    struct gtid_domain *domains; /* owned */
    uint32_t domain_count;
    uint32_t domain_cap;
};

/* The biggest number that a GTID can have (2^63 - 2 by MySQL's own rule). */
#define GTID_NUMBER_MAX ((uint64_t)INT64_MAX - 1)

/* Adds the closed interval. */
enum rc gtid_set_add_interval(struct gtid_set *set, const uint8_t uuid[16], const char *tag,
                              uint64_t first, uint64_t last, struct error *err) MUST_CHECK;

#endif

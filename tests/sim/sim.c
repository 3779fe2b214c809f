/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator's program; docs/simulator.md.
 *
 *   sim                         a few thousand worlds, one seed each, and what they were like
 *   sim --first S --count N     these seeds
 *   sim --seconds N             as many as fit into that time
 *   sim --seed S                one world, its trace and the engine's log to standard error
 *   sim --hashes                the hash of each world's trace
 *   sim --replay                some worlds twice, here and in another process: the same traces
 *   sim --bug WORD              worlds in which the engine makes a known mistake, until one shows it
 *   sim --bugs                  the same for all known mistakes; --list-bugs tells them
 *   sim ... --junit FILE        writes a test report
 */
/*
 * The simulator's program; docs/simulator.md.
 *
 *   sim                         a few thousand worlds, one seed each, and what they were like
 *   sim --seconds N             as many as fit into that time
 *   sim --first S --count N     these seeds
 *   sim --seed S                one world, its trace and the engine's log to standard error
 *   sim --hashes S N            the hashes of the traces of N worlds from seed S on
 *   sim --bug WORD              worlds in which the engine makes a known mistake, until one shows it
 *   sim --bugs                  the words
 */
#include "sim_int.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { COUNT_DEFAULT = 2000, BUG_SEEDS_MAX = 3000, FAILURES_MAX = 5, REPLAYED = 40 };

struct totals {
    uint64_t worlds;
    uint64_t lives;
    uint64_t stops_with_words;
    uint64_t faults[FAULT_COUNT];
    uint64_t hash;
};

struct options {
    uint64_t first;
    uint64_t count;
    uint64_t seconds;
    uint64_t seed;
    const char *junit;
};

/* The engine's clock stands still between worlds; this is the real one. */
static double real_seconds(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void tell_failure(void)
{
    fflush(stdout);
    fprintf(stderr,
            "seed %llu: %s\n"
            "Replay it, with its trace and the engine's log:  %s --seed %llu%s%s\n",
            (unsigned long long)world.seed, world.violation, program_invocation_name,
            (unsigned long long)world.seed, bug_armed == BUG_NONE ? "" : " --bug ",
            bug_armed == BUG_NONE ? "" : bug_words[bug_armed]);
}

static bool run_one(uint64_t seed, struct totals *totals)
{
    life_run_world(seed, false);
    totals->worlds++;
    totals->lives += world.lives;
    totals->stops_with_words += world.stops_with_words;
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        totals->faults[i] += world.faults[i];
    totals->hash = mix_u64(totals->hash ^ trace_hash());
    return !is_violated();
}

static void tell_totals(const struct totals *totals, double seconds)
{
    uint64_t faults = 0;
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        faults += totals->faults[i];
    printf("%llu worlds, %llu lives of the engine, %llu faults, in %.1f seconds; %llu worlds ended "
           "with words for an operator\n",
           (unsigned long long)totals->worlds, (unsigned long long)totals->lives,
           (unsigned long long)faults, seconds, (unsigned long long)totals->stops_with_words);
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        printf("%10llu  %s\n", (unsigned long long)totals->faults[i], fault_texts[i]);
    printf("all traces together: %016llx\n", (unsigned long long)totals->hash);
}

static void write_junit(const char *path, unsigned failures)
{
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    if (file == NULL)
        return;
    fprintf(file,
            "<testsuite name=\"sim\" tests=\"1\" failures=\"%u\">"
            "<testcase classname=\"sim\" name=\"worlds\">%s</testcase></testsuite>\n",
            failures > 0, failures > 0 ? "<failure message=\"see the simulator's output\"/>" : "");
    fclose(file);
}

static int run_many(const struct options *options)
{
    struct totals totals = {0};
    double begun = real_seconds();
    double seconds = (double)options->seconds;
    unsigned failures = 0;
    for (uint64_t i = 0; failures < FAILURES_MAX; i++) {
        if (seconds > 0 ? real_seconds() - begun >= seconds : i >= options->count)
            break;
        if (!run_one(options->first + i, &totals)) {
            tell_failure();
            failures++;
        }
    }
    tell_totals(&totals, real_seconds() - begun);
    for (unsigned i = 0; i < FAULT_COUNT && totals.worlds >= COUNT_DEFAULT; i++)
        if (totals.faults[i] == 0) {
            fprintf(stderr, "In none of the worlds: %s.\n", fault_texts[i]);
            failures++;
        }
    write_junit(options->junit, failures);
    return failures > 0;
}

/* 0: the mistake was seen. */
static int run_bug(uint64_t first)
{
    struct totals totals = {0};
    for (uint64_t i = 0; i < BUG_SEEDS_MAX; i++)
        if (!run_one(first + i, &totals)) {
            printf("%-22s seen in world %llu: %s\n", bug_words[bug_armed],
                   (unsigned long long)i + 1, world.violation);
            return 0;
        }
    printf("%-22s not seen in %d worlds\n", bug_words[bug_armed], BUG_SEEDS_MAX);
    return 1;
}

static int run_bugs(uint64_t first)
{
    int unseen = 0;
    for (unsigned i = 1; i < BUG_COUNT; i++) {
        bug_armed = (enum bug)i;
        unseen += run_bug(first);
    }
    return unseen > 0;
}

static int list_bugs(void)
{
    for (unsigned i = 1; i < BUG_COUNT; i++)
        printf("%-22s %s\n", bug_words[i], bug_texts[i]);
    return 0;
}

static int tell_hashes(uint64_t first, uint64_t count)
{
    struct totals totals = {0};
    for (uint64_t i = 0; i < count; i++) {
        (void)run_one(first + i, &totals);
        printf("%llu %016llx\n", (unsigned long long)(first + i), (unsigned long long)trace_hash());
    }
    return 0;
}

/* Each world again, in other company, in another process whose addresses are others, and with
 * somebody reading along. */
static int check_replay(uint64_t first)
{
    struct totals totals = {0};
    unsigned differences = 0;
    for (uint64_t i = REPLAYED; i-- > 0;) {
        char command[600];
        char line[1000];
        char wanted[80];
        (void)run_one(first + i, &totals);
        snprintf(wanted, sizeof(wanted),
                 "seed %llu, trace %016llx:", (unsigned long long)(first + i),
                 (unsigned long long)trace_hash());
        snprintf(command, sizeof(command), "%s --seed %llu 2>/dev/null", program_invocation_name,
                 (unsigned long long)(first + i));
        FILE *other = popen(command, "r");
        bool told = other != NULL && fgets(line, sizeof(line), other) != NULL;
        bool ended = other != NULL && pclose(other) == 0;
        if (!told || !ended || strncmp(line, wanted, strlen(wanted)) != 0) {
            fprintf(stderr, "It does not replay: \"%s\" here, \"%s\" in another process.\n", wanted,
                    told ? line : "");
            differences++;
        }
    }
    printf("%d worlds replayed, %u differ\n", REPLAYED, differences);
    return differences > 0;
}

static int run_seed(uint64_t seed)
{
    life_run_world(seed, true);
    printf("seed %llu, trace %016llx: %s\n", (unsigned long long)seed,
           (unsigned long long)trace_hash(), is_violated() ? world.violation : "all is well");
    return is_violated();
}

static enum bug bug_of(const char *word)
{
    for (unsigned i = 1; i < BUG_COUNT; i++)
        if (strcmp(word, bug_words[i]) == 0)
            return (enum bug)i;
    fprintf(stderr, "There is no known mistake called %s; --list-bugs lists them.\n", word);
    exit(2);
}

static uint64_t number(const char *text)
{
    uint64_t value = 0;
    if (!text_parse_u64(slice_str(text), &value)) {
        fprintf(stderr, "%s is no number.\n", text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    enum { HASHES = 1, REPLAY, BUGS, LIST };
    static const struct option known[] = {{"first", required_argument, NULL, 'f'},
                                          {"count", required_argument, NULL, 'c'},
                                          {"seconds", required_argument, NULL, 't'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"bug", required_argument, NULL, 'b'},
                                          {"junit", required_argument, NULL, 'j'},
                                          {"hashes", no_argument, NULL, HASHES},
                                          {"replay", no_argument, NULL, REPLAY},
                                          {"bugs", no_argument, NULL, BUGS},
                                          {"list-bugs", no_argument, NULL, LIST},
                                          {NULL, 0, NULL, 0}};
    struct options options = {.first = 1, .count = COUNT_DEFAULT};
    int what = 0;
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'f')
            options.first = number(optarg);
        else if (option == 'c')
            options.count = number(optarg);
        else if (option == 't')
            options.seconds = number(optarg);
        else if (option == 's')
            options.seed = number(optarg);
        else if (option == 'b')
            bug_armed = bug_of(optarg);
        else if (option == 'j')
            options.junit = optarg;
        else if (option == '?')
            return 2;
        else
            what = option;
    }
    if (what == LIST)
        return list_bugs();
    if (what == HASHES)
        return tell_hashes(options.first, options.count);
    if (what == REPLAY)
        return check_replay(options.first);
    if (what == BUGS)
        return run_bugs(options.first);
    if (options.seed != 0)
        return run_seed(options.seed);
    return bug_armed != BUG_NONE ? run_bug(options.first) : run_many(&options);
}

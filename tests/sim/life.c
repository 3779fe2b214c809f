/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lives of an engine in one world. Each is the program's own way through its parts (main.c,
 * cmd_run.c): checkpoint, source, sink, pipeline. A life ends by a crash, an error, or a stop; then
 * the next one begins, as a service manager would have it. After some lives the world is calm, and
 * then one must carry everything to its end.
 *
 * A crash leaves no effect behind it: from that moment on every file operation and every request
 * fails and changes nothing, so the engine unwinds and frees what it has, and the world never hears
 * of it.
 */
#include "sim_int.h"

#include "checkpoint/checkpoint.h"
#include "sinks/doris/doris_int.h"
#include "sinks/starrocks/starrocks_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A calm life that has not carried everything by then never will: what it may have to wait for is a
 * load of each table that takes ten minutes. */
#define CALM_MAX_US (2 * 60 * MINUTE)
/* A life that is not calm is killed by then, in case its faults leave it no way. */
#define LIFE_MAX_US (40 * MINUTE)
#define LIVES_MAX 40

static struct {
    bool dead;
    uint64_t died_us;
    uint64_t begun_us;
    unsigned steps;
    unsigned dies_at; /* a step; 0: does not die by plan */
    bool stopping;
    bool first_start; /* the checkpoint knows no position yet */
    struct store *store;
    struct sink *sink;
    struct pipeline *pipeline;
} life;

/* What the engine is told by its pipeline file, in each world other figures. */
static struct {
    struct doris_config doris;
    struct starrocks_config starrocks;
    struct pipeline_config pipeline;
    struct route_set *routes;
    uint64_t flush_bytes;
    struct cfg_document *documents[3]; /* the values borrow from them */
    unsigned document_count;
} config;

bool life_is_dead(void)
{
    return life.dead;
}

void life_die(void)
{
    if (life.dead)
        return;
    life.dead = true;
    life.died_us = sim_now_us();
    warehouse_client_died();
    if (life.pipeline != NULL)
        pipeline_stop(life.pipeline);
    if (life.sink != NULL)
        life.sink->ops->stop(life.sink);
}

bool life_goes_on(const char *where)
{
    if (life.dead)
        return false;
    if (++life.steps == life.dies_at) {
        trace("the engine dies: %s", where);
        life_die();
    }
    return !life.dead;
}

/* Everything is at the target, and the checkpoint says so. */
static bool is_complete(void)
{
    const struct store_state *state = checkpoint_store.state(life.store);
    return source_place() == source_txn_count() && state->intent == NULL &&
           state->position.offset == source_txn_count() + 4;
}

static void stop_gently(void)
{
    life.stopping = true;
    trace("the engine is told to stop");
    pipeline_stop(life.pipeline);
}

void life_look(void)
{
    struct sink_stats stats;
    life.sink->ops->stats(life.sink, &stats);
    oracle_check_memory(stats.buffered_bytes, config.flush_bytes);
    if (life.stopping || life.dead)
        return;
    if (is_complete() || fault(FAULT_STOP))
        stop_gently();
}

void life_look_at_commit(void)
{
    if (!world.together || life.dead || life.store == NULL)
        return;
    const struct store_intent *intent = checkpoint_store.state(life.store)->intent;
    bool known = intent != NULL;
    for (uint32_t i = 0; known && i < intent->count; i++)
        known = intent->done[i] || intent->entries[i].transaction != 0;
    if (!known)
        violation("something became visible before all that belongs to it was prepared");
}

static enum rc intent(struct store *store, const struct store_intent *said, struct error *err)
{
    const struct store_intent *before = checkpoint_store.state(store)->intent;
    if (before != NULL && before->epoch != said->epoch)
        fault_note(FAULT_BESIDE);
    return bugs_store()->intent(store, said, err);
}

/* The store, with a look at what an epoch's end promises. */
static enum rc advance(struct store *store, uint64_t epoch, struct error *err)
{
    enum rc rc = bugs_store()->advance(store, epoch, err);
    const struct store_state *state = checkpoint_store.state(store);
    if (rc != RC_OK || !world.together || life.dead)
        return rc;
    if (state->position.rows_done > 0)
        violation("an epoch ended in the middle of a transaction");
    else
        oracle_check_together(state->position.offset - 4);
    return rc;
}

static const struct store_ops *watched_store(void)
{
    static struct store_ops watched;
    watched = *bugs_store();
    watched.intent = intent;
    watched.advance = advance;
    return &watched;
}

void life_watch_clock(void)
{
    if (life.dead || life.pipeline == NULL)
        return;
    uint64_t age_us = sim_now_us() - life.begun_us;
    if (world.calm && age_us > CALM_MAX_US)
        violation("nothing failed for two hours, and not everything has arrived");
    else if (!world.calm && age_us > LIFE_MAX_US)
        life_die();
}

/* ---- configuration ---- */

static void bind(const char *yaml, const struct cfg_section *section, void *values)
{
    struct error err;
    struct cfg_document *document;
    char path[64];
    int fd = memfd_create("sim.yaml", 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    error_clear(&err);
    bool ok = fd >= 0 && write(fd, yaml, strlen(yaml)) == (ssize_t)strlen(yaml) &&
              cfg_load(path, &document, &err) == RC_OK &&
              cfg_bind(document, section, values, &err) == RC_OK;
    if (!ok) {
        fprintf(stderr, "The simulator's pipeline file cannot be read: %s\n", err.text);
        abort();
    }
    close(fd);
    config.documents[config.document_count++] = document;
}

static void unconfigure(void)
{
    route_set_free(config.routes);
    for (unsigned i = 0; i < config.document_count; i++)
        cfg_free(config.documents[i]);
}

static void configure_once(void)
{
    if (config.document_count > 0)
        return;
    atexit(unconfigure);
    bind("sink:\n  type: doris\n  fenodes: fe1:8030,fe2:8030\n  username: u\n  password: p\n",
         &doris_section, &config.doris);
    bind("sink:\n  type: starrocks\n  load-url: fe1:8030,fe2:8030\n"
         "  jdbc-url: jdbc:mysql://fe1:9030\n  username: u\n  password: p\n",
         &starrocks_section, &config.starrocks);
    bind("pipeline:\n  name: sim\n", &pipeline_section, &config.pipeline);
    struct error err;
    if (route_set_new(NULL, 0, ROUTE_ALL_MATCH, &config.routes, &err) != RC_OK)
        abort();
}

/* Small figures, so that few rows make many epochs, and large ones now and then. */
static void configure(void)
{
    configure_once();
    struct dialect_config *common =
        world.starrocks ? &config.starrocks.common : &config.doris.common;
    int64_t *threads = world.starrocks ? &config.starrocks.threads : &config.doris.threads;
    static const uint64_t intervals[] = {10, 200, 2000, 10000};
    config.flush_bytes = random_chance(300) ? 4 << 10 : 256 << 10;
    common->flush_bytes = config.flush_bytes;
    static const int two_phase[] = {LOAD_TWO_PHASE_AUTO, LOAD_TWO_PHASE_ALWAYS,
                                    LOAD_TWO_PHASE_NEVER};
    common->two_phase = two_phase[random_below(COUNT_OF(two_phase))];
    common->flush_rows = (int64_t)random_between(1, random_chance(500) ? 5 : 100);
    common->flush_interval_ms = intervals[random_below(COUNT_OF(intervals))];
    *threads = (int64_t)random_between(1, 4);
    common->epochs = (int64_t)random_between(1, STORE_EPOCHS_MAX);
    if (bug_armed == BUG_FORGOTTEN_TABLE)
        common->epochs = 1; /* only then are loads left out */
    world.together = !world.old && common->two_phase != LOAD_TWO_PHASE_NEVER && random_chance(400);
    config.pipeline.visibility = world.together ? PIPELINE_VISIBLE_TOGETHER : PIPELINE_VISIBLE_EACH;
}

/* ---- one life ---- */

static enum rc open_parts(struct source *source, struct error *err)
{
    struct store_options options = {.dir = SLICE(SIM_FOLDER), .pipeline = SLICE("sim")};
    enum rc rc = checkpoint_store.open(&options, &life.store, err);
    if (rc != RC_OK)
        return rc;
    const struct store_state *state = checkpoint_store.state(life.store);
    life.first_start = position_is_empty(&state->position);
    trace("life %u: position %llu, epoch %llu, %s", world.lives,
          (unsigned long long)state->position.offset, (unsigned long long)state->epoch,
          state->intent == NULL         ? "nothing unfinished"
          : state->intent->next == NULL ? "an epoch unfinished"
                                        : "several epochs unfinished");
    if (state->intent != NULL && state->intent->next != NULL)
        fault_note(FAULT_RANGES);
    struct sink_options sink = {.config = world.starrocks ? (void *)&config.starrocks
                                                          : (void *)&config.doris,
                                .pipeline = SLICE("sim"),
                                .pipeline_id = slice_str(state->pipeline_id),
                                .source_name = SLICE("sim"),
                                .recovering = state->intent != NULL,
                                .visible_together = world.together};
    const struct sink_ops *sink_ops = world.starrocks ? &starrocks_sink : &doris_sink;
    rc = sink_ops->open(&sink, &life.sink, err);
    if (rc != RC_OK)
        return rc;
    bugs_sink(life.sink);
    struct pipeline_parts parts = {.source = source,
                                   .sink = life.sink,
                                   .store = life.store,
                                   .store_ops = watched_store(),
                                   .routes = config.routes,
                                   .config = &config.pipeline};
    return pipeline_new(&parts, &life.pipeline, err);
}

static void close_parts(void)
{
    /* Dead parts are stopped by what is left of them, not by the plan of their death. */
    pipeline_free(life.pipeline);
    life.pipeline = NULL;
    if (life.sink != NULL)
        life.sink->ops->close(life.sink);
    life.sink = NULL;
    checkpoint_store.close(life.store);
    life.store = NULL;
}

static void plan_life(void)
{
    memset(&life, 0, sizeof(life));
    life.begun_us = sim_now_us();
    disk_life_begin();
    sql_life_begin();
    if (!world.calm && random_chance(750))
        life.dies_at = (unsigned)random_between(1, random_chance(300) ? 40 : 600);
}

/* From the start to the end, whichever it is. */
static enum rc live(struct error *err)
{
    plan_life();
    error_clear(err);
    struct source *source = source_make();
    enum rc rc = open_parts(source, err);
    if (rc == RC_OK)
        rc = pipeline_run(life.pipeline, err);
    close_parts();
    source_unmake(source);
    if (fibers_running() > 0 && !is_violated())
        violation("%u threads were left behind", fibers_running());
    if (disk_open_count() > 0 && !is_violated())
        violation("%u descriptors were left open", disk_open_count());
    return rc;
}

/* ---- what comes after it ---- */

/* The seconds in "that were sent N seconds ago"; 0 when the text says none. */
static uint64_t age_in(const char *text)
{
    static const char words[] = "that were sent ";
    const char *at = strstr(text, words);
    uint64_t seconds = 0;
    if (at != NULL)
        for (at += sizeof(words) - 1; *at >= '0' && *at <= '9'; at++)
            seconds = seconds * 10 + (uint64_t)(*at - '0');
    return seconds;
}

/* Nobody can know whether the rows of a keyless load arrived, or a part of a transaction is visible and the
 * target has aborted the rest. True: that is so, and it may end the pipeline (docs/delivery.md): a labelled
 * load that is older than label.trust, or one that was prepared and that the target has forgotten. */
static bool is_unknowable(const struct error *err)
{
    if (err->rc != RC_MISMATCH)
        return false;
    bool labelled = strstr(err->text, "has forgotten the label") != NULL;
    /* A prepared one is said without the key that would help; of an epoch in parts its own age may be more
     * than that of the attempt, which begins anew with each part. */
    bool prepared = labelled && strstr(err->text, "label.trust") == NULL &&
                    sim_now_us() >= config.pipeline.label_trust_ms * MS;
    return prepared || (labelled && age_in(err->text) * 1000 >= config.pipeline.label_trust_ms) ||
           strstr(err->text, "knows neither transaction nor label") != NULL ||
           strstr(err->text, "and the target has aborted others since") != NULL;
}

/* A part of a large transaction was aborted by the target before its commit: the next start reads it again. */
static bool is_taken_back(const struct error *err)
{
    return err->rc == RC_TIMEOUT && strstr(err->text, "aborted the prepared load") != NULL;
}

/* A first start that was cut off may have made a target of which the table is ahead by the next. The error
 * tells the statement that mends it, and the operator says it to the warehouse. */
static bool is_mended(const struct error *err)
{
    static const char words[] = "Run on the target: ";
    const char *remedy = strstr(err->text, words);
    if (err->rc != RC_MISMATCH || !life.first_start || remedy == NULL)
        return false;
    sql_operator(slice_str(remedy + sizeof(words) - 1));
    return true;
}

/* An error without a cause is one of the engine's own making. */
static void judge_error(const struct error *err)
{
    trace("the engine stops: %s", err->text);
    bool unknown_for_long = err->rc == RC_PROTOCOL && strstr(err->text, "unknown end") != NULL;
    bool has_cause = disk_has_failed() || source_has_failed() || sql_has_failed() ||
                     is_unknowable(err) || is_mended(err) || is_taken_back(err) ||
                     (unknown_for_long && !world.calm);
    if (!has_cause)
        violation("the engine stopped without a cause: %s", err->text);
}

static void die_and_wait(void)
{
    if (life.dead) {
        bool power = random_chance(400);
        fault_note(power ? FAULT_POWER : FAULT_KILL);
        sim_set_now_us(life.died_us);
        disk_crash(power);
    } else {
        disk_crash(false);
    }
    uint64_t down_us = random_delay(30 * SECOND);
    if (fault_between_lives(FAULT_LONG_DOWN))
        down_us = random_between(5 * MINUTE, 60 * MINUTE);
    sim_set_now_us(sim_now_us() + down_us);
    warehouse_advance();
    if (fault_between_lives(FAULT_FORGOTTEN))
        warehouse_forget();
}

void life_run_world(uint64_t seed, bool verbose)
{
    world_begin(seed, verbose);
    fibers_begin();
    disk_begin();
    oracle_begin();
    warehouse_begin();
    sql_begin();
    source_begin();
    configure();
    unsigned rough = (unsigned)random_between(0, 6);
    while (!is_violated() && world.lives < LIVES_MAX) {
        world.calm = world.lives >= rough;
        world.lives++;
        struct error err;
        enum rc rc = live(&err);
        if (is_violated())
            return;
        if (life.dead || rc != RC_OK) {
            if (!life.dead && !life.stopping)
                judge_error(&err);
            if (!life.dead && is_unknowable(&err)) {
                world.stops_with_words++;
                return;
            }
            die_and_wait();
            continue;
        }
        warehouse_advance();
        if (source_place() == source_txn_count() && life.stopping && world.calm) {
            oracle_check_end();
            return;
        }
        die_and_wait();
    }
    if (!is_violated())
        violation("after %u lives not everything has arrived", world.lives);
}

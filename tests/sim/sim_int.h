/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator: the engine's own libraries, linked as they are, in a world that a seed makes. The
 * linker puts this folder's functions in the place of the system's (--wrap, see CMakeLists.txt):
 *
 *   fiber.c       threads, locks, condition variables, the clock: one real thread, a seeded schedule
 *   disk.c        files and folders, and what a crash keeps of them
 *   warehouse.c   loads, labels and their states, tables                         (the server's side)
 *   steps.c       two-phase loading, on the server's side
 *   http.c        requests to the warehouse, and everything that becomes of them (the network's side)
 *   sql.c         the warehouse's query port
 *   source.c      a source whose transactions a seed makes
 *   oracle.c      what every moment has to be true
 *   bugs.c        known mistakes, put over the seams, so that it can be shown that each is caught
 *   life.c        one life of the engine, from start to crash, stop or error
 *   world.c       randomness, faults, the trace
 *   sim.c         the program
 *
 * One world at a time, one real thread: everything here is static and nothing is locked. The same
 * seed gives the same trace, to the byte: nothing may depend on addresses, on the real clock, or
 * on what an earlier world left behind.
 */
#ifndef MILLRACE_TESTS_SIM_INT_H
#define MILLRACE_TESTS_SIM_INT_H

#include "engine/engine.h"

#define MS UINT64_C(1000)
#define SECOND UINT64_C(1000000)
#define MINUTE (60 * SECOND)

/* ---- randomness (world.c) ---- */

uint64_t random_u64(void);
uint64_t random_below(uint64_t bound);                      /* 0 to bound - 1 */
uint64_t random_between(uint64_t lowest, uint64_t highest); /* both included */
bool random_chance(unsigned per_mille);
/* A duration: mostly short, now and then near `highest`. */
uint64_t random_delay(uint64_t highest);
/* Well mixed, for hashes of what tables hold. */
uint64_t mix_u64(uint64_t x);

/* ---- faults (world.c) ---- */

/* Name, and what it stands for in the figures that are printed. */
#define SIM_FAULTS(X)                                                                              \
    X(FAULT_DISK_WRITE, "a write fails")                                                           \
    X(FAULT_DISK_SHORT, "a write is cut short")                                                    \
    X(FAULT_DISK_SYNC, "an fsync fails and drops the pages")                                       \
    X(FAULT_DISK_OTHER, "another file operation fails")                                            \
    X(FAULT_DISK_READ, "a read fails or is cut short")                                             \
    X(FAULT_INTERRUPTED, "a system call is interrupted")                                           \
    X(FAULT_CONNECT, "a connection is refused")                                                    \
    X(FAULT_FRONTEND_ERROR, "a frontend has no backend to offer")                                  \
    X(FAULT_NO_CONTINUE, "a load begins and is not asked for its body")                            \
    X(FAULT_BODY_CUT, "a body is cut on its way")                                                  \
    X(FAULT_ANSWER_LOST, "an answer is lost")                                                      \
    X(FAULT_ANSWER_LATE, "an answer comes after the timeout")                                      \
    X(FAULT_ANSWER_CUT, "an answer is cut short")                                                  \
    X(FAULT_ANSWER_GARBLED, "a proxy answers in the server's place")                               \
    X(FAULT_BUSY, "a load is refused for now")                                                     \
    X(FAULT_LOAD_ABORTED, "a load is aborted by the server")                                       \
    X(FAULT_COMMIT_UNSURE, "a commit fails in words and holds, or the other way round")            \
    X(FAULT_PREPARED_GONE, "a prepared load is aborted by the server")                             \
    X(FAULT_PUBLISH_TIMEOUT, "a load is committed and not yet visible")                            \
    X(FAULT_SLOW, "a load takes long")                                                             \
    X(FAULT_LATE_BEGIN, "a request reaches the server after its sender died")                      \
    X(FAULT_LATE_STEP, "a request reaches the server after its sender gave up")                    \
    X(FAULT_LABEL_QUESTION, "a question about a label fails")                                      \
    X(FAULT_QUERY, "a statement's connection breaks, before or after its effect")                  \
    X(FAULT_SOURCE, "the source ends with an error")                                               \
    X(FAULT_KILL, "the process is killed")                                                         \
    X(FAULT_POWER, "the power is cut")                                                             \
    X(FAULT_TORN_WRITE, "a power cut tears a write")                                               \
    X(FAULT_LONG_DOWN, "the engine is down for longer than labels are trusted")                    \
    X(FAULT_FORGOTTEN, "labels of tables with a key are forgotten while the engine is down")       \
    X(FAULT_STOP, "the user stops the engine")                                                     \
    X(FAULT_BESIDE, "an epoch begins beside another (no fault)")                                   \
    X(FAULT_RANGES, "a start finds several unfinished epochs (no fault)")

enum fault {
#define X(name, text) name,
    SIM_FAULTS(X)
#undef X
        FAULT_COUNT
};

extern const char *const fault_texts[FAULT_COUNT];

/* Whether it happens now, by this world's rates; counted and traced. Never when the world is calm
 * or the engine is dead. */
bool fault(enum fault kind);
/* The same while no engine lives. */
bool fault_between_lives(enum fault kind);
/* Counts one that was decided elsewhere. */
void fault_note(enum fault kind);

/* ---- the world (world.c) ---- */

enum { WORLD_VIOLATION_MAX = 600 };

struct world {
    uint64_t seed;
    bool calm;    /* no more faults: now everything has to arrive */
    bool verbose; /* print the trace, and the engine's own log, to standard error */
    bool starrocks;
    bool old;      /* a warehouse that has no two-phase loading that can be used */
    bool together; /* the loads of an epoch have to become visible together */
    unsigned lives;
    uint64_t faults[FAULT_COUNT];        /* of this world */
    unsigned stops_with_words;           /* ends that an operator has to look into, with a cause */
    char violation[WORLD_VIOLATION_MAX]; /* the first one; "" : none */
};

extern struct world world;

void world_begin(uint64_t seed, bool verbose);
/* Adds a line to the trace. */
void trace(const char *format, ...) PRINTF_LIKE(1, 2);
uint64_t trace_hash(void);
/* Something that must never be: the first is kept; the engine dies of it. */
void violation(const char *format, ...) PRINTF_LIKE(1, 2);
static inline bool is_violated(void)
{
    return world.violation[0] != '\0';
}

/* ---- threads and the clock (fiber.c) ---- */

/* Since the beginning of the world. */
uint64_t sim_now_us(void);
/* Between lives. */
void sim_set_now_us(uint64_t now_us);
void fibers_begin(void);
/* Lets the others run until then. */
void fiber_sleep(uint64_t us);
/* The same, ended early by a broadcast of `cond` (a pthread_cond_t). */
void fiber_sleep_on(const void *cond, uint64_t us);
/* How many threads the engine has left running; 0 after each life. */
unsigned fibers_running(void);

/* ---- the engine's life (life.c) ---- */

/* A moment at which the engine may die, by this life's plan: called around every effect that the
 * world keeps. False: it is dead, and nothing that it does has an effect any more. */
bool life_goes_on(const char *where);
bool life_is_dead(void);
/* Ends it here and now. */
void life_die(void);
/* The warehouse calls it when rows become visible: what the journal must know before that. */
void life_look_at_commit(void);
/* The source calls it before each change: what an operator would do, and looks at what must hold. */
void life_look(void);
/* The clock calls it: no life lasts for ever, whatever it waits for. */
void life_watch_clock(void);
/* A world from its seed to its end. */
void life_run_world(uint64_t seed, bool verbose);

/* ---- disk.c ---- */

#define SIM_FOLDER "/sim/checkpoint"

void disk_begin(void);
/* The process has ended; after a power cut the disk keeps what it likes of what was not synced. */
void disk_crash(bool power);
unsigned disk_open_count(void);
/* True when an operation failed in this life, so that ending with an error has a cause. */
bool disk_has_failed(void);
void disk_life_begin(void);

/* ---- source.c ---- */

enum { SOURCE_TABLES = 4 };

void source_begin(void);
/* A source for one life. */
struct source *source_make(void);
void source_unmake(struct source *source);
bool source_has_failed(void);
/* What the oracle keeps of a row: its value and how many added columns it was written with. */
uint64_t source_row_value(uint64_t value, unsigned version);
/* What the first or second added column of a row with this value holds. */
uint64_t source_added_value(uint64_t value, unsigned column);
/* The transaction at which the current life's stream stands, and how many there are. */
uint64_t source_place(void);
uint64_t source_txn_count(void);
void source_describe(void);

/* ---- oracle.c ---- */

struct oracle_row {
    uint64_t id;
    uint64_t value;
};

/* The history of a source table, told once by the source when the world begins. */
void oracle_begin(void);
void oracle_table(unsigned table, bool keyless);
/* One row change; `keep` false: the row with this id is gone. */
void oracle_change(unsigned table, uint64_t id, uint64_t value, bool keep);
/* A row of a keyed table changes, and perhaps its key: one step. */
void oracle_update(unsigned table, uint64_t old_id, uint64_t id, uint64_t value);
void oracle_truncate(unsigned table);
/* A transaction is over: what comes behind is another one's. */
void oracle_txn_over(void);
bool oracle_is_keyless(unsigned table);
/* What the warehouse did to a target, in the order in which it became durable. */
void oracle_applied(unsigned table, const struct oracle_row *rows, const bool *gone, unsigned count,
                    const char *label);
void oracle_truncated(unsigned table);
/* All tables hold so many transactions, whole, and nothing of the next. */
void oracle_check_together(uint64_t txns);
/* Everything must have arrived. */
void oracle_check_end(void);
/* Looks at what the sink holds in memory. */
void oracle_check_memory(uint64_t buffered_bytes, uint64_t bound);

/* ---- warehouse.c, http.c, sql.c ---- */

void warehouse_begin(void);
/* Everything that is due by now. */
void warehouse_advance(void);
/* The engine is down, and a busy database forgets labels of tables with a key: all up to some load. */
void warehouse_forget(void);
/* The engine died: bodies on their way are cut or arrive, requests may arrive late. */
void warehouse_client_died(void);
/* The table that a target name means; SOURCE_TABLES: none. */
unsigned warehouse_table(struct slice name);
/* Whether the target has the column now. */
bool warehouse_has_column(unsigned table, const char *name);
void sql_begin(void);
/* An ALTER TABLE that an error message tells, said by an operator. */
void sql_operator(struct slice sql);
void sql_life_begin(void);
bool sql_has_failed(void);

/* ---- bugs.c ---- */

#define SIM_BUGS(X)                                                                                \
    X(BUG_SKIP_FSYNC, "skip-fsync", "the journal's fdatasync is left out")                         \
    X(BUG_SKIP_FOLDER_FSYNC, "skip-folder-fsync", "the folder's fsync is left out")                \
    X(BUG_SHORT_WRITE, "short-write", "a short write is taken for a whole one")                    \
    X(BUG_NEW_LABEL, "new-label", "a load is sent again under a new label")                        \
    X(BUG_LABEL_WITHOUT_EPOCH, "label-without-epoch", "labels do not carry the epoch")             \
    X(BUG_PUBLISH_TIMEOUT, "publish-timeout-fails",                                                \
      "Publish Timeout is taken for a failure, and the load sent anew")                            \
    X(BUG_LOST_IS_SUCCESS, "lost-is-success", "a lost answer is taken for success")                \
    X(BUG_EXISTS_IS_SUCCESS, "exists-is-success", "Label Already Exists is taken for success")     \
    X(BUG_BUSY_IS_SUCCESS, "busy-is-success", "a refusal for now is taken for success")            \
    X(BUG_UNKNOWN_IS_COMMITTED, "unknown-is-committed", "an unknown label is taken for committed") \
    X(BUG_EARLY_ADVANCE, "early-advance", "the position moves before the loads are done")          \
    X(BUG_FAR_POSITION, "far-position", "an epoch's end is noted one transaction too far")         \
    X(BUG_FORGOTTEN_TABLE, "forgotten-table", "the last load of an epoch is not sent")             \
    X(BUG_WRONG_DONE, "wrong-done", "a finished load is noted as another one")                     \
    X(BUG_RESUME_LATE, "resume-late", "the stream goes on one transaction too late")               \
    X(BUG_LOST_NOTES, "lost-notes", "notes do not come with their position")                       \
    X(BUG_NO_COMMIT, "no-commit", "the commit of a prepared load is not sent")                     \
    X(BUG_GONE_IS_SUCCESS, "gone-is-success", "a commit of an aborted load is taken for success")  \
    X(BUG_NO_PARTS, "no-parts", "a transaction larger than the buffer is shown in pieces")         \
    X(BUG_NO_END, "no-end", "the end of an epoch is not told")                                     \
    X(BUG_DONE_UNSAID, "done-unsaid",                                                              \
      "a table's next load goes out before the journal knows the last one as done")                \
    X(BUG_ADVANCE_BOTH, "advance-both", "an epoch's end moves the position behind the next one")   \
    X(BUG_FIRST_ONLY, "first-only", "of several unfinished epochs a start asks for the first alone")

enum bug {
    BUG_NONE = 0,
#define X(name, word, text) name,
    SIM_BUGS(X)
#undef X
        BUG_COUNT
};

extern const char *const bug_words[BUG_COUNT];
extern const char *const bug_texts[BUG_COUNT];

/* The one that is switched on. */
extern enum bug bug_armed;

/* The operations with the armed bug over them. */
const struct store_ops *bugs_store(void);
void bugs_sink(struct sink *sink);

#endif

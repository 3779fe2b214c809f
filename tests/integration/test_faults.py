# SPDX-License-Identifier: Apache-2.0
"""Each fault that the warehouse can show, in the middle of a workload: equal in the end, nothing twice.

The faults are those of tests/twin/faults.py. Those that a retry cannot mend end the engine with a documented exit
code and words; after the remedy the next start goes on and nothing is lost.
"""

import pytest

from engine import Killer
from events import DATA, OK, SINK
from servers import wait_until
from workload import TABLES, Workload, schema

PASSING = [
    ("lose_answer", {}), ("lose_request", {}), ("publish_timeout", {"ms": 300}), ("redirect_dead", {}),
    ("too_many_versions", {}), ("fail_commit_unknown", {"committed": True}),
    ("fail_commit_unknown", {"committed": False}), ("slow", {"ms": 400}), ("http_502", {}), ("truncated_answer", {}),
    ("running_txn_limit", {}), ("mem_limit", {}), ("restart", {}),
]
TIMES = 2
# How loads in two phases come through the same is in test_two_phase.py.
ONE_PHASE = {"sink.enable-2pc": "false"}


def named(value) -> str:
    return "-".join(map(str, value.values())) if isinstance(value, dict) else value


def under_way(source, twin, engine, rng, **sink):
    """A workload that runs, and an engine that carries it."""
    work = Workload(rng.randrange(10 ** 9))
    engine.write(source.block(), twin.sink("50ms") | sink, {"stop.timeout": "20s"})
    source.query(schema())
    engine.start().until_epoch(0)
    session = source.session(work.transaction, 80)
    session.start()
    return session


def show(twin, engine, fault, times=TIMES, **more):
    """Arms a fault and waits until it was seen often enough."""
    before = twin.shown(fault)
    for _ in range(times if fault == "restart" else 1):
        loads = twin.state()["loads"]  # a restart without loads would be no test
        engine.until(lambda: twin.state()["loads"] > loads, 60, "a load")
        twin.fault(fault, times, **more)
    engine.until(lambda: twin.shown(fault) >= before + times, 60, f"the fault {fault}")


@pytest.mark.parametrize("fault,more", PASSING, ids=named)
def test_a_fault_that_passes(mariadb, twin, engine, rng, must_be_equal, fault, more):
    # A transaction that hangs in PREPARE ends by its own timeout; ten minutes would be too long here.
    session = under_way(mariadb, twin, engine, rng, **{"sink.load.timeout": "2s"})
    show(twin, engine, fault, **more)
    session.close()
    must_be_equal(mariadb, twin, engine)
    assert engine.stop() == OK


@pytest.mark.parametrize("fault,code,words", [
    ("data_error", DATA, "was refused because of its rows"),
    ("auth_down", SINK, "Access denied"),
])
def test_a_fault_that_stays(mariadb, twin, engine, rng, must_be_equal, fault, code, words):
    session = under_way(mariadb, twin, engine, rng)
    twin.fault(fault, -1)
    assert engine.wait() == code
    assert words in engine.log_tail()
    session.close()
    engine.start()  # the remedy has not come: the same end, not another one
    assert engine.wait() == code
    twin.fault(fault, 0)
    engine.start()
    must_be_equal(mariadb, twin, engine)
    assert engine.stop() == OK


@pytest.mark.parametrize("pair", [("lose_answer", "restart"), ("slow", "lose_request"),
                                  ("http_502", "truncated_answer"), ("publish_timeout", "lose_answer")], ids="+".join)
def test_two_faults_and_kills(mariadb, twin, engine, rng, must_be_equal, pair):
    session = under_way(mariadb, twin, engine, rng)
    # An engine that starts while the warehouse does not take connections ends; a supervisor starts it again.
    killer = Killer(engine, rng, also_after=(SINK,))
    killer.start()
    for _ in range(3):
        before = {fault: twin.shown(fault) for fault in pair}
        for fault in pair:
            twin.fault(fault, 1, **({"ms": 200} if fault in ("slow", "publish_timeout") else {}))
        wait_until(lambda: any(twin.shown(fault) > before[fault] for fault in pair if fault != "restart"), 60,
                   "one of the two faults")
    session.close()
    killer.halt()
    must_be_equal(mariadb, twin, engine)
    assert engine.stop() == OK


def caught_in_the_act(mariadb, twin, engine, table):
    """A killed engine whose load of `table` was committed behind its back."""
    engine.write(mariadb.block(), twin.sink("50ms") | ONE_PHASE, {"label.trust": "0s"})
    mariadb.query(schema())
    engine.start().until_log("The pipeline runs.")
    twin.fault("slow", 1, ms=1000)
    mariadb.query({"visits": "INSERT INTO visits VALUES (NOW(6), 1, 'once')",
                   "counters": "INSERT INTO counters VALUES (1, 1, 1, 'once')"}[table])
    engine.until(lambda: twin.shown("slow") == 1, what="the slow load")
    engine.kill9()
    wait_until(lambda: twin.state()["labels"], 60, "the commit")
    twin.fault("label_forgotten")


def test_a_forgotten_label_of_a_keyed_table(mariadb, twin, engine, must_be_equal):
    """The rows are loaded again: the last state of each key is the same."""
    caught_in_the_act(mariadb, twin, engine, "counters")
    engine.start().until_carried(mariadb.place())
    assert mariadb.query("SELECT * FROM counters") == "1\t1\t1\tonce\n"
    assert twin.client().rows("SELECT a, b, hits, note FROM shop.counters") == [["1", "1", "1", "once"]]
    assert engine.stop() == OK


def test_a_forgotten_label_of_a_keyless_table(mariadb, twin, engine):
    """Nobody can know: the engine stops with words, until it is told what to do."""
    caught_in_the_act(mariadb, twin, engine, "visits")
    for _ in range(2):
        assert engine.start().wait() == SINK
        assert "the target has forgotten the label" in engine.log_tail()
        assert "at-least-once" in engine.log_tail()
    engine.write(mariadb.block(), twin.sink("50ms") | ONE_PHASE, {"label.trust": "0s", "delivery": "at-least-once"})
    engine.start().until_carried(mariadb.place())
    assert "may be there twice" in engine.log()
    assert len(twin.client().rows("SELECT number FROM shop.visits")) == 2
    assert engine.stop() == OK

# SPDX-License-Identifier: Apache-2.0
"""Loads in two phases: tables without a key are exactly-once, whatever dies and however long nobody comes.

Each test stops the world at one step of an epoch (docs/delivery.md), lets the warehouse do its worst, and starts again.
"""

import socket

import pytest

from engine import run
from events import OK, SINK
from servers import wait_until

# What holds for one warehouse and for one way to die is shown in every run; the rest by ./check --all.
long = pytest.mark.long

TABLE = "CREATE TABLE visits (number INT, note VARCHAR(20)); "
ROWS = [["1", "once"], ["2", "once"]]


def begin(mariadb, twin, engine, pipeline=None, schema=TABLE, **sink):
    engine.write(mariadb.block(), twin.sink("50ms") | sink, pipeline)
    mariadb.query(schema)
    engine.start().until_log("The pipeline runs.")


def insert(mariadb):
    mariadb.query("INSERT INTO visits VALUES (1, 'once'), (2, 'once')")


def rows(twin, table="visits"):
    return twin.client().rows(f"SELECT number, note FROM shop.{table} ORDER BY number")


def finish(mariadb, twin, engine):
    """To the end: every row once, no label committed twice."""
    engine.start().until_carried(mariadb.place())
    wait_until(lambda: rows(twin) == ROWS, 60, "the two rows, once each")
    assert not twin.twice()
    assert engine.stop() == OK


def killed_while_preparing(mariadb, twin, engine):
    """The warehouse is slow; the engine dies, and what it sent is prepared behind its back."""
    twin.fault("slow", 1, ms=500)
    insert(mariadb)
    engine.until(lambda: twin.shown("slow") == 1, what="the slow load")
    engine.kill9()


def killed_while_committing(mariadb, twin, engine, fault="slow_commit"):
    """The journal says prepared, the first commit is on its way; the engine dies before its answer."""
    twin.fault(fault, 1, ms=500)
    insert(mariadb)
    engine.until(lambda: twin.shown(fault) == 1, what="the commit")
    engine.kill9()


def test_not_prepared_and_forgotten(mariadb, twin, engine):
    """What the journal does not know as prepared was never committed, so no label has to be remembered."""
    begin(mariadb, twin, engine, {"label.trust": "0s"})
    killed_while_preparing(mariadb, twin, engine)
    twin.fault("prepared_expired")
    twin.fault("label_forgotten")
    finish(mariadb, twin, engine)


@long
def test_not_prepared_and_lying_there(mariadb, twin, engine):
    """The same, and the load is prepared at the warehouse when the engine comes back: it is taken back."""
    begin(mariadb, twin, engine, {"label.trust": "0s"})
    killed_while_preparing(mariadb, twin, engine)
    finish(mariadb, twin, engine)


@pytest.mark.parametrize("worst", [
    pytest.param([], marks=long, id="nothing"), pytest.param(["prepared_expired"], id="expired"),
    pytest.param(["restart"], marks=long, id="restart"), pytest.param(["schema_change_abort"], marks=long, id="ddl")])
def test_prepared(mariadb, twin, engine, worst):
    """Prepared, not committed when the engine dies: committed at the next start, or loaded again when its time is over."""
    begin(mariadb, twin, engine)
    twin.fault("lose_commit", -1)  # no commit gets through
    insert(mariadb)
    engine.until(lambda: twin.shown("lose_commit") > 0, what="a commit that is lost")
    engine.kill9()
    told = engine.show()
    assert [load["transaction"] > 0 for load in told["unfinished"]["loads"]] == [True]
    for fault in worst:
        twin.fault(fault)
    twin.fault("lose_commit", 0)
    assert rows(twin) == []
    finish(mariadb, twin, engine)


@long
def test_committed_behind_its_back(mariadb, twin, engine):
    begin(mariadb, twin, engine)
    killed_while_committing(mariadb, twin, engine)
    wait_until(lambda: twin.state()["labels"], 60, "the commit")
    finish(mariadb, twin, engine)


def test_committed_and_forgotten(mariadb, doris, engine):
    """The one thing that nothing tells: it stops, in words, and never doubles a row by itself."""
    begin(mariadb, doris, engine)
    killed_while_committing(mariadb, doris, engine)
    wait_until(lambda: doris.state()["labels"], 60, "the commit")
    doris.fault("label_forgotten")
    for _ in range(2):
        assert engine.start().wait() == SINK
        assert "the target has forgotten the label" in engine.log_tail()
    assert rows(doris) == ROWS


@long
@pytest.mark.parametrize("fault", ["lose_commit", "lose_commit_answer", "commit_lock_timeout", "lose_answer",
                                   "lose_request", "truncated_answer", "prepared_expired"])
def test_in_one_life(mariadb, twin, engine, fault):
    """Without a crash: every lost or failed step of an epoch is made good."""
    begin(mariadb, twin, engine)
    if fault == "prepared_expired":
        twin.fault("lose_commit", -1)
        insert(mariadb)
        engine.until(lambda: twin.shown("lose_commit") > 0, what="a commit that is lost")
        twin.fault("prepared_expired")
        twin.fault("lose_commit", 0)
    else:
        twin.fault(fault, 2)
        insert(mariadb)
        engine.until(lambda: twin.shown(fault) > 0, what=f"the fault {fault}")
    engine.until_carried(mariadb.place())
    wait_until(lambda: rows(twin) == ROWS, 60, "the two rows, once each")
    assert not twin.twice()
    assert engine.stop() == OK


def test_together(mariadb, twin, engine):
    """Tables of one epoch: none is visible before all are prepared."""
    begin(mariadb, twin, engine, {"delivery.visibility": "together"},
          TABLE + "CREATE TABLE items (number INT PRIMARY KEY, note VARCHAR(20));")
    twin.fault("too_many_versions", -1, table="shop.items")  # until it is taken back, as a retry mends it
    mariadb.query("BEGIN; INSERT INTO visits VALUES (1, 'once'), (2, 'once'); INSERT INTO items VALUES (7, 'a'); COMMIT")
    engine.until(lambda: twin.shown("too_many_versions") >= 2, 60, "a load that is refused, twice")
    assert rows(twin) == [] and rows(twin, "items") == []
    twin.fault("too_many_versions", 0, table="shop.items")
    engine.until_carried(mariadb.place())
    wait_until(lambda: rows(twin) == ROWS and rows(twin, "items") == [["7", "a"]], 60, "both tables")
    state = twin.state()["requests"]
    assert sum(state.get(name, 0) for name in ("backend 2pc", "frontend commit")) >= 2
    assert engine.stop() == OK


@pytest.fixture
def dead_port():
    """A port of this machine that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_frontends_and_backends_that_are_not_there(mariadb, twin, engine, dead_port):
    """A dead frontend in the list, redirects to a dead backend, backends behind NAT: each step finds its way."""
    key = {"doris": "fenodes", "starrocks": "load-url"}[twin.kind]
    backend = twin.ports["backend_port"]
    begin(mariadb, twin, engine, None, TABLE, **{
        key: f"127.0.0.1:{dead_port};127.0.0.1:{twin.http}",
        f"sink.backend-rewrite.127.0.0.1:{backend}": f"localhost:{backend}"})
    twin.fault("redirect_dead", 2)
    insert(mariadb)
    engine.until_carried(mariadb.place())
    wait_until(lambda: rows(twin) == ROWS, 60, "the two rows, once each")
    assert not twin.twice()
    assert engine.stop() == OK


def test_a_server_that_cannot(mariadb, twin_of, engine):
    """In cloud mode Doris refuses two phases for tables with a key: check says so, and plain loads are used."""
    twin = twin_of("doris", options=["--cloud"])
    engine.write(mariadb.block(), twin.sink("50ms") | {"sink.enable-2pc": "true"})
    mariadb.query(TABLE + "CREATE TABLE items (number INT PRIMARY KEY, note VARCHAR(20));"
                  "INSERT INTO items VALUES (7, 'a'); INSERT INTO visits VALUES (1, 'once'), (2, 'once')")
    told = run("check", str(engine.file)).stdout.decode()
    assert "Tables with a key get plain loads" in told and "cloud mode" in told
    assert "Tables without a key are loaded in two phases" in told
    engine.start().until_carried(mariadb.place())
    wait_until(lambda: rows(twin) == ROWS and rows(twin, "items") == [["7", "a"]], 60, "both tables")
    assert engine.stop() == OK

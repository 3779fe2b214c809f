# SPDX-License-Identifier: Apache-2.0
"""Transactions over several tables of StarRocks 4.0: all of an epoch in one step, exactly once whatever is lost.

What the sink does at each of its requests is shown in unit/sinks/test_joint_sink.c.
"""

import pytest

from engine import run
from events import OK
from servers import wait_until

SCHEMA = "CREATE TABLE visits (number INT, note VARCHAR(20)); CREATE TABLE items (number INT PRIMARY KEY, note VARCHAR(20)); "
INSERT = "BEGIN; INSERT INTO visits VALUES (1, 'once'), (2, 'once'); INSERT INTO items VALUES (7, 'a'); COMMIT"
ON = {"sink.multi-table-transactions": "true"}
TOGETHER = {"delivery.visibility": "together"}


@pytest.fixture
def house(twin_of, request):
    return twin_of("starrocks", options=["--version", getattr(request, "param", "4.0.6")])


def begin(mariadb, house, engine, **sink):
    engine.write(mariadb.block(), house.sink("50ms") | ON | sink, TOGETHER)
    mariadb.query(SCHEMA)
    engine.start().until_log("The pipeline runs.")


def rows(house, table):
    return house.client().rows(f"SELECT number, note FROM shop.{table} ORDER BY number")


def arrive(mariadb, house, engine):
    """All rows, once each, by transactions of which none was committed twice."""
    engine.until_carried(mariadb.place())
    wait_until(lambda: rows(house, "visits") == [["1", "once"], ["2", "once"]] and rows(house, "items") == [["7", "a"]],
               60, "both tables")
    assert not house.twice()
    assert engine.stop() == OK


@pytest.mark.long  # the other tests go the same way
@pytest.mark.parametrize("house", ["4.0.6", "4.2.1"], indirect=True)
def test_one_step(mariadb, house, engine):
    begin(mariadb, house, engine)
    mariadb.query(INSERT)
    arrive(mariadb, house, engine)
    labels = house.state()["labels"]
    assert labels and all("_t" in label for label in labels)
    told = house.client().rows("SELECT epoch FROM shop.millrace_progress")
    assert told == [[str(engine.show()["epoch"])]]


@pytest.mark.costly
@pytest.mark.parametrize("fault", ["lose_answer", "lose_request", "lose_commit", "lose_commit_answer", "commit_lies",
                                   "publish_timeout", "commit_lock_timeout", "too_many_versions"])
def test_in_one_life(mariadb, house, engine, fault):
    begin(mariadb, house, engine)
    if fault == "commit_lies":  # of a commit that fails
        house.fault("commit_lock_timeout", 1)
    house.fault(fault, 1, ms=200)
    mariadb.query(INSERT)
    engine.until(lambda: house.shown(fault) > 0, 60, what=f"the fault {fault}")
    arrive(mariadb, house, engine)


@pytest.mark.costly
@pytest.mark.parametrize("worst", [None, "label_forgotten", "restart"])
def test_killed_at_its_commit(mariadb, house, engine, worst):
    """The commit is at work when the engine dies; what becomes of it, the next start finds out."""
    begin(mariadb, house, engine)
    house.fault("slow_commit", 1, ms=500)
    mariadb.query(INSERT)
    engine.until(lambda: house.shown("slow_commit") == 1, 60, what="the commit")
    engine.kill9()
    assert [load["transaction"] for load in engine.show()["unfinished"]["loads"]] == [1, 1]
    if worst is not None:
        house.fault(worst)
    engine.start()
    arrive(mariadb, house, engine)


@pytest.mark.long
@pytest.mark.parametrize("knows_sync", [True, False])
def test_asked_of_a_frontend_that_lags(mariadb, house, engine, knows_sync):
    """What the row said before the commit is not believed: it is the answer of a frontend that has not heard of it."""
    begin(mariadb, house, engine)
    mariadb.query("INSERT INTO visits VALUES (0, 'first')")
    engine.until_carried(mariadb.place())
    committed = len(house.state()["labels"])
    house.fault("slow_commit", 1, ms=1500)
    mariadb.query(INSERT)
    engine.until(lambda: house.shown("slow_commit") == 1, 60, what="the commit")
    house.fault("follower_lags")
    engine.kill9()
    wait_until(lambda: len(house.state()["labels"]) > committed, 60, "the end of the commit")
    house.fault("label_forgotten")
    house.fault("sync_unknown", 0 if knows_sync else -1)
    engine.start()
    engine.until_carried(mariadb.place())
    assert engine.stop() == OK
    house.fault("sync_unknown", 0)
    house.client().rows("SYNC")
    assert rows(house, "visits") == [["0", "first"], ["1", "once"], ["2", "once"]] and rows(house, "items") == [["7", "a"]]
    assert not house.twice()


def test_where_it_cannot_be(mariadb, twin_of, engine):
    """A server that has none, a pipeline that does not ask for it, another product."""
    old = twin_of("starrocks", options=["--version", "3.5.4"])
    mariadb.query(SCHEMA)
    engine.write(mariadb.block(), old.sink() | ON, TOGETHER)
    told = run("check", str(engine.file))
    assert told.returncode != OK
    assert "StarRocks 3.5 has no transactions over several tables" in told.stdout.decode()
    assert engine.start().wait() != OK
    assert "they came with 4.0" in engine.log_tail()
    engine.write(mariadb.block(), old.sink() | ON)
    assert engine.start().wait() != OK
    assert "`delivery.visibility: together`" in engine.log_tail()

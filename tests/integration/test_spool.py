# SPDX-License-Identifier: Apache-2.0
"""The spool (spool.max-size) and the back-pressure behind it: a warehouse that takes nothing, a source that purges."""

import json

import pytest

from engine import Killer, run
from events import OK, SINK
from servers import wait_until
from workload import Workload, schema

LONG_MYSQL = ["mariadb", pytest.param("mysql97", marks=pytest.mark.long)]
SMALL_BUFFER = {"sink.buffer-flush.max-bytes": "1mb"}
MIB = 1 << 20


def status(engine) -> dict:
    return json.loads(run("status", "--json", str(engine.file)).stdout or b"{}")


def begin(source, twin, engine, spool) -> None:
    """An engine that has carried something."""
    engine.write(source.block() | {"spool.max-size": spool, "read-ahead.size": "2mb"}, twin.sink("50ms") | SMALL_BUFFER,
                 {"stop.timeout": "20s"})
    source.query("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(10000)); INSERT INTO t (v) VALUES ('first');")
    engine.start().until_carried(source.place())


def insert(source, mib) -> None:
    rows = ", ".join("(REPEAT('x', 10000))" for _ in range(105))
    source.query(f"INSERT INTO t (v) VALUES {rows};" * mib)


def size_of(source) -> int:
    return sum(int(line.split("\t")[1]) for line in source.server.query("SHOW BINARY LOGS").splitlines())


def purge(source) -> None:
    source.server.query("FLUSH BINARY LOGS")
    newest = source.server.query("SHOW BINARY LOGS").splitlines()[-1].split("\t")[0]

    def purged() -> bool:
        source.server.query(f"PURGE BINARY LOGS TO '{newest}'")
        return len(source.binlogs()) == 1
    wait_until(purged, 60, "the purge")


@pytest.mark.parametrize("family", LONG_MYSQL)
def test_a_source_that_purges(source_of, twin_of, engine, must_be_equal, family):
    """The target is down, the engine is killed, and the source keeps nothing of what was not carried."""
    source, twin = source_of(family), twin_of("doris", kept=True)
    begin(source, twin, engine, "64mb")
    twin.kill9()
    insert(source, 3)
    engine.until(lambda: status(engine)["spooled_bytes"] >= size_of(source), 60, "the binlog in the spool")
    told = status(engine)
    assert told["buffered_bytes"] < 4 * MIB and float(told["loading_s"]) > 0
    engine.kill9()
    purge(source)
    source.query("DELETE FROM t WHERE id % 10 = 3; UPDATE t SET v = 'changed' WHERE id % 10 = 4;")
    twin.start()
    engine.start()
    must_be_equal(source, twin, engine, ["t"])
    assert "are read from the spool first" in engine.log()
    assert engine.stop() == OK


@pytest.mark.long
def test_without_a_spool_the_gap_is_told(mariadb, twin_of, engine):
    """What the test above shows is the spool's doing."""
    twin = twin_of("doris", kept=True)
    begin(mariadb, twin, engine, "0")
    twin.kill9()
    insert(mariadb, 6)
    engine.kill9()
    purge(mariadb)
    twin.start()
    assert engine.start().wait() not in (OK, None)
    assert "are gone" in engine.log() or "purged" in engine.log()


@pytest.mark.long
@pytest.mark.parametrize("family", ["mariadb", "mysql97"])
def test_a_full_spool_holds_the_source_back(source_of, twin_of, engine, must_be_equal, family):
    source, twin = source_of(family), twin_of("starrocks", kept=True)
    begin(source, twin, engine, "2mb")
    twin.kill9()
    insert(source, 40)
    engine.until(lambda: status(engine)["spooled_bytes"] > MIB, 60, "a spool that is nearly full")
    before = engine.peak_memory()
    insert(source, 40)
    assert status(engine)["spooled_bytes"] <= 2 * MIB
    twin.start()
    must_be_equal(source, twin, engine, ["t"])
    assert engine.peak_memory() - before < 32 * MIB
    assert engine.stop() == OK


@pytest.mark.long
@pytest.mark.parametrize("family", ["mariadb", "mysql97"])
def test_connections_that_are_lost_while_it_reads_ahead(source_of, twin_of, engine, must_be_equal, family):
    """The place is kept and the connection made again while the target is down; the source purges in between."""
    source, twin = source_of(family), twin_of("doris", kept=True)
    begin(source, twin, engine, "256mb")
    twin.kill9()
    insert(source, 6)
    for _ in range(3):
        engine.until(lambda: status(engine)["spooled_bytes"] >= size_of(source), 60, "the binlog in the spool")
        before = status(engine)["reconnects"]
        source.server.kill_dumps()
        insert(source, 3)
        engine.until(lambda: status(engine)["reconnects"] > before, 60, "another connection")
    engine.until(lambda: status(engine)["spooled_bytes"] >= size_of(source), 60, "the binlog in the spool")
    twin.start()
    must_be_equal(source, twin, engine, ["t"])
    assert engine.stop() == OK


@pytest.mark.long
@pytest.mark.parametrize("family", ["mariadb", "mysql97"])
@pytest.mark.parametrize("spool", ["1mb", "64mb"])
def test_a_workload_with_kills(source_of, twin_of, engine, rng, must_be_equal, family, spool):
    """Slow loads, kills and lost connections in the middle of a workload; the spool is small, or holds all."""
    source, twin = source_of(family), twin_of("doris")
    work = Workload(rng.randrange(10 ** 9))
    engine.write(source.block() | {"spool.max-size": spool}, twin.sink("50ms") | SMALL_BUFFER | {"sink.buffer-flush.max-rows": 50},
                 {"stop.timeout": "20s"})
    source.query(schema())
    engine.start().until_epoch(0)
    session = source.session(work.transaction, 80)
    session.start()
    killer = Killer(engine, rng, shortest_s=1, longest_s=4, also_after=(SINK,))
    killer.start()
    for _ in range(8):
        before = twin.shown("slow")
        twin.fault("slow", 1, ms=2500)
        wait_until(lambda: twin.shown("slow") > before, 60, "a slow load")
        source.server.kill_dumps()
    session.close()
    killer.halt()
    must_be_equal(source, twin, engine)
    assert engine.stop() == OK

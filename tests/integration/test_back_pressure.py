# SPDX-License-Identifier: Apache-2.0
"""A warehouse that is short of breath, or away, without a spool: the engine says so, holds its bounds and recovers by itself."""

import json

import pytest

from engine import run
from events import OK
from workload import Workload, schema

MIB = 1 << 20


def status(engine) -> dict:
    return json.loads(run("status", "--json", str(engine.file)).stdout or b"{}")


@pytest.mark.long
@pytest.mark.parametrize("fault", ["too_many_versions", "running_txn_limit", "mem_limit"])
def test_short_of_breath(mariadb, twin, engine, rng, must_be_equal, fault):
    """Epochs grow longer, and shorter again when loads are taken as they come."""
    work = Workload(rng.randrange(10 ** 9))
    engine.write(mariadb.block(), twin.sink("50ms"), {"stop.timeout": "20s"})
    mariadb.query(schema())
    engine.start().until_epoch(0)
    session = mariadb.session(work.transaction, 50)
    session.start()
    engine.until(lambda: status(engine).get("flush_interval_ms") == 50, 60, "the interval that was asked for")
    twin.fault(fault, 3)
    engine.until_log("The target is short of breath", 60)
    engine.until_log("The target keeps up", 60)
    engine.until(lambda: status(engine)["flush_interval_ms"] == 50, 60, "the interval that was asked for, again")
    session.close()
    must_be_equal(mariadb, twin, engine)
    assert engine.stop() == OK


@pytest.mark.long
@pytest.mark.parametrize("family", ["mariadb", "mysql97"])
def test_away_for_long(source_of, twin_of, engine, must_be_equal, family):
    """Memory stays where it is, the status goes on telling, and a connection that is lost meanwhile costs nothing."""
    source, twin = source_of(family), twin_of("doris", kept=True)
    engine.write(source.block() | {"read-ahead.size": "2mb"}, twin.sink("50ms") | {"sink.buffer-flush.max-bytes": "2mb"},
                 {"stop.timeout": "20s"})
    source.query("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(10000)); INSERT INTO t (v) VALUES ('first');")
    engine.start().until_carried(source.place())
    rows = ", ".join("(REPEAT('x', 10000))" for _ in range(105))
    twin.kill9()
    source.query(f"INSERT INTO t (v) VALUES {rows};" * 10)
    engine.until(lambda: float(status(engine)["loading_s"]) > 3, 60, "a load that takes its time")
    told = status(engine)
    before = engine.peak_memory()
    source.query(f"INSERT INTO t (v) VALUES {rows};" * 20)
    source.server.kill_dumps()
    engine.until(lambda: float(status(engine)["loading_s"]) > float(told["loading_s"]) + 3, 60, "a status that is written anew")
    assert status(engine)["buffered_bytes"] <= 2 * MIB
    assert engine.peak_memory() - before < 8 * MIB
    twin.start()
    must_be_equal(source, twin, engine, ["t"])
    assert status(engine)["reconnects"] >= 1
    assert engine.stop() == OK

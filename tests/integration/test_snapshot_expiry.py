# SPDX-License-Identifier: Apache-2.0
"""The server deletes its binlog under a long snapshot: foreseen, told with what is left, and nothing lost without a word."""

import re
import time

import pytest
from events import OK, SOURCE
from servers import wait_until

ROWS = 4_000
EXPIRE_S = 8


@pytest.fixture
def long_snapshot(source_of, twin_of, engine):
    """An engine in the middle of a snapshot that its target holds up, a load at a time."""
    def begin(family, load_ms):
        source, twin = source_of(family), twin_of("doris")
        source.query("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(2000));"
                     "INSERT INTO t WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 1000) "
                     "SELECT n, REPEAT('x', 1000) FROM s;" +
                     "".join(f"INSERT INTO t SELECT id + {start}, v FROM t WHERE id <= 1000;" for start in range(1000, ROWS, 1000)))
        source.server.query(source.server.reset_sql)
        twin.fault("slow", -1, ms=load_ms)
        engine.write(source.block() | {"scan.startup.mode": "initial", "scan.incremental.snapshot.chunk.size": 500},
                     twin.sink("50ms") | {"sink.buffer-flush.max-rows": 500, "sink.buffer-flush.max-bytes": "1mb"})
        engine.start()
        engine.until(lambda: twin.shown("slow") > 0, 60, "the first load")
        return source, twin
    return begin


def newest(source) -> str:
    return source.server.query("SHOW BINARY LOGS").splitlines()[-1].split("\t")[0]


@pytest.mark.parametrize("family", ["mariadb", pytest.param("mysql97", marks=pytest.mark.long)])
def test_a_place_that_was_purged_under_a_snapshot(long_snapshot, engine, family):
    source, _ = long_snapshot(family, 400)
    engine.until(engine.show, 60, "a checkpoint")
    engine.kill9()
    source.query("UPDATE t SET v = 'changed' WHERE id % 7 = 0; FLUSH BINARY LOGS; DELETE FROM t WHERE id % 11 = 0;")
    source.server.query("FLUSH BINARY LOGS")

    def purged():
        source.server.query(f"PURGE BINARY LOGS TO '{newest(source)}'")
        return len(source.binlogs()) == 1
    wait_until(purged, 60, "the purge")
    assert engine.start().wait() == SOURCE
    told = engine.log()
    assert "are gone" in told or "purged" in told
    assert newest(source) in told and "--rebuild" in told, told[-2000:]


@pytest.mark.long
@pytest.mark.parametrize("family", ["mariadb", "mysql97"])
def test_expiry_is_foreseen(long_snapshot, engine, family, must_be_equal):
    """While the target is slow the stream falls behind; at half of the files' life it is told how much is left."""
    source, twin = long_snapshot(family, 500)
    before = source.server.value("SELECT @@GLOBAL.binlog_expire_logs_seconds")
    try:
        source.server.query(f"SET GLOBAL binlog_expire_logs_seconds = {EXPIRE_S}")
        engine.kill9()
        engine.start()  # learns it
        for number in range(3 * EXPIRE_S):
            source.query(f"UPDATE t SET v = REPEAT('{number % 10}', 1000); FLUSH BINARY LOGS;")
            if "deleted_after_s" in engine.log():
                break
            time.sleep(1)
        assert "deleted_after_s" in engine.log(), engine.log_tail()
        warning = next(line for line in engine.log().splitlines() if "deleted_after_s" in line)
        figures = {name: int(value) for name, value in re.findall(r'"(\w+)":(\d+)[,}]', warning)}
        assert figures["deleted_after_s"] == EXPIRE_S
        assert figures["behind_s"] >= EXPIRE_S // 2
        assert figures["left_s"] == max(0, EXPIRE_S - figures["behind_s"])
        assert "binlog_expire_logs_seconds" in warning
        # A server does not delete the file that is being read: as long as the engine runs, nothing is lost.
        twin.fault("slow", 0, ms=0)
    finally:
        source.server.query(f"SET GLOBAL binlog_expire_logs_seconds = {before}")
    must_be_equal(source, twin, engine, ["t"])
    assert engine.stop() == OK

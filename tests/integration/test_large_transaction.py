# SPDX-License-Identifier: Apache-2.0
"""One transaction that is many times larger than the buffer: cut into epochs, killed in the middle, bounded memory."""

from __future__ import annotations

import pytest

from events import OK
from servers import wait_until

ROWS = 300_000
BUFFER_MB = 4
MEMORY_LIMIT = (64 + BUFFER_MB) << 20
NUMBERS = {"mariadb": f"SELECT seq AS id FROM seq_1_to_{ROWS}",
           "mysql97": f"WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {ROWS}) SELECT id FROM n"}


@pytest.mark.parametrize("family,kind", [
    ("mariadb", "doris"), pytest.param("mysql97", "starrocks", marks=pytest.mark.long)])
def test_killed_in_the_middle(source_of, twin_of, engine, must_be_equal, family, kind):
    source, twin = source_of(family), twin_of(kind)
    engine.write(source.block(), twin.sink("100ms") | {"sink.buffer-flush.max-bytes": f"{BUFFER_MB}mb"})
    source.query("CREATE TABLE big (id INT NOT NULL PRIMARY KEY, words VARCHAR(60) NULL, n BIGINT NOT NULL);"
                 "CREATE TABLE small (id INT NOT NULL PRIMARY KEY);")
    engine.start().until_log("The pipeline runs.")
    source.query(f"SET SESSION {'cte_max_recursion_depth' if family == 'mysql97' else 'max_recursive_iterations'} "
                 f"= {ROWS + 1}; BEGIN; INSERT INTO small VALUES (1);"
                 f"INSERT INTO big SELECT id, CONCAT('row number ', id), id * 7 FROM ({NUMBERS[family]}) t;"
                 "UPDATE big SET words = NULL WHERE id % 100 = 0; DELETE FROM big WHERE id % 1000 = 0;"
                 "INSERT INTO small VALUES (2); COMMIT;")
    peaks = []
    done = 0
    for _ in range(2):
        # `rows_done`: the place lies inside the transaction, so many rows into it.
        engine.until(lambda: (engine.show()["position"] or {"rows_done": 0})["rows_done"] > done, 60, "a place in the transaction")
        peaks.append(engine.peak_memory())
        engine.kill9()
        done = engine.show()["position"]["rows_done"]
        assert 0 < done < ROWS
        engine.start()
    engine.until_carried(source.place(), 90)
    peaks.append(engine.peak_memory())
    assert engine.show()["epoch"] >= 4
    must_be_equal(source, twin, engine, ["big", "small"])
    assert max(peaks) < MEMORY_LIMIT, f"peaks of {[peak >> 20 for peak in peaks]} MiB"
    assert engine.stop() == OK


PREPARING, COMMITTING = ("too_many_versions", "visits"), ("commit_lock_timeout", "big")


@pytest.mark.parametrize("kind,step", [
    ("doris", PREPARING), ("starrocks", COMMITTING),
    pytest.param("doris", COMMITTING, marks=pytest.mark.long), pytest.param("starrocks", PREPARING, marks=pytest.mark.long)])
def test_nothing_is_seen_before_its_end(mariadb, twin_of, engine, must_be_equal, kind, step):
    """It has to become visible as a whole. The engine dies when its last part cannot be prepared, or the oldest not be committed."""
    twin = twin_of(kind)
    fault, table = step
    engine.write(mariadb.block(), twin.sink("50ms") | {"sink.buffer-flush.max-bytes": "1mb"},
                 {"delivery.visibility": "together"})
    mariadb.query("CREATE TABLE big (id INT NOT NULL PRIMARY KEY, words VARCHAR(60)); CREATE TABLE visits (number INT);")
    engine.start().until_log("The pipeline runs.")
    twin.fault(fault, -1, table=f"shop.{table}")
    mariadb.query("BEGIN; INSERT INTO big SELECT seq, CONCAT('row number ', seq) FROM seq_1_to_20000;"
                  "INSERT INTO visits VALUES (1), (2); COMMIT")
    engine.until(lambda: twin.shown(fault) > 0, what=fault)
    assert engine.peak_memory() < 64 << 20
    engine.kill9()
    assert [twin.client().rows(f"SELECT COUNT(*) FROM shop.{name}") for name in ("big", "visits")] == [[["0"]]] * 2
    loads = engine.show()["unfinished"]["loads"]
    assert len(loads) > 3
    assert {load["transaction"] > 0 for load in loads} == {step == COMMITTING}
    twin.fault(fault, 0)
    engine.start().until_carried(mariadb.place())
    must_be_equal(mariadb, twin, engine, ["big"])
    wait_until(lambda: twin.client().rows("SELECT number FROM shop.visits ORDER BY number") == [["1"], ["2"]], 60, "both visits, once")
    assert not twin.twice()
    assert engine.stop() == OK

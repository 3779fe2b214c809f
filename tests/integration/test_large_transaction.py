# SPDX-License-Identifier: Apache-2.0
"""One transaction that is many times larger than the buffer: cut into epochs, killed in the middle, bounded memory."""

from __future__ import annotations

import pytest

from events import OK

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

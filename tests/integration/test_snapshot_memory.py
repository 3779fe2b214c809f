# SPDX-License-Identifier: Apache-2.0
"""Memory of a snapshot is bounded by chunk bytes, whatever the rows weigh and whatever the server's estimates say."""

import pytest

MIB = 1 << 20
BOUND = 64 * MIB  # of resident memory


def wide_rows(source, rows: int) -> None:
    """Rows of a MiB that the server's estimates know nothing of: its figures stay those of an empty table."""
    source.query("SET sql_log_bin = 0; CREATE TABLE wide (id INT PRIMARY KEY, v LONGBLOB) STATS_AUTO_RECALC=0 STATS_PERSISTENT=1;"
                 "ANALYZE TABLE wide;" +
                 "".join(f"INSERT INTO wide VALUES ({i}, REPEAT('{i % 10}', {MIB}));" for i in range(rows)))


def test_wide_rows_that_no_estimate_knows(mariadb, engine):
    wide_rows(mariadb, 60)
    engine.write(mariadb.block() | {"scan.startup.mode": "initial", "scan.snapshot.parallelism": 2}, {"type": "'null'"})
    engine.start().until_log("The snapshot is complete", 60)
    assert '"rows":60' in engine.log()
    assert engine.peak_memory() < BOUND
    assert engine.stop() == 0


@pytest.mark.long
@pytest.mark.parametrize("family", ["mariadb", "mysql97"])
def test_many_wide_rows(source_of, engine, family):
    """Two GiB of rows into nothing, and a table of small rows behind them in the same queue."""
    source = source_of(family)
    source.query("CREATE TABLE small (id INT PRIMARY KEY, v INT); INSERT INTO small VALUES (1, 1), (2, 2);")
    wide_rows(source, 2000)
    engine.write(source.block() | {"scan.startup.mode": "initial", "scan.snapshot.parallelism": 4}, {"type": "'null'"})
    engine.start().until_log("The snapshot is complete", 400)
    assert '"rows":2002' in engine.log()
    assert engine.peak_memory() < BOUND
    assert engine.stop() == 0

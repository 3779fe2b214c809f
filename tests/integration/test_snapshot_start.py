# SPDX-License-Identifier: Apache-2.0
"""A first start while tables are altered all the time, and one that has ten thousand tables to read."""

import threading
import time

import engine as engines
import pytest
import servers

from engine import run
from test_unknown_rows import until_known

FAMILIES = ["mariadb", "mysql97"]
FAILED = 1
STEP = 500


class Alterer(threading.Thread):
    """Adds a column, writes a row, drops the column, and so on until it is told to stop."""

    def __init__(self, source) -> None:
        super().__init__()
        self.source = source
        self.rounds = 0
        self.problem: Exception | None = None
        self._halt = threading.Event()

    def run(self) -> None:
        try:
            while not self._halt.is_set():
                number = self.rounds + 100
                self.source.query(f"ALTER TABLE t ADD COLUMN c{number} INT DEFAULT {number};"
                                  f"INSERT INTO t (id, a) VALUES ({number}, 1);"
                                  f"ALTER TABLE t DROP COLUMN c{number}; DELETE FROM t WHERE id = {number};")
                self.rounds += 1
        except RuntimeError as problem:
            self.problem = problem

    def halt(self) -> None:
        self._halt.set()
        self.join(30)
        assert self.problem is None and not self.is_alive(), self.problem


def starts(source, tmp_path, metadata, times):
    variable = "@@GLOBAL.binlog_row_metadata"
    before = source.server.value(f"SELECT {variable}")
    source.query("CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1), (2, 2);")
    alterer = Alterer(source)
    try:
        source.server.query(f"SET GLOBAL binlog_row_metadata = '{metadata}'")
        alterer.start()
        for number in range(times):
            servers.wait_until(lambda: alterer.rounds > number or alterer.problem, 60, "the next column")
            folder = tmp_path / str(number)
            folder.mkdir()
            engine = engines.Engine(folder)
            engine.write(source.block() | {"scan.startup.mode": "snapshot"}, {"type": "file", "path": str(folder / "out")})
            try:
                assert engine.start().wait(60) == 0, engine.log_tail()
            finally:
                engine.close()
            rows = "".join(part.read_text() for part in sorted((folder / "out").rglob("*.ndjson")))
            assert '"id":1,' in rows and '"id":2,' in rows, rows[-2000:]
    finally:
        alterer.halt()
        source.server.query(f"SET GLOBAL binlog_row_metadata = '{before}'")
    assert alterer.rounds >= times


def test_first_starts_under_ddl(mariadb, tmp_path):
    starts(mariadb, tmp_path, "MINIMAL", 3)


@pytest.mark.long
@pytest.mark.parametrize("metadata", ["FULL", "MINIMAL"])
@pytest.mark.parametrize("family", FAMILIES)
def test_twenty_first_starts_under_ddl(source_of, tmp_path, family, metadata):
    starts(source_of(family), tmp_path, metadata, 20)


@pytest.fixture
def thousands(source_of):
    """thousands(family, count): tables that no binlog tells of; dropped in portions, for one call of the client has a deadline."""
    made = []

    def make(family, count):
        source = source_of(family)
        for first in range(0, count, STEP):
            made.append((source, [f"t{i}" for i in range(first, min(first + STEP, count))]))
            source.query("SET sql_log_bin = 0;" + "".join(f"CREATE TABLE {table} (id INT PRIMARY KEY, v INT);"
                                                          f"INSERT INTO {table} VALUES (1, {i}), (2, {i});"
                                                          for i, table in enumerate(made[-1][1])))
        return source
    yield make
    for source, tables in made:
        source.query(f"SET sql_log_bin = 0; DROP TABLE IF EXISTS {', '.join(tables)};")


@pytest.mark.long
@pytest.mark.parametrize("family", FAMILIES)
def test_ten_thousand_tables(thousands, engine, family, tables=10_000):
    """The first rows come within seconds, and the whole does not slow down with the number of tables."""
    source = thousands(family, tables)
    engine.write(source.block() | {"scan.startup.mode": "snapshot"}, {"type": "'null'"})
    began = time.monotonic()
    engine.start().until_log("All rows of a table have been read", 60)
    first_s = time.monotonic() - began
    assert engine.wait(400) == 0
    whole_s = time.monotonic() - began
    print(f"{family}: {tables} tables: first after {first_s:.1f} s, all after {whole_s:.1f} s")
    assert [t["state"] for t in engine.show()["tables"]] == ["complete"] * tables
    assert first_s < 30 and whole_s < 300


# What people do to tables, each to its own: t0 is untouched. A new key needs rows that can be read again.
NEW_KEY = "ALTER TABLE t7 DROP PRIMARY KEY, ADD PRIMARY KEY (id, a)"
CHANGES = ["ALTER TABLE t1 ADD COLUMN x INT DEFAULT 7", "ALTER TABLE t2 DROP COLUMN b", "ALTER TABLE t3 CHANGE b c INT",
           "RENAME TABLE t4 TO u4", "DROP TABLE t5", "TRUNCATE t6",
           "CREATE TABLE u8 (id INT PRIMARY KEY, a INT, b INT)", "ALTER TABLE t9 MODIFY b BIGINT NOT NULL"]


def change_while_it_starts(source, twin, engine, must_be_equal, rng, mode):
    """Each table is changed somewhere around the moment at which the engine looks at it and at which its stream begins."""
    reads = mode == "initial"
    rows = "INSERT INTO t{0} VALUES (1, {0}, 2), (2, {0}, 3);" if reads else ""
    changes = [*CHANGES, NEW_KEY] if reads else CHANGES
    source.query("".join(f"CREATE TABLE t{i} (id INT PRIMARY KEY, a INT NOT NULL, b INT NOT NULL);" + rows.format(i)
                         for i in range(10)))
    engine.write(source.block() | {"scan.startup.mode": mode}, twin.sink("20ms"))
    engine.start()
    time.sleep(rng.uniform(0, 0.06))
    source.query(";".join(rng.sample(changes, len(changes))))
    engine.until_log("The pipeline runs.", 60)
    tables = source.query("SHOW TABLES").split()
    source.query("".join(f"INSERT INTO {table} (id, a) VALUES (3, 3);" if table == "t2" else
                         f"INSERT INTO {table} (id, a, {'c' if table == 't3' else 'b'}) VALUES (3, 3, 3);" for table in tables))
    must_be_equal(source, twin, engine, tables)
    there = [row[0] for row in twin.client().rows(f"SHOW TABLES FROM {source.database}")]
    assert sorted(there) == sorted(tables), engine.log_tail()
    assert engine.stop() == 0


@pytest.mark.parametrize("mode", ["initial", "latest-offset"])
def test_changes_while_it_starts(mariadb, doris, engine, must_be_equal, rng, mode):
    change_while_it_starts(mariadb, doris, engine, must_be_equal, rng, mode)


@pytest.mark.long
@pytest.mark.parametrize("number", range(10))
@pytest.mark.parametrize("mode", ["initial", "latest-offset"])
@pytest.mark.parametrize("family", FAMILIES)
def test_changes_while_it_starts_for_long(source_of, doris, engine, must_be_equal, rng, family, mode, number):
    change_while_it_starts(source_of(family), doris, engine, must_be_equal, rng, mode)


def test_all_tables_are_dropped_between_two_starts(mariadb, doris, engine, must_be_equal):
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1);")
    engine.write(mariadb.block() | {"scan.startup.mode": "initial"}, doris.sink("20ms"))
    engine.start().until_log("The snapshot is complete", 60)
    assert engine.stop() == 0
    mariadb.query("DROP TABLE t;")
    engine.start().until_log("The pipeline runs.", 60, times=2)
    assert "No table on the server matches tables any more" in engine.log()
    mariadb.query("CREATE TABLE u (id INT PRIMARY KEY); INSERT INTO u VALUES (2);")
    must_be_equal(mariadb, doris, engine, ["u"])
    assert doris.client().rows("SHOW TABLES FROM shop") == [["u"]]
    assert engine.stop() == 0


# Rows of t1 without names, on both sides of a statement; t2 is renamed in the middle of its own; t3 goes.
UNTOLD = """INSERT INTO t1 VALUES (3, 3, 3); UPDATE t1 SET a = 10 WHERE id = 1;
    ALTER TABLE t1 DROP COLUMN a, ADD COLUMN z INT NOT NULL DEFAULT 4 FIRST;
    INSERT INTO t1 VALUES (5, 4, 5); DELETE FROM t1 WHERE id = 2;
    UPDATE t2 SET a = 11; RENAME TABLE t2 TO u2; INSERT INTO u2 VALUES (4, 4, 4);
    INSERT INTO t3 VALUES (4, 4, 4); DROP TABLE t3;"""


def behind_untold_changes(source, twin, engine):
    """More tables are captured behind changes that the binlog tells without names: the next start knows the tables as they
    are now, and not as they were where its stream goes on."""
    variable = "@@GLOBAL.binlog_row_metadata"
    before = source.server.value(f"SELECT {variable}")
    source.query("CREATE TABLE t0 (id INT PRIMARY KEY); INSERT INTO t0 VALUES (1);" +
                 "".join(f"CREATE TABLE t{i} (id INT PRIMARY KEY, a INT, b INT); INSERT INTO t{i} VALUES (1, 1, 1), (2, 2, 2);"
                         for i in (1, 2, 3)))
    engine.write(source.block() | {"scan.startup.mode": "initial", "tables": "shop.t0"}, twin.sink("20ms"))
    engine.start().until_log("The snapshot is complete", 60)
    assert engine.stop() == 0
    source.server.query("SET GLOBAL binlog_row_metadata = 'MINIMAL'")
    try:
        source.query(UNTOLD)
    finally:
        source.server.query(f"SET GLOBAL binlog_row_metadata = '{before}'")


def start_where_columns_are_not_known(source, twin, engine, must_be_equal, kills):
    """The rows that are not known are read, also with kills behind each step of the way there."""
    behind_untold_changes(source, twin, engine)
    engine.write(source.block() | {"scan.startup.mode": "initial"}, twin.sink("20ms"))
    engine.start()
    steps = ["which columns the table had at that place is not known", "A table whose rows are not known is read again",
             "A table was read anew and took its target's place"]
    for step in steps:
        engine.until_log(step, 60)
        if kills:
            engine.kill9()
            engine.start()
    until_known(engine)
    source.query("INSERT INTO t1 VALUES (6, 6, 6); INSERT INTO u2 VALUES (6, 6, 6);")
    must_be_equal(source, twin, engine, ["t0", "t1", "u2"])
    assert "Rows of a table that is not there any more are in the binlog without" in engine.log()
    assert engine.stop() == 0


def test_start_where_columns_are_not_known(mariadb, doris, engine, must_be_equal):
    start_where_columns_are_not_known(mariadb, doris, engine, must_be_equal, False)


@pytest.mark.long
@pytest.mark.parametrize("kills", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_start_where_columns_are_not_known_everywhere(source_of, twin, engine, must_be_equal, family, kills):
    start_where_columns_are_not_known(source_of(family), twin, engine, must_be_equal, kills)


@pytest.mark.long
def test_a_snapshot_ends_behind_what_is_read_again(mariadb, doris, engine, must_be_equal):
    behind_untold_changes(mariadb, doris, engine)
    engine.write(mariadb.block() | {"scan.startup.mode": "snapshot"}, doris.sink("20ms"))
    assert engine.start().wait(60) == 0
    assert "A table was read anew and took its target's place" in engine.log()
    must_be_equal(mariadb, doris, engine, ["t0", "t1", "u2"])


@pytest.mark.long
def test_columns_are_not_known_and_nothing_is_read(mariadb, doris, engine, must_be_equal):
    """A pipeline with the stream alone stops there, and says how to go on without those rows."""
    variable = "@@GLOBAL.binlog_row_metadata"
    before = mariadb.server.value(f"SELECT {variable}")
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY, a INT);")
    place = mariadb.place()
    mariadb.server.query("SET GLOBAL binlog_row_metadata = 'MINIMAL'")
    try:
        mariadb.query("INSERT INTO t VALUES (1, 1); ALTER TABLE t DROP COLUMN a; INSERT INTO t VALUES (2);")
    finally:
        mariadb.server.query(f"SET GLOBAL binlog_row_metadata = '{before}'")
    block = mariadb.block() | {"scan.startup.mode": "specific-offset", "scan.startup.specific-offset.file": place[0],
                               "scan.startup.specific-offset.pos": place[1], "heartbeat.interval": "1s"}
    engine.write(block, doris.sink("20ms"))
    assert engine.start().wait(60) == FAILED
    assert "unknown.rows.behavior: mark" in engine.log() and "DROP COLUMN a" in engine.log()
    engine.write(block, doris.sink("20ms"), {"unknown.rows.behavior": "mark"})
    engine.start().until_log("which columns the table had at that place is not known", 60)
    engine.until_carried(mariadb.place())
    assert engine.stop() == 0
    assert run("snapshot", str(engine.file), "--tables", "shop.t", "--rebuild").returncode == 0
    engine.start()
    must_be_equal(mariadb, doris, engine, ["t"])
    until_known(engine)
    assert engine.stop() == 0

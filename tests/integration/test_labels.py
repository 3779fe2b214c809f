# SPDX-License-Identifier: Apache-2.0
"""Labels of ENUM and SET with characters that information_schema shows as '?'."""

import pytest

from engine import run
from events import DATA
from test_snapshot import SMALL

TABLE = "SET NAMES utf8mb4; CREATE TABLE t (id INT PRIMARY KEY, e ENUM('🙂','b','why?') CHARACTER SET utf8mb4, " \
        "s SET('🙂x','y') CHARACTER SET utf8mb4);"
KEY = "SET NAMES utf8mb4; CREATE TABLE k (n INT, e ENUM('🙂','b','🚀c') CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, PRIMARY KEY (e, n));"


def rows(twin) -> list[list[str]]:
    return twin.client().rows("SELECT id, e, s FROM shop.t ORDER BY id")


def test_the_stream_saw_the_definition(mariadb, doris, engine, must_be_equal):
    """CREATE TABLE in the binlog says what the server does not show."""
    mariadb.query(TABLE + "INSERT INTO t VALUES (1, '🙂', '🙂x,y'), (2, 'why?', 'y');")
    engine.write(mariadb.block(), doris.sink())
    engine.start()
    must_be_equal(mariadb, doris, engine, ["t"])
    assert rows(doris) == [["1", "🙂", "🙂x,y"], ["2", "why?", "y"]]
    assert engine.stop() == 0


def rows_know_their_labels(source, twin, engine, must_be_equal):
    """What the catalog does not show the rows of a snapshot do; with binlog_row_metadata=FULL those of the stream too."""
    source.query(TABLE + "INSERT INTO t VALUES (1, '🙂', '🙂x,y'), (2, 'why?', ''), (3, NULL, 'y');")
    source.server.query(source.server.reset_sql)
    engine.write(source.block() | {"scan.startup.mode": "initial"}, twin.sink())
    engine.start().until_log("The snapshot is complete")
    source.query("SET NAMES utf8mb4; INSERT INTO t VALUES (4, '🙂', '🙂x'); UPDATE t SET s = '🙂x' WHERE id = 1;")
    must_be_equal(source, twin, engine, ["t"])
    assert rows(twin) == [["1", "🙂", "🙂x"], ["2", "why?", ""], ["3", "NULL", "y"], ["4", "🙂", "🙂x"]]
    assert engine.stop() == 0


def rows_know_their_keys(source, twin, engine, must_be_equal):
    """In a key too, over several chunks; what the stream says is of the same rows."""
    source.query(KEY + "INSERT INTO k (n, e) VALUES " + ", ".join(f"({n}, {1 + n % 3})" for n in range(1, 301)))
    source.server.query(source.server.reset_sql)
    engine.write(source.block() | {"scan.startup.mode": "initial"} | SMALL, twin.sink())
    engine.start().until_log("The snapshot is complete")
    source.query("SET NAMES utf8mb4; INSERT INTO k VALUES (301, '🙂'); UPDATE k SET n = -n WHERE n IN (3, 4, 5);"
                 "UPDATE k SET e = 1 WHERE n = 8; DELETE FROM k WHERE n IN (6, 7);")
    must_be_equal(source, twin, engine, ["k"])
    assert twin.client().rows("SELECT e, COUNT(*) FROM shop.k GROUP BY e ORDER BY e") == [["b", "99"], ["🙂", "101"], ["🚀c", "99"]]
    assert engine.stop() == 0


def test_rows_know_their_keys(mariadb, doris, engine, must_be_equal):
    rows_know_their_keys(mariadb, doris, engine, must_be_equal)


@pytest.mark.long
@pytest.mark.parametrize("family", ["mysql97", "mariadb118"])
def test_rows_know_their_keys_everywhere(source_of, twin, engine, must_be_equal, family):
    rows_know_their_keys(source_of(family), twin, engine, must_be_equal)


def test_rows_know_their_labels(mariadb, doris, engine, must_be_equal):
    rows_know_their_labels(mariadb, doris, engine, must_be_equal)


@pytest.mark.long
@pytest.mark.parametrize("family", ["mysql97", "mariadb118"])
def test_rows_know_their_labels_everywhere(source_of, twin, engine, must_be_equal, family):
    rows_know_their_labels(source_of(family), twin, engine, must_be_equal)


def test_nobody_can_say(mariadb, doris, engine):
    """A row with a label that is sure goes; one with a '?' that may be another character stops the pipeline, with the
    row named, also after a restart; by choice the '?' is taken as it is."""
    mariadb.query(TABLE + "INSERT INTO t VALUES (1, 'b', 'y');")
    mariadb.server.query(mariadb.server.reset_sql)
    block = mariadb.block() | {"scan.startup.mode": "initial"}
    engine.write(block, doris.sink())
    assert "2 ENUM and SET columns have labels with a '?', the first is e of shop.t" in \
        run("check", str(engine.file)).stdout.decode()
    engine.start().until_log("The snapshot is complete")
    mariadb.query("INSERT INTO t VALUES (2, 'b', '');")
    engine.until_carried(mariadb.place())
    mariadb.server.query("SET GLOBAL binlog_row_metadata = 'NO_LOG'")
    try:
        mariadb.query("SET NAMES utf8mb4; INSERT INTO t VALUES (3, '🙂', 'y');")
        for times in (1, 2):
            assert (engine.wait() if engine.runs() else engine.start().wait()) == DATA
            assert engine.log().count("may stand for a character") >= times
        assert "with id = 3" in engine.log() and rows(doris) == [["1", "b", "y"], ["2", "b", ""]]
        engine.write(block | {"invalid-text": "replace"}, doris.sink())
        engine.start().until_carried(mariadb.place())
        assert rows(doris)[-1] == ["3", "?", "y"]
        assert engine.stop() == 0
    finally:
        mariadb.server.query("SET GLOBAL binlog_row_metadata = 'FULL'")


@pytest.mark.long
def test_nobody_can_say_a_key(mariadb, doris, engine):
    """What names a row is not guessed: two rows might become one."""
    mariadb.query(KEY + "INSERT INTO k VALUES (1, '🙂');")
    mariadb.server.query(mariadb.server.reset_sql)
    engine.write(mariadb.block() | {"scan.startup.mode": "initial", "invalid-text": "replace"}, doris.sink())
    engine.start().until_log("The snapshot is complete")
    mariadb.query("SET NAMES utf8mb4; INSERT INTO k VALUES (2, '🙂');")
    engine.until_carried(mariadb.place())
    mariadb.server.query("SET GLOBAL binlog_row_metadata = 'NO_LOG'")
    try:
        mariadb.query("SET NAMES utf8mb4; INSERT INTO k VALUES (3, '🚀c');")
        assert engine.wait() == DATA
        told = engine.log().splitlines()[-1]
        assert "the row has the label '?c'" in told and "replace takes" not in told
        assert doris.client().rows("SELECT e, n FROM shop.k ORDER BY n") == [["🙂", "1"], ["🙂", "2"]]
    finally:
        mariadb.server.query("SET GLOBAL binlog_row_metadata = 'FULL'")

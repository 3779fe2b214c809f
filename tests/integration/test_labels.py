# SPDX-License-Identifier: Apache-2.0
"""Labels of ENUM and SET with characters that MariaDB's information_schema shows as '?'."""

from engine import run
from events import DATA

TABLE = "SET NAMES utf8mb4; CREATE TABLE t (id INT PRIMARY KEY, e ENUM('🙂','b','why?') CHARACTER SET utf8mb4, " \
        "s SET('🙂x','y') CHARACTER SET utf8mb4);"


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

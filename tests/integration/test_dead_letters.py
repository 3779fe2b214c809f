# SPDX-License-Identifier: Apache-2.0
"""Rows that the target does not take: put aside whole, while everything else goes on.

The warehouse refuses each row that holds the text `bad` (its fault row_error) for as long as the test says so.
"""

import json
import os
import stat

import pytest

from engine import run
from events import DATA, OK, SINK, USAGE
from servers import wait_until

long = pytest.mark.long
costly = pytest.mark.costly  # ./check runs one variant

POLICY = {"rejected.rows": "dead-letter"}
SCHEMA = ("CREATE TABLE keyed (id INT PRIMARY KEY, note VARCHAR(20), n INT); "
          "CREATE TABLE visits (id INT, note VARCHAR(20)); ")


def begin(mariadb, twin, engine, pipeline=None, schema=SCHEMA, **sink):
    engine.write(mariadb.block(), twin.sink("50ms") | sink, POLICY | (pipeline or {}))
    mariadb.query(schema)
    twin.fault("row_error", -1, value="bad")
    engine.start().until_log("The pipeline runs.")


def letters(engine):
    file = engine.checkpoint / "dead-letters.ndjson"
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]  # the last may be on its way


def rows(twin, table):
    return twin.client().rows(f"SELECT id, note FROM shop.{table} ORDER BY id")


def note_of(number):
    return "bad" if number % 40 == 7 else "good"


def insert(mariadb, table, count=200):
    mariadb.query(f"INSERT INTO {table} (id, note) VALUES " + ", ".join(f"({n}, '{note_of(n)}')" for n in range(count)))


def expect_once(twin, engine, tables, count=200):
    """Each row at the target or in the file, once."""
    good = [[str(n), "good"] for n in range(count) if note_of(n) == "good"]
    for table in tables:
        wait_until(lambda: rows(twin, table) == good, 60, f"all rows of {table} that are good")
    assert not twin.twice()
    held = letters(engine)
    assert sorted((one["table"], one["row"]["id"]) for one in held) == \
        [(table, n) for table in sorted(tables) for n in range(count) if note_of(n) == "bad"]
    return held


@costly
def test_rest_of_the_batch(source, twin, engine):
    """Of a keyed and of a keyless table; then the file is what later changes of a key wait for."""
    begin(source, twin, engine)
    for table in ("keyed", "visits"):
        insert(source, table)
    engine.until_carried(source.place())
    for one in expect_once(twin, engine, ["keyed", "visits"]):
        assert one["event"]["id"] == one["id"] and one["event"]["type"] == "io.millrace.mysql.row.inserted.v1"
        assert one["event"]["data"]["after"]["note"] == one["row"]["note"] == "bad"
        assert "bad" in one["reason"] and one["label"] and one["time"] and one["partial"] is False
        assert ("key" in one) == (one["table"] == "keyed")
    assert stat.S_IMODE(os.stat(engine.checkpoint / "dead-letters.ndjson").st_mode) == 0o600
    source.query("UPDATE keyed SET note = 'mended' WHERE id IN (7, 8)")
    engine.until_carried(source.place())
    assert [row for row in rows(twin, "keyed") if row[0] in ("7", "8")] == [["8", "mended"]]
    assert [(one["row"]["id"], one["row"]["note"]) for one in letters(engine)][-1] == (7, "mended")
    wait_until(lambda: json.loads(run("status", "--json", str(engine.file)).stdout)["dead_letters"] == 11, 60, "the count")
    assert engine.stop() == OK
    # Who goes on without knowing them would overtake what waits.
    engine.write(source.block(), twin.sink("50ms"))
    assert engine.start().wait() == USAGE
    assert "Rows wait as dead letters" in engine.log_tail()


def looking(mariadb, twin, engine, table):
    twin.fault("slow", -1, ms=20)
    insert(mariadb, table)
    engine.until_log("they are looked for")
    engine.kill9()
    twin.fault("slow", 0)


def committing(mariadb, twin, engine, table):
    """The letters are durable, the rest is prepared, and no commit gets through."""
    twin.fault("lose_commit", -1)
    insert(mariadb, table)
    engine.until(lambda: twin.shown("lose_commit") > 0, 60, "a commit that is lost")
    assert len(letters(engine)) == 5
    engine.kill9()
    twin.fault("lose_commit", 0)


@costly
@pytest.mark.parametrize("table,killed", [
    pytest.param("visits", looking, id="keyless-looking"), pytest.param("visits", committing, id="keyless-committing"),
    pytest.param("keyed", looking, id="keyed-looking")])
def test_killed(source, twin, engine, table, killed):
    begin(source, twin, engine)
    killed(source, twin, engine, table)
    engine.start().until_carried(source.place())
    expect_once(twin, engine, [table])
    assert engine.stop() == OK


def test_after_a_stop(mariadb, doris, engine):
    """A pipeline that a row has stopped goes on with the same epoch when it may put the row aside."""
    begin(mariadb, doris, engine, {"rejected.rows": "stop"})
    for table in ("keyed", "visits"):
        insert(mariadb, table)
    assert engine.wait() == DATA
    assert "was refused because of its rows" in engine.log_tail() and letters(engine) == []
    engine.write(mariadb.block(), doris.sink("50ms"), POLICY)
    engine.start().until_carried(mariadb.place())
    expect_once(doris, engine, ["keyed", "visits"])
    assert engine.stop() == OK


def test_table_made_anew(mariadb, doris, engine):
    """What is refused of a snapshot is put aside, too; a rebuilt target has all rows, and the old one's letters are gone."""
    mariadb.query(SCHEMA)
    insert(mariadb, "keyed")
    doris.fault("row_error", -1, value="bad")
    engine.write(mariadb.block() | {"scan.startup.mode": "initial"}, doris.sink("50ms"), POLICY)
    engine.start().until_log("The pipeline runs.")
    engine.until(lambda: len(letters(engine)) == 5, 60, "the letters")
    expect_once(doris, engine, ["keyed"])
    doris.fault("row_error", 0)
    assert run("snapshot", str(engine.file), "--tables", "shop.keyed", "--rebuild").returncode == 0
    engine.until(lambda: len(rows(doris, "keyed")) == 200 and letters(engine) == [], 60, "the table made anew")
    mariadb.query("UPDATE keyed SET note = 'mended' WHERE id = 7")
    engine.until(lambda: ["7", "mended"] in rows(doris, "keyed"), 60, "a change of a row that was put aside")
    assert engine.stop() == OK


@long
def test_too_many(mariadb, twin, engine):
    """The file has a bound; behind it the pipeline stops, and goes on when the target is mended."""
    begin(mariadb, twin, engine, {"dead-letter.max-rows": 3})
    insert(mariadb, "visits")
    assert engine.wait() == SINK
    assert "dead-letter.max-rows" in engine.log_tail() and letters(engine) == [] and rows(twin, "visits") == []
    twin.fault("row_error", 0)
    engine.start().until_carried(mariadb.place())
    wait_until(lambda: len(rows(twin, "visits")) == 200, 60, "all rows")
    assert engine.stop() == OK


@costly
def test_refused_in_words(mariadb, twin, engine):
    """A sink that takes every row, and transactions that shall be seen whole."""
    for sink, more in (({"type": "null"}, {}), (twin.sink(), {"delivery.visibility": "together"})):
        engine.write(mariadb.block(), sink, POLICY | more)
        done = run("check", str(engine.file))
        assert done.returncode == USAGE and b"'rejected.rows' may not be dead-letter" in done.stderr

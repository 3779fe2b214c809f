# SPDX-License-Identifier: Apache-2.0
"""`millrace replay`: dead letters are loaded again, each key's as the one row that they make."""

import pytest

from engine import run
from events import OK, USAGE
from test_dead_letters import POLICY, SCHEMA, begin, insert, letters, rows
from servers import wait_until

long = pytest.mark.long
costly = pytest.mark.costly  # ./check runs one variant


def replay(engine, *options):
    done = run("replay", str(engine.file), *options)
    assert done.returncode == OK, done.stderr
    return done.stdout.decode()


def until_left(engine, count):
    engine.until(lambda: len(letters(engine)) == count, 60, f"{count} letters that are left")


def noted(*changed):
    """All rows, good but for those that are named."""
    return [[str(n), dict(changed).get(n, "bad" if n % 40 == 7 else "good")] for n in range(200)]


@costly
@pytest.mark.parametrize("phases", ["auto", "true"])
def test_order_by_key(source, twin, engine, phases):
    """A running pipeline: what the target takes now goes, what it refuses stays, and changes of a key that has no
    letters left go on as ever."""
    begin(source, twin, engine, **{"sink.enable-2pc": phases})
    for table in ("keyed", "visits"):
        insert(source, table)
    engine.until_carried(source.place())
    source.query("UPDATE keyed SET note = 'worse' WHERE id = 7; UPDATE keyed SET note = 'mended' WHERE id = 47; "
                 "DELETE FROM keyed WHERE id = 87")
    engine.until_carried(source.place())
    assert len(letters(engine)) == 13
    told = replay(engine, "--dry-run")
    assert "shop.keyed: letters" in told and "shop.visits: letters 5, rows 5" in told and "bad" in told
    twin.fault("row_error", 0)
    twin.fault("row_error", -1, value="worse")
    assert "Asked for" in replay(engine)
    engine.until(lambda: {one["row"]["id"] for one in letters(engine)} == {7}, 60, "the letters of row 7 alone")
    first, last = letters(engine)[0], letters(engine)[-1]
    assert "worse" in first["reason"] and last["row"]["note"] == "worse"
    expected = [row for row in noted((47, "mended")) if row[0] not in ("7", "87")]
    wait_until(lambda: rows(twin, "keyed") == expected, 60, "the keyed rows")
    wait_until(lambda: rows(twin, "visits") == noted(), 60, "the rows without a key")
    source.query("UPDATE keyed SET note = 'later' WHERE id IN (7, 47)")
    engine.until_carried(source.place())
    assert letters(engine)[-1]["row"]["note"] == "later"
    wait_until(lambda: ["47", "later"] in rows(twin, "keyed"), 60, "a change of a row without letters")
    # Behind it the row is good: the letters make it so together.
    replay(engine, "--tables", "shop.keyed")
    until_left(engine, 0)
    wait_until(lambda: ["7", "later"] in rows(twin, "keyed") and len(rows(twin, "keyed")) == 199, 60, "row 7")
    assert not twin.twice()
    assert b"No dead letters wait" in run("replay", str(engine.file)).stdout
    assert engine.stop() == OK


@costly
@pytest.mark.parametrize("table", ["keyed", "visits"])
def test_killed(source, twin, engine, table):
    """While the letters are being loaded: the next start finishes them. Asked for while it stood."""
    begin(source, twin, engine, **{"sink.enable-2pc": "true"})
    insert(source, table)
    engine.until_carried(source.place())
    until_left(engine, 5)
    assert engine.stop() == OK
    twin.fault("row_error", 0)
    twin.fault("lose_commit", -1)
    replay(engine)
    engine.start().until(lambda: twin.shown("lose_commit") > 0, 60, "a commit that is lost")
    assert all(one["replay"] > 0 for one in letters(engine))
    engine.kill9()
    twin.fault("lose_commit", 0)
    engine.start()
    until_left(engine, 0)
    wait_until(lambda: rows(twin, table) == noted(), 60, "all rows")
    assert not twin.twice()
    assert engine.stop() == OK


@long
def test_other_columns(mariadb, twin, engine):
    """A letter is loaded into the columns that it has, and waits where the target has lost one of them."""
    begin(mariadb, twin, engine)
    mariadb.query("INSERT INTO keyed VALUES (1, 'bad', 1)")
    engine.until_carried(mariadb.place())
    mariadb.query("ALTER TABLE keyed ADD COLUMN more INT DEFAULT 5; INSERT INTO keyed VALUES (2, 'bad', 2, 2)")
    engine.until_carried(mariadb.place())
    twin.fault("row_error", 0)
    replay(engine)
    until_left(engine, 0)
    shown = twin.client().rows("SELECT id, note, n, more FROM shop.keyed ORDER BY id")
    assert shown == [["1", "bad", "1", "5"], ["2", "bad", "2", "2"]]
    twin.fault("row_error", -1, value="bad")
    mariadb.query("INSERT INTO keyed VALUES (3, 'bad', 3, 3)")
    engine.until_carried(mariadb.place())
    mariadb.query("ALTER TABLE keyed DROP COLUMN more")
    engine.until_carried(mariadb.place())
    twin.fault("row_error", 0)
    replay(engine)
    engine.until(lambda: "has no column more any more" in letters(engine)[0]["reason"], 60, "the reason")
    assert engine.stop() == OK


@long
def test_without_two_phases(mariadb, twin, engine):
    """A table without a key: its rows go one by one, so that each refusal is its own."""
    begin(mariadb, twin, engine)
    insert(mariadb, "visits")
    engine.until_carried(mariadb.place())
    assert engine.stop() == OK
    engine.write(mariadb.block(), twin.sink("50ms") | {"sink.enable-2pc": "false"}, POLICY)
    engine.start().until_log("The pipeline runs.", times=2)
    replay(engine)
    engine.until_log("Dead letters were loaded again.")
    assert len(letters(engine)) == 5 and len(rows(twin, "visits")) == 195
    twin.fault("row_error", 0)
    replay(engine)
    until_left(engine, 0)
    wait_until(lambda: rows(twin, "visits") == noted(), 60, "all rows")
    assert not twin.twice() and engine.stop() == OK


@long
def test_beside_a_rebuilt_target(mariadb, doris, engine):
    """A rebuilt target with letters of its own does not take the old one's place until they are loaded."""
    mariadb.query(SCHEMA)
    insert(mariadb, "keyed")
    doris.fault("row_error", -1, value="bad")
    engine.write(mariadb.block() | {"scan.startup.mode": "initial"}, doris.sink("50ms"), POLICY)
    engine.start()
    until_left(engine, 5)
    assert run("snapshot", str(engine.file), "--tables", "shop.keyed", "--rebuild").returncode == OK
    assert engine.wait() != OK
    assert "millrace replay" in engine.log_tail()
    doris.fault("row_error", 0)
    replay(engine)
    engine.start()
    until_left(engine, 0)
    wait_until(lambda: rows(doris, "keyed") == noted(), 60, "the table made anew")
    assert engine.stop() == OK


def test_refused_in_words(mariadb, doris, engine):
    engine.write(mariadb.block(), doris.sink())
    done = run("replay", str(engine.file))
    assert done.returncode == USAGE and b"rejected.rows: dead-letter" in done.stderr

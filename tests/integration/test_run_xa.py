# SPDX-License-Identifier: Apache-2.0
"""Two-phase XA transactions through `run`: their rows are nothing until XA COMMIT, over kills of the engine and restarts
of the server between PREPARE and its end."""

import time

import pytest

import servers
from engine import Killer
from events import DATA, OK, errors, events_of, millrace
from servers import wait_until
from test_snapshot import initial
from test_unknown_rows import shown, until_known

OF_TWO_PHASES = [*servers.FAMILIES, *(name for name in servers.MORE_FAMILIES if name.startswith("mariadb"))]


@pytest.fixture(params=OF_TWO_PHASES)
def anywhere(request, source_of):
    """Every server that writes a transaction down when it is prepared: MySQL 5.6 does so when it commits."""
    return source_of(request.param)


TABLES = "CREATE TABLE a (id INT PRIMARY KEY, v TEXT); INSERT INTO a VALUES (1, 'one'), (2, 'two');" \
         "CREATE TABLE u (v INT); INSERT INTO u VALUES (7);"


def prepare(source, xid: str, statements: str) -> None:
    """Without locks on the gaps between rows: other sessions go on inserting."""
    source.query(f"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; XA START '{xid}'; {statements}; XA END '{xid}'; XA PREPARE '{xid}';")


def end(source, xid: str, how: str) -> None:
    source.query(f"XA {how} '{xid}';")


def ids(twin) -> list[int]:
    return [int(row[0]) for row in twin.client().rows("SELECT id FROM shop.a ORDER BY id")]


def over_a_kill_and_a_restart(source, twin, engine, must_be_equal):
    source.query(TABLES)
    engine.write(source.block(), twin.sink())
    engine.start()
    must_be_equal(source, twin, engine, ["a", "u"])
    prepare(source, "commits", "INSERT INTO a VALUES (10, 'ten'); UPDATE a SET v = 'eins' WHERE id = 1; INSERT INTO u VALUES (8), (8)")
    prepare(source, "rolls back", "INSERT INTO a VALUES (20, 'twenty'); DELETE FROM a WHERE id = 2")
    source.query("INSERT INTO a VALUES (30, 'thirty');")  # the position goes on behind both
    engine.until_carried(source.place())
    assert ids(twin) == [1, 2, 30]
    engine.kill9()
    source.server.restart()
    engine.start()
    source.query("INSERT INTO a VALUES (31, 'more');")
    engine.until_carried(source.place())
    engine.kill9()
    end(source, "rolls back", "ROLLBACK")
    end(source, "commits", "COMMIT")
    engine.start()
    must_be_equal(source, twin, engine, ["a", "u"])
    assert ids(twin) == [1, 2, 10, 30, 31]
    assert engine.stop() == 0


def test_over_a_kill_and_a_restart(source_of, twin_of, engine, must_be_equal):
    over_a_kill_and_a_restart(source_of("mariadb"), twin_of("doris"), engine, must_be_equal)


@pytest.mark.long
def test_over_a_kill_and_a_restart_everywhere(anywhere, twin, engine, must_be_equal):
    over_a_kill_and_a_restart(anywhere, twin, engine, must_be_equal)


def snapshot_beside_prepared(source, twin, engine, must_be_equal):
    """XA COMMIT goes into the engine behind its place in the binlog, so that the snapshot waits a moment where any is prepared,
    and not for its end. One of another database stays prepared all the while."""
    source.query(TABLES)
    other = f"{source.database}_other"
    source.query(f"CREATE DATABASE {other}; CREATE TABLE {other}.t (id INT PRIMARY KEY);")
    try:
        prepare(source, "stays", f"INSERT INTO {other}.t VALUES (1)")
        engine.write(initial(source), twin.sink())
        engine.start().until_log("The snapshot is complete")
        prepare(source, "ends", "INSERT INTO a VALUES (10, 'ten'); INSERT INTO u VALUES (8)")
        end(source, "ends", "COMMIT")
        must_be_equal(source, twin, engine, ["a", "u"])
        assert engine.stop() == 0
    finally:
        end(source, "stays", "ROLLBACK")
        source.query(f"DROP DATABASE {other};")


def test_snapshot_beside_prepared(source_of, twin_of, engine, must_be_equal):
    snapshot_beside_prepared(source_of("mariadb"), twin_of("doris"), engine, must_be_equal)


@pytest.mark.long
def test_snapshot_beside_prepared_everywhere(anywhere, twin, engine, must_be_equal):
    snapshot_beside_prepared(anywhere, twin, engine, must_be_equal)


def waiting(engine) -> list:
    """The files of rows that wait."""
    return sorted((engine.checkpoint / "xa").glob("rows.*"))


def prepared_before_the_start(source, twin, engine, must_be_equal):
    """The rows are before the place where the stream begins, and came into no snapshot: the tables are read again at its end."""
    source.query(TABLES)
    prepare(source, "before", "INSERT INTO a VALUES (10, 'ten'); UPDATE a SET v = 'eins' WHERE id = 1; DELETE FROM a WHERE id = 2; INSERT INTO u VALUES (8)")
    prepare(source, "undone", "INSERT INTO a VALUES (20, 'twenty')")
    engine.write(initial(source), twin.sink())
    engine.start().until_log("The snapshot is complete")
    end(source, "undone", "ROLLBACK")
    source.query("INSERT INTO a VALUES (30, 'thirty');")
    engine.until_carried(source.place())
    assert ids(twin) == [1, 2, 30] and FROM_BEFORE not in engine.log()
    end(source, "before", "COMMIT")
    engine.until_log(FROM_BEFORE)
    engine.until_log("A table was read anew and took its target's place", times=2)
    source.query("INSERT INTO a VALUES (31, 'more');")
    must_be_equal(source, twin, engine, ["a", "u"])
    until_known(engine)
    assert ids(twin) == [1, 10, 30, 31]
    assert engine.stop() == 0


@pytest.mark.long
def test_prepared_before_the_start(anywhere, twin, engine, must_be_equal):
    prepared_before_the_start(anywhere, twin, engine, must_be_equal)


@pytest.mark.long
def test_prepared_before_a_start_without_a_snapshot(source, twin, engine):
    """Nobody asked for old rows, so nothing is read again: all captured tables are marked, with what mends them."""
    source.query(TABLES)
    prepare(source, "before", "INSERT INTO a VALUES (10, 'ten')")
    engine.write(source.block() | {"scan.startup.mode": "latest-offset"}, twin.sink())
    engine.start().until_log("The pipeline runs.")
    end(source, "before", "COMMIT")
    engine.until_log(FROM_BEFORE, times=3)  # the transaction, and each table
    source.query("INSERT INTO a VALUES (30, 'thirty');")
    engine.until_carried(source.place())
    assert ids(twin) == [30]
    assert all(shown(engine)[f"{source.database}.{table}"]["rows_unknown_since"] for table in "au")
    assert "--rebuild makes the target equal" in engine.log()
    assert engine.stop() == 0


FROM_BEFORE = "prepared before reading began"
MEMORY_MAX = 80 << 20  # as without XA: buffers, read-ahead, loaders


def larger_than_memory(source, twin, engine, rows, must_be_equal, expect):
    """Rows of many blocks wait in a file over kills of the engine; nothing is read again."""
    source.query("CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(100)); INSERT INTO a VALUES (1, 'one'), (2, 'two');"
                 "CREATE TABLE n (d INT); INSERT INTO n VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);"
                 "CREATE TABLE u (v VARCHAR(100)); INSERT INTO u VALUES ('seven');")
    engine.write(initial(source, tables=f"{source.database}.a, {source.database}.u"), twin.sink())
    engine.start().until_log("The snapshot is complete")
    numbers = "SELECT 100 + x.d + 10 * y.d + 100 * z.d + 1000 * w.d + 10000 * v.d + 100000 * t.d AS id " \
              "FROM n x, n y, n z, n w, n v, n t HAVING id < " + str(100 + rows)
    prepare(source, "large", f"INSERT INTO a SELECT id, REPEAT('x', 100) FROM ({numbers}) many; DELETE FROM a WHERE id = 2; "
            f"INSERT INTO u VALUES ('eight')")
    prepare(source, "undone", f"INSERT INTO u SELECT REPEAT('y', 100) FROM ({numbers}) many")
    source.query("INSERT INTO a VALUES (30, 'thirty');")  # the position goes on behind both
    engine.until_carried(source.place())
    assert [len(waiting(engine)), ids(twin)] == [2, [1, 2, 30]]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in waiting(engine))
    engine.kill9()
    end(source, "undone", "ROLLBACK")
    source.query("INSERT INTO a VALUES (31, 'meanwhile');")
    engine.start()
    engine.until_carried(source.place())
    end(source, "large", "COMMIT")
    expect(engine)
    source.query("INSERT INTO a VALUES (32, 'more');")
    engine.until_carried(source.place(), 240)
    assert engine.peak_memory() < MEMORY_MAX
    must_be_equal(source, twin, engine, ["a", "u"], 240)
    wait_until(lambda: waiting(engine) == [], 60, "the files are gone")
    assert "read anew" not in engine.log() and shown(engine)["shop.a"]["rows_unknown_since"] is None
    assert engine.stop() == 0


def test_larger_than_memory(source_of, twin_of, engine, must_be_equal):
    larger_than_memory(source_of("mariadb"), twin_of("doris"), engine, 12_000, must_be_equal, lambda engine: None)


@pytest.mark.long
def test_larger_than_memory_by_far(source, twin, engine, rng, must_be_equal):
    """300,000 rows, killed while they are given out; the engine's memory does not know of them."""
    def killed(engine):
        for _ in range(3):
            engine.until_log("The pipeline runs.", 60)
            time.sleep(rng.uniform(0, 2))
            engine.kill9()
            engine.start()
    larger_than_memory(source, twin, engine, 300_000, must_be_equal, killed)


NOT_HELD = "more than is held"
ALARM = "An XA transaction is committed that had more rows than are held"


def larger_than_is_held(source, twin, engine, must_be_equal):
    """18 MiB of rows are prepared, without a file for them, and the engine is killed before their end: the tables are read again at the XA COMMIT. A
    small one beside it has its rows; one that is rolled back is nothing."""
    source.query("CREATE TABLE a (id INT PRIMARY KEY, v MEDIUMTEXT); INSERT INTO a VALUES (1, 'one'), (2, 'two'), (3, 'three');"
                 "CREATE TABLE b (id INT PRIMARY KEY, v MEDIUMTEXT); INSERT INTO b VALUES (1, 'one');"
                 "CREATE TABLE u (id INT PRIMARY KEY, v INT); INSERT INTO u VALUES (1, 7);")
    engine.write(initial(source) | {"xa.max-size": "0"}, twin.sink())
    engine.start().until_log("The snapshot is complete")
    large = ", ".join(f"({number}, REPEAT('x', 3000000))" for number in range(10, 13))
    many = f"INSERT INTO {{0}} VALUES {large}; UPDATE {{0}} SET v = 'small' WHERE id >= 10; INSERT INTO {{0}} VALUES" + \
        large.replace("(1", "(2")
    prepare(source, "large", many.format("a") + "; DELETE FROM a WHERE id IN (2, 20, 21, 22)")
    prepare(source, "undone", many.format("b"))
    prepare(source, "small", "INSERT INTO u VALUES (8, 8); UPDATE u SET v = 70 WHERE id = 1")
    source.query("INSERT INTO a VALUES (30, 'thirty');")  # the position goes on behind all of them
    engine.until_carried(source.place())
    assert engine.log().count(NOT_HELD) == 2
    assert ids(twin) == [1, 2, 3, 30]
    engine.kill9()
    end(source, "undone", "ROLLBACK")
    end(source, "small", "COMMIT")
    source.query("INSERT INTO a VALUES (32, 'meanwhile');")
    engine.start()
    engine.until_carried(source.place())
    assert ids(twin) == [1, 2, 3, 30, 32] and ALARM not in engine.log()
    end(source, "large", "COMMIT")
    engine.until_log(ALARM)
    engine.kill9()
    engine.start()
    engine.until_log("A table was read anew and took its target's place")
    source.query("INSERT INTO a VALUES (31, 'more');")
    must_be_equal(source, twin, engine, ["a", "b", "u"])
    until_known(engine)
    assert ids(twin) == [1, 3, 10, 11, 12, 30, 31, 32]
    told = [line for line in engine.log().splitlines() if ALARM in line]
    assert all('"table":"a"' in line and "XA COMMIT" in line for line in told), told
    assert shown(engine)["shop.u"]["rows_unknown_since"] is None
    assert engine.stop() == 0


@pytest.mark.long
def test_larger_than_is_held(source_of, twin_of, engine, must_be_equal):
    larger_than_is_held(source_of("mariadb"), twin_of("doris"), engine, must_be_equal)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["doris", "starrocks"])
def test_larger_than_is_held_on_mysql(source_of, twin_of, engine, must_be_equal, kind):
    larger_than_is_held(source_of("mysql97"), twin_of(kind), engine, must_be_equal)


@pytest.mark.long
def test_decode_of_more_than_it_holds(mariadb, tmp_path):
    """276 MB of rows wait in a file, in TMPDIR. Where that takes none, their tables are told, and every other row is printed."""
    mariadb.query("CREATE TABLE a (id INT PRIMARY KEY, v MEDIUMTEXT); CREATE TABLE u (id INT PRIMARY KEY);")
    prepare(mariadb, "huge", "INSERT INTO a SELECT seq, REPEAT('x', 3000000) FROM seq_1_to_92; DELETE FROM a")
    prepare(mariadb, "small", "INSERT INTO u VALUES (1), (2)")
    end(mariadb, "huge", "COMMIT")
    end(mariadb, "small", "COMMIT")
    mariadb.query("INSERT INTO u VALUES (3);")
    done = millrace("decode", "--tables", "shop.(a|u)", *mariadb.binlogs(), environment={"TMPDIR": str(tmp_path)})
    assert done.returncode == OK and done.stderr == b"", errors(done)
    assert [sum(f'"cdcop":"{op}"'.encode() in line for line in done.stdout.splitlines()) for op in "cd"] == [95, 92]
    assert list(tmp_path.iterdir()) == []
    done = millrace("decode", "--tables", "shop.(a|u)", *mariadb.binlogs(), environment={"TMPDIR": str(tmp_path / "none")})
    assert done.returncode == DATA, errors(done)
    assert NOT_HELD in errors(done) and "cannot be kept on the disk" in errors(done) and "TMPDIR" in errors(done)
    events = events_of(done.stdout)
    told = [event for event in events if event["type"] == "io.millrace.mysql.rows.unknown.v1"]
    assert [(event["cdcdb"], event["cdctable"]) for event in told] == [("shop", "a")]
    assert told[0]["data"]["statement"].startswith("XA COMMIT")
    assert [event["cdctable"] for event in events if event.get("cdcop") == "c"] == ["u", "u", "u"]
    assert len({event["id"] for event in events}) == len(events)


@pytest.mark.long
def test_many_under_kills(source, twin, engine, rng, must_be_equal):
    """Many at one time, ended in any order, while the engine is killed again and again."""
    source.query(TABLES)
    engine.write(source.block(), twin.sink("50ms"))
    engine.start()
    killer = Killer(engine, rng)
    killer.start()
    waiting: list[str] = []
    for number in range(60):
        prepare(source, f"x{number}", f"INSERT INTO a VALUES ({100 + number}, REPEAT('x', {rng.randint(0, 3000)}))")
        waiting.append(f"x{number}")
        while len(waiting) > rng.randint(0, 12):
            end(source, waiting.pop(rng.randrange(len(waiting))), rng.choice(["COMMIT", "ROLLBACK"]))
        source.query(f"UPDATE a SET v = '{number}' WHERE id = 1;")
    for xid in waiting:
        end(source, xid, "COMMIT")
    killer.halt()
    must_be_equal(source, twin, engine, ["a"], 120)
    assert killer.kills >= 1
    assert engine.stop() == 0

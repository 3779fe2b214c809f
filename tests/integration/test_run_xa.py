# SPDX-License-Identifier: Apache-2.0
"""Two-phase XA transactions through `run`: their rows are nothing until XA COMMIT, over kills of the engine and restarts
of the server between PREPARE and its end."""

import pytest

from engine import Killer

TABLES = "CREATE TABLE a (id INT PRIMARY KEY, v TEXT); INSERT INTO a VALUES (1, 'one'), (2, 'two');" \
         "CREATE TABLE u (v INT); INSERT INTO u VALUES (7);"


def prepare(source, xid: str, statements: str) -> None:
    source.query(f"XA START '{xid}'; {statements}; XA END '{xid}'; XA PREPARE '{xid}';")


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
def test_over_a_kill_and_a_restart_everywhere(source, twin, engine, must_be_equal):
    over_a_kill_and_a_restart(source, twin, engine, must_be_equal)


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

# SPDX-License-Identifier: Apache-2.0
"""The acceptance scenarios (tests/support/scenarios.py) on real servers into both warehouses.

The short run plays a few of them; `./check --all` plays each on each server into each warehouse: plain, with kill -9
at random moments, and among statements of others. docs/acceptance.md has the table.
"""

import time

import pytest

import acceptance_page
import scenarios
from acceptance import KILLS, PLAIN, STATEMENTS, Play
from engine import Killer
from servers import ROOT
from workload import KEYLESS, TABLES, Workload, schema

WAREHOUSES = ("doris", "starrocks")
FAMILIES = ("mariadb", "mysql97")


def cases(ways, wanted=lambda scenario: True):
    return [pytest.param(scenario, family, warehouse, way, id=f"{scenario.name}-{family}-{warehouse}-{way}")
            for scenario in scenarios.ALL if wanted(scenario) for family in FAMILIES for warehouse in WAREHOUSES for way in ways]


@pytest.fixture
def play(source_of, twin_of, engine, rng):
    def run(scenario, family, warehouse, way):
        Play(scenario, source_of(family), twin_of(warehouse), engine, rng, way).run()
    return run


@pytest.mark.parametrize("scenario,family,warehouse", [
    pytest.param(scenario, family, warehouse, id=f"{scenario.name}-{family}-{warehouse}")
    for scenario in scenarios.ALL for family, warehouse in scenario.short])
def test_short(play, scenario, family, warehouse):
    play(scenario, family, warehouse, PLAIN)


@pytest.mark.long
@pytest.mark.parametrize("scenario,family,warehouse,way", cases([PLAIN]))
def test_plain(play, scenario, family, warehouse, way):
    play(scenario, family, warehouse, way)


@pytest.mark.long
@pytest.mark.parametrize("scenario,family,warehouse,way", cases([KILLS], lambda scenario: scenario.kills))
def test_with_kills(play, scenario, family, warehouse, way):
    play(scenario, family, warehouse, way)


@pytest.mark.long
@pytest.mark.parametrize("scenario,family,warehouse,way", cases([STATEMENTS], lambda scenario: scenario.alters))
def test_among_statements(play, scenario, family, warehouse, way):
    play(scenario, family, warehouse, way)


# A whole workload over every everyday type, while its tables are read for the first time and somebody alters them.

SIDE = ("CREATE TABLE side (id INT NOT NULL PRIMARY KEY, r INT NOT NULL, v INT); INSERT INTO side (id, r, v) VALUES "
        + ", ".join(f"({number}, {number % 5}, {number})" for number in range(1, 301)) + ";")


class Statements:
    """Statements that leave the workload's own columns alone, each at a random moment."""

    def __init__(self, source, rng) -> None:
        self._source = source
        self._random = rng
        self._number = 0
        self._columns: dict[str, list[str]] = {name: [] for name in TABLES if name != KEYLESS}
        self._keyed = "id"

    def _alter(self) -> str:
        rnd = self._random
        self._number += 1
        table = rnd.choice(sorted(self._columns))
        own = self._columns[table]
        name = f"n{self._number}"
        pick = rnd.random()
        if not own or pick < 0.4:
            own.append(name)
            kind = rnd.choice(["INT DEFAULT 4", "VARCHAR(10) DEFAULT 'a''b'", "DECIMAL(9,3) NOT NULL DEFAULT 1.5", "DATETIME(2)", "TINYINT"])
            return f"ALTER TABLE {table} ADD COLUMN {name} {kind}{rnd.choice(['', ' FIRST'])};"
        old = rnd.choice(own)
        own.remove(old)
        if pick < 0.65:
            return f"ALTER TABLE {table} DROP COLUMN {old};"
        if pick < 0.85:
            own.append(name)
            return f"ALTER TABLE {table} RENAME COLUMN {old} TO {name};"
        own.append(name)
        return f"ALTER TABLE {table} DROP COLUMN {old}, ADD COLUMN {name} INT DEFAULT {self._number};"

    def _side(self) -> str:
        """A table of its own is renamed, emptied, gets another key, goes and comes again."""
        pick = self._random.randrange(6)
        if pick == 0:
            return "RENAME TABLE side TO elsewhere; INSERT INTO elsewhere (id, r, v) VALUES (9001, 1, 1); RENAME TABLE elsewhere TO side;"
        if pick == 1:
            return "TRUNCATE TABLE side; INSERT INTO side (id, r, v) VALUES (1, 1, 1), (2, 2, 2);"
        if pick == 2:
            self._keyed = "id, r" if self._keyed == "id" else "id"
            return f"ALTER TABLE side DROP PRIMARY KEY, ADD PRIMARY KEY ({self._keyed});"
        if pick == 3:
            self._keyed = "id"
            return "DROP TABLE side; " + SIDE
        if pick == 4:
            return "ALTER TABLE side MODIFY v BIGINT; UPDATE side SET v = v + 1;"
        return "DELETE FROM side WHERE id % 3 = 0; INSERT INTO side (id, r, v) SELECT MAX(id) + 1, 1, 7 FROM side;"

    def act(self) -> None:
        self._source.query("DELETE FROM side WHERE id = 9001;" + (self._side() if self._random.random() < 0.35 else self._alter()))


def alter_under_load(source, twin, engine, rng, must_be_equal, transactions: int, statements: int, killer=None) -> None:
    work = Workload(rng.randrange(10 ** 9))
    source.query(schema(list(TABLES)) + SIDE + "\n".join(work.transaction() for _ in range(transactions)))
    source.server.query(source.server.reset_sql)
    engine.write(source.block() | {"scan.startup.mode": "initial", "heartbeat.interval": "1s",
                                   "scan.incremental.snapshot.chunk.size": 20, "scan.snapshot.parallelism": 2}, twin.sink("30ms"))
    session = source.session(work.transaction, 40)
    others = Statements(source, rng)
    session.start()
    engine.start().until(lambda: (engine.show() or {"tables": []})["tables"], 60, "a checkpoint")
    kills = None if killer is None else killer(engine, rng)
    if kills:
        kills.start()
    for _ in range(statements):
        time.sleep(rng.uniform(0, 0.15))
        others.act()
    session.close()
    if kills:
        kills.halt()
        assert kills.kills >= 1
    Play.until_whole(engine)
    must_be_equal(source, twin, engine, [*TABLES, "side"])
    assert engine.stop() == 0


def test_statements_in_a_snapshot(source_of, twin_of, engine, rng, must_be_equal):
    alter_under_load(source_of("mysql97"), twin_of("starrocks"), engine, rng, must_be_equal, 60, 12)


@pytest.mark.long
@pytest.mark.parametrize("turn", range(3))
def test_statements_in_a_snapshot_for_long(source, twin, engine, rng, must_be_equal, turn):
    alter_under_load(source, twin, engine, rng, must_be_equal, 600, 120)


@pytest.mark.long
def test_statements_and_kills_in_a_snapshot(source, twin, engine, rng, must_be_equal):
    alter_under_load(source, twin, engine, rng, must_be_equal, 600, 120, Killer)


def test_the_page_tells_of_every_scenario():
    text = (ROOT / "docs" / "acceptance.md").read_text()
    assert text.endswith("\n" + acceptance_page.table()), \
        "docs/acceptance.md is stale: put the output of tests/support/acceptance_page.py below its introduction"

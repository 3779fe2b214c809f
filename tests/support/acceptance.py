# SPDX-License-Identifier: Apache-2.0
"""Plays one acceptance scenario (scenarios.py): plain, with kill -9 at random moments, or among statements of others."""

from __future__ import annotations

import json
import signal
import time

import compare
from engine import Engine, Killer, run
from scenarios import Ask, At, Away, Carried, Mark, Purge, Scenario, Whole
from servers import wait_until

PLAIN, KILLS, STATEMENTS = "plain", "kills", "statements"
UNTIL_CARRIED_S = 60


def mark_of(source) -> dict[str, str]:
    """A moment of the source, as Mark promises."""
    name, offset = source.place()
    mariadb = "MariaDB" in source.server.value("SELECT VERSION()")
    gtids = source.server.value("SELECT @@GLOBAL.gtid_binlog_pos" if mariadb else "SELECT @@GLOBAL.gtid_executed")
    millis = source.server.value("SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED)")
    return {"file": name, "offset": str(offset), "gtids": gtids.replace("\\n", "").replace("\n", ""), "millis": millis}


class Marks:
    """Puts {name.what} of the marks into texts."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def add(self, name: str, facts: dict[str, str]) -> None:
        self._texts |= {f"{{{name}.{what}}}": text for what, text in facts.items()}

    def into(self, text: object) -> str:
        text = str(text)
        for mark, value in self._texts.items():
            text = text.replace(mark, value)
        return text


class Meddler:
    """Statements of somebody else at random moments: columns of its own that come, change, are filled and go."""

    def __init__(self, source, rng, tables: tuple[str, ...]) -> None:
        self._source = source
        self._random = rng
        self._tables = tables
        self._number = 0
        self.made = 0

    def _own(self, table: str) -> list[str]:
        return self._source.query(f"SELECT column_name FROM information_schema.columns WHERE table_schema = '{self._source.database}' "
                                  f"AND table_name = '{table}' AND column_name LIKE 'meddled%'").split()

    def _statement(self, table: str, own: list[str]) -> str:
        rnd = self._random
        self._number += 1
        name = f"meddled{self._number}"
        pick = rnd.random()
        if not own or pick < 0.35:
            kind = rnd.choice(["INT", "INT NOT NULL DEFAULT 3", "VARCHAR(7) DEFAULT 'x'", "DECIMAL(8,2)", "TINYINT DEFAULT -1"])
            return f"ALTER TABLE {table} ADD COLUMN {name} {kind}{rnd.choice(['', ' FIRST'])};"
        column = rnd.choice(own)
        if pick < 0.55:
            return f"ALTER TABLE {table} DROP COLUMN {column};"
        if pick < 0.75:
            return f"ALTER TABLE {table} RENAME COLUMN {column} TO {name};"
        if not self._source.query(f"SHOW KEYS FROM {table} WHERE non_unique = 0").strip():
            return f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1;"  # without a key a row cannot be changed at the target
        return f"UPDATE {table} SET {column} = {rnd.randrange(100)};"

    def act(self) -> None:
        there = [table for table in self._tables if self._source.query(f"SHOW TABLES LIKE '{table}'").strip()]
        for _ in range(self._random.randrange(1, 4) if there else 0):
            table = self._random.choice(there)
            self._source.query(self._statement(table, self._own(table)))
            self.made += 1


class Play:
    """One run of a scenario from its setup to the comparison."""

    def __init__(self, scenario: Scenario, source, twin, engine: Engine, rng, way: str = PLAIN) -> None:
        self._scenario = scenario
        self._source = source
        self._twin = twin
        self._engine = engine
        self._random = rng
        self._way = way
        self._marks = Marks()
        self._keys = dict(scenario.source)
        self._killer: Killer | None = None
        self._meddler = Meddler(source, rng, scenario.equal)
        self.kills = 0

    # -- life of the engine

    def _write(self) -> None:
        keys = {name: self._marks.into(value) for name, value in self._keys.items()}
        keys = {name: json.dumps(value) if name.endswith("gtid-set") else value for name, value in keys.items()}
        self._engine.write(self._source.block() | keys, self._twin.sink("30ms") | self._scenario.sink, self._scenario.pipeline,
                           list(self._scenario.routes))

    def _begin_kills(self) -> None:
        if self._way == KILLS and self._killer is None:
            self._killer = Killer(self._engine, self._random, 0.1, 1.2)
            self._killer.start()

    def _end_kills(self) -> None:
        if self._killer is not None:
            self._killer.halt()
            self.kills += self._killer.kills
        self._killer = None

    def _start(self, first: bool) -> None:
        self._engine.start()
        if self._scenario.ends:
            return
        # Before the first position is kept, a kill would make a later start the first one.
        if first:
            self._engine.until(lambda: ((self._engine.show() or {}).get("position") or {}).get("file"), 60, "a position in the checkpoint")
        self._begin_kills()

    def _stop(self) -> None:
        """7: an epoch of an earlier life was not finished when the stop came; -15: it came before the engine listened."""
        assert self._engine.stop() in (0, 7, -signal.SIGTERM), self._engine.log_tail()

    # -- steps

    @staticmethod
    def until_whole(engine: Engine) -> None:
        def over() -> bool:
            shown = engine.show()
            # Before a first start has a position its tables are not all there.
            return shown is not None and shown["position"] is not None and all(table["state"] in ("complete", "from the stream") for table in shown["tables"])
        # A killed engine is not running for a moment, so this is no Engine.until.
        wait_until(over, UNTIL_CARRIED_S, "the end of the snapshot")

    def _until_carried(self) -> None:
        self._end_kills()
        self._engine.until_carried(self._source.place(), UNTIL_CARRIED_S)
        self._begin_kills()

    def _away(self, step: Away) -> None:
        self._end_kills()
        self._stop()
        self._keys |= step.source
        if step.sql:
            self._source.query(step.sql)
        self._write()
        self._start(first=False)

    def _step(self, step) -> None:
        if isinstance(step, Whole):
            self.until_whole(self._engine)
        elif isinstance(step, Carried):
            self._until_carried()
        elif isinstance(step, Away):
            self._away(step)
        elif isinstance(step, At):
            self._twin.client().rows(step.sql)
        elif isinstance(step, Ask):
            asked = run("snapshot", str(self._engine.file), *step.arguments)
            assert asked.returncode == 0, asked.stderr.decode()
        else:
            self._source.query(self._marks.into(step))
        if self._way == KILLS:
            time.sleep(self._random.uniform(0, 0.5))
        elif self._way == STATEMENTS:
            time.sleep(self._random.uniform(0, 0.1))
            self._meddler.act()

    # -- the whole

    def _purge(self, file: str) -> None:
        def purged() -> bool:
            self._source.query(f"PURGE BINARY LOGS TO '{file}';")
            return self._source.query("SHOW BINARY LOGS;").split()[0] == file
        wait_until(purged, 60, f"the binlog to begin with {file}", 0.2)

    def _set_up(self) -> None:
        for part in self._scenario.setup:
            if isinstance(part, Mark):
                self._marks.add(part.name, mark_of(self._source))
            elif isinstance(part, Purge):
                self._purge(self._marks.into(f"{{{part.mark}.file}}"))
            else:
                self._source.query(self._marks.into(part))
        if self._scenario.refused:
            self._twin.fault(*self._scenario.refused)

    def faults(self) -> list[str]:
        """What the warehouse has otherwise than the scenario says."""
        scenario, target, database = self._scenario, self._twin.client(), self._source.database
        found = [f"{one.table}: {one.text}" for table in scenario.equal
                 for one in compare.compare_table(self._source.client(), target, database, table)]
        there = [row[0] for row in target.rows(f"SHOW TABLES FROM {database}")]
        found += [f"the target has a table {table}" for table in (*scenario.gone, *(name for name in there if "millrace" in name))
                  if table in there]
        for sql, wanted in scenario.rows.items():
            got = target.rows(sql)
            found += [] if got == wanted else [f"{sql}: {got} instead of {wanted}"]
        for table, wanted in scenario.columns.items() if self._way != STATEMENTS else ():
            got = [row[0] for row in target.rows(f"DESCRIBE {database}.{table}")]
            found += [] if got == wanted else [f"columns of {table}: {got} instead of {wanted}"]
        return found

    def _compare(self) -> None:
        found: list[str] = []

        def right() -> bool:  # a committed load may become visible a little later
            nonlocal found
            try:
                found = self.faults()
            except RuntimeError as problem:  # a target that is not there yet
                found = [str(problem)]
            return not found
        try:
            wait_until(right, 10, "what the scenario says", 0.5)
        except TimeoutError:
            raise AssertionError("\n".join([f"{self._scenario.name}, {self._way}:", *found, self._engine.log_tail(6000)])) from None

    def run(self) -> None:
        scenario = self._scenario
        self._set_up()
        self._write()
        self._start(first=True)
        for step in scenario.steps:
            self._step(step)
        if scenario.ends:
            code, words = scenario.ends
            assert self._engine.wait() == code, self._engine.log_tail()
            assert words in self._engine.log(), self._engine.log_tail()
        else:
            self._end_kills()
            self._engine.until_carried(self._source.place(), UNTIL_CARRIED_S)
            if self._keys.get("scan.startup.mode") == "initial":
                self.until_whole(self._engine)
        self._compare()
        for words in scenario.says:  # of a new target's old one that is dropped behind the swap, too
            wait_until(lambda words=words: words in self._engine.log(), UNTIL_CARRIED_S, f"{words!r} in the log")
        assert self._twin.twice() == []
        if not scenario.ends:
            self._stop()

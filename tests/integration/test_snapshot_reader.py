# SPDX-License-Identifier: Apache-2.0
"""The snapshot beside the stream while the tables change: what comes out is what the tables hold at the end.

The judge is the snapshot itself over tables at rest, whose values test_snapshot_values.py holds against the binlog and
whose number of rows is asked of the server.
"""

from __future__ import annotations

import time

import pytest
import servers
import snapshots

FAMILIES = [*servers.FAMILIES, *(pytest.param(name, marks=pytest.mark.long) for name in servers.MORE_FAMILIES)]

# Keys of every kind, each with a pool of values in SQL; NAME: (columns of the key, definition, pool).
WORDS = ["a", "A", "b", "B ", "\u00e4", "\u00c4", "ss", "\u00df", "Z", "z", "_", "0", "10", "9", "", "\u00e9", "e", "E", "~", "''"]
KEYS = {
    "ints": ("k INT", "PRIMARY KEY (k)", [str(n) for n in range(-300, 300)]),
    "sparse": ("k BIGINT UNSIGNED", "PRIMARY KEY (k)",
               [str(n * n * n * 3) for n in range(200)] + [str(2 ** 64 - n) for n in range(1, 200)]),
    "words": ("k VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "PRIMARY KEY (k)",
              [f"'{a}{b}'" for a in WORDS for b in WORDS]),
    "exact": ("k VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "PRIMARY KEY (k)",
              [f"'{a}{b}'" for a in WORDS for b in WORDS]),
    "latin": ("k CHAR(8) CHARACTER SET latin1", "PRIMARY KEY (k)", [f"'{a}{b}'" for a in WORDS for b in WORDS]),
    "decimals": ("k DECIMAL(20,5)", "PRIMARY KEY (k)", [f"{n}.{n * 7 % 100000:05}" for n in range(-200, 200)]),
    "bytes": ("k VARBINARY(16)", "PRIMARY KEY (k)", [f"x'{n * 2654435761 % 65536:04x}'" for n in range(300)] + ["x''", "x'00'"]),
    "fixed": ("k BINARY(4)", "PRIMARY KEY (k)", [f"x'{n * 2654435761 % 65536:04x}'" for n in range(300)]),
    "doubles": ("k DOUBLE", "PRIMARY KEY (k)", [repr(n / 7) for n in range(-150, 150)] + ["1e300", "-1e300", "5e-324"]),
    "floats": ("k FLOAT", "PRIMARY KEY (k)", [repr(n / 7) for n in range(-150, 150)]),
    "bits": ("k BIT(40)", "PRIMARY KEY (k)", [str(n * n * n) for n in range(300)]),
    "days": ("k DATE", "PRIMARY KEY (k)", [f"'2024-{m:02}-{d:02}'" for m in range(13) for d in range(0, 32, 2)] + ["'0000-00-00'"]),
    "moments": ("k TIMESTAMP(3) DEFAULT '2000-01-01 00:00:00'", "PRIMARY KEY (k)",
                [f"'2024-{m:02}-{d:02} 12:00:00.{d:03}'" for m in range(1, 13) for d in range(1, 28)]),
    "spans": ("k TIME(2)", "PRIMARY KEY (k)", [f"'{n}:{abs(n) % 60:02}:00.{abs(n) % 100:02}'" for n in range(-300, 300)]),
    "years": ("k YEAR", "PRIMARY KEY (k)", [str(n) for n in [0, *range(1901, 2156)]]),
    "enums": ("k ENUM('c','b','a','d'), n INT", "PRIMARY KEY (k, n)",
              [f"'{e}', {n}" for e in "abcd" for n in range(80)]),
    "sets": ("k SET('x','y','z'), n INT", "PRIMARY KEY (k, n)", [f"{e}, {n}" for e in range(8) for n in range(40)]),
    "pairs": ("a SMALLINT, b VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_swedish_ci, c DATETIME(1)", "PRIMARY KEY (a, b, c)",
              [f"{a}, '{b}', '2020-01-0{c} 00:00:00.{c}'" for a in range(4) for b in WORDS[:12] for c in range(1, 8)]),
    "flags": ("k SET('0','1','2','3','4','5','6','7','8')", "PRIMARY KEY (k)", [str(n) for n in range(512)]),
    "many_flags": ("k SET('0','1','2','3','4','5','6','7','8','9','10','11')", "PRIMARY KEY (k)", [str(n) for n in range(0, 4096, 37)]),
    "mixed": ("a INT, b INT, c INT", "PRIMARY KEY (a DESC, b, c DESC)",
              [f"{a}, {b}, {c}" for a in range(-4, 4) for b in range(8) for c in range(8)]),
    "words_down": ("a VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_swedish_ci, n INT", "PRIMARY KEY (a DESC, n)",
                   [f"'{a}', {n}" for a in WORDS for n in range(20)]),
    "prefixed": ("k VARCHAR(40) CHARACTER SET latin1, n INT", "PRIMARY KEY (k(1), n)",
                 [f"'{a}{n * 7919 % 97}', {n}" for a in WORDS for n in range(20)]),
    "uniques": ("k INT NOT NULL", "UNIQUE KEY other (v), UNIQUE KEY mine (k)", [str(n) for n in range(400)]),
}


def key_names(name: str) -> list[str]:
    # Columns are parted by a comma and a blank; ENUM's and SET's own commas stand without one.
    return [column.split()[0] for column in KEYS[name][0].split(", ")]


def schema() -> str:
    tables = [f"CREATE TABLE {snapshots.END} (id INT PRIMARY KEY AUTO_INCREMENT);",
              "CREATE TABLE keyless (a INT, b VARCHAR(20), c DOUBLE);", "CREATE TABLE nothing (id INT PRIMARY KEY, v INT);",
              "CREATE TABLE `one.``row` (`k y` INT PRIMARY KEY); INSERT INTO `one.``row` VALUES (7);"]
    for name, (columns, key, _) in KEYS.items():
        columns = ", ".join(f"{column} NOT NULL" if "NOT NULL" not in column else column for column in columns.split(", "))
        tables.append(f"CREATE TABLE {name} ({columns}, v INT, t VARCHAR(200), {key});")
    return "\n".join(tables)


class Writer:
    """Random transactions over all tables. UPDATEs move keys; IGNORE passes over those that meet another row."""

    def __init__(self, rng, pools: dict[str, list[str]], moves: bool, keyless: bool) -> None:
        self.rng = rng
        self.pools = pools
        self.moves = moves
        self.names = [*pools, "keyless"] if keyless else list(pools)

    def statement(self) -> str:
        rng = self.rng
        name = rng.choice(self.names)
        value = rng.randrange(10 ** 9)
        if name == "keyless":
            return rng.choice([f"INSERT INTO keyless VALUES ({value % 50}, 'x{value % 7}', {value / 3!r})",
                               f"DELETE FROM keyless WHERE a = {value % 50} LIMIT 1",
                               f"UPDATE keyless SET c = {value / 7!r} WHERE a = {value % 50} LIMIT 2"])
        names, pool = key_names(name), self.pools[name]
        where = " AND ".join(f"{n} = {v}" for n, v in zip(names, rng.choice(pool).split(", ")))
        moved = ", ".join(f"{n} = {v}" for n, v in zip(names, rng.choice(pool).split(", ")))
        text = "y" * rng.randrange(100)
        move = f"UPDATE IGNORE {name} SET {moved}, v = {value} WHERE {where}"
        return rng.choice([f"INSERT IGNORE INTO {name} VALUES ({rng.choice(pool)}, {value}, '{text}')",
                           f"UPDATE {name} SET v = {value}, t = '{text}' WHERE {where}",
                           move if self.moves else f"UPDATE {name} SET v = {value} WHERE {where}",
                           f"DELETE FROM {name} WHERE {where}"])

    def transaction(self) -> str:
        statements = [self.statement() for _ in range(self.rng.randrange(1, 5))]
        end = "ROLLBACK" if self.rng.random() < 0.05 else "COMMIT"
        return "BEGIN; " + "; ".join(statements) + f"; {end};"


def fill(source, rng) -> None:
    lines = ["SET sql_mode = 'ALLOW_INVALID_DATES';"]
    for name, (_, _, pool) in KEYS.items():
        keys = rng.sample(pool, len(pool) * 2 // 3)
        lines += [f"INSERT IGNORE INTO {name} VALUES {', '.join(f'({key}, {i}, repeat(0x78, {i % 90}))' for i, key in enumerate(keys))};"]
    lines += ["INSERT INTO keyless VALUES " + ", ".join(f"({i % 50}, 'x', {i})" for i in range(500)) + ";"]
    source.query("\n".join(lines))


def counts(source) -> dict[str, int]:
    names = [*KEYS, "keyless"]
    rows = source.query(" UNION ALL ".join(f"SELECT '{n}', COUNT(*) FROM {n}" for n in names))
    return {f"{source.database}.{n}": int(c) for n, c in (line.split("\t") for line in rows.splitlines()) if int(c) > 0}


def write_beside(source, rng, writers: int = 3, tables=tuple(KEYS), before: str = "", moves: bool = True):
    """Sessions that write until they are closed. Each has its own part of every key, so that no two ever deadlock."""
    sessions = []
    for number in range(writers):
        pools = {name: KEYS[name][2][number::writers] for name in tables}
        # One alone for the table without a key, whose rows every statement locks. Without all columns nobody: a row
        # of such a table cannot be named then. MySQL without GTIDs needs a second in which such a table rests (snapshot/unkeyed.c).
        rests = "MySQL 5.6" in source.server.version()
        writer = Writer(type(rng)(rng.random()), pools, moves, moves and number == 0 and not rests)
        session = source.session(writer.transaction, 150)
        session._client.stdin.write(f"SET sql_mode = 'ALLOW_INVALID_DATES'; {before}\n".encode())
        session.start()
        sessions.append(session)
    return sessions


def must_be_the_tables(source, got: dict, tmp_path) -> None:
    rest = snapshots.Model(source, tmp_path, rows=100000)
    rest.until_done()
    expected = rest.end()
    assert {name: len(rows) for name, rows in expected.items() if name[5:] in [*KEYS, "keyless"]} == counts(source)
    assert snapshots.first_differences(got, expected) == []


@pytest.mark.costly
@pytest.mark.parametrize("options", [
    {"parallelism": 1, "rows": 40}, {"parallelism": 3, "rows": 7}, {"parallelism": 4, "rows": 1000, "bytes": 65536},
    {"parallelism": 3, "rows": 9, "restart": 40}, {"parallelism": 3, "rows": 20, "reshape": 1}],
    ids=["one", "many", "bytes", "restarts", "shapes"])
@pytest.mark.parametrize("family", FAMILIES)
def test_tables_that_change_while_they_are_read(source_of, family, options, rng, tmp_path):
    source = source_of(family)
    source.query(schema())
    fill(source, rng)
    model = snapshots.Model(source, tmp_path, slow_ms=5, **options)
    sessions = write_beside(source, rng)
    try:
        model.until_done(180)
        time.sleep(0.3)
        for session in sessions:
            session.close()
        must_be_the_tables(source, model.end(), tmp_path)
    finally:
        model.kill()


@pytest.mark.costly
@pytest.mark.parametrize("family", FAMILIES)
def test_changes_without_all_columns(source_of, family, rng, tmp_path):
    """No partial update reaches the target before the row: the model fails on one that does."""
    source = source_of(family)
    source.query(schema())
    fill(source, rng)
    model = snapshots.Model(source, tmp_path, slow_ms=10, parallelism=2, rows=25)
    sessions = write_beside(source, rng, before="SET binlog_row_image = 'MINIMAL';", moves=False)
    try:
        model.until_done(180)
        time.sleep(0.3)
        for session in sessions:
            session.close()
        must_be_the_tables(source, model.end(), tmp_path)
    finally:
        model.kill()


@pytest.mark.costly
@pytest.mark.parametrize("family", FAMILIES)
def test_lost_connections_and_truncated_tables(source_of, family, rng, tmp_path):
    """Connections that read are killed again and again, and tables are emptied in the middle of it."""
    source = source_of(family)
    source.query(schema())
    fill(source, rng)
    model = snapshots.Model(source, tmp_path, slow_ms=10, parallelism=3, rows=30)
    sessions = write_beside(source, rng)
    kills = 0
    try:
        model.until_log("first chunk")
        for _ in range(12):
            time.sleep(0.15)
            found = source.query("SELECT id FROM information_schema.processlist WHERE user = 'millrace' "
                                 "AND command NOT LIKE 'Binlog Dump%'").split()
            for connection in rng.sample(found, min(2, len(found))):
                try:
                    source.query(f"KILL {connection}")
                    kills += 1
                except RuntimeError:  # it is gone by itself
                    pass
            source.query(f"TRUNCATE TABLE {rng.choice([*KEYS, 'keyless'])}")
        model.until_done(180)
        assert kills > 0
        for session in sessions:
            session.close()
        must_be_the_tables(source, model.end(), tmp_path)
    finally:
        model.kill()


@pytest.mark.long
@pytest.mark.parametrize("family", ["mariadb", "mysql97"])
def test_more_changes_than_are_kept(source_of, family, tmp_path):
    """So many keys change under a snapshot that all but its first chunk are given up, again and again."""
    source = source_of(family)
    key = "CONCAT(REPEAT('k', 180), LPAD(n, 6, '0'))"
    digits = " UNION ALL ".join(f"SELECT {d} AS d" for d in range(10))
    source.query(f"CREATE TABLE {snapshots.END} (id INT PRIMARY KEY AUTO_INCREMENT);"
                 "CREATE TABLE t (k VARCHAR(190) CHARACTER SET ascii PRIMARY KEY, v INT);"
                 f"CREATE TABLE digits {digits};"
                 f"INSERT INTO t SELECT {key}, 0 FROM (SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n FROM digits a, "
                 "digits b, digits c, digits e, (SELECT d FROM digits WHERE d < 5) f) AS numbers; DROP TABLE digits;")
    model = snapshots.Model(source, tmp_path, rows=1000, parallelism=3, slow_ms=150)
    try:
        model.until_log("first chunk")
        for value in range(1, 4):
            source.query(f"UPDATE t SET v = {value} WHERE k LIKE '%{value}'; DELETE FROM t WHERE k LIKE '%7{value}';"
                         f"UPDATE t SET v = v + 10;")
        model.until_done(180)
        assert "one at a time" in model.log()
        got = model.end()
    finally:
        model.kill()
    rest = snapshots.Model(source, tmp_path, rows=100000)
    rest.until_done()
    expected = rest.end()
    assert len(expected[f"{source.database}.t"]) == int(source.query("SELECT COUNT(*) FROM t")) > 40_000
    assert snapshots.first_differences(got, expected) == []

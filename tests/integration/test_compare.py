# SPDX-License-Identifier: Apache-2.0
"""`millrace compare`: equal where both sides are, and each planted difference found by its key, at rest and beside a
running engine."""

from __future__ import annotations

import re

import pytest

from engine import run
from events import DATA, OK, SINK, SOURCE, USAGE
from workload import KEYLESS, TABLES, Workload, schema

KEYED = "|".join(name for name in TABLES if name != KEYLESS)


def compared(engine, *options: str) -> tuple[int, str]:
    done = run("compare", *options, str(engine.file))
    return done.returncode, done.stdout.decode() + done.stderr.decode()


def ended(text: str) -> list[str]:
    """The lines of differences, without blanks in front."""
    return [line.strip() for line in text.splitlines() if line.startswith("      ")]


@pytest.mark.costly
def test_every_row_is_there(source, twin, engine, rng, must_be_equal):
    """Beside writers no difference is claimed; when they are at rest all is equal."""
    work = Workload(rng.randrange(10 ** 9), truncate=False)
    engine.write(source.block(), twin.sink("20ms"))
    source.query(schema())
    session = source.session(work.transaction, 60)
    engine.start()
    session.start()
    engine.until_epoch(3, 60)
    code, text = compared(engine, "--tables", f"{source.database}.({KEYED})")
    assert "No engine runs" not in text
    assert code in (OK, DATA), text
    for line in text.splitlines():
        assert not line.startswith("FAIL") or "0 missing, 0 different, 0 extra" in line, text
    session.close()
    must_be_equal(source, twin, engine)
    assert engine.stop() == OK
    code, text = compared(engine)
    assert (code, len(re.findall("^ok ", text, re.M))) == (OK, len(TABLES)), text
    assert f"{len(TABLES)} tables compared, 0 differ" in text


PLANTED = """CREATE TABLE items (id INT PRIMARY KEY, price DECIMAL(10,2), note VARCHAR(20));
CREATE TABLE pairs (a VARCHAR(20) CHARACTER SET utf8mb4, b INT, n INT, PRIMARY KEY (a, b));
CREATE TABLE steps (at INT, words VARCHAR(20));
INSERT INTO items VALUES (1, 1.5, 'one'), (2, 2.5, NULL), (3, 3, 'three'), (4, 4, 'four');
INSERT INTO pairs VALUES ('it''s', 1, 1), ('B', 2, 2), ('c c', 3, 3);
INSERT INTO steps VALUES (1, 'a'), (1, 'a'), (2, 'b');"""


@pytest.mark.costly
@pytest.mark.parametrize("runs", [True, False], ids=["running", "at-rest"])
def test_what_somebody_changed_is_found(mariadb, twin, engine, must_be_equal, runs):
    engine.write(mariadb.block(), twin.sink("20ms"))
    mariadb.query(PLANTED)
    engine.start()
    must_be_equal(mariadb, twin, engine, ["items", "pairs", "steps"])
    if not runs:
        assert engine.stop() == OK
    db = mariadb.database
    for statement in (f"DELETE FROM {db}.items WHERE id = 2",
                      f"INSERT INTO {db}.items VALUES (3, 3.00, 'other'), (9, 9, 'nine'), (10, 1, '')",
                      f"DELETE FROM {db}.pairs WHERE a = 'B' AND b = 2",
                      f"INSERT INTO {db}.pairs VALUES ('b', 2, 2)",
                      f"INSERT INTO {db}.steps VALUES (3, 'c')"):
        twin.client().rows(statement)
    code, text = compared(engine)
    assert code == DATA, text
    assert sorted(ended(text)) == sorted([
        "missing    id=2", "different  id=3: note", "extra      id=9", "extra      id=10",
        'missing    a="B", b=2', 'extra      a="b", b=2']), text
    assert f"FAIL  {db}.items: 4 rows, 1 missing, 1 different, 2 extra" in text
    assert f"FAIL  {db}.steps: 3 rows, 4 at the target" in text
    assert "3 tables compared, 3 differ" in text
    assert ("No engine runs" in text) != runs
    code, text = compared(engine, "--list", "1", "--tables", f"{db}.items")
    assert (code, len(ended(text))) == (DATA, 2) and "and 3 more" in text, text
    if not runs:
        return
    # What the stream brings mends what it names.
    mariadb.query("UPDATE items SET note = 'new' WHERE id IN (2, 3);")
    engine.until_carried(mariadb.place())
    code, text = compared(engine, "--tables", f"{db}.items")
    assert sorted(ended(text)) == ["extra      id=10", "extra      id=9"], text


def test_what_cannot_be_compared(mariadb, twin_of, engine):
    twin = twin_of("doris")
    engine.write(mariadb.block(), twin.sink("20ms"))
    mariadb.query("CREATE TABLE items (id INT PRIMARY KEY);")
    code, text = compared(engine)
    assert code == DATA and "The target has no table" in text, text
    assert twin.client().rows("SHOW DATABASES LIKE 'shop'") == []  # nothing was made
    assert compared(engine, "--list", "few")[0] == USAGE
    code, text = compared(engine, "--tables", "shop.itmes")
    assert code == USAGE and "Nothing was compared" in text and "0 tables" not in text, text
    engine.write(mariadb.block() | {"password": "wrong"}, twin.sink())
    assert compared(engine)[0] == SOURCE
    engine.write(mariadb.block(), twin.sink() | {"password": "wrong"})
    assert compared(engine)[0] == SINK
    engine.write(mariadb.block(), {"type": "file", "path": engine.folder / "events"})
    code, text = compared(engine)
    assert code == USAGE and "no tables that rows could be compared with" in text


@pytest.mark.long
def test_more_than_one_statement_asks_for(source_of, twin_of, engine, must_be_equal):
    """Several batches of each kind, two tables in one target, and a source that has begun a new file since."""
    source, twin = source_of("mariadb"), twin_of("starrocks")
    engine.write(source.block(), twin.sink("20ms"), routes=[{"source-table": f"{source.database}.part\\.*", "sink-table": f"{source.database}.parts"}])
    source.query("""CREATE TABLE wide (a VARBINARY(8), d DATETIME(3), p DECIMAL(6,2), n INT, PRIMARY KEY (a, d, p));
        CREATE TABLE part1 (id INT PRIMARY KEY, n INT); CREATE TABLE part2 (id INT PRIMARY KEY, n INT);
        INSERT INTO part1 VALUES (1, 1); INSERT INTO part2 VALUES (2, 2), (3, 3);
        INSERT INTO wide SELECT UNHEX(LPAD(HEX(seq), 8, '0')), '2024-01-02 03:04:05.5', 7.5, seq FROM seq_1_to_1200;""")
    engine.start()
    engine.until_carried(source.place())
    more = ", ".join(f"('AAA{number:05}', '2024-01-02 03:04:05.25', '0.50', {number})" for number in range(450))
    twin.client().rows(f"DELETE FROM {source.database}.wide WHERE n > 700; INSERT INTO {source.database}.wide VALUES {more};"
                       f"DELETE FROM {source.database}.parts WHERE id = 3")
    source.query("FLUSH BINARY LOGS")
    code, text = compared(engine, "--list", "3", "--wait", "30")
    assert code == DATA, text
    assert "wide: 1200 rows, 500 missing, 0 different, 450 extra" in text and "and 947 more" in text, text
    assert "missing    a=0x000002bd, d=\"2024-01-02 03:04:05.5\", p=\"7.5\"" in text, text
    assert "part1 -> shop.parts: 1 rows; other tables have rows there too" in text, text
    assert "part2 -> shop.parts: 2 rows, 1 missing, 0 different, 0 extra" in text, text
    assert "in time" not in text
    assert engine.stop() == OK

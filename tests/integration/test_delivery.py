# SPDX-License-Identifier: Apache-2.0
"""The promise of docs/delivery.md: whatever dies at whatever moment, in the end both sides are equal."""

import threading

import pytest

from engine import Killer, run
from workload import TABLES, Workload, schema

BUSY_S = 5


def rest(seconds: float) -> None:
    """Lets the workload and the killer go on; nothing is waited for."""
    threading.Event().wait(seconds)


@pytest.mark.parametrize("before", [True, False], ids=["tables-first", "engine-first"])
def test_a_workload_arrives(source, twin, engine, rng, must_be_equal, before):
    """No kills: every type, every kind of statement, tables that are there and tables that come later."""
    work = Workload(rng.randrange(10 ** 9))
    engine.write(source.block(), twin.sink())
    source.query(schema(list(TABLES) if before else ["numbers"]))
    engine.start().until_log("The pipeline runs.")
    if not before:
        source.query(schema([name for name in TABLES if name != "numbers"]))
    source.query("SET time_zone = '+05:30'; " + "\n".join(work.transaction() for _ in range(150)))
    must_be_equal(source, twin, engine)
    assert engine.stop() == 0


@pytest.mark.costly
@pytest.mark.parametrize("kind,version,compression", [("doris", "3.1", "gzip"), ("doris", "3.1", "lz4"), ("starrocks", "3.3", "gzip"),
                                                      ("starrocks", "3.2.7", "lz4"), ("starrocks", "3.3", "zstd")])
def test_compressed_loads(mariadb, twin_of, engine, rng, must_be_equal, kind, version, compression):
    """As JSON, or as CSV where rows allow it. Tables without a key go in two phases, which is not compressed for StarRocks."""
    twin = twin_of(kind, options=["--version", version])
    work = Workload(rng.randrange(10 ** 9))
    form = rng.choice(["json", "auto"])
    engine.write(mariadb.block(), twin.sink() | {"sink.load.compression": compression, "sink.load.format": form})
    mariadb.query(schema(list(TABLES)) + "CREATE TABLE same (id INT PRIMARY KEY, note TEXT NOT NULL);")
    engine.start().until_log("The pipeline runs.")
    mariadb.query("\n".join(work.transaction() for _ in range(10)))
    must_be_equal(mariadb, twin, engine)
    before = twin.state()["bytes"]
    mariadb.query("INSERT INTO same VALUES " + ",".join(f"({i}, REPEAT('all the same ', 300))" for i in range(50)))
    must_be_equal(mariadb, twin, engine, (*TABLES, "same"))
    assert twin.state()["bytes"] - before < 50 * 300 * len("all the same ") / 10
    assert engine.stop() == 0


@pytest.mark.parametrize("kind,version,compression,words", [
    ("doris", "2.1", "lz4", "Apache Doris 2.1.0 does not take compressed loads in JSON; that came with 3.1.0."),
    ("starrocks", "3.2.6", "zstd", "StarRocks 3.2.6 does not take compressed loads in JSON; that came with 3.2.7.")])
def test_compressed_loads_where_they_are_not_taken(mariadb, twin_of, engine, kind, version, compression, words):
    twin = twin_of(kind, options=["--version", version])
    engine.write(mariadb.block(), twin.sink() | {"sink.load.compression": compression})
    mariadb.query("CREATE TABLE one (id INT PRIMARY KEY)")
    told = run("check", str(engine.file))
    assert words in told.stdout.decode()
    assert told.returncode != 0


@pytest.mark.costly
@pytest.mark.parametrize("two_phase", ["auto", "true"])
@pytest.mark.parametrize("kind", ["doris", "starrocks"])
def test_loads_as_csv(mariadb, twin_of, engine, rng, must_be_equal, kind, two_phase):
    """And the load whose row CSV cannot say as JSON."""
    twin = twin_of(kind)
    work = Workload(rng.randrange(10 ** 9))
    engine.write(mariadb.block(), twin.sink() | {"sink.load.format": "auto", "sink.enable-2pc": two_phase})
    mariadb.query(schema(list(TABLES)) + "CREATE TABLE odd (id INT PRIMARY KEY, note TEXT);")
    engine.start().until_log("The pipeline runs.")
    mariadb.query("\n".join(work.transaction() for _ in range(10)))
    must_be_equal(mariadb, twin, engine)
    mariadb.query(r"INSERT INTO odd VALUES (1, ''), (2, NULL), (3, 'a\tb\r\n\"\\'), (4, '🦊');")
    must_be_equal(mariadb, twin, engine, ["odd"])
    before = twin.state()["requests"]
    mariadb.query(r"INSERT INTO odd VALUES (5, '\\N'), (6, X'01'), (7, X'7F');")
    must_be_equal(mariadb, twin, engine, ["odd"])
    after = twin.state()["requests"]
    assert before["csv body"] > 0 and after["csv body"] == before["csv body"]
    assert after["json body"] > before.get("json body", 0)
    assert engine.stop() == 0


def killed_again_and_again(source, twin, engine, rng, must_be_equal, seconds):
    work = Workload(rng.randrange(10 ** 9))
    engine.write(source.block(), twin.sink("50ms") | {"sink.load.format": rng.choice(["json", "auto"])})
    source.query(schema(list(TABLES)[:3]))
    engine.start().until_log("The pipeline runs.")
    source.query(schema(list(TABLES)[3:]))
    session = source.session(work.transaction, 60)
    killer = Killer(engine, rng)
    session.start()
    killer.start()
    rest(seconds)
    session.close()
    killer.halt()
    must_be_equal(source, twin, engine)
    assert killer.kills >= seconds / 5 and session.transactions > seconds
    assert engine.stop() == 0


@pytest.mark.costly
@pytest.mark.threads
def test_kills(source, twin, engine, rng, must_be_equal):
    """kill -9 at random moments while the workload runs."""
    killed_again_and_again(source, twin, engine, rng, must_be_equal, BUSY_S)


@pytest.mark.long
def test_kills_for_long(source, twin, engine, rng, must_be_equal):
    killed_again_and_again(source, twin, engine, rng, must_be_equal, 15 * BUSY_S)


def test_truncate_of_a_table_without_rows(source, twin, engine, must_be_equal):
    """A table that is made and truncated while the engine runs has no table map yet; it may even be gone again."""
    engine.write(source.block(), twin.sink())
    source.query(schema(["numbers"]))
    engine.start().until_log("The pipeline runs.")
    source.query(schema(["counters"]) + "TRUNCATE counters; INSERT INTO counters VALUES (1, 1, 1, NULL);"
                 "CREATE TABLE gone (id INT PRIMARY KEY); TRUNCATE gone; DROP TABLE gone;"
                 "INSERT INTO numbers (id) VALUES (1);")
    must_be_equal(source, twin, engine, ["numbers", "counters"])
    assert engine.stop() == 0

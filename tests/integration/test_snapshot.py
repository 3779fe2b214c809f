# SPDX-License-Identifier: Apache-2.0
"""The rows that tables hold already: `scan.startup.mode: initial` and `snapshot`, under writers, kills and statements."""

import re
import threading

import pytest

from engine import Killer, run
from servers import wait_until
from workload import TABLES, Workload, schema

# Nothing is written behind some of these snapshots: then a heartbeat alone moves the durable position.
SMALL = {"heartbeat.interval": "1s", "scan.incremental.snapshot.chunk.size": 50, "scan.snapshot.parallelism": 2}


def initial(source, **more):
    return source.block() | {"scan.startup.mode": "initial"} | SMALL | more


def fill(source, work, transactions=250):
    """Rows of every type, and the binlog that says how they came thrown away: only a snapshot can bring them."""
    source.query(schema(list(TABLES)))
    source.query("SET time_zone = '+05:30'; " + "\n".join(work.transaction() for _ in range(transactions)))
    source.server.query(source.server.reset_sql)


def test_rows_of_before_and_after(source, twin, engine, rng, must_be_equal):
    """The whole of every table, then every change; a stop and a start in between read nothing again."""
    work = Workload(rng.randrange(10 ** 9))
    fill(source, work)
    engine.write(initial(source), twin.sink())
    engine.start().until_log("The snapshot is complete")
    source.query("\n".join(work.transaction() for _ in range(60)))
    must_be_equal(source, twin, engine)
    assert engine.stop() == 0
    source.query("\n".join(work.transaction() for _ in range(30)))
    engine.start()
    must_be_equal(source, twin, engine)
    assert engine.log().count("The snapshot is complete") == 1
    assert engine.stop() == 0


def until_complete(engine, deadline_s=60):
    """Every table's snapshot is over, as the checkpoint says: a kill may undo what the log said."""
    def over():
        tables = (engine.show() or {"tables": []})["tables"]
        return tables and all(table["state"] in ("complete", "from the stream") for table in tables)
    engine.until(over, deadline_s, "the end of the snapshot")


def written_and_killed(source, twin, engine, rng, must_be_equal, seconds, transactions):
    work = Workload(rng.randrange(10 ** 9))
    fill(source, work, transactions)
    engine.write(initial(source), twin.sink("50ms"))
    session = source.session(work.transaction, 60)
    session.start()
    engine.start()
    killer = Killer(engine, rng)
    killer.start()
    threading.Event().wait(seconds)
    session.close()
    killer.halt()
    until_complete(engine)
    must_be_equal(source, twin, engine)
    assert killer.kills >= 1 and not twin.twice()
    assert engine.stop() == 0


@pytest.mark.threads
def test_kills_under_writers(mariadb, doris, engine, rng, must_be_equal):
    """kill -9 at random moments of a snapshot, while the workload changes what it reads."""
    written_and_killed(mariadb, doris, engine, rng, must_be_equal, 4, 200)


@pytest.mark.long
def test_kills_under_writers_for_long(source, twin, engine, rng, must_be_equal):
    written_and_killed(source, twin, engine, rng, must_be_equal, 45, 2500)


def unfinished_behind(engine) -> int:
    return len((engine.show() or {"unfinished_behind": []})["unfinished_behind"])


@pytest.mark.long
def test_kills_while_epochs_overlap(source, twin, engine, rng, must_be_equal):
    """Some load is slow at any time; the engine dies with rows of chunks in several unfinished epochs."""
    work = Workload(rng.randrange(10 ** 9))
    fill(source, work, 2500)
    engine.write(initial(source), twin.sink("50ms") | {"sink.load.epochs": 3, "sink.load.threads": 8})
    session = source.session(work.transaction, 60)
    session.start()
    engine.start()

    def killed_while_they_overlap():
        twin.fault("slow", 1, ms=rng.randrange(100, 600))
        if unfinished_behind(engine) == 0 or rng.random() < 0.3:
            return False
        engine.kill9()
        overlapped = unfinished_behind(engine) > 0
        engine.start()
        return overlapped

    for _ in range(12):
        wait_until(killed_while_they_overlap, 120, "epochs that overlap")
    session.close()
    twin.fault("slow", 0)
    until_complete(engine)
    must_be_equal(source, twin, engine)
    assert not twin.twice()
    assert engine.stop() == 0


@pytest.mark.long
def test_a_kill_costs_a_chunk(mariadb, doris, engine, must_be_equal):
    """Reading goes on behind the last chunk that is durable, not at the table's beginning."""
    rows, chunk, load = 20_000, 200, 400
    mariadb.query(f"CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t SELECT seq, seq FROM seq_1_to_{rows};")
    mariadb.server.query(mariadb.server.reset_sql)
    engine.write(initial(mariadb) | {"scan.incremental.snapshot.chunk.size": chunk}, doris.sink("10s") | {"sink.buffer-flush.max-rows": load})
    doris.fault("slow", -1, ms=300)
    engine.start()
    engine.until(lambda: (engine.show() or {"rows": 0})["rows"] >= load, 60, "the first load")
    engine.kill9()
    durable = engine.show()["rows"]
    doris.fault("slow", 0)
    engine.start().until_log("The snapshot is complete", 60)
    must_be_equal(mariadb, doris, engine, ["t"])
    again = int(re.search(r'"The snapshot is complete[^}]*"rows":(\d+)', engine.log()).group(1))
    assert 0 < again <= rows - durable < rows  # what was on its way at the kill may be finished from its label alone
    assert engine.stop() == 0


def test_snapshot_only(mariadb, twin_of, engine, rng):
    """Mode snapshot ends by itself, with everything there; another start has nothing to do."""
    starrocks = twin_of("starrocks")
    fill(mariadb, Workload(rng.randrange(10 ** 9)))
    engine.write(initial(mariadb) | {"scan.startup.mode": "snapshot"}, starrocks.sink())
    assert engine.start().wait() == 0
    must_be_equal_now(mariadb, starrocks)
    assert engine.start().wait() == 0


def must_be_equal_now(source, twin, tables=tuple(TABLES)):
    from conftest import differences
    assert differences(source, twin, tables) == []


def test_a_table_that_matches_later(mariadb, doris, engine, must_be_equal):
    """The pattern is widened: the new table's rows are read, those of the old one are not read again."""
    mariadb.query("CREATE TABLE a (id INT PRIMARY KEY, v INT); INSERT INTO a VALUES (1, 1), (2, 2);"
                  "CREATE TABLE b (id INT PRIMARY KEY, v INT); INSERT INTO b VALUES (1, 10), (2, 20);")
    engine.write(initial(mariadb) | {"tables": "shop.a"}, doris.sink())
    engine.start().until_log("The snapshot is complete")
    must_be_equal(mariadb, doris, engine, ["a"])
    assert engine.stop() == 0
    engine.write(initial(mariadb) | {"tables": "shop.[ab]"}, doris.sink())
    engine.start().until_log("A table is new to this pipeline")
    engine.until_log("The snapshot is complete", times=2)
    mariadb.query("UPDATE a SET v = 5; UPDATE b SET v = 6 WHERE id = 1;")
    must_be_equal(mariadb, doris, engine, ["a", "b"])
    assert engine.stop() == 0


def test_taken_again(mariadb, doris, engine, must_be_equal):
    """`millrace snapshot` asks a running pipeline, and a stopped one, for a table's rows again."""
    mariadb.query("CREATE TABLE a (id INT PRIMARY KEY, v INT); INSERT INTO a VALUES (1, 1), (2, 2), (3, 3);"
                  "CREATE TABLE u (v INT); INSERT INTO u VALUES (7), (7), (8);")
    engine.write(initial(mariadb), doris.sink())
    engine.start().until_log("The snapshot is complete")
    must_be_equal(mariadb, doris, engine, ["a", "u"])
    doris.client().rows("DELETE FROM shop.a WHERE id = 2")
    assert run("snapshot", str(engine.file), "--tables", "shop.a").returncode == 0
    engine.until_log("The snapshot is complete", times=2)
    must_be_equal(mariadb, doris, engine, ["a", "u"])
    assert engine.stop() == 0
    doris.client().rows("DELETE FROM shop.a WHERE id = 3")
    assert run("snapshot", str(engine.file), "--tables", r"shop.\.*").returncode == 0
    engine.start().until_log("The snapshot is complete", times=3)
    must_be_equal(mariadb, doris, engine, ["a", "u"])
    assert engine.stop() == 0


def test_rebuild(mariadb, doris, engine, must_be_equal):
    """`--rebuild` reads into a new target, which takes the old one's place with no row of it left."""
    mariadb.query("CREATE TABLE a (id INT PRIMARY KEY, v INT); INSERT INTO a VALUES (1, 1), (2, 2), (3, 3);")
    engine.write(initial(mariadb), doris.sink())
    engine.start().until_log("The snapshot is complete")
    must_be_equal(mariadb, doris, engine, ["a"])
    doris.client().rows("INSERT INTO shop.a (id, v) VALUES (99, 99)")
    assert run("snapshot", str(engine.file), "--tables", "shop.a", "--rebuild").returncode == 0
    mariadb.query("INSERT INTO a VALUES (4, 4); DELETE FROM a WHERE id = 1;")
    engine.until_log("A table was read anew and took its target's place")
    mariadb.query("INSERT INTO a VALUES (5, 5);")
    must_be_equal(mariadb, doris, engine, ["a"])
    assert engine.stop() == 0


def test_rebuild_of_an_empty_table(mariadb, doris, engine):
    """No row comes to make the new target, and it takes the old one's place all the same."""
    mariadb.query("CREATE TABLE a (id INT PRIMARY KEY, v INT);")
    engine.write(initial(mariadb), doris.sink())
    engine.start().until_log("The snapshot is complete")
    doris.client().rows("INSERT INTO shop.a (id, v) VALUES (99, 99)")
    assert run("snapshot", str(engine.file), "--tables", "shop.a", "--rebuild").returncode == 0
    engine.until_log("A table was read anew and took its target's place")
    assert doris.client().rows("SELECT id FROM shop.a") == []
    assert engine.stop() == 0


def test_status_and_checkpoint_tell(mariadb, doris, engine):
    """What a running and a stopped pipeline say of themselves."""
    mariadb.query("CREATE TABLE a (id INT PRIMARY KEY, v INT); INSERT INTO a VALUES (1, 1);")
    engine.write(initial(mariadb), doris.sink())
    assert run("status", str(engine.file)).returncode == 5
    engine.start().until_log("The snapshot is complete")
    wait_until(lambda: "running     yes" in run("status", str(engine.file)).stdout.decode(), 60, "status")
    wait_until(lambda: [t["state"] for t in engine.show()["tables"]] == ["complete"], 60, "the table's state")
    assert engine.stop() == 0
    assert "running     no" in run("status", str(engine.file)).stdout.decode()


def test_a_keyless_target_that_holds_rows(mariadb, twin, engine, must_be_equal):
    """Rows of nobody knows where would stay beside those that are read: it stops with the remedy, and takes it."""
    mariadb.query("CREATE TABLE u (v INT); INSERT INTO u VALUES (7), (7), (8);")
    engine.write(initial(mariadb), twin.sink("30ms"))
    twin.client().rows("CREATE DATABASE shop")
    unique = "DUPLICATE KEY (v)" + (" DISTRIBUTED BY HASH (v) BUCKETS 1" if twin.kind == "doris" else " DISTRIBUTED BY HASH (v)")
    twin.client().rows(f"CREATE TABLE shop.u (v INT) {unique} PROPERTIES ('replication_num' = '1')")
    twin.client().rows("INSERT INTO shop.u (v) VALUES (1)")
    assert engine.start().wait() == 4
    assert "has no key, and its target shop.u holds rows already" in engine.log() and "TRUNCATE TABLE shop.u" in engine.log()
    assert twin.client().rows("SELECT v FROM shop.u") == [["1"]]
    assert run("snapshot", str(engine.file), "--tables", "shop.u").returncode == 0
    engine.start()
    must_be_equal(mariadb, twin, engine, ["u"])
    assert engine.stop() == 0


@pytest.mark.long
def test_a_transaction_that_stays_open(source, twin_of, engine, must_be_equal):
    """A table without a key, and a target that takes nothing: how long the source has to keep what changes is told."""
    twin = twin_of("doris")
    source.query("CREATE TABLE visits (at DATETIME(6) NOT NULL, number INT NOT NULL, words TEXT);"
                 "INSERT INTO visits VALUES ('2024-01-02', 1, REPEAT('x', 10000));"
                 + "INSERT INTO visits SELECT at, number, words FROM visits;" * 9)
    if source.server.product == "MySQL":
        source.server.query("GRANT PROCESS ON *.* TO millrace@'%';")
    engine.write(source.block() | {"scan.startup.mode": "initial"}, twin.sink("20ms") | {"sink.buffer-flush.max-bytes": "1mb"})
    twin.fault("http_502", 1000000)
    engine.start().until_log("is read in one transaction", 60)
    line = next(line for line in engine.log().splitlines() if "is read in one transaction" in line)
    assert "history_length" in line, line

    def held() -> int:
        text = (engine.checkpoint / "status").read_text() if (engine.checkpoint / "status").exists() else ""
        return max([int(line.split(": ")[1]) for line in text.splitlines() if line.startswith("snapshot_transaction_s")], default=0)

    engine.until(lambda: held() >= 1, 60, "a transaction that is open")
    twin.fault("http_502", 0)
    must_be_equal(source, twin, engine, ["visits"])
    engine.until(lambda: held() == 0, 60, "the end of the transaction")
    assert engine.stop() == 0

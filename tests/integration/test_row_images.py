# SPDX-License-Identifier: Apache-2.0
"""Row images without all columns (binlog_row_image MINIMAL, NOBLOB, MariaDB's FULL_NODUP): what an image does not
carry keeps its value at the target, and what cannot be known stops the pipeline with words."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
import tempfile
import threading

import pytest

import servers
from conftest import FAST, PASSWORD, Source
from engine import Killer, run
from events import DATA, OK, SINK, SOURCE
from workload import TABLES, Workload, schema

BUSY_S = 4
REMEDY = "SET GLOBAL binlog_row_image = 'FULL'"


@contextlib.contextmanager
def row_image(source, image: str):
    """Sessions that begin now write such images."""
    source.server.query(f"SET GLOBAL binlog_row_image = '{image}'")
    try:
        yield
    finally:
        source.server.query("SET GLOBAL binlog_row_image = 'FULL'")


def tables_and_sets(twin) -> int:
    """How many different tables and column sets the loads had: labels without their epochs."""
    return len({label.rsplit("_", 1)[0] for label in twin.state()["labels"]})


def busy(source, twin, engine, rng, must_be_equal, moves: bool) -> None:
    """A random workload, an engine that is killed again and again, equal cell by cell in the end."""
    work = Workload(rng.randrange(10 ** 9), moves=moves)
    engine.write(source.block(), twin.sink("50ms"))
    source.query(schema())
    engine.start().until_log("The pipeline runs.")
    session = source.session(work.transaction, 80)
    killer = Killer(engine, rng)
    session.start()
    killer.start()
    threading.Event().wait(BUSY_S)
    session.close()
    killer.halt()
    must_be_equal(source, twin, engine)
    assert killer.kills >= 1 and session.transactions > BUSY_S
    assert engine.stop() == OK


@pytest.mark.costly
@pytest.mark.parametrize("image", ["MINIMAL", "NOBLOB"])
def test_a_workload_and_kills(source, twin, engine, rng, must_be_equal, image):
    with row_image(source, image):
        busy(source, twin, engine, rng, must_be_equal, moves=False)
    # Whole rows alone would be one label a table and epoch.
    assert tables_and_sets(twin) > len(TABLES)


@pytest.fixture
def mariadb118():
    """A MariaDB that has FULL_NODUP."""
    missing = servers.MariaDB118.available()
    if missing:
        pytest.skip(missing)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-ri-"))
    server = servers.MariaDB118(folder / "s", FAST)
    server.start()
    server.query(f"CREATE USER millrace@'%' IDENTIFIED BY '{PASSWORD}'; "
                 f"GRANT {server.reader_grants} ON *.* TO millrace@'%';")
    yield Source(server, "shop")
    server.kill9()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.long
def test_full_nodup_is_full(mariadb118, twin, engine, rng, must_be_equal):
    """The row before the change has what the one after it leaves out, so moved keys are carried, too."""
    with row_image(mariadb118, "FULL_NODUP"):
        busy(mariadb118, twin, engine, rng, must_be_equal, moves=True)
    assert tables_and_sets(twin) <= len(TABLES)


TABLE = """CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL, b VARCHAR(20) NULL, c TEXT NULL,
  changed TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), g INT AS (a + 1) STORED);
INSERT INTO t (id, a, b, c) VALUES (1, 1, 'b1', 'c1'), (2, 2, 'b2', 'c2'), (3, 3, 'b3', 'c3'), (4, 4, NULL, NULL);
"""


@pytest.mark.parametrize("image", ["MINIMAL", "NOBLOB"])
def test_what_an_image_leaves_out_stays(source, twin, engine, must_be_equal, image):
    """Each statement in an epoch of its own, so that every change meets a row that only the target has."""
    source.query(TABLE)
    engine.write(source.block(), twin.sink("20ms"))
    engine.start()
    must_be_equal(source, twin, engine, ["t"])
    with row_image(source, image):
        for statement in ("UPDATE t SET b = 'new' WHERE id = 1", "UPDATE t SET c = NULL WHERE id = 1",
                          "UPDATE t SET a = a + 10", "UPDATE t SET c = 'both', b = NULL WHERE id = 2",
                          "DELETE FROM t WHERE id = 3", "INSERT INTO t (id, a, b, c) VALUES (3, 0, 'again', 'again')",
                          "REPLACE INTO t (id, a, b, c) VALUES (1, 9, 'r', 'r')",
                          "INSERT INTO t (id, a, b, c) VALUES (4, 0, '', '') ON DUPLICATE KEY UPDATE a = 77",
                          "BEGIN; DELETE FROM t WHERE id = 2; INSERT INTO t (id, a, b, c) VALUES (2, 5, 'x', NULL); "
                          "UPDATE t SET c = 'in one go' WHERE id = 2; COMMIT"):
            source.query(statement)
            must_be_equal(source, twin, engine, ["t"])
    assert engine.stop() == OK


@pytest.fixture
def refused(source, doris, engine, must_be_equal):
    """Runs a statement whose row cannot be carried: exit code and words, and the target is as it was before."""
    def refuse(statement: str, image: str, *words: str, more: str = "") -> None:
        source.query(TABLE.replace("STORED", "STORED" + more))
        engine.write(source.block(), doris.sink("20ms"))
        engine.start()
        with row_image(source, image):
            source.query("UPDATE t SET b = 'before' WHERE id = 4")
            must_be_equal(source, doris, engine, ["t"])
            before = doris.client().rows("SELECT * FROM shop.t ORDER BY id")
            source.query(statement)
        assert engine.wait() == DATA
        log = engine.log_tail()
        for word in (*words, "of table shop.t", "binlog_row_image=FULL"):
            assert word in log, (word, log)
        engine.start()  # the remedy has not come: the same end, not another one
        assert engine.wait() == DATA
        assert doris.client().rows("SELECT * FROM shop.t ORDER BY id") == before
    return refuse


@pytest.mark.parametrize("image, missing", [("MINIMAL", "column a"), ("NOBLOB", "column c")])
def test_a_moved_key_is_refused(refused, image, missing):
    refused("UPDATE t SET id = 9 WHERE id = 1", image, "update of a row of table shop.t",
            "id = 1", missing, "the key has changed")


def test_defaults_that_are_not_sure_are_refused(refused):
    """The server shows six digits of a FLOAT."""
    refused("INSERT INTO t (id, a) VALUES (10, 1)", "MINIMAL", "insert of a row of table shop.t", "id = 10", "column f",
            "its default", more=", f FLOAT DEFAULT 1.2345678")


DEFAULTS = """CREATE TABLE d (id INT PRIMARY KEY DEFAULT 7, i INT DEFAULT 5, z INT(5) ZEROFILL DEFAULT 5,
  ub BIGINT UNSIGNED DEFAULT 18446744073709551615, bi BIT(5) DEFAULT b'101', y YEAR DEFAULT 0,
  de DECIMAL(10,3) DEFAULT 1.5, f FLOAT DEFAULT 0, db DOUBLE DEFAULT 1.2345678901234567, db2 DOUBLE DEFAULT 1e300,
  da DATE DEFAULT '2024-01-02', t TIME(2) DEFAULT '-10:11:12.5', dt DATETIME(3) DEFAULT '2024-01-02 03:04:05.6',
  c CHAR(5) DEFAULT 'ab  ', v VARCHAR(20) DEFAULT 'it''s \\\\ "x"\\n', ve VARCHAR(10) DEFAULT '',
  l VARCHAR(10) CHARACTER SET latin1 DEFAULT 'Ångström', e ENUM('a','größe') DEFAULT 'größe', s SET('x','y','z') DEFAULT 'z,x',
  n INT DEFAULT NULL, text TEXT, bytes BLOB, j JSON, nn INT NOT NULL, ne ENUM('first','second') NOT NULL,
  u VARCHAR(40) DEFAULT (UUID()), sum INT DEFAULT (i + 1), now DATETIME DEFAULT CURRENT_TIMESTAMP, g INT AS (i + 2) STORED,
  set_by_trigger INT DEFAULT 3);
CREATE TRIGGER d_insert BEFORE INSERT ON d FOR EACH ROW SET NEW.set_by_trigger = 77;
"""


@pytest.mark.parametrize("image", ["MINIMAL", "NOBLOB"])
def test_defaults_of_an_insert(source, twin, engine, rng, must_be_equal, image):
    """An application that leaves columns to their defaults, which change as well, and an engine that is killed."""
    source.query(DEFAULTS + "CREATE TABLE other (id INT PRIMARY KEY);")
    engine.write(source.block(), twin.sink("50ms"))
    with row_image(source, image):
        engine.start().until_log("The pipeline runs.")
        killer = Killer(engine, rng)
        killer.start()
        for row in range(100, 160):
            columns = ["id", *rng.sample(["i", "v", "text", "bytes", "e", "n", "dt"], rng.randrange(5))]
            value = {"id": str(row), "i": "-1", "v": "'named'", "text": "'long'", "bytes": "x'00ff'", "e": "'a'", "n": "9",
                     "dt": "NULL"}
            values = ", ".join(value[name] for name in columns)
            source.query(f"SET sql_mode = ''; INSERT INTO d ({', '.join(columns)}) VALUES ({values});")
            if row % 20 == 0:
                source.query(f"ALTER TABLE d ALTER COLUMN i SET DEFAULT {row}, ALTER COLUMN ve SET DEFAULT 'v{row}';")
            if row % 30 == 0:
                source.query(f"UPDATE d SET v = 'changed' WHERE id = {rng.randint(100, row)}; DELETE FROM d WHERE id = {row};")
        source.query("SET sql_mode = ''; INSERT INTO d (n) VALUES (1);")
        killer.halt()
        must_be_equal(source, twin, engine, ["d"])
    assert engine.stop() == OK


def test_a_merge_on_read_table_is_refused(mariadb, doris, engine, must_be_equal):
    """Before the row goes out, with what mends it; whole rows are no partial update."""
    mariadb.query(TABLE)
    doris.client().rows("CREATE DATABASE shop; CREATE TABLE shop.t (id INT NOT NULL, a INT NULL, b VARCHAR(80) NULL, "
                       "c STRING NULL, changed DATETIME(3) NULL, g INT NULL) UNIQUE KEY(id) DISTRIBUTED BY HASH(id) "
                       'BUCKETS 1 PROPERTIES ("replication_num" = "1", "enable_unique_key_merge_on_write" = "false")')
    engine.write(mariadb.block(), doris.sink("20ms"))
    engine.start()
    must_be_equal(mariadb, doris, engine, ["t"])
    with row_image(mariadb, "MINIMAL"):
        mariadb.query("DELETE FROM t WHERE id = 3")  # needs no partial update
        must_be_equal(mariadb, doris, engine, ["t"])
        mariadb.query("UPDATE t SET b = 'x' WHERE id = 1")
    assert engine.wait() != OK
    assert "is not merge-on-write" in engine.log_tail()
    assert '"enable_unique_key_merge_on_write" = "true"' in engine.log_tail().replace('\\"', '"')


def test_refused_before_the_first_row(mariadb, doris, engine):
    """Where the server's setting says that rows will lack columns, `check` and the start name each target that cannot
    take them; one that is not there yet, and one whose table has no key, are fine."""
    mariadb.query(TABLE + "CREATE TABLE fresh (id INT PRIMARY KEY); CREATE TABLE keyless (v INT);")
    doris.client().rows("CREATE DATABASE shop; CREATE TABLE shop.t (id INT NOT NULL, a INT NULL, b VARCHAR(80) NULL, "
                       "c STRING NULL, changed DATETIME(3) NULL, g INT NULL) UNIQUE KEY(id) DISTRIBUTED BY HASH(id) "
                       'BUCKETS 1 PROPERTIES ("replication_num" = "1", "enable_unique_key_merge_on_write" = "false")')
    engine.write(mariadb.block(), doris.sink("20ms"))
    assert "is not merge-on-write" not in run("check", str(engine.file)).stdout.decode()
    with row_image(mariadb, "MINIMAL"):
        done = run("check", str(engine.file))
        told = done.stdout.decode()
        assert done.returncode == SINK and told.count("FAIL") == 1 and "table shop.t lack columns" in told, told
        assert engine.start().wait() == SINK
        assert "is not merge-on-write" in engine.log_tail()
        doris.client().rows("DROP TABLE shop.t")
        assert run("check", str(engine.file)).returncode == OK


@pytest.mark.parametrize("kind, version, words", [("doris", "1.2.4", "Apache Doris 1.2 cannot"),
                                                  ("starrocks", "2.1.0", "StarRocks 2.1 cannot")])
def test_an_old_warehouse_is_refused(mariadb, twin_of, engine, must_be_equal, kind, version, words):
    """It would pass over the header and write NULL where nothing was said."""
    twin = twin_of(kind, options=["--version", version])
    mariadb.query(TABLE)
    engine.write(mariadb.block(), twin.sink("20ms"))
    engine.start()
    must_be_equal(mariadb, twin, engine, ["t"])
    with row_image(mariadb, "MINIMAL"):
        mariadb.query("UPDATE t SET b = 'x' WHERE id = 1")
    assert engine.wait() != OK
    assert words in engine.log_tail()


def test_a_row_that_the_target_lacks_is_told(mariadb, doris, engine, must_be_equal):
    """Half a row is never made: Doris is told to refuse a key that it does not have."""
    mariadb.query(TABLE)
    engine.write(mariadb.block(), doris.sink("20ms"))
    engine.start()
    must_be_equal(mariadb, doris, engine, ["t"])
    doris.client().rows("DELETE FROM shop.t WHERE id = 1")
    with row_image(mariadb, "MINIMAL"):
        mariadb.query("UPDATE t SET b = 'x' WHERE id = 1")
    assert engine.wait() == DATA
    assert "was refused because of its rows" in engine.log_tail()


def check(engine) -> tuple[int, str]:
    done = run("check", str(engine.file))
    return done.returncode, done.stdout.decode()


@pytest.mark.parametrize("image", ["MINIMAL", "NOBLOB"])
def test_check_warns(source, doris, engine, image):
    source.query(TABLE)
    engine.write(source.block(), doris.sink())
    with row_image(source, image):
        code, text = check(engine)
    assert code == OK, text
    assert f"warn  binlog_row_image is {image}" in text and REMEDY in text, text
    assert "partial updates" in text
    assert ("of a REPLACE that does not name all columns" in text) == (source.server.product == "MariaDB")


def test_virtual_columns_of_mariadb(mariadb, doris, engine):
    """MariaDB leaves them out of the new row even when they change; taken for unchanged they would be wrong."""
    mariadb.query("CREATE TABLE v (id INT PRIMARY KEY, a INT, g INT AS (a + 1) VIRTUAL)")
    engine.write(mariadb.block(), doris.sink())
    with row_image(mariadb, "NOBLOB"):
        assert check(engine)[0] == OK
    with row_image(mariadb, "MINIMAL"):
        code, text = check(engine)
        assert code == SOURCE and "FAIL  1 columns are VIRTUAL, the first is g of shop.v" in text, text
        assert REMEDY in text
        engine.start()
        assert engine.wait() == SOURCE


def test_virtual_columns_of_a_session_are_refused(mariadb, doris, engine, must_be_equal):
    """The server's own setting is FULL, so the start finds nothing; one session writes other images."""
    mariadb.query("CREATE TABLE v (id INT PRIMARY KEY, a INT, g INT AS (a + 1) VIRTUAL); INSERT INTO v (id, a) VALUES (1, 1);")
    engine.write(mariadb.block(), doris.sink("20ms"))
    engine.start()
    must_be_equal(mariadb, doris, engine, ["v"])
    mariadb.query("SET SESSION binlog_row_image = 'MINIMAL'; UPDATE v SET a = 5 WHERE id = 1;")
    assert engine.wait() == DATA
    assert "column g of table shop.v, which is VIRTUAL" in engine.log_tail()


def test_the_file_sink_says_what_the_image_says(source, engine, tmp_path):
    """A column that is absent from the image is absent from the event, and NULL is null."""
    folder = tmp_path / "events"
    source.query(TABLE)
    engine.write(source.block(), {"type": "file", "path": folder, "sink.buffer-flush.interval": "20ms"})
    engine.start()
    with row_image(source, "MINIMAL"):
        source.query("UPDATE t SET b = NULL WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t (id, a) VALUES (9, 1)")
    with row_image(source, "NOBLOB"):
        source.query("UPDATE t SET b = 'n' WHERE id = 3; UPDATE t SET id = 8 WHERE id = 4")
    engine.until_carried(source.place())
    assert engine.stop() == OK
    events = [json.loads(line) for file in sorted(folder.glob("*.ndjson")) for line in file.read_bytes().splitlines()]
    data = [event["data"] for event in events if "cdcop" in event][4:]
    update, delete, insert, noblob, moved = data
    assert update["before"] == {"id": 1}
    # Both families write `changed`; MariaDB writes every STORED column, too.
    assert update["after"]["b"] is None and {"id", "a", "c"}.isdisjoint(update["after"])
    assert delete == {"before": {"id": 2}, "after": None}
    assert insert["before"] is None and set(insert["after"]) == {"id", "a", "changed", "g"}
    for image in (noblob["before"], noblob["after"], moved["before"], moved["after"]):
        assert set(image) == {"id", "a", "b", "changed", "g"}
    assert noblob["after"]["b"] == "n" and moved["before"]["id"] == 4 and moved["after"]["id"] == 8

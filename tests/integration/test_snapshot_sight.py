# SPDX-License-Identifier: Apache-2.0
"""What a SELECT of the snapshot must see: all that the stream has told. Semi-synchronous replication without a replica
holds a transaction where the two differ, in the binlog and not in its engine."""

from __future__ import annotations

import subprocess
import threading
import time

import pytest

from conftest import FAST, PASSWORD, Source
from engine import run
from servers import wait_until

pytestmark = pytest.mark.long

NO_GTIDS = ["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"]
HELD_S = 8  # where nothing but time tells that the transaction can be seen
ATTEMPTS = 3


def name_of(family: str) -> str:
    return "rpl_semi_sync_source" if family == "mysql97" else "rpl_semi_sync_master"


def semi_sync(family: str) -> list[str]:
    """Options of a server. Its first transaction waits a millisecond for a replica, those after it do not wait."""
    plugin = ["--loose-plugin-load-add=semisync_source.so"] if family == "mysql97" else []
    return [*plugin, *(f"--loose-{name_of(family)}-{name}" for name in ("enabled=ON", "timeout=1", "wait-point=AFTER_SYNC"))]


@pytest.fixture
def shop(start_server):
    """A database on a server of its own."""
    def make(family: str, options: list[str]) -> Source:
        server = start_server(family, [*FAST, *options])
        server.query(f"CREATE USER millrace@'%' IDENTIFIED BY '{PASSWORD}'; GRANT {server.reader_grants} ON *.* TO millrace@'%';")
        return Source(server, "shop")
    return make


class Held(threading.Thread):
    """An UPDATE whose commit waits for a replica: for `timeout_s`, or until it is let go."""

    def __init__(self, source: Source, name: str, value: int, timeout_s: int) -> None:
        super().__init__(daemon=True)
        self._source, self._name, self._value = source, name, value
        source.server.query(f"SET GLOBAL {name}_timeout = {timeout_s * 1000};")
        # Once it has given up waiting, it waits no more until it is switched on anew.
        source.server.query(f"SET GLOBAL {name}_enabled = OFF; SET GLOBAL {name}_enabled = ON;")
        self.start()

    def run(self) -> None:
        self._source.query(f"UPDATE t SET v = {self._value} WHERE id = 5;")

    def is_hidden(self) -> bool:
        return self._source.server.value("SELECT v FROM shop.t WHERE id = 5") != str(self._value)

    def let_go(self) -> None:
        self._source.server.query(f"SET GLOBAL {self._name}_enabled = OFF;")
        self.join(60)
        assert not self.is_alive()


def begin(source: Source, doris, engine) -> None:
    """A stream without a snapshot: the table's rows are at the target only when they change."""
    source.query("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 0), (5, 0), (9, 0);")
    engine.write(source.block() | {"scan.startup.mode": "latest-offset"}, doris.sink("30ms"))
    engine.start().until_log("The pipeline runs.", 60)


def until_told(doris, value: int) -> None:
    """The stream has told the row, and it is at the target."""
    wait_until(lambda: doris.client().rows("SELECT v FROM shop.t WHERE id = 5") == [[str(value)]], 60, "the row that is held")


@pytest.mark.parametrize("family", ["mariadb", "mysql97"])
def test_a_row_that_no_select_shows_yet(shop, doris, engine, must_be_equal, family):
    """The chunk waits for as long as the transaction does, however long that is."""
    source = shop(family, semi_sync(family))
    begin(source, doris, engine)
    held = Held(source, name_of(family), 1, 3600)
    until_told(doris, 1)
    assert run("snapshot", str(engine.file), "--tables", "shop.t").returncode == 0
    engine.until_log("A table is read again", 60)
    assert held.is_hidden() and doris.client().rows("SELECT id, v FROM shop.t") == [["5", "1"]]
    held.let_go()
    engine.until_log("The snapshot is complete", 60)
    must_be_equal(source, doris, engine, ["t"])
    assert engine.stop() == 0


def test_a_row_that_no_select_shows_yet_of_a_server_without_a_past(shop, doris, engine, must_be_equal):
    """MySQL has GTIDs and none was executed, so that the stream does not know what it has told: the server's list of
    transactions that are under way is asked."""
    source = shop("mysql97", semi_sync("mysql97"))
    begin(source, doris, engine)
    engine.stop()
    source.server.query("RESET BINARY LOGS AND GTIDS")
    subprocess.run(["rm", "-r", str(engine.checkpoint)], check=True)
    engine.start().until_log("The pipeline runs.", 60, 2)
    held = Held(source, name_of("mysql97"), 1, 3600)
    until_told(doris, 1)
    assert engine.show()["position"]["gtid_set"] in (None, "")
    assert run("snapshot", str(engine.file), "--tables", "shop.t").returncode == 0
    engine.until_log("A table is read again", 60)
    time.sleep(2)  # longer than where nothing but time tells
    assert held.is_hidden() and doris.client().rows("SELECT id, v FROM shop.t") == [["5", "1"]]
    held.let_go()
    engine.until_log("The snapshot is complete", 60)
    must_be_equal(source, doris, engine, ["t"])
    assert engine.stop() == 0


def test_a_row_that_no_select_shows_yet_without_gtids(shop, doris, engine, must_be_equal):
    """MySQL without GTIDs does not say what can be seen: the chunk waits for as long as semi-sync may take."""
    source = shop("mysql97", [*semi_sync("mysql97"), *NO_GTIDS])
    begin(source, doris, engine)
    for attempt in range(1, ATTEMPTS + 1):
        held = Held(source, name_of("mysql97"), attempt, HELD_S)
        until_told(doris, attempt)
        assert run("snapshot", str(engine.file), "--tables", "shop.t").returncode == 0
        engine.until_log("A table is read again", 60, attempt)
        was_hidden = held.is_hidden()
        engine.until_log("The snapshot is complete", 60, attempt)
        held.join(60)
        must_be_equal(source, doris, engine, ["t"])
        if was_hidden:
            break
    assert was_hidden, f"the machine is so slow that the row could be seen {HELD_S} s later each time"
    assert engine.stop() == 0


def test_tables_of_a_server_without_a_past(shop, doris, engine, must_be_equal, rng):
    """No GTID was ever executed. Rows come while the tables are read, of one with a key and of one without."""
    source = shop("mysql97", [])
    rows = ", ".join(f"({number}, {number})" for number in range(1000))
    source.query(f"CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES {rows};"
                 f"CREATE TABLE k (id INT, v INT); INSERT INTO k VALUES {rows};")
    source.server.query("RESET BINARY LOGS AND GTIDS")
    engine.write(source.block() | {"scan.startup.mode": "initial", "scan.incremental.snapshot.chunk.size": 50}, doris.sink("30ms"))
    session = source.session(lambda: f"BEGIN; UPDATE t SET v = v + 1 WHERE id = {rng.randrange(1000)};"
                                     f"INSERT INTO k VALUES ({rng.randrange(1000)}, -1); COMMIT;", 100)
    session.start()
    engine.start().until_log("The snapshot is complete", 60)
    session.close()
    must_be_equal(source, doris, engine, ["t", "k"])
    assert engine.stop() == 0


@pytest.mark.parametrize("mode", ["initial", "latest-offset"])
def test_mysql_without_gtids(shop, twin_of, engine, must_be_equal, mode):
    """The place is a file and an offset from the first moment on; a kill and a stop are gone on from there."""
    source, starrocks = shop("mysql97", NO_GTIDS), twin_of("starrocks")
    source.query("CREATE TABLE t (id INT PRIMARY KEY, v INT);"
                 + ("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3);" if mode == "initial" else ""))
    source.server.query("FLUSH BINARY LOGS")
    engine.write(source.block() | {"scan.startup.mode": mode}, starrocks.sink("30ms"))
    engine.start().until_log("The snapshot is complete" if mode == "initial" else "The pipeline runs.", 60)
    source.query("INSERT INTO t VALUES (4, 4), (5, 5); UPDATE t SET v = 40 WHERE id = 4;")
    must_be_equal(source, starrocks, engine, ["t"])
    assert engine.show()["position"]["gtid_set"] in (None, "")
    engine.kill9()
    source.query("DELETE FROM t WHERE id = 5; FLUSH BINARY LOGS; INSERT INTO t VALUES (6, 6);")
    engine.start()
    must_be_equal(source, starrocks, engine, ["t"])
    assert engine.stop() == 0

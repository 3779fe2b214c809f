# SPDX-License-Identifier: Apache-2.0
"""Scenarios of docs/scenarios.md that belong to no other file: networks that break, servers that change their mind,
hosts that run out of something."""

from __future__ import annotations

import os
import pathlib
import resource
import shutil
import signal
import subprocess
import time

import pytest

import servers
from conftest import PASSWORD
from engine import program
from events import OK, SOURCE, EventPipeline, millrace
from relay import Relay


@pytest.fixture
def events(tmp_path):
    """Makes pipelines into files."""
    made = []

    def make(source: dict, name: str = "p", **more) -> EventPipeline:
        made.append(EventPipeline(tmp_path / name, source, **more))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture
def relay(mariadb):
    made = Relay(mariadb.server.port)
    yield made
    made.close()


def table(source, *rows: int) -> None:
    source.query("CREATE TABLE t (id INT PRIMARY KEY);" + "".join(f"INSERT INTO t VALUES ({row});" for row in rows))


# -- the network

def test_a_network_that_flaps(mariadb, relay, events):
    """It breaks again and again, sometimes for a while: every row once, in order, and few connections."""
    table(mariadb, 1)
    one = events(mariadb.block() | {"port": relay.port})
    one.start()
    one.until_ids([1])
    for number in range(2, 7):
        relay.refuses = number % 2 == 0
        relay.cut()
        mariadb.query(f"INSERT INTO t VALUES ({number});")
        one.until_log("it is made again", times=number - 1)
        relay.refuses = False
        one.until_ids(list(range(1, number + 1)))
    assert one.stop() == OK


@pytest.mark.long
def test_a_connection_that_carries_nothing(mariadb, relay, events):
    """Nobody says that it is over: the missing heartbeat does."""
    table(mariadb, 1)
    one = events(mariadb.block() | {"port": relay.port})
    one.start()
    one.until_ids([1])
    relay.silent = True
    mariadb.query("INSERT INTO t VALUES (2);")
    one.until_log("it is made again", 60)
    relay.cut()
    relay.silent = False
    one.until_ids([1, 2])
    assert one.stop() == OK


# -- failover

@pytest.fixture
def replicated(start_server):
    """A primary and its replica, with GTIDs."""
    options = ["--log-slave-updates=ON", "--gtid-strict-mode=ON"]
    primary = start_server("mariadb", [*options, "--server-id=11"])
    replica = start_server("mariadb", [*options, "--server-id=12", "--gtid-domain-id=0"])
    primary.query("CREATE USER copier@'%' IDENTIFIED BY 'x'; GRANT REPLICATION SLAVE ON *.* TO copier@'%';")
    replica.query(f"CHANGE MASTER TO master_host='127.0.0.1', master_port={primary.port}, master_user='copier', "
                  "master_password='x', master_use_gtid=slave_pos; START SLAVE;")
    return primary, replica


def has(server, count: int) -> bool:
    try:
        return server.query("SELECT COUNT(*) FROM shop.t").strip() == str(count)
    except RuntimeError:
        return False


@pytest.mark.long
def test_a_failover_to_a_replica(replicated, events):
    """The address leads to the replica, whose files and offsets are others: the stream goes on by GTID, ids and all."""
    primary, replica = replicated
    account = primary.add_account()
    primary.query("CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1), (2);")
    replica.query("FLUSH BINARY LOGS; FLUSH BINARY LOGS;")
    relay = Relay(primary.port)
    try:
        one = events({"type": "mysql", **account, "port": relay.port, "tables": r"shop.\.*",
                      "scan.startup.mode": "earliest-offset"})
        one.start()
        one.until_ids([1, 2])
        servers.wait_until(lambda: has(replica, 2), 60, "the replica")
        primary.kill9()
        relay.target = replica.port
        relay.cut()
        replica.query("STOP SLAVE; INSERT INTO shop.t VALUES (3);")
        one.until_ids([1, 2, 3])
        assert "another server now" in one.log()
        assert len({event["id"] for event in one.rows()}) == 3
        assert one.stop() == OK
    finally:
        relay.close()


def test_a_replica_that_lags(source_of, engine):
    """What a change took from the server where it was made to the source is told apart from what it took from there.
    MySQL alone writes both times; the session's variable is what a replica's applier sets."""
    source = source_of("mysql97")
    engine.write(source.block(), {"type": "null"})
    source.query("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1);")

    def status() -> dict[str, str]:
        file = engine.checkpoint / "status"
        return dict(line.split(": ", 1) for line in file.read_text().splitlines()) if file.exists() else {}

    engine.start().until_log("The pipeline runs.", 60)
    engine.until(lambda: "newest_change_age_s" in status(), 60, "the age of a change")
    assert "newest_change_to_source_s" not in status()
    source.query("SET original_commit_timestamp = CAST((UNIX_TIMESTAMP(NOW(6)) - 1000) * 1000000 AS UNSIGNED); INSERT INTO t VALUES (2);")
    engine.until(lambda: "newest_change_to_source_s" in status(), 60, "how long a change took to the source")
    told = status()
    assert 1000 <= float(told["newest_change_to_source_s"]) < 1060
    assert float(told["newest_change_age_s"]) < 900  # our own part
    source.query("INSERT INTO t VALUES (3);")
    engine.until(lambda: "newest_change_to_source_s" not in status(), 60, "a change of the source's own")
    assert engine.stop() == OK


@pytest.mark.long
def test_a_replica_that_lacks_what_was_carried(replicated, events):
    """A transaction that the new primary never had: going on would mix two histories."""
    primary, replica = replicated
    account = primary.add_account()
    primary.query("CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1);")
    relay = Relay(primary.port)
    try:
        one = events({"type": "mysql", **account, "port": relay.port, "tables": r"shop.\.*",
                      "scan.startup.mode": "earliest-offset"})
        one.start()
        one.until_ids([1])
        servers.wait_until(lambda: has(replica, 1), 60, "the replica")
        replica.query("STOP SLAVE;")
        primary.query("INSERT INTO shop.t VALUES (2), (3);")
        one.until_ids([1, 2, 3])
        primary.kill9()
        relay.target = replica.port
        relay.cut()
        assert one.wait(60) == SOURCE
        assert "GTID" in one.log().splitlines()[-1]
    finally:
        relay.close()


@pytest.mark.long
def test_a_replica_that_keeps_no_binlog_of_it(start_server, events):
    replica = start_server("mariadb", ["--log-slave-updates=OFF", "--server-id=12"])
    replica.query("CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); "
                  "CHANGE MASTER TO master_host='127.0.0.1', master_port=1, master_user='x';")
    account = replica.add_account()
    replica.query("GRANT REPLICA MONITOR ON *.* TO millrace@'%';")  # without it nobody can see that it is a replica
    one = events({"type": "mysql", "tables": r"shop.\.*", **account})
    code, told = one.refused()
    assert code == SOURCE and "log_slave_updates = ON" in told


# -- servers that change their mind

@pytest.mark.long
def test_tls_becomes_required(start_server, events):
    """The server begins to refuse connections in the clear: told as that, and over TLS it goes on."""
    server = start_server("mysql97")
    server.query("CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1);")
    block = {"type": "mysql", "tables": r"shop.\.*", "scan.startup.mode": "earliest-offset", **server.add_account()}
    one = events(block | {"tls.mode": "disabled"})
    one.start()
    one.until_ids([1])
    assert one.stop() == OK
    server.query("SET GLOBAL require_secure_transport = ON; INSERT INTO shop.t VALUES (2);")
    code, told = one.refused()
    assert code != OK and "secure" in told, told
    one.save(**{"tls.mode": "required"})
    one.start()
    one.until_ids([1, 2])
    assert one.stop() == OK


def test_rights_that_are_taken_and_given_back(mariadb, events):
    """Without them the pipeline stops with the statement that mends it; after that it goes on where it was."""
    query = mariadb.server.query
    rights = mariadb.server.reader_grants
    query(f"CREATE USER guest@'%' IDENTIFIED BY '{PASSWORD}'; GRANT {rights} ON *.* TO guest@'%';")
    try:
        table(mariadb, 1)
        one = events(mariadb.block() | {"username": "guest"})
        one.start()
        one.until_ids([1])
        query("REVOKE REPLICATION SLAVE ON *.* FROM guest@'%'; KILL USER guest;")
        mariadb.query("INSERT INTO t VALUES (2);")
        assert one.wait() == SOURCE
        assert "REPLICATION SLAVE" in one.log(), one.log()[-600:]
        query(f"GRANT {rights} ON *.* TO guest@'%';")
        one.start()
        one.until_ids([1, 2])
        assert one.stop() == OK
    finally:
        query("DROP USER guest@'%';")


# -- the host

@pytest.mark.long
def test_stopped_and_woken(mariadb, twin_of, engine, must_be_equal):
    """A pause of the whole machine, in the middle of its loads."""
    twin = twin_of("doris")
    engine.write(mariadb.block(), twin.sink("20ms"))
    table(mariadb, 1)
    engine.start().until_epoch(1)
    for number in range(2, 5):
        twin.fault("slow", 1, ms=100)
        mariadb.query(f"INSERT INTO t VALUES ({number});")
        engine.signal(signal.SIGSTOP)
        time.sleep(0.2)
        engine.signal(signal.SIGCONT)
    must_be_equal(mariadb, twin, engine, ["t"])
    assert engine.stop() == OK


@pytest.mark.parametrize("limit", [8, *(pytest.param(number, marks=pytest.mark.long) for number in (12, 20))])
def test_few_descriptors(mariadb, twin_of, engine, must_be_equal, limit):
    """Too few of them end in words or not at all; with enough, nothing was lost."""
    twin = twin_of("doris")
    engine.write(mariadb.block(), twin.sink("20ms") | {"sink.max-retries": 2})
    table(mariadb, 1)
    engine.start()
    resource.prlimit(engine.pid, resource.RLIMIT_NOFILE, (limit, limit))
    servers.wait_until(lambda: not engine.runs() or engine.log().count("The pipeline runs."), 60, "a decision")
    mariadb.query("INSERT INTO t VALUES (2);")
    try:
        servers.wait_until(lambda: not engine.runs() or (engine.show().get("rows") or 0) >= 2, 5, "an end")
    except TimeoutError:
        pass  # waiting for descriptors is as good
    if engine.runs():
        engine.stop()
    assert engine.exit_code() >= 0, engine.log_tail()  # no signal
    engine.start()
    must_be_equal(mariadb, twin, engine, ["t"])
    assert engine.stop() == OK


def test_locale_and_time_zone_of_the_host(mariadb):
    """TIMESTAMPs of both ends of their range, and of the hours that a zone has twice or not."""
    mariadb.query("SET time_zone = '+00:00'; CREATE TABLE t (id INT PRIMARY KEY, a TIMESTAMP(6) NULL, b DATETIME, "
                  "c DOUBLE); INSERT INTO t VALUES (1, '1970-01-01 00:00:01', '1969-12-31 23:59:59', 1.5), "
                  "(2, '2038-01-19 03:14:07.999999', '9999-12-31 23:59:59', 1e300), "
                  "(3, '2024-03-31 01:30:00', '2024-03-31 02:30:00', -0.25), "
                  "(4, '2024-10-27 00:30:00', '2024-10-27 02:30:00', 0);")
    files = [str(path) for path in mariadb.binlogs()]
    plain = millrace("decode", *files)
    assert plain.returncode == OK and b"2038-01-19T03:14:07.999999Z" in plain.stdout
    for zone, locale in (("America/St_Johns", "de_DE.UTF-8"), ("right/UTC", "tr_TR.UTF-8"), ("Asia/Kathmandu", "C")):
        other = millrace("decode", *files, environment={"TZ": zone, "LC_ALL": locale, "LANG": locale})
        assert other.stdout == plain.stdout, zone


@pytest.mark.parametrize("where", ["nobody reads it", pytest.param("a full disk", marks=pytest.mark.long)])
def test_a_log_that_cannot_be_written(mariadb, events, where):
    table(mariadb, 1)
    one = events(mariadb.block())
    log = os.open("/dev/full", os.O_WRONLY) if where == "a full disk" else None
    end, hidden = os.pipe()
    child = subprocess.Popen([program(), "--log", "debug", "run", str(one.file)], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=hidden if log is None else log)
    try:
        one_more = list(range(2, 40))
        mariadb.query("".join(f"INSERT INTO t VALUES ({number});" for number in one_more))
        servers.wait_until(lambda: len(one.rows()) == 39, 60, "the rows")
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == OK
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        for fd in (end, hidden, *([] if log is None else [log])):
            os.close(fd)


LIBRARY = next(iter(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)


@pytest.mark.long
@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")
@pytest.mark.parametrize("drift", ["+30d x0.2", "-400d x30"])
def test_a_clock_that_is_wrong(mariadb, twin_of, tmp_path, engine, must_be_equal, drift, monkeypatch):
    """The engine's clock is months off and runs at another speed: order and labels do not come from it."""
    twin = twin_of("doris")
    engine.write(mariadb.block(), twin.sink("20ms"))
    table(mariadb, 1)
    with monkeypatch.context() as patch:
        patch.setenv("LD_PRELOAD", str(LIBRARY))
        patch.setenv("FAKETIME", drift)
        patch.setenv("DONT_FAKE_MONOTONIC", "1")
        engine.start().until_epoch(1, 60)
    mariadb.query("UPDATE t SET id = 2; INSERT INTO t VALUES (3);")
    must_be_equal(mariadb, twin, engine, ["t"])
    engine.kill9()
    mariadb.query("INSERT INTO t VALUES (4);")
    engine.start()  # with the right clock again: a jump of months
    must_be_equal(mariadb, twin, engine, ["t"])
    assert engine.stop() == OK


# -- a network of its own

@pytest.fixture
def namespace():
    """A network namespace with one address, which leads to ours; and how to take the link away."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("only root with iproute2 can make a network namespace")
    name, here, there = f"mr{os.getpid()}", f"mrh{os.getpid() % 100000}", f"mrn{os.getpid() % 100000}"

    def ip(*words: str, check: bool = True) -> None:
        done = subprocess.run(["ip", *words], capture_output=True, check=False)
        if check and done.returncode != 0:
            pytest.skip("a network namespace cannot be made here: " + done.stderr.decode().strip())
    ip("netns", "add", name)
    try:
        ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        ip("addr", "add", "10.213.7.1/30", "dev", here)
        ip("link", "set", here, "up")
        ip("-n", name, "addr", "add", "10.213.7.2/30", "dev", there)
        ip("-n", name, "link", "set", there, "up")
        ip("-n", name, "link", "set", "lo", "up")
        yield name, "10.213.7.1", lambda state: ip("link", "set", here, state)
    finally:
        ip("netns", "del", name, check=False)
        ip("link", "del", here, check=False)


@pytest.mark.long
def test_a_link_that_goes_down(start_server, namespace, events):
    """The engine is on another machine, as far as the network can tell; the link goes, and no packet says so."""
    name, address, link = namespace
    server = start_server("mariadb", [f"--bind-address={address}"])
    server.query("CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1);")
    one = events({"type": "mysql", **server.add_account(), "hostname": address, "tables": r"shop.\.*",
                  "scan.startup.mode": "earliest-offset"})
    with open(one.log_file, "ab") as log:
        child = subprocess.Popen(["ip", "netns", "exec", name, program(), "run", str(one.file)], stdout=log, stderr=log,
                                 stdin=subprocess.DEVNULL)
    try:
        servers.wait_until(lambda: one.ids() == [1], 60, "the first row")
        link("down")
        server.query("INSERT INTO shop.t VALUES (2);")
        servers.wait_until(lambda: "it is made again" in one.log(), 60, "the loss of the link")
        link("up")
        servers.wait_until(lambda: one.ids() == [1, 2], 60, "the second row")
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == OK
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()

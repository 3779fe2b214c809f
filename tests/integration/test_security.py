# SPDX-License-Identifier: Apache-2.0
"""Secrets that change, files that others cannot read, and other sides that mean no good (docs/security.md)."""

from __future__ import annotations

import os
import pathlib
import random
import stat
import time

import pytest

import hostile
from conftest import PASSWORD
from engine import Engine
from events import DATA, OK, SINK, SOURCE, USAGE, EventPipeline, errors, millrace
from relay import Relay
from test_connect_auth import certificates
from workload import schema

COUNTERS = ["counters"]
MEMORY_MIB = 96
NOISE = random.Random(7).randbytes(1 << 16)


@pytest.fixture
def events(tmp_path):
    """Makes pipelines into files; none outlives the test."""
    made = []

    def make(source: dict) -> EventPipeline:
        made.append(EventPipeline(tmp_path / f"p{len(made)}", source))
        return made[-1]
    yield make
    for one in made:
        one.close()


def chosen(names, *short: str) -> list:
    """Parameters of which only some belong to the short run."""
    return [name if name in short else pytest.param(name, marks=pytest.mark.long) for name in names]


@pytest.fixture
def bad():
    """Makes hostile servers."""
    made = []

    def make(trick) -> hostile.Hostile:
        made.append(hostile.Hostile(trick))
        return made[-1]
    yield make
    for one in made:
        one.close()


def peak_mib(pid: int) -> float:
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmHWM:")), 0)


def ended(engine: Engine, limit_s: float) -> tuple[int, float]:
    """Exit code and the most memory that it had; it must end in time."""
    most = 0.0
    end = time.monotonic() + limit_s
    while engine.exit_code() is None:
        most = max(most, peak_mib(engine.pid))
        assert time.monotonic() < end, f"it still runs after {limit_s} s:\n" + engine.log_tail()
        time.sleep(0.02)
    return engine.exit_code(), most


def last_line(engine: Engine) -> str:
    return engine.log().rstrip("\n").splitlines()[-1]


# -- a warehouse that means no good

FRONTENDS = {
    "nonsense": (hostile.http(NOISE), ""),
    "nothing": (hostile.http(), "mpty reply"),
    "silence": (hostile.http(hostile.silent), "no whole answer came within 1000 ms"),
    "a byte now and then": (hostile.http(b"HTTP/1.1 200 OK\r\n", hostile.again(b"x", 0.1)),
                            "no whole answer came within 1000 ms"),
    "a body that drips": (hostile.http(b"HTTP/1.1 200 OK\r\n\r\n", hostile.again(b" ", 0.1)),
                          "no whole answer came within 1000 ms"),
    "endless headers": (hostile.http(b"HTTP/1.1 200 OK\r\n", hostile.again(b"X-More: " + b"x" * 1000 + b"\r\n")),
                        "more than 64 KiB of headers"),
    "an endless header": (hostile.http(b"HTTP/1.1 200 OK\r\nX: ", hostile.again(b"x" * 4096)), ""),
    "endless continues": (hostile.http(hostile.again(hostile.CONTINUE * 50)), "more than 64 KiB of headers"),
    "an endless body": (hostile.http(b"HTTP/1.1 200 OK\r\n\r\n", hostile.again(b'{"Status":"Success",' * 200)), ""),
    "an endless chunk": (hostile.http(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFF\r\n",
                                      hostile.again(b"y" * 4096)), ""),
    "deep JSON": (hostile.http(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + b'{"a":' * 12000), ""),
    "a page": (hostile.http(b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n<html><h1>It works!</h1></html>"), ""),
    "another scheme": (hostile.http(hostile.redirect("file:///etc/passwd")), "neither http:// nor https://"),
    "no address": (hostile.http(hostile.redirect("")), "redirect"),
    "another path": (hostile.http(hostile.redirect("http://127.0.0.1:9/admin/drop")), "for another path"),
    "a huge address": (hostile.http(hostile.redirect("http://127.0.0.1:9/" + "a" * 30000)), "redirect"),
}


@pytest.fixture
def against(mariadb, twin_of, engine, bad):
    """A pipeline whose SQL goes to a good warehouse and whose loads to a bad frontend."""
    twin = twin_of("doris")
    mariadb.query(schema(COUNTERS) + "INSERT INTO counters VALUES (1, 1, 1, NULL);")

    def run(trick) -> tuple[int, str]:
        server = bad(trick)
        engine.write(mariadb.block(), twin.sink("20ms") | {
            "fenodes": f"127.0.0.1:{server.port}", "sink.max-retries": 0, "sink.load.answer-timeout": "1s",
            "sink.load.connect-timeout": "1s", "sink.load.continue-timeout": "1s"}, {"stop.timeout": "1s"})
        engine.start()
        code, most = ended(engine, 20)
        assert most < MEMORY_MIB, f"it took {most:.0f} MiB"
        assert server.connections > 0, engine.log_tail()
        return code, last_line(engine)
    return run


@pytest.mark.parametrize("name", chosen(FRONTENDS, "a byte now and then", "endless headers", "another scheme"))
def test_a_frontend_that_means_no_good(against, name):
    """Each ends in words that say whose answer it was, in a bounded time and in bounded memory."""
    trick, words = FRONTENDS[name]
    code, told = against(trick)
    assert code == SINK, told
    assert words in told and "127.0.0.1" in told and len(told) < 2000
    assert PASSWORD not in told and "root:" not in told


@pytest.mark.long
def test_redirects_in_a_circle(against, bad):
    server = None

    def trick(here: hostile.Hostile, connection) -> None:
        path = here.hear(connection).split(b" ")[1].decode()
        connection.sendall(hostile.redirect(f"http://127.0.0.1:{here.port}{path}"))
    code, told = against(trick)
    assert code == SINK and "more than 5 redirects in a row" in told, (server, told)


# -- HTTPS to the warehouse

@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> pathlib.Path:
    """An authority, another one, and a server's certificate for db.test and localhost."""
    folder = tmp_path_factory.mktemp("keys")
    certificates(folder)
    return folder


@pytest.fixture
def over_tls(mariadb, twin_of, engine, keys):
    """A warehouse whose frontend and backend speak HTTPS through a relay."""
    twin = twin_of("doris", password="sink-Word")
    relays = [Relay(port, keys / "server.pem", keys / "server-key.pem") for port in (twin.http, twin.ports["backend_port"])]
    frontend, backend = relays
    mariadb.query(schema(COUNTERS) + "INSERT INTO counters VALUES (1, 1, 1, NULL);")

    def write(host: str = "localhost", **more) -> None:
        engine.write(mariadb.block(), twin.sink("20ms") | {
            "fenodes": f"{host}:{frontend.port}", "sink.tls.enabled": "true", "sink.tls.ca-file": keys / "ca.pem",
            "sink.tls.query": "disabled", "sink.max-retries": 1,
            f"sink.backend-rewrite.127.0.0.1:{twin.ports['backend_port']}": f"https://localhost:{backend.port}"} | more,
            {"stop.timeout": "1s"})
    yield twin, write
    for relay in relays:
        relay.close()


def test_loads_over_https(mariadb, over_tls, engine, must_be_equal):
    twin, write = over_tls
    write()
    engine.start()
    must_be_equal(mariadb, twin, engine, COUNTERS)
    assert engine.stop() == OK


@pytest.mark.long
@pytest.mark.parametrize("case, words", [
    ("another authority", "ertificate"), ("another name", "127.0.0.1"), ("no TLS behind the redirect", "in the clear"),
    ("SQL without TLS", "no TLS")])
def test_https_that_does_not_verify(over_tls, engine, keys, case, words):
    """Nothing is loaded, and the warehouse never hears the password."""
    twin, write = over_tls
    if case == "another authority":
        write(**{"sink.tls.ca-file": keys / "other.pem"})
    elif case == "another name":
        write(host="127.0.0.1")
    elif case == "SQL without TLS":
        write(**{"sink.tls.query": "required"})
    else:
        write(**{f"sink.backend-rewrite.127.0.0.1:{twin.ports['backend_port']}":
                 f"localhost:{twin.ports['backend_port']}"})
    engine.start()
    code, _ = ended(engine, 30)
    told = last_line(engine)
    assert code in (SINK, USAGE) and words in told, told
    assert twin.state()["loads"] == 0


# -- a source that means no good

SOURCES = {
    "nonsense": (hostile.mysql(NOISE), ""),
    "nothing": (hostile.mysql(), ""),
    "silence": (hostile.mysql(hostile.silent), ""),
    "another protocol": (hostile.mysql(b"SSH-2.0-OpenSSH_9.2\r\n", hostile.silent), ""),
    "an endless packet": (hostile.mysql(hostile.again(b"\xff\xff\xff\x00" + b"a" * (1 << 20))), ""),
    "a flood of words": (hostile.mysql(hostile.packet(0, b"\xff\x15\x04" + b"no\x07\x1b[31m\n" * 4000)), ""),
    "a byte now and then": (hostile.mysql(b"\x4a\x00\x00\x00\x0a", hostile.again(b"5", 0.3)), "was not ready"),
    "a byte now and then behind the door": (
        hostile.mysql(hostile.greeting(), hostile.listen, hostile.packet(2, b"\0\0\0\2\0\0\0"), hostile.listen,
                      b"\x00\x10\x00\x01", hostile.again(b"\0", 0.2)), "was not ready"),
    "rows without end behind the door": (
        hostile.mysql(hostile.greeting(), hostile.listen, hostile.packet(2, b"\0\0\0\2\0\0\0"), hostile.listen,
                      hostile.again(b"\xff\xff\x00\x01" + b"\0" * 0xffff)), ""),
}


@pytest.mark.parametrize("name", chosen(SOURCES, "an endless packet", "a byte now and then"))
def test_a_source_that_means_no_good(bad, name, events):
    trick, words = SOURCES[name]
    server = bad(trick)
    one = events({
        "type": "mysql", "hostname": "127.0.0.1", "port": server.port, "username": "u", "password": PASSWORD,
        "tables": r"a.\.*", "connect.timeout": "1s", "connect.max-retries": 1, "tls.mode": "disabled"})
    one.start()
    code, most = ended(one, 15)
    told = last_line(one)
    assert code in (SOURCE, DATA) and words in told and str(server.port) in told, told
    assert most < MEMORY_MIB, f"it took {most:.0f} MiB"
    assert len(told) < 2000 and "\x1b" not in one.log()
    assert PASSWORD.encode() not in bytes(server.heard)


@pytest.mark.parametrize("name", chosen(SOURCES, "nonsense"))
def test_a_query_port_that_means_no_good(mariadb, twin_of, engine, bad, name):
    """The loads go to a good warehouse, its SQL to something else."""
    twin = twin_of("starrocks", password="sink-Word")
    server = bad(SOURCES[name][0])
    mariadb.query(schema(COUNTERS))
    engine.write(mariadb.block(), twin.sink("20ms") | {
        "jdbc-url": f"jdbc:mysql://127.0.0.1:{server.port}", "sink.connect.timeout-ms": 1000}, {"stop.timeout": "1s"})
    engine.start()
    code, most = ended(engine, 20)
    told = last_line(engine)
    assert code == SINK and str(server.port) in told and len(told) < 2000, told
    assert most < MEMORY_MIB, f"it took {most:.0f} MiB"
    assert b"sink-Word" not in bytes(server.heard) and "\x1b" not in engine.log()


@pytest.mark.parametrize("mode", chosen(["disabled", "preferred", "required"], "preferred"))
def test_a_password_is_not_told_to_whoever_asks(bad, mode, events):
    """A server, or somebody in its place, asks for the password itself."""
    ask = hostile.packet(2, b"\xfemysql_clear_password\0")
    server = bad(hostile.mysql(hostile.greeting(), hostile.listen, ask, hostile.listen,
                               hostile.packet(4, b"\xff\x15\x04#28000no")))
    one = events({
        "type": "mysql", "hostname": "127.0.0.1", "port": server.port, "username": "u", "password": PASSWORD,
        "tables": r"a.\.*", "connect.timeout": "2s", "connect.max-retries": 1, "tls.mode": mode})
    code, told = one.refused(20)
    assert code == SOURCE and server.heard, told
    assert "asks for the password itself" in told and "verify-identity" in told
    assert PASSWORD.encode() not in bytes(server.heard)


# -- secrets that change

def change_password(source, secret: str) -> None:
    source.server.query(f"ALTER USER keeper@'%' IDENTIFIED BY '{secret}';")


@pytest.fixture
def keeper(mariadb):
    """An account whose password the test changes."""
    mariadb.server.query("CREATE USER keeper@'%' IDENTIFIED BY 'first-Word'; "
                         f"GRANT {mariadb.server.reader_grants} ON *.* TO keeper@'%';")
    yield mariadb
    mariadb.server.query("DROP USER keeper@'%';")


def disconnect(source) -> None:
    """Ends every connection of the account."""
    source.server.query("KILL USER keeper;")


@pytest.mark.parametrize("kind", chosen(["file", "command"], "command"))
def test_a_password_changes_while_it_runs(keeper, tmp_path, kind, events):
    """The connections end, the password is another one, and the rows go on: without a restart."""
    file = tmp_path / "secret"
    file.write_text("first-Word\n")
    value = f"file:{file}" if kind == "file" else f"command:/bin/cat {file}"
    keeper.query("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1);")
    one = events(keeper.block() | {"username": "keeper", "password": value})
    one.start()
    one.until_ids([1])
    change_password(keeper, "second-Word")
    file.write_text("second-Word\n")
    disconnect(keeper)
    keeper.query("INSERT INTO t VALUES (2);")
    one.until_ids([1, 2])
    # Now the server has it first, and the file some time later.
    change_password(keeper, "third-Word")
    disconnect(keeper)
    keeper.query("INSERT INTO t VALUES (3);")
    one.until_log("Access denied")
    file.write_text("third-Word\n")
    one.until_ids([1, 2, 3])
    assert one.stop() == OK
    assert one.starts == 1
    for word in ("first-Word", "second-Word", "third-Word"):
        assert word not in one.log()


def test_a_password_that_never_worked_is_told_at_once(keeper, tmp_path, events):
    file = tmp_path / "secret"
    file.write_text("wrong-Word\n")
    one = events(keeper.block() | {"username": "keeper", "password": f"file:{file}"})
    code, told = one.refused(20)
    assert code == SOURCE and "Access denied" in told and "wrong-Word" not in one.log()


@pytest.mark.parametrize("kind", chosen(["doris", "starrocks"], "doris"))
def test_a_password_of_the_warehouse_changes(mariadb, twin_of, engine, must_be_equal, tmp_path, kind):
    """The warehouse comes back with another password."""
    twin = twin_of(kind, kept=True, password="first-Word")
    file = tmp_path / "secret"
    file.write_text("first-Word\n")
    engine.write(mariadb.block(), twin.sink("20ms") | {"password": f"file:{file}"})
    mariadb.query(schema(COUNTERS) + "INSERT INTO counters VALUES (1, 1, 1, NULL);")
    engine.start()
    must_be_equal(mariadb, twin, engine, COUNTERS)
    twin.kill9()
    twin.password = "second-Word"
    twin.start()
    file.write_text("second-Word\n")
    mariadb.query("INSERT INTO counters VALUES (1, 2, 1, NULL);")
    must_be_equal(mariadb, twin, engine, COUNTERS)
    assert engine.stop() == OK and engine.starts == 1
    assert "-Word" not in engine.log()


def test_a_command_that_fails_is_told_without_its_words(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text("source: {type: mysql, hostname: h, username: u, tables: 'a.b', "
                    "password: 'command:/bin/false hush-hush'}\nsink: {type: 'null'}\n")
    done = millrace("config", "print", file)
    assert done.returncode == USAGE
    assert "/bin/false" in errors(done) and "hush-hush" not in errors(done)


# -- what others on the machine see

def modes(folder: pathlib.Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): oct(stat.S_IMODE(path.lstat().st_mode))
            for path in [folder, *folder.rglob("*")]}


def test_files_are_private_whatever_the_umask(mariadb, events):
    """Checkpoint, notes, lock, status, events: 0600 in folders of 0700."""
    before = os.umask(0)
    try:
        one = events(mariadb.block() | {"scan.startup.mode": "initial"})
        mariadb.query("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1);")
        one.start()
        one.until_ids([1])
        assert millrace("snapshot", "--tables", f"{mariadb.database}.t", one.file).returncode == OK
        mariadb.query("INSERT INTO t VALUES (2);")
        one.until(lambda: 2 in one.ids(), what="the second row")
        during = modes(one.checkpoint)
        assert one.stop() == OK
    finally:
        os.umask(before)
    found = during | modes(one.checkpoint) | {f"events/{name}": mode for name, mode in modes(one.events_folder).items()}
    assert len(found) >= 5, found
    wrong = {name: mode for name, mode in found.items()
             if mode != ("0o700" if name in (".", "events/.") else "0o600")}
    assert wrong == {}


def test_no_core_is_left_and_none_may_look_in(mariadb, engine, twin_of):
    """The limit is 0, and the process is not dumpable: its memory belongs to root alone."""
    engine.write(mariadb.block(), twin_of("doris").sink("20ms"))
    mariadb.query(schema(COUNTERS))
    engine.start().until_log("The pipeline runs.")
    limits = pathlib.Path(f"/proc/{engine.pid}/limits").read_text()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
    assert os.stat(f"/proc/{engine.pid}/mem").st_uid == 0
    assert engine.stop() == OK

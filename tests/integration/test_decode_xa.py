# SPDX-License-Identifier: Apache-2.0
"""XA transactions of real servers in files: rows are given out where they commit, and only then."""

from __future__ import annotations

import pytest

import servers
from events import DATA, OK, EventPipeline, errors, events_of, millrace, rows_of, stream_faults
from test_decode_files import copied, switch_file

TRANSACTIONS = 30


OLDER_AND_NEWER = [pytest.param(name, marks=pytest.mark.long) for name in servers.MORE_FAMILIES if name.startswith("mariadb")]


@pytest.fixture(params=["mariadb", "mysql97", *OLDER_AND_NEWER])
def family(request):
    return request.param


@pytest.fixture
def server(family, started):
    server = started(family)
    server.query("DROP DATABASE IF EXISTS decode_xa; CREATE DATABASE decode_xa; "
                 "CREATE TABLE decode_xa.t (id INT PRIMARY KEY, v VARCHAR(40)); "
                 "CREATE TABLE decode_xa.other (id INT PRIMARY KEY)")
    yield server
    for line in server.query("XA RECOVER").splitlines():  # what a test left would hold its locks
        server.query(f"XA ROLLBACK '{line.split(chr(9))[3]}'")


def prepare(server, name: str, *statements: str) -> None:
    """The connection goes, the prepared transaction stays."""
    server.query(f"XA START '{name}'; {'; '.join(statements)}; XA END '{name}'; XA PREPARE '{name}'")


def table(server) -> dict[int, str]:
    rows = (line.split("\t") for line in server.query("SELECT id, v FROM decode_xa.t").splitlines())
    return {int(number): value for number, value in rows}


def replayed(events: list[dict]) -> dict[int, str]:
    rows = {}
    for event in rows_of(events):
        if event["data"]["before"] is not None:
            before = event["data"]["before"]
            assert rows.pop(before["id"]) == before["v"]
        if event["data"]["after"] is not None:
            after = event["data"]["after"]
            assert after["id"] not in rows
            rows[after["id"]] = after["v"]
    return rows


@pytest.mark.costly
def test_many_at_once_over_several_files(server, tmp_path, rng):
    first = switch_file(server)
    waiting: list[str] = []
    order = []  # of the rows' groups, as they became visible
    for number in range(TRANSACTIONS):
        name = f"x{number}"
        base = number * 10
        server.query(f"INSERT INTO decode_xa.t VALUES ({base}, 'plain')")
        order.append(base)
        prepare(server, name, f"INSERT INTO decode_xa.t VALUES ({base + 1}, 'a'), ({base + 2}, 'b')",
                f"INSERT INTO decode_xa.other VALUES ({base})",
                f"UPDATE decode_xa.t SET v = '{name}' WHERE id = {base + 1}",
                f"DELETE FROM decode_xa.t WHERE id = {base + 2}", f"INSERT INTO decode_xa.t VALUES ({base + 3}, 'c')")
        waiting.append(name)
        while waiting and (len(waiting) > 8 or rng.random() < 0.5):
            ended = waiting.pop(rng.randrange(len(waiting)))
            committed = rng.random() < 0.7
            server.query(f"XA {'COMMIT' if committed else 'ROLLBACK'} '{ended}'")
            order += [int(ended[1:]) * 10 + 1] if committed else []
        if number % 10 == 9:
            server.query("FLUSH BINARY LOGS")
    for name in waiting:
        server.query(f"XA COMMIT '{name}'")
        order.append(int(name[1:]) * 10 + 1)
    files = copied(server, first, tmp_path)
    assert len(files) > 3
    done = millrace("decode", "--tables", r"decode_xa.t", *files)
    assert done.returncode == OK, errors(done)
    assert done.stderr == b""
    events = events_of(done.stdout)
    assert stream_faults(events) == []
    assert replayed(events) == table(server)
    firsts = {}
    for event in rows_of(events):
        image = event["data"]["after"] or event["data"]["before"]
        firsts.setdefault(event["cdcgtid"], image["id"])
    assert list(firsts.values()) == order
    # Rows of the table that is not asked for are counted all the same, so the same row has the same id.
    both = millrace("decode", "--tables", r"decode_xa.\.*", *files)
    assert {event["id"] for event in events} < {event["id"] for event in events_of(both.stdout)}


def test_what_is_left_is_told_and_not_given(server, tmp_path):
    first = switch_file(server)
    prepare(server, "left one", "INSERT INTO decode_xa.t VALUES (1, 'prepared')")
    prepare(server, "no concern", "INSERT INTO decode_xa.other VALUES (1)")
    server.query("INSERT INTO decode_xa.t VALUES (2, 'plain')")
    files = copied(server, first, tmp_path)
    done = millrace("decode", "--tables", r"decode_xa.t", *files)
    assert done.returncode == OK, errors(done)
    assert [event["data"]["after"]["id"] for event in rows_of(events_of(done.stdout))] == [2]
    assert errors(done).count("neither committed nor rolled back") == 1
    assert "X'" + b"left one".hex() + "',X''" in errors(done)
    assert b"no concern".hex() not in errors(done)


def test_what_one_undoes_of_itself(started, tmp_path):
    """MariaDB writes rows and ROLLBACK TO behind them where a table without transactions was changed in between, whose own rows
    are a group before. What such a table did by a statement in statement format stays, and is told."""
    server = started("mariadb")
    server.query("DROP DATABASE IF EXISTS decode_xa; CREATE DATABASE decode_xa; CREATE TABLE decode_xa.t (id INT PRIMARY KEY, v VARCHAR(40)); "
                 "CREATE TABLE decode_xa.m (id INT PRIMARY KEY) ENGINE=MyISAM")
    first = switch_file(server)
    prepare(server, "p", "INSERT INTO decode_xa.t VALUES (1, 'stays')", "SAVEPOINT s", "INSERT INTO decode_xa.t VALUES (2, 'stays')",
            "INSERT INTO decode_xa.m VALUES (1)", "SAVEPOINT `S`", "UPDATE decode_xa.t SET v = 'undone' WHERE id = 1", "ROLLBACK TO s",
            "INSERT INTO decode_xa.t VALUES (3, 'stays')")
    server.query("XA COMMIT 'p'")
    files = copied(server, first, tmp_path)
    done = millrace("decode", "--tables", r"decode_xa.\.*", *files)
    assert done.returncode == OK and done.stderr == b"", errors(done)
    events = events_of(done.stdout)
    assert replayed([event for event in events if event["cdctable"] == "t"]) == table(server) == \
        {1: "stays", 2: "stays", 3: "stays"}
    assert [event["data"]["after"]["id"] for event in rows_of(events) if event["cdctable"] == "m"] == [1]
    prepare(server, "q", "DELETE FROM decode_xa.t")
    server.query("SET binlog_format=STATEMENT; XA START 'r'; INSERT INTO decode_xa.m VALUES (2); XA END 'r'; XA PREPARE 'r'")
    server.query("XA ROLLBACK 'q'; XA ROLLBACK 'r'")
    assert server.query("SELECT id FROM decode_xa.m").split() == ["1", "2"]
    (tmp_path / "more").mkdir()
    done = millrace("decode", "--tables", r"decode_xa.\.*", *copied(server, first, tmp_path / "more"))
    assert done.returncode == DATA, errors(done)
    told = events_of(done.stdout)[len(events):]
    assert [(event["type"].split(".")[3], event["cdctable"]) for event in told] == [("rows", "m")]


def test_a_start_between_the_phases(server, tmp_path):
    """The rows are before the first file: nothing of them can be given, and nothing is wrong."""
    prepare(server, "early", "INSERT INTO decode_xa.t VALUES (1, 'prepared')")
    first = switch_file(server)
    server.query("XA COMMIT 'early'")
    server.query("INSERT INTO decode_xa.t VALUES (2, 'plain')")
    done = millrace("decode", "--tables", r"decode_xa.t", *copied(server, first, tmp_path))
    assert done.returncode == OK, errors(done)
    assert [event["data"]["after"]["id"] for event in rows_of(events_of(done.stdout))] == [2]


def test_from_a_running_server(server, family, source_of, tmp_path):
    source = source_of(family, "decode_xa_live")
    server.query("CREATE TABLE decode_xa_live.t (id INT PRIMARY KEY)")
    pipeline = EventPipeline(tmp_path / "p", source.block())
    pipeline.start()
    server.query("INSERT INTO decode_xa_live.t VALUES (1)")
    pipeline.until_ids([1])
    prepare(server, "live", "INSERT INTO decode_xa_live.t VALUES (2)")
    prepare(server, "gone", "INSERT INTO decode_xa_live.t VALUES (3)")
    server.query("INSERT INTO decode_xa_live.t VALUES (4)")
    pipeline.until_ids([1, 4])
    server.query("XA ROLLBACK 'gone'")
    server.query("XA COMMIT 'live'")
    pipeline.until_ids([1, 4, 2])
    assert pipeline.stop() == OK
    assert pipeline.ids() == [1, 4, 2]


def test_one_from_before_the_start_is_told(server, family, source_of, tmp_path):
    source = source_of(family, "decode_xa_live")
    server.query("CREATE TABLE decode_xa_live.t (id INT PRIMARY KEY)")
    prepare(server, "before", "INSERT INTO decode_xa_live.t VALUES (1)")
    pipeline = EventPipeline(tmp_path / "p", source.block() | {"scan.startup.mode": "latest-offset"})
    pipeline.start()
    pipeline.until_log("The pipeline runs.")  # "latest" is then behind the PREPARE, and before what comes now
    server.query("INSERT INTO decode_xa_live.t VALUES (2)")
    pipeline.until_ids([2])
    assert "prepared before reading began" not in pipeline.log()
    server.query("XA COMMIT 'before'; INSERT INTO decode_xa_live.t VALUES (3)")
    pipeline.until_ids([2, 3])
    assert pipeline.stop() == OK
    assert "prepared before reading began" in pipeline.log()
    told = [event for event in pipeline.events() if event["type"] == "io.millrace.mysql.rows.unknown.v1"]
    assert [("subject" in event, event["data"]["statement"].split(" X")[0]) for event in told] == [(False, "XA COMMIT")]

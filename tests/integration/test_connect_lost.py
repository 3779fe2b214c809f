# SPDX-License-Identifier: Apache-2.0
"""What happens to a running pipeline when its source goes away, comes back, or is not the same any more.

A file sink shows it best: every row must be there once, in order, whatever happened in between.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import tempfile
import time

import pytest

import servers
from conftest import LIGHT
from events import OK, SOURCE, EventPipeline, rows_of

FAMILIES = {"mariadb": servers.MariaDB, "mysql97": servers.MySQL97}
RESET = {"MariaDB": "RESET MASTER", "MySQL": "RESET BINARY LOGS AND GTIDS"}


class Private:
    """A server that a test may kill, with one table and one pipeline on it."""

    def __init__(self, kind) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-lost-"))
        # Durable commits: a row that was acknowledged must be in the binlog after a kill -9.
        self.server = kind(self.folder / "s", [*LIGHT, "--sync-binlog=1", "--innodb-flush-log-at-trx-commit=1"])
        self.server.start()
        self.account = self.server.add_account()
        self.fresh()

    def fresh(self) -> None:
        """The binlog begins anew, with an empty table."""
        self.server.query(f"DROP DATABASE IF EXISTS shop; {RESET[self.server.product]}; CREATE DATABASE shop; "
                          "CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(20));")

    def insert(self, *ids: int) -> None:
        self.server.query("".join(f"INSERT INTO shop.t (id) VALUES ({number});" for number in ids))

    def files(self) -> list[str]:
        return [line.split("\t")[0] for line in self.server.query("SHOW BINARY LOGS").splitlines()]

    def close(self) -> None:
        if self.server.child is not None:
            self.server.child.send_signal(signal.SIGCONT)
            self.server.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module", params=list(FAMILIES))
def private(request):
    kind = FAMILIES[request.param]
    missing = kind.available()
    if missing:
        pytest.skip(missing)
    made = Private(kind)
    yield made
    made.close()


@pytest.fixture
def pipeline(private, tmp_path):
    """A pipeline from the earliest on, with a fresh binlog behind it."""
    private.fresh()
    made = EventPipeline(tmp_path / "p", {"type": "mysql", "tables": r"shop.\.*",
                                          "scan.startup.mode": "earliest-offset", **private.account})
    yield made
    made.close()


def reconnects(pipeline: EventPipeline) -> int:
    return pipeline.log().count("The connection to the source is back.")


@pytest.mark.costly
def test_a_restart_of_the_server(private, pipeline):
    private.insert(1, 2)
    pipeline.start()
    pipeline.until_ids([1, 2])
    private.server.restart()
    private.insert(3)
    pipeline.until_ids([1, 2, 3])
    private.insert(4)
    pipeline.until_ids([1, 2, 3, 4])
    assert reconnects(pipeline) >= 1
    assert pipeline.stop() == OK


@pytest.mark.costly
def test_a_server_that_is_killed(private, pipeline):
    private.insert(1, 2)
    pipeline.start()
    pipeline.until_ids([1, 2])
    for number in (3, 4):
        private.server.kill9()
        pipeline.until_log("it is made again", times=number - 2)
        private.server.start()
        private.insert(number)
        pipeline.until_ids(list(range(1, number + 1)))
    assert pipeline.stop() == OK


@pytest.mark.costly
def test_connections_that_are_killed(private, pipeline):
    private.insert(1)
    pipeline.start()
    pipeline.until_ids([1])
    for number in range(2, 5):
        pipeline.until(lambda: len(private.server.dumps()) == 1, 60, "one dump")
        private.server.kill_dumps()
        private.insert(number)
        pipeline.until_ids(list(range(1, number + 1)))
    assert reconnects(pipeline) == 3
    assert pipeline.stop() == OK


@pytest.mark.costly
@pytest.mark.threads
def test_every_connection_is_killed_in_a_large_transaction(private, pipeline):
    """The dump is cut while rows of one transaction are given out: none may come twice."""
    pipeline.start()
    pipeline.until_log("The pipeline runs.")
    recursion = "cte_max_recursion_depth" if private.server.product == "MySQL" else "max_recursive_iterations"
    private.server.query(f"SET SESSION {recursion} = 100000; INSERT INTO shop.t SELECT n, REPEAT('x', 20) FROM "
                         "(WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 60000) "
                         "SELECT n FROM c) AS many")
    for _ in range(3):
        private.server.kill_dumps()
    pipeline.until(lambda: pipeline.lines() >= 60000, 60, "as many events as rows")
    pipeline.until(lambda: len(pipeline.rows()) >= 60000, 60, "all rows")
    events = pipeline.events()
    assert [event["data"]["after"]["id"] for event in rows_of(events)] == list(range(1, 60001))
    assert len({event["id"] for event in events}) == len(events)
    assert pipeline.stop() == OK


@pytest.mark.long
def test_a_server_that_falls_silent(private, pipeline):
    """A stopped process keeps its connections open and says nothing: only the missing heartbeat tells."""
    private.insert(1)
    pipeline.start()
    pipeline.until_ids([1])
    os.kill(private.server.child.pid, signal.SIGSTOP)
    try:
        # Twice the heartbeat of 1 s and ten seconds more.
        pipeline.until_log("it is made again", 60)
    finally:
        os.kill(private.server.child.pid, signal.SIGCONT)
    private.insert(2)
    pipeline.until_ids([1, 2])
    assert reconnects(pipeline) >= 1
    assert pipeline.stop() == OK


def test_a_short_silence_is_no_loss(private, pipeline):
    private.insert(1)
    pipeline.start()
    pipeline.until_ids([1])
    os.kill(private.server.child.pid, signal.SIGSTOP)
    servers.wait_until(lambda: private.server.child.poll() is None, 1, "a stopped server")
    os.kill(private.server.child.pid, signal.SIGCONT)
    private.insert(2)
    pipeline.until_ids([1, 2])
    assert reconnects(pipeline) == 0
    assert pipeline.stop() == OK


def test_a_stop_while_the_server_is_away(private, pipeline):
    private.insert(1)
    pipeline.start()
    pipeline.until_ids([1])
    private.server.kill9()
    try:
        pipeline.until_log("it is made again")
        assert pipeline.stop() == OK
    finally:
        private.server.start()
    private.insert(2)
    pipeline.start()
    pipeline.until_ids([1, 2])
    assert pipeline.stop() == OK


def test_two_engines_with_one_server_id(private, pipeline, tmp_path):
    """It is told as what it is, and the two do not throw one another out for ever."""
    if private.server.product == "MySQL":
        pytest.skip("MySQL tells its readers apart by their UUIDs, and ours are drawn; test_two_engines_at_mysql")
    private.insert(1)
    pipeline.save(**{"server-id": 7077})
    pipeline.start()
    pipeline.until_ids([1])
    twin = EventPipeline(tmp_path / "twin", pipeline.source)
    twin.start()
    try:
        ended = []

        def one_ended() -> bool:
            ended[:] = [one for one in (pipeline, twin) if not one.runs()]
            return bool(ended)
        servers.wait_until(one_ended, 60, "the end of one of the two")
        assert ended[0].wait() == SOURCE
        assert "server-id" in ended[0].log().splitlines()[-1]
        assert "each reader" in ended[0].log().splitlines()[-1]
        other = twin if ended[0] is pipeline else pipeline
        private.insert(2)
        other.until_ids([1, 2])
        assert other.stop() == OK
    finally:
        twin.close()


def test_two_engines_at_mysql(private, pipeline, tmp_path):
    if private.server.product != "MySQL":
        pytest.skip("at MariaDB two readers need two ids: test_two_engines_with_one_server_id")
    pipeline.save(**{"server-id": 7077})
    twin = EventPipeline(tmp_path / "twin", pipeline.source)
    try:
        private.insert(1)
        for one in (pipeline, twin):
            one.start()
            one.until_ids([1])
        private.insert(2)
        for one in (pipeline, twin):
            one.until_ids([1, 2])
            assert reconnects(one) == 0
            assert one.stop() == OK
    finally:
        twin.close()


# -- a binlog that is not what it was

def stopped_at(private, pipeline, *ids: int) -> None:
    private.insert(*ids)
    pipeline.start()
    pipeline.until_ids(list(ids))
    assert pipeline.stop() == OK


def purge(private) -> str:
    """Leaves only the file that is written now; its name."""
    private.server.query("FLUSH BINARY LOGS; FLUSH BINARY LOGS")
    newest = private.files()[-1]

    def purged() -> bool:
        private.server.query(f"PURGE BINARY LOGS TO '{newest}'")
        return private.files() == [newest]
    servers.wait_until(purged, 60, "the purge")
    return newest


def test_what_was_purged_is_named(private, pipeline):
    stopped_at(private, pipeline, 1, 2)
    position = pipeline.show()["position"]
    private.insert(3, 4)
    newest = purge(private)
    code, told = pipeline.refused()
    assert code == SOURCE
    assert "purged" in told and newest in told, told
    if private.server.product == "MySQL":
        number = int(position["gtid_set"].rsplit("-", 1)[1])
        assert f":{number + 1}-{number + 2} are needed" in told, told
    else:
        assert f"stands at {position['file']}:{position['offset']}" in told, told
        assert position["gtid_set"] in told and "begins behind GTID" in told, told
    assert pipeline.ids() == [1, 2]


def test_a_file_that_was_purged_is_named(private, pipeline):
    private.insert(1)
    first = private.files()[0]
    newest = purge(private)
    pipeline.save(**{"scan.startup.mode": "specific-offset", "scan.startup.specific-offset.file": first})
    code, told = pipeline.refused()
    assert code == SOURCE and first in told and newest in told, told


def test_a_source_that_was_reset(private, pipeline):
    stopped_at(private, pipeline, 1, 2, 3)
    private.fresh()
    private.insert(11)
    code, told = pipeline.refused()
    assert code == SOURCE, told
    assert "reset" in told and "checkpoint" in told or "never had" in told, told
    assert pipeline.ids() == [1, 2, 3]


@pytest.mark.long
@pytest.mark.parametrize("family", ["mysql97", "mysql56"])
def test_a_source_that_was_reset_and_has_written_more(start_server, tmp_path, family):
    """Without GTIDs: a file of the same name, with an event where the last one ended. It was begun at another time."""
    server = start_server(family, ["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"])
    rows = "INSERT INTO shop.t VALUES (1); INSERT INTO shop.t VALUES (2);"
    anew = f"DROP DATABASE IF EXISTS shop; {server.reset_sql}; CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY);"
    pipeline = EventPipeline(tmp_path / "p", {"type": "mysql", "tables": r"shop.\.*", "scan.startup.mode": "earliest-offset",
                                              **server.add_account()})
    try:
        server.query(anew + rows)
        pipeline.start()
        pipeline.until_ids([1, 2])
        assert pipeline.stop() == OK
        pipeline.start()  # the same file
        server.query("INSERT INTO shop.t VALUES (3);")
        pipeline.until_ids([1, 2, 3])
        assert pipeline.stop() == OK
        second = int(time.time())
        servers.wait_until(lambda: int(time.time()) > second, 60, "another second")
        server.query(anew + rows + "INSERT INTO shop.t VALUES (3); INSERT INTO shop.t VALUES (4);")
        code, told = pipeline.refused()
        assert code == SOURCE, told
        assert "was reset" in told, told
        assert pipeline.ids() == [1, 2, 3]
    finally:
        pipeline.close()


def test_a_source_that_is_reset_while_it_runs(private, pipeline):
    private.insert(1, 2, 3)
    pipeline.start()
    pipeline.until_ids([1, 2, 3])
    private.fresh()
    private.insert(11)
    private.server.kill_dumps()
    assert pipeline.wait(60) == SOURCE
    assert 11 not in pipeline.ids()

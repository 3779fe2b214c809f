# SPDX-License-Identifier: Apache-2.0
"""Fixtures: one server of each family for the session, a database, a warehouse and an engine for each test."""

from __future__ import annotations

import os
import pathlib
import random
import shutil
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

import compare  # noqa: E402
import engine as engines  # noqa: E402
import servers  # noqa: E402
import twins  # noqa: E402
import workload  # noqa: E402

PASSWORD = "s3cret-Word-of-the-source"
# Power cuts are not tested here: what a killed server has written the machine still has. And its start costs less.
LIGHT = ["--performance-schema=OFF", "--innodb-flush-method=nosync", "--innodb-doublewrite=OFF"]
# Of servers that no test kills: their commits should not wait for this machine's disk. A statement that waits for a lock
# that never comes ends with words, long before the test's own end.
FAST = [*LIGHT, "--sync-binlog=0", "--innodb-flush-log-at-trx-commit=0", "--lock-wait-timeout=50", "--innodb-lock-wait-timeout=50"]
LONG_TEST_S = 3600
FAMILIES = servers.FAMILIES


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=os.environ.get("MILLRACE_SEED"),
                     help="of everything that is random; told at the top")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes; only ./check --all runs it")
    if config.getoption("--seed") is None:
        config.option.seed = random.SystemRandom().randrange(10 ** 6)
    os.environ["MILLRACE_SEED"] = str(config.option.seed)  # xdist's processes draw none of their own
    # Told on every run, a quiet one too: a failure has to be repeatable.
    print(f"seed: {config.option.seed}")


def cover(group: list, seed: int) -> list:
    """Some of the items of one test, so that each value of each of its parameters is among them: other ones with
    another seed. Of a costly test it is one."""
    def values(item) -> set:
        return {(name, repr(value)) for name, value in item.callspec.params.items()}
    left = set().union(*map(values, group))
    rest = list(group)
    random.Random(f"{seed} {group[0].nodeid.split('[')[0]}").shuffle(rest)
    if rest[0].get_closest_marker("costly"):
        return rest[:1]
    chosen = []
    while left:
        best = max(rest, key=lambda item: len(left & values(item)))
        left -= values(best)
        rest.remove(best)
        chosen.append(best)
    return chosen


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """A product of servers, warehouses and cases is long but for a choice of it that the seed makes. Each test has a
    deadline (pytest.ini); the long ones have a longer one."""
    groups: dict[str, list] = {}
    for item in items:
        if hasattr(item, "callspec") and not item.get_closest_marker("long"):
            groups.setdefault(item.nodeid.split("[")[0], []).append(item)
    for group in groups.values():
        chosen = cover(group, config.getoption("--seed"))
        for item in group:
            if item not in chosen:
                item.add_marker(pytest.mark.long)
    for item in items:
        if item.get_closest_marker("long") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LONG_TEST_S))


@pytest.fixture(scope="session", autouse=True)
def the_program():
    if not os.access(engines.program(), os.X_OK):
        pytest.exit(f"There is no program {engines.program()}; build it, or name one in $MILLRACE.", 2)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that failed shows what its servers wrote last."""
    report = (yield).get_result()
    if report.failed:
        for server in getattr(item, "started_servers", []):
            report.sections.append((f"{server.product} log", server.log_tail()))


@pytest.fixture
def start_server(request):
    """start_server("mariadb", ["--option=value"]) gives a server that is ready; it ends with the test."""
    # Not pytest's own folders: a socket's path may have 107 bytes only.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-"))
    request.node.started_servers = []

    def start(family: str, options: list[str] | None = None) -> servers.Server:
        kind = servers.kind(family)
        missing = kind.available()
        if missing:
            pytest.skip(missing)
        server = kind(folder / str(len(request.node.started_servers)), [*LIGHT, *(options or [])])
        request.node.started_servers.append(server)
        server.start()
        return server

    yield start
    for server in request.node.started_servers:
        server.kill9()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=list(FAMILIES))
def server(request, start_server):
    """One of each family, with the settings that Millrace asks for."""
    return start_server(request.param)


@pytest.fixture(scope="session")
def started():
    """The servers of the session by family, each started when it is first asked for."""
    running: dict[str, servers.Server] = {}
    base = pathlib.Path(tempfile.mkdtemp(prefix="millrace-it-"))  # short, for the socket's path

    def get(family: str) -> servers.Server:
        if family not in running:
            cls = servers.kind(family)
            missing = cls.available()
            if missing:
                pytest.skip(missing)
            server = cls(base / family, FAST)
            server.start()
            server.query(f"CREATE USER millrace@'%' IDENTIFIED BY '{PASSWORD}'; "
                         f"GRANT {server.reader_grants} ON *.* TO millrace@'%';")
            running[family] = server
        if running[family].child is None:  # it was ended because it hung
            running[family].start()
        return running[family]

    yield get
    for server in running.values():
        server.kill9()
    shutil.rmtree(base, ignore_errors=True)


class Source:
    """A database of one test on a server of the session; the server's binlog begins with the test."""

    def __init__(self, server: servers.Server, database: str) -> None:
        self.server = server
        self.database = database
        server.query(f"DROP DATABASE IF EXISTS {database}; CREATE DATABASE {database} CHARACTER SET utf8mb4; "
                     f"{server.reset_sql};")

    def query(self, sql: str) -> str:
        return self.server.query(f"USE {self.database};\n{sql}")

    def client(self) -> compare.Client:
        return compare.Client(["--no-defaults", *self.server.client_arguments()])

    def place(self) -> tuple[str, int]:
        """The end of the binlog."""
        name, offset = self.server.query(self.server.place_sql).split("\t")[:2]
        return name, int(offset)

    def binlogs(self) -> list[pathlib.Path]:
        names = [line.split("\t")[0] for line in self.server.query("SHOW BINARY LOGS").splitlines()]
        return [self.server.binlog_path(name) for name in names]

    def block(self) -> dict[str, object]:
        """The `source:` block of a pipeline file."""
        return {"type": "mysql", "hostname": "127.0.0.1", "port": self.server.port, "username": "millrace",
                "password": PASSWORD, "tables": f"{self.database}.\\.*", "scan.startup.mode": "earliest-offset"}

    def session(self, next_transaction, per_second: float = 100) -> workload.Session:
        return workload.Session(self.server.client_arguments(), self.database, next_transaction, per_second)

    def drop(self) -> None:
        self.server.query(f"DROP DATABASE IF EXISTS {self.database};")


@pytest.fixture
def source_of(started):
    """A fresh database on the server of a family."""
    made = []

    def make(family: str, database: str = "shop") -> Source:
        made.append(Source(started(family), database))
        return made[-1]
    yield make
    for source in made:
        source.drop()


@pytest.fixture
def mariadb(source_of) -> Source:
    return source_of("mariadb")


@pytest.fixture(params=list(FAMILIES))
def source(request, source_of) -> Source:
    return source_of(request.param)


@pytest.fixture
def twin_of(tmp_path):
    """Makes warehouses; `kept` ones have their data on disk and outlive a kill."""
    made = []

    def make(kind: str, kept: bool = False, **more) -> twins.Twin:
        made.append(twins.Twin(kind, tmp_path, tmp_path / "warehouse" if kept else None, **more))
        return made[-1]
    yield make
    for twin in made:
        twin.stop()


@pytest.fixture(params=["doris", "starrocks"])
def twin(request, twin_of) -> twins.Twin:
    return twin_of(request.param)


@pytest.fixture
def doris(twin_of) -> twins.Twin:
    return twin_of("doris")


@pytest.fixture
def engine(tmp_path):
    """The pipeline of the test; ended with it."""
    made = engines.Engine(tmp_path)
    yield made
    made.close()


@pytest.fixture
def rng(request) -> random.Random:
    """Random numbers that a --seed repeats, others for each test."""
    return random.Random(f"{request.config.getoption('--seed')} {request.node.name}")


def differences(source: Source, twin: twins.Twin, tables=tuple(workload.TABLES)) -> list[str]:
    found = []
    for table in tables:
        found += [f"{one.table}: {one.text}" for one in
                  compare.compare_table(source.client(), twin.client(), source.database, table)]
    return found


@pytest.fixture
def must_be_equal():
    """Waits until all that the source has said is durable at the target, then compares value by value."""
    def check(source: Source, twin: twins.Twin, engine: engines.Engine, tables=tuple(workload.TABLES),
              deadline_s: float = 90) -> None:
        engine.until_carried(source.place(), deadline_s)
        found: list[str] = []

        def equal() -> bool:  # a committed load may become visible a little later
            nonlocal found
            found = differences(source, twin, tables)
            return not found
        try:
            servers.wait_until(equal, 60, "equality", 0.5)
        except TimeoutError:
            raise AssertionError("\n".join([*found, engine.log_tail()])) from None
        assert twin.twice() == []
    return check

# SPDX-License-Identifier: Apache-2.0
"""A random workload over every type and statement of a server, and three witnesses of what it did.

What `decode` prints of the server's files, put together again, must be the tables that SELECT shows; there must be as
many changes of each kind as the server's own binlog tool counts; and the tables that `run` makes of the same binlog
in both warehouses must hold the same cells.

The seed is told at the top and in a failure; --seed or $MILLRACE_SEED repeats it. ./check runs one seed on two
servers, ./check --all more on five. What a server's text of a value cannot say, or says wrongly, is told where
the workload or the rendering goes around it.
"""

from __future__ import annotations

import collections
import pathlib
import random
import re
import shutil
import subprocess
import tempfile

import pytest

import compare
import everything
import rendering
import replay
import servers
import engine as engines
import twins
from conftest import FAST, PASSWORD, Source
from events import OK, errors, millrace, stream_faults
from test_decode_files import copied, switch_file

TRANSACTIONS, SHORT = 60, 20  # a phase
EVERYWHERE = [*servers.FAMILIES, *(pytest.param(name, marks=pytest.mark.long) for name in servers.MORE_FAMILIES)]
OPERATIONS = {"INSERT INTO": "c", "UPDATE": "u", "DELETE FROM": "d"}


@pytest.fixture(scope="module")
def own(request):
    """Servers of this file alone, since it changes their settings; each with an event size of its own."""
    running: dict[str, servers.Server] = {}
    folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-d-"))

    def get(family: str) -> servers.Server:
        if family not in running:
            missing = servers.kind(family).available()
            if missing:
                pytest.skip(missing)
            size = random.Random(f"{request.config.getoption('--seed')} {family}").choice([256, 1024, 8192, 65536])
            server = servers.kind(family)(folder / family, [*FAST, f"--binlog-row-event-max-size={size}"])
            server.start()
            server.query(f"CREATE USER millrace@'%' IDENTIFIED BY '{PASSWORD}'; "
                         f"GRANT {server.reader_grants} ON *.* TO millrace@'%';")
            running[family] = server
        return running[family]
    yield get
    for server in running.values():
        server.kill9()
    shutil.rmtree(folder, ignore_errors=True)


def described(server: servers.Server) -> everything.Server:
    """What the workload has to know of the server."""
    version = tuple(int(part) for part in re.findall(r"\d+", server.value("SELECT VERSION()"))[:3])
    charsets = dict(line.split("\t") for line in server.query(
        "SELECT character_set_name, maxlen FROM information_schema.character_sets ORDER BY 1").splitlines())
    single = {}
    for charset, longest in charsets.items():
        if longest != "1" or charset == "binary":
            continue
        bytes_ = ", ".join(f"HEX(CONVERT(_{charset} x'{byte:02x}' USING utf8mb4))" for byte in range(0x80, 0x100))
        found = [bytes.fromhex(text).decode() for text in server.value(f"SELECT {bytes_}").split("\t")]
        single[charset] = "".join(text for text in found if text not in ("", "?", "\ufffd"))
    return everything.Server(server.product, version, tuple(charsets), single)


def settings(rng: random.Random, server: everything.Server, image: str | None) -> str:
    """What one session writes into the binlog and how."""
    image = image or rng.choice(["FULL", "MINIMAL", "NOBLOB"] + (["FULL_NODUP"] if server.mariadb(11, 4) else []))
    lines = [f"SET SESSION binlog_row_image = {image}", f"SET GLOBAL binlog_checksum = {rng.choice(['NONE', 'CRC32'])}",
             "SET SESSION sql_mode = ''", "SET NAMES utf8mb4", f"SET SESSION time_zone = '{rng.choice(['+05:30', '-11:00'])}'"]
    if server.is_mysql:
        lines.append(f"SET SESSION binlog_rows_query_log_events = {rng.randrange(2)}")
    else:
        lines += [f"SET SESSION binlog_annotate_row_events = {rng.randrange(2)}", f"SET GLOBAL log_bin_compress = {rng.randrange(2)}",
                  f"SET GLOBAL log_bin_compress_min_len = {rng.choice([10, 256])}"]
    if server.mysql(8, 0):
        lines += [f"SET SESSION binlog_transaction_compression = {rng.randrange(2)}",
                  # A diff without the document before it is refused, so it goes with whole images only.
                  f"SET SESSION binlog_row_value_options = '{rng.choice(['', 'PARTIAL_JSON']) if image == 'FULL' else ''}'"]
    return ";\n".join(lines) + ";\n"


def metadata(rng: random.Random, server: everything.Server) -> str:
    """How much the table maps say of the columns; "" for a server that has no choice and says the least."""
    if server.mysql(8, 0):
        return rng.choice(["FULL", "FULL", "MINIMAL"])
    return rng.choice(["FULL", "FULL", "MINIMAL", "NO_LOG"]) if server.mariadb(10, 5) else ""


class Recorded:
    """A database of one workload on a server."""

    def __init__(self, server: servers.Server, folder: pathlib.Path, seed: str, images: list[str | None],
                 for_sink: bool = False, transactions: int = TRANSACTIONS) -> None:
        print(f"--seed {seed.split()[0]} repeats this")  # pytest shows it with a failure
        rng = random.Random(seed)
        self.form = random.Random(f"{seed} form").choice(["json", "auto"])  # of loads
        self.server = server
        self.source = Source(server, "everything")
        self.known = described(server)
        self.work = everything.Workload(rng, self.known, for_sink, for_sink and images != ["FULL"])
        self.transactions = transactions
        self.statements = 0
        self.refused: collections.Counter = collections.Counter()
        self.metadata = metadata(rng, self.known)
        if self.metadata:
            server.query(f"SET GLOBAL binlog_row_metadata = {self.metadata}")
        first = switch_file(server)
        self.source.query("SET sql_mode = '';\n" + self.work.schema())
        self._run(settings(rng, self.known, images[0]) + self.work.opening())
        for image in images:
            self._run(settings(rng, self.known, image) + "\n".join(self.work.transaction() for _ in range(transactions)))
            text, statement = self.work.load_file()
            (folder / "rows.txt").write_text(text)
            self._run(statement % (folder / "rows.txt"))
            server.query("FLUSH BINARY LOGS")
        self.files = copied(server, first, folder)

    def _run(self, sql: str) -> None:
        """One session; what the server refuses is counted."""
        done = subprocess.run(["mariadb", "--no-defaults", *self.server.client_arguments(), "--force",
                               "--default-character-set=utf8mb4", "everything"], input=sql.encode(), capture_output=True, check=False)
        self.statements += sql.count(";\n")
        for line in done.stderr.decode(errors="replace").splitlines():
            if line.startswith("ERROR "):
                self.refused[line.split(" at line ")[0]] += 1

    def columns(self, table: everything.Table, is_described: bool = True) -> list[rendering.Column]:
        return rendering.columns_of(self.source.client(), "everything", table.name, not self.known.is_mysql, is_described)


@pytest.fixture
def seed(request) -> str:
    return f"{request.config.getoption('--seed')} {request.node.name}"


def tool_counts(recorded: Recorded) -> tuple[collections.Counter, set[str]]:
    """Changes by table and operation as the server's binlog tool prints them, and the tables of which it could not read
    all: MySQL's leaves the rest of an event out at the first column of a type that it does not know, as GEOMETRY."""
    tool = recorded.server.binlog_tool()
    if tool is None:
        pytest.skip("there is no mariadb-binlog on this machine")
    done = subprocess.run([*tool, "-vv", "--base64-output=DECODE-ROWS", *map(str, recorded.files)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    found: collections.Counter = collections.Counter()
    unread = set()
    for operation, table in re.findall(rb"^(?:### (INSERT INTO|UPDATE|DELETE FROM) `everything`\.`(.*)`$|.*Don't know how to handle)", done.stdout, re.M):
        if operation:
            name = table.decode().replace("``", "`")
            found[name, OPERATIONS[operation.decode()]] += 1
        else:
            unread.add(name)
    return found, unread


def replayed(recorded: Recorded, output: bytes) -> dict[str, replay.Table]:
    events = [rendering.parsed(line) for line in output.splitlines()]
    assert stream_faults(events) == []
    rows = [event for event in events if event.get("cdcop", "t") != "t"]
    # A column may be called "@1", and an image may hold nothing else; not all of a table's.
    unnamed = {event["cdctable"] for event in rows} - {
        event["cdctable"] for event in rows
        if not all(re.fullmatch(r"@\d+", column) for column in event["data"]["after"] or event["data"]["before"])}
    assert not unnamed or recorded.metadata != "FULL"
    tables = {}
    for table in recorded.work.tables:
        named = table.name not in unnamed
        # Where the statements of the file have told the names, they have told the rest as well.
        is_described = named or recorded.metadata in ("FULL", "MINIMAL")
        key = [*table.key, "row_end"] if table.name == "versioned" else table.key
        tables[table.name] = replay.Table(table.name, recorded.columns(table, is_described), key, named)
    for event in events:
        name = event.get("cdctable")
        if event.get("cdcop") == "t" and name is None:  # only the statement names it
            name = event["data"]["statement"].split()[-1]
        if event.get("cdcop") is not None and name in tables:
            tables[name].apply(event)
    return tables


def state_faults(recorded: Recorded, tables: dict[str, replay.Table]) -> list[str]:
    faults = []
    for name, table in tables.items():
        when = "FOR SYSTEM_TIME ALL" if name == "versioned" else ""
        faults += table.differences(rendering.rows_of(recorded.source.client(), "everything", name, list(table.columns.values()), when))
    return faults


def decoded(recorded: Recorded) -> bytes:
    done = millrace("decode", "--tables", r"everything.\.*", *recorded.files, deadline_s=120)
    assert done.returncode == OK, errors(done)
    return done.stdout


def must_be_right(recorded: Recorded) -> None:
    output = decoded(recorded)
    tables = replayed(recorded, output)
    faults = state_faults(recorded, tables)
    assert not faults, "\n".join(faults)
    counts = {(name, operation): count for name, table in tables.items() for operation, count in table.counts.items() if operation != "t"}
    told, unread = tool_counts(recorded)
    assert {key: count for key, count in counts.items() if key[0] not in unread} == \
        {key: count for key, count in told.items() if key[0] not in unread}
    assert all(told[key] <= counts[key] for key in told)
    assert unread <= {"shapes", "vectors"}
    assert decoded(recorded) == output
    # A proof of something: most statements were taken, and rows were changed. How often is left to the seed; few
    # transactions may bring few changes.
    assert sum(recorded.refused.values()) < recorded.statements / 3, recorded.refused
    total = collections.Counter()
    for (_, operation), count in counts.items():
        total[operation] += count
    assert total["c"] > 100 and total["u"] + total["d"] > 0, total
    assert [name for name, table in tables.items() if table.counts["c"] == 0] == [], recorded.refused


# -- the same through `run`

def carried(recorded: Recorded, twin: twins.Twin, engine: engines.Engine) -> None:
    """Starts a pipeline at the beginning of the binlog."""
    engine.write(recorded.source.block(), twin.sink() | {"sink.load.format": recorded.form})
    engine.start()


def target_faults(recorded: Recorded, twin: twins.Twin) -> list[str]:
    faults = []
    for table in recorded.work.tables:
        faults += [f"{twin.kind}: {one.table}: {one.text}" for one in
                   compare.compare_table(recorded.source.client(), twin.client(), "everything", table.name)]
    return faults


def both_must_be_equal(recorded: Recorded, twin_of, folder: pathlib.Path) -> None:
    """Carries the binlog into a Doris and a StarRocks at once."""
    pipelines = []
    try:
        for kind in twins.SINKS:
            (folder / kind).mkdir()
            pipelines.append((twin_of(kind), engines.Engine(folder / kind)))
            carried(recorded, *pipelines[-1])
        place = recorded.source.place()
        for _, engine in pipelines:
            engine.until_carried(place, 120)
        faults: list[str] = []

        def equal() -> bool:  # a committed load may become visible a little later
            faults[:] = [fault for twin, _ in pipelines for fault in target_faults(recorded, twin)]
            return not faults
        try:
            servers.wait_until(equal, 60, "equality", 0.5)
        except TimeoutError:
            raise AssertionError("\n".join([*faults, *(engine.log_tail() for _, engine in pipelines)])) from None
    finally:
        for _, engine in pipelines:
            engine.close()


@pytest.mark.parametrize("family", EVERYWHERE)
def test_decode_is_what_the_server_has(own, family, seed, tmp_path):
    """Row images of all kinds, one after the other."""
    must_be_right(Recorded(own(family), tmp_path, seed, ["FULL", None], transactions=SHORT))


@pytest.mark.costly
@pytest.mark.parametrize("family", EVERYWHERE)
def test_warehouses_hold_what_the_server_has(own, family, seed, tmp_path, twin_of):
    recorded = Recorded(own(family), tmp_path, seed, ["FULL"], for_sink=True, transactions=SHORT)
    must_be_right(recorded)
    both_must_be_equal(recorded, twin_of, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("image", ["MINIMAL", "NOBLOB"])
@pytest.mark.parametrize("family", [*servers.FAMILIES, *servers.MORE_FAMILIES])
def test_warehouses_hold_what_came_in_parts(own, family, image, seed, tmp_path, twin_of):
    """Row images that lack columns."""
    recorded = Recorded(own(family), tmp_path, seed, [image], for_sink=True)
    must_be_right(recorded)
    both_must_be_equal(recorded, twin_of, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("round_", range(4))
@pytest.mark.parametrize("family", [*servers.FAMILIES, *servers.MORE_FAMILIES])
def test_decode_is_what_the_server_has_again(own, family, round_, seed, tmp_path):
    must_be_right(Recorded(own(family), tmp_path, seed, ["FULL", None, None, None]))


@pytest.mark.parametrize("kind,column_type,cell,shown,wrong", [
    ("bigint", "bigint(20) unsigned", b"18446744073709551615", "18446744073709551615", "18446744073709551616"),
    ("int", "int(11)", b"1", "1", "\"1\""), ("int", "int(11)", b"1", "1", "1.0"),
    ("float", "float", b"0.10000000149011612", "0.1", "0.100001"), ("double", "double", b"0.1", "0.1", "0.10000000000000002"),
    ("decimal", "decimal(5,2)", b"1.10", "\"1.10\"", "\"1.1\""), ("blob", "blob", b"\xff\x00", "\"/wA=\"", "\"/w==\""),
    ("json", "json", b'{"b": 1, "aa": 1.0}', '{"b":1,"aa":1.0}', '{"aa":1.0,"b":1}'),
    ("timestamp", "timestamp", b"2024-01-01 00:00:00", "\"2024-01-01T00:00:00Z\"", "\"2024-01-01 00:00:00\"")])
def test_the_judge_tells_values_apart(kind, column_type, cell, shown, wrong):
    column = rendering.Column("v", kind, column_type, "utf8mb4", False, None, False)

    def of(text: str) -> str:
        return column.shown(rendering.parsed(b'{"v":' + text.encode() + b"}")["v"])
    assert of(shown) == column.wanted(cell.hex())
    assert of(wrong) != column.wanted(cell.hex())


def test_the_judge_tells_changes_apart():
    columns = [rendering.Column(name, "int", "int(11)", "", False, None, False) for name in ("id", "v")]

    def event(operation: str, before: dict | None, after: dict | None) -> dict:
        made = [image and {name: rendering.Number(value) for name, value in image.items()} for image in (before, after)]
        return {"cdcop": operation, "data": {"before": made[0], "after": made[1]}}
    table = replay.Table("t", columns, ["id"])
    table.apply(event("c", None, {"id": 1, "v": 2}))
    for wrong in (event("c", None, {"id": 1, "v": 3}), event("u", {"id": 1, "v": 9}, {"id": 1, "v": 3}), event("d", {"id": 2, "v": 2}, None)):
        with pytest.raises(replay.Wrong):
            table.apply(wrong)
    table.apply(event("u", {"id": 1}, {"v": 5}))  # an image that lacks columns
    assert table.differences([{"id": "n:1", "v": "n:5"}]) == []
    for wanted in ([], [{"id": "n:1", "v": "n:6"}], [{"id": "n:1", "v": "n:5"}, {"id": "n:2", "v": "n:5"}]):
        assert table.differences(wanted) != []

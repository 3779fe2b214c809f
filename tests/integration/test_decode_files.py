# SPDX-License-Identifier: Apache-2.0
"""`millrace decode` on files that real servers wrote a moment ago, against the servers' own tools and their tables."""

from __future__ import annotations

import collections
import dataclasses
import json
import pathlib
import re
import select
import shutil
import struct
import subprocess

import pytest

import compare
import servers
import workload
from engine import program
from events import DATA, INTERNAL, OK, USAGE, cloudevent_faults, errors, events_of, millrace, rows_of, stream_faults

HEADER = struct.Struct("<IBIIIH")
TRANSACTIONS = 120


@dataclasses.dataclass
class Recorded:
    """Binlog files with what the server says of them."""

    family: str
    server: servers.Server
    database: str
    files: list[pathlib.Path]
    state: dict[str, collections.Counter]  # rows of each table at the end of the files

    @property
    def tables(self) -> str:
        return f"{self.database}.\\.*"


def switch_file(server: servers.Server) -> str:
    """Begins a new binlog file; its name."""
    server.query("FLUSH BINARY LOGS")
    return server.query("SHOW BINARY LOGS").splitlines()[-1].split("\t")[0]


def copied(server: servers.Server, first: str, folder: pathlib.Path) -> list[pathlib.Path]:
    """Closes the file that is written and copies all files from `first` to it."""
    after = switch_file(server)
    names = [line.split("\t")[0] for line in server.query("SHOW BINARY LOGS").splitlines()]
    return [pathlib.Path(shutil.copy(server.binlog_path(name), folder)) for name in names if first <= name < after]


def event_value(text: str | None, column_type: str, family: str) -> object:
    """What an event must hold for the text that the server renders of a value (docs/types.md)."""
    base = re.split(r"[( ]", column_type)[0].lower()
    if text is None:
        return None
    if base in ("tinyint", "smallint", "mediumint", "int", "bigint", "year", "bit"):
        return int(text)
    if base in ("float", "double"):
        return float(text)
    if base == "timestamp":
        return text.replace(" ", "T") + "Z"
    if base == "json" and family == "mysql97":
        return json.loads(text)
    return text


def frozen(row: dict[str, object]) -> str:
    """A row as text; 1.0 and 1 are one number."""
    return json.dumps({name: int(value) if isinstance(value, float) and value.is_integer() else value
                       for name, value in row.items()}, sort_keys=True)


def table_state(server: servers.Server, database: str, table: str, family: str) -> collections.Counter:
    """The rows of a table, as events would show them, counted."""
    client = compare.Client(["--no-defaults", *server.client_arguments()])
    columns = compare.columns_of(client, database, table)
    parts = []
    for name, column_type, _ in columns:
        expression = compare.source_expression(name, column_type)
        if column_type.split("(")[0] in ("date", "datetime", "timestamp"):
            expression = f"CAST(`{name}` AS CHAR)"
        parts.append(f"IF(`{name}` IS NULL, '~', HEX(CONVERT({expression} USING utf8mb4)))")
    rows = client.rows(f"SET time_zone = '+00:00'; SELECT {', '.join(parts)} FROM {database}.{table}")
    state = collections.Counter()
    for row in rows:
        values = {}
        for (name, column_type, _), cell in zip(columns, row):
            text = None if cell == "~" else bytes.fromhex(cell).decode()
            values[name] = event_value(text, column_type, family)
        state[frozen(values)] += 1
    return state


def record(family: str, server: servers.Server, folder: pathlib.Path, transactions: int, seed: int) -> Recorded:
    database = "decode_me"
    first = switch_file(server)
    server.query(f"DROP DATABASE IF EXISTS {database}; CREATE DATABASE {database} CHARACTER SET utf8mb4; "
                 f"USE {database};\n{workload.schema()}")
    work = workload.Workload(seed)
    half = [work.transaction() for _ in range(transactions // 2)]
    rest = [work.transaction() for _ in range(transactions - len(half))]
    zone = f"USE {database}; SET time_zone = '+05:30';\n"
    server.query(zone + "\n".join(half))
    server.query("FLUSH BINARY LOGS")
    server.query(zone + "\n".join(rest))
    files = copied(server, first, folder)
    state = {table: table_state(server, database, table, family) for table in workload.TABLES}
    return Recorded(family, server, database, files, state)


@pytest.fixture(scope="module", params=["mariadb", "mysql97"])
def recorded(request, started, tmp_path_factory) -> Recorded:
    seed = request.config.getoption("--seed")
    return record(request.param, started(request.param), tmp_path_factory.mktemp("binlogs"), TRANSACTIONS, seed)


@pytest.fixture(scope="module")
def decoded(recorded) -> list[dict]:
    done = millrace("decode", "--tables", recorded.tables, *recorded.files)
    assert done.returncode == OK, errors(done)
    assert done.stderr == b""
    return events_of(done.stdout)


def test_every_event_is_a_cloudevent(decoded):
    assert len(decoded) > TRANSACTIONS
    assert stream_faults(decoded) == []


def tool(recorded: Recorded) -> list[str]:
    if recorded.family == "mariadb":
        return ["mariadb-binlog", "--no-defaults"]
    return [str(servers.MySQL97.home() / "bin" / "mysqlbinlog"), "--no-defaults"]


def test_counts_equal_those_of_the_servers_tool(recorded, decoded):
    done = subprocess.run([*tool(recorded), "-v", "--base64-output=DECODE-ROWS", *map(str, recorded.files)],
                          capture_output=True, check=True, stdin=subprocess.DEVNULL)
    words = {"INSERT INTO": "c", "UPDATE": "u", "DELETE FROM": "d"}
    theirs = collections.Counter(
        (match[2].decode(), words[match[1].decode()]) for match in
        re.finditer(rb"^### (INSERT INTO|UPDATE|DELETE FROM) `decode_me`\.`(\w+)`$", done.stdout, re.M))
    ours = collections.Counter((event["cdctable"], event["cdcop"]) for event in rows_of(decoded))
    assert ours == theirs
    assert {operation for _, operation in ours} == {"c", "u", "d"}
    assert {table for table, _ in ours} == set(workload.TABLES)


def as_stored(row: dict[str, object], floats: dict[str, set[str]], table: str) -> str:
    """A row of an event for comparison: a FLOAT's shortest text names the number that the server shows longer."""
    return frozen({name: struct.unpack("<f", struct.pack("<f", value))[0]
                   if name in floats[table] and value is not None else value for name, value in row.items()})


def replayed(events: list[dict], floats: dict[str, set[str]]) -> dict[str, collections.Counter]:
    """The tables after these events. Each before image must be a row that is there."""
    state = {table: collections.Counter() for table in workload.TABLES}
    for event in events:
        table = event.get("cdctable")
        if event["type"].endswith("table.truncated.v1"):
            state[table].clear()
        if ".row." not in event["type"]:
            continue
        before, after = event["data"]["before"], event["data"]["after"]
        if before is not None:
            gone = as_stored(before, floats, table)
            assert state[table][gone] > 0, f"{event['id']} takes away a row that is not there: {gone}"
            state[table][gone] -= 1
        if after is not None:
            state[table][as_stored(after, floats, table)] += 1
    return state


def test_the_events_replayed_give_the_tables(recorded, decoded):
    floats = {table: {name for name, column_type, _ in compare.columns_of(
        compare.Client(["--no-defaults", *recorded.server.client_arguments()]), recorded.database, table)
        if column_type.startswith("float")} for table in workload.TABLES}
    found = replayed(decoded, floats)
    for table in workload.TABLES:
        rows = +found[table]
        assert rows == recorded.state[table], \
            (table, list(rows - recorded.state[table])[:2], list(recorded.state[table] - rows)[:2])


def test_the_same_bytes_every_time(recorded):
    first = millrace("decode", *recorded.files)
    assert first.returncode == OK
    assert millrace("decode", *recorded.files).stdout == first.stdout
    assert millrace("decode", "--tables", r"\.*.\.*", *recorded.files).stdout == first.stdout


# What is derived from the file's name, which standard input does not have.
OF_THE_FILE = ("cdcfile", "cdctxid", "sequence", "id")


def without_file(event: dict, also_id: bool) -> dict:
    return {name: value for name, value in event.items()
            if name not in OF_THE_FILE[:3] + (("id",) if also_id else ())}


def test_standard_input_gives_the_same_events(recorded):
    for file in recorded.files:
        by_name = millrace("decode", file)
        by_pipe = millrace("decode", "-", stdin=file.read_bytes())
        assert (by_name.returncode, by_pipe.returncode) == (OK, OK)
        left, right = events_of(by_name.stdout), events_of(by_pipe.stdout)
        assert [without_file(event, False) for event in left] == [without_file(event, False) for event in right]
        assert stream_faults(right) == []


def test_only_the_tables_that_are_asked_for(recorded, decoded):
    for pattern, exclude, wanted in (("decode_me.things", None, {"things"}),
                                     (r"decode_me.\.*s", "decode_me.t\\.*", {"numbers", "counters", "visits"}),
                                     ("decode_me.t[et]\\.*, decode_me.visits", None, {"texts", "visits"})):
        done = millrace("decode", "--tables", pattern, *(["--exclude", exclude] if exclude else []), *recorded.files)
        assert done.returncode == OK, errors(done)
        found = rows_of(events_of(done.stdout))
        assert {event["cdctable"] for event in found} == wanted
        # The same ids, whatever else is captured.
        assert found == [event for event in rows_of(decoded) if event["cdctable"] in wanted]
    assert millrace("decode", "--tables", "nothing.at_all", *recorded.files).stdout == b""


def test_from_and_to_a_position(recorded):
    file = recorded.files[-1]
    everything = events_of(millrace("decode", file).stdout)
    starts = sorted({int(event["sequence"][16:32], 16) for event in everything})
    low, high = starts[len(starts) // 3], starts[2 * len(starts) // 3]
    done = millrace("decode", "--start-position", low, "--stop-position", high, file)
    assert done.returncode == OK, errors(done)
    found = events_of(done.stdout)
    wanted = [event for event in everything if low <= int(event["sequence"][16:32], 16) < high]
    assert 0 < len(found) < len(everything)
    assert [event["id"] for event in found] == [event["id"] for event in wanted]
    done = millrace("decode", "--start-position", low + 1, file)
    assert done.returncode == DATA and str(low + 1) in errors(done)
    done = millrace("decode", "--start-position", file.stat().st_size + 100, file)
    assert done.returncode == USAGE and str(file.stat().st_size + 100) in errors(done)


def test_by_gtid(recorded, decoded):
    rows = rows_of(decoded)
    gtids = list(dict.fromkeys(event["cdcgtid"] for event in rows))
    chosen = gtids[len(gtids) // 2]
    if recorded.family == "mariadb":
        inside = gtids[:gtids.index(chosen) + 1]  # a MariaDB position means all before it
        sets = chosen
    else:
        inside = [chosen]
        sets = chosen
    done = millrace("decode", "--tables", recorded.tables, "--start-gtid", sets, *recorded.files)
    assert done.returncode == OK, errors(done)
    assert rows_of(events_of(done.stdout)) == [event for event in rows if event["cdcgtid"] not in inside]
    done = millrace("decode", "--tables", recorded.tables, "--include-gtids", sets, *recorded.files)
    assert done.returncode == OK, errors(done)
    assert rows_of(events_of(done.stdout)) == [event for event in rows if event["cdcgtid"] in inside]
    done = millrace("decode", "--start-gtid", "not-a-gtid:", *recorded.files)
    assert done.returncode == USAGE and "not-a-gtid" in errors(done)


def test_a_reader_that_goes_away_is_no_error(recorded):
    done = subprocess.run(f"{program()} decode {' '.join(map(str, recorded.files))} | head -1", shell=True,
                          capture_output=True, check=False, stdin=subprocess.DEVNULL,
                          executable="/bin/bash", env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0 and done.stderr == b""
    assert len(events_of(done.stdout)) == 1


def test_a_pipe_that_rests_is_printed_so_far(small):
    """As with `tail -f`: what has come is printed, though the end has not."""
    with subprocess.Popen([program(), "decode", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(small)
        process.stdin.flush()
        assert select.select([process.stdout], [], [], 60)[0]
        assert json.loads(process.stdout.readline())["specversion"] == "1.0"
        process.kill()


def test_a_full_disk_is_told(recorded):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([program(), "decode", *map(str, recorded.files)], stdout=full, stderr=subprocess.PIPE,
                              check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == INTERNAL
    assert b"Standard output cannot be written: No space left on device" in done.stderr


# -- damage

@pytest.fixture(scope="module")
def small(recorded, tmp_path_factory) -> bytes:
    """A file of a few transactions."""
    server = recorded.server
    first = switch_file(server)
    server.query("DROP DATABASE IF EXISTS cut; CREATE DATABASE cut; USE cut;"
                 "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20));"
                 "INSERT INTO t VALUES (1, 'one'), (2, 'two');"
                 "BEGIN; UPDATE t SET v = 'zwei' WHERE id = 2; DELETE FROM t WHERE id = 1; COMMIT;"
                 "INSERT INTO t VALUES (3, 'three');")
    files = copied(server, first, tmp_path_factory.mktemp("small"))
    assert len(files) == 1
    return files[0].read_bytes()


def borders(data: bytes) -> list[int]:
    """Where events begin, and the end of the file."""
    found = [4]
    while found[-1] < len(data):
        found.append(found[-1] + HEADER.unpack_from(data, found[-1])[3])
    assert found[-1] == len(data)
    return found


@pytest.mark.costly
def test_a_file_that_is_cut_anywhere(small, rng, tmp_path):
    path = tmp_path / "binlog.000007"
    path.write_bytes(small)
    full = millrace("decode", path)
    assert full.returncode == OK, errors(full)
    events = events_of(full.stdout)
    assert len(rows_of(events)) == 5
    edges = borders(small)
    ends = {offset: end for offset, end in zip(edges, edges[1:])}
    cuts = set(range(rng.randrange(37), len(small), 37)) | {edge + by for edge in edges for by in (-1, 0, 1, 18, 19)}
    for cut in sorted(cut for cut in cuts if 0 <= cut <= len(small)):
        path.write_bytes(small[:cut])
        done = millrace("decode", path)
        whole = [event for event in events if ends[int(event["cdcpos"])] <= cut]
        assert events_of(done.stdout) == whole, cut
        if cut in edges:
            assert (done.returncode, done.stderr) == (OK, b""), cut
            continue
        assert done.returncode == DATA, cut
        told = errors(done)
        assert "binlog.000007" in told, told
        if cut > 4:
            at = max(edge for edge in edges if edge < cut)
            assert re.search(rf"(:| offset ){at}: ", told) and "event" in told, (cut, told)


@pytest.mark.costly
def test_a_flipped_byte_is_never_believed(small, rng, tmp_path):
    path = tmp_path / "binlog.000007"
    path.write_bytes(small)
    events = events_of(millrace("decode", path).stdout)
    refused = 0
    places = range(rng.randrange(17), len(small), 17)
    for place in places:
        data = bytearray(small)
        data[place] ^= 0x10
        path.write_bytes(bytes(data))
        done = millrace("decode", path)
        printed = events_of(done.stdout)
        assert printed == events[:len(printed)], place
        if done.returncode == OK:
            assert printed == events, place
        else:
            assert done.returncode == DATA and "binlog.000007" in errors(done), (place, errors(done))
            refused += 1
    assert refused > len(places) * 0.8


@pytest.mark.parametrize("content, words", [
    (b"", "is not a binlog file"),
    (b"\xfeb", "is not a binlog file"),
    (b"Dear Sir or Madam,\nplease find enclosed\n", "is not a binlog file"),
    (b"\x28\xb5\x2f\xfd" + bytes(40), "must be unpacked first"),
    (b"\xfebin" + bytes(60), "4"),
    (b"\xfebin" + b"\xff" * 60, "4"),
])
def test_what_is_no_binlog_is_refused_in_words(content, words, tmp_path):
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    for done in (millrace("decode", path), millrace("decode", "-", stdin=content)):
        assert done.returncode == DATA
        assert done.stdout == b"" and words in errors(done) and errors(done).count("\n") == 1


def test_the_validator_finds_faults(decoded):
    """The judge of the tests above, judged."""
    good = rows_of(decoded)[0]
    assert cloudevent_faults(good) == []
    for wrong in ({"time": "2024-05-06 07:08:09"}, {"specversion": "0.3"}, {"cdcop": "x"}, {"Bad_Name": "x"},
                  {"partitionkey": 5}, {"type": "row"}, {"sequence": "12"}, {"data": {"after": None}}):
        assert cloudevent_faults({**good, **wrong}) != [], wrong
    assert cloudevent_faults({name: value for name, value in good.items() if name != "id"}) != []
    assert stream_faults([good, good]) != []

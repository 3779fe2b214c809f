# SPDX-License-Identifier: Apache-2.0
"""The twin as a process: its ready line, its end, and what a kill leaves in --data."""

import json
import os
import signal
import socket
import struct
import subprocess
import threading

import pytest

from twin_client import JSON_LINES, call

HERE = os.path.dirname(os.path.abspath(__file__))


def start(*arguments: str) -> tuple[subprocess.Popen, dict]:
    process = subprocess.Popen(["/usr/bin/python3", os.path.join(HERE, "twin.py"), *arguments],
                               stdout=subprocess.PIPE, text=True)
    return process, json.loads(process.stdout.readline())


@pytest.mark.parametrize("kind", ["doris", "starrocks"])
def test_ready_line_and_file_and_end(kind, tmp_path):
    ready = tmp_path / "ready"
    process, ports = start("--kind", kind, "--ready-file", str(ready))
    try:
        assert json.loads(ready.read_text()) == ports
        assert call(ports["http_port"], "GET", "/api/health").status == 200
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    process.stdout.close()


def test_kill_leaves_rows_and_labels_that_agree(tmp_path):
    """Every label that is known after the kill has its rows, and no row is without its label."""
    process, ports = start("--kind", "doris", "--data", str(tmp_path))
    query = ["CREATE DATABASE shop", "CREATE TABLE shop.t (id INT, n INT) DUPLICATE KEY(id) "
             'DISTRIBUTED BY HASH(id) PROPERTIES ("replication_num" = "1")']
    _sql(ports, query)
    answered = []

    def loader(worker: int) -> None:
        for turn in range(1000):
            number = worker * 1000 + turn
            try:
                answer = call(ports["backend_port"], "PUT", "/api/shop/t/_stream_load",
                              {**JSON_LINES, "label": f"l{number}"},
                              b'{"id":%d,"n":1}\n' % number * 10)
            except (OSError, ValueError):
                return
            if answer.json["Status"] == "Success":
                answered.append(number)
            if len(answered) > 60:
                process.kill()
                return

    workers = [threading.Thread(target=loader, args=(one,)) for one in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    process.wait(timeout=10)
    process.stdout.close()
    process, ports = start("--kind", "doris", "--data", str(tmp_path))
    try:
        rows = _sql(ports, ["SELECT id, count(*) FROM shop.t GROUP BY id"])
        found = {int(number): int(count) for number, count in rows}
        assert set(found.values()) == {10}
        assert set(answered) <= set(found)
        for number in range(3000):
            if number % 1000 > 60:
                continue
            state = call(ports["http_port"], "GET",
                         f"/api/shop/get_load_state?label=l{number}").json["data"]
            assert (state == "VISIBLE") == (number in found)
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


@pytest.fixture
def nursery(tmp_path):
    """What asks a nursery; its twins write to tmp_path / "log"."""
    process = subprocess.Popen(["/usr/bin/python3", os.path.join(HERE, "nursery.py")], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)

    def ask(*options: str, **asked: object):
        line = asked or {"start": options, "log": str(tmp_path / "log")}
        process.stdin.write(json.dumps(line) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())
    yield ask
    process.stdin.close()
    assert process.wait(timeout=60) == 0
    process.stdout.close()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_twins_of_a_nursery(nursery):
    """Each is a process of its own: what ends one does not touch the other."""
    doris, starrocks = nursery("--kind", "doris"), nursery("--kind", "starrocks")
    assert doris["kind"] == "doris" and starrocks["kind"] == "starrocks"
    _sql(doris, ["CREATE DATABASE shop"])
    assert _sql(starrocks, ["SHOW DATABASES LIKE 'shop'"]) == []
    for one, number in ((doris, signal.SIGKILL), (starrocks, signal.SIGTERM)):
        assert call(one["http_port"], "GET", "/api/health").status == 200
        assert _lives(one["pid"])
        assert nursery(kill=one["pid"], signal=number) is True
        assert not _lives(one["pid"])
        assert nursery(kill=one["pid"], signal=number) is True, "a twin that has ended already is as good"
    again = nursery("--kind", "doris", "--http-port", str(doris["http_port"]))
    assert again["http_port"] == doris["http_port"] and again["pid"] != doris["pid"]


def test_a_nursery_tells_of_a_twin_that_does_not_start(nursery, tmp_path):
    assert nursery("--kind", "oracle") is None
    assert "invalid choice: 'oracle'" in (tmp_path / "log").read_text()
    ports = nursery("--kind", "doris")
    assert nursery("--kind", "doris", "--http-port", str(ports["http_port"])) is None
    assert "Address already in use" in (tmp_path / "log").read_text()


def test_a_nursery_ends_with_its_input_and_its_twins_with_it(tmp_path):
    asked = json.dumps({"start": ["--kind", "doris"], "log": str(tmp_path / "log")}) + "\n"
    done = subprocess.run(["/usr/bin/python3", os.path.join(HERE, "nursery.py")], input=asked * 2, text=True, capture_output=True,
                          timeout=60, check=True)
    pids = [json.loads(line)["pid"] for line in done.stdout.splitlines()]
    assert len(pids) == 2 and not any(map(_lives, pids))


def _sql(ports: dict, statements: list[str]) -> list[list[str]]:
    """Through the MySQL port, by a client of a few lines: no password, text results."""
    with socket.create_connection(("127.0.0.1", ports["query_port"]), timeout=10) as sock:
        stream = sock.makefile("rb")

        def packet() -> bytes:
            head = stream.read(4)
            return stream.read(int.from_bytes(head[:3], "little"))

        def send(number: int, payload: bytes) -> None:
            sock.sendall(len(payload).to_bytes(3, "little") + bytes([number]) + payload)

        packet()
        send(1, struct.pack("<IIB23x", 0x8200, 1 << 24, 33) + b"root\0\0")
        assert packet()[:1] == b"\0"
        rows: list[list[str]] = []
        for statement in statements:
            send(0, b"\x03" + statement.encode())
            first = packet()
            assert first[:1] != b"\xff", first
            if first[:1] == b"\0":
                continue
            for _ in range(first[0] + 1):
                packet()
            while (row := packet())[:1] != b"\xfe":
                cells, at = [], 0
                while at < len(row):
                    cells.append(row[at + 1:at + 1 + row[at]].decode())
                    at += 1 + row[at]
                rows.append(cells)
        return rows

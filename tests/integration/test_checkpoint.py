# SPDX-License-Identifier: Apache-2.0
"""The checkpoint through the program: whose it is, what is done when it is harmed, who may use it.

In every refusal the files stay as they were, so that the remedy finds them.
"""

from __future__ import annotations

import json
import os
import pathlib
import struct
import subprocess

import pytest

from engine import Engine, run
from events import CHECKPOINT, OK, SOURCE

COUNTERS = ["counters"]
SCHEMA = "CREATE TABLE counters (a INT NOT NULL PRIMARY KEY, hits INT NOT NULL);"


def journal(engine: Engine) -> pathlib.Path:
    """The newest generation."""
    return max(engine.checkpoint.glob("journal.[0-9]*"))


def records(content: bytes) -> list[tuple[int, int, int]]:
    """(offset, size, type) of each record, by docs/formats.md."""
    found = []
    offset = struct.unpack_from("<I", content, 12)[0]
    while offset < len(content):
        payload, kind = struct.unpack_from("<IB", content, offset)
        found.append((offset, 16 + payload + 8, kind))
        offset += found[-1][1]
    return found


def files(engine: Engine) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in engine.checkpoint.iterdir() if path.name not in ("lock", "status")}


def refused(engine: Engine, *words: str, code: int = CHECKPOINT) -> None:
    """The engine does not start, says why, and leaves every byte where it was."""
    before = files(engine)
    engine.log_file.unlink(missing_ok=True)
    assert engine.start().wait() == code, engine.log()
    for word in words:
        assert word in engine.log(), engine.log()
    assert files(engine) == before


def carried(source, twin, engine: Engine, epochs: int = 3) -> None:
    """A stopped engine with a checkpoint of a few epochs."""
    engine.write(source.block(), twin.sink("10ms"))
    source.query(SCHEMA)
    engine.start().until_log("The pipeline runs.")
    for number in range(epochs):
        source.query(f"INSERT INTO counters VALUES ({number}, 1)")
        engine.until_epoch(number + 1)
    assert engine.stop() == OK


def goes_on(source, twin, engine, must_be_equal) -> None:
    source.query("INSERT INTO counters VALUES (1000, 1); UPDATE counters SET hits = hits + 1;")
    engine.start()
    must_be_equal(source, twin, engine, COUNTERS)
    assert engine.stop() == OK


# -- whose it is

def test_of_another_source(source_of, doris, engine, tmp_path):
    """A file and an offset of one server mean nothing on another."""
    mysql = source_of("mysql97")
    steps = ("ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF")
    mysql.query(" ".join(f"SET GLOBAL gtid_mode = {mode};" for mode in steps))
    try:
        carried(mysql, doris, engine)
    finally:
        mysql.query(" ".join(f"SET GLOBAL gtid_mode = {mode};" for mode in (*reversed(steps[:-1]), "ON")))
    mariadb = source_of("mariadb")
    mariadb.query(SCHEMA)
    engine.write(mariadb.block(), doris.sink("10ms"))
    refused(engine, "belongs to the source server", "`checkpoint.dir`")


def test_of_another_family(source_of, doris, engine):
    """MariaDB's GTIDs are no GTIDs of MySQL."""
    carried(source_of("mariadb"), doris, engine)
    mysql = source_of("mysql97")
    mysql.query(SCHEMA)
    engine.write(mysql.block(), doris.sink("10ms"))
    engine.log_file.unlink()
    before = engine.show()["position"]
    assert engine.start().wait() in (SOURCE, CHECKPOINT), engine.log()
    assert engine.show()["position"] == before


def test_of_the_same_data_on_another_server(mariadb, doris, engine, must_be_equal):
    """With GTIDs a promoted replica goes on where the old server ended."""
    carried(mariadb, doris, engine)
    mariadb.query("SET GLOBAL server_id = 4711;")
    try:
        goes_on(mariadb, doris, engine, must_be_equal)
    finally:
        mariadb.query("SET GLOBAL server_id = 1;")
    assert "The source is another server than before" in engine.log()


def test_of_another_pipeline(mariadb, doris, engine, must_be_equal):
    carried(mariadb, doris, engine)
    engine.write(mariadb.block(), doris.sink("10ms"), {"name": "renamed"})
    refused(engine, 'belongs to the pipeline \\"test\\"', 'the pipeline \\"renamed\\"')
    engine.write(mariadb.block(), doris.sink("10ms"))
    goes_on(mariadb, doris, engine, must_be_equal)


# -- harmed

def test_of_a_newer_format(mariadb, doris, engine, must_be_equal):
    carried(mariadb, doris, engine)
    whole = journal(engine).read_bytes()
    journal(engine).write_bytes(whole[:8] + struct.pack("<I", 2) + whole[12:])
    refused(engine, "newer Millrace", journal(engine).name)
    verified = run("checkpoint", "verify", str(engine.file))
    assert verified.returncode == CHECKPOINT and b"newer" in verified.stdout + verified.stderr
    journal(engine).write_bytes(whole)
    goes_on(mariadb, doris, engine, must_be_equal)


@pytest.mark.parametrize("part", ["length", "payload", "checksum"])
def test_damaged_in_the_middle(mariadb, doris, engine, must_be_equal, part):
    carried(mariadb, doris, engine)
    whole = journal(engine).read_bytes()
    offset, size, _ = records(whole)[2]
    at = {"length": offset, "payload": offset + 20, "checksum": offset + size - 1}[part]
    journal(engine).write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1:])
    refused(engine, journal(engine).name, str(offset))
    verified = run("checkpoint", "verify", "--json", str(engine.checkpoint))
    told = json.loads(verified.stdout)
    assert verified.returncode == CHECKPOINT and told["whole"] is False
    assert any(finding["verdict"] == "fail" and str(offset) in finding["text"] for finding in told["findings"])
    journal(engine).write_bytes(whole)
    goes_on(mariadb, doris, engine, must_be_equal)


@pytest.mark.parametrize("cut", [1, 9, 30])
def test_torn_tail(mariadb, doris, engine, must_be_equal, cut):
    """What a crash left of the last record is cut off; what it said is learned from the target again."""
    carried(mariadb, doris, engine)
    whole = journal(engine).read_bytes()
    journal(engine).write_bytes(whole[:-cut])
    goes_on(mariadb, doris, engine, must_be_equal)
    assert "they are cut off" in engine.log()
    assert run("checkpoint", "verify", str(engine.file)).returncode == OK


# -- who uses it, and where

def test_a_second_engine(mariadb, doris, engine, must_be_equal):
    engine.write(mariadb.block(), doris.sink("10ms"))
    mariadb.query(SCHEMA)
    engine.start().until_log("The pipeline runs.")
    second = Engine(engine.folder, file="second.yaml")
    second.write(mariadb.block(), doris.sink("10ms"), {"checkpoint.dir": engine.checkpoint})
    try:
        assert second.start().wait() == CHECKPOINT
        assert f"in use by process {engine.pid}" in second.log()
    finally:
        second.close()
    mariadb.query("INSERT INTO counters VALUES (1, 1)")
    must_be_equal(mariadb, doris, engine, COUNTERS)
    engine.kill9()  # the lock goes with the process, however it ended
    goes_on(mariadb, doris, engine, must_be_equal)


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of a few pages."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", str(folder)],
                          capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_full_disk(mariadb, doris, engine, tiny_disk, must_be_equal):
    """A record that cannot be written ends the engine; with space again the next start goes on."""
    engine.checkpoint = tiny_disk / "checkpoint"
    engine.write(mariadb.block(), doris.sink("10ms"), {"checkpoint.dir": engine.checkpoint})
    mariadb.query(SCHEMA)
    engine.start().until_log("The pipeline runs.")
    mariadb.query("INSERT INTO counters VALUES (1, 1)")
    engine.until_epoch(1)
    filler = tiny_disk / "filler"
    with open(filler, "wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(b"x" * 512)
    for number in range(2, 200):  # the last page of the journal has room for some records
        mariadb.query(f"INSERT INTO counters VALUES ({number}, 1)")
        if not engine.runs():
            break
    assert engine.wait() == CHECKPOINT
    assert "No space left" in engine.log_tail() and str(engine.checkpoint) in engine.log_tail()
    assert run("checkpoint", "verify", str(engine.file)).returncode == OK
    filler.unlink()
    goes_on(mariadb, doris, engine, must_be_equal)


# -- looking at it

def test_show_and_verify(mariadb, doris, engine):
    """Both look at a pipeline that runs and at one that does not, by its file and by its folder."""
    engine.write(mariadb.block(), doris.sink("10ms"))
    mariadb.query(SCHEMA)
    none = run("checkpoint", "show", str(engine.file))
    assert none.returncode == CHECKPOINT and b"has not run yet" in none.stderr
    engine.start().until_log("The pipeline runs.")
    mariadb.query("INSERT INTO counters VALUES (1, 1)")
    engine.until_carried(mariadb.place())
    for runs in (True, False):
        for argument in (str(engine.file), str(engine.checkpoint)):
            told = json.loads(run("checkpoint", "show", "--json", argument).stdout)
            file, offset = mariadb.place()
            assert (told["position"]["file"], told["position"]["offset"]) == (file, offset)
            assert told["position"]["gtid_set"] == mariadb.query("SELECT @@gtid_binlog_pos").strip()
            assert (told["epoch"], told["rows"], told["unfinished"]) == (1, 1, None)
            text = run("checkpoint", "show", argument)
            assert text.returncode == OK
            assert f"{file}:{offset}" in text.stdout.decode() and "unfinished   nothing" in text.stdout.decode()
            verified = run("checkpoint", "verify", "--json", argument)
            assert verified.returncode == OK and json.loads(verified.stdout)["whole"] is True
            assert run("checkpoint", "verify", argument).returncode == OK
        if runs:
            engine.must_run()
            assert engine.stop() == OK


def test_show_of_an_unfinished_epoch(mariadb, doris, engine, must_be_equal):
    """What a killed engine had begun stands there with its labels, and they are those that the target knows."""
    engine.write(mariadb.block(), doris.sink("10ms"))
    mariadb.query(SCHEMA)
    engine.start().until_log("The pipeline runs.")
    doris.fault("slow", 1, ms=1000)
    mariadb.query("INSERT INTO counters VALUES (1, 1), (2, 2)")
    engine.until(lambda: doris.shown("slow") == 1, what="the slow load")
    engine.kill9()
    unfinished = engine.show()["unfinished"]
    assert (unfinished["epoch"], unfinished["attempt"], len(unfinished["loads"])) == (1, 1, 1)
    load = unfinished["loads"][0]
    assert (load["db"], load["table"], load["rows"], load["done"]) == ("shop", "counters", 2, False)
    assert load["label"] in run("checkpoint", "show", str(engine.file)).stdout.decode()
    goes_on(mariadb, doris, engine, must_be_equal)
    assert f"shop {load['label']}" in doris.state()["labels"]

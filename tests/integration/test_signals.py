# SPDX-License-Identifier: Apache-2.0
"""Being told to stop, with the target there and with the target gone; and secrets, which show nowhere."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import time

import pytest

from conftest import PASSWORD
from engine import program, run
from events import OK, SINK, SOURCE, STOPPED
from workload import Workload, schema

COUNTERS = ["counters"]
SECRET = "An0ther-secret_of-the-sink"


def timed(action) -> float:
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


@pytest.mark.threads
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_stop_finishes_the_epoch(mariadb, twin, engine, rng, must_be_equal, number):
    """In the middle of a workload; what was read is durable, and the next start goes on behind it."""
    work = Workload(rng.randrange(10 ** 9))
    engine.write(mariadb.block(), twin.sink("300ms"))
    mariadb.query(schema())
    session = mariadb.session(work.transaction, 100)
    engine.start().until_log("The pipeline runs.")
    session.start()
    engine.until_epoch(1)
    engine.signal(number)
    assert engine.wait() == OK, engine.log_tail()
    assert engine.show()["unfinished"] is None
    assert "Told to stop" in engine.log()
    session.close()
    engine.start()
    must_be_equal(mariadb, twin, engine)
    assert engine.stop() == OK


def without_a_target(mariadb, twin, engine, statements, timeout="1s", **sink):
    """An engine in the middle of its work whose warehouse has died."""
    engine.write(mariadb.block(), twin.sink("20ms") | sink, {"stop.timeout": timeout})
    mariadb.query(schema(["counters", "texts"]))
    engine.start().until_log("The pipeline runs.")
    mariadb.query("INSERT INTO counters VALUES (1, 1, 1, NULL); INSERT INTO texts (code, big) VALUES ('k', '');")
    engine.until_carried(mariadb.place())
    twin.kill9()
    mariadb.query(statements)


def unfinished(engine) -> None:
    engine.until(lambda: engine.show()["unfinished"], what="an epoch that cannot be finished")


def stopped_and_nothing_lost(mariadb, twin, engine, must_be_equal) -> None:
    engine.signal(signal.SIGTERM)
    assert timed(engine.wait) < 25  # without the setting it were 30
    assert engine.exit_code() == STOPPED, engine.log_tail()
    assert "othing is lost" in engine.log_tail()
    twin.start()
    engine.start()
    must_be_equal(mariadb, twin, engine, ["counters", "texts"])
    assert engine.stop() == OK


@pytest.mark.costly
@pytest.mark.parametrize("kind", ["doris", "starrocks"])
def test_a_stop_without_the_target(mariadb, twin_of, engine, must_be_equal, kind):
    twin = twin_of(kind, kept=True)
    without_a_target(mariadb, twin, engine, "UPDATE counters SET hits = 2; DELETE FROM texts;")
    unfinished(engine)
    stopped_and_nothing_lost(mariadb, twin, engine, must_be_equal)


@pytest.mark.costly
@pytest.mark.parametrize("kind", ["doris", "starrocks"])
def test_a_stop_without_the_target_and_a_full_buffer(mariadb, twin_of, engine, must_be_equal, kind):
    """The engine waits for room in the middle of a transaction when it is told to stop."""
    twin = twin_of(kind, kept=True)
    rows = ", ".join(f"('k{number}', REPEAT('x', 20000))" for number in range(300))
    without_a_target(mariadb, twin, engine, f"INSERT INTO texts (code, big) VALUES {rows};",
                     **{"sink.buffer-flush.max-bytes": "1mb"})
    unfinished(engine)
    stopped_and_nothing_lost(mariadb, twin, engine, must_be_equal)


def test_a_second_signal_ends_the_wait(mariadb, twin_of, engine, must_be_equal):
    twin = twin_of("doris", kept=True)
    without_a_target(mariadb, twin, engine, "UPDATE counters SET hits = 2;", timeout="60s")
    unfinished(engine)
    engine.signal(signal.SIGTERM)
    engine.until_log("Told to stop")
    engine.signal(signal.SIGTERM)
    assert timed(engine.wait) < 45
    assert engine.exit_code() == STOPPED, engine.log_tail()
    twin.start()
    engine.start()
    must_be_equal(mariadb, twin, engine, COUNTERS)
    assert engine.stop() == OK


@pytest.mark.threads
def test_the_pipeline_file_is_read_again(mariadb, twin_of, engine, must_be_equal):
    """SIGHUP: one process, another file; a broken one changes nothing."""
    twin = twin_of("doris")
    source = mariadb.block()
    engine.write(source | {"tables": f"{mariadb.database}.counters"}, twin.sink("20ms"))
    mariadb.query(schema(["counters", "texts"]))
    mariadb.query("INSERT INTO counters VALUES (1, 1, 1, NULL); INSERT INTO texts (code, big) VALUES ('k', 'before');")
    engine.start().until_log("The pipeline runs.")
    engine.write(source | {"no.such.key": 1}, twin.sink("20ms"))
    engine.signal(signal.SIGHUP)
    engine.until_log("The pipeline file was not read again", 60)
    assert "no.such.key" in engine.log_tail()
    engine.write(source, twin.sink("20ms"))
    engine.signal(signal.SIGHUP)
    engine.until_log("The pipeline runs.", 60, times=2)
    mariadb.query("UPDATE counters SET hits = 2; UPDATE texts SET big = 'behind';")
    must_be_equal(mariadb, twin, engine, ["counters", "texts"])
    assert engine.stop() == OK
    assert "Told to read the pipeline file again" in engine.log()


def test_a_stop_while_the_target_is_asked_for_a_table(mariadb, twin_of, engine, must_be_equal):
    """A table that comes while the target is gone."""
    twin = twin_of("doris", kept=True)
    without_a_target(mariadb, twin, engine, schema(["numbers"]) + "INSERT INTO numbers (id) VALUES (1);")
    engine.until_log("A statement did not reach the target")
    stopped_and_nothing_lost(mariadb, twin, engine, must_be_equal)


def test_a_stop_while_an_unfinished_epoch_is_asked_for(mariadb, twin_of, engine, must_be_equal):
    """Begun again without the target, the engine waits for it; the epoch stays as it was."""
    twin = twin_of("doris", kept=True)
    without_a_target(mariadb, twin, engine, "UPDATE counters SET hits = 2;")
    unfinished(engine)
    engine.kill9()
    before = engine.show()["unfinished"]
    engine.start().until_log("The state of a load cannot be learned now")
    assert engine.show()["unfinished"] == before
    stopped_and_nothing_lost(mariadb, twin, engine, must_be_equal)


def test_a_reader_that_goes_away(mariadb):
    """`decode FILE | head -1` ends by itself and complains about nothing."""
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY, words TEXT);")
    mariadb.query("".join(f"INSERT INTO t VALUES ({n}, REPEAT('x', 5000));" for n in range(300)))
    file = mariadb.binlogs()[-1]
    child = subprocess.Popen([program(), "decode", str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             stdin=subprocess.DEVNULL)
    assert child.stdout.readline().startswith(b"{")
    child.stdout.close()
    told = child.stderr.read()
    assert child.wait(60) in (OK, -signal.SIGPIPE)
    assert told == b""


@pytest.mark.parametrize("kind", ["doris", "starrocks"])
def test_secrets_show_nowhere(mariadb, twin_of, engine, must_be_equal, kind):
    """Not in the most talkative log, not in what is printed, not in the process list, not on disk."""
    twin = twin_of(kind, password=SECRET)
    engine.write(mariadb.block(), twin.sink("20ms"))
    mariadb.query(schema(COUNTERS))
    engine.start("--log", "debug").until_log("The pipeline runs.")
    mariadb.query("INSERT INTO counters VALUES (1, 1, 1, NULL)")
    twin.fault("http_502")  # an answer that is quoted
    mariadb.query("INSERT INTO counters VALUES (1, 2, 1, NULL)")
    must_be_equal(mariadb, twin, engine, COUNTERS)
    shown = [pathlib.Path(f"/proc/{engine.pid}/cmdline").read_bytes()]
    assert engine.stop() == OK
    for arguments in (["config", "print", str(engine.file)], ["check", str(engine.file)],
                      ["checkpoint", "show", str(engine.file)], ["checkpoint", "show", "--json", str(engine.file)]):
        done = run("--log", "debug", *arguments)
        assert done.returncode == OK, done.stderr
        shown.append(done.stdout + done.stderr)
    # Wrong passwords are told as wrong, and not quoted either.
    engine.write(mariadb.block() | {"password": PASSWORD + "-wrong"}, twin.sink())
    engine.start()
    assert engine.wait() == SOURCE
    engine.write(mariadb.block(), twin.sink() | {"password": SECRET + "-wrong"})
    engine.start()
    assert engine.wait() == SINK
    shown += [engine.log_file.read_bytes(), *(path.read_bytes() for path in engine.checkpoint.iterdir())]
    assert b"***" in shown[1]
    for content in shown:
        for secret in (PASSWORD, SECRET):
            assert secret.encode() not in content
    assert oct(os.stat(engine.checkpoint).st_mode)[-3:] == "700"

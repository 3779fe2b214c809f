# SPDX-License-Identifier: Apache-2.0
"""Where a pipeline begins, how it goes on after a stop, and the settings of the source that it must live with."""

from __future__ import annotations

import contextlib
import time

import pytest

from events import OK, SOURCE, USAGE, EventPipeline, errors
from servers import wait_until

TABLE = "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(40), n INT UNSIGNED, e ENUM('a', 'b'));"


@pytest.fixture
def pipelines(tmp_path):
    """Makes pipelines into files; all end with the test."""
    made = []

    def make(source, name: str = "p", **keys) -> EventPipeline:
        block = {**source.block(), **{key.replace("__", "."): value for key, value in keys.items()}}
        made.append(EventPipeline(tmp_path / name, block))
        return made[-1]
    yield make
    for pipeline in made:
        pipeline.close()


@pytest.fixture
def shop(source):
    source.query(TABLE)
    return source


def insert(source, *ids: int) -> None:
    source.query(";".join(f"INSERT INTO t VALUES ({number}, 'v{number}', 4000000000, 'b')" for number in ids))


def is_mariadb(source) -> bool:
    return source.server.product == "MariaDB"


def gtids(source) -> str:
    """What the server has executed, as the key scan.startup.specific-offset.gtid-set takes it."""
    return source.server.value("SELECT @@GLOBAL.gtid_binlog_pos" if is_mariadb(source)
                               else "SELECT @@GLOBAL.gtid_executed").replace("\n", "").replace("\\n", "")


@contextlib.contextmanager
def settings(source, **values: str):
    """Global variables of the server for a while."""
    before = {name: source.server.value(f"SELECT @@GLOBAL.{name}") for name in values}
    try:
        for name, value in values.items():
            source.server.query(f"SET GLOBAL {name} = {value}")
        yield
    finally:
        for name, value in before.items():
            source.server.query(f"SET GLOBAL {name} = {value if value.isdigit() else repr(value)}")


# -- where it begins

def test_from_the_earliest(shop, pipelines):
    insert(shop, 1, 2)
    shop.server.query("FLUSH BINARY LOGS")
    insert(shop, 3)
    pipeline = pipelines(shop).start()
    pipeline.until_ids([1, 2, 3])
    insert(shop, 4)
    pipeline.until_ids([1, 2, 3, 4])
    assert pipeline.stop() == OK
    row = pipeline.rows()[0]["data"]["after"]
    assert row == {"id": 1, "v": "v1", "n": 4000000000, "e": "b"}


def test_from_the_latest(shop, pipelines):
    insert(shop, 1, 2)
    pipeline = pipelines(shop, scan__startup__mode="latest-offset").start()
    pipeline.until_log("The pipeline runs.")
    insert(shop, 3)
    pipeline.until_ids([3])
    assert pipeline.stop() == OK


def test_from_a_place_in_a_file(shop, pipelines):
    insert(shop, 1, 2)
    file, offset = shop.place()
    insert(shop, 3, 4)
    pipeline = pipelines(shop, scan__startup__mode="specific-offset")
    pipeline.source |= {"scan.startup.specific-offset.file": file, "scan.startup.specific-offset.pos": offset}
    pipeline.save()
    pipeline.start()
    pipeline.until_ids([3, 4])
    assert pipeline.stop() == OK


def test_from_a_gtid_set(shop, pipelines):
    insert(shop, 1, 2)
    done = gtids(shop)
    insert(shop, 3, 4)
    pipeline = pipelines(shop, scan__startup__mode="specific-offset")
    pipeline.source["scan.startup.specific-offset.gtid-set"] = done
    pipeline.save()
    pipeline.start()
    pipeline.until_ids([3, 4])
    assert pipeline.stop() == OK


def test_from_a_time(shop, pipelines):
    insert(shop, 1)
    shop.server.query("FLUSH BINARY LOGS")
    insert(shop, 2)
    second = int(shop.server.value("SELECT UNIX_TIMESTAMP()"))
    # A server that keeps whole seconds cannot tell before and after within one.
    wait_until(lambda: int(shop.server.value("SELECT UNIX_TIMESTAMP()")) > second, 60, "the next second")
    moment = int(shop.server.value("SELECT UNIX_TIMESTAMP()")) * 1000
    insert(shop, 3)
    shop.server.query("FLUSH BINARY LOGS")
    insert(shop, 4)
    pipeline = pipelines(shop, scan__startup__mode="timestamp")
    pipeline.source["scan.startup.timestamp-millis"] = moment
    pipeline.save()
    pipeline.start()
    pipeline.until_ids([3, 4])
    assert pipeline.stop() == OK


def test_places_that_are_none_are_refused(shop, pipelines):
    insert(shop, 1)
    file, offset = shop.place()
    insert(shop, 2)
    cases = [({"file": "binlog.999999", "pos": 4}, "binlog.999999"),
             ({"file": file, "pos": 999999999}, "999999999"),
             ({"gtid-set": "garbage"}, "garbage")]
    if not is_mariadb(shop):
        cases.append(({"gtid-set": "99999999-1111-1111-1111-111111111111:1-5"},
                      "99999999-1111-1111-1111-111111111111:1-5"))
    else:
        cases.append(({"gtid-set": "0-77-123456"}, "0-77-123456"))
        # MySQL's file is read from its beginning, for its GTIDs; there a place inside of an event is just a border.
        cases.append(({"file": file, "pos": offset + 7}, str(offset + 7)))
    for number, (keys, words) in enumerate(cases):
        pipeline = pipelines(shop, f"p{number}", scan__startup__mode="specific-offset")
        pipeline.source |= {f"scan.startup.specific-offset.{key}": value for key, value in keys.items()}
        pipeline.save()
        code, told = pipeline.refused()
        assert code in (SOURCE, USAGE) and words in told, (keys, code, told)
        assert pipeline.events() == []


def test_a_time_to_come_is_refused(shop, pipelines):
    pipeline = pipelines(shop, scan__startup__mode="timestamp")
    pipeline.source["scan.startup.timestamp-millis"] = int(time.time() + 3600) * 1000
    pipeline.save()
    code, told = pipeline.refused()
    assert code == USAGE and "lies in the future" in told


def test_a_table_that_is_made_while_it_runs(shop, pipelines):
    pipeline = pipelines(shop, tables=f"{shop.database}.t\\.*").start()
    pipeline.until_log("The pipeline runs.")
    shop.query("CREATE TABLE t2 (id INT PRIMARY KEY); INSERT INTO t2 VALUES (5)")
    pipeline.until_ids([5])
    assert pipeline.stop() == OK


# -- going on

def test_going_on_after_a_stop(shop, pipelines):
    pipeline = pipelines(shop)
    wanted = []
    for number in range(1, 5):
        insert(shop, number)
        wanted.append(number)
        pipeline.start()
        pipeline.until_ids(wanted)
        assert pipeline.stop() == OK
        if number == 2:
            shop.server.query("FLUSH BINARY LOGS")
    assert pipeline.ids() == [1, 2, 3, 4]


def test_going_on_without_gtids(source_of, pipelines):
    """MySQL with gtid_mode OFF: the place is a file and an offset."""
    source = source_of("mysql97")
    steps = ["ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF"]
    try:
        for mode in steps:
            source.server.query(f"SET GLOBAL gtid_mode = {mode}")
        source.server.query("RESET BINARY LOGS AND GTIDS")  # what has a GTID cannot be read in this mode
        source.query(TABLE)
        insert(source, 1, 2)
        pipeline = pipelines(source).start()
        pipeline.until_ids([1, 2])
        assert pipeline.stop() == OK
        source.server.query("FLUSH BINARY LOGS")
        insert(source, 3)
        pipeline.start()
        pipeline.until_ids([1, 2, 3])
        assert pipeline.stop() == OK
        assert all("cdcgtid" not in event for event in pipeline.rows()[-1:])
        assert pipeline.rows()[0]["id"].startswith("1/binlog.")
        checked = pipeline.check()
        assert checked.returncode == OK and b"gtid_mode is OFF" in checked.stdout
    finally:
        for mode in ["OFF_PERMISSIVE", "ON_PERMISSIVE", "ON"]:
            source.server.query(f"SET GLOBAL gtid_mode = {mode}")


def test_tagged_gtids(source_of, pipelines):
    source = source_of("mysql97")
    source.query(TABLE)
    source.query("SET gtid_next = 'AUTOMATIC:nightly'; INSERT INTO t (id) VALUES (1); "
                 "SET gtid_next = 'AUTOMATIC'; INSERT INTO t (id) VALUES (2); "
                 "SET gtid_next = 'AUTOMATIC:nightly'; INSERT INTO t (id) VALUES (3);")
    pipeline = pipelines(source).start()
    pipeline.until_ids([1, 2, 3])
    assert pipeline.stop() == OK
    assert [":nightly:" in event["cdcgtid"] for event in pipeline.rows()] == [True, False, True]
    source.query("SET gtid_next = 'AUTOMATIC:other'; INSERT INTO t (id) VALUES (4);")
    pipeline.start()
    pipeline.until_ids([1, 2, 3, 4])
    assert pipeline.stop() == OK
    assert "nightly" in pipeline.show()["position"]["gtid_set"]


# -- what the server may be set to

@pytest.mark.parametrize("metadata", ["NO_LOG", "MINIMAL", "FULL"])
def test_row_metadata(shop, pipelines, metadata):
    if metadata == "NO_LOG" and not is_mariadb(shop):
        pytest.skip("only MariaDB has NO_LOG")
    with settings(shop, binlog_row_metadata=metadata):
        insert(shop, 1)
        pipeline = pipelines(shop).start()
        pipeline.until_ids([1])
        assert pipeline.stop() == OK
    assert pipeline.rows()[0]["data"]["after"] == {"id": 1, "v": "v1", "n": 4000000000, "e": "b"}


def test_checksums_on_off_and_switched_while_it_runs(shop, pipelines):
    with settings(shop, binlog_checksum="NONE"):
        insert(shop, 1)
        pipeline = pipelines(shop).start()
        pipeline.until_ids([1])
        wanted = [1]
        for number, value in enumerate(["CRC32", "NONE", "CRC32"], 2):
            shop.server.query(f"SET GLOBAL binlog_checksum = {value}")
            insert(shop, number)
            wanted.append(number)
            pipeline.until_ids(wanted)
    insert(shop, 9)
    pipeline.until_ids([*wanted, 9])
    assert pipeline.stop() == OK
    assert "is made again" not in pipeline.log()


def test_compressed_transactions(source_of, pipelines):
    source = source_of("mysql97")
    source.query(TABLE)
    with settings(source, binlog_transaction_compression="ON"):
        insert(source, 1, 2)
        source.query("INSERT INTO t SELECT id + 100, REPEAT('x', 40), 1, 'a' FROM t")
        pipeline = pipelines(source).start()
        pipeline.until_ids([1, 2, 101, 102])
        assert pipeline.stop() == OK
        assert "TRANSACTION_PAYLOAD" in source.server.query("SHOW BINLOG EVENTS") \
            or "Transaction_payload" in source.server.query("SHOW BINLOG EVENTS")


def test_compressed_events(mariadb, pipelines):
    mariadb.query(TABLE)
    with settings(mariadb, log_bin_compress="ON", log_bin_compress_min_len="10"):
        mariadb.query("INSERT INTO t VALUES (1, REPEAT('x', 40), 1, 'a'), (2, REPEAT('y', 40), 1, 'b')")
        mariadb.query("UPDATE t SET n = 5 WHERE id = 2; DELETE FROM t WHERE id = 1")
        pipeline = pipelines(mariadb).start()
        pipeline.until(lambda: len(pipeline.rows()) >= 4, 60, "four events")
        assert pipeline.stop() == OK
        assert "Write_rows_compressed" in mariadb.server.query("SHOW BINLOG EVENTS")
    assert [event["cdcop"] for event in pipeline.rows()] == ["c", "c", "u", "d"]


@pytest.mark.parametrize("name, value, remedy", [
    ("binlog_format", "'STATEMENT'", "SET GLOBAL binlog_format = 'ROW'"),
    ("binlog_format", "'MIXED'", "SET GLOBAL binlog_format = 'ROW'"),
])
def test_settings_that_lose_rows_are_refused(shop, pipelines, name, value, remedy):
    pipeline = pipelines(shop)
    with settings(shop, **{name: value}):
        checked = pipeline.check()
        assert checked.returncode == SOURCE
        assert f"FAIL  {name} is {value[1:-1]}" in checked.stdout.decode()
        assert remedy in checked.stdout.decode()
        code, told = pipeline.refused()
        assert code == SOURCE and remedy in told, told
    assert pipeline.events() == []


def test_check_of_a_good_set_up(shop, pipelines):
    pipeline = pipelines(shop)
    checked = pipeline.check()
    text = checked.stdout.decode()
    assert checked.returncode == OK, text + errors(checked)
    assert "FAIL" not in text and "\n0 failed, 0 warned\n" in text, text
    for words in ("is understood", "The server's version is", "binlog_format is ROW", "binlog_row_metadata is FULL",
                  "We read as server-id", "log_bin is ON"):
        assert words in text, words
    assert pipeline.show() is None, "a check must not leave a checkpoint behind"


def test_check_of_a_table_that_is_not_there(shop, pipelines):
    pipeline = pipelines(shop, tables="nowhere.nothing")
    checked = pipeline.check()
    assert checked.returncode == SOURCE
    assert b"FAIL  No table on the server matches tables: nowhere.nothing" in checked.stdout
    code, told = pipeline.refused()
    assert code == SOURCE and "No table on the server matches tables: nowhere.nothing" in told

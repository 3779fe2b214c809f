# SPDX-License-Identifier: Apache-2.0
"""Transactions over several tables of StarRocks 4.0, as facts/starrocks.md 2.4 tells them."""

import pytest

from test_twin_labels import BAD, ROW
from twin_client import call


@pytest.fixture(params=["4.0.6", "4.2.1"])
def house(make, request):
    return bench_of(make, request.param)


def bench_of(make, version):
    bench = make("starrocks", version=version)
    for name in ("t", "u"):
        bench.table(name, "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    return bench


def step(bench, operation, label="l", body=None, table="t", **headers):
    return bench.transaction(operation, label, body, table, transaction_type="multi", **headers)


def test_all_tables_in_one_step(house):
    assert step(house, "begin") == {"Status": "OK", "Message": ""}
    for table in ("t", "u"):
        assert step(house, "load", body=ROW, table=table)["Status"] == "OK"
    assert house.rows("t") == house.rows("u") == []
    answer = step(house, "commit")
    assert (answer["Status"], answer["ChannelId"], answer["Prepared Channel Num"]) == ("OK", 0, 1)
    assert house.rows("t") == house.rows("u") == [(1, "a", 1)]
    assert house.label_state("l") == "VISIBLE"
    assert "has already committed" in step(house, "commit")["Message"]
    assert "Can not abort VISIBLE transaction" in step(house, "rollback")["Message"]
    assert "has already been commited" in step(house, "load", body=ROW)["Message"]
    assert step(house, "begin")["ExistingJobStatus"] == "COMMITED"


def test_its_label_is_known_late(make):
    for version, state in (("4.0.6", "UNKNOWN"), ("4.2.1", "PREPARE")):
        bench = bench_of(make, version)
        step(bench, "begin")
        assert bench.label_state("l") == "UNKNOWN"
        step(bench, "load", body=ROW)
        assert bench.label_state("l") == state


def test_rolled_back_and_its_label_used_up(house):
    step(house, "begin")
    step(house, "load", body=ROW)
    for _ in range(2):
        assert step(house, "rollback")["Status"] == "OK"
    assert "Can not commit CANCELLED transaction" in step(house, "commit")["Message"]
    again = step(house, "begin")
    assert (again["Status"], again["ExistingJobStatus"]) == ("LABEL_ALREADY_EXISTS", "CANCELLED")
    assert house.rows("t") == []


def test_labels_are_of_the_whole_server_and_nobody_checks_them(house):
    house.load("t", ROW, "l")
    assert step(house, "begin")["Status"] == "OK"  # a plain load's label is no hindrance
    house.sql("CREATE DATABASE other")
    assert step(house, "begin", db="other")["Status"] == "LABEL_ALREADY_EXISTS"


def test_rejected_rows_show_at_the_commit(house):
    step(house, "begin")
    assert step(house, "load", body=ROW)["Status"] == "OK"
    assert step(house, "load", body=BAD, table="u")["Status"] == "OK"
    assert "too many filtered rows" in step(house, "commit")["Message"]
    assert house.rows("t") == []
    assert step(house, "begin")["ExistingJobStatus"] == "CANCELLED"


def test_a_load_that_fails_ends_all(house):
    step(house, "begin")
    step(house, "load", body=ROW)
    assert step(house, "load", body=ROW, table="u", columns="id,,")["Status"] == "ANALYSIS_ERROR"
    assert "Can not commit CANCELLED" in step(house, "commit")["Message"]


def test_nothing_loaded_is_committed_and_unknown(house):
    step(house, "begin")
    assert step(house, "commit")["Status"] == "OK"
    assert house.label_state("l") == "UNKNOWN"


def test_no_prepare_and_nothing_before_4_0(make, house):
    step(house, "begin")
    assert "Unsupported operation: prepare" in step(house, "prepare")["Message"]
    assert "Unsupported operation: begin" in step(bench_of(make, "3.5.4"), "begin")["Message"]


def test_backends_refuse_it(house):
    for operation in ("begin", "commit", "rollback"):
        answer = call(house.be, "POST", f"/api/transaction/{operation}",
                      {"db": "shop", "label": "l", "transaction_type": "multi"}).json
        assert answer["Status"] == "INVALID_ARGUMENT" and "only be sent to FE nodes" in answer["Message"]
    told = {"db": "shop", "table": "t", "label": "l", "transaction_type": "multi", "format": "json"}
    assert "only be sent to FE nodes" in call(house.be, "PUT", "/api/transaction/load", told, ROW).json["Message"]


def test_a_new_leader_knows_only_what_was_committed(house):
    step(house, "begin", "done")
    step(house, "load", "done", ROW)
    step(house, "commit", "done")
    step(house, "begin")
    step(house, "load", body=ROW, table="u")
    house.fault("restart")
    assert "does not exist" in step(house, "commit")["Message"]
    assert step(house, "commit", "done")["Status"] == "OK"
    assert house.rows("u") == []


def test_its_time_is_twenty_seconds_unless_said(house):
    step(house, "begin", timeout="1")
    assert house.house.tasks.get("l").txn.timeout == 1
    step(house, "begin", "m")
    assert house.house.tasks.get("m").txn.timeout == 20
    house.house.tasks.get("l").txn.prepare_time -= 2
    assert step(house, "begin")["ExistingJobStatus"] == "CANCELLED"
    assert "Can not commit CANCELLED" in step(house, "commit")["Message"]


def test_a_commit_under_way(house):
    step(house, "begin")
    step(house, "load", body=ROW)
    task = house.house.tasks.get("l")
    task.state = "COMMITING"
    assert "is already committing" in step(house, "commit")["Message"]
    assert "during committing" in step(house, "rollback")["Message"]
    assert step(house, "begin")["ExistingJobStatus"] == "COMMITING"
    task.state = "BEGIN"
    assert step(house, "commit")["Status"] == "OK"
    assert house.rows("t") == [(1, "a", 1)]


def test_a_failed_commit_that_says_ok(house):
    house.fault("commit_lies")
    step(house, "begin")
    step(house, "load", body=BAD)
    assert step(house, "commit")["Status"] == "OK"
    assert house.rows("t") == []
    assert house.label_state("l") != "VISIBLE"

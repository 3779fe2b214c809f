# SPDX-License-Identifier: Apache-2.0
"""Loads that give some columns of a row (facts/doris.md 4, facts/starrocks.md 4). Cases named RT are
those of Doris's own regression tests, with their data and words."""

import json

import pytest

COLUMNS = "id BIGINT NOT NULL, name VARCHAR(20), n INT DEFAULT '7', must INT NOT NULL"
HEADER = {"doris": {"partial_columns": "true"}, "starrocks": {"partial_update": "true"}}
NOT_MOW = 'PROPERTIES ("replication_num" = "1", "enable_unique_key_merge_on_write" = "false")'


def lines(*rows: dict) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def counts(answer: dict) -> list[int]:
    return [answer[f"Number{what}Rows"] for what in ("Total", "Loaded", "Filtered")]


def fill(bench) -> None:
    bench.table("p", COLUMNS)
    answer = bench.load("p", lines({"id": 1, "name": "a", "n": 1, "must": 10},
                                   {"id": 2, "name": "b", "n": 2, "must": 20}),
                        columns="id,name,n,must").json
    assert answer["Status"] == "Success", answer


def some(bench, *rows: dict, columns: str, **headers: str) -> dict:
    return bench.load("p", lines(*rows), columns=columns, **HEADER[bench.kind], **headers).json


@pytest.fixture(params=["doris", "starrocks"])
def filled(request, make):
    bench = make(request.param)
    fill(bench)
    return bench


def test_the_other_columns_stay(filled):
    answer = some(filled, {"id": 1, "n": None}, {"id": 2, "n": 5}, columns="id,n")
    assert answer["Status"] == "Success" and counts(answer) == [2, 2, 0], answer
    assert filled.rows("p") == [(1, "a", None, 10), (2, "b", 5, 20)]
    assert some(filled, {"id": 2}, columns="id")["Status"] == "Success"
    assert filled.rows("p") == [(1, "a", None, 10), (2, "b", 5, 20)]


def test_without_the_header_they_do_not(filled):
    filled.table("loose", "id BIGINT NOT NULL, name VARCHAR(20), n INT DEFAULT '7'")
    filled.load("loose", lines({"id": 1, "name": "a", "n": 1}), columns="id,name,n")
    assert filled.load("loose", lines({"id": 1, "name": "b"}), columns="id,name").json["Status"] \
        == "Success"
    assert filled.rows("loose") == [(1, "b", 7)]
    answer = filled.load("p", lines({"id": 1, "name": "b"}), columns="id,name").json
    assert answer["Status"] == "Fail" and "Column has no default value" in answer["Message"]


def test_deletions(filled):
    mark = "__DORIS_DELETE_SIGN__" if filled.kind == "doris" else "__op"
    answer = some(filled, {"id": 1, mark: 1}, {"id": 2, mark: 0}, columns=f"id,{mark}")
    assert answer["Status"] == "Success", answer
    assert filled.rows("p") == [(2, "b", 2, 20)]


@pytest.mark.parametrize("kind,words", [
    ("doris", "Partial update should include all key columns, missing: id"),
    ("starrocks", "key column id not in partial update columns")])
def test_all_key_columns_are_needed(make, kind, words):
    bench = make(kind)
    fill(bench)
    for columns in ("name", "ID,name"):  # names are compared byte by byte
        answer = some(bench, {"id": 1, "name": "x"}, columns=columns)
        assert answer["Status"] == "Fail" and words in answer["Message"], answer
    # A name that is no column of the table is passed over, and so is one in another case.
    assert some(bench, {"id": 1, "NAME": "x", "other": 3}, columns="id,NAME,other")["Status"] \
        == "Success"
    assert bench.rows("p")[0] == (1, "a", 1, 10)


@pytest.mark.parametrize("kind,ddl,words", [
    ("doris", f"UNIQUE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 {NOT_MOW}",
     "Only unique key merge on write support partial update"),
    ("doris", 'DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 '
     'PROPERTIES ("replication_num" = "1")', "Only unique key merge on write support partial"),
    ("starrocks", 'DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 '
     'PROPERTIES ("replication_num" = "1")', "Only primary key table support partial update")])
def test_tables_that_cannot(make, kind, ddl, words):
    bench = make(kind)
    bench.sql(f"CREATE TABLE p (id BIGINT NOT NULL, name VARCHAR(20), n INT) {ddl}")
    answer = some(bench, {"id": 1, "n": 1}, columns="id,n")
    assert answer["Status"] == "Fail" and words in answer["Message"], answer
    assert bench.rows("p") == []


def test_rt_strict_mode(make):
    """Up to 3.0 strict mode filters rows of new keys."""
    bench = make("doris", version="2.1.7")
    fill(bench)
    rows = [{"id": 1, "n": 5}, {"id": 3, "n": 6}, {"id": 4, "n": 7}]
    answer = some(bench, *rows, columns="id,n", max_filter_ratio="0")
    assert answer["Status"] == "Fail" and "too many filtered rows" in answer["Message"], answer
    assert answer["NumberFilteredRows"] == 2 and bench.rows("p")[0] == (1, "a", 1, 10)
    answer = some(bench, *rows, columns="id,n", max_filter_ratio="1",
                  partial_update_new_key_behavior="ERROR")  # not known yet, so passed over
    assert answer["Status"] == "Success" and counts(answer) == [3, 1, 2], answer
    assert bench.rows("p") == [(1, "a", 5, 10), (2, "b", 2, 20)]


def test_rt_new_key_behavior(make):
    """Since 3.1 a header decides, whatever strict mode says."""
    bench = make("doris", version="3.1.0")
    fill(bench)
    answer = some(bench, {"id": 1, "n": 5}, {"id": 13, "n": 6}, columns="id,n",
                  partial_update_new_key_behavior="error")
    assert answer["Status"] == "Fail"
    assert "[E-7003]Can't append new rows in partial update when partial_update_new_key_behavior " \
        "is ERROR. Row with key=[13] is not in table." in answer["Message"], answer
    assert bench.rows("p")[0] == (1, "a", 1, 10)
    answer = some(bench, {"id": 13, "must": 6}, columns="id,must",
                  partial_update_new_key_behavior="append")
    assert answer["Status"] == "Success" and bench.rows("p")[-1] == (13, None, 7, 6)
    answer = some(bench, {"id": 14, "n": 6}, columns="id,n")
    assert "the unmentioned column `must` should have default value" in answer["Message"]
    answer = some(bench, {"id": 14, "n": 6}, columns="id,n", partial_update_new_key_behavior="x")
    assert "Invalid partial_update_new_key_behavior" in answer["Message"]


def test_starrocks_makes_new_rows(make):
    bench = make("starrocks")
    fill(bench)
    assert some(bench, {"id": 9, "must": 1}, columns="id,must")["Status"] == "Success"
    assert bench.rows("p")[-1] == (9, None, 7, 1)


def test_a_server_that_is_too_old_passes_over_the_header(make):
    bench = make("doris", version="1.2.4")
    bench.table("p", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    bench.load("p", lines({"id": 1, "name": "a", "n": 1}), columns="id,name,n")
    assert some(bench, {"id": 1, "n": 5}, columns="id,n")["Status"] == "Success"
    assert bench.rows("p") == [(1, None, 5)]


def test_not_while_the_schema_changes(make):
    bench = make("doris")
    fill(bench)
    bench.house.catalog.get("shop", "p").busy = True
    answer = some(bench, {"id": 1, "n": 5}, columns="id,n")
    assert "undergoing a 'schema changing process'" in answer["Message"], answer


def test_flexible_and_column_mode_are_refused(make):
    bench = make("doris")
    fill(bench)
    answer = some(bench, {"id": 1}, columns="id", unique_key_update_mode="UPDATE_FLEXIBLE_COLUMNS")
    assert "does not hold" in answer["Message"], answer
    bench = make("starrocks")
    fill(bench)
    answer = some(bench, {"id": 1}, columns="id", partial_update_mode="column")
    assert "does not hold" in answer["Message"], answer

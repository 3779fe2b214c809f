# SPDX-License-Identifier: Apache-2.0
"""Labels, their states and retention, two-phase commit, the transaction interface."""

import time

import pytest

from twin_client import Wire, call

ROW = b'{"id":1,"name":"a","n":1}\n'
BAD = b'{"id":"x","name":"a","n":1}\n'


def test_finished_label(both):
    first = both.load("t", ROW, "l").json
    again = both.load("t", ROW, "l").json
    assert again["TxnId"] == -1 and again["NumberTotalRows"] == 0
    assert (again["Status"], again["ExistingJobStatus"]) == ("Label Already Exists", "FINISHED")
    if both.kind == "doris":
        assert again["Message"] == ("[LABEL_ALREADY_EXISTS]TStatus: errCode = 2, detailMessage = "
                                    f"Label [l] has already been used, relate to txn "
                                    f"[{first['TxnId']}].")
    else:
        assert again["Message"] == "Label [l] has already been used."
    assert both.label_state("l") == "VISIBLE"
    assert both.state()["labels"] == {"shop l": 1}


def test_doris_new_versions_tell_the_state(make):
    bench = make("doris", version="3.1")
    bench.table("t", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    bench.load("t", ROW, "l")
    assert bench.load("t", ROW, "l").json["Message"].endswith(", status [VISIBLE].")


def test_label_is_of_the_database(both):
    both.table("u", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    both.load("t", ROW, "l")
    assert both.load("u", ROW, "l").json["Status"] == "Label Already Exists"


def test_failed_load_frees_its_label(both):
    assert both.load("t", BAD, "l").json["Status"] == "Fail"
    assert both.label_state("l") == "ABORTED"
    assert both.load("t", ROW, "l").json["Status"] == "Success"


@pytest.mark.parametrize("label", ["a.b", "a/b", "x" * 129, "a b"])
def test_label_format(both, label):
    assert "Label format error. regex: " in both.load("t", ROW, label).json["Message"]


def test_colon_is_for_doris_only(doris, starrocks):
    assert doris.load("t", ROW, "a:b").json["Status"] == "Success"
    assert starrocks.load("t", ROW, "a:b").json["Status"] == "Fail"


def open_load(bench, label, size=100):
    """A load that stays in the middle of its body."""
    wire = Wire(bench.be)
    wire.head("PUT", "/api/shop/t/_stream_load", {
        "Authorization": "Basic cm9vdDo=", "label": label, "format": "json", "Expect":
        "100-continue", "read_json_by_line": "true", "Content-Length": str(size)})
    assert wire.answer().status == 100
    wire.sock.sendall(ROW)
    return wire


def until(predicate, seconds=5):
    deadline = time.monotonic() + seconds
    while not predicate():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_running_label(both):
    wire = open_load(both, "l")
    assert both.label_state("l") == "PREPARE"
    assert both.load("t", ROW, "l").json["ExistingJobStatus"] == "RUNNING"
    wire.close()


def test_client_that_dies_in_its_body_leaves_nothing(both):
    wire = open_load(both, "l")
    wire.close()
    until(lambda: both.label_state("l") == "ABORTED")
    assert both.rows("t") == []
    assert both.load("t", ROW, "l").json["Status"] == "Success"


def test_prepare_times_out(both):
    wire = open_load(both, "slow")
    txn = both.house.transactions.newest("shop", "slow")
    txn.busy, txn.timeout = False, 0.0
    until(lambda: both.label_state("slow") == "ABORTED")
    assert txn.reason == "timeout by txn manager"
    wire.close()


def test_labels_are_forgotten_by_number_and_age(make):
    bench = make("doris", label_keep_count=2, label_keep_seconds=0.5)
    bench.table("t", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    for label in "abc":
        bench.load("t", ROW, label)
    assert [bench.label_state(label) for label in "abc"] == ["UNKNOWN", "VISIBLE", "VISIBLE"]
    assert bench.load("t", ROW, "a").json["Status"] == "Success"
    until(lambda: bench.label_state("c") == "UNKNOWN")


def test_running_limit(make):
    bench = make("doris", max_running=1)
    bench.table("t", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    wire = open_load(bench, "one")
    text = bench.load("t", ROW, "two").json["Message"]
    assert "current running txns on db shop is 1, larger than limit 1" in text
    wire.close()


# --- Doris, two-phase commit (facts/doris.md 2) ---

def test_two_phase_commit(doris):
    """RT test_stream_load_2pc."""
    answer = doris.load("t", ROW, "l", two_phase_commit="true").json
    number = str(answer["TxnId"])
    assert (answer["Status"], answer["TwoPhaseCommit"]) == ("Success", "true")
    assert doris.rows("t") == [] and doris.label_state("l") == "PRECOMMITTED"
    again = doris.load("t", ROW, "l", two_phase_commit="true").json
    assert again["ExistingJobStatus"] == "PRECOMMITTED"
    assert f"has already been used, relate to txn [{number}]" in again["Message"]
    assert doris.two_phase("commit", txn_id=number) == {
        "status": "Success", "msg": f"transaction [{number}] commit successfully."}
    assert doris.rows("t") == [(1, "a", 1)]
    second = doris.two_phase("commit", txn_id=number)
    assert second["status"] == "ANALYSIS_ERROR"
    assert f"transaction [{number}] is already visible, not pre-committed." in second["msg"]
    assert "is already VISIBLE, could not abort." in doris.two_phase("abort", txn_id=number)["msg"]


def test_two_phase_abort_and_by_label(doris):
    number = str(doris.load("t", ROW, "l", two_phase_commit="true").json["TxnId"])
    assert doris.two_phase("abort", label="l")["msg"] == "label [l] abort successfully."
    text = doris.two_phase("commit", txn_id=number)["msg"]
    assert f"transaction [{number}] is already aborted. abort reason: User Abort" in text
    text = doris.two_phase("abort", txn_id=number)["msg"]
    assert f"transaction [{number}] is already aborted, abort reason: User Abort" in text
    assert doris.load("t", ROW, "l", two_phase_commit="true").json["Status"] == "Success"
    assert doris.two_phase("commit", label="l")["status"] == "Success"
    assert doris.rows("t") == [(1, "a", 1)]


def test_two_phase_refusals(doris):
    assert "transaction [77] not found" in doris.two_phase("commit", txn_id="77")["msg"]
    assert "transaction not found, label=no" in doris.two_phase("abort", label="no")["msg"]
    assert "should be 'commit' or 'abort'" in doris.two_phase("sing", txn_id="1")["msg"]
    assert "convert txn_id [x] failed" in doris.two_phase("commit", txn_id="x")["msg"]
    assert doris.two_phase("commit", port=doris.fe) == {
        "status": "FAILED", "msg": "No transaction id or label selected."}


def test_two_phase_redirect_needs_no_expect(doris):
    answer = call(doris.fe, "PUT", "/api/shop/_stream_load_2pc",
                  {"txn_id": "1", "txn_operation": "commit", "Content-Length": "0"})
    assert answer.status == 307


def test_precommit_times_out(make):
    bench = make("doris", prepared_timeout=0.2)
    bench.table("t", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    number = str(bench.load("t", ROW, "l", two_phase_commit="true").json["TxnId"])
    until(lambda: bench.label_state("l") == "ABORTED")
    assert "abort reason: timeout by txn manager" in bench.two_phase("commit", txn_id=number)["msg"]


def test_precommitted_survives_a_new_process(make, tmp_path):
    first = make("doris", data=str(tmp_path))
    first.table("t", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    first.load("t", b'{"id":5,"name":"e","n":5}\n', "done")
    number = str(first.load("t", ROW, "l", two_phase_commit="true").json["TxnId"])
    first.stop()
    first.house.catalog.db.close()
    from twin import Twin
    from warehouse import Options
    second = Twin(Options(kind="doris", data=str(tmp_path))).start()
    try:
        answer = call(second.backend.port, "PUT", "/api/shop/_stream_load_2pc", {
            "txn_operation": "commit", "txn_id": number, "Content-Length": "0"}).json
        assert answer["status"] == "Success"
        table = second.house.catalog.get("shop", "t")
        assert second.house.catalog.row_count(table) == 2
        answer = call(second.backend.port, "PUT", "/api/shop/t/_stream_load", {"label": "done"},
                      b"")
        assert answer.json["ExistingJobStatus"] == "FINISHED"
    finally:
        second.stop()


def test_light_change_between_precommit_and_commit(doris):
    """RT test_stream_load_2pc_with_schema_change, with value columns."""
    number = str(doris.load("t", ROW, "l", two_phase_commit="true").json["TxnId"])
    doris.sql("ALTER TABLE t ADD COLUMN extra INT DEFAULT '7'; ALTER TABLE t DROP COLUMN n")
    assert doris.two_phase("commit", txn_id=number)["status"] == "Success"
    assert doris.rows("t") == [(1, "a", 7)]


# --- StarRocks, the transaction interface (facts/starrocks.md 2.1) ---

def test_transaction_flow(starrocks):
    step = starrocks.transaction
    assert step("begin", "l")["Status"] == "OK"
    assert step("begin", "l")["ExistingJobStatus"] == "RUNNING"
    assert step("load", "l", ROW)["LoadBytes"] == len(ROW)
    assert step("load", "l", b'{"id":2,"name":"b","n":2}')["Status"] == "OK"
    prepared = step("prepare", "l")
    assert (prepared["Status"], prepared["NumberLoadedRows"]) == ("OK", 2)
    assert starrocks.label_state("l") == "PREPARED" and starrocks.rows("t") == []
    assert step("prepare", "l")["Status"] == "TXN_NOT_EXISTS"
    assert step("load", "l", ROW)["Status"] == "TXN_NOT_EXISTS"
    assert step("commit", "l")["Status"] == "OK"
    assert starrocks.rows("t") == [(1, "a", 1), (2, "b", 2)]
    again = step("commit", "l")
    assert again["Status"] == "OK" and "has already committed, label is l" in again["Message"]
    late = step("rollback", "l")
    assert late["Status"] == "FAILED" and "Can not abort VISIBLE transaction" in late["Message"]
    assert step("load", "l", ROW)["Status"] == "TXN_NOT_EXISTS"
    assert step("begin", "l")["ExistingJobStatus"] == "FINISHED"


def test_transaction_rollback(starrocks):
    step = starrocks.transaction
    step("begin", "l")
    assert step("rollback", "l")["Status"] == "OK"
    assert "has already aborted" in step("rollback", "l")["Message"]
    text = step("commit", "l")["Message"]
    assert "Can not commit ABORTED transaction" in text
    assert step("begin", "l")["Status"] == "OK"  # the label is free again


def test_transaction_without_begin(starrocks):
    for operation in ("prepare", "commit", "rollback"):
        assert starrocks.transaction(operation, "none")["Status"] == "FAILED"
    assert starrocks.transaction("load", "none", ROW)["Status"] == "FAILED"


def test_transaction_commit_without_load(starrocks):
    starrocks.transaction("begin", "l")
    answer = starrocks.transaction("commit", "l")
    assert answer["Status"] == "INTERNAL_ERROR" and "hasn't send any data yet" in answer["Message"]
    assert starrocks.label_state("l") == "ABORTED"


def test_transaction_load_that_fails_rolls_back(starrocks):
    step = starrocks.transaction
    step("begin", "l")
    assert step("load", "l", ROW, columns="id,,")["Status"] == "ANALYSIS_ERROR"
    assert step("load", "l", ROW)["Status"] == "TXN_NOT_EXISTS"


def test_transaction_rejected_rows_show_at_prepare(starrocks):
    step = starrocks.transaction
    step("begin", "l")
    assert step("load", "l", BAD)["Status"] == "OK"
    assert "too many filtered rows" in step("prepare", "l")["Message"]
    assert starrocks.label_state("l") == "ABORTED"


@pytest.mark.parametrize("body,status", [(b"1,a,1\n2,b,2\n", "OK"), (b"1,a,1\n2,b,2",
                                                                      "DATA_QUALITY_ERROR")])
def test_transaction_csv_rows_end_in_their_delimiter(starrocks, body, status):
    step = starrocks.transaction
    step("begin", "l")
    step("load", "l", body, format="csv", column_separator=",", columns="id,name,n")
    assert step("prepare", "l")["Status"] == status


def test_transaction_loads_must_be_alike(starrocks):
    step = starrocks.transaction
    step("begin", "l")
    step("load", "l", ROW)
    assert step("load", "l", ROW, columns="id,name")["Message"] == "load request not equal last."


def test_transaction_timeouts(make):
    starrocks = make("starrocks", version="3.5.4")  # the first that takes the header, 2.2
    starrocks.table("t", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    step = starrocks.transaction
    assert "Invalid prepared_timeout: x" in (
        step("begin", "l") and step("prepare", "l", prepared_timeout="x"))["Message"]
    step("load", "l", ROW)
    step("prepare", "l", prepared_timeout="1")
    until(lambda: starrocks.label_state("l") == "ABORTED")


def test_an_older_server_has_its_own_prepared_timeout(starrocks):
    step = starrocks.transaction
    step("begin", "l")
    step("load", "l", ROW)
    assert step("prepare", "l", prepared_timeout="1")["Status"] == "OK"
    time.sleep(1.2)
    assert starrocks.label_state("l") == "PREPARED"


def test_doris_in_cloud_mode(make):
    doris = make("doris", cloud=True)
    assert "(Cloud Mode)" in doris.sql("SELECT @@version_comment LIMIT 1")[0][0]
    doris.table("t", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    answer = doris.load("t", ROW, "l", two_phase_commit="true").json
    assert answer["Status"] == "Fail"
    assert "stream load 2pc is unsupported for mow table" in answer["Message"]


def test_starrocks_cancel(starrocks):
    starrocks.transaction("begin", "l")
    path = "/api/shop/t/_cancel?label=l"
    assert call(starrocks.fe, "POST", path).json["status"] == "OK"
    assert "running transaction not found, label=l" in call(starrocks.fe, "POST", path).json["msg"]


def test_multi_table_transactions_are_refused(starrocks):
    answer = starrocks.transaction("begin", "l", transaction_type="multi")
    assert answer["Status"] == "FAILED" and "Unsupported operation" in answer["Message"]

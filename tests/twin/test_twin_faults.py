# SPDX-License-Identifier: Apache-2.0
"""Every fault shows what it promises, once, and is counted; loads at once do not disturb others."""

import threading
import time
import urllib.parse

import pytest

from twin_client import Wire, call

ROW = b'{"id":1,"name":"a","n":1}\n'
LOAD = "/api/shop/t/_stream_load"
PROBE = {"Expect": "100-continue", "Content-Length": "0"}


def test_lose_answer(both):
    both.fault("lose_answer")
    with pytest.raises(OSError):
        both.load("t", ROW, "l")
    assert both.label_state("l") == "VISIBLE" and len(both.rows("t")) == 1
    assert both.load("t", ROW, "l").json["ExistingJobStatus"] == "FINISHED"
    state = both.state()
    assert state["faults"] == {"lose_answer": 1} and state["labels"] == {"shop l": 1}


def test_lose_answer_of_a_precommit(doris):
    doris.fault("lose_answer")
    with pytest.raises(OSError):
        doris.load("t", ROW, "l", two_phase_commit="true")
    assert doris.label_state("l") == "PRECOMMITTED"
    doris.fault("lose_answer")
    with pytest.raises(OSError):
        doris.two_phase("commit", label="l")
    assert doris.rows("t") == [(1, "a", 1)]


def test_lose_request(both):
    both.fault("lose_request")
    with pytest.raises(OSError):
        both.load("t", ROW * 1000, "l")
    assert both.label_state("l") == "ABORTED" and both.rows("t") == []


def test_publish_timeout(both):
    both.fault("publish_timeout", ms=200)
    answer = both.load("t", ROW, "l").json
    assert (answer["Status"], answer["NumberLoadedRows"]) == ("Publish Timeout", 1)
    if both.kind == "doris":
        assert answer["Message"] == ("[PUBLISH_TIMEOUT]TStatus: transaction commit successfully, "
                                     "BUT data will be visible later")
    assert both.label_state("l") == "COMMITTED"
    assert both.load("t", ROW, "l").json["ExistingJobStatus"] == "FINISHED"
    deadline = time.monotonic() + 5
    while both.label_state("l") != "VISIBLE":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_redirect_dead(both):
    both.fault("redirect_dead")
    dead = urllib.parse.urlsplit(call(both.fe, "PUT", LOAD, PROBE).headers["location"])
    with pytest.raises(ConnectionRefusedError):
        Wire(dead.port)
    alive = urllib.parse.urlsplit(call(both.fe, "PUT", LOAD, PROBE).headers["location"])
    assert alive.port == both.be


@pytest.mark.parametrize("fault,doris_text,starrocks_text", [
    ("too_many_versions", "[E-235]failed to init rowset builder. version count: 2001",
     "Too many versions. tablet_id: 10010"),
    ("mem_limit", "[MEM_LIMIT_EXCEEDED]", "Memory of process exceed limit"),
    ("running_txn_limit", "current running txns on db", "current running txns on db"),
    ("data_error", "[DATA_QUALITY_ERROR]too many filtered rows", "too many filtered rows"),
])
def test_refusals(both, fault, doris_text, starrocks_text):
    both.fault(fault, table="t")
    answer = both.load("t", ROW, "l").json
    text = doris_text if both.kind == "doris" else starrocks_text
    assert answer["Status"] == "Fail" and text in answer["Message"]
    assert both.rows("t") == []
    assert both.load("t", ROW, "l").json["Status"] == "Success"


def test_row_error(both):
    """Rows are refused by what they hold, and the answer says how many of how many."""
    both.fault("row_error", count=-1, value="bad")
    body = b'{"id":1,"name":"good","n":1}\n{"id":2,"name":"bad","n":2}\n{"id":3,"name":"good","n":3}\n'
    answer = both.load("t", body, "l").json
    assert answer["Status"] == "Fail" and "too many filtered rows" in answer["Message"], answer
    assert (answer["NumberTotalRows"], answer["NumberFilteredRows"]) == (3, 1), answer
    assert both.rows("t") == []
    assert both.load("t", b'{"id":1,"name":"good","n":1}\n', "l").json["Status"] == "Success"


def test_fault_of_another_table_and_taking_back(both):
    both.fault("mem_limit", table="shop.other", count=-1)
    assert both.load("t", ROW, "l").json["Status"] == "Success"
    both.fault("mem_limit", table="shop.t", count=-1)
    for _ in range(2):
        assert both.load("t", ROW, "m").json["Status"] == "Fail"
    both.fault("mem_limit", count=0)
    assert both.load("t", ROW, "m").json["Status"] == "Success"
    assert both.state()["faults"] == {"mem_limit": 2}


@pytest.mark.parametrize("committed", [True, False])
def test_fail_commit_unknown(both, committed):
    both.fault("fail_commit_unknown", committed=committed)
    answer = both.load("t", ROW, "l", timeout="600").json
    assert answer["Status"] == "Fail"
    assert both.label_state("l") == ("VISIBLE" if committed else "PREPARE")
    assert len(both.rows("t")) == committed
    again = both.load("t", ROW, "l").json
    assert again["ExistingJobStatus"] == ("FINISHED" if committed else "RUNNING")


def test_slow(both):
    both.fault("slow", ms=300)
    start = time.monotonic()
    assert both.load("t", ROW).json["Status"] == "Success"
    assert time.monotonic() - start >= 0.3


def test_http_502_and_auth_down(both):
    both.fault("http_502")
    assert call(both.fe, "PUT", LOAD, PROBE).status == 502
    both.fault("auth_down")
    answer = call(both.fe, "PUT", LOAD, PROBE)
    assert answer.status == (200 if both.kind == "doris" else 401)
    assert b"Access denied" in answer.body
    assert call(both.fe, "PUT", LOAD, PROBE).status == 307


def test_truncated_answer(both):
    both.fault("truncated_answer")
    with pytest.raises(ConnectionError, match="truncated"):
        both.load("t", ROW, "l")
    assert both.label_state("l") == "VISIBLE"


def test_label_forgotten(both):
    both.load("t", ROW, "l")
    both.fault("label_forgotten")
    assert both.label_state("l") == "UNKNOWN"
    assert both.load("t", ROW, "l").json["Status"] == "Success"
    assert both.state()["labels"] == {"shop l": 2}  # a test's proof of a double commit


def test_restart(both):
    wire = Wire(both.be)
    wire.head("PUT", LOAD, {"Authorization": "Basic cm9vdDo=", "label": "open", "format": "json",
                            "Expect": "100-continue", "read_json_by_line": "true",
                            "Content-Length": "1000"})
    assert wire.answer().status == 100
    if both.kind == "doris":
        both.load("t", ROW, "kept", two_phase_commit="true")
    else:
        for operation, body in (("begin", None), ("load", ROW), ("prepare", None)):
            both.transaction(operation, "kept", body)
    both.load("t", ROW, "done")
    both.fault("restart")
    with pytest.raises(OSError):
        wire.answer()
    wire.close()
    assert both.label_state("open") == "UNKNOWN"
    assert both.label_state("kept") == ("PRECOMMITTED" if both.kind == "doris" else "PREPARED")
    assert both.label_state("done") == "VISIBLE"
    assert both.load("t", ROW, "open").json["Status"] == "Success"


def test_unknown_fault_is_an_error(both):
    answer = call(both.fe, "POST", "/twin/fault", body=b'{"fault":"nope"}', expect=False)
    assert answer.status == 400


def test_eight_loads_at_once(both):
    failures = []

    def loader(worker: int) -> None:
        for turn in range(5):
            body = b"".join(b'{"id":%d,"name":"w","n":%d}\n' % (worker * 1000 + row, turn)
                            for row in range(200))
            answer = both.load("t", body, f"w{worker}-{turn}").json
            if (answer["Status"], answer["NumberLoadedRows"]) != ("Success", 200):
                failures.append(answer)

    workers = [threading.Thread(target=loader, args=(one,)) for one in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures
    rows = both.rows("t")
    assert len(rows) == 1600 and {row[2] for row in rows} == {4}
    assert len(both.state()["labels"]) == 40


def test_one_label_from_eight_clients_commits_once(both):
    answers = []
    workers = [threading.Thread(target=lambda: answers.append(both.load("t", ROW, "same").json))
               for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    statuses = sorted(one["Status"] for one in answers)
    assert statuses == ["Label Already Exists"] * 7 + ["Success"]
    assert both.state()["labels"] == {"shop same": 1}


def test_rows_and_label_are_one_step(both, monkeypatch):
    """A failure between the rows and the label's fate must take the rows back."""
    def broken(*_):
        raise RuntimeError("told to fail by a test")
    monkeypatch.setattr(both.house.transactions, "committed", broken)
    assert both.load("t", ROW, "l").status == 500
    assert both.rows("t") == [] and both.state()["labels"] == {}


def test_discard_counts_and_keeps_the_protocol(make):
    bench = make("doris", discard=True)
    bench.table("t", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    body = ROW * 200001
    answer = bench.load("t", body, "l").json
    assert (answer["Status"], answer["NumberTotalRows"], answer["NumberLoadedRows"],
            answer["LoadBytes"]) == ("Success", 200001, 200001, len(body))
    assert bench.load("t", body[:-1], "m").json["NumberTotalRows"] == 200001
    assert bench.load("t", ROW, "l").json["Status"] == "Label Already Exists"
    answer = bench.load("t", b"1|@|2|@|3|@|", format="csv", line_delimiter="|@|",
                        read_json_by_line=None).json
    assert answer["NumberTotalRows"] == 3
    assert bench.rows("t") == []
    state = bench.state()
    assert (state["loads"], state["bytes"]) == (3, 2 * len(body) - 1 + 12)

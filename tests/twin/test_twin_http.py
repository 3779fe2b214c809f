# SPDX-License-Identifier: Apache-2.0
"""The frontends and the head of a load: who answers what before any body byte."""

import base64

import pytest

from twin_client import AUTH, Wire, call

LOAD = "/api/shop/t/_stream_load"
ROW = b'{"id":1,"name":"a","n":1}\n'


def test_doris_redirect_carries_the_users_name(doris):
    answer = call(doris.fe, "PUT", LOAD, {"Expect": "100-continue", "Content-Length": "0"})
    assert answer.status == 307
    assert answer.headers["location"] == f"http://root:@127.0.0.1:{doris.be}{LOAD}?"
    assert answer.headers["content-type"] == "text/html;charset=utf-8"


def test_doris_redirect_of_new_versions_has_no_dangling_question_mark(make):
    bench = make("doris", version="3.0", password="p@ss/w")
    auth = {"Authorization": "Basic " + base64.b64encode(b"root:p@ss/w").decode()}
    answer = call(bench.fe, "PUT", LOAD, {"Expect": "x", "Content-Length": "0", **auth}, auth=False)
    assert answer.headers["location"] == f"http://root:p%40ss%2Fw@127.0.0.1:{bench.be}{LOAD}"


def test_doris_frontend_wants_expect(doris):
    answer = call(doris.fe, "PUT", LOAD, {"Content-Length": "0"})
    assert (answer.status, answer.body) == (
        200, b'{"status":"FAILED","msg":"There is no 100-continue header"}')


def test_doris_frontend_password(doris):
    answer = call(doris.fe, "PUT", LOAD, {"Expect": "100-continue"}, auth=False)
    assert answer.status == 200
    assert answer.json == {"msg": "Unauthorized", "code": 401, "data": "Need auth information.",
                           "count": 0}


def test_starrocks_redirect_closes_and_carries_nobody(starrocks):
    answer = call(starrocks.fe, "PUT", LOAD + "?a=1", {"Expect": "100-continue",
                                                      "Content-Length": "0"})
    assert answer.status == 307
    assert answer.headers["location"] == f"http://127.0.0.1:{starrocks.be}{LOAD}?a=1"
    assert answer.headers["connection"] == "close"


def test_starrocks_frontend_wants_expect(starrocks):
    answer = call(starrocks.fe, "PUT", LOAD, {"Content-Length": "0"})
    assert answer.status == 200
    assert answer.body == (b'{\n  "Status": "FAILED",\n  "Message": "class com.starrocks.common.'
                           b'DdlException: There is no 100-continue header"\n}')


def test_starrocks_frontend_password(starrocks):
    answer = call(starrocks.fe, "PUT", LOAD, {"Expect": "100-continue"}, auth=False)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Basic realm=""'
    assert answer.json["message"] == "Need auth information."


def test_health(both):
    assert call(both.fe, "GET", "/api/health", auth=False).status == 200


def test_doris_backends_and_schema(doris):
    backends = call(doris.fe, "GET", "/api/backends?is_alive=true").json
    assert backends["data"]["backends"] == [{"ip": "127.0.0.1", "http_port": doris.be,
                                             "is_alive": True}]
    schema = call(doris.fe, "GET", "/api/shop/t/_schema").json["data"]
    assert schema["keysType"] == "UNIQUE_KEYS"
    assert [(one["name"], one["is_nullable"]) for one in schema["properties"]] == [
        ("id", "No"), ("name", "Yes"), ("n", "Yes")]


def test_backend_refuses_before_the_body(both):
    """No `100 Continue` when the head is at fault: the client never sends its body."""
    both.load("t", ROW, "used")
    answer = both.load("t", ROW, "used")
    assert not answer.continued
    assert answer.json["Status"] == "Label Already Exists"
    assert both.load("none", ROW).continued is False


def test_backend_continues_after_a_good_head(both):
    answer = both.load("t", ROW, "fine")
    assert answer.continued and answer.json["Status"] == "Success"


def test_backend_without_expect(both):
    answer = call(both.be, "PUT", LOAD, {"format": "json", "read_json_by_line": "true"}, ROW,
                  expect=False)
    assert answer.json["Status"] == "Success"


def test_backend_password(both):
    answer = call(both.be, "PUT", LOAD, {"format": "json"}, ROW, auth=False).json
    assert answer["Status"] == "Fail" and "no valid Basic authorization" in answer["Message"]
    wrong = {"Authorization": "Basic cm9vdDp3cm9uZw=="}
    answer = call(both.be, "PUT", LOAD, wrong, ROW, auth=False).json
    assert answer["Status"] == "Fail" and "Access denied for root" in answer["Message"]


def test_doris_length_rules(doris):
    wire = Wire(doris.be)
    wire.head("PUT", LOAD, AUTH)
    text = wire.answer().json["Message"]
    wire.close()
    assert text == ("[INVALID_ARGUMENT]content_length is empty and transfer-encoding!=chunked, "
                    "please set content_length or transfer-encoding=chunked")
    answer = call(doris.be, "PUT", LOAD, {"Transfer-Encoding": "chunked", "Content-Length": "3"},
                  b"x")
    assert answer.json["Message"].endswith("do not set both content_length and transfer-encoding")


def test_chunked_body(both):
    pieces = [b'{"id":1,"name":"a"', b',"n":1}\n{"id":2,', b'"name":"b","n":2}\n']
    body = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in pieces) + b"0\r\n\r\n"
    answer = call(both.be, "PUT", LOAD, {"Transfer-Encoding": "chunked", "format": "json",
                                         "read_json_by_line": "true"}, body)
    assert answer.json["NumberLoadedRows"] == 2
    assert both.rows("t") == [(1, "a", 1), (2, "b", 2)]


def test_doris_timeout_text(doris):
    """RT test_stream_load_illegal_timeout."""
    answer = doris.load("t", ROW, timeout="abc").json
    assert (answer["Status"], answer["Message"]) == (
        "Fail", "[INVALID_ARGUMENT]Invalid format of 'timeout': 'abc', stoi")


def test_doris_memory_limit_text(doris):
    """RT test_stream_load_properties L1072."""
    assert doris.load("t", ROW, exec_mem_limit="a").json["Message"] == \
        "[INVALID_ARGUMENT]Invalid mem limit format, stoll"


def test_doris_answer_form(doris):
    answer = doris.load("t", ROW, "form", comment="c")
    assert answer.body.startswith(b'{\n    "TxnId": ') and answer.body.endswith(b"\n}\n")
    assert list(answer.json) == [
        "TxnId", "Label", "Comment", "TwoPhaseCommit", "Status", "Message", "NumberTotalRows",
        "NumberLoadedRows", "NumberFilteredRows", "NumberUnselectedRows", "LoadBytes", "LoadTimeMs",
        "BeginTxnTimeMs", "StreamLoadPutTimeMs", "ReadDataTimeMs", "WriteDataTimeMs",
        "CommitAndPublishTimeMs"]
    assert answer.json["LoadBytes"] == len(ROW) and answer.json["TwoPhaseCommit"] == "false"


def test_starrocks_answer_form(starrocks):
    answer = starrocks.load("t", ROW, "form")
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json) == [
        "TxnId", "Label", "Status", "Message", "NumberTotalRows", "NumberLoadedRows",
        "NumberFilteredRows", "NumberUnselectedRows", "LoadBytes", "LoadTimeMs", "BeginTxnTimeMs",
        "StreamLoadPlanTimeMs", "ReadDataTimeMs", "WriteDataTimeMs", "CommitAndPublishTimeMs"]


def test_frontend_load_of_a_body_that_came_too_early(make):
    """facts/doris.md 1.2: Jetty 12 resets a client that sends its body before it read the 307."""
    bench = make("doris", version="3.1")
    wire = Wire(bench.fe)
    wire.head("PUT", LOAD, {**AUTH, "Expect": "100-continue", "Content-Length": str(1 << 22)})
    with pytest.raises(OSError):
        for _ in range(1 << 10):
            wire.sock.sendall(bytes(1 << 16))
    wire.close()


@pytest.mark.parametrize("name,value,text", [
    ("merge_type", "SIDEWAYS", "Invalid merge type SIDEWAYS"),
    ("merge_type", "MERGE", "Excepted DELETE ON clause when merge type is MERGE."),
    ("delete", "id=1", "Not support DELETE ON clause when merge type is not MERGE."),
    ("group_commit", "async_mode", "label and group_commit can't be set at the same time"),
    ("format", "xml", "unknown data format, format=xml"),
])
def test_doris_header_errors(doris, name, value, text):
    answer = doris.load("t", ROW, "headers", **{name: value}).json
    assert answer["Status"] == "Fail" and text in answer["Message"]
    assert doris.load("t", ROW, "headers").json["Status"] == "Success"  # the label is free again


def test_unknown_database_and_table(both):
    text = both.load("none", ROW).json["Message"]
    assert "unknown table" in text
    path = "/api/none/t/_stream_load"
    assert "unknown database, database=none" in call(both.be, "PUT", path, {}, ROW).json["Message"]


@pytest.mark.parametrize("version,text", [
    ("2.0", "[NOT_FOUND]errCode = 2, detailMessage = unknown table, table=none"),
    ("2.1", "[NOT_FOUND]TStatus: errCode = 2, detailMessage = unknown table, table=none"),
])
def test_doris_message_forms(make, version, text):
    assert make("doris", version=version).load("none", ROW).json["Message"] == text


def test_doris_members_of_new_versions(make):
    bench = make("doris", version="4.0")
    bench.table("t", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    answer = bench.load("t", b'{"id":"x"}\n', columns="id").json
    assert "ReceiveDataTimeMs" in answer
    assert answer["FirstErrorMsg"].startswith("column(id) value is incorrect")


@pytest.mark.parametrize("version,name", [("3.3", "UserException"), ("3.4", "StarRocksException")])
def test_starrocks_class_names(make, version, name):
    answer = make("starrocks", version=version).transaction("commit", "none")
    assert answer["Message"] == (f"class com.starrocks.common.{name}: No transaction found with "
                                 "db[shop] and label[none]")

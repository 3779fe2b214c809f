# SPDX-License-Identifier: Apache-2.0
"""Updates that the server writes as changes to JSON documents: `decode` must give the documents that the server has.

After each statement the server is asked for its documents; the events of the same rows, in the same order, must show
the same text. The text is the stricter measure: it holds the order of keys and the look of numbers too.
"""

from __future__ import annotations

import json
import random
import re
import subprocess

import pytest

from events import DATA, OK, SOURCE, EventPipeline, errors, events_of, millrace, rows_of, stream_faults
from test_decode_files import copied, switch_file

ROWS = 4
NAMES = ["a", "b", "aa", "B", "zz", "long name", "q\"uote", "back\\slash", "dot.ted", "[0]", "ä", "日本", "tab\there", "",
         "$", "_x1", "smile 😀", "1st", "last"]
SCALARS = ["NULL", "TRUE", "FALSE", "0", "-1", "32768", "2147483648", "-9223372036854775808", "18446744073709551615",
           "1.5", "1e0", "CAST(12.345 AS DECIMAL(10,3))", "DATE'2024-02-29'", "TIME'-12:34:56.5'",
           "TIMESTAMP'2024-01-01 00:00:01.25'", "'text'", "'ä \"q\" \\\\ 日本'", "REPEAT('x', 200)", "x'00ff10'",
           "CAST('[]' AS JSON)", "CAST('{}' AS JSON)", "JSON_ARRAY(1, JSON_OBJECT('k', 'v'), NULL)",
           "JSON_OBJECT('zz', 1, 'b', JSON_ARRAY(), 'a', JSON_OBJECT('deep', JSON_ARRAY(1, 2, 3)))"]


def document(rng: random.Random, depth: int = 0):
    """A document of objects and arrays, with text enough that a change is smaller than the whole."""
    if depth >= 4 or rng.random() < 0.25 * depth:
        return rng.choice([None, True, 7, -5, 70000, 1.25, "s", "x" * rng.choice([3, 300]), 1 << 62])
    if rng.random() < 0.5:
        return [document(rng, depth + 1) for _ in range(rng.randrange(5))]
    return {name: document(rng, depth + 1) for name in rng.sample(NAMES, rng.randrange(1, 6))}


def literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def leg(rng: random.Random, value, name: str | None = None) -> tuple[str, object]:
    """A leg of a path into the value, or past it, and what is there."""
    if isinstance(value, list):
        index = rng.randrange(len(value) + 2)
        there = value[index] if index < len(value) else None
        if value and rng.random() < 0.2:
            back = rng.randrange(len(value))
            return (f"[last-{back}]" if back else "[last]"), value[-1 - back]
        return f"[{index}]", there
    name = name or rng.choice(list(value) if isinstance(value, dict) and value and rng.random() < 0.7 else NAMES)
    return "." + json.dumps(name, ensure_ascii=False), value.get(name) if isinstance(value, dict) else None


def path(rng: random.Random, value) -> str:
    text = "$"
    for _ in range(rng.choice([1, 1, 2, 2, 3, 4])):
        step, value = leg(rng, value)
        text += step
        if not isinstance(value, (list, dict)):
            break
    return text


def change(rng: random.Random, column: str, value) -> str:
    """An expression that changes the column's document."""
    function = rng.choice(["JSON_SET", "JSON_SET", "JSON_REPLACE", "JSON_REMOVE", "JSON_ARRAY_APPEND", "JSON_ARRAY_INSERT",
                           "JSON_MERGE_PATCH"])
    if function == "JSON_MERGE_PATCH":
        return f"JSON_MERGE_PATCH({column}, {literal(json.dumps(document(rng, 3)))})"
    expression = column
    for _ in range(rng.choice([1, 1, 2])):  # nested calls make several changes in one update
        arguments = []
        for _ in range(1 if function.startswith("JSON_ARRAY") else rng.choice([1, 1, 2, 3])):
            where = path(rng, value)
            if function == "JSON_ARRAY_INSERT" and not where.endswith("]"):
                where += "[0]"
            arguments += [literal(where)] + ([] if function == "JSON_REMOVE" else [rng.choice(SCALARS)])
        expression = f"{function}({expression}, {', '.join(arguments)})"
    return expression


def documents(server, change_first: str = "") -> dict[int, list[str | None]]:
    """The documents as the server shows them, by row; behind statements that change them."""
    lines = server.query(f"{change_first} SELECT id, IFNULL(HEX(CAST(j AS CHAR)), '~'), IFNULL(HEX(CAST(k AS CHAR)), '~') "
                         "FROM decode_json.t ORDER BY id").splitlines()
    return {int(number): [None if cell == "~" else bytes.fromhex(cell).decode() for cell in cells]
            for number, *cells in (line.split("\t") for line in lines)}


def column_texts(line: bytes, image: str) -> dict[str, str]:
    """The columns of an image as they stand in the event, not read as JSON."""
    text = line.decode()
    decoder = json.JSONDecoder()
    at = text.index(f'"{image}":{{', text.index('"data":')) + len(image) + 4
    found = {}
    while text[at] != "}":
        name, at = decoder.raw_decode(text, at)
        _, end = decoder.raw_decode(text, at + 1)
        found[name] = text[at + 1:end]
        at = end + (text[end] == ",")
    return found


@pytest.fixture
def mysql97(started):
    return started("mysql97")


@pytest.fixture(params=[40, pytest.param(600, marks=pytest.mark.long)])
def recorded(mysql97, tmp_path, request):
    """The files, and what the server said after each statement of the rows that it changed."""
    rng = random.Random(request.config.getoption("--seed"))
    first = switch_file(mysql97)
    mysql97.query("DROP DATABASE IF EXISTS decode_json; CREATE DATABASE decode_json CHARACTER SET utf8mb4; "
                  "CREATE TABLE decode_json.t (id INT PRIMARY KEY, j JSON, n INT, k JSON)")
    for number in range(1, ROWS + 1):
        mysql97.query("SET NAMES utf8mb4; INSERT INTO decode_json.t VALUES "
                      f"({number}, {literal(json.dumps(document(rng)))}, 0, {literal(json.dumps(document(rng)))})")
    told = []
    now = documents(mysql97)
    for step in range(request.param):
        number = rng.randrange(1, ROWS + 1)
        columns = rng.choice([["j"], ["k"], ["j", "k"]])
        sets = []
        for column in columns:
            old = now[number]["jk".index(column)]
            value = None if old is None else json.loads(old)
            if not isinstance(value, (dict, list)) or rng.random() < 0.05:
                sets.append(f"{column} = {literal(json.dumps(document(rng)))}")
            else:
                sets.append(f"{column} = {change(rng, column, value)}")
        try:
            now = documents(mysql97, "SET NAMES utf8mb4, SESSION binlog_row_value_options = 'PARTIAL_JSON'; "
                            f"UPDATE decode_json.t SET n = {step + 1}, {', '.join(sets)} WHERE id = {number};")
        except RuntimeError as problem:  # a path that no server accepts for this document: nothing was written
            assert "nvalid" in str(problem) or "path" in str(problem), problem
            continue
        told.append((number, step + 1, now[number]))
    assert len(told) > request.param // 2
    return copied(mysql97, first, tmp_path), told


def partial_events(server, files) -> int:
    """How many partial updates the server's own tool finds in the files."""
    done = subprocess.run([str(server.home() / "bin" / "mysqlbinlog"), "--no-defaults", "-v", *map(str, files)],
                          capture_output=True, check=True, stdin=subprocess.DEVNULL)
    return len(re.findall(rb"Update_rows_partial", done.stdout))


def test_the_documents_are_those_of_the_server(mysql97, recorded):
    files, told = recorded
    assert partial_events(mysql97, files) > len(told) // 3
    done = millrace("decode", "--tables", r"decode_json.\.*", *files)
    assert done.returncode == OK, errors(done)
    assert stream_faults(events_of(done.stdout)) == []
    lines = [line for line in done.stdout.splitlines() if b".row.updated." in line]
    assert len(lines) == len(told)
    for line, (number, step, expected) in zip(lines, told):
        after = json.loads(line)["data"]["after"]
        assert (after["id"], after["n"]) == (number, step)
        assert [after["j"], after["k"]] == [None if text is None else json.loads(text) for text in expected]
        shown = column_texts(line, "after")
        assert [shown["j"], shown["k"]] == ["null" if text is None else text for text in expected]
    # Each image follows from the one before: the before image is never touched by what is made of it.
    state = {}
    for event in rows_of(events_of(done.stdout)):
        before, after = event["data"]["before"], event["data"]["after"]
        assert before == state.get(after["id"])
        state[after["id"]] = after
    assert len(state) == ROWS


def test_a_row_without_the_document_before_is_refused(mysql97, tmp_path):
    first = switch_file(mysql97)
    mysql97.query("DROP DATABASE IF EXISTS decode_json; CREATE DATABASE decode_json; "
                  "CREATE TABLE decode_json.t (id INT PRIMARY KEY, j JSON); "
                  "INSERT INTO decode_json.t VALUES (1, JSON_OBJECT('a', 1, 'x', REPEAT('x', 500))); "
                  "SET SESSION binlog_row_value_options = 'PARTIAL_JSON', binlog_row_image = 'MINIMAL'; "
                  "UPDATE decode_json.t SET j = JSON_SET(j, '$.a', 2)")
    files = copied(mysql97, first, tmp_path)
    done = millrace("decode", "--tables", r"decode_json.\.*", *files)
    assert done.returncode == DATA
    assert "binlog_row_image = 'FULL'" in errors(done) and "column j" in errors(done)
    done = millrace("decode", "--tables", r"nothing.\.*", *files)
    assert done.returncode == OK and done.stdout == b""


@pytest.fixture
def partial_globally(mysql97):
    mysql97.query("SET GLOBAL binlog_row_value_options = 'PARTIAL_JSON'")
    yield
    mysql97.query("SET GLOBAL binlog_row_value_options = '', GLOBAL binlog_row_image = 'FULL'")


def test_a_running_server_may_write_them(mysql97, source_of, partial_globally, tmp_path):
    source = source_of("mysql97", "decode_json_live")
    mysql97.query("CREATE TABLE decode_json_live.t (id INT PRIMARY KEY, j JSON); "
                  "INSERT INTO decode_json_live.t VALUES (1, JSON_OBJECT('a', 1, 'x', REPEAT('x', 500)))")
    pipeline = EventPipeline(tmp_path / "p", source.block())
    checked = pipeline.check()
    assert checked.returncode == OK, checked.stdout.decode()
    assert b"binlog_row_value_options is PARTIAL_JSON" in checked.stdout
    mysql97.query("UPDATE decode_json_live.t SET j = JSON_SET(j, '$.a', JSON_ARRAY(1, 2), '$.b', 'new')")
    pipeline.start()
    pipeline.until(lambda: len(pipeline.rows()) == 2, what="2 rows")
    assert pipeline.rows()[1]["data"]["after"]["j"] == {"a": [1, 2], "b": "new", "x": "x" * 500}
    assert pipeline.stop() == OK


def test_only_with_full_row_images(mysql97, source_of, partial_globally, tmp_path):
    source = source_of("mysql97", "decode_json_live")
    mysql97.query("CREATE TABLE decode_json_live.t (id INT PRIMARY KEY, j JSON); "
                  "SET GLOBAL binlog_row_image = 'MINIMAL'")
    checked = EventPipeline(tmp_path / "p", source.block()).check()
    assert checked.returncode == SOURCE
    assert b"the document before them does not come" in checked.stdout
    assert b"binlog_row_image = 'FULL'" in checked.stdout

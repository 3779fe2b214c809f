# SPDX-License-Identifier: Apache-2.0
"""Every character of every charset: what `decode` gives is what the server itself converts to UTF-8.

One byte or one pair of bytes stands in a cell, as far as the server lets it in; where the server shows a question mark
for want of a meaning, the bytes must come out as not valid. The hashes of tests/unit/binlog/test_charset_space.c stand for
these answers where there is no time for asking.
"""

from __future__ import annotations

import base64
import json
import subprocess

import pytest

from engine import program
from events import DATA, EventPipeline

# The sets whose characters have several bytes, and what the first of them can be.
EAST_ASIAN = {"big5", "cp932", "eucjpms", "euckr", "gb18030", "gb2312", "gbk", "sjis", "ujis"}
CODE_UNITS = {"ucs2", "utf16", "utf16le"}
# U+FFFD is a character of these; in the tables of the others it says that there is none.
WITH_REPLACEMENT = {"gb18030", "ucs2", "utf16", "utf16le", "utf32", "utf8mb3", "utf8mb4"}
# Sets with more characters than pairs of bytes can say: their whole of Unicode comes in rows of so many.
BEYOND_PAIRS = {"utf16", "utf16le", "utf32", "utf8mb3", "utf8mb4", "gb18030"}
ROW_OF = 1024
UNICODE_END = 0x110000


def charsets(source) -> list[str]:
    names = source.query("SELECT character_set_name FROM information_schema.character_sets ORDER BY 1").split()
    return [name for name in names if name != "binary"]


def make_bytes(source) -> None:
    """All single bytes, all pairs, and the Japanese triples, in a table that the binlog does not see."""
    source.query("""
        SET sql_log_bin = 0;
        CREATE TABLE byte (b BINARY(1) PRIMARY KEY);
        INSERT INTO byte VALUES """ + ",".join(f"(X'{byte:02x}')" for byte in range(256)) + """;
        CREATE TABLE sequence (id INT AUTO_INCREMENT PRIMARY KEY, b VARBINARY(4) NOT NULL);
        INSERT INTO sequence (b) SELECT b FROM byte ORDER BY b;
        INSERT INTO sequence (b) SELECT CONCAT(l.b, t.b) FROM byte l, byte t ORDER BY l.b, t.b;
        INSERT INTO sequence (b) SELECT CONCAT(X'8F', l.b, t.b) FROM byte l, byte t
            WHERE l.b >= X'A1' AND t.b >= X'A1' ORDER BY l.b, t.b;
    """)


def wanted_sequences(charset: str) -> str:
    """Which of them the set is asked for: two characters beside each other say nothing new."""
    if charset in CODE_UNITS:
        return "LENGTH(b) = 2"
    if charset in EAST_ASIAN:
        triples = "OR LENGTH(b) = 3" if charset in ("ujis", "eucjpms") else ""
        return f"LENGTH(b) = 1 OR (LENGTH(b) = 2 AND b >= X'80') {triples}"
    return "LENGTH(b) = 1"


def decoded(source, table: str, *options: str):
    """(id, text) of each row that was inserted into the table."""
    command = [program(), "decode", "--tables", f"{source.database}.{table}", *options, *map(str, source.binlogs())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as child:
        for line in child.stdout:
            event = json.loads(line)
            if event.get("cdcop") == "c":
                yield event["data"]["after"]["id"], event["data"]["after"]["c"]
    assert child.returncode == 0


def expected(stored: bytes, shown: bytes | None, charset: str) -> str:
    """What the server's own conversion means for us."""
    question_mark = "?".encode({"ucs2": "utf-16-be", "utf16": "utf-16-be", "utf16le": "utf-16-le"}.get(charset, "ascii"))
    try:
        text = None if shown is None else shown.decode()  # NULL: MySQL's answer for a surrogate in ucs2
    except UnicodeDecodeError:
        text = None  # MariaDB's: the surrogate itself, which UTF-8 has no form for
    unknown = text is None or ("?" in text and question_mark not in stored)
    if unknown or ("\ufffd" in text and charset not in WITH_REPLACEMENT):
        return "base64:" + base64.b64encode(stored).decode()
    return text


@pytest.mark.long
def test_every_byte_and_every_pair(source):
    make_bytes(source)
    asked = charsets(source)
    for charset in asked:
        source.query(f"""
            SET sql_mode = '';
            CREATE TABLE c_{charset} (id INT PRIMARY KEY, c VARCHAR(4) CHARACTER SET {charset});
            INSERT INTO c_{charset} SELECT id, b FROM sequence WHERE {wanted_sequences(charset)};
        """)
    assert len(asked) >= 39
    for charset in asked:
        shown = {}
        for line in source.query(f"SELECT id, HEX(c), HEX(CONVERT(c USING utf8mb4)) FROM c_{charset}").splitlines():
            row, stored, text = line.split("\t")
            shown[int(row)] = expected(bytes.fromhex(stored), None if text == "NULL" else bytes.fromhex(text), charset)
        ours = dict(decoded(source, f"c_{charset}", "--invalid-text", "base64"))
        assert len(ours) == len(shown) and len(ours) >= 256
        wrong = {row: (ours[row], text) for row, text in shown.items() if ours[row] != text}
        assert not wrong, f"{charset}: {len(wrong)} differ, as (ours, the server's): {list(wrong.items())[:10]}"


@pytest.mark.long
def test_the_whole_of_unicode(source):
    """What has four bytes, or pairs of code units; a set without a character keeps a question mark."""
    rows = []
    for first in range(0, UNICODE_END, ROW_OF):
        if not 0xD800 <= first < 0xE000:
            rows.append((first, "".join(map(chr, range(first, first + ROW_OF)))))
    for charset in sorted(BEYOND_PAIRS & set(charsets(source))):
        source.query(f"CREATE TABLE u_{charset} (id INT PRIMARY KEY, c LONGTEXT CHARACTER SET {charset})")
        for at in range(0, len(rows), 100):
            values = ",".join(f"({first}, _utf8mb4 X'{text.encode().hex()}')" for first, text in rows[at:at + 100])
            source.query(f"SET sql_mode = ''; INSERT INTO u_{charset} VALUES {values}")
        shown = {}
        for line in source.query(f"SELECT id, HEX(CONVERT(c USING utf8mb4)) FROM u_{charset}").splitlines():
            row, text = line.split("\t")
            shown[int(row)] = bytes.fromhex(text).decode()
        ours = dict(decoded(source, f"u_{charset}"))
        assert len(ours) == len(shown) == len(rows)
        if charset not in ("utf8mb3", "gb18030"):
            assert shown == dict(rows), f"the test itself: {charset} holds all of Unicode"
        for row, text in shown.items():
            assert ours[row] == text, f"{charset} from U+{row:04X} on"


def test_what_becomes_of_a_text_without_a_meaning(source):
    """By default decoding stops and names the row; both other ways go on."""
    source.query("""
        SET sql_mode = '';
        CREATE TABLE odd (id INT, name VARCHAR(10) CHARACTER SET latin2, c VARCHAR(20) CHARACTER SET gbk,
                          PRIMARY KEY (id, name));
        INSERT INTO odd VALUES (1, 'one', 'a'), (2, 'two', CONCAT(CONVERT(X'61A2E3' USING gbk), 'b'));
    """)
    stored = source.query("SELECT HEX(c) FROM odd WHERE id = 2").strip()
    assert stored == "61A2E362", f"this server does not take such a text in: {stored}"
    command = [program(), "decode", "--tables", f"{source.database}.odd", *map(str, source.binlogs())]
    done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    told = done.stderr.decode()
    assert done.returncode == DATA, told
    for part in (f"table {source.database}.odd", 'with id = 2, name = "two"', "row 2 of transaction",
                 source.binlogs()[-1].name + ":", "Column c", "character set gbk: 61a2e362"):
        assert part in told, told
    assert b'"id":1' in done.stdout and b'"id":2' not in done.stdout
    assert dict(decoded(source, "odd", "--invalid-text", "replace")) == {1: "a", 2: "a\ufffdb"}
    assert dict(decoded(source, "odd", "--invalid-text", "base64")) == {1: "a", 2: "base64:YaLjYg=="}


def test_a_pipeline_follows_the_choice(source, tmp_path):
    source.query("""
        SET sql_mode = '';
        CREATE TABLE odd (id INT PRIMARY KEY, c VARCHAR(20) CHARACTER SET gbk);
        INSERT INTO odd VALUES (1, CONVERT(X'61A2E3' USING gbk)), (2, 'b');
    """)
    pipeline = EventPipeline(tmp_path / "stop", source.block())
    code, told = pipeline.refused()
    assert code == DATA and "odd with id = 1 (at " in told and "character set gbk: 61a2e3" in told, told
    for word, text in (("replace", "a\ufffd"), ("base64", "base64:YaLj")):
        pipeline = EventPipeline(tmp_path / word, {**source.block(), "invalid-text": word})
        try:
            pipeline.start()
            pipeline.until_ids([1, 2])
            assert [event["data"]["after"]["c"] for event in pipeline.rows()] == [text, "b"]
        finally:
            pipeline.close()


def test_the_choice_must_be_one_of_three(tmp_path):
    done = subprocess.run([program(), "decode", "--invalid-text", "perhaps", str(tmp_path)], capture_output=True,
                          check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert "stop, replace or base64" in done.stderr.decode()

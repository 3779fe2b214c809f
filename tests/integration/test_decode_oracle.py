# SPDX-License-Identifier: Apache-2.0
"""Every type of real servers through the program: files with binlog_row_metadata=FULL against what SELECT gave.

The tree holds each workload twice, with FULL and with MINIMAL metadata; what SELECT returned is kept beside the
second. The decoder's unit test compares the bytes; here the whole way to the event is looked at, with the names,
labels and character sets that only the file itself tells.
"""

from __future__ import annotations

import base64
import json
import re
import struct

import pytest

from events import GENERATED, OK, errors, events_of, millrace, rows_of, stream_faults

CODECS = {"utf8": "utf-8", "utf8mb3": "utf-8", "utf8mb4": "utf-8", "ascii": "ascii", "latin1": "cp1252",
          "latin2": "iso8859-2", "cp1251": "cp1251", "gbk": "gbk", "sjis": "shift_jis", "big5": "big5",
          "ucs2": "utf-16-be", "utf16": "utf-16-be", "utf16le": "utf-16-le", "utf32": "utf-32-be", "koi8r": "koi8_r",
          "greek": "iso8859-7", "hebrew": "iso8859-8", "cp932": "cp932", "euckr": "euc_kr", "gb2312": "gb2312",
          "ujis": "euc_jp", "gb18030": "gb18030", "cp1250": "cp1250", "cp1256": "cp1256", "cp1257": "cp1257"}
NUMBERS = {"tinyint", "smallint", "mediumint", "int", "bigint", "year", "bit"}
BYTES = {"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"}
TEXTS = {"char", "varchar", "tinytext", "text", "mediumtext", "longtext"}
GEOMETRIES = {"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
              "geometrycollection", "geomcollection"}


def labels_of(column_type: str) -> list[str]:
    return [label.replace("''", "'") for label in re.findall(r"'((?:[^']|'')*)'", column_type)]


def expected(text: str, column_type: str, charset: str) -> object:
    """What an event shows (docs/types.md) for the oracle's text of a value."""
    base = re.split(r"[( ]", column_type)[0].lower()
    if base in NUMBERS:
        return int(text)
    if base in ("float", "double"):
        return float(text)
    if base == "timestamp":
        return text.replace(" ", "T") + "Z"
    if base in BYTES or (base in TEXTS and charset in ("", "binary")):
        return base64.b64encode(bytes.fromhex(text)).decode()
    if base in TEXTS:
        return bytes.fromhex(text).decode(CODECS[charset])
    if base == "enum":
        return labels_of(column_type)[int(text) - 1] if int(text) > 0 else ""
    if base == "set":
        return ",".join(label for bit, label in enumerate(labels_of(column_type)) if int(text) >> bit & 1)
    if base == "json":
        plain = re.sub(r"\\(.)", lambda escape: {"n": "\n", "t": "\t", "0": "\0"}.get(escape[1], escape[1]), text)
        return json.loads(plain)
    if base in GEOMETRIES:
        raw = bytes.fromhex(text)
        return {"srid": struct.unpack_from("<I", raw)[0], "wkb": base64.b64encode(raw[4:]).decode()}
    if base == "vector":
        raw = bytes.fromhex(text)
        return list(struct.unpack(f"<{len(raw) // 4}f", raw))
    return text  # decimals, dates, times, and what MariaDB's CREATE TABLE says to be an address or a UUID


def equal(found: object, wanted: object) -> bool:
    """The oracle has six digits of a floating-point number."""
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(map(equal, found, wanted))
    if isinstance(wanted, float) and isinstance(found, (int, float)):
        return found == wanted or abs(found - wanted) <= 1e-5 * abs(wanted)
    return found == wanted


def read_oracle(path) -> dict[str, tuple[list[tuple[str, str, str]], list[list[str]]]]:
    tables: dict[str, tuple[list, list]] = {}
    rows: list = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.startswith("#TABLE\t"):
            rows = []
            name = line.split("\t", 1)[1]
        elif line.startswith("#COLS\t"):
            columns = [tuple((field.split("|", 1)[0], *field.split("|", 1)[1].rsplit("|", 1)))
                       for field in line.split("\t")[1:] if field]
            tables[name] = (columns, rows)
        elif line:
            rows.append(line.split("\t"))
    return tables


def pairs() -> list[str]:
    return sorted(path.parent.name for path in GENERATED.glob("*/types_full_image_meta_full.binlog")
                  if path.with_name("types_full_image_meta_minimal.binlog.oracle.tsv").exists())


@pytest.mark.parametrize("server", pairs())
def test_values_equal_those_of_select(server):
    folder = GENERATED / server
    oracle = read_oracle(folder / "types_full_image_meta_minimal.binlog.oracle.tsv")
    done = millrace("decode", "--tables", r"test.\.*", "--exclude", r"test.t_\.*53",
                    folder / "types_full_image_meta_full.binlog")
    assert done.returncode == OK, errors(done)
    events = events_of(done.stdout)
    assert stream_faults(events) == []
    last: dict[str, dict[object, dict]] = {}
    for event in rows_of(events):
        key_column = oracle[event["cdctable"]][0][0][0] if event["cdctable"] in oracle else None
        if key_column and event["data"]["after"] is not None:
            last.setdefault(event["cdctable"], {})[event["data"]["after"][key_column]] = event["data"]["after"]
    compared, faults = 0, []
    for table, (columns, rows) in oracle.items():
        if "53" in table:
            continue
        for row in rows:
            key = expected(row[0], columns[0][1], columns[0][2])
            found = last.get(table, {}).get(key)
            if found is None:
                faults.append(f"{table} {key}: no event")
                continue
            for (name, column_type, charset), text in zip(columns, row):
                if column_type in ("enum", "set"):  # the oracle left the labels out: they are only in the file
                    assert found[name] is None or isinstance(found[name], str)
                    continue
                wanted = None if text == "NULL" else expected(text, column_type, charset)
                if name in found and equal(found[name], wanted):
                    compared += 1
                else:
                    faults.append(f"{table} {key} {name} {column_type} {charset}: {str(found.get(name))[:80]!r}, "
                                  f"not {str(wanted)[:80]!r}")
    assert faults == []
    assert compared > 500


def declared(column_type: str) -> str:
    """The oracle leaves labels out; any will do, for it has the numbers of the values."""
    count = {"enum": 300, "set": 64}.get(column_type)
    return column_type if count is None else f"{column_type}({', '.join(repr(f'label {place}') for place in range(count))})"


@pytest.mark.parametrize("server", sorted(path.parent.name for path in GENERATED.glob("*/updates_image_full.binlog.oracle.tsv")))
def test_a_schema_file_says_what_the_binlog_does_not(server, tmp_path):
    """Updates of tables that were made before the file: names, signs, charsets and labels come from the schema alone."""
    binlog = GENERATED / server / "updates_image_full.binlog"
    oracle = {table: ([(name, declared(column_type), charset) for name, column_type, charset in columns], rows) for table, (columns, rows)
              in read_oracle(binlog.with_name(binlog.name + ".oracle.tsv")).items() if "53" not in table}
    schema = tmp_path / "schema.sql"
    with schema.open("w", encoding="utf-8") as out:
        for table, (columns, _) in oracle.items():
            parts = [f"`{name}` {column_type}" + (f" CHARACTER SET {charset}" if column_type.split("(")[0] in TEXTS | {"enum", "set"} and charset else "")
                     for name, column_type, charset in columns]
            out.write(f"CREATE TABLE test.`{table}` ({', '.join(parts)}, PRIMARY KEY (`{columns[0][0]}`));\n")
    done = millrace("decode", "--schema", schema, "--tables", r"test.\.*", "--exclude", r"test.t_\.*53", binlog)
    assert done.returncode == OK, errors(done)
    assert b"no names" not in done.stderr
    last = {(event["cdctable"], event["data"]["after"][oracle[event["cdctable"]][0][0][0]]): event["data"]["after"]
            for event in rows_of(events_of(done.stdout)) if event["data"]["after"] is not None}
    compared, faults = 0, []
    for table, (columns, rows) in oracle.items():
        for row in rows:
            found = last.get((table, expected(row[0], *columns[0][1:])))
            if found is None:
                continue  # no statement of the file touched it
            for (name, column_type, charset), text in zip(columns, row):
                wanted = None if text == "NULL" else expected(text, column_type, charset)
                compared += 1
                if not (name in found and equal(found[name], wanted)):
                    faults.append(f"{table} {row[0]} {name} {column_type[:40]} {charset}: {str(found.get(name))[:80]!r}, not {str(wanted)[:80]!r}")
    assert faults == []
    assert compared > 20

# SPDX-License-Identifier: Apache-2.0
"""Source table against target table, value by value.

The source is asked to render each column as the text that the target must hold (the rules of docs/types.md,
written here a second time and in SQL, so that a mistake in the engine is not repeated by its judge). Both
sides give HEX of that text, so that no byte can hide behind a charset, an escape or a blank.
"""

from __future__ import annotations

import dataclasses
import json
import struct
import subprocess


ANSWER_DEADLINE_S = 60  # of one statement; a side that hangs fails a test and does not stop all of them


@dataclasses.dataclass
class Client:
    """How the mariadb client reaches one side."""

    arguments: list[str]

    def rows(self, sql: str) -> list[list[str]]:
        try:
            done = subprocess.run(
                ["mariadb", *self.arguments, "--batch", "--skip-column-names", "--raw",
                 "--default-character-set=utf8mb4", "-e", sql],
                capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=ANSWER_DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"no answer within {ANSWER_DEADLINE_S} s to {sql!r}") from None
        if done.returncode != 0:
            raise RuntimeError(f"{sql!r}: {done.stderr.decode(errors='replace').strip()}")
        return [line.split("\t") for line in done.stdout.decode().splitlines()]


NULL = "~"  # never the HEX of anything
SHAPES = ("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
          "geometrycollection", "geomcollection")


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def source_expression(name: str, column_type: str) -> str:
    """SQL over the source column that gives the text which the target must hold."""
    column = _quoted(name)
    base = column_type.split("(")[0].split(" ")[0].lower()
    if base == "bit" or "zerofill" in column_type:
        return f"CAST({column} + 0 AS CHAR)"
    if base in SHAPES:
        raw = f"UNHEX(SUBSTRING(HEX({column}), 9))"  # behind the four bytes of the SRID
        return f"CONCAT('{{\"srid\":', ST_SRID({column}), ',\"wkb\":\"', REPLACE(TO_BASE64({raw}), '\\n', ''), '\"}}')"
    if base == "vector":
        return column  # its bytes
    if base in ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"):
        return f"REPLACE(TO_BASE64({column}), '\\n', '')"
    if base in ("enum", "set", "char", "varchar", "tinytext", "text", "mediumtext", "longtext"):
        return f"CONVERT({column} USING utf8mb4)"
    if base == "year":
        return f"CAST({column} + 0 AS CHAR)"
    if base in ("date", "datetime", "timestamp"):
        # A date with a zero part has no equal at the target and becomes NULL.
        text = f"CAST({column} AS CHAR)"
        return f"IF({text} LIKE '0000-%' OR {text} LIKE '____-00-%' OR {text} LIKE '____-__-00%', NULL, {text})"
    if base == "double" and "(" not in column_type:
        return f"CAST({column} AS CHAR)"  # all of its digits; of an expression's the last is cut behind an e-100
    if base in ("float", "double"):
        # The number itself: the text of a FLOAT has six digits, one of a FLOAT(7,3) the declared ones, and a long one is cut.
        return f"CONCAT(IF({column} < 0, '-', ''), CAST(ABS({column} + 0e0) AS CHAR))"
    if base == "json":
        return f"CONVERT(CAST({column} AS CHAR) USING utf8mb4)"
    return f"CAST({column} AS CHAR)"


@dataclasses.dataclass
class Difference:
    table: str
    text: str


def columns_of(source: Client, db: str, table: str) -> list[tuple[str, str, str]]:
    """Name, type and key mark of each column, in order."""
    found = source.rows(
        "SELECT column_name, column_type, column_key FROM information_schema.columns "
        f"WHERE table_schema = '{db}' AND table_name = '{table}' ORDER BY ordinal_position")
    return [(name, column_type, key) for name, column_type, key in found]


def _hexed(expression: str) -> str:
    return f"CASE WHEN {expression} IS NULL THEN '{NULL}' ELSE HEX({expression}) END"


def _normal_number(text: str) -> str:
    """One text for equal floating-point values, whichever way a server prints them. -0 is 0, as for SQL: the twin's store
    has no -0, which a value that is divided often enough becomes."""
    if text == NULL:
        return text
    return repr(float(bytes.fromhex(text).decode()) + 0.0)


def _normal_float(text: str) -> str:
    """The same for four bytes: one server prints the digits that name the value, another all of its double's."""
    if text == NULL:
        return text
    return repr(struct.unpack("f", struct.pack("f", float(bytes.fromhex(text).decode())))[0] + 0.0)


def _normal_vector(text: str) -> str:
    """The same of a vector, which the source gives as bytes and the target as a list."""
    if text == NULL:
        return text
    raw = bytes.fromhex(text)
    if raw[:1] == b"[" and raw[-1:] == b"]":
        numbers = [float(number) for number in json.loads(raw)]
    else:
        numbers = struct.unpack(f"<{len(raw) // 4}f", raw)
    return struct.pack(f"<{len(numbers)}f", *(number + 0.0 for number in numbers)).hex()  # -0 is 0


def _normal_fraction(text: str) -> str:
    """DATETIME text without trailing zeros behind the seconds: a target may keep six digits."""
    if text == NULL:
        return text
    plain = bytes.fromhex(text).decode()
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _normalise(rows: list[list[str]], columns: list[tuple[str, str, str]]) -> list[tuple[str, ...]]:
    rules = []
    for _, column_type, _ in columns:
        base = column_type.split("(")[0].split(" ")[0].lower()
        if base == "float":
            rules.append(_normal_float)
        elif base == "double":
            rules.append(_normal_number)
        elif base == "vector":
            rules.append(_normal_vector)
        elif base in ("datetime", "timestamp"):
            rules.append(_normal_fraction)
        elif base == "bit" and column_type in ("bit(1)",):
            rules.append(lambda text: {"74727565": "31", "66616C7365": "30"}.get(text, text))
        else:
            rules.append(None)
    return sorted(tuple(rule(value) if rule else value for rule, value in zip(rules, row))
                  for row in rows)


def compare_table(source: Client, target: Client, db: str, table: str, target_db: str | None = None,
                  target_table: str | None = None) -> list[Difference]:
    """Nothing when both sides hold the same rows; else what differs, the first few in words."""
    columns = columns_of(source, db, table)
    wanted = ", ".join(_hexed(source_expression(name, column_type)) for name, column_type, _ in columns)
    found = ", ".join(_hexed(_quoted(name)) for name, _, _ in columns)
    left = _normalise(source.rows(f"SET time_zone = '+00:00'; SELECT {wanted} FROM {_quoted(db)}.{_quoted(table)}"),
                      columns)
    right = _normalise(target.rows(
        f"SELECT {found} FROM {_quoted(target_db or db)}.{_quoted(target_table or table)}"), columns)
    if left == right:
        return []
    only_left = sorted(set(left) - set(right))
    only_right = sorted(set(right) - set(left))
    name = f"{db}.{table}"
    differences = [Difference(name, f"{len(left)} rows at the source, {len(right)} at the target")]
    differences += [Difference(name, f"only at the source: {_shown(row, columns)}") for row in only_left[:5]]
    differences += [Difference(name, f"only at the target: {_shown(row, columns)}") for row in only_right[:5]]
    return differences


def _shown(row: tuple[str, ...], columns: list[tuple[str, str, str]]) -> str:
    parts = []
    for (name, _, _), value in zip(columns, row):
        try:
            text = "NULL" if value == NULL else bytes.fromhex(value).decode(errors="replace")
        except ValueError:
            text = value
        parts.append(f"{name}={text[:60]!r}")
    return ", ".join(parts)

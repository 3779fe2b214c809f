# SPDX-License-Identifier: Apache-2.0
"""What an event must show of a cell (docs/events.md), said a second time: from what the server's SELECT gives.

Both sides are brought to one text a cell, its kind in front, so that a number that came as a string, a float with a
digit too few or an object in another order is a difference. `Column.wanted` takes the server's side, `Column.shown`
the event's.
"""

from __future__ import annotations

import base64
import dataclasses
import ipaddress
import json
import re
import struct
import uuid

import compare

WHOLE = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64, "year": 16, "bit": 64}
BYTES = {"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"}
TEXTS = {"char", "varchar", "tinytext", "text", "mediumtext", "longtext"}
SHAPES = {"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
          "geometrycollection", "geomcollection"}
ADDRESSES = {"uuid": 16, "inet6": 16, "inet4": 4}  # MariaDB's, by their bytes
NULL = "null"


class Number(str):
    """A JSON number as it is written."""


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError(f"a name stands twice in an object: {[name for name, _ in pairs]}")
    return made


def parsed(line: bytes) -> dict:
    """An event whose numbers keep their digits."""
    return json.loads(line, parse_int=Number, parse_float=Number, object_pairs_hook=_pairs)


def _plain(value: object) -> str:
    """A JSON value as text, with its order and its digits."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {_plain(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_plain, value)) + "]"
    return json.dumps(value)


def _document(value: object) -> str:
    """A JSON document; the document `null` is in an event what a column without a document is."""
    return NULL if value is None else "j:" + _plain(value)


def _single(text: str) -> str:
    """A number at the width of a FLOAT."""
    return repr(struct.unpack("<f", struct.pack("<f", float(text)))[0])


def _singles(raw: bytes) -> str:
    return "v:" + ",".join(map(repr, struct.unpack(f"<{len(raw) // 4}f", raw)))


@dataclasses.dataclass(frozen=True)
class Column:
    name: str
    kind: str  # as information_schema's data_type
    column_type: str
    charset: str
    is_mariadb: bool
    default: str | None
    computed: bool
    # False: the binlog tells the type's number alone (MySQL 5.6), and no statement in it says more.
    described: bool = True

    @property
    def unsigned(self) -> bool:
        return "unsigned" in self.column_type

    def labels(self) -> list[str]:
        return [label.replace("''", "'").replace("\\\\", "\\") for label in re.findall(r"'((?:[^']|'')*)'", self.column_type)]

    # -- the server's side

    def expression(self) -> str:
        """SQL whose HEX `wanted` understands."""
        name = _quoted(self.name)
        if not self.described and self.kind in ADDRESSES:
            return f"CAST({name} AS BINARY({ADDRESSES[self.kind]}))"
        if not self.described and self.kind in TEXTS | BYTES:
            return name
        if self.kind in ("bit", "year"):
            return f"CAST({name} + 0 AS CHAR)"
        if self.kind in ("float", "double"):
            # A FLOAT's own text has six digits only; a DOUBLE's is cut where it is long, which the sign may make it.
            return f"CONCAT(IF({name} < 0, '-', ''), CAST(ABS({name} + 0e0) AS CHAR))"
        if self.kind == "decimal" and "zerofill" in self.column_type:
            return f"CAST({name} + 0 AS CHAR)"
        if self.kind in BYTES or self.kind in SHAPES or self.kind == "vector":
            return name
        if self.kind in TEXTS or self.kind in ("enum", "set"):
            return f"CONVERT({name} USING utf8mb4)"
        return f"CONVERT(CAST({name} AS CHAR) USING utf8mb4)"

    def wanted(self, cell: str) -> str:
        """The one text of a cell that SELECT gave in hexadecimal."""
        if cell == compare.NULL:
            return NULL
        raw = bytes.fromhex(cell)
        if not self.described and (self.kind in TEXTS | BYTES or self.kind in ADDRESSES or self.kind == "vector"):
            return "s:" + self._guessed(raw)
        if self.kind in SHAPES:
            return f"g:{struct.unpack_from('<I', raw)[0]}:{raw[4:].hex()}"
        if self.kind == "vector":
            return _singles(raw)
        if self.kind in BYTES:
            return "s:" + base64.b64encode(raw).decode()
        text = raw.decode()
        if self.kind in WHOLE:
            return f"n:{int(text)}"
        if self.kind == "float":
            return "f:" + _single(text)
        if self.kind == "double":
            return "f:" + repr(float(text))
        if self.kind == "timestamp":
            return "s:" + text.replace(" ", "T") + "Z"
        if self.kind == "json":
            return _document(parsed(text.encode()))
        return "s:" + text

    def _guessed(self, raw: bytes) -> str:
        """How text is read whose charset nobody tells: as UTF-8 where it is that, else as latin1; all blobs as bytes."""
        if "blob" in self.kind or "text" in self.kind:
            return base64.b64encode(raw).decode()
        if self.kind == "binary" or self.kind in ADDRESSES:
            raw = raw.rstrip(b"\0")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return "".join(bytes([byte]).decode("cp1252") if byte not in (0x81, 0x8d, 0x8f, 0x90, 0x9d) else chr(byte)
                           for byte in raw)

    # -- the event's side

    def shown(self, value: object, named: bool = True) -> str:
        """The one text of a cell in an event. `named`: the event calls the column by its name."""
        if value is None:
            return NULL
        if self.kind == "json":
            return _document(value)
        if isinstance(value, Number):
            return self._number(value, named)
        if isinstance(value, dict) and self.kind in SHAPES and set(value) == {"srid", "wkb"}:
            return f"g:{value['srid']}:{base64.b64decode(value['wkb']).hex()}"
        if isinstance(value, list) and self.kind == "vector":
            return "v:" + ",".join(map(_single, value))
        if not isinstance(value, str):
            return f"{type(value).__name__}:{value}"
        if not named and self.kind in ("enum", "set"):
            return self._labelled(int(value))
        if self.described and self.is_mariadb and (self.kind == "vector" or self.kind in ADDRESSES):
            return self._unknown_bytes(value)
        return "s:" + value

    def _number(self, value: Number, named: bool) -> str:
        if self.kind == "float":
            return "f:" + _single(value)
        if self.kind == "double":
            return "f:" + repr(float(value))
        if not self.described and self.kind in WHOLE:
            bits = WHOLE[self.kind]
            whole = int(value)
            return f"n:{whole + (1 << bits) if self.unsigned and whole < 0 else whole}"
        return f"n:{value}"

    def _labelled(self, number: int) -> str:
        if self.kind == "enum":
            return "s:" + ["", *self.labels()][number]
        text = ""
        for bit, label in enumerate(self.labels()):
            if number >> bit & 1:
                text += ("," if text else "") + label  # as servers do, so nothing stands before or after an empty first label
        return "s:" + text

    def _unknown_bytes(self, value: str) -> str:
        """MariaDB's binlog does not tell these from bytes, so a file without their DDL has them in base64."""
        try:
            raw = base64.b64decode(value, validate=True)
        except ValueError:
            return "s:" + value
        if self.kind == "vector":
            return _singles(raw)
        if len(raw) != ADDRESSES[self.kind]:
            return "s:" + value
        if self.kind == "uuid":
            return f"s:{uuid.UUID(bytes=raw)}"
        address = ipaddress.ip_address(raw)
        mapped = getattr(address, "ipv4_mapped", None)
        return f"s:::ffff:{mapped}" if mapped else f"s:{address}"


def columns_of(client: compare.Client, database: str, table: str, is_mariadb: bool, described: bool = True) -> list[Column]:
    """The columns that rows of the binlog have, in their order."""
    text = "CONCAT_WS('|', HEX(column_name), HEX(data_type), HEX(column_type), IFNULL(character_set_name, ''), " \
           "IFNULL(HEX(column_default), '~'), HEX(extra))"
    found = []
    for (line,) in client.rows(f"SELECT {text} FROM information_schema.columns WHERE table_schema = '{database}' "
                               f"AND table_name = '{table}' ORDER BY ordinal_position"):
        name, kind, column_type, charset, default, extra = line.split("|")
        kind, extra = bytes.fromhex(kind).decode().lower(), bytes.fromhex(extra).decode()
        found.append(Column(bytes.fromhex(name).decode(), kind, bytes.fromhex(column_type).decode(), charset,
                            is_mariadb, None if default == "~" else bytes.fromhex(default).decode(),
                            "GENERATED" in extra and "DEFAULT_GENERATED" not in extra, described))
    return found


def rows_of(client: compare.Client, database: str, table: str, columns: list[Column], when: str = "") -> list[dict[str, str]]:
    """All rows of a table as events must show them, by column."""
    parts = [f"IF({_quoted(column.name)} IS NULL, '{compare.NULL}', HEX({column.expression()}))" for column in columns]
    found = client.rows(f"SET time_zone = '+00:00'; SELECT {', '.join(parts)} FROM {database}.{_quoted(table)} {when}")
    return [{column.name: column.wanted(cell) for column, cell in zip(columns, row)} for row in found]


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"

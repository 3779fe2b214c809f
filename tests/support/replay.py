# SPDX-License-Identifier: Apache-2.0
"""Events put together to the tables that they leave.

Every image is looked at: the row that an update or a delete names must be there, with all the values that the image
holds, and an insert's key must not. Columns that an image leaves out keep their value, and where the server computes
them they are unknown from then on.
"""

from __future__ import annotations

import collections
import re

import rendering

UNKNOWN = "?"  # no text of a cell


class Wrong(AssertionError):
    """An event that does not fit what was there before it."""


class Table:
    """The rows of one table. `key`: the names of its key's columns; none where there is no key. `named`: events call columns by
    their names, else @1, @2, ..."""

    def __init__(self, name: str, columns: list[rendering.Column], key: list[str], named: bool = True) -> None:
        self.name = name
        self.named = named
        self.columns = {column.name: column for column in columns}
        self.key = key
        self.rows: list[dict[str, str]] = []
        self.counts: collections.Counter = collections.Counter()  # of operations
        self._by_key: dict[tuple, dict[str, str]] = {}
        self._order = [column.name for column in columns]

    def _image(self, image: dict[str, object]) -> dict[str, str]:
        cells = {}
        for name, value in image.items():
            if not self.named and re.fullmatch(r"@\d+", name):
                name = self._order[int(name[1:]) - 1]
            if name not in self.columns:
                raise Wrong(f"{self.name} has no column {name!r}")
            cells[name] = self.columns[name].shown(value, self.named)
        return cells

    def _key_of(self, row: dict[str, str]) -> tuple | None:
        return tuple(row[name] for name in self.key) if self.key and all(name in row for name in self.key) else None

    @staticmethod
    def _fits(row: dict[str, str], image: dict[str, str]) -> bool:
        return all(row[name] == cell or row[name] == UNKNOWN for name, cell in image.items())

    def _found(self, image: dict[str, str]) -> dict[str, str]:
        key = self._key_of(image)
        if key is not None:
            row = self._by_key.get(key)
            if row is None:
                raise Wrong(f"{self.name}: there is no row {key}")
            if not self._fits(row, image):
                wrong = {name: (row[name][:80], cell[:80]) for name, cell in image.items() if row[name] not in (cell, UNKNOWN)}
                raise Wrong(f"{self.name} {key}: the row has other values than the image before a change: {wrong}")
            return row
        for row in self.rows:
            if self._fits(row, image):
                return row
        raise Wrong(f"{self.name}: no row is like {image}")

    def _add(self, row: dict[str, str]) -> None:
        key = self._key_of(row)
        if key is not None:
            if key in self._by_key:
                raise Wrong(f"{self.name}: there is a row {key} already")
            self._by_key[key] = row
        self.rows.append(row)

    def _remove(self, row: dict[str, str]) -> None:
        key = self._key_of(row)
        if key is not None:
            del self._by_key[key]
        self.rows = [other for other in self.rows if other is not row]

    def _left_out(self, column: rendering.Column) -> str:
        """The value of a column that an insert's image leaves out: its default."""
        if column.computed:
            return UNKNOWN
        if column.default is None or column.default == "NULL":
            return rendering.NULL
        return UNKNOWN

    def apply(self, event: dict) -> None:
        operation, data = event["cdcop"], event["data"]
        self.counts[operation] += 1
        if operation == "t":
            self.rows, self._by_key = [], {}
            return
        before = self._image(data["before"]) if data["before"] is not None else None
        after = self._image(data["after"]) if data["after"] is not None else None
        if before is None:
            self._add({name: after.get(name, self._left_out(column)) for name, column in self.columns.items()})
            return
        row = self._found(before)
        self._remove(row)
        if after is not None:
            kept = {name: UNKNOWN if column.computed and name not in after else row[name]
                    for name, column in self.columns.items()}
            self._add(kept | after)

    def differences(self, wanted: list[dict[str, str]]) -> list[str]:
        """Nothing when the rows are the server's; else what differs, the first few in words."""
        rest = list(wanted)
        only_here = []
        by_key = {self._key_of(row): row for row in wanted} if self.key else {}
        faults = []
        for row in self.rows:
            if self.key:
                other = by_key.pop(self._key_of(row), None)
                if other is None:
                    only_here.append(row)
                elif not self._fits(row, other):
                    faults.append(f"{self.name} {self._key_of(row)}: " + ", ".join(
                        f"{name} ({self.columns[name].column_type[:60]} {self.columns[name].charset}) is "
                        f"{row[name][:120]}, not {cell[:120]}"
                        for name, cell in other.items() if row[name] not in (cell, UNKNOWN)))
                continue
            match = next((place for place, other in enumerate(rest) if self._fits(row, other)), None)
            if match is None:
                only_here.append(row)
            else:
                del rest[match]
        missing = list(by_key.values()) if self.key else rest
        faults += [f"{self.name}: in the events only: {str(row)[:400]}" for row in only_here[:3]]
        faults += [f"{self.name}: at the server only: {str(row)[:400]}" for row in missing[:3]]
        return faults

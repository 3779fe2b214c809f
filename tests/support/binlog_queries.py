# SPDX-License-Identifier: Apache-2.0
"""The statements of a binlog file with the context that their events carry: for tests that want what a server really
wrote, read by other code than Millrace's own.

Layouts: event header 19 bytes; QUERY: thread 4, time 4, db length 1, error 2, length of the status variables 2, those,
db and NUL, text; a checksum of 4 bytes behind every event when the format description says so.
"""

from __future__ import annotations

import dataclasses
import pathlib
import struct

QUERY, FORMAT_DESCRIPTION = 2, 15
HEADER = 19


@dataclasses.dataclass
class Query:
    db: str
    text: bytes
    sql_mode: int = 0
    client_collation: int = 0
    server_collation: int = 0
    database_collation: int = 0  # 0: the session has not set one apart from the database's own
    explicit_timestamp: bool | None = None  # None: the event does not say
    utf8mb4_collation: int = 0
    charset_collations: list[int] | None = None
    flags2: int = 0
    error: int = 0  # not 0: the statement failed after a part of it was done


def _status(query: Query, data: bytes) -> None:
    """Status variables by their codes; an unknown one ends the reading, what was read stands."""
    at = 0

    def take(length: int) -> bytes:
        nonlocal at
        at += length
        return data[at - length:at]

    fixed = {3: 4, 7: 2, 9: 8, 10: 4, 13: 3, 14: 8, 15: 8, 17: 8, 19: 1, 20: 1, 21: 1, 128: 3, 129: 8}
    while at < len(data):
        code = take(1)[0]
        if code == 0:
            query.flags2 = int.from_bytes(take(4), "little")
        elif code == 1:
            query.sql_mode = int.from_bytes(take(8), "little")
        elif code == 4:
            query.client_collation, _connection, query.server_collation = struct.unpack("<HHH", take(6))
        elif code == 8:
            query.database_collation = int.from_bytes(take(2), "little")
        elif code == 16:
            query.explicit_timestamp = take(1)[0] != 0
        elif code == 18:
            query.utf8mb4_collation = int.from_bytes(take(2), "little")
        elif code == 131:
            count = take(1)[0]
            query.charset_collations = [int.from_bytes(take(4)[2:], "little") for _ in range(count)]
        elif code in (5, 6):
            take(take(1)[0])
        elif code == 11:
            take(take(1)[0])
            take(take(1)[0])
        elif code == 12:
            count = take(1)[0]
            for _ in range(0 if count == 254 else count):
                at = data.index(b"\0", at) + 1
        elif code in fixed:
            take(fixed[code])
        else:
            return


class Tail:
    """Reads on where it stopped; the file may grow in between."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.offset = 4
        self.checksum = 0

    def queries(self) -> list[Query]:
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            data = file.read()
        found, at = [], 0
        while at + HEADER <= len(data):
            kind, size = data[at + 4], int.from_bytes(data[at + 9:at + 13], "little")
            if size < HEADER or at + size > len(data):
                break
            body = data[at + HEADER:at + size]
            if kind == FORMAT_DESCRIPTION:
                self.checksum = 4 if body[-5] == 1 else 0
            elif kind == QUERY:
                found.append(self._query(body[:len(body) - self.checksum]))
            at += size
        self.offset += at
        return found

    @staticmethod
    def _query(body: bytes) -> Query:
        db_length, status_length = body[8], int.from_bytes(body[11:13], "little")
        status = body[13:13 + status_length]
        rest = body[13 + status_length:]
        query = Query(db=rest[:db_length].decode(), text=rest[db_length + 1:],
                      error=int.from_bytes(body[9:11], "little"))
        _status(query, status)
        return query

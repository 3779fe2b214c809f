# SPDX-License-Identifier: Apache-2.0
"""The datasets: what fills a server's binlog. No chance in them: a row's values follow from its number.

Each dataset has its tables made and, where it changes rows, filled beforehand; then its own binlog file begins, and
`statements` are all that is in it. `changes` says how many row changes that is: every measurement is held to it.
The statements are the same on MariaDB and MySQL; `bench.numbers` holds the numbers that rows are made from.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

STEP = 1_000_000  # rows that one statement makes outside of the binlog
BATCH = 1000  # rows a transaction, where a dataset does not say otherwise


def batches(rows: int, step: int = BATCH) -> Iterator[tuple[int, int]]:
    for first in range(1, rows + 1, step):
        yield first, min(first + step - 1, rows)


def inserts(table: str, values: str, rows: int, step: int = BATCH) -> Iterator[str]:
    for first, last in batches(rows, step):
        yield f"INSERT INTO bench.{table} SELECT {values} FROM bench.numbers WHERE n BETWEEN {first} AND {last};"


def none(_rows: int) -> Iterator[str]:
    return iter(())


@dataclasses.dataclass(frozen=True)
class Dataset:
    name: str
    title: str
    table: str  # CREATE TABLE bench.<name>
    statements: Callable[[int], Iterator[str]]
    changes: Callable[[int], int]
    before: Callable[[int], Iterator[str]] = none  # fills the table, outside of the dataset's binlog file
    share: float = 1.0  # of the rows that were asked for
    engine: str = "InnoDB"
    pattern: str = ""  # of the tables' names, where there are several
    # By family: what the session says first, and what is said when it is over.
    session: dict[str, str] = dataclasses.field(default_factory=dict)
    after: dict[str, str] = dataclasses.field(default_factory=dict)


NARROW = "id BIGINT NOT NULL PRIMARY KEY, a INT NOT NULL, b INT UNSIGNED NULL, name VARCHAR(32) NOT NULL"
NARROW_VALUES = "n, n % 9973, IF(n % 7 = 0, NULL, n * 3), CONCAT('row ', n)"

MIXED = """id BIGINT NOT NULL PRIMARY KEY, a INT NOT NULL, b INT UNSIGNED NULL, c SMALLINT NOT NULL,
 price DECIMAL(14,4) NOT NULL, ratio DOUBLE NOT NULL, name VARCHAR(64) NOT NULL, note VARCHAR(200) NULL,
 kind ENUM('x','y','z') NOT NULL, at DATETIME(6) NOT NULL, day DATE NOT NULL, stamp TIMESTAMP NOT NULL"""
MIXED_VALUES = """n, n % 9973, IF(n % 7 = 0, NULL, n * 3), n % 30000, n / 7, n * 0.001,
 CONCAT('name of row ', n), IF(n % 5 = 0, NULL, REPEAT('lorem ', n % 20)), 1 + n % 3,
 '2024-01-01 00:00:00.000001' + INTERVAL n SECOND, '2024-01-01' + INTERVAL n % 365 DAY, FROM_UNIXTIME(1700000000 + n)"""

WIDE = "id BIGINT NOT NULL PRIMARY KEY, " + ", ".join(
    [f"i{i} INT NOT NULL" for i in range(20)] + [f"s{i} VARCHAR(40) NULL" for i in range(12)]
    + [f"d{i} DECIMAL(12,2) NOT NULL" for i in range(9)] + [f"t{i} DATETIME NOT NULL" for i in range(8)])
WIDE_VALUES = "n, " + ", ".join(
    [f"n * {i + 1}" for i in range(20)] + [f"IF(n % {i + 2} = 0, NULL, CONCAT('text ', n * {i + 1}))" for i in range(12)]
    + [f"n / {i + 3}" for i in range(9)] + [f"'2024-01-01' + INTERVAL n * {i + 1} MINUTE" for i in range(8)])

BLOBS = "id BIGINT NOT NULL PRIMARY KEY, doc JSON NOT NULL, bytes LONGBLOB NOT NULL"
BLOBS_VALUES = """n, JSON_OBJECT('id', n, 'name', CONCAT('name ', n), 'tags', JSON_ARRAY('a', 'b', n),
 'text', REPEAT(SHA2(n, 256), 16)), REPEAT(UNHEX(SHA2(n, 512)), 256)"""


def mixed(rows: int) -> Iterator[str]:
    yield from inserts("mixed", MIXED_VALUES, rows)
    for first, last in batches(rows, 2 * BATCH):
        yield f"UPDATE bench.mixed SET a = a + 1, note = 'changed' WHERE id BETWEEN {first} AND {last} AND id % 2 = 0;"
    for first, last in batches(rows, 2 * BATCH):
        yield f"DELETE FROM bench.mixed WHERE id BETWEEN {first} AND {last} AND id % 4 = 1;"


def single(rows: int) -> Iterator[str]:
    for n in range(1, rows + 1):
        yield f"INSERT INTO bench.single VALUES ({n}, {n % 9973}, {n * 3}, 'row {n}');"


def huge(rows: int) -> Iterator[str]:
    yield "BEGIN;"
    yield from inserts("huge", MIXED_VALUES, rows)
    yield "COMMIT;"


def updates(table: str) -> Callable[[int], Iterator[str]]:
    def statements(rows: int) -> Iterator[str]:
        for first, last in batches(rows):
            yield f"UPDATE bench.{table} SET a = a + 1, ratio = ratio * 2 WHERE id BETWEEN {first} AND {last};"
    return statements


DATASETS = (
    Dataset("narrow", "4 narrow columns, inserts", NARROW,
            lambda rows: inserts("narrow", NARROW_VALUES, rows), lambda rows: rows),
    Dataset("mixed", "12 mixed columns: inserts, half as many updates, a quarter deletes", MIXED, mixed,
            lambda rows: rows + rows // 2 + len(range(1, rows + 1, 4))),
    Dataset("wide", "50 columns, inserts", WIDE,
            lambda rows: inserts("wide", WIDE_VALUES, rows), lambda rows: rows, share=0.25),
    Dataset("blobs", "documents of 1 KiB and blobs of 16 KiB", BLOBS,
            lambda rows: inserts("blobs", BLOBS_VALUES, rows, 100), lambda rows: rows, share=0.02),
    Dataset("single", "transactions of one narrow row", NARROW, single, lambda rows: rows, share=0.2),
    Dataset("huge", "one transaction, 12 mixed columns", MIXED, huge, lambda rows: rows),
    Dataset("updates_full", "updates of 12 mixed columns, full images", MIXED, updates("updates_full"),
            lambda rows: rows, lambda rows: inserts("updates_full", MIXED_VALUES, rows), share=0.5),
    Dataset("updates_minimal", "updates of 12 mixed columns, minimal images", MIXED, updates("updates_minimal"),
            lambda rows: rows, lambda rows: inserts("updates_minimal", MIXED_VALUES, rows), share=0.5,
            session={"mariadb": "SET SESSION binlog_row_image=MINIMAL;", "mysql97": "SET SESSION binlog_row_image=MINIMAL;"}),
    Dataset("compressed", "12 mixed columns, compressed by the server", MIXED,
            lambda rows: inserts("compressed", MIXED_VALUES, rows), lambda rows: rows,
            # MariaDB looks at the first row of an event, and leaves those below the length alone.
            session={"mariadb": "SET GLOBAL log_bin_compress=ON; SET GLOBAL log_bin_compress_min_len=10;",
                     "mysql97": "SET SESSION binlog_transaction_compression=ON;"},
            after={"mariadb": "SET GLOBAL log_bin_compress=OFF;"}),
)

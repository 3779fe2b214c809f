# SPDX-License-Identifier: Apache-2.0
"""How the cost changes with what there is more of: tables, columns, bytes a row, rows a transaction.

Each point is a dataset with a binlog file of its own. MyISAM, because 10,000 tables and 1,000 columns are made
fastest there, and to the binlog it is the same; the transactions are InnoDB's.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterator

from .bed import Bed, Sample, Void
from .datasets import Dataset

TABLES = (1, 10, 100, 1_000, 10_000)
COLUMNS = (10, 30, 100, 300, 1_000)
SIZES = (20, 200, 2_000, 20_000, 200_000, 2_000_000, 20_000_000)
TRANSACTIONS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 50_000_000)

STEP = 1_000  # rows of bench.numbers that are crossed with themselves
ROWS_A_STATEMENT = 10  # into one of many tables
CELLS = 2_000_000  # of a point of the columns
BYTES = 100_000_000  # of a point of the sizes, at most
SMALL_TRANSACTIONS_ROWS = 200_000  # of a point of the transactions that are not larger themselves

NARROW = "id BIGINT NOT NULL PRIMARY KEY, a INT NOT NULL, name VARCHAR(32) NOT NULL"
# What is measured at each point: methods of measures.Millrace, and a title.
MEASURES = (("stage_decode", "decode"), ("stage_json", "CloudEvents"), ("stage_doris", "load bodies"), ("run_null", "run, null sink"))


@dataclasses.dataclass(frozen=True)
class Curve:
    name: str
    title: str
    unit: str  # of the cost that should stay flat
    points: Callable[[int], list[tuple[int, Dataset]]]  # given the rows of a point
    parts: Callable[[int], float]  # of that unit in a row, at a point


def one_of_many(count: int, rows: int) -> Dataset:
    """As many rows, spread over more tables: each statement goes to the next table."""
    name = f"tables_{count}"

    def make(_rows: int) -> Iterator[str]:
        for index in range(count):
            yield f"CREATE TABLE bench.{name}_{index} ({NARROW}) ENGINE=MyISAM CHARACTER SET utf8mb4;"

    def statements(_rows: int) -> Iterator[str]:
        for index in range(rows // ROWS_A_STATEMENT):
            first = index * ROWS_A_STATEMENT
            values = ",".join(f"({first + i},{i},'row {first + i}')" for i in range(ROWS_A_STATEMENT))
            yield f"INSERT INTO bench.{name}_{index % count} VALUES {values};\n"

    return Dataset(name, f"{count:,} tables", NARROW, statements, lambda _rows: rows // ROWS_A_STATEMENT * ROWS_A_STATEMENT, make,
                   pattern=f"{name}_[0-9]+")


def crossed(table: str, values: str, first: int, last: int) -> str:
    """Rows `first` to `last` by their number `n`: up to a thousand, or whole thousands."""
    if last - first < STEP:
        return (f"INSERT INTO bench.{table} SELECT {values} FROM (SELECT n + {first - 1} AS n FROM bench.numbers "
                f"WHERE n <= {last - first + 1}) AS s;\n")
    return (f"INSERT INTO bench.{table} SELECT {values} FROM (SELECT {first - 1} + (a.n - 1) * {STEP} + b.n AS n FROM bench.numbers AS a, "
            f"bench.numbers AS b WHERE a.n <= {(last - first + 1) // STEP} AND b.n <= {STEP}) AS s;\n")


def many_columns(count: int, _rows: int) -> Dataset:
    name = f"columns_{count}"
    rows = CELLS // count
    kinds = [("INT NOT NULL", f"n * {i}") if i % 2 else ("VARCHAR(10) NOT NULL", f"CONCAT('text ', n % {i + 1})") for i in range(count - 1)]
    table = "id BIGINT NOT NULL PRIMARY KEY, " + ", ".join(f"c{i} {kind}" for i, (kind, _) in enumerate(kinds))
    values = "n, " + ", ".join(value for _, value in kinds)
    return Dataset(name, f"{count:,} columns", table,
                   lambda _r: iter([crossed(name, values, first, min(first + 99, rows)) for first in range(1, rows + 1, 100)]),
                   lambda _r: rows, engine="MyISAM")


def large_rows(size: int, rows: int) -> Dataset:
    name = f"bytes_{size}"
    rows = max(min(rows, BYTES // size), 5)
    step = max(min(1_000, 1_000_000 // size), 1)
    values = f"n, REPEAT('0123456789', {(size - 10) // 10})"
    return Dataset(name, f"rows of {size:,} bytes", "id BIGINT NOT NULL PRIMARY KEY, body LONGTEXT NOT NULL",
                   lambda _r: iter([crossed(name, values, first, min(first + step - 1, rows)) for first in range(1, rows + 1, step)]),
                   lambda _r: rows)


def large_transactions(size: int, rows: int) -> Dataset:
    name = f"transaction_{size}"
    total = max(min(rows, SMALL_TRANSACTIONS_ROWS), size)
    return Dataset(name, f"{size:,} rows a transaction", NARROW,
                   lambda _r: iter([crossed(name, "n, n % 9973, CONCAT('row ', n)", first, first + size - 1)
                                    for first in range(1, total + 1, size)]), lambda _r: total // size * size)


CURVES = (
    Curve("tables", "Tables that share as many rows", "µs a row", lambda rows: [(n, one_of_many(n, rows)) for n in TABLES], lambda _x: 1),
    Curve("columns", "Columns of a table", "µs a value", lambda rows: [(n, many_columns(n, rows)) for n in COLUMNS], lambda x: x),
    Curve("bytes", "Bytes of a row", "µs a KiB", lambda rows: [(n, large_rows(n, rows)) for n in SIZES], lambda x: x / 1024),
    # A transaction of more rows than a point has is left out; --rows 50000000 takes them all.
    Curve("transaction", "Rows of a transaction", "µs a row",
          lambda rows: [(n, large_transactions(n, rows)) for n in TRANSACTIONS if n <= rows], lambda _x: 1),
)


def measure(bed: Bed, engine: object, curve: Curve, runs: int) -> list[dict]:
    """One dict a point: x, rows, and of each measure the cost in the curve's unit and the peak, or why there is none."""
    told = []
    for x, dataset in curve.points(bed.rows):
        bed.fill(dataset)
        point: dict = {"x": x, "rows": bed.changes_of(dataset), "bytes": bed.path(dataset).stat().st_size, "cost": {}, "peak_mib": {}}
        for name, _ in MEASURES:
            try:
                samples: list[Sample] = [getattr(engine, name)(bed, dataset) for _ in range(runs)]
            except Void as void:
                point["cost"][name] = str(void)
                continue
            cpu_us = statistics.median(sample.cpu_s for sample in samples) * 1e6
            point["cost"][name] = cpu_us / point["rows"] / curve.parts(x)
            point["peak_mib"][name] = max(sample.peak_mib for sample in samples)
        bed.drop(dataset)
        told.append(point)
    return told

# SPDX-License-Identifier: Apache-2.0
"""Each chunk costs the server its own rows, whatever the key: counted by the server."""

import pytest
import servers
import snapshots

LONG = pytest.mark.long
FAMILIES = ["mariadb", pytest.param("mysql97", marks=LONG), *(pytest.param(name, marks=LONG) for name in servers.MORE_FAMILIES)]
ROWS = 10_000
CHUNK = 250

# The columns of the key, the key, and the values of row n (from 0) as SQL.
KEYS = {
    "one number": ("k INT", "k", "n * 3"),
    "holes": ("k BIGINT UNSIGNED", "k", "n * n * n"),
    "three numbers": ("a INT, b INT, k INT", "a, b, k", "n % 10, n % 70, n"),
    "ci": ("a VARCHAR(20) CHARACTER SET latin1, b VARCHAR(20) CHARACTER SET latin1", "a, b", "CONCAT('Key', n % 7), CONCAT('v', n)"),
    "bytes": ("k VARBINARY(40)", "k", "UNHEX(SHA2(n, 224))"),
    "hex text": ("k CHAR(56) CHARACTER SET ascii", "k", "SHA2(n, 224)"),
    "moment": ("k DATETIME, n INT", "k, n", "'2024-01-01' + INTERVAL n % 500 HOUR, n"),
    "decimal": ("k DECIMAL(12,3)", "k", "n / 8"),
    "enum": ("k ENUM('d','c','b','a'), n INT", "k, n", "1 + n % 4, n"),
    "set": ("k SET('z','y','x'), n INT", "k, n", "n % 8, n"),
}
# What the server reads of a table besides: all rows that share a bound's prefix.
PREFIXED = ("k VARCHAR(60) CHARACTER SET latin1, n INT", "k(6), n", "CONCAT(LPAD(n, 6, '0'), 'tail'), n")


def fill(source, key) -> None:
    columns, parts, values = key
    columns = ", ".join(f"{column} NOT NULL" for column in columns.split(", "))
    source.query(f"CREATE TABLE {snapshots.END} (id INT PRIMARY KEY AUTO_INCREMENT);"
                 "CREATE TABLE digits (d INT); INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);"
                 f"CREATE TABLE t ({columns}, v VARCHAR(20), PRIMARY KEY ({parts}));"
                 f"INSERT INTO t SELECT {values}, 'row' FROM (SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d AS n "
                 "FROM digits a, digits b, digits c, digits e) AS numbers; DROP TABLE digits; ANALYZE TABLE t;")


def reads(source) -> int:
    rows = source.server.query("SHOW GLOBAL STATUS LIKE 'Handler_read%'").splitlines()
    return sum(int(line.split("\t")[1]) for line in rows if "rnd_next" not in line)


def cost(source, tmp_path) -> float:
    """How often each row was read."""
    model = snapshots.Model(source, tmp_path, rows=CHUNK, parallelism=2)
    before = reads(source)
    try:
        model.until_done(120)
        after = reads(source)
        assert {name: len(rows) for name, rows in model.end().items()} == {f"{source.database}.t": ROWS}
    finally:
        model.kill()
    return (after - before) / ROWS


@pytest.mark.parametrize("name", [name if name in ("one number", "holes", "set") else pytest.param(name, marks=LONG) for name in KEYS])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_chunk_reads_its_own_rows(source_of, family, name, tmp_path):
    """Once to name the bounds, once for the rows, a little to find the place in the index; and the first chunk of an
    ENUM reads it all, for rows without a label. What grew with the number of chunks would be 20."""
    source = source_of(family)
    fill(source, KEYS[name])
    assert cost(source, tmp_path) < 4


@pytest.mark.long
@pytest.mark.parametrize("family", ["mariadb", "mysql97"])
def test_a_key_over_a_prefix(source_of, family, tmp_path):
    source = source_of(family)
    fill(source, PREFIXED)
    assert cost(source, tmp_path) < ROWS / CHUNK

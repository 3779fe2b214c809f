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
    "large set": ("k SET('0','1','2','3','4','5','6','7','8','9'), n INT", "k, n", "n % 1024, n"),
    "large enum": (f"k ENUM({','.join(f'{n!r}' for n in map(str, range(1000)))}), n INT", "k, n", "1 + n % 1000, n"),
    "very large enum": (f"k ENUM({','.join(f'{n!r}' for n in map(str, range(2000)))}), n INT", "k, n", "1 + n % 2000, n"),
    "second enum, invalid values": ("a INT, k ENUM('d','c','b','a'), n INT", "a, k, n", "n % 3, n % 5, n"),
    "descending enum": ("k ENUM('d','c','b','a'), n INT", "k DESC, n", "n % 5, n"),
    "garbled labels": ("k ENUM('\U0001f642','a','b') CHARACTER SET utf8mb4, n INT", "k, n", "1 + n % 3, n"),
    "empty label": ("k SET('','b','c'), n INT", "k, n", "n % 8, n"),
    "second set": ("a INT, k SET('z','y','x'), n INT", "a, k, n", "n % 3, n % 8, n"),
    "unicode": ("k VARCHAR(60) CHARACTER SET utf8mb4", "k", "CONCAT('Schl\u00fcssel ', n)"),
    "signed": ("k BIGINT", "k", "(n - 5000) * 1000003"),
    "double": ("k DOUBLE", "k", "n / 7"),
    "float": ("k FLOAT, n INT", "k, n", "n % 500 / 7, n"),
    "bits": ("k BIT(40)", "k", "n * n"),
    "day": ("k DATE, n INT", "k, n", "'2024-01-01' + INTERVAL n % 500 DAY, n"),
    "instant": ("k TIMESTAMP(3), n INT", "k, n", "'2024-01-01' + INTERVAL n % 500 HOUR, n"),
    "span": ("k TIME(2), n INT", "k, n", "SEC_TO_TIME(n % 500 / 100), n"),
    "year": ("k YEAR, n INT", "k, n", "1950 + n % 100, n"),
    "fixed bytes": ("k BINARY(8)", "k", "UNHEX(LPAD(HEX(n * 7919), 16, '0'))"),
    "half in one value": ("k INT, n INT", "k, n", "IF(n % 2 = 0, 7, n), n"),
    "unique": ("k INT, n INT", "UNIQUE KEY (n, k)", "n * 3, n"),
    "descends": ("k INT", "k DESC", "n * 3"),
    "mixed order": ("a INT, b VARCHAR(20) CHARACTER SET latin1, k INT", "a DESC, b, k DESC", "n % 10, CONCAT('v', n % 70), n"),
    "prefix": ("k VARCHAR(60) CHARACTER SET latin1, n INT", "k(6), n", "CONCAT(LPAD(n, 6, '0'), 'tail'), n"),
    "second prefix": ("n INT, k TEXT CHARACTER SET utf8mb4", "n, k(6)", "n % 500, CONCAT(LPAD(n, 6, '0'), 'tail')"),
    "unique prefix": ("k VARBINARY(60), n INT", "UNIQUE KEY (k(6), n)", "CONCAT(LPAD(n, 6, '0'), 'tail'), n"),
}


def fill(source, key) -> None:
    columns, parts, values = key
    columns = ", ".join(f"{column} NOT NULL" for column in columns.split(", "))
    key = parts if "KEY" in parts else f"PRIMARY KEY ({parts})"
    source.query(f"CREATE TABLE {snapshots.END} (id INT PRIMARY KEY AUTO_INCREMENT);"
                 "CREATE TABLE digits (d INT); INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);"
                 f"CREATE TABLE t ({columns}, v VARCHAR(20), {key});"
                 f"INSERT IGNORE INTO t SELECT {values}, 'row' FROM (SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d AS n "
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
    """Once to name the bounds, once for the rows, a little to find the place in the index; and the first bound along a
    prefix reads it all. What grew with the number of chunks would be 20."""
    source = source_of(family)
    fill(source, KEYS[name])
    assert cost(source, tmp_path) < 5


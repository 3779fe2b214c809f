# SPDX-License-Identifier: Apache-2.0
"""A value read from a chunk is byte for byte the value that the binlog gives, for every type of every server."""

from __future__ import annotations

import math
import re
import struct

import pytest
import servers
import snapshots

FAMILIES = [*servers.FAMILIES, *(pytest.param(name, marks=pytest.mark.long) for name in servers.MORE_FAMILIES)]

NUMBERS = """
CREATE TABLE numbers (id INT PRIMARY KEY, t TINYINT, tu TINYINT UNSIGNED, s SMALLINT, su SMALLINT UNSIGNED, m MEDIUMINT,
  mu MEDIUMINT UNSIGNED, i INT, iu INT UNSIGNED, b BIGINT, bu BIGINT UNSIGNED, z INT(8) ZEROFILL, y YEAR, b1 BIT(1),
  b12 BIT(12), b64 BIT(64), d DECIMAL(10,2), d0 DECIMAL(65,0), d30 DECIMAL(65,30), dz DECIMAL(9,3) ZEROFILL,
  f FLOAT, f2 FLOAT(9,3), dbl DOUBLE, dbl2 DOUBLE(12,4), fu FLOAT UNSIGNED);
INSERT INTO numbers VALUES
  (1, -128, 255, -32768, 65535, -8388608, 16777215, -2147483648, 4294967295, -9223372036854775808, 18446744073709551615,
   42, 1901, b'1', b'100000000001', b'1111111111111111111111111111111111111111111111111111111111111111', -0.10,
   99999999999999999999999999999999999999999999999999999999999999999, -0.000000000000000000000000000001, 0.5,
   3.4028234e38, 123456.789, 1.7976931348623157e308, 12345678.1234, 1.17549435e-38),
  (2, 127, 0, 32767, 0, 8388607, 0, 2147483647, 0, 9223372036854775807, 0, 0, 2155, b'0', 0, 0, 0.10, 0, 0, 999999.999,
   1e-45, 0.001, 5e-324, 0.0001, 0.1),
  (3, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 12345678, 0, 1, 1, 1, 99999999.99, -1, 1.5, 0, 0.1, 1, 0.1, 1, 16777216),
  (4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2000, 0, 4095, 9223372036854775808, -99999999.99, 7, -7, 1, -0e0, -0e0, -0e0, -0e0,
   0),
  (5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 70, 0, 4095, 9223372036854775809, 1, 7, -7, 1, 123456789, 16777.217, 123456789.12345678,
   -1, 3e-39),
  (6, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL, NULL, NULL, NULL, NULL);
"""
TIMES = """
CREATE TABLE times (id INT PRIMARY KEY, d DATE, t TIME, t2 TIME(2), t6 TIME(6), dt DATETIME, dt3 DATETIME(3), dt6 DATETIME(6),
  ts TIMESTAMP NULL, ts1 TIMESTAMP(1) NULL, ts6 TIMESTAMP(6) NULL);
INSERT INTO times VALUES
  (1, '1000-01-01', '-838:59:59', '-838:59:59', '838:59:59', '1000-01-01', '9999-12-31 23:59:59.999',
   '0001-01-01 00:00:00.000001', '1970-01-01 00:00:01', '2038-01-19 03:14:07', '2038-01-19 03:14:07.999999'),
  (2, '0000-00-00', '00:00:00', '-00:00:00.01', '-00:00:00.000001', '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00',
   '0000-00-00', '0000-00-00'),
  (3, '2024-00-00', '23:59:59', '100:00:00.99', '00:00:00.5', '2024-02-00 01:02:03', '2024-00-10 10:20:30.5',
   '2024-06-30 12:00:00.000010', '2024-03-31 02:30:00', '2024-10-27 02:30:00.5', '2024-10-27 01:30:00.123456'),
  (4, '2024-02-31', '-00:00:01', '1', '-1:2:3.000100', '2024-02-31', NULL, NULL, NULL, NULL, NULL),
  (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
"""
TEXTS = """
CREATE TABLE texts (id INT PRIMARY KEY, c CHAR(10), v VARCHAR(300), vl VARCHAR(10) CHARACTER SET latin1, vb VARCHAR(10)
  COLLATE utf8mb4_bin, c2 CHAR(4) CHARACTER SET ucs2, g VARCHAR(10) CHARACTER SET gbk, tt TINYTEXT, tx TEXT, mt MEDIUMTEXT
  CHARACTER SET latin1, lt LONGTEXT, bi BINARY(5), vbi VARBINARY(20), tb TINYBLOB, bl BLOB, mb MEDIUMBLOB, lb LONGBLOB,
  e ENUM('red','green','bl''ue',''), el ENUM('\u00e4','\u00df') CHARACTER SET latin1, s SET('a','b','c'), c0 CHAR(0));
INSERT INTO texts VALUES
  (1, 'abc  ', 'tail  ', '\u00e4\u00f6\u20ac', 'Abc ', '\u00fc\u00f1', '\u4f60\u597d', 'x', repeat('y', 60000), '\u00e9',
   repeat('\u20ac', 30000), 'a\\0b', 'q\\0\\0', 'tb', repeat('\\0', 5000), '\\n\\t', unhex('ff00fe'), 'red', '\u00df', 'a,b',
   ''),
  (2, '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '\u00e4', '', NULL),
  (3, '\U0001f600', concat('quote''"\\\\', char(0), char(26)), 'x', '\u1e9e', 'y', 'z', '\\0', '\\r\\n', 'd', 'e', '12345', 'f', 'g',
   'h', 'i', 'j', 'bl''ue', NULL, 'b', ''),
  (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT IGNORE INTO texts (id, e, el) VALUES (5, 'nonsense', 'nonsense');
CREATE TABLE shapes (id INT PRIMARY KEY, g GEOMETRY, p POINT, l LINESTRING);
INSERT INTO shapes VALUES (1, ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))', 4326), ST_GeomFromText('POINT(1.5 -2)'),
  ST_GeomFromText('LINESTRING(0 0,1 1)')), (2, NULL, NULL, NULL);
CREATE TABLE `odd ``name``; DROP` (`a b` INT PRIMARY KEY, `c``d` INT, `select` VARCHAR(5));
INSERT INTO `odd ``name``; DROP` VALUES (1, 2, 'x');
"""
JSON = """
CREATE TABLE documents (id INT PRIMARY KEY, j JSON);
INSERT INTO documents VALUES (1, '{"b": [1, 2.50, -0.0, 1e300, null, true, "x\\\\"y\\\\u0001/"], "aa": {}, "a": "\u00e4\U0001f600"}'), (2, 'null'),
  (3, NULL), (4, '18446744073709551615'), (5, '"text"'), (6, '[]'), (7, '-9223372036854775808'), (8, '1.7976931348623157e308'),
  (9, CAST(CAST('2024-01-02 03:04:05.6' AS DATETIME(6)) AS JSON)), (10, CAST(CAST(1.20 AS DECIMAL(5,2)) AS JSON)),
  (11, JSON_OBJECT('blob', CAST(unhex('00ff') AS BINARY))), (12, CAST(CAST('-10:11:12' AS TIME) AS JSON)), (13, '0.1'),
  (14, '123456789012345678'), (15, '1e-7'), (16, '[1e15, 1e16, 123456.789e3, 5e-324]');
"""
MARIADB_OWN = """
CREATE TABLE own (id INT PRIMARY KEY, j JSON, i6 INET6, vc VARCHAR(100) COMPRESSED, bc BLOB COMPRESSED, hid INT INVISIBLE
  DEFAULT 7, gen INT AS (id * 2) PERSISTENT, virt INT AS (id + 1) VIRTUAL);
INSERT INTO own (id, j, i6, vc, bc) VALUES (1, '{"b":1, "a":[ ]}', '::1', repeat('ab', 50), repeat('z', 9999)),
  (2, NULL, 'fe80::1:0:0:a', '', ''), (3, '"x"', '::ffff:1.2.3.4', NULL, NULL), (4, '1', '2001:db8:0:0:1:0:0:1', 'x', 'y');
"""
MARIADB_UUID = """
CREATE TABLE uuids (u UUID PRIMARY KEY, i INET4);
INSERT INTO uuids VALUES ('00112233-4455-6677-8899-aabbccddeeff', '0.0.0.0'), ('ffffffff-ffff-ffff-ffff-ffffffffffff',
  '255.255.255.255'), ('00000000-0000-0000-0000-000000000000', NULL);
"""
MYSQL_OWN = """
CREATE TABLE own (id INT PRIMARY KEY, hid INT INVISIBLE DEFAULT 7, gen INT AS (id * 2) STORED, virt INT AS (id + 1) VIRTUAL);
INSERT INTO own (id) VALUES (1), (2);
CREATE TABLE vectors (id INT PRIMARY KEY, v VECTOR(3));
INSERT INTO vectors VALUES (1, STRING_TO_VECTOR('[1,-0.5,3e38]')), (2, NULL);
"""
MARIADB_VECTOR = """
CREATE TABLE vectors (id INT PRIMARY KEY, v VECTOR(3));
INSERT INTO vectors VALUES (1, VEC_FromText('[1,-0.5,3e38]')), (2, NULL);
"""
OWN = {"mariadb": MARIADB_OWN + MARIADB_UUID, "mysql97": JSON + MYSQL_OWN, "mysql56": "", "mariadb105": MARIADB_OWN,
       "mariadb118": MARIADB_OWN + MARIADB_UUID + MARIADB_VECTOR}


@pytest.mark.parametrize("family", FAMILIES)
def test_values_are_those_of_the_binlog(source_of, family, tmp_path):
    source = source_of(family)
    source.query(f"SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+02:00'; CREATE TABLE {snapshots.END} (id INT PRIMARY KEY "
                 f"AUTO_INCREMENT);" + NUMBERS + TIMES + TEXTS + OWN[family])
    stream = snapshots.Model(source, tmp_path, startup="earliest-offset", snapshot="no").end()
    chunks = snapshots.Model(source, tmp_path, rows=2)
    chunks.until_done()
    read = chunks.end()
    assert snapshots.first_differences(stream, read) == []
    assert len(stream) >= 5 and sum(map(len, stream.values())) > 15


def doubles(rng, count: int) -> list[float]:
    """Random bit patterns, the borders of every power of two, and numbers without their leading bits."""
    bits = [rng.getrandbits(64) for _ in range(count)] + [rng.getrandbits(rng.randrange(1, 53)) for _ in range(count // 4)]
    bits += [(exponent << 52) + step for exponent in range(1, 2047, 7) for step in (-1, 0, 1)]
    bits += [0x7FEFFFFFFFFFFFFF, 0x0010000000000000, 0x000FFFFFFFFFFFFF, 1]
    values = [struct.unpack("<d", struct.pack("<Q", pattern))[0] for pattern in bits]
    return [value for value in values if math.isfinite(value)]


@pytest.mark.parametrize("family", ["mariadb", *(pytest.param(name, marks=pytest.mark.long) for name in ["mysql97", *servers.MORE_FAMILIES])])
def test_every_bit_of_a_double(source_of, family, rng, tmp_path):
    """What the text of a SELECT says is the very number, denormals and extremes too, and is what was meant."""
    source = source_of(family)
    values = doubles(rng, 2000)
    # FLOATs are given as doubles, which the server rounds.
    floats = [value if abs(value) < 3e38 else rng.uniform(-1, 1) for value in values]
    rows = [f"({i}, {value!r}{'' if 'e' in repr(value) else 'e0'}, {single!r}{'' if 'e' in repr(single) else 'e0'})"
            for i, (value, single) in enumerate(zip(values, floats))]
    source.query(f"CREATE TABLE {snapshots.END} (id INT PRIMARY KEY AUTO_INCREMENT);"
                 "CREATE TABLE reals (id INT PRIMARY KEY, d DOUBLE, f FLOAT); CREATE TABLE keys_of_doubles (d DOUBLE PRIMARY KEY);"
                 + "".join(f"INSERT INTO reals VALUES {','.join(rows[i:i + 500])};" for i in range(0, len(rows), 500))
                 + "INSERT IGNORE INTO keys_of_doubles SELECT d FROM reals;")
    stream = snapshots.Model(source, tmp_path, startup="earliest-offset", snapshot="no").end()
    chunks = snapshots.Model(source, tmp_path, rows=300)
    chunks.until_done()
    read = chunks.end()
    assert snapshots.first_differences(stream, read) == []
    name = f"{source.database}.reals"
    got = {int(cells[0]): float(cells[1]) for cells in (re.findall(r"V\d+:([^V]*)", snapshots.text(row)) for _, row in read[name])}
    assert len(got) == len(values)
    assert [i for i, value in enumerate(values) if got[i] != value] == []

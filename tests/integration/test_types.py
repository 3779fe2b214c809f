# SPDX-License-Identifier: Apache-2.0
"""The edges of every type, one value beside the other, against SELECT.

The random workload of test_differential.py meets these only by luck. Each table is written with and without names and
signs in the binlog, since what a table map leaves out is then taken from the server, and as INSERT, UPDATE and DELETE,
so that every value stands in an image before and in one after.
"""

from __future__ import annotations

import re
import subprocess

import pytest

import rendering
import servers
from events import GENERATED, OK, EventPipeline, errors, events_of, millrace
from test_decode_oracle import read_oracle


def quoted(*texts: str) -> list[str]:
    return [f"'{text}'" for text in texts]


class Edges:
    """One column of a table and the values to put in."""

    def __init__(self, declaration: str, values: list[str]) -> None:
        self.declaration = declaration
        self.values = values


def whole_numbers() -> list[Edges]:
    made = []
    for word, bits in (("TINYINT", 8), ("SMALLINT", 16), ("MEDIUMINT", 24), ("INT", 32), ("BIGINT", 64)):
        low, high = -2 ** (bits - 1), 2 ** (bits - 1) - 1
        made.append(Edges(word, [str(low), str(low + 1), "-1", "0", "1", str(high)]))
        made.append(Edges(f"{word} UNSIGNED", ["0", "1", str(high), str(high + 1), str(2 ** bits - 1)]))
        made.append(Edges(f"{word}(3) ZEROFILL", ["0", "7", str(2 ** bits - 1)]))
    made.append(Edges("BOOLEAN", ["0", "1", "-128", "127"]))
    made.append(Edges("YEAR", ["0", "'0000'", "1901", "1970", "2000", "2155"]))
    for bits in (*range(1, 10), 15, 16, 17, 24, 31, 32, 33, 40, 48, 55, 56, 57, 63, 64):
        made.append(Edges(f"BIT({bits})", ["0", "1", str(2 ** bits - 1), str(2 ** (bits - 1))]))
    return made


def fractions() -> list[Edges]:
    made = []
    for precision, scale in ((65, 30), (65, 0), (30, 30), (1, 0), (1, 1), (9, 9), (10, 9), (18, 9), (19, 10), (38, 30),
                             (20, 1), (12, 5), (33, 17)):
        whole, part = "9" * (precision - scale), "9" * scale
        high = (whole or "0") + ("." + part if part else "")
        low = "0." + "0" * (scale - 1) + "1" if scale else "1"
        made.append(Edges(f"DECIMAL({precision},{scale})", [high, "-" + high, low, "-" + low, "0", "-0.0"]))
    made.append(Edges("DECIMAL(20,6) UNSIGNED ZEROFILL", ["0", "1.5", "99999999999999.999999"]))
    singles = ["0", "1", "0.1", "16777216", "16777217", "3.4028234663852886e38", "-3.4028234663852886e38", "1.17549435e-38",
               "1.4e-45", "1e10", "123456.789", "1e-5", "9.999999e22", "33554428"]
    doubles = ["0", "1", "0.1", "0.30000000000000004", "9007199254740993", "1.7976931348623157e308", "-1.7976931348623157e308",
               "2.5e-308", "5e-324", "1e21", "1e22", "123456789012345680", "1e-7", "4.35", "5e-5"]
    return made + [Edges("FLOAT", singles), Edges("FLOAT UNSIGNED", ["0", "3.5"]), Edges("FLOAT(7,4)", ["999.9999", "-0.0001"]),
                   Edges("DOUBLE", doubles), Edges("DOUBLE(20,5)", ["123456789012345.12345"])]


def times() -> list[Edges]:
    days = quoted("0000-00-00", "2024-00-00", "2024-05-00", "0000-01-01", "0001-01-01", "0099-12-31", "1000-01-01", "1582-10-10",
                  "1969-12-31", "2024-02-29", "2024-02-31", "9999-12-31")
    made = [Edges("DATE", days)]
    for digits in range(7):
        full = "." + "987654"[:digits] if digits else ""
        least = "." + "0" * (digits - 1) + "1" if digits else ""
        spans = ["00:00:00", "00:00:00" + least, "-00:00:00" + least, "-00:00:01", "-16:08:04" + full, "23:59:59" + full,
                 "24:00:00", "100:00:00" + least, "838:59:59", "-838:59:59", "838:59:58" + full, "-838:59:58" + full, "-01:00:00", "-00:01:00"]
        made.append(Edges(f"TIME({digits})", quoted(*spans)))
        moments = [day.strip("'") + clock for day in days for clock in (" 00:00:00", " 23:59:59" + full)]
        made.append(Edges(f"DATETIME({digits})", quoted(*moments, "2024-05-06 07:08:09" + least)))
        stamps = ["0000-00-00 00:00:00", "1970-01-01 00:00:01", "1970-01-01 00:00:01" + least, "2001-09-09 01:46:40" + full,
                  "2024-02-29 23:59:59" + full, "2038-01-19 03:14:07"]
        made.append(Edges(f"TIMESTAMP({digits}) NULL", quoted(*stamps)))
    return made


def strings() -> list[Edges]:
    made = []
    for charset, longest in (("utf8mb4", 255), ("utf8mb4", 64), ("utf8mb4", 63), ("latin1", 255), ("utf32", 255), ("utf8mb3", 86), ("ucs2", 127)):
        made.append(Edges(f"CHAR({longest}) CHARACTER SET {charset}", ["''", "' a  '", f"REPEAT('x', {longest})", f"REPEAT(_utf8mb4 X'C3A9', {longest})"]))
    made.append(Edges("CHAR(255) CHARACTER SET utf8mb4", ["REPEAT(_utf8mb4 X'F09F9880', 255)"]))
    made.append(Edges("CHAR(0)", ["''"]))
    for declaration, longest in (("VARCHAR(255) CHARACTER SET latin1", 255), ("VARCHAR(256) CHARACTER SET latin1", 256),
                                 ("VARCHAR(63) CHARACTER SET utf8mb4", 63), ("VARCHAR(64) CHARACTER SET utf8mb4", 64),
                                 ("VARCHAR(4000) CHARACTER SET utf8mb4", 4000)):
        made.append(Edges(declaration, ["''", "'a '", "X'00'", f"REPEAT('x', {longest})", r"'\0\b\n\r\t\Z\\''\"%_'"]))
    for longest in (1, 16, 255):
        made.append(Edges(f"BINARY({longest})", ["X''", "X'00'", "X'20'", f"REPEAT(X'FF', {longest})"]))
    for longest in (1, 255, 256, 3000):
        made.append(Edges(f"VARBINARY({longest})", ["X''", "X'00'", f"REPEAT(X'FF', {longest})"]))
    for word, sizes in (("TINY", (0, 1, 255)), ("", (0, 256, 65535)), ("MEDIUM", (0, 65536, 70000)), ("LONG", (0, 65536, 70000))):
        made.append(Edges(f"{word}BLOB", [f"REPEAT(X'00FF', {size // 2})" for size in sizes] + ["X'00'"]))
        made.append(Edges(f"{word}TEXT CHARACTER SET utf8mb4", [f"REPEAT('x', {size})" for size in sizes]))
    return made


def labels() -> list[Edges]:
    """No two columns have the same labels: in a charset of wide characters MySQL 5.6 tears apart those that are shared."""
    many = [f"label {number}" for number in range(300)]
    members = [f"m{number}" for number in range(64)]
    enum = ", ".join(quoted(*many))
    made = [Edges(f"ENUM({enum})", ["1", "2", "255", "256", "300", "'no such label'"]), Edges(f"ENUM({', '.join(quoted(*many[:255]))})", ["1", "255"]),
            Edges(f"ENUM({', '.join(quoted(*many[:256]))})", ["1", "256"]),
            Edges("ENUM('', 'it''s', 'comma,comma', 'back\\\\slash', '\"q\"', '(x)', 'a b') CHARACTER SET utf8mb4", [str(n) for n in range(1, 8)])]
    for charset in ("latin1", "ucs2", "utf16", "utf32", "utf8mb4"):
        made.append(Edges(f"ENUM('{charset}', 'ä') CHARACTER SET {charset}", ["1", "2", "1"]))
        made.append(Edges(f"SET('of {charset}', 'ä') CHARACTER SET {charset}", ["0", "1", "2", "3"]))
    for count in (1, 8, 9, 16, 17, 24, 25, 32, 33, 63, 64):
        made.append(Edges(f"SET({', '.join(quoted(*members[:count]))})", ["0", "1", str(2 ** (count - 1)), str(2 ** count - 1)]))
    return made


def shapes() -> list[Edges]:
    texts = {"POINT": "POINT(1.5 -2)", "LINESTRING": "LINESTRING(0 0, 1 1, 2 0)", "POLYGON": "POLYGON((0 0, 0 5, 5 5, 5 0, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))",
             "MULTIPOINT": "MULTIPOINT(1 1, 2 2)", "MULTILINESTRING": "MULTILINESTRING((0 0, 1 1), (2 2, 3 3))",
             "MULTIPOLYGON": "MULTIPOLYGON(((0 0, 0 5, 5 5, 5 0, 0 0)))", "GEOMETRYCOLLECTION": "GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(0 0, 1 1))"}
    made = [Edges(kind, [f"ST_GeomFromText('{text}', {srid})" for srid in (0, 4326)]) for kind, text in texts.items()]
    return made + [Edges("GEOMETRY", [f"ST_GeomFromText('{text}', 0)" for text in texts.values()])]


def documents() -> list[Edges]:
    nested = "[" * 99 + "]" * 99
    texts = ["null", "true", "false", "0", "-1", "32767", "32768", "-32769", "65535", "65536", "2147483648", "-2147483649", "4294967296",
             "9223372036854775807", "-9223372036854775808", "18446744073709551615", "1.5", "1.0", "-0.0", "1e300", "1e-7", "0.1", "1e15", "1e16",
             '""', '"text"', '"\\u0000\\u0001\\"\\\\/\\n"', '"ключ 🦊"', "[]", "{}", nested, '{"a": 1, "a": 2, "b": {"": null}}',
             '{"bb": 1, "a": 2, "ccc": [1, "x", null, true, 1.5]}']
    large = [f"JSON_ARRAY(REPEAT('x', {size}), 1, -70000, 3000000000)" for size in (127, 128, 16384, 65600)]
    large += ["JSON_OBJECT('k', REPEAT('x', 70000), 'i', 70000, 'u', 4000000000)"]
    opaque = ["JSON_ARRAY(CAST(12.3450 AS DECIMAL(10,4)), CAST(-0.5 AS DECIMAL(65,30)), CAST(0 AS DECIMAL(1,0)))",
              "JSON_ARRAY(DATE'2024-02-29', TIME'-12:34:56.5', TIMESTAMP'2024-01-01 00:00:01.25', TIME'838:59:59')",
              "JSON_OBJECT('blob', X'00ff10', 'long', REPEAT(X'01', 100), 'bit', b'101', 'y', CAST(2001 AS YEAR))",
              "CAST(DATE'2024-02-29' AS JSON)", "CAST(CAST(1.50 AS DECIMAL(3,2)) AS JSON)"]
    return [Edges("JSON", [f"_utf8mb4 X'{text.encode().hex()}'" for text in texts] + large + opaque)]


def mysql_only() -> list[Edges]:
    vectors = [f"STRING_TO_VECTOR('[{numbers}]')" for numbers in ("1", "0.1,-0.5,3.4e38", ",".join(["1.5e-38"] * 2000))]
    return [Edges("VECTOR(16383)", vectors), Edges("VECTOR", vectors[:2]), Edges("INT INVISIBLE", ["1", "-1"]),
            Edges("INT GENERATED ALWAYS AS (k * 2) VIRTUAL", []), Edges("VARCHAR(20) GENERATED ALWAYS AS (CONCAT('x', k)) STORED", [])]


def mariadb_only(version: tuple[int, ...]) -> list[Edges]:
    made = []
    if version >= (10, 7):
        made += [Edges("UUID", quoted("00000000-0000-0000-0000-000000000000", "123e4567-e89b-12d3-a456-426655440000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
                                      "123e4567-e89b-12d3-a456-000000000000"))]
    if version >= (10, 10):
        made += [Edges("INET4", quoted("0.0.0.0", "255.255.255.255", "192.0.2.0", "10.0.0.1"))]
    if version >= (11, 7):
        made += [Edges("VECTOR(3)", [f"VEC_FromText('[{numbers}]')" for numbers in ("1,-0.5,3.4e38", "0.1,1.5e-38,0")])]
    return made + [
            Edges("INET6", quoted("::", "::1", "2001:db8::ff00:42:8329", "::ffff:192.0.2.1", "::192.0.2.1", "fe80::", "1:0:0:2::",
                                  "1:0:2:3:4:5:6:7", "1:0:0:2:0:0:0:3", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")),
            Edges("VARCHAR(300) COMPRESSED", ["''", "'short'", "REPEAT('x', 300)"]),
            Edges("TEXT COMPRESSED CHARACTER SET latin1", ["''", "REPEAT('ä', 500)", "REPEAT('xy', 30000)"]),
            Edges("VARBINARY(300) COMPRESSED", ["X''", "X'00'", "REPEAT(X'00', 300)"]),
            Edges("LONGBLOB COMPRESSED", ["X''", "X'80'", "REPEAT(X'0102', 60000)"]),
            Edges("INT INVISIBLE", ["1", "-1"]), Edges("DECIMAL(38,38)", ["0." + "9" * 38, "-0." + "0" * 37 + "1"]),
            Edges("INT GENERATED ALWAYS AS (k * 2) VIRTUAL", []), Edges("VARCHAR(20) GENERATED ALWAYS AS (CONCAT('x', k)) STORED", [])]


GROUPS = {"whole_numbers": whole_numbers, "fractions": fractions, "times": times, "strings": strings, "labels": labels,
          "shapes": shapes}


class Table:
    """A table of one group: row k has the k-th value of each column, and NULL where a column has no more."""

    def __init__(self, name: str, edges: list[Edges]) -> None:
        self.name = name
        self.edges = edges
        self.rows = max(len(column.values) for column in edges)

    def create(self) -> str:
        parts = ", ".join(f"c{place} {column.declaration}" for place, column in enumerate(self.edges))
        return f"CREATE TABLE {self.name} (k INT PRIMARY KEY, {parts});\n"

    def fill(self) -> str:
        named = [place for place, column in enumerate(self.edges) if column.values]
        lines = []
        for row in range(self.rows):
            cells = [self.edges[place].values[row] if row < len(self.edges[place].values) else "NULL" for place in named]
            lines.append(f"INSERT INTO {self.name} (k, {', '.join(f'c{place}' for place in named)}) VALUES ({row}, {', '.join(cells)});\n")
        lines.append(f"UPDATE {self.name} SET k = k + 1000;\nDELETE FROM {self.name} WHERE k = 1000 AND {self.rows} > 1;\n")
        return "".join(lines)


def tables_of(server) -> list[Table]:
    version = tuple(int(part) for part in re.findall(r"\d+", server.value("SELECT VERSION()"))[:2])
    made = [Table(name, make()) for name, make in GROUPS.items()]
    if server.product != "MySQL" or version >= (5, 7):
        made.append(Table("documents", documents()))
    if server.product != "MySQL":
        made.append(Table("own", mariadb_only(version)))
    elif version >= (9, 0):
        made.append(Table("own", mysql_only()))
    return made


def filled(source, tables: list[Table]) -> list[str]:
    """Puts the rows in; what the server said of those that it did not take."""
    head = "SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00';\n"
    done = subprocess.run(["mariadb", "--no-defaults", *source.server.client_arguments(), "--force", "--default-character-set=utf8mb4",
                           source.database], input=(head + "".join(table.fill() for table in tables)).encode(), capture_output=True, check=False)
    return [line[:200] for line in done.stderr.decode(errors="replace").splitlines() if line.startswith("ERROR")]


def replayed(events: list[dict], table: str) -> dict[str, dict]:
    """The table as the events leave it, by key; before-images must be the rows that were there."""
    kept: dict[str, dict] = {}
    for event in events:
        if event.get("cdctable") != table or event.get("cdcop") not in ("c", "u", "d"):
            continue
        before, after = event["data"]["before"], event["data"]["after"]
        if before is not None:
            assert kept.pop(before["k"]) == before
        if after is not None:
            kept[after["k"]] = after
    return kept


def faults_of(source, table: Table, events: list[dict], without: str = "") -> list[str]:
    """`without`: a kind of column that is left out."""
    is_mariadb = source.server.product != "MySQL"
    known = [column for column in rendering.columns_of(source.client(), source.database, table.name, is_mariadb) if column.kind != without]
    shown = {row["k"]: row for row in rendering.rows_of(source.client(), source.database, table.name, known)}
    kept = {known[0].shown(key): {column.name: column.shown(row[column.name]) for column in known} for key, row in replayed(events, table.name).items()}
    faults = [f"{table.name}: keys {sorted(set(kept) ^ set(shown))}"] if set(kept) != set(shown) else []
    for key in set(kept) & set(shown):
        for column in known:
            if kept[key][column.name] != shown[key][column.name]:
                faults.append(f"{table.name}.{column.name} {column.column_type[:40]}: {kept[key][column.name][:100]} and not {shown[key][column.name][:100]}")
    return faults


def parsed_events(folder) -> list[dict]:
    found = []
    for path in sorted(folder.glob("events-*.ndjson")):
        found += [rendering.parsed(line) for line in path.read_bytes().splitlines()]
    return found


def streamed(source, folder) -> list[dict]:
    """What `run` gives of the source's binlog, up to the table that is called last."""
    source.query("CREATE TABLE last (k INT PRIMARY KEY); INSERT INTO last VALUES (1)")
    pipeline = EventPipeline(folder, source.block())
    try:
        pipeline.start()
        pipeline.until(lambda: any(event.get("cdctable") == "last" and event.get("cdcop") == "c" for event in pipeline.events()), 120,
                       "the last row")
        assert pipeline.stop() == 0
    finally:
        pipeline.close()
    return parsed_events(pipeline.events_folder)


OF_MARIADB = ["mariadb", *(pytest.param(name, marks=pytest.mark.long) for name in servers.MORE_FAMILIES if name.startswith("mariadb"))]
EVERYWHERE = [*servers.FAMILIES, *(pytest.param(name, marks=pytest.mark.long) for name in servers.MORE_FAMILIES)]


@pytest.mark.parametrize("metadata", ["FULL", "less"])
@pytest.mark.parametrize("family", EVERYWHERE)
def test_edges_against_select(source_of, family, tmp_path, metadata):
    """FULL: from the files alone too. Less: MINIMAL of MySQL, nothing of MariaDB; the server is asked."""
    source = source_of(family)
    server = source.server
    has_metadata = server.query("SHOW VARIABLES LIKE 'binlog_row_metadata'") != ""
    if metadata == "FULL" and not has_metadata:
        pytest.skip("this server writes no metadata")
    tables = tables_of(server)
    least = "MINIMAL" if server.product == "MySQL" else "NO_LOG"
    if has_metadata:
        server.query(f"SET GLOBAL binlog_row_metadata = {'FULL' if metadata == 'FULL' else least}")
    try:
        source.query("".join(table.create() for table in tables))
        refused = filled(source, tables)
        events = streamed(source, tmp_path / "p")
    finally:
        if has_metadata:
            server.query("SET GLOBAL binlog_row_metadata = FULL")
    faults = [fault for table in tables for fault in faults_of(source, table, events)]
    assert not faults, "\n".join(faults[:40])
    # A proof of something: few rows are too much for this server (documents of 99 levels, or made by functions it has not).
    assert len(refused) <= 10, "\n".join(refused)
    if metadata == "FULL":
        done = millrace("decode", *source.binlogs(), deadline_s=120)
        assert done.returncode == 0, done.stderr.decode()
        offline = [rendering.parsed(line) for line in done.stdout.splitlines()]
        # Files do not tell an INET6 from bytes, and the way to write one is MariaDB's alone.
        faults = [fault for table in tables for fault in faults_of(source, table, offline, without="inet6")]
        assert not faults, "\n".join(faults[:40])


@pytest.mark.parametrize("family", OF_MARIADB)
def test_temporals_in_the_format_of_mariadb_5_3(source_of, family, tmp_path):
    """Their fraction digits are in no row event: the server is asked, and a file has them in its CREATE TABLE, else it is refused in words."""
    mariadb = source_of(family)
    table = Table("old", [edges for edges in times() if not edges.declaration.startswith("DATE(")])
    mariadb.server.query("SET GLOBAL mysql56_temporal_format = OFF")
    try:
        mariadb.query(table.create())
    finally:
        mariadb.server.query("SET GLOBAL mysql56_temporal_format = ON")
    assert "mariadb-5.3" in mariadb.query("SELECT column_type FROM information_schema.columns WHERE table_name = 'old'")
    assert filled(mariadb, [table]) == []
    faults = faults_of(mariadb, table, streamed(mariadb, tmp_path / "p"))
    assert not faults, "\n".join(faults[:40])
    done = millrace("decode", *mariadb.binlogs())
    assert done.returncode == OK, errors(done)
    faults = faults_of(mariadb, table, [rendering.parsed(line) for line in done.stdout.splitlines()])
    assert not faults, "\n".join(faults[:40])
    mariadb.server.query("FLUSH BINARY LOGS")
    mariadb.query("UPDATE old SET k = k + 1000 ORDER BY k DESC LIMIT 1")
    done = millrace("decode", mariadb.binlogs()[-1])
    assert done.returncode == 6
    assert "mysql56_temporal_format" in done.stderr.decode()


VERSIONED = """CREATE TABLE v (id INT PRIMARY KEY, n INT, row_start TIMESTAMP(6) GENERATED ALWAYS AS ROW START,
                               row_end TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (row_start, row_end))
               WITH SYSTEM VERSIONING;"""
HIDDEN = "CREATE TABLE v (id INT PRIMARY KEY, n INT) WITH SYSTEM VERSIONING;"
CHANGES = "INSERT INTO v (id, n) VALUES (1, 1), (2, 2), (3, 3); UPDATE v SET n = 11 WHERE id = 1; UPDATE v SET n = 12 WHERE id = 1; " \
          "DELETE FROM v WHERE id = 2; UPDATE v SET id = 4 WHERE id = 3;"


@pytest.mark.parametrize("metadata", ["FULL", "NO_LOG"])
@pytest.mark.parametrize("declared", [VERSIONED, HIDDEN], ids=["named", "hidden"])
def test_the_history_of_a_versioned_table_is_carried(mariadb, doris, engine, declared, metadata):
    """The end of a row's life is in its key, so the target holds what SELECT ... FOR SYSTEM_TIME ALL shows."""
    mariadb.server.query(f"SET GLOBAL binlog_row_metadata = {metadata}")
    try:
        mariadb.query(declared + CHANGES)
        engine.write(mariadb.block(), doris.sink("50ms"))
        engine.start().until_carried(mariadb.place())
        assert engine.stop() == 0
    finally:
        mariadb.server.query("SET GLOBAL binlog_row_metadata = FULL")
    assert len(must_have_the_history(mariadb, doris)) == 6


def must_have_the_history(mariadb, doris) -> list[list[str]]:
    wanted = mariadb.query("SET time_zone = '+00:00'; SELECT id, n, row_start, row_end FROM v FOR SYSTEM_TIME ALL ORDER BY id, row_end")
    found = doris.client().rows(f"SELECT id, n, row_start, row_end FROM {mariadb.database}.v ORDER BY id, row_end")
    assert found == [line.split("\t") for line in wanted.splitlines()]
    return found


@pytest.mark.costly
@pytest.mark.parametrize("declared", [VERSIONED, HIDDEN], ids=["named", "hidden"])
def test_the_history_of_a_versioned_table_is_read(mariadb, doris, engine, declared):
    """A snapshot brings the rows that were, in chunks of two, and the stream goes on with them."""
    mariadb.query(declared + CHANGES)
    engine.write(mariadb.block() | {"scan.startup.mode": "initial", "scan.incremental.snapshot.chunk.size": 2}, doris.sink("50ms"))
    engine.start().until_log("All rows of a table have been read", 60)
    mariadb.query("UPDATE v SET n = 13 WHERE id = 1; DELETE FROM v WHERE id = 4;")
    engine.until_carried(mariadb.place())
    assert engine.stop() == 0
    assert len(must_have_the_history(mariadb, doris)) == 7


def versioned_files() -> list[str]:
    """Servers of whose binlogs the tree has one with a versioned table, and what SELECT gave."""
    return sorted(path.parent.name for path in GENERATED.glob("mariadb-*/types_full_image_meta_minimal.binlog.oracle.tsv") if "t_sys" in read_oracle(path))


@pytest.mark.parametrize("server", versioned_files())
def test_versioned_rows_of_files(server):
    """An insert; an update with the row that was; a deletion that ends the row's life, so that SELECT shows none."""
    file = GENERATED / server / "types_full_image_meta_minimal.binlog"
    done = millrace("decode", "--tables", "test.t_sys", file)
    assert done.returncode == OK, errors(done)
    events = [event for event in events_of(done.stdout) if event.get("cdctable") == "t_sys" and "cdcop" in event]
    assert [event["cdcop"] for event in events] == ["c", "u", "c", "u"]
    after = [list(event["data"]["after"].values()) for event in events]
    never = "2106-02-07T06:28:15.999999Z" if server.startswith("mariadb-11.8") else "2038-01-19T03:14:07.999999Z"
    assert [row[:2] for row in after] == [[1, 1], [1, 2], [1, 1], [1, 2]]
    assert after[0][3] == after[1][3] == never
    assert after[2][2:] == [after[0][2], after[1][2]], "the row that was lived until the new one began"
    assert after[1][2] < after[3][3] < never
    assert read_oracle(file.with_name(file.name + ".oracle.tsv"))["t_sys"][1] == []


@pytest.mark.long
@pytest.mark.parametrize("shown", ["ON", "OFF"])
def test_a_key_that_the_server_makes(source_of, doris, engine, shown):
    """MySQL gives a table without a key a column that is one, and has it in its rows even where it hides it from
    information_schema."""
    mysql = source_of("mysql97")
    mysql.server.query(f"SET GLOBAL binlog_row_metadata = MINIMAL, show_gipk_in_create_table_and_information_schema = {shown}")
    try:
        mysql.query("SET sql_generate_invisible_primary_key = ON; CREATE TABLE g (v INT); INSERT INTO g VALUES (1), (2), (3);")
        engine.write(mysql.block() | {"scan.startup.mode": "initial"}, doris.sink("50ms"))
        engine.start().until_log("All rows of a table have been read", 60)
        mysql.query("UPDATE g SET v = 10 WHERE v = 1; DELETE FROM g WHERE v = 2; INSERT INTO g VALUES (4);")
        engine.until_carried(mysql.place())
        assert engine.stop() == 0
    finally:
        mysql.server.query("SET GLOBAL binlog_row_metadata = FULL, show_gipk_in_create_table_and_information_schema = ON")
    assert doris.client().rows(f"SELECT my_row_id, v FROM {mysql.database}.g ORDER BY my_row_id") == [["1", "10"], ["3", "3"], ["4", "4"]]

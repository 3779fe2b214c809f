# SPDX-License-Identifier: Apache-2.0
"""A seeded workload over every type and every statement that a server has.

Statements meet each other's rows because keys are few. What a server refuses (a duplicate key, a value outside of its
type) is left out and counted by who runs it; what it takes it may bend (sql_mode is empty), since the judge asks the
server for what it kept. Values are written as hexadecimal literals, so no client has to quote them.
"""

from __future__ import annotations

import dataclasses
import json
import random

KEYS = 40  # ids of a table are 1 to this
SPREAD = 1000  # what a changed key is moved by

# How Python calls a charset, for taking characters that it has; of the others single bytes are taken.
CODECS = {"big5": "big5", "gbk": "gbk", "gb2312": "gb2312", "gb18030": "gb18030", "sjis": "shift_jis", "cp932": "cp932",
          "ujis": "euc_jp", "eucjpms": "euc_jp", "euckr": "euc_kr", "utf8": "utf-8", "utf8mb3": "utf-8",
          "utf8mb4": "utf-8", "ucs2": "utf-16-be", "utf16": "utf-16-be", "utf16le": "utf-16-le", "utf32": "utf-32-be"}
WIDE = "\U0001f600\U0001f98a\U00020000\U0010fffd"  # outside of the basic plane
COMMON = "abc ABC 0123456789 \\'\"%_\t\n\r\x00\x1a\x7f"


@dataclasses.dataclass(frozen=True)
class Server:
    """What the workload has to know of a server."""

    product: str
    version: tuple[int, int]
    charsets: tuple[str, ...]
    single_bytes: dict[str, str]  # of a charset of single bytes: the characters that it has

    @property
    def is_mysql(self) -> bool:
        return self.product == "MySQL"

    def mysql(self, *least: int) -> bool:
        return self.is_mysql and self.version >= least

    def mariadb(self, *least: int) -> bool:
        return not self.is_mysql and self.version >= least


def text_literal(text: str) -> str:
    return f"_utf8mb4 x'{text.encode().hex()}'"


def bytes_literal(raw: bytes) -> str:
    return f"x'{raw.hex()}'"


class Values:
    """Random values as SQL, by kind of column."""

    def __init__(self, rng: random.Random, server: Server) -> None:
        self.rng = rng
        self.server = server

    def whole(self, bits: int, unsigned: bool) -> str:
        low, high = (0, 2 ** bits - 1) if unsigned else (-2 ** (bits - 1), 2 ** (bits - 1) - 1)
        near = self.rng.choice([0, 1, -1, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2 ** 31, 2 ** 32])
        return str(min(max(self.rng.choice([low, high, near, self.rng.randint(low, high)]), low), high))

    def decimal(self, digits: int, scale: int, unsigned: bool = False) -> str:
        rng = self.rng
        text = "".join(rng.choice("0123456789") for _ in range(digits))
        text = rng.choice([text, "9" * digits, "0" * digits, "0" * (digits - 1) + "1", "1" + "0" * (digits - 1)])
        sign = "" if unsigned else rng.choice(["", "-"])
        return sign + (text[:digits - scale] or "0") + ("." + text[digits - scale:] if scale else "")

    def real(self, single: bool) -> str:
        rng = self.rng
        edges = ["3.4028234e38", "1.17549435e-38", "1e-45", "16777217", "0.1"] if single else \
            ["1.7976931348623157e308", "2.225073858507201e-308", "5e-324", "9007199254740993", "0.1"]
        return rng.choice(["", "-"]) + rng.choice(
            [*edges, "0", "1", "1e15", "123456789", "1e-5", repr(rng.random()), repr(rng.random() * 10.0 ** rng.randint(-37, 37))])

    def bits(self, count: int) -> str:
        return "b'" + "".join(self.rng.choice("01") for _ in range(count)) + "'"

    def date(self) -> str:
        rng = self.rng
        return rng.choice(["0000-00-00", "2024-00-00", "2023-11-00", "0001-01-01", "1000-01-01", "9999-12-31", "2024-02-29",
                           f"{rng.randint(0, 9999):04}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"])

    def clock(self, digits: int) -> str:
        rng = self.rng
        fraction = rng.choice(["0" * 6, "9" * 6, "000001", f"{rng.randrange(10 ** 6):06}"])[:digits]
        return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}" + ("." + fraction if digits else "")

    def moment(self, digits: int) -> str:
        return f"'{self.date()} {self.rng.choice([self.clock(digits), '00:00:00', '23:59:59'])}'"

    def stamp(self, digits: int) -> str:
        rng = self.rng
        day = rng.choice(["1970-01-02", "2038-01-18", "2001-09-09", "2024-02-29", f"{rng.randint(1971, 2037)}-06-{rng.randint(1, 28):02}"])
        return rng.choice([f"'{day} {self.clock(digits)}'"] * 6 + ["'0000-00-00 00:00:00'"])

    def span(self, digits: int) -> str:
        rng = self.rng
        hours = rng.choice([0, 0, 1, 23, 24, 100, 837, rng.randint(0, 837)])
        return f"'{rng.choice(['', '-'])}" + rng.choice([f"{hours:02}{self.clock(digits)[2:]}", "838:59:59", "00:00:00"]) + "'"

    def characters(self, charset: str, longest: int) -> str:
        """Text that the charset has."""
        rng = self.rng
        text = ""
        for _ in range(rng.choice([0, 1, 2, longest, rng.randint(0, longest)])):
            text += rng.choice(COMMON) if rng.random() < 0.3 else self._character(charset)
        return text[:longest]

    def _character(self, charset: str) -> str:
        rng = self.rng
        codec = CODECS.get(charset)
        if codec is None:
            return rng.choice(self.server.single_bytes.get(charset) or COMMON)
        if charset in ("utf8mb4", "utf16", "utf16le", "utf32") and rng.random() < 0.2:
            return rng.choice(WIDE)
        if charset in ("gb18030",) and rng.random() < 0.2:
            return chr(rng.choice([0x20ac, 0x1f600, 0xc5, 0x3b1]))
        if codec.startswith("utf"):
            return chr(rng.choice([rng.randint(0x20, 0x7ff), rng.randint(0x800, 0xd7ff), rng.randint(0xe000, 0xfffd)]))
        while True:  # two bytes are a character often enough
            try:
                return bytes([rng.randint(0x81, 0xfe), rng.randint(0x40, 0xfe)]).decode(codec)[:1]
            except UnicodeDecodeError:
                continue

    def text(self, charset: str, longest: int) -> str:
        if charset == "binary":
            return bytes_literal(self.rng.randbytes(self.rng.randint(0, longest)))
        return text_literal(self.characters(charset, longest))

    def bytes(self, longest: int) -> str:
        rng = self.rng
        size = rng.choice([0, 1, longest, rng.randint(0, longest), rng.randint(0, longest)])
        return bytes_literal(rng.choice([rng.randbytes(size), b"\x00" * size, b" " * size, rng.randbytes(size) + b"\x00"])[:longest])

    def document(self) -> str:
        return text_literal(json.dumps(self._value(0), ensure_ascii=self.rng.random() < 0.5))

    def _value(self, depth: int) -> object:
        rng = self.rng
        if depth > 3 or rng.random() < 0.3:
            return rng.choice([None, True, False, 0, -1, 32767, -32769, 65536, 2 ** 31, -2 ** 63, 2 ** 64 - 1, 1.5, -0.1, 1e300,
                               1e-7, 100.0, rng.random(), "", "text", "ключ \" \\ / \n\t\x01", "🦊" * rng.choice([1, 40]),
                               "x" * rng.choice([10, 130, 20000 if depth == 1 else 5])])
        if rng.random() < 0.5:
            return [self._value(depth + 1) for _ in range(rng.randint(0, 5))]
        names = ["a", "b", "aa", "", "ключ", "\"q\"", "x y", "Z", "zz", "long" * 20, str(rng.randint(0, 99))]
        return {name: self._value(depth + 1) for name in rng.sample(names, rng.randint(0, 6))}

    def special_document(self) -> str:
        """Documents of scalars that JSON text has not."""
        rng = self.rng
        scalars = ["CAST(12.3450 AS DECIMAL(10,4))", "CAST(-0.5 AS DECIMAL(65,30))", "DATE'2024-02-29'", "TIME'-12:34:56.5'",
                   "TIMESTAMP'2024-01-01 00:00:01.25'", "x'00ff10'", "CAST(18446744073709551615 AS UNSIGNED)", "1e0", "NULL", "TRUE",
                   "b'101'", "CAST(2001 AS YEAR)", "ST_GeomFromText('POINT(1 2)')"]
        chosen = rng.sample(scalars, 4)
        return rng.choice([f"JSON_ARRAY({', '.join(chosen)})", f"JSON_OBJECT('k', {chosen[0]}, 'a', JSON_ARRAY({chosen[1]}))",
                           f"CAST({chosen[2]} AS JSON)"])

    def shape(self, kind: str) -> str:
        rng = self.rng

        def point() -> str:
            return f"{rng.choice([0, -1.5, 2.25, rng.uniform(-80, 80)])} {rng.choice([0, 0.1, rng.uniform(-80, 80)])}"
        line = ", ".join(point() for _ in range(rng.randint(2, 5)))
        ring = "(0 0, 0 5, 5 5, 5 0, 0 0)"
        texts = {"point": f"POINT({point()})", "linestring": f"LINESTRING({line})", "polygon": f"POLYGON({ring}, (1 1, 1 2, 2 2, 2 1, 1 1))",
                 "multipoint": f"MULTIPOINT({line})", "multilinestring": f"MULTILINESTRING(({line}), (0 0, 1 1))",
                 "multipolygon": f"MULTIPOLYGON(({ring}))",
                 "geometrycollection": f"GEOMETRYCOLLECTION(POINT({point()}), LINESTRING({line}))"}
        text = texts[kind if kind in texts else rng.choice(sorted(texts))]
        return f"ST_GeomFromText('{text}', {rng.choice([0, 0, 4326, 3857] if self.server.is_mysql else [0, 0, 4326, 2 ** 31 - 1])})"

    def vector(self, size: int) -> str:
        rng = self.rng
        numbers = ",".join(rng.choice(["0", "-0.5", "16777217", "3e38", "1e-37", repr(rng.uniform(-1, 1))]) for _ in range(size))
        return f"{'STRING_TO_VECTOR' if self.server.is_mysql else 'VEC_FromText'}('[{numbers}]')"

    def one_of(self, labels: list[str]) -> str:
        return text_literal(self.rng.choice(labels))

    def some_of(self, labels: list[str]) -> str:
        share = self.rng.choice([0, 0.05, 0.5, 1])
        return text_literal(",".join(label for label in labels if self.rng.random() < share))


@dataclasses.dataclass
class Column:
    name: str
    declaration: str
    make: object  # a value as SQL; None: the server makes it
    required: bool = False


@dataclasses.dataclass
class Table:
    name: str
    columns: list[Column]
    key: list[str]
    tail: str = ""  # keys beside the primary one
    options: str = ""
    primary: bool = True
    changes: bool = True  # False: rows are only inserted

    def definition(self) -> str:
        parts = [f"{quoted(column.name)} {column.declaration}" for column in self.columns]
        if self.key and self.primary:
            parts.append(f"PRIMARY KEY ({', '.join(map(quoted, self.key))})")
        return f"CREATE TABLE {quoted(self.name)} (\n  " + ",\n  ".join(parts) + f"{self.tail}\n) {self.options};"

    def free(self) -> list[Column]:
        """Columns that statements set."""
        return [column for column in self.columns if column.make is not None and column.name not in self.key]


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def label_literal(labels: list[str]) -> str:
    return ", ".join("'" + label.replace("\\", "\\\\").replace("'", "''") + "'" for label in labels)


class Tables:
    """The tables that a server can have."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.server = values.server

    def all(self, for_sink: bool) -> list[Table]:
        """`for_sink`: what a warehouse can hold, so a table without a key only grows, and names are plain."""
        made = [self.numbers(), self.times(), *self.texts(), self.lengths(), self.labels(), self.shapes(), self.made(),
                self.keyless(for_sink), self.unique(), self.engine("MyISAM"), self.partitioned(), self.wide(), self.audit(for_sink),
                self.parent(), self.child()] + ([] if for_sink else [self.odd_names()])
        if not self.server.is_mysql:
            made += [self.extras()] + ([] if for_sink else [self.versioned()])
        if self.server.mysql(5, 7) or not self.server.is_mysql:
            made.append(self.documents())
        if self.server.mysql(9, 0):
            made.append(self.vectors())
        return made

    def _id(self, kind: str = "INT") -> Column:
        return Column("id", f"{kind} NOT NULL", lambda: str(self.values.rng.randint(1, KEYS)), True)

    def numbers(self) -> Table:
        values = self.values
        columns = [self._id()]
        for word, bits in (("TINYINT", 8), ("SMALLINT", 16), ("MEDIUMINT", 24), ("INT", 32), ("BIGINT", 64)):
            for suffix, unsigned in (("", False), (" UNSIGNED", True), (" UNSIGNED ZEROFILL", True)):
                columns.append(Column(f"{word}{suffix}".lower().replace(" ", "_"), f"{word}{suffix} NULL",
                                      lambda bits=bits, unsigned=unsigned: values.whole(bits, unsigned)))
        for digits, scale in ((65, 30), (65, 0), (30, 30), (10, 2), (1, 1), (38, 10), (18, 9), (9, 0), (37, 19)):
            columns.append(Column(f"d{digits}_{scale}", f"DECIMAL({digits},{scale}) NULL",
                                  lambda digits=digits, scale=scale: values.decimal(digits, scale)))
        columns += [Column("du", "DECIMAL(20,6) UNSIGNED NULL", lambda: values.decimal(20, 6, True)),
                    Column("yes", "BOOLEAN NOT NULL DEFAULT 1", lambda: values.whole(8, False)),
                    Column("f", "FLOAT NULL", lambda: values.real(True)), Column("fu", "FLOAT UNSIGNED NULL", lambda: values.real(True)),
                    Column("f73", "FLOAT(7,3) NULL", lambda: values.real(True)), Column("f40", "FLOAT(40) NULL", lambda: values.real(False)),
                    Column("d", "DOUBLE NULL", lambda: values.real(False)), Column("d154", "DOUBLE(15,4) NULL", lambda: values.real(False))]
        columns += [Column(f"b{count}", f"BIT({count}) NULL", lambda count=count: values.bits(count))
                    for count in (1, 2, 7, 8, 9, 16, 17, 31, 33, 63, 64)]
        return Table("numbers", columns, ["id"])

    def times(self) -> Table:
        values = self.values
        columns = [Column("a", "SMALLINT UNSIGNED NOT NULL", lambda: str(values.rng.choice([0, 1, 65535])), True),
                   Column("b", "VARCHAR(10) CHARACTER SET utf8mb4 NOT NULL", lambda: text_literal(f"ключ{values.rng.randint(1, 15)}"), True),
                   Column("d", "DATE NULL", lambda: f"'{values.date()}'"),
                   Column("y", "YEAR NULL", lambda: values.rng.choice(["0", "1901", "2155", "2024", "1970"]))]
        for digits in range(7):
            columns += [Column(f"dt{digits}", f"DATETIME({digits}) NULL", lambda digits=digits: values.moment(digits)),
                        Column(f"ts{digits}", f"TIMESTAMP({digits}) NULL", lambda digits=digits: values.stamp(digits)),
                        Column(f"t{digits}", f"TIME({digits}) NULL", lambda digits=digits: values.span(digits))]
        return Table("times", columns, ["a", "b"])

    def texts(self) -> list[Table]:
        """A table for each way of keeping text, a column for each charset."""
        values = self.values
        tables = []
        for name, declaration, longest in (("varchars", "VARCHAR(20)", 20), ("chars", "CHAR(7)", 7), ("longer", "TEXT", 60)):
            columns = [self._id("BIGINT UNSIGNED")]
            for charset in self.server.charsets:
                columns.append(Column(f"c_{charset}", f"{declaration} CHARACTER SET {charset} NULL",
                                      lambda charset=charset, longest=longest: values.text(charset, longest)))
            tables.append(Table(name, columns, ["id"]))
        return tables

    def lengths(self) -> Table:
        values = self.values
        columns = [self._id()]
        for size in (1, 16, 255):
            columns.append(Column(f"binary_{size}", f"BINARY({size}) NULL", lambda size=size: values.bytes(size)))
        for size in (1, 255, 256, 3000):
            columns.append(Column(f"varbinary_{size}", f"VARBINARY({size}) NULL", lambda size=size: values.bytes(size)))
        for word, size in (("TINY", 255), ("", 3000), ("MEDIUM", 70000), ("LONG", 70000)):
            columns += [Column(f"{word.lower()}blob", f"{word}BLOB NULL", lambda size=size: values.bytes(values.rng.choice([size, 20, 20]))),
                        Column(f"{word.lower()}text", f"{word}TEXT CHARACTER SET utf8mb4 NULL",
                               lambda size=size: values.text("utf8mb4", values.rng.choice([size // 4, 20, 20, 20])))]
        for charset, size in (("latin1", 255), ("utf8mb4", 63), ("utf8mb4", 64), ("utf8mb4", 255), ("utf32", 128), ("latin1", 1)):
            columns.append(Column(f"char_{charset}_{size}", f"CHAR({size}) CHARACTER SET {charset} NULL",
                                  lambda charset=charset, size=size: values.text(charset, size)))
        for charset, size in (("latin1", 255), ("latin1", 256), ("utf8mb4", 63), ("utf8mb4", 64), ("utf8mb4", 1000)):
            columns.append(Column(f"varchar_{charset}_{size}", f"VARCHAR({size}) CHARACTER SET {charset} NULL",
                                  lambda charset=charset, size=size: values.text(charset, size)))
        return Table("lengths", columns, ["id"])

    def labels(self) -> Table:
        values = self.values
        many = [f"label {number}" for number in range(300)]
        odd = ["", "it's", "''", "comma,comma", "back\\slash", "größe", "日本", "a b", "\"q\"", "(x)"]
        if self.server.mysql(8, 0):
            odd.append("😀")  # MariaDB's and older servers' information_schema has a question mark instead
        members = [f"m{number}" for number in range(64)]
        latin = ["ä", "ß", "plain"]
        asian = ["カ", "ぜ①", "表\\", "plain"]  # a charset keeps what it has of a label, and a question mark for the rest
        return Table("labels", [
            self._id("MEDIUMINT"),
            Column("few", "ENUM('a','b') NULL", lambda: values.one_of(["a", "b", "no such label"])),
            Column("many", f"ENUM({label_literal(many)}) NULL", lambda: values.one_of(many)),
            Column("odd", f"ENUM({label_literal(odd)}) CHARACTER SET utf8mb4 NULL", lambda: values.one_of(odd)),
            Column("latin", f"ENUM({label_literal(latin)}) CHARACTER SET latin1 NOT NULL DEFAULT 'plain'", lambda: values.one_of(latin)),
            Column("wide", f"ENUM({label_literal(latin)}) CHARACTER SET ucs2 NULL", lambda: values.one_of(latin)),
            *(Column(f"{charset}_labels", f"ENUM({label_literal(asian)}) CHARACTER SET {charset} NULL", lambda: values.one_of(asian))
              for charset in ("big5", "sjis", "cp932", "ujis", "gbk", "euckr")),
            Column("brackets", "SET('a[b', '~c', 'plain') CHARACTER SET swe7 NULL", lambda: str(values.rng.randrange(8))),
            Column("flags", f"SET({label_literal(members)}) NULL", lambda: values.some_of(members)),
            Column("some", f"SET({label_literal(members[:9])}) NULL", lambda: values.some_of(members[:9])),
            Column("odd_flags", "SET('ä b','','back\\\\slash','q''q') CHARACTER SET utf8mb4 NULL",
                   lambda: values.some_of(["ä b", "", "back\\slash", "q'q"]))], ["id"])

    def shapes(self) -> Table:
        values = self.values
        kinds = ["geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection"]
        return Table("shapes", [self._id()] + [Column(f"g_{kind}", f"{kind} NULL", lambda kind=kind: values.shape(kind)) for kind in kinds], ["id"])

    def documents(self) -> Table:
        values = self.values

        def made() -> str:
            return values.special_document() if self.server.is_mysql and values.rng.random() < 0.4 else values.document()
        return Table("documents", [self._id(), Column("j", "JSON NULL", made), Column("n", "INT NULL", lambda: values.whole(32, False)),
                                   Column("k", "JSON NULL", made)], ["id"])

    def vectors(self) -> Table:
        return Table("vectors", [self._id(), Column("v", "VECTOR(3) NULL", lambda: self.values.vector(3)),
                                 Column("w", "VECTOR NULL", lambda: self.values.vector(self.values.rng.randint(1, 40)))], ["id"])

    def extras(self) -> Table:
        """What only MariaDB has."""
        values, server = self.values, self.server
        columns = [self._id(), Column("a6", "INET6 NULL", lambda: values.rng.choice(
            ["'::'", "'::1'", "'2001:db8::ff00:42:8329'", "'::ffff:192.0.2.1'", f"'fe80::{values.rng.randrange(65536):x}'"])),
            Column("vc", "VARCHAR(300) COMPRESSED NULL", lambda: values.text("utf8mb4", values.rng.choice([5, 300]))),
            Column("tc", "TEXT COMPRESSED CHARACTER SET latin1 NULL", lambda: text_literal("äb" * values.rng.randint(0, 500))),
            Column("bc", "MEDIUMBLOB COMPRESSED NULL", lambda: values.rng.choice([values.bytes(400), f"REPEAT({values.bytes(4)}, 900)"]))]
        if server.mariadb(10, 10):
            columns += [Column("a4", "INET4 NULL", lambda: f"'{values.rng.randrange(256)}.{values.rng.randrange(256)}.0.255'")]
        if server.mariadb(10, 7):
            columns += [Column("u", "UUID NULL", lambda: f"'{values.rng.randbytes(16).hex()}'")]
        if server.mariadb(11, 7):
            columns += [Column("v", "VECTOR(3) NULL", lambda: values.vector(3))]
        return Table("extras", columns, ["id"])

    def versioned(self) -> Table:
        values = self.values
        return Table("versioned", [self._id(), Column("v", "VARCHAR(30) CHARACTER SET utf8mb4 NULL", lambda: values.text("utf8mb4", 30)),
                                   Column("row_start", "TIMESTAMP(6) GENERATED ALWAYS AS ROW START", None),
                                   Column("row_end", "TIMESTAMP(6) GENERATED ALWAYS AS ROW END", None)],
                     ["id"], tail=", PERIOD FOR SYSTEM_TIME (row_start, row_end)", options="WITH SYSTEM VERSIONING")

    def made(self) -> Table:
        """Values that the server makes, and columns that it does not show."""
        values, server = self.values, self.server
        columns = [Column("id", "INT NOT NULL AUTO_INCREMENT", lambda: values.rng.choice(["NULL", str(values.rng.randint(1, KEYS))]), True),
                   Column("a", "INT NULL", lambda: values.whole(16, False)), Column("s", "VARCHAR(30) CHARACTER SET utf8mb4 NULL", lambda: values.text("utf8mb4", 30)),
                   Column("seen", "TIMESTAMP(6) NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)", None),
                   Column("preset", "INT NULL DEFAULT 7", None)]
        if server.mysql(5, 7) or not server.is_mysql:
            columns += [Column("twice", "BIGINT GENERATED ALWAYS AS (a * 2) VIRTUAL", None),
                        Column("kept", "VARCHAR(60) CHARACTER SET utf8mb4 GENERATED ALWAYS AS (CONCAT(s, '/', a)) STORED", None)]
        if server.mysql(8, 0, 23) or not server.is_mysql:
            columns.append(Column("unseen", "INT INVISIBLE NULL" if not server.is_mysql else "INT NULL INVISIBLE", lambda: values.whole(32, False)))
        return Table("made", columns, ["id"])

    def keyless(self, for_sink: bool) -> Table:
        values = self.values
        return Table("keyless", [Column("n", "TINYINT NULL", lambda: str(values.rng.randint(1, 5))),
                                 Column("s", "VARCHAR(9) CHARACTER SET latin1 NULL", lambda: values.one_of(["", "ä", "b "])),
                                 Column("t", "TEXT CHARACTER SET utf8mb4 NULL", lambda: values.one_of(["same", "другой"])),
                                 Column("dt", "DATETIME(3) NULL", lambda: "'2024-02-29 12:13:14.5'")], [], changes=not for_sink)

    def unique(self) -> Table:
        values = self.values
        return Table("unique_key", [Column("a", "DATE NOT NULL", lambda: f"'2024-05-{values.rng.randint(1, 28):02}'", True),
                                    Column("b", "VARBINARY(4) NOT NULL", lambda: values.rng.choice(["x'00'", "x'ff00'", "x'20'"]), True),
                                    Column("v", "INT NULL", lambda: values.whole(32, False))],
                     ["a", "b"], tail=", UNIQUE KEY u (a, b)", primary=False)

    def engine(self, engine: str) -> Table:
        values = self.values
        return Table(engine.lower(), [self._id("TINYINT UNSIGNED"), Column("v", "VARCHAR(50) CHARACTER SET utf8mb4 NULL", lambda: values.text("utf8mb4", 50)),
                                      Column("b", "BLOB NULL", lambda: values.bytes(100))], ["id"], options=f"ENGINE={engine}")

    def partitioned(self) -> Table:
        values = self.values
        return Table("partitioned", [self._id(), Column("v", "CHAR(10) CHARACTER SET utf8mb4 NULL", lambda: values.text("utf8mb4", 10))],
                     ["id"], options="PARTITION BY HASH (id) PARTITIONS 3")

    def wide(self) -> Table:
        values = self.values
        return Table("wide", [self._id()] + [Column(f"w{number}", ("TINYINT NULL", "CHAR(1) NULL", "BIT(1) NULL")[number % 3],
                                                    lambda: values.rng.choice(["0", "1"])) for number in range(300)], ["id"])

    def odd_names(self) -> Table:
        values = self.values
        return Table("odd `name` «表»", [Column("the key", "INT NOT NULL", lambda: str(values.rng.randint(1, KEYS)), True),
                                        Column("\"q\" `b`", "INT NULL", lambda: values.whole(32, False)),
                                        Column("@1", "INT NULL", lambda: values.whole(32, False)),
                                        Column("select", "VARCHAR(20) CHARACTER SET utf8mb4 NULL", lambda: values.text("utf8mb4", 20))], ["the key"])

    def audit(self, for_sink: bool) -> Table:
        """Filled by the triggers of `unique_key`."""
        key = ["id"] if for_sink else []
        return Table("audit", [Column("id", "INT NOT NULL" + (" AUTO_INCREMENT" if key else " DEFAULT 0"), None), Column("what", "VARCHAR(20) NULL", None),
                               Column("v", "INT NULL", None)], key, changes=False)

    def parent(self) -> Table:
        values = self.values
        return Table("parent", [self._id(), Column("v", "INT NULL", lambda: values.whole(32, False))], ["id"])

    def child(self) -> Table:
        values = self.values
        # Before MySQL 9.7 what a cascade does to the rows is in no binlog.
        action = "ON DELETE CASCADE ON UPDATE CASCADE" if self.server.mysql(9, 7) else ""
        return Table("child", [self._id(), Column("parent_id", "INT NULL", lambda: str(values.rng.randint(1, KEYS))), Column("v", "INT NULL", lambda: values.whole(8, False))],
                     ["id"], tail=f", FOREIGN KEY (parent_id) REFERENCES parent (id) {action}")


TRIGGERS = """
CREATE TRIGGER after_insert AFTER INSERT ON unique_key FOR EACH ROW INSERT INTO audit (what, v) VALUES ('insert', NEW.v);
CREATE TRIGGER after_update AFTER UPDATE ON unique_key FOR EACH ROW INSERT INTO audit (what, v) VALUES ('update', OLD.v);
CREATE TRIGGER after_delete AFTER DELETE ON unique_key FOR EACH ROW INSERT INTO audit (what, v) VALUES ('delete', OLD.v);
"""


class Workload:
    """Makes transactions over the tables."""

    def __init__(self, rng: random.Random, server: Server, for_sink: bool = False, whole: bool = False) -> None:
        """`for_sink`: only what a warehouse can follow. `whole`: the same of a binlog whose row images lack columns, so an
        insert says all of a row and keys stay (docs/types.md)."""
        self.rng = rng
        self.whole = whole
        self.server = server
        self.values = Values(rng, server)
        # What the server makes of its own is not given, so an insert cannot say all of such a row.
        self.tables = [table for table in Tables(self.values).all(for_sink) if not (whole and table.name == "made")]
        self._xa = 0
        self._rows = 0

    def schema(self) -> str:
        return "\n".join(table.definition() for table in self.tables) + TRIGGERS

    def _where(self, table: Table) -> str:
        if not table.key:
            return f"n = {self.rng.randint(1, 5)}"
        keys = [column for column in table.columns if column.name in table.key]
        return " AND ".join(f"{quoted(column.name)} = {self._given(column)}" for column in keys)

    def _given(self, column: Column) -> str:
        made = column.make()
        return made if made != "NULL" else "1"

    def _value(self, column: Column) -> str:
        return "NULL" if not column.required and self.rng.random() < 0.12 else column.make()

    def _insert(self, table: Table, verb: str = "INSERT", tail: str = "") -> str:
        # MariaDB makes an update of a REPLACE, and with MINIMAL images it forgets the columns that were not given: its own
        # replicas then keep their old values, and so does who reads the binlog.
        share = 1 if self.whole or (verb == "REPLACE" and not self.server.is_mysql) else 0.8
        optional = [column for column in table.free() if self.rng.random() < share]
        columns = [column for column in table.columns if column.name in table.key or column in optional]
        rows = [", ".join(self._value(column) for column in columns) for _ in range(self.rng.choice([1, 1, 2, 5]))]
        return (f"{verb} INTO {quoted(table.name)} ({', '.join(quoted(column.name) for column in columns)}) VALUES "
                + ", ".join(f"({row})" for row in rows) + tail + ";")

    def _assignments(self, table: Table, prefix: str = "") -> str:
        free = table.free()
        chosen = self.rng.sample(free, min(len(free), self.rng.choice([1, 1, 2, 5, len(free)])))
        return ", ".join(f"{prefix}{quoted(column.name)} = {self._changed(table, column, prefix)}" for column in chosen)

    def _changed(self, table: Table, column: Column, prefix: str) -> str:
        if "JSON" in column.declaration and self.server.mysql(8, 0) and self.rng.random() < 0.8:
            return self._patch(f"{prefix}{quoted(column.name)}")
        return self._value(column)

    def _patch(self, column: str) -> str:
        """A change that the server may write as a diff."""
        rng = self.rng
        expression = column
        for _ in range(rng.choice([1, 1, 2])):
            function = rng.choice(["JSON_SET", "JSON_REPLACE", "JSON_REMOVE"])
            path = "$" + "".join(rng.choice(['[0]', '[1]', '[last]', '.a', '.b', '."ключ"', '."x y"', '.zz', '.k']) for _ in range(rng.choice([1, 1, 2])))
            more = "" if function == "JSON_REMOVE" else ", " + rng.choice(
                ["1", "'s'", "NULL", "1.5", "CAST('[]' AS JSON)", "JSON_OBJECT('n', 1)", "TRUE", f"REPEAT('x', {rng.choice([3, 300])})"])
            expression = f"{function}({expression}, {text_literal(path)}{more})"
        return expression

    def _update(self, table: Table) -> str:
        pick = self.rng.random()
        if pick < 0.15 and table.key and not self.whole:
            moved = next(column for column in table.columns if column.name == table.key[0])
            change = f"{quoted(moved.name)} + INTERVAL 30 DAY" if moved.declaration.startswith("DATE") else \
                f"{quoted(moved.name)} + {1 if 'TINY' in moved.declaration or 'SMALL' in moved.declaration else SPREAD}"
            return f"UPDATE IGNORE {quoted(table.name)} SET {quoted(moved.name)} = {change} WHERE {self._where(table)};"
        limit = f"LIMIT {self.rng.randint(1, 9)}" if pick < 0.4 else f"WHERE {self._where(table)}"
        return f"UPDATE {quoted(table.name)} SET {self._assignments(table)} {limit};"

    def _select_insert(self, table: Table) -> str:
        if not table.key or not table.columns[0].declaration.startswith(("INT", "BIGINT", "MEDIUMINT")):
            return self._insert(table, "REPLACE")
        columns = [column for column in table.columns if column.make is not None and column.name not in table.key]
        names = ", ".join(quoted(column.name) for column in columns)
        key = quoted(table.key[0])
        return (f"INSERT IGNORE INTO {quoted(table.name)} ({key}, {names}) SELECT {key} + {self.rng.choice([1, 7, SPREAD])}, {names} "
                f"FROM {quoted(table.name)} WHERE {self._where(table)} OR {key} < 9 LIMIT 3;")

    def _several(self) -> str:
        """Statements over more than one table."""
        where = f"a.id = b.id AND a.id < {self.rng.randint(1, KEYS)}"
        return self.rng.choice([
            f"UPDATE numbers a JOIN lengths b ON a.id = b.id SET a.tinyint = {self.values.whole(8, False)}, b.tinyblob = {self.values.bytes(9)} WHERE {where};",
            f"DELETE a, b FROM shapes a JOIN partitioned b ON a.id = b.id WHERE {where};",
            f"UPDATE parent a, child b SET a.v = b.v, b.v = a.v WHERE {where};"])

    def _statement(self, alone: bool = False) -> str:
        """`alone`: it is its own transaction. A table that knows of no transactions is changed by such ones only, because a
        binlog in which a rollback takes back some of its rows cannot be followed (docs/types.md)."""
        rng = self.rng
        pick = rng.random()
        if pick < 0.04:
            return self._several()
        bare = [table for table in self.tables if "MyISAM" in table.options]
        table = rng.choice(bare if alone and rng.random() < 0.3 else
                           [table for table in self.tables if table.name != "audit" and table not in bare])
        if not table.changes or pick < 0.40:
            return self._insert(table)
        if pick < 0.47:
            free = rng.choice(table.free())
            return self._insert(table, "INSERT", f" ON DUPLICATE KEY UPDATE {quoted(free.name)} = VALUES({quoted(free.name)})")
        if pick < 0.52:
            return self._insert(table, "REPLACE")
        if pick < 0.57:
            return self._select_insert(table)
        if pick < 0.86:
            return self._update(table)
        if pick < 0.90:
            return f"DELETE FROM {quoted(table.name)} LIMIT {rng.randint(1, 3)};"
        return f"DELETE FROM {quoted(table.name)} WHERE {self._where(table)};"

    def _statements(self, count: int) -> str:
        return "\n".join(self._statement() for _ in range(count))

    def load_file(self) -> tuple[str, str]:
        """A file's text for LOAD DATA, and the statement with %s for its path."""
        self._rows += 1
        lines = "".join(f"{self.rng.randint(1, KEYS) + 2 * SPREAD}\t{self.rng.randint(-99, 99)}\n" for _ in range(5))
        return lines, "LOAD DATA INFILE '%s' REPLACE INTO TABLE parent (id, v);"

    def opening(self) -> str:
        """Rows for every table, so that what follows meets some."""
        parents = ", ".join(f"({number}, NULL)" for number in range(1, KEYS + 1))
        return f"INSERT INTO parent (id, v) VALUES {parents};\n" + "\n".join(
            self._insert(table) for table in self.tables for _ in range(4) if table.name not in ("audit", "parent"))

    def transaction(self) -> str:
        rng = self.rng
        pick = rng.random()
        if pick < 0.08:
            return f"BEGIN;\n{self._statements(3)}\nROLLBACK;"
        if pick < 0.20:
            return (f"BEGIN;\n{self._statement()}\nSAVEPOINT `one half`;\n{self._statements(3)}\nROLLBACK TO `one half`;\n"
                    f"{self._statement()}\nCOMMIT;")
        if pick < 0.28:
            self._xa += 1
            name = f"x'{self._xa:04x}'"
            return f"XA START {name};\n{self._statements(3)}\nXA END {name};\nXA COMMIT {name} ONE PHASE;"
        if pick < 0.40:
            return self._statement(alone=True)
        if pick < 0.42:
            return "TRUNCATE TABLE wide;"
        if pick < 0.45:
            return ("CREATE TEMPORARY TABLE passing (id INT PRIMARY KEY, v INT);\nINSERT INTO passing VALUES (1, 1), (2, 2);\n"
                    "REPLACE INTO parent SELECT id, v FROM passing;\nDROP TEMPORARY TABLE passing;")
        return f"BEGIN;\n{self._statements(rng.choice([1, 2, 5, 12]))}\nCOMMIT;"

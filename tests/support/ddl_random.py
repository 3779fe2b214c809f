# SPDX-License-Identifier: Apache-2.0
"""Random DDL for a real server: each statement is made for the tables that are there now, so that most are accepted.

What a server refuses never reaches its binlog, and is no failure of the generator.
"""

from __future__ import annotations

import dataclasses
import random

NAMES = ["a", "b", "c", "d", "id", "Name", "price", "created_at", "select", "key", "naïve", "Größe", "日本", "a b", "q`q",
         "x.y", "1st", "$m", "Ωmega", "ДАТА", "position", "comment", "period", "first", "after", "system", "value"]
TABLES = ["t", "u", "Orders", "order", "w w", "таблица", "t`q", "v1"]
DATABASES = ["dm_a", "dm_b"]
SQL_MODES = ["", "", "STRICT_TRANS_TABLES", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "REAL_AS_FLOAT",
             "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES"]
CHARSETS = ["utf8mb4", "utf8", "utf8mb3", "latin1", "ascii", "ucs2", "utf16", "utf32", "binary", "cp1251", "gbk", "sjis"]
COLLATIONS = ["utf8mb4_bin", "utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8_bin", "latin1_bin", "latin1_german1_ci",
              "ucs2_bin", "utf16_general_ci", "ascii_bin", "cp1251_general_ci"]
INTEGERS = ["TINYINT", "SMALLINT", "MEDIUMINT", "INT", "INTEGER", "BIGINT", "INT1", "INT2", "INT3", "INT4", "INT8", "MIDDLEINT"]
TEXTS = ["TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT", "TEXT(10)", "TEXT(100)", "TEXT(20000)", "TEXT(70000)", "LONG",
         "LONG VARCHAR", "TEXT(0)"]
BYTES = ["BINARY", "BINARY(5)", "VARBINARY(20)", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB", "BLOB(10)", "BLOB(300)",
         "LONG VARBINARY", "CHAR(4) BYTE", "VARBINARY(70000)"]
GEOMETRIES = ["GEOMETRY", "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON",
              "GEOMETRYCOLLECTION"]
LABELS = ["a", "b", "C", "d d", "e''e", "f\\\\g", "ü", "日本", "x,y", "tr  ", "1", "(", "-- ", "/*", "\"", "`"]


@dataclasses.dataclass
class Column:
    name: str
    data_type: str
    column_type: str
    nullable: bool
    char_length: int
    generated: bool


@dataclasses.dataclass
class Table:
    db: str
    name: str
    columns: list[Column]
    keys: list[str]  # names of all indexes
    has_primary: bool


class Generator:
    """`mariadb` and `version` (50624, 101119, ...) decide which grammar the server has."""

    def __init__(self, seed: int, mariadb: bool, version: int) -> None:
        self.random = random.Random(seed)
        self.mariadb = mariadb
        self.version = version
        self.sql_mode = ""
        self.tables: list[Table] = []

    def has(self, mariadb: int | None, mysql: int | None) -> bool:
        """Whether this server is of a version that has a feature since these; None: never."""
        since = mariadb if self.mariadb else mysql
        return since is not None and self.version >= since

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def pick(self, items):
        return self.random.choice(items)

    # -- spelling

    def quote(self, name: str) -> str:
        simple = name.isidentifier() and name not in ("select", "key", "order") and not name[0].isdigit()
        if simple and self.chance(0.5):
            return name
        if "ANSI_QUOTES" in self.sql_mode and self.chance(0.5):
            return '"' + name.replace('"', '""') + '"'
        return "`" + name.replace("`", "``") + "`"

    def text(self, value: str) -> str:
        """`value` is written for a server that reads backslashes; the others get it as it means."""
        if "NO_BACKSLASH_ESCAPES" in self.sql_mode:
            value = value.replace("\\\\", "\\")
        double = '"' not in value and "ANSI_QUOTES" not in self.sql_mode and "''" not in value
        return f'"{value}"' if double and self.chance(0.2) else f"'{value}'"

    def table_name(self, db: str, name: str) -> str:
        dot = self.pick([".", ".", " . ", ". "])
        return f"{self.quote(db)}{dot}{self.quote(name)}"

    def noise(self, sql: str) -> str:
        """Comments and cases that change nothing."""
        if self.chance(0.15):
            sql = sql.replace(" ", self.pick(["  ", " /* it's */ ", "\n", "\t", " # \"x\n", " -- `y\n", " /**/ "]), 1)
        if self.chance(0.1):
            sql = self.pick(["/* app */ ", "/*!40000 */ ", "/*!99999 DROP */ ", "-- x'\n"]) + sql
        if self.chance(0.1):
            sql += self.pick([" /* end */", " ", " /*! */", " -- end"])
        return sql

    # -- types

    def charset(self) -> str:
        word = self.pick(["CHARACTER SET", "CHARSET", "CHARACTER SET", "CHAR SET"]) if self.has(100000, 50700) else \
            self.pick(["CHARACTER SET", "CHARSET"])
        return f"{word} {self.pick(CHARSETS)}"

    def charset_clause(self) -> str:
        roll = self.random.random()
        if roll < 0.55:
            return ""
        if roll < 0.75:
            return " " + self.charset()
        if roll < 0.9:
            return f" COLLATE {self.pick(COLLATIONS)}"
        if roll < 0.93 and self.has(101001, None):
            return " COLLATE uca1400_ai_ci"
        return self.pick([" BINARY", " ASCII", " UNICODE", " CHARACTER SET latin1 BINARY", " BINARY CHARACTER SET utf8mb4"])

    def number_type(self) -> str:
        roll = self.random.random()
        if roll < 0.5:
            width = self.pick(["", "", "(1)", "(5)", "(20)"])
            return self.pick(INTEGERS) + width + self.pick(["", "", " UNSIGNED", " ZEROFILL", " UNSIGNED ZEROFILL", " SIGNED"])
        if roll < 0.6:
            return self.pick(["BOOL", "BOOLEAN", "BIT", "BIT(8)", "BIT(64)", "YEAR", "YEAR(4)"])
        if roll < 0.8:
            return self.pick(["FLOAT", "DOUBLE", "REAL", "DOUBLE PRECISION", "FLOAT(7,3)", "DOUBLE(10,2)", "FLOAT(20)",
                              "FLOAT(30)", "FLOAT4", "FLOAT8"]) + self.pick(["", "", " UNSIGNED", " ZEROFILL"])
        return self.pick(["DECIMAL", "DEC(5)", "NUMERIC(10,2)", "FIXED(65,30)", "DECIMAL(3,3)", "DECIMAL(0)"]) + \
            self.pick(["", "", " UNSIGNED", " ZEROFILL"])

    def text_type(self) -> str:
        roll = self.random.random()
        if roll < 0.45:
            name = self.pick(["CHAR", "VARCHAR(10)", "VARCHAR(255)", "CHAR(20)", "CHARACTER VARYING(30)", "VARCHAR(0)",
                              "CHARACTER(4)", "VARCHAR(20000)", "VARCHAR(3000)"])
            return name + self.charset_clause()
        if roll < 0.55:
            return self.pick(["NATIONAL CHAR(3)", "NCHAR(5)", "NVARCHAR(6)", "NATIONAL VARCHAR(7)", "NCHAR VARYING(8)",
                              "NATIONAL CHARACTER VARYING(9)", "NCHAR VARCHAR(4)", "NVARCHAR(6) BINARY"])
        if roll < 0.8:
            return self.pick(TEXTS) + self.charset_clause()
        labels = self.random.sample(LABELS, self.random.randint(1, 6))
        kind = self.pick(["ENUM", "SET"])
        if kind == "SET":
            labels = [label for label in labels if "," not in label] or ["z"]
        return f"{kind}({self.pick([',', ' , ']).join(self.text(label) for label in labels)})" + self.charset_clause()

    def other_type(self) -> str:
        kinds = ["DATE", "TIME", "DATETIME", "TIMESTAMP", "TIME(3)", "DATETIME(6)", "TIMESTAMP(2)", *BYTES]
        if self.has(100207, 50708):
            kinds += ["JSON", "JSON"]
        if self.has(101006, None):
            kinds += ["INET6", "UUID", "INET4"]
        if self.has(110701, 90000):
            kinds += ["VECTOR(3)", "VECTOR(16)"]
        if self.has(100301, None):
            kinds += ["VARCHAR(50) COMPRESSED", "TEXT COMPRESSED", "BLOB COMPRESSED",
                      "VARCHAR(50) COMPRESSED CHARACTER SET latin1", "TEXT COMPRESSED=zlib CHARSET ucs2"]
        return self.pick(kinds + self.random.sample(GEOMETRIES, 2))

    def column_type(self) -> str:
        return self.pick([self.number_type, self.number_type, self.text_type, self.text_type, self.other_type])()

    # -- attributes

    def default(self, column_type: str) -> str:
        kind = column_type.split("(")[0].split(" ")[0].upper()
        values = ["NULL"]
        if kind in INTEGERS or kind in ("BOOL", "BOOLEAN", "DECIMAL", "DEC", "NUMERIC", "FLOAT", "DOUBLE", "REAL", "FLOAT4",
                                        "FLOAT8"):
            values += ["0", "1", "'7'", "+3", "1.0", "TRUE", "'05'"]
            if kind not in ("BOOL", "BOOLEAN"):
                values += ["1.4", "12", "1e1", "0x41"] if kind in INTEGERS else ["1.25", ".5", "1e1", "'3.75'"]
            if "UNSIGNED" not in column_type and "ZEROFILL" not in column_type:
                values += ["-1", "- 2"]
            if "(3,3)" in column_type:
                values = ["0", ".5", "'0.125'"]
        elif kind == "BIT":
            values += ["0", "1", "b'1'", "0x01"]
        elif kind == "YEAR":
            values += ["2020", "'1999'", "0", "70", "'5'"]
        elif kind == "DATE":
            values += ["'2020-01-02'", "'2020-1-2'", "20200102", "'0000-00-00'", "'20-02-03'"]
        elif kind == "TIME":
            values += ["'10:11:12'", "'1:2'", "101", "'-01:02:03'", "'10:11:12.5'", "'1 2:3:4'"]
        elif kind in ("DATETIME", "TIMESTAMP"):
            values += ["'2020-01-02'", "'2020-01-02 03:04:05'", "20200102030405", "'2020-01-02 03:04:05.6'", "0",
                       "'2020-01-02T03:04:05'"]
            if self.has(100001, 50605) or kind == "TIMESTAMP":
                digits = column_type[column_type.find("("):column_type.find(")") + 1] if "(" in column_type else ""
                values += [f"CURRENT_TIMESTAMP{digits}"] * 3 + [f"CURRENT_TIMESTAMP{digits} ON UPDATE CURRENT_TIMESTAMP{digits}"]
                values += [f"NOW{digits or '()'}"]
        elif kind in ("CHAR", "VARCHAR", "CHARACTER", "NATIONAL", "NCHAR", "NVARCHAR"):
            values += ["''", "'x'", "5", "x'41'", "'a' 'b'", "'NULL'", "N'n'", "_latin1'y'", "TRUE"]
            if "(0)" in column_type:
                values = ["NULL", "''"]
        elif kind in ("ENUM", "SET"):
            values += ["1", "'1'"]
        elif kind in ("BINARY", "VARBINARY"):
            values += ["''", "'x'", "x'41'"]
        if self.has(100201, 80013) and self.chance(0.1):
            values = ["(1+1)", "(concat('a', ')'))", "(uuid())"] if not self.mariadb else \
                ["(1+1)", "uuid()", "concat('a', ')')", "(5)", "CASE WHEN 1 THEN 'END' ELSE 2 END"]
        return f" DEFAULT {self.pick(values)}"

    def attributes(self, column_type: str, may_key: bool) -> str:
        parts = []
        if self.chance(0.35):
            parts.append(self.pick([" NOT NULL", " NOT NULL", " NULL"]))
        if self.chance(0.3):
            parts.append(self.default(column_type))
        if self.chance(0.15):
            parts.append(" COMMENT " + self.text(self.pick(["x", "it''s", "日本", "", "a; b", "--", "/* */"])))
        if may_key and "(0)" not in column_type and self.chance(0.06):
            parts.append(self.pick([" UNIQUE", " UNIQUE KEY", " PRIMARY KEY", " KEY"]))
        if self.has(100303, 80023) and self.chance(0.05):
            parts.append(" INVISIBLE")
        if self.has(100201, 80016) and self.chance(0.05):
            parts.append(" CHECK (1 + (2) > 0)")
        if self.chance(0.03):
            parts.append(" REFERENCES nowhere (id) ON DELETE SET NULL") if not self.has(100500, 90000) else None
        if self.chance(0.03) and self.has(None, 50600):
            parts.append(" COLUMN_FORMAT DEFAULT")
        self.random.shuffle(parts)
        return "".join(parts)

    def generated(self) -> str:
        words = ["VIRTUAL", "PERSISTENT", "STORED"] if self.mariadb else ["VIRTUAL", "STORED"]
        return f"{self.pick(['INT', 'BIGINT', 'VARCHAR(20)'])} {self.pick(['GENERATED ALWAYS ', ''])}AS ((1 + (2))) " \
               f"{self.pick(words)}"

    def column_body(self, may_key: bool = True) -> str:
        if self.has(100200, 50706) and self.chance(0.06):
            return self.generated()
        if self.chance(0.02) and may_key:
            return "SERIAL"
        column_type = self.column_type()
        return column_type + self.attributes(column_type, may_key)

    def position(self, names: list[str]) -> str:
        roll = self.random.random()
        if roll < 0.2:
            return " FIRST"
        if roll < 0.5 and names:
            return f" AFTER {self.quote(self.pick(names))}"
        return ""

    # -- keys

    def key_part(self, column: Column) -> str | None:
        kind = column.data_type
        if kind in ("json", "vector") or kind in [geometry.lower() for geometry in GEOMETRIES] or kind == "geomcollection":
            return None
        if kind.endswith(("text", "blob")):
            return f"{self.quote(column.name)}({self.random.randint(1, 10)})"
        if kind in ("char", "varchar", "binary", "varbinary"):
            if column.char_length == 0 or (column.char_length > 180 and self.chance(0.9)):
                return f"{self.quote(column.name)}(5)" if column.char_length else None
            if column.char_length > 5 and self.chance(0.3):
                return f"{self.quote(column.name)}({self.random.randint(1, column.char_length)})"
        return self.quote(column.name) + self.pick(["", "", "", " ASC", " DESC"])

    def key(self, columns: list[Column], name: str | None = None) -> str | None:
        chosen = self.random.sample(columns, min(len(columns), self.random.randint(1, 3)))
        parts = [part for part in (self.key_part(column) for column in chosen) if part]
        if not parts:
            return None
        kind = self.pick(["PRIMARY KEY", "UNIQUE", "UNIQUE", "UNIQUE KEY", "UNIQUE INDEX", "KEY", "INDEX",
                          "CONSTRAINT cn UNIQUE", "CONSTRAINT PRIMARY KEY"])
        label = "" if "PRIMARY" in kind or self.chance(0.5) else " " + self.quote(name or f"k{self.random.randint(1, 9)}")
        using = self.pick(["", "", " USING BTREE"])
        options = self.pick(["", "", " COMMENT 'k'", " USING BTREE", " KEY_BLOCK_SIZE 8"])
        return f"{kind}{label}{using} ({', '.join(parts)}){options}"

    # -- statements

    def table_options(self) -> str:
        options = [f"COMMENT {self.text('c')}", "COMMENT=''", "ENGINE=InnoDB", "ENGINE InnoDB", "AUTO_INCREMENT = 5",
                   "ROW_FORMAT=DYNAMIC", "CHECKSUM 1", "MAX_ROWS=10", "STATS_PERSISTENT=0"]
        chosen = self.random.sample(options, self.random.randint(0, 2))
        roll = self.random.random()
        if roll < 0.3:
            chosen.append(f"{self.pick(['DEFAULT ', ''])}{self.charset()}")
        elif roll < 0.4:
            chosen.append(f"COLLATE {self.pick(['', '= '])}{self.pick(COLLATIONS)}")
        return self.pick([" ", ", "]).join(chosen)

    def create_table(self) -> str:
        db, name = self.pick(DATABASES), self.pick(TABLES)
        head = "CREATE OR REPLACE TABLE " if self.mariadb and self.chance(0.1) else \
            f"CREATE TABLE {self.pick(['', '', 'IF NOT EXISTS '])}"
        if self.tables and self.chance(0.1):
            model = self.pick(self.tables)
            like = f"LIKE {self.table_name(model.db, model.name)}"
            return f"{head}{self.table_name(db, name)} {self.pick([like, f'({like})'])}"
        names = self.random.sample(NAMES, self.random.randint(1, 8))
        elements = [f"{self.quote(column)} {self.column_body()}" for column in names]
        if self.chance(0.6):
            elements[0] = f"{self.quote(names[0])} {self.pick(['INT', 'BIGINT UNSIGNED', 'SMALLINT'])} " \
                          f"{self.pick(['AUTO_INCREMENT PRIMARY KEY', 'NOT NULL PRIMARY KEY', 'NOT NULL UNIQUE', 'KEY'])}"
        if self.chance(0.3):
            plain = [Column(names[0], "int", "int", False, 0, False)]
            key = self.key(plain)
            if key and "PRIMARY" not in key:
                elements.append(key)
        partition = ""
        if self.chance(0.05):
            partition = " PARTITION BY " + self.pick([f"KEY({self.quote(names[0])}) PARTITIONS 2",
                                                      f"HASH({self.quote(names[0])}) PARTITIONS 3"])
        if self.mariadb and self.has(100304, None) and self.chance(0.05):
            partition = " WITH SYSTEM VERSIONING"
        return f"{head}{self.table_name(db, name)} ({', '.join(elements)}) {self.table_options()}{partition}"

    def clause(self, table: Table) -> str:
        columns = table.columns
        column = self.pick(columns)
        names = [other.name for other in columns]
        free = [name for name in NAMES if name not in names] or ["z9"]
        word = self.pick(["", "COLUMN "])
        roll = self.random.randrange(100)
        if roll < 22:
            exists = "IF NOT EXISTS " if self.mariadb and self.chance(0.3) else ""
            name = self.pick(names) if exists and self.chance(0.5) else self.pick(free)
            return f"ADD {word}{exists}{self.quote(name)} {self.column_body()}{self.position(names)}"
        if roll < 26:
            pair = self.random.sample(free, min(2, len(free)))
            body = ", ".join(f"{self.quote(name)} {self.column_body()}" for name in pair)
            return f"ADD {word}({body})"
        if roll < 36:
            exists = "IF EXISTS " if self.mariadb and self.chance(0.3) else ""
            name = self.pick(free) if exists and self.chance(0.5) else column.name
            return f"DROP {word}{exists}{self.quote(name)}"
        if roll < 50:
            return f"MODIFY {word}{self.quote(column.name)} {self.column_body(False)}{self.position(names)}"
        if roll < 60:
            name = self.pick([column.name, self.pick(free), self.pick(names)])
            return f"CHANGE {word}{self.quote(column.name)} {self.quote(name)} {self.column_body(False)}{self.position(names)}"
        if roll < 68 and self.has(100502, 80003):
            return f"RENAME COLUMN {self.quote(column.name)} TO {self.quote(self.pick(free))}"
        if roll < 73:
            value = self.default(column.column_type.upper()).split(" ON UPDATE")[0]
            if "CURRENT" in value or "NOW" in value:
                return f"ALTER {word}{self.quote(column.name)} DROP DEFAULT"
            return f"ALTER {word}{self.quote(column.name)} {self.pick([f'SET{value}', f'SET{value}', 'DROP DEFAULT'])}"
        if roll < 81:
            return f"ADD {self.key(columns) or 'KEY (' + self.quote(column.name) + ')'}"
        if roll < 85 and table.keys:
            name = self.pick(table.keys)
            return "DROP PRIMARY KEY" if name == "PRIMARY" else f"DROP {self.pick(['INDEX', 'KEY'])} {self.quote(name)}"
        if roll < 87 and table.keys and self.has(100502, 50700):
            return f"RENAME {self.pick(['INDEX', 'KEY'])} {self.quote(self.pick(table.keys))} TO k{self.random.randint(1, 9)}"
        converts = self.version >= 50700 or any(
            other.data_type in ("char", "varchar", "tinytext", "text", "mediumtext", "longtext") for other in columns)
        if roll < 91 and converts:  # MySQL 5.6 forgets it where no column is a text
            collate = ""
            charset = self.pick(CHARSETS)
            if charset == "utf8mb4" and self.chance(0.5):
                collate = " COLLATE utf8mb4_unicode_ci"
            return f"CONVERT TO {self.pick(['CHARACTER SET', 'CHARSET'])} {charset}{collate}"
        if roll < 95:
            return self.pick([f"DEFAULT CHARACTER SET = {self.pick(CHARSETS)}", f"COLLATE {self.pick(COLLATIONS)}",
                              f"COMMENT = {self.text('new')}", f"CHARSET {self.pick(CHARSETS)}"])
        if roll < 97 and self.mariadb and self.has(100304, None):
            return self.pick(["ADD SYSTEM VERSIONING", "DROP SYSTEM VERSIONING"])
        if roll < 98 and self.has(100303, 80023) and not self.mariadb:
            return f"ALTER {word}{self.quote(column.name)} SET {self.pick(['VISIBLE', 'INVISIBLE'])}"
        return self.pick(["FORCE", "ENGINE=InnoDB", f"ORDER BY {self.quote(column.name)}", "ENABLE KEYS", "ALGORITHM=COPY",
                          f"RENAME {self.pick(['TO ', 'AS ', ''])}{self.table_name(self.pick(DATABASES), self.pick(TABLES))}"])

    def swap(self, table: Table) -> str | None:
        """Two columns change names, or a chain of three moves on."""
        if len(table.columns) < 3:
            return None
        one, two, three = self.random.sample(table.columns, 3)
        ring = [one, two] if self.chance(0.5) else [one, two, three]
        targets = ring[1:] + ring[:1]
        if self.has(100502, 80003) and self.chance(0.5):
            return ", ".join(f"RENAME COLUMN {self.quote(old.name)} TO {self.quote(new.name)}"
                             for old, new in zip(ring, targets))
        return ", ".join(f"CHANGE {self.quote(old.name)} {self.quote(new.name)} {self.column_body(False)}"
                         for old, new in zip(ring, targets))

    def chain(self, table: Table) -> str:
        """A column is added and another put behind it, in one statement."""
        free = [name for name in NAMES if name not in [column.name for column in table.columns]][:3]
        if len(free) < 2:
            return "FORCE"
        anchor = self.pick(table.columns).name
        return f"ADD {self.quote(free[0])} INT AFTER {self.quote(anchor)}, " \
               f"ADD {self.quote(free[1])} {self.column_body()} AFTER {self.quote(free[0])}, " \
               f"MODIFY {self.quote(anchor)} {self.column_body(False)} {self.pick(['FIRST', '', 'AFTER ' + self.quote(free[1])])}"

    def alter_table(self) -> str:
        table = self.pick(self.tables)
        roll = self.random.random()
        body = None
        if roll < 0.08:
            body = self.swap(table)
        elif roll < 0.15:
            body = self.chain(table)
        if body is None:
            count = self.pick([1, 1, 1, 2, 2, 3, 4])
            clauses = [self.clause(table) for _ in range(count)]
            # MariaDB leaves a copy of the table there under its old name, where that has a backtick in it.
            if self.mariadb and "`" in table.name:
                clauses = [one for one in clauses if not one.startswith("RENAME ") or
                           one.split()[1] in ("INDEX", "KEY", "COLUMN")] or ["FORCE"]
            body = self.pick([", ", " , ", ","]).join(clauses)
        ignore = self.pick(["", "", "", "IGNORE "]) if self.has(50000, None) or self.version < 50700 else ""
        return f"ALTER {ignore}TABLE {self.table_name(table.db, table.name)} {body}"

    def index(self) -> str:
        table = self.pick(self.tables)
        name = self.table_name(table.db, table.name)
        others = [key for key in table.keys if key != "PRIMARY"]
        if others and self.chance(0.4):
            return f"DROP INDEX {self.quote(self.pick(others))} ON {name}"
        parts = [part for part in (self.key_part(column) for column in self.random.sample(table.columns, 1)) if part]
        if not parts:
            return f"ALTER TABLE {name} FORCE"
        return f"CREATE {self.pick(['UNIQUE ', ''])}INDEX k{self.random.randint(1, 9)} ON {name} ({', '.join(parts)})"

    def rename(self) -> str:
        word = "RENAME TABLE "
        if len(self.tables) > 1 and self.chance(0.5):
            one, two = self.random.sample(self.tables, 2)
            first, second = self.table_name(one.db, one.name), self.table_name(two.db, two.name)
            temporary = self.table_name(one.db, "tmp_swap")
            return f"{word}{first} TO {temporary}, {second} TO {first}, {temporary} TO {second}"
        table = self.pick(self.tables)
        return f"{word}{self.table_name(table.db, table.name)} TO {self.table_name(self.pick(DATABASES), self.pick(TABLES))}"

    def drop(self) -> str:
        chosen = self.random.sample(self.tables, min(len(self.tables), self.pick([1, 1, 2])))
        names = ", ".join(self.table_name(table.db, table.name) for table in chosen)
        exists = self.pick(["", "IF EXISTS "])
        return f"DROP TABLE {exists}{names}{', dm_a.no_such' if exists else ''}{self.pick(['', ' CASCADE', ' RESTRICT'])}"

    def database(self) -> str:
        roll = self.random.random()
        db = self.pick(DATABASES)
        if roll < 0.7:
            return f"ALTER {self.pick(['DATABASE', 'SCHEMA'])} {db} {self.pick(['', 'DEFAULT '])}{self.charset()}"
        if roll < 0.8:
            return f"ALTER DATABASE {db} COLLATE {self.pick(COLLATIONS)}"
        return "CREATE DATABASE IF NOT EXISTS dm_b CHARACTER SET latin1" if roll < 0.9 else \
            f"DROP DATABASE IF EXISTS {self.pick(['dm_b', 'dm_c'])}"

    def statement(self) -> str:
        roll = self.random.randrange(100)
        if not self.tables or (roll < 16 and len(self.tables) < 8):
            return self.noise(self.create_table())
        if roll < 78:
            return self.noise(self.alter_table())
        if roll < 85:
            return self.noise(self.index())
        if roll < 90:
            return self.noise(self.rename())
        if roll < 93:
            return self.noise(self.drop())
        if roll < 95:
            table = self.pick(self.tables)
            return self.noise(f"TRUNCATE {self.pick(['TABLE ', ''])}{self.table_name(table.db, table.name)}")
        return self.noise(self.database())

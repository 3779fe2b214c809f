# SPDX-License-Identifier: Apache-2.0
"""The acceptance scenarios as data: what is there before, what is done, what the warehouse must hold in the end.

They are rebuilt from what Flink CDC's own tests do (facts/flink-cdc.md part 3; docs/acceptance.md says which of them
each one stands for), with expectations of our own where Flink's is a loss. One runner (acceptance.py) plays each of
them plain, with kill -9 at random moments, and with statements of its own at random moments.

Every INSERT names its columns, so that a scenario can be played while columns come and go.
"""

from __future__ import annotations

import dataclasses

SNAPSHOT = {"scan.startup.mode": "initial", "heartbeat.interval": "1s", "scan.incremental.snapshot.chunk.size": 4,
            "scan.snapshot.parallelism": 2}


@dataclasses.dataclass(frozen=True)
class Mark:
    """A moment before the first start: `place`, `gtids` and `millis` of it go into the source's keys as {name.place}."""

    name: str


@dataclasses.dataclass(frozen=True)
class Purge:
    """The binlog's files before a mark's are thrown away; a server does not while a dump of them has not ended."""

    mark: str


@dataclasses.dataclass(frozen=True)
class Whole:
    """Waits until the snapshot of every table is over, as the checkpoint says."""


@dataclasses.dataclass(frozen=True)
class Carried:
    """Waits until all that the source has said is durable at the target."""


@dataclasses.dataclass(frozen=True)
class At:
    """SQL at the target, by somebody else."""

    sql: str


class Ask:
    """What the user asks for with `millrace snapshot`."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments


@dataclasses.dataclass(frozen=True)
class Away:
    """The engine is stopped, `sql` is done, and it is started again, with other keys of the source where some are given."""

    sql: str = ""
    source: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One scenario; `setup` is SQL and marks, `steps` are SQL and the waits above."""

    name: str
    flink: str
    setup: tuple
    steps: tuple = ()
    source: dict = dataclasses.field(default_factory=lambda: dict(SNAPSHOT))
    sink: dict = dataclasses.field(default_factory=dict)
    pipeline: dict = dataclasses.field(default_factory=dict)
    routes: tuple = ()
    equal: tuple = ()  # tables whose target must hold what the source does
    rows: dict = dataclasses.field(default_factory=dict)  # SQL at the target -> its rows
    columns: dict = dataclasses.field(default_factory=dict)  # target table -> names of its columns, in order
    gone: tuple = ()  # tables that the target must not have
    ends: tuple = ()  # exit code with which the engine ends by itself, words of its log
    says: tuple = ()  # words that must be in its log
    refused: tuple = ()  # DDL that the target refuses: the twin's fault, and how often
    kills: bool = True  # may be killed at any moment
    alters: bool = False  # statements of others may come in between
    short: tuple = ()  # (family, warehouse) on which the short run plays it


# -- the tables

NAMES = ("101", "102", "103", "109", "110", "111", "118", "121", "123", *map(str, range(1009, 1020)), "2000")


def customers(table: str, keys=NAMES, key: str = "id INTEGER NOT NULL PRIMARY KEY") -> str:
    rows = ", ".join(f"({number}, 'user_{place}', 'Shanghai', '123567891234')" for place, number in enumerate(keys, 1))
    return (f"CREATE TABLE {table} ({key}, name VARCHAR(255) NOT NULL DEFAULT 'flink', address VARCHAR(1024), "
            f"phone_number VARCHAR(512)); INSERT INTO {table} (id, name, address, phone_number) VALUES {rows};")


PRODUCTS = """
CREATE TABLE products (id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(255) NOT NULL DEFAULT 'flink',
  description VARCHAR(512), weight FLOAT) AUTO_INCREMENT = 101;
INSERT INTO products (name, description, weight) VALUES ('scooter', 'Small 2-wheel scooter', 3.14),
  ('car battery', '12V car battery', 8.1), ('12-pack drill bits', 'sizes from #40 to #3', 0.8),
  ('hammer', '12oz', 0.75), ('hammer', '14oz', 0.875), ('hammer', '16oz', 1.0), ('rocks', 'a box of them', 5.3),
  ('jacket', 'water resistent, black', 0.1), ('spare tire', '24 inch', 22.2);
"""
MEMBERS = """
CREATE TABLE members (id INT NOT NULL PRIMARY KEY, name VARCHAR(17), age INT);
INSERT INTO members (id, name, age) VALUES (1008, 'Alice', 21), (1009, 'Bob', 20), (1010, 'Carol', 19),
  (1011, 'Derrida', 18);
"""
ANCHOR = "CREATE TABLE stays (id INT PRIMARY KEY);"  # a start needs a table that matches
CARDS = ", ".join(f"({number}, '{level}', 'user_{place}', 'a note')" for place, (number, level) in enumerate(
    [(20000 + n, "LEVEL_4") for n in range(1, 5)] + [(20000 + n, "LEVEL_1") for n in range(4, 6)] +
    [(30000 + n, "LEVEL_3") for n in range(1, 7)] + [(40000 + n, "LEVEL_1") for n in range(1, 4)] +
    [(50000 + n, "LEVEL_2") for n in range(1, 4)], 1))
CARTS = ", ".join(f"({number}, 'KIND_{number % 4:03}', 'user_{number % 6}', 'shopping cart {number}')"
                  for number in range(101, 131))

# What MySqlPipelineITCase does to the products, and what comes behind it.
PRODUCT_CHAIN = (
    "ALTER TABLE products CHANGE COLUMN `description` `desc` VARCHAR(255) DEFAULT NULL;",
    "ALTER TABLE products CHANGE COLUMN `desc` `desc2` VARCHAR(400) NULL DEFAULT NULL;",
    "ALTER TABLE products ADD COLUMN `desc1` VARCHAR(45) NULL AFTER `weight`;",
    "ALTER TABLE products ADD COLUMN `col1` VARCHAR(45) NULL AFTER `weight`, ADD COLUMN `col2` VARCHAR(55) NULL AFTER `desc1`;",
    "ALTER TABLE products DROP COLUMN `desc2`, CHANGE COLUMN `desc1` `desc1` VARCHAR(65) NULL DEFAULT NULL;",
    "ALTER TABLE products RENAME COLUMN desc1 TO desc3;", "ALTER TABLE products MODIFY COLUMN `DESC3` VARCHAR(255) NULL;",
    "ALTER TABLE products DROP COLUMN `DESC3`;",
    "INSERT INTO products (name, weight, col1, col2) VALUES ('scooter', 5.5, 'c-10', 'c-20');"
    "INSERT INTO products (name, weight, col1, col2) VALUES ('football', 6.6, 'c-11', 'c-21');",
    "UPDATE products SET col1 = 'c-12', col2 = 'c-22' WHERE id = 110; DELETE FROM products WHERE id = 111;")
PRODUCT_CHANGES = (
    "UPDATE products SET description = '18oz carpenter hammer' WHERE id = 106; UPDATE products SET weight = 5.1 WHERE id = 107;",
    "INSERT INTO products (name, description, weight) VALUES ('jacket', 'water resistent, white', 0.2);",
    "DELETE FROM products WHERE id = 101; INSERT INTO products (name, description) VALUES ('finally', NULL);")
IDS = "SELECT id FROM shop.products ORDER BY id"

STARTUP = (
    Scenario("initial", "AT-P1, AT-D1, AT-D2", (PRODUCTS + customers("customers"),),
             PRODUCT_CHAIN + (Away("UPDATE products SET weight = 9 WHERE id = 102;"), "DELETE FROM customers WHERE id > 1010;"),
             equal=("products", "customers"), alters=True, short=(("mysql97", "doris"),)),
    Scenario("snapshot only", "AT-D3, MySqlSourceITCase", (PRODUCTS + customers("customers"),),
             source=SNAPSHOT | {"scan.startup.mode": "snapshot"}, equal=("products", "customers"), ends=(0, "everything that was read is durable"),
             kills=False),
    Scenario("latest", "AT-P3", (PRODUCTS,), PRODUCT_CHANGES, source={"scan.startup.mode": "latest-offset"},
             rows={IDS: [["106"], ["107"], ["110"], ["111"]]}),
    Scenario("earliest", "AT-P3, MySqlSourceITCase", (PRODUCTS,), PRODUCT_CHANGES, equal=("products",), alters=True,
             source={"scan.startup.mode": "earliest-offset"}),
    Scenario("earliest, of another schema", "AT-R15 (Flink ends with an error)", (PRODUCTS, *PRODUCT_CHAIN[:6]), PRODUCT_CHAIN[6:],
             source={"scan.startup.mode": "earliest-offset"}, equal=("products",), short=(("mariadb", "starrocks"),)),
    Scenario("earliest after a purge", "AT-R13", (PRODUCTS, "FLUSH BINARY LOGS;", Mark("purged"), Purge("purged")),
             PRODUCT_CHANGES, source={"scan.startup.mode": "earliest-offset"}, rows={IDS: [["106"], ["107"], ["110"], ["111"]]}),
    Scenario("a file and an offset", "AT-R13, AT-R15", (PRODUCTS, Mark("here"), *PRODUCT_CHANGES[:2]), PRODUCT_CHANGES[2:],
             source={"scan.startup.mode": "specific-offset", "scan.startup.specific-offset.file": "{here.file}",
                     "scan.startup.specific-offset.pos": "{here.offset}"}, rows={IDS: [["106"], ["107"], ["110"], ["111"]]}),
    Scenario("a GTID set", "AT-R15", (PRODUCTS, Mark("here"), *PRODUCT_CHANGES[:2]), PRODUCT_CHANGES[2:],
             source={"scan.startup.mode": "specific-offset", "scan.startup.specific-offset.gtid-set": "{here.gtids}"},
             rows={IDS: [["106"], ["107"], ["110"], ["111"]]}),
    Scenario("a time, over a rotation", "AT-R13", (PRODUCTS + "SELECT SLEEP(1.1);", Mark("here"), PRODUCT_CHANGES[0],
                                                   "FLUSH BINARY LOGS;", PRODUCT_CHANGES[1]), PRODUCT_CHANGES[2:],
             source={"scan.startup.mode": "timestamp", "scan.startup.timestamp-millis": "{here.millis}"},
             rows={IDS: [["106"], ["107"], ["110"], ["111"]]}),
    Scenario("a drop of a table that is gone", "AT-P8", (PRODUCTS + "CREATE TABLE other (id INT PRIMARY KEY);", Mark("here"),
                                                        "DROP TABLE other; INSERT INTO products (name) VALUES ('late');"),
             source={"scan.startup.mode": "specific-offset", "scan.startup.specific-offset.file": "{here.file}",
                     "scan.startup.specific-offset.pos": "{here.offset}"}, rows={IDS: [["110"]]}, gone=("other",)),
    Scenario("tables left out", "AT-P4, AT-X6", ("CREATE TABLE a (id INT PRIMARY KEY, v INT); CREATE TABLE b LIKE a;"
                                                 "INSERT INTO a (id, v) VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6);"
                                                 "INSERT INTO b (id, v) SELECT id, v FROM a;",),
             ("ALTER TABLE b ADD COLUMN w INT; INSERT INTO b (id, w) VALUES (9, 9);", "INSERT INTO a (id, v) VALUES (9, 9);",
              "DROP TABLE b;"), source=SNAPSHOT | {"tables.exclude": "shop.b"}, equal=("a",), gone=("b",), alters=True),
    Scenario("names that hurt", "AT-P2, AT-X4",
             ("CREATE TABLE `sqlInjection``; DROP TABLE important;--` (id INT PRIMARY KEY, `a b` INT, `c.d` INT, `select` INT);"
              "INSERT INTO `sqlInjection``; DROP TABLE important;--` (id, `a b`, `c.d`, `select`) VALUES (1, 1, 1, 1), (2, 2, 2, 2);"
              "CREATE TABLE important (id INT PRIMARY KEY); INSERT INTO important (id) VALUES (1);",),
             ("UPDATE `sqlInjection``; DROP TABLE important;--` SET `c.d` = 7 WHERE id = 2;",
              "INSERT INTO `sqlInjection``; DROP TABLE important;--` (id, `select`) VALUES (3, 3);"),
             routes=({"source-table": "shop.sql\\.*", "sink-table": "shop.injection"},), equal=("important",),
             rows={"SELECT id, `a b`, `c.d`, `select` FROM shop.injection ORDER BY id":
                   [["1", "1", "1", "1"], ["2", "2", "7", "2"], ["3", "NULL", "NULL", "3"]]}),
)

CHUNKED = (customers("customers") + customers("prefix_customers", NAMES[:4]) +
           customers("even_dist", range(101, 111)) + customers("sparse_dist", (2, 4, 6, 8, 10, 16, 17, 18, 20, 22)) +
           customers("single_line", (7,)) + customers("no_key", NAMES, "id INTEGER NOT NULL") +
           """
CREATE TABLE dense_dist (id1 INT NOT NULL, id2 VARCHAR(255) NOT NULL, name VARCHAR(255), PRIMARY KEY (id1, id2));
INSERT INTO dense_dist (id1, id2, name) VALUES (1, 'a', 'u1'), (1, 'b', 'u2'), (1, 'c', 'u3'), (1, 'd', 'u4'), (2, 'a', 'u5'),
  (2, 'b', 'u6'), (2, 'c', 'u7'), (3, 'a', 'u8'), (3, 'b', 'u9'), (3, 'c', 'u10');
CREATE TABLE customer_card (card_no BIGINT NOT NULL, level VARCHAR(10) NOT NULL, name VARCHAR(255), note VARCHAR(255),
  PRIMARY KEY (card_no, level));
""" + f"INSERT INTO customer_card (card_no, level, name, note) VALUES {CARDS};" + """
CREATE TABLE shopping_cart (product_no INT NOT NULL, product_kind VARCHAR(255) NOT NULL, user_id VARCHAR(255) NOT NULL,
  description VARCHAR(255) NOT NULL, PRIMARY KEY (user_id, product_no, product_kind));
CREATE TABLE evenly_shopping_cart (product_no INT NOT NULL, product_kind VARCHAR(255) NOT NULL, user_id VARCHAR(255) NOT NULL,
  description VARCHAR(255) NOT NULL, PRIMARY KEY (product_kind, product_no, user_id));
""" + "".join(f"INSERT INTO {table} (product_no, product_kind, user_id, description) VALUES {CARTS};"
              for table in ("shopping_cart", "evenly_shopping_cart")) + """
CREATE TABLE cart_big (product_no BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, kind VARCHAR(20));
INSERT INTO cart_big (product_no, kind) VALUES (1, 'a'), (2, 'b'), (9223372036854775807, 'c'), (9223372036854775808, 'd'),
  (18446744073709551613, 'e'), (18446744073709551614, 'f');
CREATE TABLE cart_dec (product_no DECIMAL(10,4) NOT NULL PRIMARY KEY, kind VARCHAR(20));
INSERT INTO cart_dec (product_no, kind) VALUES (123456.1230, 'a'), (123457.1234, 'b'), (123458.1234, 'c'), (123459.1234, 'd'),
  (-0.0001, 'e'), (0, 'f');
CREATE TABLE address (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, country VARCHAR(255), city VARCHAR(255));
INSERT INTO address (id, country, city) VALUES (416874195632735147, 'China', 'Beijing'), (416927583791428523, 'China', 'Beijing'),
  (417022095255614379, 'China', 'Beijing'), (417111867899200427, 'America', 'New York'), (417271541558096811, 'America', 'New York'),
  (417272886855938987, 'America', 'New York'), (417420106184475563, 'Germany', 'Berlin'), (418161258277847979, 'Germany', 'Berlin');
CREATE TABLE multi_max (id VARCHAR(20) CHARACTER SET utf8mb4 NOT NULL PRIMARY KEY, v INT);
INSERT INTO multi_max (id, v) VALUES ('', 1), ('a', 2), ('b', 3), ('c', 4), ('d', 5), ('E', 6);
CREATE TABLE binary_key (id VARBINARY(20) NOT NULL PRIMARY KEY, v INT);
INSERT INTO binary_key (id, v) VALUES (x'00', 1), (x'0001', 2), (x'7f', 3), (x'80', 4), (x'ff', 5), (x'ff00', 6), ('a', 7);
CREATE TABLE nothing (id INT PRIMARY KEY, v INT);
CREATE TABLE unique_key (a INT, code CHAR(5) NOT NULL, UNIQUE KEY (code));
INSERT INTO unique_key (a, code) VALUES (1, 'aa'), (1, 'ab'), (2, 'ba'), (NULL, 'bb'), (3, 'ca'), (3, 'cb');
""")
CHUNK_TABLES = ("customers", "prefix_customers", "even_dist", "sparse_dist", "single_line", "no_key", "dense_dist", "customer_card",
                "shopping_cart", "evenly_shopping_cart", "cart_big", "cart_dec", "address", "multi_max", "binary_key", "nothing", "unique_key")
# Rows change, come and go inside chunks, at their ends, and behind the last one, while they are read.
CHUNK_CHANGES = (
    "UPDATE customers SET address = 'Hangzhou' WHERE id IN (101, 109, 1010, 2000); DELETE FROM customers WHERE id IN (102, 1019);",
    "INSERT INTO customers (id, name) VALUES (1, 'first'), (112, 'between'), (3000, 'last'); UPDATE customers SET id = 4000 WHERE id = 1011;",
    "INSERT INTO no_key (id, name) VALUES (5, 'five'), (5, 'five'); INSERT INTO no_key (id) SELECT id FROM no_key;",
    "UPDATE dense_dist SET id2 = 'z' WHERE id1 = 2 AND id2 = 'b'; INSERT INTO dense_dist (id1, id2) VALUES (0, 'q'), (2, 'aa'), (9, 'w');",
    "UPDATE customer_card SET level = 'LEVEL_9' WHERE level = 'LEVEL_1' AND card_no > 40000; DELETE FROM customer_card WHERE card_no < 20003;",
    "UPDATE shopping_cart SET description = 'changed' WHERE user_id = 'user_3'; DELETE FROM evenly_shopping_cart WHERE product_kind = 'KIND_002';",
    "INSERT INTO cart_big (product_no, kind) VALUES (9223372036854775806, 'g'), (18446744073709551612, 'h'); UPDATE cart_dec SET kind = 'y';",
    "INSERT INTO multi_max (id, v) VALUES ('e1', 8), ('D1', 9); UPDATE multi_max SET v = 50 WHERE id = 'e'; "
    "UPDATE binary_key SET v = 60 WHERE id = x'ff'; INSERT INTO binary_key (id, v) VALUES (x'', 0);",
    "INSERT INTO nothing (id, v) VALUES (1, 1); DELETE FROM single_line WHERE id = 7; INSERT INTO single_line (id, name) VALUES (8, 'n');"
    "UPDATE address SET city = 'Potsdam' WHERE country = 'Germany'; UPDATE unique_key SET code = 'zz' WHERE code = 'ab';")

CHUNKS = tuple(
    Scenario(f"chunks of {size}, {readers} at once", "AT-X1, AT-X2, AT-X3, AT-X4", (CHUNKED,), CHUNK_CHANGES, equal=CHUNK_TABLES,
             source=SNAPSHOT | {"scan.incremental.snapshot.chunk.size": size, "scan.snapshot.parallelism": readers}, alters=True,
             short=short)
    for size, readers, short in ((2, 4, (("mariadb", "doris"),)), (4, 1, ()), (1000, 2, ()))) + (
    Scenario("chunks without changes", "AT-X2", (CHUNKED,), (Whole(),), equal=CHUNK_TABLES),
    Scenario("shards with other columns", "AT-X5",
             ("CREATE TABLE user_1_1 (id INT PRIMARY KEY, name VARCHAR(20), email VARCHAR(30)); INSERT INTO user_1_1 (id, name, email) "
              "VALUES (111, 'a', 'a@x'); CREATE TABLE user_1_2 (id INT PRIMARY KEY, name VARCHAR(20)); INSERT INTO user_1_2 (id, name) "
              "VALUES (121, 'b'); CREATE TABLE user_2_2 (id INT PRIMARY KEY, name VARCHAR(20), age INT); INSERT INTO user_2_2 "
              "(id, name, age) VALUES (221, 'c', 18);",),
             ("INSERT INTO user_1_2 (id, name) VALUES (122, 'd'); UPDATE user_2_2 SET age = 19; UPDATE user_1_1 SET email = NULL;",),
             routes=({"source-table": "shop.user_\\.*", "sink-table": "shop.users"},),
             rows={"SELECT id, name, email, age FROM shop.users ORDER BY id":
                   [["111", "a", "NULL", "NULL"], ["121", "b", "NULL", "NULL"], ["122", "d", "NULL", "NULL"], ["221", "c", "NULL", "19"]]},
             short=(("mariadb", "doris"),)),
)


def addresses(table: str, count: int = 3) -> str:
    rows = ", ".join(f"({417_000_000 + number}, 'China', '{table}', 'town {number}')" for number in range(count))
    return (f"CREATE TABLE {table} (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, country VARCHAR(255), city VARCHAR(255), detail VARCHAR(255));"
            + (f"INSERT INTO {table} (id, country, city, detail) VALUES {rows};" if count else ""))


def touched(table: str, round_number: int) -> str:
    return (f"UPDATE {table} SET city = 'round {round_number}' WHERE id % 2 = 0; INSERT INTO {table} (id, country, city) VALUES "
            f"({417_100_000 + round_number}, 'China', 'new');")


ONLY = "shop.address_hangzhou"
NEW_TABLES = (
    Scenario("one more table", "AT-N2 (added once)", (addresses("address_hangzhou") + addresses("address_beijing"),),
             (Whole(), touched("address_hangzhou", 1), Away(source={"tables": f"{ONLY},shop.address_beijing"}), Whole(),
              touched("address_beijing", 2), touched("address_hangzhou", 2)), source=SNAPSHOT | {"tables": ONLY},
             equal=("address_hangzhou", "address_beijing"), short=(("mariadb", "starrocks"),)),
    Scenario("three more, one after the other", "AT-N1, AT-N2 (twice, three times, one by one)",
             (addresses("address_hangzhou") + addresses("address_beijing") + addresses("address_shanghai") + addresses("address_suzhou"),),
             (touched("address_hangzhou", 1), Away(touched("address_beijing", 1), {"tables": f"{ONLY},shop.address_beijing"}),
              touched("address_beijing", 2), Away(touched("address_shanghai", 1), {"tables": "shop.address_[hbs]h?[ae]\\.*"}),
              touched("address_shanghai", 2), Away(touched("address_hangzhou", 3), {"tables": "shop.address_\\.*"}), Whole(),
              touched("address_suzhou", 4)), source=SNAPSHOT | {"tables": ONLY},
             equal=("address_hangzhou", "address_beijing", "address_shanghai", "address_suzhou")),
    Scenario("the binlog is ahead of the new table", "AT-N2 (binlog already ahead)",
             (addresses("address_hangzhou") + addresses("address_beijing"),),
             (touched("address_hangzhou", 1), touched("address_beijing", 1), Carried(),
              Away("".join(touched(table, number) for number in range(2, 9) for table in ("address_hangzhou", "address_beijing")),
                   {"tables": "shop.address_\\.*"}), touched("address_beijing", 9)), source=SNAPSHOT | {"tables": ONLY},
             equal=("address_hangzhou", "address_beijing")),
    Scenario("an empty one that is filled later", "AT-N2", (addresses("address_hangzhou") + addresses("address_beijing", 0),),
             (Whole(), Away(source={"tables": "shop.address_\\.*"}), touched("address_beijing", 1), touched("address_hangzhou", 1)),
             source=SNAPSHOT | {"tables": ONLY}, equal=("address_hangzhou", "address_beijing")),
    Scenario("a table taken away", "AT-N2 (remove)", (addresses("address_hangzhou") + addresses("address_beijing"),),
             (Whole(), touched("address_beijing", 1), Carried(), Away(source={"tables": ONLY}), touched("address_hangzhou", 2),
              "DELETE FROM address_beijing; ALTER TABLE address_beijing ADD COLUMN x INT;"), source=SNAPSHOT | {"tables": "shop.address_\\.*"},
             equal=("address_hangzhou",), rows={"SELECT COUNT(*) FROM shop.address_beijing": [["4"]]}),
    Scenario("taken away and put back", "AT-N2 (remove and add)", (addresses("address_hangzhou") + addresses("address_beijing"),),
             (Whole(), Carried(), Away(source={"tables": ONLY}), touched("address_hangzhou", 1),
              "INSERT INTO address_beijing (id, city) VALUES (5, 'while away'); UPDATE address_beijing SET city = 'other';", Carried(),
              Away(source={"tables": "shop.address_\\.*"}), touched("address_beijing", 2)),
             source=SNAPSHOT | {"tables": "shop.address_\\.*"}, equal=("address_hangzhou", "address_beijing")),
    Scenario("made while it runs", "AT-N1 (binlog only), AT-P7", (PRODUCTS + "CREATE DATABASE IF NOT EXISTS elsewhere;"
                                                                  "CREATE TABLE IF NOT EXISTS elsewhere.model (id INT PRIMARY KEY, v INT);",),
             ("CREATE TABLE made (id INT, b INT, v DECIMAL(9,3), PRIMARY KEY (b, id)); INSERT INTO made (id, b, v) VALUES (1, 1, 1.5);",
              "CREATE TABLE alike LIKE products; INSERT INTO alike (name, weight) VALUES ('one', 1), ('two', 2);",
              "CREATE TABLE inline_key (id INT NOT NULL PRIMARY KEY, e ENUM('a','b'), s SET('x','y'), j JSON); "
              "INSERT INTO inline_key (id, e, s, j) VALUES (1, 'b', 'x,y', '[1]');",
              "CREATE TABLE foreign_model LIKE elsewhere.model; INSERT INTO foreign_model (id, v) VALUES (1, 2);",
              "CREATE TABLE chosen (PRIMARY KEY (id)) AS SELECT id, name FROM products; UPDATE chosen SET name = 'of a query' WHERE id = 105;",
              "DROP DATABASE elsewhere;"),
             equal=("products", "made", "alike", "inline_key", "foreign_model", "chosen"), alters=True),
    Scenario("excluded although it matches", "AT-N1 (exclusion)", (addresses("address_hangzhou"),),
             (addresses("address_beijing"), addresses("address_shanghai"), touched("address_hangzhou", 1)),
             source=SNAPSHOT | {"tables": "shop.address_\\.*", "tables.exclude": "shop.address_b\\.*"},
             equal=("address_hangzhou", "address_shanghai"), gone=("address_beijing",)),
)

CLUB = ("ALTER TABLE members ADD COLUMN gender TINYINT AFTER age;", "INSERT INTO members (id, name, age, gender) VALUES (1012, 'Eve', 17, 0);",
        "ALTER TABLE members CHANGE COLUMN age precise_age DOUBLE;", "ALTER TABLE members RENAME COLUMN gender TO biological_sex;",
        "ALTER TABLE members DROP COLUMN biological_sex;", "INSERT INTO members (id, name, precise_age) VALUES (1013, 'Fiona', 16);")
CLUB_END = ("TRUNCATE TABLE members; INSERT INTO members (id, name, precise_age) VALUES (1014, 'Gem', 17);", "DROP TABLE members;")
EVE = "SELECT name, age FROM shop.members WHERE id IN (1012, 1013, 1014) ORDER BY id"
MERGED = ("CREATE TABLE m1 (id INT NOT NULL, r INT NOT NULL, v INT, PRIMARY KEY (id)); CREATE TABLE m2 LIKE m1; INSERT INTO m1 "
          "(id, r, v) VALUES (1, 1, 1), (2, 2, 2); INSERT INTO m2 (id, r, v) VALUES (11, 1, 1), (12, 2, 2), (13, 3, 3);")
LONG = "t" + "_long" * 12 + "_x"  # 63 characters: with a suffix it is longer than Doris takes
LENIENT = "SELECT name, age, gender, precise_age, biological_sex FROM shop.members WHERE id > 1011 ORDER BY id"


def behaves(how: str) -> dict:
    return {"schema.change.behavior": how}


EVOLUTION = (
    Scenario("evolve", "AT-S1", (MEMBERS,), (Whole(), *CLUB, CLUB_END[0]), pipeline=behaves("evolve"), equal=("members",),
             columns={"members": ["id", "name", "precise_age"]}, alters=True, short=(("mysql97", "starrocks"),)),
    Scenario("evolve, to the drop", "AT-S1", (MEMBERS + ANCHOR,), (*CLUB, *CLUB_END), gone=("members",), pipeline=behaves("evolve")),
    Scenario("evolve, merged", "AT-S2", (MEMBERS + "CREATE TABLE new_members LIKE members;",), (Whole(), *CLUB, *CLUB_END),
             routes=({"source-table": "shop.\\.*members", "sink-table": "shop.merged"},), pipeline=behaves("evolve"),
             rows={LENIENT.replace("members", "merged"): [["Eve", "17", "0", "NULL", "NULL"], ["Fiona", "NULL", "NULL", "16", "NULL"],
                                                         ["Gem", "NULL", "NULL", "17", "NULL"]]},
             columns={"merged": ["id", "name", "precise_age", "biological_sex", "age", "gender"]}),
    Scenario("evolve, refused", "AT-S3", (MEMBERS,), (Whole(), CLUB[0]), pipeline=behaves("evolve"), refused=("alter_refused", -1),
             ends=(6, "gender"), kills=False),
    Scenario("try_evolve, refused", "AT-S4", (MEMBERS,), (Whole(), *CLUB), pipeline=behaves("try_evolve"), refused=("alter_refused", -1),
             rows={EVE: [["Eve", "17"], ["Fiona", "NULL"]]}, columns={"members": ["id", "name", "age"]},
             says=("The target refuses a schema change",), short=(("mariadb", "doris"),)),
    Scenario("try_evolve", "AT-S4", (MEMBERS,), (Whole(), *CLUB, CLUB_END[0]), pipeline=behaves("try_evolve"), equal=("members",),
             columns={"members": ["id", "name", "precise_age"]}, alters=True),
    Scenario("ignore", "AT-S5", (MEMBERS + ANCHOR,), (Whole(), *CLUB, *CLUB_END), pipeline=behaves("ignore"), columns={"members": ["id", "name", "age"]},
             rows={EVE: [["Eve", "17"], ["Fiona", "NULL"], ["Gem", "NULL"]]}),
    Scenario("exception", "AT-S6", (MEMBERS,), (Whole(), CLUB[0]), pipeline=behaves("exception"),
             ends=(6, "schema.change.behavior is exception"), kills=False),
    Scenario("lenient", "AT-S7", (MEMBERS + ANCHOR,), (Whole(), *CLUB, *CLUB_END), pipeline=behaves("lenient"),
             columns={"members": ["id", "name", "age", "gender", "precise_age", "biological_sex"]},
             rows={LENIENT: [["Eve", "17", "0", "NULL", "NULL"], ["Fiona", "NULL", "NULL", "16", "NULL"], ["Gem", "NULL", "NULL", "17", "NULL"]]}),
    Scenario("evolve without drops", "AT-S8", (MEMBERS + ANCHOR,), (Whole(), *CLUB, *CLUB_END), sink={"exclude.schema.changes": "drop"},
             columns={"members": ["id", "name", "precise_age", "biological_sex"]}, pipeline=behaves("evolve"),
             rows={"SELECT name, precise_age, biological_sex FROM shop.members": [["Gem", "17", "NULL"]]}),
    Scenario("evolve, only columns that come", "AT-S8", (MEMBERS,), (Whole(), *CLUB, CLUB_END[0]), sink={"include.schema.changes": "add.column"},
             columns={"members": ["id", "name", "age", "gender"]}, pipeline=behaves("evolve"),
             rows={"SELECT name, age, gender FROM shop.members WHERE id > 1011 ORDER BY id":
                   [["Eve", "17", "0"], ["Fiona", "NULL", "NULL"], ["Gem", "NULL", "NULL"]]}),
    Scenario("lenient, under another name", "AT-S9", (MEMBERS + ANCHOR,), (Whole(), *CLUB, *CLUB_END), pipeline=behaves("lenient"),
             routes=({"source-table": "shop.members", "sink-table": "shop.redirect"},),
             rows={LENIENT.replace("members", "redirect"): [["Eve", "17", "0", "NULL", "NULL"], ["Fiona", "NULL", "NULL", "16", "NULL"],
                                                           ["Gem", "NULL", "NULL", "17", "NULL"]]}),
    Scenario("lenient, a column that comes again", "ours", (MEMBERS,),
             (Whole(), "ALTER TABLE members DROP COLUMN age;", "UPDATE members SET name = 'Al' WHERE id = 1008;",
              "ALTER TABLE members ADD COLUMN age INT DEFAULT 5;", "INSERT INTO members (id, name, age) VALUES (1020, 'Zed', 60);",
              "UPDATE members SET age = 22 WHERE id = 1009;"), pipeline=behaves("lenient"), equal=("members",)),
    Scenario("a sandwich's life", "AT-D5", (PRODUCTS,),
             ("INSERT INTO products (name) VALUES ('cheese');", "ALTER TABLE products ADD COLUMN extras INT;",
              "INSERT INTO products (name, extras) VALUES ('blt', 17);", "ALTER TABLE products RENAME COLUMN extras TO extra_col;",
              "INSERT INTO products (name, extra_col) VALUES ('cheeseburger', 18);", "ALTER TABLE products MODIFY COLUMN extra_col DOUBLE;",
              "INSERT INTO products (name, extra_col) VALUES ('fries', 19.5);", "ALTER TABLE products DROP COLUMN extra_col;",
              "INSERT INTO products (name) VALUES ('mac');", "TRUNCATE TABLE products;", "INSERT INTO products (name) VALUES ('pasta');"),
             rows={"SELECT id, name FROM shop.products": [["1", "pasta"]]}, equal=("products",), alters=True),
    Scenario("older rows of a new column", "ours", (MEMBERS,),
             ("ALTER TABLE members ADD COLUMN a INT NOT NULL DEFAULT 7, ADD COLUMN b VARCHAR(9) DEFAULT 'it''s' FIRST, "
              "ADD COLUMN c DECIMAL(9,3) DEFAULT 1.5 AFTER name, ADD COLUMN d DATETIME(3) DEFAULT '2020-02-29 01:02:03.456';",
              "INSERT INTO members (id, name) VALUES (1, 'new');", "ALTER TABLE members MODIFY COLUMN d DATETIME(3) FIRST;",
              "UPDATE members SET a = 8 WHERE id = 1009;"), equal=("members",), alters=True),
    Scenario("another key", "ours (Flink says nothing)", ("CREATE TABLE a (id INT NOT NULL PRIMARY KEY, r INT NOT NULL, v INT);"
                                                        "INSERT INTO a (id, r, v) VALUES (1, 1, 1), (2, 1, 2), (3, 4, 3), (4, 4, 4), (5, 5, 5);",),
             ("ALTER TABLE a DROP PRIMARY KEY, ADD PRIMARY KEY (id, r); INSERT INTO a (id, r, v) VALUES (1, 2, 3);",
              "DELETE FROM a WHERE r = 4; ALTER TABLE a ADD COLUMN w INT DEFAULT 3; INSERT INTO a (id, r, v) VALUES (9, 9, 9);",
              "ALTER TABLE a DROP PRIMARY KEY, ADD PRIMARY KEY (r, id);", "UPDATE a SET id = 77 WHERE v = 2;"), equal=("a",)),
    Scenario("merged tables, one with another key", "ours", (MERGED,), (Whole(), "ALTER TABLE m1 DROP PRIMARY KEY, ADD PRIMARY KEY (id, r);"),
             routes=({"source-table": "shop.m\\.*", "sink-table": "shop.members"},), kills=False,
             ends=(4, "they must have one and the same key")),
    Scenario("merged tables, made anew together", "ours", (MERGED,),
             (Whole(), "INSERT INTO m1 (id, r, v) VALUES (3, 3, 3);", Carried(), At("INSERT INTO shop.members (id, r, v) VALUES (99, 9, 9)"),
              Ask("--tables", "shop.m1", "--rebuild"), "UPDATE m1 SET v = 10 WHERE id = 1; UPDATE m2 SET v = 20 WHERE id = 11; DELETE FROM m2 "
              "WHERE id = 13;", "CREATE TABLE m3 LIKE m1; INSERT INTO m3 (id, r, v) VALUES (21, 1, 1);", Whole(), "UPDATE m3 SET v = 30;"),
             routes=({"source-table": "shop.m\\.*", "sink-table": "shop.members"},), says=("took its target's place",),
             rows={"SELECT id, r, v FROM shop.members ORDER BY id": [["1", "1", "10"], ["2", "2", "2"], ["3", "3", "3"], ["11", "1", "20"],
                                                                    ["12", "2", "2"], ["21", "1", "30"]]}, short=(("mariadb", "starrocks"),)),
    Scenario("a target with a long name, made anew", "ours", (f"CREATE TABLE {LONG} (id INT PRIMARY KEY, v INT); INSERT INTO {LONG} (id, v) "
                                                            "VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5);",),
             (Whole(), Carried(), At(f"INSERT INTO shop.{LONG} (id, v) VALUES (99, 9)"), Ask("--tables", f"shop.{LONG}", "--rebuild"),
              f"INSERT INTO {LONG} (id, v) VALUES (6, 6);", Whole()), equal=(LONG,), says=("took its target's place",)),
)

SWAPS = ("CREATE TABLE a (id INT PRIMARY KEY, v INT, w INT); CREATE TABLE b (id INT PRIMARY KEY, t VARCHAR(5));"
         "INSERT INTO a (id, v, w) VALUES (1, 1, 1), (2, 2, 2); INSERT INTO b (id, t) VALUES (3, 'three'), (4, 'four');")
GH_OST = ("CREATE TABLE _members_ghc (id BIGINT UNSIGNED AUTO_INCREMENT, hint VARCHAR(64) CHARACTER SET ascii NOT NULL, PRIMARY KEY (id));",
          "INSERT INTO _members_ghc (hint) VALUES ('state'); CREATE TABLE _members_gho LIKE members;",
          "ALTER TABLE _members_gho ADD COLUMN c INT DEFAULT 9 AFTER id, MODIFY COLUMN age BIGINT;",
          "INSERT IGNORE INTO _members_gho (id, name, age) SELECT id, name, age FROM members;")
GH_OST_SWAP = ("CREATE TABLE _members_del (id INT AUTO_INCREMENT PRIMARY KEY) COMMENT = 'ghost-cut-over-sentry'; DROP TABLE _members_del;",
               "RENAME TABLE members TO _members_del, _members_gho TO members;", "DROP TABLE _members_ghc; DROP TABLE _members_del;")
PT_OSC = ("CREATE TABLE _members_new LIKE members; ALTER TABLE _members_new ADD COLUMN c INT DEFAULT 9 AFTER id, MODIFY COLUMN age BIGINT;",
          "CREATE TRIGGER pt_osc_ins AFTER INSERT ON members FOR EACH ROW REPLACE INTO _members_new (id, name, age) VALUES "
          "(NEW.id, NEW.name, NEW.age);", "INSERT IGNORE INTO _members_new (id, name, age) SELECT id, name, age FROM members;",
          "INSERT INTO members (id, name, age) VALUES (1030, 'by trigger', 3);")
HELPERS = ("_members_ghc", "_members_gho", "_members_del", "_members_new", "_members_old")

RESTORE = (
    Scenario("a cut inside a transaction", "AT-R14", (customers("customers"),),
             ("BEGIN; INSERT INTO customers (id, name) VALUES (201, 'a'), (202, 'b'), (203, 'c'); UPDATE customers SET name = 'x' WHERE id < 110; "
              "DELETE FROM customers WHERE id = 202; INSERT INTO customers (id, name) VALUES (204, 'd'); COMMIT;",
              Away("BEGIN; UPDATE customers SET id = id + 10000 WHERE id > 1008; DELETE FROM customers WHERE id = 203; COMMIT;"),
              "UPDATE customers SET address = 'after';"), equal=("customers",), alters=True),
    Scenario("only what came later", "AT-R13 (restore)", (PRODUCTS,), (Carried(), PRODUCT_CHANGES[0], Away(PRODUCT_CHANGES[1]),
                                                                     Away(PRODUCT_CHANGES[2]), Away()),
             source={"scan.startup.mode": "latest-offset"}, rows={IDS: [["106"], ["107"], ["110"], ["111"]]}),
    Scenario("names swapped while away", "AT-O2", (SWAPS,),
             (Whole(), "UPDATE a SET v = 10;", Away("RENAME TABLE a TO t, b TO a, t TO b; INSERT INTO a (id, t) VALUES (5, 'five');"
                                                   "INSERT INTO b (id, v, w) VALUES (6, 6, 6);"),
              "ALTER TABLE b DROP COLUMN w; INSERT INTO b (id, v) VALUES (7, 7);",
              Away("RENAME TABLE a TO t, b TO a, t TO b; INSERT INTO a (id, v) VALUES (8, 8); INSERT INTO b (id, t) VALUES (9, 'nine');")),
             equal=("a", "b")),
    Scenario("columns change while away", "AT-R13, AT-P7", (MEMBERS,),
             (Whole(), Away(CLUB[0] + CLUB[1]), CLUB[2], Away(CLUB[3] + CLUB[4] + CLUB[5]), "UPDATE members SET name = 'X' WHERE id = 1008;",
              Away("TRUNCATE TABLE members; INSERT INTO members (id, precise_age) VALUES (1, 0.5); DROP TABLE members; " + MEMBERS)),
             equal=("members",), alters=True),
    Scenario("gh-ost", "AT-O1", (MEMBERS,), (*GH_OST[:2], Away(GH_OST[2]), GH_OST[3], "INSERT INTO members (id, name, age) VALUES (1020, 'x', 1);"
                                            "INSERT INTO _members_gho (id, name, age) VALUES (1020, 'x', 1);", Away(), *GH_OST_SWAP,
                                            "INSERT INTO members (id, c) VALUES (1021, 77);"),
             equal=("members",), gone=HELPERS, short=(("mysql97", "doris"),)),
    Scenario("gh-ost, given up", "AT-O1", (MEMBERS,), (*GH_OST, Away(), "DROP TABLE _members_gho; DROP TABLE _members_ghc;",
                                                      "INSERT INTO members (id, name, age) VALUES (1020, 'x', 1);"),
             equal=("members",), gone=HELPERS, columns={"members": ["id", "name", "age"]}),
    Scenario("pt-online-schema-change", "AT-O1", (MEMBERS,),
             (*PT_OSC, Away("INSERT INTO members (id, name) VALUES (1031, 'y');"), "RENAME TABLE members TO _members_old, _members_new TO members;",
              "DROP TABLE _members_old;", "INSERT INTO members (id, c) VALUES (1032, 5);"), equal=("members",), gone=HELPERS),
    Scenario("pt-online-schema-change, given up", "AT-O1", (MEMBERS,), (*PT_OSC, "DROP TRIGGER pt_osc_ins; DROP TABLE _members_new;",
                                                                       "INSERT INTO members (id, name) VALUES (1031, 'y');"),
             equal=("members",), gone=HELPERS),
)

GROUPS = {"startup modes": STARTUP, "chunk distribution": CHUNKS, "newly added tables": NEW_TABLES, "schema evolution": EVOLUTION,
          "restore": RESTORE}
ALL = tuple(scenario for group in GROUPS.values() for scenario in group)
assert len({scenario.name for scenario in ALL}) == len(ALL)

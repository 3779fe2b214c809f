# SPDX-License-Identifier: Apache-2.0
"""Schema changes on their way to the warehouse: each behaviour of Flink CDC's, refusals, crashes, merged tables.

The scenario is that of Flink's own tests (facts/flink-cdc.md 3.3): a member of a club, a column that comes, changes
its type, gets another name and goes, a truncation and a drop.
"""

import time

import pytest

from conftest import FAST, PASSWORD, Source
from engine import Killer, run
from events import SINK

SCENARIO = ["ALTER TABLE members ADD COLUMN gender TINYINT AFTER age;",
            "INSERT INTO members VALUES (1012, 'Eve', 17, 0);",
            "ALTER TABLE members MODIFY COLUMN age DOUBLE;",
            "ALTER TABLE members RENAME COLUMN age TO precise_age;",
            "ALTER TABLE members RENAME COLUMN gender TO biological_sex;",
            "ALTER TABLE members DROP COLUMN biological_sex;",
            "INSERT INTO members VALUES (1013, 'Fiona', 16);"]
CREATE = "CREATE TABLE members (id INT PRIMARY KEY, name VARCHAR(17), age INT); INSERT INTO members VALUES " \
         "(1008, 'Alice', 21), (1009, 'Bob', 20);"


def columns(twin, table="shop.members"):
    return [row[0] for row in twin.client().rows(f"DESCRIBE {table}")]


def cells(twin, names, row, table="shop.members"):
    return twin.client().rows(f"SELECT {names} FROM {table} WHERE id = {row}")


@pytest.fixture
def club(mariadb, twin, engine):
    """club(behaviour, sink keys) runs the scenario; gives when all of it is at the target."""
    def play(behaviour, more=None, statements=tuple(SCENARIO), **pipeline):
        mariadb.query(CREATE)
        engine.write(mariadb.block() | {"scan.startup.mode": "initial"}, twin.sink("20ms") | (more or {}),
                     {"schema.change.behavior": behaviour, **pipeline})
        engine.start().until_log("The snapshot is complete")
        for statement in statements:
            mariadb.query(statement)
        engine.until_carried(mariadb.place())
    return play


def test_evolve(club, mariadb, twin, engine, must_be_equal):
    club("evolve")
    assert columns(twin) == ["id", "name", "precise_age"]
    must_be_equal(mariadb, twin, engine, ["members"])
    mariadb.query("TRUNCATE members; INSERT INTO members VALUES (1014, 'Gem', 17);")
    must_be_equal(mariadb, twin, engine, ["members"])
    mariadb.query("DROP TABLE members;")
    engine.until_carried(mariadb.place())
    assert ["members"] not in twin.client().rows("SHOW TABLES FROM shop")
    assert engine.stop() == 0


def test_a_stop_between_two_steps(mariadb, doris, engine):
    """In a start from before the table was made the target is ahead of it: one step of two is made. The next start goes on."""
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(10)); INSERT INTO t VALUES (1, 1, '2024-01-01');"
                  "ALTER TABLE t DROP COLUMN a, MODIFY COLUMN b DATE;")
    engine.write(mariadb.block(), doris.sink("20ms"), {"schema.change.behavior": "evolve"})
    engine.start()
    assert engine.wait() != 0 and columns(doris, "shop.t") == ["id", "b"], engine.log_tail()
    engine.write(mariadb.block(), doris.sink("20ms"), {"schema.change.behavior": "try_evolve"})
    engine.start()
    mariadb.query("INSERT INTO t (id) VALUES (2);")
    engine.until_carried(mariadb.place())
    assert doris.client().rows("SELECT id FROM shop.t ORDER BY id") == [["1"], ["2"]]
    assert engine.stop() == 0


def test_older_rows_of_columns_that_are_calculated(mariadb, doris, engine, must_be_equal):
    """The statement does not say what older rows hold: they are read again. One whose default is told costs nothing."""
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1), (2, 2), (3, NULL);")
    engine.write(mariadb.block() | {"scan.startup.mode": "initial"}, doris.sink("20ms"))
    engine.start().until_log("The snapshot is complete", 60)
    mariadb.query("ALTER TABLE t ADD COLUMN told INT DEFAULT 5; UPDATE t SET v = 9 WHERE id = 2;")
    engine.until_carried(mariadb.place())
    assert "read again" not in engine.log()
    mariadb.query("ALTER TABLE t ADD COLUMN twice INT AS (v * 2) VIRTUAL, ADD COLUMN made DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6);"
                  "INSERT INTO t (id, v) VALUES (4, 4); UPDATE t SET v = 7 WHERE id = 1;")
    engine.until_log("The snapshot is complete", 60, 2)
    must_be_equal(mariadb, doris, engine, ["t"])
    assert engine.stop() == 0


def test_lenient(club, mariadb, twin, engine):
    club("lenient")
    mariadb.query("TRUNCATE members; INSERT INTO members VALUES (1014, 'Gem', 17); DROP TABLE members;")
    engine.until_carried(mariadb.place())
    assert columns(twin) == ["id", "name", "age", "gender", "precise_age", "biological_sex"]
    assert cells(twin, "name, age, gender, precise_age, biological_sex", 1013) == [
        ["Fiona", "NULL", "NULL", "16", "NULL"]]
    assert cells(twin, "age, gender", 1012) == [["17", "0"]]
    assert cells(twin, "name", 1014) == [["Gem"]]
    assert engine.stop() == 0


def test_ignore(club, mariadb, twin, engine):
    club("ignore")
    assert columns(twin) == ["id", "name", "age"]
    assert cells(twin, "name, age", 1012) == [["Eve", "17"]]
    assert cells(twin, "name, age", 1013) == [["Fiona", "NULL"]]
    assert engine.stop() == 0
    mariadb.query("INSERT INTO members VALUES (1015, 'Hal', 30);")  # what is left out is known after a restart
    engine.start().until_carried(mariadb.place())
    assert cells(twin, "name, age", 1015) == [["Hal", "NULL"]]
    assert engine.stop() == 0


def test_exception(club, mariadb, twin, engine):
    mariadb.query(CREATE)
    engine.write(mariadb.block() | {"scan.startup.mode": "initial"}, twin.sink("20ms"),
                 {"schema.change.behavior": "exception"})
    engine.start().until_log("The snapshot is complete")
    mariadb.query(SCENARIO[0])
    assert engine.wait() == 6
    assert "schema.change.behavior is exception" in engine.log() and "gender" in engine.log()


def test_lists_of_kinds(club, twin, engine):
    club("evolve", {"exclude.schema.changes": "drop"})
    assert columns(twin) == ["id", "name", "precise_age", "biological_sex"]
    assert cells(twin, "name, precise_age, biological_sex", 1013) == [["Fiona", "16", "NULL"]]
    assert engine.stop() == 0


def test_a_word_that_means_nothing(mariadb, doris, engine):
    engine.write(mariadb.block(), doris.sink() | {"include.schema.changes": "add.colum"})
    done = run("check", str(engine.file))
    assert done.returncode == 2 and b"add.colum" in done.stderr


def test_merged_tables_lose_nothing(mariadb, twin, engine):
    """Two tables into one target: what one of them drops or truncates is the other's too."""
    mariadb.query("CREATE TABLE m1 (id INT PRIMARY KEY, name VARCHAR(9), age INT); CREATE TABLE m2 LIKE m1;"
                  "INSERT INTO m1 VALUES (1, 'a', 1); INSERT INTO m2 VALUES (2, 'b', 2);")
    engine.write(mariadb.block() | {"scan.startup.mode": "initial"}, twin.sink("20ms"),
                 routes=[{"source-table": "shop.m\\.*", "sink-table": "shop.members"}])
    engine.start().until_log("The snapshot is complete")
    mariadb.query("ALTER TABLE m1 ADD COLUMN extra INT DEFAULT 5; ALTER TABLE m2 ADD COLUMN extra INT DEFAULT 5;"
                  "INSERT INTO m1 VALUES (3, 'c', 3, 33); ALTER TABLE m1 DROP COLUMN age; TRUNCATE m2;"
                  "INSERT INTO m1 VALUES (4, 'd', 44); DROP TABLE m2;")
    engine.until_carried(mariadb.place())
    assert columns(twin) == ["id", "name", "age", "extra"]
    assert cells(twin, "name, age, extra", 4) == [["d", "NULL", "44"]]
    assert cells(twin, "name", 2) == [["b"]]
    assert engine.stop() == 0


def test_tables_that_are_renamed(mariadb, twin, engine, must_be_equal):
    """The target follows the name; a swap of two names is one of their targets."""
    mariadb.query("CREATE TABLE a (id INT PRIMARY KEY, v INT); CREATE TABLE b (id INT PRIMARY KEY, w VARCHAR(5));"
                  "INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (2, 'two');")
    engine.write(mariadb.block() | {"scan.startup.mode": "initial"}, twin.sink("20ms"))
    engine.start().until_log("The snapshot is complete")
    mariadb.query("RENAME TABLE a TO c; INSERT INTO c VALUES (3, 3);")
    must_be_equal(mariadb, twin, engine, ["b", "c"])
    mariadb.query("RENAME TABLE b TO t, c TO b, t TO c; INSERT INTO c VALUES (4, 'four'); INSERT INTO b VALUES (5, 5);")
    must_be_equal(mariadb, twin, engine, ["b", "c"])
    assert engine.stop() == 0


def test_a_comment_that_the_target_cannot_take(mariadb, twin_of, engine):
    """Words are no reason to stop."""
    twin = twin_of("starrocks", options=["--version", "3.2.4"])
    engine.write(mariadb.block(), twin.sink("20ms"))
    mariadb.query("CREATE TABLE members (id INT PRIMARY KEY, name VARCHAR(17));")
    engine.start().until_log("The pipeline runs.")
    mariadb.query("INSERT INTO members VALUES (1, 'Alice'); ALTER TABLE members MODIFY COLUMN name VARCHAR(17) COMMENT 'hers';"
                  "INSERT INTO members VALUES (2, 'Bob');")
    engine.until_carried(mariadb.place())
    assert cells(twin, "name", 2) == [["Bob"]]
    engine.until_log("The target does not take the new comment", 60)
    assert engine.stop() == 0


def test_another_key_is_rebuilt(mariadb, twin, engine, must_be_equal):
    mariadb.query("CREATE TABLE a (id INT NOT NULL PRIMARY KEY, r INT NOT NULL, v INT);"
                  "INSERT INTO a VALUES (1, 1, 1), (2, 1, 2);")
    engine.write(mariadb.block() | {"scan.startup.mode": "initial"}, twin.sink("20ms"))
    engine.start().until_log("The snapshot is complete")
    mariadb.query("ALTER TABLE a DROP PRIMARY KEY, ADD PRIMARY KEY (id, r); INSERT INTO a VALUES (1, 2, 3);")
    engine.until_log("took its target's place")
    must_be_equal(mariadb, twin, engine, ["a"])
    assert engine.stop() == 0


def test_kills_between_statements(mariadb, twin, engine, rng, must_be_equal):
    """kill -9 at random moments of a row of schema changes."""
    mariadb.query(CREATE)
    engine.write(mariadb.block() | {"scan.startup.mode": "initial"}, twin.sink("20ms"))
    engine.start().until(lambda: (engine.show() or {"tables": []})["tables"], 60, "a checkpoint")
    killer = Killer(engine, rng)
    killer.start()
    for number in range(8):
        mariadb.query(f"ALTER TABLE members ADD COLUMN x{number} INT DEFAULT {number}, ADD COLUMN y{number} VARCHAR(5);"
                      f"INSERT INTO members (id, name) VALUES ({2000 + number}, 'n');"
                      f"ALTER TABLE members RENAME COLUMN y{number} TO z{number}; UPDATE members SET x{number} = 7;")
        if number % 3 == 2:
            mariadb.query(f"ALTER TABLE members DROP COLUMN z{number}; SELECT SLEEP(0.4);")
    killer.halt()
    must_be_equal(mariadb, twin, engine, ["members"])
    assert killer.kills >= 1
    assert engine.stop() == 0


def test_statements_in_the_middle(mariadb, twin, engine, rng, must_be_equal):
    """Columns come and go, a table is truncated and one is dropped while their rows are being read."""
    mariadb.query("CREATE TABLE a (id INT PRIMARY KEY, v INT, w VARCHAR(20)); CREATE TABLE b LIKE a; "
                  "CREATE TABLE c LIKE a; INSERT INTO a SELECT seq, seq, 'x' FROM seq_1_to_4000; "
                  "INSERT INTO b SELECT * FROM a; INSERT INTO c SELECT * FROM a;")
    engine.write(mariadb.block() | {"scan.startup.mode": "initial"} | {"scan.incremental.snapshot.chunk.size": 20}, twin.sink("50ms"))
    engine.start().until(lambda: (engine.show() or {"tables": []})["tables"], 60, "a checkpoint")
    for number in range(6):
        time.sleep(rng.random() / 4)
        mariadb.query(f"ALTER TABLE a ADD COLUMN n{number} INT DEFAULT {number}; INSERT INTO a (id, v) VALUES "
                      f"({5000 + number}, 1); UPDATE a SET v = v + 1 WHERE id % 50 = {number};")
    mariadb.query("TRUNCATE b; INSERT INTO b VALUES (1, 1, 'y'); DROP TABLE c; ALTER TABLE a DROP COLUMN n1;")
    engine.until_log("The snapshot is complete", 60)
    must_be_equal(mariadb, twin, engine, ["a", "b"])
    assert engine.stop() == 0


def test_dropped_while_it_is_rebuilt(mariadb, doris, engine, must_be_equal):
    """The target that was to be replaced goes as well: another table under the name has another key and other rows."""
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL); INSERT INTO t VALUES (1, 1), (2, 2);")
    engine.write(mariadb.block() | {"scan.startup.mode": "initial"}, doris.sink("20ms"))
    engine.start().until_log("The snapshot is complete", 60)
    mariadb.query("ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (id, a); DROP TABLE t;"
                  "CREATE TABLE t (a INT PRIMARY KEY, id INT); INSERT INTO t VALUES (3, 3);")
    must_be_equal(mariadb, doris, engine, ["t"])
    assert doris.client().rows("SHOW TABLES FROM shop") == [["t"]]
    assert engine.stop() == 0


@pytest.mark.parametrize("statements", [
    "ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (id, a); RENAME TABLE t TO moved; INSERT INTO moved VALUES (3, 3);",
    "ALTER TABLE t RENAME TO moved, DROP PRIMARY KEY, ADD PRIMARY KEY (id, a); INSERT INTO moved VALUES (3, 3);"],
    ids=["behind", "with"])
def test_renamed_while_it_is_rebuilt(mariadb, doris, engine, must_be_equal, statements):
    """The target that is to be replaced takes the new name as well: nothing is left under the old one."""
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL); INSERT INTO t VALUES (1, 1), (2, 2);")
    engine.write(mariadb.block() | {"scan.startup.mode": "initial"}, doris.sink("20ms"))
    engine.start().until_log("The snapshot is complete", 60)
    mariadb.query(statements)
    engine.until_log("A table was read anew and took its target's place", 60)
    must_be_equal(mariadb, doris, engine, ["moved"])
    assert doris.client().rows("SHOW TABLES FROM shop") == [["moved"]]
    assert engine.stop() == 0


def test_stopped_between_the_renamings_of_two_targets(mariadb, doris, engine, must_be_equal):
    """The new target has the new name, the old one cannot take it yet: the next start still knows that the table is rebuilt."""
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL); INSERT INTO t VALUES (1, 1), (2, 2);")
    engine.write(mariadb.block() | {"scan.startup.mode": "initial"}, doris.sink("20ms"))
    engine.start().until_log("The snapshot is complete", 60)
    doris.client().rows("CREATE TABLE shop.moved (x INT NOT NULL) UNIQUE KEY(x) DISTRIBUTED BY HASH(x) BUCKETS 1 PROPERTIES ('replication_num' = '1')")
    mariadb.query("ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (id, a); RENAME TABLE t TO moved; INSERT INTO moved VALUES (3, 3);")
    assert engine.wait() == SINK, engine.log_tail()
    assert ["moved__millrace_new"] in doris.client().rows("SHOW TABLES FROM shop")
    doris.client().rows("DROP TABLE shop.moved")
    engine.start().until_log("A table was read anew and took its target's place", 60)
    must_be_equal(mariadb, doris, engine, ["moved"])
    assert doris.client().rows("SHOW TABLES FROM shop") == [["moved"]]
    assert engine.stop() == 0


@pytest.mark.long
def test_names_that_the_server_makes_lower_case(start_server, twin, engine, must_be_equal):
    """lower_case_table_names=1: statements name tables as their writers like, the binlog and the target in lower case."""
    server = start_server("mariadb", [*FAST, "--lower-case-table-names=1"])
    server.query(f"CREATE USER millrace@'%' IDENTIFIED BY '{PASSWORD}'; GRANT {server.reader_grants} ON *.* TO millrace@'%';")
    source = Source(server, "SHOP")
    source.query("CREATE TABLE Products (ID INT PRIMARY KEY, Name VARCHAR(20)); INSERT INTO PRODUCTS VALUES (1, 'one');"
                 "CREATE TABLE OLD_Ones (ID INT PRIMARY KEY);")
    engine.write(source.block() | {"tables": "shop.\\.*", "scan.startup.mode": "initial"}, twin.sink("20ms"))
    engine.start().until_log("The snapshot is complete", 60)
    source.query("ALTER TABLE PRODUCTS ADD COLUMN Extra INT DEFAULT 7; INSERT INTO ProductS VALUES (2, 'two', 2);"
                 "ALTER TABLE Shop.products CHANGE NAME Title VARCHAR(30); UPDATE PRODUCTS SET TITLE = 'uno' WHERE ID = 1;"
                 "RENAME TABLE PRODUCTS TO Goods; INSERT INTO GOODS VALUES (3, 'three', 3); DROP TABLE Old_ONES;"
                 "CREATE TABLE NEWS LIKE Goods; INSERT INTO News SELECT * FROM goods; TRUNCATE Goods;"
                 "INSERT INTO gOODS VALUES (4, 'four', 4); ALTER TABLE GOODS DROP COLUMN EXTRA;")
    source.database = "shop"
    must_be_equal(source, twin, engine, ["goods", "news"])
    assert sorted(twin.client().rows("SHOW TABLES FROM shop")) == [["goods"], ["news"]]
    assert columns(twin, "shop.goods") == ["ID", "Title"]
    assert engine.stop() == 0


SEQUENCES = """CREATE SEQUENCE s2 INCREMENT 2; SELECT NEXTVAL(s2); CREATE SEQUENCE IF NOT EXISTS s2; ALTER SEQUENCE s2 RESTART 100;
    SELECT SETVAL(s2, 500); CREATE OR REPLACE SEQUENCE s2 START 9; SELECT NEXTVAL(s2); RENAME TABLE s2 TO s3; SELECT NEXTVAL(s3);
    ALTER TABLE s3 RENAME TO s4; SELECT NEXTVAL(s4); CREATE TABLE s5 LIKE s4; SELECT NEXTVAL(s5); DROP SEQUENCE s4; DROP TABLE s5;
    CREATE OR REPLACE SEQUENCE replaced; SELECT NEXTVAL(replaced);
    CREATE TABLE copy SELECT * FROM s; INSERT INTO copy SELECT * FROM s;
    INSERT INTO t (n) VALUES (8);"""


def sequences_are_no_tables(mariadb, doris, engine, metadata, must_be_equal):
    """Their states are in the binlog as rows of tables, which a copy of one is."""
    before = mariadb.server.value("SELECT @@GLOBAL.binlog_row_metadata")
    mariadb.server.query(f"SET GLOBAL binlog_row_metadata = '{metadata}'")
    try:
        mariadb.query("CREATE SEQUENCE s; CREATE TABLE t (id BIGINT PRIMARY KEY DEFAULT NEXTVAL(s), n INT); INSERT INTO t (n) VALUES (7);"
                      "CREATE TABLE replaced (id INT PRIMARY KEY); INSERT INTO replaced VALUES (1);")
        engine.write(mariadb.block() | {"scan.startup.mode": "initial"}, doris.sink("20ms"))
        engine.start().until_log("The pipeline runs.", 60)
        mariadb.query(SEQUENCES)
        must_be_equal(mariadb, doris, engine, ["t", "copy"])
        assert engine.stop() == 0
        mariadb.query("SELECT NEXTVAL(s); INSERT INTO t (n) VALUES (9);")
        engine.start()
        must_be_equal(mariadb, doris, engine, ["t", "copy"])
    finally:
        mariadb.server.query(f"SET GLOBAL binlog_row_metadata = '{before}'")
    told = [line for line in engine.log().splitlines() if "is a SEQUENCE and is not captured" in line]
    assert len(told) == 3 and '"table":"s"' in told[0], "s alone, then s and the one that took the place of a table"
    assert doris.client().rows("SHOW TABLES FROM shop") == [["copy"], ["t"]]
    assert '"level":"error"' not in engine.log(), engine.log()
    assert run("snapshot", str(engine.file), "--tables", "shop.s").returncode == 0
    engine.until_log("Views and SEQUENCEs are no tables", 60)
    assert engine.stop() == 0
    checked = run("check", str(engine.file))
    assert b"shop.s is a SEQUENCE and is not captured." in checked.stdout, checked
    compared = run("compare", str(engine.file), "--tables", "shop.s")
    assert compared.returncode != 0 and b"Views and SEQUENCEs are no tables" in compared.stderr, compared


@pytest.mark.costly
@pytest.mark.parametrize("metadata", ["FULL", "MINIMAL", "NO_LOG"])
def test_sequences_are_no_tables(mariadb, doris, engine, metadata, must_be_equal):
    sequences_are_no_tables(mariadb, doris, engine, metadata, must_be_equal)


FOLDS = [("doris", "lower_case_table_names=1"), ("doris", "lower_case_table_names=2"),
         ("starrocks", "enable_table_name_case_insensitive=true")]


@pytest.mark.costly
@pytest.mark.parametrize("product, setting", FOLDS)
def test_a_cluster_that_folds_names(mariadb, twin_of, engine, must_be_equal, product, setting):
    """A table with capital letters is refused in words, at its creation and at its renaming; a route helps."""
    twin = twin_of(product, options=["--version", "4.0.6" if product == "starrocks" else "2.1.8", "--variable", setting])
    mariadb.query("CREATE TABLE Orders (id INT PRIMARY KEY); CREATE TABLE plain (id INT PRIMARY KEY); INSERT INTO Orders VALUES (1);")
    engine.write(mariadb.block(), twin.sink("20ms"))
    assert engine.start().wait(60) != 0
    assert "table shop.Orders could be taken for another one" in engine.log_tail() and setting.split("=")[0] in engine.log_tail()
    assert "`sink-table: shop.orders`" in engine.log_tail()
    engine.write(mariadb.block(), twin.sink("20ms"), None, [{"source-table": "shop.Orders", "sink-table": "shop.orders"}])
    engine.start()
    mariadb.query("INSERT INTO plain VALUES (1);")
    engine.until_carried(mariadb.place())
    assert twin.client().rows("SELECT id FROM shop.orders") == [["1"]]
    mariadb.query("RENAME TABLE plain TO Plain;")
    assert engine.wait() != 0
    assert "table shop.Plain could be taken for another one" in engine.log_tail()
